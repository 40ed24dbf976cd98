"""From a price list's table to `SettlementPrice`s: every row's mistake is named, and one mistake stores nothing."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from datetime import date
from decimal import Decimal

from adapters.market.price_file import columns
from adapters.reference import load_products
from connectors.tabular import Cell, Grid, GridRow, read_table
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.futures import SettlementPrice
from hedge_core.plausible_days import is_plausible
from hedge_core.product_table import ProductTable
from messages import Message

_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,8})?")
_DAY = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?")
_COMPACT_DAY = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_CURRENCY_WORDS = {"人民币": "CNY", "元": "CNY", "美元": "USD", "欧元": "EUR", "港币": "HKD"}


class PriceFileRefused(InvalidInput):
    """A price list with mistakes: the first one as its own place and reason, all of them in `problems`."""

    def __init__(self, problems: Sequence[InvalidInput]) -> None:
        self.problems = tuple(problems)
        first = problems[0]
        reason = first.reason
        if len(problems) > 1:
            reason = Message("price_file.and_more", {"first": first.reason, "more": len(problems) - 1})
        super().__init__(first.source, first.row, first.field, reason)


def read_prices(
    source_name: str,
    body: bytes,
    kind: str,
    *,
    trading_day: date | None = None,
    currency: str = "CNY",
    required: Collection[str] = (),
    products: ProductTable | None = None,
    sheet: str | None = None,
) -> list[SettlementPrice]:
    """The prices of one kind (`settlement`, `close`, `spot`, `cost`) in a CSV or Excel list.

    Settlement and close prices carry canonical instrument codes; a bare `cu2605` gets its exchange from the list's 交易所
    column or the product table (`products`, by default the one that comes with the product). Spot prices and costs carry
    the commodity or material as written. `trading_day` and `currency` stand in for missing columns and empty cells; a
    source column wins over the file's name. `required` are subjects that the list must price. The same price twice is one
    price. Prices per base unit of the subject, exact as written; Excel numbers as Excel shows them. A column 含税 says
    whether they include VAT.

    Raises `PriceFileRefused` (an `InvalidInput`) with every row's mistake, `InvalidInput` for a file that is no such table.
    ValueError for an unknown kind."""
    if kind not in columns.KINDS:
        raise ValueError(f"a price is one of {', '.join(columns.KINDS)}, not {kind}")
    grid = read_table(source_name, body, sheet)
    if not grid.rows:
        raise InvalidInput(source_name, grid.header_line, "file", Message("price_file.no_rows"))
    reader = _Reader(source_name, grid, kind, trading_day, currency, products or load_products())
    prices, problems = reader.read()
    given = {price.subject for price in prices}
    for subject in sorted(set(required) - given):
        reason = Message("price_file.instrument_missing", {"kind": kind, "subject": subject})
        problems.append(InvalidInput(source_name, 0, reader.name_of("subject"), reason))
    if problems:
        raise PriceFileRefused(problems)
    return prices


class _Reader:
    """One list: its columns by field, then row by row."""

    def __init__(
        self, source: str, grid: Grid, kind: str, trading_day: date | None, currency: str, products: ProductTable
    ) -> None:
        self.source, self.grid, self.kind = source, grid, kind
        self.trading_day, self.currency, self.products = trading_day, currency, products
        self.places = {
            "subject": self._place(columns.SUBJECT[kind], required=True),
            "price": self._place(columns.PRICE[kind], required=True),
            "day": self._place(columns.DAY, required=trading_day is None),
            "exchange": self._place(columns.EXCHANGE),
            "currency": self._place(columns.CURRENCY),
            "source": self._place(columns.SOURCE),
            "vat_included": self._place(columns.VAT_INCLUDED),
        }

    def read(self) -> tuple[list[SettlementPrice], list[InvalidInput]]:
        prices: dict[tuple[str, date, str], tuple[int, SettlementPrice]] = {}
        problems: list[InvalidInput] = []
        for row in self.grid.rows:
            try:
                price = self._price(row)
                key = (price.subject, price.trading_day, price.currency)
                line, first = prices.setdefault(key, (row.line, price))
                if first.price != price.price:
                    shown = {"subject": price.subject, "day": price.trading_day, "row": line}
                    figures = {"first": first.price, "second": price.price}
                    raise self._refused(row, "price", "price_file.price_twice", **shown, **figures)
            except InvalidInput as problem:
                problems.append(problem)
        return [price for _, price in prices.values()], problems

    def name_of(self, field: str) -> str:
        """The column's name as the list writes it."""
        place = self.places[field]
        return field if place is None else self.grid.header[place]

    def _place(self, names: tuple[str, ...], required: bool = False) -> int | None:
        """The column with the first of `names` that the list has; two columns of that name are refused."""
        header = [columns.plain(name) for name in self.grid.header]
        wanted = next((name for name in names if columns.plain(name) in header), None)
        if wanted is None:
            if not required:
                return None
            reason = Message("tabular.column_missing", {"columns": ", ".join(names)})
            raise InvalidInput(self.source, self.grid.header_line, names[0], reason)
        places = [place for place, name in enumerate(header) if name == columns.plain(wanted)]
        if len(places) > 1:
            first, second = (self.grid.header[place] for place in places[:2])
            reason = Message("tabular.column_twice", {"first": first, "second": second})
            raise InvalidInput(self.source, self.grid.header_line, wanted, reason)
        return places[0]

    def _cell(self, row: GridRow, field: str) -> Cell:
        place = self.places[field]
        return None if place is None else row.cells[place]

    def _price(self, row: GridRow) -> SettlementPrice:
        day = self._day(row)
        subject = self._subject(row, day)
        return SettlementPrice(
            kind=self.kind,
            subject=subject,
            trading_day=day,
            price=self._amount(row, subject),
            currency=self._currency(row),
            source=_text(self._cell(row, "source")) or self.source,
            vat_included=self._vat_included(row, subject, day),
        )

    def _subject(self, row: GridRow, day: date) -> str:
        text = _text(self._cell(row, "subject"))
        if not text:
            raise self._refused(row, "subject", "price_file.subject_missing")
        if self.kind in ("spot", "cost"):
            return text
        exchange = _text(self._cell(row, "exchange"))
        try:
            return self.products.canonical(text, day, _EXCHANGES.get(exchange, exchange))
        except RuleBroken as error:
            raise InvalidInput(self.source, row.line, self.name_of("subject"), error.reason) from None

    def _amount(self, row: GridRow, subject: str) -> Decimal:
        cell = self._cell(row, "price")
        if cell is None:
            raise self._refused(row, "price", "price_file.price_missing", subject=subject)
        if isinstance(cell, str) and _NUMBER.fullmatch(cell):
            cell = Decimal(cell.replace(",", ""))
        if not isinstance(cell, Decimal) or abs(cell.adjusted()) > 15:
            raise self._refused(row, "price", "price_file.price_not_a_number", text=str(cell)[:40])
        if cell <= 0:
            raise self._refused(row, "price", "price_file.price_not_positive", subject=subject, price=cell)
        return cell

    def _day(self, row: GridRow) -> date:
        cell = self._cell(row, "day")
        if cell is None and self.trading_day is not None:
            return self.trading_day
        text = _text(cell)
        match = _COMPACT_DAY.fullmatch(text) or _DAY.fullmatch(text)
        try:
            year, month, day = (int(part) for part in match.groups()) if match else (0, 0, 0)
            found = cell if isinstance(cell, date) else date(year, month, day)
        except ValueError:
            raise self._refused(row, "day", "price_file.not_a_date", text=text[:40]) from None
        if not is_plausible(found):
            raise self._refused(row, "day", "statement.far_day", text=text[:40])
        return found

    def _currency(self, row: GridRow) -> str:
        text = _text(self._cell(row, "currency"))
        if not text:
            return self.currency
        code = _CURRENCY_WORDS.get(text, text.upper())
        if not (len(code) == 3 and code.isascii() and code.isalpha()):
            raise self._refused(row, "currency", "price_file.not_a_currency", text=text[:40])
        return code

    def _vat_included(self, row: GridRow, subject: str, day: date) -> bool:
        """What the list says; silent lists follow custom: book costs without VAT, market quotes with, futures as the
        exchange quotes the product."""
        text = _text(self._cell(row, "vat_included")).casefold()
        if text and text not in columns.YES_NO:
            raise self._refused(row, "vat_included", "price_file.not_yes_or_no", text=text[:40])
        if text:
            return columns.YES_NO[text]
        product = self.products.of_instrument(subject, day)
        return product.vat_included if product else self.kind != "cost"

    def _refused(self, row: GridRow, field: str, reason: str, /, **params: object) -> InvalidInput:
        return InvalidInput(self.source, row.line, self.name_of(field), Message(reason, params))


def _text(cell: Cell) -> str:
    return "" if cell is None else str(cell)


_EXCHANGES = {
    "上期所": "SHFE",
    "上海期货交易所": "SHFE",
    "能源中心": "INE",
    "上海国际能源交易中心": "INE",
    "大商所": "DCE",
    "大连商品交易所": "DCE",
    "郑商所": "CZCE",
    "郑州商品交易所": "CZCE",
    "中金所": "CFFEX",
    "中国金融期货交易所": "CFFEX",
    "广期所": "GFEX",
    "广州期货交易所": "GFEX",
}
