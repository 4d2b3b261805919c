"""What windows need of an event, as whole numbers: hashes of keys and values, conditions that hold, amounts.

Every carrier of windowed features starts from these, so that text, expressions and types have one meaning for all.
"""

import functools
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gatehouse.errors import Faults
from gatehouse.expressions import CompiledSet, Expression, Place, read_expression
from gatehouse.features.arrays import rows_of
from gatehouse.features.windows import MOST_AMOUNT, TEXT_HASH, Declaration, Distinct, RepeatShare, Sum
from gatehouse.features.words import meaning_of
from gatehouse.text.arrow import TextBytes, bytes_of, joined, text_bytes
from gatehouse.text.hashing import hash_one
from gatehouse.text.rows import FEW, Rows, Values

Cells = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

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
    def names(self) -> tuple[str, ...]:
        """The windows' names."""
        return tuple(said.name for said in self.declarations)

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
        return self.coded_of(Rows.of(events), Rows.of(features), {}, first_row).batch

    def code_rows(self, events: Rows, own: Rows, scores: Values, first_row: int = 0) -> pa.RecordBatch:
        """The same of rows, with the scores by name."""
        return self.coded_of(events, own, scores, first_row).batch

    def coded_of(self, events: Rows, own: Rows, scores: Values, first_row: int = 0) -> "Coded":
        """The same in memory; what neither scores nor own columns hold (`language` is theirs) is the events' own."""
        n, end = len(events), len(self.codes)
        values = np.zeros((end + len(self.filters) + len(self.amounts), n), np.int64)
        known = np.ones(values.shape, np.bool_)
        given = _Given(events, own, scores)
        hashed = self._texts(given, events.few)
        code_all(hashed.data, hashed.offsets, hashed.valid, *self._parts, values[:end], known[:end])
        self._ask(given, values[end : end + len(self.filters)])
        for place, name in enumerate(self.amounts, end + len(self.filters)):
            values[place], known[place] = _amount(given.column(name))
        seen = np.array(events.one("seen") if events.few else events.column("seen"), np.int64)
        return Coded(self, events, seen, values, known, first_row)

    def _texts(self, given: "_Given", few: bool) -> TextBytes:
        """What is hashed, column by column."""
        if few:
            return bytes_of([text for name in self._hashed for text in _as_texts(given.one(name))])
        return joined([given.texts(name) for name in self._hashed])

    def _ask(self, given: "_Given", true: Cells) -> None:
        """Whether each condition holds: 1 is written into [conditions, n] where it does."""
        used, n = self._conditions.used, true.shape[1]
        if not used or n <= FEW:
            rows = zip(*(given.one(name) for name in used), strict=True) if used else [()] * n
            for row, values in enumerate(rows):
                true[self._conditions.row(values)[0], row] = 1
        else:
            batch = pa.RecordBatch.from_arrays([given.column(name) for name in used], list(used))
            true[:] = self._conditions.columns(batch)[0]

    @functools.cached_property
    def _parts(self) -> tuple[Cells, Cells]:
        """For each code the places of its columns among those that are hashed, one code's behind another's."""
        places = [[self._hashed.index(_input(name)) for name in names] for names in self.codes]
        firsts = np.cumsum([0, *map(len, places)])
        return firsts, np.array([place for one in places for place in one], np.int64)

    def nothing_known(self, n: int) -> pa.RecordBatch:
        """The windows of n events about which nothing is known: all NULL."""
        return pa.RecordBatch.from_arrays(self.nulls(n), schema=self.schema)

    def nulls(self, n: int) -> list[pa.Array]:
        """The same as columns."""
        made = {kind: pa.nulls(n, kind) for kind in (pa.int64(), pa.float64())}
        return [made[kind_of(said)] for said in self.declarations]


@dataclass(frozen=True, eq=False)
class Coded:
    """Events coded for a plan, in rows of memory; `batch` has them as Arrow's.

    `values` are int64 and `known` (not NULL) bool, both [columns, n] in the order of the plan's codes, conditions and
    amounts. `seen` are the events' times, int64 [n], and `events` hold at least their `id`.
    """

    plan: Plan
    events: Rows
    seen: Cells
    values: Cells
    known: Flags
    first_row: int = 0

    @functools.cached_property
    def batch(self) -> pa.RecordBatch:
        """The columns of the plan's `coded`, in the order given, each known when it was seen."""
        n, first = len(self.seen), len(self.plan.codes)
        stop = first + len(self.plan.filters)
        order = np.array([np.arange(self.first_row, self.first_row + n), np.zeros(n, np.int64), self.seen])
        rows, places, seen, *made = rows_of(
            np.concatenate([order, self.values]), np.concatenate([np.ones(order.shape, np.bool_), self.known])
        )
        if stop > first:
            made[first:stop] = rows_of(self.values[first:stop].astype(np.int8))
        columns = [rows, self.events.column("id"), places, seen, seen, *made]
        return pa.RecordBatch.from_arrays(columns, schema=self.plan.coded)


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


class _Given(NamedTuple):
    """Where coding finds its columns."""

    events: Rows
    own: Rows
    scores: Values

    def _rows(self, name: str) -> Rows:
        return self.own if name in self.own else self.events

    def one(self, name: str) -> Sequence[Any]:
        return self.scores[name] if name in self.scores else self._rows(name).one(name)

    def column(self, name: str) -> pa.Array:
        return pa.array(self.scores[name], pa.int64()) if name in self.scores else self._rows(name).column(name)

    def texts(self, name: str) -> TextBytes:
        if name == "normalised":
            return self.own.texts(name)
        column = self.column(name)
        return text_bytes(column if pa.types.is_string(column.type) else column.cast(pa.string()))


def _input(name: str) -> str:
    """The column that a key or value is read from."""
    return "normalised" if name == TEXT_HASH else name


def _as_texts(values: Sequence[Any]) -> Sequence[str | None]:
    """Values of one type as Arrow writes them."""
    if all(value is None or type(value) is str for value in values):
        return values
    written: list[str | None] = pa.array(values).cast(pa.string()).to_pylist()
    return written


@njit(cache=True, nogil=True)
def code_all(data, offsets, valid, firsts, places, codes, known):  # type: ignore[no-untyped-def]
    """Fill each code and whether it is known, both [codes, n], of texts laid out by columns.

    A code is one int64 from 0 on for each combination of values, and not known where one of them is not. The top bit is
    given up because DuckDB packs whole numbers by their range, which must not overflow.
    """
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


def _amount(column: pa.Array) -> tuple[Cells, Flags]:
    known = column.is_valid().to_numpy(zero_copy_only=False)
    amounts = (column.fill_null(0) if column.null_count else column).to_numpy()
    return amounts.clip(-MOST_AMOUNT, MOST_AMOUNT), known
