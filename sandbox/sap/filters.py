"""`$filter` of OData V2 and V4: parsed into a predicate over rows. Each version's literals are refused in the other one."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.sap.books import Row
from sandbox.sap.schema import EntityType, Property

Predicate = Callable[[Row], bool]

_TOKENS = re.compile(
    r"\s*(?:(?P<open>\()|(?P<close>\))|(?P<comma>,)"
    r"|(?P<typed>(?:datetimeoffset|datetime)'[^']*')"
    r"|(?P<text>'(?:[^']|'')*')"
    r"|(?P<stamp>[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(?:Z|[+-][0-9:]{5}))"
    r"|(?P<date>[0-9]{4}-[0-9]{2}-[0-9]{2})"
    r"|(?P<number>-?[0-9]+(?:\.[0-9]+)?[MmLlDd]?)"
    r"|(?P<word>[A-Za-z_][A-Za-z0-9_]*))"
)
_COMPARE: Mapping[str, Callable[[Any, Any], bool]] = {
    "eq": lambda a, b: a == b,
    "ne": lambda a, b: a != b,
    "gt": lambda a, b: a is not None and a > b,
    "ge": lambda a, b: a is not None and a >= b,
    "lt": lambda a, b: a is not None and a < b,
    "le": lambda a, b: a is not None and a <= b,
}
DEEPEST = 50


class BadFilter(ValueError):
    """The filter cannot be read, or names what is not there."""


def compile_filter(text: str, kind: EntityType, names: Mapping[str, str], version: int) -> Predicate:
    """The predicate of a filter; `names` maps shown names to the type's own."""
    return _Reader(text, kind, names, version).read()


class _Reader:
    def __init__(self, text: str, kind: EntityType, names: Mapping[str, str], version: int) -> None:
        self._kind = kind
        self._names = names
        self._version = version
        self._tokens: list[tuple[str, str]] = []
        self._depth = 0
        at = 0
        while at < len(text.rstrip()):
            found = _TOKENS.match(text, at)
            if found is None:
                raise BadFilter(f"not understood at {at}: {text[at : at + 20]!r}")
            self._tokens.append((str(found.lastgroup), found.group(str(found.lastgroup))))
            at = found.end()
        self._tokens.append(("end", ""))

    def read(self) -> Predicate:
        found = self._or()
        if self._tokens[0][0] != "end":
            raise BadFilter(f"unexpected {self._tokens[0][1]!r}")
        return found

    def _word(self, word: str) -> bool:
        if self._tokens[0] == ("word", word):
            self._tokens.pop(0)
            return True
        return False

    def _take(self, group: str) -> str:
        name, text = self._tokens[0]
        if name != group:
            raise BadFilter(f"{group} expected, not {text!r}")
        self._tokens.pop(0)
        return text

    def _or(self) -> Predicate:
        parts = [self._and()]
        while self._word("or"):
            parts.append(self._and())
        return parts[0] if len(parts) == 1 else lambda row: any(part(row) for part in parts)

    def _and(self) -> Predicate:
        parts = [self._term()]
        while self._word("and"):
            parts.append(self._term())
        return parts[0] if len(parts) == 1 else lambda row: all(part(row) for part in parts)

    def _term(self) -> Predicate:
        self._depth += 1
        if self._depth > DEEPEST:
            raise BadFilter("nested too deeply")
        try:
            return self._one_term()
        finally:
            self._depth -= 1

    def _one_term(self) -> Predicate:
        if self._word("not"):
            inner = self._term()
            return lambda row: not inner(row)
        if self._tokens[0][0] == "open":
            self._tokens.pop(0)
            inner = self._or()
            self._take("close")
            return inner
        name = self._take("word")
        if name == "startswith" and self._tokens[0][0] == "open":
            return self._startswith()
        one = self._property(name)
        operator = self._take("word")
        if operator not in _COMPARE:
            raise BadFilter(f"unknown operator {operator!r}")
        wanted = self._literal(one)
        compare = _COMPARE[operator]
        return lambda row: compare(row[one.name], wanted)

    def _startswith(self) -> Predicate:
        self._take("open")
        one = self._property(self._take("word"))
        self._take("comma")
        start = self._take("text")[1:-1].replace("''", "'")
        self._take("close")
        return lambda row: str(row[one.name]).startswith(start)

    def _property(self, shown: str) -> Property:
        own = self._names.get(shown)
        if own is None or own not in self._kind.properties:
            raise BadFilter(f'Property "{shown}" does not exist in {self._kind.name}')
        return self._kind.properties[own]

    def _literal(self, one: Property) -> Any:
        group, text = self._tokens.pop(0)
        expected = {"text": "text", "decimal": "number", "bool": "word"}.get(one.type)
        if one.type in ("date", "stamp"):
            expected = "typed" if self._version == 2 else one.type
        if (group, text) == ("word", "null"):
            return None
        if group != expected:
            raise BadFilter(f"{text!r} is no literal for {one.name} in OData V{self._version}")
        try:
            return _read(one, text)
        except (ValueError, InvalidOperation, KeyError) as error:
            raise BadFilter(f"{text!r} is no literal for {one.name}") from error


def _read(one: Property, text: str) -> Any:
    if one.type == "text":
        return text[1:-1].replace("''", "'")
    if one.type == "decimal":
        return Decimal(text.rstrip("MmLlDd"))
    if one.type == "bool":
        return {"true": True, "false": False}[text]
    kind, quote, inner = text.partition("'")
    inner = inner.rstrip("'") if quote else kind
    if one.type == "stamp":
        if quote and kind != "datetimeoffset":
            raise ValueError("a moment is a datetimeoffset")
        moment = datetime.fromisoformat(inner)
        if moment.tzinfo is None:
            raise ValueError("a moment has a zone")
        return moment.astimezone(UTC)
    if quote and kind != "datetime":
        raise ValueError("a date is a datetime")
    return date.fromisoformat(inner[:10])
