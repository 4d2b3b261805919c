"""Attributes of events as typed columns: what fits is kept, what does not is NULL and told of."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.features.profile import Kind, ProfileColumn, compute, wrong
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
    found = compute(batch, COLUMNS)
    return {column.name: values.to_pylist() for column, values in zip(COLUMNS, found, strict=True)}


def test_each_attribute_is_its_column() -> None:
    whole = {"followers": 12, "trust": 0.5, "tier": "gold", "verified": True, "other": 1}
    assert columns(whole, {"tier": "new"}, None) == {
        "followers": [12, None, None],
        "trust": [0.5, None, None],
        "tier": ["gold", "new", None],
        "verified": [True, None, None],
    }


def test_columns_keep_their_types_where_no_event_brings_any() -> None:
    found = compute(to_batch([event(1, None), event(2, None)]), COLUMNS)
    assert [column.type for column in found] == [pa.int64(), pa.float64(), pa.string(), pa.bool_()]
    assert all(column.null_count == 2 for column in found)
    assert compute(to_batch([event(1, {"a": 1})]), []) == []
    assert [len(column) for column in compute(to_batch([]), COLUMNS)] == [0, 0, 0, 0]


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
    assert compute(batch, [ProfileColumn("it", kind)])[0].to_pylist() == given_


def test_a_column_without_a_meaning_says_where_it_comes_from() -> None:
    assert COLUMNS[0].field.metadata == {b"meaning": b"Followers of the actor."}
    assert COLUMNS[1].field.metadata == {b"meaning": b"The attribute 'trust' as the event brings it."}
