"""The first tables, and what the database keeps for ever."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from adapters.storage import types
from adapters.storage.migrations.write_once import Guard, install, remove

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

_VOUCHER = (
    "book_id",
    "voucher_id",
    "revision",
    "posting_date",
    "idempotency_key",
    "content_hash",
    "payload",
    "made_by",
)
_SNAPSHOT = (
    "book_id", "trading_day", "version", "digest", "previous_digest", "input_digest", "differences", "body",
)  # fmt: skip

GUARDS = (
    Guard("audit_events"),
    Guard("audit_heads", columns=("book_id",), never="NEW.size <= OLD.size"),
    Guard(
        "vouchers",
        columns=_VOUCHER,
        when="OLD.status <> 'draft'",
        never="NEW.status = 'draft' AND OLD.status NOT IN ('draft', 'approved')",
        deletable_otherwise=True,
    ),
    Guard("snapshots", columns=_SNAPSHOT, never="OLD.status = 'superseded' AND NEW.status <> 'superseded'"),
    Guard("statements"),
    Guard("documents"),
)


def upgrade() -> None:
    op.create_table(
        "books",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("settings", types.Json(), nullable=False),
        sa.PrimaryKeyConstraint("book_id", name="pk_books"),
    )
    op.create_table(
        "audit_events",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_audit_events_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "sequence", name="pk_audit_events"),
    )
    op.create_table(
        "audit_heads",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("root", sa.LargeBinary(), nullable=False),
        sa.Column("frontier", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_audit_heads_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", name="pk_audit_heads"),
    )
    op.create_table(
        "connections",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("name", types.Key(), nullable=False),
        sa.Column("system", sa.Text(), nullable=False),
        sa.Column("options", types.Json(), nullable=False),
        sa.Column("secrets", types.Json(), nullable=False),
        sa.Column("paused", sa.Boolean(), nullable=False),
        sa.Column("paused_reason", sa.Text(), nullable=False),
        sa.Column("circuit_open_until", types.Instant(), nullable=True),
        sa.Column("failures_in_a_row", sa.Integer(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_connections_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "name", name="pk_connections"),
    )
    op.create_table(
        "contract_lines",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("key", types.Key(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_contract_lines_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "kind", "key", name="pk_contract_lines"),
    )
    op.create_table(
        "cursors",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("cursor", sa.Text(), nullable=False),
        sa.Column("saved_at", types.Instant(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_cursors_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "kind", name="pk_cursors"),
    )
    op.create_table(
        "documents",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("name", types.Key(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("saved_at", types.Instant(), nullable=False),
        sa.Column("saved_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_documents_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "kind", "name", "version", name="pk_documents"),
    )
    op.create_table(
        "expectations",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("voucher_id", types.Key(), nullable=False),
        sa.Column("posting_date", sa.Date(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_expectations_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "voucher_id", name="pk_expectations"),
    )
    op.create_table(
        "fills",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("account", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("exchange", types.Key(), nullable=False),
        sa.Column("fill_id", types.Key(), nullable=False),
        sa.Column("direction", types.Key(), nullable=False),
        sa.Column("currency", types.Key(), nullable=False),
        sa.Column("instrument", types.Key(), nullable=False),
        sa.Column("offset", sa.Text(), nullable=False),
        sa.Column("hedge_flag", sa.Text(), nullable=False),
        sa.Column("lots", sa.BigInteger(), nullable=False),
        sa.Column("price", types.ExactDecimal(), nullable=False),
        sa.Column("turnover", types.ExactDecimal(), nullable=False),
        sa.Column("fee", types.ExactDecimal(), nullable=False),
        sa.Column("realised_mtm", types.ExactDecimal(), nullable=False),
        sa.Column("premium", types.ExactDecimal(), nullable=False),
        sa.Column("traded_at", types.Instant(), nullable=True),
        sa.Column("traded_on", sa.Date(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_fills_book_id_books"),
        sa.PrimaryKeyConstraint(
            "book_id", "account", "trading_day", "exchange", "fill_id", "direction", name="pk_fills"
        ),
    )
    op.create_index("ix_fills_day", "fills", ["book_id", "trading_day"])
    op.create_table(
        "inventory_lots",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("key", types.Key(), nullable=False),
        sa.Column("quantity", types.ExactDecimal(), nullable=False),
        sa.Column("first_seen", types.Instant(), nullable=False),
        sa.Column("last_seen", types.Instant(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_inventory_lots_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "kind", "key", name="pk_inventory_lots"),
    )
    op.create_table(
        "masters",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("key", types.Key(), nullable=False),
        sa.Column("master_kind", types.Key(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_masters_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "kind", "key", name="pk_masters"),
    )
    op.create_table(
        "matches",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("match_id", types.Key(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("ended_at", types.Instant(), nullable=True),
        sa.Column("ended_reason", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_matches_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "match_id", name="pk_matches"),
    )
    op.create_table(
        "openings",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("account", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_openings_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "account", name="pk_openings"),
    )
    op.create_table(
        "prices",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("subject", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("price", types.ExactDecimal(), nullable=False),
        sa.Column("currency", sa.Text(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("vat_included", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_prices_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "kind", "subject", "trading_day", name="pk_prices"),
    )
    op.create_index("ix_prices_day", "prices", ["book_id", "kind", "trading_day"])
    op.create_table(
        "raw_records",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("key", types.Key(), nullable=False),
        sa.Column("digest", types.Key(), nullable=False),
        sa.Column("is_current", sa.Boolean(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("received_at", types.Instant(), nullable=False),
        sa.Column("gone_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_raw_records_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "kind", "key", "digest", name="pk_raw_records"),
    )
    op.create_index(
        "uq_raw_records_current",
        "raw_records",
        ["book_id", "connection", "kind", "key"],
        unique=True,
        sqlite_where=sa.text("is_current"),
        postgresql_where=sa.text("is_current"),
    )
    op.create_table(
        "snapshots",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("status", types.Key(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("previous_digest", sa.Text(), nullable=False),
        sa.Column("input_digest", sa.Text(), nullable=False),
        sa.Column("differences", sa.Integer(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_snapshots_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "trading_day", "version", name="pk_snapshots"),
    )
    op.create_index(
        "uq_snapshots_final",
        "snapshots",
        ["book_id", "trading_day"],
        unique=True,
        sqlite_where=sa.text("status = 'final'"),
        postgresql_where=sa.text("status = 'final'"),
    )
    op.create_table(
        "statements",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("account", types.Key(), nullable=False),
        sa.Column("currency", types.Key(), nullable=False),
        sa.Column("trading_day", sa.Date(), nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("source_name", sa.Text(), nullable=False),
        sa.Column("imported_at", types.Instant(), nullable=False),
        sa.Column("imported_by", sa.Text(), nullable=False),
        sa.Column("accepted_reason", sa.Text(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_statements_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "account", "currency", "trading_day", "version", name="pk_statements"),
    )
    op.create_index("ix_statements_day", "statements", ["book_id", "trading_day"])
    op.create_table(
        "vouchers",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("voucher_id", types.Key(), nullable=False),
        sa.Column("revision", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("posting_date", sa.Date(), nullable=False),
        sa.Column("idempotency_key", types.Key(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("payload", types.Json(), nullable=False),
        sa.Column("made_by", sa.Text(), nullable=False),
        sa.Column("status", types.Key(), nullable=False),
        sa.Column("approved_by", sa.Text(), nullable=False),
        sa.Column("approved_hash", sa.Text(), nullable=False),
        sa.Column("receipt", types.Json(), nullable=True),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_vouchers_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "voucher_id", "revision", name="pk_vouchers"),
    )
    op.create_index("uq_vouchers_key", "vouchers", ["book_id", "idempotency_key"], unique=True)
    op.create_table(
        "outbox",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("id", sa.BigInteger(), sa.Identity(always=False), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("subject", types.Key(), nullable=False),
        sa.Column("key", types.Key(), nullable=False),
        sa.Column("content_hash", sa.Text(), nullable=False),
        sa.Column("state", types.Key(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("available_at", types.Instant(), nullable=False),
        sa.Column("lease_token", sa.Text(), nullable=False),
        sa.Column("lease_until", types.Instant(), nullable=True),
        sa.Column("depends_on", sa.BigInteger(), nullable=True),
        sa.Column("waits", sa.Boolean(), nullable=False),
        sa.Column("last_error", sa.Text(), nullable=False),
        sa.Column("found_by_lookup", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(
            ["book_id", "connection"],
            ["connections.book_id", "connections.name"],
            name="fk_outbox_book_id_connection_connections",
        ),
        sa.ForeignKeyConstraint(
            ["book_id", "depends_on"], ["outbox.book_id", "outbox.id"], name="fk_outbox_book_id_depends_on_outbox"
        ),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_outbox_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "id", name="pk_outbox"),
    )
    op.create_index(
        "ix_outbox_due",
        "outbox",
        ["book_id", "connection", "available_at", "id"],
        sqlite_where=sa.text("state IN ('pending', 'unknown') AND NOT waits"),
        postgresql_where=sa.text("state IN ('pending', 'unknown') AND NOT waits"),
    )
    op.create_index(
        "ix_outbox_held",
        "outbox",
        ["book_id", "connection", "lease_until", "id"],
        sqlite_where=sa.text("state IN ('leased', 'started')"),
        postgresql_where=sa.text("state IN ('leased', 'started')"),
    )
    op.create_index("ix_outbox_state", "outbox", ["book_id", "connection", "state"])
    op.create_index(
        "ix_outbox_waiting",
        "outbox",
        ["book_id", "depends_on"],
        sqlite_where=sa.text("waits"),
        postgresql_where=sa.text("waits"),
    )
    op.create_index("uq_outbox_id", "outbox", ["id"], unique=True)
    op.create_index(
        "uq_outbox_voucher",
        "outbox",
        ["book_id", "connection", "key"],
        unique=True,
        sqlite_where=sa.text("kind = 'voucher'"),
        postgresql_where=sa.text("kind = 'voucher'"),
    )
    op.create_table(
        "quarantine",
        sa.Column("book_id", types.Key(), nullable=False),
        sa.Column("connection", types.Key(), nullable=False),
        sa.Column("kind", types.Key(), nullable=False),
        sa.Column("key", types.Key(), nullable=False),
        sa.Column("digest", types.Key(), nullable=False),
        sa.Column("since", types.Instant(), nullable=False),
        sa.Column("spec", sa.Text(), nullable=False),
        sa.Column("rule", sa.Text(), nullable=False),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("reason", types.Json(), nullable=False),
        sa.Column("value", sa.Text(), nullable=False),
        sa.Column("released_at", types.Instant(), nullable=True),
        sa.ForeignKeyConstraint(
            ["book_id", "connection", "kind", "key", "digest"],
            [
                "raw_records.book_id",
                "raw_records.connection",
                "raw_records.kind",
                "raw_records.key",
                "raw_records.digest",
            ],
            name="fk_quarantine_raw_records",
        ),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name="fk_quarantine_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", "connection", "kind", "key", name="pk_quarantine"),
    )
    for statement in install(GUARDS, op.get_bind().dialect.name):
        op.execute(statement)


def downgrade() -> None:
    for statement in remove(GUARDS, op.get_bind().dialect.name):
        op.execute(statement)
    op.drop_table("quarantine")
    op.drop_table("outbox")
    op.drop_table("vouchers")
    op.drop_table("statements")
    op.drop_table("snapshots")
    op.drop_table("raw_records")
    op.drop_table("prices")
    op.drop_table("openings")
    op.drop_table("matches")
    op.drop_table("masters")
    op.drop_table("inventory_lots")
    op.drop_table("fills")
    op.drop_table("expectations")
    op.drop_table("documents")
    op.drop_table("cursors")
    op.drop_table("contract_lines")
    op.drop_table("connections")
    op.drop_table("audit_heads")
    op.drop_table("audit_events")
    op.drop_table("books")
