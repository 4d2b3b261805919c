"""The table of figures: every measure of a detector's answers with n and interval, or the reason why there is none."""

from collections.abc import Callable, Sequence

import msgspec
import numpy as np

from gatehouse.evaluation.estimate import FEWEST, Estimate, share
from gatehouse.policies.explain import percent
from gatehouse.stats.intervals import Interval, Measure
from gatehouse.stats.metrics import Calibration, Flagged, Floats, Ranked
from gatehouse.stats.operating import (
    FEWEST_ABOVE,
    Costs,
    Selective,
    at_rate,
    expected_cost,
    recall_at,
    restated_precision,
)
from gatehouse.stats.resample import Make, Measured, Rows, measure_all

RATE = 0.01
PR_AUC, BRIER, ECE = "PR-AUC", "Brier", "debiased ECE"


class Line(msgspec.Struct, frozen=True, kw_only=True):
    """One figure: its name, of how many rows it speaks, and the estimate or the reason why there is none."""

    name: str
    n: int
    estimate: Estimate | None = None
    why: str = ""
    remark: str = ""


def figures(
    rows: Rows,
    *,
    prevalences: Sequence[float] = (),
    costs: Costs | None = None,
    rng: np.random.Generator,
    draws: int = 1_000,
) -> tuple[Line, ...]:
    """All figures of labelled rows: of the ranking, of the probabilities, of the answers, and of their cost.

    A row without an answer is not flagged; coverage says how many there are.
    """
    positives = int(rows.truth.sum())
    if min(positives, len(rows) - positives) < FEWEST:
        few = f"{positives:,} positives" if positives < FEWEST else f"{len(rows) - positives:,} negatives"
        why = f"{few} among {len(rows):,} rows, and a figure needs at least {FEWEST}"
        return (Line(name="all figures", n=len(rows), why=why),)
    return (
        *_of_scores(rows, rng, draws),
        *_of_answers(rows, prevalences, costs, rng, draws),
    )


def _of_scores(rows: Rows, rng: np.random.Generator, draws: int) -> tuple[Line, ...]:
    names = (PR_AUC, "ROC-AUC", f"recall at {percent(RATE)} false positives", BRIER, ECE)
    scored = rows.scored
    if not len(scored):
        why = "the answers are verdicts only, which have no order"
        return tuple(Line(name=name, n=0, why=why) for name in names)
    makes: dict[str, Make] = {
        names[0]: lambda r: Ranked(r.truth, r.score).pr_auc,
        names[1]: lambda r: Ranked(r.truth, r.score).roc_auc,
        names[2]: lambda r: recall_at(Ranked(r.truth, r.score), RATE),
        names[3]: lambda r: Calibration(r.truth, r.score, times=r.times).brier,
        names[4]: lambda r: Calibration(r.truth, r.score, times=r.times).debiased_ece,
    }
    found = measure_all(scored, makes, rng, draws)
    remarks = {names[2]: _about_rate(scored)}
    return tuple(_line(name, len(scored), found[name], remarks.get(name, "")) for name in names)


def _about_rate(rows: Rows) -> str:
    try:
        at = at_rate(rows.truth, rows.score, RATE)
    except ValueError:
        return ""
    said = f"at score {at.threshold:.3f}" if np.isfinite(at.threshold) else "no threshold keeps to it"
    if at.coarse:
        said += f"; only {at.negatives_above} of {at.negatives:,} negatives stand above it, so it is known coarsely"
    return said


def _of_answers(
    rows: Rows, prevalences: Sequence[float], costs: Costs | None, rng: np.random.Generator, draws: int
) -> tuple[Line, ...]:
    if np.isnan(rows.answer).all():
        why = "no verdict and no threshold says what is flagged: give --threshold"
        return (Line(name="precision, recall and cost", n=0, why=why),)
    flag = _flag(rows)
    base = float(rows.truth.mean())
    at_base = f"at the base rate {percent(base)} of these rows"
    makes: dict[str, Make] = {
        "macro-F1": lambda r: Flagged(r.truth, _flag(r)).macro_f1,
        "precision": lambda r: Flagged(r.truth, _flag(r)).precision,
        "recall": lambda r: Flagged(r.truth, _flag(r)).recall,
        "false positive rate": lambda r: Flagged(r.truth, _flag(r)).false_positive_rate,
        "coverage": lambda r: Selective(r.truth, r.answer).coverage,
        "selective risk": lambda r: Selective(r.truth, r.answer).risk,
    }
    if len(rows.scored) == len(rows):
        makes["area under risk and coverage"] = lambda r: Selective(r.truth, r.answer, np.abs(r.score - 0.5)).area
    for prevalence in prevalences:
        makes[f"precision at {percent(prevalence)} prevalence"] = _restated(prevalence)
    if costs is not None:
        makes["expected cost of a row"] = lambda r: expected_cost(costs, r.truth, _flag(r), np.isnan(r.answer), r.views)
    found = measure_all(rows, makes, rng, draws)
    if rows.clusters is None:
        # Shares of independent rows have an exact interval, which keeps its word near 0 and 1 too.
        found |= _exact(rows, flag)
    remarks = {
        "precision": at_base,
        "coverage": "rows that got a plain answer",
        "selective risk": "wrong among the plain answers",
        "area under risk and coverage": "mean risk when the surest answers are kept first",
        "expected cost of a row": "rows without a plain answer go to a person, who is taken to be right",
    }
    false = int(np.sum(flag * (1 - rows.truth)))
    few = (
        f"; rests on {false} false positive{'' if false == 1 else 's'}, so it is known coarsely"
        if false < FEWEST_ABOVE
        else ""
    )
    stated = {f"precision at {percent(one)} prevalence": "if only the base rate changes" + few for one in prevalences}
    return tuple(_line(name, len(rows), found[name], {**remarks, **stated}.get(name, "")) for name in makes)


def _flag(rows: Rows) -> Floats:
    flagged: Floats = np.equal(rows.answer, 1.0).astype(np.float64)
    return flagged


def _restated(prevalence: float) -> Callable[[Rows], Measure]:
    def make(rows: Rows) -> Measure:
        flagged = Flagged(rows.truth, _flag(rows))
        return lambda weights: restated_precision(
            np.nan_to_num(flagged.recall(weights)), np.nan_to_num(flagged.false_positive_rate(weights)), prevalence
        )

    return make


def _exact(rows: Rows, flag: Floats) -> dict[str, Measured]:

    hits = int(np.sum(flag * rows.truth))
    flagged, positives, n = int(flag.sum()), int(rows.truth.sum()), len(rows)
    parts = {
        "precision": (hits, flagged),
        "recall": (hits, positives),
        "false positive rate": (flagged - hits, n - positives),
    }
    exact = {name: share(part, whole) for name, (part, whole) in parts.items()}
    return {
        name: Measured(Interval(one.value, one.low, one.high)) for name, one in exact.items() if one is not None
    } | {name: Measured(None, "nothing was flagged") for name, one in exact.items() if one is None}


def _line(name: str, n: int, measured: Measured, remark: str) -> Line:
    if measured.interval is None:
        return Line(name=name, n=n, why=measured.why, remark=remark)
    return Line(name=name, n=n, estimate=Estimate(*measured.interval), remark=remark)
