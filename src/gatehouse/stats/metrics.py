"""Measures of how well scores and flags agree with the truth; none gives 0 or NaN for what cannot be computed.

Classes hold the truth once and measure it under many weights at a time ([..., n] in, [...] out, NaN where a weighing
leaves nothing to measure), which is what the bootstrap asks; functions measure once and raise ValueError instead.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from gatehouse.stats.intervals import Measure, wilson

Floats = npt.NDArray[np.float64]


class Ranked:
    """Truth ordered by falling score, with rows of one score taken together."""

    def __init__(self, truth: npt.ArrayLike, score: npt.ArrayLike) -> None:
        truth, score = _pair(truth, score)
        self._order = np.argsort(-score, kind="stable")
        self._positive = _binary(truth)[self._order].astype(np.float64)
        ordered = score[self._order]
        self._ends = np.flatnonzero(np.append(ordered[1:] != ordered[:-1], True))
        self.thresholds: Floats = ordered[self._ends]

    def counts(self, weights: Floats) -> tuple[Floats, Floats]:
        """Weight of positives and of all rows at or above each distinct score, from the highest down."""
        weights = weights[..., self._order]
        flagged = np.cumsum(weights, axis=-1)[..., self._ends]
        return np.cumsum(weights * self._positive, axis=-1)[..., self._ends], flagged

    def pr_auc(self, weights: Floats) -> Floats:
        """Average precision: precision at each distinct score, weighed by the recall that it adds."""
        hits, flagged = self.counts(weights)
        precision = ratio(hits, flagged)
        gained = np.diff(hits, axis=-1, prepend=0.0)
        return ratio(np.sum(np.where(gained > 0, gained * precision, 0.0), axis=-1), hits[..., -1])

    def roc_auc(self, weights: Floats) -> Floats:
        """Chance that a positive scores above a negative, a tie counting half."""
        hits, flagged = self.counts(weights)
        false = flagged - hits
        gained = np.diff(hits, axis=-1, prepend=0.0)
        below = false[..., -1:] - false
        tied = np.diff(false, axis=-1, prepend=0.0)
        return ratio(np.sum(gained * (below + tied / 2), axis=-1), hits[..., -1] * false[..., -1])


class Flagged:
    """Truth beside flags, such as scores at or above a threshold."""

    def __init__(self, truth: npt.ArrayLike, flag: npt.ArrayLike) -> None:
        truth, flag = _pair(truth, flag)
        positive, flagged = _binary(truth), _binary(flag)
        cells = (positive & flagged, ~positive & flagged, positive & ~flagged, ~positive & ~flagged)
        self._cells = np.stack([cell.astype(np.float64) for cell in cells], axis=-1)

    def counts(self, weights: Floats) -> tuple[Floats, Floats, Floats, Floats]:
        """Weight of true positives, false positives, false negatives and true negatives."""
        cells: Floats = weights @ self._cells
        return cells[..., 0], cells[..., 1], cells[..., 2], cells[..., 3]

    def precision(self, weights: Floats) -> Floats:
        """Share of flagged rows that are positive."""
        hits, false, _, _ = self.counts(weights)
        return ratio(hits, hits + false)

    def recall(self, weights: Floats) -> Floats:
        """Share of positive rows that are flagged."""
        hits, _, missed, _ = self.counts(weights)
        return ratio(hits, hits + missed)

    def false_positive_rate(self, weights: Floats) -> Floats:
        """Share of negative rows that are flagged."""
        _, false, _, spared = self.counts(weights)
        return ratio(false, false + spared)

    def macro_f1(self, weights: Floats) -> Floats:
        """Mean of the F1 of both classes; the F1 of a class that nobody names and nothing has is not computable."""
        hits, false, missed, spared = self.counts(weights)
        wrong = false + missed
        return (ratio(2 * hits, 2 * hits + wrong) + ratio(2 * spared, 2 * spared + wrong)) / 2


class Calibration:
    """Truth beside probabilities, in up to `bins` bins of about equally many rows; rows of one score share a bin.

    `times` is how many rows each entry stands for, by default one.
    """

    def __init__(
        self, truth: npt.ArrayLike, score: npt.ArrayLike, bins: int = 15, times: npt.ArrayLike | None = None
    ) -> None:
        truth, score = _pair(truth, score)
        if np.any((score < 0) | (score > 1)):
            raise ValueError("calibration is measured on probabilities between 0 and 1")
        if bins < 1:
            raise ValueError("there must be at least one bin")
        order = np.argsort(score, kind="stable")
        rows = np.cumsum(np.ones(len(score)) if times is None else np.asarray(times, np.float64)[order])
        starts = np.searchsorted(rows, rows[-1] * np.arange(1, bins) / bins, side="right")
        edges = np.unique(score[order][np.minimum(starts, len(score) - 1)])
        used, member = np.unique(np.searchsorted(edges, score, side="right"), return_inverse=True)
        member_of = (member[:, None] == np.arange(len(used))).astype(np.float64)
        positive = _binary(truth).astype(np.float64)
        self._bins = (member_of, member_of * score[:, None], member_of * positive[:, None])
        self._squared = (score - positive) ** 2

    def counts(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Rows, sum of scores and positives of each bin, from low to high scores."""
        n, scores, hits = (weights @ column for column in self._bins)
        return n, scores, hits

    def brier(self, weights: Floats) -> Floats:
        """Mean squared distance of probabilities from what came true."""
        return ratio(weights @ self._squared, np.sum(weights, axis=-1))

    def debiased_ece(self, weights: Floats) -> Floats:
        """Root mean square distance between mean score and rate over bins, less what chance alone would show.

        The debiased estimator of Kumar, Liang and Ma 2019 (Verified Uncertainty Calibration, section 5); 0 where the
        distances are no greater than chance.
        """
        n, scores, hits = self.counts(weights)
        rows, rate = np.maximum(n, 1.0), hits / np.maximum(n, 1.0)
        squared = (scores / rows - rate) ** 2 - rate * (1 - rate) / np.maximum(n - 1, 1.0)
        return np.sqrt(np.maximum(0.0, ratio(np.sum(n * squared, axis=-1), np.sum(n, axis=-1))))


def pr_auc(truth: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Average precision; rows of one score count together."""
    ranked = Ranked(truth, score)
    return _once(ranked.pr_auc, truth, "PR-AUC needs at least one positive row")


def roc_auc(truth: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Chance that a positive scores above a negative, a tie counting half."""
    ranked = Ranked(truth, score)
    return _once(ranked.roc_auc, truth, "ROC-AUC needs rows of both classes")


def precision(truth: npt.ArrayLike, flag: npt.ArrayLike) -> float:
    """Share of flagged rows that are positive."""
    return _once(Flagged(truth, flag).precision, truth, "precision needs at least one flagged row")


def recall(truth: npt.ArrayLike, flag: npt.ArrayLike) -> float:
    """Share of positive rows that are flagged."""
    return _once(Flagged(truth, flag).recall, truth, "recall needs at least one positive row")


def false_positive_rate(truth: npt.ArrayLike, flag: npt.ArrayLike) -> float:
    """Share of negative rows that are flagged."""
    return _once(Flagged(truth, flag).false_positive_rate, truth, "the false positive rate needs a negative row")


def macro_f1(truth: npt.ArrayLike, flag: npt.ArrayLike) -> float:
    """Mean of the F1 of both classes."""
    why = "macro-F1 needs each class to be there or to be named"
    return _once(Flagged(truth, flag).macro_f1, truth, why)


class Curve(NamedTuple):
    """Precision and recall when all rows at or above each threshold are flagged, from the highest down."""

    precision: Floats
    recall: Floats
    threshold: Floats


def pr_curve(truth: npt.ArrayLike, score: npt.ArrayLike) -> Curve:
    """Precision and recall at each distinct score; raises ValueError without a positive row."""
    ranked = Ranked(truth, score)
    hits, flagged = ranked.counts(np.ones(np.shape(truth)[0]))
    if hits[-1] == 0:
        raise ValueError("a precision-recall curve needs at least one positive row")
    return Curve(hits / flagged, hits / hits[-1], ranked.thresholds)


class Bin(NamedTuple):
    """Rows of neighbouring scores: the mean score, and the share of positives with its 95 % Wilson interval."""

    n: int
    mean_score: float
    rate: float
    low: float
    high: float


def brier(truth: npt.ArrayLike, score: npt.ArrayLike) -> float:
    """Mean squared distance of probabilities from what came true (Brier 1950)."""
    return _once(Calibration(truth, score).brier, truth, "the Brier score needs rows")


def debiased_ece(truth: npt.ArrayLike, score: npt.ArrayLike, bins: int = 15) -> float:
    """Root mean square distance between mean score and rate over bins, less what chance alone would show."""
    return _once(Calibration(truth, score, bins).debiased_ece, truth, "the calibration error needs rows")


def reliability(truth: npt.ArrayLike, score: npt.ArrayLike, bins: int = 15) -> tuple[Bin, ...]:
    """Up to `bins` bins of about equally many rows, from low to high scores; rows of one score share a bin."""
    n, scores, hits = Calibration(truth, score, bins).counts(np.ones(np.shape(truth)[0]))
    low, high = wilson(hits, n)
    return tuple(
        Bin(int(n[i]), float(scores[i] / n[i]), float(hits[i] / n[i]), float(low[i]), float(high[i]))
        for i in range(len(n))
    )


def _once(measure: Measure, truth: npt.ArrayLike, why: str) -> float:
    value = float(measure(np.ones(np.shape(truth)[0])))
    if np.isnan(value):
        raise ValueError(why)
    return value


def ratio(above: Floats, below: Floats) -> Floats:
    """One over the other; NaN where there is nothing to divide by."""
    found: Floats = np.divide(above, below, out=np.full(np.shape(below), np.nan), where=below > 0)
    return found


def _pair(truth: npt.ArrayLike, other: npt.ArrayLike) -> tuple[Floats, Floats]:
    truth, other = np.asarray(truth, np.float64), np.asarray(other, np.float64)
    if truth.ndim != 1 or truth.shape != other.shape:
        raise ValueError(f"truth and scores must be two columns of one length, not {truth.shape} and {other.shape}")
    if len(truth) == 0:
        raise ValueError("nothing can be measured on no rows")
    if np.isnan(truth).any() or np.isnan(other).any():
        raise ValueError("rows with unknown truth or without a score must be left out first")
    return truth, other


def _binary(values: Floats) -> npt.NDArray[np.bool_]:
    if not np.isin(values, (0.0, 1.0)).all():
        raise ValueError("truth and flags must be 0 or 1")
    return np.equal(values, 1.0)
