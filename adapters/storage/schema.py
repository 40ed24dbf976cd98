"""The tables, the same on SQLite and PostgreSQL. `book_id` stands on every row and begins every primary key.

A change here needs a migration under `migrations/versions`; a test compares both with real databases. What the database
itself refuses to change is not here but in `migrations/write_once.py`, because a trigger is not part of a table's metadata.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    Text,
    text,
)

from adapters.storage.types import ExactDecimal, Instant, Json, Key

METADATA = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _book() -> Column[str]:
    return Column("book_id", Key, ForeignKey("books.book_id"), primary_key=True)


def _key(name: str) -> Column[str]:
    return Column(name, Key, primary_key=True)


def _must(name: str, kind: Any, **options: Any) -> Column[Any]:
    return Column(name, kind, nullable=False, **options)


def _record() -> tuple[Column[str], Column[str], Column[str], Column[str]]:
    """Book and external reference: the key of whatever came from another system."""
    return _book(), _key("connection"), _key("kind"), _key("key")


BOOKS = Table(
    "books",
    METADATA,
    _key("book_id"),
    _must("name", Text),
    _must("currency", Text),
    _must("settings", Json),
)

CONNECTIONS = Table(
    "connections",
    METADATA,
    _book(),
    _key("name"),
    _must("system", Text),
    _must("options", Json),
    _must("secrets", Json),
    _must("paused", Boolean),
    _must("paused_reason", Text),
    Column("circuit_open_until", Instant),
    _must("failures_in_a_row", Integer),
)

DOCUMENTS = Table(
    "documents",
    METADATA,
    _book(),
    _key("kind"),
    _key("name"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _must("digest", Text),
    _must("body", LargeBinary),
    _must("saved_at", Instant),
    _must("saved_by", Text),
)

# --- records ----------------------------------------------------------------------------------------------------------

CURSORS = Table(
    "cursors",
    METADATA,
    _book(),
    _key("connection"),
    _key("kind"),
    _must("cursor", Text),
    _must("saved_at", Instant),
)

RAW_RECORDS = Table(
    "raw_records",
    METADATA,
    *_record(),
    _key("digest"),
    _must("is_current", Boolean),
    _must("spec", Text),
    _must("body", LargeBinary),
    _must("received_at", Instant),
    Column("gone_at", Instant),
)
"""Every version ever received of a record; one of them is current."""

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
    *_record(),
    _must("digest", Key),
    _must("since", Instant),
    _must("spec", Text),
    _must("rule", Text),
    _must("target", Text),
    _must("reason", Json),
    _must("value", Text),
    Column("released_at", Instant),
    ForeignKeyConstraint(
        ["book_id", "connection", "kind", "key", "digest"],
        [f"raw_records.{name}" for name in ("book_id", "connection", "kind", "key", "digest")],
        name="fk_quarantine_raw_records",
    ),
)

# --- physical business ------------------------------------------------------------------------------------------------

CONTRACT_LINES = Table("contract_lines", METADATA, *_record(), _must("payload", Json))

INVENTORY_LOTS = Table(
    "inventory_lots",
    METADATA,
    *_record(),
    _must("quantity", ExactDecimal),
    _must("first_seen", Instant),
    _must("last_seen", Instant),
    _must("payload", Json),
)

MASTERS = Table("masters", METADATA, *_record(), _must("master_kind", Key), _must("payload", Json))

# --- broker side ------------------------------------------------------------------------------------------------------

STATEMENTS = Table(
    "statements",
    METADATA,
    _book(),
    _key("account"),
    _key("currency"),
    Column("trading_day", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _must("digest", Text),
    _must("source_name", Text),
    _must("imported_at", Instant),
    _must("imported_by", Text),
    _must("accepted_reason", Text),
    _must("payload", Json),
    _must("body", LargeBinary),
)
Index("ix_statements_day", STATEMENTS.c.book_id, STATEMENTS.c.trading_day)

FILLS = Table(
    "fills",
    METADATA,
    _book(),
    _key("account"),
    Column("trading_day", Date, primary_key=True),
    _key("exchange"),
    _key("fill_id"),
    _key("direction"),
    _must("currency", Key),
    _must("instrument", Key),
    _must("offset", Text),
    _must("hedge_flag", Text),
    _must("lots", BigInteger),
    _must("price", ExactDecimal),
    _must("turnover", ExactDecimal),
    _must("fee", ExactDecimal),
    _must("realised_mtm", ExactDecimal),
    _must("premium", ExactDecimal),
    Column("traded_at", Instant),
    Column("traded_on", Date),
)
"""The fills of the current statement versions."""
Index("ix_fills_day", FILLS.c.book_id, FILLS.c.trading_day)

OPENINGS = Table(
    "openings",
    METADATA,
    _book(),
    _key("account"),
    _must("trading_day", Date),
    _must("payload", Json),
)

PRICES = Table(
    "prices",
    METADATA,
    _book(),
    _key("kind"),
    _key("subject"),
    Column("trading_day", Date, primary_key=True),
    _must("price", ExactDecimal),
    _must("currency", Text),
    _must("source", Text),
    _must("vat_included", Boolean),
)
Index("ix_prices_day", PRICES.c.book_id, PRICES.c.kind, PRICES.c.trading_day)

# --- results ----------------------------------------------------------------------------------------------------------

MATCHES = Table(
    "matches",
    METADATA,
    _book(),
    _key("match_id"),
    _must("payload", Json),
    Column("ended_at", Instant),
    Column("ended_reason", Text),
)

SNAPSHOTS = Table(
    "snapshots",
    METADATA,
    _book(),
    Column("trading_day", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    _must("status", Key),
    _must("digest", Text),
    _must("previous_digest", Text),
    _must("input_digest", Text),
    _must("differences", Integer),
    _must("body", LargeBinary),
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
    _book(),
    _key("voucher_id"),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    _must("posting_date", Date),
    _must("idempotency_key", Key),
    _must("content_hash", Text),
    _must("payload", Json),
    _must("made_by", Text),
    _must("status", Key),
    _must("approved_by", Text),
    _must("approved_hash", Text),
    Column("receipt", Json),
)
Index("uq_vouchers_key", VOUCHERS.c.book_id, VOUCHERS.c.idempotency_key, unique=True)

EXPECTATIONS = Table(
    "expectations",
    METADATA,
    _book(),
    _key("voucher_id"),
    _must("posting_date", Date),
    _must("payload", Json),
)

# --- outbox -----------------------------------------------------------------------------------------------------------

OUTBOX = Table(
    "outbox",
    METADATA,
    _book(),
    Column("id", BigInteger, Identity(), primary_key=True),
    _must("connection", Key),
    _must("kind", Key),
    _must("subject", Key),
    _must("key", Key),
    _must("content_hash", Text),
    _must("state", Key),
    _must("attempts", Integer),
    _must("available_at", Instant),
    _must("lease_token", Text),
    Column("lease_until", Instant),
    Column("depends_on", BigInteger),
    _must("waits", Boolean),
    _must("last_error", Text),
    _must("found_by_lookup", Boolean),
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
    _book(),
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    _must("body", LargeBinary),
    _must("leaf_hash", LargeBinary),
)

AUDIT_HEADS = Table(
    "audit_heads",
    METADATA,
    _book(),
    _must("size", BigInteger),
    _must("root", LargeBinary),
    _must("frontier", LargeBinary),
)
