"""The ledger's file: opened, brought up to date, and read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from sqlite3 import Connection as DriverConnection
from sqlite3 import OperationalError
from time import monotonic, sleep
from typing import TYPE_CHECKING, Any

from sqlalchemy import URL, Connection, Engine, create_engine, event, inspect, select, text
from sqlalchemy.exc import DBAPIError, IntegrityError

from gatehouse.adapters.sql.tables import SCHEMA, VERSION_TABLE
from gatehouse.errors import OutsideError, UserError

if TYPE_CHECKING:
    from alembic.config import Config

WAIT_SECONDS = 30.0
"""How long a transaction waits for another process's write to end."""

_WRITES = "gatehouse_writes"

_NEXT_STEPS = {
    "not a database": "name a ledger that gatehouse made, or move this file away and start anew",
    "malformed": "the file is damaged: bring it back from a copy",
    "readonly": "give this account the right to write the file and its folder",
    "is full": "make room on the disk, then do it again; nothing of this was recorded",
    "locked": "another process holds the ledger: do it again when that has ended; nothing of this was recorded",
    "unable to open": "check that the folder is there and that this account may write in it",
}


class Database:
    """A ledger file, made when it is missing and migrated up when it is old; safe to share between threads.

    Raises OutsideError where the file cannot be used and UserError where a newer version of gatehouse wrote it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path.absolute()
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise _outside(self.path, str(error)) from error
        self._engine = _engine(self.path)
        with self.reading() as connection:
            old = _schema(connection, self.path) != SCHEMA
        if old:
            with self.writing() as connection:
                # Another process may have migrated the file while this one waited for the lock.
                if _schema(connection, self.path) != SCHEMA:
                    upgrade(connection)

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction whose reads all see the ledger at one moment."""
        with _told(self.path), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the only right to write from its first statement to its durable end.

        What it looked up therefore still holds when it inserts. Anything raised inside undoes all of it.
        """
        writer = self._engine.execution_options(**{_WRITES: True})
        with _told(self.path), writer.begin() as connection:
            yield connection

    def close(self) -> None:
        """Let go of the file."""
        self._engine.dispose()


def migrations(connection: Connection) -> "Config":
    """Alembic's settings for the steps that the package ships, to run on this connection."""
    from alembic.config import Config  # costs .2 s, and a ledger that is up to date never needs it

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = connection
    return config


def upgrade(connection: Connection) -> None:
    """Bring the tables up to SCHEMA within the connection's transaction."""
    from alembic import command

    command.upgrade(migrations(connection), SCHEMA)


def _engine(path: Path) -> Engine:
    """An engine whose transactions begin when SQLAlchemy says so; errors show no content."""
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": WAIT_SECONDS},
        max_overflow=-1,  # threads wait for the file, whose errors say so, never for a connection
        hide_parameters=True,
    )
    event.listen(engine, "connect", _set_up)
    event.listen(engine, "begin", _begin)
    return engine


def _set_up(connection: DriverConnection, _: Any) -> None:
    # None stops the driver from beginning transactions by its own rules, which leave out reads and DDL.
    connection.isolation_level = None
    _write_ahead(connection)
    connection.execute("PRAGMA synchronous = FULL")
    connection.execute("PRAGMA foreign_keys = ON")


def _write_ahead(connection: DriverConnection) -> None:
    """Put the file in WAL mode, where it stays; unlike other statements the switch does not itself wait for others."""
    end = monotonic() + WAIT_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except OperationalError as error:
            if "locked" not in str(error) or monotonic() > end:
                raise
            sleep(0.01)
        else:
            return


def _begin(connection: Connection) -> None:
    # A deferred transaction that reads first and writes later fails at once when another wrote in between.
    writes = connection.get_execution_options().get(_WRITES, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _schema(connection: Connection, path: Path) -> str | None:
    """The file's schema version, None where it is empty; refuses what this version of gatehouse cannot use."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if VERSION_TABLE not in names:
        raise OutsideError("a database, but not a ledger", where=str(path), fix=_NEXT_STEPS["not a database"])
    found: str | None = connection.scalar(select(text("version_num")).select_from(text(VERSION_TABLE)))
    if found is not None and found > SCHEMA:
        raise UserError(
            f"the ledger was written by a newer gatehouse (schema {found}; this one knows up to {SCHEMA})",
            where=str(path),
            fix="install that version or a later one: pip install --upgrade gatehouse",
        )
    return found


@contextmanager
def _told(path: Path) -> Iterator[None]:
    """Turn the database's errors into ones that say what to do."""
    try:
        yield
    except IntegrityError as error:
        raise UserError(
            f"a record's id is taken, or names a record that is not there ({error.orig})",
            where=str(path),
            fix="give each decision, enforcement and case an id of its own; nothing of this was recorded",
        ) from error
    except DBAPIError as error:
        raise _outside(path, str(error.orig)) from error


def _outside(path: Path, said: str) -> OutsideError:
    fix = next((step for words, step in _NEXT_STEPS.items() if words in said), "check the disk that holds it")
    return OutsideError(f"the ledger cannot be used: {said}", where=str(path), fix=fix)
