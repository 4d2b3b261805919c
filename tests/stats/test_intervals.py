import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.stats.intervals import Interval, bootstrap, clopper_pearson, newcombe, paired_difference, wilson
from gatehouse.stats.metrics import Flagged, Ranked

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))


@settings(deadline=None, max_examples=60)
@given(counts, st.sampled_from([0.8, 0.95]))
def test_intervals_of_shares_equal_those_of_scipy(count, confidence):
    hits, n = count
    result = stats.binomtest(hits, n)
    for ours, method in ((clopper_pearson, "exact"), (wilson, "wilson")):
        theirs = result.proportion_ci(confidence, method)
        low, high = ours(hits, n, confidence)
        assert (low, high) == (pytest.approx(theirs.low, abs=1e-9), pytest.approx(theirs.high, abs=1e-9))


def noisy(n, rng):
    truth = (rng.random(n) < 0.3).astype(float)
    return truth, truth + rng.normal(0, 1, n)


def test_the_same_seed_gives_the_same_interval():
    truth, score = noisy(300, np.random.default_rng(0))
    measure = Ranked(truth, score).pr_auc
    first, second = (bootstrap(measure, 300, np.random.default_rng(7), draws=200) for _ in range(2))
    assert first == second
    assert first.low < first.estimate < first.high


def test_interval_of_a_share_is_as_wide_as_theory_says():
    truth = np.r_[np.ones(60), np.zeros(140)]
    found = bootstrap(Flagged(truth, np.ones(200)).precision, 200, np.random.default_rng(0), draws=4_000)
    assert found.estimate == 0.3
    assert found.high - found.low == pytest.approx(2 * 1.96 * np.sqrt(0.3 * 0.7 / 200), rel=0.1)


def test_intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(3)
    covered = 0
    for _ in range(120):
        truth, score = noisy(250, rng)
        low, high = bootstrap(Ranked(truth, score).roc_auc, 250, rng, draws=200, confidence=0.9)[1:]
        covered += low <= stats.norm.cdf(1 / np.sqrt(2)) <= high
    assert covered >= stats.binom.ppf(0.001, 120, 0.87)


def test_copies_of_rows_widen_the_interval_only_when_their_cluster_is_named():
    truth, score = noisy(200, np.random.default_rng(4))
    copies = np.repeat(np.arange(200), 10)
    measure = Ranked(truth[copies], score[copies]).pr_auc
    plain = bootstrap(measure, 2_000, np.random.default_rng(0), draws=300)
    clustered = bootstrap(measure, 2_000, np.random.default_rng(0), clusters=copies.astype(str), draws=300)
    assert clustered.high - clustered.low > 2 * (plain.high - plain.low)


def test_paired_difference_uses_the_same_draws_for_both():
    truth, score = noisy(400, np.random.default_rng(5))
    worse = score + np.random.default_rng(6).normal(0, 0.2, 400)
    first, second = Ranked(truth, score).pr_auc, Ranked(truth, worse).pr_auc
    rng = np.random.default_rng(0)
    assert paired_difference(first, first, 400, rng, draws=100) == Interval(0.0, 0.0, 0.0)
    difference = paired_difference(first, second, 400, rng, draws=300)
    alone = bootstrap(first, 400, rng, draws=300)
    assert difference.high - difference.low < (alone.high - alone.low) / 2


def test_small_chunks_of_draws_give_what_one_chunk_gives(monkeypatch):
    truth, score = noisy(100, np.random.default_rng(8))
    measure = Ranked(truth, score).roc_auc
    whole = bootstrap(measure, 100, np.random.default_rng(1), draws=50)
    monkeypatch.setattr("gatehouse.stats.intervals._CELLS", 700)
    assert bootstrap(measure, 100, np.random.default_rng(1), draws=50) == whole


def test_too_few_positives_for_an_interval_is_said():
    truth = np.r_[1.0, np.zeros(99)]
    with pytest.raises(ValueError, match=r"too few rows for an interval: \d+% of the draws"):
        bootstrap(Ranked(truth, np.arange(100.0)).pr_auc, 100, np.random.default_rng(0), draws=100)


def test_a_measure_that_cannot_be_computed_has_no_interval():
    with pytest.raises(ValueError, match="cannot be computed"):
        bootstrap(Ranked([0, 0], [1, 2]).pr_auc, 2, np.random.default_rng(0))


def test_clusters_must_fit_the_rows():
    with pytest.raises(ValueError, match="3 clusters for 2 rows"):
        bootstrap(Ranked([0, 1], [1, 2]).pr_auc, 2, np.random.default_rng(0), clusters=[1, 2, 3])


def test_newcombes_interval_is_that_of_his_paper():
    # Newcombe 1998, table II, method 10: 56/70 less 48/80.
    low, high = newcombe(56, 70, 48, 80)
    assert (low, high) == pytest.approx((0.0524, 0.3339), abs=5e-5)
