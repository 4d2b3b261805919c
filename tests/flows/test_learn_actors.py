"""Rows that an actor pack learns from: as of their time, with content scores by models that never saw them."""

import shutil
from dataclasses import replace
from pathlib import Path

import msgspec
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest
from tests.flows.rings import write_history, write_pack

from gatehouse.bootstrap import House, open_house
from gatehouse.datasets import as_of, build, entity_labels, event_sets, histories
from gatehouse.datasets.event_source import EventBlock
from gatehouse.errors import UserError
from gatehouse.flows import learn, learn_actors, packs, releases
from gatehouse.flows.intake import columns_for, events_of
from gatehouse.flows.packs import Pack
from gatehouse.records.dataset import Dataset, DatasetInfo
from gatehouse.settings import Settings


def learnt_spam(house: House, dataset: Dataset | None = None) -> None:
    """Makes `spam` live, learnt from its examples or from a data set."""
    spam = packs.load("spam")
    given, examples = learn.dataset_for(spam, house.shelf, house.settings.datasets, ())
    learned = learn.train(spam, dataset or given, examples and dataset is None, house.shelf, at=1, by="test")
    releases.promote(house.shelf, "spam", learned.release.version, at=2, by="test", why="test")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the pack, and a home that holds its history and `spam`, learnt from examples and live."""
    folder = tmp_path_factory.mktemp("made")
    pack = packs.load(str(write_pack(folder)))
    write_history(folder, accounts=240)
    file = folder / "events.csv"
    profile = pack.features.profile
    blocks = events_of(file, columns_for(file, {}, profile), 2**60, profile=profile)
    event_sets.write(
        (EventBlock(block.events) for block in blocks),
        entity_labels.read(folder / "labels.csv", "test"),
        folder / "home" / "datasets",
        name="our-week",
        title="Our week",
        licence="own",
        population="made up",
    )
    learnt_spam(open_house(Settings(home=folder / "home")))
    return folder


@pytest.fixture
def ground(made: Path, tmp_path: Path) -> tuple[Pack, House]:
    """The pack and a house of its own."""
    shutil.copytree(made, tmp_path, dirs_exist_ok=True)
    return packs.load(str(tmp_path / "rings")), open_house(Settings(home=tmp_path / "home"))


def rows_of(pack: Pack, house: House) -> Dataset:
    return learn.dataset_for(pack, house.shelf, house.settings.datasets, (), house.engine)[0]


def test_a_row_is_the_last_event_of_an_account_with_what_was_known_of_it_then(ground: tuple[Pack, House]) -> None:
    pack, house = ground
    dataset = rows_of(pack, house)
    assert dataset.features is not None
    assert (dataset.info.name, dataset.info.rows) == ("our-week", 240)
    [path] = house.settings.datasets.glob("our-week-*/events.json")
    events = pa.Table.from_batches(event_sets.events(path.parent))
    for row in (0, 17, 239):
        actor, at, own = (dataset.rows[name][row].as_py() for name in ("author", "occurred", "id"))
        theirs = events.filter(pc.equal(events["actor"], actor)).sort_by("seen")
        assert theirs["id"][-1].as_py() == own
        step = 3_600_000_000 // 60
        within = [seen for seen in theirs["seen"].to_pylist()[:-1] if seen >= at - at % step - 3_600_000_000]
        assert dataset.features["sent_1h"][row].as_py() == len(within)


def test_frozen_rows_are_kept_judged_as_they_are_and_found_again(ground: tuple[Pack, House]) -> None:
    pack, house = ground
    dataset = rows_of(pack, house)
    events, rows = learn.rows_on(dataset, "test", pack.features)
    assert dataset.features is not None
    mine = dataset.features.filter(pc.equal(dataset.rows["part"], "test"))
    assert rows.column("sent_1h").to_pylist() == mine["sent_1h"].to_pylist()
    assert rows.schema.names[-2:] == ["language", "normalised"]
    assert len(events) == len(rows) == dataset.info.parts["test"]
    assert rows_of(pack, house).info.version == dataset.info.version
    learned = learn.train(pack, dataset, False, house.shelf, at=3, by="test")
    found, examples = learn.learnt_from(pack, learned.release, house.shelf)
    assert (found.info, examples) == (dataset.info, False)


def test_an_account_stands_in_one_part_only_and_by_its_own_name(ground: tuple[Pack, House]) -> None:
    pack, house = ground
    dataset = rows_of(pack, house)
    assert len(dataset.rows["author"].unique()) == 240
    assert "split by author" in dataset.info.notes


def test_content_scores_of_authors_that_a_detector_learnt_from_are_by_models_that_did_not_see_them(
    ground: tuple[Pack, House],
) -> None:
    pack, house = ground
    [path] = house.settings.datasets.glob("our-week-*/events.json")
    events = pa.Table.from_batches(event_sets.events(path.parent)).slice(0, 400)
    texts = build.freeze(
        name="ours",
        title="Ours",
        licence="own",
        population="made up",
        ids=[f"t{i}" for i in range(400)],
        texts=[f"{text} {i}" for i, text in enumerate(events["text"].to_pylist())],
        parts=["calibration" if i % 4 == 0 else "train" if i % 4 < 3 else "points" for i in range(400)],
        labels={"spam": [int("prize" in text) for text in events["text"].to_pylist()]},
        source="test",
        language="en",
    )
    rows = texts.rows.set_column(texts.rows.schema.get_field_index("author"), "author", events["actor"])
    own = replace(texts, rows=rows, info=replace_version(texts, rows))
    build.save(own, house.settings.datasets / "ours-texts")
    house.shelf.registry.add_dataset(own.info, str(house.settings.datasets / "ours-texts"))
    learnt_spam(house, own)
    history = histories.find("our-week", house.settings.datasets, ())
    assert history is not None
    detector = learn_actors.taken(pack, house.shelf)["rings.spam"].detector
    scores = learn_actors._scores("rings.spam", detector, pack, house.shelf, history.events)
    assert scores.detector == "rings.spam"
    assert len(set(scores.values["model"].to_pylist())) > 1, "some are by models of their fold"
    assert not any(scores.seen(batch).any() for batch in history.events())
    dataset = rows_of(pack, house)
    assert learn.train(pack, dataset, False, house.shelf, at=3, by="test").release.detectors["rings.spam"] == (
        detector.version
    )


def replace_version(texts: Dataset, rows: pa.Table) -> DatasetInfo:

    return msgspec.structs.replace(texts.info, version=build.version_of(rows, texts.labels))


def test_rows_of_other_columns_or_of_another_content_detector_are_refused(ground: tuple[Pack, House]) -> None:
    pack, house = ground
    dataset = rows_of(pack, house)
    bare = replace(dataset, features=None, info=replace_features(dataset, None))
    with pytest.raises(UserError, match="'rings' judges actors, and data set 'our-week' has no feature rows"):
        learn.train(pack, bare, False, house.shelf, at=3, by="test")
    other = replace(dataset, info=replace_features(dataset, "0" * 12))
    with pytest.raises(UserError, match="has feature rows of version 000000000000, not"):
        learn.train(pack, other, False, house.shelf, at=3, by="test")


def replace_features(dataset: Dataset, version: str | None) -> DatasetInfo:

    return msgspec.structs.replace(dataset.info, features=version)


def test_a_history_that_is_gone_leaves_the_rows_that_were_frozen_of_it(ground: tuple[Pack, House]) -> None:
    pack, house = ground
    dataset = rows_of(pack, house)
    for path in house.settings.datasets.glob("our-week-*/events.json"):
        shutil.rmtree(path.parent)
    assert rows_of(pack, house).info == dataset.info
    changed = replace(pack, features=replace(pack.features, profile=()))
    with pytest.raises(UserError, match="frozen with feature columns of another version than those of 'rings'"):
        rows_of(changed, house)


def test_without_what_computes_windows_nothing_is_made_up(ground: tuple[Pack, House]) -> None:
    pack, house = ground
    with pytest.raises(ValueError, match="nothing is given that computes their windows"):
        learn.dataset_for(pack, house.shelf, house.settings.datasets, ())


def test_labels_judge_an_account_until_they_were_given(made: Path) -> None:
    [path] = (made / "home" / "datasets").glob("our-week-*")
    events = pa.Table.from_batches(event_sets.events(path))
    one = events.filter(pc.equal(events["actor"], "account:u0")).sort_by("seen")
    labels = event_sets.labels(path).filter(pc.equal(event_sets.labels(path)["subject"], "account:u0"))
    at = pa.array([one["seen"][2].as_py()], pa.int64())
    timed = labels.set_column(labels.schema.get_field_index("at"), "at", at)
    judged = as_of.judged(timed, lambda: event_sets.events(path))
    assert judged.events["id"].to_pylist() == [one["id"][2].as_py()]
    assert np.array_equal(judged.claims["value"].to_numpy(), labels["value"].to_numpy())
