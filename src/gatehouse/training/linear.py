"""Training of the linear detector: one table of integer weights for all labels of a pack."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import scipy.sparse

from gatehouse.datasets.build import targets
from gatehouse.detectors.linear_file import Calibration, Header, LinearModel
from gatehouse.records.dataset import Dataset, Part
from gatehouse.text.ngrams import KERNEL, matrix
from gatehouse.text.normalise import normalise
from gatehouse.training.calibrate import Fitted, calibrate
from gatehouse.training.recipe import Fitting, Recipe

SMOOTHING = 1.0
"""Rows of either class in which every n-gram is taken to have been seen beside those counted."""

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Fit:
    """One label's weights over raw n-gram counts, and how many rows they were fitted on."""

    weights: Floats
    bias: float
    positives: int
    negatives: int


def train(dataset: Dataset, recipe: Recipe) -> bytes:
    """The model's file: fitted on part `train`, calibrated on part `calibration`; equal input gives equal bytes.

    Raises UserError where the data set does not have a label of the recipe.
    """
    x, y = _rows(dataset, "train", recipe)
    fits = [fit(x, y[:, j], recipe.linear.fitting(label)) for j, label in enumerate(recipe.labels)]
    weights, units = _whole(np.column_stack([one.weights for one in fits]))
    x, y = _rows(dataset, "calibration", recipe)
    log_odds = x @ (weights * units) + np.array([one.bias for one in fits])
    header = Header(
        kernel=KERNEL,
        buckets=recipe.linear.buckets,
        labels=recipe.labels,
        languages=recipe.languages,
        normalise=recipe.linear.normalise,
        calibration=_calibration(fits, units, log_odds, y),
        dataset=dataset.info.name,
        dataset_version=dataset.info.version,
        recipe=recipe.version,
    )
    return LinearModel(header, weights).to_bytes()


def fit(x: scipy.sparse.csr_matrix, y: Floats, fitting: Fitting) -> Fit:
    """Logistic regression of one label (1.0, 0.0, NaN unknown) on the kernel's matrix.

    Each column is scaled by its inverse document frequency and by its absolute log-ratio between the classes
    (Wang and Manning 2012), and the scales are folded into the weights. Where a class has no rows, all weights are 0.
    """
    from sklearn.linear_model import LogisticRegression

    known = ~np.isnan(y)
    x, y = x[known], y[known]
    positives = int(y.sum())
    if positives in (0, len(y)):
        return Fit(np.zeros(x.shape[1]), 0.0, positives, len(y) - positives)
    scale = scales(x, y, fitting)
    scaled = (x @ scipy.sparse.diags(scale)).tocsr()
    # With rows of mean square length 1 the penalty means the same for any table and any scaling.
    length = np.sqrt(scaled.multiply(scaled).sum() / len(y))
    solver = LogisticRegression(C=fitting.c, solver="liblinear", random_state=0, max_iter=1000)
    solver.fit(scaled / length, y)
    weights = solver.coef_[0] * scale / length
    return Fit(weights, float(solver.intercept_[0]), positives, len(y) - positives)


def scales(x: scipy.sparse.csr_matrix, y: Floats, fitting: Fitting) -> Floats:
    """What each column counts, float64 [buckets]; 0 where no row has it."""
    rows, positives = len(y), float(y.sum())
    there = x.copy()
    there.data[:] = 1.0
    seen, seen_positive = np.asarray(there.sum(axis=0)).ravel(), there.T @ y
    ratio = np.log((seen_positive + SMOOTHING) / (positives + SMOOTHING)) - np.log(
        (seen - seen_positive + SMOOTHING) / (rows - positives + SMOOTHING)
    )
    rarity = 1.0 + np.log((1.0 + rows) / (1.0 + seen))
    return np.where(seen > 0, rarity**fitting.idf * np.abs(ratio) ** fitting.contrast, 0.0)


def _rows(dataset: Dataset, part: Part, recipe: Recipe) -> tuple[scipy.sparse.csr_matrix, Floats]:
    texts, y = targets(dataset, part, recipe.labels)
    return matrix(normalise(texts) if recipe.linear.normalise else texts, recipe.linear.buckets), y


def _whole(weights: Floats) -> tuple[npt.NDArray[np.int16] | npt.NDArray[np.int8], Floats]:
    """Weights as integers, int16 for one label and int8 for several, and the unit of each label's."""
    most = 32767.0 if weights.shape[1] == 1 else 127.0
    units = np.maximum(np.abs(weights).max(axis=0), 1e-30) / most
    rounded = np.rint(weights / units)
    return (rounded.astype(np.int16) if weights.shape[1] == 1 else rounded.astype(np.int8)), units


def _calibration(fits: Sequence[Fit], units: Floats, log_odds: Floats, y: Floats) -> tuple[Calibration, ...]:
    known = ~np.isnan(y)
    fitted = [
        Fitted(log_odds[known[:, j], j], y[known[:, j], j], one.positives, one.negatives) for j, one in enumerate(fits)
    ]
    return tuple(
        Calibration(
            unit=float(unit),
            bias=one.bias,
            slope=line.slope,
            offset=line.offset,
            fitted_positives=one.positives,
            fitted_negatives=one.negatives,
            positives=label.positives,
            negatives=label.negatives,
            weak=line.weak,
        )
        for one, unit, label, line in zip(fits, units, fitted, calibrate(fitted), strict=True)
    )
