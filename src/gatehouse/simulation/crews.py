"""Crews: bad groups that act by a plan, hide among ordinary acts, and grow careful once they are struck."""

from abc import ABC, abstractmethod
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Acts
from gatehouse.simulation.cast import DAY, HOUR, Enforced, Platform
from gatehouse.simulation.plans import Waiting, among, fresh, members, ordinary, recall, refuse_unsound
from gatehouse.simulation.world import Role, World

YEAR = 365 * DAY


@dataclass(eq=False)
class Crew:
    """One bad group and how careful it has become.

    `number` is that of its campaign, NONE for an account on its own; `addresses` are where its members come from, NONE
    for their own; it acts from the day `begins` until before `ends`, and rests until the day `resumes`. `pace` is the
    share of its acts that it still dares, `spread` by how much longer it takes over them, `lessons` how often it was
    struck. `texts` and `targets` are what it is about, as its cast needs it.
    """

    number: int
    accounts: npt.NDArray[np.int32]
    addresses: npt.NDArray[np.int32]
    begins: int
    ends: int
    resumes: int = 0
    pace: float = 1.0
    spread: float = 1.0
    lessons: int = 0
    texts: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))
    targets: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32))

    def active(self, day: int) -> bool:
        """Whether it acts on a day."""
        return max(self.begins, self.resumes) <= day < self.ends and len(self.accounts) > 0

    def struck(self, day: int, caution: float, rng: np.random.Generator) -> None:
        """Learn from what was enforced: rest for some days, do less, take longer, come from elsewhere."""
        self.lessons += 1
        self.pace *= 1.0 - caution
        self.spread *= 1.0 + caution
        self.resumes = day + 1 + int(rng.integers(1, 3))
        moved = self.addresses != NONE
        _, which = np.unique(self.addresses[moved], return_inverse=True)
        self.addresses[moved] = fresh(rng, len(self.addresses))[which]


@dataclass(eq=False, kw_only=True)
class Crews(ABC):
    """A cast of bad groups; it serves one simulation.

    `count` groups of `size` accounts (from, to; small ones are as frequent as large ones by powers of ten) begin on
    days of `start` (first, last) and go on for `lasts` days (from, to). Of their accounts the share `older` were bought
    or kept for years and look like members, the others are days old; the share `sharing` come from an address that the
    group shares. `camouflage` is the share of ordinary acts among theirs. Whoever is struck holds back: `caution` is by
    how much it slows down each time (0: it does not learn), and `refill` how many new accounts it brings for each one
    that it lost (over 1: it spreads over more). `role` is what its accounts truly are, `shape` that under which its
    groups are remembered. Raises ValueError for settings that make no sense.
    """

    name: str
    shape: str = field(init=False)
    role: Role = field(init=False)
    count: int
    size: tuple[int, int]
    start: tuple[int, int] = (0, 6)
    lasts: tuple[int, int] = (5, 14)
    older: float = 0.3
    sharing: float = 0.0
    camouflage: float = 0.2
    caution: float = 0.3
    refill: float = 0.5
    crews: list[Crew] = field(default_factory=list, init=False)
    _waiting: Waiting = field(default_factory=Waiting, init=False)
    _begins: npt.NDArray[np.int64] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        shares, parts = ("older", "sharing", "caution"), ("camouflage",)
        ranges, counts = ("start", "lasts"), ("count", "refill")
        refuse_unsound(self, shares=shares, parts=parts, sizes=("size",), ranges=ranges, counts=counts)

    @abstractmethod
    def plan(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        """What one group does, from a day on, for reasons of its plan; acts may fall on later days."""

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """New groups are founded; each one acts by its plan and, here and there, like anyone."""
        if self._begins is None:
            self._begins = np.sort(rng.integers(self.start[0], self.start[1] + 1, self.count))
        self._found(platform, day, rng)
        planned = []
        for crew in self.crews:
            if not crew.active(day):
                continue
            acts = self.plan(platform, day, crew, rng)
            planned.append(self._placed(acts, crew))
            hidden = rng.poisson(len(acts) * self.camouflage / (1.0 - self.camouflage))
            planned.append(self._placed(ordinary(platform, rng, day, rng.choice(crew.accounts, hidden)), crew))
        return self._waiting.due(planned, platform.midnight(day + 1))

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """Groups that lost accounts or acts of their plan hold back, and bring new accounts."""
        if not len(enforced.actors) + len(enforced.acts):
            return
        gone = among(platform.world, enforced.actors)
        self._waiting.drop(gone)
        removed = recall(platform.log, enforced.acts)
        bitten = np.zeros(len(gone), np.bool_)
        bitten[removed.actor[removed.harm > 0]] = True
        hit = [c for c in self.crews if c.ends > day and (gone[c.accounts] | bitten[c.accounts]).any()]
        lost = [int(gone[crew.accounts].sum()) for crew in hit]
        brought = [self._brought(crew, n, rng) for crew, n in zip(hit, lost, strict=True)]
        fresh_accounts = self._recruit(platform, day + 1, sum(brought), rng)
        for crew, more in zip(hit, _parts(fresh_accounts, brought), strict=True):
            stay = ~gone[crew.accounts]
            crew.accounts = np.concatenate([crew.accounts[stay], more])
            crew.addresses = np.concatenate([crew.addresses[stay], self._addresses(len(more), rng)])
            _enlist(platform.world, crew.number, more)
            if self.caution:
                crew.struck(day, self.caution, rng)
                self.changed(crew)

    def changed(self, crew: Crew) -> None:
        """What else a group changes when it was struck: it forgets its texts, so that its plan finds new ones."""
        crew.texts = crew.texts[:0]

    def _brought(self, crew: Crew, lost: int, rng: np.random.Generator) -> int:
        # One on its own stays on its own: who comes back under another name is an evader.
        return 0 if crew.number == NONE else int(rng.poisson(lost * self.refill))

    def _found(self, platform: Platform, day: int, rng: np.random.Generator) -> None:
        assert self._begins is not None
        new = int((self._begins <= day).sum()) - len(self.crews)
        if not new:
            return
        low, high = self.size
        sizes = np.exp(rng.uniform(np.log(low), np.log(high + 1), new)).astype(np.int64)
        accounts = self._recruit(platform, day, int(sizes.sum()), rng)
        lasts = rng.integers(self.lasts[0], self.lasts[1] + 1, new)
        for who, days in zip(_parts(accounts, sizes), lasts, strict=True):
            number = platform.world.gather(self.shape, True, who) if len(who) > 1 else NONE
            self.crews.append(Crew(number, who, self._addresses(len(who), rng), day, day + int(days)))

    def _recruit(self, platform: Platform, day: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
        return recruit(platform.world, rng, n, platform.midnight(day), self.role, self.older)

    def _addresses(self, n: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
        # A proxy serves a handful; one address for a large group would give it away at once.
        shared = fresh(rng, n // 6 + 1)[rng.integers(0, n // 6 + 1, n)]
        return np.where(rng.random(n) < self.sharing, shared, NONE).astype(np.int32)

    def _placed(self, acts: Acts, crew: Crew) -> Acts:
        order = np.argsort(crew.accounts)
        places = order[np.searchsorted(crew.accounts[order], acts.actor)]
        return replace(acts, address=crew.addresses[places])


def recruit(
    world: World, rng: np.random.Generator, n: int, before: int, role: Role, older: float
) -> npt.NDArray[np.int32]:
    """Join n accounts of the bad: the share `older` look like members of years, the others are new and bare.

    Their `activity` is 0, so that whoever acts for the members leaves them alone.
    """
    if not n:
        return np.empty(0, np.int32)
    aged = rng.random(n) < older
    age = np.where(aged, rng.integers(60 * DAY, 3 * YEAR, n), rng.integers(HOUR, 6 * DAY, n))
    said: dict[str, Any] = {"created": before - age, "role": role, "pictured": aged | (rng.random(n) < 0.4)}
    said |= {"address": fresh(rng, n), "device": fresh(rng, n)}
    models = members(world, before)
    if len(models):
        like = rng.choice(models, n)
        said |= {name: world[name][like] for name in ("zone", "language", "community")}
        said["followers"] = np.where(aged, world["followers"][like], rng.poisson(2, n))
        said["following"] = np.where(aged, world["following"][like], rng.poisson(30, n))
    return world.join(n, **said)


def _parts(accounts: npt.NDArray[np.int32], sizes: npt.ArrayLike) -> list[npt.NDArray[np.int32]]:
    return np.split(accounts, np.cumsum(np.asarray(sizes, np.int64)))[:-1]


def _enlist(world: World, number: int, more: npt.NDArray[np.int32]) -> None:
    if number != NONE and len(more):
        known = world.campaigns[number]
        world.campaigns[number] = replace(known, members=(*known.members, *more.tolist()))
