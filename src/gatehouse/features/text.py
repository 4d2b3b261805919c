"""Columns that describe a text by itself: what may be declared, and how all of them are counted in one pass."""

import functools
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.features import counting
from gatehouse.features.arrays import rows_of
from gatehouse.features.characters import character_table
from gatehouse.text.arrow import TextBytes, text_bytes

FEATURES_VERSION = 1
"""To be raised with every change of what a column means, so that feature rows of two meanings are told apart."""


@dataclass(frozen=True)
class Column:
    """A column that a pack may declare: a count (BIGINT) or a share from 0 to 1 (DOUBLE), and its meaning."""

    name: str
    place: int
    is_share: bool
    meaning: str

    @functools.cached_property
    def field(self) -> pa.Field:
        """The column's Arrow field, with its meaning."""
        kind = pa.float64() if self.is_share else pa.int64()
        return pa.field(self.name, kind, metadata={"meaning": self.meaning})


_COUNTS = (
    ("char_count", counting.CHARACTERS, "Number of characters (code points)."),
    ("word_count", counting.WORDS, "Number of words: what stands between blanks and holds a letter or digit."),
    ("url_count", counting.URLS, "Number of links: scheme://, www., or a host with a common ending such as .com."),
    ("email_count", counting.EMAILS, "Number of e-mail addresses."),
    ("phone_count", counting.PHONES, "Number of digit runs of the length of a telephone number, 7 to 15 digits."),
    ("exclamation_count", counting.EXCLAMATIONS, "Number of exclamation marks."),
    ("currency_count", counting.CURRENCIES, "Number of currency signs."),
    ("emoji_count", counting.EMOJIS, "Number of emoji; a joined sequence or a flag is one."),
    ("mention_count", counting.MENTIONS, "Number of @names."),
    ("hashtag_count", counting.HASHTAGS, "Number of #tags."),
    ("longest_run", counting.RUN, "Length of the longest run of one character, blanks excepted."),
)
_SHARES = (
    ("digit_share", counting.DIGIT_SHARE, "Share of digits among the characters that are no blanks."),
    ("upper_share", counting.UPPER_SHARE, "Share of capitals among the letters."),
    ("distinct_word_share", counting.DISTINCT_SHARE, "Number of different words over the number of words."),
    ("non_ascii_share", counting.WIDE_SHARE, "Share of characters beyond ASCII."),
    (
        "changed_share",
        counting.CHANGED_SHARE,
        "How far undoing obfuscation changed the text's letters and signs, case aside: 0 not at all, 1 altogether.",
    ),
)
COLUMNS = {
    name: Column(name, place, is_share, meaning)
    for is_share, columns in ((False, _COUNTS), (True, _SHARES))
    for name, place, meaning in columns
}
"""Every column that may be declared, by name."""


def compute(texts: pa.Array, plain: pa.Array, names: tuple[str, ...]) -> list[pa.Array]:
    """The named columns of texts and their normalised forms; null where the text is null, a share of nothing too."""
    return columns(text_bytes(texts), text_bytes(plain), names)


def columns(given: TextBytes, undone: TextBytes, names: tuple[str, ...]) -> list[pa.Array]:
    """The same of texts that are laid out."""
    counts, shares = _counted(given, undone, names)
    made = {
        False: iter(rows_of(counts, np.broadcast_to(given.valid, counts.shape))),
        True: iter(rows_of(shares, ~np.isnan(shares))),
    }
    return [next(made[COLUMNS[name].is_share]) for name in names]


def values(given: TextBytes, undone: TextBytes, names: tuple[str, ...]) -> dict[str, list[Any]]:
    """The same as Python's values, by name."""
    counts, shares = _counted(given, undone, names)
    known = given.valid.tolist()
    made = {
        False: iter(
            counts.tolist()
            if not given.nulls
            else [[one if there else None for one, there in zip(row, known, strict=True)] for row in counts.tolist()]
        ),
        True: iter([[one if one == one else None for one in row] for row in shares.tolist()]),
    }
    return {name: next(made[COLUMNS[name].is_share]) for name in names}


def _counted(
    given: TextBytes, undone: TextBytes, names: tuple[str, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float64]]:
    """The named counts and shares, each [columns, n]."""
    counts, shares = counting.count_all(
        given.data, given.offsets, undone.data, undone.offsets, given.valid, character_table()
    )
    counted, shared = _places(names)
    return counts[:, counted].T, shares[:, shared].T


@functools.cache
def _places(names: tuple[str, ...]) -> tuple[list[int], list[int]]:
    """Places of the named counts and of the named shares."""
    named = [COLUMNS[name] for name in names]
    return [one.place for one in named if not one.is_share], [one.place for one in named if one.is_share]
