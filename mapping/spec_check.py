"""The check of a whole spec against a target schema: every finding at once, each with its cell and a remedy."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final
from zoneinfo import ZoneInfo

from mapping.checker import check_formula
from mapping.conversion import converter, fits
from mapping.faults import Fault, Finding, FormulaError, Severity
from mapping.kinds import CONDITIONS, Kind, Kinds
from mapping.limits import SPEC_ROWS, TEXT_CHARACTERS, VALUE_MAP_ENTRIES, VALUE_MAPS
from mapping.parser import parse
from mapping.schema import TargetField, TargetSchema
from mapping.spec import ROW_COLUMNS, MappingSpec, Row, ValueMap
from mapping.syntax import Boolean
from mapping.values import Clock, shown
from messages import Message

NAME: Final = re.compile(r"\w[\w.-]{0,63}")
_UTC: Final = Clock(ZoneInfo("UTC"))  # literals are converted to see whether they fit; the zone does not matter to that
_UNUSABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufffe\uffff]")


def check_spec(spec: MappingSpec, schema: TargetSchema) -> list[Finding]:
    """Everything worth telling about a spec, in the order of its rows: errors that keep it from being compiled, and
    warnings (unused value maps, rows never reached, sources never used, targets that some records leave without a row).
    An empty list: nothing found."""
    return _Check(spec, schema).findings()


def unusable_character(text: str) -> int:
    """The place, from 1, of a character that no cell may hold (controls, lone surrogates); 0 if there is none."""
    found = _UNUSABLE.search(text)
    return found.start() + 1 if found else 0


class _Check:
    def __init__(self, spec: MappingSpec, schema: TargetSchema) -> None:
        self._spec = spec
        self._schema = schema
        self._maps = {value_map.name: value_map for value_map in spec.value_maps}
        self._used_maps: set[str] = set()

    def findings(self) -> list[Finding]:
        return [*self._header(), *self._rows(), *self._targets(), *self._value_maps()]

    def _header(self) -> Iterator[Finding]:
        spec = self._spec
        if not NAME.fullmatch(spec.name):
            yield _error("name", "bad_name", name=shown(spec.name))
        if spec.version < 1:
            yield _error("version", "bad_version", version=spec.version)
        if spec.kind != self._schema.kind:
            yield _error("kind", "wrong_target_kind", kind=shown(spec.kind), schema=self._schema.kind)
        if len(spec.rows) > SPEC_ROWS:
            yield _error("rows", "too_many_rows", count=len(spec.rows), limit=SPEC_ROWS)
        if not spec.rows:
            yield _error("rows", "no_rows")
        if at := unusable_character(spec.source):
            yield _error("source", "unusable_character", at=at)

    def _rows(self) -> Iterator[Finding]:
        closed: dict[str, int] = {}
        for number, row in enumerate(self._spec.rows[:SPEC_ROWS], 1):
            broken = [column for column in ROW_COLUMNS if unusable_character(getattr(row, column))]
            for column in broken:
                at = unusable_character(getattr(row, column))
                yield _finding(Severity.ERROR, number, row, column, at, "unusable_character", at=at)
            field = self._schema.field(row.target)
            if field is None:
                yield _finding(
                    Severity.ERROR, number, row, "target", 0, "unknown_target",
                    target=shown(row.target), known=", ".join(known.name for known in self._schema.fields),
                )  # fmt: skip
            if row.target in closed:
                yield _finding(Severity.WARNING, number, row, "target", 0, "never_reached", earlier=closed[row.target])
            if not broken:
                yield from self._row(number, row, field)
            always = not row.when or _constant(row.when) is True
            if always:
                closed.setdefault(row.target, number)

    def _row(self, number: int, row: Row, field: TargetField | None) -> Iterator[Finding]:
        if not (row.source or row.formula or row.default):
            yield _finding(Severity.ERROR, number, row, "source", 0, "nothing_to_map")
        for column in ("source", "default"):
            text = getattr(row, column)
            if len(text) > TEXT_CHARACTERS:
                yield _finding(
                    Severity.ERROR, number, row, column, 0, "text_too_long", length=len(text), limit=TEXT_CHARACTERS
                )
        if row.source != row.source.strip():
            yield _finding(Severity.WARNING, number, row, "source", 0, "blanks_around", name=shown(row.source))
        yield from self._row_map(number, row, field)
        if row.formula:
            yield from self._formula(number, row, "formula", field)
        if row.when:
            yield from self._formula(number, row, "when", field)
            if _constant(row.when) is False:
                yield _finding(Severity.WARNING, number, row, "when", 0, "never_holds")
        if row.default and field is not None and len(row.default) <= TEXT_CHARACTERS:
            yield from self._literal(number, row, "default", row.default, field)

    def _row_map(self, number: int, row: Row, field: TargetField | None) -> Iterator[Finding]:
        if not row.value_map:
            return
        if not row.source:
            yield _finding(Severity.ERROR, number, row, "value_map", 0, "value_map_without_source")
        value_map = self._maps.get(row.value_map)
        if value_map is None:
            yield _finding(Severity.ERROR, number, row, "value_map", 0, "unknown_value_map", name=shown(row.value_map))
            return
        self._used_maps.add(row.value_map)
        if row.formula or field is None:
            return
        for code, result in value_map.entries:
            for finding in self._literal(number, row, "value_map", result, field):
                params = {"map": value_map.name, "code": shown(code), "problem": finding.message}
                yield _finding(Severity.ERROR, number, row, "value_map", 0, "map_result_unfit", **params)

    def _literal(self, number: int, row: Row, column: str, text: str, field: TargetField) -> Iterator[Finding]:
        """A text that has to become a value of the field: a default, or a result of a value map."""
        try:
            result = converter(field, _UTC)(text)
        except Fault as error:
            yield Finding(Severity.ERROR, number, column, 0, row.target, error.problem)
            return
        if field.minimum is not None and result is not None and result < field.minimum:
            yield _finding(
                Severity.ERROR, number, row, column, 0, "below_minimum", value=shown(result), minimum=str(field.minimum)
            )

    def _formula(self, number: int, row: Row, column: str, field: TargetField | None) -> Iterator[Finding]:
        try:
            formula = parse(getattr(row, column))
        except FormulaError as error:
            yield Finding(Severity.ERROR, number, column, error.offset, row.target, error.problem)
            return
        checked = check_formula(formula.root, self._maps, has_source=bool(row.source) and column == "formula")
        self._used_maps.update(checked.maps)
        for problem in checked.problems:
            yield Finding(Severity.ERROR, number, column, problem.at + 1, row.target, problem.message)
        if checked.problems:
            return
        if column == "when":
            if not checked.kinds & CONDITIONS:
                yield _finding(Severity.ERROR, number, row, column, 1, "needs_condition", kind=_first(checked.kinds))
            return
        if field is not None and not any(
            fits(kind, field.type) for kind in checked.kinds - {Kind.EMPTY} or checked.kinds
        ):
            wanted = Message(f"mapping.type_{field.type.value}")
            yield _finding(
                Severity.ERROR, number, row, column, 1, "unfit_for_type", kind=_first(checked.kinds), wanted=wanted
            )
        if row.source and not checked.uses_value:
            yield _finding(Severity.WARNING, number, row, "source", 0, "source_unused", source=shown(row.source))

    def _targets(self) -> Iterator[Finding]:
        rows: dict[str, list[Row]] = {}
        for row in self._spec.rows:
            rows.setdefault(row.target, []).append(row)
        for field in self._schema.fields:
            mapped = rows.get(field.name)
            if field.required and mapped is None:
                yield _error("target", "required_unmapped", field=field.name)
            if field.required and mapped and all(row.when and _constant(row.when) is not True for row in mapped):
                yield _error("target", "only_conditional", Severity.WARNING, field=field.name)

    def _value_maps(self) -> Iterator[Finding]:
        maps = self._spec.value_maps
        if len(maps) > VALUE_MAPS:
            yield _error("value_maps", "too_many_value_maps", count=len(maps), limit=VALUE_MAPS)
        for place, value_map in enumerate(maps):
            if any(other.name == value_map.name for other in maps[:place]):
                yield _error("value_maps", "value_map_twice", name=shown(value_map.name))
            yield from _entries(value_map)
            if value_map.name not in self._used_maps:
                yield _error("value_maps", "value_map_unused", Severity.WARNING, name=shown(value_map.name))


def _entries(value_map: ValueMap) -> Iterator[Finding]:
    name, entries = value_map.name, value_map.entries
    if not NAME.fullmatch(name):
        yield _error("value_maps", "bad_name", name=shown(name))
    if not entries:
        yield _error("value_maps", "value_map_empty", name=shown(name))
    if len(entries) > VALUE_MAP_ENTRIES:
        yield _error("value_maps", "value_map_too_long", name=shown(name), count=len(entries), limit=VALUE_MAP_ENTRIES)
    seen: set[str] = set()
    for code, result in entries:
        if not code:
            yield _error("value_maps", "code_empty", name=shown(name))
        if code in seen:
            yield _error("value_maps", "code_twice", name=shown(name), code=shown(code))
        seen.add(code)
        if max(len(code), len(result)) > TEXT_CHARACTERS or unusable_character(code + result):
            yield _error("value_maps", "code_unusable", name=shown(name), code=shown(code), limit=TEXT_CHARACTERS)


def _constant(formula: str) -> bool | None:
    """TRUE or FALSE if that is all a condition says, else None."""
    try:
        root = parse(formula).root
    except FormulaError:
        return None
    return root.value if isinstance(root, Boolean) else None


def _first(kinds: Kinds) -> Message:
    return sorted(kinds - {Kind.EMPTY} or kinds)[0].spoken


def _finding(
    severity: Severity, number: int, row: Row, column: str, offset: int, name: str, /, **params: object
) -> Finding:
    return Finding(severity, number, column, offset, row.target, Message(f"mapping.{name}", params))


def _error(column: str, name: str, severity: Severity = Severity.ERROR, /, **params: object) -> Finding:
    return Finding(severity, 0, column, 0, "", Message(f"mapping.{name}", params))
