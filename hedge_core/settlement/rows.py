"""Rows of a settled day with exact Decimals: what people and the modules behind the settlement read."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.model.futures import Direction, HedgeFlag

DELIVERED: Final = "delivery-"
NOT_TRADED: Final = (DELIVERED, "exercise-", "expiry-")
"""Begins the fill number of a close that was no trade: the lot was delivered, exercised or expired."""


def is_traded(fill_key: str) -> bool:
    """Whether a closing fill's key is that of a trade."""
    return not fill_key.split("/")[-2].startswith(NOT_TRADED)


@dataclass(frozen=True, slots=True)
class LotResult:
    """One position lot over the day. Lots in 手; prices per unit; results in the account's currency, profit positive.

    `realised_*` are the results of what was closed today; `holding_mtm` is the day's change of what is still open (from
    the previous settlement, or from the open price if opened today), `floating` since opening (facts 3.9)."""

    lot_id: str
    account: str
    instrument: str
    direction: Direction
    hedge_flag: HedgeFlag
    open_date: date
    open_price: Decimal
    start: int
    opened: int
    closed: int
    end: int
    settlement: Decimal | None
    realised_trade: Decimal
    realised_mtm: Decimal
    holding_mtm: Decimal
    floating_before: Decimal
    floating: Decimal


@dataclass(frozen=True, slots=True)
class LotClose:
    """`lots` of one lot closed by one fill. `base_price` is what the mark-to-market result starts from: the open price
    if the lot was opened today, else the previous settlement. `direction` is the lot's opening side."""

    fill_key: str
    lot_id: str
    account: str
    instrument: str
    direction: Direction
    hedge_flag: HedgeFlag
    open_date: date
    lots: int
    open_price: Decimal
    close_price: Decimal
    base_price: Decimal
    realised_trade: Decimal
    realised_mtm: Decimal

    @property
    def traded(self) -> bool:
        """Whether a fill closed it, and not delivery, exercise or expiry."""
        return is_traded(self.fill_key)

    @property
    def delivered(self) -> bool:
        """Whether exchange delivery closed it."""
        return self.fill_key.split("/")[-2].startswith(DELIVERED)


@dataclass(frozen=True, slots=True)
class FundsResult:
    """An account's day in its currency. `balance` = before + deposits + realised_mtm + holding_mtm − fee + other;
    `other` nets exercise, delivery, premium and currency pledge terms of the statement; margins are the statement's."""

    account: str
    currency: str
    balance_before: Decimal
    pledge_before: Decimal
    deposits: Decimal
    realised_mtm: Decimal
    holding_mtm: Decimal
    fee: Decimal
    other: Decimal
    balance: Decimal
    pledge: Decimal
    equity: Decimal
    realised_trade: Decimal
    floating_before: Decimal
    floating: Decimal
    margin: Decimal
    delivery_margin: Decimal
    delivery_mtm: Decimal = Decimal(0)
    """Result of delivered lots against yesterday's settlement; part of `other`."""
    delivery_trade: Decimal = Decimal(0)
    """The same against their opening price."""
    premium: Decimal = Decimal(0)
    """Option premium received less paid, by our lots; the statement's is part of `other`."""
    option_value: Decimal = Decimal(0)
    """Market value of options at the end of the day, long less short; part of the market equity, not of the equity."""

    @property
    def market_equity(self) -> Decimal:
        """Equity with the options' value (市值权益)."""
        return self.equity + self.option_value

    @property
    def trade_balance(self) -> Decimal:
        """The balance in the trade-by-trade view (逐笔结存): without the floating result."""
        return self.balance - self.floating

    @property
    def risk_degree(self) -> Decimal | None:
        """Margin ÷ equity (风险度), unrounded; None without equity. The header of a snapshot says which quotient the book
        calls so: `Figures.risk_degrees` follows it."""
        return self.margin / self.equity if self.equity > 0 else None


@dataclass(frozen=True, slots=True)
class ExposureFigures:
    """One bucket of exposure as settled: quantities in `unit`, signed as in `hedge_core.exposure.ExposureRow`."""

    commodity: str
    month: str
    unit: str
    inventory: Decimal
    arrived_unpriced: Decimal
    priced_purchases: Decimal
    priced_sales: Decimal
    delivered_unpriced: Decimal
    unpriced_purchases: Decimal
    unpriced_sales: Decimal
    futures: Decimal
    exposure: Decimal
    net: Decimal
    exposure_vat: Decimal
    futures_vat: Decimal
    net_vat: Decimal
    others_goods: Decimal


@dataclass(frozen=True, slots=True)
class OptionResult:
    """One option lot over the day, premium paid: `premium` is received less paid, `value` long positive."""

    lot_id: str
    account: str
    instrument: str
    direction: Direction
    hedge_flag: HedgeFlag
    open_date: date
    open_price: Decimal
    start: int
    opened: int
    closed: int
    end: int
    premium: Decimal
    value_before: Decimal
    value: Decimal
    realised: Decimal
    floating_before: Decimal
    floating: Decimal


@dataclass(frozen=True, slots=True)
class Deposit:
    """Money moved of one kind, in the broker's own word for it, in the account's currency."""

    account: str
    kind: str
    amount_in: Decimal
    amount_out: Decimal
    currency: str = ""
    """Given where the account has several."""
