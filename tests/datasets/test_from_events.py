"""A data set of judged events is frozen with their feature rows, and older data sets stay as they were."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.adapters.duckdb.engine import DuckDbEngine
from gatehouse.datasets import as_of, build
from gatehouse.datasets.event_source import ENTITY_LABELS
from gatehouse.datasets.event_sources import EVENT_SOURCES
from gatehouse.errors import OutsideError, RefusedError
from gatehouse.features.define import FeatureSet
from gatehouse.features.profile import ProfileColumn
from gatehouse.features.windows import Count, duration
from gatehouse.records.case import LABEL_SCHEMA
from gatehouse.records.dataset import ROW_SCHEMA, Dataset
from gatehouse.records.event import Entity, Event, to_batch

ABOUT = {"name": "made-up", "title": "Made up", "licence": "CC0", "population": "accounts of a test"}
FEATURES = FeatureSet(
    columns=("char_count",),
    profile=(ProfileColumn("followers", "BIGINT"), ProfileColumn("city", "VARCHAR")),
    windows=(Count(name="posts", key=("actor",), window=duration("1h")),),
)
START = 1_700_000_000_000_000


def history() -> list[pa.RecordBatch]:
    events = [
        Event(
            id=f"e{i:03d}",
            text="same text" if i % 3 else None,
            occurred=START + i * 60_000_000,
            seen=START + i * 60_000_000,
            actor=Entity("account", f"u{i % 90}"),
            attributes={"followers": i, "city": "x"} if i % 2 else None,
        )
        for i in range(180)
    ]
    return [to_batch(events[:100]), to_batch(events[100:])]


def labels() -> pa.Table:
    rows = [
        {"subject": f"account:u{i}", "label": "bot", "value": i % 2, "source": "desk", "at": START + 10**15}
        for i in range(90)
    ]
    return pa.Table.from_pylist(rows, schema=ENTITY_LABELS)


def made(**said) -> Dataset:
    judged = as_of.judged(labels(), history)
    rows = as_of.feature_rows(judged, history, FEATURES, DuckDbEngine("200MB", 1))
    return build.from_events(judged, rows, FEATURES, **{**ABOUT, "split": "author", **said})


def test_every_judged_event_is_a_row_with_its_features_beside_it() -> None:
    dataset = made()
    assert dataset.rows.schema == ROW_SCHEMA
    assert dataset.labels.schema == LABEL_SCHEMA
    assert dataset.features is not None
    assert dataset.features.schema.names == ["char_count", "followers", "city", "posts"]
    assert len(dataset.rows) == len(dataset.features) == dataset.info.rows == 90
    ids = dataset.rows["id"].to_pylist()
    assert ids == [f"e{i:03d}" for i in range(90, 180)]
    followers = dict(zip(ids, dataset.features["followers"].to_pylist(), strict=True))
    assert (followers["e091"], followers["e092"]) == (91, None)
    assert dataset.features["posts"].to_pylist() == [0] * 90
    assert (dataset.info.labels, dataset.info.features) == (("bot",), FEATURES.version)
    assert sum(found["bot"] for found in dataset.info.positives.values()) == 45
    assert dataset.rows["text"].null_count == 30
    assert "each row is an event with its features as of its time" in dataset.info.notes


def test_it_is_saved_loaded_and_found_out_when_a_feature_is_changed(tmp_path: Path) -> None:
    dataset = made()
    build.save(dataset, tmp_path / "set")
    loaded = build.load(tmp_path / "set")
    assert loaded.info == dataset.info
    assert loaded.features is not None
    assert loaded.features.equals(dataset.features)
    changed = loaded.features.set_column(3, "posts", pa.array([1] * 90))
    pq.write_table(changed, tmp_path / "set" / "features.parquet")
    with pytest.raises(OutsideError, match="changed after it was frozen"):
        build.load(tmp_path / "set")
    (tmp_path / "set" / "features.parquet").unlink()
    with pytest.raises(OutsideError, match="not a whole data set"):
        build.load(tmp_path / "set")


def test_its_version_is_of_its_features_too() -> None:
    assert made().info.version == made(licence="another").info.version
    judged = as_of.judged(labels(), history)
    rows = as_of.feature_rows(judged, history, FEATURES, DuckDbEngine("200MB", 1))
    other = rows.set_column(rows.schema.get_field_index("posts"), "posts", pa.array([7] * 90))
    assert build.from_events(judged, other, FEATURES, **ABOUT, split="author").info.version != made().info.version


def test_rows_of_a_later_time_make_no_data_set() -> None:
    judged = as_of.judged(labels(), history)
    rows = as_of.feature_rows(judged, history, FEATURES, DuckDbEngine("200MB", 1))
    late = rows.set_column(1, "as_of", pa.array([at + 1 for at in rows["as_of"].to_pylist()]))
    with pytest.raises(RefusedError, match="80 more feature rows are of a later time") as error:
        build.from_events(judged, late, FEATURES, **ABOUT)
    assert error.value.faults[0].where == "event e090"


def test_a_data_set_without_features_keeps_the_version_that_it_always_had(tmp_path: Path) -> None:
    dataset = build.freeze(
        **ABOUT,
        ids=["1", "2"],
        texts=["a", "b"],
        parts=["train", "test"],
        labels={"spam": [1, None]},
        source="pack",
        language="en",
    )
    assert dataset.info.version == "1b21aac07529"
    build.save(dataset, tmp_path / "set")
    assert sorted(path.name for path in (tmp_path / "set").iterdir()) == [
        "CARD.md",
        "dataset.json",
        "labels.parquet",
        "rows.parquet",
    ]
    told = (tmp_path / "set" / "dataset.json").read_text()
    (tmp_path / "set" / "dataset.json").write_text(told.replace(',\n  "features": null', ""))
    assert build.load(tmp_path / "set").features is None


@pytest.mark.data
def test_accounts_of_a_public_history_become_rows_with_the_fixed_split(public_data: Path) -> None:
    source = EVENT_SOURCES["starscout"]
    folder = public_data / source.name
    features = FeatureSet(
        profile=source.profile, windows=(Count(name="stars", key=("actor",), window=duration("365d")),)
    )

    def events():
        return (block.events for block in source.read(folder))

    judged = as_of.judged(source.labels(folder), events)
    rows = as_of.feature_rows(judged, events, features, DuckDbEngine("500MB", 1))
    about = {"name": source.name, "title": source.title, "licence": source.licence, "population": source.population}
    dataset = build.from_events(judged, rows, features, **about, split="author")
    assert dataset.info.rows == 20_079
    assert (dataset.info.parts["test"], dataset.info.positives["test"]["suspected"]) == (3_962, 1_961)
