"""Reports and appeals open cases beside the policies' own; people close them, and say what is true."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"

TABLES = ("reports", "appeals", "spoken_cases", "closings", "labels", "notices")


def upgrade() -> None:
    """Add the tables; the cases that are there stay open."""
    _brought()
    _found()


def _brought() -> None:
    op.create_table(
        "reports",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("reporter", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text()),
        sa.Column("category", sa.Text()),
        sa.Column("comment", sa.Text()),
        sa.Column("occurred", sa.BigInteger()),
        sa.Column("case_id", sa.Text()),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
    )
    op.create_index("reports_case", "reports", ["case_id", "number"])
    op.create_index("reports_reporter", "reports", ["reporter", "case_id"])
    op.create_table(
        "appeals",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("statement", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("vouched", sa.Text(), nullable=False),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("id"),
        sa.UniqueConstraint("case_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
    )
    op.create_index("appeals_decision", "appeals", ["decision_id"])
    op.create_table(
        "spoken_cases",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("opened", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sqlite_with_rowid=False,
    )


def _found() -> None:
    op.create_table(
        "closings",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("finding", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("policy", sa.Text()),
        sa.Column("step", sa.Text()),
        sa.Column("settled", sa.BigInteger()),
        sa.Column("decision_id", sa.Text()),
        sa.PrimaryKeyConstraint("case_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
        sa.ForeignKeyConstraint(["decision_id"], ["decisions.id"]),
    )
    op.create_index("closings_at", "closings", ["at", "case_id"])
    op.create_index("closings_settled", "closings", ["settled"])
    op.create_table(
        "labels",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("value", sa.Integer(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("rater", sa.Text()),
        sa.Column("votes", sa.Integer(), nullable=False),
        sa.Column("at", sa.BigInteger()),
        sa.Column("policy_version", sa.Text()),
        sa.Column("chance", sa.Double()),
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
    )
    op.create_index("labels_event", "labels", ["event_id", "label", "number"])
    op.create_table(
        "notices",
        sa.Column("case_id", sa.Text(), nullable=False),
        sa.Column("event_id", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("to", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("case_id"),
        sa.ForeignKeyConstraint(["case_id"], ["cases.id"]),
    )


def downgrade() -> None:
    """Drop them with what they hold; what reports and appeals opened stays among the cases."""
    for name in reversed(TABLES):
        op.drop_table(name)
