"""Histories by name, whether public or imported."""

import os
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from gatehouse.datasets import event_sets, event_sources, histories
from gatehouse.datasets.event_source import EventBlock, claims
from gatehouse.errors import OutsideError
from gatehouse.records.event import EVENT_SCHEMA, Entity, Event, to_batch


def imported(root: Path, name: str, *ids: str) -> Path:
    events = to_batch([Event(id=id_, seen=i, occurred=i, actor=Entity("account", id_)) for i, id_ in enumerate(ids)])
    labels = claims("test", {"account:a": {"bot": 1}})
    about = {"title": name, "licence": "own", "population": "nobody"}
    return event_sets.write([EventBlock(events)], labels, root, name=name, **about)[1]


def test_the_newest_import_of_a_name_is_found_with_its_events_and_claims(tmp_path: Path) -> None:
    older, newer = imported(tmp_path, "ours", "a"), imported(tmp_path, "ours", "a", "b")
    os.utime(older, (1, 1))
    history = histories.find("ours", tmp_path, ())
    assert history is not None
    assert pa.Table.from_batches(history.events())["id"].to_pylist() == ["a", "b"]
    assert pa.Table.from_batches(history.events()).num_rows == 2, "it can be read again"
    assert history.labels()["subject"].to_pylist() == ["account:a"]
    assert history.notes[-1] == f"of the imported history ours, version {newer.name.removeprefix('ours-')}"


def test_a_name_that_nobody_knows_and_a_public_one_without_its_files_are_none(tmp_path: Path) -> None:
    assert histories.find("ours", tmp_path, ()) is None
    assert histories.find("starscout", tmp_path, (tmp_path,)) is None


@pytest.mark.data
def test_a_public_one_is_read_where_its_files_are(tmp_path: Path, public_data: Path) -> None:
    history = histories.find("twitter-bots-nyu", tmp_path, (public_data,))
    assert history is not None
    assert sum(len(batch) for batch in history.events()) == 1_923
    assert len(history.labels()) == 1_923
    assert event_sources.twitter_bots.SOURCE.limits[0] in history.notes


def test_columns_that_events_gained_later_are_null_in_an_old_import(tmp_path: Path) -> None:
    path = imported(tmp_path, "ours", "a")
    old = pq.read_table(path / event_sets.EVENTS).drop_columns(["media", "device"])
    pq.write_table(old, path / event_sets.EVENTS)
    [batch] = event_sets.events(path)
    assert batch.schema == EVENT_SCHEMA
    assert batch.column("device").null_count == 1


@pytest.mark.parametrize("file", [event_sets.EVENTS, event_sets.LABELS])
def test_an_import_that_is_damaged_says_so(tmp_path: Path, file: str) -> None:
    path = imported(tmp_path, "ours", "a")
    (path / file).write_bytes(b"PAR1")
    history = histories.find("ours", tmp_path, ())
    assert history is not None
    with pytest.raises(OutsideError, match="the imported history cannot be read"):
        list(history.events() if file == event_sets.EVENTS else [history.labels()])
