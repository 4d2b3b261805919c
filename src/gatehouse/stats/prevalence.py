"""How much of a population violates, from labels drawn with known chances, with intervals that hold for rare harms."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from gatehouse.stats.intervals import Interval, wilson
from gatehouse.stats.reviewers import PERFECT, Reviewers, corrected, effective

Floats = npt.NDArray[np.float64]

UNSEEN = 0.05
"""Share of the harm of which the fit takes the score to know nothing."""

_ROUNDS = 50
_STEP = 2.0
_RIDGE = 0.01
_LEAST = 1e-6


@dataclass(frozen=True, eq=False)
class Drawn:
    """Labels that were drawn, n of them: `violating` 0 or 1, `chance` in (0, 1], `size` what an item counts for.

    `size` is 1 for a share of items, an item's views for a share of views. `score` orders items by their risk (NaN
    where there is none). `total` is the size of the whole population where it is known.
    """

    violating: Floats
    chance: Floats
    size: Floats
    score: Floats | None = None
    total: float | None = None

    def __post_init__(self) -> None:
        if not len(self.violating):
            raise ValueError("nothing can be said from no labels")
        if np.any(~((self.chance > 0) & (self.chance <= 1))):
            raise ValueError("chances must be above 0 and at most 1")
        if np.any(~(self.size >= 0)) or not np.any(self.size > 0):
            raise ValueError("sizes must not be below 0, and some must be above")

    @property
    def weight(self) -> Floats:
        """Size of the population for which each item stands."""
        return self.size / self.chance


class Share(NamedTuple):
    """A share with its interval, as called by the reviewers and corrected for their errors.

    `n` labels, of which `positives` were called violating, say as much as `effective_n` of a simple draw would.
    `horvitz_thompson` is the share over the known total, not corrected; None where the total is not known.
    """

    corrected: Interval
    called: Interval
    n: int
    positives: int
    effective_n: float
    total: float
    horvitz_thompson: float | None


def share(drawn: Drawn, reviewers: Reviewers = PERFECT, confidence: float = 0.95) -> Share:
    """The share that violates: a Hájek ratio (Hájek 1971), its Wilson interval on the effective n, then corrected.

    The number drawn varies, and the ratio does not vary with it as the Horvitz–Thompson total over N does.
    """
    weight = drawn.weight
    size = float(weight.sum())
    called = float(weight @ drawn.violating) / size
    variance = _variance(drawn, np.full(len(weight), called), reviewers, _explaining(drawn))
    return _share(drawn, called, variance, reviewers, confidence)


def totals(drawn: Drawn) -> tuple[float, float]:
    """What violates in the whole population, as called, by Horvitz and Thompson (1952), and its standard error."""
    positive = drawn.weight * drawn.violating
    return float(positive.sum()), float(np.sqrt(np.sum((1 - drawn.chance) * positive**2)))


class Powered(NamedTuple):
    """A share for which a cheap judge labelled everything; `power` is how far it was trusted, from the data."""

    share: Share
    power: float
    judged: float


def powered(
    drawn: Drawn,
    judged: npt.ArrayLike,
    judged_everywhere: float,
    reviewers: Reviewers = PERFECT,
    confidence: float = 0.95,
) -> Powered:
    """Prediction-powered share: the judge's rate over everything, mended by its errors where people labelled too.

    `judged` is the judge's word on the drawn items in [0, 1], `judged_everywhere` its mean over the population (by
    size). Angelopoulos et al. 2023 with the power tuning of 2024 (PPI++), for unequal chances and a population that
    is judged whole; for a simple draw it is their estimator. A judge that narrows nothing is not used (`power` 0).
    """
    judge = np.asarray(judged, np.float64)
    weight = drawn.weight
    size = float(weight.sum())
    called, here = float(weight @ drawn.violating) / size, float(weight @ judge) / size
    spread = (1 - drawn.chance) * weight**2
    varies = float(spread @ (judge - here) ** 2)
    power = float(spread @ ((judge - here) * (drawn.violating - called))) / varies if varies > 0 else 0.0
    power = min(max(power, 0.0), 1.0)
    expected = called + power * (judge - here)
    alone = share(drawn, reviewers, confidence)
    variance = _variance(drawn, expected, reviewers, [*_explaining(drawn), judge])
    estimate = called + power * (judged_everywhere - here)
    found = _share(drawn, estimate, variance, reviewers, confidence)
    if found.called.high - found.called.low >= alone.called.high - alone.called.low:
        return Powered(alone, 0.0, judged_everywhere)
    return Powered(found, power, judged_everywhere)


def _share(drawn: Drawn, called: float, variance: float, reviewers: Reviewers, confidence: float) -> Share:
    weight = drawn.weight
    kish = float(weight.sum() ** 2 / np.sum(weight**2))
    called = min(max(called, 0.0), 1.0)
    effective_n = called * (1 - called) / variance if variance > 0 and 0 < called < 1 else kish
    low, high = wilson(called * effective_n, effective_n, confidence)
    seen = Interval(called, float(low), float(high))
    return Share(
        corrected=corrected(seen, reviewers),
        called=seen,
        n=len(weight),
        positives=int(drawn.violating.sum()),
        effective_n=effective_n,
        total=drawn.total or float(weight.sum()),
        horvitz_thompson=totals(drawn)[0] / drawn.total if drawn.total else None,
    )


def _variance(drawn: Drawn, expected: Floats, reviewers: Reviewers, explaining: list[Floats]) -> float:
    """Variance of a weighted mean of `violating` - `expected`, half as observed and half as fitted over the score.

    What is observed is right on average, but when the rare positive of low chance and great weight was not drawn, it
    says that there is none: intervals then lie too low and are too narrow at once. The fit knows of it, and is wrong
    where the score is. `benchmarks/prevalence.py` prints how often intervals on their mean cover.
    """
    weight = drawn.weight
    called = float(weight @ drawn.violating / weight.sum())
    spread = (1 - drawn.chance) * (weight / weight.sum()) ** 2
    observed = float(spread @ (drawn.violating - expected) ** 2)
    if drawn.score is None or not 0 < called < 1:
        return observed
    catches, spares = effective(reviewers.sensitivity.value, reviewers.specificity.value, reviewers.looks)
    flat = min(1 - spares + UNSEEN * max(called - (1 - spares), 0.0), called)
    fitted = _fitted(drawn.violating, _standardised(explaining), flat, max(catches, flat + _LEAST))
    return (observed + float(spread @ (fitted * (1 - 2 * expected) + expected**2))) / 2


def _explaining(drawn: Drawn) -> list[Floats]:
    """What the chance to be called violating may follow: the log of the score, whether there is one, and the size."""
    if drawn.score is None:
        return []
    known = ~np.isnan(drawn.score)
    above = drawn.score[known & (drawn.score > 0)]
    logs = np.log(np.where(known, np.maximum(drawn.score, above.min() if len(above) else 1.0), 1.0))
    middle = logs[known].mean() if known.any() else 0.0
    return [np.where(known, logs, middle), known.astype(np.float64), np.log1p(drawn.size)]


def _standardised(explaining: list[Floats]) -> Floats:
    """A column of ones, and what varies brought to mean 0 and deviation 1."""
    varying = [(column - column.mean()) / column.std() for column in explaining if np.ptp(column) > 0]
    return np.stack([np.ones(len(explaining[0])), *varying], axis=1)


def _fitted(violating: Floats, columns: Floats, flat: float, most: float) -> Floats:
    """Chance to be called violating: a logistic curve between `flat` and `most`, by maximum likelihood with a ridge."""
    coefficients = np.zeros(columns.shape[1])
    coefficients[0] = special.logit(np.clip(violating.mean(), _LEAST, 1 - _LEAST))
    ridge = np.full(columns.shape[1], _RIDGE)
    ridge[0] = 0.0
    for _ in range(_ROUNDS):
        curve = special.expit(columns @ coefficients)
        chance = np.clip(flat + (most - flat) * curve, _LEAST**2, 1 - _LEAST**2)
        slope = (most - flat) * curve * (1 - curve)
        gain = columns.T @ (slope * (violating - chance) / (chance * (1 - chance))) - ridge * coefficients
        information = (columns.T * (slope**2 / (chance * (1 - chance)))) @ columns + np.diag(ridge + _LEAST**2)
        step = np.clip(np.linalg.solve(information, gain), -_STEP, _STEP)
        coefficients = coefficients + step
        if np.abs(step).max() < _LEAST:
            break
    fitted: Floats = flat + (most - flat) * special.expit(columns @ coefficients)
    return fitted
