"""The compiler of specs: one Python function from a record to the target's fields, and the object that runs it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from decimal import DecimalException, InvalidOperation, Overflow, getcontext, setcontext
from typing import Any, Final
from zoneinfo import ZoneInfo

from mapping.checker import check_formula
from mapping.conversion import SETTLED, below_minimum, converter
from mapping.faults import Fault, RecordFailed, Severity, SpecRefused
from mapping.kinds import TEXTS, Kind, Kinds
from mapping.limits import ARITHMETIC, DIGITS, EXPONENT
from mapping.listing import Listing, Site, WorkCounter
from mapping.parser import parse
from mapping.schema import FieldType, TargetField, TargetSchema
from mapping.spec import MappingSpec, Row
from mapping.spec_check import check_spec
from mapping.values import Clock, fault, remembered, shown
from mapping.writer import FormulaWriter, read_field, runtime
from messages import Message


class CompiledSpec:
    """A spec ready to run: call it with one flat record (field name to text, Decimal, int, bool, date, datetime or None)
    and it returns a dict with every field of the schema in its type, None where nothing was mapped.

    Raises `hedge_core.errors.MappingError` (a `RecordFailed`, with row, cell, character and remedy) for a record that
    cannot be mapped; the record is for the quarantine and the next one can follow. Threads may share it. The caller's
    Decimal context is left as it was.

    `identity` is `name@digest`, `kind` the kind of target, `fields` the source fields it may read, in the order of the
    spec, so that a connector requests exactly those. `max_steps` bounds the work on one record, counted as
    `WorkCounter` counts it. `source` is the generated Python, for people who want to read it.
    """

    def __init__(self, spec: MappingSpec, fields: tuple[str, ...], listing: Listing, namespace: dict[str, Any]) -> None:
        self.identity = spec.identity
        self.kind = spec.kind
        self.fields = fields
        self.max_steps = listing.steps
        self.source = "def run(g):\n" + "\n".join(listing.lines) + "\n"
        self._sites = listing.sites
        exec(compile(self.source, f"<mapping {spec.identity}>", "exec"), namespace)  # noqa: S102 - see mapping.listing
        self._run: Callable[..., dict[str, Any]] = namespace["run"]
        self._code = self._run.__code__

    def each(self, records: Iterable[Mapping[str, object]]) -> list[dict[str, Any] | RecordFailed]:
        """As calling it with each of the records; what cannot be mapped stands in its place as the error. One change of the
        Decimal context for all of them."""
        callers = getcontext()
        setcontext(ARITHMETIC)
        run = self._run
        results: list[dict[str, Any] | RecordFailed] = []
        try:
            for record in records:
                try:
                    results.append(run(record.get))
                except (Fault, DecimalException) as error:
                    results.append(self._failed(error, record))
        finally:
            setcontext(callers)
        return results

    def __call__(self, record: Mapping[str, object]) -> dict[str, Any]:
        """The target's fields from one record. MappingError if it cannot be mapped."""
        callers = getcontext()
        setcontext(ARITHMETIC)
        try:
            return self._run(record.get)
        except (Fault, DecimalException) as error:
            raise self._failed(error, record) from None
        finally:
            setcontext(callers)

    def _failed(self, error: Fault | DecimalException, record: Mapping[str, object]) -> RecordFailed:
        """The error with its place: the line that was running is the line of one cell of the spec."""
        trace = error.__traceback__
        while trace is not None and trace.tb_frame.f_code is not self._code:
            trace = trace.tb_next
        if trace is None:
            raise error
        site = self._sites[trace.tb_lineno - 1]
        value = shown(record.get(site.source)) if site.source else ""
        problem = error.problem if isinstance(error, Fault) else _signal(error, site, value)
        return RecordFailed(site.row, site.target, site.column, site.offset, problem, value)


def compile_spec(
    spec: MappingSpec, schema: TargetSchema, zone: str, counter: WorkCounter | None = None
) -> CompiledSpec:
    """Compile a spec for a target schema. `zone` (a zoneinfo name such as `Asia/Shanghai`) is where date-times without a
    zone are meant. SpecRefused (a MappingError) with all findings if `check_spec` finds errors; ValueError for an unknown
    zone. With a `counter`, the function counts its steps in it: for tests and for showing the bound, a little slower."""
    clock = clock_for(zone)
    errors = [finding for finding in check_spec(spec, schema) if finding.severity is Severity.ERROR]
    if errors:
        raise SpecRefused(spec.identity, errors)
    return compile_fields(spec, schema.fields, clock, counter)


def clock_for(zone: str) -> Clock:
    """The clock of a zone by its zoneinfo name. ValueError if there is none of that name."""
    try:
        return Clock(ZoneInfo(zone))
    except (OSError, KeyError, ValueError) as error:  # unknown name; name of a folder; not a name at all
        raise ValueError(f"{zone!r} is not a time zone") from error


def compile_fields(
    spec: MappingSpec, fields: tuple[TargetField, ...], clock: Clock, counter: WorkCounter | None = None
) -> CompiledSpec:
    """Compile the rows for some target fields of a spec that has passed its check."""
    listing = Listing(counter)
    rows = _SpecWriter(spec, clock, listing)
    results = [f"{listing.constant(field.name)}: {rows.field(field)}" for field in fields]
    listing.line(f"return {{{', '.join(results)}}}")
    return CompiledSpec(spec, tuple(rows.read), listing, {**runtime(clock), **rows.runtime, **listing.names})


def missing(source: str) -> None:
    """A required field came out empty: always a Fault."""
    fault("missing" if source else "missing_result", source=source)


def no_row(target: str) -> None:
    """None of the conditions of a required field's rows holds: always a Fault."""
    fault("no_row_applies", target=target)


def _signal(error: DecimalException, site: Site, value: str) -> Message:
    """What a signal of the decimal arithmetic means at that place."""
    if site.reading:
        return Message("mapping.number_limits", {"value": value, "digits": DIGITS, "exponent": EXPONENT})
    if isinstance(error, InvalidOperation) and not isinstance(error, Overflow):
        return Message("mapping.result_undefined")
    return Message("mapping.result_out_of_range", {"digits": DIGITS, "exponent": EXPONENT})


_TEXTUAL: Final = frozenset({FieldType.TEXT, FieldType.CHOICE})
_FAST_READ: Final = {
    FieldType.TEXT: (
        "if {o}.__class__ is not str or len({o}) > LIMIT or not {o}.isprintable():",
        "{o} = {convert}({o})",
    ),
    FieldType.DECIMAL: (
        "",
        "{o} = plus({o}) if {o}.__class__ is D and {o}.is_finite() else D({o}) "
        "if {o}.__class__ is int and -TOP < {o} < TOP else {convert}({o})",
    ),
    FieldType.INTEGER: ("if {o}.__class__ is not int or not -TOP < {o} < TOP:", "{o} = {convert}({o})"),
    FieldType.DATE: ("", "{o} = day_of({o}) if {o}.__class__ is str and 9 < len({o}) < 30 else {convert}({o})"),
    FieldType.MONTH: ("", "{o} = {again}({o}) if {o}.__class__ is str and len({o}) < 30 else {convert}({o})"),
    FieldType.DATETIME: ("", "{o} = moment_of({o}) if {o}.__class__ is str and 9 < len({o}) < 30 else {convert}({o})"),
    FieldType.BOOLEAN: ("if {o} is not True and {o} is not False:", "{o} = {convert}({o})"),
    FieldType.CHOICE: ("if {o}.__class__ is not str or {o} not in {choices}:", "{o} = {convert}({o})"),
}
"""How a record's value becomes a target value when nothing else is asked: the usual case in the line itself, all other
cases in the converter. (condition, statement)"""


class _SpecWriter:
    """Writes the rows of a spec, target by target, into a listing."""

    def __init__(self, spec: MappingSpec, clock: Clock, listing: Listing) -> None:
        self._listing = listing
        self._clock = clock
        self._value_maps = {value_map.name: value_map for value_map in spec.value_maps}
        self._maps: dict[str, str] = {}
        self._rows: dict[str, list[tuple[int, Row]]] = {}
        self.read: dict[str, None] = {}
        self.runtime = {
            "missing": missing,
            "no_row": no_row,
            "below_minimum": below_minimum,
        }
        for number, row in enumerate(spec.rows, 1):
            self._rows.setdefault(row.target, []).append((number, row))

    def field(self, field: TargetField) -> str:
        """Write the rows of one target field; the name (or literal None) that holds the result."""
        rows = self._rows.get(field.name)
        if rows is None:
            return "None"
        name = self._listing.temporary()
        if len(rows) == 1 and not rows[0][1].when:
            row = rows[0][1]
            if row.default and not (row.source or row.formula):  # the same for every record
                return self._default(row, field)
            self._row(*rows[0], field, name)
            return name
        open_name = self._listing.temporary()
        self._listing.line(f"{open_name} = True")
        self._listing.line(f"{name} = None")
        for number, row in rows:
            with self._listing.block(f"if {open_name}"):
                self._conditional(number, row, field, name, open_name)
        if field.required:
            number, row = rows[-1]
            with self._listing.block(f"if {open_name}"):
                site = Site(number, field.name, "when", 0, row.source)
                self._listing.line(f"no_row({self._listing.constant(field.name)})", site)
        return name

    def _conditional(self, number: int, row: Row, field: TargetField, name: str, open_name: str) -> None:
        if not row.when:
            self._listing.line(f"{open_name} = False")
            self._row(number, row, field, name)
            return
        root = parse(row.when).root
        cell = Site(number, field.name, "when", 0, row.source)
        held = self._formula_writer(row.when, cell, "").condition(root)
        with self._listing.block(f"if {held}"):
            self._listing.line(f"{open_name} = False")
            self._row(number, row, field, name)

    def _row(self, number: int, row: Row, field: TargetField, name: str) -> None:
        """Write one row that applies: source, value map, formula, default, bounds."""
        self._listing.step()
        cell = Site(number, field.name, "target", 0, row.source)
        if row.source:
            self.read[row.source] = None
        if row.formula:
            self._formula(row, field, name, cell)
        elif row.value_map:
            self._translated(row, field, name, cell)
        elif row.source:
            self._plain(row, field, name, cell)
        else:
            self._listing.line(f"{name} = None")
        self._close(row, field, name, cell)

    def _plain(self, row: Row, field: TargetField, name: str, cell: Site) -> None:
        site = replace(cell, column="source", reading=True)
        condition, statement = _FAST_READ[field.type]
        words = {
            "o": name,
            "convert": self._convert(field),
            "again": self._listing.constant(remembered(converter(field, self._clock))) if "again" in statement else "",
            "choices": self._listing.constant(frozenset(field.choices)) if "choices" in condition else "",
        }
        self._listing.line(f"{name} = g({self._listing.constant(row.source)})")
        if condition:
            with self._listing.block(condition.format(**words).removesuffix(":"), site):
                self._listing.line(statement.format(**words), site)
        else:
            self._listing.line(statement.format(**words), site)

    def _translated(self, row: Row, field: TargetField, name: str, cell: Site) -> None:
        """A code through its value map, whose results are converted to the target's type here, once for all records."""
        convert = converter(field, self._clock)
        entries = self._value_maps[row.value_map].entries
        table = self._listing.constant({code: convert(result) for code, result in entries})
        self._code(row, table, name, cell)

    def _code(self, row: Row, table: str, name: str, cell: Site) -> None:
        site = replace(cell, column="value_map")
        code = self._listing.temporary()
        self._listing.line(f"{code} = g({self._listing.constant(row.source)})")
        with self._listing.block(f"if {code}.__class__ is not str"):
            self._listing.line(f"{code} = code_text(read({code}))", site)
        self._listing.line(f"{name} = {table}.get({code}, MISSING) if {code} else None")
        with self._listing.block(f"if {name} is MISSING"):
            self._listing.line(f"unknown_code({self._listing.constant(row.value_map)}, {code})", site)

    def _formula(self, row: Row, field: TargetField, name: str, cell: Site) -> None:
        site = replace(cell, column="formula")
        value = ""
        if row.source:
            if row.value_map:
                value = self._listing.temporary()
                self._code(row, self._table(row.value_map), value, cell)
            else:
                value = read_field(self._listing, row.source, replace(cell, column="source", reading=True))
        root = parse(row.formula).root
        writer = self._formula_writer(row.formula, site, value)
        if value and row.default:
            self._listing.line(f"{name} = None")
            with self._listing.block(f"if {value} is not None"):
                part = writer.write(root)
                self._finish(part.name, part.kinds, field, name, site)
        else:
            part = writer.write(root)
            self._finish(part.name, part.kinds, field, name, site)

    def _formula_writer(self, formula: str, cell: Site, value: str) -> FormulaWriter:
        checked = check_formula(parse(formula).root, self._value_maps, has_source=bool(value))
        self.read.update(checked.fields)
        return FormulaWriter(self._listing, cell, {name: self._table(name) for name in checked.maps}, value)

    def _finish(self, result: str, kinds: Kinds, field: TargetField, name: str, site: Site) -> None:
        """A formula's result in the target's type; no check where its kind already says so."""
        settled = SETTLED.get(field.type)
        if settled is not None and kinds <= {settled, Kind.EMPTY}:
            self._listing.line(f"{name} = {result}")
        elif field.type is FieldType.TEXT and kinds <= TEXTS:
            convert = self._convert(field)
            self._listing.line(
                f"{name} = {result} if {result} is None or {result}.isprintable() else {convert}({result})", site
            )
        else:
            self._listing.line(f"{name} = {self._convert(field)}({result})", site)

    def _close(self, row: Row, field: TargetField, name: str, cell: Site) -> None:
        """The default, the demand for a value, and the lower bound."""
        condition = f"if not {name}" if field.type in _TEXTUAL else f"if {name} is None"
        if row.default:
            default = self._default(row, field)
            with self._listing.block(condition):
                self._listing.line(f"{name} = {default}")
        elif field.required:
            with self._listing.block(condition):
                self._listing.line(f"missing({self._listing.constant(row.source)})", cell)
        elif field.type in _TEXTUAL:
            self._listing.line(f"{name} = {name} or None")
        if field.minimum is not None:
            least = self._listing.constant(field.minimum)
            asked = "" if field.required or row.default else f"{name} is not None and "
            with self._listing.block(f"if {asked}{name} < {least}"):
                self._listing.line(f"below_minimum({name}, {least})", cell)

    def _default(self, row: Row, field: TargetField) -> str:
        return self._listing.constant(converter(field, self._clock)(row.default))

    def _convert(self, field: TargetField) -> str:
        return self._listing.constant(converter(field, self._clock))

    def _table(self, name: str) -> str:
        """The constant that holds a value map as text to text or None."""
        if name not in self._maps:
            entries = self._value_maps[name].entries
            self._maps[name] = self._listing.constant({code: result or None for code, result in entries})
        return self._maps[name]
