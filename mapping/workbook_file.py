"""Specs as a workbook with the sheets `spec`, `rows` and `value_maps`: every cell is written as text, so codes keep their
zeros and nothing runs as a formula."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from datetime import date, datetime, time, timedelta
from typing import Any, Final

import xlsxwriter  # type: ignore[import-untyped]
from python_calamine import CalamineError, CalamineWorkbook

from hedge_core.errors import InvalidInput
from mapping.file_model import spec_from_entries
from mapping.spec import MappingSpec
from mapping.tables import SECTIONS, Line, entries_of_tables, tables_of_spec
from messages import Message

_EXACT_INTEGERS: Final = 10**15
_MAX_UNPACKED: Final = 16 * 1024 * 1024
_MAX_CELLS: Final = 1_000_000
"""Rows times columns that a sheet may span: the reader allocates all of it, for one cell in the last corner too."""
_DOCTYPES: Final = tuple("<!DOCTYPE".encode(encoding) for encoding in ("utf-8", "utf-16-le", "utf-16-be"))
_PLACE = re.compile(rb"""\sr\s{0,8}=\s{0,8}["']([A-Za-z]{0,3})([0-9]{1,7})["']""")
_WIDTHS: Final = {"spec": (14, 60), "rows": (18, 30, 16, 60, 16, 40), "value_maps": (20, 24, 24)}


def write_workbook(spec: MappingSpec) -> bytes:
    """A spec as the bytes of an .xlsx file, the same for the same spec."""
    out = io.BytesIO()
    workbook = xlsxwriter.Workbook(out, {"in_memory": True})
    # A fixed time of creation: the same spec gives the same bytes.
    workbook.set_properties({"title": spec.identity, "created": datetime(2026, 1, 1)})  # noqa: DTZ001
    heading = workbook.add_format({"bold": True, "num_format": "@", "bottom": 1})
    as_text = workbook.add_format({"num_format": "@"})
    for section, lines in tables_of_spec(spec).items():
        sheet = workbook.add_worksheet(section)
        for place, width in enumerate(_WIDTHS[section]):
            sheet.set_column(place, place, width, as_text)
        sheet.freeze_panes(1, 0)
        for column, title in enumerate(SECTIONS[section]):
            sheet.write_string(0, column, title, heading)
        for number, cells in enumerate(lines, 1):
            for column, cell in enumerate(cells):
                if cell:
                    sheet.write_string(number, column, cell, as_text)
    workbook.close()
    return out.getvalue()


def read_workbook(content: bytes, source: str) -> MappingSpec:
    """A spec from the bytes of an .xlsx file. Cells that a person left as number, date or TRUE/FALSE become the text that
    the sheet shows; a number of more than 15 digits, which a sheet cannot keep, is refused. InvalidInput names the row
    of the sheet."""
    _refuse_harm(content, source)
    try:
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        tables: dict[str, list[Line]] = {}
        for name in workbook.sheet_names:
            if name in SECTIONS:
                lines: list[list[Any]] = workbook.get_sheet_by_name(name).to_python(skip_empty_area=False)
                tables[name] = [
                    (number, [_text(cell, source, number, name) for cell in cells])
                    for number, cells in enumerate(lines, 1)
                ]
    except CalamineError as error:
        raise _unreadable(source, str(error)) from None
    except BaseException as error:
        # A damaged workbook can panic the reader's Rust code, which arrives as a BaseException of its own.
        if type(error).__name__ != "PanicException":
            raise
        raise _unreadable(source, "damaged") from None
    return spec_from_entries(entries_of_tables(tables, source), source)


def _refuse_harm(content: bytes, source: str) -> None:
    """What no spec is: an archive that unpacks to very much, a part with a document type, a sheet of a billion cells."""
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > _MAX_UNPACKED:
                raise _unreadable(source, f"unpacks to more than {_MAX_UNPACKED} bytes")
            for entry in archive.infolist():
                part = archive.read(entry)
                if any(mark in part for mark in _DOCTYPES):
                    raise _unreadable(source, f"{entry.filename} declares a document type (DOCTYPE)")
                if _spanned(part) > _MAX_CELLS:
                    raise _unreadable(source, f"{entry.filename} spans more than {_MAX_CELLS} cells")
    except (zipfile.BadZipFile, zlib.error, RuntimeError, OSError, ValueError, EOFError) as error:
        raise _unreadable(source, str(error)) from None


def _spanned(part: bytes) -> int:
    wide = high = 0
    for letters, row in _PLACE.findall(part):
        column = 0
        for letter in letters.upper():
            column = column * 26 + letter - 64
        wide, high = max(wide, column), max(high, int(row))
    return wide * high


def _unreadable(source: str, detail: str) -> InvalidInput:
    return InvalidInput(source, 0, "-", Message("mapping.file_unreadable", {"format": "xlsx", "detail": detail[:200]}))


def _text(cell: Any, source: str, number: int, sheet: str) -> str:
    if isinstance(cell, str):
        return cell
    if isinstance(cell, bool):
        return "TRUE" if cell else "FALSE"
    if isinstance(cell, int | float):
        if abs(cell) >= _EXACT_INTEGERS:
            raise InvalidInput(source, number, sheet, Message("mapping.cell_number_inexact"))
        return str(int(cell)) if cell == int(cell) else repr(cell)
    if isinstance(cell, datetime) and cell.time() == time():
        return cell.date().isoformat()
    return cell.isoformat() if isinstance(cell, date | time) else _duration(cell)


def _duration(cell: timedelta) -> str:
    return str(cell)
