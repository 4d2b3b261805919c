"""Training: the same bytes every time, the right rows, and probabilities that can be believed."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from gatehouse.datasets.build import build, freeze, targets
from gatehouse.detectors.linear import LinearDetector
from gatehouse.detectors.linear_file import LinearModel
from gatehouse.errors import UserError
from gatehouse.records.dataset import PARTS, Dataset, Part
from gatehouse.text.ngrams import matrix
from gatehouse.text.normalise import normalise
from gatehouse.training.linear import fit, train
from gatehouse.training.recipe import Fitting, LinearRecipe, Recipe

LABELS = ("spam", "lottery", "rare")
SPAM = ["win", "claim", "prize", "cash", "offer", "lottery", "voucher"]
HAM = ["dinner", "train", "meeting", "homework", "garden", "music", "weather"]


def made(seed: int = 0, *, test_texts: str = "") -> Dataset:
    """Six hundred little messages; `rare` holds for nobody but three, and for some nobody said."""
    rng = np.random.default_rng(seed)
    texts, spam, lottery, rare = [], [], [], []
    for row in range(600):
        bad = bool(rng.random() < 0.3)
        words = rng.choice(SPAM if bad else HAM, 4).tolist() + rng.choice(["the", "a", "now", "you"], 3).tolist()
        texts.append(f"{' '.join(rng.permutation(words))} {row}")
        spam.append(int(bad))
        lottery.append(None if row % 7 == 0 else int("lottery" in words))
        rare.append(int(row in (5, 15, 25)))
    parts: list[Part] = [PARTS[min(row % 6, 3)] if row % 6 < 4 else "train" for row in range(600)]
    texts = [text + test_texts if part == "test" else text for text, part in zip(texts, parts, strict=True)]
    return freeze(
        name="made",
        title="Made messages",
        licence="CC0",
        population="nobody",
        ids=[str(row) for row in range(600)],
        texts=texts,
        parts=parts,
        labels={"spam": spam, "lottery": lottery, "rare": rare},
        source="maker",
        language="en",
    )


def recipe(labels: tuple[str, ...] = LABELS) -> Recipe:
    linear = LinearRecipe(buckets=2**12)
    return Recipe(pack="made", dataset="made", languages=("en",), labels=labels, sensitive=False, linear=linear)


@pytest.fixture(scope="module")
def model() -> bytes:
    return train(made(), recipe())


def test_training_twice_gives_the_same_bytes(model: bytes) -> None:
    assert train(made(), recipe()) == model


def test_test_rows_and_points_do_not_change_a_model(model: bytes) -> None:
    read = LinearModel.from_bytes(train(made(test_texts=" changed"), recipe()), "made.linear")
    before = LinearModel.from_bytes(model, "made.linear")
    np.testing.assert_array_equal(read.weights, before.weights)
    assert read.header.calibration == before.header.calibration
    assert read.header.dataset_version != before.header.dataset_version


def test_it_learns_what_there_is_to_learn(model: bytes) -> None:
    detector = LinearDetector.from_bytes(model, "made.linear")
    assert detector.score_text("claim your cash prize") > 0.9
    assert detector.score_text("homework in the garden") < 0.1
    assert detector.explain("homework wins cash", "spam")[0].weight != 0


def test_its_file_says_what_it_was_made_from(model: bytes) -> None:
    header = LinearModel.from_bytes(model, "made.linear").header
    assert (header.labels, header.languages, header.normalise) == (LABELS, ("en",), True)
    assert (header.dataset, header.dataset_version) == ("made", made().info.version)
    assert header.recipe == recipe().version


def test_rows_of_unknown_truth_are_left_out(model: bytes) -> None:
    spam, lottery, _ = LinearModel.from_bytes(model, "made.linear").header.calibration
    rows = spam.fitted_positives + spam.fitted_negatives
    assert rows == 300
    assert lottery.fitted_positives + lottery.fitted_negatives < rows


def test_a_label_of_three_positives_has_a_small_probability_and_says_that_it_is_weak(model: bytes) -> None:
    detector = LinearDetector.from_bytes(model, "made.linear")
    assert "positives to fit" in str(detector.header.calibration[2].weak)
    texts, _ = targets(made(), "test", LABELS)
    events = pa.RecordBatch.from_pydict({"text": texts})
    scores = detector.signals(events, pa.RecordBatch.from_pydict({"normalised": normalise(texts)})).score[:, 2]
    assert scores.mean() < 0.05


def test_a_label_without_any_positive_is_no_fault() -> None:
    found = fit(matrix(pa.array(["a b", "c d"]), 2**10), np.zeros(2), Fitting())
    assert (found.positives, found.negatives) == (0, 2)
    assert not found.weights.any()


def test_weights_are_folded_so_that_the_raw_matrix_gives_the_log_odds() -> None:
    texts, y = targets(made(), "train", LABELS)
    x = matrix(texts, 2**12)
    found = fit(x, y[:, 0], Fitting())
    right = (x @ found.weights + found.bias > 0) == (y[:, 0] > 0)
    assert right.mean() > 0.99


def test_a_label_that_the_data_do_not_have_is_refused() -> None:
    with pytest.raises(UserError, match="there is no label 'scam'"):
        train(made(), recipe(("spam", "scam")))


@pytest.mark.data
def test_probabilities_on_real_texts_are_calibrated(public_data: Path) -> None:
    dataset = build("sms-spam", public_data)
    one = Recipe(
        pack="spam",
        dataset="sms-spam",
        languages=("en",),
        labels=("spam",),
        sensitive=False,
        linear=LinearRecipe(buckets=2**14),
    )
    detector = LinearDetector.from_bytes(train(dataset, one), "spam.linear")
    texts, y = targets(dataset, "points", ("spam",))
    scores = detector.signals(
        pa.RecordBatch.from_pydict({"text": texts}), pa.RecordBatch.from_pydict({"normalised": normalise(texts)})
    ).score
    assert abs(scores.mean() - y.mean()) < 0.02
    assert np.mean((scores - y) ** 2) < 0.02
