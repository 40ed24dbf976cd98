"""A spec as three tables - `spec`, `rows`, `value_maps` - as CSV text shows them one below the other and a workbook on
three sheets. Lines of cells in, entries of a spec out, and back."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from hedge_core.errors import InvalidInput
from mapping.spec import ROW_COLUMNS, MappingSpec
from messages import Message

SPEC_COLUMNS: Final = ("entry", "content")
MAP_COLUMNS: Final = ("value_map", "code", "result")
SECTIONS: Final = {"spec": SPEC_COLUMNS, "rows": ROW_COLUMNS, "value_maps": MAP_COLUMNS}
"""Section or sheet -> its column titles."""

Line = tuple[int, Sequence[str]]
"""Number of a line in its file or sheet, from 1, and its cells."""


def tables_of_spec(spec: MappingSpec) -> dict[str, list[tuple[str, ...]]]:
    """The lines of each section below its column titles."""
    return {
        "spec": [
            ("name", spec.name),
            ("version", str(spec.version)),
            ("kind", spec.kind),
            ("source", spec.source),
        ],
        "rows": [tuple(getattr(row, column) for column in ROW_COLUMNS) for row in spec.rows],
        "value_maps": [
            (value_map.name, code, result) for value_map in spec.value_maps for code, result in value_map.entries
        ],
    }


def entries_of_tables(tables: dict[str, list[Line]], source: str) -> dict[str, Any]:
    """Entries of a spec from the lines of each section, titles first. InvalidInput names the line and what is wrong.

    Lines whose cells are all empty are passed over; a line may be shorter than its titles."""
    entries: dict[str, Any] = {}
    for number, (name, content) in _body(tables, "spec", source):
        if name in entries:
            raise _refused(source, number, name, "yaml_twice", key=name, line=number)
        entries[name] = content
    entries["rows"] = [dict(zip(ROW_COLUMNS, cells, strict=True)) for _, cells in _body(tables, "rows", source)]
    maps: dict[str, dict[str, str]] = {}
    for number, (name, code, result) in _body(tables, "value_maps", source):
        codes = maps.setdefault(name, {})
        if code in codes:
            raise _refused(source, number, "code", "code_twice", name=name, code=code)
        codes[code] = result
    entries["value_maps"] = maps
    return entries


def _body(tables: dict[str, list[Line]], section: str, source: str) -> Iterable[tuple[int, tuple[str, ...]]]:
    """The lines below the titles, padded to the width of the section."""
    titles = SECTIONS[section]
    lines = [(number, cells) for number, cells in tables.get(section, []) if any(cells)]
    if not lines:
        raise _refused(source, 0, section, "table_section_missing", section=section)
    number, found = lines[0]
    if tuple(cell.strip().lower() for cell in found[: len(titles)]) != titles or any(found[len(titles) :]):
        raise _refused(source, number, section, "table_header", columns=", ".join(titles))
    for number, cells in lines[1:]:
        if any(cells[len(titles) :]):
            raise _refused(source, number, section, "table_too_wide", columns=", ".join(titles))
        yield number, (*cells[: len(titles)], *[""] * (len(titles) - len(cells)))


def _refused(source: str, number: int, field: str, name: str, /, **params: object) -> InvalidInput:
    return InvalidInput(source, number, field, Message(f"mapping.{name}", params))
