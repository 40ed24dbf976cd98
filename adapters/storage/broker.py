"""Opening states of accounts at go-live, and settlement, closing, spot and cost prices by day."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields
from datetime import date
from typing import Any, Final

from adapters.storage.codec import decode, encode
from adapters.storage.schema import OPENINGS, PRICES
from adapters.storage.scope import Scope
from hedge_core.model.futures import SettlementPrice
from hedge_core.ports.storage import OpeningState

_PRICE: Final = tuple(field.name for field in fields(SettlementPrice))
"""Every field of a price is a column of the same name."""


class Broker:
    """`hedge_core.ports.storage.BrokerStore` of one book."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope

    def add_opening(self, state: OpeningState) -> None:
        """The database refuses a second one of an account and currency."""
        row = {
            "account": state.account,
            "currency": state.statement.funds.currency,
            "trading_day": state.trading_day,
            "payload": encode(state),
        }
        self._scope.insert(OPENINGS, [row])

    def openings(self) -> list[OpeningState]:
        """By account and currency."""
        query = self._scope.select(OPENINGS, OPENINGS.c.payload).order_by(OPENINGS.c.account, OPENINGS.c.currency)
        return [decode(row.payload, OpeningState) for row in self._scope.rows(query)]

    def save_prices(self, prices: Sequence[SettlementPrice]) -> None:
        self._scope.upsert(
            PRICES,
            ({name: getattr(price, name) for name in _PRICE} for price in prices),
        )

    def prices(self, kind: str, trading_day: date) -> dict[str, SettlementPrice]:
        """By subject."""
        query = self._scope.select(PRICES).where(PRICES.c.kind == kind, PRICES.c.trading_day == trading_day)
        return {row.subject: _price(row) for row in self._scope.rows(query.order_by(PRICES.c.subject))}

    def latest_price(self, kind: str, subject: str, on_or_before: date) -> SettlementPrice | None:
        query = (
            self._scope.select(PRICES)
            .where(PRICES.c.kind == kind, PRICES.c.subject == subject, PRICES.c.trading_day <= on_or_before)
            .order_by(PRICES.c.trading_day.desc())
            .limit(1)
        )
        found = self._scope.first(query)
        return None if found is None else _price(found)


def _price(row: Any) -> SettlementPrice:
    return SettlementPrice(**{name: getattr(row, name) for name in _PRICE})
