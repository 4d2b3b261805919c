"""Calibration: probabilities that mean what they say, also where rows are few."""

import numpy as np
import pytest

from gatehouse.training.calibrate import ENOUGH, Fitted, calibrate, platt


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(-x))


def rows(n: int, slope: float, offset: float, seed: int = 0, *, fitted: int = 100) -> Fitted:
    rng = np.random.default_rng(seed)
    log_odds = rng.normal(-1, 2, n)
    truth = (rng.random(n) < sigmoid(slope * log_odds + offset)).astype(float)
    return Fitted(log_odds, truth, fitted, fitted)


def test_the_line_that_made_the_labels_is_found() -> None:
    label = rows(200_000, 0.7, -0.4)
    line = platt(label.log_odds, label.truth)
    assert line.slope == pytest.approx(0.7, abs=0.02)
    assert line.offset == pytest.approx(-0.4, abs=0.02)
    assert line.weak is None


def test_classes_that_do_not_overlap_give_no_certainty() -> None:
    log_odds = np.concatenate([np.full(50, -3.0), np.full(50, 3.0)])
    line = platt(log_odds, (log_odds > 0).astype(float))
    assert sigmoid(line.slope * log_odds + line.offset).max() == pytest.approx(51 / 52, abs=1e-6)


def test_a_label_of_few_positives_takes_the_others_slope_and_its_own_share() -> None:
    sound, other = rows(4_000, 0.7, -0.4), rows(4_000, 0.9, 0.1, seed=1)
    rng = np.random.default_rng(2)
    truth = np.zeros(400)
    truth[:4] = 1
    few = Fitted(rng.normal(-6, 1, 400), truth, 14, 2_700)
    lines = calibrate([sound, few, other])
    assert lines[0].weak is None
    assert lines[1].weak == f"only 4 positives to calibrate; it takes {ENOUGH}"
    assert min(lines[0].slope, lines[2].slope) <= lines[1].slope <= max(lines[0].slope, lines[2].slope)
    mean = sigmoid(lines[1].slope * few.log_odds + lines[1].offset).mean()
    assert mean == pytest.approx((4 + 14 + 1) / (400 + 2_714 + 2), abs=1e-9)


@pytest.mark.parametrize(("n", "positives"), [(0, 0), (1, 0), (5, 5)])
def test_with_hardly_any_rows_the_fit_stands_as_it_is(n: int, positives: int) -> None:
    truth = np.concatenate([np.ones(positives), np.zeros(n - positives)])
    (line,) = calibrate([Fitted(np.linspace(-2, 2, n), truth, 20, 60)])
    assert (line.slope, line.offset) == (1.0, 0.0)
    assert line.weak is not None


def test_no_positive_at_all_gives_a_small_probability_and_not_none() -> None:
    label = Fitted(np.linspace(-4, 2, 500), np.zeros(500), 0, 2_000)
    (line,) = calibrate([label])
    assert sigmoid(line.slope * label.log_odds + line.offset).mean() == pytest.approx(1 / 2_502)


def test_a_calibration_that_contradicts_the_fit_does_not_turn_the_scores_round() -> None:
    label = rows(500, -1.0, 0.0)
    (line,) = calibrate([label])
    assert line.slope > 0
    assert line.weak == "the calibration rows contradict the fit"


def test_every_number_that_is_too_small_is_named() -> None:
    (line,) = calibrate([Fitted(np.zeros(12), np.array([1.0] * 3 + [0.0] * 9), 9, 100)])
    assert line.weak == "only 9 positives to fit, 3 positives to calibrate, 9 negatives to calibrate; it takes 10"
