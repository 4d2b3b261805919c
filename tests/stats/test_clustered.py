"""The interval of a share of clustered rows keeps its word where rows of a cluster are alike."""

import numpy as np
import pytest

from gatehouse.stats.clustered import korn_graubard
from gatehouse.stats.intervals import clopper_pearson


def exact(hits: int, n: int) -> object:
    low, high = clopper_pearson(hits, n)
    return pytest.approx((float(low), float(high)), abs=0.03)


def test_rows_alone_get_the_exact_interval() -> None:
    hits = np.arange(60) < 21
    assert korn_graubard(hits, np.arange(60)) == exact(21, 60)


def test_rows_that_only_repeat_are_worth_their_clusters() -> None:
    clusters = np.repeat(np.arange(20), 5)
    hits = np.repeat(np.arange(20) < 8, 5)
    assert korn_graubard(hits, clusters) == exact(8, 20)


def test_where_all_agree_the_clusters_count() -> None:
    assert korn_graubard(np.ones(100), np.repeat(np.arange(10), 10)) == exact(10, 10)
    assert korn_graubard(np.zeros(100), np.repeat(np.arange(10), 10)) == exact(0, 10)


def test_it_covers_the_truth_where_clusters_differ() -> None:
    rng = np.random.default_rng(1)
    clusters = np.repeat(np.arange(20), 15)
    covered = 0
    for _ in range(400):
        hits = rng.random(300) < np.repeat(rng.beta(2, 3, 20), 15)
        low, high = korn_graubard(hits, clusters)
        covered += low <= 0.4 <= high
    assert covered >= 0.93 * 400


def test_one_cluster_is_refused() -> None:
    with pytest.raises(ValueError, match="at least two clusters"):
        korn_graubard([1, 0], [1, 1])
