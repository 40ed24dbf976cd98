"""Specs as one CSV file that Excel opens: UTF-8 with BOM, sections `[spec]`, `[rows]`, `[value_maps]` below one another.

Excel would run a cell that begins with `= + - @` as a formula. Such cells, and those that begin with an apostrophe, are
written with an apostrophe in front, and one apostrophe in front is taken away on reading: nothing runs, nothing is lost.
Excel itself rewrites codes like `001` when it saves a CSV; who edits codes in Excel takes the workbook.
"""

from __future__ import annotations

import csv
import io
from typing import Final

from hedge_core.errors import InvalidInput
from mapping.file_model import spec_from_entries
from mapping.spec import MappingSpec
from mapping.tables import SECTIONS, Line, entries_of_tables, tables_of_spec
from messages import Message

_RISKY: Final = ("=", "+", "-", "@", "\t", "\n", "'", "＝", "＋", "－", "＠")


def safe_cell(text: str) -> str:
    """A cell that no spreadsheet takes for a formula."""
    return "'" + text if text.startswith(_RISKY) else text


def plain_cell(text: str) -> str:
    """The text of a cell as it was before `safe_cell`."""
    return text.removeprefix("'")


def write_csv(spec: MappingSpec) -> str:
    """A spec as CSV text, lines ended as Excel ends them; the caller adds the BOM when encoding."""
    out = io.StringIO(newline="")
    writer = csv.writer(out, lineterminator="\r\n")
    for section, lines in tables_of_spec(spec).items():
        writer.writerow([f"[{section}]"])
        writer.writerow(SECTIONS[section])
        for cells in lines:
            writer.writerow([safe_cell(cell) for cell in cells])
        writer.writerow([])
    return out.getvalue()


def read_csv(text: str, source: str) -> MappingSpec:
    """A spec from CSV text. InvalidInput names the line of the file for what stands in the wrong place."""
    tables: dict[str, list[Line]] = {}
    section = ""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        for cells in reader:
            number = reader.line_num
            title = cells[0].strip().lower() if cells and not any(cells[1:]) else ""
            if title in _TITLES:
                section = _TITLES[title]
                if section in tables:
                    reason = Message("mapping.table_section_twice", {"section": section})
                    raise InvalidInput(source, number, section, reason)
                tables[section] = []
            elif section:
                tables[section].append((number, [plain_cell(cell) for cell in cells]))
            elif any(cells):
                raise InvalidInput(source, number, "-", Message("mapping.table_outside_section"))
    except csv.Error as error:
        reason = Message("mapping.file_unreadable", {"format": "CSV", "detail": str(error)})
        raise InvalidInput(source, reader.line_num, "-", reason) from None
    return spec_from_entries(entries_of_tables(tables, source), source)


_TITLES: Final = {f"[{section}]": section for section in SECTIONS}
