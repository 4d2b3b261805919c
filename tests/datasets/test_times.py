"""Times are read with their zone or refused with the reason."""

import datetime

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.datasets.times import DAY, EARLIEST, LATEST, implausible, microseconds


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("1970-01-01T00:00:01Z", 1_000_000),
        ("1970-01-01T01:00:00+01:00", 0),
        ("1969-12-31T23:59:59.999999Z", -1),
        ("1000000", 1_000_000),
        (" 1970-01-01 00:00:00+00:00 ", 0),
        ("", None),
        (None, None),
    ],
)
def test_times_with_a_zone_are_microseconds(value: str | None, expected: int | None) -> None:
    times, wrong = microseconds(pa.array([value], pa.string()))
    assert times.to_pylist() == [expected]
    assert not wrong


@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("2026-01-31T12:00:00", "the time '2026-01-31T12:00:00' has no zone: write 2026-01-31T12:00:00Z"),
        ("yesterday", "the time 'yesterday' is not ISO 8601"),
        ("999999999999999999999", "the time 999999999999999999999 is no number of microseconds since 1970"),
    ],
)
def test_what_is_no_time_is_named_and_becomes_null(value: str, reason: str) -> None:
    times, wrong = microseconds(pa.array(["1970-01-01T00:00:00Z", value]))
    assert times.to_pylist() == [0, None]
    assert wrong == {1: reason}


def test_numbers_outside_the_years_are_refused() -> None:
    times, wrong = microseconds(pa.array([0, LATEST + 1, None]))
    assert times.to_pylist() == [0, None, None]
    assert list(wrong) == [1]


def test_timestamps_with_a_zone_are_taken_as_they_are() -> None:
    moment = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
    times, _ = microseconds(pa.array([moment], pa.timestamp("ms", tz="Europe/Madrid")))
    assert times.to_pylist() == [int(moment.timestamp()) * 1_000_000]


def test_times_before_1970_and_well_after_now_are_named() -> None:
    now = 1_767_225_600_000_000
    times = pa.array([None, 0, -1, now + DAY, now + DAY + 1], pa.int64())
    assert implausible(times, now) == {
        2: "the time 1969-12-31T23:59:59.999999Z is before 1970",
        4: "the time 2026-01-02T00:00:00.000001Z is in the future, more than a day after now",
    }


@settings(deadline=None)
@given(st.integers(EARLIEST, LATEST))
def test_a_time_written_as_text_or_number_is_the_same(at: int) -> None:
    moment = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC) + datetime.timedelta(microseconds=at)
    texts, _ = microseconds(pa.array([moment.isoformat()]))
    numbers, _ = microseconds(pa.array([at]))
    assert texts.to_pylist() == numbers.to_pylist() == [at]
