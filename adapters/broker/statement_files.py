"""One entrance for every statement file: finds out from the content what it is and reads it, or says what it is not.

CTP settlement text, CFMMC workbooks, Flex XML, the generic template. The file's name decides nothing.
"""

from __future__ import annotations

import html
import re
from enum import StrEnum
from typing import Final

from adapters.broker import cfmmc_workbook, ctp_statement, generic_statement, ibkr_flex
from connectors.ibkr_flex import is_flex
from connectors.tabular import Sheet, is_workbook, read_sheets, read_table
from hedge_core.errors import InvalidInput
from hedge_core.model.futures import AccountStatement
from hedge_core.product_table import ProductTable
from messages import Message

__all__ = ["StatementKind", "kind_of", "read_any_statement"]

_CTP_MARKS: Final = ("交易结算单", "交易核算单", "资金状况", "客户号")
_HIDDEN = re.compile(r"<(script|style)\b.*?</\1\s*>", re.IGNORECASE | re.DOTALL)
_TAG = re.compile(r"<[^<>]*>")
_EXCERPT: Final = 160
_HEAD: Final = 200_000


class StatementKind(StrEnum):
    """What a file is."""

    CTP_TEXT = "ctp_text"
    CFMMC_WORKBOOK = "cfmmc_workbook"
    IBKR_FLEX = "ibkr_flex"
    GENERIC = "generic"


def kind_of(source_name: str, body: bytes) -> StatementKind:
    """What kind of statement the bytes are. `InvalidInput` with what they are instead, where that can be told."""
    return _sniff(source_name, body)[0]


def read_any_statement(source_name: str, body: bytes, products: ProductTable | None = None) -> list[AccountStatement]:
    """Every statement in a file of any kind we know, complete or `InvalidInput`; nothing else is raised for any bytes.

    A web page instead of a file gives its own words back (a login page, “not a trading day”); encrypted workbooks, PDFs and
    unknown workbooks are named as such."""
    kind, sheets = _sniff(source_name, body)
    if kind is StatementKind.CTP_TEXT:
        return ctp_statement.read_statements(source_name, body, products)
    if kind is StatementKind.CFMMC_WORKBOOK:
        return cfmmc_workbook.read_sheets_of(source_name, sheets, products)
    if kind is StatementKind.IBKR_FLEX:
        return ibkr_flex.read_statements(source_name, body, products)
    return generic_statement.read_statements(source_name, body, products)


def _sniff(source: str, body: bytes) -> tuple[StatementKind, tuple[Sheet, ...]]:
    start = body.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise _refused(source, "statement.empty")
    if start.startswith(b"%PDF"):
        raise _refused(source, "statement_file.is_pdf")
    if start.startswith(b"<"):
        if is_flex(body) or start.startswith(b"<?xml"):
            return StatementKind.IBKR_FLEX, ()
        words = _words_of_page(body)
        reason = "statement_file.is_page" if words else "statement_file.is_empty_page"
        raise _refused(source, reason, **({"vendor_text": words} if words else {}))
    if is_workbook(body):
        return _workbook(source, body)
    if any(mark.encode(encoding) in body for mark in _CTP_MARKS for encoding in ("gb18030", "utf-8")):
        return StatementKind.CTP_TEXT, ()
    try:
        header = read_table(source, body).header
    except InvalidInput as error:
        if error.reason.id in ("tabular.too_large", "tabular.mixed_up", "tabular.is_utf16", "tabular.undecodable"):
            raise
        raise _refused(source, "statement_file.unknown") from None
    if generic_statement.is_generic(header):
        return StatementKind.GENERIC, ()
    raise _refused(source, "statement_file.unknown_table", columns=", ".join(header)[:_EXCERPT])


def _workbook(source: str, body: bytes) -> tuple[StatementKind, tuple[Sheet, ...]]:
    sheets = read_sheets(source, body)
    if cfmmc_workbook.is_cfmmc(sheets):
        return StatementKind.CFMMC_WORKBOOK, sheets
    if sheets and sheets[0].rows:
        header = tuple(str(cell) for cell in sheets[0].rows[0].cells if cell is not None)
        if generic_statement.is_generic(header):
            return StatementKind.GENERIC, sheets
    names = ", ".join(sheet.name for sheet in sheets)[:_EXCERPT]
    raise _refused(source, "statement_file.unknown_workbook", sheets=names)


def _words_of_page(body: bytes) -> str:
    """What a web page says to its reader, cut short; the words are the site's and stay as they are."""
    head = body[:_HEAD]
    try:
        text = head.decode("utf-8")
    except UnicodeDecodeError:
        text = head.decode("gb18030", "replace")
    shown = html.unescape(_TAG.sub(" ", _HIDDEN.sub(" ", text)))
    return " ".join(shown.split())[:_EXCERPT]


def _refused(source: str, reason: str, /, **params: object) -> InvalidInput:
    return InvalidInput(source, 0, "file", Message(reason, params))
