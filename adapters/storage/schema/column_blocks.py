"""Fills as columns, recalculations of history with their results by day, and requests to reopen a settled day."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Date, ForeignKeyConstraint, Integer, LargeBinary, Table, Text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant, Json, Key

FILL_BLOCKS = Table(
    "fill_blocks",
    METADATA,
    book_column(),
    key("account"),
    key("currency"),
    Column("trading_day", Date, primary_key=True),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("fills", BigInteger),
    must("digest", Text),
    must("body", LargeBinary),
)
"""A new version whenever an account's fills of a day are listed again; made from the rows, and never changed."""

RECALCULATIONS = Table(
    "recalculations",
    METADATA,
    book_column(),
    Column("run", Integer, primary_key=True, autoincrement=False),
    must("from_day", Date),
    must("through_day", Date),
    must("status", Key),
    must("input_digest", Text),
    must("keys", LargeBinary),
    must("summary", Json),
    must("made_at", Instant),
    must("made_by", Text),
    Column("decided_at", Instant),
    must("decided_by", Text),
    must("reason", Text),
)
"""`status` is proposed, accepted or rejected; `keys` says what the columns of the run's days are about."""

RESULT_DAYS = Table(
    "result_days",
    METADATA,
    book_column(),
    Column("run", Integer, primary_key=True, autoincrement=False),
    Column("trading_day", Date, primary_key=True),
    must("digest", Text),
    must("previous_digest", Text),
    must("body", LargeBinary),
    ForeignKeyConstraint(["book_id", "run"], ["recalculations.book_id", "recalculations.run"]),
)

DAY_REOPENINGS = Table(
    "day_reopenings",
    METADATA,
    book_column(),
    Column("trading_day", Date, primary_key=True),
    Column("number", Integer, primary_key=True, autoincrement=False),
    must("status", Key),
    must("reason", Text),
    must("asked_at", Instant),
    must("asked_by", Text),
    Column("decided_at", Instant),
    must("decided_by", Text),
)
"""`status` is asked, approved or refused."""
