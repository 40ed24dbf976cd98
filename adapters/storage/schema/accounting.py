"""Tables of vouchers' life and of hedge documentation: approvals, reversals, accounting periods, designation records.

All are written once: what happened later is a further row."""

from __future__ import annotations

from sqlalchemy import Boolean, Column, Date, Integer, Table, Text

from adapters.storage.schema.columns import METADATA, book_column, key, must
from adapters.storage.types import Instant

VOUCHER_APPROVALS = Table(
    "voucher_approvals",
    METADATA,
    book_column(),
    key("voucher_id"),
    Column("revision", Integer, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    must("given", Boolean),
    must("actor", Text),
    must("content_hash", Text),
    must("reason", Text),
    must("at", Instant),
)
"""`given` false: the voucher was sent back, and earlier approvals count no more."""

VOUCHER_REVERSALS = Table(
    "voucher_reversals",
    METADATA,
    book_column(),
    key("voucher_id"),
    must("red_id", Text),
    must("blue_id", Text),
    must("reason", Text),
    must("made_by", Text),
    must("at", Instant),
)

ACCOUNTING_PERIODS = Table(
    "accounting_periods",
    METADATA,
    book_column(),
    key("period"),
    Column("number", Integer, primary_key=True, autoincrement=False),
    must("closed", Boolean),
    must("reason", Text),
    must("actor", Text),
    must("approved_by", Text),
    must("at", Instant),
)

DESIGNATION_RECORDS = Table(
    "designation_records",
    METADATA,
    book_column(),
    key("relationship_id"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("digest", Text),
    must("designated_on", Date),
    must("actor", Text),
    must("at", Instant),
)

DESIGNATION_APPROVALS = Table(
    "designation_approvals",
    METADATA,
    book_column(),
    key("relationship_id"),
    Column("version", Integer, primary_key=True, autoincrement=False),
    must("digest", Text),
    must("actor", Text),
    must("at", Instant),
)
