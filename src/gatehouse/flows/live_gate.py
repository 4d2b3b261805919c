"""The live gate: the one place of a process where events become decisions on record, one thread at a time."""

from collections.abc import Callable, Sequence
from threading import Lock
from time import perf_counter
from typing import cast

from gatehouse.errors import OutsideError
from gatehouse.features.live import LiveHistory
from gatehouse.flows.ingest import Gate
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Answer, Unrecorded, as_judged, decide
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Observer, Tally
from gatehouse.ports.history import History
from gatehouse.ports.ledger import ConflictError, Judged, Ledger
from gatehouse.records.decision import Decision
from gatehouse.records.event import Entity, Event, to_batch

KEPT_EVERY = 100_000
"""Events between two snapshots of a local history."""

WARM_SIZES = (1, 2, 64, 500)
"""Sizes of batches that meet different kernels: a rule is asked row by row in small ones."""

Clock = Callable[[], int]
"""Tells the time in microseconds UTC."""


class LiveGate:
    """Says when each event was seen, decides on it, and answers when the decision is on record.

    For several threads at once: they wait for one another. A local history keeps up with what other processes record,
    looking every `catch_up_seconds`.
    """

    def __init__(
        self,
        judge: Judge,
        ledger: Ledger,
        history: History | None,
        clock: Clock,
        *,
        observer: Observer | None = None,
        catch_up_seconds: float = 0.0,
    ) -> None:
        self.observer = observer or Tally()
        self._clock = clock
        self._lock = Lock()
        self._judge = judge
        self._history = history
        self._ledger = _Watched(ledger)
        self._gate = Gate(_latest_seen(ledger, history))
        self._catch_up_every = round(catch_up_seconds * 1_000_000)
        self._caught_up = 0
        self._since_kept = 0

    @property
    def judge(self) -> Judge:
        """The judge that decides now."""
        return self._judge

    def decide(self, events: Sequence[Event]) -> list[Answer]:
        """The decision that stands for each event, in order; known events keep theirs.

        An event that cannot be recorded, or is known with other content, costs itself alone. Where the ledger cannot be
        used, every event is answered with that OutsideError: each is then on record and counted, or neither.
        """
        if not events:
            return []
        with self._lock:
            now, begun = self._clock(), perf_counter()
            self._ledger.seconds = caught_up = 0.0
            try:
                self._catch_up(now)
                caught_up = perf_counter() - begun
                answers = self._decided(self._gate.stamp(events, now), now)
            except OutsideError as down:
                answers = [Unrecorded(event.id, down) for event in events]
            spent = perf_counter() - begun
            self.observer.spent("catch up", caught_up, len(events))
            self.observer.spent("ledger", self._ledger.seconds, len(events))
            self.observer.spent("judge", spent - caught_up - self._ledger.seconds, len(events))
            self.observer.answered(answers, now)
            self._since_kept += len(events)
            if self._since_kept >= KEPT_EVERY:
                self._keep()
            return answers

    def swap(self, judge: Judge, history: History | None = None) -> None:
        """Decide by another judge from the next batch on; a local history is carried over or made anew.

        It is restored while the judge before goes on deciding. Any other history belongs to one judge's features, so
        `history` must then be given, else ValueError. Raises OutsideError, with nothing changed, where the ledger
        cannot be read.
        """
        before = self._history
        if history is None and not (before is None or isinstance(before, LocalHistory)):
            raise ValueError("a shared history is of the judge before: give the one of the new judge")
        if history is None and isinstance(before, LocalHistory):
            same = judge.features_version == self._judge.features_version
            history = before if same else LocalHistory(self._ledger.whole, judge, before.path)
        with self._lock:
            if isinstance(history, LocalHistory):
                history.catch_up()
                history.judge = judge
            self._judge, self._history = judge, history

    def warm(self) -> None:
        """Run every kernel once, so that the first event does not wait for it; nothing is recorded."""
        for size in WARM_SIZES:
            events = [_warm_event(number) for number in range(size)]
            prepared = self._judge.prepare(to_batch(events))
            windows = LiveHistory(self._judge.features.plan).advance(prepared.coded)
            features = self._judge.whole(prepared, windows)
            judgement = self._judge.conclude(prepared, features)
            list(as_judged(prepared.events, features, judgement, self._judge.releases, 0, events))

    def close(self) -> None:
        """Save the history, from which the next start restores."""
        with self._lock:
            self._keep()

    def _decided(self, events: Sequence[Event], now: int) -> list[Answer]:
        try:
            return decide(self._judge, cast(Ledger, self._ledger), events, now, self._history)
        except ConflictError as conflict:
            if len(events) == 1:
                return [Unrecorded(events[0].id, conflict)]
            apart = set(conflict.event_ids)
        # Not every event of these ids need be at fault: the first of two that differ is recorded, the second is not.
        others = iter(self._decided([event for event in events if event.id not in apart], now))
        return [self._decided([event], now)[0] if event.id in apart else next(others) for event in events]

    def _catch_up(self, now: int) -> None:
        if isinstance(self._history, LocalHistory) and now - self._caught_up >= self._catch_up_every:
            self.observer.counted("recorded elsewhere", self._history.catch_up())
            self._caught_up = now

    def _keep(self) -> None:
        self._since_kept = 0
        if isinstance(self._history, LocalHistory):
            begun = perf_counter()
            try:
                self._history.keep()
            except OutsideError:
                # A start without it replays more of the log; deciding goes on.
                self.observer.counted("snapshots not kept")
            self.observer.spent("snapshot", perf_counter() - begun, 0)


class _Watched:
    """What deciding asks of a ledger, with the seconds that it takes."""

    def __init__(self, ledger: Ledger) -> None:
        self.whole = ledger
        self.seconds = 0.0

    def standing(self, events: Sequence[Event]) -> Sequence[Decision | None]:
        """As the ledger has it."""
        begun = perf_counter()
        try:
            return self.whole.standing(events)
        finally:
            self.seconds += perf_counter() - begun

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """As the ledger does it."""
        begun = perf_counter()
        try:
            return self.whole.commit(judged)
        finally:
            self.seconds += perf_counter() - begun


def _latest_seen(ledger: Ledger, history: History | None) -> int:
    """A time after which no event was seen, as far as ledger and history know."""
    latest = [event.seen for _, event in ledger.log(after=max(ledger.last() - 1, 0), most=1)]
    clock = history.live.clock if isinstance(history, LocalHistory) else 0
    return max(clock, *latest, 0)


def _warm_event(number: int) -> Event:
    actor, target = Entity("account", f"warm-{number}"), Entity("account", "warm")
    text = f"a text that warms the kernels, number {number}: https://example.org"
    # Whose language is not said has it identified, by a model that is opened when it is first needed.
    language = "en" if number % 2 else None
    return Event(id=f"warm-{number}", text=text, language=language, seen=number + 1, actor=actor, target=target)
