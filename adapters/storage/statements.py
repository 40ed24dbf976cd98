"""Broker statements in all their versions, the file as received beside each, and the fills of the current ones."""

from __future__ import annotations

import zlib
from dataclasses import fields
from datetime import date
from typing import Any, Final

from sqlalchemy import Select, case, func, select

from adapters.storage.codec import decode, encode
from adapters.storage.column_blocks import ColumnBlocks
from adapters.storage.schema import FILLS, STATEMENTS
from adapters.storage.scope import Scope
from hedge_core.model.futures import AccountStatement, Direction, Fill, HedgeFlag, Offset
from hedge_core.ports.storage import StoredStatement

_FORMS: Final = ("mtm", "trade", "mtm_month", "trade_month")
"""In the order in which they answer for a day when no form is asked for."""
_DAILY: Final = _FORMS[:2]
_RANK: Final = case({form: place for place, form in enumerate(_FORMS)}, value=STATEMENTS.c.form, else_=len(_FORMS))


class Statements:
    """`hedge_core.ports.storage.StatementStore` of one book. Where an account has statements in several currencies and none
    is asked for, the first by code answers."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(self, stored: StoredStatement, body: bytes) -> None:
        """A new version; its fills replace those of the version before. The database refuses a version that exists.

        A monthly statement repeats the fills of daily ones: it is kept, and its fills are not listed again; nor are those
        of the trade-by-trade view beside the mark-to-market one. ValueError for a daily statement with a fill of another
        account, day or currency."""
        statement = stored.statement
        currency = statement.funds.currency
        day = statement.trading_day
        lists = not statement.monthly and (
            statement.form == "mtm" or self.current(statement.account, day, currency, "mtm") is None
        )
        self._scope.insert(
            STATEMENTS,
            [
                {
                    "account": statement.account,
                    "currency": currency,
                    "trading_day": statement.trading_day,
                    "form": statement.form,
                    "version": stored.version,
                    "digest": stored.digest,
                    "source_name": stored.source_name,
                    "imported_at": stored.imported_at,
                    "imported_by": stored.imported_by,
                    "accepted_reason": stored.accepted_reason,
                    "payload": encode(statement),
                    "body": zlib.compress(body),
                }
            ],
        )
        if not lists:
            return
        self._scope.run(
            self._scope.delete(FILLS).where(
                FILLS.c.account == statement.account,
                FILLS.c.trading_day == statement.trading_day,
                FILLS.c.currency == currency,
            )
        )
        self._scope.insert(FILLS, (_fill_row(fill, statement, currency) for fill in statement.fills))
        ColumnBlocks(self._scope).list_fills(statement.account, currency, day, statement.fills)

    def current(
        self, account: str, trading_day: date, currency: str | None = None, form: str | None = None
    ) -> StoredStatement | None:
        return self._first(self._newest(account, currency, form).where(STATEMENTS.c.trading_day == trading_day))

    def previous(
        self, account: str, before: date, currency: str | None = None, view: str = "mtm"
    ) -> StoredStatement | None:
        """The current version of the latest day earlier than `before`, in `view` if that day has it."""
        table = STATEMENTS
        query = self._scope.select(table).where(table.c.account == account, table.c.trading_day < before)
        if currency is not None:
            query = query.where(table.c.currency == currency)
        other_view = case((table.c.form.in_((view, f"{view}_month")), 0), else_=1)
        order = (table.c.trading_day.desc(), table.c.currency, other_view, _RANK, table.c.version.desc())
        return self._first(query.order_by(*order))

    def versions(
        self, account: str, trading_day: date, currency: str | None = None, form: str | None = None
    ) -> list[StoredStatement]:
        """All of them, the oldest first; without a form, those of the form that answers for the day."""
        query = self._newest(account, currency, form).where(STATEMENTS.c.trading_day == trading_day)
        rows = self._scope.rows(query)
        return [_stored(row) for row in reversed(rows) if row.form == rows[0].form or form is not None]

    def body(
        self, account: str, trading_day: date, version: int, currency: str | None = None, form: str | None = None
    ) -> bytes | None:
        """The file as it was received."""
        query = self._newest(account, currency, form).where(
            STATEMENTS.c.trading_day == trading_day, STATEMENTS.c.version == version
        )
        found = self._scope.first(query.with_only_columns(STATEMENTS.c.body))
        return None if found is None else zlib.decompress(found.body)

    def on_day(self, trading_day: date, *, every_form: bool = False) -> list[StoredStatement]:
        """The current version of every account and currency, in that order: one daily form each, or all forms."""
        table = STATEMENTS
        newest = table.alias("newest")
        same = ("book_id", "account", "currency", "trading_day", "form")
        highest = (
            select(func.max(newest.c.version))
            .where(*(newest.c[name] == table.c[name] for name in same))
            .scalar_subquery()
        )
        query = self._scope.select(table).where(table.c.trading_day == trading_day, table.c.version == highest)
        if not every_form:
            query = query.where(table.c.form.in_(_DAILY))
        rows = self._scope.rows(query.order_by(table.c.account, table.c.currency, _RANK))
        first: dict[tuple[str, ...], Any] = {}
        for row in rows:
            first.setdefault((row.account, row.currency, row.form if every_form else ""), row)
        return [_stored(row) for row in first.values()]

    def accounts(self) -> list[str]:
        table = STATEMENTS
        return [row.account for row in self._scope.rows(_distinct(self._scope.select(table, table.c.account)))]

    def days(self) -> list[date]:
        table = STATEMENTS
        return [row.trading_day for row in self._scope.rows(_distinct(self._scope.select(table, table.c.trading_day)))]

    def fills(self, first: date | None = None, last: date | None = None) -> list[Fill]:
        query = self._scope.select(FILLS)
        if first is not None:
            query = query.where(FILLS.c.trading_day >= first)
        if last is not None:
            query = query.where(FILLS.c.trading_day <= last)
        return sorted((_fill(row) for row in self._scope.rows(query)), key=_fill_order)

    def _newest(self, account: str, currency: str | None, form: str | None) -> Select[Any]:
        table = STATEMENTS
        query = self._scope.select(table).where(table.c.account == account)
        if currency is not None:
            query = query.where(table.c.currency == currency)
        if form is not None:
            query = query.where(table.c.form == form)
        return query.order_by(table.c.trading_day.desc(), table.c.currency, _RANK, table.c.version.desc())

    def _first(self, query: Select[Any]) -> StoredStatement | None:
        found = self._scope.first(query.limit(1))
        return None if found is None else _stored(found)


def _distinct(query: Select[Any]) -> Select[Any]:
    return query.distinct().order_by(*query.selected_columns)


def _stored(row: Any) -> StoredStatement:
    return StoredStatement(
        statement=decode(row.payload, AccountStatement),
        version=row.version,
        digest=row.digest,
        source_name=row.source_name,
        imported_at=row.imported_at,
        imported_by=row.imported_by,
        accepted_reason=row.accepted_reason,
    )


_AS_IT_IS = tuple(field.name for field in fields(Fill) if field.name not in ("direction", "offset", "hedge_flag"))
"""Fields that are stored as they are. A field that is added to a fill without a column fails here, and is never lost."""


def _fill_row(fill: Fill, statement: AccountStatement, currency: str) -> dict[str, Any]:
    found = (fill.account, fill.trading_day, fill.currency)
    if found != (statement.account, statement.trading_day, currency):
        raise ValueError(f"fill {fill.key} ({fill.currency}) does not belong to this statement")
    return {
        "direction": fill.direction.value,
        "offset": fill.offset.value,
        "hedge_flag": fill.hedge_flag.value,
        **{name: getattr(fill, name) for name in _AS_IT_IS},
    }


def _fill(row: Any) -> Fill:
    return Fill(
        direction=Direction(row.direction),
        offset=Offset(row.offset),
        hedge_flag=HedgeFlag(row.hedge_flag),
        **{name: getattr(row, name) for name in _AS_IT_IS},
    )


def _fill_order(fill: Fill) -> tuple[Any, ...]:
    number = int(fill.fill_id) if fill.fill_id.isascii() and fill.fill_id.isdigit() else -1
    return fill.trading_day, fill.exchange, number, fill.fill_id, fill.account, fill.direction.value
