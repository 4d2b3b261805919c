"""Calibration: from a fitted model's log-odds to probabilities, by Platt's method."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

ENOUGH = 10
"""Rows of either class, in the fit and in the calibration, below which a label's own calibration is not trusted."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Line:
    """`slope * log-odds + offset` is calibrated; `weak` says why it is not to be trusted, None where it is."""

    slope: float
    offset: float
    weak: str | None = None


@dataclass(frozen=True, eq=False)
class Fitted:
    """A label's log-odds and truth (1.0 or 0.0) on the part `calibration`, and how many rows it was fitted on."""

    log_odds: Floats
    truth: Floats
    fitted_positives: int
    fitted_negatives: int

    @property
    def positives(self) -> int:
        """Positive rows to calibrate on."""
        return int(self.truth.sum())

    @property
    def negatives(self) -> int:
        """Negative rows to calibrate on."""
        return len(self.truth) - self.positives


def calibrate(labels: Sequence[Fitted]) -> list[Line]:
    """A line for each label of one model.

    A label with fewer than ENOUGH rows of either class takes the median slope of the others (1 where there are
    none), and an offset with which its mean probability is its share in the fit and the calibration together. With
    fewer than ENOUGH rows to calibrate in all, its fitted log-odds stand as they are.
    """
    own = [platt(label.log_odds, label.truth) if _too_few(label) is None else None for label in labels]
    sound = [line.slope for line in own if line is not None and line.slope > 0]
    usual = float(np.median(sound)) if sound else 1.0
    lines = []
    for label, line in zip(labels, own, strict=True):
        why = _too_few(label)
        if line is not None and line.slope <= 0:
            why = "the calibration rows contradict the fit"
        if line is None or why is not None:
            line = Line(usual, _offset(label, usual), why) if len(label.truth) >= ENOUGH else Line(1.0, 0.0, why)
        lines.append(line)
    return lines


def platt(log_odds: Floats, truth: Floats) -> Line:
    """The line of greatest likelihood with Platt's smoothed targets (Platt 1999; Newton steps as Lin et al. 2007)."""
    positives = float(truth.sum())
    negatives = len(truth) - positives
    target = np.where(truth > 0, (positives + 1) / (positives + 2), 1 / (negatives + 2))
    slope, offset = 0.0, float(np.log((positives + 1) / (negatives + 1)))
    loss = _loss(slope * log_odds + offset, target)
    for _ in range(100):
        probability = _sigmoid(slope * log_odds + offset)
        # Plain sums: those of BLAS depend on the number of threads, and models must be equal to the bit.
        excess, spread = probability - target, probability * (1 - probability)
        down, across = float(np.sum(excess * log_odds)), float(np.sum(excess))
        aa = float(np.sum(spread * log_odds**2)) + 1e-12
        ab, bb = float(np.sum(spread * log_odds)), float(np.sum(spread)) + 1e-12
        determinant = aa * bb - ab * ab
        step_slope, step_offset = (bb * down - ab * across) / determinant, (aa * across - ab * down) / determinant
        size, before = 1.0, loss
        while size > 1e-10:
            loss = _loss((slope - size * step_slope) * log_odds + offset - size * step_offset, target)
            if loss <= before:
                break
            size /= 2
        slope, offset = slope - size * step_slope, offset - size * step_offset
        if before - loss < 1e-12 * (1 + abs(loss)):
            break
    return Line(slope, offset)


def _too_few(label: Fitted) -> str | None:
    counts = {
        "positives to fit": label.fitted_positives,
        "negatives to fit": label.fitted_negatives,
        "positives to calibrate": label.positives,
        "negatives to calibrate": label.negatives,
    }
    few = [f"{count} {what}" for what, count in counts.items() if count < ENOUGH]
    return f"only {', '.join(few)}; it takes {ENOUGH}" if few else None


def _offset(label: Fitted, slope: float) -> float:
    """Where the mean probability is the label's share, smoothed by one row of either class; found by halving."""
    positives = label.positives + label.fitted_positives + 1
    share = positives / (positives + label.negatives + label.fitted_negatives + 1)
    scaled = slope * label.log_odds
    low, high = -50.0 - float(np.abs(scaled).max()), 50.0 + float(np.abs(scaled).max())
    for _ in range(100):
        middle = (low + high) / 2
        low, high = (middle, high) if _sigmoid(scaled + middle).mean() < share else (low, middle)
    return (low + high) / 2


def _sigmoid(x: Floats) -> Floats:
    return 0.5 * (1.0 + np.tanh(0.5 * x))


def _loss(log_odds: Floats, target: Floats) -> float:
    return float(np.sum(np.logaddexp(0.0, log_odds) - target * log_odds))
