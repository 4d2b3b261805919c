"""Rows of named columns that are Arrow's or Python's, whichever is at hand: for few rows either costs more to make
than to read."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.records.event import arrays_of
from gatehouse.text.arrow import TextBytes, bytes_of, text_bytes

Values = Mapping[str, Sequence[Any]]
"""Columns by name as Python's values, None where NULL."""

FEW = 32
"""Batches up to this size are kept as Python's values, and made into Arrow's where somebody needs these."""


class Rows:
    """Rows of one schema; each column is given as Arrow's or as values, and the other is made when first asked for.

    `arrays` and `values` are by name, the latter None where NULL; whoever gives all as values gives them in the
    schema's order.
    """

    _all_read: Values | None = None
    _among: "tuple[Rows, Sequence[int]] | None" = None

    def __init__(
        self,
        schema: pa.Schema,
        n: int,
        *,
        arrays: Mapping[str, pa.Array] | None = None,
        values: Values | None = None,
        texts: Mapping[str, TextBytes] | None = None,
    ) -> None:
        self.schema = schema
        self._n = n
        self._arrays = dict(arrays) if arrays else {}
        self._all_read = values if values is not None and len(values) == len(schema) else None
        # To what is whole nothing is ever added.
        self._read = cast(dict[str, Sequence[Any]], values) if self._all_read is not None else dict(values or {})
        self._texts = dict(texts) if texts else {}

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> "Rows":
        """The rows of a batch."""
        # Past the questions of `__init__`, which take as long again: for one row that counts.
        rows = cls.__new__(cls)
        rows.schema, rows._n, rows.batch = batch.schema, len(batch), batch
        rows._arrays, rows._read, rows._texts = {}, {}, {}
        return rows

    def __len__(self) -> int:
        return self._n

    def __contains__(self, name: str) -> bool:
        return name in self._read or name in self._arrays or self.schema.get_field_index(name) >= 0

    @property
    def few(self) -> bool:
        """Whether they are better read value by value."""
        return self._n <= FEW

    @property
    def plain(self) -> bool:
        """Whether few rows are at hand as Python's values."""
        return self.few and (self._all_read is not None or (self._among is not None and self._among[0].plain))

    @functools.cached_property
    def columns(self) -> Sequence[pa.Array]:
        """The columns in the schema's order."""
        if "batch" in self.__dict__:
            held: Sequence[pa.Array] = self.batch.columns
            return held
        if self._among is not None:
            return [self.column(name) for name in self.schema.names]
        lacking = [field for field in self.schema if field.name not in self._arrays]
        made = arrays_of([(str(field.type), self._read[field.name]) for field in lacking])
        self._arrays |= zip((field.name for field in lacking), made, strict=True)
        return [self._arrays[name] for name in self.schema.names]

    @functools.cached_property
    def batch(self) -> pa.RecordBatch:
        """The rows as a batch."""
        return pa.RecordBatch.from_arrays(self.columns, schema=self.schema)

    @functools.cached_property
    def by_name(self) -> dict[str, pa.Array]:
        """The columns by their names."""
        return dict(zip(self.schema.names, self.columns, strict=True))

    def column(self, name: str) -> pa.Array:
        """One column as Arrow's; only it is made."""
        if "by_name" in self.__dict__:
            return self.by_name[name]
        if "batch" in self.__dict__:
            return self.batch.column(name)
        found = self._arrays.get(name)
        if found is None:
            if self._among is not None:
                whole, places = self._among
                found = whole.column(name).take(pa.array(places, pa.int64()))
            else:
                found = pa.array(self._read[name], self.schema.field(name).type)
            self._arrays[name] = found
        return found

    @property
    def values(self) -> Values:
        """The columns as Python's values."""
        if self._all_read is None:
            if "batch" in self.__dict__:
                _ = self.by_name  # all at once take less than one by one
            self._all_read = {name: self.one(name) for name in self.schema.names}
        return self._all_read

    def one(self, name: str) -> Sequence[Any]:
        """One column as Python's values; only it is read."""
        found = self._read.get(name)
        if found is None:
            if self._among is not None:
                whole, places = self._among
                said = whole.one(name)
                found = [said[place] for place in places]
            else:
                found = self.column(name).to_pylist()
            self._read[name] = found
        return found

    def several(self, names: Sequence[str]) -> list[Sequence[Any]]:
        """Columns as Python's values, in this order."""
        read = self._all_read
        return [self.one(name) for name in names] if read is None else [read[name] for name in names]

    def nulls(self, name: str) -> npt.NDArray[np.int64]:
        """The rows in which a column is NULL, int64."""
        if (read := self._read.get(name)) is not None:
            return np.array([row for row, value in enumerate(read) if value is None], np.int64)
        column = self.column(name)
        return np.flatnonzero(column.is_null()) if column.null_count else np.empty(0, np.int64)

    def texts(self, name: str) -> TextBytes:
        """A text column laid out as bytes, once for all who read it."""
        found = self._texts.get(name)
        if found is None:
            read = self._read.get(name)
            found = self._texts[name] = text_bytes(self.column(name)) if read is None else bytes_of(read)
        return found

    def with_columns(self, schema: pa.Schema, arrays: Mapping[str, pa.Array]) -> "Rows":
        """The rows with these columns and, of their own, with the others that a schema names."""
        whole = self.by_name if "batch" in self.__dict__ or self._among else self._arrays
        names = [name for name in schema.names if name not in arrays]
        held = {name: whole[name] for name in names if name in whole}
        read = {name: self._read[name] for name in names if name in self._read}
        return Rows(schema, self._n, arrays={**held, **arrays}, values=read, texts=self._texts)

    def take(self, places: Sequence[int]) -> "Rows":
        """Some of the rows, in this order; of what is never asked for nothing is taken."""
        taken = Rows(self.schema, len(places))
        taken._among = (self, places)
        return taken
