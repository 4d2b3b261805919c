"""The compiled pass that counts what is in a text.

numba's cache only sees changes of this file: after a change of `decode` in gatehouse.text.tokens or of a constant in
characters.py, remove the `__pycache__` beside it.
"""

import numpy as np
import numpy.typing as npt
from numba import njit

from gatehouse.features.characters import (
    BLANK,
    CAPITAL,
    CURRENCY,
    EMOJI,
    EXCLAMATION,
    LETTER,
    LOWER,
    NUMBER,
    TABLE_SIZE,
)
from gatehouse.text.tokens import Bytes, Table, decode, int64, is_digit, is_letter, packed, uint64

Counts = npt.NDArray[np.int64]
Shares = npt.NDArray[np.float64]

# Places in a row of counts and in a row of shares.
CHARACTERS, WORDS, URLS, EMAILS, PHONES, EXCLAMATIONS, CURRENCIES, EMOJIS, MENTIONS, HASHTAGS, RUN = range(11)
DIGIT_SHARE, UPPER_SHARE, DISTINCT_SHARE, WIDE_SHARE, CHANGED_SHARE = range(5)

_JOINER, _FIRST_FLAG, _LAST_FLAG = 0x200D, 0x1F1E6, 0x1F1FF
_BUCKETS = 256

_HOST_ENDINGS = "com net org info biz uk ly io ru tv xyz club online site website"
_HOST_CODES = np.array([packed(ending) for ending in _HOST_ENDINGS.split()], np.int64)
_AT, _HASH, _DOT, _COLON, _SLASH, _W, _DOLLAR, _COMMA, _AND, _PLUS, _OPEN, _LINE = (
    ord(sign) for sign in "@#.:/w$,&+(_"
)
_APART = np.zeros(256, np.bool_)
for _byte in b" -()":
    _APART[_byte] = True


@njit(cache=True, nogil=True)
def _kind(table: Table, code: int) -> int:
    return int64(table[code]) if 0 <= code < TABLE_SIZE else code & LOWER


@njit(cache=True, nogil=True)
def _small(byte: int) -> int:
    """An ASCII capital in lower case, every other byte unchanged."""
    return byte | 32 if 65 <= byte <= 90 else byte


@njit(cache=True, nogil=True)
def _in_word(byte: int) -> bool:
    return is_letter(_small(byte)) or is_digit(byte) or byte == _LINE or byte >= 128


@njit(cache=True, nogil=True)
def _characters(data: Bytes, start: int, end: int, table: Table, counts: Counts, shares: Shares) -> int:
    """Counts and shares that look at one character at a time; gives back how many are blanks."""
    characters = letters = capitals = digits = blanks = wide = run = longest = flags = 0
    exclamations = currencies = emojis = 0
    last = int64(-1)
    place = start
    while place < end:
        code, place = decode(data, place, end)
        kind = _kind(table, code)
        characters += 1
        letters += kind & LETTER != 0
        capitals += kind & CAPITAL != 0
        digits += kind & NUMBER != 0
        blanks += kind & BLANK != 0
        wide += code < 0 or code >= 128
        exclamations += kind & EXCLAMATION != 0
        currencies += kind & CURRENCY != 0
        emojis += kind & EMOJI != 0 and last != _JOINER
        flags += _FIRST_FLAG <= code <= _LAST_FLAG
        run = run + 1 if code == last else 1
        if not kind & BLANK:
            longest = max(longest, run)
        last = code
    counts[CHARACTERS], counts[RUN] = characters, longest
    counts[EXCLAMATIONS], counts[CURRENCIES], counts[EMOJIS] = exclamations, currencies, emojis + flags // 2
    if characters > blanks:
        shares[DIGIT_SHARE] = digits / (characters - blanks)
        shares[WIDE_SHARE] = wide / characters
    if letters:
        shares[UPPER_SHARE] = capitals / letters
    return blanks


@njit(cache=True, nogil=True)
def _host_ends(data: Bytes, place: int, end: int) -> bool:
    """Whether a known ending of host names stands at `place`, right behind a dot, and the name stops there."""
    name, stop = int64(0), place
    while stop < end and is_letter(_small(data[stop])):
        if stop - place < 8:
            name |= int64(_small(data[stop])) << 8 * (stop - place)
        stop += 1
    ends = stop == end or not _in_word(data[stop])
    return ends and stop - place < 8 and bool(np.any(name == _HOST_CODES))


@njit(cache=True, nogil=True)
def _addresses(data: Bytes, start: int, end: int, counts: Counts) -> None:
    """Links, addresses, mentions and hashtags of one token."""
    at = host = False
    schemes = mentions = hashtags = 0
    for place in range(start, end - 1):
        byte, following = data[place], data[place + 1]
        inside = place > start and _in_word(data[place - 1])
        if byte == _COLON:
            schemes += following == _SLASH and place + 2 < end and data[place + 2] == _SLASH and inside
        elif byte == _AT:
            at |= inside
            mentions += not inside and _in_word(following)
        elif byte == _HASH:
            named = _in_word(following) and not is_digit(following)
            hashtags += named and not inside and (place == start or data[place - 1] != _AND)
        elif byte == _DOT and inside:
            www = place >= start + 3 and _small(data[place - 1]) == _small(data[place - 3]) == _W
            www = www and _small(data[place - 2]) == _W and _in_word(following)
            www = www and not (place > start + 3 and _in_word(data[place - 4]))
            host |= www or _host_ends(data, place + 1, end) or (at and _in_word(following))
    if schemes:
        counts[URLS] += schemes
    elif host:
        counts[EMAILS if at else URLS] += 1
    else:
        counts[MENTIONS] += mentions
        counts[HASHTAGS] += hashtags


@njit(cache=True, nogil=True)
def _words(data: Bytes, start: int, end: int, table: Table, counts: Counts, hashes: npt.NDArray[np.uint64]) -> None:
    """Words between blanks: how many, what is no word among them, and a hash of the letters of each."""
    token = place = start
    words, hashed, holds_sign = 0, uint64(0), False
    while place <= end:
        kind, after = int64(BLANK), place + 1
        if place < end:
            code, after = decode(data, place, end)
            kind = _kind(table, code)
        if kind & BLANK:
            if hashed:
                hashes[words] = hashed
                words += 1
            if holds_sign:
                _addresses(data, token, place, counts)
            token, hashed, holds_sign = after, uint64(0), False
        elif kind & (LETTER | NUMBER):
            hashed = (hashed ^ uint64((kind & LOWER) + 1)) * uint64(0x9E3779B97F4A7C15)
            hashed ^= hashed >> uint64(29)
        else:
            byte = data[place]
            holds_sign |= byte in (_DOT, _AT, _HASH, _COLON)
        place = after
    counts[WORDS] = words


@njit(cache=True, nogil=True)
def _distinct(hashes: npt.NDArray[np.uint64], n: int, slots: npt.NDArray[np.uint64]) -> int:
    size = 16
    while size < 2 * n:
        size *= 2
    for slot in range(size):
        slots[slot] = 0
    distinct = 0
    for i in range(n):
        slot = int64(hashes[i] >> uint64(8)) & size - 1
        while slots[slot] != 0 and slots[slot] != hashes[i]:
            slot = slot + 1 & size - 1
        if slots[slot] == 0:
            slots[slot] = hashes[i]
            distinct += 1
    return distinct


@njit(cache=True, nogil=True)
def _phone(data: Bytes, start: int, end: int) -> tuple[bool, int]:
    """Whether a telephone number starts here, at a digit, and where its digits stop."""
    place, digits, groups, first = start, 0, 0, 0
    while True:
        group = place
        while place < end and is_digit(data[place]):
            place += 1
        digits += place - group
        groups += 1
        first = first or place - group
        gap = place
        while gap < end and gap - place < 2 and _APART[data[gap]]:
            gap += 1
        # A bracket opens the next number where this one is long enough.
        opens = gap > place and data[gap - 1] == _OPEN and digits >= 7
        if gap in (place, end) or opens or not is_digit(data[gap]):
            break
        place = gap
    goes_on = place < end and (_in_word(data[place]) and data[place] < 128)
    amount = place + 1 < end and (data[place] == _DOT or data[place] == _COMMA) and is_digit(data[place + 1])
    plus = False
    for back in range(max(0, start - 2), start):
        plus |= data[back] == _PLUS
    grouped_like_one = groups == 1 or plus or digits >= 9 or first == 3
    return 7 <= digits <= 15 and grouped_like_one and not goes_on and not amount, place


@njit(cache=True, nogil=True)
def _phones(data: Bytes, start: int, end: int) -> int:
    phones, place = 0, start
    while place < end:
        if not is_digit(data[place]):
            place += 1
            continue
        before = int64(data[place - 1]) if place > start else 32
        found, after = _phone(data[:end], place, end)
        # Amounts, parts of words, of decimals and of addresses; the last bytes of the pound and euro signs.
        other = is_letter(_small(before)) or before in (_DOT, _COMMA, _SLASH, _DOLLAR, _LINE, _AT, 0xA3, 0xAC)
        phones += found and not other
        place = after
    return phones


@njit(cache=True, nogil=True)
def _histogram(data: Bytes, start: int, end: int, table: Table, sign: int, buckets: Counts) -> int:
    """Add the text's lower-case characters to the buckets; gives back how many. A row of blanks counts as one."""
    n, place, blank = 0, start, False
    while place < end:
        code, place = decode(data, place, end)
        kind = _kind(table, code)
        if kind & BLANK:
            blank = n > 0
            continue
        if blank:
            buckets[32] += sign
            n, blank = n + 1, False
        lower = kind & LOWER
        buckets[lower if lower < 128 else 128 | lower * 40503 >> 7 & 127] += sign
        n += 1
    return n


@njit(cache=True, nogil=True)
def _left_alone(data: Bytes, start: int, end: int, plain: Bytes, plain_start: int, plain_end: int) -> bool:
    """Whether the plain form is the text itself, ASCII capitals aside."""
    n = end - start
    if plain_end - plain_start != n:
        return False
    same = 0
    while same < n and _small(data[start + same]) == plain[plain_start + same]:
        same += 1
    return same == n


@njit(cache=True, nogil=True)
def count_all(
    data: Bytes,
    offsets: Counts,
    plain: Bytes,
    plain_offsets: Counts,
    valid: npt.NDArray[np.bool_],
    table: Table,
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """Counts int64 [n, 11] and shares float64 [n, 5] of texts and their plain forms; a share of nothing is NaN."""
    n = len(valid)
    counts, shares = np.zeros((n, RUN + 1), np.int64), np.full((n, CHANGED_SHARE + 1), np.nan)
    longest = 0
    for i in range(n):
        longest = max(longest, offsets[i + 1] - offsets[i])
    hashes, slots = np.empty(longest // 2 + 1, np.uint64), np.empty(2 * longest + 32, np.uint64)
    buckets = np.empty(_BUCKETS, np.int64)
    for i in range(n):
        if not valid[i]:
            continue
        start, end = offsets[i], offsets[i + 1]
        blanks = _characters(data, start, end, table, counts[i], shares[i])
        _words(data, start, end, table, counts[i], hashes)
        counts[i, PHONES] = _phones(data, start, end)
        words = counts[i, WORDS]
        if words:
            shares[i, DISTINCT_SHARE] = _distinct(hashes, words, slots) / words
        if _left_alone(data, start, end, plain, plain_offsets[i], plain_offsets[i + 1]):
            # Then the two have the same characters, which need not be counted.
            shares[i, CHANGED_SHARE] = 0.0 if counts[i, CHARACTERS] > blanks else np.nan
            continue
        for k in range(_BUCKETS):
            buckets[k] = 0
        total = _histogram(data, start, end, table, 1, buckets)
        total += _histogram(plain, plain_offsets[i], plain_offsets[i + 1], table, -1, buckets)
        if total:
            shares[i, CHANGED_SHARE] = np.abs(buckets).sum() / total
    return counts, shares
