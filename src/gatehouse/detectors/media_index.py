"""Indexes of hashes of media: PDQ hashes within a distance, and digests that are equal."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit, types
from numba.extending import intrinsic

BITS = 256
WORDS = 4
CHUNKS = 16
"""Chunks of 16 bits into which a PDQ hash is cut, each with a table of the hashes that have a value there."""

NEAR = 2 * CHUNKS - 1
"""The distance within which the tables find all: of 31 bits that differ, some chunk has no more than one."""

_VALUES = 1 << 16
_SMALL = 4_096
"""Up to so many hashes are looked through one by one, which costs less than the tables."""

_BLOCK = 1_024

_LEAP = 16
"""How much longer it takes to look at a hash out of order than at the next one."""

Words = npt.NDArray[np.uint64]
Rows = npt.NDArray[np.int64]
Distances = npt.NDArray[np.int64]


def pdq_words(digits: Sequence[str]) -> Words:
    """PDQ hashes given by their 64 hexadecimal digits, uint64 [n, 4]."""
    data = bytes.fromhex("".join(digits))
    return np.frombuffer(data, ">u8").astype(np.uint64).reshape(len(digits), WORDS)


class PdqIndex:
    """PDQ hashes, found by the number of bits in which they differ from another.

    Multi-index hashing (Norouzi, Punjani and Fleet, 2012): a hash within NEAR of another is equal to it in one of 16
    chunks but for at most one bit, so 16 × 17 buckets hold all that can match. Where they hold too much, as where many
    hashes share a chunk, all hashes are looked through in order instead; the answer is the same.
    """

    def __init__(self, hashes: Words, reach: int = NEAR) -> None:
        self._hashes = np.ascontiguousarray(hashes)
        self._reach = reach
        tables = len(hashes) > _SMALL and reach <= NEAR
        self._starts = np.zeros((CHUNKS, _VALUES + 1) if tables else (0, 0), np.int32)
        self._order = np.empty((CHUNKS, len(hashes)) if tables else (0, 0), np.int32)
        if tables:
            _fill(self._hashes, self._starts, self._order)

    @property
    def nbytes(self) -> int:
        """Bytes that the hashes and their tables take."""
        return self._hashes.nbytes + self._starts.nbytes + self._order.nbytes

    def find(self, digits: str) -> tuple[Rows, Distances]:
        """Rows of all hashes within the index's reach of this one, and their distances."""
        return self.within(pdq_words([digits])[0], self._reach)

    def within(self, query: Words, distance: int) -> tuple[Rows, Distances]:
        """Rows of all hashes that differ from `query` (uint64 [4]) in at most `distance` bits, and in how many.

        In the order of the rows.
        """
        if not len(self._hashes):
            return np.empty(0, np.int64), np.empty(0, np.int64)
        if len(self._starts) and distance <= NEAR:
            expected = _held(query, self._starts, distance >= CHUNKS)
            if expected * _LEAP < len(self._hashes):
                rows, found = _probe(query, distance, self._hashes, self._starts, self._order, distance >= CHUNKS)
                order = np.argsort(rows)
                return rows[order], found[order]
        found_rows: tuple[Rows, Distances] = _scan(query, np.uint64(distance), self._hashes)
        return found_rows


class DigestIndex:
    """Digests of one length, found where they are equal."""

    def __init__(self, digests: Sequence[str], digits: int) -> None:
        kind = np.dtype(f"V{digits // 2}")
        # Compared as unsigned bytes: NumPy's strings would lose zeros at the end, its voids have no order.
        data = np.frombuffer(bytes.fromhex("".join(digests)), np.uint8).reshape(len(digests), digits // 2)
        first = np.ascontiguousarray(data[:, :8]).view(">u8").ravel().astype(np.uint64)
        self._order = np.argsort(first, kind="stable")
        self._first = first[self._order]
        self._digests = np.ascontiguousarray(data[self._order]).view(kind).ravel()

    @property
    def nbytes(self) -> int:
        """Bytes that the digests and their order take."""
        return int(self._order.nbytes + self._first.nbytes + self._digests.nbytes)

    def find(self, digits: str) -> tuple[Rows, Distances]:
        """Rows of the digests that are equal to this one, and their distances, which are 0."""
        data = bytes.fromhex(digits)
        first = np.uint64(int.from_bytes(data[:8], "big"))
        start, end = np.searchsorted(self._first, first, "left"), np.searchsorted(self._first, first, "right")
        same = [place for place in range(int(start), int(end)) if self._digests[place].tobytes() == data]
        rows = np.sort(self._order[same])
        return rows, np.zeros_like(rows)


def _count(context, word):  # type: ignore[no-untyped-def]
    def generate(context, builder, signature, arguments):  # type: ignore[no-untyped-def]
        return builder.ctpop(arguments[0])

    return types.uint64(types.uint64), generate


_bits: Any = intrinsic(_count)
"""How many bits of a word are set, by the processor's own instruction."""


@njit(cache=True, nogil=True)
def _chunk(words, chunk):  # type: ignore[no-untyped-def]
    return np.int64((words[chunk >> 2] >> np.uint64((chunk & 3) << 4)) & np.uint64(0xFFFF))


@njit(cache=True, nogil=True)
def _fill(hashes, starts, order):  # type: ignore[no-untyped-def]
    for chunk in range(CHUNKS):
        for row in range(len(hashes)):
            starts[chunk, _chunk(hashes[row], chunk) + 1] += 1
        for value in range(_VALUES):
            starts[chunk, value + 1] += starts[chunk, value]
        place = starts[chunk, :_VALUES].copy()
        for row in range(len(hashes)):
            value = _chunk(hashes[row], chunk)
            order[chunk, place[value]] = row
            place[value] += 1


@njit(cache=True, nogil=True)
def _held(query, starts, one_off):  # type: ignore[no-untyped-def]
    """How many hashes the buckets hold that can have a match."""
    held = 0
    for chunk in range(CHUNKS):
        value = _chunk(query, chunk)
        held += starts[chunk, value + 1] - starts[chunk, value]
        if one_off:
            for bit in range(16):
                other = value ^ (1 << bit)
                held += starts[chunk, other + 1] - starts[chunk, other]
    return held


@njit(cache=True, nogil=True)
def _distance(a, b):  # type: ignore[no-untyped-def]
    return np.int64(_bits(a[0] ^ b[0]) + _bits(a[1] ^ b[1]) + _bits(a[2] ^ b[2]) + _bits(a[3] ^ b[3]))


@njit(cache=True, nogil=True)
def _longer(values):  # type: ignore[no-untyped-def]
    twice = np.empty(2 * len(values), np.int64)
    twice[: len(values)] = values
    return twice


@njit(cache=True, nogil=True)
def _met_before(query, other, chunk, most):  # type: ignore[no-untyped-def]
    """Whether the bucket of an earlier chunk held it too."""
    before = 0
    while before < chunk and _bits(np.uint64(_chunk(query, before) ^ _chunk(other, before))) > most:
        before += 1
    return before < chunk


@njit(cache=True, nogil=True)
def _probe(query, distance, hashes, starts, order, one_off):  # type: ignore[no-untyped-def]
    rows, distances = np.empty(16, np.int64), np.empty(16, np.int64)
    found = 0
    most = np.uint64(1 if one_off else 0)
    for chunk in range(CHUNKS):
        value = _chunk(query, chunk)
        for probe in range(17 if one_off else 1):
            other = value if probe == 16 or not one_off else value ^ (1 << probe)
            for place in range(starts[chunk, other], starts[chunk, other + 1]):
                row = order[chunk, place]
                d = _distance(query, hashes[row])
                if d > distance or _met_before(query, hashes[row], chunk, most):
                    continue
                if found == len(rows):
                    rows, distances = _longer(rows), _longer(distances)
                rows[found], distances[found] = row, d
                found += 1
    return rows[:found], distances[:found]


@njit(cache=True, nogil=True)
def _scan(query, distance, hashes):  # type: ignore[no-untyped-def]
    rows, distances = np.empty(16, np.int64), np.empty(16, np.int64)
    found = 0
    block = np.empty(_BLOCK, np.uint64)
    for start in range(0, len(hashes), _BLOCK):
        end = min(start + _BLOCK, len(hashes))
        if _block(query, hashes[start:end], block) > distance:
            continue
        for row in range(start, end):
            if block[row - start] <= distance:
                if found == len(rows):
                    rows, distances = _longer(rows), _longer(distances)
                rows[found], distances[found] = row, block[row - start]
                found += 1
    return rows[:found], distances[:found]


@njit(cache=True, nogil=True)
def _block(query, hashes, distances):  # type: ignore[no-untyped-def]
    """The distances of a block, and the least of them: a loop with nothing else in it, which the compiler widens."""
    least = np.uint64(BITS)
    q0, q1, q2, q3 = query[0], query[1], query[2], query[3]
    for row in range(len(hashes)):
        distance = _bits(hashes[row, 0] ^ q0) + _bits(hashes[row, 1] ^ q1)
        distance += _bits(hashes[row, 2] ^ q2) + _bits(hashes[row, 3] ^ q3)
        distances[row] = distance
        least = min(least, distance)
    return least
