"""Harassers: one person, or a crowd by agreement, goes after one member for days."""

from dataclasses import dataclass, field

import numpy as np

from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.cast import Platform
from gatehouse.simulation.crews import Crew, Crews
from gatehouse.simulation.plans import awake, posting, some
from gatehouse.simulation.reactions import say
from gatehouse.simulation.world import Role


@dataclass(eq=False, kw_only=True)
class Harassers(Crews):
    """Harassers of one member each, alone or as a pile-on, under accounts that mostly look like any member's.

    Each account does `often` acts on the first day and by `fading` fewer each day after (0.8: a fifth fewer): comments
    under what the target posted of late, and messages. A comment answers a post only where one is recent; else it
    stands on the target's page. Struck, they write less and more seldom, in other words, from other addresses.
    """

    name: str = "harassers"
    shape: str = field(default="pile_on", init=False)
    role: Role = field(default=Role.HARASSER, init=False)
    count: int = 15
    size: tuple[int, int] = (1, 30)
    lasts: tuple[int, int] = (2, 8)
    older: float = 0.7
    camouflage: float = 0.5
    often: float = 5.0
    fading: float = 0.75

    def plan(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        """What all of them do to their target on a day."""
        world = platform.world
        if not len(crew.targets):
            crew.targets = some(rng, posting(platform, platform.midnight(day)), 1)
            if not len(crew.targets):
                return Acts.of([], [], [])
        rate = self.often * crew.pace * self.fading ** (day - crew.begins)
        who = np.repeat(crew.accounts, rng.poisson(rate, len(crew.accounts)))
        kinds = rng.choice([Act.COMMENT, Act.MESSAGE], len(who), p=[0.7, 0.3]).astype(np.uint8)
        serials, actors, _ = platform.recent
        of_target = serials[actors == crew.targets[0]]
        parent = rng.choice(of_target, len(who)) if len(of_target) else np.full(len(who), NONE)
        return Acts.of(
            awake(rng, world["zone"][who], platform.midnight(day)),
            who,
            kinds,
            target=crew.targets[0],
            parent=np.where(kinds == Act.COMMENT, parent, NONE),
            text=say(rng, platform.texts, "abuse", world["language"][who]),
            harm=Harm.HARASSMENT,
            campaign=crew.number,
        )
