"""What Redis holds of one entity: its row of cells up to some batch, and a record of each event since.

`apply.lua` says how a value is laid out. A record keeps of an event what counting it needs, so that whoever reads the
entity carries the row on as `LiveHistory` would have. A base is a row without its empty cells: the last batch in it, a
bit for each cell, then the cells that are not 0. Everything is little-endian int64.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gatehouse.features.live_kernel import CODE, RING, STAMP, Cells, Flags
from gatehouse.features.plan import ORDER, Plan, amount_name, code_name
from gatehouse.features.windows import Distinct, RepeatShare, Sum
from gatehouse.text.hashing import hash64

FORMAT = 1
"""Of values and of the script; values of another format lie under other keys."""

MOST_SEEN = 2**53 - 1
"""The latest time that the script can count with: 5 June 2255."""

_MIX = np.uint64(0x9E3779B97F4A7C15)

_BITS = 62
"""Flags and bits that a cell holds, so that none is negative."""

# The cells of a record, as Redis gives it back with its entity before it.
ENTITY, BATCH, CLOCK, PLACE, HIGH, SEEN, FLAGS = range(7)
_GIVEN = PLACE

# What is known of an entity's value: its stamp, the last batch in its base, the cell where its records begin.
VALUE_STAMP, ABSORBED, RECORDS = range(3)


@dataclass(frozen=True)
class Events:
    """A batch in the order in which it counts; `order` are the places of its rows in the order given.

    `high` is the latest time seen up to each event; `marks` are hashes of their ids and of all that they say, by which
    an event that comes again is known from an edit of it; `values` and `valid` are the coded columns, by place.
    """

    order: Cells
    seen: Cells
    high: Cells
    marks: npt.NDArray[np.uint64]
    values: list[Cells]
    valid: list[Flags]

    @classmethod
    def of(cls, plan: Plan, coded: pa.RecordBatch, *, as_given: bool) -> "Events":
        """The events in the order of (seen, id), or as they were given.

        Raises ValueError where they are coded for another plan, an id stands twice or a time is out of reach.
        """
        if not coded.schema.equals(plan.coded):
            raise ValueError("the events are not coded for this history's plan")
        seen, names, ids = coded.column("seen").to_numpy(), coded.column("id"), hash64(coded.column("id"))
        if len(np.unique(ids)) < len(ids):
            counted = names.value_counts().to_pylist()
            if twice := [one["values"] for one in counted if one["counts"] > 1]:
                raise ValueError(f"the id '{min(twice)}' stands more than once in the batch")
        if len(seen) and not -MOST_SEEN <= seen.min() <= seen.max() <= MOST_SEEN:
            raise ValueError("a time beyond the year 2255 cannot be counted with")
        order = np.arange(len(seen))
        if not as_given and (seen[1:] <= seen[:-1]).any():
            said = list(zip(seen.tolist(), names.to_pylist(), strict=True))
            order = np.array(sorted(range(len(said)), key=said.__getitem__), np.int64)
        columns = coded.columns[len(ORDER) :]
        values = [(c.fill_null(0) if c.null_count else c).to_numpy().astype(np.int64)[order] for c in columns]
        valid = [c.is_valid().to_numpy(zero_copy_only=False)[order] for c in columns]
        seen, marks = seen[order], ids[order]
        for value, known in zip(values, valid, strict=True):
            marks = ((marks ^ (marks >> np.uint64(31))) * _MIX + value.view(np.uint64)) * _MIX + known.view(np.uint8)
        return cls(order, seen, np.maximum.accumulate(seen), marks, values, valid)

    def marked(self) -> bytes:
        """The mark of each event, and the latest time seen up to it."""
        return np.stack([self.marks.view(np.int64), self.high], axis=1).astype("<i8").tobytes()


@dataclass(frozen=True)
class Part:
    """What a batch touches in one table: codes in rising order, how many bodies each of them has, and the bodies."""

    touched: Cells
    counts: Cells
    bodies: bytes

    @property
    def codes(self) -> bytes:
        """All that is touched."""
        return self.touched.astype("<i8").tobytes()

    @property
    def counted(self) -> bytes:
        """The codes where the batch counts."""
        return self.touched[self.counts > 0].astype("<i8").tobytes()


@dataclass(frozen=True)
class Held:
    """What Redis held of the entities that a batch touches: rows, their values' outlines, and records in order."""

    rows: Cells
    outlines: Cells
    records: Cells


class Shape:
    """How the events and entities of one table are written down; columns are meant by their places among the coded."""

    def __init__(self, plan: Plan, counted: tuple[str, ...]) -> None:
        columns = {name: place for place, name in enumerate(plan.coded.names[len(ORDER) :])}
        mine = [said for said in plan.declarations if said.counted == counted]
        self.keys = [columns[code_name(key)] for key in dict.fromkeys([counted, *(said.key for said in mine)])]
        self._wants: list[tuple[int | None, int | None]] = []
        for said in mine:
            condition = plan.filter_name(said)
            of = None
            if isinstance(said, Sum):
                of = columns[amount_name(said.of)]
            elif isinstance(said, Distinct | RepeatShare):
                of = columns[code_name(said.of)]
            self._wants.append((None if condition is None else columns[condition], of))
        self._filters = list(dict.fromkeys(f for f, _ in self._wants if f is not None))
        self._values = list(dict.fromkeys(of for _, of in self._wants if of is not None))
        self._flags = -(-(len(self._filters) + len(self._values)) // _BITS)
        self._columns = len(columns)
        self.span = RING * max(said.step for said in mine)
        """Microseconds after which an entity that was counted can be forgotten."""

    @property
    def width(self) -> int:
        """Cells of a record in Redis."""
        return FLAGS - 1 + self._flags + len(self._values)

    @property
    def body(self) -> int:
        """Bytes of a record without what the script adds."""
        return 8 * (self.width - (_GIVEN - BATCH))

    def part(self, events: Events) -> Part:
        """What these events touch, and the records of those that are counted."""
        named = [events.values[key][events.valid[key]] for key in self.keys]
        touched = np.unique(np.concatenate(named))
        wanted = np.zeros(len(events.seen), np.bool_)
        for condition, of in self._wants:
            wants = events.valid[self.keys[0]].copy()
            if condition is not None:
                wants &= events.values[condition] != 0
            if of is not None:
                wants &= events.valid[of]
            wanted |= wants
        places = np.flatnonzero(wanted)
        entities = np.searchsorted(touched, events.values[self.keys[0]][places])
        order = np.argsort(entities, kind="stable")
        places = places[order]
        return Part(touched, np.bincount(entities, minlength=len(touched)), self._bodies(events, places))

    def _bodies(self, events: Events, places: Cells) -> bytes:
        flags = [events.values[f][places] for f in self._filters] + [events.valid[of][places] for of in self._values]
        cells = np.zeros((len(places), self.body // 8), np.int64)
        cells[:, PLACE - _GIVEN], cells[:, HIGH - _GIVEN], cells[:, SEEN - _GIVEN] = (
            places,
            events.high[places],
            events.seen[places],
        )
        for i, flag in enumerate(flags):
            cells[:, FLAGS - _GIVEN + i // _BITS] |= (flag != 0).astype(np.int64) << (i % _BITS)
        for i, of in enumerate(self._values):
            cells[:, FLAGS - _GIVEN + self._flags + i] = events.values[of][places]
        return cells.astype("<i8").tobytes()

    def held(self, part: Part, reply: bytes, width: int) -> Held:
        """What came back for a part; `width` is that of the table's rows."""
        cells = np.frombuffer(reply, "<i8").astype(np.int64, copy=False)
        rows = np.zeros((len(part.touched), width), np.int64)
        outlines = np.zeros((len(rows), 3), np.int64)
        records = np.empty((len(cells) // self.width, 1 + self.width), np.int64)
        records = records[: unfold(cells, self.width, rows, outlines, records)]
        rows[:, CODE] = part.touched
        return Held(rows, outlines, records[np.lexsort((records[:, PLACE], records[:, BATCH]))])

    def stream(self, part: Part, records: Cells, clock: int) -> tuple[Cells, Cells, Flags]:
        """Times, values and validity that make a table count the records, and know it is `clock` behind them.

        An event that came late stands behind one of nobody that was seen when it was known.
        """
        n = len(records)
        seen = np.append(records[:, SEEN], clock)
        values, valid = np.zeros((self._columns, n + 1), np.int64), np.zeros((self._columns, n + 1), np.bool_)
        values[self.keys[0], :n], valid[self.keys[0], :n] = part.touched[records[:, ENTITY]], True
        for i, place in enumerate([*self._filters, *self._values]):
            flag = records[:, FLAGS + i // _BITS] >> (i % _BITS) & 1
            values[place, :n], valid[place, :n] = flag, flag
        for i, place in enumerate(self._values):
            values[place, :n] = records[:, FLAGS + self._flags + i]
        known = np.maximum(records[:, CLOCK], records[:, HIGH])
        late = np.flatnonzero(known > records[:, SEEN])
        if len(late):
            seen = np.insert(seen, late, known[late])
            values, valid = np.insert(values, late, 0, axis=1), np.insert(valid, late, False, axis=1)
        return seen, values, valid


def fold(entity: int, outline: Cells, records: int, width: int, row: Cells, batch: int) -> bytes:
    """The order to put a row in the place of a value's base and its first `records` records, up to `batch`."""
    base = np.concatenate([[batch], sparse(row)]).astype("<i8").tobytes()
    absorbed = 8 * int(outline[RECORDS] + records * width)
    return np.array([entity, outline[VALUE_STAMP], absorbed, len(base)], "<i8").tobytes() + base


def _unfold(cells, width, rows, outlines, records):  # type: ignore[no-untyped-def]
    at, found = 0, 0
    bits = -(-rows.shape[1] // _BITS)
    for entity in range(len(rows)):
        start, stop = at + 1, at + 1 + cells[at] // 8
        at = stop
        if start == stop:
            outlines[entity, RECORDS] = 2
            continue
        base = cells[start + 1]
        outlines[entity, VALUE_STAMP], outlines[entity, RECORDS] = cells[start], 2 + base
        if base:
            outlines[entity, ABSORBED] = cells[start + 2]
            first = start + 3
            place = first + bits
            for i in range(rows.shape[1]):
                if cells[first + i // _BITS] >> (i % _BITS) & 1:
                    rows[entity, i] = cells[place]
                    place += 1
        for here in range(start + 2 + base, stop, width):
            records[found, ENTITY] = entity
            for i in range(width):
                records[found, BATCH + i] = cells[here + i]
            found += 1
    return found


def _sparse(row):  # type: ignore[no-untyped-def]
    bits = -(-len(row) // _BITS)
    out = np.zeros(bits + len(row), np.int64)
    n = bits
    for i in range(len(row)):
        if row[i] != 0 and i != STAMP:
            out[i // _BITS] |= np.int64(1) << np.int64(i % _BITS)
            out[n] = row[i]
            n += 1
    return out[:n]


# Not as decorators: those carry no types, and what they decorate would have none either.
unfold = njit(cache=True, nogil=True, error_model="numpy")(_unfold)
sparse = njit(cache=True, nogil=True, error_model="numpy")(_sparse)
