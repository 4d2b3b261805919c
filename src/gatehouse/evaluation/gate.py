"""The gate: whether a candidate may follow the champion, by tests fixed beforehand on the same rows.

Each test compares both detectors' flags at their own refitted points on rows of one class, overall and in each slice
that is large enough. A candidate is refused where a loss is shown; it passes where none is shown and one of the size
that matters would have been; else the answer is that the rows cannot tell. All tests together refuse a candidate that
is no worse with at most the chance `alpha` (Holm 1979).
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.errors import UserError
from gatehouse.evaluation.logged import Logged
from gatehouse.evaluation.slices import Slice
from gatehouse.policies.explain import percent
from gatehouse.records.policy import GateRules
from gatehouse.stats.paired import Paired, rows_needed, smallest_loss

Bools = npt.NDArray[np.bool_]
Verdict = Literal["passes", "refused", "cannot tell"]
POWER = 0.9


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """One test: what was compared on which rows, and what came out.

    `loss` is the champion's share of right rows less the candidate's, with its 95 % interval; `visible` the smallest
    loss that these rows could show with a power of .9.
    """

    what: str
    n: int
    loss: float
    low: float
    high: float
    visible: float
    matters: float
    verdict: Verdict
    reason: str


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """Latency or size of both, and whether the candidate keeps to the limit."""

    what: str
    champion: float
    candidate: float
    unit: str
    limit: float
    verdict: Verdict
    reason: str


class GateReport(msgspec.Struct, frozen=True, kw_only=True):
    """What a gate said and why."""

    verdict: Verdict
    accepted: bool
    tests: tuple[Compared, ...]
    measured: tuple[Measured, ...]
    reasons: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Comparison:
    """What both detectors flag at their own points for one step, on the same rows: bool [n] each."""

    step: str
    truth: Bools
    champion: Bools
    candidate: Bools


def gate(
    main: Comparison,
    others: Sequence[Comparison],
    slices: Sequence[Slice],
    rules: GateRules,
    measured: Sequence[Measured] = (),
) -> GateReport:
    """Compare the flags of both: at the main step overall and by slice, at the other steps overall.

    Any test can refuse; whether the rows could tell is asked at the main step. A slice is tested where its rows could
    show a loss of the size that matters, if the two differ there as often as overall: which ones these are depends on
    how often they differ, never on who is better.
    """
    planned = [*_overall(main, rules), *_by_slice(main, slices, rules)]
    planned += [one for other in others for one in _overall(other, rules)]
    tests = _judged(planned, rules)
    losses = [one for one in tests if one.verdict == "refused"]
    too_much = [one for one in measured if one.verdict == "refused"]
    unclear = [one for one in tests[:2] if one.verdict == "cannot tell"]
    verdict: Verdict = "refused" if losses or too_much else "cannot tell" if unclear else "passes"
    reasons = [one.reason for one in (*losses, *too_much, *(unclear or (() if losses else tests[:2])))]
    if len(tests) > 2 and not losses:
        reasons.append(f"{len(tests) - 2} more tests, by slice and at other steps, show no loss")
    accepted = verdict == "passes" or (verdict == "cannot tell" and rules.accept_cannot_tell)
    return GateReport(verdict=verdict, accepted=accepted, tests=tests, measured=tuple(measured), reasons=tuple(reasons))


_Planned = tuple[str, Paired, float]
"""What is compared, the flags compared, and the loss that matters."""


def _sides(one: Comparison, rules: GateRules) -> dict[str, tuple[Bools, Bools, Bools, float]]:
    """Rows of each class, where each detector is right about them, and the loss that matters."""
    return {
        "recall": (one.truth, one.champion, one.candidate, rules.recall_loss),
        "false positives": (~one.truth, ~one.champion, ~one.candidate, rules.false_positives_added),
    }


def _overall(one: Comparison, rules: GateRules) -> list[_Planned]:
    return [
        (f"{what} at {one.step}", Paired.of(first[among], second[among]), matters)
        for what, (among, first, second, matters) in _sides(one, rules).items()
    ]


def _by_slice(one: Comparison, slices: Sequence[Slice], rules: GateRules) -> list[_Planned]:
    planned: list[_Planned] = []
    for what, (among, first, second, matters) in _sides(one, rules).items():
        overall = Paired.of(first[among], second[among]).discordance
        # A twentieth of alpha stands for what the correction for many tests will leave of it.
        needed = rows_needed(matters, overall, rules.alpha / 20, POWER)
        for cut in slices:
            rows = among & cut.mask
            if int(rows.sum()) >= needed and not cut.mask.all():
                said = f"{what} at {one.step} where {cut.name} is {cut.value}"
                planned.append((said, Paired.of(first[rows], second[rows]), matters))
    return planned


def _judged(planned: Sequence[_Planned], rules: GateRules) -> tuple[Compared, ...]:
    """Verdicts under Holm's correction: the smallest chance against alpha/k, the next against alpha/(k-1) ..."""
    chances = [pair.chance_of_no_loss() for _, pair, _ in planned]
    order = np.argsort(chances, kind="stable")
    shown = np.zeros(len(planned), np.bool_)
    for rank, place in enumerate(order):
        if chances[place] > rules.alpha / (len(planned) - rank):
            break
        shown[place] = True
    alpha = rules.alpha / len(planned)
    return tuple(_compared(*one, bool(lost), alpha) for one, lost in zip(planned, shown, strict=True))


def _compared(what: str, pair: Paired, matters: float, shown: bool, alpha: float) -> Compared:
    if not pair.n:
        return Compared(
            what=what,
            n=0,
            loss=0.0,
            low=-1.0,
            high=1.0,
            visible=1.0,
            matters=matters,
            verdict="cannot tell",
            reason=f"{what}: there is no row to compare",
        )
    low, high = pair.loss_interval()
    visible = smallest_loss(pair.n, pair.discordance, alpha, POWER)
    noun = "positives" if what.startswith("recall") else "negatives"
    measured = f"{_points(pair.loss)} [{_points(low)}, {_points(high)}] points on {pair.n:,} {noun}"
    verdict: Verdict
    if shown:
        verdict = "refused"
        reason = (
            f"{what}: the candidate loses {measured}; a difference this large is chance in fewer than 1 of 20 gates"
        )
    elif visible > matters:
        verdict = "cannot tell"
        needed = rows_needed(matters, pair.discordance, alpha, POWER)
        reason = (
            f"{what}: no loss is shown ({measured}), but these rows would show only one of {_points(visible)} points "
            f"or more; {needed:,} {noun} would show {_points(matters)}"
        )
    else:
        verdict = "passes"
        reason = f"{what}: no loss is shown ({measured}); one of {_points(visible)} points would have been"
    return Compared(
        what=what,
        n=pair.n,
        loss=pair.loss,
        low=low,
        high=high,
        visible=visible,
        matters=matters,
        verdict=verdict,
        reason=reason,
    )


def limited(what: str, champion: float, candidate: float, unit: str, limit: float) -> Measured:
    """A measured quantity of both, of which the candidate may need at most `limit` times as much."""
    times = candidate / champion if champion else 1.0
    verdict: Verdict = "passes" if times <= limit else "refused"
    said = f"{what}: {candidate:,.3g} {unit} against {champion:,.3g}, {times:.2f} times as much"
    reason = f"{said}; at most {limit:g} times is allowed" if verdict == "refused" else said
    return Measured(
        what=what,
        champion=champion,
        candidate=candidate,
        unit=unit,
        limit=limit,
        verdict=verdict,
        reason=reason,
    )


def _points(share: float) -> str:
    """A share as points with a sign only where it is below 0."""
    return percent(share).replace(" %", "").replace("-", "−")


def of_answers(
    champion: Logged, candidate: Logged, thresholds: tuple[float | None, float | None]
) -> tuple[Comparison, npt.NDArray[np.int64]]:
    """What two logged detectors flag on the rows that both files hold, and which rows of the candidate's these are.

    `thresholds` are the champion's and the candidate's; a row without an answer is not flagged. Raises UserError where
    they share no row, or where nothing says what one of them flags.
    """
    places = {id_: place for place, id_ in enumerate(champion.ids.to_pylist())}
    pairs = [(places[id_], place) for place, id_ in enumerate(candidate.ids.to_pylist()) if id_ in places]
    if not pairs:
        raise UserError("the two files have no id in common", fix="give both the same ids, on the same rows")
    first, second = (np.array(side, np.int64) for side in zip(*pairs, strict=True))
    answers = [one.rows(threshold).answer for one, threshold in zip((champion, candidate), thresholds, strict=True)]
    for one, answer in zip((champion, candidate), answers, strict=True):
        if np.isnan(answer).all():
            raise UserError(f"nothing says what {one.detector} flags", fix="give a threshold for its scores")
    flags = answers[0][first] == 1.0, answers[1][second] == 1.0
    return Comparison("the answers", candidate.truth[second] == 1.0, *flags), second
