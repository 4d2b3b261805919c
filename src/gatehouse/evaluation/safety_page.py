"""Measures of safety as people read them: figures in their units, and the page."""

from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter

from gatehouse.evaluation.report import RunInfo, templates
from gatehouse.evaluation.safety import Reading, SafetyReport

_TIMES = ((86_400.0 * 2, 86_400.0, "days"), (3_600.0 * 2, 3_600.0, "h"), (60.0 * 2, 60.0, "min"))


def page(report: SafetyReport, source: str, run: RunInfo) -> str:
    """The whole report as one HTML page without scripts and without anything from outside."""
    template = templates().get_template("safety.html")
    return template.render(groups=by_group(report.readings), report=report, source=source, run=run, said=said)


def by_group(readings: Sequence[Reading]) -> list[tuple[str, list[Reading]]]:
    """Readings by what they speak of, in their order."""
    return [(name, list(group)) for name, group in groupby(readings, key=attrgetter("group"))]


def said(reading: Reading) -> tuple[str, str]:
    """A figure and its interval in words, `3.21 h` and `[2.66, 3.72]`; empty where there is none."""
    limits = reading.limits
    if limits is None:
        return "", ""
    one, name = _scale(limits.value, reading.unit)
    figure = f"{_digits(limits.value / one)} {name}"
    if limits.low is None:
        return figure, ""
    high = "not reached" if limits.high is None else _digits(limits.high / one)
    return figure, f"[{_digits(limits.low / one)}, {high}]"


def _scale(value: float, unit: str) -> tuple[float, str]:
    """In what a figure is written, and how many of its unit that is."""
    if unit == "seconds":
        return next(((one, name) for least, one, name in _TIMES if value >= least), (1.0, "s"))
    return {"share": (0.01, "%"), "minutes": (1.0, "min")}.get(unit, (1.0, unit))


def _digits(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 1_000 else f"{value:.3g}"
