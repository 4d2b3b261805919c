"""How often a promised precision is broken, over 1,000 draws from populations whose true precision is known.

Each draw gives n labelled rows; an operating point is resolved on them as a pack's is; its true precision is that of
the whole population at its threshold. A promise is broken where the true precision is below it.

What the method guarantees is the share of broken promises among all draws: at most 5 %. Among the draws that resolved a
point it is the same where nearly all do. In a population that is nowhere precise enough the few draws that do resolve
one (at most 5 %) are all broken promises: no rule can have it otherwise, since it sees only the draw. So the share
among resolved draws is judged where at least half of the draws resolve one, the share among all draws everywhere: the
upper 95 % bound must be at most 7 %. Ends with 1 where it is not.
"""

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

import sys
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import stats

from gatehouse.policies.points import resolve
from gatehouse.records.enforcement import Kind
from gatehouse.records.policy import Policy, Step, Target
from gatehouse.stats.intervals import clopper_pearson

DRAWS = 1_000
BROKEN_AT_MOST = 0.07
RESOLVED_AT_LEAST = 0.5
PROMISES = (0.8, 0.9, 0.95)
SIZES = (500, 2_000, 8_000)
ROWS = 400_000

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Population:
    """Scores of a large population from the highest down, with each row's chance of being positive."""

    name: str
    score: Floats
    chance: Floats

    @classmethod
    def of(cls, name: str, score: Floats, chance_at: Callable[[Floats], Floats]) -> "Population":
        """A population of these scores, each positive with the chance that its score says by this rule."""
        ordered = np.sort(score)[::-1]
        return cls(name, ordered, np.clip(chance_at(ordered), 0.0, 1.0))

    def draw(self, n: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Scores and truth of n rows."""
        rows = rng.integers(0, len(self.score), n)
        return self.score[rows], (rng.random(n) < self.chance[rows]).astype(np.float64)

    def true(self, threshold: float) -> tuple[float, float]:
        """Precision and recall at a threshold."""
        flagged = int(np.searchsorted(-self.score, -threshold, side="right"))
        hits = float(np.sum(self.chance[:flagged]))
        return (hits / flagged if flagged else 1.0), hits / float(np.sum(self.chance))


def populations() -> list[Population]:
    spread = stats.beta(0.35, 0.9).ppf((np.arange(ROWS) + 0.5) / ROWS)
    rare = stats.beta(0.04, 1.6).ppf((np.arange(ROWS) + 0.5) / ROWS)
    return [
        Population.of("score is the chance", spread, lambda s: s),
        Population.of("overconfident", spread, lambda s: 0.97 * s**1.5),
        Population.of("underconfident", spread, np.sqrt),
        Population.of("rare, 2 % positive", rare, lambda s: s),
        Population.of("20 steps of scores", np.round(spread * 20) / 20, lambda s: s),
        Population.of("worst scores are wrong", spread, lambda s: np.where(s > 0.995, 0.6, s)),
        Population.of("never precise enough", spread, lambda s: np.minimum(s, 0.795)),
    ]


def point(score: Floats, truth: Floats, promise: float) -> float | None:
    step = Step(
        name="certain",
        detector="drawn.linear",
        label="positive",
        clause="1",
        target=Target(aim="precision_at_least", value=promise),
        enforce=Kind.REMOVE,
    )
    policy = Policy(name="drawn", version="1", title="", text="", owner="", clauses=(), steps=(step,))
    found = resolve(policy, step, score, truth, detector_version="1", dataset="drawn", population="drawn")
    return found.threshold


def main() -> int:
    rng = np.random.default_rng(2026)
    missed = 0
    print(f"{DRAWS:,} draws each; share with its 95 % interval; n labelled rows a draw")
    print(f"{'population':24} promise      n  resolved  broken of all           broken of resolved      true recall")
    for population in populations():
        for promise in PROMISES:
            for n in SIZES:
                resolved, broken, recalls = 0, 0, []
                for _ in range(DRAWS):
                    threshold = point(*population.draw(n, rng), promise)
                    if threshold is None:
                        continue
                    precision, recall = population.true(threshold)
                    resolved += 1
                    broken += precision < promise
                    recalls.append(recall)
                over_all = clopper_pearson(broken, DRAWS)
                judged = resolved >= RESOLVED_AT_LEAST * DRAWS
                among = clopper_pearson(broken, resolved) if resolved else None
                bad = over_all[1] > BROKEN_AT_MOST or (judged and among is not None and among[1] > BROKEN_AT_MOST)
                missed += bool(bad)
                of_resolved = f"{broken / resolved:.3f} [{among[0]:.3f}, {among[1]:.3f}]" if among else "-"
                note = "MISSED" if bad else "" if judged else "few resolve: judged over all draws"
                print(
                    f"{population.name:24} {promise:7.2f} {n:6,} {resolved / DRAWS:9.3f}  "
                    f"{broken / DRAWS:.3f} [{over_all[0]:.3f}, {over_all[1]:.3f}]  {of_resolved:22}  "
                    f"{np.mean(recalls) if recalls else 0:.3f}  {note}"
                )
    print(f"{missed} of {len(populations()) * len(PROMISES) * len(SIZES)} above {BROKEN_AT_MOST}")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
