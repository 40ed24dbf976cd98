"""From the labels of a CFMMC workbook to exact figures: one `AccountStatement`, in the view its title names.

The form lacks much that a broker's own statement prints (`vendor.UNKNOWN`); those names stand in the statement's `unknown`.
In the mark-to-market view it prints one result of the day: what of it was realised comes from the fills, the rest is held.
平仓明细 names the opening fill, not its date: rows whose opening fill is not in the file leave the lots of their contract and
side to the usual order of closing, and `closed` is named as unknown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from adapters.broker.cfmmc_workbook import vendor
from adapters.broker.cfmmc_workbook.layout import Figure, Section, figures_of, sections_of
from adapters.broker.cfmmc_workbook.sections import CURRENCY, Report, Tables
from adapters.broker.table_cells import day_of, fraction, money, text_of
from adapters.reference import load_products
from connectors.tabular import Sheet, read_sheets
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import AccountFunds, AccountStatement, Fill
from hedge_core.product_table import ProductTable
from messages import Message

_ZERO: Final = Decimal(0)
_MONTH = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})月?(?:[-/.]?01)?(?: 00:00:00)?")


def read_statements(source_name: str, body: bytes, products: ProductTable | None = None) -> list[AccountStatement]:
    """The statement in a CFMMC workbook (.xls or .xlsx; daily or monthly; 逐日盯市 or 逐笔对冲).

    Figures are exact as Excel shows them, instruments canonical. A daily file's fills belong to its trading day; a fill of
    the night session keeps the evening in `traded_on`. A position whose opening fill is in the file was opened on the
    trading day; an older one keeps the natural date that is printed. Raises `InvalidInput` naming row and label."""
    return read_sheets_of(source_name, read_sheets(source_name, body), products)


def read_sheets_of(
    source_name: str, sheets: Sequence[Sheet], products: ProductTable | None = None
) -> list[AccountStatement]:
    """`read_statements` for a workbook that has been opened already."""
    return [_Reader(source_name, sheets, products or load_products()).statement()]


class _Reader:
    """One workbook: its head, its sections by name, then each section's rows."""

    def __init__(self, source: str, sheets: Sequence[Sheet], products: ProductTable) -> None:
        self.source = source
        figures = [figures_of(source, sheet) for sheet in sheets]
        head = next((found for found in figures if vendor.EQUITY[0] in found), None)
        if head is None:
            raise self._refused(0, vendor.EQUITY[0], "statement.label_missing")
        self.head = head
        self.view, self.monthly = self._title(sheets)
        self.first_day, self.last_day = self._period()
        for found in figures:
            self._refuse_another_day(found)
        self.sections: dict[str, Section] = {}
        self.unread: list[str] = []
        for section in (one for sheet in sheets for one in sections_of(source, sheet)):
            self._sort(section)
        report = Report(source, self.account, self.view, self.monthly, self.first_day, self.last_day)
        self.tables = Tables(report, self.sections, products)

    def statement(self) -> AccountStatement:
        fills = self.tables.fills()
        closed, all_dated = self.tables.closed()
        positions, summary = self.tables.positions(), self.tables.summary()
        cash, charges = self.tables.cash(), self.tables.charges()
        for labels in vendor.UNREAD:
            if amount := self._amount(labels, _ZERO):
                self.unread.append(f"{labels[0]} {amount}")
        unknown = (*vendor.UNKNOWN, "positions.floating" if self.view == "mtm" else "positions.holding_mtm")
        return AccountStatement(
            broker=self._head_text(vendor.BROKER),
            account=self.account,
            client_name=self._head_text(vendor.CLIENT),
            trading_day=self.last_day,
            first_day=self.first_day,
            created_on=self._created(),
            view=self.view,
            funds=self._funds(fills),
            fills=fills,
            closed=closed,
            positions=positions,
            summary=summary,
            cash=cash,
            totals=tuple(self.tables.totals),
            unread_sections=tuple(self.unread),
            unknown=unknown if all_dated else (*unknown, "closed"),
            other_charges=charges,
        )

    # --- head ---

    def _title(self, sheets: Sequence[Sheet]) -> tuple[str, bool]:
        texts = [text_of(cell) for sheet in sheets for row in sheet.rows[:8] for cell in row.cells]
        views = {view for text in texts for mark, view in vendor.VIEWS.items() if mark in text}
        if len(views) != 1:
            raise self._refused(1, vendor.TITLES[0], "cfmmc.view_unclear")
        return views.pop(), any(vendor.plain(text).startswith(vendor.TITLES[1]) for text in texts)

    def _period(self) -> tuple[date, date]:
        figure = self._required(vendor.DAY)
        if not self.monthly:
            day = day_of(figure.place, figure.cell)
            return day, day
        cell = figure.cell
        match = _MONTH.fullmatch(cell.isoformat() if isinstance(cell, date) else text_of(cell))
        try:
            first = date(int(match[1]), int(match[2]), 1) if match else None
            following = first and (first + timedelta(days=31)).replace(day=1)
        except (ValueError, OverflowError):
            first = following = None
        if first is None or following is None:
            raise figure.place.refused("cfmmc.not_a_month", text=text_of(cell)[:40])
        return first, following - timedelta(days=1)

    def _refuse_another_day(self, figures: dict[str, Figure]) -> None:
        """Every sheet repeats account and date: sheets of two workbooks in one are refused."""
        for labels in (vendor.ACCOUNT, vendor.DAY):
            figure = next((figures[name] for name in labels if name in figures), None)
            if figure is not None and text_of(figure.cell) != self._head_text(labels):
                raise figure.place.refused(
                    "cfmmc.sheets_differ", text=text_of(figure.cell)[:40], first=self._head_text(labels)[:40]
                )

    @property
    def account(self) -> str:
        account = self._head_text(vendor.ACCOUNT)
        if not account:
            raise self._refused(0, vendor.ACCOUNT[0], "statement.no_account")
        return account

    def _created(self) -> date | None:
        figure = self._figure(vendor.ASKED)
        if figure is None or not text_of(figure.cell):
            return None
        return day_of(figure.place, text_of(figure.cell).split(" ")[0])

    def _figure(self, labels: tuple[str, ...]) -> Figure | None:
        return next((self.head[name] for name in labels if name in self.head), None)

    def _required(self, labels: tuple[str, ...]) -> Figure:
        figure = self._figure(labels)
        if figure is None or not text_of(figure.cell):
            raise self._refused(0, labels[0], "statement.label_missing")
        return figure

    def _head_text(self, labels: tuple[str, ...]) -> str:
        figure = self._figure(labels)
        return text_of(figure.cell) if figure else ""

    def _amount(self, labels: tuple[str, ...], empty: Decimal | None) -> Decimal:
        figure = self._figure(labels)
        if figure is None:
            if empty is None:
                raise self._refused(0, labels[0], "statement.label_missing")
            return empty
        return money(figure.place, figure.cell, empty)

    def _funds(self, fills: Sequence[Fill]) -> AccountFunds:
        values = {name: self._amount(labels, None) for name, labels in vendor.FUNDS.items()}
        if self.view == "mtm":
            realised = sum((fill.realised_mtm for fill in fills), _ZERO)
            holding, floating = self._amount(vendor.RESULT, None) - realised, _ZERO
        else:
            realised, holding = self._amount(vendor.REALISED, None), _ZERO
            floating = self._amount(vendor.FLOATING, None)
        premium = self._amount(vendor.PREMIUM, _ZERO)
        risk = self._figure(vendor.RISK)
        return AccountFunds(
            currency=CURRENCY,
            **values,
            realised_mtm=realised,
            holding_mtm=holding,
            floating=floating,
            premium_received=max(premium, _ZERO),
            premium_paid=max(-premium, _ZERO),
            pledge=self._amount(vendor.PLEDGE, _ZERO),
            risk_degree=fraction(risk.place, risk.cell, _ZERO) if risk else _ZERO,
            margin_call=self._amount(vendor.MARGIN_CALL, _ZERO),
            market_equity=values["equity"],
            exercise_result=_ZERO,
            delivery_result=_ZERO,
            exercise_fee=_ZERO,
            delivery_fee=_ZERO,
            fx_pledge_in=_ZERO,
            fx_pledge_out=_ZERO,
            pledge_change=_ZERO,
            initial_margin=_ZERO,
            fx_pledge_occupied=_ZERO,
            delivery_margin=_ZERO,
            option_value_long=_ZERO,
            option_value_short=_ZERO,
        )

    # --- sections ---

    def _sort(self, section: Section) -> None:
        name = vendor.SECTIONS.get(section.title)
        if name is None:
            self.unread.extend([section.title] if section.rows else [])
            return
        if not name or not (section.rows or section.total):
            return
        if name in vendor.DETAILS and section.rows and section.total is None:
            raise self._refused(section.rows[-1].line, section.title, "cfmmc.total_missing")
        if name in self.sections:
            raise self._refused(section.line, section.title, "cfmmc.section_twice")
        for field, labels in vendor.COLUMNS[name].items():
            if field not in vendor.OPTIONAL and not any(label in section.columns for label in labels):
                shown = {"section": section.title, "columns": ", ".join(section.columns)}
                raise self._refused(section.line + 1, labels[0], "statement.column_missing", **shown)
        self.sections[name] = section

    def _refused(self, line: int, label: str, reason: str, /, **params: object) -> InvalidInput:
        return InvalidInput(self.source, line, label, Message(reason, params))
