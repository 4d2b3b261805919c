"""Training of the actor detector: the same bytes every time, the right rows and columns, and what it may not ask."""

from collections.abc import Mapping, Sequence

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.datasets.as_of import feature_rows, judged
from gatehouse.datasets.build import from_events
from gatehouse.datasets.event_source import claims
from gatehouse.datasets.truth import targets
from gatehouse.detectors.actor import ActorDetector
from gatehouse.detectors.actor_file import ActorModel
from gatehouse.errors import RefusedError, UserError
from gatehouse.features.define import FeatureSet
from gatehouse.features.profile import ProfileColumn
from gatehouse.records.dataset import PARTS, Dataset
from gatehouse.records.event import Entity, Event, to_batch
from gatehouse.training.actor import train
from gatehouse.training.actor_onnx import Forest, to_onnx
from gatehouse.training.recipe import ActorRecipe, LinearRecipe, Recipe

PROFILE = FeatureSet(
    profile=(
        ProfileColumn("friends", "BIGINT"),
        ProfileColumn("made_at", "BIGINT"),
        ProfileColumn("share", "DOUBLE"),
        ProfileColumn("verified", "BOOLEAN"),
        ProfileColumn("home", "VARCHAR"),
    )
)
LABELS = ("bot", "loud", "rare")
N = 700


class NoEngine:
    """What declares no windows asks no engine."""

    def query(self, *_: object) -> object:
        raise AssertionError


def made(
    seed: int = 0, labels: Sequence[str] = LABELS, test_only: Mapping[str, int] | None = None, n: int = N
) -> Dataset:
    """Profiles of accounts: bots are young and have few friends; `rare` holds for three, and of some nobody spoke."""
    rng = np.random.default_rng(seed)
    events, said = [], {}
    for row in range(n):
        bot = bool(rng.random() < 0.4)
        attributes: dict[str, str | int | float | bool] = {
            "friends": int(rng.poisson(5 if bot else 60)),
            "made_at": 1_400_000_000_000_000 + int(rng.integers(0, 10**14)) + (10**14 if bot else 0),
            "home": "somewhere",
            "verified": bool(rng.random() < 0.2),
        }
        if rng.random() < 0.7:
            attributes["share"] = float(rng.normal())
        events.append(
            Event(id=f"e{row:04}", kind="profile", actor=Entity("account", f"a{row}"), attributes=attributes, seen=row)
        )
        claim = {"bot": int(bot), "loud": int(attributes.get("share", -1.0) > 0.2), "rare": int(row in (5, 15, 25))}
        if row % 5 == 0:
            del claim["loud"]
        said[f"account:a{row}"] = {label: value for label, value in claim.items() if label in labels}
    batch = to_batch(events)
    found = judged(claims("maker", said), lambda: [batch])
    rows = feature_rows(found, lambda: [batch], PROFILE, NoEngine())  # type: ignore[arg-type]
    described = {"name": "made", "title": "Made accounts", "licence": "CC0", "population": "nobody"}
    return from_events(found, rows, PROFILE, split="author", **described)  # type: ignore[arg-type]


def recipe(labels: tuple[str, ...] = LABELS, **how: object) -> Recipe:
    small = {"trees": 30, "leaves": 6, "rate": 0.2, **how}
    return Recipe(
        pack="made",
        dataset="made",
        languages=(),
        labels=labels,
        sensitive=False,
        linear=LinearRecipe(),
        actor=ActorRecipe(**small),  # type: ignore[arg-type]
    )


def part_of(dataset: Dataset, part: str) -> tuple[pa.RecordBatch, pa.RecordBatch]:
    """Events and feature rows of one part."""
    chosen = pa.array([one == part for one in dataset.rows["part"].to_pylist()])
    assert dataset.features is not None
    features = dataset.features.filter(chosen).combine_chunks().to_batches()[0]
    actors = dataset.rows["author"].filter(chosen).combine_chunks()
    return pa.RecordBatch.from_pydict({"actor": actors}), features


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    return made()


@pytest.fixture(scope="module")
def model(dataset: Dataset) -> bytes:
    return train(dataset, recipe())


def test_training_twice_gives_the_same_bytes(model: bytes) -> None:
    assert train(made(), recipe()) == model


def test_it_learns_what_there_is_to_learn_and_its_probabilities_can_be_believed(dataset: Dataset, model: bytes) -> None:
    score = ActorDetector.from_bytes(model, "made.actor").signals(*part_of(dataset, "test")).score
    _, y = targets(dataset, "test", LABELS)
    assert np.mean((score[:, 0] > 0.5) == (y[:, 0] > 0)) > 0.95
    assert abs(score[:, 0].mean() - y[:, 0].mean()) < 0.05
    known = ~np.isnan(y[:, 1])
    assert np.mean((score[known, 1] > 0.5) == (y[known, 1] > 0)) > 0.95


def test_its_file_says_what_it_was_made_from(dataset: Dataset, model: bytes) -> None:
    header = ActorModel.from_bytes(model, "made.actor").header
    assert header.labels == LABELS
    assert (header.dataset, header.dataset_version) == ("made", dataset.info.version)
    assert header.recipe == recipe().version
    assert [column.name for column in header.columns] == ["friends", "made_at", "share", "verified"]
    assert {column.name: column.needed for column in header.columns} == {
        "friends": True,
        "made_at": True,
        "share": False,
        "verified": True,
    }


def test_rows_of_unknown_truth_are_left_out(model: bytes, dataset: Dataset) -> None:
    bot, loud, _ = ActorModel.from_bytes(model, "made.actor").header.calibration
    assert bot.fitted_positives + bot.fitted_negatives == dataset.info.parts["train"]
    assert loud.fitted_positives + loud.fitted_negatives < dataset.info.parts["train"]
    assert loud.positives + loud.negatives < dataset.info.parts["calibration"]


def test_a_label_of_three_positives_says_that_it_is_weak(model: bytes, dataset: Dataset) -> None:
    detector = ActorDetector.from_bytes(model, "made.actor")
    assert "positives to fit" in str(detector.header.calibration[2].weak)
    assert detector.signals(*part_of(dataset, "test")).score[:, 2].mean() < 0.05


def test_a_label_without_any_positive_is_no_fault() -> None:
    few = made(n=200)
    nobody = pa.array([0 if label == "bot" else value for label, value in _said(few)], pa.int8())
    labels = few.labels.set_column(few.labels.schema.get_field_index("value"), few.labels.schema.field("value"), nobody)
    detector = ActorDetector.from_bytes(
        train(Dataset(few.info, few.rows, labels, few.features), recipe(("bot",))), "made.actor"
    )
    events, features = part_of(few, PARTS[0])
    score = detector.signals(events, features).score
    assert np.ptp(score) == 0
    assert score[0, 0] < 0.05
    assert not any(one.weight for one in detector.explain_features(features.slice(0, 1), "bot"))
    assert detector.bias("bot") == pytest.approx(np.log(score[0, 0] / (1 - score[0, 0])))


def _said(dataset: Dataset) -> list[tuple[str, int]]:
    return list(zip(dataset.labels["label"].to_pylist(), dataset.labels["value"].to_pylist(), strict=True))


def test_only_the_columns_asked_for_are_read(dataset: Dataset) -> None:
    detector = ActorDetector.from_bytes(train(dataset, recipe(("bot",), columns=("verified", "friends"))), "made.actor")
    assert set(detector.columns) <= {"friends", "verified"}
    assert "friends" in detector.columns


def test_rows_of_other_parts_do_not_change_the_trees(dataset: Dataset, model: bytes) -> None:
    seen = [part in ("train", "calibration") for part in dataset.rows["part"].to_pylist()]
    assert dataset.features is not None
    fewer = Dataset(dataset.info, dataset.rows.filter(seen), dataset.labels, dataset.features.filter(seen))
    assert train(fewer, recipe()) == model


def test_columns_that_cannot_be_read_are_all_named_with_what_was_meant(dataset: Dataset) -> None:
    with pytest.raises(UserError) as caught:
        train(dataset, recipe(columns=("freinds", "home", "share")))
    assert str(caught.value) == (
        "actor.columns: column 'freinds' is not in the data set\n"
        "    → did you mean 'friends'?\n"
        "actor.columns: column 'home' is a text\n"
        "    → known: friends, made_at, share, verified"
    )


def test_a_label_that_the_data_do_not_have_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UserError, match="there is no label 'scam'"):
        train(dataset, recipe(("bot", "scam")))


def test_a_file_that_would_not_score_as_what_was_fitted_is_not_made(
    dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def steeper(forests: Sequence[Forest], place: Sequence[int]) -> bytes:
        return to_onnx([Forest(one.trees, one.slope * 1.001, one.offset) for one in forests], place)

    monkeypatch.setattr("gatehouse.training.actor.to_onnx", steeper)
    with pytest.raises(RefusedError, match=r"made\.actor: ONNX Runtime [\d.]+ and LightGBM are .* apart"):
        train(dataset, recipe())


def test_a_data_set_without_feature_rows_is_refused(dataset: Dataset) -> None:
    with pytest.raises(UserError, match="'made' has no feature rows, from which an actor detector learns"):
        train(Dataset(dataset.info, dataset.rows, dataset.labels), recipe())
