"""The table of messages that could not be decided on."""

from sqlalchemy import BigInteger, Column, Index, Integer, LargeBinary, Table, Text

from gatehouse.adapters.sql.tables import metadata

dead_letters = Table(
    "dead_letters",
    metadata,
    Column("id", Text, primary_key=True),
    Column("value", LargeBinary, nullable=False),
    Column("source", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("event_id", Text),
    Column("state", Text, nullable=False),
    Column("tries", Integer, nullable=False),
    Column("settled", BigInteger),
    Column("settled_by", Text),
    Index("dead_letters_state", "state", "id"),
)
