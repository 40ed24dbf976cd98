"""What brokers answer while the day runs: fills by road, the latest funds and positions of a day, and hedge orders."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Table

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant, Json, Key

BROKER_FILLS = Table(
    "broker_fills",
    METADATA,
    book_column(),
    key("account"),
    Column("trading_day", Date, primary_key=True),
    key("exchange"),
    key("fill_id"),
    key("direction"),
    must("connection", Key),
    must("unknown", Json),
    must("payload", Json),
    Column("pushed_at", Instant),
    Column("queried_at", Instant),
)
"""One row per fill, however often and on whatever road it comes: the primary key is its identity."""
Index("ix_broker_fills_day", BROKER_FILLS.c.book_id, BROKER_FILLS.c.trading_day)

BROKER_ANSWERS = Table(
    "broker_answers",
    METADATA,
    book_column(),
    key("account"),
    key("kind"),
    key("currency"),
    Column("trading_day", Date, primary_key=True),
    must("connection", Key),
    must("asked_at", Instant),
    must("payload", Json),
)
"""The latest answer of a trading day: `kind` is funds or positions (whose currency is empty)."""

HEDGE_ORDERS = Table(
    "hedge_orders",
    METADATA,
    book_column(),
    key("key"),
    must("connection", Key),
    must("account", Key),
    must("payload", Json),
    must("stored_at", Instant),
    must("stored_by", Key),
    Column("sent_at", Instant),
    Column("receipt", Json),
    Column("answered_at", Instant),
)
"""Orders by their key, which begins with the trading day; stored before they are sent."""
