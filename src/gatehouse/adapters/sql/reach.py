"""Whether a ledger's database answers and can be written, without writing anything."""

from sqlalchemy import select, text

from gatehouse.adapters.sql.engine import Database
from gatehouse.adapters.sql.tables import VERSION_TABLE


def schema_found(database: Database) -> str | None:
    """The version of the schema that stands there now; another process may have changed it since it was opened."""
    with database.reading() as connection:
        found: str | None = connection.scalar(select(text("version_num")).select_from(text(VERSION_TABLE)))
    return found


def may_write(database: Database) -> None:
    """Take the right to write and give it back; raises OutsideError where it cannot be had."""
    with database.writing():
        pass
