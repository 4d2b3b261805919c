"""What the compiled pass does to finished tokens: look-alikes, runs, leet, and letters that were pulled apart.

Everything works in place on UTF-8 bytes and never makes them longer. `origin` is int32 [bytes] and holds for each
byte the place that it came from, which moves along with it; where nobody asks, it is empty.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
from numba import njit

Bytes = npt.NDArray[np.uint8]
Table = npt.NDArray[np.uint32]
Origin = npt.NDArray[np.int32]

int64: Any = np.int64
uint64: Any = np.uint64
"""Where numba must hold a number of this type; to the type checker they are plain ones."""

# The table of folding.py: a code point to write in the low bits, and above it what kind of character that is.
TABLE_SIZE = 0x20000
CODE_POINT = 0x1FFFF
LATIN_SHIFT = 17
LETTER = 1 << 22
SIGN = 1 << 23
SEPARATOR = 1 << 24
DOLLAR = 1 << 25
FOREIGN = 1 << 26
LOOKALIKE = 1 << 27
SEMICOLON = 1 << 28
SPACE = 1 << 29
SPELLED = 1 << 30
WIDE = 1 << 31
# Seen in a token as a whole: a letter right after a sign or separator, and three of one character.
INNER = 1 << 32
RUN = 1 << 33

# Several blanks in a row until letters are joined: a boundary between words that were pulled apart.
WIDE_GAP = 0x1F


def packed(word: str) -> int:
    """A word of up to eight ASCII characters as a number, the first character in the lowest byte."""
    return sum(ord(letter) << 8 * place for place, letter in enumerate(word))


_READ_AS = np.zeros(256, np.uint8)
for _sign, _letter in zip("01345679@$!", "oieasgtgasi", strict=True):
    _READ_AS[ord(_sign)] = ord(_letter)

# What one digit counts or orders: "4th", "5pm" and "3days" hold a number, "5hit" does not.
_UNIT_WORDS = """st nd rd th am pm hr hrs min mins sec secs day days week weeks wk wks month months year years yr yrs
kg km cm mm um ug mb gb tb ml lb lbs oz ft in mph way ways star stars times pack pcs ever eva get got give"""
_UNITS = np.array(sorted(map(packed, _UNIT_WORDS.split())), np.int64)

# Words that often stand before others in a spaced-out sentence and begin few other words.
_LEADING_WORDS = "ur you your youre the this that they and are my get not dont just such why what"
_LEADING = np.array(sorted(map(packed, _LEADING_WORDS.split())), np.int64)

# May not stand beside a single letter that is joined with others: parts of words, code, handles and amounts.
_BOUND = np.ones(256, np.bool_)
for _byte in (*range(128, 256), *b"abcdefghijklmnopqrstuvwxyz0123456789'@#&/\\$=<>+%^`|{}"):
    _BOUND[_byte] = False
_IS_SEPARATOR = np.zeros(256, np.bool_)
for _byte in b" .-_*~":
    _IS_SEPARATOR[_byte] = True

_BANG, _DOLLAR, _AT, _DOT, _SLASH, _COLON = (ord(sign) for sign in "!$@./:")
_BLANK, _A, _I, _O, _R, _U, _W, _X, _Y, _Z, _ZERO, _NINE = (ord(sign) for sign in " aioruwxyz09")


@njit(cache=True, nogil=True)
def is_letter(byte: int) -> bool:
    """Whether a byte is a small ASCII letter."""
    return _A <= byte <= _Z


@njit(cache=True, nogil=True)
def is_digit(byte: int) -> bool:
    """Whether a byte is an ASCII digit."""
    return _ZERO <= byte <= _NINE


@njit(cache=True, nogil=True)
def _move(buf: Bytes, origin: Origin, start: int, end: int, to: int) -> int:
    """Copy bytes down to `to`; gives back where they end."""
    for place in range(start, end):
        buf[to] = buf[place]
        if len(origin):
            origin[to] = origin[place]
        to += 1
    return to


@njit(cache=True, nogil=True)
def decode(buf: Bytes, place: int, end: int) -> tuple[int, int]:
    """The code point at `place` and where the next one starts; -1 for a byte that is no part of valid UTF-8."""
    first = int64(buf[place])
    if first < 0x80:
        return first, place + 1
    n = 2 if first < 0xE0 else 3 if first < 0xF0 else 4
    if first < 0xC2 or first > 0xF4 or place + n > end:
        return -1, place + 1
    code = first & (0x7F >> n)
    for k in range(1, n):
        byte = int64(buf[place + k])
        if byte & 0xC0 != 0x80:
            return -1, place + 1
        code = code << 6 | byte & 0x3F
    least = 0x80 if n == 2 else 0x800 if n == 3 else 0x10000
    if code < least or 0xD800 <= code < 0xE000 or code > 0x10FFFF:
        return -1, place + 1
    return code, place + n


@njit(cache=True, nogil=True)
def fold(table: Table, code: int) -> Any:
    """The table's entry; beyond it tags and variation selectors, being invisible, are dropped and the rest is kept."""
    if 0 <= code < TABLE_SIZE:
        return int64(table[code])
    return 0 if code < 0 or 0xE0000 <= code < 0xE1000 else WIDE


@njit(cache=True, nogil=True)
def _is_link(buf: Bytes, start: int, end: int) -> bool:
    """Whether a token is an address: scheme://, www., name@host.tld, or host.tld/path."""
    at = dot = False
    for k in range(start, end - 2):
        byte, following = buf[k], buf[k + 1]
        if (byte == _COLON and following == _SLASH and buf[k + 2] == _SLASH) or (byte == _SLASH and dot):
            return True
        if byte == _DOT and k > start and (is_letter(following) or is_digit(following)) and not _BOUND[buf[k - 1]]:
            if at or (k == start + 3 and buf[start] == buf[k - 1] == buf[k - 2] == _W):
                return True
            dot = True
        at |= byte == _AT and k > start
    return dot and end - start > 3 and buf[end - 2] == _SLASH


@njit(cache=True, nogil=True)
def _collapse(buf: Bytes, origin: Origin, start: int, end: int) -> int:
    """Three or more of one character become one, digits excepted."""
    to = place = start
    while place < end:
        _, after = decode(buf, place, end)
        n = after - place
        while after + n <= end:
            k = 0
            while k < n and buf[after + k] == buf[place + k]:
                k += 1
            if k < n:
                break
            after += n
        many = after - place >= 3 * n and not is_digit(buf[place])
        to = _move(buf, origin, place, place + n if many else after, to)
        place = after
    return to


@njit(cache=True, nogil=True)
def _latinise(buf: Bytes, origin: Origin, start: int, end: int, table: Table, all_latin: bool) -> int:
    """Look-alikes become Latin letters in words that hold a Latin letter, or in all words; gives back the new end."""
    to = place = start
    while place < end:
        seen, stop = int64(0), place
        while stop < end:
            code, after = decode(buf, stop, end)
            entry = fold(table, code)
            if not entry & (LETTER | SIGN | FOREIGN | LOOKALIKE):
                break
            seen |= entry
            stop = after
        rewrite = all_latin or seen & LETTER != 0
        while place < stop:
            code, after = decode(buf, place, end)
            entry = fold(table, code)
            if rewrite and entry & LOOKALIKE:
                _move(buf, origin, place, place + 1, to)
                buf[to] = 96 + (entry >> LATIN_SHIFT & 31)
                to += 1
            else:
                to = _move(buf, origin, place, after, to)
            place = after
        if place < end:
            _, after = decode(buf, place, end)
            to = _move(buf, origin, place, after, to)
            place = after
    return to


@njit(cache=True, nogil=True)
def _is_among(name: int, words: npt.NDArray[np.int64]) -> bool:
    found = False
    for word in words:
        found |= word == name
    return found


@njit(cache=True, nogil=True)
def _counts_something(buf: Bytes, place: int, end: int) -> bool:
    """Whether the letters from `place` on are a unit, or too few to be a word."""
    name, stop = int64(0), place
    while stop < end and is_letter(buf[stop]):
        if stop - place < 7:
            name |= int64(buf[stop]) << 8 * (stop - place)
        stop += 1
    if stop - place < 2:
        return True
    return stop == end and stop - place < 7 and _is_among(name, _UNITS)


@njit(cache=True, nogil=True)
def _reads_as_letters(buf: Bytes, word: int, start: int, stop: int, end: int, read: bool) -> bool:
    """Whether the signs at start:stop stand for letters of the word; `read` says that others before them did."""
    digits = bangs = dollars = 0
    for place in range(start, stop):
        if _READ_AS[buf[place]] == 0:
            return False
        digits += is_digit(buf[place])
        bangs += buf[place] == _BANG
        dollars += buf[place] == _DOLLAR
    n = stop - start
    if start > word and stop < end:
        return n <= 3 and bangs <= 1 and (bangs == 0 or n == 1 or digits > 0)
    if bangs or n > 3:
        return False
    if start > word:
        return (dollars == n and n <= 2) or read
    if digits:
        return n == 1 and not _counts_something(buf, stop, end)
    # A lone @ begins a handle, and a dollar before one letter is an amount without its number.
    return dollars > 0 and (n > 1 or stop + 1 < end)


@njit(cache=True, nogil=True)
def _read_word(buf: Bytes, word: int, end: int) -> bool:
    """Read the signs inside one word as letters; gives back whether any was."""
    read, place = False, word
    while place < end:
        stop = place
        while stop < end and not is_letter(buf[stop]):
            stop += 1
        if stop > place and _reads_as_letters(buf, word, place, stop, end, read):
            for k in range(place, stop):
                buf[k] = _READ_AS[buf[k]]
            read = True
        place = max(stop, place + 1)
    return read


@njit(cache=True, nogil=True)
def _read_leet(buf: Bytes, start: int, end: int) -> bool:
    """Read digits and signs that stand for letters; gives back whether any did."""
    touched, place = False, start
    while place < end:
        stop, letters, digits = place, 0, 0
        while stop < end and (is_letter(buf[stop]) or is_digit(buf[stop]) or _READ_AS[buf[stop]]):
            letters += is_letter(buf[stop])
            digits += is_digit(buf[stop])
            stop += 1
        hexadecimal = stop - place > 2 and buf[place] == _ZERO and buf[place + 1] == _X
        # "@$$" is a word without letters.
        word = letters > 0 or (stop - place == 3 and buf[place] == _AT and buf[place + 1] == _DOLLAR)
        if word and letters < stop - place and digits <= 2 * letters and not hexadecimal:
            touched |= _read_word(buf, place, stop)
        place = max(stop, place + 1)
    return touched


@njit(cache=True, nogil=True)
def settle(
    buf: Bytes, origin: Origin, token: int, end: int, seen: int, table: Table, all_latin: bool
) -> tuple[int, bool]:
    """Rewrite a finished token; gives back its new end and whether it changed."""
    if not seen & (RUN | INNER | DOLLAR | WIDE):
        return end, False
    to = _latinise(buf, origin, token, end, table, all_latin) if seen & LOOKALIKE else end
    touched = to != end
    if _is_link(buf, token, to):
        return to, touched
    if seen & (RUN | WIDE):
        shorter = _collapse(buf, origin, token, to)
        touched |= shorter != to
        to = shorter
    handle = buf[token] == _AT and to > token + 1 and buf[token + 1] != _DOLLAR
    if seen & (INNER | DOLLAR) and not handle:
        touched |= _read_leet(buf, token, to)
    return to, touched


@njit(cache=True, nogil=True)
def spaced_letters(buf: Bytes, start: int, place: int, end: int) -> tuple[int, int]:
    """How many single letters stand from `place` on with equal separators, and the bytes from one to the next."""
    if not is_letter(buf[place]) or not (place == start or _BOUND[buf[place - 1]]):
        return 0, 0
    step = 1
    while place + step < end and step < 4 and _IS_SEPARATOR[buf[place + step]]:
        step += 1
    count, following = 1, place + step
    while step > 1 and following < end and is_letter(buf[following]):
        if following + 1 < end and not _BOUND[buf[following + 1]]:
            break
        count += 1
        for k in range(1, step):
            if following + k >= end or buf[following + k] != buf[place + k]:
                return count, step
        following += step
    return count, step


@njit(cache=True, nogil=True)
def _first_word(buf: Bytes, place: int, count: int) -> int:
    """How many of spaced-out single letters make up their first word."""
    name = int64(0)
    length = 0
    for k in range(min(count, 5)):
        name |= int64(buf[place + 2 * k]) << 8 * k
        rest = count - k - 1
        if (rest == 0 or rest >= 3) and _is_among(name, _LEADING):
            length = k + 1
    if length:
        return length
    letter = buf[place]
    double = count > 2 and buf[place + 2] == buf[place + 4]
    if letter in (_A, _I) and not double:
        return 1
    last = place + 2 * (count - 1)
    you = count >= 6 and buf[last - 4] == _Y and buf[last - 2] == _O and buf[last] == _U
    return count - 3 if you else count


@njit(cache=True, nogil=True)
def _holds_word(buf: Bytes, place: int, count: int) -> bool:
    """Whether spaced-out single letters hold a word of three letters and more, not only words of one letter."""
    while count > 0:
        length = _first_word(buf, place, count)
        telling = 0
        for k in range(length):
            letter = buf[place + 2 * k]
            telling += letter not in (_A, _I, _R, _U)
        if length >= 3 and telling >= 2:
            return True
        place += 2 * length
        count -= length
    return False


@njit(cache=True, nogil=True)
def join(buf: Bytes, origin: Origin, start: int, end: int) -> int:
    """Three or more single letters with equal separators become words; gives back the new end."""
    to = place = start
    while place < end:
        if place == start or buf[place - 1] == _BLANK or buf[place - 1] == WIDE_GAP:
            stop = place
            while stop < end and buf[stop] != _BLANK and buf[stop] != WIDE_GAP:
                stop += 1
            if _is_link(buf, place, stop):
                to = _move(buf, origin, place, stop, to)
                place = stop
                continue
        count, step = spaced_letters(buf, start, place, end)
        blanks = count > 1 and step == 2 and buf[place + 1] == _BLANK
        after_gap = place > start and buf[place - 1] == WIDE_GAP
        if count < 3 or (blanks and not after_gap and not _holds_word(buf, place, count)):
            after = place + max(1, (count - 1) * step)
            to = _move(buf, origin, place, after, to)
            place = after
            continue
        while count > 0:
            length = _first_word(buf, place, count) if blanks and not after_gap else count
            for k in range(length):
                to = _move(buf, origin, place + k * step, place + k * step + 1, to)
            count -= length
            place += (length - 1) * step + 1
            if count:
                to = _move(buf, origin, place, place + 1, to)
                place += 1
    return to
