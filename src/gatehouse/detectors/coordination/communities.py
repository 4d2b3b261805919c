"""From ties to communities: groups whose members are tied among themselves, and the chance of such a group."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import sparse, special
from scipy.sparse import csgraph

from gatehouse.detectors.coordination.acts import Numbers
from gatehouse.detectors.coordination.null import LEAST_P
from gatehouse.detectors.coordination.settings import Settings


@dataclass(frozen=True, eq=False)
class Group:
    """Accounts by number, the places of their ties, and their chance."""

    members: Numbers
    ties: Numbers
    p: float


def groups(n: int, a: Numbers, b: Numbers, p: npt.NDArray[np.float64], settings: Settings) -> list[Group]:
    """The significant groups among n accounts, the largest first."""
    kept = _embedded(n, a, b, settings.common)
    if not len(kept):
        return []
    graph = sparse.coo_matrix((np.ones(len(kept), np.bool_), (a[kept], b[kept])), shape=(n, n))
    _, group = csgraph.connected_components(graph, directed=False)
    sizes = np.bincount(group, minlength=1)
    found = []
    within = kept[np.argsort(group[a[kept]], kind="stable")]
    numbers, starts = np.unique(group[a[within]], return_index=True)
    for number, ties in zip(numbers.tolist(), np.split(within, starts[1:]), strict=True):
        if sizes[number] < settings.smallest:
            continue
        chance = _chance(n, a[ties], b[ties], p[ties])
        if chance <= settings.significance:
            found.append(Group(np.unique([a[ties], b[ties]]), ties, chance))
    return sorted(found, key=lambda group: (-len(group.members), int(group.members[0])))


def _embedded(n: int, a: Numbers, b: Numbers, share: float) -> Numbers:
    """Places of ties whose two ends are tied to the same others, so that one false tie joins no two groups."""
    kept = np.arange(len(a))
    while len(kept):
        one, other = a[kept], b[kept]
        ends = (np.concatenate([one, other]), np.concatenate([other, one]))
        graph = sparse.csr_matrix((np.ones(2 * len(kept), np.int32), ends), shape=(n, n))
        degree = np.diff(graph.indptr)
        common = _common(graph, one, other)
        enough = common >= share * (np.minimum(degree[one], degree[other]) - 1)
        if enough.all():
            break
        kept = kept[enough]
    return kept


_AT_ONCE = 1 << 16


def _common(graph: sparse.csr_matrix, a: Numbers, b: Numbers) -> Numbers:
    """For each tie how many accounts are tied to both."""
    parts = [np.empty(0, np.int64)]
    for start in range(0, len(a), _AT_ONCE):
        some = slice(start, start + _AT_ONCE)
        parts.append(np.asarray(graph[a[some]].multiply(graph[b[some]]).sum(axis=1), np.int64).ravel())
    return np.concatenate(parts)


def _chance(n: int, a: Numbers, b: Numbers, p: npt.NDArray[np.float64]) -> float:
    """The chance that any m of n accounts hang together by ties as strong, for m the size of the group.

    Its strongest spanning tree has m - 1 ties, which are independent of one another; Fisher's method joins them, and
    the number of trees on any m of n accounts (Cayley) times m², for not having fixed m, corrects for all that could
    have been looked at.
    """
    members = np.unique([a, b])
    m = len(members)
    places = (np.searchsorted(members, a), np.searchsorted(members, b))
    strength = np.log(p)
    tree = csgraph.minimum_spanning_tree(sparse.coo_matrix((strength - 1.0, places), shape=(m, m)))
    total = float((tree.data + 1.0).sum())
    # The tail of a gamma distribution with a whole shape is a Poisson sum, which stays in the logarithm here.
    k = np.arange(m - 1)
    alone = special.logsumexp(total + k * np.log(max(-total, 1e-300)) - special.gammaln(k + 1))
    choices = special.gammaln(n + 1) - special.gammaln(m + 1) - special.gammaln(n - m + 1)
    chance = float(np.exp(min(0.0, alone + choices + (m - 2) * np.log(m) + 2 * np.log(m))))
    return max(chance, LEAST_P)
