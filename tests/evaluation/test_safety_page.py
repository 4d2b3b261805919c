import pytest

from gatehouse.evaluation.report import RunInfo
from gatehouse.evaluation.safety import Limits, Reading, SafetyReport
from gatehouse.evaluation.safety_page import page, said

RUN = RunInfo(made=1_700_000_000_000_000, version="0", seed=7, draws=10)


def reading(unit="share", limits=None, **more):
    known = {"group": "Views", "name": "a measure", "definition": "this / that", "n": 1_234, "of": "items"}
    return Reading(**{**known, **more}, unit=unit, limits=limits)


@pytest.mark.parametrize(
    ("unit", "limits", "words"),
    [
        ("share", (0.00092, 0.00056, 0.00145), ("0.092 %", "[0.056, 0.145]")),
        ("seconds", (12.0, 9.0, 70.0), ("12 s", "[9, 70]")),
        ("seconds", (11_520.0, 9_000.0, 14_400.0), ("3.2 h", "[2.5, 4]")),
        ("seconds", (400_000.0, 86_400.0, None), ("4.63 days", "[1, not reached]")),
        ("seconds", (600.0, 300.0, 660.0), ("10 min", "[5, 11]")),
        ("views", (1_958.0, 992.5, 3_115.0), ("1,958 views", "[992, 3,115]")),
        ("minutes", (3.29, 3.05, 3.6), ("3.29 min", "[3.05, 3.6]")),
        ("EUR", (0.00639, 0.00513, 0.00789), ("0.00639 EUR", "[0.00513, 0.00789]")),
        ("seconds", (0.5, None, None), ("0.5 s", "")),
    ],
)
def test_figures_in_the_unit_that_suits_them(unit, limits, words):
    assert said(reading(unit, Limits(*limits))) == words
    assert said(reading(unit)) == ("", "")


def test_the_page_shows_figures_reasons_and_notes_and_runs_nothing():
    report = SafetyReport(
        items=9_999,
        with_truth=0,
        deeds=12,
        until=RUN.made,
        readings=(
            reading(limits=Limits(0.25, 0.2, 0.3), remark="a <b>remark</b>"),
            reading(name="<script>alert(1)</script>", why="no <i>truth</i>"),
        ),
        notes=("left out: <img src=x>",),
    )
    shown = page(report, "the ledger <here>", RUN)
    assert "<script" not in shown
    assert "&lt;script&gt;alert(1)" in shown
    assert "a &lt;b&gt;remark&lt;/b&gt;" in shown.lower()
    assert "Not known: no &lt;i&gt;truth&lt;/i&gt;" in shown
    assert "&lt;img src=x&gt;" in shown
    assert "the ledger &lt;here&gt;" in shown
    assert "25 %" in shown
    assert "[20, 30]" in shown
    assert "What truly violates is not known" in shown
    assert "What these figures are not for" in shown
