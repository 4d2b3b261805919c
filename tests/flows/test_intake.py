"""Rows of a file become events, or are set aside with the reason in words."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.errors import UserError
from gatehouse.features.profile import ProfileColumn
from gatehouse.flows.attributes import attributes_of
from gatehouse.flows.intake import columns_for, events_of
from gatehouse.records.event import EVENT_SCHEMA, Event, from_batch

NOW = 1_767_225_600_000_000
"""2026-01-01T00:00:00Z"""

PROFILE = (
    ProfileColumn("account_age_days", "BIGINT"),
    ProfileColumn("trust", "DOUBLE"),
    ProfileColumn("plan", "VARCHAR"),
    ProfileColumn("verified", "BOOLEAN"),
)


def read(
    path: Path, rows: list[dict[str, object]], *, given: Mapping[str, str] | None = None, **how: Any
) -> tuple[list[Event], dict[str | None, str]]:
    path.write_text("".join(json.dumps({"text": "hello", **row}) + "\n" for row in rows))
    mapping = columns_for(path, given or {}, how.get("profile", ()))
    blocks = list(events_of(path, mapping, NOW, **how))
    assert all(block.events.schema == EVENT_SCHEMA for block in blocks)
    events = [event for block in blocks for event in from_batch(block.events)]
    return events, {reject.id: reject.reason for block in blocks for reject in block.rejects}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.jsonl"


def test_an_event_is_read_with_all_that_it_says(path: Path) -> None:
    row = {
        "id": "e1",
        "kind": "payment",
        "language": "en",
        "occurred": "2025-12-31T23:59:59Z",
        "actor": "account:7",
        "target": "9",
        "parent": "p",
        "thread": "t",
        "revision": 2,
        "address": "2001:db8::1",
        "device": "phone-7",
        "amount": 1250,
        "attributes": '{"plan": "pro", "account_age_days": 3, "seats": 2, "nothing": null}',
    }
    (event,), rejects = read(path, [row], profile=PROFILE)
    assert not rejects
    said = {name: getattr(event, name) for name in ("kind", "parent", "thread", "revision", "address", "device")}
    assert said == {name: row[name] for name in said}
    assert (str(event.actor), str(event.target), event.amount) == ("account:7", "account:9", 1250)
    assert (event.occurred, event.seen, event.imported) == (NOW - 1_000_000, NOW - 1_000_000, True)
    assert event.attributes == {"account_age_days": 3, "plan": "pro", "seats": 2}


def test_a_text_alone_is_an_event_that_happens_now(path: Path) -> None:
    (event,), rejects = read(path, [{"id": "e1", "actor": "", "address": "", "device": "", "occurred": ""}])
    assert event == Event(id="e1", text="hello", seen=NOW, imported=True)
    assert not rejects


@pytest.mark.parametrize(
    ("amount", "reason"),
    [
        (-5, "the amount is negative"),
        ("-0.5", "the amount is negative"),
        ("12.50", "the amount '12.50' is not a whole number of smallest units: write cents, 1250 for 12.50"),
        (12.0, "the amount '12.0' is not a whole number of smallest units: write cents, 1250 for 12.50"),
        ("ten", "the amount 'ten' is not a whole number of smallest units: write cents, 1250 for 12.50"),
        ("", "the amount '' is not a whole number of smallest units: write cents, 1250 for 12.50"),
        (10**18, "the amount is too large: at most 18 digits"),
    ],
)
def test_an_amount_that_is_none_is_set_aside(path: Path, amount: object, reason: str) -> None:
    events, rejects = read(
        path,
        [{"id": "a", "amount": 0}, {"id": "bad", "amount": amount}, {"id": "b", "amount": 10**18 - 1}, {"id": "c"}],
    )
    assert [(event.id, event.amount) for event in events] == [("a", 0), ("b", 10**18 - 1), ("c", None)]
    assert rejects == {"bad": reason}


@pytest.mark.parametrize(
    ("occurred", "at"),
    [
        ("2025-12-31T19:00:00-05:00", NOW),
        ("2026-01-01T05:30:00+05:30", NOW),
        ("2026-01-01 00:00:00+0000", NOW),
        (NOW, NOW),
        ("2026-01-02T00:00:00Z", NOW + 86_400_000_000),
        ("1970-01-01T00:00:00Z", 0),
    ],
)
def test_a_time_is_converted_whatever_its_zone(path: Path, occurred: object, at: int) -> None:
    (event, _), rejects = read(
        path, [{"id": "a", "occurred": occurred}, {"id": "b", "occurred": "2025-06-01T12:00:00Z"}]
    )
    assert (event.occurred, event.seen) == (at, at)
    assert not rejects


@pytest.mark.parametrize(
    ("occurred", "reason"),
    [
        (
            "2026-01-02T01:00:00.000001+01:00",
            "the time 2026-01-02T00:00:00.000001Z is in the future, more than a day after now",
        ),
        ("1969-12-31T23:59:59Z", "the time 1969-12-31T23:59:59Z is before 1970"),
        (-1, "the time 1969-12-31T23:59:59.999999Z is before 1970"),
        ("2026-01-01T00:00:00", "the time '2026-01-01T00:00:00' has no zone: write 2026-01-31T12:00:00Z"),
        ("soon", "the time 'soon' is not ISO 8601"),
    ],
)
def test_a_time_at_which_nothing_can_have_happened_is_set_aside(path: Path, occurred: object, reason: str) -> None:
    good = {"id": "good", "occurred": "2025-06-01T12:00:00Z"}
    events, rejects = read(path, [good, {"id": "bad", "occurred": occurred}])
    assert [event.id for event in events] == ["good"]
    assert rejects == {"bad": reason}


@pytest.mark.parametrize(
    ("attributes", "reason"),
    [
        ("[1]", "the attributes are no JSON object"),
        ("plan=pro", "the attributes are no JSON object"),
        ('{"plan": "pro"', "the attributes are no JSON object"),
        ('{"x": 1e999}', "the attributes are no JSON object"),
        ('{"x": [1]}', "the attribute 'x' is neither a text nor a number nor a truth value"),
        ('{"x": {"y": 1}}', "the attribute 'x' is neither a text nor a number nor a truth value"),
        ('{"x": 9223372036854775808}', "the attribute 'x' does not fit 64 bits"),
        ('{"x": "a\\u0000b"}', "the attribute 'x' holds a NUL character"),
        ('{"a\\u0000b": 1}', "the name of an attribute holds a NUL character"),
        ('{"account_age_days": 1.5}', "the attribute 'account_age_days' is not a whole number"),
        ('{"account_age_days": true}', "the attribute 'account_age_days' is not a whole number"),
        ('{"trust": "high"}', "the attribute 'trust' is not a number"),
        ('{"plan": 3}', "the attribute 'plan' is not a text"),
        ('{"verified": 1}', "the attribute 'verified' is not true or false"),
    ],
)
def test_attributes_that_cannot_be_kept_are_set_aside(path: Path, attributes: str, reason: str) -> None:
    events, rejects = read(
        path, [{"id": "good", "attributes": '{"trust": 1}'}, {"id": "bad", "attributes": attributes}], profile=PROFILE
    )
    assert [(event.id, event.attributes) for event in events] == [("good", {"trust": 1})]
    assert rejects == {"bad": reason}


def test_declared_columns_of_the_file_become_attributes_of_their_type(path: Path) -> None:
    rows = [
        {
            "id": "a",
            "age": "30",
            "trust": ".5",
            "plan": "7",
            "verified": "True",
            "attributes": '{"account_age_days": 1}',
        },
        {"id": "b", "age": -2, "trust": 3, "plan": "", "verified": False, "attributes": '{"x": 1}'},
        {"id": "c", "verified": "", "age": " "},
        {"id": "d", "age": "30.0"},
        {"id": "e", "trust": "nan"},
        {"id": "f", "verified": "yes"},
        {"id": "g", "age": "99999999999999999999"},
    ]
    events, rejects = read(path, rows, profile=PROFILE, given={"account_age_days": "age"})
    assert {event.id: event.attributes for event in events} == {
        "a": {"account_age_days": 30, "plan": "7", "trust": 0.5, "verified": True},
        "b": {"account_age_days": -2, "plan": "", "trust": 3.0, "verified": False, "x": 1},
        "c": None,
    }
    assert rejects == {
        "d": "the attribute 'account_age_days' is not a whole number",
        "e": "the attribute 'trust' is not a number",
        "f": "the attribute 'verified' is not true or false",
        "g": "the attribute 'account_age_days' is not a whole number",
    }


def test_a_column_that_is_not_declared_is_no_attribute_and_cannot_be_mapped(path: Path) -> None:
    events, _ = read(path, [{"id": "a", "plan": "pro"}])
    assert events[0].attributes is None
    with pytest.raises(UserError, match="unknown event column plan"):
        columns_for(path, {"plan": "plan"})
    assert columns_for(path, {"trust": "plan"}, PROFILE) == {
        "id": "id",
        "text": "text",
        "plan": "plan",
        "trust": "plan",
    }
    with pytest.raises(UserError, match="no column 'plam' for trust\n    → did you mean --map trust=plan"):
        columns_for(path, {"trust": "plam"}, PROFILE)


def test_what_is_required_and_missing_is_set_aside(path: Path) -> None:
    rows = [
        {"id": "whole", "actor": "7", "occurred": NOW},
        {"id": "nobody", "occurred": NOW, "actor": " "},
        {"id": "never", "actor": "7"},
        {"id": "neither", "occurred": ""},
        {"id": "unreadable", "actor": "7", "occurred": "soon"},
    ]
    events, rejects = read(path, rows, require=("actor", "occurred"))
    assert [event.id for event in events] == ["whole"]
    assert rejects == {
        "nobody": "the actor is missing",
        "never": "the time is missing",
        "neither": "the actor is missing",
        "unreadable": "the time 'soon' is not ISO 8601",
    }
    events, rejects = read(path, [{"id": "a"}], require=("actor",))
    assert (events, rejects) == ([], {"a": "the actor is missing"})


def test_an_id_that_comes_again_with_other_attributes_is_another_content(path: Path) -> None:
    said = ['{"a": 1, "b": 2}', '{"b": 2, "a": 1}', '{"a": 1, "b": 3}']
    events, rejects = read(path, [{"id": "e", "attributes": text} for text in said[:2]])
    assert len(events) == 1
    assert rejects == {"e": "the id came before with the same content; it was judged once"}
    _, rejects = read(path, [{"id": "e", "attributes": text} for text in said[1:]])
    assert rejects == {"e": "the id came before with other content; the first was judged"}


def test_columns_of_parquet_with_their_own_types_are_read_alike(tmp_path: Path) -> None:
    table = pa.table(
        {
            "id": ["a", "b"],
            "text": ["hello", None],
            "amount": pa.array([5, None], pa.int32()),
            "occurred": pa.array([NOW // 1_000_000, None], pa.timestamp("s", tz="Europe/Madrid")),
            "verified": [True, None],
            "trust": pa.array([0.25, None], pa.float32()),
            "account_age_days": pa.array([3, 4], pa.int16()),
            "attributes": ['{"x": "y"}', None],
        }
    )
    path = tmp_path / "events.parquet"
    pq.write_table(table, path)
    (block,) = events_of(path, columns_for(path, {}, PROFILE), NOW + 5, profile=PROFILE)
    assert not block.rejects
    first, second = from_batch(block.events)
    assert (first.amount, first.occurred) == (5, NOW)
    assert first.attributes == {"account_age_days": 3, "trust": 0.25, "verified": True, "x": "y"}
    assert (second.amount, second.seen, second.attributes) == (None, NOW + 5, {"account_age_days": 4})


_TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]))
_VALUES = st.one_of(
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    _TEXTS,
    st.booleans(),
)


@settings(deadline=None, max_examples=100)
@given(st.dictionaries(_TEXTS, _VALUES))
def test_attributes_come_out_as_they_were_written(said: dict[str, Any]) -> None:
    batch = pa.RecordBatch.from_pydict({"attributes": [json.dumps(said)]})
    (written,), reasons = attributes_of(batch, ())
    assert not reasons
    assert json.loads(str(written)) == said if said else written.as_py() is None


MD5, PDQ = "ab" * 16, "c3" * 32


def test_media_are_read_from_a_list_or_a_text(path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"id": "list", "media": [f"PDQ:{PDQ.upper()}", f"md5:{MD5}"]},
        {"id": "text", "media": f"pdq:{PDQ}, md5:{MD5};md5:{MD5}"},
        {"id": "none", "media": []},
        {"id": "blank", "media": " "},
        {"id": "null", "media": None},
    ]
    events, rejects = read(path, rows)
    both = (f"md5:{MD5}", f"pdq:{PDQ}")
    assert {event.id: event.media for event in events} == {
        "list": both,
        "text": both,
        "none": (),
        "blank": (),
        "null": (),
    }
    assert rejects == {}
    table = pa.table({"id": ["a", "b", "c"], "text": ["x"] * 3, "media": [list(both), [], None]})
    pq.write_table(table, path.with_suffix(".parquet"))
    mapping = columns_for(path.with_suffix(".parquet"), {})
    blocks = list(events_of(path.with_suffix(".parquet"), mapping, NOW))
    assert [event.media for block in blocks for event in from_batch(block.events)] == [both, (), ()]
    path.with_suffix(".csv").write_text(f"id,text,hashes\na,x,md5:{MD5} pdq:{PDQ}\nb,y,\n")
    mapping = columns_for(path.with_suffix(".csv"), {"media": "hashes"})
    blocks = list(events_of(path.with_suffix(".csv"), mapping, NOW))
    assert [event.media for block in blocks for event in from_batch(block.events)] == [both, ()]


def test_media_that_are_no_hashes_set_only_their_record_aside(path: Path) -> None:
    events, rejects = read(
        path,
        [
            {"id": "good", "media": f"md5:{MD5}"},
            {"id": "short", "media": f"md5:{MD5} pdq:{PDQ[1:]}"},
            {"id": "kind", "media": f"phash:{PDQ}"},
            {"id": "letters", "media": [f"md5:{'xy' * 16}"]},
            {"id": "number", "media": [5]},
        ],
    )
    assert [event.id for event in events] == ["good"]
    assert rejects == {
        "short": f"the pdq hash '{PDQ[1:41]}' has 63 characters, not 64",
        "kind": "the media hash is of an unknown kind 'phash'",
        "letters": f"the md5 hash '{'xy' * 16}' holds other characters than 0-9 and a-f",
        "number": "the media are no list of hashes",
    }


def test_the_same_media_in_another_order_are_the_same_content(path: Path) -> None:
    rows = [{"id": "e", "media": f"md5:{MD5} pdq:{PDQ}"}, {"id": "e", "media": [f"pdq:{PDQ}", f"md5:{MD5}"]}]
    _, rejects = read(path, rows)
    assert rejects == {"e": "the id came before with the same content; it was judged once"}
