"""Out-of-fold scores: what a detector says of rows that it could have learnt by heart, from models that never saw them.

A detector is surer of its own training rows than of anything it will ever see. Where its scores become features, the
model that learns from these must see them as they will be live.
"""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets.content_scores import ContentScores, Fitted, named, text_keys
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.run import run_all
from gatehouse.errors import UserError
from gatehouse.features.define import FeatureSet
from gatehouse.records.dataset import Dataset
from gatehouse.records.signal import State
from gatehouse.text.normalise import normalise
from gatehouse.training import linear
from gatehouse.training.recipe import Recipe

_PLAIN = FeatureSet()


@dataclass(frozen=True, eq=False)
class OutOfFold:
    """One model for each fold of the training rows, which saw none of it, and last the whole one.

    `ids`, `authors` and `texts` (hashes of normalised texts) are those of the training rows, `fold` the fold of each.
    """

    models: tuple[LinearDetector, ...]
    fitted: tuple[Fitted, ...]
    ids: pa.Array
    authors: pa.Array
    texts: pa.Array
    fold: npt.NDArray[np.int64]

    def scores(self, batches: Iterable[pa.RecordBatch]) -> ContentScores:
        """Scores of events (or of rows with `id`, `text`, `language` and `actor`), each by a model that did not see it.

        An event of an author, or with a text, that was trained on is scored by the model of that fold; all others by
        the whole one.
        """
        values = [self._values(batch) for batch in batches]
        schema = pa.schema([("id", pa.string()), ("model", pa.int32()), *((x, pa.float64()) for x in self._labels)])
        return ContentScores(self.models[-1].name, pa.Table.from_batches(values, schema), self.fitted)

    @property
    def _labels(self) -> tuple[str, ...]:
        return self.models[-1].labels

    def _values(self, events: pa.RecordBatch) -> pa.RecordBatch:
        features = _PLAIN.compute(events)
        model = self._model_of(events, features)
        score = np.full((len(events), len(self._labels)), np.nan)
        for place, detector in enumerate(self.models):
            mine = np.flatnonzero(model == place)
            if len(mine):
                own = pa.array(mine)
                [signals] = run_all([detector], events.take(own), features.take(own))
                score[mine] = np.where(signals.state == State.SCORED, signals.score, np.nan)
        columns = {"id": events.column("id"), "model": pa.array(model, pa.int32())}
        columns |= {label: pa.array(score[:, j], from_pandas=True) for j, label in enumerate(self._labels)}
        return pa.RecordBatch.from_pydict(columns)

    def _model_of(self, events: pa.RecordBatch, features: pa.RecordBatch) -> npt.NDArray[np.int64]:
        """The place of the model that is asked about each event."""
        model = np.full(len(events), len(self.models) - 1)
        texts = text_keys(features.column("normalised"))
        # What says most of who it is comes last and so decides.
        for theirs, ours in (
            (texts, self.texts),
            (named(events.column("actor")), self.authors),
            (events.column("id"), self.ids),
        ):
            place = pc.index_in(theirs, ours, skip_nulls=True)
            known = place.is_valid().to_numpy(zero_copy_only=False)
            model[known] = self.fold[place.drop_null().to_numpy()]
        return model


def scores(dataset: Dataset, recipe: Recipe, folds: int = 5) -> ContentScores:
    """Scores of a data set's rows, each by a model that saw neither it, its author nor its text.

    Rows outside `train` are scored by the whole model, but for those whose author or text stands in `train` too.
    """
    rows = dataset.rows.rename_columns(["actor" if name == "author" else name for name in dataset.rows.schema.names])
    return fit(dataset, recipe, folds).scores(rows.to_batches(max_chunksize=32_768))


def fit(dataset: Dataset, recipe: Recipe, folds: int = 5) -> OutOfFold:
    """Fit and calibrate the whole model, and one for each fold of the part `train`, as the recipe says.

    Folds are of whole authors, and of whole normalised texts where there is no author; a fold's model also leaves out
    rows of others with a text of the fold. Raises UserError where there are fewer authors and texts than folds.
    """
    if folds < 2:
        raise UserError(f"there are {folds} folds", fix="take two or more; five are usual")
    rows = dataset.rows
    texts = text_keys(normalise(rows["text"].combine_chunks()))
    authors = named(rows["author"])
    train = pc.equal(rows["part"], "train").to_numpy()
    fold = np.full(len(rows), -1)
    fold[train] = _folds(pc.coalesce(authors, texts, rows["id"].combine_chunks()).filter(pa.array(train)), folds)
    models, fitted = [], []
    for place in (*range(folds), None):
        unseen = fold == place if place is not None else np.zeros(len(rows), np.bool_)
        for said in (authors, texts):
            unseen |= pc.is_in(said, said.filter(pa.array(unseen)).drop_null()).to_numpy(zero_copy_only=False)
        seen = pa.array(~unseen)
        part = Dataset(dataset.info, rows.filter(seen), dataset.labels)
        models.append(LinearDetector.from_bytes(linear.train(part, recipe), f"{recipe.pack}.linear"))
        learnt = pa.array(train & ~unseen)
        fitted.append(Fitted(rows["id"].combine_chunks().filter(learnt), authors.filter(learnt)))
    mine = pa.array(train)
    ids = rows["id"].combine_chunks().filter(mine)
    return OutOfFold(tuple(models), tuple(fitted), ids, authors.filter(mine), texts.filter(mine), fold[train])


def _folds(groups: pa.Array, folds: int) -> npt.NDArray[np.int64]:
    """The fold of each row: whole groups, the largest first, each into the fold that is smallest so far."""
    sizes: dict[str, int] = defaultdict(int)
    for group in groups.to_pylist():
        sizes[group] += 1
    if len(sizes) < folds:
        raise UserError(
            f"the training rows are of {len(sizes):,} authors or texts, which cannot be parted into {folds} folds",
            fix="take fewer folds, or a data set of more authors",
        )
    filled = np.zeros(folds, np.int64)
    fold_of: dict[str, int] = {}
    for group, size in sorted(sizes.items(), key=lambda one: (-one[1], one[0])):
        fold_of[group] = int(filled.argmin())
        filled[fold_of[group]] += size
    return np.array([fold_of[group] for group in groups.to_pylist()], np.int64)
