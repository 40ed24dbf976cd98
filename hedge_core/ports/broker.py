"""The port to a broker, and the port to market data. An adapter makes one connector fit these protocols."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

from hedge_core.model.broker import (
    BrokerAccount,
    FundsAnswer,
    HedgeOrder,
    OrderReceipt,
    Position,
    PriceAnswer,
    Quote,
)
from hedge_core.model.futures import AccountStatement, Fill
from hedge_core.model.records import Cursor, Pulled
from hedge_core.ports.erp import Health


@dataclass(frozen=True, slots=True)
class BrokerCapabilities:
    """The capability card: printed in the documentation, checked by the conformance suite.

    `fills_of_past_days`: whether fills of earlier trading days can still be asked for; where not, a day on which nobody asked
    is known from the statement only. `keeps_hedge_flag`: whether positions are told apart by hedge flag. `fill_fields`: the
    figures of a `Fill` that the broker states beside lots and price; others are zero and prove nothing. `orders`: whether
    this *connection* may send orders; off unless configured. `queries_per_second` is the usual limit, where there is one."""

    system: str
    queries: frozenset[str]
    fills_of_past_days: bool
    keeps_hedge_flag: bool
    keeps_today_apart: bool
    fill_fields: frozenset[str]
    statement: bool
    pushes: bool
    market_data: bool
    orders: bool
    order_reference: str
    settle_seconds: int
    """How long after an unknown outcome `find_order` may still miss an order that the broker is working on."""


class BrokerAdapter(Protocol):
    """Everything HedgeBridge asks of a broker. Errors: see `hedge_core.errors`; nothing else may be raised.

    A wrong password is `AuthFailed` and is never tried again by itself: brokers lock accounts."""

    @property
    def capabilities(self) -> BrokerCapabilities: ...
    def check(self) -> Health: ...
    def accounts(self) -> Sequence[BrokerAccount]: ...
    def trading_day(self) -> date:
        """The counter's own trading day, which wins over any calendar."""
        ...

    def pull_fills(self, account: BrokerAccount, since: Cursor | None) -> Iterator[Pulled[Fill]]:
        """Fills from the cursor's place on: may repeat, never skips. One that cannot be understood (an instrument that no
        exchange writes) is `Quarantined`, with its raw record. `Fill.key` is the identity on every road."""
        ...

    def pushed_fills(self, account: BrokerAccount) -> Sequence[Pulled[Fill]]:
        """Fills that the broker sent by itself since the last call; empty where it does not."""
        ...

    def positions(self, account: BrokerAccount) -> Sequence[Position]: ...
    def funds(self, account: BrokerAccount) -> FundsAnswer: ...
    def statement(self, account: BrokerAccount, trading_day: date) -> AccountStatement | None:
        """The statement of a finished day; None while the broker has none for it. `statement_text` has the bytes."""
        ...

    def statement_text(self, account: BrokerAccount, trading_day: date) -> bytes | None:
        """The statement as the broker sent it, fit for the import of statement files; None while there is none."""
        ...

    def place_order(self, order: HedgeOrder) -> OrderReceipt:
        """Send one order, once. The caller has stored `order.key` before.

        `RuleBroken`: this connection may not send orders (capability `orders`), or not this one; nothing was sent.
        `Rejected`: the broker or the exchange said no, in their words. `IdempotencyConflict`: the key is in use there.
        `OutcomeUnknown`: it may have arrived; ask `find_order` after `settle_seconds`. `Unavailable`: proven not sent."""
        ...

    def cancel_order(self, key: str) -> OrderReceipt:
        """Ask for the rest of an order to be cancelled. A final order answers its receipt as it is; an unknown key is
        `Rejected`."""
        ...

    def find_order(self, key: str) -> OrderReceipt | None:
        """What became of the order with that key on the current trading day; two under one key: `IdempotencyConflict`."""
        ...

    def close(self) -> None:
        """End the session. Calling it twice does nothing."""
        ...


class MarketData(Protocol):
    """Prices of instruments from a broker or a quote service. Errors: see `hedge_core.errors`."""

    @property
    def source(self) -> str:
        """How the source is named beside each stored price."""
        ...

    def quotes(self, instruments: Sequence[str]) -> dict[str, Quote]:
        """The latest look at each instrument; one the source does not know is left out."""
        ...

    def prices(self, kind: str, instruments: Sequence[str], trading_day: date) -> PriceAnswer:
        """Settlement or closing prices (`kind`) of a trading day, each with source and time; a stale or missing one is a
        gap with its reason, never another price in its place."""
        ...
