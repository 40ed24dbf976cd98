"""PostgreSQL keeps books apart by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from alembic import op

from adapters.storage.row_security import protect, protected_tables, unprotect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _run(protect)


def downgrade() -> None:
    _run(unprotect)


def _run(statements: Callable[[Sequence[str]], Iterator[str]]) -> None:
    connection = op.get_bind()
    if connection.dialect.name == "postgresql":
        for statement in statements(protected_tables(connection)):
            op.execute(statement)
