"""Sets of declared features: what their version names, what they compute, and how sets become one."""

from dataclasses import replace

import pyarrow as pa
import pytest

from gatehouse.errors import UserError
from gatehouse.features import text as text_columns
from gatehouse.features.define import FeatureSet, ScoreColumn, union
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import Count, RepeatShare, duration
from gatehouse.records.event import Event, to_batch

MESSAGES = Count(name="messages_1h", key=("actor",), window=duration("1h"), where="kind = 'message'")
SCORE = ScoreColumn("spam_score", "spam.linear", "spam")
LIKELY = Count(name="likely_1d", key=("actor",), window=duration("1d"), where="spam_score >= 800")


def test_the_version_names_columns_and_code(monkeypatch: pytest.MonkeyPatch) -> None:
    first = FeatureSet(("url_count", "char_count"), "one").version
    assert len(first) == 12
    assert set(first) <= set("0123456789abcdef")
    assert FeatureSet(("url_count", "char_count"), "two").version == first
    assert FeatureSet(("char_count", "url_count")).version != first
    monkeypatch.setattr(text_columns, "FEATURES_VERSION", text_columns.FEATURES_VERSION + 1)
    assert FeatureSet(("url_count", "char_count")).version != first


def test_a_union_holds_each_column_once() -> None:
    sets = [FeatureSet(("url_count", "char_count")), FeatureSet(()), FeatureSet(("char_count", "upper_share"))]
    assert union(sets).columns == ("url_count", "char_count", "upper_share")
    assert union([]).columns == ()


def test_language_is_the_events_own_or_else_found() -> None:
    german = "Das Wetter war die ganze Woche schön und wir fahren an den See"
    events = to_batch(
        [
            Event(id="1", text=german),
            Event(id="2", text=german, language="en"),
            Event(id="3", text="ok"),
            Event(id="4", text=None, language="pt"),
        ]
    )
    found = FeatureSet(()).compute(events)
    assert found.schema.names == ["language", "normalised"]
    assert found.column("language").to_pylist() == ["de", "en", None, "pt"]
    assert found.column("normalised").to_pylist()[2:] == ["ok", None]


def test_a_batch_without_rows_has_all_columns() -> None:
    found = FeatureSet(("url_count",)).compute(to_batch([]))
    assert found.num_rows == 0
    assert found.schema.names == ["url_count", "language", "normalised"]


def test_the_version_names_all_that_values_depend_on() -> None:
    whole = FeatureSet(("url_count",), None, (ProfileColumn("tier", "VARCHAR"),), (SCORE,), (MESSAGES, LIKELY))
    others = [
        replace(whole, columns=()),
        replace(whole, profile=(ProfileColumn("tier", "BIGINT"),)),
        replace(whole, scores=(replace(SCORE, label="scam"),)),
        replace(whole, windows=(replace(MESSAGES, cap=5), LIKELY)),
        replace(whole, windows=(LIKELY, MESSAGES)),
    ]
    assert len({whole.version, *(other.version for other in others)}) == len(others) + 1
    reworded = replace(MESSAGES, meaning="Messages of late.", owner="else")
    assert replace(whole, windows=(reworded, LIKELY), owner="team").version == whole.version


def test_columns_of_the_text_alone_keep_the_version_that_they_had() -> None:
    assert FeatureSet(("url_count", "char_count")).version == "504f68c33051"


def test_counted_scores_make_their_detectors_part_of_the_version() -> None:
    counted = FeatureSet(scores=(SCORE,), windows=(LIKELY,))
    versions = {"spam.linear": "aaaa", "spam.rules": "bbbb"}
    found = counted.version_with(versions)
    assert found != counted.version
    assert counted.version_with(versions | {"spam.rules": "cccc"}) == found
    assert counted.version_with(versions | {"spam.linear": "cccc"}) != found
    assert FeatureSet(windows=(MESSAGES,)).version_with(versions) == FeatureSet(windows=(MESSAGES,)).version


def test_feature_rows_hold_text_then_profile_then_windows() -> None:
    declared = FeatureSet(("url_count",), None, (ProfileColumn("tier", "VARCHAR"),), (), (MESSAGES,))
    events = to_batch([Event(id="1", text="www.example.com", attributes={"tier": "new"})])
    own = declared.compute(events)
    assert own.column("messages_1h").to_pylist() == [None]
    windows = pa.RecordBatch.from_pydict({"messages_1h": [3]}, declared.plan.schema)
    whole = declared.with_windows(own, windows)
    assert own.schema == whole.schema
    assert whole.schema.names == [*declared.schema.names, "language", "normalised"]
    assert declared.schema.names == ["url_count", "tier", "messages_1h"]
    assert whole.to_pylist()[0] | {"normalised": ""} == {
        "url_count": 1,
        "tier": "new",
        "messages_1h": 3,
        "language": None,
        "normalised": "",
    }


def test_windows_are_not_there_where_the_history_could_not_be_asked() -> None:
    declared = FeatureSet(windows=(MESSAGES,))
    own = declared.compute(to_batch([Event(id="1", text="x")]))
    assert declared.with_windows(own, None).schema.names == ["language", "normalised"]
    assert FeatureSet(()).with_windows(own, None) is own


def test_declarations_that_do_not_fit_together_are_refused_all_at_once() -> None:
    with pytest.raises(UserError) as caught:
        FeatureSet(
            ("url_cuont",),
            windows=(
                replace(MESSAGES, window=61),
                replace(MESSAGES, name="b", key="actor"),  # type: ignore[arg-type]
                replace(MESSAGES, name="c", where="knd = 'x'"),
            ),
        )
    assert str(caught.value) == (
        "columns 'url_cuont': unknown column 'url_cuont'\n"
        "    → did you mean 'url_count'?\n"
        "windows 'messages_1h': a window of 61 µs is not a whole number of steps\n"
        "    → take a multiple of 3s\n"
        "windows 'b': `key` is the text 'actor'\n"
        "    → write key=('actor',)\n"
        "the condition of 'c':1:1: there is no column 'knd'\n"
        "    knd = 'x'\n"
        "    ^^^\n"
        "    → did you mean 'kind'?"
    )


def test_a_union_holds_equal_declarations_once_whoever_owns_them() -> None:
    other = replace(MESSAGES, owner="another-team", meaning="Messages of late.")
    tier = ProfileColumn("tier", "VARCHAR", "Level of trust.")
    first = FeatureSet(("url_count",), "a", (tier,), (SCORE,), (MESSAGES, LIKELY))
    second = FeatureSet((), "b", (ProfileColumn("tier", "VARCHAR"),), (SCORE,), (other,))
    both = union([first, second])
    assert both.windows == (MESSAGES, LIKELY)
    assert both.profile == (tier,)
    assert both.scores == (SCORE,)
    assert both.version == first.version


def test_a_union_of_different_things_under_one_name_is_refused() -> None:
    share = RepeatShare(name="messages_1h", key=("actor",), window=duration("1h"), of=("target",))
    with pytest.raises(UserError, match="'messages_1h' is declared already under windows"):
        union([FeatureSet(windows=(MESSAGES,)), FeatureSet(windows=(share,))])
