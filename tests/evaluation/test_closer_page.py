"""Disguises and functional checks as people read them: on the page, on the card, and on a page of their own."""

from collections.abc import Callable

import msgspec
import numpy as np
import pytest

from gatehouse.entry.cli.evaluate_pack import show_report
from gatehouse.evaluation import suite_page
from gatehouse.evaluation.attacks import FAMILIES
from gatehouse.evaluation.fairness import GroupsReport
from gatehouse.evaluation.pack_report import CloserLook, PackReport
from gatehouse.evaluation.report import RunInfo, card, render
from gatehouse.evaluation.robustness import AttackReport, Disguised, figures
from gatehouse.evaluation.suite import Suite, SuiteReport, report

Makes = Callable[..., PackReport]
RUN = RunInfo(made=1_790_000_000_000_000, version="0.1.0", seed=7, draws=200)


def attacks() -> AttackReport:
    """Leet hides half of 60 positives, homoglyphs change nothing."""
    positive = np.arange(120) < 60
    leet, twins = (next(one for one in FAMILIES if one.name == name) for name in ("leet", "homoglyphs"))
    made = [Disguised(leet, (), np.ones(120, bool)), Disguised(twins, (), np.zeros(120, bool))]
    return figures(positive, positive, made, [np.arange(120) < 30, positive])


def checks(name: str = "quoted") -> SuiteReport:
    """Ten quotations, of which four pass and two get no answer, and two negations."""
    texts = tuple(f"text {i}" for i in range(12))
    cases = Suite("own.csv", texts, texts, np.zeros(12), (name,) * 10 + ("negated",) * 2)
    return report(cases, np.array([0, 0, 0, 0, 1, 1, 1, 1, np.nan, np.nan, 0, 1]), "vendor")


@pytest.fixture(scope="module")
def pack(make_pack: Makes) -> PackReport:
    none = GroupsReport(groups=())
    look = CloserLook(label="spam", threshold=0.3, slices=(), groups=none, swaps=(), attacks=attacks(), suite=checks())
    return msgspec.structs.replace(make_pack(), closer=look)


def flat(text: str) -> str:
    return " ".join(text.replace("\N{NO-BREAK SPACE}", " ").split())


def test_the_page_shows_every_family_with_n_interval_and_what_it_makes_of_a_harmless_text(pack: PackReport) -> None:
    page = flat(render([pack], RUN))
    assert "The minimum: leet, under which .500 [.368, .632] are still flagged." in page
    assert "No flagged text is changed by: homoglyphs." in page
    assert '.500<span class="interval">[.368, .632]</span>' in page
    assert "Not ranked: changes no text that was flagged" in page
    assert FAMILIES[0].sample in page


def test_the_page_shows_pass_rates_and_marks_the_small(pack: PackReport) -> None:
    page = flat(render([pack], RUN))
    assert "5 of 12 cases pass, of 2 functionalities. The minimum is .400 [.122, .738]: quoted." in page
    assert "2 without a plain answer." in page
    assert "Not ranked: only 2 cases, 8 are needed." in page


def test_the_card_tells_the_same(pack: PackReport) -> None:
    text = card(pack)
    assert "## Under disguise" in text
    assert "| leet | 60 | .500 [.368, .632] | 60 | .000 [.000, .060] |" in text
    assert "| homoglyphs | 0 | not ranked: changes no text that was flagged | 0 | too few texts changed |" in text
    assert "| quoted | 10 | 0 | 4 | .400 [.122, .738] | 2 without a plain answer |" in text
    assert "\n\n\n" not in text


def test_the_console_shows_both(
    pack: PackReport, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    show_report(pack)
    said = capsys.readouterr().out
    assert "disguise, the worst first" in said
    assert "leet" in said
    assert "functional checks of the pack's own suite" in said
    assert "only 2 cases, 8 are needed" in said


def test_a_page_of_functional_checks_holds_no_script_whatever_a_functionality_is_called() -> None:
    hostile = "<script>alert(1)</script>|x"
    page = suite_page.page([checks(hostile)], "own.csv", RUN)
    assert "<script" not in page
    assert "Vendor" not in page
    assert "vendor" in page
    text = suite_page.card([checks(hostile)], "own.csv", RUN)
    assert "<script" not in text
    assert "&lt;script>alert(1)&lt;/script>\\|x | 10 |" in text
