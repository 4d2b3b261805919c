"""Charts of a report as inline SVG: drawn here, with no network, no script and no fonts but the reader's own."""

import hashlib
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

from gatehouse.evaluation.evaluate import DecisionGroup, LabelReport, PointFigures
from gatehouse.policies.explain import percent

WIDTH = 460
"""Width of every chart in CSS pixels; the page scales it to the room there is."""

FOR = "#c2410c"
AGAINST = "#0369a1"
INK = "#1f2933"
MUTED = "#52606d"
FONT = "Liberation Sans, Arial, Helvetica, sans-serif"  # the first is what vl-convert measures text with

_OUTCOME_COLOURS = {"violating": FOR, "undecided": "#e0a030", "clear": AGAINST}
_DASHES = [4, 3]
_LINE = 0.065  # height of a line of text on an axis from 0 to 1
_RATES = [0, 0.01, 0.05, 0.1, 0.25, 0.5, 0.75, 1]

_CONFIG: dict[str, Any] = {
    "aria": False,  # the figure carries one label; a screen reader gains nothing from every tick
    "background": None,
    "font": FONT,
    "padding": 4,
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "labelFontSize": 12,
        "titleColor": INK,
        "titleFontSize": 13,
        "titleFontWeight": "normal",
        "titlePadding": 8,
        "gridColor": "#e4e7eb",
        "domainColor": "#9aa5b1",
        "tickColor": "#9aa5b1",
        "tickSize": 4,
    },
    "text": {"fontSize": 12, "color": INK, "font": FONT},
}


@dataclass(frozen=True)
class Figure:
    """A chart with the finding it shows and a sentence on how to read it."""

    title: str
    note: str
    svg: str


def pr_curve(label: LabelReport) -> Figure:
    """Precision against recall, with the base rate and the operating points."""
    if label.curve is None:
        raise ValueError(f"label {label.name} has no curve: {label.withheld}")
    axis = {"values": [0, 0.2, 0.4, 0.6, 0.8, 1], "format": ".1~f"}
    x = alt.X("recall:Q", title="Recall", scale={"domain": [0, 1]}, axis=axis)
    y = alt.Y("precision:Q", title="Precision", scale={"domain": [0, 1]}, axis=axis)
    along = enumerate(zip(label.curve.recall, label.curve.precision, strict=True))
    curve = _chart({"recall": recall, "precision": precision, "order": k} for k, (recall, precision) in along)
    base = label.positives_scored / label.scored
    guess = _chart([{"recall": 0.0, "precision": base, "text": f"base rate {percent(base)}"}])
    layers = (
        curve.mark_line(color=AGAINST, strokeWidth=2, interpolate="step-before").encode(
            x=x, y=y, order=alt.Order("order:Q")
        ),
        guess.mark_rule(color=MUTED, strokeDash=_DASHES).encode(y=y),
        *_words(guess.encode(x=x, y=y), align="left", dx=6, dy=-8 if base < 0.9 else 12, color=MUTED),
        *_marked(label.points, x, y),
    )
    return Figure(
        title=f"{label.name}: PR-AUC {label.pr_auc}, {label.population}",
        note="A detector that guesses lies on the dashed line.",
        svg=_svg(alt.layer(*layers, width=WIDTH, height=300)),
    )


def reliability(label: LabelReport) -> Figure:
    """Share of positives in each group of equal size against the group's mean score."""
    scale, axis = {"domain": [0, 1], "type": "sqrt"}, {"values": _RATES, "format": ".2~f"}
    x = alt.X("score:Q", title="Calibrated score (mean of the group)", scale=scale, axis=axis)
    y = alt.Y("share:Q", title="Share labelled positive", scale=scale, axis=axis)
    groups = _chart(
        {"score": group.mean_score, "share": group.rate, "low": group.low, "high": group.high} for group in label.bins
    )
    perfect = _chart([{"score": 0.0, "share": 0.0}, {"score": 1.0, "share": 1.0}])
    named = _chart([{"score": 0.45, "share": 0.45, "text": "as promised"}])
    layers = (
        perfect.mark_line(color=MUTED, strokeDash=_DASHES, strokeWidth=1).encode(x=x, y=y),
        groups.mark_rule(color=AGAINST, strokeWidth=1.5, opacity=0.65).encode(
            x=x, y=alt.Y("low:Q", title="Share labelled positive", scale=scale, axis=axis), y2=alt.Y2("high:Q")
        ),
        groups.mark_circle(color=AGAINST, size=52, opacity=1).encode(x=x, y=y),
        *_words(named.encode(x=x, y=y), align="right", dx=-10, color=MUTED),
    )
    return Figure(
        title=f"{label.name}: calibration error {label.ece}, Brier {label.brier}, {label.population}",
        note=f"{len(label.bins)} groups of equal size, 95 % intervals. Axes by square root, so that low scores show.",
        svg=_svg(alt.layer(*layers, width=WIDTH, height=300)),
    )


def histogram(label: LabelReport) -> Figure:
    """How many rows got which score, apart for the two classes, with the thresholds."""
    counts = label.histogram
    if counts is None:
        raise ValueError(f"label {label.name} has no histogram: {label.withheld}")
    tallest = max(*counts.positives, *counts.negatives)
    upper = _panel(f"labelled {label.name}", counts.positives, counts.edges, tallest, FOR, label.points)
    lower = _panel(f"not {label.name}", counts.negatives, counts.edges, tallest, AGAINST, label.points, last=True)
    lines = ", ".join(str(point) for point in sorted(label.points, key=lambda point: point.threshold))
    return Figure(
        title=f"{label.name}: how scores fall for the two classes, {label.population}",
        note="Counts grow by powers of ten." + (f" Dashed, from the left: {lines}." if lines else ""),
        svg=_svg(alt.vconcat(upper, lower, spacing=10)),
    )


def telling_words(name: str, words: Sequence[tuple[str, float]], most: int = 20) -> Figure:
    """The words that carry a label's score most, for and against it; `words` is shown as it is given."""
    chosen = sorted(sorted(words, key=lambda word: -abs(word[1]))[:most], key=lambda word: -word[1])
    if not chosen:
        raise ValueError(f"no words to draw for label {name}")
    rows = [
        {"rank": rank, "text": word, "weight": weight, "zero": 0, "said": f"{weight:+.2f}".replace("-", "−")}
        for rank, (word, weight) in enumerate(chosen)
    ]
    reach = 1.5 * max(abs(weight) for _, weight in chosen)
    scale = {"domain": [-reach, reach]}
    x, zero = alt.X("weight:Q", axis=None, scale=scale), alt.X("zero:Q", axis=None, scale=scale)
    y = alt.Y("rank:O", axis=None, sort=None, scale={"domain": list(range(len(rows)))})
    # Words stand across the zero line from their bar, values at its end, so neither can cover the other.
    layers: list[Any] = []
    for colour, side, across, away in ((FOR, "left", "right", 6), (AGAINST, "right", "left", -6)):
        part = _chart(row for row in rows if (float(str(row["weight"])) > 0) == (colour == FOR)).encode(y=y)
        layers += [
            part.mark_bar(height=13, color=colour).encode(x=x),
            part.mark_text(align=across, dx=-away, limit=WIDTH * 0.4).encode(x=zero, text=alt.Text("text:N")),
            part.mark_text(align=side, dx=away, color=MUTED, fontSize=11).encode(x=x, text=alt.Text("said:N")),
        ]
    return Figure(
        title=f"{name}: the words that carry the score most",
        note="Weight in log-odds: to the right for the label, to the left against it. A weight is no proof of meaning.",
        svg=_svg(alt.layer(*layers, width=WIDTH, height=20 * len(rows))),
    )


def reasons(groups: Sequence[DecisionGroup], most: int = 10, rows_are: str = "texts") -> Figure:
    """How many texts, or other rows, each reason decided, in the colours of the outcomes."""
    if not groups:
        raise ValueError("no decisions to draw")
    rows = [
        {"rank": rank, "count": group.count, "outcome": group.outcome, "said": f"{group.count:,}"}
        | {"reason": f"{group.outcome} · {group.reason}"}
        for rank, group in enumerate(groups[:most])
    ]
    x = alt.X("count:Q", axis=None, scale={"domain": [0, 1.16 * max(group.count for group in groups)]})
    colours = {"domain": list(_OUTCOME_COLOURS), "range": list(_OUTCOME_COLOURS.values())}
    base = _chart(rows).encode(y=alt.Y("rank:O", axis=None, sort=None))
    layers = (
        base.mark_bar(height=14, yOffset=9).encode(x=x, color=alt.Color("outcome:N", scale=colours, legend=None)),
        base.mark_text(align="left", dx=5, dy=9, color=MUTED).encode(x=x, text=alt.Text("said:N")),
        base.mark_text(align="left", dy=-8, limit=WIDTH - 10).encode(x=alt.value(0), text=alt.Text("reason:N")),
    )
    left_out = f" The {most} most frequent of {len(groups)}; the table has all." if len(groups) > most else ""
    return Figure(
        title=f"What decided {sum(group.count for group in groups):,} test {rows_are}",
        note=f"Bars count {rows_are} by the reason of their decision." + left_out,
        svg=_svg(alt.layer(*layers, width=WIDTH, height=42 * len(rows))),
    )


def _chart(rows: Iterable[Mapping[str, Any]]) -> Any:
    # A tuple, because altair copies lists deeply at every step, which takes longer than all else.
    return alt.Chart(alt.InlineData(values=tuple(dict(row) for row in rows)))


def _words(chart: Any, *, color: str, **mark: Any) -> tuple[Any, Any]:
    """The field `text` with a white edge, so that it can be read across lines."""
    said = chart.encode(text=alt.Text("text:N"))
    return said.mark_text(stroke="white", strokeWidth=4, strokeJoin="round", **mark), said.mark_text(
        color=color, **mark
    )


def _marked(points: Sequence[PointFigures], x: Any, y: Any) -> list[Any]:
    """Operating points with their names below them, pushed apart so that none covers another."""
    drawn = [
        (point, point.recall.value, point.precision.value)
        for point in points
        if point.recall is not None and point.precision is not None
    ]
    level, layers = 1.0, []
    for position, (point, recall, precision) in enumerate(sorted(drawn, key=lambda each: -each[2])):
        early = recall < 0.45  # there the name goes to the right, under a curve that still falls
        room = (len(drawn) - position) * _LINE
        level = max(min(precision - (3 if early else 1) * _LINE, level - _LINE), room)
        mark = _chart([{"recall": recall, "precision": precision, "level": level}]).encode(x=x, y=y)
        name = _chart([{"recall": recall, "precision": level, "text": str(point)}]).encode(x=x, y=y)
        side = {"align": "left", "dx": 4} if early else {"align": "right", "dx": -4}
        layers += [
            mark.mark_rule(color=FOR, strokeWidth=1).encode(y2=alt.Y2("level:Q")),
            mark.mark_circle(color=FOR, size=70, opacity=1),
            *_words(name, color=FOR, **side),
        ]
    return layers


def _panel(
    said: str,
    values: Sequence[int],
    edges: Sequence[float],
    tallest: int,
    colour: str,
    points: Sequence[PointFigures],
    *,
    last: bool = False,
) -> Any:
    """One class's bars; only the last panel has the axis of scores."""
    ticks = [0, *(10**power for power in range(len(str(tallest))))]
    axis = {"values": [0, 0.25, 0.5, 0.75, 1], "format": ".2~f", "grid": False, "labels": last, "ticks": last}
    title = "Calibrated score" if last else None
    x = alt.X("from:Q", title=title, scale={"domain": [0, 1]}, axis=axis)
    y = alt.Y(
        "count:Q",
        title="Rows",
        scale={"type": "symlog", "constant": 1, "domain": [0, 4 * tallest]},
        axis={"values": ticks, "format": ",d", "minExtent": 44},
    )
    pairs = zip(edges[:-1], edges[1:], values, strict=True)
    bars = _chart({"from": low, "to": high, "count": count} for low, high, count in pairs if count)
    lines = _chart({"from": point.threshold} for point in points)
    name = _chart([{"text": f"{said}, n = {sum(values):,}"}]).encode(x=alt.value(6), y=alt.value(7))
    layers = (
        bars.mark_bar(color=colour, binSpacing=1).encode(x=x, x2=alt.X2("to:Q"), y=y, y2=alt.datum(0)),
        *([lines.mark_rule(color=INK, strokeDash=_DASHES).encode(x=x)] if points else []),
        *_words(name, align="left", color=colour),
    )
    return alt.layer(*layers, width=WIDTH - 72, height=118)


def _svg(chart: Any) -> str:
    """The chart as an SVG element that scales with the page and whose ids clash with no other's."""
    # Validation takes as long as drawing; the tests draw every chart, and vl-convert refuses what it cannot read.
    specification = {**chart.to_dict(validate=False), "config": _CONFIG}
    if "vconcat" not in specification:
        specification["autosize"] = {"type": "fit-x", "contains": "padding"}
    drawn: str = vl_convert.vegalite_to_svg(specification)
    mark = hashlib.sha256(drawn.encode()).hexdigest()[:8]
    drawn = re.sub(r'(id="|url\(#|href="#)(clip|gradient)', rf"\g<1>c{mark}-\g<2>", drawn)
    box = re.search(r'viewBox="[^"]*"', drawn)
    if box is None:
        raise ValueError("vl-convert gave no viewBox")
    root = f'<svg xmlns="http://www.w3.org/2000/svg" {box.group()} aria-hidden="true">'
    return re.sub(r"^<svg[^>]*>", root, drawn, count=1)
