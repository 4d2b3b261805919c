"""The report of one detector's logged answers: who they are about, every figure, and curves where there are scores."""

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import msgspec
import numpy as np
import pyarrow as pa

from gatehouse.evaluation import fairness, slices
from gatehouse.evaluation.evaluate import LabelReport, counted, with_curves
from gatehouse.evaluation.fairness import GroupsReport
from gatehouse.evaluation.figures import BRIER, ECE, PR_AUC, Line, figures
from gatehouse.evaluation.identity_terms import GROUPS, mentions
from gatehouse.evaluation.logged import Logged
from gatehouse.evaluation.report import RunInfo, templates
from gatehouse.evaluation.slices import SliceFigures
from gatehouse.stats.operating import Costs
from gatehouse.stats.resample import Rows
from gatehouse.text.normalise import normalise

if TYPE_CHECKING:
    from gatehouse.evaluation.charts import Figure


_LABEL = "violating"


class AnswerReport(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one detector from its logged answers.

    `answers` counts the answers by what they are; `slices` are there where something says what is flagged, `curves`
    where it gave scores, `groups` where there are texts beside them.
    """

    detector: str
    rows: int
    positives: int
    answers: dict[str, int]
    authors: int | None
    threshold: float | None
    lines: tuple[Line, ...]
    slices: tuple[SliceFigures, ...] = ()
    groups: GroupsReport | None = None
    curves: LabelReport | None = None

    @property
    def base_rate(self) -> float:
        """Share of positives."""
        return self.positives / self.rows


def report(
    logged: Logged,
    *,
    threshold: float | None = None,
    prevalences: Sequence[float] = (),
    costs: Costs | None = None,
    draws: int = 1_000,
    seed: int = 0,
) -> AnswerReport:
    """Every figure of one detector's answers; at `threshold` a score without a verdict is an answer."""
    rng = np.random.default_rng(seed)
    rows = logged.rows(threshold)
    lines = figures(rows, prevalences=prevalences, costs=costs, rng=rng, draws=draws)
    return AnswerReport(
        detector=logged.detector,
        rows=len(rows),
        positives=int(rows.truth.sum()),
        answers=_answers(logged, threshold),
        authors=None if rows.clusters is None else int(rows.clusters.max()) + 1,
        threshold=threshold,
        lines=lines,
        slices=_slices(logged, rows, rng, draws),
        groups=_groups(logged, rows, rng, draws),
        curves=_curves(rows, threshold, lines),
    )


def _slices(logged: Logged, rows: Rows, rng: np.random.Generator, draws: int) -> tuple[SliceFigures, ...]:
    if np.isnan(rows.answer).all():
        return ()
    wanted = [one for name, values in logged.slices.items() for one in slices.of_column(name, values)]
    if logged.texts is not None:
        wanted += slices.of_texts(logged.texts)
    return tuple(slices.figures(wanted, rows, rng, min(draws, 500)))


def _groups(logged: Logged, rows: Rows, rng: np.random.Generator, draws: int) -> GroupsReport | None:
    """How well scores tell apart texts that mention a group; None where there are no texts or no scores."""
    scored = ~np.isnan(rows.score)
    if logged.texts is None or not scored.any():
        return None
    plain = normalise(logged.texts.filter(pa.array(scored)))
    return fairness.groups(rows.scored, {group.name: mentions(plain, group) for group in GROUPS}, rng, min(draws, 500))


def _answers(logged: Logged, threshold: float | None) -> dict[str, int]:
    counts = Counter(word for word in logged.verdict.tolist() if word)
    silent = logged.verdict == ""
    scored = silent & ~np.isnan(logged.score)
    if threshold is not None:
        flagged = scored & (logged.score >= threshold)
        counts["violating"] += int(flagged.sum())
        counts["not"] += int((scored & ~flagged).sum())
    else:
        counts["score only"] += int(scored.sum())
    counts["no answer"] += int((silent & np.isnan(logged.score)).sum())
    return {word: n for word, n in counts.items() if n}


def _curves(rows: Rows, threshold: float | None, lines: Sequence[Line]) -> LabelReport | None:
    """What the charts are drawn from, with the figures of the table; None where there is nothing to draw."""
    scored = rows.scored
    found = {line.name: line.estimate for line in lines}
    if found.get(PR_AUC) is None:
        return None
    positive = scored.truth == 1.0
    report = LabelReport(
        name=_LABEL,
        rows=len(rows),
        unknown=0,
        n=len(rows),
        positives=int(rows.truth.sum()),
        scored=len(scored),
        positives_scored=int(positive.sum()),
        pr_auc=found[PR_AUC],
        brier=found[BRIER],
        ece=found[ECE],
        points=() if threshold is None else (counted("flagged", threshold, scored.score, positive),),
    )
    return with_curves(report, scored.score, positive)


def page(reports: Sequence[AnswerReport], source: str, left_out: Sequence[str], run: RunInfo) -> str:
    """The whole report as one HTML page without scripts and without anything from outside."""
    drawn = [_charts(one) for one in reports]
    template = templates().get_template("answers.html")
    return template.render(reports=reports, source=source, left_out=left_out, run=run, figures=drawn)


def card(reports: Sequence[AnswerReport], source: str, left_out: Sequence[str], run: RunInfo) -> str:
    """The same figures in Markdown."""
    template = templates().get_template("answers.md")
    return template.render(reports=reports, source=source, left_out=left_out, run=run).strip() + "\n"


def _charts(one: AnswerReport) -> "list[Figure]":
    from gatehouse.evaluation import charts

    if one.curves is None:
        return []
    return [charts.pr_curve(one.curves), charts.reliability(one.curves), charts.histogram(one.curves)]
