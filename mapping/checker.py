"""The checker of the formula language: everything that is wrong with a formula whatever record comes, all at once.

It works out which kinds a part can have (a field: any) and reports what cannot go well for any of them; what can go well
for some values is left to the compiled function, which checks the value it meets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from mapping.kinds import ANYTHING, CONDITIONS, FUNCTIONS, NUMBERS, OPERATORS, ORDERED, Kind, Kinds
from mapping.limits import EXPONENT
from mapping.spec import ValueMap
from mapping.syntax import Binary, Boolean, Call, Empty, Field, Minus, Node, Number, Text, Value
from messages import Message

_LITERAL: Final[dict[type, Kind]] = {
    Number: Kind.NUMBER,
    Text: Kind.TEXT,
    Boolean: Kind.BOOLEAN,
    Empty: Kind.EMPTY,
}


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong in a formula, at a character offset from 0."""

    at: int
    message: Message


@dataclass(slots=True)
class Checked:
    """What the checker found: problems, the kinds of the result, and what the formula reads."""

    kinds: Kinds = ANYTHING
    problems: list[Problem] = field(default_factory=list)
    fields: dict[str, None] = field(default_factory=dict)
    maps: dict[str, None] = field(default_factory=dict)
    uses_value: bool = False


def check_formula(root: Node, maps: dict[str, ValueMap], *, has_source: bool) -> Checked:
    """Check one formula against the spec's value maps. `has_source`: whether its row names a source for `value`."""
    checked = Checked()
    checked.kinds = _Walk(checked, maps, has_source).kinds(root)
    return checked


def literal_kinds(node: Node) -> Kinds:
    """The kind of a literal; text without characters is empty."""
    if isinstance(node, Text) and not node.value:
        return frozenset({Kind.EMPTY})
    return frozenset({_LITERAL[type(node)]})


def lookup_name(call: Call) -> str | None:
    """The map that a LOOKUP names, as text or as a bare word; None for anything else."""
    first = call.arguments[0]
    if isinstance(first, Text):
        return first.value
    return first.name if isinstance(first, Field) else None


class _Walk:
    def __init__(self, checked: Checked, maps: dict[str, ValueMap], has_source: bool) -> None:
        self._checked = checked
        self._maps = maps
        self._has_source = has_source

    def kinds(self, node: Node) -> Kinds:
        """The kinds a part can have; its problems are noted on the way."""
        if isinstance(node, Field):
            self._checked.fields[node.name] = None
            return ANYTHING
        if isinstance(node, Value):
            self._checked.uses_value = True
            if not self._has_source:
                self._note(node.at, "value_without_source")
            return ANYTHING
        if isinstance(node, Minus):
            self._demand(node.operand, self.kinds(node.operand), NUMBERS, "-")
            return NUMBERS
        if isinstance(node, Binary):
            return self._binary(node)
        if isinstance(node, Call):
            return self._call(node)
        return literal_kinds(node)

    def _binary(self, node: Binary) -> Kinds:
        operator = OPERATORS[node.operator]
        left, right = self.kinds(node.left), self.kinds(node.right)
        fits = self._demand(node.left, left, operator.accepts, node.operator)
        fits &= self._demand(node.right, right, operator.accepts, node.operator)
        first, second = left - {Kind.EMPTY}, right - {Kind.EMPTY}
        if fits and operator.gives == CONDITIONS and first and second and not first & second:
            self._note(node.at, "mixed_comparison", left=_spoken(first), right=_spoken(second))
        if node.operator == "/" and isinstance(node.right, Number) and not node.right.value:
            self._note(node.at, "division_by_zero")
        return operator.gives

    def _call(self, node: Call) -> Kinds:
        function = FUNCTIONS.get(node.name)
        if function is None:
            for argument in node.arguments:
                self.kinds(argument)
            shown = node.name[:40]
            self._note(node.at, "unknown_function", name=shown, known=" ".join(FUNCTIONS))
            if not node.name.isascii():
                odd = next(character for character in node.name if not character.isascii())
                self._note(node.at, "function_lookalike", name=shown, character=odd, code=f"U+{ord(odd):04X}")
            return ANYTHING
        count = len(node.arguments)
        if count < function.least or (function.most is not None and count > function.most):
            most = "…" if function.most is None else function.most
            self._note(node.at, "argument_count", name=node.name, count=count, least=function.least, most=most)
            return ANYTHING if function.gives is None else function.gives
        if node.name == "LOOKUP":
            return self._lookup(node)
        kinds = [self.kinds(argument) for argument in node.arguments]
        for place, (argument, found) in enumerate(zip(node.arguments, kinds, strict=True)):
            self._demand(argument, found, function.accepted(place), node.name)
        if node.name in ("MIN", "MAX"):
            self._one_kind(node, kinds)
        if node.name == "ROUND":
            self._places(node.arguments[1])
        return result_kinds(node.name, kinds)

    def _lookup(self, node: Call) -> Kinds:
        name = lookup_name(node)
        if name is None:
            self._note(node.arguments[0].at, "lookup_needs_map")
        elif name not in self._maps:
            self._note(node.arguments[0].at, "unknown_value_map", name=name[:60])
        else:
            self._checked.maps[name] = None
        kinds = [self.kinds(argument) for argument in node.arguments[1:]]
        self._demand(node.arguments[1], kinds[0], FUNCTIONS["LOOKUP"].accepted(1), "LOOKUP")
        return result_kinds("LOOKUP", [ANYTHING, *kinds])

    def _one_kind(self, node: Call, kinds: list[Kinds]) -> None:
        known = [found & ORDERED for found in kinds if len(found & ORDERED) == 1]
        if len(set(known)) > 1:
            self._note(node.at, "mixed_comparison", left=_spoken(known[0]), right=_spoken(known[-1]))

    def _places(self, node: Node) -> None:
        literal = node.operand if isinstance(node, Minus) else node
        if isinstance(literal, Number) and (literal.value % 1 or literal.value > EXPONENT):
            self._note(literal.at, "needs_count", value=str(literal.value), least=-EXPONENT)

    def _demand(self, node: Node, found: Kinds, accepted: Kinds, where: str) -> bool:
        """Note a part none of whose kinds is accepted; that it could be empty does not save it."""
        if (found - {Kind.EMPTY} or found) & accepted:
            return True
        self._note(node.at, "wrong_kind", where=where, found=_spoken(found), accepted=_spoken(accepted))
        return False

    def _note(self, at: int, name: str, /, **params: object) -> None:
        self._checked.problems.append(Problem(at, Message(f"mapping.{name}", params)))


def result_kinds(name: str, arguments: list[Kinds]) -> Kinds:
    """The kinds a call can give, from the kinds of its arguments."""
    function = FUNCTIONS[name]
    if function.gives is not None:
        return function.gives
    if name == "IF":
        missing: Kinds = frozenset() if len(arguments) == 3 else frozenset({Kind.EMPTY})
        return frozenset().union(*arguments[1:], missing)
    if name == "LOOKUP":
        return frozenset({Kind.TEXT, Kind.EMPTY}).union(*arguments[2:])
    if name == "COALESCE":
        return frozenset().union(*(found - {Kind.EMPTY} for found in arguments[:-1]), arguments[-1])
    return frozenset().union(*arguments) & (ORDERED | {Kind.EMPTY})


def _spoken(kinds: Kinds) -> Message:
    """Kinds named for a person, `empty` left out where there is more to say."""
    named = sorted(kinds - {Kind.EMPTY} or kinds)
    spoken = named[0].spoken
    for kind in named[1:]:
        spoken = Message("mapping.kind_or", {"first": spoken, "second": kind.spoken})
    return spoken
