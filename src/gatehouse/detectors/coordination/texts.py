"""Near-duplicates among the texts of a stream: one number for all texts that say nearly the same."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit
from scipy import sparse
from scipy.sparse import csgraph

from gatehouse.text.arrow import text_bytes
from gatehouse.text.hashing import hash64
from gatehouse.text.normalise import normalise

_BANDS, _ROWS = 20, 3
_LOOKED_AT = 2_000
_PIECE = 5
_MIX = np.uint64(0x9E3779B97F4A7C15)


class Sketches:
    """Takes texts batch by batch and keeps of each different one a hash and 60 MinHash values, never the text.

    Looks at the first 2,000 bytes of a text. Candidates share one of 20 bands of 3 values, which misses two texts that
    are alike by s with chance (1 - s³)²⁰; the share of equal values then estimates s.
    """

    def __init__(self, similar: float, shortest: int) -> None:
        self._similar = similar
        self._shortest = shortest
        self._rows: list[npt.NDArray[np.uint64]] = []
        self._told: list[npt.NDArray[np.bool_]] = []
        self._hashes: list[npt.NDArray[np.uint64]] = []
        self._values: list[npt.NDArray[np.uint32]] = []

    def add(self, texts: pa.Array) -> None:
        """Note the texts of a batch; null and short ones tell nothing."""
        plain = normalise(texts)
        told = pc.fill_null(pc.greater_equal(pc.utf8_length(plain), max(self._shortest, 1)), False)
        hashes = hash64(plain)
        different, first = np.unique(hashes, return_index=True)
        chosen = told.to_numpy(zero_copy_only=False)[first]
        self._rows.append(hashes)
        self._told.append(told.to_numpy(zero_copy_only=False))
        self._hashes.append(different[chosen])
        self._values.append(_minhash(plain.take(pa.array(first[chosen]))))

    def numbers(self) -> npt.NDArray[np.int64]:
        """For each text, in the order of coming, the number of its near-duplicates; -1 where it tells nothing."""
        if not self._rows:
            return np.empty(0, np.int64)
        hashes, places = np.unique(np.concatenate(self._hashes), return_index=True)
        groups = _groups(np.concatenate(self._values)[places], self._similar)
        rows, told = np.concatenate(self._rows), np.concatenate(self._told)
        found = np.full(len(rows), -1, np.int64)
        found[told] = groups[np.searchsorted(hashes, rows[told])]
        return found


def _minhash(plain: pa.Array) -> npt.NDArray[np.uint32]:
    from rensa import RMinHash

    if not len(plain):
        return np.empty((0, _BANDS * _ROWS), np.uint32)
    given = text_bytes(plain)
    pieces, offsets = _pieces(given.data, given.offsets)
    matrix = RMinHash.digest_matrix_from_flat_token_hashes(pieces, offsets, _BANDS * _ROWS, 1)
    return np.array(matrix.to_rows(), np.uint32)


def _groups(values: npt.NDArray[np.uint32], similar: float) -> npt.NDArray[np.int64]:
    """Numbers of groups, int64 [n]: each text joins the first one of each band's bucket when it is alike."""
    n = len(values)
    joined = []
    for band in range(_BANDS):
        key = np.zeros(n, np.uint64)
        for column in range(band * _ROWS, (band + 1) * _ROWS):
            key = (key ^ values[:, column].astype(np.uint64)) * _MIX
            key ^= key >> np.uint64(29)
        order = np.argsort(key, kind="stable")
        begins = np.flatnonzero(np.diff(key[order], prepend=~key[order[:1]]))
        head = np.repeat(order[begins], np.diff(np.append(begins, n)))
        others, heads = order[head != order], head[head != order]
        alike = (values[others] == values[heads]).mean(axis=1) >= similar
        joined.append(np.stack([others[alike], heads[alike]]))
    a, b = np.concatenate(joined, axis=1) if joined else np.empty((2, 0), np.int64)
    graph = sparse.coo_matrix((np.ones(len(a), np.bool_), (a, b)), shape=(n, n))
    found: npt.NDArray[np.int32] = csgraph.connected_components(graph, directed=False)[1]
    return found.astype(np.int64)


@njit(cache=True, nogil=True)
def _pieces(data, offsets):  # type: ignore[no-untyped-def]
    """Hashes of the 5-byte pieces of each text, and where each text's begin."""
    n = len(offsets) - 1
    ends = np.zeros(n + 1, np.uint64)
    for row in range(n):
        length = min(offsets[row + 1] - offsets[row], _LOOKED_AT)
        ends[row + 1] = ends[row] + np.uint64(max(1, length - _PIECE + 1))
    out = np.empty(int(ends[n]), np.uint64)
    for row in range(n):
        start = offsets[row]
        length = min(offsets[row + 1] - start, _LOOKED_AT)
        for place in range(max(1, length - _PIECE + 1)):
            h = np.uint64(0)
            for i in range(start + place, start + min(place + _PIECE, length)):
                h = (h ^ np.uint64(data[i])) * _MIX
                h ^= h >> np.uint64(31)
            out[int(ends[row]) + place] = h
    return out, ends
