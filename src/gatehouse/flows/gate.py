"""The gate between a candidate release and the champion: both judged on the same rows, each at points found anew."""

from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from gatehouse.datasets import build
from gatehouse.errors import UserError
from gatehouse.evaluation.gate import Comparison, GateReport, Measured, gate, limited
from gatehouse.flows import learn
from gatehouse.flows.judge import Judge
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Shelf, open_judge
from gatehouse.flows.telling import slices_of
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
    if dataset.features is not None:
        _refuse_other_columns(open_judge(shelf, [champion]), open_judge(shelf, [candidate]), dataset)
    rivals = [_rival(pack, release, dataset, shelf) for release in (champion, candidate)]
    rows = [learn.rows_on(dataset, "test", rival.judge.features) for rival in rivals]
    flags = [_flags(rival, rival.judge.with_features(*own)) for rival, own in zip(rivals, rows, strict=True)]
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
    events, features = (batch.filter(pa.array(known)) for batch in rows[1])
    label = next(point.label for point in rivals[1].points if point.step == main)
    cut = slices_of(pack, rivals[1].judge, label, events, features)
    measured = _measured(rivals, rows[1][0], pack, clock)
    return gate(first, [one for _, one in comparisons.values()], list(cut), pack.policy.gate, measured)


def _rival(pack: Pack, release: Release, dataset: Dataset, shelf: Shelf) -> Rival:
    judge = open_judge(shelf, [release])
    points = learn.find_points(pack, dataset, judge.detectors)
    learnt = pack.recipe.detector
    model = shelf.registry.model(learnt, release.detectors[learnt])
    size = sum(len(shelf.files.get(f"{learnt}/{file}", digest)) for file, digest in model.files.items())
    return Rival(release, judge, points, size)


def _refuse_other_columns(champion: Judge, candidate: Judge, dataset: Dataset) -> None:
    """Raises UserError where rows that were frozen for the candidate mean something else to the champion."""
    ours, theirs = _declared(candidate), _declared(champion)
    changed = [name for name, said in theirs.items() if ours.get(name) != said]
    if changed:
        [(pack, version)] = champion.releases.items()
        raise UserError(
            f"release {version} reads {', '.join(changed)}, of which the rows of data set '{dataset.info.name}' "
            f"({dataset.info.version}) say nothing or something else, so the two cannot be compared on them",
            fix=f"compare with a release that reads the same columns: gatehouse releases {pack} lists them",
        )


def _declared(judge: Judge) -> dict[str, str]:
    """What each column means to a judge, by its name."""
    versions = {detector.name: detector.version for detector in judge.detectors}
    features = judge.features
    return {
        **{column.name: column.kind for column in features.profile},
        **{score.name: f"{score.label} by {versions[score.detector]}" for score in features.scores},
        **{window.name: window.said() for window in features.windows},
    }


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
    alone = "one text alone" if pack.recipe.learner == "linear" else "one account alone"
    return (
        limited(f"{alone}, the middle of the times", one * 1e6, other * 1e6, "µs", rules.slower),
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
