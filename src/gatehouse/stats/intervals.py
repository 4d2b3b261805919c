"""Two-sided intervals: for a share from a count, and for any measure by the bootstrap."""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from gatehouse.stats.bounds import Counts, Shares, checked, clopper_pearson_lower, clopper_pearson_upper

Measure = Callable[[npt.NDArray[np.float64]], npt.NDArray[np.float64]]
"""A figure under many weighings of the rows at once: [..., n] to [...], NaN where nothing is left to measure."""

_CELLS = 1 << 21
_LOST_AT_MOST = 0.05


class Interval(NamedTuple):
    """A figure with its two-sided interval."""

    estimate: float
    low: float
    high: float


def clopper_pearson(hits: Counts, n: Counts, confidence: float = 0.95) -> tuple[Shares, Shares]:
    """Exact interval for a share (Clopper and Pearson 1934); each side takes half of what the confidence leaves."""
    one_sided = (1 + confidence) / 2
    return clopper_pearson_lower(hits, n, one_sided), clopper_pearson_upper(hits, n, one_sided)


def wilson(hits: Counts, n: Counts, confidence: float = 0.95) -> tuple[Shares, Shares]:
    """Score interval for a share (Wilson 1927): near its confidence on average, not in each case."""
    hits, n = checked(hits, n, confidence)
    z = special.ndtri((1 + confidence) / 2)
    share, scale = hits / n, 1 + z**2 / n
    middle = (share + z**2 / (2 * n)) / scale
    half = z * np.sqrt(share * (1 - share) / n + z**2 / (4 * n**2)) / scale
    low = np.where(hits == 0, 0.0, np.maximum(middle - half, 0.0))
    high = np.where(hits == n, 1.0, np.minimum(middle + half, 1.0))
    return low, high


def newcombe(hits: int, n: int, others: int, rest: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for the difference of two independent shares, hits/n less others/rest (Newcombe 1998, method 10)."""
    low, high = wilson(np.array([hits, others]), np.array([n, rest]), confidence)
    one, other = hits / n, others / rest
    down = np.hypot(one - low[0], high[1] - other)
    up = np.hypot(high[0] - one, other - low[1])
    return float(one - other - down), float(one - other + up)


def bootstrap(
    measure: Measure,
    n: int,
    rng: np.random.Generator,
    *,
    clusters: npt.ArrayLike | None = None,
    draws: int = 1_000,
    confidence: float = 0.95,
) -> Interval:
    """Percentile interval of a measure of n rows, for example `bootstrap(Ranked(truth, score).pr_auc, n, rng)`.

    Rows are drawn again as weights, so that nothing is sorted twice.
    `clusters` names what each row belongs to (an author, a thread); then clusters are drawn, not rows. Raises
    ValueError where the measure is not computable, on the rows or on more than 5 % of the draws.
    """
    return _interval(measure, n, rng, clusters, draws, confidence)


def paired_difference(
    first: Measure,
    second: Measure,
    n: int,
    rng: np.random.Generator,
    *,
    clusters: npt.ArrayLike | None = None,
    draws: int = 1_000,
    confidence: float = 0.95,
) -> Interval:
    """Percentile interval of first minus second, both measured on the same draws of the same n rows."""
    return _interval(lambda weights: first(weights) - second(weights), n, rng, clusters, draws, confidence)


def _interval(
    measure: Measure,
    n: int,
    rng: np.random.Generator,
    clusters: npt.ArrayLike | None,
    draws: int,
    confidence: float,
) -> Interval:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence {confidence} is not between 0 and 1")
    estimate = float(measure(np.ones(n)))
    if np.isnan(estimate):
        raise ValueError("the measure cannot be computed on these rows")
    values = np.concatenate([measure(weights) for weights in _weights(n, rng, clusters, draws)])
    lost = np.isnan(values)
    if lost.mean() > _LOST_AT_MOST:
        raise ValueError(f"too few rows for an interval: {lost.mean():.0%} of the draws hold nothing to measure")
    low, high = np.quantile(values[~lost], ((1 - confidence) / 2, (1 + confidence) / 2))
    return Interval(estimate, float(low), float(high))


def _weights(
    n: int, rng: np.random.Generator, clusters: npt.ArrayLike | None, draws: int
) -> Iterator[npt.NDArray[np.float64]]:
    """How often each row is drawn, [draws at a time, n]."""
    if clusters is None:
        member, units = None, n
    else:
        names, member = np.unique(np.asarray(clusters), return_inverse=True)
        if member.shape != (n,):
            raise ValueError(f"{member.size} clusters for {n} rows")
        units = len(names)
    step = max(1, _CELLS // n)
    for start in range(0, draws, step):
        size = min(step, draws - start)
        drawn = rng.integers(0, units, (size, units)) + units * np.arange(size)[:, None]
        times = np.bincount(drawn.ravel(), minlength=size * units).reshape(size, units).astype(np.float64)
        yield times if member is None else times[:, member]
