"""Enforcements are found by whom they are done to, so that an erasure need not look at all of them."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    """Add the index."""
    op.create_index("enforcements_subject", "enforcements", ["subject"])


def downgrade() -> None:
    """Drop it."""
    op.drop_index("enforcements_subject", "enforcements")
