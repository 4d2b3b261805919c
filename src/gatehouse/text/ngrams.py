"""Hashed n-grams of texts: character 3-5-grams within word edges and word 1-2-grams, straight from Arrow bytes.

One definition serves training (`matrix`), scoring and explanation (`Scorer`):

- A text is read byte by byte as if it ended with a space; A-Z become a-z and control characters a space.
- At every position the last three, four and five bytes are three character n-grams. After a space the register starts
  anew with that space, so at the head of a word they are its shorter prefixes and no n-gram crosses a space.
- A word is a run of letters, digits, underscores and bytes of multi-byte characters. Each gives one n-gram of its own
  and one together with the word before it.
- A text's log-odds are `scale * sqrt(d) * (C / sqrt(c) + W / sqrt(w)) + bias`, where C and W sum the weights of its c
  character and w word n-grams and d is the share of its words that are different. Without d a text would weigh more
  the more often it repeats itself. Words are told apart by 13 bits of their hash: in texts of many hundred words d
  comes out somewhat low.

Weights are integers, so that sums are exact and a text's score is the same bits alone and in any batch.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import scipy.sparse

from gatehouse.text.arrow import TextBytes, text_bytes
from gatehouse.text.kernel import (
    LANE_ZERO,
    LANES,
    LETTER,
    Bytes,
    Floats,
    Offsets,
    carry_each,
    fill,
    lanes_each,
    one_alone,
    one_each,
)

KERNEL = 1
"""Number of this definition of n-grams and hashes; weights learnt under one mean nothing under another."""

_CHUNK = 4096  # texts turned into n-grams at once when a matrix is built


def _shift(buckets: int) -> np.uint64:
    if buckets < 2 or buckets & (buckets - 1):
        raise ValueError(f"the number of buckets is a power of two, not {buckets}")
    return np.uint64(65 - buckets.bit_length())


def _frozen(data: Bytes) -> Bytes:
    """A view that numba takes for the same type whether the array may be written or not."""
    view = data.view()
    view.flags.writeable = False
    return view


def matrix(texts: pa.Array, buckets: int) -> scipy.sparse.csr_matrix:
    """The normed n-gram counts of each text, float64 [n, buckets]; a null text has none.

    The scores of `Scorer` are this matrix times its weights.
    """
    given = text_bytes(texts)
    parts = [_matrix_of(given, start, buckets) for start in range(0, len(given.valid), _CHUNK)]
    return scipy.sparse.vstack(parts, "csr") if parts else scipy.sparse.csr_matrix((0, buckets))


def _matrix_of(given: TextBytes, start: int, buckets: int) -> scipy.sparse.csr_matrix:
    offsets, valid = given.offsets[start : start + _CHUNK + 1], given.valid[start : start + _CHUNK]
    most = 5 * int(offsets[-1] - offsets[0] + len(valid)) + 3
    pointers, where, values = np.zeros(len(offsets), np.int64), np.empty(most, np.uint64), np.empty(most)
    fill(_frozen(given.data), offsets, valid, _shift(buckets), pointers, where, values)
    end = pointers[-1]
    found = scipy.sparse.csr_matrix((values[:end], where[:end].astype(np.int32), pointers), (len(valid), buckets))
    found.sum_duplicates()
    return found


class Scorer:
    """Scores texts with integer weights of every bucket and label.

    `weights` is int16 [buckets, 1] for one label and int8 [buckets, L] for several. A label's log-odds are its
    `scale` times the normed sum of its weights, plus its `bias`.
    """

    def __init__(self, weights: npt.NDArray[np.int16] | npt.NDArray[np.int8], scale: Floats, bias: Floats) -> None:
        buckets, self.labels = weights.shape
        self._weights, self._scale, self._bias = weights, scale, bias
        self._shift = _shift(buckets)
        self._single = self.labels == 1
        if self._single:
            self._column = np.ascontiguousarray(weights[:, 0], np.int16)
            self._line = np.array([self._shift, scale[0], bias[0]], np.float64)
        else:
            lanes = np.full((buckets, -(-self.labels // LANES) * LANES), LANE_ZERO, np.uint8)
            lanes[:, : self.labels] = weights.astype(np.int16) + LANE_ZERO
            self._lanes = lanes.view(np.uint64).ravel()

    def score(self, texts: pa.Array) -> Floats:
        """Probabilities, float64 [n, L]; NaN for a null text."""
        return self.score_bytes(text_bytes(texts))

    def score_bytes(self, texts: TextBytes) -> Floats:
        """The same for texts that are laid out."""
        out = np.empty((len(texts.valid), self.labels))
        self._score(texts.data, texts.offsets, out)
        if texts.nulls:
            out[~texts.valid] = np.nan
        return out

    def score_text(self, text: str) -> float:
        """Probability of the first label for one text."""
        data = np.frombuffer(text.encode("utf-8", "surrogatepass"), np.uint8)
        if self._single:
            return one_alone(data, self._column, self._line)
        out = np.empty((1, self.labels))
        self._score(data, np.array([0, len(data)]), out)
        return float(out[0, 0])

    def _score(self, data: Bytes, offsets: Offsets, out: Floats) -> None:
        if self._single:
            one_each(_frozen(data), offsets, self._column, self._line, out[:, 0])
        else:
            lanes_each(_frozen(data), offsets, self._lanes, self._shift, self._scale, self._bias, out)

    def carried(self, texts: pa.Array, label: int) -> Floats:
        """What each byte of the texts (as `text_bytes` lays them out) adds to the log-odds of its text.

        An n-gram's part is shared out equally among its bytes that are no spaces.
        """
        given = text_bytes(texts)
        carried = np.zeros(len(given.data))
        weights = self._weights[:, label] * self._scale[label]
        carry_each(_frozen(given.data), given.offsets, given.valid, self._shift, weights, carried)
        return carried

    def carried_by_character(self, text: str, label: int) -> Floats:
        """What each character of one text adds to its log-odds."""
        data = text.encode("utf-8", "replace")
        first = np.frombuffer(data, np.uint8) & 0xC0 != 0x80
        carried = np.bincount(np.cumsum(first) - 1, self.carried(pa.array([data.decode()]), label), len(text))
        return carried.astype(np.float64)

    def carried_by_words(self, texts: pa.Array, label: int) -> Iterator[tuple[str, float]]:
        """Every word of the texts as it stands there, with what it adds to the log-odds of its text."""
        given = text_bytes(texts)
        if not len(given.data):
            return
        carried = self.carried(texts, label)
        inside = LETTER[given.data] != 0
        inside_before = np.concatenate([[False], inside[:-1]])
        inside_before[given.offsets[:-1][given.offsets[:-1] < len(inside)]] = False
        starts = np.flatnonzero(inside & ~inside_before)
        edges = np.flatnonzero(~inside | ~inside_before)
        ends = np.append(edges, len(inside))[np.searchsorted(edges, starts, side="right")]
        total = np.concatenate([[0.0], np.cumsum(carried)])
        content = given.data.tobytes()
        for start, end, weight in zip(starts.tolist(), ends.tolist(), total[ends] - total[starts], strict=True):
            yield content[start:end].decode("utf-8", "replace"), float(weight)
