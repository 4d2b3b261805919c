"""Tests that may be looked at always: seldom wrong where there is nothing, soon right where there is something."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.stats.sequential import Tally, above, interval, log_wealth

ALPHA = 0.0025
MARGIN = 0.0025


def first_alarm(up: float, down: float, *, seed: int, n: int = 6_000, every: int = 25) -> int | None:
    """Rows until the test speaks, of independent ones with these chances; None where it does not."""
    rng = np.random.default_rng(seed)
    drawn = rng.random(n)
    ups, downs = np.cumsum(drawn < up), np.cumsum(drawn > 1 - down)
    for rows in range(every, n + 1, every):
        if above(Tally(rows, int(ups[rows - 1]), int(downs[rows - 1])), MARGIN, ALPHA):
            return rows
    return None


def test_looking_often_makes_no_false_alarms() -> None:
    """At the margin itself, where they are likeliest: 1 % against 1.25 % failed, over 6,000 rows."""
    alarms = [first_alarm(0.0125, 0.01, seed=seed) is not None for seed in range(300)]
    assert sum(alarms) <= 1
    assert not any(first_alarm(0.01, 0.01, seed=seed) for seed in range(100))


def test_three_per_cent_against_one_is_seen_soon() -> None:
    """Where the canary fails on 3 % of rows, the live release on a third of those."""
    found = [first_alarm(0.02, 0.0, seed=seed) for seed in range(100)]
    delays = np.array([one for one in found if one is not None])
    assert len(delays) == 100
    assert np.median(delays) < 800
    assert delays.max() < 2_000


counts = st.tuples(st.integers(0, 400), st.integers(0, 400), st.integers(0, 2_000))


@given(counts, st.floats(-0.9, 0.8), st.floats(0.001, 0.15))
@settings(deadline=None, max_examples=80)
def test_wealth_falls_as_the_margin_grows(said: tuple[int, int, int], margin: float, more: float) -> None:
    up, down, same = said
    rows = Tally(up + down + same, up, down)
    assert log_wealth(rows, margin + more) <= log_wealth(rows, margin) + 1e-9


@given(counts)
@settings(deadline=None, max_examples=60)
def test_the_interval_holds_the_mean_and_turns_with_the_sides(said: tuple[int, int, int]) -> None:
    up, down, same = said
    rows = Tally(up + down + same, up, down)
    low, high = interval(rows, 0.05)
    assert -1 <= low <= rows.mean <= high <= 1
    back = interval(rows.swapped, 0.05)
    assert back == pytest.approx((-high, -low))


def test_wealth_is_a_fair_game_row_by_row() -> None:
    """What betting makes of 1 on the three possible next rows is on average 1, where the mean is the margin."""
    margin, up = 0.1, 0.3
    down = up - margin
    for rows in (Tally(0, 0, 0), Tally(10, 4, 1), Tally(200, 3, 90)):
        n = rows.n + 1
        after = [Tally(n, rows.up + 1, rows.down), Tally(n, rows.up, rows.down + 1), Tally(n, rows.up, rows.down)]
        average = sum(
            chance * np.exp(log_wealth(one, margin) - log_wealth(rows, margin))
            for chance, one in zip((up, down, 1 - up - down), after, strict=True)
        )
        assert average == pytest.approx(1)


def test_a_margin_that_no_mean_can_have_is_refused() -> None:
    with pytest.raises(ValueError, match="a margin lies between -1 and 1"):
        log_wealth(Tally(1, 1, 0), 1.0)
