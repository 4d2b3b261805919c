"""Figures of the test part: what they speak of, when they are withheld, and how they are written."""

import math
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gatehouse.evaluation.estimate import Estimate, share, written
from gatehouse.evaluation.evaluate import CURVE_POINTS, LabelReport, PointFigures, decisions, evaluate_label, percent
from gatehouse.records.decision import Outcome, Outcomes
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Point
from gatehouse.stats import metrics

Drawn = Callable[..., tuple[np.ndarray, np.ndarray]]
Makes = Callable[..., Point]


def evaluated(scores: Any, truth: Any, points: Any = ()) -> LabelReport:
    arrays = np.asarray(scores, np.float64), np.asarray(truth, np.float64)
    return evaluate_label("spam", *arrays, points, np.random.default_rng(7), 20)


def test_figures_are_those_of_stats_within_their_intervals(spam: LabelReport, drawn: Drawn) -> None:
    scores, truth = drawn()
    for figure, value in (
        (spam.pr_auc, metrics.pr_auc(truth, scores)),
        (spam.roc_auc, metrics.roc_auc(truth, scores)),
        (spam.brier, metrics.brier(truth, scores)),
        (spam.ece, metrics.debiased_ece(truth, scores)),
        (spam.macro_f1, metrics.macro_f1(truth, scores >= 0.3)),
    ):
        assert figure is not None
        assert figure.value == pytest.approx(value)
        assert figure.low <= figure.value <= figure.high
        assert figure.low < figure.high


def test_the_same_seed_gives_the_same_report(spam: LabelReport, drawn: Drawn, points: tuple[Point, ...]) -> None:
    assert evaluate_label("spam", *drawn(), points, np.random.default_rng(7), 50) == spam


def test_unknown_truth_and_missing_scores_are_counted_and_left_out(drawn: Drawn) -> None:
    scores, truth = drawn()
    scores, truth = scores.copy(), truth.copy()
    truth[:40], scores[30:100] = np.nan, np.nan
    report = evaluated(scores, truth)
    kept = ~np.isnan(scores) & ~np.isnan(truth)
    assert (report.rows, report.unknown, report.n, report.scored) == (600, 40, 560, 500)
    assert report.positives == int(np.nansum(truth))
    assert report.positives_scored == int(truth[kept].sum())
    assert report.coverage == pytest.approx(500 / 560)
    assert report.pr_auc is not None
    assert report.pr_auc.value == pytest.approx(metrics.pr_auc(truth[kept], scores[kept]))
    assert report.population == f"n = 560, base rate {percent(report.base_rate)}, 89.3 % of them scored"


def test_fewer_than_fifty_positives_give_counts_only(point: Makes) -> None:
    truth = np.r_[np.ones(49), np.zeros(200)]
    report = evaluated(np.linspace(1, 0, 249), truth, (point("certain_spam", 0.9),))
    assert report.withheld == "counts only: 49 positives among 249 scored test texts, and a figure needs at least 50"
    figures = (report.pr_auc, report.roc_auc, report.brier, report.ece, report.macro_f1, report.curve, report.histogram)
    assert figures == (None,) * 7
    assert report.bins == ()
    (at,) = report.points
    assert (at.flagged, at.hits) == (25, 25)
    assert (at.precision, at.recall, at.false_positive_rate) == (None, None, None)
    assert evaluated(np.linspace(1, 0, 250), np.r_[1, truth]).withheld is None


@pytest.mark.parametrize(
    ("truth", "scores", "said"),
    [
        (np.ones(60), np.ones(60) / 2, "every one of the 60 scored test texts is a positive"),
        (np.zeros(60), np.ones(60) / 2, "none of the 60 scored test texts is a positive"),
        (np.r_[np.ones(60), np.zeros(9)], np.ones(69) / 2, "9 negatives among 69 scored test texts"),
        (np.ones(60), np.full(60, np.nan), "no test text with a known label was scored"),
        (np.full(60, np.nan), np.ones(60) / 2, "no test text with a known label was scored"),
        (np.array([]), np.array([]), "no test text with a known label was scored"),
    ],
)
def test_what_cannot_be_compared_says_why(truth: np.ndarray, scores: np.ndarray, said: str) -> None:
    assert said in (evaluated(scores, truth).withheld or "")


def test_a_point_flags_at_its_threshold_and_is_compared_with_the_labels(point: Makes) -> None:
    truth = np.r_[np.ones(100), np.zeros(100)]
    scores = np.r_[np.full(90, 0.8), np.full(10, 0.1), np.full(5, 0.8), np.full(95, 0.2)]
    report = evaluated(scores, truth, (point("certain_spam", 0.8),))
    (at,) = report.points
    assert (at.flagged, at.hits) == (95, 90)
    assert str(at.precision) == ".947 [.881, .983]"  # exact two-sided interval of 90 of 95
    assert str(at.recall) == ".900 [.824, .951]"
    assert str(at.false_positive_rate) == ".050 [.016, .113]"


def test_points_of_other_labels_and_without_threshold_are_not_measured(
    drawn: Drawn, point: Makes, points: tuple[Point, ...]
) -> None:
    more = (*points, point("certain_scam", 0.5, label="scam"))
    assert [at.step for at in evaluated(*drawn(), more).points] == ["certain_spam", "likely_spam"]


def test_a_point_that_flags_nothing_has_a_recall_but_no_precision(drawn: Drawn, point: Makes) -> None:
    (at,) = evaluated(*drawn(), (point("certain_spam", 1.1),)).points
    assert at.precision is None
    assert at.recall is not None
    assert at.recall.value == 0.0


def test_macro_f1_is_taken_where_the_policy_first_wants_a_text_seen(spam: LabelReport, drawn: Drawn) -> None:
    assert spam.macro_f1_at == "at likely_spam ≥ 0.300"
    assert evaluated(*drawn()).macro_f1_at == "at 0.500"


def test_curves_are_thin_and_keep_their_ends(spam: LabelReport, drawn: Drawn) -> None:
    many = evaluated(*drawn(5000))
    assert many.curve is not None
    assert 100 < len(many.curve.recall) <= CURVE_POINTS
    assert many.curve.recall[-1] == 1.0
    assert many.curve.precision[-1] == pytest.approx(many.base_rate)
    assert list(many.curve.recall) == sorted(many.curve.recall)
    assert spam.histogram is not None
    assert sum(spam.histogram.positives) == spam.positives
    assert sum(spam.histogram.negatives) == spam.n - spam.positives
    assert sum(group.n for group in spam.bins) == spam.n


def test_a_report_survives_json(spam: LabelReport) -> None:
    assert msgspec.json.decode(msgspec.json.encode(spam), type=LabelReport) == spam


numbers = st.sampled_from([0.0, 0.25, 0.5, 1.0, math.nan])
classes = st.sampled_from([0.0, 1.0, math.nan])


@settings(deadline=None, max_examples=40)
@given(rows=st.lists(st.tuples(numbers, classes), max_size=300).map(lambda rows: rows * 3))
def test_counts_add_up_and_no_figure_is_nan(rows: list[tuple[float, float]], point: Makes) -> None:
    report = evaluated([score for score, _ in rows], [truth for _, truth in rows], (point("certain_spam", 0.5),))
    assert report.rows == len(rows) == report.unknown + report.n
    assert report.positives_scored <= report.positives <= report.n
    assert report.scored <= report.n
    assert (report.withheld is None) == (report.pr_auc is not None)
    assert not any(math.isnan(figure) for figure in floats(msgspec.to_builtins(report)))


def floats(told: Any) -> Iterator[float]:
    """All fractions anywhere in a report."""
    if isinstance(told, float):
        yield told
    elif isinstance(told, dict | list | tuple):
        for each in told.values() if isinstance(told, dict) else told:
            yield from floats(each)


def outcomes(rows: list[tuple[Outcome, Kind, int, int]]) -> Outcomes:
    return Outcomes(
        policy="spam",
        version="a" * 12,
        outcome=np.array([row[0] for row in rows], np.uint8),
        enforce=np.array([row[1] for row in rows], np.uint8),
        review=np.array([row[0] == Outcome.UNDECIDED for row in rows], np.bool_),
        step=np.array([row[2] for row in rows], np.int16),
        reason=np.array([row[3] for row in rows], np.int32),
        steps=("certain_spam", "likely_spam"),
        clauses=("S1", "S2"),
        reasons=("no step fired", "score at least .830", "score at least .300"),
    )


def test_decisions_are_counted_by_outcome_and_reason_beside_their_labels() -> None:
    removed, seen, clear = (
        (Outcome.VIOLATING, Kind.REMOVE, 0, 1),
        (Outcome.UNDECIDED, Kind.NONE, 1, 2),
        (Outcome.CLEAR, Kind.NONE, -1, 0),
    )
    groups = decisions(
        outcomes([removed, clear, clear, seen, clear, removed]), np.array([1.0, 0.0, np.nan, 1.0, 0.0, 0.0])
    )
    told = [
        (g.outcome, g.enforce, g.review, g.step, g.clause, g.reason, g.count, g.positives, g.labelled) for g in groups
    ]
    assert told == [
        ("clear", "none", False, None, None, "no step fired", 3, 0, 2),
        ("violating", "remove", False, "certain_spam", "S1", "score at least .830", 2, 1, 2),
        ("undecided", "none", True, "likely_spam", "S2", "score at least .300", 1, 1, 1),
    ]
    assert decisions(outcomes([]), np.array([])) == ()


def test_figures_are_written_without_a_leading_zero() -> None:
    assert [written(value) for value in (0.987, 1.0, 0.0, -0.05, 0.9996)] == [".987", "1.000", ".000", "-.050", "1.000"]
    assert str(Estimate(0.987, 0.971, 0.997)) == ".987 [.971, .997]"
    assert percent(0.127) == "12.7 %"
    assert share(0, 0) is None
    assert str(share(0, 10)) == ".000 [.000, .308]"


def test_precision_is_restated_from_the_ends_of_recall_and_false_positive_rate() -> None:
    point = PointFigures(
        step="sure",
        threshold=0.9,
        flagged=90,
        hits=80,
        precision=Estimate(80 / 90, 0.8, 0.95),
        recall=Estimate(0.8, 0.7, 0.9),
        false_positive_rate=Estimate(0.1, 0.05, 0.2),
    )
    found = point.restated(0.01)
    assert found is not None
    assert found.value == pytest.approx(0.008 / (0.008 + 0.099))
    assert found.low == pytest.approx(0.007 / (0.007 + 0.198))
    assert found.high == pytest.approx(0.009 / (0.009 + 0.0495))
    at_base = point.restated(0.5)
    assert at_base is not None
    assert at_base.value == pytest.approx(0.8 / 0.9)
    assert PointFigures(step="sure", threshold=0.9, flagged=0, hits=0).restated(0.01) is None


def test_without_a_wrong_flag_the_restated_interval_still_says_how_little_that_shows() -> None:
    point = PointFigures(
        step="sure",
        threshold=0.9,
        flagged=45,
        hits=45,
        recall=Estimate(0.9, 0.8, 0.95),
        false_positive_rate=Estimate(0.0, 0.0, 0.03),
    )
    found = point.restated(0.01)
    assert found is not None
    assert found.value == 1.0
    assert found.low < 0.25
