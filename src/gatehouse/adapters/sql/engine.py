"""The ledger's database: opened, brought up to date, and read and written in transactions."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from sqlalchemy import Connection, Engine, inspect, select, text
from sqlalchemy.exc import DataError, DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from gatehouse.adapters.sql.sqlite import ALONE, PATIENT, WRITES, SqliteFile
from gatehouse.adapters.sql.tables import SCHEMA, VERSION_TABLE
from gatehouse.errors import OutsideError, UserError

if TYPE_CHECKING:
    from alembic.config import Config


class Server(Protocol):
    """What keeps a ledger: where it is, how it is reached, and what its errors mean."""

    where: str
    another: str
    """The next step where the database is somebody else's."""

    def engine(self) -> Engine:
        """An engine whose transactions see one moment, or hold the only right to write where WRITES is set."""
        ...

    def purge(self) -> None:
        """Overwrite what was deleted, as far as the database can at once."""
        ...

    def said(self, error: DBAPIError) -> str:
        """What the database says went wrong, without content."""
        ...

    def outside(self, error: DBAPIError) -> OutsideError:
        """The error for a person, with the next step."""
        ...


class Database:
    """A ledger's database, made when it is missing and migrated up when it is old; safe to share between threads.

    A path is a file of SQLite; a text is the address of a PostgreSQL database, `postgresql://user@host/name`. `path`
    is None for the latter. Raises OutsideError where it cannot be used and UserError where a newer version of
    gatehouse wrote it.
    """

    def __init__(self, place: Path | str) -> None:
        self._server = _server(place)
        self.where = self._server.where
        self.path = place.absolute() if isinstance(place, Path) else None
        self._engine = self._server.engine()
        self._writing = self._engine.execution_options(**{WRITES: True})
        self._looking = self._engine.execution_options(**{ALONE: True})
        try:
            self._bring_up_to_date()
        except BaseException:
            self.close()
            raise

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A transaction whose reads all see the ledger at one moment."""
        with self._told(), _begun(self._engine) as connection:
            yield connection

    @contextmanager
    def looking(self) -> Iterator[Connection]:
        """A connection for one statement that reads; where it can be had without, it is in no transaction."""
        # A file's connection does not die in the pool, which beginning would find out.
        with self._told(), _begun(self._looking) if self.path is None else self._looking.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction that holds the only right to write from its first statement to its durable end.

        What it looked up therefore still holds when it inserts. Anything raised inside undoes all of it.
        """
        with self._told(), _begun(self._writing) as connection:
            yield connection

    def purge(self) -> None:
        """Overwrite what was deleted, as far as the database can at once."""
        self._server.purge()

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()

    def _bring_up_to_date(self) -> None:
        with self.reading() as connection:
            old = _schema(connection, self._server) != SCHEMA
        if old:
            with self.writing() as connection:
                # Another process may have migrated it while this one waited for the right to write.
                if _schema(connection, self._server) != SCHEMA:
                    upgrade(connection)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Turn the database's errors into ones that say what to do."""
        try:
            yield
        except IntegrityError as error:
            raise UserError(
                f"a record's id is taken, or names a record that is not there ({self._server.said(error)})",
                where=self.where,
                fix="give each decision, enforcement and case an id of its own; nothing of this was recorded",
            ) from error
        except DataError as error:
            raise UserError(
                f"a value is of a kind or size that the ledger does not keep ({self._server.said(error)})",
                where=self.where,
                fix="write texts without NUL characters and numbers within 64 bits; nothing of this was recorded",
            ) from error
        except DBAPIError as error:
            raise self._server.outside(error) from error
        except PoolTimeoutError as error:
            raise OutsideError(
                "the ledger cannot be used: all connections of this process are in use",
                where=self.where,
                fix="do it again when less is going on; nothing of this was recorded",
            ) from error


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

    command.upgrade(migrations(connection.execution_options(**{PATIENT: True})), SCHEMA)


def _server(place: Path | str) -> Server:
    if isinstance(place, Path):
        return SqliteFile(place)
    from gatehouse.adapters.sql.postgres import PostgresDatabase  # its driver need not be installed

    return PostgresDatabase(place)


@contextmanager
def _begun(engine: Engine) -> Iterator[Connection]:
    """A connection in a transaction, which ends with the block."""
    with _in_transaction(engine) as connection:
        transaction = connection.get_transaction()
        assert transaction is not None
        with transaction:
            yield connection


def _in_transaction(engine: Engine) -> Connection:
    """A connection that has begun; one that died in the pool is let go with all others there, and a new one taken."""
    for last in (False, True):
        connection = engine.connect()
        try:
            connection.begin()
        except BaseException as error:
            connection.close()
            if last or not (isinstance(error, DBAPIError) and error.connection_invalidated):
                raise
        else:
            break
    return connection


def _schema(connection: Connection, server: Server) -> str | None:
    """The schema's version, None where there are no tables; refuses what this version of gatehouse cannot use."""
    names = inspect(connection).get_table_names()
    if not names:
        return None
    if VERSION_TABLE not in names:
        raise OutsideError("a database, but not a ledger", where=server.where, fix=server.another)
    found: str | None = connection.scalar(select(text("version_num")).select_from(text(VERSION_TABLE)))
    if found is not None and found > SCHEMA:
        raise UserError(
            f"the ledger was written by a newer gatehouse (schema {found}; this one knows up to {SCHEMA})",
            where=server.where,
            fix="install that version or a later one: pip install --upgrade gatehouse",
        )
    return found
