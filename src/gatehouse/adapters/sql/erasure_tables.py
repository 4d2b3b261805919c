"""Tables of what was taken away, and of what keeps content from being taken."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, LargeBinary, Table, Text

from gatehouse.adapters.sql.tables import metadata

# A record of each erasure, chained by `hash`; `counts` is JSON, `covered` the SHA-256 of its rows in `erased`.
erasures = Table(
    "erasures",
    metadata,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("pseudonym", Text, nullable=False),
    Column("counts", Text, nullable=False),
    Column("covered", LargeBinary, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# What an erasure touched: an `event` that lost its content, or an `amended event` or `amended decision` that named who
# was erased and bears the pseudonym now. `place` is the event's number, or the decision's id.
erased = Table(
    "erased",
    metadata,
    Column("erasure", BigInteger, ForeignKey("erasures.number"), primary_key=True, autoincrement=False),
    Column("what", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Index("erased_place", "place"),
    sqlite_with_rowid=False,
)

holds = Table(
    "holds",
    metadata,
    Column("id", Text, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("owner", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("made", BigInteger, nullable=False),
    Column("until", BigInteger, nullable=False),
    Column("ended", BigInteger),
    Index("holds_entity", "entity"),
)
