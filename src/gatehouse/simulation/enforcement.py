"""What the simulated platform does about acts: removals, strikes, suspensions, and what is taken back on appeal."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.records.enforcement import Kind
from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.appeals import Appeals
from gatehouse.simulation.cast import DAY, Enforced, Platform
from gatehouse.simulation.deeds import MACHINE, STRIKES, Deeds, no_deeds, tables
from gatehouse.simulation.reviewers import MINUTE, Cases, Reviewers, Reviews, check_chance
from gatehouse.simulation.world import NEVER, Role

Serials = npt.NDArray[np.int64]

_WORDS = (Act.POST, Act.COMMENT, Act.MESSAGE, Act.REPOST, Act.PROFILE)
LOOKS_LIKE: dict[Harm, tuple[Act, ...]] = {
    Harm.SPAM: _WORDS,
    Harm.SCAM: _WORDS,
    Harm.HARASSMENT: _WORDS,
    Harm.FALSE_REPORT: (Act.REPORT,),
    Harm.MANIPULATION: (Act.LIKE, Act.FOLLOW, Act.REPOST),
}
"""Which kinds of acts can be mistaken for a harm."""


@dataclass(frozen=True, eq=False)
class Verdicts:
    """What a judge says of n acts: remove it, let a person look, how sure it is, and after how many microseconds."""

    remove: npt.NDArray[np.bool_]
    review: npt.NDArray[np.bool_]
    score: npt.NDArray[np.float64]
    delay: npt.NDArray[np.int64]


class Judge(Protocol):
    """Says what it thinks of a day's acts."""

    def judge(self, platform: Platform, day: int, acts: Acts, serials: Serials, rng: np.random.Generator) -> Verdicts:
        """A verdict on each act."""
        ...


@dataclass(frozen=True)
class Stated:
    """A judge that finds what is harmful with a stated chance, and takes the benign for it with another.

    `recall` and `false_positives` are chances by harm; a harm that is not named is never found or never mistaken. What
    it finds goes to a person with the chance `review`, else it is removed. It takes from `soonest` to `latest`
    microseconds, each order of magnitude as likely as the others.
    """

    recall: Mapping[Harm, float] = field(default_factory=lambda: dict.fromkeys(LOOKS_LIKE, 0.7))
    false_positives: Mapping[Harm, float] = field(default_factory=lambda: dict.fromkeys(LOOKS_LIKE, 0.0005))
    review: float = 0.2
    soonest: int = MINUTE
    latest: int = DAY

    def __post_init__(self) -> None:
        for name, chances in (("recall", self.recall), ("false_positives", self.false_positives)):
            for harm, chance in chances.items():
                check_chance(f"{name} of {harm.name.lower()}", chance)
        check_chance("review", self.review)
        if not 0 < self.soonest <= self.latest:
            raise ValueError("a delay is above 0, and soonest at most latest")

    def judge(self, platform: Platform, day: int, acts: Acts, serials: Serials, rng: np.random.Generator) -> Verdicts:
        """A verdict on each act, from what is truly wrong with it and chance."""
        n = len(acts)
        missed = np.ones(n)
        for harm, kinds in LOOKS_LIKE.items():
            mistaken = np.isin(acts.kind, kinds) & (acts.harm == Harm.NONE)
            missed[mistaken] *= 1 - self.false_positives.get(harm, 0.0)
            missed[acts.harm == harm] = 1 - self.recall.get(harm, 0.0)
        found = rng.random(n) >= missed
        to_person = rng.random(n) < self.review
        delay = np.exp(rng.uniform(np.log(self.soonest), np.log(self.latest), n)).astype(np.int64)
        return Verdicts(found & ~to_person, found & to_person, rng.random(n), delay)


Decide = Callable[[Platform, int, Acts, Serials], Verdicts]
"""Decides about a day's acts; whoever starts the simulation may put a real judge behind it."""


@dataclass(frozen=True)
class Judged:
    """A judge that asks a callable; raises ValueError where it does not answer for each act."""

    decide: Decide

    def judge(self, platform: Platform, day: int, acts: Acts, serials: Serials, rng: np.random.Generator) -> Verdicts:
        """What the callable says."""
        said = self.decide(platform, day, acts, serials)
        wrong = [one.name for one in fields(said) if len(getattr(said, one.name)) != len(acts)]
        if wrong:
            raise ValueError(f"the judge's {', '.join(wrong)} must have one value an act, {len(acts):,}")
        if len(said.delay) and said.delay.min() < 0:
            raise ValueError("the judge decided about an act before it was done")
        return said


@dataclass
class _Known:
    """What the platform remembers of all acts by their serial numbers; it grows with the log."""

    actor: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    harm: npt.NDArray[np.uint8] = field(default_factory=lambda: np.empty(0, np.uint8))
    opened: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))
    removed: npt.NDArray[np.bool_] = field(default_factory=lambda: np.empty(0, np.bool_))

    def add(self, acts: Acts, serials: Serials) -> None:
        size = max(len(self.actor), int(serials.max(initial=-1)) + 1)
        for name, usual in (("actor", NONE), ("harm", Harm.NONE), ("opened", False), ("removed", False)):
            column = getattr(self, name)
            grown = np.full(size, usual, column.dtype)
            grown[: len(column)] = column
            setattr(self, name, grown)
        self.actor[serials], self.harm[serials] = acts.actor, acts.harm


@dataclass
class Enforcement:
    """An enforcer: a judge, reviewers for what it is unsure of and for what was reported, strikes and appeals.

    An act is removed when the judge or a reviewer says so, at the time that they took. An account is suspended at the
    midnight after its `strikes`th removed act; one that comes back on appeal has none, and acts from the next day on.
    Its random numbers depend on `seed` and the day alone. One object serves one run.
    """

    seed: int
    judge: Judge = field(default_factory=Stated)
    reviewers: Reviewers = field(default_factory=Reviewers)
    appeals: Appeals = field(default_factory=Appeals)
    strikes: int = 3
    deeds: Deeds = field(default_factory=no_deeds, init=False, repr=False)
    reviews: list[Reviews] = field(default_factory=list, init=False, repr=False)

    def __post_init__(self) -> None:
        if self.strikes < 1:
            raise ValueError("an account is suspended after one strike or more")
        self._known = _Known()
        self._pending = self.deeds
        self._strikes = np.empty(0, np.int64)
        self._until = np.iinfo(np.int64).min

    def enforce(self, platform: Platform, day: int, acts: Acts, serials: Serials, reports: Acts) -> Enforced:
        """Judge the day's acts, let people look, and carry out what is due before the next midnight."""
        rng = np.random.default_rng([self.seed, _STREAM, day])
        until = self._until = platform.midnight(day + 1)
        self._known.add(acts, serials)
        self._strikes = np.append(self._strikes, np.zeros(len(platform.world) - len(self._strikes), np.int64))
        self._judge(platform, day, acts, serials, rng)
        self._open_reported(reports)
        self._review(platform.midnight(day), rng)
        first = len(self.deeds)
        removed = self._remove(until)
        suspended = self._suspend(platform, until)
        self._hear(platform, first, until, rng)
        return Enforced(suspended, removed)

    def tables(self) -> dict[str, pa.Table]:
        """What was done, looked at and contested so far: tables `enforced`, `reviews` and `appeals` of `deeds`."""
        return tables(self.deeds, self.reviews, self.appeals.all(), self._until)

    def _judge(self, platform: Platform, day: int, acts: Acts, serials: Serials, rng: np.random.Generator) -> None:
        said = self.judge.judge(platform, day, acts, serials, rng)
        at, rows = acts.at + said.delay, said.remove
        self._pending = self._pending.and_then(
            Deeds.of(serials[rows], acts.actor[rows], at[rows], Kind.REMOVE, MACHINE)
        )
        rows = said.review & ~said.remove
        self._open(serials[rows], at[rows], said.score[rows])

    def _open_reported(self, reports: Acts) -> None:
        about = (reports.kind == Act.REPORT) & (reports.parent != NONE) & (reports.parent < len(self._known.actor))
        reported = reports.take(about)
        order = np.argsort(reported.at, kind="stable")
        serial, first, times = np.unique(reported.parent[order], return_index=True, return_counts=True)
        # The day's reports count, and each outweighs whatever a judge's score from 0 to 1 says.
        self._open(serial, reported.at[order][first], times.astype(np.float64))

    def _open(self, serial: Serials, at: npt.NDArray[np.int64], score: npt.NDArray[np.float64]) -> None:
        """Put acts into the queue that never were in it and still stand."""
        new = ~(self._known.opened[serial] | self._known.removed[serial])
        serial = serial[new]
        self._known.opened[serial] = True
        self.reviewers.open(Cases(serial, at[new], score[new], self._known.harm[serial] != Harm.NONE))

    def _review(self, midnight: int, rng: np.random.Generator) -> None:
        done = self.reviewers.work(midnight, rng)
        self.reviews.append(done)
        yes = done.value == 1
        actor = self._known.actor[done.serial[yes]]
        self._pending = self._pending.and_then(
            Deeds.of(done.serial[yes], actor, done.at[yes], Kind.REMOVE, done.rater[yes])
        )

    def _remove(self, until: int) -> Serials:
        """Remove what is due, each act once, by whoever came first."""
        due = self._pending.at < until
        order = np.lexsort((self._pending.serial, self._pending.at))
        order = order[due[order]]
        _, first = np.unique(self._pending.serial[order], return_index=True)
        chosen = order[np.sort(first)]
        chosen = chosen[~self._known.removed[self._pending.serial[chosen]]]
        self.deeds = self.deeds.and_then(self._pending.take(chosen))
        removed = self._pending.serial[chosen]
        self._known.removed[removed] = True
        np.add.at(self._strikes, self._pending.actor[chosen], 1)
        self._pending = self._pending.take(~due)
        return removed

    def _suspend(self, platform: Platform, until: int) -> npt.NDArray[np.int32]:
        """Suspend, at midnight, who has strikes enough: what an account did until then stays done."""
        suspended = platform.world["suspended"]
        who = np.flatnonzero((self._strikes >= self.strikes) & (suspended == NEVER)).astype(np.int32)
        suspended[who] = until
        self.deeds = self.deeds.and_then(Deeds.of(NONE, who, until, Kind.SUSPEND, STRIKES))
        return who

    def _hear(self, platform: Platform, first: int, until: int, rng: np.random.Generator) -> None:
        """Let the day's deeds be contested, and undo what a second look overturns."""
        new = np.arange(first, len(self.deeds))
        done = self.deeds.take(new)
        self.appeals.file(new, done.at, self._right(platform, done), done.by, self.reviewers.count, rng)
        wrong = self.appeals.decided(until)
        wrong = wrong.take(~wrong.upheld)
        self.deeds.undone[wrong.deed] = wrong.decided
        undone = self.deeds.take(wrong.deed)
        of_account = undone.serial == NONE
        np.subtract.at(self._strikes, undone.actor[~of_account], 1)
        self._strikes[undone.actor[of_account]] = 0
        np.maximum(self._strikes, 0, out=self._strikes)
        platform.world["suspended"][undone.actor[of_account]] = NEVER

    def _right(self, platform: Platform, deeds: Deeds) -> npt.NDArray[np.bool_]:
        """Which deeds were right: a harmful act was removed, or an account suspended that was bad by then."""
        turned, role = platform.world["turned"][deeds.actor], platform.world["role"][deeds.actor]
        bad = (turned <= deeds.at) | ((turned == NEVER) & (role != Role.MEMBER))
        found: npt.NDArray[np.bool_] = np.where(deeds.serial == NONE, bad, self._known.harm[deeds.serial] != Harm.NONE)
        return found


_STREAM = 0x656E666F
"""Keeps the random numbers of enforcement apart from those of the casts."""
