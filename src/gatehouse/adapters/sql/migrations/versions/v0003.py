"""Events name media by their hashes, and banks live: their entries come and go with who, when and why."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column of media and the table of changes."""
    op.add_column("events", sa.Column("media", sa.Text()))
    op.create_table(
        "bank_changes",
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("pack", sa.Text(), nullable=False),
        sa.Column("bank", sa.Text(), nullable=False),
        sa.Column("entry", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("content", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
    )
    op.create_index("bank_changes_entry", "bank_changes", ["pack", "bank", "entry"])


def downgrade() -> None:
    """Drop both with what they hold."""
    op.drop_table("bank_changes")
    op.drop_column("events", "media")
