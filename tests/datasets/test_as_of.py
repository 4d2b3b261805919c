"""Training rows hold what was known when their event was judged; whatever came later is refused by name."""

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.features.brute_force import windows as by_hand

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.datasets import as_of
from gatehouse.datasets.content_scores import ContentScores, Fitted
from gatehouse.datasets.event_source import ENTITY_LABELS
from gatehouse.errors import RefusedError, UserError
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import Age, Count, Distinct, Sum, duration
from gatehouse.records.case import LABEL_SCHEMA
from gatehouse.records.event import Entity, Event, to_batch

DAY = 86_400_000_000
NOON = 1_700_000_000_000_000
DUCKDB = DuckDbEngine("200MB", threads=1)
FEATURES = FeatureSet(
    columns=("char_count",),
    profile=(ProfileColumn("followers", "BIGINT"),),
    windows=(
        Count(name="posts", key=("actor",), window=duration("1h")),
        Count(name="long_posts", key=("actor",), window=duration("1d"), where="char_count > 10"),
        Distinct(name="targets", key=("actor",), of=("target",), window=duration("1h"), cap=4),
        Age(name="age", key=("actor",), window=duration("1d")),
    ),
)


def event(id_: str, at: int, actor: str | None = "ann", text: str | None = "a word", **more) -> Event:
    who = Entity("account", actor) if actor else None
    return Event(id=id_, text=text, occurred=at, seen=at, imported=True, actor=who, **more)


def history(*events: Event, size: int = 3) -> as_of.Events:
    cut = [to_batch(events[i : i + size]) for i in range(0, len(events), size)]
    return lambda: iter(cut)


def of_events(*said: tuple[str, int, int | None]) -> pa.Table:
    rows = [{"event_id": i, "label": "spam", "value": v, "source": "desk", "votes": 1, "at": at} for i, v, at in said]
    return pa.Table.from_pylist(rows, schema=LABEL_SCHEMA)


def of_entities(*said: tuple[str, int, int | None]) -> pa.Table:
    rows = [{"subject": who, "label": "bot", "value": v, "source": "desk", "at": at} for who, v, at in said]
    return pa.Table.from_pylist(rows, schema=ENTITY_LABELS)


FOUR = history(
    event("e1", NOON, attributes={"followers": 3}),
    event("e2", NOON + 60_000_000, text="a longer text of hers"),
    event("e3", NOON + 120_000_000, "bob"),
    event("e4", NOON + 180_000_000),
)


def test_every_labelled_event_is_a_row_with_what_was_known_before_it() -> None:
    judged = as_of.judged(of_events(("e4", 1, None), ("e1", 0, NOON + DAY), ("e4", 0, None)), FOUR)
    rows = as_of.feature_rows(judged, FOUR, FEATURES, DUCKDB)
    assert rows.to_pylist() == [
        {
            "id": "e1",
            "as_of": NOON,
            "char_count": 6,
            "followers": 3,
            "posts": 0,
            "long_posts": 0,
            "targets": 0,
            "age": 0,
        },
        {
            "id": "e4",
            "as_of": NOON + 180_000_000,
            "char_count": 6,
            "followers": None,
            "posts": 2,
            "long_posts": 1,
            "targets": 0,
            "age": 180,
        },
    ]
    assert judged.claims.select(["event_id", "value"]).to_pylist() == [
        {"event_id": "e4", "value": 1},
        {"event_id": "e1", "value": 0},
        {"event_id": "e4", "value": 0},
    ]


def test_an_entity_is_judged_as_of_its_last_event_until_then() -> None:
    labels = of_entities(("account:ann", 1, NOON + 61_000_000), ("ann", 0, None), ("account:bob", 0, NOON + DAY))
    judged = as_of.judged(labels, FOUR)
    assert judged.claims.select(["event_id", "value", "votes"]).to_pylist() == [
        {"event_id": "e2", "value": 1, "votes": 1},
        {"event_id": "e4", "value": 0, "votes": 1},
        {"event_id": "e3", "value": 0, "votes": 1},
    ]
    assert judged.events["id"].to_pylist() == ["e2", "e3", "e4"]


def test_an_entity_with_several_events_at_one_time_is_judged_as_of_the_last_id() -> None:
    events = history(event("b", NOON), event("c", NOON), event("a", NOON))
    assert as_of.judged(of_entities(("ann", 1, NOON)), events).events["id"].to_pylist() == ["c"]


def test_without_windows_no_engine_is_asked() -> None:
    judged = as_of.judged(of_events(("e2", 1, None)), FOUR)
    rows = as_of.feature_rows(judged, FOUR, FeatureSet(columns=("char_count",)), None)  # type: ignore[arg-type]
    assert rows.to_pylist() == [{"id": "e2", "as_of": NOON + 60_000_000, "char_count": 21}]


_STREAMS = st.lists(
    st.tuples(
        st.sampled_from([0, 0, 1, 60_000_000, 3_600_000_000, DAY]),
        st.sampled_from(["ann", "ann", "bob", None]),
        st.sampled_from([None, "x", "y"]),
        st.sampled_from([None, 5, 700]),
        st.booleans(),
    ),
    min_size=1,
    max_size=25,
)
WINDOWS = FeatureSet(
    windows=(*FEATURES.windows[:1], *FEATURES.windows[2:], Sum(name="paid", key=("actor",), of="amount", window=DAY)),
)


@settings(max_examples=40, deadline=None)
@given(_STREAMS, st.randoms(use_true_random=False))
def test_the_honest_path_gives_what_reading_the_definition_by_hand_gives_at_that_moment(stream, random) -> None:
    time, events, labels = NOON, [], []
    for number, (gap, actor, target, amount, labelled) in enumerate(stream):
        time += gap
        who = Entity("account", target) if target else None
        events.append(event(f"e{number:02d}", time, actor, target=who, amount=amount))
        if labelled or not number:
            labels.append((f"e{number:02d}", number % 2, None))
    random.shuffle(events)
    told = history(*events, size=4)
    judged = as_of.judged(of_events(*labels), told)
    rows = as_of.feature_rows(judged, told, WINDOWS, DUCKDB)
    assert sorted(rows["id"].to_pylist()) == sorted(id_ for id_, _, _ in labels)
    for row in rows.to_pylist():
        # Only what was there by then: nobody who judged the event could have seen more.
        known = sorted((e for e in events if (e.seen, e.id) <= (row["as_of"], row["id"])), key=lambda e: (e.seen, e.id))
        coded = WINDOWS.plan.code(to_batch(known), WINDOWS.compute(to_batch(known)))
        assert {name: row[name] for name in WINDOWS.plan.schema.names} == by_hand(WINDOWS.plan, coded.to_pylist())[-1]


def test_a_feature_row_of_a_later_time_than_its_event_is_refused() -> None:
    judged = as_of.judged(of_events(("e1", 1, None), ("e2", 0, None)), FOUR)
    rows = as_of.feature_rows(judged, FOUR, FEATURES, DUCKDB)
    assert as_of.aligned(judged, rows, FEATURES).schema.names == FEATURES.schema.names
    late = rows.set_column(1, "as_of", pa.array([NOON + 5, NOON + 60_000_000]))
    with pytest.raises(RefusedError) as error:
        as_of.aligned(judged, late, FEATURES)
    assert str(error.value) == (
        "event e1: the feature row is as of 2023-11-14T22:13:20.000005Z, its event was seen at "
        "2023-11-14T22:13:20.000000Z\n    → give the row as it was when the event was judged"
    )
    with pytest.raises(RefusedError, match="event e2: the feature row is of no known time"):
        as_of.aligned(judged, rows.set_column(1, "as_of", pa.array([NOON, None])), FEATURES)


def test_feature_rows_stand_where_their_events_stand_and_all_must_be_there() -> None:
    judged = as_of.judged(of_events(("e1", 1, None), ("e2", 0, None)), FOUR)
    rows = as_of.feature_rows(judged, FOUR, FEATURES, DUCKDB)
    assert as_of.aligned(judged, rows.take([1, 0]), FEATURES)["char_count"].to_pylist() == [6, 21]
    with pytest.raises(UserError, match="event e2: no feature row is given of events that labels judge"):
        as_of.aligned(judged, rows.slice(0, 1), FEATURES)
    with pytest.raises(UserError, match="event e1: events have two feature rows"):
        as_of.aligned(judged, rows.take([0, 0, 1]), FEATURES)
    renamed = rows.rename_columns(["id", "as_of", "char_counts", *rows.schema.names[3:]])
    with pytest.raises(UserError, match="no column 'char_count'\n    → did you mean 'char_counts'"):
        as_of.aligned(judged, renamed, FEATURES)


def test_a_label_from_before_its_event_is_refused_or_left_out_and_counted() -> None:
    labels = of_events(("e1", 1, NOON - 1), ("e2", 0, None))
    with pytest.raises(RefusedError) as error:
        as_of.judged(labels, FOUR)
    assert str(error.value).startswith(
        "e1: the label was given at 2023-11-14T22:13:19.999999Z, before event e1 was seen at "
        "2023-11-14T22:13:20.000000Z, the first that is known of it"
    )
    judged = as_of.judged(labels, FOUR, leave_out=True)
    assert judged.events["id"].to_pylist() == ["e2"]
    assert judged.notes == ("labels were left out of 1 subjects judged before their first event was seen",)


def test_a_profile_that_came_after_the_judgement_is_never_used() -> None:
    profile = event("p1", NOON + DAY, text=None, kind="profile", attributes={"followers": 9_999})
    events = history(event("e1", NOON), profile)
    judged = as_of.judged(of_entities(("ann", 1, NOON + 10)), events)
    [row] = as_of.feature_rows(judged, events, FEATURES, DUCKDB).to_pylist()
    assert (row["id"], row["followers"]) == ("e1", None)
    with pytest.raises(RefusedError, match=r"account:ann: the label was given at .* before event p1 was seen"):
        as_of.judged(of_entities(("ann", 1, NOON + 10)), history(profile))


def test_labels_of_what_never_happened_are_named() -> None:
    with pytest.raises(UserError, match="subject e9: there is no event of what labels judge"):
        as_of.judged(of_events(("e9", 1, None), ("e1", 1, None)), FOUR)
    judged = as_of.judged(of_events(("e9", 1, None), ("e1", 1, None)), FOUR, leave_out=True)
    assert judged.notes == ("labels were left out of 1 subjects of which there is no event",)
    with pytest.raises(UserError, match="there is no label"):
        as_of.judged(of_events(), FOUR)


def test_features_cannot_be_made_of_labels() -> None:
    with pytest.raises(UserError, match="unknown column 'spam'"):
        FeatureSet(windows=(Distinct(name="spams", key=("actor",), of=("spam",), window=duration("1h")),))
    told = FeatureSet(profile=(ProfileColumn("bot", "BOOLEAN"),))
    events = history(event("e1", NOON, attributes={"bot": True}))
    judged = as_of.judged(of_entities(("ann", 1, None)), events)
    rows = as_of.feature_rows(judged, events, told, DUCKDB)
    with pytest.raises(RefusedError, match="the column 'bot' goes by the name of a label"):
        as_of.aligned(judged, rows, told)


SCORED = FeatureSet(
    scores=(ScoreColumn("spam_score", "spam.linear", "spam"),),
    windows=(Count(name="spams", key=("actor",), window=duration("1h"), where="spam_score >= 900"),),
)


def said(fitted_ids: list[str], authors: list[str | None], ids: list[str] | None = None) -> ContentScores:
    ids = ids or ["e1", "e2", "e3", "e4"]
    values = pa.table({"id": ids, "model": [0] * len(ids), "spam": [0.8995, 0.95, None, 0.1][: len(ids)]})
    return ContentScores(
        "spam.linear", values, (Fitted(pa.array(fitted_ids, pa.string()), pa.array(authors, pa.string())),)
    )


def test_scores_are_counted_by_those_who_come_after_in_whole_thousandths() -> None:
    judged = as_of.judged(of_events(("e2", 1, None), ("e4", 1, None)), FOUR)
    rows = as_of.feature_rows(judged, FOUR, SCORED, DUCKDB, [said(["x1"], ["carl"])])
    assert rows["spams"].to_pylist() == [1, 2]


@pytest.mark.parametrize(("ids", "authors", "named"), [(["e3"], [None], "e3"), (["x"], ["ann"], "e1, e2, e4")])
def test_scores_by_a_model_that_was_fitted_on_the_event_or_its_author_are_refused(ids, authors, named) -> None:
    judged = as_of.judged(of_events(("e4", 1, None)), FOUR)
    with pytest.raises(RefusedError) as error:
        as_of.feature_rows(judged, FOUR, SCORED, DUCKDB, [said(ids, authors)])
    assert str(error.value) == (
        f"event{'s' if ',' in named else ''} {named}: spam.linear was fitted on the very events whose scores are to be "
        "features, or on their authors\n    → take out-of-fold scores: gatehouse.training.out_of_fold.scores"
    )


def test_scores_that_are_not_there_are_named_and_never_taken_for_null() -> None:
    judged = as_of.judged(of_events(("e4", 1, None)), FOUR)
    with pytest.raises(UserError, match=r"events e2, e3, e4: spam\.linear said nothing of events that have a text"):
        as_of.feature_rows(judged, FOUR, SCORED, DUCKDB, [said([], [], ["e1"])])
    with pytest.raises(UserError, match=r"no scores of spam\.linear for the label 'spam'"):
        as_of.feature_rows(judged, FOUR, SCORED, DUCKDB)


def test_when_all_labels_are_left_out_there_is_no_row() -> None:
    with pytest.raises(UserError, match="of which there is no event: no label is left"):
        as_of.judged(of_events(("e9", 1, None)), FOUR, leave_out=True)


def test_a_score_that_does_not_say_by_which_model_it_is_is_refused() -> None:
    values = pa.table({"id": ["e1"], "model": pa.array([None], pa.int32()), "spam": [0.5]})
    with pytest.raises(UserError, match=r"scores of spam\.linear do not say which model they are by"):
        ContentScores("spam.linear", values, (Fitted(pa.array(["e1"]), pa.array(["ann"])),))
