"""From the template's rows to `AccountStatement`s: one per account, currency and trading day, all of them or none."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any, Final

from adapters.broker.generic_statement import columns
from adapters.broker.table_cells import Place, day_of, lots, money, text_of, word
from adapters.reference import load_products
from connectors.tabular import Cell, Grid, GridRow, is_workbook, read_table
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.foreign_instruments import parse_foreign
from hedge_core.model.futures import (
    EXCHANGES,
    AccountFunds,
    AccountStatement,
    CashMovement,
    ClosedLot,
    Fill,
    HedgeFlag,
    PositionDetail,
)
from hedge_core.product_table import ProductTable
from messages import Message

_ZERO: Final = Decimal(0)
Key = tuple[str, str, date]


def is_generic(header: tuple[str, ...]) -> bool:
    """Whether a table's header is the template's: it names the record, the account and the trading day."""
    return {"record", "account", "trading_day"} <= {columns.column_of(name) for name in header}


def read_statements(
    source_name: str, body: bytes, products: ProductTable | None = None, sheet: str | None = None
) -> list[AccountStatement]:
    """The statements in a filled template (CSV in UTF-8 or GB18030, .xlsx, .xls).

    Amounts are in the row's currency; amounts of cash rows are signed, money in is positive. Instruments of the six
    Chinese exchanges may be written in any of their spellings, others as `CL2612` or `CLZ6` with their exchange. What the
    rows leave empty stands in the statement's `unknown`. Raises `InvalidInput` naming row and column."""
    if not is_workbook(body):
        _refuse_cut(source_name, body)
    grid = read_table(source_name, body, sheet)
    return _Reader(source_name, grid, products or load_products()).statements()


def _refuse_cut(source: str, body: bytes) -> None:
    """A last line without its end and with fewer cells than the one before was cut on its way."""
    lines = body.split(b"\n")
    if len(lines) < 3 or not lines[-1].strip():
        return
    before, last = (max(line.count(sign) for sign in (b",", b";", b"\t")) for line in lines[-2:])
    if last < before:
        raise InvalidInput(source, len(lines), "file", Message("generic_statement.cut"))


class _Reader:
    def __init__(self, source: str, grid: Grid, products: ProductTable) -> None:
        self.source, self.grid, self.products = source, grid, products
        self.places: dict[str, int] = {}
        for at, name in enumerate(grid.header):
            column = columns.column_of(name)
            if column is None:
                continue
            if column in self.places:
                reason = Message("tabular.column_twice", {"first": grid.header[self.places[column]], "second": name})
                raise InvalidInput(source, grid.header_line, name, reason)
            self.places[column] = at
        for column in ("record", "account", "currency", "trading_day", "name", "amount"):
            if column not in self.places:
                shown = {"columns": f"{column}, {', '.join(columns.COLUMNS[column])}"}
                raise InvalidInput(source, grid.header_line, column, Message("tabular.column_missing", shown))

    def statements(self) -> list[AccountStatement]:
        found: dict[Key, _Building] = {}
        above: tuple[Cell, ...] = (None, None, None)
        for row in self.grid.rows:
            key_cells = [self._cell(row, name) for name in ("account", "currency", "trading_day")]
            above = tuple(above[at] if cell is None else cell for at, cell in enumerate(key_cells))
            key = self._key(row, above)
            building = found.setdefault(key, _Building(row.line))
            record = word(self._place(row, "record"), self._cell(row, "record"), columns.RECORDS)
            for name in columns.REQUIRED[record]:
                if not text_of(self._cell(row, name)):
                    raise self._place(row, name).refused("generic_statement.cell_missing", record=record)
            for name, unknown in columns.OPTIONAL.get(record, ()):
                if not text_of(self._cell(row, name)):
                    building.unknown.setdefault(unknown)
            getattr(self, f"_{record}")(row, key, building)
        if not found:
            raise InvalidInput(self.source, self.grid.header_line, "file", Message("generic_statement.no_rows"))
        return [self._statement(key, building) for key, building in found.items()]

    def _statement(self, key: Key, building: _Building) -> AccountStatement:
        account, currency, day = key
        for name in columns.NEEDED_FUNDS:
            if name not in building.funds:
                label = f"{name} {columns.FUNDS[name]}"
                shown = {"account": account, "currency": currency, "day": day}
                reason = Message("generic_statement.funds_missing", shown)
                raise InvalidInput(self.source, building.line, label, reason)
        silent = [f"funds.{name}" for name in columns.FUNDS if name not in building.funds]
        if not building.closed and any(not fill.offset.opens for fill in building.fills):
            silent.append("closed")
        if not building.cash and not building.funds.get("deposit_withdrawal"):
            silent.append("cash")  # money that moved needs its rows: without them the file may have been cut
        return AccountStatement(
            broker="",
            account=account,
            client_name="",
            trading_day=day,
            first_day=day,
            created_on=None,
            view=building.view,
            funds=_funds(currency, building.funds),
            fills=tuple(building.fills),
            closed=tuple(building.closed),
            positions=tuple(building.positions),
            cash=tuple(building.cash),
            unknown=(*columns.NEVER, *silent, *building.unknown),
        )

    def _key(self, row: GridRow, cells: tuple[Cell, ...]) -> Key:
        account, currency = text_of(cells[0]), text_of(cells[1]).upper()
        if not account:
            raise self._place(row, "account").refused("statement.no_account")
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise self._place(row, "currency").refused("price_file.not_a_currency", text=currency[:40])
        return account, currency, day_of(self._place(row, "trading_day"), cells[2])

    # --- one function per record ---

    def _funds(self, row: GridRow, key: Key, building: _Building) -> None:
        del key
        text = columns.plain(text_of(self._cell(row, "name")))
        if text in columns.VIEW:
            building.view = word(self._place(row, "note"), self._cell(row, "note"), columns.VIEWS)
            return
        name = next((field for field, chinese in columns.FUNDS.items() if text in (field, chinese)), None)
        if name is None:
            known = "、".join(f"{field} {chinese}" for field, chinese in columns.FUNDS.items())
            raise self._place(row, "name").refused("statement.unknown_word", text=text[:40], known=known)
        if name in building.funds:
            raise self._place(row, "name").refused("generic_statement.funds_twice", name=name)
        building.funds[name] = money(self._place(row, "amount"), self._cell(row, "amount"))

    def _fill(self, row: GridRow, key: Key, building: _Building) -> None:
        account, currency, day = key
        instrument = self._instrument(row, day)
        count, price = self._lots(row), self._money(row, "price")
        fill = Fill(
            account=account,
            exchange=instrument.split(".")[0],
            fill_id=text_of(self._cell(row, "fill_id")),
            trading_day=day,
            instrument=instrument,
            direction=word(self._place(row, "direction"), self._cell(row, "direction"), columns.DIRECTIONS),
            offset=word(self._place(row, "offset"), self._cell(row, "offset"), columns.OFFSETS),
            hedge_flag=self._flag(row) or HedgeFlag.GENERAL,
            lots=count,
            price=price,
            turnover=self._money(row, "turnover", _ZERO),
            fee=self._money(row, "fee"),
            realised_mtm=self._money(row, "result", _ZERO),
            currency=currency,
        )
        first = building.lines.setdefault(fill.key, row.line)
        if first != row.line:
            raise self._place(row, "fill_id").refused("statement.fill_twice", number=fill.fill_id, first=first)
        building.fills.append(fill)

    def _closed(self, row: GridRow, key: Key, building: _Building) -> None:
        instrument = self._instrument(row, key[2])
        building.closed.append(
            ClosedLot(
                exchange=instrument.split(".")[0],
                instrument=instrument,
                open_date=self._open_date(row, key[2]),
                direction=word(self._place(row, "direction"), self._cell(row, "direction"), columns.DIRECTIONS),
                hedge_flag=self._flag(row),
                lots=self._lots(row),
                open_price=self._money(row, "open_price"),
                previous_settlement=self._money(row, "previous_settlement", _ZERO),
                close_price=self._money(row, "price"),
                realised_mtm=self._money(row, "result"),
                closed_on=key[2],
            )
        )

    def _position(self, row: GridRow, key: Key, building: _Building) -> None:
        instrument = self._instrument(row, key[2])
        building.positions.append(
            PositionDetail(
                exchange=instrument.split(".")[0],
                instrument=instrument,
                open_date=self._open_date(row, key[2]),
                hedge_flag=self._flag(row) or HedgeFlag.GENERAL,
                direction=word(self._place(row, "direction"), self._cell(row, "direction"), columns.DIRECTIONS),
                lots=self._lots(row),
                open_price=self._money(row, "open_price"),
                previous_settlement=self._money(row, "previous_settlement", _ZERO),
                settlement_price=self._money(row, "settlement_price"),
                floating=self._money(row, "floating", _ZERO),
                holding_mtm=self._money(row, "result", _ZERO),
                margin=self._money(row, "margin", _ZERO),
            )
        )

    def _cash(self, row: GridRow, key: Key, building: _Building) -> None:
        amount = self._money(row, "amount")
        kind, note = text_of(self._cell(row, "name")), text_of(self._cell(row, "note"))
        building.cash.append(CashMovement(key[2], kind, max(amount, _ZERO), max(-amount, _ZERO), key[1], note))

    # --- cells ---

    def _cell(self, row: GridRow, column: str) -> Cell:
        at = self.places.get(column)
        return None if at is None else row.cells[at]

    def _place(self, row: GridRow, column: str) -> Place:
        at = self.places.get(column)
        return Place(self.source, row.line, column if at is None else self.grid.header[at])

    def _money(self, row: GridRow, column: str, empty: Decimal | None = None) -> Decimal:
        return money(self._place(row, column), self._cell(row, column), empty)

    def _lots(self, row: GridRow) -> int:
        return lots(self._place(row, "lots"), self._cell(row, "lots"))

    def _flag(self, row: GridRow) -> HedgeFlag | None:
        cell = self._cell(row, "hedge_flag")
        return word(self._place(row, "hedge_flag"), cell, columns.FLAGS) if text_of(cell) else None

    def _open_date(self, row: GridRow, day: date) -> date:
        opened = day_of(self._place(row, "open_date"), self._cell(row, "open_date"))
        if opened > day:
            shown = {"day": opened, "first": day, "last": day}
            raise self._place(row, "open_date").refused("statement.date_outside", **shown)
        return opened

    def _instrument(self, row: GridRow, day: date) -> str:
        exchange, text = (text_of(self._cell(row, name)) for name in ("exchange", "instrument"))
        try:
            if exchange.upper() in EXCHANGES:
                return self.products.canonical(text, day, exchange.upper())
            return parse_foreign(text, exchange, day)
        except RuleBroken as error:
            place = self._place(row, "instrument")
            raise InvalidInput(place.source, place.line, place.field, error.reason) from None


class _Building:
    """What has been read of one statement; `line` is its first row."""

    def __init__(self, line: int) -> None:
        self.line = line
        self.view = "mtm"
        self.funds: dict[str, Decimal] = {}
        self.fills: list[Fill] = []
        self.closed: list[ClosedLot] = []
        self.positions: list[PositionDetail] = []
        self.cash: list[CashMovement] = []
        self.unknown: dict[str, None] = {}
        self.lines: dict[str, int] = {}


def _funds(currency: str, given: Mapping[str, Decimal]) -> AccountFunds:
    """The funds: figures that were not given are zero, the equity is the balance with pledge and floating result."""
    names = [name for name in AccountFunds.__dataclass_fields__ if name != "currency"]
    values: dict[str, Any] = {name: given.get(name, _ZERO) for name in names}
    values["equity"] = given.get("equity", values["balance_cf"] + values["pledge"] + values["floating"])
    values["market_equity"] = values["equity"]
    return AccountFunds(currency=currency, **values)
