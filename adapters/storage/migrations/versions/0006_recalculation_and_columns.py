"""Fills as columns, recalculations with their results by day, and requests to reopen a day."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.storage import types
from adapters.storage.migrations.write_once import Guard, install, remove

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

GUARDS = (
    Guard("fill_blocks"),
    Guard("result_days"),
    Guard(
        "recalculations",
        ("run", "from_day", "through_day", "input_digest", "keys", "summary", "made_at", "made_by"),
        never="OLD.status <> 'proposed'",
    ),
    Guard("day_reopenings", ("trading_day", "number", "reason", "asked_at", "asked_by"), never="OLD.status <> 'asked'"),
)
"""Blocks and results are made once; a proposal and a request are decided once."""


def upgrade() -> None:
    op.create_table(
        "fill_blocks",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("account", types.Key(), nullable=False),
        sa.Column("currency", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fills", sa.BigInteger(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=op.f("fk_fill_blocks_book_id_books")),
        sa.PrimaryKeyConstraint(
            "book_id", "account", "currency", "trading_day", "version", name=op.f("pk_fill_blocks")
        ),
    )
    op.create_table(
        "recalculations",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("from_day", sa.Date(), nullable=False),
        sa.Column("through_day", sa.Date(), nullable=False),
        sa.Column("status", types.Key(), nullable=False),
        sa.Column("input_digest", sa.Text(), nullable=False),
        sa.Column("keys", sa.LargeBinary(), nullable=False),
        sa.Column("summary", types.Json(), nullable=False),
        sa.Column("made_at", types.Instant(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("decided_at", types.Instant(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=op.f("fk_recalculations_book_id_books")),
        sa.PrimaryKeyConstraint("book_id", "run", name=op.f("pk_recalculations")),
    )
    op.create_table(
        "result_days",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("run", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("previous_digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=op.f("fk_result_days_book_id_books")),
        sa.ForeignKeyConstraint(
            ["book_id", "run"],
            ["recalculations.book_id", "recalculations.run"],
            name=op.f("fk_result_days_book_id_run_recalculations"),
        ),
        sa.PrimaryKeyConstraint("book_id", "run", "trading_day", name=op.f("pk_result_days")),
    )
    op.create_table(
        "day_reopenings",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("number", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", types.Key(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("asked_at", types.Instant(), nullable=False),
        sa.Column("asked_by", sa.Text(), nullable=False),
        sa.Column("decided_at", types.Instant(), nullable=True),
        sa.Column("decided_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=op.f("fk_day_reopenings_book_id_books")),
        sa.PrimaryKeyConstraint("book_id", "trading_day", "number", name=op.f("pk_day_reopenings")),
    )
    if op.get_bind().dialect.name == "postgresql":
        for table in ("fill_blocks", "result_days"):
            # integers side by side hardly shrink, and trying to would take longer than writing them
            op.execute(f"ALTER TABLE {table} ALTER COLUMN body SET STORAGE EXTERNAL")
    for statement in install(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("CREATE FUNCTION"):  # the function is there since the first tables
            op.execute(statement)


def downgrade() -> None:
    for statement in remove(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("DROP FUNCTION"):
            op.execute(statement)
    for table in ("day_reopenings", "result_days", "recalculations", "fill_blocks"):
        op.drop_table(table)
