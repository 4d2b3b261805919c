"""What LIKE and the text functions look for, as patterns that every form of evaluation finds alike."""

import re
from collections.abc import Callable, Sequence
from typing import Any

from gatehouse.expressions.tree import Pattern


def like(written: str, *, fold_case: bool) -> Pattern:
    """The pattern of LIKE or ILIKE: % any characters, _ one, a backslash before them the sign itself.

    Raises ValueError, in words for the writer, where a backslash stands before anything else.
    """
    pieces = _pieces(written)
    inner = pieces[1:-1] if len(pieces) > 1 and pieces[0] == pieces[-1] == "%" else pieces
    if not fold_case:
        if all(len(piece) == 2 for piece in inner) and pieces[:1] == pieces[-1:] == ["%"]:
            return Pattern("contains", (_literal(inner),))
        if pieces[-1:] == ["%"] and all(len(piece) == 2 for piece in pieces[:-1]):
            return Pattern("starts_with", (_literal(pieces[:-1]),))
        if pieces[:1] == ["%"] and all(len(piece) == 2 for piece in pieces[1:]):
            return Pattern("ends_with", (_literal(pieces[1:]),))
    signs = {"%": ".*", "_": "."}
    body = "".join(signs[piece] if piece in signs else re2_escape(piece[1]) for piece in pieces)
    return Pattern("regexp", (f"{'(?is)' if fold_case else '(?s)'}\\A{body}\\z",))


def _pieces(written: str) -> list[str]:
    """`%`, `_`, and every other character with an apostrophe before it."""
    pieces = []
    at = 0
    while at < len(written):
        sign = written[at]
        if sign == "\\":
            at += 1
            if written[at : at + 1] not in ("%", "_", "\\"):
                raise ValueError("a backslash stands before something else than %, _ or another backslash")
            pieces.append("'" + written[at])
        else:
            pieces.append(sign if sign in "%_" else "'" + sign)
        at += 1
    return pieces


def _literal(pieces: list[str]) -> str:
    return "".join(piece[1] for piece in pieces)


def re2_escape(text: str) -> str:
    """A text as an RE2 pattern that finds just it."""
    return "".join(sign if sign.isalnum() or not sign.isascii() else f"\\x{{{ord(sign):x}}}" for sign in text)


def compile_re2(written: str) -> Callable[[str], Any]:
    """The search of an RE2 pattern; gives None where nothing is found. Raises ValueError with RE2's word."""
    import re2

    try:
        search = re2.compile(written, _options()).search
    except re2.error as error:
        said = error.args[0]
        raise ValueError(said.decode("utf-8", "replace") if isinstance(said, bytes) else str(said)) from None
    # Given a str it would also count characters, which takes longer than the search.
    return lambda text: search(text.encode())


def compile_several(written: Sequence[str]) -> Callable[[bytes], Sequence[int]]:
    """Which of several RE2 patterns, counted from 0, a text in UTF-8 shows; raises ValueError where they are too many.

    A look for the letters that each cannot do without comes first, so that most are never searched for.
    """
    import re2

    several, options = re2.Filter(), _options()
    try:
        for pattern in written:
            several.Add(pattern, options)
        several.Compile()
    except re2.error:
        raise ValueError("RE2 cannot look for all of these at a time") from None
    found = several.Match
    return lambda text: found(text) or ()


def _options() -> Any:
    import re2

    options = re2.Options()
    options.never_capture = True  # only whether it is found counts, and that is faster
    options.log_errors = False
    return options


def as_re2(pattern: Pattern) -> str:
    """An RE2 pattern that is found wherever this one, of words or a regular expression, is."""
    return pattern.texts[0] if pattern.kind == "regexp" else words_re2(pattern.texts)


def words_re2(words: tuple[str, ...]) -> str:
    """An RE2 pattern that finds the words anywhere: a cheap first look, `search_words` then decides."""
    return "|".join(re2_escape(word) for word in words)


def search_words(words: tuple[str, ...]) -> Callable[[str], Any]:
    """Finds one of the words with no letter, digit or _ beside it; gives None where there is none.

    It is Python's `re` with plain alternatives, which takes linear time; RE2 has no Unicode word boundary.
    """
    return re.compile(rf"(?<!\w)(?:{'|'.join(map(re.escape, words))})(?!\w)").search
