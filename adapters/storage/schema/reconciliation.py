"""Tables of the daily comparison: differences with their state, what the bank shows, deliveries under way, pledged receipts."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Table, Text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import ExactDecimal, Instant, Json, Key

RECONCILIATION_ROWS = Table(
    "reconciliation_rows",
    METADATA,
    book_column(),
    Column("trading_day", Date, primary_key=True),
    key("row_id"),
    must("account", Key),
    must("state", Key),
    must("owner", Text),
    must("payload", Json),
)
"""One difference of one day; `row_id` is the same from day to day while it is the same difference."""
Index("ix_reconciliation_rows_state", RECONCILIATION_ROWS.c.book_id, RECONCILIATION_ROWS.c.state)

RECONCILIATION_RUNS = Table(
    "reconciliation_runs",
    METADATA,
    book_column(),
    Column("trading_day", Date, primary_key=True),
    must("ran_at", Instant),
    must("ran_by", Text),
    must("sources", Text),
)
"""The latest comparison of a day, and which sources took part in it."""

BANK_TRANSFERS = Table(
    "bank_transfers",
    METADATA,
    book_column(),
    key("transfer_id"),
    must("account", Key),
    must("currency", Key),
    must("moved_on", Date),
    must("amount", ExactDecimal),
    must("note", Text),
    must("source_name", Text),
)
"""Transfers to (+) and from (−) a broker account as the bank shows them, on the bank's calendar day."""

DELIVERIES = Table(
    "deliveries", METADATA, book_column(), key("delivery_id"), must("account", Key), must("payload", Json)
)
"""Exchange deliveries with the steps taken so far."""

PLEDGED_RECEIPTS = Table(
    "pledged_receipts",
    METADATA,
    book_column(),
    key("receipt_no"),
    must("account", Key),
    must("payload", Json),
)
"""Warehouse receipts pledged with a broker in place of money."""
