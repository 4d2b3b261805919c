"""Where the accounts of a graph are drawn: springs along the ties, the same place for the same graph every time."""

import numpy as np
import numpy.typing as npt

_ROUNDS = 150
_GOLDEN_ANGLE = np.pi * (3 - np.sqrt(5))


def layout(n: int, edges: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
    """Places of n nodes joined by `edges` (int64 [m, 2]) in the unit square, float64 [n, 2].

    Fruchterman and Reingold (1991), from a spiral with the most tied in the middle; takes n² per round.
    """
    degree = np.bincount(edges.ravel(), minlength=n)
    rank = np.empty(n, np.int64)
    rank[np.lexsort((np.arange(n), -degree))] = np.arange(n)
    angle, radius = rank * _GOLDEN_ANGLE, np.sqrt((rank + 0.5) / max(n, 1)) / 2
    at = np.stack([radius * np.cos(angle), radius * np.sin(angle)], axis=1)
    spring = 1 / np.sqrt(max(n, 1))
    for heat in np.linspace(0.1, 0.001, _ROUNDS):
        apart = at[:, None] - at[None]
        squared = np.maximum((apart**2).sum(axis=2), 1e-9)
        push = (apart * (spring**2 / squared)[:, :, None]).sum(axis=1)
        along = at[edges[:, 0]] - at[edges[:, 1]]
        # An account with many ties is not pulled harder than one with few, else all lie on one spot.
        pull = along * (np.linalg.norm(along, axis=1) / spring)[:, None]
        np.add.at(push, edges[:, 0], -pull / np.maximum(degree[edges[:, 0]], 1)[:, None])
        np.add.at(push, edges[:, 1], pull / np.maximum(degree[edges[:, 1]], 1)[:, None])
        push -= at * spring
        length = np.maximum(np.linalg.norm(push, axis=1), 1e-9)
        at = at + push * (np.minimum(length, heat) / length)[:, None]
    low, high = at.min(axis=0, initial=0), at.max(axis=0, initial=0)
    if n == 1:
        return np.full((1, 2), 0.5)
    placed: npt.NDArray[np.float64] = (at - low) / np.maximum(high - low, 1e-9)
    return placed
