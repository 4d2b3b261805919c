"""Brigades of false reporters: many report one innocent account within hours, so that it is taken for guilty."""

from dataclasses import dataclass, field

import numpy as np

from gatehouse.simulation.acts import NONE, Act, Acts, Harm, together
from gatehouse.simulation.cast import HOUR, Platform
from gatehouse.simulation.crews import Crew, Crews
from gatehouse.simulation.plans import awake, posting, some
from gatehouse.simulation.world import Role


@dataclass(eq=False, kw_only=True)
class Brigades(Crews):
    """Brigades whose members look like anyone, and who report one innocent after another.

    Each picks `targets` members a day who posted of late; of its accounts the share `taking` report a post of theirs,
    or the account where nothing is recent, within `within` (microseconds). Struck, fewer of them report, over a longer
    time, and targets become fewer.
    """

    name: str = "brigades"
    shape: str = field(default="brigade", init=False)
    role: Role = field(default=Role.FALSE_REPORTER, init=False)
    count: int = 5
    size: tuple[int, int] = (10, 60)
    lasts: tuple[int, int] = (4, 14)
    older: float = 0.6
    camouflage: float = 0.4
    targets: float = 0.8
    taking: float = 0.8
    within: int = 5 * HOUR

    def plan(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        """Whom a brigade goes after on a day, and who reports when."""
        # Somebody is gone after on the first day, so that each brigade shows.
        n = max(int(rng.poisson(self.targets * crew.pace)), int(day == crew.begins))
        chosen = some(rng, posting(platform, platform.midnight(day)), n)
        return together(self._reports(platform, day, crew, int(target), rng) for target in chosen)

    def _reports(self, platform: Platform, day: int, crew: Crew, target: int, rng: np.random.Generator) -> Acts:
        serials, actors, _ = platform.recent
        of_target = serials[actors == target]
        who = crew.accounts[rng.random(len(crew.accounts)) < self.taking * np.sqrt(crew.pace)]
        called = awake(rng, platform.world["zone"][crew.accounts[:1]], platform.midnight(day))
        return Acts.of(
            called + (rng.random(len(who)) * self.within * crew.spread).astype(np.int64),
            who,
            Act.REPORT,
            target=target,
            parent=of_target[-1] if len(of_target) else NONE,
            harm=Harm.FALSE_REPORT,
            campaign=crew.number,
        )
