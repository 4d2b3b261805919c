"""Runs of a search for campaigns are there whole or not at all, and damage is named."""

import json
from pathlib import Path

import pytest
from tests.flows.communities import make_community, make_kept, make_sighting, names

from gatehouse.adapters.files.campaigns import FolderCampaigns
from gatehouse.errors import OutsideError, UserError
from gatehouse.ports.campaigns import Kept, Verdict
from gatehouse.testing.makers import NOW

RUN = "20231114T221320-aaaaaa"


@pytest.fixture
def kept(tmp_path: Path) -> FolderCampaigns:
    made = FolderCampaigns(tmp_path / "campaigns")
    made.keep(a_run())
    return made


def a_run(**said: object) -> Kept:
    return make_kept(make_sighting(make_community("ring", names(0, 5)), merged=("old",), split_from="b"), **said)  # type: ignore[arg-type]


def test_a_kept_run_reads_back(kept: FolderCampaigns) -> None:
    wrote, read = a_run(), kept.read(RUN)
    assert kept.runs() == [wrote.run] == [read.run]
    assert read.sightings == list(wrote.sightings) == kept.sightings(RUN)
    assert (read.ties, read.activity, read.texts) == (wrote.ties, wrote.activity, wrote.texts)
    assert not [path for path in kept.root.iterdir() if path.name.startswith(".")]


def test_runs_stand_in_the_order_in_which_they_were_made(kept: FolderCampaigns) -> None:
    kept.keep(a_run(id="a", at=NOW + 5))
    kept.keep(a_run(id="z", at=NOW - 5))
    assert [run.id for run in kept.runs()] == ["z", RUN, "a"]
    assert FolderCampaigns(kept.root / "none").runs() == []


def test_a_run_is_never_written_over(kept: FolderCampaigns) -> None:
    with pytest.raises(OutsideError, match="the run cannot be kept"):
        kept.keep(make_kept())
    assert len(kept.sightings(RUN)) == 1
    assert len(list(kept.root.iterdir())) == 1


@pytest.mark.parametrize("name", ["communities.jsonl", "ties.parquet", "activity.parquet", "texts.parquet"])
def test_a_file_that_was_cut_short_or_is_gone_is_named(kept: FolderCampaigns, name: str) -> None:
    path = kept.root / RUN / name
    path.write_bytes(path.read_bytes()[:-3])
    with pytest.raises(OutsideError) as refused:
        kept.read(RUN)
    (fault,) = refused.value.faults
    assert (fault.what, fault.where) == ("the file was cut short or changed", str(path))
    assert "run gatehouse campaigns find again" in fault.fix
    path.unlink()
    with pytest.raises(OutsideError, match=f"{name}: the file is missing"):
        kept.read(RUN)
    assert kept.runs(), "what the run says of itself can still be read"


@pytest.mark.parametrize("content", ["", "{", "[1]", '{"version": 1, "run": {"id": 3}, "files": {}}', '{"version": 1}'])
def test_every_run_whose_note_is_damaged_is_named(kept: FolderCampaigns, content: str) -> None:
    kept.keep(a_run(id="second"))
    kept.keep(a_run(id="third"))
    for name in (RUN, "second"):
        (kept.root / name / "run.json").write_text(content)
    with pytest.raises(OutsideError) as refused:
        kept.runs()
    assert [Path(fault.where).parent.name for fault in refused.value.faults] == [RUN, "second"]


def test_a_folder_under_another_name_and_a_newer_version_are_refused(kept: FolderCampaigns) -> None:
    (kept.root / RUN).rename(kept.root / "copy")
    with pytest.raises(OutsideError, match=f"the folder holds run {RUN}"):
        kept.runs()
    note = kept.root / "copy" / "run.json"
    note.write_text(json.dumps({**json.loads(note.read_text()), "version": 7}))
    with pytest.raises(UserError, match="kept by a newer Gatehouse"):
        kept.runs()


def test_verdicts_are_added_and_a_damaged_line_is_named_before_another_is_written(kept: FolderCampaigns) -> None:
    assert kept.verdicts() == {}
    first = Verdict(community="ring", verdict="benign", why="fans", by="sam", at=NOW)
    kept.decide(first)
    kept.decide(Verdict(community="other", verdict="coordinated", why="one owner", by="kim", at=NOW))
    assert list(kept.verdicts()) == ["ring", "other"]
    assert kept.verdicts()["ring"] == [first]
    path = kept.root / "verdicts.jsonl"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(OutsideError, match=r"verdicts\.jsonl:2: this is no verdict"):
        kept.decide(first)
    assert path.read_bytes().count(b"\n") == 1
