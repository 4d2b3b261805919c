"""Windows worked out from what Redis held, by the tables of a live history."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa

from gatehouse.adapters.redis.layout import (
    ABSORBED,
    BATCH,
    ENTITY,
    PLACE,
    Events,
    Held,
    Part,
    Shape,
    fold,
)
from gatehouse.features.live import LiveHistory
from gatehouse.features.live_kernel import CODE, Cells, Flags
from gatehouse.features.live_table import Table
from gatehouse.features.plan import Plan

MOST_CELLS = 128
"""Cells of records that an entity may have before they are folded into its base."""


@dataclass(frozen=True)
class Repeated:
    """An event that was counted before: its place now, and the batch, place and time as of which it was counted."""

    now: int
    batch: int
    place: int
    known: int


@dataclass(frozen=True)
class Moment:
    """As of when a batch is answered: `clock` was the latest time seen, and the batches `pending` may be taken back."""

    clock: int
    pending: Cells


def repeated(told: bytes) -> list[Repeated]:
    """What the script says of events that were counted before."""
    rows = np.frombuffer(told, "<i8").reshape(-1, 5).tolist()
    return [Repeated(now, batch, place, max(clock, high)) for now, batch, place, clock, high in rows]


class Carrier:
    """The tables of one plan, filled anew for each batch with what Redis holds of the entities it touches."""

    def __init__(self, plan: Plan) -> None:
        self._history = LiveHistory(plan)
        self._declared = len(plan.declarations)
        self.shapes = [Shape(plan, said) for said in dict.fromkeys(said.counted for said in plan.declarations)]

    @property
    def _all(self) -> Iterator[tuple[Table, Shape]]:
        return zip(self._history.tables, self.shapes, strict=True)

    def held(self, parts: Sequence[Part], replies: Sequence[bytes]) -> list[Held]:
        """What Redis gave for each table's part."""
        return [
            shape.held(part, reply, table.width)
            for (table, shape), part, reply in zip(self._all, parts, replies, strict=True)
        ]

    def carry(self, parts: Sequence[Part], helds: Sequence[Held], moment: Moment) -> list[bytes]:
        """Bring all tables to a moment; gives the orders to fold what has grown long, for each table."""
        return [
            self._carry(table, shape, part, held, moment)
            for (table, shape), part, held in zip(self._all, parts, helds, strict=True)
        ]

    def read(self, coded: pa.RecordBatch, *, as_given: bool) -> pa.RecordBatch:
        """The windows of events at the moment to which the tables were brought."""
        return self._history.replay(coded) if as_given else self._history.advance(coded)

    def read_again(
        self,
        one: Repeated,
        now: Moment,
        events: Events,
        coded: pa.RecordBatch,
        parts: Sequence[Part],
        helds: Sequence[Held],
    ) -> pa.RecordBatch:
        """The windows of an event as they were when it was counted; as they are now where that is folded."""
        moment, earlier = Moment(one.known, now.pending), [_before(one, held) for held in helds]
        for shape, part, held in zip(self.shapes, parts, helds, strict=True):
            named = [events.values[key][one.now] for key in shape.keys if events.valid[key][one.now]]
            if (held.outlines[np.searchsorted(part.touched, named), ABSORBED] >= one.batch).any():
                moment, earlier = now, list(helds)
        self.carry(parts, earlier, moment)
        row = coded.slice(int(events.order[one.now]), 1)
        at = row.schema.get_field_index("seen")
        return self.read(row.set_column(at, row.schema.field(at), pa.array([moment.clock])), as_given=True)

    def _carry(self, table: Table, shape: Shape, part: Part, held: Held, moment: Moment) -> bytes:
        if not len(held.records):
            table.restore(held.rows, moment.clock)
            return b""
        folds = self._folds(table, shape, part, held, moment.pending)
        table.restore(held.rows, 0)
        self._count(table, *shape.stream(part, held.records, moment.clock))
        return folds

    def _folds(self, table: Table, shape: Shape, part: Part, held: Held, pending: Cells) -> bytes:
        """Orders for entities with long records; those from a pending batch on stay records.

        One that the table has dropped, for all its windows ended, is left to expire.
        """
        entities, batches = held.records[:, ENTITY], held.records[:, BATCH]
        stays = np.full(len(held.rows), np.iinfo(np.int64).max)
        waits = np.isin(batches, pending)
        np.minimum.at(stays, entities[waits], batches[waits])
        settled = batches < stays[entities]
        lengths = np.bincount(entities[settled], minlength=len(held.rows))
        long = lengths * shape.width > MOST_CELLS
        if not long.any():
            return b""
        folded = held.records[settled & long[entities]]
        table.restore(held.rows, 0)
        self._count(table, *shape.stream(part, folded, 0))
        rows = {code: row for row, code in enumerate(table.rows[:, CODE].tolist())}
        orders, last = [], dict(zip(folded[:, ENTITY].tolist(), folded[:, BATCH].tolist(), strict=True))
        for entity, batch in last.items():
            if (code := int(part.touched[entity])) in rows:
                row = table.rows[rows[code]]
                orders.append(fold(code, held.outlines[entity], int(lengths[entity]), shape.width, row, batch))
        return b"".join(orders)

    def _count(self, table: Table, seen: Cells, values: Cells, valid: Flags) -> None:
        table.make_room(values, valid)
        out = np.zeros((self._declared, len(seen)), np.int64)
        table.advance(seen, values, valid, out, np.zeros(out.shape, np.bool_))


def _before(one: Repeated, held: Held) -> Held:
    batches, places = held.records[:, BATCH], held.records[:, PLACE]
    earlier = (batches < one.batch) | ((batches == one.batch) & (places < one.place))
    return Held(held.rows, held.outlines, held.records[earlier])
