import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.stats.survival import KaplanMeier


def test_a_case_computed_by_hand():
    curve = KaplanMeier([1, 2, 2, 3, 4, 5], [True, True, False, True, False, True])
    assert curve.times.tolist() == [1, 2, 3, 5]
    assert curve.survival == pytest.approx([5 / 6, 5 / 6 * 4 / 5, 5 / 6 * 4 / 5 * 2 / 3, 0.0])
    greenwood = 1 / (6 * 5) + 1 / (5 * 4)
    width = 1.959964 * np.sqrt(greenwood) / abs(np.log(2 / 3))
    low, high = curve.limits()
    assert low[1] == pytest.approx((2 / 3) ** np.exp(width))
    assert high[1] == pytest.approx((2 / 3) ** np.exp(-width))


def test_without_censored_rows_it_is_the_share_that_is_left():
    times = np.random.default_rng(0).integers(1, 30, 200)
    curve = KaplanMeier(times, np.ones(200))
    assert curve.survival == pytest.approx([(times > t).mean() for t in curve.times])


@settings(deadline=None, max_examples=40)
@given(st.lists(st.tuples(st.integers(0, 9), st.booleans()), min_size=1, max_size=40))
def test_it_agrees_with_scipy(rows):
    times, happened = (np.array(column) for column in zip(*rows, strict=True))
    curve = KaplanMeier(times, happened)
    if not happened.any():
        assert len(curve.times) == 0
        return
    theirs = stats.ecdf(stats.CensoredData.right_censored(times.astype(float), ~happened)).sf
    assert theirs.evaluate(curve.times) == pytest.approx(curve.survival)


def test_a_quantile_lies_within_its_limits_and_is_open_where_too_few_have_ended():
    times = np.arange(1.0, 101.0)
    found = KaplanMeier(times, times <= 60).quantile(0.5)
    assert found.estimate == 50
    assert found.low < 50 < found.high
    unknown = KaplanMeier(times, times <= 30).quantile(0.5)
    assert (unknown.estimate, unknown.high) == (np.inf, np.inf)
    assert KaplanMeier(times, np.zeros(100)).quantile(0.5).low == np.inf


def test_limits_of_the_median_cover_it_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    runs, covered = 200, 0
    for _ in range(runs):
        happens, watched = rng.exponential(1.0, 80), rng.exponential(2.0, 80)
        found = KaplanMeier(np.minimum(happens, watched), happens <= watched).quantile(0.5)
        covered += found.low <= np.log(2) <= found.high
    assert covered >= stats.binom.ppf(0.001, runs, 0.93)


def test_with_clusters_limits_cover_where_rows_share_their_fate_and_without_them_do_not():
    rng = np.random.default_rng(6)
    runs, with_them, without = 150, 0, 0
    clusters = np.repeat(np.arange(50), 8)
    for _ in range(runs):
        happens = rng.exponential(1.0, 50)[clusters]
        watched = rng.exponential(2.0, 50)[clusters]
        times, happened = np.minimum(happens, watched), happens <= watched
        for known in (True, False):
            found = KaplanMeier(times, happened, clusters if known else None).quantile(0.5)
            covers = found.low <= np.log(2) <= found.high
            with_them += known * covers
            without += (not known) * covers
    assert with_them >= stats.binom.ppf(0.001, runs, 0.92)
    assert without < 0.75 * runs


def test_rows_that_are_clusters_of_one_have_the_limits_of_no_clusters():
    rng = np.random.default_rng(7)
    times, happened = rng.exponential(1.0, 400), rng.random(400) < 0.7
    plain, clustered = KaplanMeier(times, happened).limits(), KaplanMeier(times, happened, np.arange(400)).limits()
    inner = slice(10, 200)
    for one, other in zip(plain, clustered, strict=True):
        assert one[inner] == pytest.approx(other[inner], abs=0.002)


@pytest.mark.parametrize(
    ("times", "happened"), [([], []), ([1.0, -1.0], [1, 1]), ([np.nan], [1]), ([np.inf], [0]), ([1.0], [1, 0])]
)
def test_what_is_no_time_is_refused(times, happened):
    with pytest.raises(ValueError, match="times"):
        KaplanMeier(times, happened)


def test_a_share_that_is_none_is_refused():
    with pytest.raises(ValueError, match="no share"):
        KaplanMeier([1.0], [1]).quantile(1.0)
