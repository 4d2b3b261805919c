"""Learning: a pack's recipe and data to a draft release with its operating points."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa

from gatehouse.datasets import build, sources
from gatehouse.detectors.base import Detector
from gatehouse.detectors.run import run_all
from gatehouse.errors import UserError, did_you_mean
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import Shelf, detectors_of, keep
from gatehouse.policies.points import resolve
from gatehouse.records.dataset import PARTS, Dataset, Part, Release
from gatehouse.records.event import EVENT_SCHEMA
from gatehouse.records.policy import Point
from gatehouse.records.signal import Signals
from gatehouse.training import linear


@dataclass(frozen=True, eq=False)
class Learned:
    """What learning gave: the draft release, and the data set that it stands on."""

    pack: Pack
    dataset: Dataset
    from_examples: bool
    release: Release


def dataset_for(pack: Pack, shelf: Shelf, folder: Path, data_roots: Sequence[Path]) -> tuple[Dataset, bool]:
    """The frozen data set that the pack's recipe names, and whether it is only the pack's own examples.

    Where the files of a public source are not there, the pack's examples stand in. Raises UserError where nothing of
    that name is known.
    """
    where = str(pack.folder / "recipe.yaml")
    found = dataset_named(pack.recipe.dataset, shelf, folder, data_roots, where)
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


def learnt_from(pack: Pack, release: Release, shelf: Shelf) -> tuple[Dataset, bool]:
    """The very data set that a release was learnt from, and whether it is only the pack's own examples.

    A newer set of the same name may be split otherwise, so its test part may hold what the detector has seen. Raises
    UserError where the set is no longer known.
    """
    linear = f"{pack.name}.linear"
    version = shelf.registry.model(linear, release.detectors[linear]).dataset
    for info, path in shelf.registry.datasets():
        if info.version == version:
            return build.load(Path(path)), False
    examples = from_examples(pack)
    if examples.info.version == version:
        return examples, True
    raise UserError(
        f"the data set {version}, from which release {release.version} was learnt, is no longer known",
        fix=f"gatehouse train {pack.name} learns a release that can be evaluated",
    )


def from_examples(pack: Pack) -> Dataset:
    """The pack's own worked examples as a data set, with every part drawn from them by the split rule's order."""
    examples = sorted(pack.examples, key=lambda example: hashlib.sha256(example.text.encode()).digest())
    ids = [example.id for example in examples]
    texts = [example.text for example in examples]
    names = pack.recipe.labels
    holds = {name: [int(name in example.labels) for example in examples] for name in names}
    parts = _deal([bool(example.labels) for example in examples])
    return build.freeze(
        name=f"{pack.name}-examples",
        title=f"Worked examples of the pack '{pack.name}'",
        licence="Apache-2.0",
        population=f"{len(ids)} sentences written for the pack, no sample of any platform",
        ids=ids,
        texts=texts,
        parts=parts,
        labels=holds,
        source="pack",
        language=pack.recipe.languages[0] if pack.recipe.languages else None,
    )


def _deal(positive: Sequence[bool]) -> list[Part]:
    """Parts dealt in turn within each class, half to `train`, so that every part sees both."""
    turns: tuple[Part, ...] = ("train", "calibration", "train", "points", "train", "test")
    seen = {True: 0, False: 0}
    parts: list[Part] = []
    for value in positive:
        parts.append(turns[seen[value] % len(turns)])
        seen[value] += 1
    return parts


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
    """Fit, calibrate, resolve the points and keep a draft release; `said` is told of each step."""
    said(f"fitting {len(pack.recipe.labels)} labels")
    model = linear.train(dataset, pack.recipe)
    said("finding operating points")
    detectors = detectors_of(pack, model)
    points = find_points(pack, dataset, detectors)
    release = keep(shelf, pack, model, dataset.info.version, points, at=at, by=by)
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
    events = as_events(dataset, part)
    return run_all(detectors, events, pack.features.compute(events))


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
