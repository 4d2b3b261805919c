"""Texts that are nearly the same and stand on different sides of a split."""

from itertools import islice

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from rensa import RMinHash, RMinHashLSH

SIMILAR = 0.8
"""Two texts are near-duplicates when this share of their character 5-grams, after normalising, is common to both."""

_SHINGLE = 5
_LOOKED_AT = 10_000
_HASHES = 120
_BANDS = 20
_MOST_COMPARED = 200
_AT_ONCE = 4_096


def crossing(texts: pa.Array, sides: npt.NDArray[np.int64]) -> list[tuple[int, int]]:
    """Places (a, b) of near-duplicates with `sides[a] > sides[b]`, at most one b for each a.

    Looks at the first 10,000 characters of a text. Candidates come from MinHash in 20 bands of 6 hashes, which
    misses a pair that is alike by s with chance (1 - s⁶)²⁰; the first 200 of each text are then compared exactly.
    """
    from gatehouse.text.normalise import normalise

    plain = [text[:_LOOKED_AT] for text in normalise(texts).to_pylist()]
    index = RMinHashLSH(SIMILAR, _HASHES, _BANDS)
    for start in range(0, len(plain), _AT_ONCE):
        index.insert_many(_sketches(plain[start : start + _AT_ONCE]), start)
    pairs = []
    asked = np.flatnonzero(sides > sides.min(initial=0))
    for start in range(0, len(asked), _AT_ONCE):
        some = asked[start : start + _AT_ONCE].tolist()
        for a, candidates in zip(some, index.query_all(_sketches([plain[i] for i in some])), strict=True):
            own = _shingles(plain[a])
            lower = (b for b in sorted(candidates) if sides[b] < sides[a])
            compared = islice(lower, _MOST_COMPARED)
            b = next((b for b in compared if _alike(own, _shingles(plain[b]))), None)
            if b is not None:
                pairs.append((a, b))
    return pairs


def _sketches(plain: list[str]) -> list[RMinHash]:
    found: list[RMinHash] = RMinHash.from_token_sets([list(_shingles(text)) for text in plain], _HASHES, 1)
    return found


def _shingles(text: str) -> set[str]:
    return {text[i : i + _SHINGLE] for i in range(max(1, len(text) - _SHINGLE + 1))}


def _alike(a: set[str], b: set[str]) -> bool:
    common = len(a & b)
    return common >= SIMILAR * (len(a) + len(b) - common)
