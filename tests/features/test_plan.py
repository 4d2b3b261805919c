"""Coded events: equal values have equal codes, nothing known has none, and a log's order is one that never falls."""

from itertools import accumulate
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import UserError
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.features.plan import Plan, amount_name, code_name, in_log_order
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import (
    MOST_AMOUNT,
    TEXT_HASH,
    Age,
    Count,
    Declaration,
    Distinct,
    RepeatShare,
    Sum,
    duration,
)
from gatehouse.records.event import EVENT_SCHEMA

HOUR = duration("1h")
ACTOR = ("actor",)
BLANK = dict.fromkeys(EVENT_SCHEMA.names) | {"imported": False, "revision": 0, "kind": "message", "seen": 0}


def coded(windows: list[Declaration], rows: list[dict[str, Any]], **declared: Any) -> dict[str, list[Any]]:
    """Coded events of rows that differ from BLANK as given."""
    features = FeatureSet(windows=tuple(windows), **declared)
    events = pa.RecordBatch.from_pylist(
        [{**BLANK, "id": str(place), **row} for place, row in enumerate(rows)], EVENT_SCHEMA
    )
    found = features.plan.code(events, features.compute(events))
    found.validate(full=True)
    assert found.schema == features.plan.coded
    return found.to_pydict()


def count(**given: Any) -> Count:
    return Count(**{"name": "n", "key": ACTOR, "window": HOUR, **given})


names = st.none() | st.text(alphabet="abc", max_size=3) | st.text(max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(names, names), min_size=1, max_size=12))
def test_codes_are_equal_just_where_the_values_are_and_null_where_a_part_is(
    pairs: list[tuple[str | None, str | None]],
) -> None:
    found = coded([count(key=("actor", "target"))], [{"actor": actor, "target": target} for actor, target in pairs])
    codes = found[code_name(("actor", "target"))]
    assert [code is None for code in codes] == [None in pair for pair in pairs]
    known = {(pair, code) for pair, code in zip(pairs, codes, strict=True) if code is not None}
    assert len({pair for pair, _ in known}) == len({code for _, code in known}) == len(known)


def test_composite_keys_are_not_confusable() -> None:
    pairs = [("ab", "c"), ("a", "bc"), ("c", "ab"), ("abc", ""), ("", "abc"), ("a", "a"), ("b", "b"), ("", "")]
    found = coded([count(key=("actor", "target"))], [{"actor": a, "target": b} for a, b in pairs])
    assert len(set(found["k_actor_and_target"])) == len(pairs)


@settings(deadline=None, max_examples=40)
@given(st.lists(st.text(max_size=12), min_size=1, max_size=8), st.text(max_size=12))
def test_one_value_has_one_code_in_whatever_column_it_stands(values: list[str], other: str) -> None:
    rows = [{"actor": value, "target": value, "thread": other, "parent": other} for value in values]
    both = count(key=("actor", "thread"), under=("target", "parent"))
    found = coded([count(name="one", under=("target",)), both], rows)
    assert found["k_actor"] == found["k_target"]
    assert found["k_actor_and_thread"] == found["k_target_and_parent"]


def test_the_place_of_a_value_in_a_key_matters() -> None:
    rows = [{"actor": "a", "target": "b"}, {"actor": "b", "target": "a"}]
    found = coded([count(key=("actor", "target"), under=("target", "actor"))], rows)
    assert found["k_actor_and_target"] == found["k_target_and_actor"][::-1]
    assert len(set(found["k_actor_and_target"])) == 2


def test_codes_stay_as_they_are_because_snapshots_hold_them() -> None:
    found = coded([count(), count(name="m", key=("actor", "target"))], [{"actor": "account:1", "target": "account:2"}])
    assert found["k_actor"] == [2_221_964_121_855_936_366]
    assert found["k_actor_and_target"] == [2_376_975_115_905_295_443]


def test_texts_count_as_equal_with_their_disguises_undone() -> None:
    texts = ["FREE money", "fr\u200bee money", "free rent", None]
    codes = coded([count(key=(TEXT_HASH,))], [{"text": text} for text in texts])["k_text_hash"]
    assert codes[0] == codes[1] != codes[2]
    assert codes[3] is None


def test_values_of_every_type_but_double_are_coded() -> None:
    rows = [{"amount": 5, "attributes": '{"trusted": true}'}, {"amount": 5}, {"amount": 6, "attributes": "{}"}]
    rows.append(rows[0])
    found = coded([count(key=("amount", "trusted"))], rows, profile=(ProfileColumn("trusted", "BOOLEAN"),))
    codes = found["k_amount_and_trusted"]
    assert codes[0] == codes[3] is not None
    assert codes[1:3] == [None, None]


def test_a_condition_is_one_where_it_is_true_and_zero_where_it_is_false_or_not_known() -> None:
    windows: list[Declaration] = [
        count(name="a", where="actor = 'x'"),
        count(name="b", where="url_count > 0"),
        count(name="c", where="actor = 'x'"),
        count(name="d", where="1 = 1"),
        count(name="e"),
    ]
    rows = [{"actor": "x", "text": "www.example.com"}, {"actor": "y", "text": "no"}, {}]
    found = coded(windows, rows, columns=("url_count",))
    assert found["f_0"] == [1, 0, 0]
    assert found["f_1"] == [1, 0, 0]
    assert found["f_2"] == [1, 1, 1]
    plan = FeatureSet(columns=("url_count",), windows=tuple(windows)).plan
    assert [plan.filter_name(said) for said in windows] == ["f_0", "f_1", "f_0", "f_2", None]


def test_few_events_are_coded_as_many_are() -> None:
    windows: list[Declaration] = [
        count(name="a", key=("actor", "target"), where="actor = 'x' OR url_count > 0"),
        count(name="b", key=("amount",), where="NOT trusted"),
        Sum(name="c", key=(TEXT_HASH,), window=HOUR, of="amount", where="1 = 1"),
    ]
    rows: list[dict[str, Any]] = [
        {
            "actor": "x" if i % 3 else None,
            "target": f"t{i % 7}",
            "text": f"see {i % 5} www.example.com" if i % 4 else None,
            "amount": i if i % 6 else None,
            "attributes": '{"trusted": false}' if i % 2 else None,
        }
        for i in range(100)
    ]
    features = FeatureSet(("url_count",), None, (ProfileColumn("trusted", "BOOLEAN"),), windows=tuple(windows))
    events = pa.RecordBatch.from_pylist([{**BLANK, "id": str(i), **row} for i, row in enumerate(rows)], EVENT_SCHEMA)
    own = features.compute(events)
    many = features.plan.code(events, own)
    few = [features.plan.code(events.slice(i, 3), own.slice(i, 3), i) for i in range(0, 100, 3)]
    assert pa.Table.from_batches(few).combine_chunks() == pa.Table.from_batches([many])
    assert {0, 1} == set(many.column("f_0").to_pylist()) == set(many.column("f_1").to_pylist())


def test_a_condition_that_names_no_column_is_the_same_for_all() -> None:
    found = coded([count(where="1 = 1"), count(name="m", where="1 = 2")], [{}, {}])
    assert (found["f_0"], found["f_1"]) == ([1, 1], [0, 0])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.none() | st.integers(-(2**63), 2**63 - 1), max_size=8))
def test_amounts_are_clipped_and_stay_unknown(amounts: list[int | None]) -> None:
    found = coded([Sum(name="n", key=ACTOR, window=HOUR, of="amount")], [{"amount": amount} for amount in amounts])
    wanted = [None if amount is None else max(-MOST_AMOUNT, min(MOST_AMOUNT, amount)) for amount in amounts]
    assert found[amount_name("amount")] == wanted


def test_rows_are_numbered_in_the_order_given_and_known_when_they_were_seen() -> None:
    features = FeatureSet(windows=(count(),))
    rows = [{**BLANK, "id": id_, "seen": seen} for id_, seen in (("b", 7), ("a", 3))]
    events = pa.RecordBatch.from_pylist(rows, EVENT_SCHEMA)
    found = features.plan.code(events, features.compute(events), first_row=40).to_pydict()
    assert found["row"] == [40, 41]
    assert found["id"] == ["b", "a"]
    assert found["place"] == [0, 0]
    assert found["seen"] == found["known"] == [7, 3]


def test_scores_are_read_as_columns_of_their_own() -> None:
    score = ScoreColumn("spam_score", "spam.linear", "spam")
    features = FeatureSet(scores=(score,), windows=(count(where="spam_score >= 800"),))
    events = pa.RecordBatch.from_pylist([{**BLANK, "id": str(i)} for i in range(3)], EVENT_SCHEMA)
    own = features.compute(events).append_column("spam_score", pa.array([900, 799, None], pa.int64()))
    assert features.plan.code(events, own).column("f_0").to_pylist() == [1, 0, 0]


def test_no_events_have_all_coded_columns() -> None:
    windows = [count(where="kind = 'a'"), Sum(name="s", key=ACTOR, window=HOUR, of="amount")]
    found = coded(windows, [])
    assert list(found) == ["row", "id", "place", "seen", "known", "k_actor", "f_0", "a_amount"]
    assert not any(found.values())


times = st.integers(0, 2**52)


@settings(deadline=None, max_examples=60)
@given(st.lists(times, max_size=20), times, st.integers(0, 2**40))
def test_in_a_log_events_are_known_when_the_log_comes_to_them(seen: list[int], clock: int, place: int) -> None:
    features = FeatureSet(windows=(count(),))
    rows = [{**BLANK, "id": str(i), "seen": at, "actor": "x"} for i, at in enumerate(seen)]
    events = pa.RecordBatch.from_pylist(rows, EVENT_SCHEMA)
    before = features.plan.code(events, features.compute(events))
    found = in_log_order(before, clock, place)
    assert found.schema == before.schema
    assert found.column("known").to_pylist() == list(accumulate(seen, max, initial=clock))[1:]
    assert found.column("place").to_pylist() == [place + i for i in range(len(seen))]
    for name in ("row", "id", "seen", "k_actor"):
        assert found.column(name).equals(before.column(name))
    order = np.lexsort([found.column(name).to_numpy(zero_copy_only=False) for name in ("id", "place", "known")])
    assert order.tolist() == list(range(len(seen)))


def test_a_plan_shares_codes_conditions_and_amounts() -> None:
    windows: list[Declaration] = [
        count(name="a", where="kind = 'message'"),
        count(name="b", under=("target",), where="kind = 'message'"),
        Distinct(name="c", key=ACTOR, window=HOUR, of=("target",)),
        RepeatShare(name="d", key=ACTOR, window=HOUR, of=(TEXT_HASH,), cap=8),
        Sum(name="e", key=("device",), window=HOUR, of="amount"),
        Sum(name="f", key=ACTOR, window=HOUR, of="amount"),
        Age(name="g", key=ACTOR, window=HOUR),
    ]
    plan = FeatureSet(windows=tuple(windows)).plan
    assert plan.codes == (("actor",), ("target",), (TEXT_HASH,), ("device",))
    assert [condition.text for condition in plan.filters] == ["kind = 'message'"]
    assert plan.amounts == ("amount",)
    assert plan.schema.names == list("abcdefg")
    assert [field.type for field in plan.schema] == [pa.float64() if n == "d" else pa.int64() for n in "abcdefg"]


def test_a_window_says_what_it_means_in_its_schema() -> None:
    schema = FeatureSet(windows=(count(name="a"), count(name="b", meaning="Messages of late."))).plan.schema
    assert schema.field("a").metadata == {b"meaning": b"Number of earlier events of the same actor in the last hour"}
    assert schema.field("b").metadata == {b"meaning": b"Messages of late."}


def test_of_events_without_a_history_nothing_is_known() -> None:
    plan = FeatureSet(windows=(count(), RepeatShare(name="r", key=ACTOR, window=HOUR, of=ACTOR))).plan
    found = plan.nothing_known(2)
    assert found.schema == plan.schema
    assert found.to_pydict() == {"n": [None, None], "r": [None, None]}


def test_every_faulty_condition_is_told_of_at_once() -> None:
    with pytest.raises(UserError) as caught:
        Plan.of([count(name="a", where="knd = 'x'"), count(name="b", where="(")], EVENT_SCHEMA)
    assert [fault.where for fault in caught.value.faults] == [
        "the condition of 'a':1:1",
        "the condition of 'b':1:2",
    ]
