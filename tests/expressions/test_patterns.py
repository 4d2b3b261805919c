"""Both forms find the same patterns in the same texts, for every character there is."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.expressions import values
from gatehouse.expressions.frame import true_rows
from gatehouse.expressions.patterns import compile_re2, like, re2_escape
from gatehouse.expressions.tree import Pattern

CHARACTERS = [chr(code) for code in range(0x110000) if code not in range(0xD800, 0xE000)]


@pytest.mark.parametrize("pattern", [r"\pL", r"(?i)[a-zß-ÿα-ω]", r"^.$", r"(?s)^.\z", r"\b", r"\s|\d", r"[^\p{Greek}]"])
def test_the_two_re2_agree_on_every_character(pattern: str) -> None:
    by_arrow = true_rows(pc.match_substring_regex(pa.array(CHARACTERS), pattern))
    search = compile_re2(pattern)
    sample = np.unique(
        np.concatenate([np.arange(0x3000), np.random.default_rng(1).integers(0, len(CHARACTERS), 20_000)])
    )
    assert [search(CHARACTERS[i]) is not None for i in sample] == by_arrow[sample].tolist()


@pytest.mark.parametrize("pattern", [r"a$", r"^b", r"(?m)^b", r"a\z", r"a.b", r"(?s)a.b", "\x00", "", r"(a)|(b)"])
def test_the_two_re2_agree_on_lines_ends_and_nul(pattern: str) -> None:
    texts = ["", "a", "a\n", "a\nb", "\nb", "b\r\n", "a\x00b", "\x00", "aé", "ab"]
    search = compile_re2(pattern)
    by_arrow = true_rows(pc.match_substring_regex(pa.array(texts), pattern)).tolist()
    assert [search(text) is not None for text in texts] == by_arrow


def test_letters_change_one_by_one_and_as_in_arrow() -> None:
    text = "".join(CHARACTERS)
    assert values.lower(text) == pc.utf8_lower(pa.scalar(text)).as_py()
    assert values.upper(text) == pc.utf8_upper(pa.scalar(text)).as_py()
    assert (values.lower("ÄİB"), values.upper("straße")) == ("äiB".lower(), "STRAẞE")


@pytest.mark.parametrize(
    ("written", "pattern"),
    [
        ("%win%", Pattern("contains", ("win",))),
        ("win%", Pattern("starts_with", ("win",))),
        ("%win", Pattern("ends_with", ("win",))),
        ("%100\\%%", Pattern("contains", ("100%",))),
        ("a_c", Pattern("regexp", ("(?s)\\Aa.c\\z",))),
    ],
)
def test_simple_likes_need_no_regular_expression(written: str, pattern: Pattern) -> None:
    assert like(written, fold_case=False) == pattern


@settings(deadline=None, max_examples=200)
@given(st.text(max_size=8), st.text(max_size=12))
def test_an_escaped_text_finds_just_itself(text: str, other: str) -> None:
    search = compile_re2(re2_escape(text))
    assert search(other + text) is not None
    assert (search(other) is not None) == (text in other)
