"""Exchange-traded business: fills, position lots, funds and the broker's statement (结算单). Lots (手) are integers."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Final

from hedge_core.rounding import round_half_up


class Direction(StrEnum):
    """The side of a fill or of a position lot (a lot opened by a buy is long)."""

    BUY = "buy"
    SELL = "sell"

    @property
    def sign(self) -> int:
        """+1 for a buy, −1 for a sale: long price risk is positive."""
        return 1 if self is Direction.BUY else -1

    @property
    def opposite(self) -> Direction:
        return Direction.SELL if self is Direction.BUY else Direction.BUY


class Offset(StrEnum):
    """Open, or one of the ways to close (开平). Forced variants keep their own word for the reader."""

    OPEN = "open"
    CLOSE = "close"
    CLOSE_TODAY = "close_today"
    CLOSE_YESTERDAY = "close_yesterday"
    FORCED_CLOSE = "forced_close"
    FORCED_REDUCE = "forced_reduce"
    LOCAL_FORCED_CLOSE = "local_forced_close"

    @property
    def opens(self) -> bool:
        return self is Offset.OPEN


class HedgeFlag(StrEnum):
    """The exchange's mark on a position (套保标志); says nothing about hedge plans or hedge accounting."""

    SPECULATION = "speculation"
    HEDGE = "hedge"
    ARBITRAGE = "arbitrage"
    GENERAL = "general"
    MARKET_MAKER = "market_maker"


EXCHANGES: Final = ("SHFE", "INE", "DCE", "CZCE", "CFFEX", "GFEX")
SPLITS_TODAY: Final = frozenset({"SHFE", "INE"})
"""Exchanges where closing today's and older lots are different instructions (平今 / 平昨)."""


@dataclass(frozen=True, slots=True)
class Product:
    """A futures product (品种), effective from a date: contract size, tick and the commodity it hedges."""

    exchange: str
    code: str
    commodity: str
    multiplier: int
    tick: Decimal
    unit: str
    effective_from: date
    vat_included: bool = True


@dataclass(frozen=True, slots=True)
class Fill:
    """One execution (成交). Identity: (account, exchange, fill_id, direction, trading_day); the fill id alone repeats.

    `instrument` is canonical (`SHFE.cu2605`). `realised_mtm` and `fee` are the broker's figures, in `currency`.
    `traded_on` is the date the broker printed, where it is not the trading day (night session)."""

    account: str
    exchange: str
    fill_id: str
    trading_day: date
    instrument: str
    direction: Direction
    offset: Offset
    hedge_flag: HedgeFlag
    lots: int
    price: Decimal
    turnover: Decimal
    fee: Decimal
    realised_mtm: Decimal
    premium: Decimal = Decimal(0)
    currency: str = "CNY"
    traded_at: datetime | None = None
    traded_on: date | None = None

    @property
    def key(self) -> str:
        """Stable text identity within a book: account, trading day, exchange, fill id and direction."""
        day = self.trading_day.isoformat().replace("-", "")
        return f"{self.account}/{day}/{self.exchange}/{self.fill_id}/{self.direction.value}"


@dataclass(frozen=True, slots=True)
class ClosedLot:
    """A row of 平仓明细: which open lots a closing fill consumed. `direction` is the closing side."""

    exchange: str
    instrument: str
    open_date: date
    direction: Direction
    hedge_flag: HedgeFlag | None
    lots: int
    open_price: Decimal
    previous_settlement: Decimal
    close_price: Decimal
    realised_mtm: Decimal
    premium: Decimal = Decimal(0)
    closed_on: date | None = None


@dataclass(frozen=True, slots=True)
class PositionDetail:
    """A row of 持仓明细: open lots of one instrument, opened on one date at one price."""

    exchange: str
    instrument: str
    open_date: date
    hedge_flag: HedgeFlag
    direction: Direction
    lots: int
    open_price: Decimal
    previous_settlement: Decimal
    settlement_price: Decimal
    floating: Decimal
    holding_mtm: Decimal
    margin: Decimal
    option_value: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class PositionSummary:
    """A row of 持仓汇总: totals of one instrument and hedge flag; margin after the one-sided rule."""

    instrument: str
    hedge_flag: HedgeFlag
    long_lots: int
    long_average: Decimal
    short_lots: int
    short_average: Decimal
    previous_settlement: Decimal
    settlement_price: Decimal
    holding_mtm: Decimal
    margin: Decimal
    option_value_long: Decimal = Decimal(0)
    option_value_short: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class CashMovement:
    """A row of 出入金明细: money in or out of the account, with the broker's own word for its kind."""

    moved_on: date
    kind: str
    amount_in: Decimal
    amount_out: Decimal
    currency: str
    note: str = ""


@dataclass(frozen=True, slots=True)
class Exercise:
    """A row of 行权明细 (options)."""

    traded_on: date
    exchange: str
    instrument: str
    hedge_flag: HedgeFlag
    direction: Direction
    outcome: str
    lots: int
    strike: Decimal
    amount: Decimal
    result: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class Delivery:
    """A row of 交割明细. `open_price` and `result` may be missing in some counters' layouts."""

    delivered_on: date
    exchange: str
    instrument: str
    hedge_flag: HedgeFlag
    direction: Direction
    lots: int
    open_price: Decimal
    delivery_price: Decimal
    result: Decimal
    fee: Decimal


@dataclass(frozen=True, slots=True)
class AccountFunds:
    """资金状况 of one account, currency and trading day: the broker's own figures, in `currency`.

    `risk_degree` is a fraction (0.0008 is 0.08 %). In the trade-by-trade view `realised_mtm` holds that view's 平仓盈亏,
    `holding_mtm` is zero and `floating` is part of the equity; in the mark-to-market view `floating` is zero."""

    currency: str
    balance_bf: Decimal
    deposit_withdrawal: Decimal
    realised_mtm: Decimal
    holding_mtm: Decimal
    exercise_result: Decimal
    delivery_result: Decimal
    fee: Decimal
    exercise_fee: Decimal
    delivery_fee: Decimal
    fx_pledge_in: Decimal
    fx_pledge_out: Decimal
    pledge_change: Decimal
    premium_received: Decimal
    premium_paid: Decimal
    initial_margin: Decimal
    balance_cf: Decimal
    pledge: Decimal
    equity: Decimal
    fx_pledge_occupied: Decimal
    margin: Decimal
    delivery_margin: Decimal
    option_value_long: Decimal
    option_value_short: Decimal
    market_equity: Decimal
    available: Decimal
    risk_degree: Decimal
    margin_call: Decimal
    floating: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True)
class AccountStatement:
    """A broker's statement of one account for one trading day (or one month: `first_day` < `trading_day`).

    `view` is `mtm` (盯市) or `trade` (逐笔): their balances and results differ by design."""

    broker: str
    account: str
    client_name: str
    trading_day: date
    first_day: date
    created_on: date | None
    view: str
    funds: AccountFunds
    fills: tuple[Fill, ...] = ()
    closed: tuple[ClosedLot, ...] = ()
    positions: tuple[PositionDetail, ...] = ()
    summary: tuple[PositionSummary, ...] = ()
    cash: tuple[CashMovement, ...] = ()
    exercises: tuple[Exercise, ...] = ()
    deliveries: tuple[Delivery, ...] = ()
    notice: str = ""
    totals: tuple[tuple[str, str, Decimal], ...] = field(default=())
    """(section, column, total) rows that the statement printed, kept so that they can be checked. Section and column are
    names of this module's fields: `("fills", "fee", 9.00)`."""
    unread_sections: tuple[str, ...] = ()
    """Titles of tables with rows that the reader does not know."""
    unknown: tuple[str, ...] = ()
    """What this kind of document does not say: `funds.pledge_change`, `positions.margin`, `closed` for a whole section.
    Such a figure is zero (or follows from printed ones) and proves nothing: checks that rest on it are left out."""
    other_charges: tuple[CashMovement, ...] = ()
    """Charges listed apart from the fills' fees (其它资金明细): order fees, delivery fees. Not part of `cash`."""

    @property
    def monthly(self) -> bool:
        """Whether it covers more than its trading day."""
        return self.first_day < self.trading_day

    @property
    def form(self) -> str:
        """Which of a day's documents it is: `mtm`, `trade`, `mtm_month` or `trade_month`. They stand beside each other."""
        return f"{self.view}_month" if self.monthly else self.view


@dataclass(frozen=True, slots=True)
class PositionLot:
    """The open rest of one opening fill (持仓明细): what a settlement carries from day to day.

    `lot_id` is the opening fill's key, or `opening/<n>` for a lot imported as opening state."""

    lot_id: str
    account: str
    instrument: str
    direction: Direction
    hedge_flag: HedgeFlag
    open_date: date
    open_price: Decimal
    lots: int


@dataclass(frozen=True, slots=True)
class SettlementPrice:
    """A price fixed for one trading day, with its source. `kind` is settlement, close, spot or cost."""

    kind: str
    subject: str
    trading_day: date
    price: Decimal
    currency: str
    source: str
    vat_included: bool = True

    def without_vat(self, rate: Decimal) -> Decimal:
        """The price without VAT, to the fen (`rate` 0.13 means 13 %)."""
        return round_half_up(self.price / (1 + rate), 2) if self.vat_included else self.price
