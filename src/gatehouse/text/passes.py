"""The compiled pass that undoes obfuscation: it rewrites UTF-8 bytes in place, and what it writes is never longer.

numba's cache only sees changes of this file: after a change in tokens.py, remove the `__pycache__` beside it.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from gatehouse.text.tokens import (
    CODE_POINT,
    DOLLAR,
    FOREIGN,
    INNER,
    LETTER,
    LOOKALIKE,
    RUN,
    SEMICOLON,
    SPACE,
    SPELLED,
    TABLE_SIZE,
    WIDE,
    WIDE_GAP,
    Bytes,
    Origin,
    Table,
    decode,
    fold,
    int64,
    is_digit,
    is_letter,
    join,
    packed,
    settle,
    spaced_letters,
    uint64,
)

_BUSY = RUN | INNER | DOLLAR | WIDE
_FLAGS = -LETTER

MOST_PASSES = 32
"""A guard against texts made to take long: ordinary ones need one to three passes."""

_ENTITY_NAMES = np.array([packed(name) for name in ("amp", "lt", "gt", "quot", "apos", "nbsp")], np.int64)
_ENTITY_CODES = np.array([ord(sign) for sign in "&<>\"' "], np.int64)
_AMPERSAND, _HASH, _BLANK, _ZERO, _A, _X = (ord(sign) for sign in "&# 0ax")


@njit(cache=True, nogil=True)
def _write(buf: Bytes, origin: Origin, to: int, source: int, entry: int, code: int) -> int:
    """Write what an entry stands for; gives back where it ends."""
    start, came_from = to, origin[source] if len(origin) else 0
    if entry & SPELLED:
        rest = entry & (LETTER - 1)
        while rest:
            buf[to] = rest & 0x7F
            rest >>= 7
            to += 1
    elif entry & WIDE:
        point = entry & CODE_POINT if code < TABLE_SIZE else code
        n = 2 if point < 0x800 else 3 if point < 0x10000 else 4
        for k in range(n - 1, 0, -1):
            buf[to + k] = 0x80 | point & 0x3F
            point >>= 6
        buf[to] = (0xF00 >> n) & 0xFF | point
        to += n
    else:
        buf[to] = entry & 0x7F
        to += 1
    if len(origin):
        for place in range(start, to):
            origin[place] = came_from
    return to


@njit(cache=True, nogil=True)
def _entity(buf: Bytes, token: int, end: int) -> tuple[int, int]:
    """Where the HTML entity that ends here starts, and its code point; (-1, -1) where there is none."""
    start = end - 1
    while start >= token and buf[start] != _AMPERSAND and end - start < 9:
        start -= 1
    if start < token or buf[start] != _AMPERSAND or end - start < 3:
        return -1, -1
    if buf[start + 1] != _HASH:
        name = int64(0)
        for place in range(end - 1, start, -1):
            name = name << 8 | int64(buf[place])
        for k in range(len(_ENTITY_NAMES)):
            if name == _ENTITY_NAMES[k]:
                return start, _ENTITY_CODES[k]
        return -1, -1
    hexadecimal = buf[start + 2] == _X
    place = start + 3 if hexadecimal else start + 2
    code = int64(0) if place < end else int64(-1)
    while place < end and code >= 0:
        byte = int64(buf[place])
        if is_digit(byte):
            code = code * (16 if hexadecimal else 10) + byte - _ZERO
        elif hexadecimal and _A <= byte < _A + 6:
            code = code * 16 + byte - _A + 10
        else:
            code = int64(-1)
        place += 1
    return (start, code) if 0 < code <= 0x10FFFF and not 0xD800 <= code < 0xE000 else (-1, -1)


@njit(cache=True, nogil=True)
def _copy_plain(
    buf: Bytes, origin: Origin, place: int, end: int, to: int, token: int, table: Table, seen: int, text_seen: int
) -> tuple[int, int, int, int, int]:
    """Fold ASCII text up to the next character or end of a token that wants a closer look.

    Takes and gives back the places read and written, where the token starts, and the flags of token and text.
    """
    one, reading, writing = uint64(1), uint64(place), uint64(to)
    last = uint64(table[buf[to - 1]]) if to > token else uint64(0)
    before = uint64(table[buf[to - 2]]) if to > token + 1 else uint64(0)
    while reading < uint64(end):
        byte = buf[reading]
        entry = uint64(table[byte])
        if byte >= 128 or entry == 0:
            break
        if entry >= uint64(SEMICOLON):
            n = int64(writing) - token
            if not entry & uint64(SPACE) or n < 2 or (n < 4 and seen & _FLAGS != LETTER) or seen & _BUSY:
                break
            text_seen |= seen
            seen, token, entry = int64(0), int64(writing + one), uint64(SPACE | _BLANK)
        else:
            # LETTER stands one bit below SIGN, two below SEPARATOR, and ten below INNER.
            inner = (last >> one | last >> uint64(2)) & entry & uint64(LETTER)
            seen |= int64(entry | inner << uint64(10))
            if entry == last and entry == before:
                seen |= RUN
        buf[writing] = np.uint8(entry & uint64(0x7F))
        if len(origin):
            origin[writing] = origin[reading]
        before, last = last, entry
        reading += one
        writing += one
    return int64(reading), int64(writing), token, seen, text_seen


@njit(cache=True, nogil=True)
def _single_letters(buf: Bytes, token: int, end: int, seen: int) -> int:
    """How many letters of a token stand alone: 1 where it has but one, 3 for three and more set apart, else 0."""
    if seen & INNER:
        for place in range(token, end - 4):
            if spaced_letters(buf, token, place, end)[0] >= 3:
                return 3
    if end - token > 3:
        return 0
    letters = digits = 0
    for place in range(token, end):
        letters += is_letter(buf[place])
        digits += is_digit(buf[place])
    return 1 if letters == 1 and digits == 0 else 0


@njit(cache=True, nogil=True)
def _finish(buf: Bytes, origin: Origin, at: int, end: int, apart: bool, gaps: bool) -> tuple[int, bool]:
    """Join letters that stand apart and close wide gaps; gives back the new end and whether another pass is due."""
    if end > at and (buf[end - 1] == _BLANK or buf[end - 1] == WIDE_GAP):
        end -= 1
    to = join(buf, origin, at, end) if apart else end
    if gaps:
        for k in range(at, to):
            if buf[k] == WIDE_GAP:
                buf[k] = _BLANK
    # Once a gap is closed, other letters stand side by side.
    return to, apart and (gaps or to != end)


@njit(cache=True, nogil=True)
def _rewrite(
    buf: Bytes, origin: Origin, start: int, end: int, at: int, table: Table, all_latin: bool
) -> tuple[int, bool, int]:
    """One pass over the text at start:end, written from `at` on; gives back its end, whether it changed, its flags."""
    place, to, token = start, at, at
    seen = text_seen = int64(0)
    singles, apart, gaps, changed = 0, False, False, False
    while place <= end:
        token_before = token
        place, to, token, seen, text_seen = _copy_plain(buf, origin, place, end, to, token, table, seen, text_seen)
        singles = singles if token == token_before else 0
        source, at_end = place, place == end
        code, place = decode(buf, place, end) if not at_end else (_BLANK, place + 1)
        entry = fold(table, code)
        if entry & SEMICOLON:
            ampersand, entity = _entity(buf, token, to)
            if ampersand >= 0:
                source, to, code, entry, changed = ampersand, ampersand, entity, fold(table, entity), True
        if not entry & SPACE:
            if entry:
                seen |= entry | RUN | INNER  # not looked for among these characters, so settling has to
                to = _write(buf, origin, to, source, entry, code)
        elif to > token:
            to, touched = settle(buf, origin, token, to, seen, table, all_latin)
            changed |= touched
            text_seen |= seen
            found = _single_letters(buf, token, to, seen)
            singles = singles + found if found else 0
            apart |= singles >= 3
            if not at_end:
                to = _write(buf, origin, to, source, SPACE | _BLANK, _BLANK)
            token, seen = to, int64(0)
        elif to > at:
            buf[to - 1] = WIDE_GAP
            gaps = True
    to, joined = _finish(buf, origin, at, to, apart, gaps)
    return to, changed or joined, text_seen


@njit(cache=True, nogil=True)
def undo(buf: Bytes, origin: Origin, start: int, end: int, at: int, table: Table) -> int:
    """Undo obfuscation of the text at start:end, written from `at` <= `start` on; gives back where it ends.

    Passes repeat until one changes nothing, so that doing it again changes nothing either.
    """
    # A literal False would make numba compile everything twice, once for that value.
    to, all_latin = end, bool(0)
    for _ in range(MOST_PASSES):
        to, changed, seen = _rewrite(buf, origin, start, to, at, table, all_latin)
        start = at
        if not all_latin and seen & LOOKALIKE and seen & LETTER and not seen & FOREIGN:
            all_latin = changed = True
        if not changed:
            break
    return to


@njit(cache=True, nogil=True)
def undo_all(
    buf: Bytes, origin: Origin, offsets: npt.NDArray[np.int64], valid: npt.NDArray[np.bool_], table: Table
) -> npt.NDArray[np.int64]:
    """Undo obfuscation of all texts in place, one behind the other; gives back their new offsets, int64 [n + 1]."""
    written = np.zeros(len(offsets), np.int64)
    for row in range(len(valid)):
        to = written[row]
        written[row + 1] = undo(buf, origin, offsets[row], offsets[row + 1], to, table) if valid[row] else to
    return written
