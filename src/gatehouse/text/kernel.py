"""The compiled loops of the n-gram kernel; `gatehouse.text.ngrams` says what they compute.

They have no branch that depends on the text, because a mispredicted branch costs more than the look-up it saves: the
register and the word hash of every position are written first, then looked up. All indices are uint64: a signed one
is tested for wrap-around at each look-up, and int64 with uint64 gives float64.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

LANES = 8
"""Labels that share one uint64 of a lane table, a byte each."""

LANE_ZERO = 128
"""The byte of a lane table that stands for a weight of 0."""

Bytes = npt.NDArray[np.uint8]
Words = npt.NDArray[np.uint64]
Floats = npt.NDArray[np.float64]
Offsets = npt.NDArray[np.int64]
Weights = npt.NDArray[np.int16]
Valid = npt.NDArray[np.bool_]

_BLOCK = 1024  # bytes read before their n-grams are looked up; bounds the scratch for a text of any size
_SEEN = 128  # uint64 cells whose bits tell which words a text has had already
_SCRATCH = 2 * (_BLOCK + 1) + _SEEN
_RUN = 80  # positions whose 3 n-grams of at most 255 fit a lane of 16 bits: 3 * 80 * 255 < 2 ** 16


def _mixed(seed: int) -> int:
    """A fixed random uint64 for each seed (the output function of SplitMix64)."""
    z = (seed * 0x9E3779B97F4A7C15) & (2**64 - 1)
    z = ((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9) & (2**64 - 1)
    z = ((z ^ (z >> 27)) * 0x94D049BB133111EB) & (2**64 - 1)
    return z ^ (z >> 31)


def _folded(byte: int) -> int:
    if byte <= 32 or byte == 127:
        return 32
    return byte + 32 if 65 <= byte <= 90 else byte


def _word_hash(symbol: int) -> int:
    """Hash of a symbol that belongs to words; 0 for one that parts them."""
    return _mixed(symbol) if symbol >= 128 or symbol == ord("_") or chr(symbol).isalnum() else 0


_FOLD = np.array([_folded(byte) for byte in range(256)], np.uint8)
LETTER = np.array([_word_hash(_folded(byte)) for byte in range(256)], np.uint64)

_0, _1, _2, _3, _8 = np.uint64(0), np.uint64(1), np.uint64(2), np.uint64(3), np.uint64(8)
_EDGE = np.uint64(32)
_SEEN_SHIFT = np.uint64(51)  # 2 ** (64 - 51) bits in _SEEN cells
_LAST3, _LAST4, _LAST5 = np.uint64(0xFFFFFF), np.uint64(0xFFFFFFFF), np.uint64(0xFFFFFFFFFF)
_KEY3, _KEY4, _KEY5, _KEY_WORD, _KEY_PAIR = (np.uint64(_mixed(seed) | 1) for seed in range(1001, 1006))
_BYTES, _LANE = np.uint64(0x00FF00FF00FF00FF), np.uint64(0xFFFF)


@njit(cache=True, nogil=True, error_model="numpy")
def _three(register: np.uint64, shift: np.uint64) -> np.uint64:
    return ((register & _LAST3) * _KEY3) >> shift


@njit(cache=True, nogil=True, error_model="numpy")
def _four(register: np.uint64, shift: np.uint64) -> np.uint64:
    return ((register & _LAST4) * _KEY4) >> shift


@njit(cache=True, nogil=True, error_model="numpy")
def _five(register: np.uint64, shift: np.uint64) -> np.uint64:
    return ((register & _LAST5) * _KEY5) >> shift


@njit(cache=True, nogil=True, error_model="numpy")
def _alone(word: np.uint64, shift: np.uint64) -> np.uint64:
    return (word * _KEY_WORD) >> shift


@njit(cache=True, nogil=True, error_model="numpy")
def _paired(word: np.uint64, before: np.uint64, shift: np.uint64) -> np.uint64:
    return ((word ^ ((before << np.uint64(9)) | (before >> np.uint64(55)))) * _KEY_PAIR) >> shift


@njit(cache=True, nogil=True, error_model="numpy")
def _read(
    data: Bytes,
    at: np.uint64,
    stop: np.uint64,
    end: np.uint64,
    register: np.uint64,
    word: np.uint64,
    registers: Words,
    words: Words,
) -> tuple[np.uint64, np.uint64, np.uint64, np.uint64]:
    """Read data[at:stop] of a text that ends at `end`: the register of each position, the hash of each word that ends.

    Gives back the register and the unfinished word for the next block, and how many positions and words there are.
    """
    count, found = _0, _0
    while at < stop:
        byte = data[at]
        symbol = np.uint64(_FOLD[byte])
        letter = LETTER[byte]
        register = (register << _8) | symbol
        registers[count] = register
        register = _EDGE if symbol == _EDGE else register
        words[found] = word
        found += np.uint64((letter == _0) & (word != _0))
        word = _0 if letter == _0 else ((word << np.uint64(7)) | (word >> np.uint64(57))) + letter
        at += _1
        count += _1
    if stop == end:
        registers[count] = (register << _8) | _EDGE
        count += _1
        words[found] = word
        found += np.uint64(word != _0)
    return register, word, count, found


@njit(cache=True, nogil=True, error_model="numpy")
def _new_words(hashes: Words, found: np.uint64, seen: Words) -> np.uint64:
    """Mark words as seen, one bit each; gives back how many were not."""
    new = _0
    for i in range(found):
        place = (hashes[i] * _KEY_WORD) >> _SEEN_SHIFT
        cell, bit = place >> np.uint64(6), place & np.uint64(63)
        new += ((seen[cell] >> bit) & _1) ^ _1
        seen[cell] |= _1 << bit
    return new


@njit(cache=True, nogil=True, error_model="numpy")
def _norms(size: int, ended: int, new: int) -> tuple[float, float]:
    """Factors for the sums of a text's character and word weights: its bytes, its words, and how many are different."""
    varied = np.sqrt(float(new) / float(ended)) if ended > 0 else 1.0
    return varied / np.sqrt(3.0 * float(size + 1)), varied / np.sqrt(max(2.0 * float(ended), 1.0))


@njit(cache=True, nogil=True, error_model="numpy")
def _emit(data: Bytes, start: int, end: int, shift: np.uint64, characters: Words, words: Words) -> tuple[int, int]:
    """Write the buckets of a text's character n-grams (three a position) and of its word n-grams (two a word).

    Gives back how many words there are and how many different ones.
    """
    registers, hashes = np.empty(_BLOCK + 1, np.uint64), np.empty(_BLOCK + 1, np.uint64)
    seen, new = np.zeros(_SEEN, np.uint64), _0
    at, stop_all = np.uint64(start), np.uint64(end)
    register, word, before, c, w = _EDGE, _0, _0, 0, 0
    while True:
        stop = min(at + np.uint64(_BLOCK), stop_all)
        register, word, count, found = _read(data, at, stop, stop_all, register, word, registers, hashes)
        for i in range(count):
            characters[c] = _three(registers[i], shift)
            characters[c + 1] = _four(registers[i], shift)
            characters[c + 2] = _five(registers[i], shift)
            c += 3
        for i in range(found):
            words[w] = _alone(hashes[i], shift)
            words[w + 1] = _paired(hashes[i], before, shift)
            before = hashes[i]
            w += 2
        new += _new_words(hashes, found, seen)
        at = stop
        if at == stop_all:
            return w // 2, int(new)


@njit(cache=True, nogil=True, error_model="numpy")
def fill(
    data: Bytes, offsets: Offsets, valid: Valid, shift: np.uint64, pointers: Offsets, buckets: Words, values: Floats
) -> None:
    """Write a compressed sparse matrix of texts: the n-grams of row r lie at pointers[r]:pointers[r + 1]."""
    for row in range(len(valid)):
        at = pointers[row]
        pointers[row + 1] = at
        if not valid[row]:
            continue
        room = 3 * (offsets[row + 1] - offsets[row] + 1)
        words, new = _emit(data, offsets[row], offsets[row + 1], shift, buckets[at:], buckets[at + room :])
        by_character, by_word = _norms(offsets[row + 1] - offsets[row], words, new)
        values[at : at + room] = by_character
        values[at + room : at + room + 2 * words] = by_word
        pointers[row + 1] = at + room + 2 * words


@njit(cache=True, nogil=True, error_model="numpy")
def _probability(log_odds: float) -> float:
    return float(1.0 / (1.0 + np.exp(-log_odds)))


@njit(cache=True, nogil=True, error_model="numpy")
def _one(data: Bytes, start: int, end: int, table: Weights, line: Floats, scratch: Words) -> float:
    """Probability of the only label; `line` is shift, scale, bias."""
    shift = np.uint64(line[0])
    at, stop_all = np.uint64(start), np.uint64(end)
    registers, hashes, seen = scratch[: _BLOCK + 1], scratch[_BLOCK + 1 : 2 * _BLOCK + 2], scratch[2 * _BLOCK + 2 :]
    seen[:] = 0
    register, word, before, ended, new = _EDGE, _0, _0, _0, _0
    three, four, five, alone, paired = np.int64(0), np.int64(0), np.int64(0), np.int64(0), np.int64(0)
    while True:
        stop = min(at + np.uint64(_BLOCK), stop_all)
        register, word, count, found = _read(data, at, stop, stop_all, register, word, registers, hashes)
        for i in range(count):
            three += table[_three(registers[i], shift)]
            four += table[_four(registers[i], shift)]
            five += table[_five(registers[i], shift)]
        for i in range(found):
            alone += table[_alone(hashes[i], shift)]
            paired += table[_paired(hashes[i], before, shift)]
            before = hashes[i]
        new += _new_words(hashes, found, seen)
        ended += found
        at = stop
        if at == stop_all:
            by_character, by_word = _norms(end - start, int(ended), int(new))
            normed = float(three + four + five) * by_character + float(alone + paired) * by_word
            return _probability(line[1] * normed + line[2])


@njit(cache=True, nogil=True, error_model="numpy")
def one_each(data: Bytes, offsets: Offsets, table: Weights, line: Floats, out: Floats) -> None:
    """Probability of one label for each text; `line` is shift, scale, bias."""
    scratch = np.empty(_SCRATCH, np.uint64)
    for row in range(len(offsets) - 1):
        out[row] = _one(data, int(offsets[row]), int(offsets[row + 1]), table, line, scratch)


@njit(cache=True, nogil=True, error_model="numpy")
def one_alone(data: Bytes, table: Weights, line: Floats) -> float:
    """Probability of one label for one text; `line` is shift, scale, bias."""
    return _one(data, 0, len(data), table, line, np.empty(_SCRATCH, np.uint64))


@njit(cache=True, nogil=True, error_model="numpy")
def _spread(even: np.uint64, odd: np.uint64, sums: Offsets) -> None:
    """Add lanes of 16 bits, the even and the odd bytes of their sums, to the eight sums."""
    for lane in range(4):
        by = np.uint64(16 * lane)
        sums[2 * lane] += np.int64((even >> by) & _LANE)
        sums[2 * lane + 1] += np.int64((odd >> by) & _LANE)


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_characters(
    registers: Words,
    count: np.uint64,
    table: Words,
    group: np.uint64,
    groups: np.uint64,
    shift: np.uint64,
    sums: Offsets,
) -> None:
    i = _0
    while i < count:
        stop = min(i + np.uint64(_RUN), count)
        even, odd = _0, _0
        while i < stop:
            three = table[_three(registers[i], shift) * groups + group]
            four = table[_four(registers[i], shift) * groups + group]
            five = table[_five(registers[i], shift) * groups + group]
            even += (three & _BYTES) + (four & _BYTES) + (five & _BYTES)
            odd += ((three >> _8) & _BYTES) + ((four >> _8) & _BYTES) + ((five >> _8) & _BYTES)
            i += _1
        _spread(even, odd, sums)


@njit(cache=True, nogil=True, error_model="numpy")
def _sum_words(
    hashes: Words,
    found: np.uint64,
    before: np.uint64,
    table: Words,
    group: np.uint64,
    groups: np.uint64,
    shift: np.uint64,
    sums: Offsets,
) -> np.uint64:
    i = _0
    while i < found:
        stop = min(i + np.uint64(_RUN), found)
        even, odd = _0, _0
        while i < stop:
            alone = table[_alone(hashes[i], shift) * groups + group]
            paired = table[_paired(hashes[i], before, shift) * groups + group]
            even += (alone & _BYTES) + (paired & _BYTES)
            odd += ((alone >> _8) & _BYTES) + ((paired >> _8) & _BYTES)
            before = hashes[i]
            i += _1
        _spread(even, odd, sums)
    return before


@njit(cache=True, nogil=True, error_model="numpy")
def _lanes(
    data: Bytes,
    start: int,
    end: int,
    table: Words,
    shift: np.uint64,
    scratch: Words,
    characters: Offsets,
    words: Offsets,
) -> tuple[int, int]:
    """Add up the bytes of a text's lanes, int64 [groups, 8] of characters and of words.

    Gives back how many words there are and how many different ones.
    """
    registers, hashes, seen = scratch[: _BLOCK + 1], scratch[_BLOCK + 1 : 2 * _BLOCK + 2], scratch[2 * _BLOCK + 2 :]
    seen[:] = 0
    groups = np.uint64(len(characters))
    at, stop_all = np.uint64(start), np.uint64(end)
    register, word, before, ended, new = _EDGE, _0, _0, _0, _0
    while True:
        stop = min(at + np.uint64(_BLOCK), stop_all)
        register, word, count, found = _read(data, at, stop, stop_all, register, word, registers, hashes)
        after = before
        for group in range(len(characters)):
            _sum_characters(registers, count, table, np.uint64(group), groups, shift, characters[group])
            after = _sum_words(hashes, found, before, table, np.uint64(group), groups, shift, words[group])
        before = after
        new += _new_words(hashes, found, seen)
        ended += found
        at = stop
        if at == stop_all:
            return int(ended), int(new)


@njit(cache=True, nogil=True, error_model="numpy")
def lanes_each(
    data: Bytes, offsets: Offsets, table: Words, shift: np.uint64, scale: Floats, bias: Floats, out: Floats
) -> None:
    """Probabilities of several labels, whose lane groups lie side by side in each bucket."""
    scratch = np.empty(_SCRATCH, np.uint64)
    groups = (len(scale) + LANES - 1) // LANES
    characters, words = np.empty((groups, LANES), np.int64), np.empty((groups, LANES), np.int64)
    for row in range(len(offsets) - 1):
        characters[:], words[:] = 0, 0
        start, end = offsets[row], offsets[row + 1]
        ended, new = _lanes(data, start, end, table, shift, scratch, characters, words)
        by_character, by_word = _norms(end - start, ended, new)
        zero_characters, zero_words = LANE_ZERO * 3 * (end - start + 1), LANE_ZERO * 2 * ended
        for label in range(len(scale)):
            group, lane = label // LANES, label % LANES
            normed = float(characters[group, lane] - zero_characters) * by_character
            normed += float(words[group, lane] - zero_words) * by_word
            out[row, label] = _probability(scale[label] * normed + bias[label])


@njit(cache=True, nogil=True, error_model="numpy")
def _share(data: Bytes, first: int, stop: int, weight: float, carried: Floats) -> None:
    """Share a weight out among the bytes of data[first:stop] that are no spaces; all of them where there are none."""
    bearers = 0
    for i in range(first, stop):
        bearers += _FOLD[data[i]] != 32
    for i in range(first, stop):
        if bearers == 0:
            carried[i] += weight / (stop - first)
        elif _FOLD[data[i]] != 32:
            carried[i] += weight / bearers


@njit(cache=True, nogil=True, error_model="numpy")
def _carry(data: Bytes, shift: np.uint64, weights: Floats, carried: Floats) -> None:
    """Add what each n-gram of one text that is not empty brings to the bytes that it covers."""
    end = len(data)
    characters, words = np.empty(3 * (end + 1), np.uint64), np.empty(end + 3, np.uint64)
    ended, new = _emit(data, 0, end, shift, characters, words)
    by_character, by_word = _norms(end, ended, new)
    edge, start, before, found = -1, -1, -1, 0
    for at in range(end + 1):
        for order in range(3, 6):
            first, stop = max(edge, at - order + 1, 0), min(at + 1, end)
            _share(data, min(first, stop - 1), stop, weights[characters[3 * at + order - 3]] * by_character, carried)
        if at == end or _FOLD[data[at]] == 32:
            edge = at
        if at < end and LETTER[data[at]] != 0:
            start = at if start < 0 else start
        elif start >= 0:
            _share(data, start, at, weights[words[found]] * by_word, carried)
            _share(data, before if before >= 0 else start, at, weights[words[found + 1]] * by_word, carried)
            before, start, found = start, -1, found + 2


@njit(cache=True, nogil=True, error_model="numpy")
def carry_each(data: Bytes, offsets: Offsets, valid: Valid, shift: np.uint64, weights: Floats, carried: Floats) -> None:
    """Add what each byte brings to the log-odds of its text; null and empty texts bring nothing."""
    for row in range(len(valid)):
        start, end = offsets[row], offsets[row + 1]
        if valid[row] and end > start:
            _carry(data[start:end], shift, weights, carried[start:end])
