"""Whether a database answers and can be written, on both kinds of them."""

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.reach import may_write, schema_found
from gatehouse.adapters.sql.tables import SCHEMA
from gatehouse.flows import health
from gatehouse.flows.health import Readiness


def readiness(database: Database, seconds: float) -> Readiness:
    questions = [
        health.of_ledger(lambda: schema_found(database), SCHEMA),
        health.of_writing(lambda: may_write(database)),
    ]
    return Readiness(questions, seconds=seconds)


def test_a_ledger_that_works_is_ready(either: Database) -> None:
    assert readiness(either, 10.0)().state == "ok"


def test_a_right_to_write_that_another_holds_is_late_and_stops_nothing(either: Database) -> None:
    readiness(either, 10.0)()
    ready = readiness(either, 0.3)
    with either.writing():
        found = ready()
    assert [check.state for check in found.checks] == ["ok", "degraded"]
    assert found.ready


def test_a_server_that_is_gone_is_broken(new_postgres: Callable[[str], str]) -> None:
    from psycopg import connect

    address = new_postgres("gone_soon")
    database = Database(address)
    with connect(address.replace("gone_soon", "postgres"), autocommit=True) as connection:
        connection.execute("ALTER DATABASE gone_soon ALLOW_CONNECTIONS false")
        connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'gone_soon'")
    found = readiness(database, 10.0)()
    assert [check.state for check in found.checks] == ["broken", "broken"]
    assert found.checks[0].what.startswith("postgresql://")
    assert found.checks[0].mend
    database.close()


@pytest.mark.parametrize("lost", ["garbage", "gone"])
def test_a_file_that_is_no_ledger_any_more_is_broken(tmp_path: Path, new_ledger: Path, lost: str) -> None:
    path = Path(shutil.copy(new_ledger, tmp_path / "ledger.db"))
    database = Database(path)
    database.close()
    for name in ("ledger.db-wal", "ledger.db-shm"):
        (tmp_path / name).unlink(missing_ok=True)
    if lost == "garbage":
        path.write_bytes(b"no database" * 1_000)
    else:
        path.unlink()
    found = readiness(database, 10.0)()
    assert found.checks[0].state == "broken"
    assert not found.ready
    database.close()
