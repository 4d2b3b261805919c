"""Measures of how unlike a detector treats rows that mention a group, and the rest (Borkan et al. 2019).

With a subgroup g of the rows and the others as background:

- subgroup AUC: positives of g against negatives of g; low where the group is told apart badly;
- BPSN AUC: background positives against subgroup negatives; low where mentions of the group are flagged wrongly;
- BNSP AUC: background negatives against subgroup positives; low where attacks on the group are missed.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from gatehouse.stats.intervals import Measure
from gatehouse.stats.metrics import Floats, Ranked

Mask = npt.NDArray[np.bool_]
POWER = -5.0
"""The power of the generalised mean, with which the worst groups weigh most."""


def subgroup_auc(truth: Floats, score: Floats, member: Mask) -> Measure:
    """ROC-AUC within the group."""
    return _auc(truth, score, member)


def bpsn_auc(truth: Floats, score: Floats, member: Mask) -> Measure:
    """ROC-AUC of background positives against the group's negatives."""
    return _auc(truth, score, np.where(truth == 1.0, ~member, member))


def bnsp_auc(truth: Floats, score: Floats, member: Mask) -> Measure:
    """ROC-AUC of the group's positives against background negatives."""
    return _auc(truth, score, np.where(truth == 1.0, member, ~member))


def _auc(truth: Floats, score: Floats, among: Mask) -> Measure:
    rows = np.asarray(among, np.bool_)
    if not np.any(truth[rows] == 1.0) or not np.any(truth[rows] == 0.0):
        raise ValueError("the rows compared must hold positives and negatives")
    ranked = Ranked(truth[rows], score[rows])
    return lambda weights: ranked.roc_auc(weights[..., rows])


def generalised_mean(values: Sequence[float] | Floats, power: float = POWER) -> float:
    """(mean of values to the power)^(1/power); raises ValueError for none, or for one that is not above 0."""
    column = np.asarray(values, np.float64)
    if not len(column):
        raise ValueError("a mean needs a value")
    if np.any(column <= 0):
        raise ValueError("the generalised mean of a negative power needs values above 0")
    return float(np.mean(column**power) ** (1 / power))
