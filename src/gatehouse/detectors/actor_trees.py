"""Boosted trees as flat arrays, and their calibrated probabilities for one row or for many.

All splits stand in one list, by feature and then by limit. For each tree there is a word of bits, one for each of its
leaves from left to right, all set at first. A split that a row does not pass (its value is above the limit) clears the
bits of the leaves on its left; the lowest bit that is left is the leaf where the row ends (QuickScorer: Lucchese et al.
2015). Splits of a feature are passed from some limit on, so the rest of them is skipped. A tree of more than 64 leaves
has several words.

Leaves are summed in the order of the trees, so that a row's score is the same bits alone and in any batch.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

from gatehouse.detectors.actor_graph import Graph, read_graph

Floats = npt.NDArray[np.float64]
Integers = npt.NDArray[np.int32]
Words = npt.NDArray[np.uint64]

_BITS = 64
_ALL = np.uint64(2**_BITS - 1)
_BLOCK = 64
"""Rows that go through a split together: so many that the processor takes several at a time."""

_FEW = 8
"""Blocks of fewer rows are scored row by row, which lets each skip splits of its own."""


class Trees:
    """The trees of an actor model's graph; raises ValueError, with the reason, where it cannot be read."""

    def __init__(self, onnx: bytes, columns: int, labels: int) -> None:
        self._labels = labels
        self._arrays = _flat(read_graph(onnx, columns, labels), columns)

    def probabilities(self, x: Floats) -> Floats:
        """Calibrated probabilities, float64 [n, labels], of rows float64 [n, columns], NaN for what is not known."""
        score = np.zeros((len(x), self._labels))
        _score(x, *self._arrays, score)
        return score


def _flat(graph: Graph, columns: int) -> tuple[Floats, Words, Integers, Integers, Floats, Integers, Integers]:
    """What the kernel reads: of each split its limit, mask and word; where features start; leaves; words; labels.

    A feature has two lists of splits: those that do not let what is unknown pass, and those that do. Leaves stand in
    the order of their bits, float64 [words, 64].
    """
    splits: list[tuple[int, float, int, int]] = []
    masks: list[int] = []
    leaves: list[Floats] = []
    words, labels = [0], []
    seen: set[int] = set()
    for root in graph.roots:
        first = words[-1]
        spans, found = _left(graph, root)
        if not seen.isdisjoint(spans):
            raise ValueError("a split stands in two trees")
        seen |= spans.keys()
        for split, (start, end) in spans.items():
            list_ = 2 * graph.features[split] + (graph.missing[split] != 0)
            for word in range(start // _BITS, -(-end // _BITS)):
                low, high = max(start - word * _BITS, 0), min(end - word * _BITS, _BITS)
                splits.append((list_, float(graph.limits[split]), first + word, len(masks)))
                masks.append((2**_BITS - 1) ^ ((1 << high) - (1 << low)))
        told = {graph.labels[leaf] for leaf in found}
        if len(told) != 1:
            raise ValueError("a tree speaks of two labels")
        labels.append(told.pop())
        words.append(first - (-len(found) // _BITS))
        padded = np.zeros((words[-1] - first, _BITS))
        padded.ravel()[: len(found)] = graph.weights[found]
        leaves.append(padded)
    splits.sort()
    lists, limits, of_words, places = zip(*splits, strict=True)
    starts = np.searchsorted(lists, np.arange(2 * columns + 1))
    return (
        np.array(limits, np.float64),
        np.array(masks, np.uint64)[np.array(places, np.int64)],
        np.array(of_words, np.int32),
        starts.astype(np.int32),
        np.concatenate(leaves),
        np.array(words, np.int32),
        np.array(labels, np.int32),
    )


def _left(graph: Graph, root: int) -> tuple[dict[int, tuple[int, int]], list[int]]:
    """Of each split of a tree the first leaf on its left and the first on its right; the leaves from left to right."""
    starts: dict[int, int] = {}
    spans: dict[int, tuple[int, int]] = {}
    leaves: list[int] = []
    # Each child with the split whose left side is done when its turn comes.
    waiting: list[tuple[int, int, int | None]] = [(root, 0, None)]
    while waiting:
        number, leaf, done = waiting.pop()
        if done is not None:
            spans[done] = starts[done], len(leaves)
        if leaf:
            leaves.append(number)
            continue
        if number in starts:
            raise ValueError("a split leads back to itself")
        starts[number] = len(leaves)
        waiting.append((graph.false[number], graph.false_is_leaf[number], number))
        waiting.append((graph.true[number], graph.true_is_leaf[number], None))
    return spans, leaves


def _build_lowest(_: Any, word: Any) -> Any:
    def build(context: Any, builder: Any, signature: Any, words: Any) -> Any:
        return builder.cttz(words[0], context.get_constant(types.boolean, False))

    return types.int64(types.uint64), build


_lowest: Any = intrinsic(_build_lowest)
"""The number of the lowest bit that is set."""


@njit(cache=True, nogil=True)
def _score(
    x: Floats,
    limits: Floats,
    masks: Words,
    of_words: Integers,
    starts: Integers,
    leaves: Floats,
    words: Integers,
    labels: Integers,
    score: Floats,
) -> None:
    """Fill in `score`, which is all zeros."""
    n = x.shape[0]
    alive = np.empty((leaves.shape[0], min(n, _BLOCK)), np.uint64)
    for first in range(0, n, _BLOCK):
        rows = min(_BLOCK, n - first)
        if rows < _FEW:
            for row in range(rows):
                _clear_one(x[first + row], limits, masks, of_words, starts, alive[:, row])
        else:
            _clear(x[first : first + rows], limits, masks, of_words, starts, alive)
        for tree in range(len(labels)):
            for row in range(rows):
                word = words[tree]
                while alive[word, row] == 0:
                    word += 1
                score[first + row, labels[tree]] += leaves[word, _lowest(alive[word, row])]
    for row in range(n):
        for label in range(score.shape[1]):
            score[row, label] = 1.0 / (1.0 + math.exp(-score[row, label]))


@njit(cache=True, nogil=True)
def _compared(value: float, unknown_passes: int) -> float:
    """A value as splits compare it: limits are finite, so what is not known passes all of them, or none."""
    if np.isnan(value):
        return -np.inf if unknown_passes else np.inf
    return value


@njit(cache=True, nogil=True)
def _clear_one(x: Floats, limits: Floats, masks: Words, of_words: Integers, starts: Integers, alive: Words) -> None:
    """What one row, float64 [columns], leaves of the words of all trees."""
    alive[:] = _ALL
    for list_ in range(len(starts) - 1):
        value = _compared(x[list_ >> 1], list_ & 1)
        for split in range(starts[list_], starts[list_ + 1]):
            if value <= limits[split]:
                break
            alive[of_words[split]] &= masks[split]


@njit(cache=True, nogil=True)
def _clear(x: Floats, limits: Floats, masks: Words, of_words: Integers, starts: Integers, alive: Words) -> None:
    """What each of a block of rows leaves of the words of all trees, which are [words, rows]."""
    rows = x.shape[0]
    values = np.empty(rows)
    alive[:] = _ALL
    for list_ in range(len(starts) - 1):
        largest = -np.inf
        for row in range(rows):
            values[row] = _compared(x[row, list_ >> 1], list_ & 1)
            largest = max(largest, values[row])
        for split in range(starts[list_], starts[list_ + 1]):
            limit, mask, kept = limits[split], masks[split], alive[of_words[split]]
            if largest <= limit:
                break
            for row in range(rows):
                kept[row] &= _ALL if values[row] <= limit else mask
