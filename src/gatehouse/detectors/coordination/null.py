"""The null model: how likely accounts with these habits are to meet so often by chance.

It takes as given who acts on what and how often, since friends, fans and neighbours share their targets; what is left
to chance is when. Two accounts that came to a thing n and m times meet there with chance 1 - (1 - c)^(n·m), where c is
the chance that two visits to it by different accounts fall into one bucket. A thing that moves many at once (a
petition, the news) has its own high c; one with few visitors says little of its own c, and a campaign would excuse
itself by it, so c is drawn towards that of things of like popularity.
"""

import numpy as np
import numpy.typing as npt
from numba import njit
from scipy import special

from gatehouse.detectors.coordination.acts import Acts, Numbers
from gatehouse.detectors.coordination.cells import Rhythm
from gatehouse.detectors.coordination.settings import MEANS, Settings

Shares = npt.NDArray[np.float64]

LEAST_P = 1e-300
"""Chances below this are told as this."""
_THINGS = 30


def meeting(acts: Acts, rhythm: Rhythm, settings: Settings) -> Shares:
    """The chance c of each thing, NaN where fewer than two accounts came."""
    usual = _usual(acts.means_of, rhythm, _platform(rhythm.grids[0].slot))
    weight = settings.crowd * (settings.crowd - 1) / 2
    found = (rhythm.alike + weight * usual) / (rhythm.pairs + weight)
    return np.where(rhythm.pairs > 0, np.minimum(found, 1.0), np.nan)


def _platform(slot: Numbers) -> float:
    """The chance that any two things see somebody in one bucket, of the grid or of the moved one.

    Things count, not acts, so that one crowd does not make every meeting likely.
    """
    share = np.unique(slot, return_counts=True)[1] / max(len(slot), 1)
    return float(min(1.0, 1.5 * np.square(share).sum()))


def _usual(means: Numbers, rhythm: Rhythm, floor: float) -> Shares:
    """The mean chance of things of like popularity (by powers of two) and the same means, each thing with one vote."""
    known = rhythm.pairs > 0
    own = np.divide(rhythm.alike, rhythm.pairs, out=np.zeros(len(known)), where=known)
    popular = np.log2(np.maximum(rhythm.actors, 1)).astype(np.int64)
    found = np.full(len(known), floor)
    for means_of in range(len(MEANS)):
        here = known & (means == means_of)
        whole = float(own[here].mean()) if here.any() else floor
        for like in np.unique(popular[here]):
            peers = here & (popular == like)
            found[peers] = max(own[peers].mean() if peers.sum() >= _THINGS else whole, floor)
    return found


def expected(a: Numbers, b: Numbers, by: Numbers, acts: Acts, rhythm: Rhythm, chance: Shares) -> tuple[Shares, Numbers]:
    """For each pair the number of things of its means on which they meet by chance, and on how many both acted."""
    starts = np.searchsorted(rhythm.actor, np.arange(len(acts.actors) + 1))
    with np.errstate(divide="ignore"):
        apart = np.log1p(-np.nan_to_num(chance))
    mean, shared = np.empty(len(a)), np.empty(len(a), np.int64)
    _sum(a, b, by, starts, rhythm.thing, rhythm.times, acts.means_of, apart, mean, shared)
    return mean, shared


def tail(together: Numbers, mean: Shares, shared: Numbers) -> Shares:
    """A bound on the chance of meeting on at least `together` of `shared` things.

    Things have different chances; the binomial with their mean has the heavier tail (Hoeffding 1956), which holds from
    one above the mean on.
    """
    k, n = together.astype(np.float64), shared.astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        bound = special.betainc(k, n - k + 1, np.minimum(mean / n, 1.0))
    return np.where(k >= mean + 1, np.clip(np.nan_to_num(bound, nan=1.0), LEAST_P, 1.0), 1.0)


def significant(p: Shares, possible: float, share: float) -> npt.NDArray[np.bool_]:
    """Which of the seen ones among `possible` p values to believe, with at most this share of false ones.

    Benjamini and Hochberg 1995; those that were not seen count as 1.
    """
    order = np.argsort(p)
    below = np.flatnonzero(p[order] <= share * np.arange(1, len(p) + 1) / max(possible, 1))
    return p <= p[order[below[-1]]] if len(below) else np.zeros(len(p), np.bool_)


@njit(cache=True, nogil=True)
def _sum(a, b, by, starts, thing, times, means, apart, mean, shared):  # type: ignore[no-untyped-def]
    for pair in range(len(a)):
        i, end = starts[a[pair]], starts[a[pair] + 1]
        j, last = starts[b[pair]], starts[b[pair] + 1]
        total, n = 0.0, 0
        while i < end and j < last:
            if thing[i] < thing[j]:
                i += 1
            elif thing[i] > thing[j]:
                j += 1
            else:
                if means[thing[i]] == by[pair]:
                    total += -np.expm1(times[i] * times[j] * apart[thing[i]])
                    n += 1
                i += 1
                j += 1
        mean[pair], shared[pair] = total, n
