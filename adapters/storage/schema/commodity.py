"""Tables of the commodity business: effective-dated terms in versions, and events that may be ended but never changed."""

from __future__ import annotations

from sqlalchemy import Column, Date, Index, Integer, Table, Text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant, Json, Key

COMMODITY_TERMS = Table(
    "commodity_terms",
    METADATA,
    book_column(),
    key("kind"),
    key("subject"),
    Column("effective_from", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("payload", Json),
    must("reason", Text),
    must("saved_at", Instant),
    must("saved_by", Text),
)

COMMODITY_EVENTS = Table(
    "commodity_events",
    METADATA,
    book_column(),
    key("kind"),
    key("event_id"),
    must("subject", Key),
    must("on_day", Date),
    must("payload", Json),
    must("recorded_at", Instant),
    must("recorded_by", Text),
    Column("ended_at", Instant),
    must("ended_by", Text),
    must("ended_reason", Text),
)
Index("ix_commodity_events_subject", *(COMMODITY_EVENTS.c[n] for n in ("book_id", "kind", "subject")))
