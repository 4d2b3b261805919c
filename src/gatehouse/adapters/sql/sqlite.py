"""A ledger in a file of SQLite: how it is opened, who may write, and what its errors mean."""

from contextlib import closing
from pathlib import Path
from sqlite3 import Connection as DriverConnection
from time import monotonic, sleep
from typing import Any

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DBAPIError

from gatehouse.adapters.sql.bulk import run
from gatehouse.adapters.sql.sqlite_driver import driver
from gatehouse.errors import OutsideError

WAIT_SECONDS = 30.0
"""How long a transaction waits for another process's write to end."""

ASKS_EVERY_SECONDS = 0.0005
"""How soon a transaction asks again whether it may write; SQLite's own waiting leaves up to a tenth of a second."""

PAUSE_SECONDS = 0.005
"""How long commits may be held up at a time so that the log is emptied."""

WRITES = "gatehouse_writes"
"""The option of a connection whose transaction begins with the right to write."""

ALONE = "gatehouse_alone"
"""The option of a connection whose statements each see a moment of their own, and so need no transaction."""

PATIENT = "gatehouse_patient"
"""The option of a connection to a server whose statements may take as long as they need."""

_NEXT_STEPS = {
    "not a database": "name a ledger that gatehouse made, or move this file away and start anew",
    "malformed": "the file is damaged: bring it back from a copy",
    "readonly": "give this account the right to write the file and its folder",
    "is full": "make room on the disk, then do it again; nothing of this was recorded",
    "locked": "another process holds the ledger: do it again when that has ended; nothing of this was recorded",
    "unable to open": "check that the folder is there and that this account may write in it",
}

SYNCHRONOUS = "FULL"
"""A decision survives a cut of power; benchmarks set less to show what that costs."""


class SqliteFile:
    """A file of SQLite; its folder is made when it is missing. Raises OutsideError where it cannot be."""

    another = _NEXT_STEPS["not a database"]

    def __init__(self, path: Path) -> None:
        self._path = path.absolute()
        self.where = str(self._path)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise self._outside(str(error)) from error

    def engine(self) -> Engine:
        """An engine whose transactions begin when SQLAlchemy says so; errors show no content."""
        engine = create_engine(
            URL.create("sqlite", database=self.where),
            module=driver,
            connect_args={"timeout": WAIT_SECONDS},
            pool_use_lifo=True,  # the one that was just used has the pages at hand
            max_overflow=-1,  # threads wait for the file, whose errors say so, never for a connection
            hide_parameters=True,
        )
        event.listen(engine, "connect", _set_up)
        event.listen(engine, "begin", _begin)
        return engine

    def purge(self) -> None:
        """Write what the log holds into the file, where deleted content is overwritten, and empty the log.

        Where somebody goes on reading what was there before, the log stays until the next time.
        """
        end = monotonic() + WAIT_SECONDS
        while not self._emptied() and monotonic() < end:
            sleep(0.1)

    def _emptied(self) -> bool:
        """Whether the log could be emptied at once: everybody who writes waits for as long as it is tried."""
        with closing(driver.connect(self._path, timeout=PAUSE_SECONDS)) as connection:
            busy: int = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        return not busy

    def said(self, error: DBAPIError) -> str:
        """What SQLite says went wrong; it names tables and columns, never what they hold."""
        return str(error.orig)

    def outside(self, error: DBAPIError) -> OutsideError:
        """The error for a person, with the next step."""
        return self._outside(self.said(error))

    def _outside(self, said: str) -> OutsideError:
        fix = next((step for words, step in _NEXT_STEPS.items() if words in said), "check the disk that holds it")
        return OutsideError(f"the ledger cannot be used: {said}", where=self.where, fix=fix)


def _set_up(connection: DriverConnection, _: Any) -> None:
    # None stops the driver from beginning transactions by its own rules, which leave out reads and DDL.
    connection.isolation_level = None
    _write_ahead(connection)
    connection.execute(f"PRAGMA synchronous = {SYNCHRONOUS}")
    connection.execute("PRAGMA foreign_keys = ON")
    # Some dozens of commits are written into the file together, in a time for which another commit can wait.
    connection.execute("PRAGMA wal_autocheckpoint = 1000")
    connection.execute("PRAGMA cache_size = -32000")
    # What is erased is gone from the file too, not only from its tables.
    connection.execute("PRAGMA secure_delete = ON")


def _write_ahead(connection: DriverConnection) -> None:
    """Put the file in WAL mode, where it stays; unlike other statements the switch does not itself wait for others."""
    end = monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except driver.OperationalError as error:
            if "locked" not in str(error) or monotonic() > end:
                raise
            sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later fails at once when another wrote in between.
    options = connection.get_execution_options()
    if options.get(ALONE, False):
        return
    if options.get(WRITES, False):
        _begin_to_write(connection)
    else:
        run(connection, "BEGIN")


def _begin_to_write(connection: Connection) -> None:
    begun = monotonic()
    run(connection, "PRAGMA busy_timeout = 0")
    try:
        while True:
            try:
                return run(connection, "BEGIN IMMEDIATE")
            except DBAPIError as error:
                waited = monotonic() - begun
                if "locked" not in str(error.orig) or waited > WAIT_SECONDS:
                    raise
            # Most others are done in a moment; who has waited long need not ask so often.
            sleep(max(ASKS_EVERY_SECONDS, min(waited / 10, PAUSE_SECONDS)))
    finally:
        run(connection, f"PRAGMA busy_timeout = {round(WAIT_SECONDS * 1_000)}")
