"""Events say where they came from, what was moved and what else the platform knew; each has its place in the log."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

COLUMNS = (
    ("address", sa.Text()),
    ("device", sa.Text()),
    ("amount", sa.BigInteger()),
    ("attributes", sa.Text()),
)


def upgrade() -> None:
    """Add the columns, and number the events that are there by their time."""
    for name, kind in COLUMNS:
        op.add_column("events", sa.Column(name, kind))
    # A column that may not be null is added with a default; as numbers are unique, it could stand only once.
    op.add_column("events", sa.Column("number", sa.BigInteger(), nullable=False, server_default="0"))
    op.execute(
        """
        UPDATE events SET number = placed.place
        FROM (SELECT id, revision, row_number() OVER (ORDER BY seen, id, revision) AS place FROM events) AS placed
        WHERE events.id = placed.id AND events.revision = placed.revision
        """
    )
    op.create_index("events_number", "events", ["number"], unique=True)


def downgrade() -> None:
    """Drop the columns with what they hold."""
    op.drop_index("events_number", "events")
    for name in ("number", *(name for name, _ in COLUMNS)):
        op.drop_column("events", name)
