"""Messages that could not be decided on are kept, with the reason and what became of them."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "dead_letters",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", sa.BigInteger(), nullable=False),
        sa.Column("event_id", sa.Text()),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("settled", sa.BigInteger()),
        sa.Column("settled_by", sa.Text()),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("dead_letters_state", "dead_letters", ["state", "id"])


def downgrade() -> None:
    """Drop it with what it holds."""
    op.drop_table("dead_letters")
