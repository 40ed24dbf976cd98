"""Broker statements in all their versions, the file as received beside each, and the fills of the current ones."""

from __future__ import annotations

import zlib
from dataclasses import fields
from datetime import date
from typing import Any

from sqlalchemy import Select, func, select

from adapters.storage.codec import decode, encode
from adapters.storage.schema import FILLS, STATEMENTS
from adapters.storage.scope import Scope
from hedge_core.model.futures import AccountStatement, Direction, Fill, HedgeFlag, Offset
from hedge_core.ports.storage import StoredStatement


class Statements:
    """`hedge_core.ports.storage.StatementStore` of one book. Where an account has statements in several currencies and none
    is asked for, the first by code answers."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add(self, stored: StoredStatement, body: bytes) -> None:
        """A new version; its fills replace those of the version before. The database refuses a version that exists.

        A monthly statement repeats the fills of daily ones: it is kept, and its fills are not listed again. ValueError
        for a daily statement with a fill of another account, day or currency."""
        statement = stored.statement
        currency = statement.funds.currency
        self._scope.insert(
            STATEMENTS,
            [
                {
                    "account": statement.account,
                    "currency": currency,
                    "trading_day": statement.trading_day,
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
        if statement.first_day < statement.trading_day:
            return
        self._scope.run(
            self._scope.delete(FILLS).where(
                FILLS.c.account == statement.account,
                FILLS.c.trading_day == statement.trading_day,
                FILLS.c.currency == currency,
            )
        )
        self._scope.insert(FILLS, (_fill_row(fill, statement, currency) for fill in statement.fills))

    def current(self, account: str, trading_day: date, currency: str | None = None) -> StoredStatement | None:
        return self._first(self._newest(account, currency).where(STATEMENTS.c.trading_day == trading_day))

    def previous(self, account: str, before: date, currency: str | None = None) -> StoredStatement | None:
        """The current version of the latest day earlier than `before`."""
        return self._first(self._newest(account, currency).where(STATEMENTS.c.trading_day < before))

    def versions(self, account: str, trading_day: date, currency: str | None = None) -> list[StoredStatement]:
        """All of them, the oldest first."""
        query = self._newest(account, currency).where(STATEMENTS.c.trading_day == trading_day)
        return [_stored(row) for row in reversed(self._scope.rows(query))]

    def body(self, account: str, trading_day: date, version: int, currency: str | None = None) -> bytes | None:
        """The file as it was received."""
        query = self._newest(account, currency).where(
            STATEMENTS.c.trading_day == trading_day, STATEMENTS.c.version == version
        )
        found = self._scope.first(query.with_only_columns(STATEMENTS.c.body))
        return None if found is None else zlib.decompress(found.body)

    def on_day(self, trading_day: date) -> list[StoredStatement]:
        """The current version of every account and currency, in that order."""
        table = STATEMENTS
        newest = table.alias("newest")
        highest = (
            select(func.max(newest.c.version))
            .where(*(newest.c[name] == table.c[name] for name in ("book_id", "account", "currency", "trading_day")))
            .scalar_subquery()
        )
        query = (
            self._scope.select(table)
            .where(table.c.trading_day == trading_day, table.c.version == highest)
            .order_by(table.c.account, table.c.currency)
        )
        return [_stored(row) for row in self._scope.rows(query)]

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

    def _newest(self, account: str, currency: str | None) -> Select[Any]:
        table = STATEMENTS
        query = self._scope.select(table).where(table.c.account == account)
        if currency is not None:
            query = query.where(table.c.currency == currency)
        return query.order_by(table.c.trading_day.desc(), table.c.currency, table.c.version.desc())

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
