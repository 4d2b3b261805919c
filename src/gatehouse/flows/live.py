"""Deciding on record: judge events, and commit what was seen, said and decided before anyone is told."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import msgspec
import pyarrow as pa

from gatehouse.enforcement.plan import planned
from gatehouse.errors import GatehouseError, OutsideError, UserError
from gatehouse.features.live import advance
from gatehouse.flows.judge import Judge, Prepared
from gatehouse.policies.decide import severest
from gatehouse.ports.history import History
from gatehouse.ports.ledger import Judged, Ledger
from gatehouse.records.case import Case
from gatehouse.records.decision import Decision, Judgement, Outcome, PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.records.event import EVENT_SCHEMA, Event, from_batch, values_of
from gatehouse.records.feature import FeatureRow
from gatehouse.records.signal import SignalRow, Signals
from gatehouse.text.rows import Rows, Values

CONTENT_COLUMNS = frozenset({"normalised"})
"""Columns of a feature row that repeat the event's content; they are computed again rather than kept twice."""

_json = msgspec.json.Encoder().encode

_OUTCOMES = {outcome.value: outcome.word for outcome in Outcome}
_KINDS = {kind.value: kind.word for kind in Kind}

EventKey = tuple[str, int]
"""An event's id and revision."""


@dataclass(frozen=True)
class Unrecorded:
    """An event that could not be judged or recorded, and why; nothing of it is kept or counts for others."""

    event_id: str
    error: GatehouseError


Answer = Decision | Unrecorded


def decide(
    judge: Judge,
    ledger: Ledger,
    events: Sequence[Event],
    now: int,
    history: History | None = None,
    told: Callable[[Sequence[Signals]], None] = lambda _: None,
) -> list[Answer]:
    """The decision that stands for each event, in the order given; an event known already keeps the one it has.

    New events are judged in the order of (seen, id), with the windows of `history`, where they then count. Without a
    history nothing is known of the windows; where it cannot be asked, what names one fails and the rest is decided on.
    An event that cannot be recorded costs itself alone. `told` is given the signals of each batch that is on record.

    Raises ConflictError, with nothing written, where an id is known, or comes twice, with other content; OutsideError
    where the ledger cannot be used, and each event is then either on record and counted, or neither.
    """
    answers: dict[EventKey, Answer] = {}
    readable = []
    for event in events:
        try:
            event.digest()
            readable.append(event)
        except UnicodeEncodeError as broken:
            answers[_key(event)] = Unrecorded(event.id, _told(broken, event))
    new: dict[EventKey, Event] = {}
    for event, standing in zip(readable, ledger.standing(readable), strict=True):
        if standing is None:
            new.setdefault(_key(event), event)
        else:
            answers[_key(event)] = standing
    way = _Way(judge, ledger, history, now, told)
    for part in each_id_once(sorted(new.values(), key=lambda event: (event.seen, *_key(event)))):
        answers |= zip(map(_key, part), way.decided(part), strict=True)
    return [answers[_key(event)] for event in events]


def each_id_once(events: Iterable[Event]) -> Iterator[list[Event]]:
    """The events in their order, in parts in which no id stands twice, as histories take them."""
    part: dict[str, Event] = {}
    for event in events:
        if event.id in part:
            yield list(part.values())
            part = {}
        part[event.id] = event
    if part:
        yield list(part.values())


@dataclass(frozen=True)
class _Way:
    """The way that new events go together: windows, judge, ledger."""

    judge: Judge
    ledger: Ledger
    history: History | None
    now: int
    told: Callable[[Sequence[Signals]], None]

    def decided(self, events: Sequence[Event]) -> list[Answer]:
        """Decide all of them in one transaction; where one stands in the way, each half by itself, in order."""
        try:
            return list(self._recorded(events))
        except OutsideError:
            raise
        except (OSError, MemoryError) as failed:
            # The machine's fault and no event's: sent again when there is room, each may well be decided on.
            raise _machine_failed(failed) from failed
        except Exception as broken:
            if len(events) == 1:
                return [Unrecorded(events[0].id, _told(broken, events[0]))]
        half = len(events) // 2
        return [*self.decided(events[:half]), *self.decided(events[half:])]

    def _recorded(self, events: Sequence[Event]) -> list[Decision]:
        prepared = self.judge.prepare_rows(rows_of(events))
        if self.history is None:
            return self._committed(events, prepared, prepared.rows)
        try:
            windows = advance(self.history, prepared.codes)
        except OutsideError:
            return self._committed(events, prepared, self.judge.whole_rows(prepared, None))
        try:
            return self._committed(events, prepared, self.judge.whole_rows(prepared, windows))
        except BaseException:
            self.history.roll_back()
            raise

    def _committed(self, events: Sequence[Event], prepared: Prepared, rows: Rows) -> list[Decision]:
        judgement = self.judge.conclude_rows(prepared, rows)
        found = judged_of(events, rows.values, judgement, self.judge.releases, self.now)
        standing = self.ledger.commit(list(found))
        # What is on record stays so, whatever becomes of those who look on.
        with suppress(Exception):
            self.told(judgement.signals)
        return standing


def rows_of(events: Sequence[Event]) -> Rows:
    """Events as the judge takes them live: the kernels that read them know this form."""
    return Rows(EVENT_SCHEMA, len(events), values=values_of(events))


def _key(event: Event) -> EventKey:
    return event.id, event.revision


def _told(broken: Exception, event: Event) -> GatehouseError:
    if isinstance(broken, GatehouseError):
        return broken
    # An exception's text may quote content, which must not reach reports: its kind is enough to find it by.
    return UserError(
        f"the event cannot be judged: raised {type(broken).__name__}",
        where=f"event {event.id!r}",
        fix="look at its characters and numbers: a text is Unicode without halves of pairs, a number has 64 bits",
    )


def _machine_failed(failed: OSError | MemoryError) -> OutsideError:
    # What the system calls it, without the file's name: that tells a client where a server keeps things.
    said = "out of memory" if isinstance(failed, MemoryError) else failed.strerror or type(failed).__name__
    fix = "look at the machine's disk and memory, then do it again; nothing of this was recorded"
    return OutsideError(f"the judge cannot work on this machine: {said}", fix=fix)


def record(
    ledger: Ledger,
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    judgement: Judgement,
    releases: Mapping[str, str],
    now: int,
    given: Sequence[Event] | None = None,
) -> list[Decision]:
    """Commit a judged batch in one transaction and give back the decisions that now stand."""
    return ledger.commit(list(as_judged(events, features, judgement, releases, now, given)))


def as_judged(
    events: pa.RecordBatch,
    features: pa.RecordBatch,
    judgement: Judgement,
    releases: Mapping[str, str],
    now: int,
    given: Sequence[Event] | None = None,
) -> Iterator[Judged]:
    """Every event of a batch with all that was known, said, decided and planned about it.

    `given` are the events of the batch where they are at hand.
    """
    values = {name: features.column(name).to_pylist() for name in features.schema.names}
    return judged_of(given or from_batch(events), values, judgement, releases, now)


def judged_of(
    events: Sequence[Event], values: Values, judgement: Judgement, releases: Mapping[str, str], now: int
) -> Iterator[Judged]:
    """The same of events whose feature rows are at hand as Python's values."""
    places = {name: place for place, name in enumerate(name for name in values if name not in CONTENT_COLUMNS)}
    rows = zip(*(values[name] for name in places), strict=True) if places else [()] * len(events)
    outcome, enforce = (column.tolist() for column in severest(judgement.outcomes))
    concluded = zip(*(outcomes.records() for outcomes in judgement.outcomes), strict=True)
    released, said_of_them = dict(releases), _in_json(releases)
    for i, (event, row, conclusions) in enumerate(zip(events, rows, concluded, strict=True)):
        decision = Decision(
            id=_decision_id(event, said_of_them),
            event_id=event.id,
            revision=event.revision,
            mode="live",
            outcome=_OUTCOMES[outcome[i]],
            enforce=_KINDS[enforce[i]],
            policies=conclusions,
            releases=released,
            decided=now,
        )
        yield Judged(
            event=event,
            features=FeatureRow(places, row),
            signals=SignalRow(event.id, judgement.signals, i),
            decision=decision,
            enforcements=planned(decision, event),
            cases=_opened(decision, conclusions),
        )


def decision_id(event: Event, releases: Mapping[str, str]) -> str:
    """Hex digits: eleven of the millisecond in which the event was seen, sixteen of a hash of it and of the releases.

    So decisions made one after another stand side by side in every index by their ids, and a commit touches few pages.
    """
    return _decision_id(event, _in_json(releases))


def _decision_id(event: Event, releases: msgspec.Raw) -> str:
    hashed = hashlib.sha256(_json((event.id, event.revision, event.digest(), releases))).hexdigest()
    return f"{event.seen // 1_000:011x}{hashed[:16]}"


def _in_json(releases: Mapping[str, str]) -> msgspec.Raw:
    return msgspec.Raw(_json(sorted(releases.items())))


def _opened(decision: Decision, conclusions: Sequence[PolicyOutcome]) -> list[Case]:
    return [
        Case(
            id=f"{decision.id}-{said.policy}",
            event_id=decision.event_id,
            policy=said.policy,
            decision_id=decision.id,
            opened_by="policy",
            reason=said.reason,
        )
        for said in conclusions
        if said.review
    ]
