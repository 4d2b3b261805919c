"""The measures of Borkan et al. are AUCs of the rows that they name."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.stats import metrics
from gatehouse.stats.bias import bnsp_auc, bpsn_auc, generalised_mean, subgroup_auc

rows = st.lists(st.tuples(st.booleans(), st.booleans(), st.integers(0, 5)), min_size=8, max_size=40)


@settings(deadline=None, max_examples=60)
@given(rows)
def test_each_measure_is_the_auc_of_the_rows_it_compares(drawn: list[tuple[bool, bool, int]]) -> None:
    truth, member, score = (np.array(column) for column in zip(*drawn, strict=True))
    truth, score = truth.astype(float), score.astype(float)
    compared = {
        subgroup_auc: member,
        bpsn_auc: (truth == 1) & ~member | (truth == 0) & member,
        bnsp_auc: (truth == 1) & member | (truth == 0) & ~member,
    }
    for make, among in compared.items():
        if len(set(truth[among])) < 2:
            with pytest.raises(ValueError, match="positives and negatives"):
                make(truth, score, member)
        else:
            found = make(truth, score, member)(np.ones(len(truth)))
            assert found == pytest.approx(metrics.roc_auc(truth[among], score[among]))


def test_mentions_that_score_high_lower_bpsn_and_attacks_that_score_low_lower_bnsp() -> None:
    truth = np.array([1, 1, 0, 0, 1, 1, 0, 0], float)
    member = np.array([0, 0, 0, 0, 1, 1, 1, 1], bool)
    raised = np.array([0.8, 0.9, 0.1, 0.2, 0.95, 0.99, 0.85, 0.94])
    one = np.ones(8)
    assert bpsn_auc(truth, raised, member)(one) < 0.6
    assert bnsp_auc(truth, raised, member)(one) == 1.0
    assert subgroup_auc(truth, raised, member)(one) == 1.0


def test_the_generalised_mean_leans_to_the_worst() -> None:
    assert generalised_mean([0.9, 0.9]) == pytest.approx(0.9)
    assert generalised_mean([0.5, 0.9, 0.9]) < np.mean([0.5, 0.9, 0.9])
    with pytest.raises(ValueError, match="needs values above 0"):
        generalised_mean([0.0, 0.9])
