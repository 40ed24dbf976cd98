"""The shape of a spec in a file: pydantic checks it at the edge, and every refusal names the entry and what to do.

All cells are text, whatever the file format: `0.13`, `001`, `NO` and `2026-03-04` stay what the steward wrote.
"""

from __future__ import annotations

from typing import Annotated, Any, Final

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hedge_core.errors import InvalidInput
from mapping.limits import SPEC_ROWS, TEXT_CHARACTERS
from mapping.spec import ROW_COLUMNS, MappingSpec, Row, ValueMap
from messages import Message

Cell = Annotated[str, Field(max_length=TEXT_CHARACTERS)]

_STRICT: Final = ConfigDict(extra="forbid", strict=True, hide_input_in_errors=True)


class RowEntry(BaseModel):
    """One row; a column that is left out is empty."""

    model_config = _STRICT

    target: Cell
    source: Cell = ""
    value_map: Cell = ""
    formula: Cell = ""
    default: Cell = ""
    when: Cell = ""


class SpecEntry(BaseModel):
    """A whole spec file."""

    model_config = _STRICT

    name: Cell
    version: Annotated[int, Field(strict=False, ge=1, le=999_999)]
    kind: Cell
    source: Cell = ""
    rows: Annotated[list[RowEntry], Field(max_length=SPEC_ROWS)]
    value_maps: dict[str, dict[Cell, Cell]] = {}


_NAMES: Final[dict[str, str]] = {
    "missing": "entry_missing",
    "extra_forbidden": "entry_unknown",
    "string_type": "entry_not_text",
    "list_type": "entry_not_list",
    "dict_type": "entry_not_table",
    "model_type": "entry_not_table",
    "int_parsing": "entry_not_whole",
    "int_type": "entry_not_whole",
    "greater_than_equal": "entry_not_whole",
    "less_than_equal": "entry_not_whole",
}
"""pydantic's name of an error -> ours."""


def spec_from_entries(entries: object, source: str) -> MappingSpec:
    """A spec from nested dicts and lists of text. InvalidInput with file, row of the table (0: elsewhere), entry, reason."""
    try:
        model = SpecEntry.model_validate(entries)
    except ValidationError as error:
        raise _refused(error, source) from None
    rows = tuple(Row(**row.model_dump()) for row in model.rows)
    maps = tuple(ValueMap(name, tuple(codes.items())) for name, codes in model.value_maps.items())
    return MappingSpec(model.name, model.version, model.kind, model.source, rows, maps)


def entries_of_spec(spec: MappingSpec) -> dict[str, Any]:
    """A spec as nested dicts and lists of text, empty columns left out."""
    return {
        "name": spec.name,
        "version": spec.version,
        "kind": spec.kind,
        "source": spec.source,
        "rows": [
            {column: getattr(row, column) for column in ROW_COLUMNS if column == "target" or getattr(row, column)}
            for row in spec.rows
        ],
        "value_maps": {value_map.name: dict(value_map.entries) for value_map in spec.value_maps},
    }


def _refused(error: ValidationError, source: str) -> InvalidInput:
    first = error.errors(include_url=False, include_input=False)[0]
    place = [part for part in first["loc"] if part != "[key]"]
    row = int(place[1]) + 1 if place[:1] == ["rows"] and len(place) > 1 else 0
    name = _NAMES.get(first["type"], "entry_wrong")
    known = ROW_COLUMNS if row else tuple(SpecEntry.model_fields)
    reason = Message(f"mapping.{name}", {"known": ", ".join(known), "detail": first["msg"]})
    return InvalidInput(source, row, ".".join(str(part) for part in (place[2:] if row else place)) or "-", reason)
