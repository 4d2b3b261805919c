"""A small platform on which one cast acts for some days; its members only post, its texts know where they come from."""

from collections.abc import Callable

import numpy as np

from gatehouse.simulation.acts import NONE, Act, Acts, together
from gatehouse.simulation.cast import DAY, Cast, Enforced, Log, Platform
from gatehouse.simulation.world import NEVER, World

START = 1_740_960_000_000_000
POOL = 200
TOPICS = ["talk", "spam", "scam", "abuse", "fandom", "petition", "news", "giveaway"]
NOTHING = Enforced(np.empty(0, np.int32), np.empty(0, np.int64))

Enforce = Callable[[Platform, int, Acts, np.ndarray], Enforced]


class FakeTexts:
    """A pool of texts a topic; forms of a text know their first text and how often they were changed."""

    def __init__(self) -> None:
        self.topics = list(np.repeat(TOPICS, POOL))
        self.origin = list(range(len(self.topics)))
        self.changes = [0] * len(self.topics)

    def draw(self, rng, topic, language, n):
        return (TOPICS.index(topic) * POOL + rng.integers(0, POOL, n)).astype(np.int32)

    def vary(self, rng, text, n):
        first = len(self.topics)
        self.topics += [self.topics[text]] * n
        self.origin += [self.origin[text]] * n
        self.changes += [self.changes[text] + 1] * n
        return np.arange(first, first + n, dtype=np.int32)


def make_platform(members: int = 400, seed: int = 0) -> Platform:
    """Members of ten communities and four languages, with a month to several years behind them."""
    rng, world = np.random.default_rng(seed), World()
    none = np.empty(0, np.int64)
    platform = Platform(
        world, FakeTexts(), START, Log(), np.empty((0, 2), np.int32), (none, none.astype(np.int32), none)
    )
    world.join(
        members,
        created=START - rng.integers(30 * DAY, 900 * DAY, members),
        community=rng.integers(0, 10, members),
        language=rng.integers(0, 4, members),
        zone=rng.choice([-5, 0, 1, 8], members),
        activity=1.0,
        followers=rng.zipf(1.8, members).clip(0, 10_000),
    )
    return platform


def live(
    cast: Cast, days: int, platform: Platform | None = None, *, seed: int = 7, enforce: Enforce | None = None
) -> tuple[Platform, Acts, list[int]]:
    """Let some days go by; all acts of the cast in the order in which they came, and how many came a day."""
    platform = platform or make_platform()
    shown, counts = [], []
    for day in range(days):
        rng = np.random.default_rng([seed, day])
        acts = cast.day(platform, day, rng)
        check_promises(platform, day, acts)
        acts = acts.take(acts.at < platform.world["suspended"][acts.actor])
        serials = platform.log.add(acts)
        enforced = enforce(platform, day, acts, serials) if enforce else NOTHING
        platform.world["suspended"][enforced.actors] = platform.midnight(day + 1)
        _remember(platform, day, rng)
        cast.learn(platform, day, enforced, rng)
        shown.append(acts)
        counts.append(len(acts))
    return platform, together(shown), counts


def check_promises(platform: Platform, day: int, acts: Acts) -> None:
    """What every cast promises of the acts of a day."""
    world = platform.world
    assert ((acts.at >= platform.midnight(day)) & (acts.at < platform.midnight(day + 1))).all()
    assert (world["created"][acts.actor] <= acts.at).all()
    assert (acts.parent < platform.log.length).all()
    assert (acts.target < len(world)).all()
    assert (acts.target != acts.actor).all() or not len(acts)
    says = np.isin(acts.kind, [Act.POST, Act.COMMENT, Act.MESSAGE])
    assert ((acts.text != NONE) == says).all()


def suspend(share: float, from_day: int = 0) -> Enforce:
    """An enforcer that suspends a share of all who did harm on a day, and removes what they did."""

    def enforce(platform: Platform, day: int, acts: Acts, serials: np.ndarray) -> Enforced:
        if day < from_day:
            return NOTHING
        bad = np.unique(acts.actor[acts.harm > 0])
        taken = bad[np.random.default_rng(day).random(len(bad)) < share]
        return Enforced(taken.astype(np.int32), serials[np.isin(acts.actor, taken)])

    return enforce


def remove(platform: Platform, day: int, acts: Acts, serials: np.ndarray) -> Enforced:
    """An enforcer that removes all harmful acts and suspends nobody."""
    return Enforced(NOTHING.actors, serials[acts.harm > 0])


def remove_on(only: int) -> Enforce:
    """An enforcer that removes all harmful acts of one day and does nothing else."""
    return lambda platform, day, acts, serials: remove(platform, day, acts, serials) if day == only else NOTHING


def same(one: Acts, other: Acts) -> bool:
    """Whether two lists of acts are equal, column by column."""
    return all(np.array_equal(getattr(one, name), getattr(other, name)) for name in vars(one))


def _remember(platform: Platform, day: int, rng: np.random.Generator) -> None:
    """Members post; what they posted on the day is what is recent."""
    alive = np.flatnonzero((platform.world["role"] == 0) & (platform.world["suspended"] == NEVER)).astype(np.int32)
    who = rng.choice(alive, min(100, len(alive)), replace=False)
    at = np.sort(platform.midnight(day) + rng.integers(0, DAY, len(who)))
    serials = platform.log.add(Acts.of(at, who, Act.POST, text=platform.texts.draw(rng, "talk", 0, len(who))))
    platform.recent = (serials, who, at)
