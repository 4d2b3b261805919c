"""A small simulated platform for tests: members, and spammers who write at people."""

from pathlib import Path

import numpy as np

from gatehouse.simulation import platform, tables
from gatehouse.simulation.acts import Act, Acts, Harm
from gatehouse.simulation.cast import DAY
from gatehouse.simulation.corpus import Corpus
from gatehouse.simulation.enforcement import Enforcement, Stated
from gatehouse.simulation.members import Members
from gatehouse.simulation.reviewers import Reviewers
from gatehouse.simulation.world import Role

SEED, DAYS = 3, 9


class Pests:
    """Sixty accounts that post spam at members every day."""

    name = "pests"

    def settle(self, platform, rng):
        """They come before the first day."""
        self.who = platform.world.join(60, created=platform.start - DAY, role=Role.SPAMMER, followers=40)

    def day(self, platform, day, rng):
        """Each posts three times."""
        who = np.repeat(self.who, 3)
        at = platform.midnight(day) + rng.integers(0, DAY, len(who))
        target = rng.integers(0, 40, len(who))
        text = platform.texts.draw(rng, "spam", 0, len(who))
        return Acts.of(at, who, Act.POST, target=target, text=text, harm=Harm.SPAM)

    def learn(self, platform, day, enforced, rng):
        """They learn nothing."""


def simulate(folder: Path, *, enforced: bool = True, seed: int = SEED, perfect: bool = False) -> Path:
    """Write a simulation of some days, with somebody who enforces or nobody."""
    judge = Stated(dict.fromkeys(Harm, 1.0), {}, review=0.0) if perfect else Stated()
    people = Reviewers(sensitivity=1.0, specificity=1.0) if perfect else Reviewers()
    enforcer = Enforcement(seed, judge, people) if enforced else None
    casts = [Members(150), Pests()]
    tables.write(platform.simulate(seed, DAYS, casts, Corpus(), enforcer=enforcer), folder)
    return folder
