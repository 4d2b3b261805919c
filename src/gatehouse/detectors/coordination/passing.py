"""Passing things: those that came and went within days, for accounts that take their time over the same ones.

What stays for weeks is a habit, and friends share their habits; what passes is an occasion. Whoever shares many rare
occasions without haste is not told by when, only by that. The null model gives each account's acts to things by their
popularity alone.
"""

import numpy as np
import numpy.typing as npt
from scipy import special

from gatehouse.detectors.coordination.acts import Acts, Numbers
from gatehouse.detectors.coordination.cells import Cells, cells
from gatehouse.detectors.coordination.null import LEAST_P, Shares
from gatehouse.detectors.coordination.settings import MEANS, Settings

_MOST_OF_THE_TIME = 3
"""A thing passes in at most one part in so many of the whole time; in less time everything seems to pass."""
_TEXT = MEANS.index("text")
_TARGET = MEANS.index("target")


def limit(acts: Acts, settings: Settings) -> int:
    """Within what time a thing must come and go, microseconds: the setting, or less where the events end too soon."""
    span = int(acts.at.max() - acts.at.min()) if len(acts) else 0
    return min(settings.passing, span // _MOST_OF_THE_TIME)


def passing(acts: Acts, within: int) -> Cells:
    """One cell for each thing that passed within a time and does not hang on another thing."""
    n = len(acts.things)
    first, last = np.full(n, np.iinfo(np.int64).max), np.full(n, np.iinfo(np.int64).min)
    np.minimum.at(first, acts.thing, acts.at)
    np.maximum.at(last, acts.thing, acts.at)
    passes = (first <= last) & ~_hanging(acts)
    passes[passes] = last[passes] - first[passes] <= within
    rows = np.flatnonzero(passes[acts.thing])
    return cells(acts.thing[rows], np.zeros(len(rows), np.int64), acts.actor[rows])


def _hanging(acts: Acts) -> npt.NDArray[np.bool_]:
    """Texts of which most stand under one target: its slogan, or what it asked people to write."""
    target = np.full(len(acts.ids), -1, np.int64)
    on = acts.means == _TARGET
    target[acts.event[on]] = acts.thing[on]
    said = acts.means == _TEXT
    text, under = acts.thing[said], target[acts.event[said]]
    found = np.zeros(len(acts.things), np.bool_)
    pairs, counts = np.unique(np.stack([text, under], axis=1), axis=0, return_counts=True)
    most = (pairs[:, 1] >= 0) & (2 * counts > np.bincount(text, minlength=len(found))[pairs[:, 0]])
    found[pairs[most, 0]] = True
    return found


def expected(a: Numbers, b: Numbers, by: Numbers, acts: Acts, crowd: int, given: Cells) -> Shares:
    """For each pair how many of these things of its means it shares by chance, crowds left out.

    An account with n of all N acts of a means is on a thing with m of them with chance n·m/N at most.
    """
    mean = np.zeros(len(a))
    for means in range(len(MEANS)):
        own = acts.actor[acts.means == means]
        active = np.bincount(own, minlength=len(acts.actors)).astype(np.float64)
        fits = (given.size <= crowd) & (acts.means_of[given.of] == means)
        visits = np.bincount(acts.thing, minlength=len(acts.things))[given.of[fits]].astype(np.float64)
        pairs = by == means
        mean[pairs] = active[a[pairs]] * active[b[pairs]] * np.square(visits / max(len(own), 1)).sum()
    return mean


def tail(together: Numbers, mean: Shares) -> Shares:
    """The chance of at least so many where they come by chance one by one (Poisson)."""
    found: Shares = np.clip(special.pdtrc(together - 1.0, mean), LEAST_P, 1.0)
    return found
