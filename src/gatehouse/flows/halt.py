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

_DIFFERED = -1


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
            "failing": Question(self.failing, "has failed signals", "events looked at"),
            "stricter": Question(self.enforcing, "enforces more severely", "events looked at"),
            "milder": Question(self.enforcing, "enforces more mildly", "events looked at"),
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

    Of each actor the first, second, fourth, eighth ... event of an hour counts, until one on which the two differ: a
    flood of one actor is no more than one proof, and what is only done to an actor's later events is seen. Which event
    counts is known before anybody judged it, so that the test holds. Seconds count batch by batch. It is `over` from
    the verdict on that halts the canary.
    """

    pack: str
    version: str
    rules: HaltRules = field(default_factory=HaltRules)
    over: bool = False
    decided: int = 0
    broken: int = 0
    counts: dict[str, list[int]] = field(default_factory=dict)
    _hour: int = 0
    _came: dict[int, int] = field(default_factory=dict)

    def add(self, live: Sequence[Judged], canary: Sequence[Judged | None], now: int) -> None:
        """Count events that both judged; None is one that the canary could not judge at all."""
        for was, one in zip(live, canary, strict=True):
            self.decided += 1
            self.broken += one is None
            who = hash(was.event.id if was.event.actor is None else str(was.event.actor))
            if not self._counts(who, now):
                continue
            before = _of(was.decision.policies, self.pack)
            after = before if one is None else _of(one.decision.policies, self.pack)
            # One that cannot be judged at all is worse than whatever fails in the live one, of this pack or of others.
            fails = (True, False) if one is None else (_failed(one), _failed(was, _detectors(one)))
            self._count("failing", *fails)
            self._count("stricter", after > before, before > after)
            self._count("milder", before > after, after > before)
            if after != before or fails[0] != fails[1]:
                self._came[who] = _DIFFERED

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
                self.over = True
                return Halted(self.pack, self.version, why)
        return None

    def _counts(self, who: int, now: int) -> bool:
        """Whether an event that comes now counts: by how many of its actor came before in this hour."""
        if (hour := now // HOUR) != self._hour:
            self._hour = hour
            self._came.clear()
        came = self._came.get(who, 0)
        if came == _DIFFERED or (came == 0 and len(self._came) >= MOST_ACTORS):
            return False
        self._came[who] = came + 1
        return came & (came + 1) == 0

    def _count(self, question: str, up: bool, down: bool) -> None:
        counts = self.counts.setdefault(question, [0, 0, 0])
        counts[0] += 1
        counts[1] += up and not down
        counts[2] += down and not up


def _detectors(row: Judged) -> frozenset[str]:
    return frozenset(signal.detector for signal in row.signals)


def _failed(row: Judged, detectors: frozenset[str] | None = None) -> bool:
    return any(one.state == "failed" for one in row.signals if detectors is None or one.detector in detectors)


def _of(policies: Sequence[PolicyOutcome], pack: str) -> Kind:
    return next((Kind[said.enforce.upper()] for said in policies if said.policy == pack), Kind.NONE)
