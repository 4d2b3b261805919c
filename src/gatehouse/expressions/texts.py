"""Operations and patterns on columns of texts, by Arrow; what Arrow means otherwise goes value by value."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.expressions import values
from gatehouse.expressions.frame import Frame, Mask, Numbers, numbers_of, true_rows
from gatehouse.expressions.patterns import compile_re2, search_words, words_re2
from gatehouse.expressions.tree import Pattern, Type

TEXT_SIGNS = {
    "=": "equal",
    "<>": "not_equal",
    "<": "less",
    "<=": "less_equal",
    ">": "greater",
    ">=": "greater_equal",
}
_PATTERNS = {
    "contains": "match_substring",
    "starts_with": "starts_with",
    "ends_with": "ends_with",
    "regexp": "match_substring_regex",
    "words": "match_substring_regex",
}
FEW = 256
"""Texts up to which searching one by one takes less time than Arrow needs to make a pattern ready, every time."""


def column_of(texts: pa.Array | pa.Scalar, frame: Frame) -> pa.Array:
    """Texts as a column, a constant repeated."""
    return pa.repeat(texts, frame.length) if isinstance(texts, pa.Scalar) else texts


def finder(pattern: Pattern) -> Callable[[pa.Array], Mask]:
    """A function that says in which texts the pattern is; not in NULL."""
    name = _PATTERNS[pattern.kind]
    if pattern.kind != "words":
        options = pc.MatchSubstringOptions(pattern.texts[0])
        return lambda texts: true_rows(pc.call_function(name, [texts], options))
    likely = pc.MatchSubstringOptions(words_re2(pattern.texts))
    seek = seeker(pattern)

    def find(texts: pa.Array) -> Mask:
        found = true_rows(pc.call_function(name, [texts], likely))
        rows = np.flatnonzero(found)
        found[rows] = seek(texts.take(pa.array(rows)).to_pylist())
        return found

    return find


def seeker(pattern: Pattern) -> Callable[[Sequence[str | None]], list[bool]]:
    """The same for few texts, one by one."""
    kind, (written, *_) = pattern.kind, pattern.texts
    match kind:
        case "contains":
            return lambda texts: [text is not None and written in text for text in texts]
        case "starts_with":
            return lambda texts: [text is not None and text.startswith(written) for text in texts]
        case "ends_with":
            return lambda texts: [text is not None and text.endswith(written) for text in texts]
        case _:
            search = compile_re2(written) if kind == "regexp" else search_words(pattern.texts)
            return lambda texts: [text is not None and search(text) is not None for text in texts]


def operation(name: str, kind: Type) -> Callable[[list[Any], Frame], Any]:
    """An operation that takes or gives texts."""

    def run(given: list[Any], frame: Frame) -> Any:
        if name == "write":
            number, known = given[0]
            numbers = np.broadcast_to(number, frame.length)
            unknown = None if known is None else ~np.broadcast_to(known, frame.length)
            return pa.array(numbers, mask=unknown).cast(pa.string())
        columns = [column_of(texts, frame) for texts in given]
        if name in ("lower", "upper"):
            return pc.call_function(f"utf8_{name}", columns)
        if name == "length":
            return numbers_of(pc.call_function("utf8_length", columns))
        if name == "coalesce":
            return pc.call_function("coalesce", columns)
        if name == "nullif":
            return pc.if_else(pa.array(true_rows(pc.equal(*columns))), pa.scalar(None, pa.string()), columns[0])
        if name in ("least", "greatest"):
            compare = pc.less if name == "least" else pc.greater
            chosen = columns[0]
            for column in columns[1:]:
                chosen = pc.if_else(compare(column, chosen), column, chosen)
            return chosen
        read = values.read_bigint if name == "read_bigint" else values.read_double
        dtype = np.int64 if kind is Type.BIGINT else np.float64
        return _read(columns[0], read, dtype)

    return run


def _read(texts: pa.Array, read: Callable[[str | None], int | float], dtype: Any) -> Numbers:
    found = [read(text) for text in texts.to_pylist()]
    known = np.array([number == number for number in found], np.bool_)
    return np.array([number if ok else 0 for number, ok in zip(found, known, strict=True)], dtype), known
