"""Bootstrap intervals of rows that come in clusters, from sums by cluster: as quick for a million rows as for ten."""

import numpy as np
import numpy.typing as npt
from scipy import sparse

from gatehouse.stats.intervals import Interval, Measure, bootstrap
from gatehouse.stats.metrics import Floats, ratio

FEWEST_CLUSTERS = 20
"""With fewer clusters the percentile interval is far too narrow."""

MOST_CLUSTERS = 1 << 14
"""More clusters than this are drawn in so many groups of equal number, which widens the interval a little at most."""

NO_CLUSTER = -1
DRAWS, SEED = 1_000, 7


class ClusterDraws:
    """Rows and the clusters (int64 [n]) that they belong to; a row of NO_CLUSTER is one by itself."""

    def __init__(self, clusters: npt.ArrayLike, draws: int = DRAWS, seed: int = SEED) -> None:
        named = np.asarray(clusters, np.int64)
        alone = named == NO_CLUSTER
        _, member = np.unique(named[~alone], return_inverse=True)
        place = np.empty(len(named), np.int64)
        place[~alone] = member
        count = int(member.max(initial=-1)) + 1
        place[alone] = count + np.arange(int(alone.sum()))
        self.clusters = count + int(alone.sum())
        """How many there are."""
        self._groups = min(self.clusters, MOST_CLUSTERS)
        self._member = place % max(self._groups, 1)
        self._draws, self._seed = draws, seed

    def __len__(self) -> int:
        return len(self._member)

    def ratio(self, above: npt.ArrayLike, below: npt.ArrayLike, confidence: float = 0.95) -> Interval:
        """The sum of one column over that of another; a mean where the other is 1. Raises ValueError where it has no
        interval: nothing to divide by, or fewer than FEWEST_CLUSTERS clusters."""
        tops = np.bincount(self._member, np.asarray(above, np.float64), self._groups)
        bottoms = np.bincount(self._member, np.asarray(below, np.float64), self._groups)
        return self._interval(lambda weights: ratio(weights @ tops, weights @ bottoms), confidence)

    def quantile(self, values: npt.ArrayLike, share: float, confidence: float = 0.95) -> Interval:
        """The smallest value that at least this share of the rows does not exceed. Raises ValueError as `ratio`."""
        distinct, place = np.unique(np.asarray(values, np.float64), return_inverse=True)
        shape = (self._groups, len(distinct))
        held = sparse.csr_array((np.ones(len(place)), (self._member, place)), shape=shape)

        def measure(weights: Floats) -> Floats:
            parts = []
            # One value a row for every draw would not fit into memory where nearly all values differ.
            step = max(1, (1 << 22) // max(len(distinct), 1))
            rows = np.atleast_2d(weights)
            for start in range(0, len(rows), step):
                below = np.cumsum(np.asarray(rows[start : start + step] @ held), axis=1)
                reached = below >= share * below[:, -1:] - 1e-9
                parts.append(distinct[np.argmax(reached, axis=1)])
            found = np.concatenate(parts)
            return found if weights.ndim > 1 else found[0]

        return self._interval(measure, confidence)

    def _interval(self, measure: Measure, confidence: float) -> Interval:
        if self.clusters < FEWEST_CLUSTERS:
            raise ValueError(f"an interval needs at least {FEWEST_CLUSTERS} clusters, and there are {self.clusters}")
        rng = np.random.default_rng(self._seed)
        return bootstrap(measure, self._groups, rng, draws=self._draws, confidence=confidence)
