"""Bot rings: accounts that follow and like one another, and sell likes, reposts and followers."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, Harm, together
from gatehouse.simulation.cast import HOUR, Platform
from gatehouse.simulation.crews import Crew, Crews
from gatehouse.simulation.plans import among, awake, fresh, members, some
from gatehouse.simulation.reactions import say
from gatehouse.simulation.world import Role


@dataclass(eq=False, kw_only=True)
class BotRings(Crews):
    """Rings of bots that lend one another weight and sell it.

    On its first day each bot follows `follows` others of the ring; each day it posts `often` harmless things,
    likes or reposts a share `mutual` of what others of the ring posted of late, and takes part, with chance
    `taking`, in each of the ring's `orders` a day: likes and reposts of an item, or followers for a member who pays,
    delivered within `within` (microseconds). Struck, a ring takes fewer orders, delivers over a longer time, and in
    smaller parts.
    """

    name: str = "bot_rings"
    shape: str = field(default="bot_ring", init=False)
    role: Role = field(default=Role.BOT, init=False)
    count: int = 4
    size: tuple[int, int] = (15, 80)
    lasts: tuple[int, int] = (7, 30)
    older: float = 0.2
    sharing: float = 0.5
    camouflage: float = 0.1
    follows: int = 10
    often: float = 0.3
    mutual: float = 0.08
    orders: float = 2.0
    taking: float = 0.7
    within: int = 4 * HOUR

    def plan(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        """What a ring does for itself and for those who pay."""
        own = [self._posts(platform, day, crew, rng), self._mutual(platform, day, crew, rng)]
        if day == crew.begins:
            own.append(self._follow(platform, day, crew, rng))
        orders = [self._order(platform, day, crew, rng) for _ in range(rng.poisson(self.orders * crew.pace))]
        return together([*own, *orders])

    def _posts(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        who = np.repeat(crew.accounts, rng.poisson(self.often, len(crew.accounts)))
        text = say(rng, platform.texts, "talk", platform.world["language"][who])
        return Acts.of(self._when(platform, day, who, rng), who, Act.POST, text=text, campaign=crew.number)

    def _mutual(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        serials, actors, _ = platform.recent
        rows = np.flatnonzero(among(platform.world, crew.accounts)[actors])
        post, place = np.nonzero(rng.random((len(rows), len(crew.accounts))) < self.mutual * crew.pace)
        who, target = crew.accounts[place], actors[rows][post]
        kinds = rng.choice([Act.LIKE, Act.REPOST], len(who), p=[0.8, 0.2])
        at = self._when(platform, day, who, rng)
        acts = Acts.of(
            at,
            who,
            kinds,
            target=target,
            parent=serials[rows][post],
            harm=Harm.MANIPULATION,
            campaign=crew.number,
        )
        return acts.take(who != target)

    def _follow(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        n = len(crew.accounts)
        each = min(self.follows, n - 1)
        who = np.repeat(crew.accounts, each)
        # The next ones round the ring are others, each once.
        steps = np.stack([rng.choice(np.arange(1, n), each, replace=False) for _ in range(n)]).ravel() if each else who
        target = crew.accounts[(np.repeat(np.arange(n), each) + steps) % n]
        at = self._when(platform, day, who, rng)
        return Acts.of(at, who, Act.FOLLOW, target=target, harm=Harm.MANIPULATION, campaign=crew.number)

    def _order(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        who = crew.accounts[rng.random(len(crew.accounts)) < self.taking * np.sqrt(crew.pace)]
        n = len(who)
        given = awake(rng, platform.world["zone"][crew.accounts[:1]], platform.midnight(day))
        at = given + (rng.random(n) * self.within * crew.spread).astype(np.int64)
        client = some(rng, members(platform.world, platform.midnight(day)), 1)
        followed = len(client) > 0 and rng.random() < 0.3
        return Acts.of(
            at,
            who,
            Act.FOLLOW if followed else rng.choice([Act.LIKE, Act.REPOST], n, p=[0.6, 0.4]),
            target=client[0] if followed else NONE,
            item=NONE if followed else fresh(rng, 1)[0],
            harm=Harm.MANIPULATION,
            campaign=crew.number,
        )

    def _when(
        self, platform: Platform, day: int, who: npt.NDArray[np.int32], rng: np.random.Generator
    ) -> npt.NDArray[np.int64]:
        return awake(rng, platform.world["zone"][who], platform.midnight(day))
