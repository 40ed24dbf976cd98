"""A settled day's figures: a header, int64 columns aligned to text keys, and rows of exact Decimals made from them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.model.futures import Direction, HedgeFlag, PositionLot
from hedge_core.model.identity import BookId
from hedge_core.settlement.inputs import EQUITY_BY_MARGIN, MARGIN_BY_EQUITY, OpeningFunds
from hedge_core.settlement.rows import Deposit, ExposureFigures, OptionResult
from hedge_core.settlement.rows import FundsResult as FundsResult
from hedge_core.settlement.rows import LotClose as LotClose
from hedge_core.settlement.rows import LotResult as LotResult
from hedge_core.settlement.units import Int64Column, from_units

FLAGS: Final = tuple(HedgeFlag)
"""Order of the hedge flags in a column: part of the format, new ones go to the end."""

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
FUNDS_COLUMNS_AT_NEED: Final = ("delivery_mtm", "delivery_trade", "premium", "option_value")
"""Columns of the section `funds` that are there only on days on which an account has such a figure."""

OPTION_MONEY: Final = ("premium", "value_before", "value", "realised", "floating_before", "floating")
OPTION_COLUMNS: Final = (*LOT_COLUMNS[:10], *OPTION_MONEY)
DEPOSIT_COLUMNS: Final = ("amount_in", "amount_out")

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
    risk_degree: str = MARGIN_BY_EQUITY
    """Which quotient is the risk degree. The bytes name it only where it is not the usual `margin/equity`."""


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

    def options(self) -> list[OptionResult]:
        """Every option lot that was open at the start or opened today, by lot id; empty on a day without options."""
        if "options" not in self.tables:
            return []
        head = self.header
        return [
            OptionResult(
                lot_id,
                head.accounts[row["account"]],
                head.instruments[row["instrument"]],
                _side(row["direction"]),
                FLAGS[row["hedge_flag"]],
                _date(row["open_date"]),
                from_units(row["open_price"], head.price_places[row["instrument"]]),
                row["start"],
                row["opened"],
                row["closed"],
                row["end"],
                *(from_units(row[name], head.money_places) for name in OPTION_MONEY),
            )
            for (lot_id,), row in self.tables["options"].rows()
        ]

    def deposits(self) -> list[Deposit]:
        """Money moved by account and kind; empty where the statement has no rows of it."""
        if "deposits" not in self.tables:
            return []
        places = self.header.money_places
        return [
            Deposit(
                account, kind, from_units(row["amount_in"], places), from_units(row["amount_out"], places), *several
            )
            for (account, kind, *several), row in self.tables["deposits"].rows()
        ]

    def risk_degrees(self) -> dict[tuple[str, str], Decimal | None]:
        """Risk degree by account and currency as the header defines it, unrounded; None where there is nothing to divide
        by."""
        inverse = self.header.risk_degree == EQUITY_BY_MARGIN
        return {
            (row.account, row.currency): (row.equity / row.margin if row.margin else None)
            if inverse
            else row.risk_degree
            for row in self.funds()
        }

    def quoted(self) -> dict[tuple[str, str], str]:
        """The currency that each account's lots of an instrument were settled in."""
        head = self.header
        return {
            (head.accounts[row["account"]], head.instruments[row["instrument"]]): head.currencies[row["account"]]
            for section in ("lots", "options")
            if section in self.tables
            for _, row in self.tables[section].rows()
        }

    def lots_after(self) -> list[PositionLot]:
        """The lots still open, futures then options: the next day's opening lots."""
        return [*self._open_lots("lots"), *(self._open_lots("options") if "options" in self.tables else ())]

    def _open_lots(self, section: str) -> list[PositionLot]:
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
            for (lot_id,), row in self.tables[section].rows()
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
        """One row per account and currency."""
        head = self.header
        needed = [name for name in FUNDS_COLUMNS_AT_NEED if name in self.tables["funds"].columns]
        places = head.money_places
        return [
            FundsResult(
                key[0],
                currency,
                *(from_units(row[name], places) for name in FUNDS_COLUMNS),
                **{name: from_units(row[name], places) for name in needed},
            )
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


def day_number(day: date) -> int:
    """A date as a column holds it: 20260304."""
    return day.year * 10000 + day.month * 100 + day.day


def _date(number: int) -> date:
    return date(number // 10000, number // 100 % 100, number % 100)


def _side(sign: int) -> Direction:
    return Direction.BUY if sign > 0 else Direction.SELL
