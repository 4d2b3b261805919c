"""The matrix that an actor model reads: the values of the batch, however it lies in memory."""

import gc
import sys
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.detectors.actor_columns import ActorColumns
from gatehouse.detectors.actor_file import Column

COLUMNS = (
    Column(name="whole", type="int64", needed=False),
    Column(name="share", type="double", needed=False),
    Column(name="flag", type="bool", needed=False),
)
SCHEMA = pa.schema([("flag", pa.bool_()), ("text", pa.string()), ("share", pa.float64()), ("whole", pa.int64())])
Row = tuple[bool | None, str | None, float | None, int | None]

row = st.tuples(
    st.none() | st.booleans(),
    st.none() | st.text(max_size=3),
    st.none() | st.floats(),
    st.none() | st.integers(-(2**63), 2**63 - 1),
)


def batch(rows: Sequence[Row]) -> pa.RecordBatch:
    columns = list(zip(*rows, strict=True)) if rows else [()] * 4
    return pa.record_batch([pa.array(c, t) for c, t in zip(columns, SCHEMA.types, strict=True)], schema=SCHEMA)


def expected(rows: Sequence[Row]) -> np.ndarray:
    values = [[np.nan if value is None else float(value) for value in (one[3], one[2], one[0])] for one in rows]
    return np.array(values).reshape(len(rows), 3)


@settings(deadline=None, max_examples=80)
@given(rows=st.lists(row, max_size=40), start=st.integers(0, 20), length=st.integers(0, 40), wide=st.booleans())
def test_it_reads_the_values_of_any_slice_of_any_batch(rows: list[Row], start: int, length: int, wide: bool) -> None:
    whole = batch(rows)
    if wide:
        for number in range(9):
            whole = whole.append_column(f"other{number}", pa.nulls(len(rows), pa.string()))
    found = ActorColumns(COLUMNS).matrix(whole.slice(start, length))
    np.testing.assert_array_equal(found, expected(rows[start : start + length]))


def test_columns_that_are_slices_of_their_own_are_read_at_their_own_places() -> None:
    flags, shares = pa.array([True, None, False, True])[2:], pa.array([9.0, 1.5, None])[1:]
    apart = pa.record_batch([flags, pa.array(["a", "b"]), shares, pa.array([7, 8, None, 5])[2:]], schema=SCHEMA)
    expected = [[np.nan, 1.5, 0.0], [5.0, np.nan, 1.0]]
    np.testing.assert_array_equal(ActorColumns(COLUMNS).matrix(apart), expected)
    np.testing.assert_array_equal(ActorColumns(COLUMNS).matrix(apart.slice(1)), expected[1:])


@pytest.mark.parametrize("n", [1, 1_000])
def test_what_it_reads_is_given_back(n: int) -> None:
    read, numbers = ActorColumns(COLUMNS), np.arange(n)
    gc.collect()
    used, held = pa.total_allocated_bytes(), sys.getrefcount(numbers)
    for _ in range(50):
        rows = pa.record_batch(
            [pa.array(numbers > 3), pa.nulls(n, pa.string()), pa.array(numbers * 0.5), pa.array(numbers)], schema=SCHEMA
        )
        found = read.matrix(rows)
        assert found[-1].tolist() == [n - 1, (n - 1) * 0.5, float(n > 4)]
    del rows
    gc.collect()
    assert (pa.total_allocated_bytes(), sys.getrefcount(numbers)) == (used, held)
