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
    LargeBinary,
    MetaData,
    Table,
    Text,
    UniqueConstraint,
    text,
)

SCHEMA = "0011"
"""The newest schema version, which this code reads and writes."""

VERSION_TABLE = "ledger_version"
"""Where the schema version stands; a name of our own, for other programs' files have Alembic's default one too."""

metadata = MetaData()


def _where_set(column: str) -> dict[str, Any]:
    """An index over the rows alone in which a column is set."""
    return {f"{dialect}_where": text(f"{column} IS NOT NULL") for dialect in ("sqlite", "postgresql")}


# The key by which an owner's events are committed: an actor as `kind:id`, or `event:ID` where there is none. Erasure
# takes the row away, and with it all that could tell what the seals stood for.
actor_keys = Table(
    "actor_keys",
    metadata,
    Column("id", BigInteger, primary_key=True, autoincrement=False),
    Column("owner", Text, nullable=False),
    Column("key", LargeBinary, nullable=False),
    Column("made", BigInteger, nullable=False),
    Index("actor_keys_owner", "owner", unique=True),
)

# `number` is the place in the log: 1, 2, 3 ... in the order of commit. No event is taken away, so none comes again.
# `key` is the actor key by which `sealed` commits to what the event says; where it is empty the key was destroyed.
# `amended` commits to what it says since an erasure put a pseudonym into it.
events = Table(
    "events",
    metadata,
    Column("id", Text, primary_key=True),
    Column("revision", BigInteger, primary_key=True),
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
    Column("key", BigInteger),
    Column("sealed", LargeBinary, nullable=False, server_default=""),
    Column("amended", LargeBinary),
    Index("events_number", "number", unique=True),
    Index("events_key", "key"),
    Index("events_target", "target", **_where_set("target")),
)

# A chain is all decisions for one event revision in one track: `place` is 0 for the original and one more for each
# that supersedes. The two unique keys let one writer alone extend a chain, whatever the database's isolation.
# `seq` is the place in the hash chain of the `writer`, `hash` its link. `number` is the event's where this decision
# brought it, and `planned` says how many enforcements came with it, for more may come later. `policies` and `layout`
# name rows of `layouts`. Blobs come last, so that whoever reads the rest does not read them.
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
    Column("seq", BigInteger, nullable=False, server_default="0"),
    Column("number", BigInteger),
    Column("planned", Integer, nullable=False, server_default="0"),
    Column("policies", LargeBinary, nullable=False, server_default=""),
    Column("layout", LargeBinary, nullable=False, server_default=""),
    Column("sealed", LargeBinary, nullable=False, server_default=""),
    Column("hash", LargeBinary, nullable=False, server_default=""),
    Column("amended", LargeBinary),
    Column("features", LargeBinary),
    Column("signals", LargeBinary),
    ForeignKeyConstraint(["event_id", "revision"], ["events.id", "events.revision"]),
    UniqueConstraint("event_id", "revision", "track", "place", name="decisions_chain"),
    UniqueConstraint("supersedes", name="decisions_supersedes"),
    CheckConstraint("(place = 0) = (supersedes IS NULL)", name="decisions_place"),
    Index("decisions_decided", "decided"),
    Index("decisions_link", "writer", "seq", unique=True),
)

# Where each writer's hash chain ends, so that a decision that is cut off from its end is missed.
chain_ends = Table(
    "chain_ends",
    metadata,
    Column("writer", Text, primary_key=True),
    Column("seq", BigInteger, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("hash", LargeBinary, nullable=False),
)

# What repeats from decision to decision, each once, as JSON under its SHA-256.
layouts = Table(
    "layouts",
    metadata,
    Column("digest", LargeBinary, primary_key=True),
    Column("content", Text, nullable=False),
)

# Short rows that are only ever read by their decision lie in the key's own tree, which saves SQLite a second one.
matched = Table(
    "matched",
    metadata,
    Column("decision_id", Text, ForeignKey("decisions.id"), primary_key=True),
    Column("place", Integer, primary_key=True),
    Column("detector", Text, nullable=False),
    Column("evidence", Text, nullable=False),
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
    Index("enforcements_subject", "subject"),
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
    Column("share", Double),
    Column("differs", Double),
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
