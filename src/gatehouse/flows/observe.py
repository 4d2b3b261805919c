"""What the live gate and the worker tell of themselves: counts and seconds, never content."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from gatehouse.flows.live import Answer, Unrecorded
from gatehouse.ports.ledger import ConflictError
from gatehouse.records.decision import Decision
from gatehouse.records.signal import Signals, State

WAITED = "queue"
"""The stage in which events wait to be gathered: its seconds are the sum of what each event waited."""

ANSWERED = ("decided", "known", "conflict", "unrecorded")
"""The kinds of answers of the live gate."""

HAPPENINGS = (
    "messages",
    "letters",
    "retries",
    "refused",
    "late",
    "recorded elsewhere",
    "snapshots not kept",
    "shadowed",
    "not shadowed",
    "canary halted",
    "bus out of reach",
    "offsets not committed",
    "spans dropped",
    "spans not sent",
    "enforcements done",
    "enforcements held",
    "enforcements failed",
    "enforcements undone",
    "enforcements again",
    "enforcements late",
    "enforcements over",
)
"""All else that observers are told has happened. Metrics begin with 0 of each, for of what is first seen as 1 nobody
can tell that it has grown."""

ACTED = "act"
"""The stage in which a performer carries out an enforcement: of no batch, and beside whatever is decided meanwhile."""

_WORDS = tuple(state.word for state in State)

SignalStates = Mapping[tuple[str, str], int]
"""How many signals there were, by detector and state."""


class Observer(Protocol):
    """Is told what happens; must be quick and raise nothing."""

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """A stage took so long for so many events."""
        ...

    def judged(self, signals: SignalStates) -> None:
        """So many signals the detectors gave of a batch of events that was then recorded."""
        ...

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """The live gate gave these answers at this time; a decision made earlier stood already."""
        ...

    def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
        """Requests with `n` events in all became one batch, while so many events more waited.

        `traces` are the `traceparent` headers of those requests that have one.
        """
        ...

    def counted(self, what: str, n: int = 1) -> None:
        """Something happened so many times."""
        ...


@dataclass(frozen=True)
class Sorted:
    """Answers by their kind: decisions that are new, and how many others there were."""

    decided: Sequence[Decision]
    known: int
    conflicts: int
    unrecorded: int


def sort(answers: Sequence[Answer], now: int) -> Sorted:
    """The answers that were given at this time by their kind; a decision that is given twice is known then."""
    new: dict[str, Decision] = {}
    known = conflicts = unrecorded = 0
    for answer in answers:
        if isinstance(answer, Unrecorded):
            conflict = isinstance(answer.error, ConflictError)
            conflicts, unrecorded = conflicts + conflict, unrecorded + (not conflict)
        elif answer.decided < now or answer.id in new:
            known += 1
        else:
            new[answer.id] = answer
    return Sorted(tuple(new.values()), known, conflicts, unrecorded)


def states(signals: Sequence[Signals]) -> SignalStates:
    """How many signals of a batch there are by detector and state, those of which there is none left out."""
    return {(one.detector, state): n for one in signals for state, n in _states(one)}


def _states(signals: Signals) -> list[tuple[str, int]]:
    said = signals.state.tobytes()
    # Nearly always all are in one state.
    if said and said.count(said[0]) == len(said):
        return [(_WORDS[said[0]], len(said))]
    return [(word, n) for value, word in enumerate(_WORDS) if (n := said.count(value))]


class Tally:
    """An observer that adds up."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()
        self.signals: Counter[tuple[str, str]] = Counter()

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """Add a stage's seconds."""
        self.seconds[stage] += seconds  # type: ignore[assignment]  # a Counter adds any numbers
        self.events[stage] += events

    def judged(self, signals: SignalStates) -> None:
        """Count signals by detector and state."""
        for what, n in signals.items():
            self.signals[what] += n

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """Count answers by their kind, and decisions by what they say to do; one that is given twice is known then."""
        came = sort(answers, now)
        said = {"decided": len(came.decided), "known": came.known}
        said |= {"conflict": came.conflicts, "unrecorded": came.unrecorded}
        for what, n in said.items():
            if n:
                self.counts[what] += n
        for decision in came.decided:
            self.counts[f"enforce {decision.enforce}"] += 1

    def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
        """Count batches that were gathered, and their events."""
        self.counts["gatherings"] += 1
        self.counts["gathered"] += n

    def counted(self, what: str, n: int = 1) -> None:
        """Count something."""
        self.counts[what] += n

    def microseconds(self) -> dict[str, float]:
        """What an event took at each stage."""
        return {stage: self.seconds[stage] / n * 1e6 for stage, n in self.events.items() if n}


class Several:
    """An observer that tells several."""

    def __init__(self, *observers: Observer) -> None:
        self._observers = observers

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """Tell each."""
        for one in self._observers:
            one.spent(stage, seconds, events)

    def judged(self, signals: SignalStates) -> None:
        """Tell each."""
        for one in self._observers:
            one.judged(signals)

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """Tell each."""
        for one in self._observers:
            one.answered(answers, now)

    def gathered(self, n: int, waiting: int, traces: Sequence[str] = ()) -> None:
        """Tell each."""
        for one in self._observers:
            one.gathered(n, waiting, traces)

    def counted(self, what: str, n: int = 1) -> None:
        """Tell each."""
        for one in self._observers:
            one.counted(what, n)
