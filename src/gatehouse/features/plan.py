"""What windows need of an event, as whole numbers: hashes of keys and values, conditions that hold, amounts.

Every carrier of windowed features starts from these, so that text, expressions and types have one meaning for all.
"""

import functools
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.errors import Faults
from gatehouse.expressions import CompiledSet, Expression, Place, read_expression
from gatehouse.features.windows import MOST_AMOUNT, TEXT_HASH, Declaration, Distinct, RepeatShare, Sum
from gatehouse.features.words import meaning_of
from gatehouse.text.hashing import hash64

Columns = Mapping[str, pa.Array]

ORDER = pa.schema(
    [
        pa.field("row", pa.int64(), nullable=False, metadata={"meaning": "Which event this is, within one run."}),
        pa.field("id", pa.string(), nullable=False),
        pa.field("place", pa.int64(), nullable=False, metadata={"meaning": "Its place in a log; 0 in a file."}),
        pa.field("seen", pa.int64(), nullable=False, metadata={"meaning": "Its own time."}),
        pa.field(
            "known",
            pa.int64(),
            nullable=False,
            metadata={"meaning": "When the history learnt of it: the latest time seen up to it."},
        ),
    ]
)
"""The columns of coded events that say who comes after whom: by `known`, then `place`, then `id`."""

_FEW_ROWS = 32
"""Batches up to this size have their conditions asked row by row, which costs less than setting out columns."""

_MIX = np.uint64(0x9E3779B97F4A7C15)


def code_name(columns: Sequence[str]) -> str:
    """The name of the coded column that stands for these columns together."""
    return "k_" + "_and_".join(columns)


def amount_name(column: str) -> str:
    """The name of the coded column that holds this column's amounts."""
    return f"a_{column}"


@dataclass(frozen=True)
class Plan:
    """The windows that are computed together, and the coded columns that they share.

    `codes` are the combinations of columns that are keys or values, `filters` the conditions (the one at place i is
    coded as `f_i`), `amounts` the columns that are summed.
    """

    declarations: tuple[Declaration, ...]
    filters: tuple[Expression, ...]

    @classmethod
    def of(cls, declarations: Iterable[Declaration], inputs: pa.Schema) -> "Plan":
        """The plan of checked declarations over these input columns.

        Raises UserError with every fault of their conditions.
        """
        known = tuple(declarations)
        filters: dict[str, Expression] = {}
        faults = Faults()
        for said in known:
            if said.where is not None and said.where not in filters:
                with faults.gather():
                    place = Place.of(said.where, f"the condition of '{said.name}'")
                    filters[said.where] = read_expression(said.where, inputs, place)
        faults.raise_found()
        return cls(known, tuple(filters.values()))

    @functools.cached_property
    def codes(self) -> tuple[tuple[str, ...], ...]:
        """Each combination of columns that is a key or a value, once."""
        wanted: list[tuple[str, ...]] = []
        for said in self.declarations:
            wanted += [said.key, said.counted]
            if isinstance(said, Distinct | RepeatShare):
                wanted.append(said.of)
        return tuple(dict.fromkeys(wanted))

    @functools.cached_property
    def amounts(self) -> tuple[str, ...]:
        """Each column that is summed, once."""
        return tuple(dict.fromkeys(said.of for said in self.declarations if isinstance(said, Sum)))

    def filter_name(self, said: Declaration) -> str | None:
        """The coded column that tells whether an event is counted; None where all are."""
        if said.where is None:
            return None
        return f"f_{[condition.text for condition in self.filters].index(said.where)}"

    @functools.cached_property
    def coded(self) -> pa.Schema:
        """The schema of coded events: ORDER, then int64 codes and amounts (null: not known) and int8 conditions."""
        codes = [pa.field(code_name(columns), pa.int64()) for columns in self.codes]
        filters = [pa.field(f"f_{i}", pa.int8(), nullable=False) for i in range(len(self.filters))]
        amounts = [pa.field(amount_name(column), pa.int64()) for column in self.amounts]
        return pa.schema([*ORDER, *codes, *filters, *amounts])

    @functools.cached_property
    def schema(self) -> pa.Schema:
        """The windows' own columns: BIGINT, and DOUBLE for shares, each with its meaning."""
        return pa.schema(
            [
                pa.field(said.name, kind_of(said), metadata={"meaning": said.meaning or meaning_of(said)})
                for said in self.declarations
            ]
        )

    @functools.cached_property
    def _inputs(self) -> tuple[str, ...]:
        """The columns of events and features that coding reads."""
        return tuple(dict.fromkeys([*self._hashed, *self.amounts, *self._conditions.used]))

    @functools.cached_property
    def _hashed(self) -> frozenset[str]:
        return frozenset(_input(name) for names in self.codes for name in names)

    @functools.cached_property
    def _conditions(self) -> CompiledSet:
        return CompiledSet(self.filters)

    def code(self, events: pa.RecordBatch, features: pa.RecordBatch, first_row: int = 0) -> pa.RecordBatch:
        """Coded events, in the order given, each known when it was seen; `features` are their own columns and scores.

        Rows are numbered from `first_row`.
        """
        columns = {name: _column(name, features, events) for name in self._inputs}
        n = len(events)
        order = [
            pa.array(np.arange(first_row, first_row + n)),
            events.column("id"),
            pa.array(np.zeros(n, np.int64)),
            events.column("seen"),
            events.column("seen"),
        ]
        texts = {name: _text(column) for name, column in columns.items() if name in self._hashed}
        codes = [_code([texts[_input(name)] for name in names]) for names in self.codes]
        amounts = [_amount(columns[name]) for name in self.amounts]
        return pa.RecordBatch.from_arrays([*order, *codes, *self._filters(columns, n), *amounts], schema=self.coded)

    def _filters(self, columns: Columns, n: int) -> Iterator[pa.Array]:
        if not self.filters:
            return
        true = np.zeros((len(self.filters), n), np.int8)
        used = self._conditions.used
        if not used or n <= _FEW_ROWS:
            values = zip(*(columns[name].to_pylist() for name in used), strict=True) if used else [()] * n
            for row, known in enumerate(values):
                true[self._conditions.row(known)[0], row] = 1
        else:
            batch = pa.RecordBatch.from_arrays([columns[name] for name in used], list(used))
            true[:] = self._conditions.columns(batch)[0]
        yield from (pa.array(one) for one in true)

    def nothing_known(self, n: int) -> pa.RecordBatch:
        """The windows of n events about which nothing is known: all NULL."""
        return pa.RecordBatch.from_arrays([pa.nulls(n, field.type) for field in self.schema], schema=self.schema)


def kind_of(said: Declaration) -> pa.DataType:
    """The type of a window's values."""
    return pa.float64() if isinstance(said, RepeatShare) else pa.int64()


def in_log_order(coded: pa.RecordBatch, clock: int, first_place: int) -> pa.RecordBatch:
    """Coded events that stand in the order of a log, each known when the log came to it.

    `clock` is the latest time seen before them (int64 microseconds), `first_place` the place of the first one.
    """
    known = np.maximum.accumulate(np.concatenate([[clock], coded.column("seen").to_numpy()]))[1:]
    places = np.arange(first_place, first_place + len(coded))
    new = {"known": pa.array(known, pa.int64()), "place": pa.array(places)}
    columns = [new.get(name, column) for name, column in zip(coded.schema.names, coded.columns, strict=True)]
    return pa.RecordBatch.from_arrays(columns, schema=coded.schema)


def _column(name: str, features: pa.RecordBatch, events: pa.RecordBatch) -> pa.Array:
    """The column of this name; what both hold (`language`) is the features' word."""
    place = features.schema.get_field_index(name)
    return features.column(place) if place >= 0 else events.column(name)


def _input(name: str) -> str:
    """The column that a key or value is read from."""
    return "normalised" if name == TEXT_HASH else name


def _text(column: pa.Array) -> pa.Array:
    return column if pa.types.is_string(column.type) else column.cast(pa.string())


def _code(values: Sequence[pa.Array]) -> pa.Array:
    """One int64 from 0 on for each combination of values; null where one of them is.

    The top bit is given up because DuckDB packs whole numbers by their range, which must not overflow.
    """
    hashed: npt.NDArray[np.uint64] = hash64(values[0])
    for place, value in enumerate(values[1:], start=1):
        hashed = (hashed ^ (hashed >> np.uint64(31))) * _MIX + hash64(value, seed=place)
    unknown = [value.is_null().to_numpy(zero_copy_only=False) for value in values if value.null_count]
    return pa.array((hashed >> np.uint64(1)).view(np.int64), mask=np.logical_or.reduce(unknown) if unknown else None)


def _amount(column: pa.Array) -> pa.Array:
    known = column.fill_null(0) if column.null_count else column
    amounts = known.to_numpy().clip(-MOST_AMOUNT, MOST_AMOUNT)
    return pa.array(amounts, mask=column.is_null().to_numpy(zero_copy_only=False) if column.null_count else None)
