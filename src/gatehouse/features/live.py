"""Windows over the events that came before, held in memory and carried on event by event.

What each window means is written in docs/point-in-time.md. Memory holds what can still change a value: entities whose
every window has ended are dropped before room is made for more.
"""

from typing import Any, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.features.arrays import rows_of
from gatehouse.features.live_kernel import Cells, Flags
from gatehouse.features.live_table import Table, cells_of, tables_of
from gatehouse.features.plan import ORDER, Coded, Plan
from gatehouse.features.windows import RepeatShare
from gatehouse.ports.history import History
from gatehouse.text.hashing import hash64
from gatehouse.text.rows import FEW, Rows

_SEEN = ORDER.get_field_index("seen")
_INT64 = np.dtype(np.int64)


@runtime_checkable
class PastArrow(Protocol):
    """A history that also takes coded events as they lie in memory."""

    def advance_coded(self, coded: Coded) -> Rows:
        """As `advance` of `ports.history.History`."""
        ...


def advance(history: History, coded: Coded) -> Rows:
    """Each event's windows by the shortest way that the history knows; the events then count."""
    if isinstance(history, PastArrow):
        return history.advance_coded(coded)
    return Rows.of(history.advance(coded.batch))


class LiveHistory:
    """The windows of one plan; keeps the promise of `ports.history.History`.

    One that fails in the middle of a batch has counted nothing of it. Not for several threads at once.
    """

    def __init__(self, plan: Plan) -> None:
        self.plan = plan
        self.tables = tables_of(plan, plan.coded.names[len(ORDER) :])
        self._shares = [place for place, said in enumerate(plan.declarations) if isinstance(said, RepeatShare)]
        self._kinds = [np.dtype(kind.to_pandas_dtype()) for kind in plan.coded.types[len(ORDER) :]]
        self._clock = self._clock_before = 0
        self._advanced: list[Table] = []

    @classmethod
    def restored(cls, plan: Plan, clock: int, rows: list[Cells]) -> "LiveHistory":
        """One that knew these rows of its tables at this clock."""
        history = cls(plan)
        history._clock = history._clock_before = clock
        for table, held in zip(history.tables, rows, strict=True):
            table.restore(held, clock)
        return history

    @property
    def clock(self) -> int:
        """The latest time seen; 0 before the first event."""
        return self._clock

    @property
    def entities(self) -> int:
        """How many entities are held; one that is counted under two combinations of columns is two."""
        return sum(len(table) for table in self.tables)

    @property
    def nbytes(self) -> int:
        """Bytes set aside, room for growth included."""
        return sum(table.nbytes for table in self.tables)

    def bytes_per_entity(self) -> dict[str, int]:
        """Bytes that each declaration takes for an entity; the entity itself takes about 32 more in each table."""
        return {said.name: 8 * cells_of(said) for said in self.plan.declarations}

    def advance(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Each event's windows, in the order given; the events then count, in the order of (seen, id).

        `known` and `place` are not looked at. Raises ValueError, with nothing counted, where an id stands twice.
        """
        return self._batch(*self._advance(self.read(coded)))

    def advance_coded(self, coded: Coded) -> Rows:
        """The same past Arrow: for few events its columns take longer than their windows."""
        out, there = self._advance(coded)
        n, schema = out.shape[1], self.plan.schema
        if n > FEW:
            return Rows(schema, n, arrays=dict(zip(self.plan.names, self._columns(out, there), strict=True)))
        return Rows(schema, n, values=dict(zip(self.plan.names, self._values(out, there), strict=True)))

    def replay(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Like `advance`, for events of a log, which stand in the order in which they were advanced at first."""
        self._settle()
        given = self.read(coded)
        _refuse_repeats(given.events)
        return self._batch(*self.advance_arrays(given.seen, given.values, given.known))

    def advance_arrays(self, seen: Cells, values: Cells, valid: Flags) -> tuple[Cells, Flags]:
        """`replay` without Arrow: each event's windows, and which of them are not NULL, both [declarations, events].

        `values` and `valid` are [columns, events] in the order of the plan's codes, conditions and amounts, in rows of
        memory. The bits of a share are those of a float64.
        """
        self._settle()
        out = np.zeros((len(self.plan.declarations), len(seen)), np.int64)
        there = np.zeros(out.shape, np.bool_)
        if not len(seen):
            return out, there
        seen = np.ascontiguousarray(seen)
        values, valid = np.ascontiguousarray(values), np.ascontiguousarray(valid)
        for table in self.tables:
            table.make_room(values, valid)
        try:
            for table in self.tables:
                self._advanced.append(table)
                table.advance(seen, values, valid, out, there)
        except BaseException:
            self.roll_back()
            raise
        self._clock = max(self._clock, int(seen.max()))
        return out, there

    def roll_back(self) -> None:
        """Forget the batch that was advanced last, as if it had never come; a second time does nothing."""
        for table in self._advanced:
            table.undo()
        self._advanced.clear()
        self._clock = self._clock_before

    def evict(self) -> None:
        """Drop the entities whose every window has ended, which changes no value; there is no way back from it."""
        self._settle()
        for table in self.tables:
            table.evict()

    def _settle(self) -> None:
        """The batch advanced last stays; what is rolled back from now on is the one that follows."""
        self._advanced.clear()
        self._clock_before = self._clock

    def read(self, coded: pa.RecordBatch) -> Coded:
        """A batch of coded events in memory; raises ValueError where it is coded for another plan."""
        if not coded.schema.equals(self.plan.coded):
            raise ValueError("the events are not coded for this history's plan")
        columns = coded.columns
        values = np.empty((len(columns) - len(ORDER), len(coded)), np.int64)
        known = np.ones(values.shape, np.bool_)
        for place, (column, kind) in enumerate(zip(columns[len(ORDER) :], self._kinds, strict=True)):
            values[place] = _numbers(column, kind)
            if column.null_count:
                known[place] = _known(column)
        # A copy may be written, as may the times of events that are put in order: kernels are compiled for either.
        return Coded(self.plan, Rows.of(coded), _numbers(columns[_SEEN], _INT64).copy(), values, known)

    def _advance(self, coded: Coded) -> tuple[Cells, Flags]:
        self._settle()
        _refuse_repeats(coded.events)
        seen, values, known = coded.seen, coded.values, coded.known
        if len(seen) < 2 or (seen[1:] > seen[:-1]).all():
            return self.advance_arrays(seen, values, known)
        order = _order(seen, coded.events)
        out, there = self.advance_arrays(seen[order], values[:, order], known[:, order])
        back = np.argsort(order)
        return out[:, back], there[:, back]

    def _batch(self, out: Cells, there: Flags) -> pa.RecordBatch:
        return pa.RecordBatch.from_arrays(self._columns(out, there), schema=self.plan.schema)

    def _columns(self, out: Cells, there: Flags) -> list[pa.Array]:
        columns = rows_of(out, there)
        for place in self._shares:
            columns[place] = columns[place].view(pa.float64())
        return columns

    def _values(self, out: Cells, there: Flags) -> list[list[Any]]:
        listed: list[list[Any]] = out.tolist()
        for place in self._shares:
            listed[place] = out[place].view(np.float64).tolist()
        if not there.all():
            for place, known in enumerate(there.tolist()):
                listed[place] = [value if one else None for value, one in zip(listed[place], known, strict=True)]
        return listed


def _numbers(column: pa.Array, kind: np.dtype[Any]) -> npt.NDArray[Any]:
    """A column's values of this type where they lie; under NULL there is anything."""
    if not len(column):
        return np.empty(0, kind)
    return np.frombuffer(column.buffers()[1], kind, len(column), column.offset * kind.itemsize)


def _known(column: pa.Array) -> Flags:
    """Where a column that has NULLs has none."""
    first, rest = divmod(column.offset, 8)
    stop = rest + len(column)
    bits = np.frombuffer(column.buffers()[0], np.uint8)[first : first + (stop + 7) // 8]
    return np.unpackbits(bits, bitorder="little")[rest:stop].view(np.bool_)


def _refuse_repeats(events: Rows) -> None:
    """Which of two events with one id would be counted is not for a history to say."""
    if events.few:
        said = events.one("id")
        if len(set(said)) == len(said):
            return
    else:
        hashes = np.sort(hash64(events.column("id")))
        if (hashes[1:] != hashes[:-1]).all():
            return
    ids = events.column("id")
    twice = [one["values"] for one in ids.value_counts().to_pylist() if one["counts"] > 1]
    if twice:
        raise ValueError(f"the id '{min(twice)}' stands more than once in the batch")


def _order(seen: Cells, events: Rows) -> Cells:
    said = list(zip(seen.tolist(), events.one("id"), strict=True))
    return np.array(sorted(range(len(said)), key=said.__getitem__), np.int64)
