"""A settled day's figures: a header, int64 columns aligned to text keys, and rows of exact Decimals made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.model.futures import Direction, HedgeFlag, PositionLot
from hedge_core.model.identity import BookId
from hedge_core.settlement.inputs import OpeningFunds
from hedge_core.settlement.units import Int64Column, from_units

FLAGS: Final = tuple(HedgeFlag)
"""Order of the hedge flags in a column: part of the format, new ones go to the end."""

NOT_TRADED: Final = ("delivery-", "exercise-", "expiry-")
"""Begins the fill number of a close that was no trade: the lot was delivered, exercised or expired."""

LOT_COLUMNS: Final = (
    "account",
    "instrument",
    "direction",
    "hedge_flag",
    "open_date",
    "open_price",
    "start",
    "opened",
    "closed",
    "end",
    "realised_trade",
    "realised_mtm",
    "holding_mtm",
    "floating_before",
    "floating",
)
CLOSE_COLUMNS: Final = ("lot", "lots", "close_price", "base_price", "realised_trade", "realised_mtm")
FUNDS_COLUMNS: Final = (
    "balance_before",
    "pledge_before",
    "deposits",
    "realised_mtm",
    "holding_mtm",
    "fee",
    "other",
    "balance",
    "pledge",
    "equity",
    "realised_trade",
    "floating_before",
    "floating",
    "margin",
    "delivery_margin",
)
EXPOSURE_COLUMNS: Final = (
    "inventory",
    "arrived_unpriced",
    "priced_purchases",
    "priced_sales",
    "delivered_unpriced",
    "unpriced_purchases",
    "unpriced_sales",
    "futures",
    "exposure",
    "net",
    "exposure_vat",
    "futures_vat",
    "net_vat",
    "others_goods",
)


@dataclass(frozen=True, slots=True)
class PriceUsed:
    """A settlement price that went into the day. `kind` is `settlement` or `previous`."""

    instrument: str
    kind: str
    price: Decimal
    currency: str
    source: str
    trading_day: date


@dataclass(frozen=True, slots=True)
class Header:
    """What the columns mean and what they were computed from. No clock, run id or host is in it."""

    book: BookId
    trading_day: date
    version: int
    previous_hash: str | None
    inputs: tuple[tuple[str, str], ...]
    prices: tuple[PriceUsed, ...]
    accounts: tuple[str, ...]
    currencies: tuple[str, ...]
    instruments: tuple[str, ...]
    multipliers: tuple[int, ...]
    price_places: tuple[int, ...]
    money_places: int
    quantity_places: int
    units: tuple[tuple[str, str], ...]
    matches: int
    matches_digest: str


@dataclass(frozen=True, slots=True)
class Table:
    """One section: `keys` in order (each a tuple of texts), columns of the same length."""

    keys: tuple[tuple[str, ...], ...]
    columns: Mapping[str, Int64Column]

    def rows(self) -> Iterator[tuple[tuple[str, ...], dict[str, int]]]:
        """Each key with its figures as Python integers."""
        names = list(self.columns)
        listed = [self.columns[name].tolist() for name in names]
        for place, key in enumerate(self.keys):
            yield key, {name: values[place] for name, values in zip(names, listed, strict=True)}


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

    @property
    def trade_balance(self) -> Decimal:
        """The balance in the trade-by-trade view (逐笔结存): without the floating result."""
        return self.balance - self.floating

    @property
    def risk_degree(self) -> Decimal | None:
        """Margin ÷ equity (风险度), unrounded; None without equity."""
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
class Figures:
    """Header and tables (`lots`, `closes`, `funds`, `exposure`) of one settled day; the methods read rows from them."""

    header: Header
    tables: Mapping[str, Table]

    def lots(self) -> list[LotResult]:
        """Every lot that was open at the start or opened today, also those closed since; sorted by lot id."""
        head, settled = self.header, self.settlement_prices()
        results = []
        for (lot_id,), row in self.tables["lots"].rows():
            instrument = head.instruments[row["instrument"]]
            results.append(
                LotResult(
                    lot_id,
                    head.accounts[row["account"]],
                    instrument,
                    _side(row["direction"]),
                    FLAGS[row["hedge_flag"]],
                    _date(row["open_date"]),
                    from_units(row["open_price"], head.price_places[row["instrument"]]),
                    row["start"],
                    row["opened"],
                    row["closed"],
                    row["end"],
                    settled.get(instrument),
                    *(from_units(row[name], head.money_places) for name in LOT_COLUMNS[10:]),
                )
            )
        return results

    def lots_after(self) -> list[PositionLot]:
        """The lots still open: the next day's opening lots."""
        head = self.header
        return [
            PositionLot(
                lot_id,
                head.accounts[row["account"]],
                head.instruments[row["instrument"]],
                _side(row["direction"]),
                FLAGS[row["hedge_flag"]],
                _date(row["open_date"]),
                from_units(row["open_price"], head.price_places[row["instrument"]]),
                row["end"],
            )
            for (lot_id,), row in self.tables["lots"].rows()
            if row["end"]
        ]

    def funds_after(self) -> list[OpeningFunds]:
        """The funds that the next day starts from."""
        return [OpeningFunds(f.account, f.currency, f.balance, f.pledge) for f in self.funds()]

    def closes(self) -> list[LotClose]:
        """What was closed, by closing fill and lot."""
        head, lots = self.header, self.lots()
        results = []
        for (fill_key, _), row in self.tables["closes"].rows():
            lot = lots[row["lot"]]
            places = head.price_places[head.instruments.index(lot.instrument)]
            results.append(
                LotClose(
                    fill_key,
                    lot.lot_id,
                    lot.account,
                    lot.instrument,
                    lot.direction,
                    lot.hedge_flag,
                    lot.open_date,
                    row["lots"],
                    lot.open_price,
                    from_units(row["close_price"], places),
                    from_units(row["base_price"], places),
                    from_units(row["realised_trade"], head.money_places),
                    from_units(row["realised_mtm"], head.money_places),
                )
            )
        return results

    def funds(self) -> list[FundsResult]:
        """One row per account."""
        head = self.header
        return [
            FundsResult(key[0], currency, *(from_units(row[name], head.money_places) for name in FUNDS_COLUMNS))
            for (key, row), currency in zip(self.tables["funds"].rows(), head.currencies, strict=True)
        ]

    def exposure(self) -> list[ExposureFigures]:
        """One row per commodity and delivery month (`stock` for goods on hand)."""
        head = self.header
        unit_of = dict(head.units)
        return [
            ExposureFigures(
                commodity,
                month,
                unit_of[commodity],
                *(from_units(row[name], head.quantity_places) for name in EXPOSURE_COLUMNS),
            )
            for (commodity, month), row in self.tables["exposure"].rows()
        ]

    def settlement_prices(self) -> dict[str, Decimal]:
        """Today's settlement price by instrument, as used."""
        return {p.instrument: p.price for p in self.header.prices if p.kind == "settlement"}


def is_traded(fill_key: str) -> bool:
    """Whether a closing fill's key is that of a trade."""
    return not fill_key.split("/")[-2].startswith(NOT_TRADED)


def day_number(day: date) -> int:
    """A date as a column holds it: 20260304."""
    return day.year * 10000 + day.month * 100 + day.day


def _date(number: int) -> date:
    return date(number // 10000, number // 100 % 100, number % 100)


def _side(sign: int) -> Direction:
    return Direction.BUY if sign > 0 else Direction.SELL
