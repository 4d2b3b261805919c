"""What windows need of an event, as whole numbers: hashes of keys and values, conditions that hold, amounts.

Every carrier of windowed features starts from these, so that text, expressions and types have one meaning for all.
"""

import functools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gatehouse.errors import Faults
from gatehouse.expressions import CompiledSet, Expression, Place, read_expression
from gatehouse.features.arrays import rows_of
from gatehouse.features.windows import MOST_AMOUNT, TEXT_HASH, Declaration, Distinct, RepeatShare, Sum
from gatehouse.features.words import meaning_of
from gatehouse.text.arrow import TextBytes, bytes_of, text_bytes
from gatehouse.text.hashing import hash_bytes, hash_one
from gatehouse.text.rows import Rows, Values

Columns = Mapping[str, pa.Array]
Known = npt.NDArray[np.bool_]

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
    def _hashed(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(_input(name) for names in self.codes for name in names))

    @functools.cached_property
    def _conditions(self) -> CompiledSet:
        return CompiledSet(self.filters)

    def code(self, events: pa.RecordBatch, features: pa.RecordBatch, first_row: int = 0) -> pa.RecordBatch:
        """Coded events, in the order given, each known when it was seen; `features` are their own columns and scores.

        Rows are numbered from `first_row`.
        """
        return self.code_columns(events, {name: _column(name, features, events) for name in self._inputs}, first_row)

    def code_rows(self, events: Rows, own: Rows, scores: Values, first_row: int = 0) -> pa.RecordBatch:
        """The same of rows, with the scores by name; what neither they nor the own columns hold is the events' own."""
        if not events.few:
            columns = {name: pa.array(values, pa.int64()) for name, values in scores.items()}
            return self.code_columns(events.batch, {**own.by_name, **columns}, first_row)
        n, known = len(events), {**events.values, **own.values, **scores}
        whole = np.empty((3 + len(self.codes) + len(self.amounts), n), np.int64)
        there = np.ones(whole.shape, np.bool_)
        whole[0], whole[1], whole[2] = np.arange(first_row, first_row + n), 0, known["seen"]
        hashed = bytes_of([text for name in self._hashed for text in _as_texts(known[name])])
        end = 3 + len(self.codes)
        code_all(hashed.data, hashed.offsets, hashed.valid, *self._parts, whole[3:end], there[3:end])
        for place, name in enumerate(self.amounts, end):
            whole[place] = [0 if one is None else max(-MOST_AMOUNT, min(MOST_AMOUNT, one)) for one in known[name]]
            there[place] = [one is not None for one in known[name]]
        filters = np.zeros((len(self.filters), n), np.int8)
        used = self._conditions.used
        for row, values in enumerate(zip(*(known[name] for name in used), strict=True) if used else [()] * n):
            filters[self._conditions.row(values)[0], row] = 1
        rows, places, seen, *made = rows_of(whole, there)
        order = [rows, pa.array(known["id"], pa.string()), places, seen, seen]
        codes, amounts = made[: len(self.codes)], made[len(self.codes) :]
        return pa.RecordBatch.from_arrays(
            [*order, *codes, *(rows_of(filters) if self.filters else ()), *amounts], schema=self.coded
        )

    @functools.cached_property
    def _parts(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
        """For each code the places of its columns among those that are hashed, one code's behind another's."""
        places = [[self._hashed.index(_input(name)) for name in names] for names in self.codes]
        firsts = np.cumsum([0, *map(len, places)])
        return firsts, np.array([place for one in places for place in one], np.int64)

    def code_columns(self, events: pa.RecordBatch, features: Columns, first_row: int = 0) -> pa.RecordBatch:
        """The same with features by name; what they do not hold is the events' own."""
        columns = {name: events.column(name) if (own := features.get(name)) is None else own for name in self._inputs}
        n = len(events)
        seen = events.column("seen")
        rows, places = rows_of(np.array([np.arange(first_row, first_row + n), np.zeros(n, np.int64)]))
        order = [rows, events.column("id"), places, seen, seen]
        texts = {name: text_bytes(_text(column)) for name, column in columns.items() if name in self._hashed}
        coded = [_code([texts[_input(name)] for name in names]) for names in self.codes]
        coded += [_amount(columns[name]) for name in self.amounts]
        made = rows_of(*(np.array(one) for one in zip(*coded, strict=True))) if coded else []
        codes, amounts = made[: len(self.codes)], made[len(self.codes) :]
        filters = rows_of(self._filters(columns, n)) if self.filters else []
        return pa.RecordBatch.from_arrays([*order, *codes, *filters, *amounts], schema=self.coded)

    def _filters(self, columns: Columns, n: int) -> npt.NDArray[np.int8]:
        """Whether each condition holds, [conditions, n]."""
        true = np.zeros((len(self.filters), n), np.int8)
        used = self._conditions.used
        if not used or n <= _FEW_ROWS:
            values = zip(*(columns[name].to_pylist() for name in used), strict=True) if used else [()] * n
            for row, known in enumerate(values):
                true[self._conditions.row(known)[0], row] = 1
        else:
            batch = pa.RecordBatch.from_arrays([columns[name] for name in used], list(used))
            true[:] = self._conditions.columns(batch)[0]
        return true

    def nothing_known(self, n: int) -> pa.RecordBatch:
        """The windows of n events about which nothing is known: all NULL."""
        return pa.RecordBatch.from_arrays(self.nulls(n), schema=self.schema)

    def nulls(self, n: int) -> list[pa.Array]:
        """The same as columns."""
        made = {kind: pa.nulls(n, kind) for kind in (pa.int64(), pa.float64())}
        return [made[kind] for kind in self.schema.types]


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


def _as_texts(values: Sequence[Any]) -> Sequence[str | None]:
    """Values of one type as Arrow writes them."""
    if all(value is None or type(value) is str for value in values):
        return values
    written: list[str | None] = pa.array(values).cast(pa.string()).to_pylist()
    return written


@njit(cache=True, nogil=True)
def code_all(data, offsets, valid, firsts, places, codes, known):  # type: ignore[no-untyped-def]
    """Fill each code and whether it is known, both [codes, n], as `_code` gives them, of texts laid out by columns."""
    n = codes.shape[1]
    for code in range(len(codes)):
        for row in range(n):
            hashed = np.uint64(0)
            known[code, row] = True
            for part in range(firsts[code], firsts[code + 1]):
                text = places[part] * n + row
                one = hash_one(data, offsets[text], offsets[text + 1], np.uint64(part - firsts[code]))
                hashed = (hashed ^ (hashed >> np.uint64(31))) * _MIX + one if part > firsts[code] else one
                known[code, row] &= valid[text]
            codes[code, row] = np.int64(hashed >> np.uint64(1))


def _code(values: Sequence[TextBytes]) -> tuple[npt.NDArray[np.int64], Known]:
    """One int64 from 0 on for each combination of values, which is not known where one of them is not.

    The top bit is given up because DuckDB packs whole numbers by their range, which must not overflow.
    """
    hashed, known = hash_bytes(values[0]), values[0].valid
    for place, value in enumerate(values[1:], start=1):
        hashed = (hashed ^ (hashed >> np.uint64(31))) * _MIX + hash_bytes(value, seed=place)
        known = known & value.valid
    return (hashed >> np.uint64(1)).view(np.int64), known


def _amount(column: pa.Array) -> tuple[npt.NDArray[np.int64], Known]:
    known = column.is_valid().to_numpy(zero_copy_only=False)
    amounts = (column.fill_null(0) if column.null_count else column).to_numpy()
    return amounts.clip(-MOST_AMOUNT, MOST_AMOUNT), known
