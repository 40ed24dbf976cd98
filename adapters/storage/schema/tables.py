"""The tables every installation had first: books, connections, records, broker data, results, the outbox, the audit log."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    Table,
    Text,
    text,
)

from adapters.storage.schema.columns import METADATA, book_column, key, must, record_columns
from adapters.storage.types import ExactDecimal, Instant, Json, Key

BOOKS = Table(
    "books",
    METADATA,
    key("book_id"),
    must("name", Text),
    must("currency", Text),
    must("settings", Json),
)

CONNECTIONS = Table(
    "connections",
    METADATA,
    book_column(),
    key("name"),
    must("system", Text),
    must("options", Json),
    must("secrets", Json),
    must("paused", Boolean),
    must("paused_reason", Text),
    Column("circuit_open_until", Instant),
    must("failures_in_a_row", Integer),
    must("concurrency", Integer, server_default="0"),
    must("per_minute", Integer, server_default="0"),
    must("batch", Integer, server_default="0"),
    must("max_batch", Integer, server_default="1"),
    Column("throttled_until", Instant),
)
"""`concurrency`, `per_minute` and `batch` are the options of these names (0: no limit), where a dispatcher can read them;
`max_batch` is what the adapter's capability card said at the last delivery."""

DOCUMENTS = Table(
    "documents",
    METADATA,
    book_column(),
    key("kind"),
    key("name"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("digest", Text),
    must("body", LargeBinary),
    must("saved_at", Instant),
    must("saved_by", Text),
)

# --- records ----------------------------------------------------------------------------------------------------------

CURSORS = Table(
    "cursors",
    METADATA,
    book_column(),
    key("connection"),
    key("kind"),
    must("cursor", Text),
    must("saved_at", Instant),
)

RAW_RECORDS = Table(
    "raw_records",
    METADATA,
    *record_columns(),
    key("digest"),
    must("is_current", Boolean),
    must("spec", Text),
    must("body", LargeBinary),
    must("received_at", Instant),
    Column("gone_at", Instant),
    Column("page", Key),
    Column("place", Integer),
    Column("length", Integer),
)
"""Every version ever received of a record; one of them is current. Its bytes are `body`, or where `page` names a raw page the
`length` bytes of that page from `place` on."""

CURRENT = text("is_current")
"""Conditions of partial indexes are written once and used in queries too: SQLite takes such an index only for a query that
says the same words."""
Index(
    "uq_raw_records_current",
    *(RAW_RECORDS.c[name] for name in ("book_id", "connection", "kind", "key")),
    unique=True,
    sqlite_where=CURRENT,
    postgresql_where=CURRENT,
)

QUARANTINE = Table(
    "quarantine",
    METADATA,
    *record_columns(),
    must("digest", Key),
    must("since", Instant),
    must("spec", Text),
    must("rule", Text),
    must("target", Text),
    must("reason", Json),
    must("value", Text),
    Column("released_at", Instant),
    ForeignKeyConstraint(
        ["book_id", "connection", "kind", "key", "digest"],
        [f"raw_records.{name}" for name in ("book_id", "connection", "kind", "key", "digest")],
        name="fk_quarantine_raw_records",
    ),
)

# --- physical business ------------------------------------------------------------------------------------------------

CONTRACT_LINES = Table("contract_lines", METADATA, *record_columns(), must("payload", Json))

INVENTORY_LOTS = Table(
    "inventory_lots",
    METADATA,
    *record_columns(),
    must("quantity", ExactDecimal),
    must("first_seen", Instant),
    must("last_seen", Instant),
    must("payload", Json),
)

MASTERS = Table("masters", METADATA, *record_columns(), must("master_kind", Key), must("payload", Json))

# --- broker side ------------------------------------------------------------------------------------------------------

STATEMENTS = Table(
    "statements",
    METADATA,
    book_column(),
    key("account"),
    key("currency"),
    Column("trading_day", Date, primary_key=True),
    key("form"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("digest", Text),
    must("source_name", Text),
    must("imported_at", Instant),
    must("imported_by", Text),
    must("accepted_reason", Text),
    must("payload", Json),
    must("body", LargeBinary),
)
Index("ix_statements_day", STATEMENTS.c.book_id, STATEMENTS.c.trading_day)

FILLS = Table(
    "fills",
    METADATA,
    book_column(),
    key("account"),
    Column("trading_day", Date, primary_key=True),
    key("exchange"),
    key("fill_id"),
    key("direction"),
    must("currency", Key),
    must("instrument", Key),
    must("offset", Text),
    must("hedge_flag", Text),
    must("lots", BigInteger),
    must("price", ExactDecimal),
    must("turnover", ExactDecimal),
    must("fee", ExactDecimal),
    must("realised_mtm", ExactDecimal),
    must("premium", ExactDecimal),
    Column("traded_at", Instant),
    Column("traded_on", Date),
)
"""The fills of the current statement versions."""
Index("ix_fills_day", FILLS.c.book_id, FILLS.c.trading_day)

OPENINGS = Table(
    "openings",
    METADATA,
    book_column(),
    key("account"),
    key("currency"),
    must("trading_day", Date),
    must("payload", Json),
)

PRICES = Table(
    "prices",
    METADATA,
    book_column(),
    key("kind"),
    key("subject"),
    Column("trading_day", Date, primary_key=True),
    must("price", ExactDecimal),
    must("currency", Text),
    must("source", Text),
    must("vat_included", Boolean),
)
Index("ix_prices_day", PRICES.c.book_id, PRICES.c.kind, PRICES.c.trading_day)

# --- results ----------------------------------------------------------------------------------------------------------

MATCHES = Table(
    "matches",
    METADATA,
    book_column(),
    key("match_id"),
    must("payload", Json),
    Column("ended_at", Instant),
    Column("ended_reason", Text),
)

SNAPSHOTS = Table(
    "snapshots",
    METADATA,
    book_column(),
    Column("trading_day", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("status", Key),
    must("digest", Text),
    must("previous_digest", Text),
    must("input_digest", Text),
    must("differences", Integer),
    must("body", LargeBinary),
)
FINAL = text("status = 'final'")
Index(
    "uq_snapshots_final",
    SNAPSHOTS.c.book_id,
    SNAPSHOTS.c.trading_day,
    unique=True,
    sqlite_where=FINAL,
    postgresql_where=FINAL,
)

VOUCHERS = Table(
    "vouchers",
    METADATA,
    book_column(),
    key("voucher_id"),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    must("posting_date", Date),
    must("idempotency_key", Key),
    must("content_hash", Text),
    must("payload", Json),
    must("made_by", Text),
    must("status", Key),
    must("approved_by", Text),
    must("approved_hash", Text),
    Column("receipt", Json),
)
Index("uq_vouchers_key", VOUCHERS.c.book_id, VOUCHERS.c.idempotency_key, unique=True)

EXPECTATIONS = Table(
    "expectations",
    METADATA,
    book_column(),
    key("voucher_id"),
    must("posting_date", Date),
    must("payload", Json),
)

# --- outbox -----------------------------------------------------------------------------------------------------------

OUTBOX = Table(
    "outbox",
    METADATA,
    book_column(),
    Column("id", BigInteger, Identity(), primary_key=True),
    must("connection", Key),
    must("kind", Key),
    must("subject", Key),
    must("key", Key),
    must("content_hash", Text),
    must("state", Key),
    must("attempts", Integer),
    must("available_at", Instant),
    must("lease_token", Text),
    Column("lease_until", Instant),
    Column("depends_on", BigInteger),
    must("waits", Boolean),
    must("last_error", Text),
    must("found_by_lookup", Boolean),
    must("unknowns", Integer, server_default="0"),
    must("lost_leases", Integer, server_default="0"),
    must("batch_limit", Integer, server_default="0"),
    must("queued_by", Text, server_default=""),
    must("decided_by", Text, server_default=""),
    ForeignKeyConstraint(["book_id", "connection"], ["connections.book_id", "connections.name"]),
    ForeignKeyConstraint(["book_id", "depends_on"], ["outbox.book_id", "outbox.id"]),
)
"""`waits` is true until the row it depends on is done: a dispatcher's index leaves such rows out, however many there are."""

WAITING = text("waits")
VOUCHERS_ONLY = text("kind = 'voucher'")
"""A voucher is written once, so its key stands here once. What is rewritten as a whole (hedge notes) comes again and again."""
DUE = text("state IN ('pending', 'unknown') AND NOT waits")
HELD = text("state IN ('leased', 'started')")

Index("uq_outbox_id", OUTBOX.c.id, unique=True)
Index(
    "uq_outbox_voucher",
    *(OUTBOX.c[n] for n in ("book_id", "connection", "key")),
    unique=True,
    sqlite_where=VOUCHERS_ONLY,
    postgresql_where=VOUCHERS_ONLY,
)
Index("ix_outbox_state", *(OUTBOX.c[n] for n in ("book_id", "connection", "state")))
Index(
    "ix_outbox_due",
    *(OUTBOX.c[n] for n in ("book_id", "connection", "available_at", "id")),
    sqlite_where=DUE,
    postgresql_where=DUE,
)
Index(
    "ix_outbox_held",
    *(OUTBOX.c[n] for n in ("book_id", "connection", "lease_until", "id")),
    sqlite_where=HELD,
    postgresql_where=HELD,
)
Index(
    "ix_outbox_waiting",
    OUTBOX.c.book_id,
    OUTBOX.c.depends_on,
    sqlite_where=WAITING,
    postgresql_where=WAITING,
)

# --- audit ------------------------------------------------------------------------------------------------------------

AUDIT_EVENTS = Table(
    "audit_events",
    METADATA,
    book_column(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    must("body", LargeBinary),
    must("leaf_hash", LargeBinary),
)

AUDIT_HEADS = Table(
    "audit_heads",
    METADATA,
    book_column(),
    must("size", BigInteger),
    must("root", LargeBinary),
    must("frontier", LargeBinary),
)
