"""Ban evaders: suspended persons who come back under another name, with the habits that they had."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, together
from gatehouse.simulation.cast import DAY, HOUR, Enforced, Platform
from gatehouse.simulation.plans import among, fresh, members, posts, refuse_unsound, reworded
from gatehouse.simulation.world import Role


@dataclass(eq=False)
class Return:
    """Somebody who is coming back: as of which day, under which account (NONE before), and with which habits.

    `habits` are harmful acts of the account before; `often` is how many it does a day now, `times` how often the person
    has come back.
    """

    old: int
    back: int
    habits: Acts
    often: float
    times: int = 1
    account: int = NONE


@dataclass(eq=False, kw_only=True)
class Evaders:
    """Suspended bad persons of any cast, but thieves of accounts, who come back under a new account with old habits.

    The share `returning` of them does, some days later (`after`, from, to). The new account has the old one's `person`,
    role, language and hours; the share `same_address` come from the old address and the share `same_device` from the
    old device. What they do is what they did before, to others, in other words, for `lasts` days. Suspended again, a
    person waits twice as long, does less (by `slower`), rewords more, and never uses the old address or device again;
    after `patience` returns it gives up. It serves one simulation. Raises ValueError for settings that make no sense.
    """

    name: str = "evaders"
    returning: float = 0.25
    after: tuple[int, int] = (1, 4)
    lasts: int = 10
    same_address: float = 0.5
    same_device: float = 0.3
    slower: float = 0.5
    patience: int = 3
    returns: list[Return] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        shares = ("returning", "same_address", "same_device", "slower")
        refuse_unsound(self, shares=shares, ranges=("after",), counts=("lasts", "patience"))

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """Those whose time has come join, and those who are back act as they used to."""
        planned = []
        for one in self.returns:
            if one.account == NONE and one.back <= day:
                one.account = self._join(platform, day, one, rng)
            if one.account != NONE and day < one.back + self.lasts:
                planned.append(self._again(platform, day, one, rng))
        return together(planned)

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """See who was suspended: some of them come back, and those who had come back become careful."""
        role = platform.world["role"]
        known = {one.account: one for one in self.returns if one.account != NONE}
        # Whoever is behind a taken-over account is not the person whose it is.
        own = (Role.MEMBER, Role.TAKEN_OVER)
        bad = np.array([who for who in np.unique(enforced.actors) if role[who] not in own], np.int32)
        new = np.array([who for who in bad if int(who) not in known], np.int32)
        habits = _habits(platform, new[rng.random(len(new)) < self.returning], platform.midnight(day - 6))
        for who, acts in habits.items():
            days = max(1.0, np.ptp(acts.at) / DAY)
            self.returns.append(Return(who, day + 1 + self._wait(rng, 1), acts, self.slower * len(acts) / days))
        for who in bad:
            if before := known.get(int(who)):
                self.returns.remove(before)
                if before.times < self.patience:
                    back = day + 1 + self._wait(rng, 2**before.times)
                    often = before.often * self.slower
                    self.returns.append(Return(int(who), back, before.habits, often, before.times + 1))

    def _wait(self, rng: np.random.Generator, longer: int) -> int:
        return longer * int(rng.integers(self.after[0], self.after[1] + 1))

    def _join(self, platform: Platform, day: int, one: Return, rng: np.random.Generator) -> int:
        world, old = platform.world, one.old
        kept = {name: world[name][old] for name in ("person", "role", "zone", "language", "community")}
        address, device = fresh(rng, 2)
        if one.times == 1 and rng.random() < self.same_address:
            used = one.habits.address
            address = used[-1] if used[-1] != NONE else world["address"][old]
        if one.times == 1 and rng.random() < self.same_device:
            device = world["device"][old]
        created = platform.midnight(day) - rng.integers(1, HOUR)
        return int(world.join(1, created=created, address=address, device=device, pictured=False, **kept)[0])

    def _again(self, platform: Platform, day: int, one: Return, rng: np.random.Generator) -> Acts:
        acts = one.habits.take(rng.integers(0, len(one.habits), int(rng.poisson(one.often))))
        midnight, n = platform.midnight(day), len(acts)
        of_day = (acts.at - platform.start) % DAY + rng.normal(0, HOUR, n).astype(np.int64)
        parent, target = posts(platform, rng, n)
        reached = members(platform.world, midnight)
        alone = (acts.kind == Act.MESSAGE) | (acts.kind == Act.FOLLOW)
        if len(reached):
            target[alone] = rng.choice(reached, int(alone.sum()))
        # What was about a page, a link or the account's own wall stays so; answers go to other posts.
        about = (acts.target != NONE) & (target != NONE)
        text = acts.text.copy()
        for said in np.unique(text[text != NONE]):
            rows = np.flatnonzero(acts.text == said)
            text[rows] = reworded(platform, rng, int(said), len(rows), one.times)
        again = Acts.of(
            midnight + of_day % DAY,
            one.account,
            acts.kind,
            target=np.where(about, target, NONE),
            parent=np.where(about & ~alone, parent, NONE),
            item=acts.item,
            text=text,
            harm=acts.harm,
        )
        # A report of the guilty would not be false.
        return again.take((again.kind != Act.REPORT) | (platform.world["role"][again.target] == Role.MEMBER))


def _habits(platform: Platform, who: npt.NDArray[np.int32], since: int) -> dict[int, Acts]:
    """What these accounts did of harm since a time, at most the last forty acts of each."""
    if not len(who):
        return {}
    found, wanted = [], among(platform.world, who)
    for part in reversed(platform.log.parts):
        if len(part) and part.at.max() < since:
            break
        found.append(part.take((part.harm > 0) & wanted[part.actor]))
    acts = together(found)
    ordered = acts.take(np.argsort(acts.at, kind="stable"))
    each = {int(one): ordered.take(np.flatnonzero(ordered.actor == one)[-40:]) for one in who}
    return {one: part for one, part in each.items() if len(part)}
