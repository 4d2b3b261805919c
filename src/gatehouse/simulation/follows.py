"""Who follows whom, and draws within groups by weight, on which most of what the crowd does rests."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatehouse.simulation.acts import NONE, Act, Acts
from gatehouse.simulation.cast import Platform
from gatehouse.simulation.world import World

Ints = npt.NDArray[np.int32]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Groups:
    """Places 0 to n - 1 in the order of their groups, with the running sum of their weights."""

    order: Places
    sums: npt.NDArray[np.float64]
    bounds: Places

    @classmethod
    def of(cls, group: npt.ArrayLike, weight: npt.ArrayLike, groups: int) -> "Groups":
        """`group` is int [n] below `groups`, NONE belonging nowhere; `weight` float [n], never negative."""
        given = np.asarray(group)
        order = np.argsort(given, kind="stable")
        sums = np.concatenate([[0.0], np.cumsum(np.asarray(weight, np.float64)[order])])
        return cls(order, sums, np.searchsorted(given[order], np.arange(groups + 1)))

    def draw(self, rng: np.random.Generator, group: npt.NDArray[np.integer]) -> Places:
        """One place of each of these groups, by weight; NONE where a group has no weight or is NONE."""
        known = (group >= 0) & (group < len(self.bounds) - 1)
        asked = np.where(known, group, 0)
        if len(self.bounds) < 2 or not len(self.order):
            return np.full(len(group), NONE, np.int64)
        low, high = self.sums[self.bounds[asked]], self.sums[self.bounds[asked + 1]]
        drawn = low + (high - low) * rng.random(len(group))
        place = np.searchsorted(self.sums, drawn, side="right") - 1
        # Rounding must not lead over the end of a group.
        place = np.clip(place, self.bounds[asked], np.maximum(self.bounds[asked + 1] - 1, 0))
        return np.where(known & (high > low), self.order[place], NONE)


def by_follower(platform: Platform) -> Groups:
    """The pairs of `platform.follows` in groups of those who follow."""
    return _pairs(platform, 0)


def by_followed(platform: Platform) -> Groups:
    """The pairs of `platform.follows` in groups of those who are followed."""
    return _pairs(platform, 1)


def _pairs(platform: Platform, side: int) -> Groups:
    pairs = platform.follows
    return Groups.of(pairs[:, side], np.ones(len(pairs)), len(platform.world))


def drawn_to(rng: np.random.Generator, world: World, who: Ints, openness: float = 0.25) -> Ints:
    """Whom each of these comes to follow: of their community, the more followers the likelier; NONE for themselves.

    A share `openness` looks beyond its community, among all who speak its language. Who posts much is found first.
    """
    weight = np.where(world["community"] >= 0, world["followers"] + 0.2 * world["activity"] + 0.2, 0.0)
    near = Groups.of(world["community"], weight, int(world["community"].max(initial=0)) + 1)
    far = Groups.of(world["language"], weight, 256)
    found = near.draw(rng, world["community"][who])
    other = rng.random(len(who)) < openness
    found[other] = far.draw(rng, world["language"][who[other]])
    return np.where(found == who, NONE, found).astype(np.int32)


def befriend(rng: np.random.Generator, platform: Platform, who: Ints, each: npt.NDArray[np.int64]) -> None:
    """Let accounts follow `each` others (int [n]) in the time before the first day, so that some become well known.

    It goes in rounds: the first know nobody's fame, the later ones know that of the earlier.
    """
    rounds = 12
    for share in np.array_split(rng.permutation(np.repeat(who, each)), rounds):
        follow(platform, share, drawn_to(rng, platform.world, share))


def follow(platform: Platform, follower: Ints, followed: Ints) -> None:
    """Add pairs to those who follow, and count them; pairs that are there already change nothing."""
    said = (followed >= 0) & (follower != followed)
    keys = np.sort(follower[said].astype(np.int64) << 32 | followed[said])
    keys = keys[np.append(True, keys[1:] != keys[:-1])] if len(keys) else keys
    old = platform.follows
    # A stable sort of what is in order already takes next to no time.
    known = np.sort(old[:, 0].astype(np.int64) << 32 | old[:, 1], kind="stable")
    place = np.searchsorted(known, keys)
    new = keys[known[np.minimum(place, len(known) - 1)] != keys] if len(known) else keys
    pairs = _unpacked(new)
    platform.follows = _unpacked(np.sort(np.concatenate([known, new]), kind="stable"))
    n = len(platform.world)
    platform.world["following"][:] += np.bincount(pairs[:, 0], minlength=n).astype(np.int32)
    platform.world["followers"][:] += np.bincount(pairs[:, 1], minlength=n).astype(np.int32)


def _unpacked(keys: npt.NDArray[np.int64]) -> Ints:
    return np.stack([keys >> 32, keys & 0xFFFFFFFF], axis=1).astype(np.int32)


def follow_acts(platform: Platform, acts: Acts) -> None:
    """Take note of the acts that follow accounts."""
    these = (acts.kind == Act.FOLLOW) & (acts.target >= 0)
    if these.any():
        follow(platform, acts.actor[these], acts.target[these])
