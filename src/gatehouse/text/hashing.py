"""A 64-bit hash of every text of an Arrow array, for finding equal ones fast."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gatehouse.text.arrow import TextBytes, text_bytes

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)


def hash64(texts: pa.Array, seed: int = 0) -> npt.NDArray[np.uint64]:
    """Hash of each text's bytes, uint64 [n]; null has a hash of its own. Equal texts have equal hashes."""
    return hash_bytes(text_bytes(texts), seed)


def hash_bytes(texts: TextBytes, seed: int = 0) -> npt.NDArray[np.uint64]:
    """The same for texts that are laid out."""
    out = np.empty(len(texts.valid), np.uint64)
    _hash(texts.data, texts.offsets, np.uint64(seed), out)
    if texts.nulls:
        out[~texts.valid] = np.uint64(seed) ^ _MIX
    return out


@njit(cache=True, nogil=True)
def hash_one(content, start, end, seed):  # type: ignore[no-untyped-def]
    """The hash of one text, uint64."""
    h = seed ^ (np.uint64(end - start) * _PRIME)
    for i in range(start, end):
        h = (h ^ np.uint64(content[i])) * _PRIME
        h ^= h >> np.uint64(29)
    h = (h ^ (h >> np.uint64(32))) * _MIX
    return h ^ (h >> np.uint64(32))


@njit(cache=True, nogil=True)
def _hash(content, starts, seed, out):  # type: ignore[no-untyped-def]
    for row in range(len(out)):
        out[row] = hash_one(content, starts[row], starts[row + 1], seed)
