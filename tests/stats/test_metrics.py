import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn import metrics as theirs

from gatehouse.stats import metrics

rows = st.lists(st.tuples(st.booleans(), st.integers(0, 6)), min_size=2, max_size=60)


def columns(pairs):
    truth, score = zip(*pairs, strict=True)
    return np.array(truth, float), np.array(score) / 6


@settings(deadline=None, max_examples=100)
@given(rows)
def test_ranking_measures_equal_those_of_sklearn_with_ties(pairs):
    truth, score = columns(pairs)
    assume(0 < truth.sum() < len(truth))
    assert metrics.pr_auc(truth, score) == pytest.approx(theirs.average_precision_score(truth, score))
    assert metrics.roc_auc(truth, score) == pytest.approx(theirs.roc_auc_score(truth, score))
    curve = metrics.pr_curve(truth, score)
    precision, recall, threshold = theirs.precision_recall_curve(truth, score)
    np.testing.assert_allclose(curve.precision, precision[-2::-1])
    np.testing.assert_allclose(curve.recall, recall[-2::-1])
    np.testing.assert_allclose(curve.threshold, threshold[::-1])


@settings(deadline=None, max_examples=100)
@given(rows, st.integers(0, 6))
def test_measures_of_flags_equal_those_of_sklearn(pairs, cut):
    truth, score = columns(pairs)
    flag = score >= cut / 6
    assume(0 < truth.sum() < len(truth) and flag.any())
    assert metrics.precision(truth, flag) == pytest.approx(theirs.precision_score(truth, flag))
    assert metrics.recall(truth, flag) == pytest.approx(theirs.recall_score(truth, flag))
    assert metrics.macro_f1(truth, flag) == pytest.approx(theirs.f1_score(truth, flag, average="macro"))
    assert metrics.false_positive_rate(truth, flag) == pytest.approx(flag[truth == 0].mean())


@settings(deadline=None, max_examples=60)
@given(rows, st.integers(0, 2**32 - 1))
def test_whole_weights_count_as_repeated_rows(pairs, seed):
    truth, score = columns(pairs)
    times = np.random.default_rng(seed).integers(0, 4, len(truth))
    repeated = np.repeat(truth, times), np.repeat(score, times)
    assume(0 < repeated[0].sum() < len(repeated[0]))
    weights = np.stack([times.astype(float), np.ones(len(truth))])
    ranked, flagged = metrics.Ranked(truth, score), metrics.Flagged(truth, score >= 0.5)
    calibration = metrics.Calibration(truth, score)
    assert ranked.pr_auc(weights)[0] == pytest.approx(metrics.pr_auc(*repeated))
    assert ranked.roc_auc(weights)[0] == pytest.approx(metrics.roc_auc(*repeated))
    assert flagged.macro_f1(weights)[0] == pytest.approx(metrics.macro_f1(repeated[0], repeated[1] >= 0.5))
    assert calibration.brier(weights)[0] == pytest.approx(metrics.brier(*repeated))


@settings(deadline=None, max_examples=60)
@given(rows)
def test_brier_equals_that_of_sklearn(pairs):
    truth, score = columns(pairs)
    assert metrics.brier(truth, score) == pytest.approx(np.mean((truth - score) ** 2))
    if 0 < truth.sum() < len(truth):
        assert metrics.brier(truth, score) == pytest.approx(theirs.brier_score_loss(truth, score))


@pytest.mark.parametrize(
    ("measure", "why"),
    [
        (lambda: metrics.pr_auc([0, 0], [0.1, 0.2]), "at least one positive"),
        (lambda: metrics.pr_curve([0, 0], [0.1, 0.2]), "at least one positive"),
        (lambda: metrics.roc_auc([1, 1], [0.1, 0.2]), "both classes"),
        (lambda: metrics.precision([0, 1], [0, 0]), "at least one flagged"),
        (lambda: metrics.recall([0, 0], [0, 1]), "at least one positive"),
        (lambda: metrics.false_positive_rate([1, 1], [0, 1]), "a negative row"),
        (lambda: metrics.macro_f1([1, 1], [1, 1]), "each class"),
        (lambda: metrics.brier([], []), "no rows"),
        (lambda: metrics.pr_auc([0, np.nan], [0.1, 0.2]), "left out first"),
        (lambda: metrics.pr_auc([0, 2], [0.1, 0.2]), "0 or 1"),
        (lambda: metrics.brier([0, 1], [0.1, 1.2]), "between 0 and 1"),
        (lambda: metrics.roc_auc([0, 1], [0.1]), "one length"),
    ],
)
def test_what_cannot_be_computed_says_why(measure, why):
    with pytest.raises(ValueError, match=why):
        measure()


def test_reliability_bins_hold_equal_masses_and_all_rows():
    rng = np.random.default_rng(0)
    score = rng.random(1_000)
    truth = (rng.random(1_000) < score).astype(float)
    bins = metrics.reliability(truth, score, bins=10)
    assert [b.n for b in bins] == [100] * 10
    assert [b.mean_score for b in bins] == sorted(b.mean_score for b in bins)
    assert sum(b.n * b.rate for b in bins) == pytest.approx(truth.sum())
    assert all(b.low <= b.rate <= b.high for b in bins)


def test_rows_of_one_score_share_a_bin():
    bins = metrics.reliability([0, 1] * 50, [0.3] * 60 + [0.9] * 40, bins=10)
    assert [b.n for b in bins] == [60, 40]


def test_debiased_error_is_near_zero_when_calibrated_and_near_the_shift_when_not():
    rng = np.random.default_rng(1)
    score = rng.uniform(0.2, 0.8, 20_000)
    truth = (rng.random(20_000) < score).astype(float)
    assert metrics.debiased_ece(truth, score) < 0.015
    assert metrics.debiased_ece(truth, score + 0.15) == pytest.approx(0.15, abs=0.01)


def test_debiasing_takes_away_what_few_rows_show_by_chance():
    rng = np.random.default_rng(2)
    squared = []
    for _ in range(200):
        score = rng.uniform(0.2, 0.8, 150)
        truth = (rng.random(150) < score).astype(float)
        bins = metrics.reliability(truth, score)
        squared.append(
            (sum(b.n * (b.mean_score - b.rate) ** 2 for b in bins) / 150, metrics.debiased_ece(truth, score))
        )
    plain, debiased = np.mean(squared, axis=0)
    assert debiased < 0.6 * np.sqrt(plain)
