"""Learning: a pack's recipe and data to a draft release with its operating points."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gatehouse.datasets import build, sources
from gatehouse.detectors.base import Detector
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.run import run_all
from gatehouse.errors import UserError, did_you_mean
from gatehouse.features.define import FeatureSet
from gatehouse.flows import learn_actors
from gatehouse.flows.frozen import from_examples, learnt_from
from gatehouse.flows.judge import Judge
from gatehouse.flows.learn_actors import Ground
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Learnt, Shelf, detectors_of, keep
from gatehouse.policies.points import resolve
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.dataset import PARTS, Dataset, Part, Release
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.records.policy import Point
from gatehouse.records.signal import Signals
from gatehouse.training import actor, linear

__all__ = [
    "Learned",
    "as_events",
    "dataset_elsewhere",
    "dataset_for",
    "dataset_named",
    "find_points",
    "learnt_from",
    "parts_in_words",
    "rows_on",
    "signals_on",
    "train",
]

_TRAINED = {"linear": linear.train, "actor": actor.train}


@dataclass(frozen=True, eq=False)
class Learned:
    """What learning gave: the draft release, and the data set that it stands on."""

    pack: Pack
    dataset: Dataset
    from_examples: bool
    release: Release


def dataset_for(
    pack: Pack, shelf: Shelf, folder: Path, data_roots: Sequence[Path], engine: SqlEngine | None = None
) -> tuple[Dataset, bool]:
    """The frozen data set that the pack's recipe names, and whether it is only the pack's own examples.

    Where the files of a public source of texts are not there, the pack's examples stand in; `engine` computes the
    windows of a pack that judges actors. Raises UserError where nothing of that name is known.
    """
    if pack.recipe.learner == "actor":
        if engine is None:
            raise ValueError(f"'{pack.name}' judges actors, and nothing is given that computes their windows")
        columns = learn_actors.columns_of(pack, learn_actors.taken(pack, shelf))
        ground = Ground(shelf, folder, data_roots, engine)
        return learn_actors.dataset_named(pack.recipe.dataset, pack, columns, ground), False
    found = dataset_named(pack.recipe.dataset, shelf, folder, data_roots, str(pack.folder / "recipe.yaml"))
    return (from_examples(pack), True) if found is None else (found, False)


def dataset_named(name: str, shelf: Shelf, folder: Path, data_roots: Sequence[Path], where: str = "") -> Dataset | None:
    """The frozen data set of this name; None where it is a public one whose files are not there.

    Looks among imported sets (the newest of the name), then builds from a public source found in `data_roots` and
    freezes it under `folder`. Raises UserError where nothing of that name is known.
    """
    imported = {
        info.name: path for info, path in reversed(shelf.registry.datasets()) if info.name not in sources.SOURCES
    }
    if name in imported:
        return build.load(Path(imported[name]))
    if name not in sources.SOURCES:
        known = [*sources.SOURCES, *imported]
        raise UserError(
            f"there is no data set '{name}'",
            where=where,
            fix=did_you_mean(name, known)
            + f"known are {', '.join(known)}; your own come in by gatehouse data import FILE --name {name}",
        )
    found = sources.locate(sources.SOURCES[name], data_roots)
    if found is None:
        return None
    dataset = build.build(name, found)
    kept = folder / f"{name}-{dataset.info.version}"
    if not kept.is_dir():
        build.save(dataset, kept)
    shelf.registry.add_dataset(dataset.info, str(kept))
    return dataset


def dataset_elsewhere(
    name: str,
    pack: Pack,
    judge: Judge,
    shelf: Shelf,
    folder: Path,
    data_roots: Sequence[Path],
    engine: SqlEngine,
) -> Dataset | None:
    """The data set of this name as the judge of a release sees it; None where the files of public texts are not there.

    A history gives rows with the features of that release, which may be older than the pack's.
    """
    if pack.recipe.learner == "linear":
        return dataset_named(name, shelf, folder, data_roots)
    taken = {one.name: one for one in judge.detectors if isinstance(one, LinearDetector)}
    if gone := sorted(taken.keys() - pack.recipe.content.keys()):
        what = f"the release counts scores of {', '.join(gone)}, which the recipe no longer names as 'content'"
        raise UserError(
            what, where=str(pack.folder / "recipe.yaml"), fix=f"gatehouse train {pack.name}, or name it again"
        )
    columns = learn_actors.Columns(judge.features, taken)
    return learn_actors.dataset_named(name, pack, columns, Ground(shelf, folder, data_roots, engine))


def train(
    pack: Pack,
    dataset: Dataset,
    from_examples_only: bool,
    shelf: Shelf,
    *,
    at: int,
    by: str,
    said: Callable[[str], None] = lambda _: None,
) -> Learned:
    """Fit, calibrate, resolve the points and keep a draft release; `said` is told of each step.

    Raises UserError where a pack that judges actors is given a data set without its feature rows.
    """
    said(f"fitting {len(pack.recipe.labels)} labels")
    taken = learn_actors.taken(pack, shelf)
    if pack.recipe.learner == "actor":
        learn_actors.require_rows(pack, dataset, learn_actors.columns_of(pack, taken))
    model = _TRAINED[pack.recipe.learner](dataset, pack.recipe)
    learnt = Learnt(model, dataset.info.version, {name: one.file for name, one in taken.items()})
    said("finding operating points")
    points = find_points(pack, dataset, detectors_of(pack, learnt))
    release = keep(shelf, pack, learnt, points, at=at, by=by)
    return Learned(pack, dataset, from_examples_only, release)


def find_points(pack: Pack, dataset: Dataset, detectors: Sequence[Detector]) -> tuple[Point, ...]:
    """An operating point for each step of the policy that names a target, on the data set's part `points`."""
    signals = {block.detector: block for block in signals_on(pack, dataset, detectors, "points")}
    points = []
    for step in pack.policy.steps:
        if step.target is None:
            continue
        block = signals[step.detector]
        _, truth = build.targets(dataset, "points", (step.label,))
        points.append(
            resolve(
                pack.policy,
                step,
                block.scores(step.label),
                truth[:, 0],
                detector_version=block.version,
                dataset=dataset.info.version,
                population=dataset.info.population,
            )
        )
    return tuple(points)


def signals_on(pack: Pack, dataset: Dataset, detectors: Sequence[Detector], part: Part) -> tuple[Signals, ...]:
    """Signals of the detectors on one part of a data set, by the way that every event goes."""
    return run_all(detectors, *rows_on(dataset, part, pack.features))


def rows_on(dataset: Dataset, part: Part, features: FeatureSet) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """The events of one part with their feature rows: those that were frozen with the data set, else computed anew.

    Raises UserError where rows were frozen that lack some of the columns.
    """
    events = as_events(dataset, part)
    rows = features.compute(events)
    if dataset.features is None:
        return events, rows
    kinds = {field.name: field.type for field in dataset.features.schema}
    lacking = [field.name for field in features.schema if kinds.get(field.name) != field.type]
    if lacking:
        what = (
            f"the feature rows of data set '{dataset.info.name}' ({dataset.info.version}) have no {', '.join(lacking)}"
        )
        raise UserError(what, fix="train again under the columns that the pack declares now, or name another data set")
    there = dataset.features.filter(pa.compute.equal(dataset.rows["part"], part)).combine_chunks()
    columns = [there[name].combine_chunks() if name in kinds else rows.column(name) for name in rows.schema.names]
    return events, pa.RecordBatch.from_arrays(columns, schema=rows.schema)


def as_events(dataset: Dataset, part: Part) -> pa.RecordBatch:
    """The rows of one part as a batch of imported events."""
    rows = dataset.rows.filter(pa.compute.equal(dataset.rows["part"], part)).combine_chunks()
    n = len(rows)
    columns = {
        "id": rows["id"],
        "kind": pa.array(["post"] * n, pa.string()),
        "text": rows["text"],
        "language": rows["language"],
        "occurred": rows["occurred"],
        "seen": pa.compute.fill_null(rows["occurred"], 0),
        "imported": pa.array([True] * n),
        "actor": rows["author"],
        "revision": pa.array([0] * n, pa.int64()),
    }
    arrays = [pa.nulls(n, field.type) if field.name not in columns else columns[field.name] for field in EVENT_SCHEMA]
    table = pa.Table.from_arrays(arrays, schema=EVENT_SCHEMA).combine_chunks()
    batches = table.to_batches()
    return batches[0] if batches else pa.RecordBatch.from_pylist([], schema=EVENT_SCHEMA)


def parts_in_words(dataset: Dataset) -> str:
    """Sizes of the parts as one line: `train 2,791, calibration 400, points 780, test 1,099`."""
    return ", ".join(f"{part} {dataset.info.parts.get(part, 0):,}" for part in PARTS)
