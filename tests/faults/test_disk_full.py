"""A disk that takes no byte more: nothing is answered that is not on record, and all goes on when there is room."""

import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from gatehouse.adapters.sql.dead_letters import SqlDeadLetters
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.errors import OutsideError
from gatehouse.ports.dead_letters import DeadLetter
from gatehouse.testing.faults_fleet import Fleet, Place, trial, wait_for
from gatehouse.testing.faults_forks import Forks
from gatehouse.testing.faults_receiver import Receiver
from gatehouse.testing.makers import make_event, make_judged

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("faults")]


def room(fleet: Fleet, size: int) -> None:
    """How large any file may grow that a process of the deployment writes; needs no rights."""
    for child in fleet.children.values():
        for pid in (child.pid, *(inner.pid for inner in psutil.Process(child.pid).children(recursive=True))):
            resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def test_the_api_says_so_the_worker_waits_and_both_go_on_when_there_is_room(
    forks: Forks, place: Place, receiver: Receiver
) -> None:
    with trial(forks, place, receiver, seed=3) as run:
        wait_for(lambda: receiver.effects, 30, "nothing is carried out")
        room(run.fleet, 0)
        refused, _ = run.ask("full")
        database = place.database()
        before = SqlLedger(database).last()
        again, _ = run.ask("full")
        assert SqlLedger(database).find("full") is None
        assert SqlLedger(database).last() == before
        room(run.fleet, resource.RLIM_INFINITY)
        wait_for(lambda: SqlLedger(database).last() > before, 30, "nothing goes on")
        taken, _ = run.ask("full")
        database.close()
        found = run.end()
    for answer in (refused, again):
        assert answer.status_code == 503, answer.text
        assert int(answer.headers["Retry-After"]) > 0
        assert "the ledger cannot be used" in answer.json()["faults"][0]["what"]
    assert taken.status_code == 200
    assert run.fleet.died == []
    assert found.agrees, str(found)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of a megabyte; skips where this account may make none."""
    folder = tmp_path / "disk"
    folder.mkdir()
    made = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)], capture_output=True)
    if made.returncode:
        pytest.skip("this account may not mount a small disk; the limits of the test above need no rights")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_full_disk_is_said_and_what_was_recorded_stays(small_disk: Path) -> None:
    database = Database(small_disk / "ledger.db")
    ledger, letters = SqlLedger(database), SqlDeadLetters(database)
    recorded = []

    def fill() -> None:
        for number in range(10_000):
            ledger.commit([make_judged(make_event(f"e{number}", "x" * 5_000))])
            recorded.append(f"e{number}")

    with pytest.raises(OutsideError) as full:
        fill()
    assert recorded
    assert "the ledger cannot be used: database or disk is full" in str(full.value)
    assert "→ make room on the disk, then do it again; nothing of this was recorded" in str(full.value)
    with pytest.raises(OutsideError, match="is full"):
        letters.add([DeadLetter(id="1", value=b"x" * 500_000, source="t/0/1", reason="r", at=1)])
    assert [event.id for _, event in ledger.log()] == recorded
    database.close()
    subprocess.run(["mount", "-o", "remount,size=8m", str(small_disk)], check=True)
    database = Database(small_disk / "ledger.db")
    assert SqlLedger(database).commit([make_judged(make_event("after", "x" * 5_000))])
    assert [event.id for _, event in SqlLedger(database).log()] == [*recorded, "after"]
    database.close()
