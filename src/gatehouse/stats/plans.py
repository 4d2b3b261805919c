"""How many labels an interval of a wanted width takes, drawn simply and by score."""

import math
from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import optimize, special

from gatehouse.stats.draws import FLOOR, chances, sizes
from gatehouse.stats.intervals import Interval, wilson
from gatehouse.stats.reviewers import PERFECT, Reviewers, corrected, first_yes, observed

Floats = npt.NDArray[np.float64]

_MOST = 1e12


class Plan(NamedTuple):
    """Items to draw, the looks that reviewers give them (second looks counted), and the width to expect."""

    items: int
    looks: int
    width: float


def narrowest(expected: float, reviewers: Reviewers, confidence: float = 0.95) -> float:
    """The width that remains with any number of labels, because the reviewers' own rates are not known better."""
    return _width(expected, _MOST, reviewers, confidence)


def simple(
    expected: float,
    width: float,
    reviewers: Reviewers = PERFECT,
    population: int | None = None,
    confidence: float = 0.95,
) -> Plan | None:
    """A simple draw, of a population of this size where it is given; None where no number of labels is enough."""
    _check(expected, width)

    def effective_n(n: float) -> float:
        return n if population is None else n / max(1 - n / population, 1 / _MOST)

    n = _fewest(lambda n: _width(expected, effective_n(n), reviewers, confidence), width, population or _MOST)
    if n is None:
        return None
    looks = n * (1 + (reviewers.looks - 1) * first_yes(expected, reviewers))
    return Plan(n, math.ceil(looks), _width(expected, effective_n(n), reviewers, confidence))


def by_score(
    expected: float,
    width: float,
    score: npt.ArrayLike,
    reviewers: Reviewers = PERFECT,
    *,
    views: npt.ArrayLike | None = None,
    floor: float = FLOOR,
    confidence: float = 0.95,
) -> Plan | None:
    """A draw by score of the population that these scores are of; None where labelling all of it is not enough.

    Scores are taken for calibrated up to the base rate: their odds are shifted until their mean is `expected`. Where
    they order items worse than they claim the interval will be wider than planned, and say so itself.
    """
    _check(expected, width)
    score = np.asarray(score, np.float64)
    counts = np.ones(len(score)) if views is None else np.asarray(views, np.float64)
    counts = counts / counts.sum()
    share = shifted(score, expected, counts)
    called, mean = observed(share, reviewers), observed(expected, reviewers)
    size = sizes(score, views)

    def effective_n(n: float) -> float:
        chance = chances(size, n, floor, views)
        seen = chance > 0
        spread = counts[seen] ** 2 * (1 - chance[seen]) / chance[seen]
        variance = float(spread @ (called[seen] * (1 - 2 * mean) + mean**2))
        return mean * (1 - mean) / variance if variance > 0 else _MOST

    n = _fewest(lambda n: _width(expected, effective_n(n), reviewers, confidence), width, len(score))
    if n is None:
        return None
    chance = chances(size, n, floor, views)
    looks = float(chance @ (1 + (reviewers.looks - 1) * first_yes(share, reviewers)))
    return Plan(n, math.ceil(looks), _width(expected, effective_n(n), reviewers, confidence))


def shifted(score: npt.ArrayLike, mean: float, counts: Floats) -> Floats:
    """Scores as chances whose mean (weighed by counts, of sum 1) is `mean`: all odds times one number (Saerens 2002).

    An item without a score (NaN) has the mean chance.
    """
    score = np.asarray(score, np.float64)
    known = ~np.isnan(score)
    share = np.full(len(score), mean)
    if not known.any() or not counts[known].any():
        return share
    odds = special.logit(np.clip(score[known], 1e-9, 1 - 1e-9))
    weights = counts[known] / counts[known].sum()
    shift = optimize.brentq(lambda by: float(weights @ special.expit(odds + by)) - mean, -60.0, 60.0)
    share[known] = special.expit(odds + shift)
    return share


def _width(expected: float, n: float, reviewers: Reviewers, confidence: float) -> float:
    """Width of the corrected interval when what is called violating is just what is expected."""
    called = observed(expected, reviewers)
    low, high = wilson(called * n, n, confidence)
    interval = corrected(Interval(called, float(low), float(high)), reviewers)
    return interval.high - interval.low


def _fewest(width_at: Callable[[float], float], wanted: float, most: float) -> int | None:
    """The smallest whole n whose width is as wanted, or None where even `most` is too few."""
    if width_at(most) > wanted:
        return None
    enough, few = 1.0, 0.0
    while enough < most and width_at(enough) > wanted:
        few, enough = enough, min(2 * enough, most)
    low, high = math.floor(few), math.ceil(enough)
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if width_at(middle) <= wanted else (middle, high)
    return high


def _check(expected: float, width: float) -> None:
    if not 0 < expected < 1:
        raise ValueError(f"an expected share of {expected} is not between 0 and 1")
    if not 0 < width < 1:
        raise ValueError(f"a width of {width} is not between 0 and 1")
