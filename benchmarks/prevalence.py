"""Coverage and cost of prevalence intervals at .1 %, against a simple draw of the same width.

A million items, a thousand of which violate, with scores of a stated ROC-AUC (two normal curves, calibrated). Each run
draws new positives, a new sample by score, new looks of reviewers with sensitivity .9 and specificity .995, and new
measurements of those two rates (on 500 positives and 2,000 negatives), whose uncertainty the interval carries. A look
is a label: second looks are counted. The simple draw has the same practice and the same reviewers; its number of
labels is moved until its mean width is that of the draw by score. `observed` is the coverage of intervals whose
variance is only what was observed; `at best` how many times fewer items the best chances would take, by arithmetic.

Run: python benchmarks/prevalence.py [RUNS]. Exits 1 when the promise (first line) is not kept: coverage between 93 and
97 %, at least 5 times fewer labels.
"""

import sys
from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from gatehouse.stats.draws import chances, sizes
from gatehouse.stats.intervals import Interval, wilson
from gatehouse.stats.plans import simple
from gatehouse.stats.prevalence import Drawn, share
from gatehouse.stats.reviewers import Reviewers, effective, measured

N, POSITIVES = 1_000_000, 1_000
TRUE = POSITIVES / N
SENSITIVITY, SPECIFICITY = 0.9, 0.995
GOLD_POSITIVES, GOLD_NEGATIVES = 500, 2_000
RUNS = 1_000
ELSEWHERE = 300

Floats = npt.NDArray[np.float64]


class Setting(NamedTuple):
    """A draw to try: how well scores order, how many see a positive, items drawn, harm that the score is blind to."""

    auc: float
    looks: int
    items: int
    unseen: float = 0.0


class Found(NamedTuple):
    """What the runs showed: truths covered (also with the observed variance alone), mean width, labels and estimate."""

    covered: int
    observed: int
    runs: int
    width: float
    labels: float
    estimate: float

    def coverage(self) -> str:
        """Share of runs whose interval holds the truth, with its own 95 % interval."""
        low, high = wilson(self.covered, self.runs)
        return f"{self.covered / self.runs:6.1%} [{low:.1%}, {high:.1%}]"


PROMISE = Setting(0.99, 3, 15_000)
SETTINGS = (
    Setting(0.985, 3, 15_000),
    Setting(0.98, 3, 15_000),
    Setting(0.95, 3, 15_000),
    Setting(0.99, 5, 15_000),
    Setting(0.98, 5, 15_000),
    Setting(0.95, 5, 15_000),
    Setting(0.99, 1, 15_000),
    Setting(0.99, 3, 15_000, 0.05),
    Setting(0.98, 3, 15_000, 0.10),
)


class Population:
    """Scores of a million items; the negatives stay, the positives are new in each run."""

    def __init__(self, setting: Setting, rng: np.random.Generator) -> None:
        self._apart = float(np.sqrt(2) * special.ndtri(setting.auc))
        self._unseen = setting.unseen
        self._negatives = rng.standard_normal(N - POSITIVES)

    def scores(self, rng: np.random.Generator) -> Floats:
        """Calibrated chances to violate, the positives' first."""
        seen = rng.random(POSITIVES) >= self._unseen
        place = np.concatenate([rng.standard_normal(POSITIVES) + self._apart * seen, self._negatives])
        odds = special.logit(TRUE) + self._apart * place - self._apart**2 / 2
        return np.asarray(special.expit(odds), np.float64)


def looked_at(violating: npt.NDArray[np.bool_], looks: int, rng: np.random.Generator) -> tuple[Floats, int]:
    """What reviewers call violating, and how many labels that took."""
    says_yes = np.where(violating, SENSITIVITY, 1 - SPECIFICITY)
    first = rng.random(len(violating)) < says_yes
    others = rng.binomial(looks - 1, says_yes) >= (looks - 1) // 2
    return (first & others).astype(np.float64), len(violating) + (looks - 1) * int(first.sum())


def reviewers(looks: int, rng: np.random.Generator) -> Reviewers:
    """The reviewers as measured in one run."""
    sensitivity = measured(int(rng.binomial(GOLD_POSITIVES, SENSITIVITY)), GOLD_POSITIVES)
    return Reviewers(sensitivity, measured(int(rng.binomial(GOLD_NEGATIVES, SPECIFICITY)), GOLD_NEGATIVES), looks)


def by_score(setting: Setting, runs: int, seed: int) -> Found:
    """Runs of the draw by score."""
    rng = np.random.default_rng(seed)
    population = Population(setting, rng)
    covered, observed, sums = 0, 0, np.zeros(3)
    for _ in range(runs):
        score = population.scores(rng)
        chance = chances(sizes(score), setting.items)
        rows = np.flatnonzero(rng.random(N) < chance)
        called, labels = looked_at(rows < POSITIVES, setting.looks, rng)
        drawn = Drawn(called, chance[rows], np.ones(len(rows)), score[rows], float(N))
        rates = reviewers(setting.looks, rng)
        found, plain = interval(drawn, rates), interval(replace(drawn, score=None), rates)
        covered += found.low <= TRUE <= found.high
        observed += plain.low <= TRUE <= plain.high
        sums += found.high - found.low, labels, found.estimate
    return Found(covered, observed, runs, *(sums / runs))


def interval(drawn: Drawn, measured_as: Reviewers) -> Interval:
    """The corrected share; where labels contradict the measured rates, nothing, which covers no truth."""
    try:
        return share(drawn, measured_as).corrected
    except ValueError:
        return Interval(0.0, 0.0, 0.0)


def simply(looks: int, items: int, runs: int, seed: int) -> Found:
    """Runs of a simple draw; the items that nobody called violating differ in nothing, so they are counted only."""
    rng = np.random.default_rng(seed)
    covered, sums = 0, np.zeros(3)
    for _ in range(runs):
        violating = np.arange(items) < rng.hypergeometric(POSITIVES, N - POSITIVES, items)
        called, labels = looked_at(violating, looks, rng)
        drawn = Drawn(called, np.full(items, items / N), np.ones(items), None, float(N))
        found = interval(drawn, reviewers(looks, rng))
        covered += found.low <= TRUE <= found.high
        sums += found.high - found.low, labels, found.estimate
    return Found(covered, covered, runs, *(sums / runs))


def as_wide(looks: int, width: float, runs: int, seed: int) -> Found:
    """The simple draw whose mean width is this, found by moving n; all of the population where that is not enough."""
    plan = simple(TRUE, width, reviewers(looks, np.random.default_rng(seed)), N)
    items = plan.items if plan else N // 2
    for _ in range(6):
        found = simply(looks, items, min(runs, 100), seed)
        items = int(np.clip(items * (found.width / width) ** 2, 1_000, N - 1))
    return simply(looks, items, runs, seed + 1)


def at_best(setting: Setting) -> float:
    """Items of a simple draw over those of the draw by score that has the least variance, for scores that are exact."""
    apart = float(np.sqrt(2) * special.ndtri(setting.auc))
    place = np.linspace(-9, 14, 40_001)
    violating, other = stats.norm.pdf(place, apart), stats.norm.pdf(place)
    density = TRUE * violating + (1 - TRUE) * other
    density /= density.sum()
    share_here = TRUE * violating / (TRUE * violating + (1 - TRUE) * other)
    catches, spares = effective(SENSITIVITY, SPECIFICITY, setting.looks)
    called = catches * share_here + (1 - spares) * (1 - share_here)
    return float(density @ called / (density @ np.sqrt(called)) ** 2)


def line(setting: Setting, runs: int, seed: int) -> tuple[Found, float]:
    ours = by_score(setting, runs, seed)
    peer = as_wide(setting.looks, ours.width, min(runs, ELSEWHERE), seed + 100)
    ratio = peer.labels / ours.labels
    print(
        f"{setting.auc:7.3f} {setting.looks:5} {setting.unseen:7.0%} {ours.coverage():>24} "
        f"{ours.observed / ours.runs:9.1%} {ours.width:9.5f} "
        f"{ours.estimate:9.6f} {ours.labels:9,.0f}   {peer.labels:9,.0f} {peer.width:9.5f} {peer.coverage():>24} "
        f"{ratio:6.2f} {'' if setting.unseen else f'{at_best(setting):.2f}':>8}",
        flush=True,
    )
    return ours, ratio


def main() -> int:
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else RUNS
    for looks in (1, 3, 5):
        catches, spares = effective(SENSITIVITY, SPECIFICITY, looks)
        false, true = (1 - spares) * (1 - TRUE), catches * TRUE
        print(f"looks {looks}: sensitivity {catches:.4f}, specificity {spares:.7f}; false to true {false / true:.3f}")
    print(f"{'':21} {'by score':73} simple, as wide")
    print(
        f"{'ROC-AUC':>7} {'looks':>5} {'unseen':>7} {'coverage':>24} {'observed':>9} {'width':>9} {'estimate':>9} "
        f"{'labels':>9}   {'labels':>9} {'width':>9} {'coverage':>24} {'ratio':>6} {'at best':>8}"
    )
    kept, ratio = line(PROMISE, runs, 1)
    for seed, setting in enumerate(SETTINGS, 2):
        line(setting, min(runs, ELSEWHERE), seed)
    good = 0.93 <= kept.covered / kept.runs <= 0.97 and ratio >= 5
    print(
        f"promised: coverage 93 to 97 % over {kept.runs:,} runs, 5 times fewer labels: {'kept' if good else 'BROKEN'}"
    )
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
