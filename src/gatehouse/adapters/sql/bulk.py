"""Statements run straight by the driver, and many rows inserted in the fastest way that a database has."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import lru_cache
from typing import Any

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError

from gatehouse.adapters.sql.rows import Row

_FEW = 64
"""Rows of one commit up to which a server is better sent plain statements, all of them at once."""

Rows = tuple[Table, Sequence[str], Sequence[Row]]
"""A table, names of its columns, and rows with values in that order."""


def fetch(connection: Connection, statement: str, parameters: Sequence[Any]) -> list[Row]:
    """All rows of a statement written for the connection's driver.

    In a file SQLAlchemy would cost more than the statement; on a server its listeners watch over what stalls.
    """
    if connection.dialect.name == "postgresql":
        return [tuple(row) for row in connection.exec_driver_sql(statement, tuple(parameters))]
    driver: Any = connection.connection.driver_connection
    with _told(connection, statement):
        found: list[Row] = driver.execute(statement, parameters).fetchall()
    return found


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows whose values stand in the order of the table's columns."""
    insert_all(connection, [(table, table.columns.keys(), rows)])


def insert_all(connection: Connection, all_rows: Sequence[Rows]) -> None:
    """Insert rows of several tables, in the order given."""
    filled = [one for one in all_rows if one[2]]
    driver: Any = connection.connection.driver_connection
    if connection.dialect.name != "postgresql":
        for table, names, rows in filled:
            statement = insertion(table, tuple(names), connection.dialect)
            with _told(connection, statement):
                driver.executemany(statement, rows)
    elif sum(len(rows) for _, _, rows in filled) <= _FEW:
        # One way to the server and back for all of them.
        with _told(connection, "INSERT"), driver.pipeline(), driver.cursor() as cursor:
            for table, names, rows in filled:
                cursor.executemany(insertion(table, tuple(names), connection.dialect), rows)
    else:
        for table, names, rows in filled:
            statement = f"COPY {table.name} ({', '.join(map(_quoted, names))}) FROM STDIN"
            with _told(connection, statement), driver.cursor() as cursor, cursor.copy(statement) as copy:
                for row in rows:
                    copy.write_row(row)


def run(connection: Connection, statement: str, parameters: Sequence[Any]) -> None:
    """Run a statement that gives no rows, written for the connection's driver."""
    if connection.dialect.name == "postgresql":
        connection.exec_driver_sql(statement, tuple(parameters))
        return
    driver: Any = connection.connection.driver_connection
    with _told(connection, statement):
        driver.execute(statement, parameters)


@lru_cache(maxsize=64)
def insertion(table: Table, names: tuple[str, ...], dialect: Dialect) -> str:
    """An INSERT of these columns as the dialect's driver takes it."""
    return str(table.insert().compile(dialect=dialect, column_keys=names))


def _quoted(name: str) -> str:
    return f'"{name}"'


@contextmanager
def _told(connection: Connection, statement: str) -> Iterator[None]:
    """Turn the driver's own errors into SQLAlchemy's, which it knows nothing of."""
    kind: Any = connection.dialect.dbapi.Error if connection.dialect.dbapi is not None else Exception
    try:
        yield
    except kind as error:
        told = DBAPIError.instance(statement, None, error, kind, hide_parameters=True, dialect=connection.dialect)
        raise told from error
