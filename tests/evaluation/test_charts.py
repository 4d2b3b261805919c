"""Charts as inline SVG: well-formed, alone on the page, legible, and deaf to what stands in their texts."""

import re
from collections.abc import Callable
from xml.etree import ElementTree

import msgspec
import numpy as np
import pytest

from gatehouse.evaluation import charts
from gatehouse.evaluation.evaluate import LabelReport, evaluate_label
from gatehouse.evaluation.pack_report import PackReport
from gatehouse.records.policy import Point

Drawn = Callable[..., tuple[np.ndarray, np.ndarray]]
Makes = Callable[..., Point]
HOSTILE = '<script>alert(1)</script></svg>${x}"&amp;'


def texts(figure: charts.Figure) -> list[str]:
    root = ElementTree.fromstring(figure.svg)
    return [element.text or "" for element in root.iter("{http://www.w3.org/2000/svg}text")]


def test_a_precision_recall_curve_states_its_finding(spam: LabelReport) -> None:
    figure = charts.pr_curve(spam)
    assert figure.title == f"spam: PR-AUC {spam.pr_auc}, n = 600, base rate 19.5 %"
    assert {"Recall", "Precision", "base rate 19.5 %", "certain_spam ≥ 0.830", "likely_spam ≥ 0.300"} <= set(
        texts(figure)
    )


def test_names_of_near_points_do_not_cover_each_other(drawn: Drawn, point: Makes) -> None:
    near = [point(f"step_{k}", threshold) for k, threshold in enumerate((0.5, 0.501, 0.502, 0.002, 0.001))]
    label = evaluate_label("spam", *drawn(), near, np.random.default_rng(7), 20)
    svg = charts.pr_curve(label).svg
    heights = {float(y) for y in re.findall(r"translate\([\d.]+,([\d.]+)\)[^>]*>step_\d ≥", svg)}
    assert len(heights) == 5
    assert min(np.diff(sorted(heights))) >= 12
    assert min(heights) >= 0
    assert max(heights) <= 300


def test_a_reliability_diagram_states_error_and_population(spam: LabelReport) -> None:
    figure = charts.reliability(spam)
    assert figure.title == f"spam: calibration error {spam.ece}, Brier {spam.brier}, n = 600, base rate 19.5 %"
    assert figure.note.startswith(f"{len(spam.bins)} groups of equal size, 95 % intervals.")
    assert "as promised" in texts(figure)


def test_a_histogram_names_both_classes_and_the_thresholds(spam: LabelReport) -> None:
    figure = charts.histogram(spam)
    assert {"labelled spam, n = 117", "not spam, n = 483"} <= set(texts(figure))
    assert figure.note.endswith("Dashed, from the left: likely_spam ≥ 0.300, certain_spam ≥ 0.830.")
    assert "Dashed" not in charts.histogram(msgspec.structs.replace(spam, points=())).note


def test_telling_words_stand_with_their_weights_and_alike_words_stay_apart() -> None:
    figure = charts.telling_words("spam", [("p***", 1.5), ("p***", 1.25), ("home", -0.9)])
    assert texts(figure).count("p***") == 2
    assert {"+1.50", "+1.25", "home", "−0.90"} <= set(texts(figure))


def test_telling_words_may_all_stand_on_one_side() -> None:
    assert "free" in texts(charts.telling_words("spam", [("free", 1.5)]))
    assert "home" in texts(charts.telling_words("spam", [("home", -1.5)]))


def test_reasons_say_how_many_they_decided_and_what_is_left_out(make_pack: Callable[..., PackReport]) -> None:
    groups = make_pack().decisions
    figure = charts.reasons(groups)
    assert figure.title == "What decided 600 test texts"
    assert {"clear · no step fired", "480", "120"} <= set(texts(figure))
    assert "The 1 most frequent of 2; the table has all." in charts.reasons(groups, most=1).note


def test_charts_without_data_are_refused(rare: LabelReport) -> None:
    for draw in (charts.pr_curve, charts.histogram):
        with pytest.raises(ValueError, match="counts only"):
            draw(rare)
    with pytest.raises(ValueError, match="no words"):
        charts.telling_words("spam", [])
    with pytest.raises(ValueError, match="no decisions"):
        charts.reasons([])


def test_charts_scale_with_the_page_and_share_no_ids(spam: LabelReport) -> None:
    figures = [charts.pr_curve(spam), charts.histogram(spam), charts.reliability(spam)]
    ids = [found for figure in figures for found in re.findall(r'\bid="([^"]+)"', figure.svg)]
    assert len(ids) == len(set(ids))
    for figure in figures:
        root = ElementTree.fromstring(figure.svg)
        _, _, width, height = map(float, root.attrib["viewBox"].split())
        assert "width" not in root.attrib
        assert charts.WIDTH - 6 <= width <= charts.WIDTH + 6
        assert height < 400
        assert all(
            f"#{target}" in [f"#{each}" for each in ids] for target in re.findall(r"url\(#([^)]+)\)", figure.svg)
        )


def test_texts_in_charts_are_escaped(make_pack: Callable[..., PackReport]) -> None:
    group = msgspec.structs.replace(make_pack().decisions[0], reason=HOSTILE)
    for figure in (charts.telling_words("spam", [(HOSTILE, 1.5)]), charts.reasons([group])):
        assert "<script" not in figure.svg
        assert figure.svg.count("</svg>") == 1
        assert any("<script>" in text for text in texts(figure))


def test_a_chart_drawn_twice_is_the_same(spam: LabelReport) -> None:
    assert charts.pr_curve(spam) == charts.pr_curve(spam)
