"""The n-gram kernel: hashed character 3-5-grams within word edges and word 1-2-grams, scored straight from Arrow bytes.

One definition of the n-grams serves training (`matrix`), explanation (`grams`) and scoring (`score`, `score_lanes`).

A text is read byte by byte as if it ended with a space. Bytes are folded (A-Z to a-z, control characters to a space).
At every position the last three, four and five folded bytes are three character n-grams; after a space the register
starts anew with that one space, so at the head of a word they are its shorter prefixes. A word is a run of letters,
digits, underscores and bytes of multi-byte characters; each gives its own n-gram and one together with the word before.
A text's logit is `sum(character weights) / sqrt(number of them) + sum(word weights) / sqrt(number of them)`.

The loops hold no branch that depends on the text, because a mispredicted branch costs more than the look-up it saves.
Weights are integers, so sums are exact and a text's score is the same bits alone and in any batch.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse
from numba import njit

KERNEL = 1
"""Number of this definition of n-grams and hashes; a model speaks of one of them and no other can score it."""

LANES = 8
"""Labels that share one uint64 of a lane table, a byte each."""

LANE_ZERO = 128
"""The byte of a lane table that stands for weight 0."""

_BLOCK = 4096  # bytes between two look-ups of finished words: bounds the scratch of a text with a million words
_FLUSH = 80  # bytes whose 3 * 80 n-grams of at most 255 each fit a lane of 16 bits
_ROWS = 4096  # texts turned into n-grams at once when a matrix is built

_GOLDEN = 0x9E3779B97F4A7C15


def _mixed(seed: int) -> int:
    """The SplitMix64 output function, a fixed random uint64 for each seed."""
    z = (seed * _GOLDEN) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return z ^ (z >> 31)


def _fold(byte: int) -> int:
    if byte <= 32 or byte == 127:
        return 32
    return byte + 32 if 65 <= byte <= 90 else byte


def _in_word(symbol: int) -> bool:
    return symbol >= 128 or symbol == ord("_") or chr(symbol).isalnum()


_FOLD = np.array([_fold(byte) for byte in range(256)], np.uint8)
_WORD = np.array([_mixed(_fold(byte)) if _in_word(_fold(byte)) else 0 for byte in range(256)], np.uint64)

# uint64 throughout: a signed index is checked for wrap-around, and int64 with uint64 becomes float64.
_U0, _U1, _U2, _U3, _U8 = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(8)
_SPACE = np.uint64(32)
_MASK3, _MASK4, _MASK5 = np.uint64(0xFFFFFF), np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFF)
_KEY3, _KEY4, _KEY5, _KEY_WORD, _KEY_PAIR = (np.uint64(_mixed(seed) | 1) for seed in range(1001, 1006))
_EVEN = np.uint64(0x00FF00FF00FF00FF)
_HALF = np.uint64(0x0000FFFF0000FFFF)
_LOW = np.uint64(0xFFFFFFFF)


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _grown(word, symbol):  # type: ignore[no-untyped-def]
    """The hash of a word grown by one symbol."""
    return ((word << np.uint64(7)) | (word >> np.uint64(57))) ^ symbol


@njit(cache=True, nogil=True, error_model="numpy", inline="always")
def _pair(word, before):  # type: ignore[no-untyped-def]
    """The hash of a word with the one before it, whose order matters."""
    return word ^ ((before << np.uint64(9)) | (before >> np.uint64(55)))
