"""The page and the card of functional checks."""

from collections.abc import Sequence

from gatehouse.evaluation.report import RunInfo, templates
from gatehouse.evaluation.suite import SuiteReport


def page(reports: Sequence[SuiteReport], source: str, run: RunInfo) -> str:
    """The whole report as one HTML page without scripts and without anything from outside."""
    return templates().get_template("suite.html").render(reports=reports, source=source, run=run)


def card(reports: Sequence[SuiteReport], source: str, run: RunInfo) -> str:
    """The same figures in Markdown."""
    return templates().get_template("suite.md").render(reports=reports, source=source, run=run).strip() + "\n"
