"""Alembic's entry: runs the revisions on the connection that `adapters.storage.upgrade` hands over, in one transaction."""

from alembic import context

from adapters.storage.schema import METADATA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=True,  # SQLite can, when the driver is kept from committing by itself: see engine.py
    render_as_batch=True,
    user_module_prefix="types.",
)
context.run_migrations()
