"""Paired flags: the exact test, and how small a loss the rows could show."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.stats.paired import Paired, rows_needed, smallest_loss


def test_rows_are_counted_where_one_alone_is_right() -> None:
    pair = Paired.of([1, 1, 1, 0, 0], [1, 0, 0, 1, 0])
    assert (pair.n, pair.worse, pair.better) == (5, 2, 1)
    assert pair.loss == pytest.approx(0.2)
    assert pair.discordance == pytest.approx(0.6)
    with pytest.raises(ValueError, match="the same rows"):
        Paired.of([1, 0], [1])


@given(worse=st.integers(0, 40), better=st.integers(0, 40))
@settings(deadline=None)
def test_the_chance_is_that_of_the_sign_test(worse: int, better: int) -> None:
    chance = Paired(200, worse, better).chance_of_no_loss()
    if worse + better:
        expected = stats.binomtest(worse, worse + better, 0.5, alternative="greater").pvalue
        assert chance == pytest.approx(expected)
    else:
        assert chance == 1.0


def test_the_interval_covers_the_true_loss_about_as_often_as_it_says() -> None:
    rng = np.random.default_rng(1)
    covered = 0
    for _ in range(1_000):
        worse, better, _ = rng.multinomial(600, [0.08, 0.03, 0.89])
        low, high = Paired(600, int(worse), int(better)).loss_interval()
        covered += low <= 0.05 <= high
    assert 925 <= covered <= 972


def test_two_that_never_differ_may_still_differ_in_rare_rows() -> None:
    low, high = Paired(100, 0, 0).loss_interval()
    assert high == pytest.approx(0.0295, abs=1e-3)
    assert low == -high


@given(loss=st.floats(0.01, 0.2), extra=st.floats(0.0, 0.3), alpha=st.sampled_from([0.05, 0.01, 0.001]))
@settings(deadline=None)
def test_the_rows_said_to_be_needed_show_the_loss_that_was_asked_for(loss: float, extra: float, alpha: float) -> None:
    discordance = loss + extra
    n = rows_needed(loss, discordance, alpha)
    assert smallest_loss(n, discordance, alpha) == pytest.approx(loss, rel=0.08)


def test_the_power_is_what_it_says() -> None:
    n, seen = rows_needed(0.05, 0.1, 0.01), 0
    rng = np.random.default_rng(2)
    for _ in range(1_000):
        worse, better, _ = rng.multinomial(n, [0.075, 0.025, 0.9])
        seen += Paired(n, int(worse), int(better)).chance_of_no_loss() <= 0.01
    # The exact test is a little stricter than the normal approximation that plans it.
    assert 0.84 <= seen / 1_000 <= 0.94
