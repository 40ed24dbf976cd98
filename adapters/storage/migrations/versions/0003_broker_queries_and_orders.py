"""What brokers answer to queries, and hedge orders."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.storage import types

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "broker_fills",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("account", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("exchange", types.Key(), nullable=False),
        sa.Column("fill_id", types.Key(), nullable=False),
        sa.Column("direction", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("unknown", types.Json(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("pushed_at", types.Instant(), nullable=True),
        sa.Column("queried_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_broker_fills_book_id_books"),
        sa.PrimaryKeyConstraint(
            "book_id", "account", "trading_day", "exchange", "fill_id", "direction", name="pk_broker_fills"
        ),
    )
    op.create_index("ix_broker_fills_day", "broker_fills", ["book_id", "trading_day"])
    op.create_table(
        "broker_answers",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("account", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("currency", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("asked_at", types.Instant(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_broker_answers_book_id_books"),
        sa.PrimaryKeyConstraint(
            "book_id", "account", "kind", "currency", "trading_day", name="pk_broker_answers"
        ),
    )  # fmt: skip
    op.create_table(
        "hedge_orders",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("key", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("account", types.Key(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("stored_at", types.Instant(), nullable=False),
        sa.Column("stored_by", types.Key(), nullable=False),
        sa.Column("sent_at", types.Instant(), nullable=True),
        sa.Column("receipt", types.Json(), nullable=True),
        sa.Column("answered_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_hedge_orders_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "key", name="pk_hedge_orders"),
    )


def downgrade() -> None:
    for table in ("hedge_orders", "broker_answers", "broker_fills"):
        op.drop_table(table)
