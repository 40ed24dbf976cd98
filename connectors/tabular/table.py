"""`read_table`: one entrance for CSV and Excel. Content decides what a file is, never its name.

The header is the first row with at least two filled cells, so that a title above it does no harm. Empty rows are left out;
every row knows its line in the file. All or nothing: a table is read whole or refused with `InvalidInput`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from connectors.tabular.delimited import delimited_rows
from connectors.tabular.workbook import workbook_rows
from hedge_core.errors import InvalidInput
from messages import Message

Cell = str | Decimal | date | None
"""Text is stripped and never empty; CSV cells are always text. None is an empty cell."""

MAX_BYTES: Final = 16 * 1024 * 1024
MAX_ROWS: Final = 200_000
MAX_LINES: Final = 5 * MAX_ROWS
"""Empty lines count: a file of nothing else takes time too."""
MAX_COLUMNS: Final = 256
MAX_CELL: Final = 4096

_WORKBOOK: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")


@dataclass(frozen=True, slots=True)
class GridRow:
    """One filled row: its line in the file (1 is the first) and a cell for every column of the header."""

    line: int
    cells: tuple[Cell, ...]


@dataclass(frozen=True, slots=True)
class Grid:
    """A table: header names as printed (empty for a column without one), the header's line, and the rows below."""

    header: tuple[str, ...]
    header_line: int
    rows: tuple[GridRow, ...]


def read_table(source: str, body: bytes, sheet: str | None = None, *, keep_wide_rows: bool = False) -> Grid:
    """The table in a CSV (UTF-8 with or without mark, GB18030; comma, semicolon or tab) or Excel file (.xlsx, .xls).

    `sheet` names a workbook's sheet, by default the first. A row with cells beyond the header is refused, or, with
    `keep_wide_rows`, kept with all its cells for a caller that holds back single rows. Raises `InvalidInput` naming file,
    row and column for anything else: web pages with a table's name, encrypted or damaged workbooks, lost characters,
    oversize files."""
    if not body.strip():
        raise InvalidInput(source, 0, "file", Message("tabular.empty"))
    if len(body) > MAX_BYTES:
        raise InvalidInput(source, 0, "file", Message("tabular.too_large", {"size": len(body), "limit": MAX_BYTES}))
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise InvalidInput(source, 0, "file", Message("tabular.is_html"))
    if body.startswith(_WORKBOOK):
        return _grid(source, workbook_rows(source, body, sheet, MAX_ROWS * 8), keep_wide_rows)
    return _grid(source, delimited_rows(source, body), keep_wide_rows)


def _grid(source: str, lines: Iterable[tuple[int, list[Cell]]], keep_wide_rows: bool) -> Grid:
    header: tuple[str, ...] = ()
    header_line = 0
    rows: list[GridRow] = []
    for line, cells in lines:
        if line > MAX_LINES:
            raise InvalidInput(source, line, "file", Message("tabular.too_many", {"limit": MAX_LINES}))
        filled = sum(cell is not None for cell in cells)
        if filled == 0 or (not header and filled == 1):
            continue
        if len(rows) >= MAX_ROWS or len(cells) > MAX_COLUMNS:
            limit = f"{MAX_ROWS} / {MAX_COLUMNS}"
            raise InvalidInput(source, line, "file", Message("tabular.too_many", {"limit": limit}))
        if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in cells):
            raise InvalidInput(source, line, "file", Message("tabular.cell_too_long", {"limit": MAX_CELL}))
        if not header:
            header = tuple("" if cell is None else " ".join(str(cell).split()) for cell in cells)
            while not header[-1]:
                header = header[:-1]
            header_line = line
            continue
        over = next((place for place in range(len(header), len(cells)) if cells[place] is not None), None)
        if over is not None and not keep_wide_rows:
            shown = {"column": over + 1, "columns": len(header)}
            raise InvalidInput(source, line, f"#{over + 1}", Message("tabular.row_too_wide", shown))
        width = len(cells) if over is not None else len(header)
        padded = [*cells[:width], *[None] * (width - len(cells))]
        rows.append(GridRow(line, tuple(padded)))
    if not header:
        raise InvalidInput(source, 0, "file", Message("tabular.no_header"))
    return Grid(header, header_line, tuple(rows))
