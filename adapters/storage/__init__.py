"""The database: `open_store` for a store on SQLite or PostgreSQL, `upgrade_database` to bring its schema up to date."""

from adapters.storage.store import SqlStore, SqlUnitOfWork, open_store
from adapters.storage.upgrade import SchemaState, downgrade_one_step, schema_state, upgrade_database

__all__ = [
    "SchemaState",
    "SqlStore",
    "SqlUnitOfWork",
    "downgrade_one_step",
    "open_store",
    "schema_state",
    "upgrade_database",
]
