"""What commits wrote into the log comes into the file without them, and the log begins anew."""

import sqlite3
import threading
from contextlib import closing
from pathlib import Path
from time import monotonic, sleep

from gatehouse.adapters.sql.checkpoints import ROWS
from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.records.erasure import Erasure
from gatehouse.testing.makers import make_event, make_judged


def moving() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "checkpoints"]


def commit(ledger: SqlLedger, first: int, n: int) -> None:
    ledger.commit([make_judged(make_event(f"e{number}")) for number in range(first, first + n)])


def in_the_file(path: Path, copy: Path) -> int:
    """How many events are in the file itself, without its log."""
    copy.write_bytes(path.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        found: int = connection.execute("SELECT count(*) FROM events").fetchone()[0]
    return found


def until_in_the_file(path: Path, copy: Path, n: int) -> bool:
    end = monotonic() + 20
    while in_the_file(path, copy) < n and monotonic() < end:
        sleep(0.05)
    return in_the_file(path, copy) == n


def test_after_enough_rows_the_log_is_moved_beside_the_commits(database: Database, tmp_path: Path) -> None:
    assert database.path is not None
    ledger, before = SqlLedger(database), len(moving())
    commit(ledger, 0, 10)
    assert len(moving()) == before
    assert in_the_file(database.path, tmp_path / "copy.db") == 0
    commit(ledger, 10, ROWS)
    assert until_in_the_file(database.path, tmp_path / "copy.db", 10 + ROWS)


def test_the_log_begins_anew_and_does_not_grow_with_every_batch(database: Database, tmp_path: Path) -> None:
    assert database.path is not None
    ledger, sizes = SqlLedger(database), []
    for turn in range(6):
        commit(ledger, turn * ROWS, ROWS)
        assert until_in_the_file(database.path, tmp_path / "copy.db", (turn + 1) * ROWS)
        sizes.append(database.path.with_name(f"{database.path.name}-wal").stat().st_size)
    assert max(sizes) < 3 * sizes[0]


def test_closing_ends_the_thread_and_leaves_no_log(database: Database) -> None:
    assert database.path is not None
    before = len(moving())
    opened = Database(database.path)
    commit(SqlLedger(opened), 0, ROWS)
    assert len(moving()) == before + 1
    opened.close()
    assert len(moving()) == before


def test_an_erasure_empties_the_log_though_it_is_being_moved(database: Database) -> None:
    assert database.path is not None
    ledger = SqlLedger(database)
    event = make_event("e0")
    assert event.actor is not None
    commit(ledger, 0, ROWS)
    ledger.erase(Erasure(entity=event.actor, at=1, by="sam", why="asked"))
    assert database.path.with_name(f"{database.path.name}-wal").stat().st_size == 0
