"""What flags mean in use: restated precision, recall at a rate, cost, abstention."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.stats.metrics import Ranked
from gatehouse.stats.operating import (
    Costs,
    Selective,
    at_rate,
    expected_cost,
    recall_at,
    restated_precision,
)

rows = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=40).filter(
    lambda pairs: len({truth for truth, _ in pairs}) == 2
)


def test_precision_is_restated_as_the_worked_figures_say() -> None:
    found = restated_precision(0.6, 0.01, [0.5, 0.01, 0.001])
    assert found.round(3).tolist() == [0.984, 0.377, 0.057]


def test_precision_of_no_flags_is_not_computable() -> None:
    assert np.isnan(restated_precision(0.0, 0.0, 0.1))


def test_a_share_outside_0_to_1_is_refused() -> None:
    with pytest.raises(ValueError, match="prevalence must lie between 0 and 1"):
        restated_precision(0.5, 0.1, 1.5)


@given(pairs=rows, rate=st.sampled_from([0.0, 0.1, 0.25, 0.5, 1.0]))
@settings(deadline=None)
def test_recall_at_a_rate_is_the_best_of_all_thresholds_within_it(pairs: list[tuple[bool, int]], rate: float) -> None:
    truth = np.array([pair[0] for pair in pairs], float)
    score = np.array([pair[1] for pair in pairs], float)
    best = 0.0
    for threshold in np.unique(score):
        flag = score >= threshold
        if flag[truth == 0].mean() <= rate:
            best = max(best, flag[truth == 1].mean())
    assert recall_at(Ranked(truth, score), rate)(np.ones(len(truth))) == pytest.approx(best)
    found = at_rate(truth, score, rate)
    assert found.recall == pytest.approx(best)
    assert np.sum((score >= found.threshold) & (truth == 0)) == found.negatives_above


def test_a_rate_that_rests_on_few_negatives_is_marked() -> None:
    truth = np.r_[np.ones(50), np.zeros(1_000)]
    score = np.r_[np.full(50, 0.9), np.linspace(0, 0.89, 1_000)]
    assert at_rate(truth, score, 0.009).coarse
    assert not at_rate(truth, score, 0.01).coarse


def test_cost_counts_wrong_removals_missed_views_and_reviews() -> None:
    costs = Costs(wrong_removal=5.0, missed_view=0.1, review=1.0)
    measure = expected_cost(
        costs, truth=[1, 1, 0, 0, 1], flag=[1, 0, 1, 0, 0], review=[0, 0, 0, 0, 1], views=[9, 20, 9, 9, 9]
    )
    assert measure(np.ones(5)) == pytest.approx((0.1 * 20 + 5.0 + 1.0) / 5)
    with pytest.raises(ValueError, match="not below 0"):
        Costs(-1, 0, 0)


def test_abstaining_costs_coverage_and_not_risk() -> None:
    selective = Selective(truth=[1, 0, 1, 0], answer=[1, 0, np.nan, 1], confidence=[0.9, 0.8, 0.1, 0.5])
    one = np.ones(4)
    assert selective.coverage(one) == 0.75
    assert selective.risk(one) == pytest.approx(1 / 3)
    assert selective.area(one) == pytest.approx((0 + 0 + 1 / 3) / 3)


def test_the_risk_of_one_who_never_answers_is_not_computable() -> None:
    selective = Selective(truth=[1, 0], answer=[np.nan, np.nan])
    assert selective.coverage(np.ones(2)) == 0
    assert np.isnan(selective.risk(np.ones(2)))
    assert np.isnan(selective.area(np.ones(2)))
