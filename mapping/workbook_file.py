"""Specs as a workbook with the sheets `spec`, `rows` and `value_maps`: every cell is written as text, so codes keep their
zeros and nothing runs as a formula."""

from __future__ import annotations

import io
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
        reason = Message("mapping.file_unreadable", {"format": "xlsx", "detail": str(error)[:200]})
        raise InvalidInput(source, 0, "-", reason) from None
    return spec_from_entries(entries_of_tables(tables, source), source)


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
