"""Out-of-fold scores: nobody is scored by a model that saw it, its author or its text."""

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

from gatehouse.datasets.build import freeze
from gatehouse.datasets.content_scores import named, refuse_seen, text_keys
from gatehouse.detectors.linear import LinearDetector
from gatehouse.errors import RefusedError, UserError
from gatehouse.features.define import FeatureSet, ScoreColumn
from gatehouse.features.windows import Count, duration
from gatehouse.records.dataset import PARTS, Dataset
from gatehouse.records.event import Entity, Event, to_batch
from gatehouse.text.normalise import normalise
from gatehouse.training import linear, out_of_fold
from gatehouse.training.out_of_fold import OutOfFold
from gatehouse.training.recipe import LinearRecipe, Recipe

WORDS = ["river", "stone", "paper", "window", "garden", "letter", "summer", "music", "bridge", "candle"]
RECIPE = Recipe(
    pack="made",
    dataset="made",
    languages=("en",),
    labels=("spam",),
    sensitive=False,
    linear=LinearRecipe(buckets=2**12),
)


def made(authors: int = 40, seed: int = 3) -> Dataset:
    """Rows whose labels are drawn by chance: who knows them has learnt them by heart. Some texts stand twice."""
    rng = np.random.default_rng(seed)
    n = 400
    texts = [f"{' '.join(rng.choice(WORDS, 4))} {rng.integers(10**9)}" for _ in range(n)]
    texts[1::10] = [text.upper() for text in texts[0::10]]
    dataset = freeze(
        name="made",
        title="Made messages",
        licence="CC0",
        population="nobody",
        ids=[f"m{row:03d}" for row in range(n)],
        texts=texts,
        parts=[PARTS[0] if row % 4 else PARTS[1 + row // 4 % 3] for row in range(n)],
        labels={"spam": rng.integers(0, 2, n).tolist()},
        source="maker",
        language="en",
    )
    # Of every four authors one is outside the training rows, as the split has it.
    who = [f"author {rng.integers(authors) // 4 * 4 + row % 4}" if row % 3 else None for row in range(n)]
    rows = dataset.rows.set_column(3, "author", pa.array(who, pa.string()))
    return Dataset(dataset.info, rows, dataset.labels)


@pytest.fixture(scope="module")
def fitted() -> tuple[Dataset, out_of_fold.OutOfFold]:
    dataset = made()
    return dataset, out_of_fold.fit(dataset, RECIPE, folds=3)


def test_no_row_is_scored_by_a_model_that_saw_it_its_author_or_its_text(fitted) -> None:
    dataset, folds = fitted
    rows = dataset.rows
    values = out_of_fold.scores(dataset, RECIPE, folds=3).values
    assert values["id"].to_pylist() == rows["id"].to_pylist()
    keys = text_keys(normalise(rows["text"].combine_chunks()))
    for place, model in enumerate(folds.fitted[:-1]):
        mine = pc.equal(values["model"], place)
        asked = rows.filter(mine)
        assert asked.num_rows > 50
        assert not model.saw(asked["id"].combine_chunks(), asked["author"].combine_chunks()).any()
        learnt = pc.is_in(rows["id"], model.ids)
        assert not set(keys.filter(learnt.combine_chunks()).to_pylist()) & set(
            keys.filter(mine.combine_chunks()).to_pylist()
        )
    outside = rows.filter(pc.equal(values["model"], 3))
    assert set(outside["part"].to_pylist()) == {"calibration", "points", "test"}
    assert not folds.fitted[3].saw(outside["id"].combine_chunks(), outside["author"].combine_chunks()).any()


def test_what_was_learnt_by_heart_is_not_known_out_of_fold(fitted) -> None:
    dataset, _ = fitted
    train = pc.equal(dataset.rows["part"], "train").combine_chunks()
    truth = dataset.labels["value"].filter(train).to_numpy()
    honest = out_of_fold.scores(dataset, RECIPE, folds=3).values["spam"].filter(train).to_numpy()
    whole = LinearDetector.from_bytes(linear.train(dataset, RECIPE), "made.linear")
    by_heart = np.array([whole.score_text(text) for text in dataset.rows["text"].filter(train).to_pylist()])
    # A probability of what is true; in a coin's labels only memory can raise it above one half.
    known = [np.where(truth == 1, score, 1 - score).mean() for score in (by_heart, honest)]
    assert known[0] > 0.5 + 2 * abs(known[1] - 0.5)
    assert (honest[truth == 1].mean() < by_heart[truth == 1].mean()).all()


def test_rows_outside_train_are_scored_by_the_whole_model_to_the_bit(fitted) -> None:
    dataset, _ = fitted
    values = out_of_fold.scores(dataset, RECIPE, folds=3).values
    # Texts of others that stand in train too are known to the whole model.
    test = pc.and_(pc.equal(dataset.rows["part"], "test"), pc.equal(values["model"], 3)).combine_chunks()
    whole = LinearDetector.from_bytes(linear.train(dataset, RECIPE), "made.linear")
    assert values["spam"].filter(test).to_pylist() == [
        whole.score_text(text) for text in dataset.rows["text"].filter(test).to_pylist()
    ]


def test_other_events_of_an_author_go_to_the_model_that_does_not_know_the_author(fitted) -> None:
    dataset, folds = fitted
    train = dataset.rows.filter(pc.equal(dataset.rows["part"], "train"))
    author = train["author"].drop_null()[0].as_py()
    repeated = train.filter(pc.is_null(train["author"]))["text"][0].as_py()
    told = [
        Event(id="n1", text="never seen before", actor=Entity.parse(author)),
        Event(id="n2", text=repeated.upper(), actor=Entity("account", "stranger")),
        Event(id="n3", text="never seen before", actor=Entity("account", "stranger")),
        Event(id="n4", text=None, actor=Entity("account", "stranger")),
        Event(id="n5", text="nie zuvor", language="de"),
    ]
    scores = folds.scores([to_batch(told)])
    model = scores.values["model"].to_pylist()
    assert not folds.fitted[model[0]].saw(pa.array(["n1"]), pa.array([author])).any()
    texts = train.filter(pc.is_in(train["id"], folds.fitted[model[1]].ids))["text"]
    assert repeated.upper() not in [text.upper() for text in texts.to_pylist()]
    assert model[2:] == [3, 3, 3]
    assert [score is None for score in scores.values["spam"].to_pylist()] == [False, False, False, True, True]


def test_only_out_of_fold_scores_may_become_features(fitted) -> None:
    dataset, folds = fitted
    features = FeatureSet(
        scores=(ScoreColumn("spam_score", "made.linear", "spam"),),
        windows=(Count(name="spams", key=("actor",), window=duration("1h"), where="spam_score >= 500"),),
    )
    told = [
        Event(id=row["id"], text=row["text"], language="en", seen=at, actor=Entity.parse(row["author"] or row["id"]))
        for at, row in enumerate(dataset.rows.to_pylist())
    ]
    refuse_seen([to_batch(told)], features, [folds.scores([to_batch(told)])])
    whole = OutOfFold(
        folds.models[-1:], folds.fitted[-1:], pa.array([], pa.string()), *[pa.array([], pa.string())] * 2, np.array([])
    )
    with pytest.raises(RefusedError, match=r"events m001, m002, .* more: made\.linear was fitted on the very events"):
        refuse_seen([to_batch(told)], features, [whole.scores([to_batch(told)])])


def test_authors_are_whole_and_folds_of_one_size(fitted) -> None:
    _, folds = fitted
    sides: dict[str, set[int]] = {}
    for author, fold in zip(named(folds.authors).to_pylist(), folds.fold.tolist(), strict=True):
        sides.setdefault(author, set()).add(fold)
    sides.pop(None)
    assert all(len(places) == 1 for places in sides.values())
    assert np.bincount(folds.fold).max() - np.bincount(folds.fold).min() <= 2


def test_too_few_authors_for_the_folds_say_so() -> None:
    dataset = made(authors=1)
    rows = dataset.rows.filter(pc.is_valid(dataset.rows["author"]))
    with pytest.raises(UserError, match=r"the training rows are of 3 authors or texts, .* into 4 folds"):
        out_of_fold.fit(Dataset(dataset.info, rows, dataset.labels), RECIPE, folds=4)
    with pytest.raises(UserError, match="there are 1 folds"):
        out_of_fold.fit(dataset, RECIPE, folds=1)
