import multiprocessing
import re
from contextlib import closing
from multiprocessing.synchronize import Barrier
from pathlib import Path
from threading import Timer
from typing import Any

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine, inspect, text
from sqlalchemy.event import listen, remove

import gatehouse.adapters.sql.dead_letters_tables
import gatehouse.adapters.sql.erasure_tables  # noqa: F401, its tables are compared too
from gatehouse.adapters.sql.engine import Database, migrations, upgrade
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.adapters.sql.tables import SCHEMA, VERSION_TABLE, metadata
from gatehouse.errors import OutsideError, UserError
from gatehouse.records.enforcement import Enforcement
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import Entity
from gatehouse.testing.makers import NOW, make_decision, make_event, make_judged

SPAWN = multiprocessing.get_context("spawn")


def statement(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(driver.connect(path, isolation_level=None)) as connection:
        return connection.execute(sql).fetchall()


def test_every_connection_keeps_what_it_commits_through_a_power_cut(database: Database) -> None:
    with database.reading() as connection:
        pragmas = {
            name: connection.exec_driver_sql(f"PRAGMA {name}").scalar()
            for name in ("journal_mode", "synchronous", "foreign_keys")
        }
    assert pragmas == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1}


def test_the_shipped_steps_make_just_the_tables_that_the_code_uses(database: Database) -> None:
    with database.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
        checks = {one["name"] for one in inspect(connection).get_check_constraints("decisions")}
        assert checks == {"decisions_place"}
        assert ScriptDirectory.from_config(migrations(connection)).get_current_head() == SCHEMA


def test_steps_go_down_and_up_again(database: Database) -> None:
    with database.writing() as connection:
        command.downgrade(migrations(connection), "base")
        assert inspect(connection).get_table_names() == [VERSION_TABLE]
        upgrade(connection)
        assert set(inspect(connection).get_table_names()) == {VERSION_TABLE, *metadata.tables}


def test_an_erasure_looks_at_no_enforcements_but_those_of_whom_it_erases(database: Database) -> None:
    sam = Entity("account", "sam")
    event = make_event("e1", actor=sam)
    decision = make_decision(event)
    said = {"decision_id": decision.id, "event_id": "e1", "policy": "spam", "subject": str(sam)}
    deed = Enforcement(id="deed", kind="suspend", **said)
    ledger = SqlLedger(database)
    ledger.commit([make_judged(event, decision=decision, enforcements=[deed])])
    asked: list[tuple[str, Any]] = []

    def ask(_: object, __: object, statement: str, values: Any, *___: object) -> None:
        if re.search(r"(FROM|UPDATE) enforcements", statement):
            asked.append((statement, values))

    listen(Engine, "before_cursor_execute", ask)
    try:
        ledger.erase(Erasure(entity=sam, at=NOW, by="privacy", why="asked for it"))
    finally:
        remove(Engine, "before_cursor_execute", ask)
    assert len(asked) == 2
    with database.reading() as connection:
        for statement, values in asked:
            plan = [row.detail for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
            (way,) = [step for step in plan if "enforcements" in step]
            assert way.startswith("SEARCH enforcements USING"), (statement, plan)


def test_events_of_an_older_file_are_numbered_by_their_time(database: Database) -> None:
    moments = {"c": 5, "a": 7, "d": 5, "b": 9}
    events = [make_event(id_, seen=seen) for id_, seen in moments.items()]
    SqlLedger(database).commit([make_judged(event) for event in [*events, make_event("c", "new", revision=1, seen=5)]])
    with database.writing() as connection:
        command.downgrade(migrations(connection), "0001")
        assert "number" not in {column["name"] for column in inspect(connection).get_columns("events")}
    database.close()
    reopened = Database(database.path)
    ledger = SqlLedger(reopened)
    assert [(number, event.id, event.revision) for number, event in ledger.log()] == [
        (1, "c", 0),
        (2, "c", 1),
        (3, "d", 0),
        (4, "a", 0),
        (5, "b", 0),
    ]
    ledger.commit([make_judged(make_event("z"))])
    assert ledger.log(after=5) == [(6, make_event("z"))]
    with reopened.reading() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        assert compare_metadata(context, metadata) == []
    reopened.close()


def test_events_of_a_file_without_media_come_back_as_they_were(database: Database) -> None:
    SqlLedger(database).commit([make_judged()])
    with database.writing() as connection:
        command.downgrade(migrations(connection), "0002")
        assert "media" not in {column["name"] for column in inspect(connection).get_columns("events")}
        assert "bank_changes" not in inspect(connection).get_table_names()
    database.close()
    reopened = Database(database.path)
    ledger = SqlLedger(reopened)
    with_media = make_event("m", media=("md5:" + "ab" * 16,))
    ledger.commit([make_judged(with_media)])
    assert [event for _, event in ledger.log()] == [make_event(), with_media]
    reopened.close()


def test_a_step_that_fails_leaves_the_file_as_it_was(database: Database) -> None:
    def fail_after(connection: Connection) -> None:
        command.downgrade(migrations(connection), "base")
        raise RuntimeError

    with pytest.raises(RuntimeError), database.writing() as connection:
        fail_after(connection)
    with database.reading() as connection:
        assert set(inspect(connection).get_table_names()) == {VERSION_TABLE, *metadata.tables}


def test_opening_an_old_file_brings_it_up_to_date(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "er" / "ledger.db"
    first = Database(path)
    with first.writing() as connection:
        command.downgrade(migrations(connection), "base")
    first.close()
    second = Database(path)
    assert SqlLedger(second).commit([make_judged()])
    second.close()


def _open(folder: Path, together: Barrier) -> None:
    for i in range(4):
        together.wait(30)
        Database(folder / f"{i}.db").close()


def test_processes_that_open_a_new_file_at_once_all_get_it(tmp_path: Path) -> None:
    together = SPAWN.Barrier(2)
    processes = [SPAWN.Process(target=_open, args=(tmp_path, together), daemon=True) for _ in range(2)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
    assert [process.exitcode for process in processes] == [0, 0]


def test_opening_waits_for_another_that_is_making_the_file(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with closing(driver.connect(path, isolation_level=None, check_same_thread=False)) as other:
        other.execute("BEGIN IMMEDIATE")
        release = Timer(0.2, other.execute, ["COMMIT"])
        release.start()
        Database(path).close()
        release.join()


def test_a_newer_file_is_refused_with_the_way_out(database: Database) -> None:
    database.close()
    statement(database.path, f"UPDATE {VERSION_TABLE} SET version_num = '9000'")
    with pytest.raises(UserError) as caught:
        Database(database.path)
    assert str(caught.value) == (
        f"{database.path}: the ledger was written by a newer gatehouse (schema 9000; this one knows up to {SCHEMA})\n"
        "    → install that version or a later one: pip install --upgrade gatehouse"
    )


def test_a_file_that_is_no_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("these are my notes\n" * 100)
    before = path.read_bytes()
    with pytest.raises(OutsideError) as caught:
        Database(path)
    assert str(caught.value) == (
        f"{path}: the ledger cannot be used: file is not a database\n"
        "    → name a ledger that gatehouse made, or move this file away and start anew"
    )
    assert path.read_bytes() == before


def test_another_program_s_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.db"
    statement(path, "CREATE TABLE alembic_version (version_num TEXT)")
    before = statement(path, "SELECT * FROM sqlite_master")
    with pytest.raises(OutsideError, match="a database, but not a ledger"):
        Database(path)
    assert statement(path, "SELECT * FROM sqlite_master") == before


def test_a_folder_in_the_way_is_said(tmp_path: Path) -> None:
    with pytest.raises(OutsideError, match="unable to open database file\n    → check that the folder is there"):
        Database(tmp_path)
    (tmp_path / "file").write_text("")
    with pytest.raises(OutsideError, match="the ledger cannot be used"):
        Database(tmp_path / "file" / "ledger.db")


def test_a_file_cut_short_is_said(database: Database) -> None:
    SqlLedger(database).commit([make_judged()])
    database.close()
    content = database.path.read_bytes()
    database.path.write_bytes(content[: len(content) // 2])
    with pytest.raises(OutsideError, match="malformed\n    → the file is damaged: bring it back from a copy"):
        SqlLedger(Database(database.path)).find("e1")


def test_a_file_that_may_not_be_written_is_said(database: Database) -> None:
    database.close()
    with database.path.open("r+b") as file:
        # SQLite's own sign for "read only": a write version above those it knows. Holds for every account.
        file.seek(18)
        file.write(b"\x03")
    reopened = Database(database.path)
    with pytest.raises(OutsideError, match="readonly database\n    → give this account the right to write"):
        SqlLedger(reopened).commit([make_judged()])
    reopened.close()


def test_a_full_disk_is_said_and_leaves_nothing_half_written(database: Database) -> None:
    ledger = SqlLedger(database)
    with database.reading() as connection:
        # The pool hands the same connection out again, so the limit holds for the commit.
        pages = connection.exec_driver_sql("PRAGMA page_count").scalar()
        connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutsideError, match="is full\n    → make room on the disk"):
        ledger.commit([make_judged(features={"normalised": "x" * 100_000})])
    with database.reading() as connection:
        connection.exec_driver_sql("PRAGMA max_page_count = 1000000")
    assert ledger.find("e1") is None
    assert statement(database.path, "SELECT count(*) FROM events") == [(0,)]
    assert ledger.commit([make_judged()])


def test_a_ledger_that_another_holds_is_said(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gatehouse.adapters.sql.sqlite.WAIT_SECONDS", 0.05)
    impatient = Database(database.path)
    with closing(driver.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(OutsideError, match="locked\n    → another process holds the ledger"):
            SqlLedger(impatient).commit([make_judged()])
    assert SqlLedger(impatient).commit([make_judged()])
    impatient.close()


def test_a_transaction_that_waits_to_write_asks_again_within_milliseconds(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    pauses: list[float] = []
    with closing(driver.connect(str(database.path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        def slept(seconds: float) -> None:
            pauses.append(seconds)
            if len(pauses) == 20:
                other.execute("COMMIT")

        monkeypatch.setattr("gatehouse.adapters.sql.sqlite.sleep", slept)
        SqlLedger(database).commit([make_judged(make_event("waited"))])
    assert len(pauses) == 20
    assert pauses[0] < 0.001
    assert max(pauses) <= 0.005
    with database.reading() as connection:
        assert connection.exec_driver_sql("PRAGMA busy_timeout").scalar() == 30_000


def test_no_error_shows_content(database: Database) -> None:
    with pytest.raises(UserError) as caught, database.writing() as connection:
        connection.execute(text("INSERT INTO matched VALUES ('nobody', 0, 'x', :content)"), {"content": "secret words"})
    assert "secret" not in f"{caught.value} {caught.value.__cause__}"
