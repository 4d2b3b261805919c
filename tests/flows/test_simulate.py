"""From a scenario to a folder that the rest of Gatehouse reads as it reads any platform's history."""

from pathlib import Path

import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from gatehouse.errors import UserError
from gatehouse.flows.intake import columns_for, events_of
from gatehouse.flows.simulate import keep, run
from gatehouse.simulation import tables
from gatehouse.simulation.scenario import Scenario

NOW = 1_767_225_600_000_000
SMALL = Scenario(seed=2, days=3, accounts=200, harm=0.05)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small simulation without public data."""
    place = tmp_path_factory.mktemp("simulated") / "small"
    heard: list[str] = []
    days: list[tuple[int, int]] = []
    about = run(SMALL, place, said=heard.append, progress=lambda done, of: days.append((done, of)))
    assert heard == ["gathering texts", "simulating 3 days of 200 members", f"writing {about.events:,} events"]
    assert days == [(1, 3), (2, 3), (3, 3)]
    return place


def test_no_event_is_set_aside_when_they_are_read_as_anyones_file(folder: Path) -> None:
    path = folder / "events.parquet"
    blocks = list(events_of(path, columns_for(path, {}), NOW, require=("actor", "occurred")))
    assert [reject for block in blocks for reject in block.rejects] == []
    assert sum(len(block.events) for block in blocks) == tables.read(folder).about.events


def test_it_becomes_an_imported_history_with_its_labels(folder: Path, tmp_path: Path) -> None:
    info, kept = keep(folder, tmp_path, "simulated")
    read = tables.read(folder)
    assert (info.events, info.in_order, info.rejected) == (read.about.events, True, 0)
    bad = sum(number for role, number in read.about.roles.items() if role != "member")
    assert info.labels == {"abusive": (bad, read.about.accounts - bad)}
    assert pq.read_table(kept / "labels.parquet").equals(read.table("labels"))
    assert "no detector's quality may be quoted from it" in (kept / "CARD.md").read_text()


def test_what_is_told_of_it_is_enough_to_do_it_again(folder: Path, tmp_path: Path) -> None:
    about = tables.read(folder).about
    assert about.settings["accounts"] == 200
    assert about.settings["enforcement"] == "usual"
    assert about.settings["public_texts"] == {}
    run(SMALL, tmp_path / "again")
    for path in folder.iterdir():
        assert path.read_bytes() == (tmp_path / "again" / path.name).read_bytes(), path.name


def test_a_folder_that_holds_something_is_refused_before_the_work(folder: Path) -> None:
    with pytest.raises(UserError, match="there is something already"):
        run(SMALL, folder, said=lambda what: pytest.fail("work began"))


def test_without_enforcement_nobody_is_suspended(tmp_path: Path) -> None:
    about = run(Scenario(seed=2, days=2, accounts=100, enforcement="none"), tmp_path / "free")
    assert "enforced" not in about.tables
    actors = tables.read(tmp_path / "free").table("actors")
    assert actors["suspended"].null_count == len(actors)


def test_about_so_many_events_come_of_events(tmp_path: Path) -> None:
    about = run(Scenario(seed=5, harm=0.0, crowds=0.0).about(20_000), tmp_path / "many")
    assert 12_000 < about.events < 30_000


@pytest.mark.data
def test_public_texts_are_used_where_they_are(public_data: Path, tmp_path: Path) -> None:
    about = run(Scenario(seed=2, days=1, accounts=100), tmp_path / "public", [public_data])
    assert {"talk in en", "talk in pt", "spam in en"} <= set(about.settings["public_texts"])
    info, kept = keep(tmp_path / "public", tmp_path, "public")
    assert "Texts came from the test part of sms-spam" in (kept / "CARD.md").read_text()
    texts = pq.read_table(kept / "events.parquet")["text"].drop_null()
    assert not pc.any(pc.match_substring(texts, "\0")).as_py()
    assert info.events == about.events
