"""The report of logged answers: every figure with n and interval, or the reason why there is none."""

from dataclasses import replace

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.evaluation import answers
from gatehouse.evaluation.figures import figures
from gatehouse.evaluation.logged import Logged
from gatehouse.evaluation.report import RunInfo
from gatehouse.stats.operating import Costs
from gatehouse.stats.resample import Rows

RUN = RunInfo(made=1_700_000_000_000_000, version="0", seed=1, draws=100)


def logged(scored: bool = True, n: int = 1_500, named: bool = False) -> Logged:
    rng = np.random.default_rng(1)
    truth = (rng.random(n) < 0.2).astype(float)
    score = 1 / (1 + np.exp(-(rng.normal(size=n) + 4 * truth - 2)))
    verdict = np.where(score > 0.6, "violating", np.where(score < 0.4, "not", "unsure"))
    return Logged(
        detector="vendor",
        ids=pa.array([str(i) for i in range(n)]),
        truth=truth,
        score=score if scored else np.full(n, np.nan),
        verdict=np.full(n, "") if scored else verdict,
        views=None,
        authors=pa.array([f"u{i % 100}" for i in range(n)]) if named else None,
        texts=None,
        slices={"market": pa.array(["north" if i % 3 else "south" for i in range(n)])},
    )


def by_name(report: answers.AnswerReport) -> dict[str, object]:
    return {line.name: line for line in report.lines}


def test_a_scoring_detector_gets_every_figure() -> None:
    costs = Costs(wrong_removal=5, missed_view=1, review=1)
    report = answers.report(logged(), threshold=0.5, prevalences=(0.001,), costs=costs, draws=100)
    assert [line.name for line in report.lines] == [
        "PR-AUC",
        "ROC-AUC",
        "recall at 1 % false positives",
        "Brier",
        "debiased ECE",
        "macro-F1",
        "precision",
        "recall",
        "false positive rate",
        "coverage",
        "selective risk",
        "area under risk and coverage",
        "precision at 0.1 % prevalence",
        "expected cost of a row",
    ]
    assert all(line.estimate is not None and line.n == 1_500 for line in report.lines)
    assert all(line.estimate.low <= line.estimate.value <= line.estimate.high for line in report.lines)
    precision, rare = by_name(report)["precision"], by_name(report)["precision at 0.1 % prevalence"]
    assert rare.estimate.high < precision.estimate.low


def test_verdicts_only_have_no_ranking_and_abstaining_costs_coverage() -> None:
    report = answers.report(logged(scored=False), prevalences=(0.01,), draws=100)
    found = by_name(report)
    assert found["PR-AUC"].estimate is None
    assert found["PR-AUC"].why == "the answers are verdicts only, which have no order"
    assert 0.5 < found["coverage"].estimate.value < 1
    assert found["precision"].estimate is not None
    assert report.curves is None
    assert report.answers["unsure"] > 0


def test_scores_without_a_threshold_say_what_is_missing() -> None:
    report = answers.report(logged(), draws=100)
    assert by_name(report)["precision, recall and cost"].why.endswith("give --threshold")


def test_few_positives_get_no_figure() -> None:
    rows = Rows.of(np.r_[np.ones(49), np.zeros(900)], np.linspace(0, 1, 949))
    (line,) = figures(rows, rng=np.random.default_rng(1))
    assert line.why == "49 positives among 949 rows, and a figure needs at least 50"


def test_authors_are_drawn_whole() -> None:
    alone = by_name(answers.report(logged(), threshold=0.5, draws=100))["precision"]
    named = by_name(answers.report(logged(named=True), threshold=0.5, draws=100))["precision"]
    assert alone.estimate.value == named.estimate.value
    assert alone.estimate != named.estimate


def test_slices_that_were_asked_for_are_there_once_something_is_flagged() -> None:
    assert answers.report(logged(), draws=50).slices == ()
    report = answers.report(logged(), threshold=0.5, draws=50)
    assert {(one.name, one.value) for one in report.slices} == {("market", "north"), ("market", "south")}
    page = answers.page([report], "log.csv", [], RUN)
    assert "market: north" in page


def test_charts_show_the_figures_of_the_table() -> None:
    report = answers.report(logged(named=True), threshold=0.5, draws=100)
    assert report.curves.pr_auc == by_name(report)["PR-AUC"].estimate
    assert report.curves.brier == by_name(report)["Brier"].estimate
    assert report.curves.points[0].flagged == report.answers["violating"]


def test_texts_beside_scores_show_the_groups_they_mention() -> None:
    one = logged()
    texts = pa.array(["said of women and men" if i % 2 else "said of nobody" for i in range(len(one))])
    report = answers.report(replace(one, texts=texts), draws=50)
    assert {group.group for group in report.groups.groups if not group.small} == {"women", "men"}
    assert "BPSN AUC" in answers.page([report], "log.csv", [], RUN)
    assert answers.report(one, draws=50).groups is None


@pytest.mark.parametrize("scored", [True, False])
def test_page_and_card_hold_every_line_and_nothing_from_outside(scored: bool) -> None:
    report = answers.report(logged(scored), threshold=0.5, prevalences=(0.001,), draws=100)
    page = answers.page([report], "log.csv", ["3 rows without a label were left out"], RUN)
    card = answers.card([report], "log.csv", ["3 rows without a label were left out"], RUN)
    for line in report.lines:
        assert line.name in page
        assert f"| {line.name} | {line.n:,} |" in card
    assert "3 rows without a label were left out." in page
    assert "<script" not in page
    assert "http:" not in page.replace("http://www.w3.org", "")
    assert "https:" not in page
    assert "nan" not in card.lower()


def test_a_rate_on_few_false_positives_is_marked() -> None:
    one = logged()
    report = answers.report(one, threshold=float(np.sort(one.score[one.truth == 0])[-3]), prevalences=(0.01,), draws=50)
    assert "rests on 3 false positives" in by_name(report)["precision at 1 % prevalence"].remark
