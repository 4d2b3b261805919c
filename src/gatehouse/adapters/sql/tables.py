"""Tables of the ledger and the registry, in types that every SQL database has.

A change here is a new file in `migrations/versions` and a new SCHEMA.
"""

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Double,
    ForeignKey,
    ForeignKeyConstraint,
    Index,
    Integer,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
)

SCHEMA = "0006"
"""The newest schema version, which this code reads and writes."""

VERSION_TABLE = "ledger_version"
"""Where the schema version stands; a name of our own, for other programs' files have Alembic's default one too."""

metadata = MetaData()

# `number` is the place in the log: 1, 2, 3 ... in the order of commit. No event is taken away, so none comes again.
events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
    Column("digest", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("text", Text),
    Column("language", Text),
    Column("occurred", BigInteger),
    Column("seen", BigInteger, nullable=False),
    Column("imported", Boolean, nullable=False),
    Column("actor", Text),
    Column("target", Text),
    Column("parent", Text),
    Column("thread", Text),
    Column("address", Text),
    Column("device", Text),
    Column("amount", BigInteger),
    Column("attributes", Text),
    Column("media", Text),
    Column("number", BigInteger, nullable=False, server_default="0"),
    Index("events_number", "number", unique=True),
)

# A chain is all decisions for one event revision in one track: `place` is 0 for the original and one more for each
# that supersedes. The two unique keys let one writer alone extend a chain, whatever the database's isolation.
decisions = Table(
    "decisions",
    metadata,
    Column("id", Text, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("track", Text, nullable=False),
    Column("place", Integer, nullable=False),
    Column("mode", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("enforce", Text, nullable=False),
    Column("releases", Text, nullable=False),
    Column("decided", BigInteger, nullable=False),
    Column("supersedes", Text, ForeignKey("decisions.id")),
    Column("writer", Text, nullable=False),
    ForeignKeyConstraint(["event_id", "revision"], ["events.id", "events.revision"]),
    UniqueConstraint("event_id", "revision", "track", "place", name="decisions_chain"),
    UniqueConstraint("supersedes", name="decisions_supersedes"),
    CheckConstraint("(place = 0) = (supersedes IS NULL)", name="decisions_place"),
    Index("decisions_decided", "decided"),
)

feature_rows = Table(
    "feature_rows",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("features", Text, nullable=False),
)

# Short rows that are only ever read by their decision lie in the key's own tree, which saves SQLite a second one.
policy_outcomes = Table(
    "policy_outcomes",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("outcome", Text, nullable=False),
    Column("enforce", Text, nullable=False),
    Column("review", Boolean, nullable=False),
    Column("step", Text),
    Column("clause", Text),
    Column("reason", Text, nullable=False),
    sqlite_with_rowid=False,
)

signals = Table(
    "signals",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("detector", Text, nullable=False),
    Column("detector_version", Text, nullable=False),
    Column("label", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("score", Double),
    Column("evidence", Text),
    sqlite_with_rowid=False,
)

# What was planned, as it was planned: `state` is the first one. What became of it stands in the outbox.
enforcements = Table(
    "enforcements",
    metadata,
    Column("id", Text, primary_key=True),
    Column("decision_id", Text, ForeignKey("decisions.id"), nullable=False),
    Column("event_id", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("kind", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("policy_version", Text, nullable=False, server_default=""),
    Column("subject", Text, nullable=False, server_default=""),
    Column("step", Text),
    Column("until", BigInteger),
    Column("undoes", Text),
    Column("follows", Text),
    Column("place", Integer, nullable=False),
    UniqueConstraint("decision_id", "place", name="enforcements_place"),
    Index("enforcements_undoes", "undoes"),
)

cases = Table(
    "cases",
    metadata,
    Column("id", Text, primary_key=True),
    Column("event_id", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("decision_id", Text, ForeignKey("decisions.id"), nullable=False),
    Column("opened_by", Text, nullable=False),
    Column("reason", Text, nullable=False),
    Column("chance", Double, nullable=False),
    Column("state", Text, nullable=False),
    Column("place", Integer, nullable=False),
    UniqueConstraint("decision_id", "place", name="cases_place"),
)

runs = Table(
    "runs",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("id", Text, nullable=False, unique=True),
    Column("source", Text, nullable=False),
    Column("source_digest", Text, nullable=False),
    Column("out", Text, nullable=False),
    Column("releases", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("rows", BigInteger, nullable=False),
    Column("rejected", BigInteger, nullable=False),
)


def _versions(name: str, *more: Column[Any]) -> Table:
    """A table of versions: `content` is the record as JSON, `digest` the SHA-256 of that text."""
    return Table(
        name,
        metadata,
        Column("number", Integer, primary_key=True),
        Column("name", Text, nullable=False),
        Column("version", Text, nullable=False),
        Column("content", Text, nullable=False),
        Column("digest", Text, nullable=False),
        *more,
        UniqueConstraint("name", "version", name=f"{name}_version"),
    )


policies = _versions("policies")
models = _versions("models")
datasets = _versions("datasets", Column("path", Text, nullable=False))
releases = _versions("releases")

transitions = Table(
    "transitions",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("pack", Text, nullable=False),
    Column("version", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    ForeignKeyConstraint(["pack", "version"], ["releases.name", "releases.version"]),
    Index("transitions_release", "pack", "version"),
)

# An entry of a bank is what its latest change says; no change is ever taken away.
bank_changes = Table(
    "bank_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("pack", Text, nullable=False),
    Column("bank", Text, nullable=False),
    Column("entry", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("content", Text, nullable=False),
    Column("source", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("bank_changes_entry", "pack", "bank", "entry"),
)
