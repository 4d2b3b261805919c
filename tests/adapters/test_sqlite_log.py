"""The log of a SQLite file is emptied without risk, and without keeping anybody from writing."""

import threading
from contextlib import closing

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.ledger import SqlLedger
from gatehouse.adapters.sql.sqlite_driver import SOUND, driver
from gatehouse.testing.makers import make_event, make_judged


def commit(ledger: SqlLedger, number: int) -> None:
    ledger.commit([make_judged(make_event(f"e{number}"))])


def test_the_ledgers_sqlite_empties_its_log_without_risk() -> None:
    assert driver.sqlite_version_info >= SOUND


def test_emptying_the_log_waits_for_who_reads_what_was_before_and_keeps_nobody_from_writing(database: Database) -> None:
    assert database.path is not None
    ledger, log = SqlLedger(database), database.path.with_name(f"{database.path.name}-wal")
    commit(ledger, 0)
    with closing(driver.connect(database.path, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM events").fetchone()
        commit(ledger, 1)
        emptying = threading.Thread(target=database.purge)
        emptying.start()
        for number in range(2, 12):
            commit(ledger, number)
        assert emptying.is_alive()
        assert log.stat().st_size > 0
        reader.execute("COMMIT")
        emptying.join()
    assert log.stat().st_size == 0
