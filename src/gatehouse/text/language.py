"""Which language a text is in, or null where that cannot be said.

The model is py3langid's (https://github.com/adbar/py3langid): an automaton over bytes whose states emit features, and a
naive Bayes table of features by language. A kernel of our own walks it over Arrow columns.

An answer is given from 10 letters on (a letter of another script counts as three) where the model's probability is at
least .5 and the language has a code of two letters. `python benchmarks/language.py` measured, of all texts of a set:

    set              texts  language  said so  no answer   other
    davidson        24,750        en    82.3%      17.5%   0.19%
    edos            19,773        en    96.4%       3.6%   0.03%
    jigsaw-slice     2,993        en    93.7%       6.2%   0.10%
    told-br         20,981        pt    78.0%      21.5%   0.50%
    sms-spam         5,573        en    86.4%      13.6%   0.04%
"""

import functools
import importlib.util
import io
import lzma
import math
import unicodedata
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from numba import njit

from gatehouse.errors import OutsideError
from gatehouse.text.arrow import TextBytes, text_bytes

LEAST_LETTERS = 10
LEAST_PROBABILITY = 0.5
MOST_BYTES = 4096
"""Longer texts are judged by their beginning."""

_SCALE = 512
_STRONG_LETTER = 3
"""A letter of a script other than Latin says as much as this many Latin ones."""


@dataclass(frozen=True, eq=False)
class _Model:
    """py3langid's tables.

    `following` uint32 [rows * 256] holds the next state by row and byte; `states` int64 [states] the row of a state
    and, above 32 bits, the feature that it emits plus 1, 0 for none. `weights` int16 [features, languages] are
    log-probabilities times 512, which represents the half-precision originals exactly; `prior` is float32 [languages].
    `first` int64 [languages] is the first column with the same code: several columns may speak of one language.
    """

    following: npt.NDArray[np.uint32]
    states: npt.NDArray[np.int64]
    weights: npt.NDArray[np.int16]
    prior: npt.NDArray[np.float32]
    first: npt.NDArray[np.int64]
    codes: pa.Array
    two_letters: npt.NDArray[np.bool_]


def _fixed_point(half: npt.NDArray[np.float16]) -> npt.NDArray[np.int16]:
    """Half-precision numbers times _SCALE; looked up by their bits, since arithmetic on them is slow."""
    values = np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float64)
    table = (np.nan_to_num(values, posinf=0, neginf=0).clip(-64, 63) * _SCALE).astype(np.int16)
    return table[half.view(np.uint16)]


@functools.cache
def _model() -> _Model:
    spec = importlib.util.find_spec("py3langid")
    try:
        path = Path(spec.origin if spec and spec.origin else "").parent / "data" / "model.npz.xz"
        with np.load(io.BytesIO(lzma.decompress(path.read_bytes())), allow_pickle=False) as arrays:
            codes = arrays["classes"].tolist()
            return _Model(
                following=arrays["nextmove"].astype(np.uint32, copy=False),
                states=arrays["nextmove_row"].astype(np.int64) | (arrays["out_feat"].astype(np.int64) + 1) << 32,
                weights=_fixed_point(arrays["ptc"]),
                prior=arrays["pc"],
                first=np.array([codes.index(code) for code in codes], np.int64),
                codes=pa.array(codes),
                two_letters=np.array([len(code) == 2 for code in codes]),
            )
    except (OSError, KeyError, ValueError, lzma.LZMAError) as error:
        raise OutsideError(
            f"the language model of py3langid cannot be read ({error})", fix="install py3langid 0.4 again"
        ) from error


_LOG = np.log1p(np.arange(MOST_BYTES + 1, dtype=np.float32))


@njit(cache=True, nogil=True)
def _count_features(
    data: npt.NDArray[np.uint8],
    start: int,
    end: int,
    lower: bool,
    following: npt.NDArray[np.uint32],
    states: npt.NDArray[np.int64],
    seen: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
) -> int:
    """Walk the automaton; gives back how many features it emitted, which then stand first in `seen` and `count`."""
    size = 16
    while size < 2 * (end - start):
        size *= 2
    slots = seen[len(seen) - size :]
    slots[:] = 0
    state, n = np.uint64(states[0] & 0xFFFFFFFF), 0
    for place in range(start, end):
        byte = data[place]
        if lower and 65 <= byte <= 90:
            byte |= np.uint8(32)
        reached = states[np.uint64(following[state << np.uint64(8) | np.uint64(byte)])]
        state = np.uint64(reached & 0xFFFFFFFF)
        feature = reached >> 32
        if feature:
            slot = feature * 40503 & size - 1
            while slots[slot] and seen[slots[slot] - 1] != feature:
                slot = slot + 1 & size - 1
            if slots[slot]:
                count[slots[slot] - 1] += 1
            else:
                seen[n], count[n] = feature, 1
                n += 1
                slots[slot] = n
    return n


@njit(cache=True, nogil=True, fastmath=True)
def _add_weights(
    n: int,
    seen: npt.NDArray[np.int64],
    count: npt.NDArray[np.int64],
    log: npt.NDArray[np.float32],
    weights: npt.NDArray[np.int16],
    once: npt.NDArray[np.int32],
    score: npt.NDArray[np.float32],
) -> None:
    """Add log(1 + count) of each feature times its weights to `score`; features seen once are summed as integers."""
    for k in range(len(once)):
        once[k] = 0
    for i in range(n):
        weight = weights[seen[i] - 1]
        if count[i] == 1:
            for k in range(len(once)):
                once[k] += np.int32(weight[k])
        else:
            factor = log[count[i]] / np.float32(_SCALE)
            for k in range(len(once)):
                score[k] += factor * np.float32(weight[k])
    factor = log[1] / np.float32(_SCALE)
    for k in range(len(once)):
        score[k] += factor * np.float32(once[k])


@njit(cache=True, nogil=True)
def _choose(score: npt.NDArray[np.float32], first: npt.NDArray[np.int64], heat: float) -> tuple[int, float]:
    """The likeliest language's column and its probability; columns of one language count together."""
    highest = score[0]
    for k in range(1, len(score)):
        highest = max(highest, score[k])
    total = 0.0
    for k in range(len(score)):
        share = math.exp((score[k] - highest) / heat)
        total += share
        score[k] = share
        if first[k] != k:
            score[first[k]] += score[k]
            score[k] = 0
    best = 0
    for k in range(1, len(score)):
        if score[k] > score[best]:
            best = k
    return best, score[best] / total


@njit(cache=True, nogil=True)
def _look(data: npt.NDArray[np.uint8], start: int, end: int) -> tuple[int, bool, bool]:
    """Letters, whether to lower ASCII capitals, and whether Unicode rules of case and composition may matter."""
    letters, small, capital, wide, composed = 0, False, False, False, False
    for place in range(start, end):
        byte = data[place]
        if byte < 128:
            lowered = byte | 32
            if 97 <= lowered <= 122:
                letters += 1
                small |= byte == lowered
                capital |= byte != lowered
        elif byte >= 0xC0:
            wide = True
            punctuation = byte == 0xE2 or byte >= 0xF0 or (byte == 0xC2 and place + 1 < end)
            letters += 0 if punctuation else _STRONG_LETTER if byte >= 0xCE else 1
            inert = byte < 0xCC or byte == 0xF0 or (byte == 0xE2 and place + 2 < end and data[place + 1] == 0x80)
            composed |= not inert
    return letters, capital and not small and not wide, wide and (composed or not small)


@njit(cache=True, nogil=True)
def _identify(
    data: npt.NDArray[np.uint8],
    offsets: npt.NDArray[np.int64],
    valid: npt.NDArray[np.bool_],
    prepared: bool,
    following: npt.NDArray[np.uint32],
    states: npt.NDArray[np.int64],
    weights: npt.NDArray[np.int16],
    prior: npt.NDArray[np.float32],
    first: npt.NDArray[np.int64],
    log: npt.NDArray[np.float32],
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.int32], npt.NDArray[np.bool_]]:
    """Best column, its probability and the letters of each text; the last says where a text must be prepared first."""
    n, m = len(valid), len(prior)
    best, probability, letters = np.zeros(n, np.int32), np.zeros(n), np.zeros(n, np.int32)
    unprepared = np.zeros(n, np.bool_)
    # The first part of `seen` lists features, the rest is a hash table of their places in that list.
    seen, count = np.empty(4 * MOST_BYTES, np.int64), np.empty(MOST_BYTES, np.int64)
    once, score = np.empty(m, np.int32), np.empty(m, np.float32)
    for i in range(n):
        start, end = offsets[i], offsets[i + 1]
        if not valid[i] or end == start:
            continue
        if end - start > MOST_BYTES:
            end = start + MOST_BYTES
            while end > start and data[end] & 0xC0 == 0x80:
                end -= 1
        letters[i], lower, unprepared[i] = _look(data, start, end)
        if unprepared[i] and not prepared:
            continue
        found = _count_features(data, start, end, lower, following, states, seen, count)
        if found:
            score[:] = prior
            _add_weights(found, seen, count, log, weights, once, score)
            # Dividing by the root of the length keeps probabilities calibrated across lengths.
            best[i], probability[i] = _choose(score, first, math.sqrt(end - start))
    return best, probability, letters, unprepared


def _prepared(data: npt.NDArray[np.uint8]) -> str:
    """The text as py3langid sees it: composed, and in lower case where all of it is in capitals."""
    text = data[: 4 * MOST_BYTES].tobytes().decode(errors="ignore")
    return unicodedata.normalize("NFC", text.lower() if text.isupper() else text)


def _guess(
    given: TextBytes,
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float64], npt.NDArray[np.bool_]]:
    """The model's best column, its probability, and whether that is enough to say so, of each text."""
    model = _model()
    tables = (model.following, model.states, model.weights, model.prior, model.first, _LOG)
    best, probability, letters, unprepared = _identify(given.data, given.offsets, given.valid, False, *tables)
    rows = np.flatnonzero(unprepared)
    if len(rows):
        spans = zip(given.offsets[rows], given.offsets[rows + 1], strict=True)
        other = text_bytes(pa.array([_prepared(given.data[start:end]) for start, end in spans], pa.large_string()))
        again = _identify(other.data, other.offsets, other.valid, True, *tables)
        best[rows], probability[rows], letters[rows] = again[:3]
    said = (letters >= LEAST_LETTERS) & (probability >= LEAST_PROBABILITY) & model.two_letters[best]
    return best, probability, said


def best_of_model(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """The model's own best guess for each text, however doubtful, and its probability (0: nothing to judge by)."""
    best, probability, _ = _guess(text_bytes(texts))
    return _model().codes.take(pa.array(best)), probability


def identify(texts: pa.Array) -> tuple[pa.Array, npt.NDArray[np.float64]]:
    """ISO 639-1 code of each text's language, null where it cannot be said, and the probability of the best guess.

    Null, empty and featureless texts have probability 0. Raises OutsideError where the model cannot be read.
    """
    best, probability, said = _guess(text_bytes(texts))
    return _model().codes.take(pa.array(best, mask=~said)), probability


def languages_of(texts: TextBytes) -> list[str | None]:
    """The same code of each of the texts that are laid out, as Python's; null ones are passed over."""
    best, _, said = _guess(texts)
    codes = _codes()
    return [codes[place] if known else None for place, known in zip(best.tolist(), said.tolist(), strict=True)]


@functools.cache
def _codes() -> list[str]:
    codes: list[str] = _model().codes.to_pylist()
    return codes
