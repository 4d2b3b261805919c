import itertools

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.text.folding import fold_table
from gatehouse.text.normalise import normalise, normalise_text, normalise_with_origin
from gatehouse.text.tokens import CODE_POINT, SPELLED, TABLE_SIZE

# Pieces out of which attacks are made; plain random text hardly ever meets the rules.
PIECES = [
    *"aaabcxiur  ..--__*~015$!@&;#'K\t",
    *("&amp;", "&lt;", "&#38;", "&lllt;", "amp;", "x x x", "x.x.x-x-x", "://", "www.", "9th", "0x1f"),
    *("а", "о", "ж", "ο", "σ", "ѕ", "Ꭰ", "ꓮ", "İ", "é", "e\u0301", "\u200b", "\u00ad", "ﬁ", "ﷺ", "½", "日", "が"),
    *("😂", "👍🏽", "🇦", "\ufffd", "\U000e0041", "\u3164", "\x00"),
]
attacks = st.lists(st.sampled_from(PIECES), max_size=40).map("".join)
texts = st.one_of(attacks, st.text(max_size=60))


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("You are a D U M M Y", "you are a dummy"),
        ("d.u.m.m.y d-u-m-m-y d_u_m_m_y d*u*m*m*y", "dummy dummy dummy dummy"),
        ("d. u. m. m. y.", "dummy."),
        ("such a a s s", "such a ass"),
        ("u r a d u m m y", "ur a dummy"),
        ("y o u a r e a d u m m y", "you are a dummy"),
        ("d u m m y  y o u   a r e", "dummy you are"),
        ("1d1ot cl0wn 5tupid du$t s!lly cl@ss pe$$t", "idiot clown stupid dust silly class pesst"),
        ("cl0wn5 b17e5 cl0wn3$ $t1ff d@t@", "clowns bites clownes stiff data"),
        ("@$$ @$$ert", "ass assert"),
        ("#cl0wn (cl0wn) 'cl0wn'", "#clown (clown) 'clown'"),
        ("sooo duuumb!!!", "so dumb!"),
        ("😂😂😂😂", "😂"),
        ("du\u200bm\u00admy d\u0336u\u0337mmy", "dummy dummy"),
        ("ｄｕｍｍｙ 𝓭𝓾𝓶𝓶𝔂 🅳🆄🅼🅼🆈 ᴅᴜᴍᴍʏ", "dummy dummy dummy dummy"),
        ("Café naïve straße smørrebrød", "cafe naive strasse smorrebrod"),
        ("&amp;lt;b&amp;gt; &#8220;hi&#8221;&nbsp;&#x1F602;", '<b> "hi" 😂'),
        ("“quoted” – isn’t…", '"quoted" - isn\'t.'),
        ("one\r\n\ttwo\u3000three ", "one two three"),
    ],
)
def test_obfuscation_is_undone(text: str, plain: str) -> None:
    assert normalise_text(text) == plain


@pytest.mark.parametrize(
    "text",
    [
        "i a m ok",
        "a b",
        "u r a star",
        "call 08712405022 or 0800 in 1999, win £1.50 or $500 or 5$ or $5k or $5off or us$5",
        "the 4th at 5pm, 3 days or 3days, 10am, 50p, 18yrs, 2nite, gr8",
        "p.m. e.g. 1,000,000",
        "http://foood.example/a1b2c3 www.foood.example j0hn.d0e@ma1l.example bit.example/4x3z @us3r",
        "int32_t x1 = 0x1f; python3 sha256 i18n",
        "i'm well-known, it's fine: ok?",
    ],
)
def test_what_is_no_obfuscation_is_kept(text: str) -> None:
    assert normalise_text(text) == text


def test_other_scripts_keep_their_letters() -> None:
    for text in ("привет, как дела? сахар и хор", "ναι, ευχαριστω", "नमस्ते दुनिया", "こんにちは が", "مرحبا"):
        assert normalise_text(text) == text


def test_lookalikes_become_latin_among_latin_letters_only() -> None:
    assert normalise_text("clоwn") == "clown"
    assert normalise_text("сор ok") == "cop ok"
    assert normalise_text("сор ok, да") == "сор ok, да"
    assert normalise_text("хаха") == "хаха"
    assert normalise_text("сlоwn, да") == "clown, да"


def test_null_empty_sliced_and_large_arrays_are_taken() -> None:
    given_texts = ["left out", "D.U.M.M.Y", None, "", "Sooo"]
    expected = ["dummy", None, "", "so"]
    for kind in (pa.string(), pa.large_string()):
        found = normalise(pa.array(given_texts, kind).slice(1))
        assert found.type == pa.string()
        assert found.to_pylist() == expected
    assert normalise(pa.array([], pa.string())).to_pylist() == []
    assert normalise(pa.nulls(2)).to_pylist() == [None, None]
    assert normalise(pa.nulls(2, pa.string())).to_pylist() == [None, None]
    with pytest.raises(TypeError, match="texts are string or large_string, not int64"):
        normalise(pa.array([1]))


def test_the_given_array_is_not_changed() -> None:
    column = pa.array(["ABC", "D.E.F"])
    normalise(column)
    assert column.to_pylist() == ["ABC", "D.E.F"]


def test_a_null_row_with_bytes_behind_it_stays_null() -> None:
    column = pa.Array.from_buffers(
        pa.string(), 2, [pa.py_buffer(b"\x02"), pa.py_buffer(np.array([0, 3, 5], np.int32)), pa.py_buffer(b"XYZok")]
    )
    assert normalise(column).to_pylist() == [None, "ok"]


@pytest.mark.parametrize(
    "text", ["a" * 1_000_000, "b 1" * 333_333, "&amp;" * 200_000, "x.x-x~" * 170_000, "é😂" * 250_000]
)
def test_huge_texts_are_taken(text: str) -> None:
    plain = normalise_text(text)
    assert len(plain) <= len(text)
    assert normalise(pa.array([text])).to_pylist() == [plain]
    assert normalise_text(plain) == plain


def test_lone_surrogates_are_dropped() -> None:
    assert normalise_text("a\ud800b") == "ab"


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.none(), texts), max_size=6), st.integers(0, 3))
def test_a_text_has_one_form_alone_and_in_any_batch(column: list[str | None], start: int) -> None:
    found = normalise(pa.array(column, pa.string()).slice(start))
    assert found.to_pylist() == [None if text is None else normalise_text(text) for text in column[start:]]


@settings(deadline=None, max_examples=500)
@given(texts)
def test_doing_it_again_changes_nothing_and_nothing_grows(text: str) -> None:
    plain = normalise_text(text)
    assert normalise_text(plain) == plain
    assert len(plain.encode()) <= len(text.encode("utf-8", "surrogatepass"))


@settings(deadline=None, max_examples=300)
@given(texts)
def test_the_origin_of_each_character_rises_and_is_in_the_text(text: str) -> None:
    plain, origin = normalise_with_origin(text)
    assert plain == normalise_text(text)
    assert origin.dtype == np.int32
    assert len(origin) == len(plain)
    assert all(first <= second for first, second in itertools.pairwise(origin))
    assert all(0 <= place < len(text) for place in origin)


def test_the_origin_points_at_the_character_that_was_written() -> None:
    text = "Ａ 😂 D.u.m.m.y ﬁn &amp; 5illy"
    plain, origin = normalise_with_origin(text)
    assert plain == "a 😂 dummy fin & silly"
    at = [text[place] for place in origin]
    assert "".join(at) == "Ａ 😂 Dummy ﬁﬁn & 5illy"


@settings(deadline=None, max_examples=300)
@given(st.lists(st.one_of(st.binary(max_size=4), attacks.map(str.encode)), max_size=6).map(b"".join))
def test_broken_bytes_give_valid_text(data: bytes) -> None:
    # A text that ends inside a character must not take bytes of the next one.
    buffers = [None, pa.py_buffer(np.array([0, len(data), len(data) + 2], np.int32)), pa.py_buffer(data + "é".encode())]
    found = normalise(pa.Array.from_buffers(pa.string(), 2, buffers))
    found.validate(full=True)
    plain, following = found.to_pylist()
    assert following == "e"
    assert normalise_text(plain) == plain
    assert plain == normalise_text(data.decode(errors="ignore"))


def test_each_folded_character_is_its_own_plain_form() -> None:
    table = fold_table()
    for code in range(TABLE_SIZE):
        entry = int(table[code])
        if entry & SPELLED:
            spelled = [entry >> 7 * place & 0x7F for place in range(3)]
            assert all(int(table[part]) & 0x7F == part for part in spelled if part)
        else:
            plain = entry & CODE_POINT
            assert plain == 0 or int(table[plain]) == entry
            assert plain < 128 or len(chr(plain).encode("utf-8", "surrogatepass")) <= len(
                chr(code).encode("utf-8", "surrogatepass")
            )
