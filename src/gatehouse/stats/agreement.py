"""How far raters agree beyond chance, with intervals from drawing items again; raters are taken as they are.

Classes hold the votes once and measure them under many weighings of the items ([..., n] in, [...] out, NaN where a
weighing leaves nothing to measure); functions give an `Agreement` or raise ValueError with the reason.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatehouse.stats.intervals import Interval, Measure, bootstrap

Floats = npt.NDArray[np.float64]


class Agreement(NamedTuple):
    """A measure of agreement with its bootstrap interval: items, or clusters of them, drawn again with all ratings."""

    value: Interval
    items: int
    ratings: int


class Pairs:
    """Two raters' classes of the same items."""

    def __init__(self, first: npt.ArrayLike, second: npt.ArrayLike) -> None:
        first, second = np.asarray(first), np.asarray(second)
        if first.ndim != 1 or first.shape != second.shape:
            raise ValueError(f"two raters must rate the same items, not {first.shape} and {second.shape}")
        classes, codes = np.unique(np.concatenate([first, second]), return_inverse=True)
        self.classes = len(classes)
        cells = codes[: len(first)] * self.classes + codes[len(first) :]
        self._cells = np.eye(self.classes**2)[cells]

    def cohen(self, weights: Floats) -> Floats:
        """Cohen's kappa (Cohen 1960)."""
        table = (weights @ self._cells).reshape(*weights.shape[:-1], self.classes, self.classes)
        n = table.sum(axis=(-2, -1))
        agreed = np.trace(table, axis1=-2, axis2=-1)
        by_chance = np.sum(table.sum(axis=-1) * table.sum(axis=-2), axis=-1)
        return _beyond_chance(agreed * n, by_chance, n * n)


class Votes:
    """How many raters put each item into each class, [n, classes]; raters need not be the same, nor as many."""

    def __init__(self, counts: npt.ArrayLike) -> None:
        counts = np.asarray(counts, np.float64)
        if counts.ndim != 2 or counts.shape[1] < 2:
            raise ValueError(f"votes are counts by item and class, [n, 2 or more], not {counts.shape}")
        if np.any(~(counts >= 0)):
            raise ValueError("votes must be counts, none missing and none below 0")
        self.paired = counts.sum(axis=1) >= 2
        self.counts = counts[self.paired]
        self.ratings = self.counts.sum(axis=1)

    def fleiss(self, weights: Floats) -> Floats:
        """Fleiss' kappa (Fleiss 1971); where items have unlike numbers of ratings, each item counts the same."""
        counts, m = self.counts, self.ratings
        agreed = np.sum(counts * (counts - 1), axis=1) / (m * (m - 1))
        n = weights.sum(axis=-1)
        shares = weights @ (counts / m[:, None])
        return _beyond_chance((weights @ agreed) * n, np.sum(shares**2, axis=-1), n * n)

    def krippendorff(self, weights: Floats) -> Floats:
        """Krippendorff's alpha for unordered classes (Krippendorff 2004, chapter 11); each rating counts the same."""
        counts, m = self.counts, self.ratings
        disagreed = weights @ ((m**2 - np.sum(counts**2, axis=1)) / (m - 1))
        by_class = weights @ counts
        n = by_class.sum(axis=-1)
        by_chance = (n**2 - np.sum(by_class**2, axis=-1)) / np.maximum(n - 1, 1.0)
        return _beyond_chance(by_chance - disagreed, np.zeros_like(n), by_chance)


def votes(ratings: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Counts by item and class from classes by item and rater, int [n, raters], -1 where a rater gave none."""
    ratings = np.asarray(ratings, np.int64)
    if ratings.ndim != 2:
        raise ValueError(f"ratings stand by item and rater, [n, raters], not {ratings.shape}")
    classes = max(int(ratings.max(initial=1)) + 1, 2)
    return np.stack([np.sum(ratings == one, axis=1) for one in range(classes)], axis=1)


def cohen_kappa(
    first: npt.ArrayLike,
    second: npt.ArrayLike,
    rng: np.random.Generator,
    *,
    clusters: npt.ArrayLike | None = None,
    draws: int = 1_000,
) -> Agreement:
    """Agreement of two raters who each rated every item; `clusters` as in `bootstrap`."""
    pairs = Pairs(first, second)
    n = np.shape(first)[0]
    if n == 0:
        raise ValueError("two raters without an item in common have no agreement")
    if pairs.classes < 2:
        raise ValueError(_ONE_CLASS)
    return Agreement(bootstrap(pairs.cohen, n, rng, clusters=clusters, draws=draws), n, 2 * n)


def fleiss_kappa(
    counts: npt.ArrayLike, rng: np.random.Generator, *, clusters: npt.ArrayLike | None = None, draws: int = 1_000
) -> Agreement:
    """Agreement of several raters from votes by item and class; items with fewer than two ratings say nothing."""
    found = _votes(counts)
    return _agreement(found, found.fleiss, rng, clusters, draws)


def krippendorff_alpha(
    counts: npt.ArrayLike, rng: np.random.Generator, *, clusters: npt.ArrayLike | None = None, draws: int = 1_000
) -> Agreement:
    """Agreement of raters who did not all rate everything, from votes by item and class."""
    found = _votes(counts)
    return _agreement(found, found.krippendorff, rng, clusters, draws)


_ONE_CLASS = (
    "all ratings name one class, so agreement beyond chance is not defined: there was nothing to disagree about"
)


def _votes(counts: npt.ArrayLike) -> Votes:
    found = Votes(counts)
    if not len(found.counts):
        raise ValueError("no item was rated twice: one rating of an item can agree with nothing")
    if np.count_nonzero(found.counts.sum(axis=0)) < 2:
        raise ValueError(_ONE_CLASS)
    return found


def _agreement(
    found: Votes, measure: Measure, rng: np.random.Generator, clusters: npt.ArrayLike | None, draws: int
) -> Agreement:
    n = len(found.counts)
    members = None if clusters is None else np.asarray(clusters)[found.paired]
    return Agreement(bootstrap(measure, n, rng, clusters=members, draws=draws), n, int(found.ratings.sum()))


def _beyond_chance(agreed: Floats, by_chance: Floats, most: Floats) -> Floats:
    """(agreed - by chance) / (most - by chance), NaN where chance leaves nothing over."""
    left = most - by_chance
    # Sums of equal terms differ in their last bits, so what is left over is compared with what it is left of.
    found: Floats = np.divide(
        agreed - by_chance, left, out=np.full(np.shape(left), np.nan), where=left > 1e-12 * np.maximum(most, 1e-300)
    )
    return found
