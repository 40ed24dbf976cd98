"""The compiler of formulas: a checked tree becomes statements of a listing, each part's value in a name of its own.

Statements instead of one expression, because IF, AND, OR, COALESCE and the default of LOOKUP evaluate only what they need,
and because every line then has one place in the spec. Kinds worked out on the way leave out checks that cannot fail.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from hedge_core.rounding import round_half_up
from mapping import functions
from mapping.checker import literal_kinds, lookup_name, result_kinds
from mapping.faults import Fault
from mapping.kinds import ANYTHING, CONDITIONS, NUMBERS, OPERATORS, TEXTS, Kind, Kinds
from mapping.limits import EXPONENT, READING, TEXT_CHARACTERS
from mapping.listing import Listing, Site
from mapping.parser import COMPARISONS
from mapping.syntax import Binary, Boolean, Call, Empty, Field, Minus, Node, Number, Text, Value
from mapping.values import Clock, bounded, code_text, fault, number_of, shown

MISSING: Final = object()
_PYTHON: Final = {"=": "==", "<>": "!=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


def unknown_code(name: str, code: str) -> None:
    """A code that its value map does not have: always a Fault."""
    fault("unknown_code", map=name, code=shown(code))


def runtime(clock: Clock) -> dict[str, object]:
    """The fixed names that generated lines use, besides numbered ones. No builtins beyond these."""
    return {
        "__builtins__": {},
        "D": Decimal,
        "str": str,
        "int": int,
        "len": len,
        "LIMIT": TEXT_CHARACTERS,
        "TOP": 10 ** (EXPONENT + 1),
        "MISSING": MISSING,
        "ORDERED": frozenset({Decimal, str, date, datetime}),
        "plus": READING.plus,
        "bounded": bounded,
        "code_text": code_text,
        "round_half_up": round_half_up,
        "read": clock.read,
        "number_field": clock.number,
        "day_of": clock.date_again,
        "moment_of": clock.moment_again,
        "need_number": functions.need_number,
        "need_condition": functions.need_condition,
        "joinable": functions.joinable,
        "differ": functions.differ,
        "no_order": functions.no_order,
        "no_divisor": functions.no_divisor,
        "unknown_code": unknown_code,
        "f_DATE": functions.dates(clock),
        **{f"f_{name}": function for name, function in functions.PLAIN.items()},
    }


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a formula that has been written: the name that holds it and the kinds it can have."""

    name: str
    kinds: Kinds

    @property
    def may_be_empty(self) -> bool:
        return Kind.EMPTY in self.kinds


def write_reading(listing: Listing, name: str, site: Site) -> None:
    """Write the lines that turn a record's value, held by `name`, into a value of the language: the usual kinds in line,
    the others by a call."""
    with listing.block(f"if {name}.__class__ is str"):
        listing.line(f"{name} = {name} or None if len({name}) <= LIMIT else bounded({name})", site)
    with listing.block(f"elif {name}.__class__ is D and {name}.is_finite()"):
        listing.line(f"{name} = plus({name})", site)
    with listing.block(f"elif {name}.__class__ is int and -TOP < {name} < TOP"):
        listing.line(f"{name} = D({name})", site)
    with listing.block(f"elif {name} is not None"):
        listing.line(f"{name} = read({name})", site)


def read_field(listing: Listing, field: str, site: Site) -> str:
    """The name that holds a field's value in the language; a field is read once, however many cells ask for it: where the
    first of them fails the record has failed."""
    name = listing.held((ANYTHING, field))
    if name is None:
        name = listing.temporary()
        listing.line(f"{name} = g({listing.constant(field)})")
        write_reading(listing, name, site)
        listing.hold((ANYTHING, field), name)
    return name


class FormulaWriter:
    """Writes the formulas of one cell. `cell` places errors; `maps` are prepared for look-up by the names of constants;
    `value` is the name that holds the row's own source value, empty text where there is none."""

    def __init__(self, listing: Listing, cell: Site, maps: dict[str, str], value: str = "") -> None:
        self._listing = listing
        self._cell = cell
        self._maps = maps
        self._value = value

    def write(self, node: Node) -> Part:
        """Write a part whatever its kind."""
        self._listing.step()
        if isinstance(node, Field):
            return self._field(node)
        if isinstance(node, Value):
            return Part(self._value, ANYTHING)
        if isinstance(node, Minus):
            operand = self.number(node.operand)
            guard = f"None if {operand.name} is None else " if operand.may_be_empty else ""
            return self._set(f"{guard}-{operand.name}", operand.kinds, node)
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, Call):
            return self._call(node)
        return self._literal(node)

    def condition(self, node: Node) -> str:
        """Write a part that has to be TRUE or FALSE; the name that holds it."""
        part = self.write(node)
        if part.kinds != CONDITIONS:
            with self._listing.block(f"if {part.name} is not True and {part.name} is not False"):
                self._listing.line(f"need_condition({part.name})", self._site(node))
        return part.name

    def number(self, node: Node) -> Part:
        """Write a part that has to be a number or empty."""
        if isinstance(node, Field):
            self._listing.step()
            return self._number_field(node)
        part = self.write(node)
        if part.kinds <= NUMBERS:
            return part
        return self._set(f"{part.name} if {part.name}.__class__ is D else need_number({part.name})", NUMBERS, node)

    def _site(self, node: Node) -> Site:
        if isinstance(node, Field):
            return replace(self._cell, offset=node.at + 1, source=node.name, reading=True)
        return replace(self._cell, offset=node.at + 1)

    def _set(self, expression: str, kinds: Kinds, node: Node) -> Part:
        name = self._listing.temporary()
        self._listing.line(f"{name} = {expression}", self._site(node))
        return Part(name, kinds)

    def _literal(self, node: Number | Text | Boolean | Empty) -> Part:
        kinds = literal_kinds(node)
        if kinds == frozenset({Kind.EMPTY}) or isinstance(node, Empty):
            return Part("None", kinds)
        return Part(self._listing.constant(node.value), kinds)

    def _field(self, node: Field) -> Part:
        number = self._listing.held((NUMBERS, node.name))
        if number is not None:
            return Part(number, NUMBERS)
        return Part(read_field(self._listing, node.name, self._site(node)), ANYTHING)

    def _number_field(self, node: Field) -> Part:
        number, value = (self._listing.held((kinds, node.name)) for kinds in (NUMBERS, ANYTHING))
        if number is not None:
            return Part(number, NUMBERS)
        if value is not None:
            part = self._set(f"{value} if {value}.__class__ is D else need_number({value})", NUMBERS, node)
        else:
            part = self._set(f"g({self._listing.constant(node.name)})", NUMBERS, node)
            name = part.name
            self._listing.line(
                f"{name} = plus({name}) if {name}.__class__ is D and {name}.is_finite() else D({name}) "
                f"if {name}.__class__ is int and -TOP < {name} < TOP else number_field({name})",
                self._site(node),
            )
        self._listing.hold((NUMBERS, node.name), part.name)
        return part

    def _binary(self, node: Binary) -> Part:
        if node.operator in COMPARISONS:
            return self._comparison(node)
        if node.operator == "&":
            left, right = self._joined(node.left), self._joined(node.right)
            return self._set(f"bounded({left} + {right})", OPERATORS["&"].gives, node)
        left_part, right_part = self.number(node.left), self.number(node.right)
        asked = [f"{part.name} is None" for part in (left_part, right_part) if part.may_be_empty]
        guard = f"None if {' or '.join(asked)} else " if asked else ""
        result = f"{left_part.name} {node.operator} {right_part.name}"
        if node.operator == "/" and not isinstance(node.right, Number):
            result += f" if {right_part.name} else no_divisor()"
        kinds = NUMBERS if asked else frozenset({Kind.NUMBER})
        return self._set(guard + result, kinds, node)

    def _joined(self, node: Node) -> str:
        part = self.write(node)
        if part.kinds == frozenset({Kind.TEXT}):
            return part.name
        return f"({part.name} or '')" if part.kinds <= TEXTS else f"joinable({part.name})"

    def _comparison(self, node: Binary) -> Part:
        left, right = self._compared(node.left, node.right), self._compared(node.right, node.left)
        sign, kinds = _PYTHON[node.operator], (left.kinds | right.kinds) - {Kind.EMPTY}
        result = f"{left.name} {sign} {right.name}"
        alike = len(kinds) < 2
        same_class = f"{left.name}.__class__ is {right.name}.__class__"
        if node.operator in ("=", "<>") and "None" in (left.name, right.name):
            asked_part = left if right.name == "None" else right
            expression = f"{asked_part.name} is {'' if node.operator == '=' else 'not '}None"
        elif node.operator in ("=", "<>"):
            refused = "" if node.operator == "=" else "not "
            expression = (
                result if alike else f"{result} if {same_class} else {refused}differ({left.name}, {right.name})"
            )
        else:
            asked = [f"{part.name} is not None" for part in (left, right) if part.may_be_empty]
            if not alike:
                asked = [same_class, f"{left.name}.__class__ in ORDERED"]
            guard = f" if {' and '.join(asked)} else no_order({left.name}, {right.name})" if asked else ""
            expression = result + guard
        return self._set(expression, CONDITIONS, node)

    def _compared(self, node: Node, other: Node) -> Part:
        """One side of a comparison; a field beside a literal number is read as a number at once."""
        return self.number(node) if isinstance(node, Field) and isinstance(other, Number) else self.write(node)

    def _call(self, node: Call) -> Part:
        special = {
            "IF": self._if,
            "AND": self._and_or,
            "OR": self._and_or,
            "NOT": self._not,
            "COALESCE": self._coalesce,
            "LOOKUP": self._lookup,
            "ROUND": self._round,
        }.get(node.name)
        if special is not None:
            return special(node)
        if node.name == "NUMBER" and isinstance(node.arguments[0], Call) and node.arguments[0].name == "LOOKUP":
            numbers = self._number_lookup(node.arguments[0])
            if numbers is not None:
                return numbers
        arguments = [self.write(argument) for argument in node.arguments]
        names = ", ".join(part.name for part in arguments)
        return self._set(f"f_{node.name}({names})", result_kinds(node.name, [part.kinds for part in arguments]), node)

    def _if(self, node: Call) -> Part:
        held = self.condition(node.arguments[0])
        name = self._listing.temporary()
        kinds: Kinds = frozenset()
        with self._listing.block(f"if {held}"):
            part = self.write(node.arguments[1])
            self._listing.line(f"{name} = {part.name}")
            kinds |= part.kinds
        with self._listing.block("else"):
            part = self.write(node.arguments[2]) if len(node.arguments) == 3 else Part("None", frozenset({Kind.EMPTY}))
            self._listing.line(f"{name} = {part.name}")
            kinds |= part.kinds
        return Part(name, kinds)

    def _and_or(self, node: Call) -> Part:
        """Conditions from left to right, none after the one that decides."""
        undecided = "if {}" if node.name == "AND" else "if not {}"
        name = self._listing.temporary()
        self._listing.line(f"{name} = {self.condition(node.arguments[0])}")
        for argument in node.arguments[1:]:
            with self._listing.block(undecided.format(name)):
                self._listing.line(f"{name} = {self.condition(argument)}")
        return Part(name, CONDITIONS)

    def _not(self, node: Call) -> Part:
        return self._set(f"not {self.condition(node.arguments[0])}", CONDITIONS, node)

    def _coalesce(self, node: Call) -> Part:
        first = self.write(node.arguments[0])
        name = self._listing.temporary()
        self._listing.line(f"{name} = {first.name}")
        kinds = [first.kinds]
        for argument in node.arguments[1:]:
            with self._listing.block(f"if {name} is None"):
                part = self.write(argument)
                self._listing.line(f"{name} = {part.name}")
                kinds.append(part.kinds)
        return Part(name, result_kinds("COALESCE", kinds))

    def _number_lookup(self, node: Call) -> Part | None:
        """NUMBER(LOOKUP(map, key)), the way units are converted: the numbers of the map are made once, here. None where
        that cannot be: with a default, or with a result that writes no number, which fails only when it is met."""
        own = self._maps[lookup_name(node) or ""]
        table: dict[str, str | None] = self._listing.names[own]
        if len(node.arguments) == 3:
            return None
        prepared = self._listing.numbers.get(own)
        if prepared is None:
            try:
                numbers = {code: result and number_of(result) for code, result in table.items()}
            except Fault:
                return None
            prepared = self._listing.numbers[own] = self._listing.constant(numbers)
        self._listing.step()
        return Part(self._lookup(node, prepared).name, NUMBERS)

    def _lookup(self, node: Call, prepared: str = "") -> Part:
        """A code translated, by a prepared table or the map's own; the default is worked out only for an empty or unknown
        code."""
        map_name = lookup_name(node) or ""
        table = prepared or self._maps[map_name]
        key = self.write(node.arguments[1])
        code = key.name if key.kinds <= TEXTS else self._code(key.name, node.arguments[1])
        if len(node.arguments) == 2:
            known = self._listing.held((table, code))
            if known is not None:
                return Part(known, TEXTS)
            found = self._set(f"{table}.get({code}, MISSING) if {code} is not None else None", TEXTS, node)
            with self._listing.block(f"if {found.name} is MISSING"):
                self._listing.line(f"unknown_code({self._listing.constant(map_name)}, {code})", self._site(node))
            self._listing.hold((table, code), found.name)
            return found
        found = self._set(f"{table}.get({code}, MISSING)", TEXTS, node)
        with self._listing.block(f"if {found.name} is MISSING"):
            default = self.write(node.arguments[2])
            self._listing.line(f"{found.name} = {default.name}")
        return Part(found.name, TEXTS | default.kinds)

    def _code(self, key: str, node: Node) -> str:
        """The name that holds the text under which a value is looked up."""
        name = self._listing.held(("code", key))
        if name is None:
            name = self._set(f"{key} if {key}.__class__ is str else code_text({key})", TEXTS, node).name
            self._listing.hold(("code", key), name)
        return name

    def _round(self, node: Call) -> Part:
        value, places = self.number(node.arguments[0]), node.arguments[1]
        if not isinstance(places, Number):
            return self._set(f"f_ROUND({value.name}, {self.write(places).name})", NUMBERS, node)
        self._listing.step()
        guard = f"None if {value.name} is None else " if value.may_be_empty else ""
        count = self._listing.constant(int(places.value))
        return self._set(f"{guard}plus(round_half_up({value.name}, {count}))", value.kinds, node)
