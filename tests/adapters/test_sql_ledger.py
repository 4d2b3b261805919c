import multiprocessing
import os
import signal
from contextlib import closing
from multiprocessing.connection import Connection
from pathlib import Path

import pytest
from sqlalchemy import select

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.adapters.sql.tables import metadata
from gatehouse.errors import OutsideError, UserError
from gatehouse.testing.ledger_contract import LedgerContract
from gatehouse.testing.makers import make_decision, make_event, make_judged

SPAWN = multiprocessing.get_context("spawn")


class TestSqlLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, database: Database) -> SqlLedger:
        return SqlLedger(database)


def rows(database: Database) -> dict[str, int]:
    with database.reading() as connection:
        return {name: len(connection.execute(select(table)).all()) for name, table in metadata.tables.items()}


@pytest.mark.parametrize(
    "table",
    ["actor_keys", "layouts", "events", "decisions", "matched", "enforcements", "cases", "outbox", "chain_ends"],
)
def test_a_commit_writes_all_tables_or_none(database: Database, table: str) -> None:
    empty = rows(database)
    with closing(driver.connect(database.path)) as other:
        other.execute(f"CREATE TRIGGER stop BEFORE INSERT ON {table} BEGIN SELECT RAISE(ABORT, 'stopped'); END")
    ledger = SqlLedger(database)
    batch = [make_judged(make_event(f"e{i}")) for i in range(3)]
    with pytest.raises(UserError, match="stopped"):
        ledger.commit(batch)
    assert rows(database) == empty
    with closing(driver.connect(database.path)) as other:
        other.execute("DROP TRIGGER stop")
    assert ledger.commit(batch) == [one.decision for one in batch]


def test_who_wrote_stands_beside_each_decision(database: Database) -> None:
    SqlLedger(database, writer="gate-7").commit([make_judged()])
    with closing(driver.connect(database.path)) as other:
        assert other.execute("SELECT writer, track, place FROM decisions").fetchall() == [("gate-7", "live", 0)]


@pytest.mark.parametrize(
    ("place", "supersedes", "what"),
    [
        (0, "NULL", "UNIQUE"),
        (1, "'the other'", "UNIQUE"),
        (9, "'d-e1-0'", "UNIQUE"),
        (2, "NULL", "CHECK"),
        (2, "'nothing'", "FOREIGN KEY"),
    ],
)
def test_the_database_itself_keeps_a_chain_from_forking(
    database: Database, place: int, supersedes: str, what: str
) -> None:
    ledger, event, other = SqlLedger(database), make_event(), make_event("e2")
    ledger.commit([make_judged(event), make_judged(other, decision=make_decision(other, id="the other"))])
    ledger.commit([make_judged(event, decision=make_decision(event, id="next", supersedes="d-e1-0"))])
    with pytest.raises(UserError, match=what), database.writing() as connection:
        connection.exec_driver_sql(
            "INSERT INTO decisions (id, event_id, revision, track, place, mode, outcome, enforce, releases, decided, "
            f"supersedes, writer, seq) SELECT 'new', event_id, revision, track, {place}, mode, outcome, enforce, "
            f"releases, decided, {supersedes}, writer, 9 FROM decisions WHERE id = 'd-e1-0'"
        )


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE events SET text = 'other words'",
        "UPDATE decisions SET features = x'dc'",
        "UPDATE decisions SET features = x'90'",
        "UPDATE decisions SET signals = NULL",
        "UPDATE layouts SET content = '[[], []]'",
        "DELETE FROM layouts",
        "DELETE FROM actor_keys",
        "DELETE FROM decisions",
    ],
)
def test_an_event_changed_in_the_file_is_not_given(database: Database, statement: str) -> None:
    ledger, event = SqlLedger(database), make_event()
    ledger.commit([make_judged(event, signals=(), enforcements=(), cases=())])
    with closing(driver.connect(database.path)) as other, other:
        other.execute(statement)
    with pytest.raises(OutsideError, match="event 'e1' was changed after it was written\n    → bring the ledger back"):
        ledger.find("e1")


def test_an_event_changed_in_the_file_is_not_in_the_log_as_it_stands(database: Database) -> None:
    ledger = SqlLedger(database)
    ledger.commit([make_judged(make_event("e1", amount=5)), make_judged(make_event("e2"))])
    with closing(driver.connect(database.path)) as other, other:
        other.execute("UPDATE events SET amount = 6 WHERE id = 'e1'")
    with pytest.raises(OutsideError, match="event 'e1' was changed after it was written\n    → bring the ledger back"):
        ledger.log()
    assert ledger.log(after=1) == [(2, make_event("e2"))]


def test_the_database_itself_keeps_a_number_from_coming_twice(database: Database) -> None:
    SqlLedger(database).commit([make_judged(make_event(id_)) for id_ in "ab"])
    with pytest.raises(UserError, match="UNIQUE"), database.writing() as connection:
        connection.exec_driver_sql("UPDATE events SET number = 1")


def _write(path: Path, writer: int) -> list[str]:
    database = Database(path)
    ledger = SqlLedger(database)
    given = []
    for start in range(0, 60, 6):
        batch = [make_event(f"e{i}") for i in range(start, start + 6)]
        mine = [make_judged(one, decision=make_decision(one, id=f"{one.id} by {writer}")) for one in batch]
        given += [one.id for one in ledger.commit(mine)]
    database.close()
    return given


def test_processes_at_once_leave_one_decision_for_each_event(database: Database) -> None:
    with SPAWN.Pool(2) as pool:
        answers = pool.starmap(_write, [(database.path, writer) for writer in range(2)], chunksize=1)
    assert answers[0] == answers[1]
    assert sorted(one.id for one in SqlLedger(database).decisions()) == sorted(answers[0])
    assert rows(database)["enforcements"] == 60


def _write_until_killed(path: Path, told: Connection) -> None:
    ledger = SqlLedger(Database(path))
    number = 0
    while True:
        batch = [make_judged(make_event(f"e{number + i}")) for i in range(7)]
        ledger.commit(batch)
        number += len(batch)
        told.send(number)


def test_a_writer_killed_at_any_moment_loses_nothing_it_had_committed(database: Database) -> None:
    ours, theirs = SPAWN.Pipe()
    writer = SPAWN.Process(target=_write_until_killed, args=(database.path, theirs), daemon=True)
    writer.start()
    theirs.close()
    told = [ours.recv() for _ in range(25)]
    assert writer.pid is not None
    os.kill(writer.pid, signal.SIGKILL)
    writer.join()
    while ours.poll():
        try:
            told.append(ours.recv())
        except EOFError:
            break
    ours.close()
    kept = rows(database)
    assert kept["events"] in (told[-1], told[-1] + 7)
    assert kept["decisions"] == kept["matched"] == kept["enforcements"] == kept["cases"] == kept["events"]
    assert (kept["actor_keys"], kept["layouts"], kept["chain_ends"]) == (1, 2, 1)
