"""A row of features is what a dictionary of it would be."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.records.feature import FeatureRow


@given(known=st.dictionaries(st.text(max_size=3), st.none() | st.integers() | st.text(max_size=3), max_size=6))
@settings(deadline=None, max_examples=50)
def test_a_row_is_read_as_the_dictionary_that_it_stands_for(known: dict[str, object]) -> None:
    row = FeatureRow({name: place for place, name in enumerate(known)}, tuple(known.values()))
    assert row == known
    assert list(row.items()) == list(known.items())
    assert {**row} == known
    assert (len(row), repr(row)) == (len(known), repr(known))


def test_a_feature_that_is_not_there_is_missed() -> None:
    row = FeatureRow({"url_count": 0}, (1,))
    assert "caps_share" not in row
    with pytest.raises(KeyError, match="caps_share"):
        row["caps_share"]
