"""The table that gives every code point its plain form: lower case, without marks, styles and invisible characters."""

import functools
import itertools
import re
import unicodedata

import numpy as np
import numpy.typing as npt

from gatehouse.text.tokens import (
    DOLLAR,
    FOREIGN,
    LATIN_SHIFT,
    LETTER,
    LOOKALIKE,
    SEMICOLON,
    SEPARATOR,
    SIGN,
    SPACE,
    SPELLED,
    TABLE_SIZE,
    WIDE,
)

_SIGNS = "0123456789$@!"
_SEPARATORS = ".-_*~"

# Only these blocks hold characters that have a plain form; scanning the rest would double the cost of the first text.
_SCANNED = (
    range(0x80, 0x3400),
    range(0xA4D0, 0xA500),
    range(0xA640, 0xAC00),
    range(0xFB00, 0x10000),
    range(0x1D100, 0x1D200),
    range(0x1D400, 0x1D800),
    range(0x1F100, 0x1F200),
)

# Marks that may be put on any letter. Vowel signs of other scripts are letters to their readers and stay.
_MARKS = frozenset(
    itertools.chain(
        range(0x300, 0x370),
        range(0x483, 0x48A),
        range(0x180B, 0x180F),
        range(0x1AB0, 0x1B00),
        range(0x1DC0, 0x1E00),
        range(0x20D0, 0x2100),
        range(0xFE00, 0xFE10),
        range(0xFE20, 0xFE30),
        [0xFFFD],
    )
)
_BLANKS = frozenset("\t\n\v\f\r\x85\u115f\u1160\u2800\u3164\uffa0")

_PUNCTUATION = {
    **dict.fromkeys("‘’‚‛′ʼʹˈ＇", "'"),
    **dict.fromkeys("“”„‟″«»", '"'),
    **dict.fromkeys("·∙⋅‧・", "."),
    **dict.fromkeys("•●▪", "*"),
    "⁄": "/",
    "∕": "/",
    "−": "-",
    "∣": "|",
    "ǃ": "!",
}
_LIGATURES = {
    "æ": "ae",
    "œ": "oe",
    "ß": "ss",
    "þ": "th",
    "ð": "d",
    "ŋ": "n",
    "ə": "e",
    "ɔ": "o",
    "ɛ": "e",
    "ſ": "s",
    "ɑ": "a",
    "ɩ": "i",
    "℮": "e",
}
_LATIN_NAME = re.compile(
    r"LATIN (?:SMALL |CAPITAL )?LETTER (?:SMALL CAPITAL |SCRIPT |DOTLESS |TURNED |REVERSED |SIDEWAYS |INSULAR )*"
    r"([A-Z])(?: WITH .*| ROTUNDA)?"
)
_STYLED_NAME = re.compile(
    r"(?:NEGATIVE CIRCLED|NEGATIVE SQUARED|CROSSED NEGATIVE SQUARED) LATIN CAPITAL LETTER ([A-Z])"
)


# Scripts whose letters can pass for Latin ones: Greek, Cyrillic, Armenian, Cherokee, Coptic, Lisu.
_FOREIGN = frozenset(
    itertools.chain(
        range(0x370, 0x590),
        range(0x13A0, 0x1400),
        range(0x1C80, 0x1C90),
        range(0x1F00, 0x2000),
        range(0x2C80, 0x2D00),
        range(0xA4D0, 0xA500),
        range(0xA640, 0xA6A0),
        range(0xAB70, 0xABC0),
    )
)


def _pairs(lookalikes: str, letters: str) -> dict[str, str]:
    return dict(zip(lookalikes.lower(), letters, strict=True))


_STRONG = {
    **_pairs("аеорсухіѕјԁһԛԝѵҽӏ", "aeopcyxisjdhqwvel"),
    **_pairs("οανιρυκχϲϳ", "oavipukxcj"),
    **_pairs("օսոհցզյ", "ounhgqj"),
    **_pairs("ᎠᎡᎢᎪᎳᎬᎩᎻᎷᏚᏟᏢᏀᏙᏞᏦᏴᏃᎫ", "drtaweyhmscpgvlkbzj"),
    **_pairs("ꓐꓑꓓꓔꓖꓗꓙꓚꓜꓝꓟꓠꓡꓢꓣꓦꓧꓪꓫꓬꓮꓰꓲꓳꓴ", "bpdtgkjczfmnlsrvhwxyaeiou"),
    **_pairs("ⲟⲥⲣⲁⲕⲓ", "ocpaki"),
}
"""Letters of other scripts that cannot be told from a Latin letter by eye."""

_WEAK = {
    **_pairs("вгкмнтпиьшєғқңүұѡ", "brkmhtnubwefknyyw"),
    **_pairs("βγεητωμσςπ", "byentwuocn"),
    **_pairs("ւքթ", "lpp"),
}
"""Letters that pass for a Latin letter only among Latin letters, and show a real text of their script elsewhere."""


def _plain(character: str) -> str:
    """One step of folding a character: its plain form, which may be empty, blank or several characters."""
    category = unicodedata.category(character)
    if character in _BLANKS or category[0] == "Z":
        return " "
    if category in ("Cc", "Cf") or ord(character) in _MARKS:
        return ""
    if character in _STRONG:
        return character
    if character in _PUNCTUATION:
        return _PUNCTUATION[character]
    if category == "Pd":
        return "-"
    if 0x1F1E6 <= ord(character) <= 0x1F1FF:
        return chr(ord(character) - 0x1F1E6 + ord("a"))
    parts = unicodedata.normalize("NFKD", character)
    bare = "".join(part for part in parts if ord(part) not in _MARKS).lower() if len(parts) > 1 else parts.lower()
    bare = "".join(part for part in bare if ord(part) not in _MARKS)
    if len(bare) == 1 and ord(bare) >= 128:
        bare = _LIGATURES.get(bare) or _by_name(bare)
    return unicodedata.normalize("NFC", bare)


def _by_name(character: str) -> str:
    """The Latin letter that the character's Unicode name says it is, else the character."""
    name = unicodedata.name(character, "")
    found = _LATIN_NAME.fullmatch(name) if name.startswith("LATIN") else _STYLED_NAME.fullmatch(name)
    return found[1].lower() if found else character


def _folded(character: str) -> str:
    """The plain form that folding no longer changes; the character itself where the plain form takes more bytes."""
    plain = character
    for _ in range(4):
        following = "".join(map(_plain, plain))
        if following == plain:
            break
        plain = following
    if plain == character or len(plain.encode()) > len(character.encode()):
        return character
    return plain if len(plain) <= 1 or (len(plain) <= 3 and plain.isascii() and " " not in plain) else character


def _ascii_entry(code: int) -> int:
    character = chr(code).lower()
    if character.isspace():
        return SPACE | 32
    if not character.isprintable():
        return 0
    flags = LETTER if character.isalpha() else 0
    flags |= SIGN if character in _SIGNS else SEPARATOR if character in _SEPARATORS else 0
    flags |= DOLLAR if character == "$" else SEMICOLON if character == ";" else 0
    return ord(character) | flags


def _kept_entry(character: str) -> int:
    """The entry of a character beyond ASCII that keeps its form."""
    entry = WIDE | ord(character)
    latin = _STRONG.get(character) or _WEAK.get(character)
    if latin:
        entry |= LOOKALIKE | (ord(latin) - 96) << LATIN_SHIFT
    if character not in _STRONG and ord(character) in _FOREIGN and unicodedata.category(character)[0] == "L":
        entry |= FOREIGN
    return entry


@functools.cache
def fold_table() -> npt.NDArray[np.uint32]:
    """What becomes of each code point below TABLE_SIZE, uint32 [TABLE_SIZE]; read-only.

    The low 17 bits are the code point to write (0: nothing), the flags above say what kind of character that is.
    LOOKALIKE entries carry the Latin letter (1 to 26) at LATIN_SHIFT; SPELLED entries hold up to three ASCII
    characters of seven bits instead of a code point. No entry takes more bytes than the character that it replaces.
    """
    table = np.arange(TABLE_SIZE, dtype=np.uint32) | np.uint32(WIDE)
    for code in range(128):
        table[code] = _ascii_entry(code)
    for block in _SCANNED:
        for code in block:
            plain = _folded(chr(code))
            if len(plain) == 1:
                table[code] = table[ord(plain)] if plain.isascii() else _kept_entry(plain)
            elif plain:
                flags = int(np.bitwise_or.reduce(table[[ord(part) for part in plain]])) & ~(LETTER - 1)
                spelled = sum(ord(part) << 7 * place for place, part in enumerate(plain))
                table[code] = SPELLED | flags | spelled
            else:
                table[code] = 0
    table.flags.writeable = False
    return table
