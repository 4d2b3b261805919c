"""Draws with unequal chances, each known: high scores more often, everything sometimes, the same rows for one seed."""

import hashlib
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]

FLOOR = 0.5
"""Share of the labels that is spread evenly by default: no item then weighs more than twice what it would simply."""


def sizes(score: npt.ArrayLike, views: npt.ArrayLike | None = None) -> Floats:
    """What chances go by: the root of the score, times the views where views are what is asked about.

    The root is the allocation of least variance for a rare harm whose score is proportional to its chance (Neyman
    1934). An item without a score (NaN) gets the mean size of the others: nothing is known of it, which is not 0.
    """
    score = np.asarray(score, np.float64)
    known = ~np.isnan(score)
    if np.any(score[known] < 0):
        raise ValueError("a score below 0 has no size")
    root: Floats = np.sqrt(score)
    root[~known] = root[known].mean() if known.any() else 1.0
    return root if views is None else root * np.asarray(views, np.float64)


def chances(size: npt.ArrayLike, n: float, floor: float = FLOOR, even: npt.ArrayLike | None = None) -> Floats:
    """The chance of each item, so that `n` are expected to be drawn: (1 - floor) in proportion to size.

    The share `floor` of n is spread evenly, or in proportion to `even` (views, say). Items that reach 1 are certain;
    what they leave over goes to the others. Raises ValueError for n that is not between 0 and the number of items.
    """
    size = np.asarray(size, np.float64)
    base = np.ones(len(size)) if even is None else np.asarray(even, np.float64)
    if not 0 < n <= len(size):
        raise ValueError(f"{n:,g} cannot be drawn from {len(size):,}")
    if not 0 < floor <= 1:
        raise ValueError(
            f"the floor {floor} is not above 0 and at most 1: without one, harm of low score is never seen"
        )
    if np.any(size < 0) or np.any(base < 0):
        raise ValueError("sizes below 0 give no chance")
    share = floor * _share(base) + (1 - floor) * _share(size) if size.any() else _share(base)
    n = min(n, int(np.count_nonzero(share)))
    chance = share * n
    # Each round can only push more items to certainty, so the rounds end.
    while np.any(chance > 1):
        certain = chance >= 1
        left = share[~certain].sum()
        chance = np.where(certain, 1.0, share * ((n - certain.sum()) / left if left > 0 else 0.0))
    return np.asarray(chance, np.float64)


def uniforms(ids: Sequence[str], seed: int) -> Floats:
    """A number in [0, 1) for each id: the first 8 bytes of sha256 of `seed:id`, over 2^64.

    It depends on nothing else, so a stream is drawn item by item as a file is at once, anywhere the same.
    """
    digests = (hashlib.sha256(f"{seed}:{name}".encode()).digest()[:8] for name in ids)
    # The lowest 11 bits would round up to 1.
    return (np.frombuffer(b"".join(digests), ">u8") >> np.uint64(11)).astype(np.float64) * 2.0**-53


def drawn(chance: npt.ArrayLike, uniform: npt.ArrayLike) -> npt.NDArray[np.bool_]:
    """Which items are drawn, each on its own with its chance (Poisson sampling): the number drawn varies around n."""
    return np.less(np.asarray(uniform, np.float64), np.asarray(chance, np.float64))


def _share(of: Floats) -> Floats:
    total = of.sum()
    if not total > 0:
        raise ValueError("nothing has a size, so nothing can be drawn")
    share: Floats = of / total
    return share
