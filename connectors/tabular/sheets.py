"""`read_sheets`: a whole workbook, for documents that are laid out like paper and not like one table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from connectors.tabular.table import MAX_BYTES, MAX_CELL, MAX_ROWS, Cell, GridRow
from connectors.tabular.workbook import workbook_sheets
from hedge_core.errors import InvalidInput
from messages import Message

_WORKBOOK: Final = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
MAX_SHEETS: Final = 64


@dataclass(frozen=True, slots=True)
class Sheet:
    """One sheet: its filled rows, each with its number in the file (1 is the first) and its cells from column A on."""

    name: str
    rows: tuple[GridRow, ...]


def is_workbook(body: bytes) -> bool:
    """Whether the bytes begin as .xlsx or .xls do; what follows may still be damaged."""
    return body.startswith(_WORKBOOK)


def read_sheets(source: str, body: bytes) -> tuple[Sheet, ...]:
    """Every sheet of a workbook (.xlsx, .xls), in its order. All or nothing: `InvalidInput` for anything that is no
    workbook, has a password, is damaged, or unpacks to more than a document has."""
    if not body.strip():
        raise InvalidInput(source, 0, "file", Message("tabular.empty"))
    if len(body) > MAX_BYTES:
        raise InvalidInput(source, 0, "file", Message("tabular.too_large", {"size": len(body), "limit": MAX_BYTES}))
    if body.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] == b"<":
        raise InvalidInput(source, 0, "file", Message("tabular.is_html"))
    if not is_workbook(body):
        raise InvalidInput(source, 0, "file", Message("tabular.not_a_workbook"))
    found = workbook_sheets(source, body, MAX_ROWS * 8)
    if len(found) > MAX_SHEETS:
        raise InvalidInput(source, 0, "file", Message("tabular.too_many", {"limit": MAX_SHEETS}))
    return tuple(Sheet(name, _filled(source, rows)) for name, rows in found.items())


def _filled(source: str, rows: list[tuple[int, list[Cell]]]) -> tuple[GridRow, ...]:
    kept = []
    for line, cells in rows:
        if any(isinstance(cell, str) and len(cell) > MAX_CELL for cell in cells):
            raise InvalidInput(source, line, "file", Message("tabular.cell_too_long", {"limit": MAX_CELL}))
        while cells and cells[-1] is None:
            cells.pop()
        if cells:
            kept.append(GridRow(line, tuple(cells)))
    return tuple(kept)
