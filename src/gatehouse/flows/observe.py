"""What the live gate and the worker tell of themselves: counts and seconds, never content."""

from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from gatehouse.flows.live import Answer, Unrecorded
from gatehouse.ports.ledger import ConflictError


class Observer(Protocol):
    """Is told what happens; must be quick and raise nothing."""

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """A stage took so long for so many events."""
        ...

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """The live gate gave these answers at this time; a decision made earlier stood already."""
        ...

    def counted(self, what: str, n: int = 1) -> None:
        """Something happened so many times."""
        ...


class Tally:
    """An observer that adds up."""

    def __init__(self) -> None:
        self.seconds: Counter[str] = Counter()
        self.events: Counter[str] = Counter()
        self.counts: Counter[str] = Counter()

    def spent(self, stage: str, seconds: float, events: int) -> None:
        """Add a stage's seconds."""
        self.seconds[stage] += seconds  # type: ignore[assignment]  # a Counter adds any numbers
        self.events[stage] += events

    def answered(self, answers: Sequence[Answer], now: int) -> None:
        """Count answers by their kind, and decisions by what they say to do; one that is given twice is known then."""
        new: set[str] = set()
        for answer in answers:
            if isinstance(answer, Unrecorded):
                self.counts["conflict" if isinstance(answer.error, ConflictError) else "unrecorded"] += 1
            elif answer.decided < now or answer.id in new:
                self.counts["known"] += 1
            else:
                new.add(answer.id)
                self.counts["decided"] += 1
                self.counts[f"enforce {answer.enforce}"] += 1

    def counted(self, what: str, n: int = 1) -> None:
        """Count something."""
        self.counts[what] += n

    def microseconds(self) -> dict[str, float]:
        """What an event took at each stage."""
        return {stage: self.seconds[stage] / n * 1e6 for stage, n in self.events.items() if n}
