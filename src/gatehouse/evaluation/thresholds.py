"""Moving from one detector's scores to another's: which threshold does the same, and what changes then."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from gatehouse.stats.agreement import cohen_kappa
from gatehouse.stats.clustered import korn_graubard
from gatehouse.stats.intervals import Interval, Measure, bootstrap, clopper_pearson, paired_difference
from gatehouse.stats.metrics import Flagged, Floats

LEAST_POSITIVES = 50
"""Under so many positives only counts are given."""

DRAWS = 500


@dataclass(frozen=True, eq=False)
class Beside:
    """Two detectors' scores for the same n texts, with the truth (1, 0; NaN: not known) where people labelled them.

    `clusters` names what belongs together, such as an author's texts.
    """

    theirs: Floats
    ours: Floats
    truth: Floats
    clusters: npt.NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        if not len(self.theirs) == len(self.ours) == len(self.truth) or not len(self.theirs):
            raise ValueError("both detectors must have scored the same texts, and at least one")

    def __len__(self) -> int:
        return len(self.theirs)

    def labelled(self) -> "Beside":
        """The labelled texts among them; raises ValueError where there is none."""
        known = ~np.isnan(self.truth)
        clusters = None if self.clusters is None else self.clusters[known]
        return Beside(self.theirs[known], self.ours[known], self.truth[known], clusters)


@dataclass(frozen=True)
class Difference:
    """A measure of both at a pair of thresholds, and ours less theirs on the same texts; None: too few to say."""

    measure: str
    theirs: Interval | None
    ours: Interval | None
    ours_less_theirs: Interval | None


@dataclass(frozen=True)
class Counterpart:
    """What stands in for a threshold: ours that flags as many texts, and how far both then flag the same.

    `threshold` is None where too few (or all) were flagged to say. `kappa` is agreement beyond
    chance. Where people labelled the texts, `measures` compare precision, recall and false positive rate of the two.
    """

    given: float
    n: int
    flagged: int
    share: Interval
    threshold: Interval | None
    both: int
    only_theirs: int
    only_ours: int
    kappa: Interval | None
    labelled: int
    positives: int
    measures: tuple[Difference, ...]


def rank_correlation(beside: Beside, rng: np.random.Generator) -> Interval | None:
    """Spearman's correlation of the two scores with its interval; None where one of them never changes."""
    one, other = stats.rankdata(beside.theirs), stats.rankdata(beside.ours)
    if len(beside) < 3 or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None

    def correlation(weights: Floats) -> Floats:
        total = weights.sum(-1, keepdims=True)
        x, y = (one - (weights @ one)[..., None] / total), (other - (weights @ other)[..., None] / total)
        spread = np.sqrt((weights * x * x).sum(-1) * (weights * y * y).sum(-1))
        with np.errstate(invalid="ignore", divide="ignore"):
            found: Floats = (weights * x * y).sum(-1) / spread
        return found

    return _or_none(lambda: bootstrap(correlation, len(beside), rng, clusters=beside.clusters, draws=DRAWS))


def counterparts(beside: Beside, thresholds: Sequence[float], rng: np.random.Generator) -> list[Counterpart]:
    """The counterpart of each threshold."""
    return [_counterpart(beside, threshold, rng) for threshold in thresholds]


def in_digits(threshold: float, scores: Floats) -> str:
    """A threshold in as few digits, of three or more, as flag as many texts: near 1 the third says too little."""
    flagged = (scores >= threshold).sum()
    few = (f"{threshold:.{digits}f}" for digits in range(3, 17))
    return next((said for said in few if (scores >= float(said)).sum() == flagged), repr(threshold))


def _counterpart(beside: Beside, given: float, rng: np.random.Generator) -> Counterpart:
    n, flag = len(beside), beside.theirs >= given
    flagged = int(flag.sum())
    low, high = clopper_pearson(flagged, n) if beside.clusters is None else korn_graubard(flag, beside.clusters)
    threshold = _as_many(beside, flag, rng) if 0 < flagged < n else None
    ours = beside.ours >= threshold.estimate if threshold else np.zeros(n, np.bool_)
    kappa = None
    if threshold:
        pair = flag.astype(np.int64), ours.astype(np.int64)
        kappa = _or_none(lambda: cohen_kappa(*pair, rng, clusters=beside.clusters, draws=DRAWS).value)
    known = ~np.isnan(beside.truth)
    return Counterpart(
        given=given,
        n=n,
        flagged=flagged,
        share=Interval(flagged / n, float(low), float(high)),
        threshold=threshold,
        both=int((flag & ours).sum()),
        only_theirs=int((flag & ~ours).sum()),
        only_ours=int((~flag & ours).sum()),
        kappa=kappa,
        labelled=int(known.sum()),
        positives=int((beside.truth == 1).sum()),
        measures=_measures(beside, flag, ours, rng) if threshold and known.any() else (),
    )


def _as_many(beside: Beside, flag: npt.NDArray[np.bool_], rng: np.random.Generator) -> Interval | None:
    """Our threshold that flags as many texts as theirs, with its interval by the bootstrap over texts (or clusters)."""
    order = np.argsort(-beside.ours, kind="stable")
    descending, theirs = beside.ours[order], flag.astype(np.float64)

    def threshold(weights: Floats) -> Floats:
        wanted = weights @ theirs
        reached = np.cumsum(weights[..., order], axis=-1)
        place = (reached < wanted[..., None]).sum(-1)
        found: Floats = np.where(wanted > 0, descending[np.minimum(place, len(descending) - 1)], np.nan)
        return found

    return _or_none(lambda: bootstrap(threshold, len(beside), rng, clusters=beside.clusters, draws=DRAWS))


def _measures(
    beside: Beside, theirs: npt.NDArray[np.bool_], ours: npt.NDArray[np.bool_], rng: np.random.Generator
) -> tuple[Difference, ...]:
    known = ~np.isnan(beside.truth)
    part = beside.labelled()
    if (part.truth == 1).sum() < LEAST_POSITIVES or (part.truth == 0).sum() < LEAST_POSITIVES:
        return ()
    first = Flagged(part.truth, ours[known].astype(np.float64))
    second = Flagged(part.truth, theirs[known].astype(np.float64))
    pairs = (
        ("precision", first.precision, second.precision),
        ("recall", first.recall, second.recall),
        ("false positive rate", first.false_positive_rate, second.false_positive_rate),
    )
    return tuple(_difference(name, ours, theirs, part, rng) for name, ours, theirs in pairs)


def _difference(name: str, ours: Measure, theirs: Measure, part: Beside, rng: np.random.Generator) -> Difference:
    def alone(measure: Measure) -> Interval | None:
        return _or_none(lambda: bootstrap(measure, len(part), rng, clusters=part.clusters, draws=DRAWS))

    less = _or_none(lambda: paired_difference(ours, theirs, len(part), rng, clusters=part.clusters, draws=DRAWS))
    return Difference(name, alone(theirs), alone(ours), less)


def _or_none(interval: Callable[[], Interval]) -> Interval | None:
    """The interval, or None where the texts are too few or too much alike for one."""
    try:
        return interval()
    except ValueError:
        return None
