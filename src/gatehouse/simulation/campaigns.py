"""Coordinated campaigns: accounts that push the same things together, at once or slowly, or one text in many forms."""

from dataclasses import dataclass, field
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, Harm
from gatehouse.simulation.cast import HOUR, SECOND, Platform
from gatehouse.simulation.crews import Crew, Crews
from gatehouse.simulation.plans import MINUTE, awake, fresh, posts, reworded, shared
from gatehouse.simulation.reactions import say
from gatehouse.simulation.world import Role


@dataclass(frozen=True, kw_only=True)
class Manner:
    """How the accounts of a campaign go about it.

    They act on `things` a day (on average, as a group), each account on a share `participation` of them, after a delay
    between the two of `delay` (microseconds) from when the thing is given out. `linked` is the share of things that are
    an item, such as a link or a page, and `hijacked` the share of these that members share too; the others are recent
    posts. With `copied` each thing is a text that all bring in
    words of their own, under posts of their own choice or as posts.
    """

    things: float
    participation: float
    delay: tuple[int, int]
    linked: float = 0.5
    hijacked: float = 0.2
    copied: bool = False


MANNERS = {
    "lockstep": Manner(things=6.0, participation=0.8, delay=(0, 45 * SECOND)),
    "jittered": Manner(things=6.0, participation=0.6, delay=(MINUTE, HOUR)),
    "slow_drip": Manner(things=3.0, participation=0.4, delay=(HOUR, 72 * HOUR)),
    "copied_text": Manner(things=2.0, participation=0.6, delay=(5 * MINUTE, 36 * HOUR), copied=True),
}
"""The four shapes. Their members do about five, four, one and one act of the campaign a day."""


@dataclass(eq=False, kw_only=True)
class Campaigns(Crews):
    """Campaigns of one shape, a key of MANNERS; `manner` changes how they go about it.

    Lockstep, jittered and slow-drip campaigns are of bots that push things by likes, reposts and comments
    (manipulation); those of copied text are of spammers. Struck, they act on fewer things, more slowly, in fewer
    accounts at once, and rewrite their text more freely.
    """

    shape: str
    name: str = ""
    count: int = 10
    size: tuple[int, int] = (5, 100)
    manner: Manner | None = None
    older: float = 0.5
    sharing: float = 0.2
    camouflage: float = 0.3
    _manner: Manner = field(init=False)
    _shared: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32), init=False)
    _shared_on: int = field(default=-1, init=False)

    KINDS: ClassVar[list[Act]] = [Act.LIKE, Act.REPOST, Act.COMMENT]

    def __post_init__(self) -> None:
        if self.shape not in MANNERS:
            raise ValueError(f"no campaigns of shape '{self.shape}', but {', '.join(MANNERS)}")
        self.name = self.name or f"campaigns_{self.shape}"
        self._manner = self.manner or MANNERS[self.shape]
        self.role = Role.SPAMMER if self._manner.copied else Role.BOT
        super().__post_init__()

    def plan(self, platform: Platform, day: int, crew: Crew, rng: np.random.Generator) -> Acts:
        """The things of a day, and who acts on each of them when."""
        n, world = int(rng.poisson(self._manner.things * crew.pace)), platform.world
        taking = self._manner.participation * np.sqrt(crew.pace)
        thing, place = np.nonzero(rng.random((n, len(crew.accounts))) < taking)
        who = crew.accounts[place]
        given = awake(rng, np.full(n, world["zone"][crew.accounts[0]]), platform.midnight(day))
        at = self._times(platform, rng, given[thing], world["zone"][who], crew.spread)
        if self._manner.copied:
            return self._copied(platform, rng, crew, thing, who, at)
        parent, target = posts(platform, rng, n, distinct=True)
        item = np.where(
            (rng.random(n) < self._manner.linked) | (parent == NONE), self._items(platform, day, n, rng), NONE
        )
        kinds = rng.choice(self.KINDS, n, p=[0.4, 0.35, 0.25]).astype(np.uint8)[thing]
        text = np.full(len(who), NONE, np.int32)
        says = kinds == Act.COMMENT
        text[says] = say(rng, platform.texts, "talk", world["language"][who[says]])
        return Acts.of(
            at,
            who,
            kinds,
            target=np.where(item == NONE, target, NONE)[thing],
            parent=np.where(item == NONE, parent, NONE)[thing],
            item=item[thing],
            text=text,
            harm=Harm.MANIPULATION,
            campaign=crew.number,
        )

    def _items(self, platform: Platform, day: int, n: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
        if self._shared_on != day:
            self._shared, self._shared_on = shared(platform, platform.midnight(day - 1)), day
        own = fresh(rng, n)
        if not len(self._shared):
            return own
        return np.where(rng.random(n) < self._manner.hijacked, rng.choice(self._shared, n), own)

    def _times(
        self,
        platform: Platform,
        rng: np.random.Generator,
        given: npt.NDArray[np.int64],
        zones: npt.NDArray[np.int8],
        spread: float,
    ) -> npt.NDArray[np.int64]:
        low, high = self._manner.delay
        at = given + (rng.uniform(low, max(high, low + 1), len(given)) * spread).astype(np.int64)
        if high < 12 * HOUR:
            return at
        # Who takes days over it sleeps at night like anyone.
        return np.maximum(awake(rng, zones, at - (at - platform.start) % (24 * HOUR)), given + low)

    def _copied(
        self,
        platform: Platform,
        rng: np.random.Generator,
        crew: Crew,
        thing: npt.NDArray[np.int64],
        who: npt.NDArray[np.int32],
        at: npt.NDArray[np.int64],
    ) -> Acts:
        text = np.full(len(who), NONE, np.int32)
        language = int(platform.world["language"][crew.accounts[0]])
        for number in np.unique(thing):
            (said,) = platform.texts.draw(rng, "spam", language, 1)
            rows = np.flatnonzero(thing == number)
            text[rows] = reworded(platform, rng, int(said), len(rows), crew.lessons)
        parent, target = posts(platform, rng, len(who))
        under = (rng.random(len(who)) < 0.6) & (parent != NONE)
        return Acts.of(
            at,
            who,
            np.where(under, Act.COMMENT, Act.POST),
            target=np.where(under, target, NONE),
            parent=np.where(under, parent, NONE),
            text=text,
            harm=Harm.SPAM,
            campaign=crew.number,
        )
