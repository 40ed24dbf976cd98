"""The tables of a CFMMC workbook, row by row: fills, closed lots, positions, their summary, money movements, charges."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any, Final

from adapters.broker.cfmmc_workbook import vendor
from adapters.broker.cfmmc_workbook.layout import Section
from adapters.broker.ctp_statement.vendor import DIRECTIONS, FLAGS, OFFSETS
from adapters.broker.table_cells import Place, day_of, lots, money, text_of, word
from connectors.tabular import Cell, GridRow
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.futures import (
    CashMovement,
    ClosedLot,
    Direction,
    Fill,
    PositionDetail,
    PositionSummary,
)
from hedge_core.product_table import ProductTable
from hedge_core.trading_calendar import EXCHANGE_TIME, NIGHT_BEGINS
from messages import Message

CURRENCY: Final = "CNY"
NIGHT_SESSION_REACH: Final = timedelta(days=15)
"""A trading day's night session lies before its holidays; the longest ones take eleven days."""
_ZERO: Final = Decimal(0)
_TIME = re.compile(r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})")


@dataclass(frozen=True, slots=True)
class Report:
    """What the head of a workbook says about all its rows."""

    source: str
    account: str
    view: str
    monthly: bool
    first_day: date
    last_day: date


class Tables:
    """The sections of one workbook. Read the fills first: they tell what was opened in the file. `totals` collects what the
    total rows print, in the names of the model."""

    def __init__(self, report: Report, sections: Mapping[str, Section], products: ProductTable) -> None:
        self.report, self.sections, self.products = report, sections, products
        self.opened_today: set[tuple[str, str]] = set()
        self.totals: list[tuple[str, str, Decimal]] = []

    def _rows(self, name: str) -> list[tuple[GridRow, _Row]]:
        section = self.sections.get(name)
        return [(row, _Row(section, name, row)) for row in section.rows] if section else []

    def _add_totals(self, name: str, columns: Mapping[str, tuple[str, ...]]) -> None:
        """The total row's figures: each model column with the workbook's columns that add up to it."""
        section = self.sections.get(name)
        if section is None or section.total is None:
            return
        row = _Row(section, name, section.total)
        for column, fields in columns.items():
            printed = [row.money(field) for field in fields if text_of(row.cell(field))]
            if printed:
                self.totals.append((name, column, sum(printed, _ZERO)))

    def fills(self) -> tuple[Fill, ...]:
        fills: list[Fill] = []
        seen: dict[str, int] = {}
        for line, row in self._rows("fills"):
            instrument = self._instrument(row)
            day = self._trading_day(row)
            traded_on = row.day("traded_on") if text_of(row.cell("traded_on")) else day
            self._refuse_outside(row, "traded_on", traded_on)
            fill_id = text_of(row.cell("fill_id"))
            if not fill_id:
                raise row.place("fill_id").refused("statement.fill_number_missing")
            fill = Fill(
                account=self.report.account,
                exchange=instrument.split(".")[0],
                fill_id=fill_id,
                trading_day=day,
                instrument=instrument,
                direction=row.word("direction", DIRECTIONS),
                offset=row.word("offset", OFFSETS),
                hedge_flag=row.flag(),
                lots=lots(row.place("lots"), row.cell("lots")),
                price=row.money("price"),
                turnover=row.money("turnover"),
                fee=row.money("fee", _ZERO),
                realised_mtm=row.money("realised_mtm", _ZERO),
                currency=CURRENCY,
                traded_at=self._moment(row, traded_on, day),
                traded_on=None if traded_on == day else traded_on,
            )
            if fill.key in seen:
                raise row.place("fill_id").refused("statement.fill_twice", number=fill_id, first=seen[fill.key])
            seen[fill.key] = line.line
            if fill.offset.opens:
                self.opened_today.add((instrument, fill_id))
            fills.append(fill)
        self._add_totals("fills", {name: (name,) for name in ("lots", "turnover", "fee", "realised_mtm")})
        return tuple(fills)

    def _moment(self, row: _Row, traded_on: date, day: date) -> datetime | None:
        """The moment of a fill. Some exchanges print the trading day for the evening before: then it is not known."""
        match = _TIME.fullmatch(text_of(row.cell("time")))
        try:
            at = time(int(match[1]), int(match[2]), int(match[3])) if match else None
        except ValueError:
            at = None
        if at is None or (at >= NIGHT_BEGINS and traded_on >= day):
            return None
        return datetime.combine(traded_on, at, EXCHANGE_TIME).astimezone(UTC)

    def closed(self) -> tuple[tuple[ClosedLot, ...], bool]:
        """平仓明细 whose opening fill is in the file, by contract and side; and whether that is all of it."""
        groups: dict[tuple[str, Direction], list[ClosedLot]] = {}
        undated: set[tuple[str, Direction]] = set()
        days = {(fill_id, code): day for code, fill_id, day in self._opening_days()}
        for _, row in self._rows("closed"):
            instrument, direction = self._instrument(row), row.word("direction", DIRECTIONS)
            opened = days.get((text_of(row.cell("open_fill")), instrument))
            if opened is None:
                undated.add((instrument, direction))
            groups.setdefault((instrument, direction), []).append(
                ClosedLot(
                    exchange=instrument.split(".")[0],
                    instrument=instrument,
                    open_date=opened or self.report.first_day,
                    direction=direction,
                    hedge_flag=None,
                    lots=lots(row.place("lots"), row.cell("lots")),
                    open_price=row.money("open_price"),
                    previous_settlement=row.money("previous_settlement", _ZERO),
                    close_price=row.money("close_price"),
                    realised_mtm=row.money("realised_mtm"),
                    closed_on=self._trading_day(row) if self._has_day(row) else None,
                )
            )
        columns = {"lots": ("lots",), "realised_mtm": ("realised_mtm",)}
        if undated:
            self._refuse_missing_rows("closed", columns, [lot for found in groups.values() for lot in found])
        else:
            self._add_totals("closed", columns)
        kept = [lot for group, found in groups.items() if group not in undated for lot in found]
        return tuple(kept), not undated

    def _refuse_missing_rows(
        self, name: str, columns: Mapping[str, tuple[str, ...]], rows: Sequence[ClosedLot]
    ) -> None:
        """The total row against rows that the statement will not carry all, so that no later check can do it."""
        kept = len(self.totals)
        self._add_totals(name, columns)
        printed, self.totals = self.totals[kept:], self.totals[:kept]
        for _, column, found in printed:
            expected = sum((Decimal(getattr(row, column)) for row in rows), _ZERO)
            if expected != found:
                section = self.sections[name]
                shown = {"section": name, "column": column, "expected": expected, "found": found}
                shown["difference"] = found - expected
                raise InvalidInput(
                    self.report.source, section.line, section.title, Message("statement.check_total", shown)
                )

    def _opening_days(self) -> list[tuple[str, str, date]]:
        return [
            (self._instrument(row), text_of(row.cell("fill_id")), self._trading_day(row))
            for _, row in self._rows("fills")
            if row.word("offset", OFFSETS).opens
        ]

    def positions(self) -> tuple[PositionDetail, ...]:
        found: list[PositionDetail] = []
        for _, row in self._rows("positions"):
            instrument = self._instrument(row)
            today = (instrument, text_of(row.cell("fill_id"))) in self.opened_today and not self.report.monthly
            opened = self.report.last_day if today else row.day("open_date")
            result = row.money("result", _ZERO)
            sides = [
                (direction, count, row.money(f"{side}_price"))
                for side, direction in (("long", Direction.BUY), ("short", Direction.SELL))
                if (count := lots(row.place(f"{side}_lots"), row.cell(f"{side}_lots"), 0))
            ]
            if len(sides) != 1:
                raise row.place("long_lots").refused("cfmmc.not_one_side")
            direction, count, price = sides[0]
            found.append(
                PositionDetail(
                    exchange=instrument.split(".")[0],
                    instrument=instrument,
                    open_date=opened,
                    hedge_flag=row.flag(),
                    direction=direction,
                    lots=count,
                    open_price=price,
                    previous_settlement=row.money("previous_settlement", _ZERO),
                    settlement_price=row.money("settlement_price"),
                    floating=_ZERO if self.report.view == "mtm" else result,
                    holding_mtm=result if self.report.view == "mtm" else _ZERO,
                    margin=_ZERO,
                )
            )
        result_of = "holding_mtm" if self.report.view == "mtm" else "floating"
        self._add_totals("positions", {"lots": ("long_lots", "short_lots"), result_of: ("result",)})
        return tuple(found)

    def summary(self) -> tuple[PositionSummary, ...]:
        found = tuple(
            PositionSummary(
                instrument=self._instrument(row),
                hedge_flag=row.flag(),
                long_lots=lots(row.place("long_lots"), row.cell("long_lots"), 0),
                long_average=row.money("long_average", _ZERO),
                short_lots=lots(row.place("short_lots"), row.cell("short_lots"), 0),
                short_average=row.money("short_average", _ZERO),
                previous_settlement=row.money("previous_settlement", _ZERO),
                settlement_price=row.money("settlement_price"),
                holding_mtm=row.money("result", _ZERO) if self.report.view == "mtm" else _ZERO,
                margin=row.money("margin"),
            )
            for _, row in self._rows("summary")
        )
        self._add_totals("summary", {name: (name,) for name in ("long_lots", "short_lots", "margin")})
        return found

    def cash(self) -> tuple[CashMovement, ...]:
        found = tuple(
            CashMovement(
                moved_on=self._moved_on(row),
                kind=text_of(row.cell("kind")),
                amount_in=row.money("amount_in", _ZERO),
                amount_out=row.money("amount_out", _ZERO),
                currency=CURRENCY,
                note=text_of(row.cell("note")),
            )
            for _, row in self._rows("cash")
        )
        self._add_totals("cash", {"amount_in": ("amount_in",), "amount_out": ("amount_out",)})
        return found

    def charges(self) -> tuple[CashMovement, ...]:
        return tuple(
            CashMovement(
                moved_on=self._moved_on(row),
                kind=text_of(row.cell("kind")),
                amount_in=max(-row.money("amount"), _ZERO),
                amount_out=max(row.money("amount"), _ZERO),
                currency=CURRENCY,
                note=" ".join(part for part in (text_of(row.cell("exchange")), text_of(row.cell("note"))) if part),
            )
            for _, row in self._rows("other_charges")
        )

    def _moved_on(self, row: _Row) -> date:
        day = row.day("moved_on")
        self._refuse_outside(row, "moved_on", day)
        return day

    def _has_day(self, row: _Row) -> bool:
        return not self.report.monthly or bool(text_of(row.cell("trading_day")))

    def _trading_day(self, row: _Row) -> date:
        if not self.report.monthly:
            return self.report.last_day
        day = row.day("trading_day")
        self._refuse_outside(row, "trading_day", day)
        return day

    def _refuse_outside(self, row: _Row, field: str, day: date) -> None:
        if not self.report.first_day - NIGHT_SESSION_REACH <= day <= self.report.last_day:
            shown = {"day": day, "first": self.report.first_day, "last": self.report.last_day}
            raise row.place(field).refused("statement.date_outside", **shown)

    def _instrument(self, row: _Row) -> str:
        text = text_of(row.cell("instrument"))
        try:
            return self.products.canonical(text, self.report.last_day)
        except RuleBroken as error:
            place = row.place("instrument")
            raise InvalidInput(place.source, place.line, place.field, error.reason) from None


class _Row:
    """One row of a section, its cells by field name."""

    __slots__ = ("columns", "row", "section")

    def __init__(self, section: Section, name: str, row: GridRow) -> None:
        self.section, self.row = section, row
        self.columns = vendor.COLUMNS[name]

    def cell(self, field: str) -> Cell:
        return self.section.cell(self.row, self.columns[field])

    def place(self, field: str) -> Place:
        return self.section.place(self.row, self.columns[field][0])

    def money(self, field: str, empty: Decimal | None = None) -> Decimal:
        return money(self.place(field), self.cell(field), empty)

    def day(self, field: str) -> date:
        return day_of(self.place(field), self.cell(field))

    def word(self, field: str, known: Any) -> Any:
        return word(self.place(field), self.cell(field), known)

    def flag(self) -> Any:
        return word(self.place("hedge_flag"), vendor.plain(text_of(self.cell("hedge_flag"))), FLAGS)
