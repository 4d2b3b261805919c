"""The gate between a candidate release and the champion: both judged on the same rows, each at points found anew."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.datasets import build
from gatehouse.errors import UserError
from gatehouse.evaluation import slices
from gatehouse.evaluation.gate import Comparison, GateReport, Measured, gate, limited
from gatehouse.flows import learn
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.records.dataset import Dataset, Release
from gatehouse.records.decision import Judgement
from gatehouse.records.policy import Point

LIKELY = 0.5
TIMED = 200
ROUNDS = 5

Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rival:
    """One of the two: its release, the judge of it, and its points on the common rows."""

    release: Release
    judge: Judge
    points: tuple[Point, ...]
    size: int


def compare(pack: Pack, candidate: Release, champion: Release, shelf: Shelf, clock: Callable[[], float]) -> GateReport:
    """Judge both on the test part of the candidate's data set, with points found on its part `points`.

    `clock` gives seconds, for the latency of single texts. Raises UserError where the two do not speak of one label.
    """
    dataset, _ = learn.learnt_from(pack, candidate, shelf)
    rivals = [_rival(pack, release, dataset, shelf) for release in (champion, candidate)]
    events = learn.as_events(dataset, "test")
    flags, judged = [], []
    for rival in rivals:
        features = rival.judge.features.compute(events)
        judgement = rival.judge.with_features(events, features)
        judged.append(features)
        flags.append(_flags(rival, judgement))
    shared = [step for step in flags[1] if step in flags[0]]
    if not shared:
        raise UserError(
            f"releases {champion.version} and {candidate.version} have no step in common to compare",
            fix="compare releases of one policy, or train the champion again under the new one",
        )
    comparisons = {}
    for step in shared:
        label = next(point.label for point in rivals[1].points if point.step == step)
        _, truth = build.targets(dataset, "test", (label,))
        known = ~np.isnan(truth[:, 0])
        comparisons[step] = (
            known,
            Comparison(step, truth[known, 0] >= 0.5, flags[0][step][known], flags[1][step][known]),
        )
    main = _main_step(pack, rivals[1], shared)
    known, first = comparisons.pop(main)
    mask = pa.array(known)
    cut = slices.of_texts(
        events.column("text").filter(mask),
        judged[1].column("language").filter(mask),
        events.column("occurred").filter(mask),
    )
    measured = _measured(rivals, events, pack, clock)
    return gate(first, [one for _, one in comparisons.values()], list(cut), pack.policy.gate, measured)


def _rival(pack: Pack, release: Release, dataset: Dataset, shelf: Shelf) -> Rival:
    judge = open_judge(shelf, [release])
    points = learn.find_points(pack, dataset, judge.detectors)
    linear = f"{pack.name}.linear"
    model = shelf.registry.model(linear, release.detectors[linear])
    size = sum(len(shelf.files.get(f"{linear}/{file}", digest)) for file, digest in model.files.items())
    return Rival(release, judge, points, size)


def _flags(rival: Rival, judgement: Judgement) -> dict[str, Flags]:
    """What each step with a score flags; where no threshold was found, from the score on that a person looks at."""
    blocks = {block.detector: block for block in judgement.signals}
    found = {}
    for point in rival.points:
        block = blocks.get(point.detector)
        if block is not None and point.label in block.labels:
            threshold = LIKELY if point.threshold is None else point.threshold
            found[point.step] = np.nan_to_num(block.scores(point.label), nan=-1.0) >= threshold
    return found


def _main_step(pack: Pack, candidate: Rival, shared: list[str]) -> str:
    """The step of the main label that flags most: from its threshold on the policy wants a text seen."""
    points = [point for point in candidate.points if point.step in shared]
    own = [point for point in points if point.label == pack.recipe.labels[0]] or points
    return min(own, key=lambda point: LIKELY if point.threshold is None else point.threshold).step


def _measured(
    rivals: list[Rival], events: pa.RecordBatch, pack: Pack, clock: Callable[[], float]
) -> tuple[Measured, ...]:
    rules = pack.policy.gate
    champion, candidate = rivals
    one, other = _latencies(champion.judge, candidate.judge, events.slice(0, TIMED), clock)
    return (
        limited("one text alone, the middle of the times", one * 1e6, other * 1e6, "µs", rules.slower),
        limited("size of the model", champion.size / 1e6, candidate.size / 1e6, "MB", rules.larger),
    )


def _latencies(one: Judge, other: Judge, events: pa.RecordBatch, clock: Callable[[], float]) -> tuple[float, float]:
    """Median seconds for one text, the two taken in turns so that a busy machine slows both."""
    times: tuple[list[float], list[float]] = ([], [])
    for i in range(len(events)):
        event = events.slice(i, 1)
        for judge, into in zip((one, other), times, strict=True):
            best = float("inf")
            for _ in range(ROUNDS if i < TIMED // 10 else 1):
                start = clock()
                judge(event)
                best = min(best, clock() - start)
            into.append(best)
    return (median(times[0]), median(times[1])) if len(events) else (0.0, 0.0)
