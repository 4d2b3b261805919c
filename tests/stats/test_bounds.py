import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from gatehouse.stats.bounds import clopper_pearson_lower, clopper_pearson_upper, items_for, labels_needed

counts = st.integers(1, 400).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n)))
confidences = st.sampled_from([0.8, 0.9, 0.95, 0.99])


@settings(deadline=None, max_examples=60)
@given(counts, confidences)
def test_one_sided_bounds_equal_those_of_scipy(count, confidence):
    hits, n = count
    lower = stats.binomtest(hits, n, alternative="greater").proportion_ci(confidence, "exact").low
    upper = stats.binomtest(hits, n, alternative="less").proportion_ci(confidence, "exact").high
    assert clopper_pearson_lower(hits, n, confidence) == pytest.approx(lower, abs=1e-9)
    assert clopper_pearson_upper(hits, n, confidence) == pytest.approx(upper, abs=1e-9)


def test_bounds_take_columns():
    lower = clopper_pearson_lower([0, 5, 10], [10, 10, 10])
    assert lower[0] == 0.0
    assert list(lower) == sorted(lower)
    assert clopper_pearson_upper([0, 5, 10], 10)[2] == 1.0


@pytest.mark.parametrize(("hits", "n"), [(1, 0), (3, 2), (-1, 2)])
def test_counts_that_are_none_are_refused(hits, n):
    with pytest.raises(ValueError, match=r"share of nothing|more hits than items"):
        clopper_pearson_lower(hits, n)


def test_fifty_nine_clean_items_promise_95_percent():
    assert labels_needed(0.95) == 59
    assert labels_needed(0.99) == 299
    assert clopper_pearson_lower(59, 59) >= 0.95 > clopper_pearson_lower(58, 58)


@settings(deadline=None, max_examples=60)
@given(st.integers(0, 40), st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]), confidences)
def test_items_for_is_the_first_number_that_forgives_the_errors(errors, share, confidence):
    n = items_for(errors, share, confidence)
    assert clopper_pearson_lower(n - errors, n, confidence) >= share - 1e-9
    if n - 1 > errors:
        assert clopper_pearson_lower(n - 1 - errors, n - 1, confidence) < share


def test_with_errors_the_bound_is_reached_with_the_chance_asked_for():
    n = labels_needed(0.95, error_rate=0.02, power=0.8)
    errors = np.random.default_rng(0).binomial(n, 0.02, 20_000)
    reached = (clopper_pearson_lower(n - errors, np.full(errors.shape, n)) >= 0.95).mean()
    assert reached == pytest.approx(0.8, abs=0.08)
    assert labels_needed(0.95, error_rate=0.04) > n


def test_no_number_of_labels_shows_what_is_not_so():
    assert labels_needed(0.95, error_rate=0.05) is None
    assert labels_needed(0.95, error_rate=0.3) is None


def test_a_certain_promise_is_refused():
    with pytest.raises(ValueError, match="no number of items"):
        labels_needed(1.0)
