"""Attributes of events as typed columns: what fits is kept, what does not is NULL and told of."""

import json
from typing import Any

import msgspec
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.features.define import FeatureSet
from gatehouse.features.profile import Kind, Profile, ProfileColumn, wrong
from gatehouse.records.event import Event, to_batch

COLUMNS = [
    ProfileColumn("followers", "BIGINT", "Followers of the actor."),
    ProfileColumn("trust", "DOUBLE"),
    ProfileColumn("tier", "VARCHAR"),
    ProfileColumn("verified", "BOOLEAN"),
]


def event(place: int, attributes: dict[str, Any] | None) -> Event:
    return Event(id=str(place), text="x", attributes=attributes)


def columns(*attributes: dict[str, Any] | None) -> dict[str, list[Any]]:
    batch = to_batch([event(place, one) for place, one in enumerate(attributes)])
    found = Profile(COLUMNS).values(batch.column("attributes").to_pylist())
    return {name: list(values) for name, values in found.items()}


def arrays(*attributes: dict[str, Any] | None) -> list[pa.Array]:
    batch = to_batch([event(place, one) for place, one in enumerate(attributes)])
    return FeatureSet(profile=tuple(COLUMNS)).compute(batch).columns[: len(COLUMNS)]


def test_each_attribute_is_its_column() -> None:
    whole = {"followers": 12, "trust": 0.5, "tier": "gold", "verified": True, "other": 1}
    assert columns(whole, {"tier": "new"}, None) == {
        "followers": [12, None, None],
        "trust": [0.5, None, None],
        "tier": ["gold", "new", None],
        "verified": [True, None, None],
    }


def test_columns_keep_their_types_where_no_event_brings_any() -> None:
    found = arrays(None, None)
    assert [column.type for column in found] == [pa.int64(), pa.float64(), pa.string(), pa.bool_()]
    assert all(column.null_count == 2 for column in found)
    assert Profile([]).values(['{"a":1}']) == {}
    assert [len(column) for column in arrays()] == [0, 0, 0, 0]


def test_a_whole_number_is_a_number_and_nothing_else_becomes_another_type() -> None:
    odd = {"followers": 1.0, "trust": 3, "tier": 5, "verified": 1}
    assert columns(odd) == {"followers": [None], "trust": [3.0], "tier": [None], "verified": [None]}
    assert columns({"followers": True, "trust": True})["followers"] == [None]


def test_numbers_that_fit_into_no_column_are_null_not_an_error() -> None:
    assert columns({"followers": 2**63 - 1})["followers"] == [2**63 - 1]
    assert columns({"followers": -(2**63)})["followers"] == [-(2**63)]
    assert columns({"followers": 2**63, "trust": 2**70}) == {
        "followers": [None],
        "trust": [None],
        "tier": [None],
        "verified": [None],
    }


@pytest.mark.parametrize(
    ("attributes", "why"),
    [
        ('{"followers": "many"}', "the attribute 'followers' is not a whole number"),
        ('{"trust": "high"}', "the attribute 'trust' is not a number"),
        ('{"tier": 5}', "the attribute 'tier' is not a text"),
        ('{"verified": 1}', "the attribute 'verified' is not true or false"),
        ('{"verified": null, "else": []}', None),
        (None, None),
    ],
)
def test_it_is_told_why_attributes_do_not_fit(attributes: str | None, why: str | None) -> None:
    assert wrong(attributes, COLUMNS) == why


VALUES: dict[Kind, st.SearchStrategy[Any]] = {
    "BIGINT": st.integers(-(2**63), 2**63 - 1),
    "DOUBLE": st.floats(allow_nan=False, allow_infinity=False),
    "VARCHAR": st.text(),
    "BOOLEAN": st.booleans(),
}


@settings(deadline=None, max_examples=60)
@given(st.data(), st.sampled_from(list(VALUES)))
def test_a_value_of_the_declared_type_comes_out_as_it_went_in(data: st.DataObject, kind: Kind) -> None:
    given_ = data.draw(st.lists(st.none() | VALUES[kind], min_size=1, max_size=5))
    batch = to_batch([event(i, None if value is None else {"it": value}) for i, value in enumerate(given_)])
    read = Profile([ProfileColumn("it", kind)]).values(batch.column("attributes").to_pylist())
    assert list(read["it"]) == given_


PYTHON = {"BIGINT": int, "DOUBLE": float, "VARCHAR": str, "BOOLEAN": bool}
anything = st.none() | st.booleans() | st.integers(-(2**64), 2**64) | st.floats() | st.text(max_size=3) | st.just([1])


@settings(deadline=None, max_examples=200)
@given(st.lists(st.dictionaries(st.sampled_from([column.name for column in COLUMNS] + ["a", "z"]), anything)))
def test_what_is_read_in_one_go_is_what_each_value_is_by_itself(said: list[dict[str, Any]]) -> None:
    texts = [msgspec.json.encode(one).decode() for one in said]
    found = Profile(COLUMNS).values(texts)
    for column in COLUMNS:
        wanted = []
        for text in texts:
            value = json.loads(text).get(column.name)
            if type(value) is int and not -(2**63) <= value < 2**63:
                value = None
            elif type(value) is int and column.kind == "DOUBLE":
                value = float(value)
            wanted.append(value if type(value) is PYTHON[column.kind] else None)
        assert repr(list(found[column.name])) == repr(wanted)


def test_a_column_without_a_meaning_says_where_it_comes_from() -> None:
    assert COLUMNS[0].field.metadata == {b"meaning": b"Followers of the actor."}
    assert COLUMNS[1].field.metadata == {b"meaning": b"The attribute 'trust' as the event brings it."}
