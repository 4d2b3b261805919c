"""A canary's share of actors, and how much it may differ, stand beside the step that made it one."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

COLUMNS = ("share", "differs")


def upgrade() -> None:
    """Add both columns."""
    for name in COLUMNS:
        op.add_column("transitions", sa.Column(name, sa.Double()))


def downgrade() -> None:
    """Drop them with what they hold."""
    for name in COLUMNS:
        op.drop_column("transitions", name)
