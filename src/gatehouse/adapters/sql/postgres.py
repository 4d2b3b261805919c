"""A ledger in a PostgreSQL database: how it is reached, who may write, and what its errors mean.

The right to write is one advisory lock of the database, taken as a transaction begins and given back by its end. It is
let go after the commit is durable and seen by all, so whoever gets it next reads everything before it: numbers have
neither gaps nor twins, and the hash chain of a writer grows at one end. Its price: writers stand in one line, as with
SQLite, and each waits for the ones before it to reach the disk. It costs no round trip of its own and, unlike a row
that is locked, leaves nothing to vacuum.
"""

from typing import Any

from sqlalchemy import URL, Connection, Engine, Text, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import TypeCompiler

from gatehouse.adapters.sql.sqlite import PATIENT, WRITES
from gatehouse.adapters.sql.stalls import Stalls
from gatehouse.errors import OutsideError, UserError

WAIT_SECONDS = 30.0
"""How long a transaction waits for another process's write to end."""

HANGS_SECONDS = 60.0
"""How long a process may do nothing within a transaction before the server ends it, so that others can write."""

CONNECTIONS = 10
"""Connections that one process opens at most."""

ANSWER_SECONDS = 5.0
"""How long a server may take to let somebody connect, or to begin a transaction, where that waits for nobody."""

WRITE_SECONDS = 20.0
"""How long a statement of a writer, or making it durable, may take before the server counts as stalled."""

READ_SECONDS = 60.0
"""The same for a reader, who may look through everything."""

_TCP = {"keepalives_idle": 5, "keepalives_interval": 2, "keepalives_count": 3, "tcp_user_timeout": 10_000}
"""Finds out within some 10 s that the server's machine is gone, where the system's own settings take hours."""

_STALLS = Stalls()
_LOCK = 0x6761746568  # "gateh", one number for all ledgers, for a database holds one
_READ = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY"

# By the server's codes, whatever language it speaks; the longest that fits counts.
_BY_CODE = {
    "08": "check that the server runs and can be reached, then do it again: what was recorded keeps its decision",
    "25006": "name the server that takes writes: this one only follows another",
    "28": "correct the user or the password in the ledger's address",
    "3D": "make the database on the server: CREATE DATABASE name",
    "40": "another program stood in the way: do it again; nothing of this was recorded",
    "42501": "give this account the right to make and write tables: ALTER DATABASE name OWNER TO account",
    "53100": "make room on the server's disk, then do it again; nothing of this was recorded",
    "53300": "start fewer processes, or raise max_connections of the server",
    "53": "give the server more of what it ran out of, then do it again; nothing of this was recorded",
    "55P03": "another process holds the ledger: do it again when that has ended; nothing of this was recorded",
    "57": "wait until the server runs again, then do it again: what was recorded keeps its decision",
    "58": "the server cannot read its files: see its log",
    "XX": "the server's files are damaged: bring them back from a copy",
}
# Before there is a connection there is no code.
_BY_WORDS = {
    "authentication": "28",
    "role": "28",
    "does not exist": "3D",
    "too many": "53300",
    "": "08",
}


@compiles(Text, "postgresql")
def _by_code_point(kind: Text, compiler: TypeCompiler, **options: Any) -> str:
    # Texts are in the order of their characters' numbers, as in SQLite, and no update of the server's system changes
    # that order under an index. Only the type of a column may name an order.
    return 'TEXT COLLATE "C"' if "type_expression" in options else "TEXT"


class PostgresDatabase:
    """A database on a server. Raises UserError where the address is none or the driver is not installed."""

    another = "make a database for the ledger alone: CREATE DATABASE gatehouse"

    def __init__(self, address: str) -> None:
        self._url = _parsed(address)
        self.where = self._url.set(drivername="postgresql").render_as_string(hide_password=True)

    def engine(self) -> Engine:
        """An engine with a pool of connections; errors show no content."""
        try:
            engine = create_engine(
                self._url,
                # Transactions are begun in one round trip with what they need, which the driver would not do.
                isolation_level="AUTOCOMMIT",
                paramstyle="format",
                pool_size=CONNECTIONS,
                max_overflow=0,
                pool_timeout=WAIT_SECONDS,
                connect_args={"connect_timeout": round(ANSWER_SECONDS), "application_name": "gatehouse", **_TCP},
                hide_parameters=True,
            )
        except ModuleNotFoundError as error:
            raise UserError(
                "the driver for PostgreSQL is not installed", where=self.where, fix="pip install 'gatehouse[postgres]'"
            ) from error
        event.listen(engine, "begin", _begin)
        event.listen(engine, "first_connect", self._check)
        event.listen(engine, "before_cursor_execute", _asked)
        event.listen(engine, "after_cursor_execute", _answered)
        for name in ("commit", "rollback"):
            event.listen(engine, name, _ends)
        event.listen(engine, "checkin", _let_go)
        return engine

    def purge(self) -> None:
        """Nothing: the server overwrites deleted rows as it vacuums, when nobody can see them any more."""

    def said(self, error: DBAPIError) -> str:
        """What the server says went wrong, without its details, which quote rows."""
        main = getattr(getattr(error.orig, "diag", None), "message_primary", None)
        return str(main or error.orig).partition("\n")[0]

    def outside(self, error: DBAPIError) -> OutsideError:
        """The error for a person, with the next step."""
        said = self.said(error)
        code = getattr(error.orig, "sqlstate", None) or next(code for word, code in _BY_WORDS.items() if word in said)
        fits = [start for start in _BY_CODE if code.startswith(start)]
        fix = _BY_CODE[max(fits, key=len)] if fits else "see the server's log"
        return OutsideError(f"the ledger cannot be used: {said}", where=self.where, fix=fix)

    def _check(self, connection: Any, _: Any) -> None:
        """Refuse a server that may forget what it answered, and a database that has not all characters."""
        with connection.cursor() as cursor:
            for name in ("fsync", "synchronous_commit", "server_encoding"):
                (value,) = cursor.execute(f"SHOW {name}").fetchone()
                if value == "off":
                    raise OutsideError(
                        f"the server has {name} = off: a power cut may take back what was answered",
                        where=self.where,
                        fix=f"set {name} = on in postgresql.conf, or for this account by ALTER ROLE",
                    )
        connection.rollback()
        if value != "UTF8":
            raise OutsideError(
                f"the database keeps texts as {value}, which lacks characters",
                where=self.where,
                fix="make another: CREATE DATABASE gatehouse ENCODING 'UTF8' TEMPLATE template0",
            )


def _parsed(address: str) -> URL:
    try:
        url = make_url(address)
    except ArgumentError as error:
        raise UserError(
            "the ledger's address cannot be read", fix="write it as postgresql://user:password@host:5432/name"
        ) from error
    if url.get_backend_name() not in ("postgresql", "postgres"):
        raise UserError(
            f"no ledger is kept in {url.get_backend_name()}",
            fix="name a database as postgresql://user@host/name, or leave the address away for a file",
        )
    return url.set(drivername="postgresql+psycopg")


def _begin(connection: Connection) -> None:
    if not connection.get_execution_options().get(WRITES, False):
        connection.exec_driver_sql(_READ)
        return
    # Read committed: each statement sees what was committed before it, so all of it after the lock.
    connection.exec_driver_sql(
        f"BEGIN ISOLATION LEVEL READ COMMITTED; SET LOCAL lock_timeout = {round(WAIT_SECONDS * 1000)};"
        f"SET LOCAL idle_in_transaction_session_timeout = {round(HANGS_SECONDS * 1000)};"
        f"SELECT pg_advisory_xact_lock({_LOCK})"
    )


def _asked(connection: Connection, cursor: Any, statement: str, *_: Any) -> None:
    options = connection.get_execution_options()
    if options.get(PATIENT, False):
        return
    writes = options.get(WRITES, False)
    if statement.startswith("BEGIN"):
        limit = ANSWER_SECONDS + (WAIT_SECONDS if writes else 0.0)
    else:
        limit = WRITE_SECONDS if writes else READ_SECONDS
    _STALLS.asked(cursor.connection, limit)


def _answered(connection: Connection, cursor: Any, *_: Any) -> None:
    _STALLS.answered(cursor.connection)


def _ends(connection: Connection) -> None:
    if connection.invalidated or connection.get_execution_options().get(PATIENT, False):
        return
    if (driver := connection.connection.driver_connection) is not None:
        _STALLS.asked(driver, WRITE_SECONDS)


def _let_go(driver: Any, _: Any) -> None:
    if driver is not None:
        _STALLS.answered(driver)
