"""Writes the empty template with one example row per record: CSV for a program, .xlsx with a guide sheet for a person."""

from __future__ import annotations

import csv
import io
from typing import Any, Final

import xlsxwriter

from adapters.broker.generic_statement import columns
from messages import Message
from messages.catalog import say

KINDS: Final = ("csv", "xlsx")

_ACCOUNT: Final = {"account": "F1234567", "currency": "USD", "trading_day": "2026-09-10"}
_CONTRACT: Final = {"exchange": "COMEX", "instrument": "HG2612"}
EXAMPLE: Final[tuple[dict[str, str], ...]] = (
    {"record": "funds", **_ACCOUNT, "name": "balance_bf", "amount": "100000.00"},
    {"record": "funds", "name": "deposit_withdrawal", "amount": "5000.00"},
    {"record": "funds", "name": "holding_mtm", "amount": "250.00"},
    {"record": "funds", "name": "fee", "amount": "4.94"},
    {"record": "funds", "name": "balance_cf", "amount": "105245.06"},
    {"record": "funds", "name": "margin", "amount": "12000.00"},
    {
        "record": "fill", **_CONTRACT, "fill_id": "700001", "direction": "buy", "offset": "open", "lots": "2",
        "price": "4.5150", "fee": "4.94",
    },
    {
        "record": "position", **_CONTRACT, "open_date": "2026-09-10", "direction": "buy", "lots": "2",
        "open_price": "4.5150", "settlement_price": "4.5200", "result": "250.00",
    },
    {"record": "cash", "name": "bank transfer", "amount": "5000.00", "note": "invented example"},
)  # fmt: skip
"""A made-up day that adds up; the reader takes the template as it is written."""


def write_template(kind: str = "xlsx", lang: str = "en") -> bytes:
    """The template's bytes: `csv` (UTF-8 with mark, opens in Excel) or `xlsx` (with a guide in both languages). `lang`
    chooses the header's language. ValueError for another kind."""
    if kind not in KINDS:
        raise ValueError(f"a template is one of {', '.join(KINDS)}, not {kind}")
    names = [chinese[0] if lang == "zh" else name for name, chinese in columns.COLUMNS.items()]
    rows = [[row.get(name, "") for name in columns.COLUMNS] for row in EXAMPLE]
    if kind == "csv":
        text = io.StringIO(newline="")
        csv.writer(text).writerows([names, *rows])
        return b"\xef\xbb\xbf" + text.getvalue().encode()
    body = io.BytesIO()
    with xlsxwriter.Workbook(body) as book:
        sheet = book.add_worksheet("statement")
        bold, as_text = book.add_format({"bold": True}), book.add_format({"num_format": "@"})
        sheet.write_row(0, 0, names, bold)
        for at, row in enumerate(rows, 1):
            sheet.write_row(at, 0, row, as_text)
        sheet.freeze_panes(1, 0)
        sheet.set_column(0, len(names) - 1, 14)
        _guide(book.add_worksheet("guide"), bold)
    return body.getvalue()


def _guide(sheet: Any, bold: Any) -> None:
    """Column by column what to write, in both languages, then the names that funds rows may use."""
    line = 0
    for name, chinese in columns.COLUMNS.items():
        told = Message(f"generic_statement.column_{name}")
        sheet.write_row(line, 0, [name, chinese[0], say(told, "en"), say(told, "zh")])
        line += 1
    for name, label in columns.FUNDS.items():
        sheet.write_row(line + 1, 0, [name, label], bold)
        line += 1
    sheet.set_column(0, 1, 22)
    sheet.set_column(2, 3, 70)
