"""The bucket of each key lets no more pass than its rate says, whatever is asked when."""

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.flows.rate import Bucket, Rates

SECOND = 1_000_000_000

asked = st.lists(st.tuples(st.integers(0, 3 * SECOND), st.integers(0, 40)), min_size=1, max_size=60)
"""Pairs of how long after the last request, in nanoseconds, and for how many events."""


@given(st.integers(1, 50), asked)
@settings(deadline=None, max_examples=200)
def test_no_more_pass_in_any_stretch_of_time_than_the_rate_lets(rate: int, requests: list[tuple[int, int]]) -> None:
    bucket, now, passed = Bucket(rate, 0), 0, []
    for after, n in requests:
        now += after
        if bucket.take(n, now) == 0:
            passed.append((now, n))
    for first in range(len(passed)):
        for last in range(first, len(passed)):
            stretch = passed[first : last + 1]
            most_at_once = max([rate, *(n for _, n in stretch)])
            seconds = Fraction(stretch[-1][0] - stretch[0][0], SECOND)
            assert sum(n for _, n in stretch) <= most_at_once + rate * seconds


@given(st.integers(1, 50), asked)
@settings(deadline=None, max_examples=200)
def test_who_waits_as_long_as_it_was_told_passes_and_not_a_moment_sooner(
    rate: int, requests: list[tuple[int, int]]
) -> None:
    bucket, now = Bucket(rate, 0), 0
    for after, n in requests:
        now += after
        if wait := bucket.take(n, now):
            assert bucket.take(n, now + wait - 1) == 1
            now += wait
            assert bucket.take(n, now) == 0


def test_a_bucket_starts_with_a_seconds_worth_and_fills_to_it_again() -> None:
    bucket = Bucket(10, 0)
    assert [bucket.take(1, 0) for _ in range(11)] == [0] * 10 + [SECOND // 10]
    assert bucket.take(10, 100 * SECOND) == 0
    assert bucket.take(1, 100 * SECOND) == SECOND // 10


def test_more_than_a_bucket_holds_passes_when_it_is_full_and_is_owed_then() -> None:
    bucket = Bucket(10, 0)
    assert bucket.take(25, 0) == 0
    assert bucket.take(1, 0) == SECOND * 16 // 10
    assert bucket.take(25, SECOND) == SECOND * 15 // 10


def test_a_clock_that_goes_back_gives_nothing() -> None:
    bucket = Bucket(1, 5 * SECOND)
    assert bucket.take(1, 5 * SECOND) == 0
    assert bucket.take(1, 0) == SECOND
    assert bucket.take(1, 5 * SECOND) == SECOND


@given(st.integers(1, 50), asked)
@settings(deadline=None, max_examples=200)
def test_a_request_that_takes_one_and_then_more_is_as_one_that_takes_all(
    rate: int, requests: list[tuple[int, int]]
) -> None:
    whole, parted, now = Bucket(rate, 0), Bucket(rate, 0), 0
    for after, n in requests:
        now += after
        wait = whole.take(n + 1, now)
        if parted.take(1, now) == 0:
            assert parted.take_more(n, now) == wait
        else:
            assert wait > 0


def test_each_key_has_a_bucket_of_its_own_and_its_own_rate() -> None:
    rates = Rates(rate=2, ticks=lambda: 0)
    assert [rates.take("a", None) for _ in range(3)] == [None, None, 0.5]
    assert [rates.take("b", 1) for _ in range(2)] == [None, 1.0]
    rates.keep(["b"])
    assert rates.take("b", 1) == 1.0
    assert [rates.take("a", None) for _ in range(3)] == [None, None, 0.5], "a key that was forgotten begins anew"


def test_what_is_refused_costs_nothing_and_no_more_costs_no_more() -> None:
    rates = Rates(rate=3, ticks=lambda: 0)
    for n, wait in ((0, None), (-5, None), (2, pytest.approx(2 / 3)), (0, None)):
        assert rates.take("a", None) is None
        assert rates.take_more("a", None, n) == wait
    assert rates.take("a", None) == pytest.approx(1 / 3)


@pytest.mark.parametrize("rate", [1, 3, 7, 999])
def test_no_token_is_lost_by_rounding(rate: int) -> None:
    bucket, step, steps = Bucket(rate, 0), 333_333, 10_000  # nanoseconds, which no rate divides
    bucket.take(rate, 0)
    passed = sum(bucket.take(1, now * step) == 0 for now in range(1, steps + 1))
    assert passed == rate * steps * step // SECOND
