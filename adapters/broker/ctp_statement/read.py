"""From the labelled text of a settlement statement to exact figures: one `AccountStatement` per account and currency."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from adapters.broker.ctp_statement import vendor
from adapters.broker.ctp_statement.cells import Cells, amount, day_of, refused
from adapters.reference import load_products
from connectors.ctp_settlement import Block, Figure, StatementText, Table, parse_statement
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.futures import (
    AccountFunds,
    AccountStatement,
    CashMovement,
    ClosedLot,
    Delivery,
    Exercise,
    Fill,
    PositionDetail,
    PositionSummary,
)
from hedge_core.product_table import ProductTable

DOMESTIC: Final = "CNY"
"""The six exchanges settle in yuan: rows that do not say whose they are belong to the yuan block."""

NIGHT_SESSION_REACH: Final = timedelta(days=15)
"""A trading day's night session lies before its holidays; the longest ones take eleven days."""

_MODELS: Final[Mapping[str, type]] = MappingProxyType(
    {
        "cash": CashMovement,
        "fills": Fill,
        "closed": ClosedLot,
        "positions": PositionDetail,
        "summary": PositionSummary,
        "exercises": Exercise,
        "deliveries": Delivery,
    }
)
_FROM_BLOCK: Final = frozenset({"account", "currency"})


def read_statements(source_name: str, body: bytes, products: ProductTable | None = None) -> list[AccountStatement]:
    """The statements in a file of CTP settlement text (GB18030), one per account and currency block.

    Every figure is the exact Decimal that is printed. Fills, lots and prices carry canonical instrument codes. On a daily
    statement each fill belongs to the statement's trading day, whatever date its row prints (kept in `traded_on`); on a
    monthly one to the row's date. `products` helps where 持仓汇总 names a contract no other section has; by default the table
    that comes with the product. Raises `InvalidInput` naming line and field; sums are judged elsewhere
    (`hedge_core.statement_checks`)."""
    return _Reader(source_name, parse_statement(source_name, body), products or load_products()).statements()


class _Reader:
    """One file: its dates, then block by block."""

    def __init__(self, source: str, text: StatementText, products: ProductTable) -> None:
        self.source = source
        self.text = text
        self.products = products
        self.first_day, self.last_day = self._period(text.period)
        self.codes: dict[str, str] = {}
        self.known: dict[tuple[str, str], str] = {}

    def statements(self) -> list[AccountStatement]:
        """Every block's statement. Tables behind several blocks are shared out row by row first."""
        blocks = self.text.blocks
        rows: list[dict[str, list[dict[str, Any]]]] = [{} for _ in blocks]
        totals: list[list[tuple[str, str, Decimal]]] = [[] for _ in blocks]
        unread: list[list[str]] = [[] for _ in blocks]
        self._refuse_repeated_blocks(blocks)
        for at, block in enumerate(blocks):
            # Funds blocks may stand one behind the other with the tables of all of them after the last.
            first = at
            while first > 0 and not blocks[first - 1].tables:
                first -= 1
            for table in block.tables:
                section = vendor.SECTIONS.get(vendor.plain(table.title))
                if section is None:
                    unread[at].extend([table.title] if table.rows else [])
                    continue
                owners = self._read_table(section, table, range(first, at + 1), rows)
                if len(owners) == 1:
                    totals[owners.pop()].extend(self._totals(section, table))
        return [self._statement(*parts) for parts in zip(blocks, rows, totals, unread, strict=True)]

    def _statement(
        self,
        block: Block,
        rows: dict[str, list[dict[str, Any]]],
        totals: list[tuple[str, str, Decimal]],
        unread: list[str],
    ) -> AccountStatement:
        sections = {name: tuple(_MODELS[name](**row) for row in found) for name, found in rows.items()}
        return AccountStatement(
            broker=self.text.broker,
            account=self._account(block),
            client_name=self.text.client_name,
            trading_day=self.last_day,
            first_day=self.first_day,
            created_on=self._created(),
            view=vendor.VIEWS[self.text.view],
            funds=self._funds(block),
            notice=self.text.notice,
            totals=tuple(totals),
            unread_sections=tuple(unread),
            **sections,
        )

    def _period(self, period: Figure) -> tuple[date, date]:
        ends = [part.strip() for part in period.text.replace("—", "-").replace("－", "-").replace("至", "-").split("-")]
        if len(ends) > 2:
            raise refused(self.source, period.line, "日期 Date", "statement.not_a_date", text=period.text[:40])
        first, last = (day_of(self.source, period.line, "日期 Date", end) for end in (ends[0], ends[-1]))
        if first > last:
            raise refused(self.source, period.line, "日期 Date", "statement.period_backwards", text=period.text)
        return first, last

    def _created(self) -> date | None:
        created = self.text.created
        return day_of(self.source, created.line, "制表时间 Creation Date", created.text) if created.text else None

    def _account(self, block: Block) -> str:
        account = block.account or self.text.client_id.text
        if not account:
            raise refused(self.source, self.text.client_id.line, "客户号 Client ID", "statement.no_account")
        return account

    def _refuse_repeated_blocks(self, blocks: tuple[Block, ...]) -> None:
        seen: dict[tuple[str, str], int] = {}
        for block in blocks:
            key = (self._account(block), block.currency or DOMESTIC)
            if key in seen:
                shown = {"account": key[0], "currency": key[1], "first": seen[key]}
                raise refused(self.source, block.line, "资金状况 Account Summary", "statement.block_twice", **shown)
            seen[key] = block.line

    def _funds(self, block: Block) -> AccountFunds:
        printed = {vendor.plain(label): (label, figure) for label, figure in block.figures.items()}
        values: dict[str, Decimal] = {}
        for name, column in vendor.FUNDS.items():
            found = next((printed[key] for label in column.labels if (key := vendor.plain(label)) in printed), None)
            required = column.required or (name == "holding_mtm" and self.text.view == "盯市")
            if found is None and required:
                raise refused(self.source, block.line, column.labels[0], "statement.label_missing")
            if found is None:
                continue
            label, figure = found
            text = figure.text.removesuffix("%") if name == "risk_degree" else figure.text
            value = amount(self.source, figure.line, label, text)
            values[name] = value.scaleb(-2) if figure.text.endswith("%") else value
        if self.text.view == "盯市":
            values.pop("floating", None)
        else:
            values["holding_mtm"] = Decimal(0)
        missing = {name: Decimal(0) for name in vendor.FUNDS if name not in values}
        if "market_equity" in missing:
            missing["market_equity"] = values["equity"]
        return AccountFunds(currency=block.currency or DOMESTIC, **values, **missing)

    # --- tables ---

    def _read_table(
        self, section: str, table: Table, candidates: range, rows: list[dict[str, list[dict[str, Any]]]]
    ) -> set[int]:
        """Reads a section into the blocks its rows belong to; returns those blocks."""
        cells = Cells(self.source, table, vendor.COLUMNS[section])
        owners: set[int] = set() if table.rows else {self._owner(None, cells, candidates)}
        seen: dict[tuple[object, ...], int] = {}
        for row in table.rows:
            cells.row = row
            owner = self._owner(row.line, cells, candidates)
            owners.add(owner)
            values = self._values(section, cells, self.text.blocks[owner])
            if section == "fills":
                self._refuse_repeated_fill(values, row.line, seen)
            rows[owner].setdefault(section, []).append(values)
        return owners

    def _owner(self, line: int | None, cells: Cells, candidates: range) -> int:
        """The block that a row belongs to: the only one, else by account, by currency, or the yuan block."""
        left = list(candidates)
        if len(left) == 1:
            return left[0]
        blocks = self.text.blocks
        account = cells.text("account") if line else ""
        currency = cells.text("currency") if line else ""
        if account:
            left = [at for at in left if self._account(blocks[at]) == account]
        if len(left) > 1:
            wanted = {"人民币": "CNY", "美元": "USD", "": DOMESTIC}.get(currency, currency)
            left = [at for at in left if (blocks[at].currency or DOMESTIC) == wanted]
        if len(left) != 1:
            raise refused(self.source, line or cells.table.line, cells.table.title, "statement.block_unclear")
        return left[0]

    def _values(self, section: str, cells: Cells, block: Block) -> dict[str, Any]:
        values = cells.values(section, skip=_FROM_BLOCK)
        if "instrument" in values:
            values["instrument"] = self._instrument(values, cells)
        dates = [name for name in ("traded_on", "closed_on", "delivered_on", "moved_on") if name in values]
        for name in dates:
            if not self.first_day - NIGHT_SESSION_REACH <= values[name] <= self.last_day:
                shown = {"day": values[name], "first": self.first_day, "last": self.last_day}
                raise refused(self.source, cells.row.line, cells.label(name), "statement.date_outside", **shown)
        if section == "summary":
            values.pop("exchange", None)
        if section == "cash":
            values["currency"] = block.currency or DOMESTIC
        if section == "fills":
            daily = self.first_day == self.last_day
            values["trading_day"] = self.last_day if daily else values["traded_on"]
            if values["traded_on"] == values["trading_day"]:
                values["traded_on"] = None
            values.update(account=self._account(block), currency=block.currency or DOMESTIC)
        if section == "closed" and self.first_day == self.last_day:
            values["closed_on"] = self.last_day
        return values

    def _instrument(self, values: dict[str, Any], cells: Cells) -> str:
        """The canonical code. 持仓汇总 has no exchange column: the other sections know the contract, else the product table."""
        text = str(values["instrument"])
        try:
            if exchange := values.get("exchange", ""):
                code = self.known.get((exchange, text)) or self.products.canonical(text, self.last_day, exchange)
                self.known[exchange, text] = self.codes[text.casefold()] = code
                return code
            return self.codes.get(text.casefold()) or self.products.canonical(text, self.last_day)
        except RuleBroken as error:
            raise InvalidInput(self.source, cells.row.line, cells.label("instrument"), error.reason) from None

    def _refuse_repeated_fill(self, values: dict[str, Any], line: int, seen: dict[tuple[object, ...], int]) -> None:
        key = tuple(values[name] for name in ("account", "exchange", "fill_id", "direction", "trading_day"))
        if key in seen:
            shown = {"number": values["fill_id"], "first": seen[key]}
            raise refused(self.source, line, "成交序号 Trans.No.", "statement.fill_twice", **shown)
        seen[key] = line

    def _totals(self, section: str, table: Table) -> list[tuple[str, str, Decimal]]:
        """What the total row prints in columns of quantities and money."""
        cells = Cells(self.source, table, vendor.COLUMNS[section])
        cells.row = table.total
        return [(section, name, value) for name, value in cells.totals(section)]
