"""The first tables: events and decisions, versions and their life."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    "events",
    "decisions",
    "feature_rows",
    "policy_outcomes",
    "signals",
    "enforcements",
    "cases",
    "runs",
    "policies",
    "models",
    "datasets",
    "releases",
    "transitions",
)
"""In the order of their making: what another table names stands before it."""


def upgrade() -> None:
    """Make all tables."""
    _events_and_decisions()
    _beside_decisions()
    _to_do()
    _runs()
    _versions("policies")
    _versions("models")
    _versions("datasets", sa.Column("path", sa.Text(), nullable=False))
    _versions("releases")
    _transitions()


def downgrade() -> None:
    """Drop all tables with what they hold."""
    for name in reversed(TABLES):
        op.drop_table(name)


def _events_and_decisions() -> None:
    op.create_table(
        "events",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("text", sa.Text()),
        sa.Column("language", sa.Text()),
        sa.Column("occurred", sa.BigInteger()),
        sa.Column("seen", sa.BigInteger(), nullable=False),
        sa.Column("imported", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Text()),
        sa.Column("target", sa.Text()),
        sa.Column("parent", sa.Text()),
        sa.Column("thread", sa.Text()),
        sa.PrimaryKeyConstraint("id", "revision"),
    )
    op.create_table(
        "decisions",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("track", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("mode", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("enforce", sa.Text(), nullable=False),
        sa.Column("releases", sa.Text(), nullable=False),
        sa.Column("decided", sa.BigInteger(), nullable=False),
        sa.Column("supersedes", sa.Text()),
        sa.Column("writer", sa.Text(), nullable=False),
        sa.CheckConstraint("(place = 0) = (supersedes IS NULL)", name="decisions_place"),
        sa.ForeignKeyConstraint(["event_id", "revision"], ["events.id", "events.revision"]),
        sa.ForeignKeyConstraint(["supersedes"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("event_id", "revision", "track", "place", name="decisions_chain"),
        sa.UniqueConstraint("supersedes", name="decisions_supersedes"),
    )
    op.create_index("decisions_decided", "decisions", ["decided"])


def _beside_decisions() -> None:
    op.create_table(
        "feature_rows",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("features", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id"),
    )
    op.create_table(
        "policy_outcomes",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("enforce", sa.Text(), nullable=False),
        sa.Column("review", sa.Boolean(), nullable=False),
        sa.Column("step", sa.Text()),
        sa.Column("clause", sa.Text()),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id", "place"),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "signals",
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.Column("detector", sa.Text(), nullable=False),
        sa.Column("detector_version", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("score", sa.Double()),
        sa.Column("evidence", sa.Text()),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("decision_id", "place"),
        sqlite_with_rowid=False,
    )


def _to_do() -> None:
    op.create_table(
        "enforcements",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("decision_id", "place", name="enforcements_place"),
    )
    op.create_table(
        "cases",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("opened_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("chance", sa.Double(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("place", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
        sa.PrimaryKeyConstraint("id"),
        sa.UniqueConstraint("decision_id", "place", name="cases_place"),
    )


def _runs() -> None:
    op.create_table(
        "runs",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("source_digest", sa.Text(), nullable=False),
        sa.Column("out", sa.Text(), nullable=False),
        sa.Column("releases", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("rows", sa.BigInteger(), nullable=False),
        sa.Column("rejected", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
    )


def _versions(name: str, *more: sa.Column[Any]) -> None:
    op.create_table(
        name,
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        *more,
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("name", "version", name=f"{name}_version"),
    )


def _transitions() -> None:
    op.create_table(
        "transitions",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["pack", "version"], ["releases.name", "releases.version"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("transitions_release", "transitions", ["pack", "version"])
