import numpy as np
import pytest
from scipy import stats

from gatehouse.stats import cluster_draws
from gatehouse.stats.cluster_draws import NO_CLUSTER, ClusterDraws


def test_estimates_are_those_of_the_rows():
    rng = np.random.default_rng(0)
    values, clusters = rng.integers(0, 50, 301).astype(float), rng.integers(0, 60, 301)
    draws = ClusterDraws(clusters, draws=50)
    assert draws.ratio(values, np.ones(301)).estimate == pytest.approx(values.mean())
    for share in (0.5, 0.9):
        assert draws.quantile(values, share).estimate == np.quantile(values, share, method="inverted_cdf")


def test_the_same_rows_give_the_same_interval():
    values, clusters = np.arange(100.0), np.arange(100) // 2
    assert ClusterDraws(clusters).quantile(values, 0.5) == ClusterDraws(clusters).quantile(values, 0.5)


def test_intervals_cover_the_median_and_the_ratio_about_as_often_as_they_say():
    rng = np.random.default_rng(1)
    runs, median, ratio = 150, 0, 0
    for _ in range(runs):
        clusters = np.repeat(np.arange(80), 5)
        values = rng.lognormal(0, 1, 400) * np.repeat(rng.lognormal(0, 0.5, 80), 5)
        draws = ClusterDraws(clusters, draws=200, seed=int(rng.integers(1 << 30)))
        found = draws.quantile(values, 0.5)
        median += found.low <= 1.0 <= found.high
        found = draws.ratio(values, np.ones(400))
        ratio += found.low <= np.exp(0.5 + 0.125) <= found.high
    assert median >= stats.binom.ppf(0.001, runs, 0.93)
    assert ratio >= stats.binom.ppf(0.001, runs, 0.90)


def test_rows_of_no_cluster_stand_each_alone():
    assert ClusterDraws([NO_CLUSTER, NO_CLUSTER, 4, 4]).clusters == 3


def test_many_clusters_are_drawn_in_groups_and_the_interval_stays_about_as_wide(monkeypatch):
    rng = np.random.default_rng(2)
    values, clusters = rng.lognormal(0, 1, 4_000), np.arange(4_000)
    whole = ClusterDraws(clusters).ratio(values, np.ones(4_000))
    monkeypatch.setattr(cluster_draws, "MOST_CLUSTERS", 400)
    grouped = ClusterDraws(clusters).ratio(values, np.ones(4_000))
    assert grouped.estimate == pytest.approx(whole.estimate)
    assert (grouped.high - grouped.low) / (whole.high - whole.low) == pytest.approx(1, abs=0.25)


def test_too_few_clusters_have_no_interval():
    with pytest.raises(ValueError, match="at least 20 clusters, and there are 2"):
        ClusterDraws([1, 1, 2]).ratio([1, 2, 3], [1, 1, 1])
    with pytest.raises(ValueError, match="there are 0"):
        ClusterDraws([]).quantile([], 0.5)
