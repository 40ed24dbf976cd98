"""The form of a CFMMC workbook: sheets laid out like paper, read by their labels, never by their addresses.

Above the first section title stand pairs of label and value, two to a row. A section is a title alone on its row, a header
row, rows, and a total row 合计; a lone cell (the next title, a remark) ends it too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise

from adapters.broker.cfmmc_workbook import vendor
from adapters.broker.table_cells import Place, text_of
from connectors.tabular import Cell, GridRow, Sheet


@dataclass(frozen=True, slots=True)
class Figure:
    """A labelled value and where it stands."""

    place: Place
    cell: Cell


@dataclass(slots=True)
class Section:
    """One table: `columns` gives the index of each label (plain form). `total` is the 合计 row, if there is one."""

    source: str
    title: str
    line: int
    columns: Mapping[str, int]
    rows: list[GridRow] = field(default_factory=list)
    total: GridRow | None = None

    def place(self, row: GridRow, label: str) -> Place:
        return Place(self.source, row.line, f"{self.title} {label}")

    def cell(self, row: GridRow, labels: Iterable[str]) -> Cell:
        at = next((self.columns[name] for name in labels if name in self.columns), None)
        return row.cells[at] if at is not None and at < len(row.cells) else None


def is_cfmmc(sheets: Iterable[Sheet]) -> bool:
    """Whether one of the sheets carries the title of a CFMMC report."""
    return any(_is_title(cell) for sheet in sheets for row in sheet.rows[:8] for cell in row.cells)


def _is_title(cell: Cell) -> bool:
    return isinstance(cell, str) and vendor.plain(cell).startswith(vendor.TITLES)


def figures_of(source: str, sheet: Sheet) -> dict[str, Figure]:
    """The labelled values above the sheet's first section, by label. The first of equal labels counts. An empty value is
    None: the cell after a label may be the next label."""
    found: dict[str, Figure] = {}
    for row in sheet.rows:
        if _section_title(row) is not None:
            break
        names = [vendor.plain(cell) if isinstance(cell, str) else "" for cell in row.cells]
        labels = [at for at, name in enumerate(names) if name in vendor.LABELS]
        for at, following in pairwise([*labels, len(names)]):
            value = next((cell for cell in row.cells[at + 1 : following] if cell is not None), None)
            label = names[at]
            found.setdefault(label, Figure(Place(source, row.line, f"{sheet.name} {label}"), value))
    return found


def sections_of(source: str, sheet: Sheet) -> list[Section]:
    """The tables of a sheet in their order. A title without a header row below it is a table without columns."""
    found: list[Section] = []
    current: Section | None = None
    titled: tuple[str, int] | None = None
    for row in sheet.rows:
        title = _section_title(row)
        if title is not None:
            current, titled = None, (title, row.line)
            continue
        if titled is not None:
            columns: dict[str, int] = {}
            for at, cell in enumerate(row.cells):
                if (name := vendor.plain(text_of(cell))) and name not in columns:
                    columns[name] = at
            current, titled = Section(source, titled[0], titled[1], columns), None
            found.append(current)
            continue
        if current is None:
            continue
        filled = [cell for cell in row.cells if cell is not None]
        if vendor.plain(text_of(filled[0])) in vendor.TOTAL:
            current.total, current = row, None
        elif len(filled) == 1:
            current = None
        else:
            current.rows.append(row)
    return found


def _section_title(row: GridRow) -> str | None:
    """The title that a row consists of: one filled cell that a known section or any 明细 or 汇总 is called."""
    filled = [cell for cell in row.cells if cell is not None]
    if len(filled) != 1 or not isinstance(filled[0], str):
        return None
    title = vendor.plain(filled[0])
    return title if title in vendor.SECTIONS or title.endswith(("明细", "汇总")) else None
