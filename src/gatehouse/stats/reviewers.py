"""Reviewers err: what a second look mends, and a share corrected for what it does not."""

from typing import NamedTuple, TypeVar

import numpy as np
import numpy.typing as npt
from scipy import special

from gatehouse.stats.intervals import Interval, wilson

OneOrMany = TypeVar("OneOrMany", float, npt.NDArray[np.float64])


class Rate(NamedTuple):
    """A reviewer's sensitivity or specificity with its limits; equal to them where it is taken as known (n is None)."""

    value: float
    low: float
    high: float
    n: int | None = None


class Reviewers(NamedTuple):
    """How often one look says yes to what violates, and no to what does not.

    `looks` is how many see an item to which the first said yes: 1 (nobody else), 3 or 5, of whom most decide.
    """

    sensitivity: Rate
    specificity: Rate
    looks: int = 3


def known(value: float) -> Rate:
    """A rate taken as it is; raises ValueError where it is not one above 0 and at most 1."""
    if not 0 < value <= 1:
        raise ValueError(f"{value} is not a rate above 0 and at most 1")
    return Rate(value, value, value)


def measured(hits: int, n: int, confidence: float = 0.95) -> Rate:
    """A rate measured on n items of known truth, with its Wilson interval."""
    low, high = wilson(hits, n, confidence)
    return Rate(hits / n, float(low), float(high), n)


PERFECT = Reviewers(known(1.0), known(1.0))


def effective(sensitivity: float, specificity: float, looks: int) -> tuple[float, float]:
    """Sensitivity and specificity of the whole procedure, where reviewers err independently of each other.

    Yes needs a first yes and then enough of the `looks` - 1 others for a majority; a first no is never seen again.
    With .9 and .995 that is .891 and .99995 after three looks: a little is missed, and false yeses all but vanish.
    """
    if looks < 1 or looks % 2 == 0:
        raise ValueError(f"a majority needs an odd number of looks, not {looks}")
    others, needed = looks - 1, (looks - 1) // 2
    catches = sensitivity * _at_least(needed, others, sensitivity)
    mistakes = (1 - specificity) * _at_least(needed, others, 1 - specificity)
    return catches, 1 - mistakes


def first_yes(share: OneOrMany, reviewers: Reviewers) -> OneOrMany:
    """Share of first looks that say yes, each of which costs `looks` - 1 more."""
    return reviewers.sensitivity.value * share + (1 - reviewers.specificity.value) * (1 - share)


def observed(share: OneOrMany, reviewers: Reviewers) -> OneOrMany:
    """Share that the procedure calls violating when `share` is."""
    catches, spares = effective(reviewers.sensitivity.value, reviewers.specificity.value, reviewers.looks)
    return catches * share + (1 - spares) * (1 - share)


def corrected(seen: Interval, reviewers: Reviewers) -> Interval:
    """The share that truly violates, from the share called violating (Rogan and Gladen 1978).

    The limits of the share, of sensitivity and of specificity are carried through one at a time and their distances
    from the estimate joined as a root of squares (MOVER; Zou and Donner 2008), so that none has to be symmetric.
    The result is cut to [0, 1]. Raises ValueError where reviewers do no better than chance, and where the labels
    contradict the rates: then even the nearest limit lies outside.
    """
    sensitivity, specificity = reviewers.sensitivity, reviewers.specificity
    middle = _truth(seen.estimate, sensitivity.value, specificity.value, reviewers.looks)
    moved = [_truth(share, sensitivity.value, specificity.value, reviewers.looks) for share in (seen.low, seen.high)]
    moved += [_truth(seen.estimate, rate, specificity.value, reviewers.looks) for rate in sensitivity[1:3]]
    moved += [_truth(seen.estimate, sensitivity.value, rate, reviewers.looks) for rate in specificity[1:3]]
    off = np.array(moved) - middle
    low = middle - float(np.sqrt(np.sum(np.minimum(off, 0.0) ** 2)))
    high = middle + float(np.sqrt(np.sum(np.maximum(off, 0.0) ** 2)))
    if high < 0 or low > 1:
        raise ValueError(
            f"the reviewers called {seen.estimate:.3g} violating, which their sensitivity and specificity cannot give: "
            "these rates are not those of the people who labelled this"
        )
    return Interval(*(min(max(value, 0.0), 1.0) for value in (middle, low, high)))


def _truth(share: float, sensitivity: float, specificity: float, looks: int) -> float:
    catches, spares = effective(sensitivity, specificity, looks)
    if catches + spares - 1 <= 0:
        raise ValueError(
            f"reviewers with sensitivity {sensitivity:.3g} and specificity {specificity:.3g} do no better than chance, "
            "so nothing can be said from their labels"
        )
    return (share + spares - 1) / (catches + spares - 1)


def _at_least(needed: int, n: int, chance: float) -> float:
    """Chance of `needed` or more among n."""
    return 1.0 if needed == 0 else float(special.bdtrc(needed - 1, n, chance))
