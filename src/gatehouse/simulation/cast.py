"""What a group of simulated accounts promises, and what it may look at while the days go by."""

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import Acts
from gatehouse.simulation.world import World

SECOND = 1_000_000
HOUR = 3_600 * SECOND
DAY = 24 * HOUR


class Texts(Protocol):
    """The corpus: texts by number."""

    def draw(self, rng: np.random.Generator, topic: str, language: int, n: int) -> npt.NDArray[np.int32]:
        """Numbers of n texts about a topic: `talk`, `spam`, `scam`, `abuse`, `fandom`, `petition`, `news`, `giveaway`.

        Another language than the corpus has gives its first.
        """
        ...

    def vary(self, rng: np.random.Generator, text: int, n: int) -> npt.NDArray[np.int32]:
        """Numbers of n new texts that say what this one says with small changes: words, signs, a tag, a number."""
        ...


@dataclass(eq=False)
class Log:
    """All acts so far, in the order in which they were added; their places are their serial numbers."""

    parts: list[Acts] = field(default_factory=list)
    length: int = 0

    def add(self, acts: Acts) -> npt.NDArray[np.int64]:
        """Append acts and give back their serial numbers."""
        first = self.length
        self.parts.append(acts)
        self.length += len(acts)
        return np.arange(first, self.length)


@dataclass(frozen=True, eq=False)
class Enforced:
    """What the platform did: suspended accounts (int32) and removed acts by their serial numbers (int64)."""

    actors: npt.NDArray[np.int32]
    acts: npt.NDArray[np.int64]


@dataclass(eq=False)
class Platform:
    """What is there to act on: accounts, texts, whom they follow, what was posted of late.

    `follows` are pairs (follower, followed), int32 [m, 2]; `recent` are serial numbers of the posts and comments of the
    last two days with their actors and times, int64 [k], int32 [k], int64 [k]; `start` is the first day's beginning.
    """

    world: World
    texts: Texts
    start: int
    log: Log
    follows: npt.NDArray[np.int32]
    recent: tuple[npt.NDArray[np.int64], npt.NDArray[np.int32], npt.NDArray[np.int64]]

    def midnight(self, day: int) -> int:
        """When a day begins (UTC), microseconds."""
        return self.start + day * DAY


class Cast(Protocol):
    """Accounts with a plan of their own: members with their habits, a bot ring, a crowd moved by the news."""

    @property
    def name(self) -> str:
        """Its name; its random numbers depend on the seed, this name and the day alone."""
        ...

    def day(self, platform: Platform, day: int, rng: np.random.Generator) -> Acts:
        """What it does on a day; it may add accounts and campaigns. Suspended accounts' acts are left out."""
        ...

    def learn(self, platform: Platform, day: int, enforced: Enforced, rng: np.random.Generator) -> None:
        """Take note, at the end of a day, of what was enforced: the bad adapt."""
        ...
