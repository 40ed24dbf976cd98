"""The port to what brokers answered: fills by the road they came, the last funds and positions of a day, hedge orders."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from typing import Protocol

from hedge_core.model.broker import FundsAnswer, HedgeOrder, OrderReceipt, Position
from hedge_core.model.futures import Fill


class Road(StrEnum):
    """How a fill reached us while the day ran. The statement's fills are in the statement store."""

    PUSH = "push"
    QUERY = "query"


@dataclass(frozen=True, slots=True)
class SeenFill:
    """A fill as the broker told it, once, and when each road brought it first. `unknown` names the fields of the fill that
    the broker did not state (`fee`, `realised_mtm`): they are zero and prove nothing."""

    connection: str
    fill: Fill
    unknown: tuple[str, ...]
    pushed_at: datetime | None
    queried_at: datetime | None


@dataclass(frozen=True, slots=True)
class PositionsAnswer:
    """All positions of an account as answered at one moment of a trading day."""

    account: str
    trading_day: date
    asked_at: datetime
    positions: tuple[Position, ...]


@dataclass(frozen=True, slots=True)
class StoredOrder:
    """An order and what is known of it. `sent_at` None: stored and not sent yet. `receipt` None: nothing was answered."""

    connection: str
    order: HedgeOrder
    stored_at: datetime
    stored_by: str
    sent_at: datetime | None = None
    receipt: OrderReceipt | None = None
    answered_at: datetime | None = None


class BrokerQueryStore(Protocol):
    """Broker answers of one book. Fills count once by (account, trading day, exchange, fill id, direction)."""

    def save_fills(
        self, connection: str, fills: Sequence[Fill], road: Road, at: datetime, unknown: Sequence[str] = ()
    ) -> list[Fill]:
        """Note that a road brought these fills; answers those that no road had brought before. A fill known before keeps
        the content it had: what differs is found by `fill_conflicts`, not written over."""
        ...

    def fills(self, account: str | None = None, first: date | None = None, last: date | None = None) -> list[SeenFill]:
        """By trading day, exchange, numeric fill id."""
        ...

    def save_funds(self, connection: str, answer: FundsAnswer) -> None:
        """The latest answer of an account, currency and trading day replaces an earlier one, never a later one."""
        ...

    def funds(self, account: str, trading_day: date, currency: str = "CNY") -> FundsAnswer | None: ...
    def save_positions(self, connection: str, answer: PositionsAnswer) -> None:
        """As `save_funds`."""
        ...

    def positions(self, account: str, trading_day: date) -> PositionsAnswer | None: ...
    def answered_days(self, account: str) -> list[date]:
        """Trading days for which positions were asked, in order."""
        ...

    def next_order_number(self, trading_day: date) -> int:
        """One more than the highest number that an order of that day has in this book (see `order_key`)."""
        ...

    def add_order(self, stored: StoredOrder) -> None:
        """Keep an order before it is sent; `IdempotencyConflict` for a key that is there with other content, nothing to do
        for the same content."""
        ...

    def order(self, key: str) -> StoredOrder | None: ...
    def orders(self, trading_day: date | None = None) -> list[StoredOrder]:
        """By key; of one trading day, or all."""
        ...

    def set_order_sent(self, key: str, at: datetime) -> None:
        """KeyError for an unknown key."""
        ...

    def set_order_receipt(self, key: str, receipt: OrderReceipt, at: datetime) -> None:
        """KeyError for an unknown key."""
        ...
