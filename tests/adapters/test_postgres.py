import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from threading import Event, Thread
from time import sleep

import pytest
from psycopg import connect
from sqlalchemy import Connection, insert

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.registry import SqlRegistry
from gatehouse.adapters.sql.rows import run_row
from gatehouse.adapters.sql.tables import VERSION_TABLE, runs
from gatehouse.errors import OutsideError, UserError
from gatehouse.ports.ledger import Ledger, Registry
from gatehouse.records.erasure import Erasure
from gatehouse.records.event import Entity
from gatehouse.testing.ledger_contract import LedgerContract
from gatehouse.testing.makers import NOW, make_judged, make_run
from gatehouse.testing.registry_contract import RegistryContract

NewDatabase = Callable[..., str]


class TestPostgresLedger(LedgerContract):
    @pytest.fixture
    def ledger(self, postgres_database: Database) -> Ledger:
        return SqlLedger(postgres_database)


class TestPostgresRegistry(RegistryContract):
    @pytest.fixture
    def registry(self, postgres_database: Database) -> Registry:
        return SqlRegistry(postgres_database)


def cut_all_others(address: str) -> None:
    with connect(address, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )


def test_connections_that_died_while_nothing_went_on_are_not_noticed(postgres: str) -> None:
    database = Database(postgres)
    ledger = SqlLedger(database)
    ledger.last()
    cut_all_others(postgres)
    assert ledger.last() == 0
    cut_all_others(postgres)
    with database.writing() as connection:
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
    database.close()


@contextmanager
def held_up(address: str, seconds: float) -> Iterator[None]:
    """Whatever asks for a decision waits for so long."""
    locked = Event()

    def hold() -> None:
        with connect(address) as connection:
            connection.execute("LOCK TABLE decisions IN ACCESS EXCLUSIVE MODE")
            locked.set()
            sleep(seconds)

    thread = Thread(target=hold)
    thread.start()
    locked.wait()
    yield
    thread.join()


LONG_LOOKS: list[Callable[[SqlLedger], object]] = [
    lambda ledger: ledger.heads(),
    lambda ledger: ledger.walk("local"),
    lambda ledger: ledger.first_since("local", 0),
    lambda ledger: ledger.decisions(),
    lambda ledger: ledger.matches("spam.rules"),
]


@pytest.mark.parametrize("look", LONG_LOOKS)
def test_what_looks_through_everything_takes_its_time(
    postgres: str, postgres_database: Database, monkeypatch: pytest.MonkeyPatch, look: Callable[[SqlLedger], object]
) -> None:
    ledger = SqlLedger(postgres_database)
    ledger.commit([make_judged()])
    monkeypatch.setattr("gatehouse.adapters.sql.postgres.READ_SECONDS", 0.0)
    with held_up(postgres, 0.6):
        assert look(ledger)


def test_a_live_answer_does_not_wait_that_long(
    postgres: str, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SqlLedger(postgres_database)
    ledger.commit([make_judged()])
    monkeypatch.setattr("gatehouse.adapters.sql.postgres.READ_SECONDS", 0.0)
    with held_up(postgres, 0.6), pytest.raises(OutsideError):
        ledger.find("e1")


def test_an_erasure_comes_to_its_end_however_long_it_takes(
    postgres: str, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    ledger = SqlLedger(postgres_database)
    ledger.commit([make_judged()])
    monkeypatch.setattr("gatehouse.adapters.sql.postgres.WRITE_SECONDS", 0.0)
    with held_up(postgres, 0.6):
        assert ledger.erase(Erasure(entity=Entity("account", "a1"), at=NOW, by="privacy", why="asked")).events == 1


def test_a_connection_cut_at_work_is_said_and_leaves_nothing_half_written(
    postgres: str, postgres_database: Database
) -> None:
    def cut_within(connection: Connection) -> None:
        connection.execute(insert(runs), run_row(make_run()))
        cut_all_others(postgres)
        connection.exec_driver_sql("SELECT 1")

    with pytest.raises(OutsideError) as caught, postgres_database.writing() as connection:
        cut_within(connection)
    assert "the ledger cannot be used: terminating connection" in str(caught.value)
    assert "→ wait until the server runs again, then do it again: what was recorded keeps its decision" in str(
        caught.value
    )
    ledger = SqlLedger(postgres_database)
    assert ledger.commit([make_judged()]) == [make_judged().decision]
    assert ledger.runs() == []


def test_a_ledger_that_another_holds_is_said(
    postgres: str, postgres_database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("gatehouse.adapters.sql.postgres.WAIT_SECONDS", 0.05)
    other = Database(postgres)
    ledger = SqlLedger(postgres_database)
    with other.writing(), pytest.raises(OutsideError, match="lock timeout\n    → another process holds the ledger"):
        ledger.commit([make_judged()])
    assert ledger.commit([make_judged()])
    other.close()


@pytest.mark.parametrize(
    ("code", "fix"),
    [
        ("40P01", "do it again; nothing of this was recorded"),
        ("40001", "do it again; nothing of this was recorded"),
        ("53100", "make room on the server's disk"),
        ("53200", "give the server more of what it ran out of"),
        ("25006", "name the server that takes writes"),
        ("42501", "give this account the right"),
        ("XX001", "bring them back from a copy"),
        ("P0001", "see the server's log"),
    ],
)
def test_each_kind_of_failure_has_its_next_step(postgres_database: Database, code: str, fix: str) -> None:
    said = f"DO $$ BEGIN RAISE EXCEPTION 'said so' USING ERRCODE = '{code}', DETAIL = 'secret words'; END $$"
    with pytest.raises(OutsideError) as caught, postgres_database.writing() as connection:
        connection.exec_driver_sql(said)
    assert "the ledger cannot be used: said so" in str(caught.value)
    assert fix in caught.value.faults[0].fix
    assert "secret" not in str(caught.value)


def test_no_error_shows_content(postgres_database: Database) -> None:
    with pytest.raises(UserError) as caught, postgres_database.writing() as connection:
        connection.exec_driver_sql("INSERT INTO matched VALUES ('secret words', 0, 'x', 'x')")
    assert "a record's id is taken, or names a record that is not there" in str(caught.value)
    assert "secret" not in str(caught.value)
    with pytest.raises(UserError, match="of a kind or size that the ledger does not keep") as caught:
        SqlLedger(postgres_database).decisions(since=2**70)
    assert "numbers within 64 bits" in caught.value.faults[0].fix


@pytest.mark.parametrize(
    ("address", "what", "fix"),
    [
        ("postgresql://sam:hush@127.0.0.1:1/x", "Connection refused", "check that the server runs"),
        ("postgresql://sam@nowhere.invalid/x", "the ledger cannot be used", "check that the server runs"),
    ],
)
def test_a_server_that_is_not_there_is_said(address: str, what: str, fix: str) -> None:
    with pytest.raises(OutsideError, match=what) as caught:
        Database(address)
    assert fix in caught.value.faults[0].fix
    assert "hush" not in str(caught.value)


def test_a_database_or_an_account_that_is_not_there_is_said(postgres: str) -> None:
    with pytest.raises(OutsideError, match='"nothing" does not exist\n    → make the database on the server'):
        Database(postgres.replace("/postgres?", "/nothing?"))
    with pytest.raises(OutsideError, match='role "nobody" does not exist\n    → correct the user or the password'):
        Database(postgres.replace("postgres:@", "nobody:@"))


@pytest.mark.parametrize(
    ("address", "message"),
    [
        ("mysql://sam@host/x", "no ledger is kept in mysql\n    → name a database as postgresql://user@host/name"),
        ("here and there", "the ledger's address cannot be read\n    → write it as postgresql://user:password@host"),
    ],
)
def test_an_address_of_something_else_is_refused(address: str, message: str) -> None:
    with pytest.raises(UserError) as caught:
        Database(address)
    assert message in str(caught.value)


def test_a_driver_that_is_not_installed_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UserError, match=r"not installed\n    → pip install 'gatehouse\[postgres\]'"):
        Database("postgres://sam@host/x")


def test_a_ledger_in_a_file_needs_no_driver() -> None:
    code = "import sys, gatehouse.adapters.sql.ledger as _; sys.exit('psycopg' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_another_program_s_database_and_a_newer_one_are_left_alone(new_postgres: NewDatabase) -> None:
    other, newer = new_postgres("other"), new_postgres("newer")
    with connect(other) as connection:
        connection.execute("CREATE TABLE something (id int)")
    with pytest.raises(OutsideError, match="a database, but not a ledger\n    → make a database for the ledger alone"):
        Database(other)
    Database(newer).close()
    with connect(newer) as connection:
        connection.execute(f"UPDATE {VERSION_TABLE} SET version_num = '9000'")
    with pytest.raises(UserError, match="written by a newer gatehouse"):
        Database(newer)


def test_a_database_that_may_lose_or_not_keep_what_it_is_given_is_refused(new_postgres: NewDatabase) -> None:
    hasty, narrow = new_postgres("hasty"), new_postgres("narrow", "ENCODING 'LATIN1' LOCALE 'C'")
    with connect(hasty) as connection:
        connection.execute("ALTER DATABASE hasty SET synchronous_commit = off")
    with pytest.raises(OutsideError, match="synchronous_commit = off: a power cut may take back"):
        Database(hasty)
    with pytest.raises(OutsideError, match="keeps texts as LATIN1, which lacks characters"):
        Database(narrow)


def test_texts_are_in_the_order_of_their_characters_numbers_whatever_the_server_speaks(
    postgres_database: Database,
) -> None:
    wanted = (
        "SELECT collation_name FROM information_schema.columns WHERE table_schema = 'public' AND data_type = 'text'"
    )
    with postgres_database.reading() as connection:
        found = connection.exec_driver_sql(wanted).scalars().all()
    assert len(found) > 50
    assert set(found) == {"C"}
