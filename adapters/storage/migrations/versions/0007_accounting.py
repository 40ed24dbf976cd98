"""Approvals of vouchers in tiers, reversals, accounting periods and designation records; delivered vouchers stay delivered."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import sqlalchemy as sa
from alembic import op

from adapters.storage import types
from adapters.storage.migrations.write_once import Guard, install, remove

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLES: Final = (
    "voucher_approvals",
    "voucher_reversals",
    "accounting_periods",
    "designation_records",
    "designation_approvals",
)
GUARDS: Final = tuple(Guard(table) for table in TABLES)

_VOUCHERS: Final = Guard(
    "vouchers",
    columns=(
        "book_id", "voucher_id", "revision", "posting_date", "idempotency_key", "content_hash", "payload", "made_by",
    ),
    when="OLD.status <> 'draft'",
    never="NEW.status = 'draft' AND OLD.status NOT IN ('draft', 'approved')",
    deletable_otherwise=True,
)  # fmt: skip
"""As the first tables had it."""
_LIFE: Final = replace(
    _VOUCHERS,
    never=(
        "(NEW.status = 'draft' AND OLD.status NOT IN ('draft', 'submitted', 'approved')) "
        "OR (OLD.status IN ('delivered', 'reversed') AND NEW.status NOT IN ('delivered', 'reversed')) "
        "OR (OLD.status = 'reversed' AND NEW.status = 'delivered')"
    ),
)
"""A submitted voucher may be sent back; a delivered one can only be reversed."""


def _swap(old: Guard, new: Guard) -> None:
    dialect = op.get_bind().dialect.name
    for statement in (*remove([old], dialect), *install([new], dialect)):
        if not statement.startswith(
            ("CREATE FUNCTION", "DROP FUNCTION")
        ):  # the function is there since the first tables
            op.execute(statement)


def _key(table: str, *columns: str) -> tuple[sa.Constraint, ...]:
    return (
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=op.f(f"fk_{table}_book_id_books")),
        sa.PrimaryKeyConstraint("book_id", *columns, name=op.f(f"pk_{table}")),
    )


def _whole(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer(), autoincrement=False, nullable=False)


def upgrade() -> None:
    op.create_table(
        "voucher_approvals",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("voucher_id", types.Key(), nullable=False),
        _whole("revision"),
        _whole("number"),
        sa.Column("given", sa.Boolean(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        *_key("voucher_approvals", "voucher_id", "revision", "number"),
    )
    op.create_table(
        "voucher_reversals",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("voucher_id", types.Key(), nullable=False),
        sa.Column("red_id", sa.Text(), nullable=False),
        sa.Column("blue_id", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        *_key("voucher_reversals", "voucher_id"),
    )
    op.create_table(
        "accounting_periods",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("period", types.Key(), nullable=False),
        _whole("number"),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("at", types.Instant(), nullable=False),
        *_key("accounting_periods", "period", "number"),
    )
    for table, dated in (("designation_records", True), ("designation_approvals", False)):
        op.create_table(
            table,
            sa.Column("book_id", types.Key(), nullable=False),
            sa.Column("relationship_id", types.Key(), nullable=False),
            _whole("version"),
            sa.Column("digest", sa.Text(), nullable=False),
            *([sa.Column("designated_on", sa.Date(), nullable=False)] if dated else []),
            sa.Column("actor", sa.Text(), nullable=False),
            sa.Column("at", types.Instant(), nullable=False),
            *_key(table, "relationship_id", "version"),
        )
    for statement in install(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("CREATE FUNCTION"):
            op.execute(statement)
    _swap(_VOUCHERS, _LIFE)


def downgrade() -> None:
    _swap(_LIFE, _VOUCHERS)
    for statement in remove(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("DROP FUNCTION"):
            op.execute(statement)
    for table in reversed(TABLES):
        op.drop_table(table)
