"""Many figures on the same draws: as the single bootstrap says, at any size, by clusters where there are some."""

import numpy as np
import pytest

from gatehouse.stats import intervals, resample
from gatehouse.stats.metrics import Calibration, Flagged, Ranked
from gatehouse.stats.resample import Rows, measure_all


def pr_auc(rows: Rows) -> intervals.Measure:
    return Ranked(rows.truth, rows.score).pr_auc


def roc_auc(rows: Rows) -> intervals.Measure:
    return Ranked(rows.truth, rows.score).roc_auc


def brier(rows: Rows) -> intervals.Measure:
    return Calibration(rows.truth, rows.score).brier


def recall(rows: Rows) -> intervals.Measure:
    return Flagged(rows.truth, rows.score >= 0.5).recall


ALL = {"pr_auc": pr_auc, "roc_auc": roc_auc, "brier": brier, "recall": recall}


def drawn(n: int, seed: int = 1) -> Rows:
    rng = np.random.default_rng(seed)
    truth = (rng.random(n) < 0.2).astype(float)
    return Rows.of(truth, 1 / (1 + np.exp(-(rng.normal(size=n) + 3 * truth - 2))))


def test_intervals_are_those_of_the_single_bootstrap() -> None:
    rows = drawn(800)
    found = measure_all(rows, ALL, np.random.default_rng(2), 2_000)
    for name, make in ALL.items():
        one = intervals.bootstrap(make(rows), len(rows), np.random.default_rng(3), draws=2_000)
        many = found[name].interval
        assert many is not None
        assert many.estimate == pytest.approx(one.estimate)
        assert (many.low, many.high) == pytest.approx((one.low, one.high), abs=0.006)


def test_rows_drawn_as_cells_give_the_intervals_of_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = drawn(6_000)
    by_row = measure_all(rows, ALL, np.random.default_rng(2), 1_000)
    monkeypatch.setattr(resample, "MOST_ROWS", 100)
    by_cell = measure_all(rows, ALL, np.random.default_rng(4), 1_000)
    for name in ALL:
        one, other = by_row[name].interval, by_cell[name].interval
        assert one is not None
        assert other is not None
        assert one.estimate == other.estimate
        assert (one.low, one.high) == pytest.approx((other.low, other.high), abs=0.004)


@pytest.mark.parametrize("most_rows", [100, 100_000])
def test_clusters_are_drawn_whole(monkeypatch: pytest.MonkeyPatch, most_rows: int) -> None:
    monkeypatch.setattr(resample, "MOST_ROWS", most_rows)
    rows = drawn(60)
    copies = {name: np.repeat(getattr(rows, name), 25) for name in ("truth", "score")}
    apart = measure_all(Rows.of(**copies), ALL, np.random.default_rng(2), 500)
    together = measure_all(Rows.of(**copies, clusters=np.repeat(np.arange(60), 25)), ALL, np.random.default_rng(2), 500)
    for name in ("pr_auc", "roc_auc", "brier"):
        narrow, wide = apart[name].interval, together[name].interval
        assert narrow is not None
        assert wide is not None
        assert wide.high - wide.low > 2 * (narrow.high - narrow.low)


def test_what_cannot_be_measured_says_why() -> None:
    rows = Rows.of([1, 1, 1], [0.2, 0.3, 1.7])
    found = measure_all(rows, {"roc_auc": roc_auc, "brier": brier, "pr_auc": pr_auc}, np.random.default_rng(1), 50)
    assert found["roc_auc"].interval is None
    assert found["roc_auc"].why == "there is nothing to divide by"
    assert found["brier"].why == "calibration is measured on probabilities between 0 and 1"
    assert found["pr_auc"].interval is not None


def test_columns_of_different_lengths_and_unknown_truth_are_refused() -> None:
    with pytest.raises(ValueError, match="of one length"):
        Rows.of([1, 0], [0.5])
    with pytest.raises(ValueError, match="leave out rows whose truth is not known"):
        Rows.of([1, np.nan], [0.5, 0.2])
