"""What a broker answers while the day runs: the account, funds and positions as asked for, hedge orders and their receipts,
quotes. The statement of the finished day is in `futures.py`."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.model.futures import AccountFunds, Direction, HedgeFlag, Offset, SettlementPrice
from messages import Message

_ORDER_KEY: Final = re.compile(r"[0-9]{12}")
MOST_ORDERS_A_DAY: Final = 999_999


@dataclass(frozen=True, slots=True)
class BrokerAccount:
    """One account at a broker, in one currency, as a connection serves it. `account` is the number on the statement."""

    connection: str
    broker: str
    account: str
    currency: str = "CNY"


@dataclass(frozen=True, slots=True)
class FundsAnswer:
    """Funds as the broker answered them at one moment of a trading day.

    `unknown` names the fields of `funds` that this broker's query does not state; they are zero and prove nothing."""

    account: str
    trading_day: date
    asked_at: datetime
    funds: AccountFunds
    unknown: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Position:
    """Open lots of one instrument, side and hedge flag as the broker answered them.

    `hedge_flag` is None where the broker's interface does not keep flags apart (DIFF). `today_lots` were opened on this
    trading day, `history_lots` before. `frozen_lots` wait in closing orders. Costs, results and margin are the broker's
    figures in `currency`, None where it has none: `position_cost` is today's opens at their price and older lots at
    yesterday's settlement, `open_cost` all lots at their opening price. `realised_mtm` may stand beside zero lots: a position
    closed today."""

    account: str
    trading_day: date
    instrument: str
    direction: Direction
    hedge_flag: HedgeFlag | None
    today_lots: int
    history_lots: int
    frozen_lots: int = 0
    position_cost: Decimal | None = None
    open_cost: Decimal | None = None
    holding_mtm: Decimal | None = None
    realised_mtm: Decimal | None = None
    margin: Decimal | None = None
    currency: str = "CNY"

    @property
    def lots(self) -> int:
        return self.today_lots + self.history_lots

    @property
    def key(self) -> str:
        """Identity within one answer."""
        flag = "-" if self.hedge_flag is None else self.hedge_flag.value
        return f"{self.account}/{self.instrument}/{self.direction.value}/{flag}"


# --- orders -----------------------------------------------------------------------------------------------------------


def order_key(trading_day: date, number: int) -> str:
    """The reference of the `number`-th order of a trading day: twelve digits, `yymmdd` and a counter.

    Twelve, because CTP's OrderRef holds no more; digits that only grow, because CTP refuses one that is not larger than
    the last of a session. The counter is the book's own and stored before the order is sent. ValueError out of range."""
    if not 1 <= number <= MOST_ORDERS_A_DAY:
        raise ValueError(f"order numbers of a day go from 1 to {MOST_ORDERS_A_DAY}, not {number}")
    return f"{trading_day:%y%m%d}{number:06d}"


@dataclass(frozen=True, slots=True)
class HedgeOrder:
    """A limit order for a hedge. `key` (see `order_key`) is chosen by the caller and stored before anything is sent; the
    order is found again by it. `lots` > 0; `limit_price` is in the instrument's price unit."""

    key: str
    account: str
    instrument: str
    direction: Direction
    offset: Offset
    hedge_flag: HedgeFlag
    lots: int
    limit_price: Decimal

    def __post_init__(self) -> None:
        if not _ORDER_KEY.fullmatch(self.key):
            raise ValueError(f"an order's key has twelve digits, not {self.key!r}")
        if self.lots <= 0:
            raise ValueError(f"an order is for one lot or more, not {self.lots}")


class OrderState(StrEnum):
    """Working: accepted, may still fill. Filled: all of it. Cancelled: the rest will not fill. Refused: the broker or the
    exchange said no and nothing filled. Uncertain: the broker itself has not decided yet; ask again."""

    WORKING = "working"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"

    @property
    def final(self) -> bool:
        return self in (OrderState.FILLED, OrderState.CANCELLED, OrderState.REFUSED)


@dataclass(frozen=True, slots=True)
class OrderReceipt:
    """What the broker says about one of our orders. `exchange_order_id` is empty until the exchange has given a number;
    `vendor_text` are the broker's or exchange's words, unchanged."""

    key: str
    state: OrderState
    lots: int
    filled_lots: int
    exchange_order_id: str = ""
    vendor_code: str = ""
    vendor_text: str = ""
    trading_day: date | None = None

    @property
    def open_lots(self) -> int:
        """Lots that may still fill."""
        return 0 if self.state.final else self.lots - self.filled_lots


# --- reference and rates ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class InstrumentTerms:
    """An instrument as the broker's counter knows it."""

    instrument: str
    name: str
    product: str
    multiplier: int
    tick: Decimal
    delivery_month: str
    expires_on: date | None
    one_sided_margin: bool
    trading: bool


@dataclass(frozen=True, slots=True)
class MarginRate:
    """Margin of one lot: `by_money` × turnover + `by_lot` (currency per lot), for a long and a short side."""

    instrument: str
    hedge_flag: HedgeFlag
    long_by_money: Decimal
    long_by_lot: Decimal
    short_by_money: Decimal
    short_by_lot: Decimal


@dataclass(frozen=True, slots=True)
class CommissionRate:
    """Commission of one lot: by money (a fraction of the turnover) and by lot, for opening, closing and closing today's.
    `subject` is an instrument or a product: brokers answer either."""

    subject: str
    open_by_money: Decimal
    open_by_lot: Decimal
    close_by_money: Decimal
    close_by_lot: Decimal
    close_today_by_money: Decimal
    close_today_by_lot: Decimal


# --- prices -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Quote:
    """One look at an instrument. A price is None where the source has none (yet). `at` is the source's own time."""

    instrument: str
    trading_day: date | None
    at: datetime | None
    last: Decimal | None
    settlement: Decimal | None
    close: Decimal | None
    previous_settlement: Decimal | None = None
    upper_limit: Decimal | None = None
    lower_limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class PriceGap:
    """A price that was asked for and cannot be given, and why: missing, or stale since a moment. Never a guess instead."""

    subject: str
    reason: Message


@dataclass(frozen=True, slots=True)
class PriceAnswer:
    """Prices of one kind and trading day, each with source and time, and what is missing."""

    prices: tuple[SettlementPrice, ...] = ()
    gaps: tuple[PriceGap, ...] = field(default=())
