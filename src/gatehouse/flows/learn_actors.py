"""The rows that an actor pack learns from: judged accounts of a history with their features as of that time."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets import as_of, build, event_sets, event_sources, histories, sources
from gatehouse.datasets.as_of_parts import best_split
from gatehouse.datasets.content_scores import ContentScores, Fitted, named
from gatehouse.datasets.histories import History
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.run import run_all
from gatehouse.errors import RefusedError, UserError, did_you_mean
from gatehouse.features.define import FeatureSet
from gatehouse.flows import frozen, packs, releases
from gatehouse.flows.packs import Pack
from gatehouse.flows.releases import FILES, Shelf
from gatehouse.ports.sql_engine import SqlEngine
from gatehouse.records.dataset import Dataset
from gatehouse.records.signal import State
from gatehouse.training import out_of_fold

_PLAIN = FeatureSet()


@dataclass(frozen=True, eq=False)
class Taken:
    """A detector of another pack whose scores windows count: its file, and itself under this pack's name for it."""

    file: bytes
    detector: LinearDetector


@dataclass(frozen=True, eq=False)
class Columns:
    """Declared features, and the detectors whose scores their windows count, by the names that they go by there."""

    features: FeatureSet
    content: Mapping[str, LinearDetector]

    @property
    def version(self) -> str:
        """The version of the values."""
        return self.features.version_with({name: detector.version for name, detector in self.content.items()})


@dataclass(frozen=True, eq=False)
class Ground:
    """What rows are made from and kept in: versions, the folder of data sets, public data, and what runs windows."""

    shelf: Shelf
    folder: Path
    data_roots: Sequence[Path]
    engine: SqlEngine


def columns_of(pack: Pack, found: Mapping[str, Taken]) -> Columns:
    """The columns that a pack declares now, with the detectors that it takes."""
    return Columns(pack.features, {name: one.detector for name, one in found.items()})


def taken(pack: Pack, shelf: Shelf) -> dict[str, Taken]:
    """The detectors of other packs that the recipe takes, from their live releases, by this pack's names for them.

    Raises UserError where one has no live release, or is none that reads texts.
    """
    where = str(pack.folder / "recipe.yaml")
    found = {}
    for name, theirs in pack.recipe.content.items():
        [release] = releases.live(shelf, [theirs.partition(".")[0]])
        if theirs not in release.detectors:
            guess = did_you_mean(theirs, release.detectors)
            fix = f"{guess}release {release.version} of '{release.pack}' has {', '.join(release.detectors)}"
            raise UserError(f"'content' names '{theirs}', which is not there", where=where, fix=fix)
        model = shelf.registry.model(theirs, release.detectors[theirs])
        if model.kind != "linear":
            fix = f"name one that learns from texts: {release.pack}.linear"
            raise UserError(f"'content' names '{theirs}', which gives no score of a text", where=where, fix=fix)
        file = shelf.files.get(f"{theirs}/{FILES['linear']}", model.files[FILES["linear"]])
        found[name] = Taken(file, LinearDetector.from_bytes(file, name))
    return found


def dataset_named(name: str, pack: Pack, columns: Columns, ground: Ground) -> Dataset:
    """The frozen data set of a history of this name, with these columns, or one on record that has them.

    Raises UserError where no history goes by the name, its files are not there, or nothing is claimed of its actors.
    """
    where = str(pack.folder / "recipe.yaml") if name == pack.recipe.dataset else ""
    history = histories.find(name, ground.folder, ground.data_roots)
    if history is not None:
        dataset = _built(pack, history, columns, ground)
        kept = ground.folder / f"{name}-{dataset.info.version}"
        build.save(dataset, kept)
        ground.shelf.registry.add_dataset(dataset.info, str(kept))
        return dataset
    on_record = [(info, path) for info, path in ground.shelf.registry.datasets() if info.name == name and info.features]
    for info, path in reversed(on_record):
        if info.features == columns.version:
            return build.load(Path(path))
    if on_record:
        what = f"data set '{name}' was frozen with feature columns of another version than those of '{pack.name}'"
        raise UserError(what, where=where, fix="freeze it again with the columns of this pack's features.yaml")
    if name in event_sources.EVENT_SOURCES:
        event_sources.require(event_sources.EVENT_SOURCES[name], ground.data_roots)
    if name in sources.SOURCES:
        what = f"'{name}' is a set of texts, and '{pack.name}' judges actors by their events"
        raise UserError(what, where=where, fix="name a history; gatehouse data list shows those that are known")
    known = list(
        dict.fromkeys([*event_sources.EVENT_SOURCES, *(one.name for one, _ in event_sets.infos(ground.folder))])
    )
    fix = f"known are {', '.join(known)}; your own come in by gatehouse data import FILE --events --name {name}"
    raise UserError(f"there is no history '{name}'", where=where, fix=did_you_mean(name, known) + fix)


def require_rows(pack: Pack, dataset: Dataset, columns: Columns) -> None:
    """Raises UserError unless the data set holds feature rows of just these columns."""
    found = dataset.info.features
    if found != columns.version:
        rows = "no feature rows" if found is None else f"feature rows of version {found}, not {columns.version}"
        raise UserError(
            f"'{pack.name}' judges actors, and data set '{dataset.info.name}' has {rows}",
            where=str(pack.folder / "recipe.yaml"),
            fix="name a history of events; gatehouse data list shows those that are known",
        )


def _built(pack: Pack, history: History, columns: Columns, ground: Ground) -> Dataset:
    judged = as_of.judged(_claims(pack, history), history.events, leave_out=True)
    scores = [_scores(name, one, pack, ground.shelf, history.events) for name, one in columns.content.items()]
    rows = as_of.feature_rows(judged, history.events, columns.features, ground.engine, scores)
    return build.from_events(
        judged,
        rows,
        columns.features,
        name=history.name,
        title=history.title,
        licence=history.licence,
        population=history.population,
        split=best_split(judged.events, judged.claims),
        detectors={name: detector.version for name, detector in columns.content.items()},
        notes=history.notes,
    )


def _claims(pack: Pack, history: History) -> pa.Table:
    """The claims of a history that are about the pack's labels; raises UserError where there are none about one."""
    where = str(pack.folder / "recipe.yaml")
    claims = history.labels()
    known = claims["label"].unique().to_pylist()
    if not known:
        fix = f"import it with them: gatehouse data import FILE --events --labels FILE --name {history.name}"
        raise UserError(f"history '{history.name}' says nothing of its actors", where=where, fix=fix)
    for label in pack.recipe.labels:
        if label not in known:
            fix = f"{did_you_mean(label, known)}it has {', '.join(known)}"
            raise UserError(f"history '{history.name}' says nothing of '{label}'", where=where, fix=fix)
    return claims.filter(pc.is_in(claims["label"], pa.array(pack.recipe.labels, pa.string())))


def _scores(name: str, detector: LinearDetector, pack: Pack, shelf: Shelf, events: as_of.Events) -> ContentScores:
    """What a content detector says of a history, out of fold where it was fitted on some of it."""
    learnt, recipe_of = _material(pack.recipe.content[name], detector.version, pack, shelf)
    train = learnt.rows.filter(pc.equal(learnt.rows["part"], "train"))
    fitted = Fitted(train["id"].combine_chunks(), named(train["author"]))
    scores = ContentScores(name, pa.Table.from_batches(_values(detector, events)), (fitted,))
    if not any(scores.seen(batch).any() for batch in events()):
        return scores
    folds = out_of_fold.fit(learnt, recipe_of().recipe)
    if folds.models[-1].version != detector.version:
        theirs = pack.recipe.content[name]
        raise RefusedError(
            f"{theirs} was fitted on events of this history or on their authors, and what its pack says now does not "
            "make the same detector, so nobody can say what it would have thought of them unseen",
            fix=f"gatehouse train {theirs.partition('.')[0]}, promote it, and train {pack.name} again",
        )
    return replace(folds.scores(events()), detector=name)


def _material(theirs: str, version: str, pack: Pack, shelf: Shelf) -> tuple[Dataset, Callable[[], Pack]]:
    """The data set that another pack's detector was fitted on, and that pack, from beside this one or shipped."""

    def other() -> Pack:
        return packs.load(theirs.partition(".")[0], (pack.folder.parent,))

    model = shelf.registry.model(theirs, version)
    learnt = frozen.of_version(model.dataset, shelf)
    if learnt is None and (examples := frozen.from_examples(other())).info.version == model.dataset:
        learnt = examples
    if learnt is None:
        what = f"the data set that {theirs} was fitted on is no longer known, so nobody can say which events it saw"
        raise UserError(what, fix=f"gatehouse train {theirs.partition('.')[0]}, and promote it")
    return learnt, other


def _values(detector: LinearDetector, events: as_of.Events) -> Iterator[pa.RecordBatch]:
    """Scores of a history by one model, as ContentScores holds them."""
    for batch in events():
        [signals] = run_all([detector], batch, _PLAIN.compute(batch))
        scores = np.where(signals.state == State.SCORED, signals.score, np.nan)
        columns = {"id": batch.column("id"), "model": pa.array(np.zeros(len(batch), np.int32))}
        columns |= {label: pa.array(scores[:, j], from_pandas=True) for j, label in enumerate(detector.labels)}
        yield pa.RecordBatch.from_pydict(columns)
