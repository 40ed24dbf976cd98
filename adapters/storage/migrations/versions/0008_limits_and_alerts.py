"""Limits and the alerts they raised; orders on their way, and the switch that stops them."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.storage import types
from adapters.storage.migrations.write_once import Guard, install, remove

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

GUARDS = (
    Guard("limit_rules"),
    Guard(
        "limit_alerts",
        ("alert_id", "rule_id", "subject", "first_seen"),
        never="OLD.cleared_at IS NOT NULL",
    ),
    Guard(
        "order_proposals",
        ("proposal_id", "payload", "digest", "proposed_at", "proposed_by"),
        never=(
            "(NEW.approved_by <> '' AND (NEW.approved_by = NEW.proposed_by OR NEW.approved_digest <> NEW.digest))"
            " OR (OLD.approved_by <> '' AND (NEW.approved_by <> OLD.approved_by"
            " OR NEW.approved_digest <> OLD.approved_digest))"
            " OR (OLD.order_key IS NOT NULL AND (NEW.order_key IS NULL OR NEW.order_key <> OLD.order_key))"
            " OR (OLD.order_key IS NULL AND NEW.order_key IS NOT NULL AND NEW.approved_by = '')"
        ),
    ),
)
"""Limits get new versions; alerts keep when they were first seen; an order is what was proposed, approved by another person
as it stands, and keeps its reference."""


def upgrade() -> None:
    op.create_table(
        "limit_rules",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("rule_id", types.Key(), nullable=False),
        sa.Column("effective_from", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("saved_at", types.Instant(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_limit_rules_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "rule_id", "effective_from", "version", name="pk_limit_rules"),
    )
    op.create_table(
        "limit_alerts",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("alert_id", types.Key(), nullable=False),
        sa.Column("rule_id", types.Key(), nullable=False),
        sa.Column("subject", types.Key(), nullable=False),
        sa.Column("moment", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("first_seen", types.Instant(), nullable=False),
        sa.Column("last_seen", types.Instant(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("acknowledged_at", types.Instant(), nullable=True),
        sa.Column("acknowledged_by", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("cleared_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_limit_alerts_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "alert_id", name="pk_limit_alerts"),
    )
    not_cleared = sa.text("cleared_at IS NULL")
    op.create_index(
        "uq_limit_alerts_open",
        "limit_alerts",
        ["book_id", "rule_id", "subject"],
        unique=True,
        sqlite_where=not_cleared,
        postgresql_where=not_cleared,
    )
    op.create_table(
        "order_proposals",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("proposal_id", types.Key(), nullable=False),
        sa.Column("stage", types.Key(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("digest", types.Key(), nullable=False),
        sa.Column("proposed_at", types.Instant(), nullable=False),
        sa.Column("proposed_by", types.Key(), nullable=False),
        sa.Column("approved_at", types.Instant(), nullable=True),
        sa.Column("approved_by", types.Key(), nullable=False),
        sa.Column("approved_digest", types.Key(), nullable=False),
        sa.Column("order_key", types.Key(), nullable=True),
        sa.Column("ended_by", types.Key(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_order_proposals_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "proposal_id", name="pk_order_proposals"),
    )
    op.create_index("uq_order_proposals_key", "order_proposals", ["book_id", "order_key"], unique=True)
    op.create_index("ix_order_proposals_stage", "order_proposals", ["book_id", "stage", "proposed_at"])
    op.create_table(
        "order_switches",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("book_since", types.Instant(), nullable=True),
        sa.Column("book_by", sa.Text(), nullable=False),
        sa.Column("book_reason", sa.Text(), nullable=False),
        sa.Column("all_since", types.Instant(), nullable=True),
        sa.Column("all_by", sa.Text(), nullable=False),
        sa.Column("all_reason", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_order_switches_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", name="pk_order_switches"),
    )
    for statement in install(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("CREATE FUNCTION"):  # the function is there since the first tables
            op.execute(statement)


def downgrade() -> None:
    for statement in remove(GUARDS, op.get_bind().dialect.name):
        if not statement.startswith("DROP FUNCTION"):
            op.execute(statement)
    op.drop_table("order_switches")
    op.drop_index("ix_order_proposals_stage", table_name="order_proposals")
    op.drop_index("uq_order_proposals_key", table_name="order_proposals")
    op.drop_table("order_proposals")
    op.drop_index("uq_limit_alerts_open", table_name="limit_alerts")
    op.drop_table("limit_alerts")
    op.drop_table("limit_rules")
