"""Limits in versions, the alerts they raised, orders on their way, and the switch that stops them."""

from __future__ import annotations

from typing import Final

from sqlalchemy import Column, Date, Index, Integer, Table, Text, text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant, Json, Key

LIMIT_RULES = Table(
    "limit_rules",
    METADATA,
    book_column(),
    key("rule_id"),
    Column("effective_from", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("payload", Json),
    must("saved_at", Instant),
    must("saved_by", Text),
)

NOT_CLEARED: Final = text("cleared_at IS NULL")

LIMIT_ALERTS = Table(
    "limit_alerts",
    METADATA,
    book_column(),
    key("alert_id"),
    must("rule_id", Key),
    must("subject", Key),
    must("moment", Key),
    must("kind", Key),
    must("payload", Json),
    must("first_seen", Instant),
    must("last_seen", Instant),
    must("owner", Text),
    Column("acknowledged_at", Instant),
    must("acknowledged_by", Text),
    must("note", Text),
    Column("cleared_at", Instant),
)
Index(
    "uq_limit_alerts_open",
    *(LIMIT_ALERTS.c[name] for name in ("book_id", "rule_id", "subject")),
    unique=True,
    sqlite_where=NOT_CLEARED,
    postgresql_where=NOT_CLEARED,
)
"""One alert at a time for what is broken, whoever finds it first."""

ORDER_PROPOSALS = Table(
    "order_proposals",
    METADATA,
    book_column(),
    key("proposal_id"),
    must("stage", Key),
    must("payload", Json),
    must("digest", Key),
    must("proposed_at", Instant),
    must("proposed_by", Key),
    Column("approved_at", Instant),
    must("approved_by", Key),
    must("approved_digest", Key),
    Column("order_key", Key),
    must("ended_by", Key),
    must("note", Text),
)
Index("uq_order_proposals_key", ORDER_PROPOSALS.c.book_id, ORDER_PROPOSALS.c.order_key, unique=True)
Index("ix_order_proposals_stage", *(ORDER_PROPOSALS.c[name] for name in ("book_id", "stage", "proposed_at")))

ORDER_SWITCHES = Table(
    "order_switches",
    METADATA,
    book_column(),
    Column("book_since", Instant),
    must("book_by", Text),
    must("book_reason", Text),
    Column("all_since", Instant),
    must("all_by", Text),
    must("all_reason", Text),
)
