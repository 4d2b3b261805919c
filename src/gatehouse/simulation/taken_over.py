"""Taken-over accounts: members with months of history who, from one hour on, are somebody else."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.cast import DAY, HOUR, Enforced, Platform
from gatehouse.simulation.plans import Waiting, among, awake, fresh, members, refuse_unsound, reworded, some
from gatehouse.simulation.world import Role


@dataclass(eq=False)
class Stolen:
    """An account that was taken: when, the day until which it is used, for what, and where the thief sits."""

    account: int
    turned: int
    until: int
    harm: Harm
    address: int
    device: int


@dataclass(eq=False, kw_only=True)
class TakenOver:
    """One gang of thieves that takes `count` accounts over, on days of `start` (first, last), each for `lasts` days.

    It takes members who have been there for at least `history` (microseconds). The thief changes the profile, sits in
    another time zone, at another device and address (of `addresses` that the gang has), and writes `often` messages a
    day to those who follow the account and to others, and now and then posts, all with the gang's text: a scam, or spam
    in the share `spam` of accounts. When accounts are suspended the gang slows down by `caution`, leaves its addresses,
    and rewords a new text for each who gets it. It serves one simulation. Raises ValueError for
    settings that make no sense.
    """

    name: str = "taken_over"
    count: int = 15
    start: tuple[int, int] = (1, 6)
    lasts: tuple[int, int] = (1, 5)
    history: int = 90 * DAY
    addresses: int = 3
    often: float = 20.0
    spam: float = 0.4
    caution: float = 0.3
    stolen: list[Stolen] = field(default_factory=list, init=False)
    pace: float = field(default=1.0, init=False)
    lessons: int = field(default=0, init=False)
    _plan: npt.NDArray[np.int64] | None = field(default=None, init=False)
    _zone: int = field(default=0, init=False)
    _hideouts: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32), init=False)
    _texts: dict[tuple[Harm, int], int] = field(default_factory=dict, init=False)
    _waiting: Waiting = field(default_factory=Waiting, init=False)

    def __post_init__(self) -> None:
        refuse_unsound(self, shares=("spam", "caution"), ranges=("start", "lasts"), counts=("count", "addresses"))

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """The accounts that are taken on this day, and what is done with those that are."""
        if self._plan is None:
            self._plan = rng.integers(self.start[0], self.start[1] + 1, self.count)
            self._zone = int(rng.integers(-11, 12))
        if not len(self._hideouts):
            self._hideouts = fresh(rng, self.addresses)
        taken = self._take(platform, day, int((self._plan == day).sum()), rng)
        self.stolen = [one for one in self.stolen if one.until > day]
        anybody = members(platform.world, platform.midnight(day))
        used = [self._used(platform, day, one, anybody, rng) for one in self.stolen]
        return self._waiting.due([taken, *used], platform.midnight(day + 1))

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """Suspended accounts are lost to the gang, and it grows careful with the others."""
        gone = among(platform.world, enforced.actors)
        self._waiting.drop(gone)
        lost = [one for one in self.stolen if gone[one.account]]
        if lost and self.caution:
            self.pace *= 1.0 - self.caution
            self.lessons += 1
            self._hideouts, self._texts = fresh(rng, self.addresses), {}
        self.stolen = [one for one in self.stolen if not gone[one.account]]

    def _take(self, platform: Platform, day: int, n: int, rng: np.random.Generator) -> Acts:
        world, midnight = platform.world, platform.midnight(day)
        old = members(world, midnight - self.history)
        who = some(rng, old[world["activity"][old] > 0], n)
        turned = awake(rng, np.full(len(who), self._zone, np.int8), midnight)
        world["role"][who] = Role.TAKEN_OVER
        world["turned"][who] = turned
        address, device = rng.choice(self._hideouts, len(who)), fresh(rng, len(who))
        days = rng.integers(self.lasts[0], self.lasts[1] + 1, len(who))
        harms = [Harm.SPAM if spam else Harm.SCAM for spam in rng.random(len(who)) < self.spam]
        self.stolen += [
            Stolen(int(who[row]), int(turned[row]), day + int(days[row]), harm, int(address[row]), int(device[row]))
            for row, harm in enumerate(harms)
        ]
        return Acts.of(turned, who, Act.PROFILE, address=address, device=device)

    def _used(
        self,
        platform: Platform,
        day: int,
        one: Stolen,
        anybody: npt.NDArray[np.int32],
        rng: np.random.Generator,
    ) -> Acts:
        world, midnight = platform.world, platform.midnight(day)
        if one.address not in self._hideouts:
            one.address = int(rng.choice(self._hideouts))
        n = int(rng.poisson(self.often * self.pace))
        at = awake(rng, np.full(n, self._zone, np.int8), midnight)
        first = max(midnight, one.turned)
        # On the first day the thief has only what is left of it, and is in a hurry.
        at = np.where(at < first, np.minimum(first + rng.integers(1, 2 * HOUR, n), midnight + DAY - 1), at)
        kinds = np.where(rng.random(n) < 0.85, Act.MESSAGE, Act.POST)
        followers = platform.follows[platform.follows[:, 1] == one.account, 0]
        target = rng.choice(anybody, n) if len(anybody) else np.full(n, NONE)
        if len(followers):
            target = np.where(rng.random(n) < 0.7, rng.choice(followers, n), target)
        kinds = np.where(target == NONE, Act.POST, kinds)
        return Acts.of(
            at,
            one.account,
            kinds,
            target=np.where(kinds == Act.MESSAGE, target, NONE),
            text=self._text(platform, rng, one.harm, int(world["language"][one.account]), n),
            address=one.address,
            device=one.device,
            harm=one.harm,
        )

    def _text(
        self, platform: Platform, rng: np.random.Generator, harm: Harm, language: int, n: int
    ) -> npt.NDArray[np.int32]:
        if (harm, language) not in self._texts:
            self._texts[harm, language] = int(platform.texts.draw(rng, harm.name.lower(), language, 1)[0])
        said = self._texts[harm, language]
        return reworded(platform, rng, said, n, self.lessons - 1) if self.lessons else np.full(n, said, np.int32)
