"""Versions of contract terms, pricing events, plans and basis history."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.storage import types
from adapters.storage.migrations.write_once import Guard, install, remove

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

GUARDS = (
    Guard("commodity_terms"),
    Guard(
        "commodity_events",
        ("kind", "event_id", "subject", "on_day", "payload", "recorded_at", "recorded_by"),
        never="OLD.ended_at IS NOT NULL",
    ),
)
"""Terms get new versions, events are ended: neither is ever changed or taken away."""


def upgrade() -> None:
    op.create_table(
        "commodity_terms",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("subject", types.Key(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("saved_at", types.Instant(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=op.f("fk_commodity_terms_book_id_books")),
        sa.PrimaryKeyConstraint(
            "book_id", "kind", "subject", "effective_from", "version", name=op.f("pk_commodity_terms")
        ),
    )
    op.create_table(
        "commodity_events",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("event_id", types.Key(), nullable=False),
        sa.Column("subject", types.Key(), nullable=False),
        sa.Column("on_day", sa.Date(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("recorded_at", types.Instant(), nullable=False),
        sa.Column("recorded_by", sa.Text(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.Column("ended_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=op.f("fk_commodity_events_book_id_books")),
        sa.PrimaryKeyConstraint("book_id", "kind", "event_id", name=op.f("pk_commodity_events")),
    )
    op.create_index("ix_commodity_events_subject", "commodity_events", ["book_id", "kind", "subject"])
    for statement in install(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("CREATE FUNCTION"):  # the function is there since the first tables
            op.execute(statement)


def downgrade() -> None:
    for statement in remove(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("DROP FUNCTION"):
            op.execute(statement)
    op.drop_index("ix_commodity_events_subject", table_name="commodity_events")
    op.drop_table("commodity_events")
    op.drop_table("commodity_terms")
