"""Operating points: the threshold at which labelled data support what a step wants, with its bound.

Rows are taken from the highest score down, rows of one score together. Three of the aims speak of a share that only
grows as the threshold falls (of positives, of negatives, of all rows that are flagged). There one exact bound is
enough: a threshold that breaks the aim can pass only if the count at the very edge of the aim lies beyond its bound,
which happens with at most the chance 1 - confidence, however many thresholds are looked at.

Precision may rise and fall, so it is found by fixed-sequence testing: ranks of a grid fixed beforehand are tested in
order, each at the full confidence, until one fails; the last that passed gives the threshold. A wrong promise needs a
pass at the first rank of the sequence whose flagged rows are positive too seldom, and that is one single test:

- The sequence (`_sequence`) is made from scores and target alone. Given the scores, labels are independent
  draws, each row with its own chance, so that first wrong rank is fixed before a label is seen.
- The positives among k such rows are no likelier to reach the upper tail than those of k rows that all have the mean
  chance (Hoeffding 1956, theorem 4), so the binomial test keeps its level; this holds for a confidence above 3/4.

What is promised is thus the mean chance of being positive over rows that score as the flagged ones do: the precision
at that threshold. Rows must be drawn independently; copies of one text count as one piece of evidence, not many.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import msgspec
import numpy as np
import numpy.typing as npt

from gatehouse.records.policy import Aim, Point, Policy, Step, Target
from gatehouse.stats.bounds import clopper_pearson_lower, clopper_pearson_upper, items_for, labels_needed

_GRID = 1.05
_EXPECTED_ERRORS = 1.0

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Ranks:
    """Labelled rows from the highest score down, one entry for each distinct score.

    `flagged` and `hits` count the rows and the positives at or above it; `expected` is the number of errors among
    them if the scores are right.
    """

    score: Floats
    flagged: Counts
    hits: Counts
    expected: Floats

    @classmethod
    def of(cls, scores: npt.ArrayLike, truth: npt.ArrayLike) -> "Ranks":
        """Leaves out rows without a score or with unknown truth (NaN)."""
        score, true = np.asarray(scores, np.float64), np.asarray(truth, np.float64)
        if score.ndim != 1 or score.shape != true.shape:
            raise ValueError(f"scores and truth must be two columns of one length, not {score.shape}, {true.shape}")
        known = ~(np.isnan(score) | np.isnan(true))
        score, true = score[known], true[known]
        if not np.isin(true, (0.0, 1.0)).all():
            raise ValueError("truth must be 1, 0 or NaN")
        order = np.argsort(-score, kind="stable")
        score = score[order]
        ends = np.flatnonzero(np.append(score[1:] != score[:-1], len(score) > 0)).astype(np.int64)
        hits = np.cumsum(true[order] == 1.0, dtype=np.int64)
        return cls(score[ends], ends + 1, hits[ends], np.cumsum(1.0 - score)[ends])

    @property
    def n(self) -> int:
        """Labelled rows."""
        return int(self.flagged[-1]) if len(self.flagged) else 0

    @property
    def positives(self) -> int:
        """Positive rows."""
        return int(self.hits[-1]) if len(self.hits) else 0

    @property
    def false(self) -> Counts:
        """Negatives at or above each score."""
        return self.flagged - self.hits


@dataclass(frozen=True)
class Found:
    """Where a target is met, or about how many labelled rows more it would take, where that can be said."""

    threshold: float | None = None
    missing: int | None = None


def resolve(
    policy: Policy,
    step: Step,
    scores: npt.ArrayLike,
    truth: npt.ArrayLike,
    *,
    detector_version: str,
    dataset: str,
    population: str,
) -> Point:
    """The operating point of a step, from the scores of its detector and the truth (1, 0, NaN unknown) of n rows.

    Pure. Rows without a score (NaN) or truth are left out. `dataset` is the version of the labelled data and
    `population` the words for whom they speak; the point is provisional.
    """
    if step.target is None:
        raise ValueError(f"step '{step.name}' matches and has no operating point")
    target, ranks = step.target, Ranks.of(scores, truth)
    found = _FINDERS[target.aim](ranks, target)
    flagged = hits = 0
    estimate = bound = recall = precision = None
    if found.threshold is not None:
        last = int(np.searchsorted(-ranks.score, -found.threshold, side="right")) - 1
        flagged, hits = (int(ranks.flagged[last]), int(ranks.hits[last])) if last >= 0 else (0, 0)
        estimate, bound = _measured(target, ranks, flagged, hits)
        recall = hits / ranks.positives if ranks.positives else None
        precision = hits / flagged if flagged else None
    return Point(
        policy=policy.name,
        policy_version=policy.version,
        step=step.name,
        detector=step.detector,
        detector_version=detector_version,
        label=step.label,
        aim=target.aim,
        value=target.value,
        confidence=target.confidence,
        dataset=dataset,
        population=population,
        n=ranks.n,
        positives=ranks.positives,
        threshold=found.threshold,
        flagged=flagged,
        errors=flagged - hits,
        estimate=estimate,
        bound=bound,
        recall=recall,
        precision=precision,
        missing_labels=found.missing,
    )


def for_population(points: Iterable[Point], population: str) -> tuple[Point, ...]:
    """The points as they count for a population: one that was confirmed on another is provisional there.

    A promise of precision holds at the base rate it was found at; elsewhere the same threshold may keep less.
    """
    return tuple(
        point if point.population == population else msgspec.structs.replace(point, status="provisional")
        for point in points
    )


def _measured(target: Target, ranks: Ranks, flagged: int, hits: int) -> tuple[float | None, float | None]:
    """The aim's own quantity and its bound; for a bare score the precision; None where there is nothing to count."""
    part, whole, bound = {
        "precision_at_least": (hits, flagged, clopper_pearson_lower),
        "score_at_least": (hits, flagged, clopper_pearson_lower),
        "recall_at_least": (hits, ranks.positives, clopper_pearson_lower),
        "false_positive_rate_at_most": (flagged - hits, ranks.n - ranks.positives, clopper_pearson_upper),
        "review_at_most": (flagged, ranks.n, clopper_pearson_upper),
    }[target.aim]
    if not whole:
        return None, None
    return part / whole, float(bound(part, whole, target.confidence))


def _precision(ranks: Ranks, target: Target) -> Found:
    """The deepest rank of the sequence before the first test that fails."""
    tested = _sequence(ranks, target)
    passed = clopper_pearson_lower(ranks.hits[tested], ranks.flagged[tested], target.confidence) >= target.value
    count = len(tested) if passed.all() else int(np.argmin(passed))
    if count:
        return Found(float(ranks.score[tested[count - 1]]))
    return Found(missing=_missing_for_precision(ranks, target, tested))


def _grid(ranks: Ranks) -> Counts:
    """Indices of the ranks 1, 2, 3 ... and so on in steps of 5 %, each moved down to the end of its score."""
    if not ranks.n:
        return np.zeros(0, np.int64)
    steps = np.arange(np.ceil(np.log(ranks.n) / np.log(_GRID)) + 1)
    wanted = np.minimum(np.ceil(_GRID**steps), ranks.n)
    return np.unique(np.searchsorted(ranks.flagged, wanted)).astype(np.int64)


def _sequence(ranks: Ranks, target: Target) -> Counts:
    """The ranks to test, in order, made without a look at the labels.

    Ranks at which not even a clean record would pass are left out. So are ranks down to where the scores themselves
    expect one error: a first test that forgives none would often end the sequence by a single wrong label.
    """
    possible = items_for(0, target.value, target.confidence)
    likely = np.searchsorted(ranks.expected, _EXPECTED_ERRORS, side="right") - 1
    grid = _grid(ranks)
    return grid[(ranks.flagged[grid] >= possible) & (grid >= likely)]


def _missing_for_precision(ranks: Ranks, target: Target, tested: Counts) -> int | None:
    """More rows of the same kind that would make a pass likely; None where no rank seen here is precise enough.

    Rows and rates are taken to grow in proportion: the flagged rows of some rank must become as many as its own rate
    of errors needs. Where these rows would be enough already, it was the first test that met more errors than it
    forgives; its flagged rows must become as many as forgive them.
    """
    grid = _grid(ranks)
    totals = [
        ranks.n * needed / int(ranks.flagged[i])
        for i in grid
        if (needed := labels_needed(target.value, target.confidence, error_rate=ranks.false[i] / ranks.flagged[i]))
    ]
    if not totals:
        return None
    if min(totals) > ranks.n or not len(tested):
        return _more(min(totals), ranks.n)
    forgiving = items_for(int(ranks.false[tested[0]]), target.value, target.confidence)
    return _more(ranks.n * forgiving / int(ranks.flagged[tested[0]]), ranks.n)


def _recall(ranks: Ranks, target: Target) -> Found:
    """The highest threshold that flags enough of the positives."""
    if not ranks.positives:
        return Found()
    enough = clopper_pearson_lower(ranks.hits, ranks.positives, target.confidence) >= target.value
    if enough.any():
        return Found(float(ranks.score[np.argmax(enough)]))
    return Found(missing=_more_of(ranks.positives, target.value, target.confidence, ranks.n))


def _false_positive_rate(ranks: Ranks, target: Target) -> Found:
    """The lowest threshold that flags few enough of the negatives."""
    return _lowest(ranks, ranks.false, ranks.n - ranks.positives, target.value, target.confidence)


def _review(ranks: Ranks, target: Target) -> Found:
    """The lowest threshold that flags a small enough share of all rows."""
    if target.traffic is None:
        return Found()
    return _lowest(ranks, ranks.flagged, ranks.n, target.value / target.traffic, target.confidence)


def _lowest(ranks: Ranks, part: Counts, whole: int, at_most: float, confidence: float) -> Found:
    if not whole:
        return Found()
    few = clopper_pearson_upper(part, whole, confidence) <= at_most
    if few.any():
        return Found(float(ranks.score[np.count_nonzero(few) - 1]))
    return Found(missing=_more_of(whole, 1 - at_most, confidence, ranks.n))


def _fixed(_: Ranks, target: Target) -> Found:
    return Found(target.value)


_FINDERS: Mapping[Aim, Callable[[Ranks, Target], Found]] = {
    "precision_at_least": _precision,
    "recall_at_least": _recall,
    "false_positive_rate_at_most": _false_positive_rate,
    "review_at_most": _review,
    "score_at_least": _fixed,
}


def _more_of(seen: int, share: float, confidence: float, n: int) -> int | None:
    """More rows until those of one kind, of which n rows gave `seen`, are enough; None where they are already."""
    needed = items_for(0, share, confidence)
    return _more(n * needed / seen, n) if needed > seen else None


def _more(total: float, n: int) -> int:
    return max(1, int(np.ceil(total - n)))
