"""Spammers: new accounts that bring the same texts and links to many who never asked."""

from dataclasses import dataclass, field

import numpy as np

from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.cast import Platform
from gatehouse.simulation.crews import Crew, Crews
from gatehouse.simulation.plans import awake, fresh, members, posts, reworded
from gatehouse.simulation.world import Role


@dataclass(eq=False, kw_only=True)
class Spammers(Crews):
    """Spammers alone or a few together, mostly under new accounts.

    Each account does `often` acts a day: posts with the group's link, comments under recent posts, messages to members
    by chance; all with one of `few` texts, word for word. Struck, it writes less, finds other texts and another link,
    and rewords the texts for each who gets them.
    """

    name: str = "spammers"
    shape: str = field(default="spam", init=False)
    role: Role = field(default=Role.SPAMMER, init=False)
    count: int = 20
    size: tuple[int, int] = (1, 8)
    lasts: tuple[int, int] = (3, 14)
    older: float = 0.15
    sharing: float = 0.4
    camouflage: float = 0.05
    often: float = 25.0
    few: int = 3

    def plan(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        """What a group spreads on a day, and where."""
        world = platform.world
        if not len(crew.texts):
            language = int(world["language"][crew.accounts[0]])
            crew.texts = platform.texts.draw(rng, "spam", language, self.few)
            crew.targets = fresh(rng, 1)
        who = np.repeat(crew.accounts, rng.poisson(self.often * crew.pace, len(crew.accounts)))
        n = len(who)
        text = rng.choice(crew.texts, n)
        if crew.lessons:
            for one in np.unique(text):
                rows = np.flatnonzero(text == one)
                text[rows] = reworded(platform, rng, int(one), len(rows), crew.lessons - 1)
        parent, target = posts(platform, rng, n)
        reached = members(world, platform.midnight(day))
        kinds = rng.choice([Act.POST, Act.COMMENT, Act.MESSAGE], n, p=[0.2, 0.4, 0.4]).astype(np.uint8)
        kinds[((kinds == Act.COMMENT) & (parent == NONE)) | ((kinds == Act.MESSAGE) & (len(reached) == 0))] = Act.POST
        written_to = kinds == Act.MESSAGE
        if written_to.any():
            target[written_to] = rng.choice(reached, int(written_to.sum()))
        return Acts.of(
            awake(rng, world["zone"][who], platform.midnight(day)),
            who,
            kinds,
            target=np.where(kinds == Act.POST, NONE, target),
            parent=np.where(kinds == Act.COMMENT, parent, NONE),
            item=np.where(kinds == Act.POST, crew.targets[0], NONE),
            text=text,
            harm=Harm.SPAM,
            campaign=crew.number,
        )
