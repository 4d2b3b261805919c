"""The live gate: the one place of a process where events become decisions on record, one thread at a time."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from threading import Lock, Thread
from time import perf_counter, sleep
from typing import cast

from gatehouse.errors import OutsideError
from gatehouse.features.live import LiveHistory
from gatehouse.flows.arms import Arms
from gatehouse.flows.halt import Halted
from gatehouse.flows.ingest import Gate
from gatehouse.flows.judge import Judge
from gatehouse.flows.live import Answer, Unrecorded, decide, judged_of, rows_of
from gatehouse.flows.local_history import LocalHistory
from gatehouse.flows.observe import Observer, Tally, states
from gatehouse.flows.shadow import ShadowThread
from gatehouse.ports.history import History
from gatehouse.ports.ledger import ConflictError, Judged, Ledger
from gatehouse.records.decision import Decision
from gatehouse.records.event import Entity, Event
from gatehouse.records.signal import Signals

KEPT_EVERY = 100_000
"""Events between two snapshots of a local history."""

_LETS_IN_SECONDS = 0.001
"""Between two pieces of a copy: who waits for the lock gets it."""

WARM_SIZES = (1, 2, 64, 500)
"""Sizes of batches that meet different kernels: a rule is asked row by row in small ones."""

Clock = Callable[[], int]
"""Tells the time in microseconds UTC."""


class LiveGate:
    """Says when each event was seen, decides on it, and answers when the decision is on record.

    For several threads at once: they wait for one another. A local history keeps up with what other processes record,
    looking every `catch_up_seconds`. `arms` are the releases that are tried beside the live ones; a canary that must be
    halted decides nothing from the next batch on, and `halted` puts that on record.
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
        arms: Arms | None = None,
        halted: Callable[[Halted], None] = lambda _: None,
    ) -> None:
        self.observer = observer or Tally()
        self._clock = clock
        self._lock = Lock()
        self._judge = judge
        self._history = history
        self._ledger = _Watched(ledger)
        self._shadow = ShadowThread(ledger, self.observer, busy=self._lock.locked)
        self._record_halt = halted
        self._unrecorded: list[Halted] = []
        self._use(Arms() if arms is None else arms)
        self._gate = Gate(_latest_seen(ledger, history))
        self._catch_up_every = round(catch_up_seconds * 1_000_000)
        self._caught_up = 0
        self._since_kept = 0
        self._saving: Thread | None = None

    @property
    def judge(self) -> Judge:
        """The judge that decides now."""
        return self._judge

    @property
    def arms(self) -> Arms:
        """The releases that are tried now beside the live ones."""
        return self._ledger.arms

    @property
    def halted(self) -> frozenset[tuple[str, str]]:
        """Packs and versions of canaries that were halted here, where that is not on record yet."""
        return frozenset((one.pack, one.version) for one in self._unrecorded)

    def decide(self, events: Sequence[Event]) -> list[Answer]:
        """The decision that stands for each event, in order; known events keep theirs.

        An event that cannot be recorded, or is known with other content, costs itself alone. Where the ledger cannot be
        used, every event is answered with that OutsideError: each is then on record and counted, or neither.
        """
        if not events:
            return []
        with self._lock:
            now, begun = self._clock(), perf_counter()
            self._ledger.begin(now)
            caught_up = 0.0
            try:
                self._catch_up(now)
                caught_up = perf_counter() - begun
                answers = self._decided(self._gate.stamp(events, now), now)
            except OutsideError as down:
                answers = [Unrecorded(event.id, down) for event in events]
            spent = perf_counter() - begun
            self.observer.spent("catch up", caught_up, len(events))
            self.observer.spent("ledger", self._ledger.seconds, len(events))
            self.observer.spent("judge", spent - caught_up - self._ledger.seconds - self._ledger.tried, len(events))
            self.observer.answered(answers, now)
            if self._ledger.arms or self._unrecorded:
                self._after(now, len(events))
            self._since_kept += len(events)
            if self._since_kept >= KEPT_EVERY:
                self._keep()
            return answers

    def keep_up(self) -> None:
        """Count what others recorded while nothing is to be decided, so that the next event need not wait for it."""
        # What cannot be read now counts before the next batch.
        with self._lock, suppress(OutsideError):
            self._catch_up(self._clock())

    def swap(self, judge: Judge, history: History | None = None, arms: Arms | None = None) -> None:
        """Decide by another judge from the next batch on, and by these arms; a local history is carried over or made.

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
        self._warm_new(arms or Arms())
        with self._lock:
            if isinstance(history, LocalHistory):
                history.catch_up()
                history.judge = judge
            self._judge, self._history = judge, history
            self._use(Arms() if arms is None else arms)

    def try_out(self, arms: Arms) -> None:
        """Try these releases beside the live ones from the next batch on, and no others."""
        self._warm_new(arms)
        with self._lock:
            self._use(arms)

    def warm(self) -> None:
        """Warm the judge, and those that are tried."""
        warm(self._judge)
        for judge in self.arms.judges:
            # One that breaks is counted when it is asked.
            with suppress(Exception):
                warm(judge)

    def close(self) -> None:
        """Save the history, from which the next start restores."""
        if (saving := self._saving) is not None:
            saving.join()
        with self._lock:
            self._save(self._taken())
        self._shadow.close()

    def _warm_new(self, arms: Arms) -> None:
        """What is tried now was not asked before: its kernels run while the others go on deciding."""
        known = {id(judge) for judge in self.arms.judges}
        for judge in arms.judges:
            if id(judge) not in known:
                with suppress(Exception):
                    warm(judge)

    def _use(self, arms: Arms) -> None:
        gone = self.halted
        canaries = tuple(one for one in arms.canaries if (one.pack, one.version) not in gone)
        self._ledger.arms = Arms(canaries, arms.shadows, arms.left_out)
        self._shadow.use(arms.shadows)

    def _after(self, now: int, n: int) -> None:
        """What was decided is answered for: hand it to the shadows, and look whether a canary must be halted."""
        if self.arms.canaries:
            self.observer.spent("canary", self._ledger.tried, n)
        self._shadow.offer(self._ledger.recorded, now)
        for halted in self.arms.verdicts():
            self._unrecorded.append(halted)
            self._use(self.arms)
            self.observer.counted("canary halted")
        while self._unrecorded:
            try:
                self._record_halt(self._unrecorded[0])
            except Exception:
                # It decides nothing any more, and what was decided must be answered: tried again after the next batch.
                return
            del self._unrecorded[0]

    def _decided(self, events: Sequence[Event], now: int) -> list[Answer]:
        try:
            return decide(self._judge, cast(Ledger, self._ledger), events, now, self._history, self._told)
        except ConflictError as conflict:
            if len(events) == 1:
                return [Unrecorded(events[0].id, conflict)]
            apart = set(conflict.event_ids)
        # Not every event of these ids need be at fault: the first of two that differ is recorded, the second is not.
        others = iter(self._decided([event for event in events if event.id not in apart], now))
        return [self._decided([event], now)[0] if event.id in apart else next(others) for event in events]

    def _told(self, signals: Sequence[Signals]) -> None:
        self.observer.judged(states(signals))

    def _catch_up(self, now: int) -> None:
        if 0 <= now - self._caught_up < self._catch_up_every:  # a clock that was set back is no reason to wait
            return
        if isinstance(self._history, LocalHistory):
            self.observer.counted("recorded elsewhere", self._history.catch_up())
        self._ledger.arms.catch_up()
        self._caught_up = now

    def _keep(self) -> None:
        """Have a thread copy the history and save the copy: who decides waits for no disk, and hardly for memory."""
        self._since_kept = 0
        if self._saving is None or not self._saving.is_alive():
            tried = [canary.history for canary in self._ledger.arms.canaries]
            local = [history for history in (self._history, *tried) if isinstance(history, LocalHistory)]
            self._saving = Thread(target=self._kept, args=(local,), name="snapshot", daemon=True)
            self._saving.start()

    def _kept(self, histories: Sequence[LocalHistory]) -> None:
        for copy in (piece for history in histories for piece in history.ahead()):
            with self._lock:
                begun = perf_counter()
                copy()
                self.observer.spent("snapshot", perf_counter() - begun, 0)
            sleep(_LETS_IN_SECONDS)
        with self._lock:
            taken = self._taken()
        self._save(taken)

    def _taken(self) -> list[Callable[[], None]]:
        if not isinstance(self._history, LocalHistory):
            return []
        begun = perf_counter()
        try:
            return [self._history.taken(), *self._ledger.arms.taken()]
        except OutsideError:
            self.observer.counted("snapshots not kept")
            return []
        finally:
            self.observer.spent("snapshot", perf_counter() - begun, 0)

    def _save(self, taken: Sequence[Callable[[], None]]) -> None:
        try:
            for save in taken:
                save()
        except OutsideError:
            # A start without it replays more of the log; deciding goes on.
            self.observer.counted("snapshots not kept")


class _Watched:
    """What deciding asks of a ledger, with the seconds that it takes; on the way there canaries decide on their side.

    `recorded` are the rows of the last events that were new, `tried` the seconds that canaries took.
    """

    def __init__(self, ledger: Ledger) -> None:
        self.whole = ledger
        self.arms = Arms()
        self.seconds = self.tried = 0.0
        self.recorded: list[Judged] = []
        self._now, self._looked = 0, 0.0

    def begin(self, now: int) -> None:
        """The next events come."""
        self.seconds = self.tried = 0.0
        self.recorded = []
        self._now, self._looked = now, perf_counter()

    def standing(self, events: Sequence[Event]) -> Sequence[Decision | None]:
        """As the ledger has it."""
        begun = perf_counter()
        try:
            return self.whole.standing(events)
        finally:
            self._looked = perf_counter()
            self.seconds += self._looked - begun

    def commit(self, judged: Sequence[Judged]) -> list[Decision]:
        """As the ledger does it."""
        if not self.arms:
            return self._commit(judged)
        begun = perf_counter()
        rows = self.arms.decide(judged, self._now, begun - self._looked)
        self.tried += perf_counter() - begun
        try:
            standing = self._commit(rows)
        except BaseException:
            self.arms.roll_back()
            raise
        self.recorded += self.arms.recorded(rows, standing, self._now)
        return standing

    def _commit(self, judged: Sequence[Judged]) -> list[Decision]:
        begun = perf_counter()
        try:
            return self.whole.commit(judged)
        finally:
            self._looked = perf_counter()
            self.seconds += self._looked - begun


def _latest_seen(ledger: Ledger, history: History | None) -> int:
    """A time after which no event was seen, as far as ledger and history know."""
    latest = [event.seen for _, event in ledger.log(after=max(ledger.last() - 1, 0), most=1)]
    clock = history.live.clock if isinstance(history, LocalHistory) else 0
    return max(clock, *latest, 0)


def warm(judge: Judge) -> None:
    """Run every kernel once, so that the first event does not wait for it; nothing is recorded."""
    for size in WARM_SIZES:
        events = [_warm_event(number) for number in range(size)]
        # The way of `decide`, for kernels are compiled for each form in which columns come to them.
        prepared = judge.prepare_rows(rows_of(events))
        history = LiveHistory(judge.features.plan)
        rows = judge.whole_rows(prepared, history.advance_coded(prepared.codes))
        judgement = judge.conclude_rows(prepared, rows)
        list(judged_of(events, rows.values, judgement, judge.releases, 0))
        # Seldom needed, and then at once: where the ledger is down there may be no room to compile anything.
        history.roll_back()
        history.evict()


def _warm_event(number: int) -> Event:
    actor, target = Entity("account", f"warm-{number}"), Entity("account", "warm")
    text = f"a text that warms the kernels, number {number}: https://example.org"
    # Whose language is not said has it identified, by a model that is opened when it is first needed.
    language = "en" if number % 2 else None
    return Event(id=f"warm-{number}", text=text, language=language, seen=number + 1, actor=actor, target=target)
