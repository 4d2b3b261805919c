import json
from pathlib import Path

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.features.streams import EVERYTHING, streams

from gatehouse.errors import OutsideError, UserError
from gatehouse.features import snapshot
from gatehouse.features.define import FeatureSet
from gatehouse.features.live import LiveHistory
from gatehouse.features.windows import Count, duration

PLAN = EVERYTHING.plan
VERSION = "0123456789ab"


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "history.snapshot"


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "PIECE", 1_000)


@pytest.fixture
def saved(path: Path) -> Path:
    snapshot.save(path, LiveHistory(PLAN), 17, VERSION)
    return path


@settings(deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(streams(), st.data())
def test_a_restored_history_goes_on_as_if_it_had_never_stopped(
    path: Path, batches: list[pa.RecordBatch], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(batches)))
    expected = LiveHistory(PLAN)
    for batch in batches[:cut]:
        expected.advance(batch)
    snapshot.save(path, expected, cut, VERSION)
    history, position = snapshot.load(path, PLAN, VERSION)
    assert (position, history.clock, history.entities) == (cut, expected.clock, expected.entities)
    history.roll_back()
    for batch in batches[position:]:
        answer = expected.advance(batch)
        assert history.replay(batch).equals(answer)
        history.roll_back()
        assert history.advance(batch).equals(answer)


def test_only_the_newest_snapshot_lies_in_the_folder(saved: Path) -> None:
    snapshot.save(saved, LiveHistory(PLAN), 18, VERSION)
    assert snapshot.load(saved, PLAN, VERSION)[1] == 18
    assert [found.name for found in saved.parent.iterdir()] == [saved.name]


def test_a_missing_file_is_told(path: Path) -> None:
    with pytest.raises(OutsideError) as caught:
        snapshot.load(path, PLAN, VERSION)
    assert str(caught.value) == (
        f"{path}: no snapshot can be read: No such file or directory\n"
        "    → replay the log from its beginning and save a new snapshot"
    )


def damages(content: bytes) -> list[bytes]:
    """Cut or changed at every kind of place."""
    places = [0, 10, 64, 65, 66, len(content) // 2, len(content) - 1]
    cut = [content[:place] for place in places]
    changed = [content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :] for place in places]
    return [*cut, *changed, content + b"\0", b"{}\n{}\n"]


def test_a_damaged_file_is_never_read(saved: Path) -> None:
    for content in damages(saved.read_bytes()):
        saved.write_bytes(content)
        with pytest.raises(OutsideError) as caught:
            snapshot.load(saved, PLAN, VERSION)
        assert str(caught.value) == (
            f"{saved}: the snapshot is damaged: it is cut or was changed\n"
            "    → replay the log from its beginning and save a new snapshot"
        )


def test_a_snapshot_of_other_windows_or_of_another_version_is_refused(saved: Path) -> None:
    other = FeatureSet(windows=(Count(name="posts", key=("actor",), window=duration("2h")),)).plan
    with pytest.raises(UserError, match="the snapshot is of other declared windows"):
        snapshot.load(saved, other, VERSION)
    with pytest.raises(UserError) as caught:
        snapshot.load(saved, PLAN, "ba9876543210")
    assert str(caught.value) == (
        f"{saved}: the snapshot is of version {VERSION} of the features, not ba9876543210\n"
        "    → replay the log from its beginning and save a new snapshot"
    )


def test_a_snapshot_of_another_format_is_refused(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "FORMAT", 2)
    snapshot.save(saved, LiveHistory(PLAN), 1, VERSION)
    monkeypatch.undo()
    with pytest.raises(UserError, match="the snapshot has format 2, not 1"):
        snapshot.load(saved, PLAN, VERSION)


def test_a_snapshot_that_cannot_be_written_leaves_the_one_before(saved: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OutsideError) as caught:
        snapshot.save(saved, LiveHistory(PLAN), 18, VERSION)
    assert str(caught.value) == (
        f"{saved}: the snapshot cannot be written: No space left on device\n"
        "    → free the disk or name another place; until then a start replays the log"
    )
    monkeypatch.undo()
    assert snapshot.load(saved, PLAN, VERSION)[1] == 17
    assert [found.name for found in saved.parent.iterdir()] == [saved.name]


def test_the_header_can_be_read_by_people(saved: Path) -> None:
    header = json.loads(saved.read_bytes().split(b"\n")[1])
    assert header["version"] == VERSION
    assert header["position"] == 17
    assert header["declarations"] == [said.said() for said in PLAN.declarations]
