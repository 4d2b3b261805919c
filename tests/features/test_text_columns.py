import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.features.define import FeatureSet
from gatehouse.features.text import COLUMNS, compute
from gatehouse.records.event import Event, to_batch
from gatehouse.text.normalise import normalise

ALL = FeatureSet(tuple(COLUMNS))


def columns_of(text: str | None) -> dict[str, int | float | None]:
    column = pa.array([text], pa.string())
    arrays = compute(column, normalise(column), tuple(COLUMNS))
    return {name: array[0].as_py() for name, array in zip(COLUMNS, arrays, strict=True)}


@pytest.mark.parametrize(
    ("name", "text", "value"),
    [
        ("char_count", "né 😂\u0301", 5),
        ("word_count", "Well, it's 2 o'clock --- привет 日本", 6),
        ("url_count", "http://a.example/x HTTPS://b.example www.c.example wap.d.co.uk e.com, f.com/g", 6),
        ("url_count", "e.g. this. That www. 3.50 name@host.com http: //", 0),
        ("email_count", "Write to a.b@c.example or <x@y.com>.", 2),
        ("email_count", "@user me@home", 0),
        ("phone_count", "Call 08001234567, 0800-123 4567, (020) 7946 0958 or +1 555 123 4567!", 4),
        ("phone_count", "87654321 (020) 7946 0958", 2),
        ("phone_count", "in 1999 for £1000000 or 1,000,000 or 3.14159265 on 2012-05-12, a1234567, 1234567890123456", 0),
        ("exclamation_count", "Hey! Hey！！", 3),
        ("currency_count", "$5, £6, 7€ and ₹8", 4),
        ("emoji_count", "😂 👍🏽 👨\u200d👩\u200d👧 🇧🇷🇺🇸 ☺", 6),
        ("mention_count", "@one and .@two, not a@b nor x@y.com nor @", 2),
        ("hashtag_count", "#one (#two) &#8220; c# #1 a#b", 2),
        ("longest_run", "cooool   !!", 4),
        ("digit_share", "a1 2b", 0.5),
        ("upper_share", "ABc ДЖз", 4 / 6),
        ("distinct_word_share", "No, no: NO yes", 0.5),
        ("non_ascii_share", "aé", 0.5),
        ("changed_share", "Nothing Changed  Here", 0.0),
        ("changed_share", "d1mmer", 2 / 12),
        ("changed_share", "d.u.m.m.y", 4 / 14),
    ],
)
def test_a_column_means_what_it_says(name: str, text: str, value: float) -> None:
    assert columns_of(text)[name] == pytest.approx(value)


def test_a_null_text_has_null_values() -> None:
    assert set(columns_of(None).values()) == {None}


def test_shares_of_nothing_are_null_and_counts_zero() -> None:
    for text in ("", "  \n"):
        found = columns_of(text)
        assert all(found[name] is None for name in ("digit_share", "upper_share", "distinct_word_share"))
        assert found["word_count"] == found["longest_run"] == 0
    assert columns_of("12 34")["upper_share"] is None


def test_each_column_says_what_it_means() -> None:
    for column in COLUMNS.values():
        assert column.meaning.endswith(".")
        assert column.field.type == (pa.float64() if column.name.endswith("share") else pa.int64())


def test_huge_texts_are_counted() -> None:
    found = columns_of("word " * 200_000)
    assert found["char_count"] == 1_000_000
    assert found["word_count"] == 200_000
    assert found["distinct_word_share"] == 1 / 200_000
    assert columns_of("1" * 1_000_000)["phone_count"] == 0


def test_sliced_and_large_arrays_are_counted() -> None:
    for kind in (pa.string(), pa.large_string()):
        column = pa.array(["left out", "One two", None], kind).slice(1)
        assert compute(column, normalise(column), ("word_count",))[0].to_pylist() == [2, None]


PIECES = [*"aB1 0.@#:/w!$-+(", "é", "😂", "www.", ".com", "://", "12345"]
texts = st.one_of(
    st.none(), st.text(max_size=40), st.lists(st.sampled_from(PIECES), max_size=20).map(lambda parts: "".join(parts))
)


@settings(deadline=None, max_examples=150)
@given(st.lists(texts, min_size=1, max_size=5), st.data())
def test_a_row_has_the_same_values_alone_and_in_any_batch(column: list[str | None], data: st.DataObject) -> None:
    events = [Event(id=str(i), text=text) for i, text in enumerate(column)]
    together = ALL.compute(to_batch(events)).to_pylist()
    alone = [ALL.compute(to_batch([event])).to_pylist()[0] for event in events]
    assert together == alone
    start = data.draw(st.integers(0, len(events)))
    assert ALL.compute(to_batch(events).slice(start)).to_pylist() == together[start:]


@settings(deadline=None, max_examples=150)
@given(texts)
def test_shares_lie_between_nothing_and_all(text: str | None) -> None:
    for name, value in columns_of(text).items():
        assert value is None or value >= 0
        assert value is None or not name.endswith("share") or value <= 1
