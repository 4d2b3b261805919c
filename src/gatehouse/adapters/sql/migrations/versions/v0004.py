"""Enforcements are carried out: an outbox with leases, what became of each, breakers, strikes and marks."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

COLUMNS = (
    ("policy_version", sa.Text(), False),
    ("subject", sa.Text(), False),
    ("step", sa.Text(), True),
    ("until", sa.BigInteger(), True),
    ("undoes", sa.Text(), True),
    ("follows", sa.Text(), True),
)

TABLES = ("outbox", "enforcement_changes", "breaker_changes", "strikes", "marks")


def upgrade() -> None:
    """Add columns and tables, and hold what was planned while nothing carried it out."""
    for name, kind, may_be_null in COLUMNS:
        default = None if may_be_null else ""
        op.add_column("enforcements", sa.Column(name, kind, nullable=may_be_null, server_default=default))
    op.create_index("enforcements_undoes", "enforcements", ["undoes"])
    _outbox()
    _changes()
    _standing()
    _hold_what_is_there()


def downgrade() -> None:
    """Drop all of them with what they hold."""
    for name in reversed(TABLES):
        op.drop_table(name)
    op.drop_index("enforcements_undoes", "enforcements")
    for name, _, _ in COLUMNS:
        op.drop_column("enforcements", name)


def _outbox() -> None:
    op.create_table(
        "outbox",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("enforcement_id", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("planned", sa.BigInteger(), nullable=False),
        sa.Column("due", sa.BigInteger()),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("holder", sa.Text()),
        sa.Column("counted", sa.BigInteger()),
        sa.ForeignKeyConstraint(["enforcement_id"], ["enforcements.id"]),
        sa.PrimaryKeyConstraint("number"),
        sa.UniqueConstraint("enforcement_id"),
    )
    op.create_index("outbox_order", "outbox", ["state", "number"])
    op.create_index("outbox_due", "outbox", ["state", "due"])
    op.create_index("outbox_subject", "outbox", ["subject", "state", "number"])
    op.create_index("outbox_quota", "outbox", ["policy", "counted"])


def _changes() -> None:
    op.create_table(
        "enforcement_changes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("enforcement_id", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("receipt", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("approves", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["enforcement_id"], ["enforcements.id"]),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("enforcement_changes_of", "enforcement_changes", ["enforcement_id"])
    op.create_table(
        "breaker_changes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("breaker_changes_policy", "breaker_changes", ["policy"])


def _standing() -> None:
    op.create_table(
        "strikes",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("policy", sa.Text(), nullable=False),
        sa.Column("policy_version", sa.Text(), nullable=False),
        sa.Column("decision_id", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("expires", sa.BigInteger()),
        sa.Column("points", sa.Integer(), nullable=False),
        sa.Column("removed", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("strikes_actor", "strikes", ["actor"])
    op.create_table(
        "marks",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("entity", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.Column("until", sa.BigInteger()),
        sa.Column("removed", sa.BigInteger()),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("marks_entity", "marks", ["entity", "name"])


def _hold_what_is_there() -> None:
    """Old enforcements wait for a person's word: carrying out months of them at once would surprise everybody."""
    of_policy = """
        (SELECT min({name}) FROM policy_outcomes AS said WHERE said.decision_id = enforcements.decision_id
         AND said.policy = enforcements.policy AND said.enforce = enforcements.kind)
    """
    version, step = of_policy.format(name="policy_version"), of_policy.format(name="step")
    op.execute(f"UPDATE enforcements SET policy_version = coalesce({version}, ''), step = {step}")
    op.execute(
        """
        INSERT INTO outbox (enforcement_id, subject, policy, state, planned, attempt, fence)
        SELECT planned.id, 'event:' || planned.event_id, planned.policy, 'held', decisions.decided, 0, 0
        FROM enforcements AS planned JOIN decisions ON decisions.id = planned.decision_id
        WHERE decisions.mode = 'live' ORDER BY decisions.decided, planned.decision_id, planned.place
        """
    )
    op.execute(
        """
        INSERT INTO enforcement_changes (enforcement_id, state, at, by, why, receipt, approves)
        SELECT enforcement_id, 'held', planned, 'gatehouse', 'planned while nothing carried it out', '', false
        FROM outbox ORDER BY number
        """
    )
