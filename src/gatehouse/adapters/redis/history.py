"""Windows over the events that came before, kept in Redis and shared by all who ask it.

Redis keeps the order of all batches, a record of each event under the entities it counts for, and rows into which older
records were folded. It answers a batch with what it held of the entities that the batch touches, and counts the batch,
in one run of a script. What was held becomes windows here, by the same compiled loops as in `features.live`, so that
answers are equal to the last bit. docs/shared-history.md says what is promised.
"""

import contextlib
import hashlib
import math
import secrets
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.adapters.redis.carried import Carrier, Moment, repeated
from gatehouse.adapters.redis.layout import FORMAT, Events, Part
from gatehouse.adapters.redis.server import Server, UnansweredError
from gatehouse.errors import OutsideError
from gatehouse.features.live_kernel import Cells
from gatehouse.features.plan import Plan

Before = Literal["none", "lost", "any"]
"""Which events may have been counted before: none, those of a lost worker's last batch, or any."""

_MOST_OWED = 16
"""Batches without an answer that are remembered, to be taken back when Redis is there again."""

_STATE_STAYS = 30 * 86_400
"""Seconds that the clock of a version outlives its last window."""

_WORDS = {
    "EMPTY": (
        "knows no history of these features: it is new, or has lost its memory",
        "fill it from the ledger (docs/shared-history.md); until then windows are not available",
    ),
    "OTHER": ("is being filled by another worker", "wait until it is filled"),
    "LATE": ("was asked a later question by this worker before this one", "let each thread have its own history"),
}


@dataclass(frozen=True)
class Times:
    """How long things are kept, in seconds.

    Within `hold` a batch can be taken back, and its events are known when they come again after their worker was lost.
    A value stays for `grace` after its last window has ended: as long as events may wait to be counted.
    """

    hold: float = 300
    grace: float = 3_600


@dataclass(frozen=True)
class Names:
    """The keys of one version of the features under one plan."""

    prefix: str

    @classmethod
    def of(cls, plan: Plan, version: str) -> "Names":
        """Keys that no other version, plan or format has; braces keep them on one node of a cluster."""
        said = repr((FORMAT, version, [said.said() for said in plan.declarations]))
        return cls(f"gatehouse:{{{hashlib.sha256(said.encode()).hexdigest()[:16]}}}:")

    @property
    def state(self) -> str:
        """The clock, the number of the last batch, and the life of the history."""
        return self.prefix + "state"

    @property
    def workers(self) -> str:
        """What each worker asked last."""
        return self.prefix + "workers"

    @property
    def filling(self) -> str:
        """The state of a history that is being filled beside the one that is used."""
        return self.prefix + "filling"

    @property
    def filling_workers(self) -> str:
        """What the one worker that fills asked last."""
        return self.prefix + "filling:workers"

    @property
    def lock(self) -> str:
        """The life of the history that may be filled now."""
        return self.prefix + "lock"


@dataclass(frozen=True)
class _Sent:
    """What must be named to take a batch back."""

    call: int
    counted: tuple[bytes, ...]


def empty_state(life: str, version: str) -> Mapping[Any, Any]:
    """The state of a history that knows nothing, and may be asked from now on; `version` is there to be read."""
    return {"life": life, "version": version, "batch": 0, "clock": 0, "last": 0}


class RedisHistory:
    """The windows of one plan for many workers; keeps the promise of `ports.history.History`.

    `version` is that of the features' values. Not for several threads at once: each has its own.
    """

    def __init__(
        self, plan: Plan, version: str, server: Server, times: Times | None = None, *, filling: str = ""
    ) -> None:
        """`filling` is the life of a history that is being filled and that nobody uses yet."""
        self.plan, self.version, self.server = plan, version, server
        self.times = times or Times()
        self.names = Names.of(plan, version)
        self.kept = 0
        """Values out of which a batch could not be taken back any more."""
        self.batch = 0
        """The number of the batch advanced last, in the order in which Redis applied those of all workers."""
        self._carrier = Carrier(plan)
        self._life, self._filling = filling, bool(filling)
        self._worker, self._call = secrets.token_hex(8), 0
        self._last: _Sent | None = None
        self._owed: deque[_Sent] = deque(maxlen=_MOST_OWED)
        self._folds = [b""] * len(self._carrier.shapes)

    def advance(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Each event's windows, in the order given; the events then count, in the order of (seen, id).

        One that a lost worker had counted in its last batch is answered as then, and not counted again. `known` and
        `place` are not looked at. Raises ValueError, with nothing counted, where an id stands twice; OutsideError, with
        nothing that stays counted, where Redis does not answer in time, refuses, or has lost what it knew.
        """
        return self._advanced(coded, "lost")

    def replay(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Like `advance`, for events of a log, which stand in the order in which they were advanced at first.

        That one comes again is not looked for: a log holds each event once.
        """
        return self._advanced(coded, "none")

    def catch_up(self, coded: pa.RecordBatch) -> pa.RecordBatch:
        """Like `replay`, where workers may have counted events of the log themselves within the hold."""
        return self._advanced(coded, "any")

    def roll_back(self) -> None:
        """Forget the batch that was advanced last, as if it had never come; a second time does nothing.

        Where Redis does not answer, it is forgotten by the next call that reaches it.
        """
        if self._last is None:
            return
        self._owed.append(self._last)
        self._last = None
        nothing = Events.of(self.plan, pa.RecordBatch.from_pylist([], schema=self.plan.coded), as_given=True)
        with contextlib.suppress(OutsideError):
            self._apply(nothing, [shape.part(nothing) for shape in self._carrier.shapes], "none")

    def _advanced(self, coded: pa.RecordBatch, before: Before) -> pa.RecordBatch:
        as_given = before != "lost"
        events = Events.of(self.plan, coded, as_given=as_given)
        self._last = None
        if not len(events.seen):
            return self._carrier.read(coded, as_given=True)
        parts = [shape.part(events) for shape in self._carrier.shapes]
        answer = self._apply(events, parts, before)
        try:
            return self._windows(answer, events, parts, coded, as_given)
        except BaseException:
            self.roll_back()
            raise

    def _windows(
        self, answer: Sequence[Any], events: Events, parts: list[Part], coded: pa.RecordBatch, as_given: bool
    ) -> pa.RecordBatch:
        now, again = Moment(answer[3], np.frombuffer(answer[4], "<i8")), repeated(answer[6])
        helds = self._carrier.held(parts, answer[7:])
        told = [self._carrier.read_again(one, now, events, coded, parts, helds) for one in again]
        self._folds = self._carrier.carry(parts, helds, now)
        if not again:
            return self._carrier.read(coded, as_given=as_given)
        # They stand in the records already: here they only move the clock.
        rows = events.order[[one.now for one in again]]
        found = self._carrier.read(_of_nobody(coded, rows), as_given=as_given)
        places = np.arange(len(coded))
        places[rows] = len(coded) + np.arange(len(rows))
        return pa.concat_batches([found, *told]).take(pa.array(places))

    def _apply(self, events: Events, parts: Sequence[Part], before: Before) -> list[Any]:
        """Have Redis take back what is owed and count a batch; gives its whole answer."""
        self._call += 1
        sent = _Sent(self._call, tuple(part.counted for part in parts))
        names = self.names
        keys = [names.filling, names.filling_workers] if self._filling else [names.state, names.workers]
        try:
            answer = self.server.apply(keys, self._question(sent.call, events, parts, before))
        except UnansweredError:
            self._owed.append(sent)
            self._folds = [b""] * len(parts)
            raise
        word = answer[0].decode()
        if word == "OTHER" and not self._filling:
            # It was filled anew: what this worker counted before is of no account there.
            self._forget(answer[1].decode())
            return self._apply(events, parts, before)
        if word == "EMPTY" and not self._filling:
            self._forget("")
        if word != "OK":
            raise OutsideError(_WORDS[word][0], where=self.server.where, fix=_WORDS[word][1])
        self._forget(answer[1].decode())
        self._last = sent if len(events.seen) else None
        self.batch, self.kept = answer[2], self.kept + answer[5]
        return answer

    def _forget(self, life: str) -> None:
        if life != self._life:
            self._life, self.batch = life, 0
        self._owed.clear()
        self._folds = [b""] * len(self._carrier.shapes)

    def _question(self, call: int, events: Events, parts: Sequence[Part], before: Before) -> list[Any]:
        grace = _milliseconds(self.times.grace)
        spans = [-(-shape.span // 1_000) + grace for shape in self._carrier.shapes]
        said: list[Any] = [self.names.prefix, self._life, self._worker, call, _milliseconds(self.times.hold) or 1]
        said += [max(spans, default=0) + _milliseconds(_STATE_STAYS), before]
        said += [int(events.high[-1]) if len(events.high) else 0, events.marked()]
        said += [len(parts), self.batch]
        for shape, span, part, folds in zip(self._carrier.shapes, spans, parts, self._folds, strict=True):
            said += [span, shape.body, part.codes, part.counts.astype("<u4").tobytes(), part.bodies, folds]
        for owed in self._owed:
            said += [owed.call, *owed.counted]
        return said


def _of_nobody(coded: pa.RecordBatch, rows: Cells) -> pa.RecordBatch:
    """The events, of which these name no entity and so are neither read nor counted."""
    nobody = np.zeros(len(coded), np.bool_)
    nobody[rows] = True
    columns = [
        pc.if_else(pa.array(nobody), pa.scalar(None, field.type), column) if field.name.startswith("k_") else column
        for field, column in zip(coded.schema, coded.columns, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=coded.schema)


def _milliseconds(seconds: float) -> int:
    return math.ceil(1_000 * seconds)
