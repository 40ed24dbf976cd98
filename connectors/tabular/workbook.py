"""Excel workbooks (.xlsx, .xls) to rows of cells, read with python-calamine behind limits on what they unpack to.

Excel keeps numbers as binary floats and shows at most 15 significant digits of them. A number becomes the Decimal with the
digits Excel shows in its formula bar: the shortest digits that stand for the float, cut to 15 (so 0.1+0.2 is 0.3 here as it
is there). Formulas are never run: their stored results are read. Error cells (#N/A) are empty.
"""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from collections.abc import Iterator
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Final

import python_calamine

from connectors.tabular.old_excel import EncryptedOldExcel, NotOldExcel, spanned_cells
from hedge_core.errors import InvalidInput
from messages import Message

MAX_UNPACKED: Final = 128 * 1024 * 1024
"""Bytes that all parts of a workbook may unpack to together; a real price list stays below one hundredth."""

_DAMAGED: Final = (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, ValueError, EOFError, KeyError)
"""What the standard library raises for archives that are cut, damaged, encrypted or packed in an unknown way."""

_ENCRYPTED: Final = "EncryptedPackage".encode("utf-16-le")
_DOCTYPES: Final = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
_CELL_PLACE = re.compile(rb"""\sr\s{0,8}=\s{0,8}["']([A-Za-z]{0,3})([0-9]{1,7})["']""")


def workbook_rows(
    source: str, body: bytes, sheet: str | None, max_cells: int
) -> Iterator[tuple[int, list[str | Decimal | date | None]]]:
    """(row, cells) of one sheet, by default the first. `max_cells` bounds the rectangle that the cells span, because the
    reader allocates all of it: a single cell in the last corner would otherwise take gigabytes."""
    if body.startswith(b"PK"):
        _refuse_bombs(source, body, max_cells)
    else:
        _refuse_old(source, body, max_cells)
    names, values, first_row, first_column = _values(source, body, sheet, max_cells)
    if values is None:
        shown = {"sheet": sheet, "sheets": ", ".join(names)}
        raise InvalidInput(source, 0, "file", Message("tabular.no_such_sheet", shown))
    lead: list[str | Decimal | date | None] = [None] * first_column
    for at, row in enumerate(values):
        yield first_row + at + 1, lead + [_cell(value) for value in row]


def workbook_sheets(
    source: str, body: bytes, max_cells: int
) -> dict[str, list[tuple[int, list[str | Decimal | date | None]]]]:
    """Every sheet's (row, cells) by the sheet's name, in the workbook's order. `max_cells` bounds all sheets together."""
    if body.startswith(b"PK"):
        _refuse_bombs(source, body, max_cells)
    else:
        _refuse_old(source, body, max_cells)
    sheets: dict[str, list[tuple[int, list[str | Decimal | date | None]]]] = {}
    names: list[str] = _values(source, body, None, max_cells)[0]
    for name in names:
        _, values, first_row, first_column = _values(source, body, name, max_cells)
        lead: list[str | Decimal | date | None] = [None] * first_column
        sheets[name] = [(first_row + at + 1, lead + [_cell(v) for v in row]) for at, row in enumerate(values or [])]
    return sheets


def _values(
    source: str, body: bytes, sheet: str | None, max_cells: int
) -> tuple[list[str], list[list[Any]] | None, int, int]:
    """Sheet names, the cells of the sheet from its first filled one, and where that one stands."""
    try:
        book = python_calamine.load_workbook(io.BytesIO(body))
        if sheet is not None and sheet not in book.sheet_names:
            return book.sheet_names, None, 0, 0
        found = book.get_sheet_by_name(sheet) if sheet is not None else book.get_sheet_by_index(0)
        if found.height * found.width > max_cells:
            raise InvalidInput(source, 0, "file", Message("tabular.too_large_inside", {"limit": max_cells}))
        row, column = found.start or (0, 0)
        return book.sheet_names, found.to_python(skip_empty_area=True), row, column
    except python_calamine.PasswordError:
        raise InvalidInput(source, 0, "file", Message("tabular.is_encrypted")) from None
    except (python_calamine.CalamineError, OSError, ValueError, IndexError, OverflowError):
        raise InvalidInput(source, 0, "file", Message("tabular.not_a_workbook")) from None
    except BaseException as error:
        # A damaged workbook can panic the reader's Rust code, which arrives as a BaseException of its own.
        if type(error).__name__ != "PanicException":
            raise
        raise InvalidInput(source, 0, "file", Message("tabular.not_a_workbook")) from None


def _refuse_bombs(source: str, body: bytes, max_cells: int) -> None:
    """Reads the archive's sizes, then the highest cell address of each sheet, before the reader allocates anything."""
    try:
        with zipfile.ZipFile(io.BytesIO(body)) as archive:
            entries = archive.infolist()
            if "xl/workbook.xml" not in archive.namelist():
                raise InvalidInput(source, 0, "file", Message("tabular.not_a_workbook"))
            if sum(entry.file_size for entry in entries) > MAX_UNPACKED:
                raise InvalidInput(source, 0, "file", Message("tabular.too_large_inside", {"limit": MAX_UNPACKED}))
            for entry in entries:  # a sheet may hide under any name
                part = archive.read(entry)
                _refuse_doctype(source, entry.filename, part)
                _refuse_wide(source, part, max_cells)
    except _DAMAGED as error:
        encrypted = isinstance(error, RuntimeError) and "password" in str(error)
        reason = "tabular.is_encrypted" if encrypted else "tabular.not_a_workbook"
        raise InvalidInput(source, 0, "file", Message(reason)) from None


def _refuse_doctype(source: str, name: str, part: bytes) -> None:
    """A workbook's parts have no document type. Embedded drawings may, and nothing reads them."""
    if not name.lower().endswith(".svg") and any(mark in part for mark in _DOCTYPES):
        raise InvalidInput(source, 0, "file", Message("tabular.doctype", {"part": name}))


def _refuse_old(source: str, body: bytes, max_cells: int) -> None:
    """The same for the old binary form, which may also be the wrapping of an encrypted new one."""
    if _ENCRYPTED in body:
        raise InvalidInput(source, 0, "file", Message("tabular.is_encrypted"))
    try:
        spanned = spanned_cells(body)
    except NotOldExcel as error:
        reason = "tabular.is_encrypted" if isinstance(error, EncryptedOldExcel) else "tabular.not_a_workbook"
        raise InvalidInput(source, 0, "file", Message(reason)) from None
    if spanned > max_cells:
        raise InvalidInput(source, 0, "file", Message("tabular.too_large_inside", {"limit": max_cells}))


def _refuse_wide(source: str, part: bytes, max_cells: int) -> None:
    width = height = 1
    for match in _CELL_PLACE.finditer(part):
        width, height = max(width, _column(match[1].upper())), max(height, int(match[2]))
    if width * height > max_cells:
        raise InvalidInput(source, 0, "file", Message("tabular.too_large_inside", {"limit": max_cells}))


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _cell(value: Any) -> str | Decimal | date | None:
    if value is None or isinstance(value, bool):
        return None if value is None else str(value).upper()
    if isinstance(value, int | float):
        return _digits(value)
    if isinstance(value, datetime):
        return value.date() if value.time() == time() else value.isoformat(" ")
    if isinstance(value, date):
        return value
    return str(value).strip() or None


def _digits(value: int | float) -> Decimal | str:
    """The digits Excel shows; text for what is no number (an error value in old files)."""
    text = repr(value)
    if isinstance(value, float) and len(text.strip("-").replace(".", "").partition("e")[0].lstrip("0")) > 15:
        text = format(value, ".15g")
    number = Decimal(text)
    if not number.is_finite():
        return text
    return Decimal(format(number, "f").removesuffix(".0")) if abs(number.adjusted()) < 30 else number
