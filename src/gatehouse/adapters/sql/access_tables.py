"""Tables of API keys and of who looked at content."""

from sqlalchemy import BigInteger, Column, Index, Integer, Table, Text

from gatehouse.adapters.sql.tables import metadata

# `scopes` are words with a space between. One key at most stands in the place of another.
api_keys = Table(
    "api_keys",
    metadata,
    Column("id", Text, primary_key=True),
    Column("name", Text, nullable=False),
    Column("hash", Text, nullable=False, unique=True),
    Column("scopes", Text, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("expires", BigInteger),
    Column("revoked", BigInteger),
    Column("revoked_by", Text),
    Column("rate", Integer),
    Column("replaces", Text, unique=True),
)

# `number` is the order of recording.
reads = Table(
    "reads",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("key_id", Text, nullable=False),
    Column("what", Text, nullable=False),
    Column("which", Text, nullable=False),
    Index("reads_at", "at"),
    Index("reads_which", "which", "at"),
    Index("reads_by", "by", "at"),
)
