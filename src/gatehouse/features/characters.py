"""What kind of character each code point is, for counting."""

import functools
import unicodedata

import numpy as np
import numpy.typing as npt

TABLE_SIZE = 0x20000
LOWER = 0x1FFFF
LETTER = 1 << 17
CAPITAL = 1 << 18
NUMBER = 1 << 19
BLANK = 1 << 20
CURRENCY = 1 << 21
EXCLAMATION = 1 << 22
EMOJI = 1 << 23

_EMOJI = (range(0x231A, 0x231C), range(0x23E9, 0x23F4), range(0x2600, 0x27C0), range(0x2B50, 0x2B56))
_PICTURES = range(0x1F300, 0x1FB00)
_SKIN_TONES = range(0x1F3FB, 0x1F400)


def _kind(code: int) -> int:
    character = chr(code)
    category = unicodedata.category(character)
    kind = LETTER if category[0] == "L" else NUMBER if category == "Nd" else CURRENCY if category == "Sc" else 0
    kind |= CAPITAL if category in ("Lu", "Lt") else 0
    kind |= BLANK if character.isspace() else 0
    kind |= EXCLAMATION if character in "!！❗❕‼" else 0
    kind |= EMOJI if any(code in block for block in _EMOJI) else 0
    return kind


@functools.cache
def character_table() -> npt.NDArray[np.uint32]:
    """The kinds of each code point below TABLE_SIZE, and in the low bits its lower case; uint32 [TABLE_SIZE]."""
    table = np.arange(TABLE_SIZE, dtype=np.uint32)
    # Ideographs, syllables and surrogates have neither case nor kinds to tell apart: all letters, but for the last.
    for first, last, kind in ((0x3400, 0xA000, LETTER), (0xAC00, 0xD7A4, LETTER), (0xD800, 0xF900, 0)):
        table[first:last] |= np.uint32(kind)
    for code in (*range(0x3400), *range(0xA000, 0xAC00), *range(0xF900, 0x10800), *range(0x1D400, 0x1D800)):
        lower = chr(code).lower()
        table[code] = (ord(lower) if len(lower) == 1 else code) | _kind(code)
    table[list(_PICTURES)] |= np.uint32(EMOJI)
    table[list(_SKIN_TONES)] &= np.uint32(~EMOJI & 0xFFFFFFFF)
    table.flags.writeable = False
    return table
