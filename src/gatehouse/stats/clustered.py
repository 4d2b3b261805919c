"""An interval for a share of rows that come in clusters, by way of the number of independent rows they are worth."""

import numpy as np
import numpy.typing as npt
from scipy import special


def korn_graubard(hits: npt.ArrayLike, clusters: npt.ArrayLike, confidence: float = 0.95) -> tuple[float, float]:
    """Interval for the share of hits among clustered rows (Korn and Graubard 1998).

    `hits` is 1 or 0 a row, `clusters` names what each row belongs to. It is Clopper and Pearson's at the effective
    number of rows, which lies between the number of clusters (also taken where all clusters agree, so that nothing can
    be learnt about how alike their rows are) and that of rows. Raises ValueError for fewer than two clusters.
    """
    hit = np.asarray(hits, np.float64)
    names, member = np.unique(np.asarray(clusters), return_inverse=True)
    n, units = len(hit), len(names)
    if member.shape != hit.shape:
        raise ValueError("hits and clusters must be columns of one length")
    if units < 2:
        raise ValueError("an interval needs at least two clusters")
    share = float(hit.mean())
    worth = float(units)
    residual = np.bincount(member, hit - share)
    variance = units / (units - 1) * float(np.sum(residual**2)) / n**2
    if 0 < share < 1 and variance > 0:
        tail = (1 + confidence) / 2
        fewer = (float(special.stdtrit(n - 1, tail)) / float(special.stdtrit(units - 1, tail))) ** 2
        worth = min(max(share * (1 - share) / variance * fewer, 1.0), float(n))
    return _bounds(share * worth, worth, (1 - confidence) / 2)


def _bounds(hits: float, n: float, tail: float) -> tuple[float, float]:
    low = 0.0 if hits <= 0 else float(special.betaincinv(hits, n - hits + 1, tail))
    high = 1.0 if hits >= n else float(special.betaincinv(hits + 1, n - hits, 1 - tail))
    return low, high
