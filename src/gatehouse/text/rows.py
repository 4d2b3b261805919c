"""Rows of named columns that are Arrow's or Python's, whichever is at hand: for few rows either costs more to make
than to read."""

import functools
from collections.abc import Mapping, Sequence
from typing import Any

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
    """Rows of one schema, given as a batch, as its columns or as values; the others are made when first asked for.

    `values` are by name, None where NULL.
    """

    def __init__(
        self,
        schema: pa.Schema,
        n: int,
        *,
        columns: Sequence[pa.Array] | None = None,
        values: Values | None = None,
        texts: Mapping[str, TextBytes] | None = None,
    ) -> None:
        self.schema = schema
        self._n = n
        self._columns = columns
        self._values = values
        self._texts = dict(texts or {})

    @classmethod
    def of(cls, batch: pa.RecordBatch) -> "Rows":
        """The rows of a batch."""
        rows = cls(batch.schema, len(batch))
        rows.batch = batch
        return rows

    def __len__(self) -> int:
        return self._n

    @property
    def few(self) -> bool:
        """Whether they are better read value by value."""
        return self._n <= FEW

    @property
    def plain(self) -> bool:
        """Whether few rows are at hand as Python's values."""
        return self.few and self._values is not None

    @property
    def columns(self) -> Sequence[pa.Array]:
        """The columns in the schema's order."""
        if self._columns is None and "batch" in self.__dict__:
            self._columns = self.batch.columns
        elif self._columns is None:
            values = self.values
            self._columns = arrays_of([(str(field.type), values[field.name]) for field in self.schema])
        return self._columns

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
        if "batch" in self.__dict__:
            return self.batch.column(name)
        if self._columns is None:
            return pa.array(self.values[name], self.schema.field(name).type)
        return self.by_name[name]

    @property
    def values(self) -> Values:
        """The columns as Python's values."""
        if self._values is None:
            self._values = {name: column.to_pylist() for name, column in self.by_name.items()}
        return self._values

    def one(self, name: str) -> Sequence[Any]:
        """One column as Python's values; only it is read."""
        if self._values is not None:
            return self._values[name]
        values: Sequence[Any] = self.column(name).to_pylist()
        return values

    def nulls(self, name: str) -> npt.NDArray[np.int64]:
        """The rows in which a column is NULL, int64."""
        if self._values is not None:
            return np.array([row for row, value in enumerate(self._values[name]) if value is None], np.int64)
        column = self.column(name)
        return np.flatnonzero(column.is_null()) if column.null_count else np.empty(0, np.int64)

    def texts(self, name: str) -> TextBytes:
        """A text column laid out as bytes, once for all who read it."""
        found = self._texts.get(name)
        if found is None:
            made = text_bytes(self.by_name[name]) if self._values is None else bytes_of(self._values[name])
            found = self._texts[name] = made
        return found

    def take(self, places: Sequence[int]) -> "Rows":
        """Some of the rows, in this order."""
        if self._values is None:
            return Rows.of(self.batch.take(pa.array(places, pa.int64())))
        values = {name: [column[place] for place in places] for name, column in self._values.items()}
        return Rows(self.schema, len(places), values=values)
