"""Statements run straight by the driver, and many rows inserted in the fastest way that a database has."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, NamedTuple

from sqlalchemy import Connection, Table
from sqlalchemy.exc import DBAPIError

from gatehouse.adapters.sql.rows import Row

_FEW = 64
"""Rows of one commit up to which a server is better sent plain statements, all of them at once."""


class Insertion(NamedTuple):
    """Rows for a table, with values in the order of the columns named.

    `otherwise` begins with ON CONFLICT and says what is done where a row is there already.
    """

    table: Table
    names: tuple[str, ...]
    rows: Sequence[Row]
    otherwise: str = ""


def fetch(connection: Connection, statement: str, parameters: Sequence[Any]) -> list[Row]:
    """All rows of a statement written for the connection's driver.

    In a file SQLAlchemy would cost more than the statement; on a server its listeners watch over what stalls.
    """
    if connection.dialect.name == "postgresql":
        return [tuple(row) for row in connection.exec_driver_sql(statement, tuple(parameters))]
    try:
        found: list[Row] = _driver(connection).execute(statement, parameters).fetchall()
    except _errors(connection) as error:
        raise _told(connection, statement, error) from error
    return found


def insert_all(connection: Connection, insertions: Sequence[Insertion]) -> None:
    """Insert rows of several tables, in the order given; of many rows, those with an `otherwise` before all others."""
    filled = [one for one in insertions if one.rows]
    driver = _driver(connection)
    if connection.dialect.name == "postgresql":
        few = sum(len(one.rows) for one in filled) <= _FEW
        sent = [one for one in filled if few or one.otherwise]
        try:
            # One way to the server and back for all of them.
            with driver.pipeline(), driver.cursor() as cursor:
                for one in sent:
                    cursor.executemany(_insert(one, "%s"), one.rows)
            for one in filled:
                if not (few or one.otherwise):
                    _copy(driver, one)
        except _errors(connection) as error:
            raise _told(connection, "INSERT", error) from error
        return
    for one in filled:
        statement = _insert(one, "?")
        try:
            driver.executemany(statement, one.rows)
        except _errors(connection) as error:
            raise _told(connection, statement, error) from error


def _copy(driver: Any, one: Insertion) -> None:
    with driver.cursor() as cursor, cursor.copy(f"COPY {one.table.name} ({_listed(one.names)}) FROM STDIN") as copy:
        for row in one.rows:
            copy.write_row(row)


def run(connection: Connection, statement: str, parameters: Sequence[Any] = ()) -> None:
    """Run a statement that gives no rows, written for the connection's driver."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(statement, tuple(parameters))
        return
    try:
        _driver(connection).execute(statement, parameters)
    except _errors(connection) as error:
        raise _told(connection, statement, error) from error


def _insert(one: Insertion, mark: str) -> str:
    return _statement(one.table.name, one.names, mark, one.otherwise)


@lru_cache(maxsize=64)
def _statement(table: str, names: tuple[str, ...], mark: str, otherwise: str) -> str:
    marks = ", ".join([mark] * len(names))
    return f"INSERT INTO {table} ({_listed(names)}) VALUES ({marks}) {otherwise}"


def _listed(names: Sequence[str]) -> str:
    return ", ".join(f'"{name}"' for name in names)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _errors(connection: Connection) -> Any:
    """The kind of the driver's own errors, of which SQLAlchemy knows nothing here."""
    return connection.dialect.dbapi.Error if connection.dialect.dbapi is not None else Exception


def _told(connection: Connection, statement: str, error: Exception) -> Exception:
    """The driver's error as SQLAlchemy's."""
    kind = _errors(connection)
    return DBAPIError.instance(statement, None, error, kind, hide_parameters=True, dialect=connection.dialect)
