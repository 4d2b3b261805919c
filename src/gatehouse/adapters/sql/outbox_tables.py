"""Tables of what waits to be carried out and what became of it, and of actors' records."""

from typing import Any

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, Select, Table, Text, func, select

from gatehouse.adapters.sql.tables import enforcements, metadata

# A row says where an enforcement stands now; `enforcements` keeps what was planned, as it was planned. `number` is the
# order of planning. `due` is when a planned one may be leased (again), so a lease is a due time in the future with a
# holder; when a held one's hold ends; when a done one ends by itself. `fence` is another number for each lease.
# `counted` is when it was done, for those that count against quotas.
outbox = Table(
    "outbox",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("enforcement_id", Text, ForeignKey("enforcements.id"), nullable=False, unique=True),
    Column("subject", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("planned", BigInteger, nullable=False),
    Column("due", BigInteger),
    Column("attempt", Integer, nullable=False),
    Column("fence", Integer, nullable=False),
    Column("holder", Text),
    Column("counted", BigInteger),
    Index("outbox_order", "state", "number"),
    Index("outbox_due", "state", "due"),
    Index("outbox_subject", "subject", "state", "number"),
    Index("outbox_quota", "policy", "counted"),
)

enforcement_changes = Table(
    "enforcement_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("enforcement_id", Text, ForeignKey("enforcements.id"), nullable=False),
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("receipt", Text, nullable=False),
    Column("until", BigInteger),
    Column("approves", Boolean, nullable=False),
    Index("enforcement_changes_of", "enforcement_id"),
)

breaker_changes = Table(
    "breaker_changes",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("policy", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Index("breaker_changes_policy", "policy"),
)

strikes = Table(
    "strikes",
    metadata,
    Column("id", Text, primary_key=True),
    Column("actor", Text, nullable=False),
    Column("policy", Text, nullable=False),
    Column("policy_version", Text, nullable=False),
    Column("decision_id", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("expires", BigInteger),
    Column("points", Integer, nullable=False),
    Column("removed", BigInteger),
    Index("strikes_actor", "actor"),
)

marks = Table(
    "marks",
    metadata,
    Column("number", Integer, primary_key=True),
    Column("entity", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("at", BigInteger, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=False),
    Column("until", BigInteger),
    Column("removed", BigInteger),
    Index("marks_entity", "entity", "name"),
)


def at_present() -> Select[Any]:
    """Enforcements with the states in which they are now; one that is in no outbox, as in shadow, is as planned."""
    now = func.coalesce(outbox.c.state, enforcements.c.state).label("state")
    said = [now if column.name == "state" else column for column in enforcements.c]
    return select(*said).join(outbox, outbox.c.enforcement_id == enforcements.c.id, isouter=True)
