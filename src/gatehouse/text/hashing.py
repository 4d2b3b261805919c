"""A 64-bit hash of every text of an Arrow array, for finding equal ones fast."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

_PRIME = np.uint64(0x9E3779B97F4A7C15)
_MIX = np.uint64(0xD6E8FEB86659FD93)


def hash64(texts: pa.Array, seed: int = 0) -> npt.NDArray[np.uint64]:
    """Hash of each text's bytes, uint64 [n]; null has a hash of its own. Equal texts have equal hashes."""
    array = texts if pa.types.is_large_string(texts.type) else texts.cast(pa.large_string())
    out = np.empty(len(array), np.uint64)
    if not len(array):
        return out
    _, offsets, data = array.buffers()
    starts = np.frombuffer(offsets, np.int64)[array.offset : array.offset + len(array) + 1]
    content = np.frombuffer(data, np.uint8) if data is not None else np.zeros(0, np.uint8)
    _hash(content, starts, np.uint64(seed), out)
    if array.null_count:
        out[array.is_null().to_numpy(zero_copy_only=False)] = np.uint64(seed) ^ _MIX
    return out


@njit(cache=True, nogil=True)
def _hash(content, starts, seed, out):  # type: ignore[no-untyped-def]
    for row in range(len(out)):
        h = seed ^ (np.uint64(starts[row + 1] - starts[row]) * _PRIME)
        for i in range(starts[row], starts[row + 1]):
            h = (h ^ np.uint64(content[i])) * _PRIME
            h ^= h >> np.uint64(29)
        h = (h ^ (h >> np.uint64(32))) * _MIX
        out[row] = h ^ (h >> np.uint64(32))
