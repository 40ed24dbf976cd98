"""A voucher or a hedge note as the bytes of a CSV or Excel file: exact, and with nothing a spreadsheet would run.

CSV is UTF-8 with a byte-order mark and CRLF, so that Excel opens it. A text that a spreadsheet would take for a formula gets an
apostrophe in front. In a workbook texts are text cells, never formulas; an amount is a number cell where a spreadsheet's binary
number shows exactly its digits (up to fifteen), else a text cell: it is exact in any case.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Final

import xlsxwriter

from adapters.erp.file_drop.vendor import FOREIGN_COLUMNS, KIND_WORDS, NOTE_COLUMNS, VOUCHER_COLUMNS, FileDropOptions
from hedge_core.canonical import decimal_text
from hedge_core.errors import Rejected
from hedge_core.model.identity import ExternalRef
from hedge_core.model.vouchers import PostingLine, Voucher
from hedge_core.rounding import MINOR_UNITS

Value = str | Decimal

_RISKY: Final = ("=", "+", "-", "@", "\t", "\r", "\n", "'", "＝", "＋", "－", "＠")
_EXACT_DIGITS: Final = 15
_MADE: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""The creation time written into workbooks: the same voucher gives the same bytes."""


def voucher_table(voucher: Voucher, options: FileDropOptions) -> list[list[Value]]:
    """Headings, then one row per line. Rejected when a dimension has no column."""
    header: list[Value] = [options.heading(names) for names in _columns(voucher).values()]
    rows = [_row(voucher, number, line, options) for number, line in enumerate(voucher.lines, 1)]
    return [[*header, *options.dimensions.values()], *rows]


def note_table(leg: ExternalRef, note: str, options: FileDropOptions) -> list[list[Value]]:
    """Headings and the one row of a hedge note."""
    words = KIND_WORDS.get(leg.kind)
    kind = options.heading(words) if words else leg.kind
    return [[options.heading(names) for names in NOTE_COLUMNS.values()], [kind, leg.key, note]]


def rendered(table: Sequence[Sequence[Value]], kind: str) -> bytes:
    """The bytes of a table as `csv` or `xlsx`."""
    return _WRITERS[kind](table)


def _row(voucher: Voucher, number: int, line: PostingLine, options: FileDropOptions) -> list[Value]:
    given = dict(line.dimensions)
    homeless = next((name for name in given if name not in options.dimensions), None)
    if homeless is not None:
        raise Rejected("dimension", f"no column is configured for the dimension {homeless}", system="HedgeBridge")
    places = MINOR_UNITS.get(voucher.currency, 2)
    values: dict[str, Value] = {
        "reference": voucher.key,
        "posting_date": voucher.posting_date.isoformat(),
        "line": str(number),
        "summary": line.summary or voucher.summary,
        "account": line.account,
        "debit": _money(line.debit, places),
        "credit": _money(line.credit, places),
        "currency": voucher.currency,
        "quantity": line.quantity if line.quantity is not None else "",
        "unit": line.unit or "",
        "cash_flow_item": line.cash_flow_item or "",
        "attachments": str(voucher.attachments),
        "voucher": voucher.voucher_id,
    }
    foreign = line.foreign if line.foreign is not None and line.foreign.kept else None
    values |= {
        "original_currency": foreign.currency if foreign else "",
        "original_amount": _money(foreign.amount, MINOR_UNITS.get(foreign.currency, 2)) if foreign else "",
        "rate": foreign.rate if foreign else "",
    }
    return [*(values[name] for name in _columns(voucher)), *(given.get(name, "") for name in options.dimensions)]


def _columns(voucher: Voucher) -> Mapping[str, tuple[str, str]]:
    return {**VOUCHER_COLUMNS, **(FOREIGN_COLUMNS if voucher.in_currencies else {})}


def _money(amount: Decimal, places: int) -> Decimal:
    """The same amount with at least the currency's decimals written out; never rounded."""
    padded = amount.quantize(Decimal(1).scaleb(-places)) if len(amount.as_tuple().digits) < 26 else amount
    return padded if padded == amount else amount


def _csv(table: Sequence[Sequence[Value]]) -> bytes:
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for row in table:
        writer.writerow([_plain(value) if isinstance(value, Decimal) else _safe(value) for value in row])
    return out.getvalue().encode("utf-8-sig")


def _xlsx(table: Sequence[Sequence[Value]]) -> bytes:
    out = io.BytesIO()
    options = {"in_memory": True, "strings_to_formulas": False, "strings_to_numbers": False, "strings_to_urls": False}
    book = xlsxwriter.Workbook(out, options)
    book.set_properties({"created": _MADE})
    sheet = book.add_worksheet("vouchers")
    for at, row in enumerate(table):
        for column, value in enumerate(row):
            if isinstance(value, Decimal) and _shows_exactly(value):
                sheet.write_number(at, column, float(value))
            elif value != "":
                sheet.write_string(at, column, _plain(value) if isinstance(value, Decimal) else value)
    book.close()
    return out.getvalue()


_WRITERS: Final = {"csv": _csv, "xlsx": _xlsx}
FORMATS: Final = tuple(_WRITERS)


def _shows_exactly(value: Decimal) -> bool:
    digits = decimal_text(value).strip("-").replace(".", "").lstrip("0")
    return len(digits) <= _EXACT_DIGITS and Decimal(repr(float(value))) == value


def _plain(value: Decimal) -> str:
    return format(value, "f")


def _safe(text: str) -> str:
    return "'" + text if text.lstrip(" ").startswith(_RISKY) else text
