"""When a canary must be halted: what it did beside the live release on the same events, looked at after each batch."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from gatehouse.ports.ledger import Judged
from gatehouse.records.decision import PolicyOutcome
from gatehouse.records.enforcement import Kind
from gatehouse.stats.sequential import Tally, above, interval

HOUR = 3_600 * 1_000_000

MOST_ACTORS = 100_000
"""Actors that are told apart within an hour; those beyond are not counted in it."""


@dataclass(frozen=True)
class Question:
    """One thing that a canary may not do more often than the live release, by more than `margin` of its rows."""

    margin: float
    what: str
    rows: str


@dataclass(frozen=True)
class HaltRules:
    """What a canary is held to. `alpha` is the chance that one which keeps to all margins is ever halted.

    It is slower where its part of a batch takes more than `times` what the live releases take for the whole batch,
    for that is what the answer waits for.
    """

    alpha: float = 0.01
    failing: float = 0.0025
    enforcing: float = 0.01
    slower: float = 0.1
    times: float = 1.5

    @property
    def questions(self) -> dict[str, Question]:
        """What is asked, each with the same part of `alpha`."""
        return {
            "failing": Question(self.failing, "has failed signals", "actors an hour"),
            "stricter": Question(self.enforcing, "enforces more severely", "actors an hour"),
            "milder": Question(self.enforcing, "enforces more mildly", "actors an hour"),
            "slower": Question(self.slower, f"takes over {self.times:g} times as long", "batches"),
        }


@dataclass(frozen=True)
class Halted:
    """A canary was halted: which, and why with the figures."""

    pack: str
    version: str
    why: str


@dataclass
class Watch:
    """What one canary and the live release said of the same events, in this process, since the canary was opened.

    Of each actor one event an hour counts, the first that comes: a flood of one actor is one actor, not a thousand
    independent proofs. Seconds count batch by batch.
    """

    pack: str
    version: str
    rules: HaltRules = field(default_factory=HaltRules)
    decided: int = 0
    broken: int = 0
    counts: dict[str, list[int]] = field(default_factory=dict)
    _hour: int = 0
    _actors: set[int] = field(default_factory=set)

    def add(self, live: Sequence[Judged], canary: Sequence[Judged | None], now: int) -> None:
        """Count events that both judged; None is one that the canary could not judge at all."""
        for was, one in zip(live, canary, strict=True):
            self.decided += 1
            self.broken += one is None
            if not self._first(was, now):
                continue
            failed = one is None or _failed(one)
            before = _of(was.decision.policies, self.pack)
            after = before if one is None else _of(one.decision.policies, self.pack)
            self._count("failing", failed, _failed(was, self._own(one)))
            self._count("stricter", after > before, before > after)
            self._count("milder", before > after, after > before)

    def timed(self, canary: float, live: float) -> None:
        """Count the seconds of one batch: of the canary for its part, of the live releases for the whole."""
        self._count("slower", canary > self.rules.times * live, live > self.rules.times * canary)

    def tally(self, question: str) -> Tally:
        """How often the canary alone did it, and how often the live release alone."""
        return Tally(*self.counts.get(question, (0, 0, 0)))

    def verdict(self) -> Halted | None:
        """Why the canary must be halted, or None; may be asked at any time and as often as one likes."""
        questions = self.rules.questions
        alpha = self.rules.alpha / len(questions)
        for name, question in questions.items():
            rows = self.tally(name)
            # Until it leads by more than the margin there is nothing to show, and that is quick to see.
            if rows.mean > question.margin and above(rows, question.margin, alpha):
                low, high = interval(rows, 2 * alpha)
                why = (
                    f"it {question.what}: alone in {rows.up:,} and the live release alone in {rows.down:,} of "
                    f"{rows.n:,} {question.rows}, {rows.mean:.2%} more [{low:.2%}, {high:.2%}], over the margin of "
                    f"{question.margin:.2%}"
                )
                return Halted(self.pack, self.version, why)
        return None

    def _own(self, one: Judged | None) -> frozenset[str] | None:
        return None if one is None else frozenset(signal.detector for signal in one.signals)

    def _first(self, row: Judged, now: int) -> bool:
        """Whether this actor was not counted in this hour yet."""
        if (hour := now // HOUR) != self._hour:
            self._hour = hour
            self._actors.clear()
        who = hash(row.event.id if row.event.actor is None else str(row.event.actor))
        if who in self._actors or len(self._actors) >= MOST_ACTORS:
            return False
        self._actors.add(who)
        return True

    def _count(self, question: str, up: bool, down: bool) -> None:
        counts = self.counts.setdefault(question, [0, 0, 0])
        counts[0] += 1
        counts[1] += up and not down
        counts[2] += down and not up


def _failed(row: Judged, detectors: frozenset[str] | None = None) -> bool:
    return any(one.state == "failed" for one in row.signals if detectors is None or one.detector in detectors)


def _of(policies: Sequence[PolicyOutcome], pack: str) -> Kind:
    return next((Kind[said.enforce.upper()] for said in policies if said.policy == pack), Kind.NONE)
