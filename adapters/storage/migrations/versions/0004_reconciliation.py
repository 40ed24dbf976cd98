"""Differences with owner, age and state, and who overruled them.

A statement's form (`mtm`, `trade`, `mtm_month`, `trade_month`) becomes part of its key, so that the month that ends on a day
stands beside that day's own statement, and an opening state's currency part of its. Going back keeps one form of a day.
"""

# ruff: noqa: S608 - the statements are put together from names that stand in this file
from __future__ import annotations

from typing import Any, Final

import sqlalchemy as sa
from alembic import op

from adapters.storage import types
from adapters.storage.migrations.write_once import Guard, install

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

_BOOK: Final = "book_id"
_STATEMENT: Final = (
    "book_id", "account", "currency", "trading_day", "version", "digest", "source_name", "imported_at", "imported_by",
    "accepted_reason", "payload", "body",
)  # fmt: skip
_OPENING: Final = ("book_id", "account", "trading_day", "payload")
_KEPT: Final = (Guard("statements"),)
_FORMS: Final = "CASE form WHEN 'mtm' THEN 0 WHEN 'trade' THEN 1 WHEN 'mtm_month' THEN 2 ELSE 3 END"
"""Which form of a day goes first; going back keeps the first that is there."""


def upgrade() -> None:
    for table in ("reconciliation_rows", "reconciliation_runs", "bank_transfers", "deliveries", "pledged_receipts"):
        _create(table)
    op.create_index("ix_reconciliation_rows_state", "reconciliation_rows", ["book_id", "state"])
    if op.get_bind().dialect.name == "postgresql":
        _with_form_on_postgresql()
    else:
        _with_form_on_sqlite()


def downgrade() -> None:
    if op.get_bind().dialect.name == "postgresql":
        _without_form_on_postgresql()
    else:
        _without_form_on_sqlite()
    op.drop_index("ix_reconciliation_rows_state", "reconciliation_rows")
    for table in ("pledged_receipts", "deliveries", "bank_transfers", "reconciliation_runs", "reconciliation_rows"):
        op.drop_table(table)


def _create(table: str) -> None:
    columns: dict[str, tuple[sa.Column[object], ...]] = {
        "reconciliation_rows": (
            sa.Column("trading_day", sa.Date(), nullable=False),
            sa.Column("row_id", types.Key(), nullable=False),
            sa.Column("account", types.Key(), nullable=False),
            sa.Column("state", types.Key(), nullable=False),
            sa.Column("owner", sa.Text(), nullable=False),
            sa.Column("payload", types.Json(), nullable=False),
        ),
        "reconciliation_runs": (
            sa.Column("trading_day", sa.Date(), nullable=False),
            sa.Column("ran_at", types.Instant(), nullable=False),
            sa.Column("ran_by", sa.Text(), nullable=False),
            sa.Column("sources", sa.Text(), nullable=False),
        ),
        "bank_transfers": (
            sa.Column("transfer_id", types.Key(), nullable=False),
            sa.Column("account", types.Key(), nullable=False),
            sa.Column("currency", types.Key(), nullable=False),
            sa.Column("moved_on", sa.Date(), nullable=False),
            sa.Column("amount", types.ExactDecimal(), nullable=False),
            sa.Column("note", sa.Text(), nullable=False),
            sa.Column("source_name", sa.Text(), nullable=False),
        ),
        "deliveries": (
            sa.Column("delivery_id", types.Key(), nullable=False),
            sa.Column("account", types.Key(), nullable=False),
            sa.Column("payload", types.Json(), nullable=False),
        ),
        "pledged_receipts": (
            sa.Column("receipt_no", types.Key(), nullable=False),
            sa.Column("account", types.Key(), nullable=False),
            sa.Column("payload", types.Json(), nullable=False),
        ),
    }
    keys = {
        "reconciliation_rows": ("trading_day", "row_id"),
        "reconciliation_runs": ("trading_day",),
        "bank_transfers": ("transfer_id",),
        "deliveries": ("delivery_id",),
        "pledged_receipts": ("receipt_no",),
    }
    op.create_table(
        table,
        sa.Column(_BOOK, types.Key(), nullable=False),
        *columns[table],
        sa.ForeignKeyConstraint([_BOOK], ["books.book_id"], name=f"fk_{table}_book_id_books"),
        sa.PrimaryKeyConstraint(_BOOK, *keys[table], name=f"pk_{table}"),
    )


# --- PostgreSQL: the tables are altered -------------------------------------------------------------------------------

_FORM_THERE: Final = (
    "(payload::json ->> 'view') || CASE WHEN payload::json ->> 'first_day' < payload::json ->> 'trading_day' "
    "THEN '_month' ELSE '' END"
)
_CURRENCY_THERE: Final = "payload::json #>> '{statement,funds,currency}'"


def _with_form_on_postgresql() -> None:
    for line in (
        'ALTER TABLE statements ADD COLUMN form varchar COLLATE "C"',
        "ALTER TABLE statements DISABLE TRIGGER USER",
        f"UPDATE statements SET form = {_FORM_THERE}",
        "ALTER TABLE statements ENABLE TRIGGER USER",
        "ALTER TABLE statements ALTER COLUMN form SET NOT NULL",
        "ALTER TABLE statements DROP CONSTRAINT pk_statements",
        "ALTER TABLE statements ADD CONSTRAINT pk_statements "
        "PRIMARY KEY (book_id, account, currency, trading_day, form, version)",
        'ALTER TABLE openings ADD COLUMN currency varchar COLLATE "C"',
        f"UPDATE openings SET currency = {_CURRENCY_THERE}",
        "ALTER TABLE openings ALTER COLUMN currency SET NOT NULL",
        "ALTER TABLE openings DROP CONSTRAINT pk_openings",
        "ALTER TABLE openings ADD CONSTRAINT pk_openings PRIMARY KEY (book_id, account, currency)",
    ):
        op.execute(line)


def _without_form_on_postgresql() -> None:
    first = (
        "DELETE FROM statements s USING statements other WHERE (s.book_id, s.account, s.currency, s.trading_day) = "
        "(other.book_id, other.account, other.currency, other.trading_day) AND "
        f"{_FORMS.replace('form', 'other.form')} < {_FORMS.replace('form', 's.form')}"
    )
    for line in (
        "ALTER TABLE statements DISABLE TRIGGER USER",
        first,
        "ALTER TABLE statements ENABLE TRIGGER USER",
        "ALTER TABLE statements DROP CONSTRAINT pk_statements",
        "ALTER TABLE statements DROP COLUMN form",
        "ALTER TABLE statements ADD CONSTRAINT pk_statements "
        "PRIMARY KEY (book_id, account, currency, trading_day, version)",
        "DELETE FROM openings o USING openings other WHERE (o.book_id, o.account) = (other.book_id, other.account) "
        "AND other.currency < o.currency",
        "ALTER TABLE openings DROP CONSTRAINT pk_openings",
        "ALTER TABLE openings DROP COLUMN currency",
        "ALTER TABLE openings ADD CONSTRAINT pk_openings PRIMARY KEY (book_id, account)",
    ):
        op.execute(line)


# --- SQLite: a table's key cannot be altered, so the table is made again ----------------------------------------------


def _with_form_on_sqlite() -> None:
    form = (
        "json_extract(payload, '$.view') || CASE WHEN json_extract(payload, '$.first_day') < "
        "json_extract(payload, '$.trading_day') THEN '_month' ELSE '' END"
    )
    _remake("statements", _STATEMENT, "form", form, ("account", "currency", "trading_day", "form", "version"))
    currency = "json_extract(payload, '$.statement.funds.currency')"
    _remake("openings", _OPENING, "currency", currency, ("account", "currency"))


def _without_form_on_sqlite() -> None:
    best = (
        f"{_FORMS} = (SELECT min({_FORMS.replace('form', 'o.form')}) FROM statements o WHERE "
        "(o.book_id, o.account, o.currency, o.trading_day) = "
        "(statements.book_id, statements.account, statements.currency, statements.trading_day))"
    )
    _remake("statements", _STATEMENT, "", "", ("account", "currency", "trading_day", "version"), best)
    least = (
        "currency = (SELECT min(o.currency) FROM openings o WHERE (o.book_id, o.account) = "
        "(openings.book_id, openings.account))"
    )
    _remake("openings", _OPENING, "", "", ("account",), least)


def _remake(table: str, kept: tuple[str, ...], added: str, value: str, key: tuple[str, ...], where: str = "") -> None:
    """The table with another key, its rows (those of `where`), its index and its triggers."""
    definitions: dict[str, sa.Column[Any]] = {
        "book_id": sa.Column("book_id", types.Key(), nullable=False),
        "account": sa.Column("account", types.Key(), nullable=False),
        "currency": sa.Column("currency", types.Key(), nullable=False),
        "trading_day": sa.Column("trading_day", sa.Date(), nullable=False),
        "form": sa.Column("form", types.Key(), nullable=False),
        "version": sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        "digest": sa.Column("digest", sa.Text(), nullable=False),
        "source_name": sa.Column("source_name", sa.Text(), nullable=False),
        "imported_at": sa.Column("imported_at", types.Instant(), nullable=False),
        "imported_by": sa.Column("imported_by", sa.Text(), nullable=False),
        "accepted_reason": sa.Column("accepted_reason", sa.Text(), nullable=False),
        "payload": sa.Column("payload", types.Json(), nullable=False),
        "body": sa.Column("body", sa.LargeBinary(), nullable=False),
    }
    names = (*kept, added) if added else kept
    op.create_table(
        f"{table}_again",
        *(definitions[name] for name in names),
        sa.ForeignKeyConstraint(["book_id"], ["books.book_id"], name=f"fk_{table}_book_id_books"),
        sa.PrimaryKeyConstraint("book_id", *key, name=f"pk_{table}"),
    )
    listed = ", ".join(kept)
    target, source = (f"{listed}, {added}", f"{listed}, {value}") if added else (listed, listed)
    op.execute(
        f"INSERT INTO {table}_again ({target}) SELECT {source} FROM {table}" + (f" WHERE {where}" if where else "")
    )
    op.drop_table(table)
    op.rename_table(f"{table}_again", table)
    if table == "statements":
        op.create_index("ix_statements_day", "statements", ["book_id", "trading_day"])
        for statement in install(_KEPT, "sqlite"):
            op.execute(statement)
