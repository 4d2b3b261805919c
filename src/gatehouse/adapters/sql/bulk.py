"""Inserting many rows at once, in the fastest way that a database has."""

from collections.abc import Sequence
from functools import lru_cache

from sqlalchemy import Connection, Dialect, Table
from sqlalchemy.exc import DBAPIError

from gatehouse.adapters.sql.rows import Row


def insert(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """Insert rows whose values stand in the order of the table's columns."""
    if not rows:
        return
    if connection.dialect.name == "postgresql":
        _copy(connection, table, rows)
    else:
        # SQLAlchemy itself would take the rows apart once more.
        connection.exec_driver_sql(_insertion(table, connection.dialect), list(rows))


@lru_cache(maxsize=64)
def _insertion(table: Table, dialect: Dialect) -> str:
    return str(table.insert().compile(dialect=dialect, column_keys=table.columns.keys()))


def _copy(connection: Connection, table: Table, rows: Sequence[Row]) -> None:
    """COPY is the fastest way; SQLAlchemy knows neither it nor its errors."""
    from psycopg import Error

    statement = f"COPY {table.name} ({', '.join(table.columns.keys())}) FROM STDIN"
    driver = connection.connection.driver_connection
    assert driver is not None
    try:
        with driver.cursor() as cursor, cursor.copy(statement) as copy:
            for row in rows:
                copy.write_row(row)
    except Error as error:
        told = DBAPIError.instance(statement, None, error, Error, hide_parameters=True, dialect=connection.dialect)
        raise told from error
