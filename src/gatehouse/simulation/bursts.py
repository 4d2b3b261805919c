"""Benign crowds that look like campaigns: ordinary members whom one thing moves at about one time."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts, together
from gatehouse.simulation.cast import HOUR, SECOND, Enforced, Platform
from gatehouse.simulation.plans import MINUTE, Waiting, among, awake, fresh, members, posts, refuse_unsound, some
from gatehouse.simulation.reactions import say
from gatehouse.simulation.world import NEVER


@dataclass(eq=False, kw_only=True)
class Crowds(ABC):
    """A cast of benign crowds; it serves one simulation.

    `count` crowds of `size` members (from, to; as many as there are) come together on days of `start` (first, last).
    They act from their own accounts, which keep all their other habits, and nothing of it is harmful. Raises ValueError
    for settings that make no sense.
    """

    name: str
    count: int
    size: tuple[int, int]
    start: tuple[int, int] = (0, 6)
    _waiting: Waiting = field(default_factory=Waiting, init=False)
    _begins: npt.NDArray[np.int64] | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        refuse_unsound(self, sizes=("size",), ranges=("start",), counts=("count",))

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """The crowds that come together on this day, and what others still do."""
        if self._begins is None:
            self._begins = rng.integers(self.start[0], self.start[1] + 1, self.count)
        begun = [self.crowd(platform, day, rng) for _ in range(int((self._begins == day).sum()))]
        return self._waiting.due([*begun, *self.more(platform, day, rng)], platform.midnight(day + 1))

    @abstractmethod
    def crowd(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """What a crowd that comes together on a day does then and later."""

    def more(self, platform: Platform, day: int, rng: np.random.Generator) -> Iterable[Acts]:
        """What crowds of earlier days do day by day."""
        return ()

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """Nothing is to be learnt from it, but who was suspended does no more of what was planned."""
        self._waiting.drop(among(platform.world, enforced.actors))

    def _drawn(self, platform: Platform, day: int, rng: np.random.Generator) -> npt.NDArray[np.int32]:
        return some(rng, members(platform.world, platform.midnight(day)), self._size(rng))

    def _size(self, rng: np.random.Generator) -> int:
        low, high = self.size
        return int(np.exp(rng.uniform(np.log(low), np.log(high + 1))))


@dataclass(eq=False)
class Fans:
    """An idol, who follows it through the day, and how devoted each fan is (share of its posts answered)."""

    number: int
    idol: int
    accounts: npt.NDArray[np.int32]
    devoted: npt.NDArray[np.float64]


@dataclass(eq=False, kw_only=True)
class Fandom(Crowds):
    """Communities that for weeks answer and share within minutes whenever their idol posts: the hard case.

    An idol posts `posts` times a day; `devotion` is the mean share of its posts that a fan acts on, `lag` the median
    time it takes (microseconds), `chant` the share of answers that are one text of the day, the others are their own
    words.
    """

    name: str = "fandom"
    count: int = 3
    size: tuple[int, int] = (50, 500)
    start: tuple[int, int] = (0, 0)
    posts: float = 4.0
    devotion: float = 0.3
    lag: int = 4 * MINUTE
    chant: float = 0.15
    fans: list[Fans] = field(default_factory=list, init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_unsound(self, shares=("chant",), parts=("devotion",), counts=("posts", "lag"))

    def crowd(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """A fandom is found in one community of the platform, around the most followed of it."""
        world = platform.world
        all_of_it = members(world, platform.midnight(day))
        taken = [one for group in self.fans for one in (group.idol, *group.accounts.tolist())]
        free = all_of_it[~among(world, np.array(taken, np.int32))[all_of_it]]
        if len(free) > 1:
            community = world["community"][rng.choice(free)]
            of_it = free[world["community"][free] == community]
            of_it = of_it if len(of_it) > 1 else free
            idol = int(of_it[np.argmax(world["followers"][of_it])])
            fans = some(rng, of_it[of_it != idol], self._size(rng))
            devoted = rng.beta(4.0 * self.devotion + 1e-9, 4.0 * (1.0 - self.devotion), len(fans))
            number = world.gather("fandom", False, [idol, *fans])
            self.fans.append(Fans(number, idol, fans, devoted))
        return together([])

    def more(self, platform: Platform, day: int, rng: np.random.Generator) -> Iterable[Acts]:
        """The idols' posts of a day and what follows each of them."""
        for group in self.fans:
            if platform.world["suspended"][group.idol] == NEVER:
                yield self._posted(platform, day, group, rng)

    def _posted(self, platform: Platform, day: int, group: Fans, rng: np.random.Generator) -> Acts:
        world = platform.world
        zone, language = world["zone"][[group.idol]], world["language"][[group.idol]]
        n = int(rng.poisson(self.posts))
        posted = np.sort(awake(rng, np.repeat(zone, n), platform.midnight(day)))
        own = Acts.of(
            posted,
            group.idol,
            Act.POST,
            text=say(rng, platform.texts, "fandom", np.repeat(language, n)),
            campaign=group.number,
        )
        post, place = np.nonzero(rng.random((n, len(group.accounts))) < group.devoted)
        who = group.accounts[place]
        kinds = rng.choice([Act.COMMENT, Act.LIKE, Act.REPOST], len(who), p=[0.4, 0.45, 0.15]).astype(np.uint8)
        says = kinds == Act.COMMENT
        text = np.full(len(who), NONE, np.int32)
        text[says] = say(rng, platform.texts, "fandom", world["language"][who[says]])
        (chant,) = platform.texts.draw(rng, "fandom", int(language[0]), 1)
        text[says & (rng.random(len(who)) < self.chant)] = chant
        after = (self.lag * rng.lognormal(0.0, 1.0, len(who))).astype(np.int64)
        answers = Acts.of(posted[post] + after, who, kinds, target=group.idol, text=text, campaign=group.number)
        return together([own, answers])


@dataclass(eq=False, kw_only=True)
class Petition(Crowds):
    """Thousands post one text with a name or a word changed and the link of the petition, within hours to days.

    `lasts` is the time (from, to; microseconds) in which most have signed.
    """

    name: str = "petitions"
    count: int = 2
    size: tuple[int, int] = (300, 3000)
    lasts: tuple[int, int] = (6 * HOUR, 48 * HOUR)

    def crowd(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """Who signs, when, and the text of each."""
        who = self._drawn(platform, day, rng)
        number = platform.world.gather("petition", False, who)
        opened = int(awake(rng, np.zeros(1, np.int8), platform.midnight(day))[0])
        after = rng.gamma(1.5, rng.uniform(*self.lasts) / 3.0, len(who))
        (said,) = platform.texts.draw(rng, "petition", _language(platform, who), 1)
        text = platform.texts.vary(rng, int(said), len(who))
        at = opened + after.astype(np.int64)
        return Acts.of(at, who, Act.POST, item=fresh(rng, 1)[0], text=text, campaign=number)


@dataclass(eq=False, kw_only=True)
class BreakingNews(Crowds):
    """Thousands post about one item and share it within an hour; `lag` is the mean time it takes them (microseconds).

    The share `again` of them come back to it a second time.
    """

    name: str = "breaking_news"
    count: int = 4
    size: tuple[int, int] = (500, 5000)
    lag: int = 20 * MINUTE
    again: float = 0.25

    def crowd(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """Who hears of it, when, and what each does with it."""
        heard = self._drawn(platform, day, rng)
        number = platform.world.gather("breaking_news", False, heard)
        who = np.concatenate([heard, heard[rng.random(len(heard)) < self.again]])
        broke = int(awake(rng, np.zeros(1, np.int8), platform.midnight(day))[0])
        kinds = rng.choice([Act.REPOST, Act.POST, Act.COMMENT], len(who), p=[0.5, 0.3, 0.2]).astype(np.uint8)
        says = kinds != Act.REPOST
        text = np.full(len(who), NONE, np.int32)
        text[says] = say(rng, platform.texts, "news", platform.world["language"][who[says]])
        at = broke + rng.exponential(self.lag, len(who)).astype(np.int64)
        return Acts.of(at, who, kinds, item=fresh(rng, 1)[0], text=text, campaign=number)


@dataclass(eq=False, kw_only=True)
class Giveaway(Crowds):
    """Crowds share and answer one post to win something; the same enthusiasts turn up in many giveaways.

    A share `keen` of each crowd comes from a circle of `circle` enthusiasts, all others come by chance. Most act within
    `lag` (mean, microseconds); what they write is nearly the same, with friends' names changed.
    """

    name: str = "giveaways"
    count: int = 8
    size: tuple[int, int] = (100, 1000)
    keen: float = 0.4
    circle: int = 300
    lag: int = 3 * HOUR
    enthusiasts: npt.NDArray[np.int32] = field(default_factory=lambda: np.empty(0, np.int32), init=False)

    def __post_init__(self) -> None:
        super().__post_init__()
        refuse_unsound(self, shares=("keen",), counts=("circle",))

    def crowd(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """Who takes part: a share each post, a comment, or both."""
        world, size = platform.world, self._size(rng)
        if not len(self.enthusiasts):
            self.enthusiasts = some(rng, members(world, platform.midnight(day)), self.circle)
        here = members(world, platform.midnight(day))
        (parent,), (target,) = posts(platform, rng, 1)
        here = here[here != target]
        keen = some(rng, self.enthusiasts[among(world, here)[self.enthusiasts]], int(size * self.keen))
        who = np.union1d(keen, some(rng, here, size - len(keen)))
        number = world.gather("giveaway", False, who)
        item = fresh(rng, 1)[0] if parent == NONE else NONE
        (said,) = platform.texts.draw(rng, "giveaway", _language(platform, who), 1)
        text = platform.texts.vary(rng, int(said), len(who))
        opened = awake(rng, np.zeros(1, np.int8), platform.midnight(day))
        at = opened + rng.exponential(self.lag, len(who)).astype(np.int64)
        shares, answers = rng.random(len(who)) < 0.7, rng.random(len(who)) < 0.8
        about = {"target": target, "parent": parent, "item": item, "campaign": number}
        shared = Acts.of(at[shares], who[shares], Act.REPOST, **about)
        soon = at[answers] + rng.integers(5 * SECOND, 2 * MINUTE, int(answers.sum()))
        return together([shared, Acts.of(soon, who[answers], Act.COMMENT, text=text[answers], **about)])


def _language(platform: Platform, who: npt.NDArray[np.int32]) -> int:
    spoken = platform.world["language"][who]
    return int(np.bincount(spoken).argmax()) if len(spoken) else 0
