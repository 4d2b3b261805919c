"""Evaluation of detectors and decisions on the test part: figures with their intervals, curves, and counts."""

from collections import Counter
from collections.abc import Sequence

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.evaluation.estimate import FEWEST, Estimate, share
from gatehouse.policies.explain import percent, score_in_words
from gatehouse.records.decision import Outcome, Outcomes
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Point
from gatehouse.stats import intervals, metrics
from gatehouse.stats.operating import restated_precision

CURVE_POINTS = 200
RELIABILITY_BINS = 15
HISTOGRAM_BINS = 25

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float64]


class PointFigures(msgspec.Struct, frozen=True, kw_only=True):
    """What an operating point does on the test part, among the rows that were scored.

    The estimates are None where their denominator is empty or where the label has too few positives.
    """

    step: str
    threshold: float
    flagged: int
    hits: int
    precision: Estimate | None = None
    recall: Estimate | None = None
    false_positive_rate: Estimate | None = None

    def __str__(self) -> str:
        return f"{self.step} ≥ {score_in_words(self.threshold)}"

    def restated(self, prevalence: float) -> Estimate | None:
        """Precision of the same threshold where another share of rows is positive, by Bayes' rule.

        Its interval is that of the ends of recall and false positive rate that lie worst and best, so rather too wide
        than too narrow. It holds where positives look like these positives, and negatives like these negatives.
        """
        recall, rate = self.recall, self.false_positive_rate
        if recall is None or rate is None or not self.flagged:
            return None
        ends = (recall.value, recall.low, recall.high), (rate.value, rate.high, rate.low)
        value, low, high = restated_precision(*ends, prevalence).tolist()
        return Estimate(value, low, high)


class Curve(msgspec.Struct, frozen=True):
    """A precision-recall curve by rising recall, thinned for drawing."""

    recall: tuple[float, ...]
    precision: tuple[float, ...]


class Histogram(msgspec.Struct, frozen=True):
    """Counts of scores between neighbouring edges, apart for the two classes."""

    edges: tuple[float, ...]
    positives: tuple[int, ...]
    negatives: tuple[int, ...]


class LabelReport(msgspec.Struct, frozen=True, kw_only=True):
    """How well one label is told on the test part.

    `rows` are all rows, `unknown` those whose truth is not known and which are left out, `n` the rest; `scored` of
    those were scored, the others abstained or failed. All figures speak of the scored rows. They are None where
    `withheld` says why; counts are always there.
    """

    name: str
    rows: int
    unknown: int
    n: int
    positives: int
    scored: int
    positives_scored: int
    withheld: str | None = None
    pr_auc: Estimate | None = None
    roc_auc: Estimate | None = None
    brier: Estimate | None = None
    ece: Estimate | None = None
    macro_f1: Estimate | None = None
    macro_f1_at: str = ""
    points: tuple[PointFigures, ...] = ()
    curve: Curve | None = None
    bins: tuple[metrics.Bin, ...] = ()
    histogram: Histogram | None = None

    @property
    def base_rate(self) -> float:
        """Share of positives among the rows whose truth is known."""
        return self.positives / self.n if self.n else 0.0

    @property
    def coverage(self) -> float:
        """Share of the rows with known truth that were scored."""
        return self.scored / self.n if self.n else 0.0

    @property
    def population(self) -> str:
        """What the figures speak of: `n = 1,099, base rate 12.7 %`, and how many were scored where not all were."""
        said = f"n = {self.n:,}, base rate {percent(self.base_rate)}"
        return said if self.scored == self.n else f"{said}, {percent(self.coverage)} of them scored"


class DecisionGroup(msgspec.Struct, frozen=True, kw_only=True):
    """Test rows that were decided alike and for the same reason, with how many were labelled positive.

    `unknown` rows have no label to compare with.
    """

    outcome: str
    enforce: str
    review: bool
    step: str | None
    clause: str | None
    reason: str
    count: int
    positives: int
    unknown: int

    @property
    def labelled(self) -> int:
        """Rows of the group whose truth is known."""
        return self.count - self.unknown


def evaluate_label(
    name: str,
    scores: Floats,
    truth: Floats,
    points: Sequence[Point],
    rng: np.random.Generator,
    draws: int = 200,
    clusters: npt.NDArray[np.int64] | None = None,
    rows_are: str = "texts",
) -> LabelReport:
    """Figures of one label with 95 % intervals from `draws` bootstrap draws, at its points and over all thresholds.

    `scores` is float64 [n], NaN where the detector abstained or failed; `truth` is float64 [n] of 1, 0 or NaN
    (unknown). Of `points` those of this label that have a threshold count; a row is flagged at `score >= threshold`.
    `clusters` int64 [n] names what each row belongs to (its author); then clusters are drawn, not rows. `rows_are` is
    the plural noun for what is judged.
    """
    known = ~np.isnan(truth)
    scored = known & ~np.isnan(scores)
    score, positive = scores[scored], truth[scored] >= 0.5
    report = LabelReport(
        name=name,
        rows=len(truth),
        unknown=int(np.sum(~known)),
        n=int(np.sum(known)),
        positives=int(np.sum(truth[known] >= 0.5)),
        scored=len(score),
        positives_scored=int(np.sum(positive)),
        points=tuple(
            counted(point.step, point.threshold, score, positive)
            for point in points
            if point.label == name and point.threshold is not None
        ),
    )
    withheld = _too_little(report, rows_are)
    if withheld:
        return msgspec.structs.replace(report, withheld=withheld)
    members = None if clusters is None else clusters[scored]
    return _with_figures(report, score, positive, members, rng, draws)


def _with_figures(
    report: LabelReport,
    score: Floats,
    positive: Bools,
    members: npt.NDArray[np.int64] | None,
    rng: np.random.Generator,
    draws: int,
) -> LabelReport:
    threshold, at = review_point(report.points)
    ranked = metrics.Ranked(positive, score)
    calibration = metrics.Calibration(positive, score, RELIABILITY_BINS)

    def estimated(measure: intervals.Measure) -> Estimate:
        found = intervals.bootstrap(measure, len(score), rng, clusters=members, draws=draws)
        # Draws are noisier than the rows, which can lift the interval of an error near 0 off its estimate.
        return Estimate(found.estimate, min(found.low, found.estimate), max(found.high, found.estimate))

    def at_point(point: PointFigures) -> PointFigures:
        if members is None:
            return _estimated(point, report)
        flagged = metrics.Flagged(positive, score >= point.threshold)
        return msgspec.structs.replace(
            point,
            precision=estimated(flagged.precision) if point.flagged else None,
            recall=estimated(flagged.recall),
            false_positive_rate=estimated(flagged.false_positive_rate),
        )

    figures = msgspec.structs.replace(
        report,
        pr_auc=estimated(ranked.pr_auc),
        roc_auc=estimated(ranked.roc_auc),
        brier=estimated(calibration.brier),
        ece=estimated(calibration.debiased_ece),
        macro_f1=estimated(metrics.Flagged(positive, score >= threshold).macro_f1),
        macro_f1_at=at,
        points=tuple(at_point(point) for point in report.points),
    )
    return with_curves(figures, score, positive)


def with_curves(report: LabelReport, score: Floats, positive: Bools) -> LabelReport:
    """The report with what its charts are drawn from: scores and truth of the scored rows, of both classes."""
    return msgspec.structs.replace(
        report,
        curve=_thinned(positive, score),
        bins=metrics.reliability(positive, score, RELIABILITY_BINS),
        histogram=_histogram(positive, score),
    )


def decisions(outcomes: Outcomes, truth: Floats) -> tuple[DecisionGroup, ...]:
    """One policy's decisions on the test part, counted by what they are and why, the most frequent first.

    `truth` is float64 [n]: 1 where the row holds what the policy is about, 0 where not, NaN unknown.
    """
    keys = list(
        zip(
            outcomes.outcome.tolist(),
            outcomes.enforce.tolist(),
            outcomes.review.tolist(),
            outcomes.step.tolist(),
            outcomes.reason.tolist(),
            strict=True,
        )
    )
    counts = Counter(keys)
    positives = Counter(key for key, value in zip(keys, truth, strict=True) if value >= 0.5)
    unknown = Counter(key for key, value in zip(keys, truth, strict=True) if np.isnan(value))
    groups = []
    for key, count in counts.items():
        outcome, enforce, review, step, reason = key
        groups.append(
            DecisionGroup(
                outcome=Outcome(outcome).word,
                enforce=Kind(enforce).word,
                review=review,
                step=outcomes.steps[step] if step >= 0 else None,
                clause=outcomes.clauses[step] if step >= 0 else None,
                reason=outcomes.reasons[reason],
                count=count,
                positives=positives[key],
                unknown=unknown[key],
            )
        )
    return tuple(sorted(groups, key=lambda group: (-group.count, group.reason)))


def _too_little(report: LabelReport, rows_are: str) -> str | None:
    """Why the figures of a label are withheld, or None."""
    positives, negatives = report.positives_scored, report.scored - report.positives_scored
    if not report.scored:
        return f"counts only: no test {rows_are.removesuffix('s')} with a known label was scored"
    if not negatives or not positives:
        which = "none" if not positives else "every one"
        among = f"{which} of the {report.scored:,} scored test {rows_are}"
        return f"counts only: {among} is a positive, so nothing can be compared"
    if min(positives, negatives) < FEWEST:
        few = f"{positives:,} positives" if positives < FEWEST else f"{negatives:,} negatives"
        return (
            f"counts only: {few} among {report.scored:,} scored test {rows_are}, and a figure needs at least {FEWEST}"
        )
    return None


def counted(step: str, threshold: float, score: Floats, positive: Bools) -> PointFigures:
    """How many rows a threshold flags, and how many of them are positive."""
    flagged = score >= threshold
    hits = int(np.sum(flagged & positive))
    return PointFigures(step=step, threshold=threshold, flagged=int(np.sum(flagged)), hits=hits)


def _estimated(point: PointFigures, report: LabelReport) -> PointFigures:
    """A point's counts with its shares of the rows flagged, of the positives and of the negatives."""
    return msgspec.structs.replace(
        point,
        precision=share(point.hits, point.flagged),
        recall=share(point.hits, report.positives_scored),
        false_positive_rate=share(point.flagged - point.hits, report.scored - report.positives_scored),
    )


def review_point(points: Sequence[PointFigures]) -> tuple[float, str]:
    """The threshold from which on the policy wants a text seen (its lowest), or .5, with its name in words."""
    if not points:
        return 0.5, f"at {score_in_words(0.5)}"
    lowest = min(points, key=lambda point: point.threshold)
    return lowest.threshold, f"at {lowest}"


def _thinned(positive: Bools, score: Floats) -> Curve:
    """The curve at no more than CURVE_POINTS places, evenly along the way it takes, with both ends."""
    precision, recall, _ = metrics.pr_curve(positive, score)
    way = np.cumsum(np.abs(np.diff(recall, prepend=recall[0])) + np.abs(np.diff(precision, prepend=precision[0])))
    kept = np.unique(np.searchsorted(way, np.linspace(0.0, way[-1], CURVE_POINTS)))
    return Curve(tuple(recall[kept].tolist()), tuple(precision[kept].tolist()))


def _histogram(positive: Bools, score: Floats) -> Histogram:
    edges = np.linspace(0.0, 1.0, HISTOGRAM_BINS + 1)
    return Histogram(
        tuple(edges.tolist()),
        tuple(np.histogram(score[positive], edges)[0].tolist()),
        tuple(np.histogram(score[~positive], edges)[0].tolist()),
    )
