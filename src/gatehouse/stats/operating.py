"""What flags, verdicts and abstentions mean in use: at another base rate, at a wanted error rate, and in money."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from gatehouse.stats.intervals import Measure
from gatehouse.stats.metrics import Floats, Ranked, ratio

FEWEST_ABOVE = 10
"""A false positive rate is known coarsely where fewer negatives than this stand above its threshold."""


def restated_precision(recall: npt.ArrayLike, false_positive_rate: npt.ArrayLike, prevalence: npt.ArrayLike) -> Floats:
    """Precision of the same flags where another share of rows is positive, by Bayes' rule.

    It holds under label shift: positives look like the positives measured, negatives like the negatives. NaN where
    nothing would be flagged.
    """
    recall, rate, share = (np.asarray(given, np.float64) for given in (recall, false_positive_rate, prevalence))
    for name, given in (("recall", recall), ("the false positive rate", rate), ("prevalence", share)):
        if np.any((given < 0) | (given > 1)):
            raise ValueError(f"{name} must lie between 0 and 1")
    true = recall * share
    return ratio(true, true + rate * (1 - share))


@dataclass(frozen=True)
class AtRate:
    """The lowest threshold whose false positive rate stays within a limit, and what it rests on."""

    rate: float
    threshold: float
    recall: float
    negatives: int
    negatives_above: int

    @property
    def coarse(self) -> bool:
        """Whether so few negatives stand above the threshold that the rate is known coarsely."""
        return self.negatives_above < FEWEST_ABOVE


def recall_at(ranked: Ranked, rate: float) -> Measure:
    """The recall at the lowest threshold whose false positive rate is at most `rate`, under many weighings."""
    if not 0 <= rate <= 1:
        raise ValueError("a false positive rate lies between 0 and 1")

    def measure(weights: Floats) -> Floats:
        hits, flagged = ranked.counts(weights)
        false = flagged - hits
        # Both only grow as the threshold falls, so the most hits within the limit are those of the last one.
        within = np.where(false <= rate * false[..., -1:] + 1e-12, hits, 0.0)
        found: Floats = np.where(false[..., -1] > 0, ratio(within.max(axis=-1), hits[..., -1]), np.nan)
        return found

    return measure


def at_rate(truth: npt.ArrayLike, score: npt.ArrayLike, rate: float = 0.01) -> AtRate:
    """Threshold and recall at a limit on the false positive rate; raises ValueError without rows of both classes."""
    ranked = Ranked(truth, score)
    hits, flagged = ranked.counts(np.ones(np.shape(truth)[0]))
    false = flagged - hits
    if not hits[-1] or not false[-1]:
        raise ValueError("recall at a false positive rate needs rows of both classes")
    within = np.flatnonzero(false <= rate * false[-1] + 1e-12)
    if not len(within):
        return AtRate(rate, float("inf"), 0.0, int(false[-1]), 0)
    last = within[-1]
    recall = float(hits[last] / hits[-1])
    return AtRate(rate, float(ranked.thresholds[last]), recall, int(false[-1]), int(false[last]))


@dataclass(frozen=True)
class Costs:
    """What mistakes and work cost, in one unit that the user chooses.

    `wrong_removal` is for each row flagged wrongly, `missed_view` for each view of a positive that was let through,
    `review` for each row that a person looks at (minutes times their price).
    """

    wrong_removal: float
    missed_view: float
    review: float

    def __post_init__(self) -> None:
        if min(self.wrong_removal, self.missed_view, self.review) < 0:
            raise ValueError("a cost is not below 0")


def expected_cost(
    costs: Costs, truth: npt.ArrayLike, flag: npt.ArrayLike, review: npt.ArrayLike, views: npt.ArrayLike | None = None
) -> Measure:
    """Mean cost of a row, as a measure for the bootstrap.

    `truth` and `flag` are 1 or 0; `review` is 1 where a person decides, who is taken to be right; `views` default to 1.
    """
    true, flagged, looked = (np.asarray(given, np.float64) for given in (truth, flag, review))
    seen = np.ones_like(true) if views is None else np.asarray(views, np.float64)
    if len({true.shape, flagged.shape, looked.shape, seen.shape}) != 1 or true.ndim != 1:
        raise ValueError("truth, flags, reviews and views must be columns of one length")
    if np.any(seen < 0):
        raise ValueError("views are not below 0")
    alone = 1 - looked
    cost = (
        costs.wrong_removal * alone * flagged * (1 - true)
        + costs.missed_view * alone * (1 - flagged) * true * seen
        + costs.review * looked
    )
    return lambda weights: ratio(weights @ cost, np.sum(weights, axis=-1))


class Selective:
    """Answers of a detector that may abstain: how much it answers, and how often it is wrong where it does.

    `answer` is 1, 0, or NaN where it abstains; `confidence` orders the answers (higher: surer), by default all alike.
    """

    def __init__(self, truth: npt.ArrayLike, answer: npt.ArrayLike, confidence: npt.ArrayLike | None = None) -> None:
        true, said = np.asarray(truth, np.float64), np.asarray(answer, np.float64)
        if true.ndim != 1 or true.shape != said.shape or not len(true):
            raise ValueError("truth and answers must be two columns of one length")
        self._answered = (~np.isnan(said)).astype(np.float64)
        self._wrong = np.where(np.isnan(said), 0.0, (said != true).astype(np.float64))
        sure = np.ones_like(true) if confidence is None else np.asarray(confidence, np.float64)
        order = np.argsort(-np.where(np.isnan(said), -np.inf, sure), kind="stable")
        ordered = np.where(np.isnan(said), -np.inf, sure)[order]
        self._order = order
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True) & (ordered > -np.inf))

    def coverage(self, weights: Floats) -> Floats:
        """Share of rows that are answered."""
        return ratio(weights @ self._answered, np.sum(weights, axis=-1))

    def risk(self, weights: Floats) -> Floats:
        """Share of answers that are wrong."""
        return ratio(weights @ self._wrong, weights @ self._answered)

    def area(self, weights: Floats) -> Floats:
        """Mean risk over all coverages up to the full one, the surest answers first (AURC, Geifman et al. 2019)."""
        weights = weights[..., self._order]
        answered = np.cumsum(weights * self._answered[self._order], axis=-1)[..., self._ends]
        wrong = np.cumsum(weights * self._wrong[self._order], axis=-1)[..., self._ends]
        gained = np.diff(answered, axis=-1, prepend=0.0)
        risk = np.where(answered > 0, wrong / np.maximum(answered, 1e-300), 0.0)
        total = answered[..., -1] if answered.shape[-1] else np.zeros(weights.shape[:-1])
        return ratio(np.sum(gained * risk, axis=-1), total)
