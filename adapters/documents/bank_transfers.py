"""Transfers between bank and broker account as the bank's list has them, as a table (CSV or Excel).

Columns, in Chinese or English: number (流水号), account (资金账号), date (日期), amount (金额: money to the broker is positive),
and optionally currency (币种, else CNY) and note (摘要).
"""

from __future__ import annotations

from typing import Final

from adapters.broker.table_cells import Place, day_of, money, text_of
from connectors.tabular import Cell, read_table
from hedge_core.errors import InvalidInput
from hedge_core.reconciliation import BankTransfer
from messages import Message

_HEADINGS: Final = {
    "number": "number", "流水号": "number", "交易流水号": "number",
    "account": "account", "资金账号": "account", "期货账户": "account",
    "date": "date", "日期": "date", "交易日期": "date",
    "amount": "amount", "金额": "amount",
    "currency": "currency", "币种": "currency",
    "note": "note", "摘要": "note",
}  # fmt: skip
_REQUIRED: Final = ("number", "account", "date", "amount")


def read_bank_transfers(source: str, body: bytes) -> list[BankTransfer]:
    """Every transfer of the file; InvalidInput names row and column of the first mistake, a number that stands twice too."""
    grid = read_table(source, body)
    names = [_HEADINGS.get(title.strip().lower()) for title in grid.header]
    for required in _REQUIRED:
        if required not in names:
            missing = Message("documents.column_missing", {"column": required})
            raise InvalidInput(source, grid.header_line, required, missing)
    found: dict[str, BankTransfer] = {}
    for row in grid.rows:
        cells: dict[str, Cell] = {name: cell for name, cell in zip(names, row.cells, strict=False) if name is not None}

        def place(name: str, line: int = row.line) -> Place:
            return Place(source, line, name)

        texts = {name: text_of(cells.get(name)) for name in _HEADINGS.values()}
        for name in ("number", "account"):
            if not texts[name]:
                raise place(name).refused("documents.cell_empty")
        if texts["number"] in found:
            raise place("number").refused("movement.number_twice", number=texts["number"])
        found[texts["number"]] = BankTransfer(
            texts["number"],
            texts["account"],
            texts["currency"].upper() or "CNY",
            day_of(place("date"), cells.get("date")),
            money(place("amount"), cells.get("amount")),
            texts["note"],
            source,
        )
    return list(found.values())
