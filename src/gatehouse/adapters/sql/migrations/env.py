"""Alembic runs this: the steps, on the connection and in the transaction that the engine opened."""

from alembic import context

from gatehouse.adapters.sql.tables import VERSION_TABLE, metadata

context.configure(
    connection=context.config.attributes["connection"], target_metadata=metadata, version_table=VERSION_TABLE
)
context.run_migrations()
