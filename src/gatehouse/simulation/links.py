"""Links of the day: what members share of their own accord, so that a link alone tells nothing."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.cast import HOUR, Enforced, Platform
from gatehouse.simulation.plans import Waiting, among, awake, fresh, members, refuse_unsound
from gatehouse.simulation.reactions import say


@dataclass(eq=False, kw_only=True)
class Links:
    """Items that members post, repost and like: most by a few of them, some by hundreds; nobody planned it.

    `count` items come up on days of `start` (first, last), each for `size` members (from, to; small ones are as
    frequent as large ones by powers of ten) drawn from all, within `lag` (mean, microseconds). It serves one
    simulation. Raises ValueError for settings that make no sense.
    """

    name: str = "links"
    count: int = 300
    size: tuple[int, int] = (1, 400)
    start: tuple[int, int] = (0, 6)
    lag: int = 8 * HOUR
    _waiting: Waiting = field(default_factory=Waiting, init=False)
    _begins: npt.NDArray[np.int64] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        refuse_unsound(self, sizes=("size",), ranges=("start",), counts=("count", "lag"))

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """The items that come up on a day, and who shares them then and later."""
        if self._begins is None:
            self._begins = rng.integers(self.start[0], self.start[1] + 1, self.count)
        n, known = int((self._begins == day).sum()), members(platform.world, platform.midnight(day))
        low, high = self.size
        sizes = np.exp(rng.uniform(np.log(low), np.log(high + 1), n if len(known) else 0)).astype(np.int64)
        items, up = fresh(rng, len(sizes)), awake(rng, np.zeros(len(sizes), np.int8), platform.midnight(day))
        place = np.repeat(np.arange(len(sizes)), sizes)
        who = rng.choice(known, len(place)) if len(known) else known
        at = up[place] + rng.exponential(self.lag, len(place)).astype(np.int64)
        kinds = rng.choice([Act.REPOST, Act.POST, Act.LIKE], len(place), p=[0.4, 0.3, 0.3]).astype(np.uint8)
        says, text = kinds == Act.POST, np.full(len(place), NONE, np.int32)
        text[says] = say(rng, platform.texts, "talk", platform.world["language"][who[says]])
        shared = Acts.of(at, who, kinds, item=items[place], text=text, harm=Harm.NONE)
        return self._waiting.due([shared], platform.midnight(day + 1))

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """Who was suspended shares no more."""
        self._waiting.drop(among(platform.world, enforced.actors))
