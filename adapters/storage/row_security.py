"""Row-level security on PostgreSQL: the database itself keeps books apart, whatever a query forgets.

Every table with a `book_id` has a policy that shows and takes only rows of the transaction's book (`hedgebridge.book`, set by
`engine.for_book`); without one there are no rows at all. The few tables of `ACROSS` may also be read and updated, not filled
and not emptied, by a transaction that says it looks across books (`engine.across_books`): the dispatcher's view. FORCE holds
the tables' owner to it too. A superuser or a role with BYPASSRLS is held by nothing: `hedgebridge doctor` says so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from sqlalchemy import Connection, inspect, text

ACROSS: Final = ("books", "connections", "jobs", "outbox", "schedules")
"""What a dispatcher needs to know of every book: whose turn it is, and whether the other side takes anything."""

_OWN: Final = "book_id = nullif(current_setting('hedgebridge.book', true), '')"
_LOOKING: Final = "current_setting('hedgebridge.across', true) = 'on'"


def protected_tables(connection: Connection) -> list[str]:
    """The tables with a `book_id`, by name."""
    found = inspect(connection)
    names = found.get_table_names()
    return sorted(name for name in names if any(c["name"] == "book_id" for c in found.get_columns(name)))


def protect(tables: Sequence[str]) -> Iterator[str]:
    """The statements that put the policies on tables."""
    for table in tables:
        yield f"ALTER TABLE {table} ENABLE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} FORCE ROW LEVEL SECURITY"
        yield f"CREATE POLICY own_book ON {table} USING ({_OWN}) WITH CHECK ({_OWN})"
        if table in ACROSS:
            yield f"CREATE POLICY across_books_reads ON {table} FOR SELECT USING ({_LOOKING})"
            yield f"CREATE POLICY across_books_leases ON {table} FOR UPDATE USING ({_LOOKING}) WITH CHECK ({_LOOKING})"


def unprotect(tables: Sequence[str]) -> Iterator[str]:
    """The statements that take them away again."""
    for table in tables:
        if table in ACROSS:
            yield f"DROP POLICY across_books_leases ON {table}"
            yield f"DROP POLICY across_books_reads ON {table}"
        yield f"DROP POLICY own_book ON {table}"
        yield f"ALTER TABLE {table} NO FORCE ROW LEVEL SECURITY"
        yield f"ALTER TABLE {table} DISABLE ROW LEVEL SECURITY"


@dataclass(frozen=True, slots=True)
class RoleState:
    """The role that is connected, as far as isolation goes."""

    name: str
    above_security: bool
    owner: bool


def role_state(connection: Connection) -> RoleState | None:
    """None on SQLite, which has no roles."""
    if connection.dialect.name != "postgresql":
        return None
    row = connection.execute(
        text(
            "SELECT current_user AS name, rolsuper OR rolbypassrls AS above, "
            "EXISTS (SELECT 1 FROM pg_class c WHERE c.oid = to_regclass('books') AND c.relowner = r.oid) AS owner "
            "FROM pg_roles r WHERE rolname = current_user"
        )
    ).one()
    return RoleState(row.name, row.above, row.owner)


def grants(role: str) -> Iterator[str]:
    """What a role needs that runs the program and owns nothing. The name is quoted; it comes from the configuration."""
    quoted = '"' + role.replace('"', '""') + '"'
    yield f"GRANT USAGE ON SCHEMA public TO {quoted}"
    yield f"GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {quoted}"
    yield f"REVOKE INSERT, UPDATE, DELETE ON alembic_version FROM {quoted}"
    yield f"GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {quoted}"
