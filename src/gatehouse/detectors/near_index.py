"""An index of texts by their character shingles: which of them share so much with another text."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
from numba import njit

from gatehouse.text.arrow import text_bytes

LOOKED_AT = 10_000
"""Characters of a text that are compared, from its beginning."""

SHINGLE = 5
"""Characters of a shingle."""

HASHES = 126
"""MinHash values of a text, cut into bands."""

_ROWS = ((0.9, 6), (0.8, 4), (0.7, 3), (0.0, 2))
"""How many values a band has, by the similarity that is looked for: two texts meet where one whole band is equal.

Of `HASHES // rows` bands all miss with a chance of (1 - s^rows)^bands, which is at most 1.3e-7 at the similarity s that
is looked for and less above it.
"""

_MULTIPLY = np.uint64(0x9E3779B97F4A7C15)
_SEED = 1

Words = npt.NDArray[np.uint64]
Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Alike:
    """Pairs of a text that was asked for and one that is known, with their similarity; float64, in no order."""

    asked: Places
    known: Places
    similarity: npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class _Group:
    """Known texts that are looked for with bands of the same number of values; `keys` is sorted."""

    rows: int
    keys: Words
    owners: Places


class NearIndex:
    """Known texts, each with the similarity from which another text counts as nearly the same."""

    def __init__(self, texts: Sequence[str], similarity: Sequence[float]) -> None:
        hashes, offsets = shingles(pa.array(texts, pa.string()))
        self._least = np.array(similarity, np.float64)
        digests = _digests(hashes, offsets)
        self._shingles, self._offsets = _sets(hashes, offsets)
        rows = np.array([next(rows for least, rows in _ROWS if one >= least) for one in similarity], np.int64)
        self._groups = [_grouped(digests, np.flatnonzero(rows == r), int(r)) for r in np.unique(rows)]

    def alike(self, texts: pa.Array) -> Alike:
        """The known texts that each of these texts is nearly the same as.

        The similarity is the share of character 5-grams common to both of all that either has (Jaccard), counted
        exactly over 64-bit hashes; MinHash chooses only what is counted.
        """
        if not len(self._least) or not len(texts):
            return Alike(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0))
        hashes, offsets = shingles(texts)
        digests = _digests(hashes, offsets)
        known = (self._shingles, self._offsets, self._least)
        found = [
            _compare(_band_keys(digests, group.rows), group.keys, group.owners, hashes, offsets, *known)
            for group in self._groups
        ]
        return Alike(*(np.concatenate(columns) for columns in zip(*found, strict=True)))


def shingles(texts: pa.Array) -> tuple[Words, Places]:
    """Hashes of the shingles of each text, uint64, with repeats; those of row i are `[offsets[i]:offsets[i + 1]]`."""
    given = text_bytes(pc.utf8_slice_codeunits(texts, 0, LOOKED_AT))
    hashes = np.empty(len(given.data), np.uint64)
    offsets = np.zeros(len(given.offsets), np.int64)
    _cut(given.data, given.offsets, given.valid, hashes, offsets)
    return hashes[: offsets[-1]], offsets


def _digests(hashes: Words, offsets: Places) -> npt.NDArray[np.uint32]:
    """MinHash values of each text, uint32 [n, HASHES]."""
    from rensa import RMinHash

    matrix = RMinHash.digest_matrix_from_flat_token_hashes(hashes, offsets.astype(np.uint64), HASHES, _SEED)
    return np.array(matrix.to_rows(), np.uint32).reshape(len(offsets) - 1, HASHES)


def _grouped(digests: npt.NDArray[np.uint32], members: Places, rows: int) -> _Group:
    keys = _band_keys(digests[members], rows)
    owners = np.repeat(members, keys.shape[1])
    order = np.argsort(keys.ravel(), kind="stable")
    return _Group(rows, keys.ravel()[order], owners[order])


def _sets(hashes: Words, offsets: Places) -> tuple[Words, Places]:
    """The hashes of each row in order, each once."""
    rows = [np.unique(hashes[start:end]) for start, end in pairwise(offsets)]
    ends = np.cumsum([0, *(len(row) for row in rows)], dtype=np.int64)
    return (np.concatenate(rows) if rows else np.empty(0, np.uint64)), ends


@njit(cache=True, nogil=True)
def _cut(data, starts, valid, hashes, offsets):  # type: ignore[no-untyped-def]
    begins = np.empty(SHINGLE, np.int64)
    written = 0
    for row in range(len(valid)):
        seen = 0
        if valid[row]:
            for i in range(starts[row], starts[row + 1]):
                if data[i] & 0xC0 == 0x80:
                    continue
                # A character begins here, so the shingle that began SHINGLE characters ago ends.
                if seen >= SHINGLE:
                    hashes[written] = _hash(data, begins[seen % SHINGLE], i)
                    written += 1
                begins[seen % SHINGLE] = i
                seen += 1
            if seen >= SHINGLE:
                hashes[written] = _hash(data, begins[seen % SHINGLE], starts[row + 1])
                written += 1
        offsets[row + 1] = written


@njit(cache=True, nogil=True)
def _hash(data, start, end):  # type: ignore[no-untyped-def]
    h = np.uint64(end - start)
    for i in range(start, end):
        h = (h ^ np.uint64(data[i])) * _MULTIPLY
        h ^= h >> np.uint64(29)
    h *= _MULTIPLY
    return h ^ (h >> np.uint64(32))


@njit(cache=True, nogil=True)
def _band_keys(digests, rows):  # type: ignore[no-untyped-def]
    n = digests.shape[0]
    bands = HASHES // rows
    keys = np.empty((n, bands), np.uint64)
    for i in range(n):
        for band in range(bands):
            h = np.uint64(band + 1) * _MULTIPLY
            for j in range(band * rows, band * rows + rows):
                h = (h ^ np.uint64(digests[i, j])) * _MULTIPLY
                h ^= h >> np.uint64(29)
            keys[i, band] = h
    return keys


@njit(cache=True, nogil=True)
def _common(a, b):  # type: ignore[no-untyped-def]
    i = j = common = 0
    while i < len(a) and j < len(b):
        if a[i] == b[j]:
            common += 1
            i += 1
            j += 1
        elif a[i] < b[j]:
            i += 1
        else:
            j += 1
    return common


@njit(cache=True, nogil=True)
def _once(hashes):  # type: ignore[no-untyped-def]
    """The hashes in order, each once."""
    ordered = np.sort(hashes)
    kept = 1
    for i in range(1, len(ordered)):
        if ordered[i] != ordered[kept - 1]:
            ordered[kept] = ordered[i]
            kept += 1
    return ordered[:kept]


@njit(cache=True, nogil=True)
def _first(keys, wanted):  # type: ignore[no-untyped-def]
    low, high = 0, len(keys)
    while low < high:
        middle = (low + high) // 2
        if keys[middle] < wanted:
            low = middle + 1
        else:
            high = middle
    return low


@njit(cache=True, nogil=True)
def _compare(keys, known_keys, owners, hashes, offsets, known, known_offsets, least):  # type: ignore[no-untyped-def]
    pairs, similarity = np.empty((16, 2), np.int64), np.empty(16, np.float64)
    found = 0
    met = np.full(len(least), -1, np.int64)
    for row in range(len(offsets) - 1):
        own = hashes[:0]
        if offsets[row] == offsets[row + 1]:
            continue
        for band in range(keys.shape[1]):
            place = _first(known_keys, keys[row, band])
            while place < len(known_keys) and known_keys[place] == keys[row, band]:
                entry = owners[place]
                place += 1
                if met[entry] == row:
                    continue
                met[entry] = row
                if not len(own):
                    own = _once(hashes[offsets[row] : offsets[row + 1]])
                other = known[known_offsets[entry] : known_offsets[entry + 1]]
                if min(len(own), len(other)) < least[entry] * max(len(own), len(other)):
                    continue
                common = _common(own, other)
                either = len(own) + len(other) - common
                if common < least[entry] * either:
                    continue
                if found == len(similarity):
                    more_pairs, more = np.empty((2 * found, 2), np.int64), np.empty(2 * found, np.float64)
                    more_pairs[:found], more[:found] = pairs, similarity
                    pairs, similarity = more_pairs, more
                pairs[found, 0], pairs[found, 1], similarity[found] = row, entry, common / either
                found += 1
    return pairs[:found, 0], pairs[:found, 1], similarity[:found]
