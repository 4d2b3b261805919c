"""Training of the actor detector: boosted trees over feature columns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from gatehouse.datasets.truth import targets
from gatehouse.detectors.actor_columns import ActorColumns
from gatehouse.detectors.actor_file import ActorModel, Calibration, Column, ColumnType, Header
from gatehouse.errors import Fault, UserError, suggestion
from gatehouse.records.dataset import Dataset, Part
from gatehouse.training.actor_check import at_the_limits, check
from gatehouse.training.actor_onnx import Forest, Tree, to_onnx
from gatehouse.training.calibrate import Fitted, calibrate
from gatehouse.training.recipe import ActorRecipe, Recipe

Floats = npt.NDArray[np.float64]

_TYPES: tuple[str, ...] = get_args(ColumnType)


@dataclass(frozen=True, eq=False)
class Fit:
    """One label's trees (a LightGBM model, None where a class has no rows), and how many rows they were fitted on."""

    booster: Any
    positives: int
    negatives: int

    def log_odds(self, x: Floats) -> Floats:
        """The sum of the trees, float64 [n]."""
        if self.booster is None:
            return np.zeros(len(x))
        found: Floats = self.booster.predict(x, raw_score=True, num_threads=1)
        return found

    @property
    def trees(self) -> list[Tree]:
        """The trees with their nodes."""
        if self.booster is None:
            return []
        return [tree["tree_structure"] for tree in self.booster.dump_model()["tree_info"]]

    @property
    def text(self) -> bytes:
        """The model as LightGBM writes it."""
        return b"" if self.booster is None else self.booster.model_to_string().encode()


def train(dataset: Dataset, recipe: Recipe) -> bytes:
    """The model's file: fitted on part `train`, calibrated on part `calibration`; equal input gives equal bytes.

    Raises UserError where the data set has no feature rows, or lacks a label or columns of the recipe, and RefusedError
    where the model in the file does not score as the one that was fitted.
    """
    how = recipe.actor or ActorRecipe()
    columns = _columns(dataset, how.columns)
    names = [column.name for column in columns]
    x, y = _rows(dataset, "train", recipe, columns)
    fits = [fit(x, y[:, j], names, how) for j in range(len(recipe.labels))]
    x, y = _rows(dataset, "calibration", recipe, columns)
    known = ~np.isnan(y)
    fitted = [
        Fitted(one.log_odds(x[known[:, j]]), y[known[:, j], j], one.positives, one.negatives)
        for j, one in enumerate(fits)
    ]
    lines = calibrate(fitted)
    forests = [Forest(one.trees, line.slope, line.offset) for one, line in zip(fits, lines, strict=True)]
    read = _read(columns, forests)
    place = np.cumsum([column.name in {one.name for one in read} for column in columns]) - 1
    header = Header(
        labels=recipe.labels,
        columns=read,
        calibration=tuple(
            Calibration(
                slope=line.slope,
                offset=line.offset,
                fitted_positives=label.fitted_positives,
                fitted_negatives=label.fitted_negatives,
                positives=label.positives,
                negatives=label.negatives,
                weak=line.weak,
            )
            for line, label in zip(lines, fitted, strict=True)
        ),
        dataset=dataset.info.name,
        dataset_version=dataset.info.version,
        recipe=recipe.version,
        sizes=(),
    )
    graph = to_onnx(forests, place.tolist())
    _check(graph, fits, forests, x, [names.index(column.name) for column in read], recipe.detector)
    return ActorModel(header, graph, tuple(one.text for one in fits)).to_bytes()


def fit(x: Floats, y: Floats, names: Sequence[str], how: ActorRecipe) -> Fit:
    """Boosted trees for one label (1.0, 0.0, NaN unknown) with the logistic loss, the same on every run.

    `x` is float64 [n, columns], NaN where not known. Where a class has no rows there are no trees.
    """
    import lightgbm

    known = ~np.isnan(y)
    x, y = x[known], y[known]
    positives = int(y.sum())
    if positives in (0, len(y)):
        return Fit(None, positives, len(y) - positives)
    settings = {
        "objective": "binary",
        "num_leaves": how.leaves,
        "learning_rate": how.rate,
        "min_data_in_leaf": how.smallest_leaf,
        "seed": 0,
        "deterministic": True,
        "force_row_wise": True,
        "num_threads": 1,
        "verbosity": -1,
    }
    rows = lightgbm.Dataset(x, y, feature_name=list(names), params=settings)
    return Fit(lightgbm.train(settings, rows, num_boost_round=how.trees), positives, len(y) - positives)


def _columns(dataset: Dataset, asked: Sequence[str]) -> list[Column]:
    """The columns to learn from, numbers first and then truth values; all that can be split where none are asked."""
    if dataset.features is None:
        raise UserError(
            f"the data set '{dataset.info.name}' has no feature rows, from which an actor detector learns",
            fix="make it of a history of events: gatehouse data import",
        )
    types = {field.name: str(field.type) for field in dataset.features.schema}
    usable = [name for name, type_ in types.items() if type_ in _TYPES]
    faults = [
        Fault(
            f"column '{name}' is {'a text' if name in types else 'not in the data set'}",
            "actor.columns",
            suggestion(name, usable) if usable else "declare features that are numbers or truth values",
        )
        for name in asked
        if name not in usable
    ]
    if faults or not usable:
        raise UserError(faults or f"no feature of '{dataset.info.name}' is a number or a truth value")
    chosen = sorted(asked or usable, key=lambda name: types[name] == "bool")
    return [Column(name=name, type=types[name], needed=False) for name in chosen]  # type: ignore[arg-type]


def _rows(dataset: Dataset, part: Part, recipe: Recipe, columns: Sequence[Column]) -> tuple[Floats, Floats]:
    """The features of one part and what is true of it, float64 [n, columns] and [n, labels]."""
    _, y = targets(dataset, part, recipe.labels)
    assert dataset.features is not None
    chosen = dataset.features.filter(pc.equal(dataset.rows["part"], part)).combine_chunks()
    rows = chosen.to_batches() or [pa.RecordBatch.from_pylist([], schema=chosen.schema)]
    return ActorColumns(columns).matrix(rows[0]), y


def _read(columns: Sequence[Column], forests: Sequence[Forest]) -> tuple[Column, ...]:
    """The columns that trees split, of which those are needed that a label's trees never saw unknown."""
    splits = [split for forest in forests for tree in forest.trees for split in _splits(tree)]
    read = {split["split_feature"] for split in splits}
    needed = {split["split_feature"] for split in splits if split["missing_type"] != "NaN"}
    # A model that looks at nothing still has a matrix of one column.
    return tuple(
        Column(name=column.name, type=column.type, needed=place in needed)
        for place, column in enumerate(columns)
        if place in (read or {0})
    )


def _check(
    graph: bytes, fits: Sequence[Fit], forests: Sequence[Forest], x: Floats, read: Sequence[int], where: str
) -> None:
    """Compare the graph with what was fitted, on these rows and on others that stand on the limits of all splits."""
    from scipy.special import expit

    limits: list[set[float]] = [set() for _ in range(x.shape[1])]
    for forest in forests:
        for split in (split for tree in forest.trees for split in _splits(tree)):
            limits[split["split_feature"]].add(split["threshold"])
    rows = np.vstack([x, at_the_limits([sorted(column) for column in limits])])
    log_odds = [forest.slope * one.log_odds(rows) + forest.offset for one, forest in zip(fits, forests, strict=True)]
    check(graph, np.ascontiguousarray(rows[:, list(read)]), expit(np.column_stack(log_odds)), where)


def _splits(tree: Tree) -> Iterator[Tree]:
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if "leaf_value" not in node:
            yield node
            waiting += [node["left_child"], node["right_child"]]
