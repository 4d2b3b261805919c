"""Scammers: friendly messages to newcomers, until the conversation turns."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import Act, Acts, Harm, together
from gatehouse.simulation.cast import DAY, HOUR, Platform
from gatehouse.simulation.crews import Crew, Crews
from gatehouse.simulation.plans import awake, members, reworded, some
from gatehouse.simulation.reactions import say
from gatehouse.simulation.world import Role


@dataclass(eq=False, kw_only=True)
class Scammers(Crews):
    """Scammers alone or in small groups that work from one script.

    Each account approaches `victims` newcomers a day: members of less than `newcomer` (microseconds) on the platform,
    else those with the fewest followers. It writes two to five friendly messages, hours apart; after one to three days
    the conversation turns, and one to three messages carry the scam (only these count as harm). Struck, it approaches
    fewer, waits longer before it turns, and writes another script, reworded for each.
    """

    name: str = "scammers"
    shape: str = field(default="scam", init=False)
    role: Role = field(default=Role.SCAMMER, init=False)
    count: int = 10
    size: tuple[int, int] = (1, 5)
    lasts: tuple[int, int] = (6, 20)
    older: float = 0.4
    camouflage: float = 0.15
    victims: float = 6.0
    newcomer: int = 30 * DAY

    def plan(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        """The conversations that begin on a day, with all that is to be said in them later."""
        world, midnight = platform.world, platform.midnight(day)
        if not len(crew.texts):
            crew.texts = platform.texts.draw(rng, "scam", int(world["language"][crew.accounts[0]]), 1)
        who = np.repeat(crew.accounts, rng.poisson(self.victims * crew.pace, len(crew.accounts)))
        victims = some(rng, self._newcomers(platform, day), len(who))
        who = who[: len(victims)]
        begun = awake(rng, world["zone"][who], midnight)
        turned = begun + (rng.uniform(DAY, 3 * DAY, len(who)) * crew.spread).astype(np.int64)

        words = rng.integers(2, 6, len(who))
        talk = np.repeat(np.arange(len(who)), words)
        at = begun[talk] + (rng.random(len(talk)) * (turned - begun)[talk]).astype(np.int64)
        text = say(rng, platform.texts, "talk", world["language"][who[talk]])
        friendly = Acts.of(at, who[talk], Act.MESSAGE, target=victims[talk], text=text, campaign=crew.number)

        asks = np.repeat(np.arange(len(who)), rng.integers(1, 4, len(who)))
        at = turned[asks] + rng.integers(0, 6 * HOUR, len(asks))
        text = reworded(platform, rng, int(crew.texts[0]), len(asks), crew.lessons)
        asked = Acts.of(
            at, who[asks], Act.MESSAGE, target=victims[asks], text=text, harm=Harm.SCAM, campaign=crew.number
        )
        return together([friendly, asked])

    def _newcomers(self, platform: Platform, day: int) -> npt.NDArray[np.int32]:
        world, midnight = platform.world, platform.midnight(day)
        known = members(world, midnight)
        new = known[world["created"][known] > midnight - self.newcomer]
        return new if len(new) >= 50 else known[np.argsort(world["followers"][known], kind="stable")[:500]]
