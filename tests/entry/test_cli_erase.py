"""Erasure reaches everything in the house, and nothing else; what a hold keeps stays; a retention takes what is old."""

import json
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from click.testing import CliRunner, Result
from tests.entry.full_house import HERON, NEEDLES, OTHERS, SUMMER, ZEBRA, filled, where_said

from gatehouse.adapters.files.campaigns import FolderCampaigns
from gatehouse.adapters.sql.engine import Database
from gatehouse.bootstrap import House, erasing
from gatehouse.datasets import build, event_sets
from gatehouse.entry.cli import erase as commands
from gatehouse.entry.cli.show import now
from gatehouse.entry.cli.trace import trace
from gatehouse.entry.live import open_gate
from gatehouse.errors import GatehouseError, OutsideError, RefusedError, UserError
from gatehouse.features import snapshot as snapshots
from gatehouse.flows import banks, releases
from gatehouse.flows import erase as flow
from gatehouse.flows.erase import Stores
from gatehouse.flows.ledger_check import check
from gatehouse.flows.replay import replay
from gatehouse.flows.restore import restore
from gatehouse.ports.erasing import ErasedError, Reached
from gatehouse.records.decision import Decision
from gatehouse.records.event import ERASED, Entity, Event

Run = Callable[..., Any]


@pytest.fixture
def house(trained_home: Path, tmp_path: Path) -> House:
    """A house in which the actor stands in every store."""
    home = tmp_path / "home"
    shutil.copytree(trained_home, home)
    return filled(home)


@pytest.fixture
def command(house: House) -> Run:
    """A command on this house: its output, or what it raised."""

    def run(name: str, *arguments: str) -> Result:
        made = {"erase": commands.erase, "retain": commands.retain, "hold": commands.hold, "trace": trace}[name]
        result = CliRunner(env={"COLUMNS": "200"}).invoke(made, arguments, obj=house.settings)
        if isinstance(result.exception, GatehouseError):
            raise result.exception
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        return result

    return run


def erase(house: House, **said: Any) -> Any:
    return erasing.erase_everywhere(house, ZEBRA, by="privacy", why="asked for it", at=now(), **said)


def rows(report: Any) -> dict[str, int]:
    """What was reached in each place, by the end of its path."""
    return {f"{one.store} {one.where.rpartition('/')[2]}".split("-")[0]: one.rows for one in report.reached if one.rows}


REACHED = {
    "scores scores.parquet": 2,
    "rejects scores.rejects.jsonl": 2,
    "banks spam": 2,
    "campaigns 20231114T221320": 3,
    "enforcement log enforcements.jsonl": 1,
    "dead letters ledger": 2,
    "reads ledger": 1,
    "data sets notes": 4,
    "data sets river": 2,
    "snapshots history.snapshot": 1,
}


def test_nothing_of_an_erased_actor_is_left_in_any_file(house: House) -> None:
    home = house.settings.home
    before = {needle: where_said(home, needle) for needle in NEEDLES}
    assert all(any(file.startswith("ledger.sqlite") for file in files) for files in before.values())
    assert len(before[ZEBRA.id]) >= 7
    report = erase(house)
    assert rows(report) == REACHED
    assert (report.events, report.erased.decisions) == (2, 2)
    assert {needle: where_said(home, needle) for needle in NEEDLES} == {needle: [] for needle in NEEDLES}
    assert [path for path in home.rglob("*") if ".erasing" in path.name or path.name.endswith(".part")] == []


def test_everybody_else_is_as_before(house: House) -> None:
    before = {id_: house.ledger.find(id_) for id_ in ("h1", "h2")}
    decided_by = before["h1"].decision.releases["spam"] if before["h1"] else ""
    judge = releases.open_judge(house.shelf, [house.shelf.registry.release("spam", decided_by)])
    assert all(replay(one, judge).same for one in before.values() if one is not None)
    erase(house)
    judge = releases.open_judge(house.shelf, [house.shelf.registry.release("spam", decided_by)])
    for id_, stored in before.items():
        assert stored is not None
        assert house.ledger.find(id_) == stored
        assert replay(stored, judge).same
    about = house.ledger.find("h3")
    assert about is not None
    assert (about.event.actor, str(about.event.target).partition(":")[0]) == (HERON, "erased")
    report = check(house.ledger)
    assert (report.whole, report.erasures) == (True, 1)
    history, _ = restore(house.ledger, judge, house.settings.home / "history.snapshot")
    assert history.clock > 0
    _, path = house.shelf.registry.datasets()[0]
    assert build.load(Path(path)).rows["text"].to_pylist() == [OTHERS, "another note", "one more note"]
    ((river, folder),) = event_sets.infos(house.settings.datasets)
    (left,) = pa.Table.from_batches(event_sets.events(folder)).select(["text", "actor", "target"]).to_pylist()
    assert left == {"text": SUMMER, "actor": str(HERON), "target": "erased"}
    assert river.notes[-1] == "1 event was erased since it was frozen; figures from before counted them"
    kept = FolderCampaigns(house.settings.home / "campaigns")
    (run,) = kept.runs()
    (sighting,) = kept.sightings(run.id)
    assert sighting.community.members == (str(HERON), "account:c", "account:d")
    assert kept.read(run.id).texts["event_id"].to_pylist() == ["h1"]
    assert [one["event_id"] for one in house.lake.rows(house.settings.home / "scores.parquet", "h1")] == ["h1"]
    assert [one.value for one in house.letters.list()] == [b"of someone"]


def test_a_dry_run_counts_the_same_and_changes_nothing(house: House) -> None:
    home = house.settings.home
    before = {needle: where_said(home, needle) for needle in NEEDLES}
    report = erase(house, dry=True)
    assert rows(report) == REACHED
    assert (report.events, report.erased) == (2, None)
    assert {needle: where_said(home, needle) for needle in NEEDLES} == before
    assert list(house.ledger.erasures()) == []
    assert rows(erase(house)) == REACHED


def test_an_erasure_that_was_cut_off_is_finished_by_the_next(house: House) -> None:
    class Falls:
        def ids(self, entity: Entity) -> frozenset[str]:
            return frozenset()

        def forget(self, whom: object, *, at: int, dry: bool) -> list[Reached]:
            raise OutsideError("the disk is gone")

    all_of_them = erasing.stores(house, Database(house.settings.ledger))
    for cut in range(len(all_of_them.first) + 1):
        stores = Stores([*all_of_them.first[:cut], Falls(), *all_of_them.first[cut:]], all_of_them.last)
        with pytest.raises(OutsideError, match="the disk is gone"):
            flow.erase(house.ledger, stores, ZEBRA, by="privacy", why="asked", at=9)
        assert list(house.ledger.erasures()) == []
    report = erase(house)
    assert (report.rows, report.events) == (1, 2), "only the snapshot and the ledger were left"
    assert not any(where_said(house.settings.home, needle) for needle in NEEDLES)
    assert erase(house).events == 0


def test_a_hold_keeps_everything_before_anything_is_touched(house: House, command: Run) -> None:
    home = house.settings.home
    said = command("hold", str(ZEBRA), "--owner", "legal", "--why", "case 12", "--until", "2999-01-31").output
    (hold,) = house.ledger.holds()
    assert said == (
        f"hold {hold.id}: {ZEBRA} is kept until 2999-01-31 00:00 UTC, legal answers for it\n"
        f"next: gatehouse hold release {hold.id} ends it earlier\n"
    )
    before = where_said(home, ZEBRA.id)
    for more in ([], ["--dry-run"]):
        with pytest.raises(RefusedError) as caught:
            command("erase", str(ZEBRA), "--why", "asked for it", *more)
        (fault,) = caught.value.faults
        assert fault.what == f"hold '{hold.id}' of legal keeps it until 2999-01-31: case 12"
        assert fault.fix == f"wait until it ends, or ask legal to end it: gatehouse hold release {hold.id}"
    assert where_said(home, ZEBRA.id) == before
    assert "in force" in command("hold", "list").output
    command("hold", "release", hold.id)
    assert "0 holds in force" in command("hold", "list").output
    assert json.loads(command("erase", str(ZEBRA), "--why", "asked for it", "--json").output)["counts"]["events"] == 2


def test_a_data_set_keeps_its_version_and_says_how_many_rows_went(house: House) -> None:
    (info, path) = house.shelf.registry.datasets()[0]
    erase(house)
    left = build.load(Path(path)).info
    assert (left.version, info.rows, left.rows) == (info.version, 5, 3)
    assert left.notes == "2 rows were erased since it was frozen; figures from before counted them"
    assert (left.parts["train"], left.positives["train"]["spam"]) == (1, 0)
    assert "2 rows were erased since it was frozen" in (Path(path) / "CARD.md").read_text()
    note = Path(path) / "erased.json"
    note.write_text(note.read_text().replace('"content":"', '"content":"0'))
    with pytest.raises(OutsideError, match="was changed after it was frozen"):
        build.load(Path(path))


def test_a_release_whose_bank_held_the_text_says_that_it_was_erased(house: House, command: Run) -> None:
    held = releases.live(house.shelf, ["spam"])[0]
    erase(house)
    now = releases.live(house.shelf, ["spam"])[0]
    assert now.version != held.version
    releases.open_judge(house.shelf, [now])
    with pytest.raises(ErasedError, match=r"spam.near/near.jsonl was erased on \d{4}-\d\d-\d\d: what it was made of"):
        releases.open_judge(house.shelf, [held])
    life = house.shelf.registry.entry_life("spam")
    assert {(one.entry, one.state) for one in life if one.entry == "reworded"} == {
        ("reworded", "proposed"),
        ("reworded", "retired"),
    }
    (first, last) = [one for one in life if one.entry == "copied"]
    assert (first.state, last.state, last.why) == ("active", "retired", "what it was made of was erased")
    assert first.content == last.content
    assert (first.source, json.loads(first.content)["text"].split()[0]) == ("erased", "erased")
    said = command("trace", "z1").output
    day = time.strftime("%Y-%m-%d", time.gmtime())
    assert f"erased on {day} (erasure 1): what the event said and what it was judged by are gone" in said
    assert json.loads(command("trace", "z1", "--json").output)["event"]["kind"] == ERASED


def test_a_known_text_that_somebody_posts_stays_known(house: House) -> None:
    gate, _ = open_gate(house, ("spam",))
    known = "gatehouse canary text: known spam sample 1"
    posted = Event(id="z3", text=known, actor=ZEBRA)
    gate.decide([posted])
    erase(house)
    assert [hit.bank for hit in banks.find(house.shelf, "spam", text=known)] == ["bank"]
    gate, _ = open_gate(house, ("spam",))
    (again,) = gate.decide([Event(id="h9", text=known, actor=HERON)])
    assert isinstance(again, Decision)
    assert again.outcome == "violating"


def test_a_retention_takes_what_is_old_and_tells_what_is_held(house: House, command: Run) -> None:
    command("hold", str(HERON), "--owner", "legal", "--why", "case 12", "--until", "2999-01-31")
    (hold,) = house.ledger.holds()
    assert command("retain", "--content-days", "30", "--dry-run").output.startswith("from before ")
    said = json.loads(command("retain", "--content-days", "30", "--json").output)["retained"]
    # What the gate decided was seen just now; only `h3` is old, and names who is held.
    assert (said["events"], said["letters"], said["rejects"], said["held"]) == (0, 3, 1, {hold.id: 1})
    assert house.letters.list(state=None) == []
    assert not (house.settings.home / "scores.rejects.jsonl").exists()
    command("hold", "release", hold.id)
    assert json.loads(command("retain", "--content-days", "30", "--json").output)["retained"]["events"] == 1
    found = house.ledger.find("h3")
    assert found is not None
    assert (found.event.kind, found.decision.outcome) == (ERASED, "violating")
    assert check(house.ledger).whole


def test_what_cannot_be_erased_says_why(house: House) -> None:
    with pytest.raises(UserError, match=f"gatehouse erase {ZEBRA} takes all of it"):
        erasing.erase_everywhere(house, Entity("event", "z1"), by="privacy", why="asked for it", at=now())
    with pytest.raises(UserError, match="the reason names who is erased, and it stays"):
        erasing.erase_everywhere(house, ZEBRA, by="privacy", why="zebra-7731 asked for it", at=now())
    assert list(house.ledger.erasures()) == []


def test_people_read_what_was_reached_and_what_was_not(command: Run) -> None:
    said = command("erase", str(ZEBRA), "--why", "asked for it", "--dry-run").output
    assert "would go" in said
    assert "nothing was changed; without --dry-run it is gone for ever" in said
    assert "nothing of it was left" not in said
    assert "no longer there" in said
    said = command("erase", str(ZEBRA), "--why", "asked for it").output
    assert "erased: record 1 of the ledger; erased:" in said
    assert "NOT REACHED, look there yourself:\n  - files that commands wrote where they were told to" in said
    assert "nothing of it was left to be erased" in command("erase", str(ZEBRA), "--why", "asked for it").output


def test_a_process_that_counted_before_an_erasure_saves_no_snapshot(house: House) -> None:
    snapshot = house.settings.home / "history.snapshot"
    before, _ = open_gate(house, ("spam",))
    erase(house)
    before.close()
    assert not snapshot.exists()
    after, said = open_gate(house, ("spam",))
    assert any("the whole log is replayed" in sentence for sentence in said)
    after.close()
    assert snapshot.exists()


def test_a_snapshot_that_is_being_written_while_somebody_is_erased_does_not_stay(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    write = snapshots._write

    def overtaken(path: Path, parts: Any) -> None:
        erase(house)
        write(path, parts)

    gate, _ = open_gate(house, ("spam",))
    with monkeypatch.context() as patch:
        patch.setattr(snapshots, "_write", overtaken)
        gate.close()
    assert not (house.settings.home / "history.snapshot").exists()


@pytest.mark.parametrize("broken", [b"actuators: [", b"- mine\n", b"actuators: [mine]\n", b"\xff"])
def test_a_broken_file_of_actuators_is_the_user_s_to_mend_and_nothing_is_touched_until_then(
    house: House, command: Run, broken: bytes
) -> None:
    home = house.settings.home
    before = {needle: where_said(home, needle) for needle in NEEDLES}
    file = home / "actuators.yaml"
    file.write_bytes(broken)
    with pytest.raises(UserError) as caught:
        command("erase", str(ZEBRA), "--why", "asked for it")
    assert (caught.value.exit_code, str(caught.value)) == (
        2,
        f"{file}: the actuators cannot be read\n    → mend it: gatehouse doctor says what is wrong",
    )
    assert {needle: where_said(home, needle) for needle in NEEDLES} == before
    file.unlink()
    assert rows(erase(house)) == REACHED
    assert house.ledger.said_by(ZEBRA) == []


def test_a_file_of_actuators_that_the_disk_does_not_give_is_no_fault_of_the_user_s(house: House, command: Run) -> None:
    file = house.settings.home / "actuators.yaml"
    file.mkdir()
    with pytest.raises(OutsideError, match="the actuators cannot be read: Is a directory"):
        command("erase", str(ZEBRA), "--why", "asked for it")
    assert house.ledger.said_by(ZEBRA)[0].kind != ERASED


def test_logs_keep_their_lines_in_place(house: House) -> None:
    home = house.settings.home
    (home / "actuators.yaml").write_text("actuators:\n  mine: {log: deep/mine.jsonl}\n")
    (home / "deep").mkdir()
    line = b'{"key":"k","subject":"account:zebra-7731","why":"x"}\n{"key":"l","subject":"account:zebra-77319"}\n'
    (home / "deep" / "mine.jsonl").write_bytes(line)
    erase(house)
    left = (home / "deep" / "mine.jsonl").read_bytes()
    assert len(left) == len(line)
    assert [json.loads(one)["subject"] for one in left.splitlines()] == ["erased", "account:zebra-77319"]
