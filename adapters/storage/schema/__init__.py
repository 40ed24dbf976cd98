"""The tables, the same on SQLite and PostgreSQL. `book_id` stands on every row and begins every primary key.

A change here needs a migration under `migrations/versions`; a test compares both with real databases. What the database
itself refuses to change is not here but in `migrations/write_once.py`, because a trigger is not part of a table's metadata.
One module per subject; each new one is imported here, so that `METADATA` knows all tables.
"""

from adapters.storage.schema.accounting import (
    ACCOUNTING_PERIODS,
    DESIGNATION_APPROVALS,
    DESIGNATION_RECORDS,
    VOUCHER_APPROVALS,
    VOUCHER_REVERSALS,
)
from adapters.storage.schema.broker_queries import BROKER_ANSWERS, BROKER_FILLS, HEDGE_ORDERS
from adapters.storage.schema.column_blocks import DAY_REOPENINGS, FILL_BLOCKS, RECALCULATIONS, RESULT_DAYS
from adapters.storage.schema.columns import METADATA
from adapters.storage.schema.commodity import COMMODITY_EVENTS, COMMODITY_TERMS
from adapters.storage.schema.jobs import JOB_ALONE, JOB_DUE, JOB_HELD, JOBS, PLANNED, SCHEDULES
from adapters.storage.schema.known_pages import KNOWN_PAGES
from adapters.storage.schema.limits import LIMIT_ALERTS, LIMIT_RULES, ORDER_PROPOSALS, ORDER_SWITCHES
from adapters.storage.schema.pages import RAW_PAGES
from adapters.storage.schema.reconciliation import (
    BANK_TRANSFERS,
    DELIVERIES,
    PLEDGED_RECEIPTS,
    RECONCILIATION_ROWS,
    RECONCILIATION_RUNS,
)
from adapters.storage.schema.record_stays import RECORD_STAYS
from adapters.storage.schema.tables import (
    AUDIT_EVENTS,
    AUDIT_HEADS,
    BOOKS,
    CONNECTIONS,
    CONTRACT_LINES,
    CURRENT,
    CURSORS,
    DOCUMENTS,
    DUE,
    EXPECTATIONS,
    FILLS,
    FINAL,
    HELD,
    INVENTORY_LOTS,
    MASTERS,
    MATCHES,
    OPENINGS,
    OUTBOX,
    PRICES,
    QUARANTINE,
    RAW_RECORDS,
    SNAPSHOTS,
    STATEMENTS,
    VOUCHERS,
    VOUCHERS_ONLY,
    WAITING,
)

__all__ = [
    "ACCOUNTING_PERIODS",
    "AUDIT_EVENTS",
    "AUDIT_HEADS",
    "BANK_TRANSFERS",
    "BOOKS",
    "BROKER_ANSWERS",
    "BROKER_FILLS",
    "COMMODITY_EVENTS",
    "COMMODITY_TERMS",
    "CONNECTIONS",
    "CONTRACT_LINES",
    "CURRENT",
    "CURSORS",
    "DAY_REOPENINGS",
    "DELIVERIES",
    "DESIGNATION_APPROVALS",
    "DESIGNATION_RECORDS",
    "DOCUMENTS",
    "DUE",
    "EXPECTATIONS",
    "FILLS",
    "FILL_BLOCKS",
    "FINAL",
    "HEDGE_ORDERS",
    "HELD",
    "INVENTORY_LOTS",
    "JOBS",
    "JOB_ALONE",
    "JOB_DUE",
    "JOB_HELD",
    "KNOWN_PAGES",
    "LIMIT_ALERTS",
    "LIMIT_RULES",
    "MASTERS",
    "MATCHES",
    "METADATA",
    "OPENINGS",
    "ORDER_PROPOSALS",
    "ORDER_SWITCHES",
    "OUTBOX",
    "PLANNED",
    "PLEDGED_RECEIPTS",
    "PRICES",
    "QUARANTINE",
    "RAW_PAGES",
    "RAW_RECORDS",
    "RECALCULATIONS",
    "RECONCILIATION_ROWS",
    "RECONCILIATION_RUNS",
    "RECORD_STAYS",
    "RESULT_DAYS",
    "SCHEDULES",
    "SNAPSHOTS",
    "STATEMENTS",
    "VOUCHERS",
    "VOUCHERS_ONLY",
    "VOUCHER_APPROVALS",
    "VOUCHER_REVERSALS",
    "WAITING",
]
