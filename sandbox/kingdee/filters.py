"""Reads a FilterString: a small, safe parser for SQL-like conditions, and for the JSON-array form of the same.

The text never reaches the database: it becomes SQL with parameters, and every name goes through the form's fields.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.kingdee.books import scaled, stored_time

LONGEST_FILTER = 20_000
MOST_TOKENS = 4_000
DEEPEST = 40
LARGEST_INTEGER = 2**63 - 1

_TOKEN = re.compile(
    r"\s*(?:(?P<text>N?'(?:[^']|'')*')|(?P<number>[+-]?\d+(?:\.\d+)?)|(?P<name>[A-Za-z_][\w.]*)"
    r"|(?P<mark><>|!=|>=|<=|[=<>(),]))"
)
_COMPARISONS = {"=": "=", "<>": "<>", "!=": "<>", ">": ">", ">=": ">=", "<": "<", "<=": "<="}
_ARRAY_COMPARES = {
    **{mark: mark for mark in _COMPARISONS},
    "like": "like",
    "statusequalto": "=",
}
Resolve = Callable[[str], tuple[str, str]]
"""Field key -> (SQL expression, kind). Raises for an unknown field."""


class BadFilter(ValueError):
    """The filter cannot be read; the text says why."""


@dataclass(slots=True)
class Condition:
    """A WHERE clause with its parameters, in order."""

    sql: str
    parameters: list[Any] = field(default_factory=list)


def read_filter(source: Any, resolve: Resolve) -> Condition | None:
    """A condition from a FilterString or a JSON array (as text or as a list); None when it is empty."""
    if source in (None, "", []):
        return None
    if isinstance(source, str) and source.lstrip().startswith("["):
        try:
            source = json.loads(source)
        except ValueError as error:
            raise BadFilter(str(error)) from error
    tokens = _array_tokens(source) if isinstance(source, list) else _tokens(str(source))
    if not tokens:
        return None
    if len(tokens) > MOST_TOKENS:
        raise BadFilter("too many words")
    reader = _Reader(tokens, resolve)
    condition = reader.alternatives(0)
    left_over = reader.peek()
    if left_over is not None:
        raise BadFilter(f"unexpected {left_over[1]!r}")
    return condition


def _tokens(text: str) -> list[tuple[str, str]]:
    if len(text) > LONGEST_FILTER:
        raise BadFilter("too long")
    tokens = []
    place = 0
    while text[place:].strip():
        match = _TOKEN.match(text, place)
        if match is None:
            raise BadFilter(f"cannot read {text[place : place + 20]!r}")
        kind = match.lastgroup or ""
        word = match.group(kind)
        if kind == "text":
            word = word[word.index("'") + 1 : -1].replace("''", "'")
        tokens.append((kind, word))
        place = match.end()
    return tokens


def _array_tokens(conditions: list[Any]) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    for place, one in enumerate(conditions):
        if not isinstance(one, dict):
            raise BadFilter("each condition is an object")
        compare = _ARRAY_COMPARES.get(str(one.get("Compare", "")).lower())
        if compare is None:
            raise BadFilter(f"unknown Compare {one.get('Compare')!r}")
        tokens += _tokens(str(one.get("Left") or ""))
        tokens.append(("name", str(one.get("FieldName", ""))))
        tokens.append(("name" if compare == "like" else "mark", compare))
        tokens.append(("text", str(one.get("Value", ""))))
        tokens += _tokens(str(one.get("Right") or ""))
        if place + 1 < len(conditions):
            logic = str(one.get("Logic") or "AND").lower()
            tokens.append(("name", {"0": "and", "1": "or"}.get(logic, logic)))
    return tokens


class _Reader:
    def __init__(self, tokens: list[tuple[str, str]], resolve: Resolve) -> None:
        self._tokens = tokens
        self._place = 0
        self._resolve = resolve

    def peek(self) -> tuple[str, str] | None:
        return self._tokens[self._place] if self._place < len(self._tokens) else None

    def alternatives(self, depth: int) -> Condition:
        return self._joined("or", self._conjunction, depth)

    def _conjunction(self, depth: int) -> Condition:
        return self._joined("and", self._negation, depth)

    def _joined(self, word: str, part: Callable[[int], Condition], depth: int) -> Condition:
        if depth > DEEPEST:
            raise BadFilter("nested too deeply")
        result = part(depth)
        while self._take_word(word):
            right = part(depth)
            result = Condition(f"({result.sql} {word.upper()} {right.sql})", result.parameters + right.parameters)
        return result

    def _negation(self, depth: int) -> Condition:
        if self._take_word("not"):
            inner = self._negation(depth + 1)
            return Condition(f"(NOT {inner.sql})", inner.parameters)
        if self._take_mark("("):
            inner = self.alternatives(depth + 1)
            self._expect(")")
            return Condition(f"({inner.sql})", inner.parameters)
        return self._comparison()

    def _comparison(self) -> Condition:
        kind, word = self._next()
        if kind == "number":  # the idiom 1=1
            self._expect("=")
            other, value = self._next()
            if other != "number":
                raise BadFilter("a number is compared with a number")
            return Condition("(1=1)" if Decimal(word) == Decimal(value) else "(1=0)")
        if kind != "name":
            raise BadFilter(f"a field is expected, not {word!r}")
        column, column_kind = self._resolve(word)
        if self._take_word("is"):
            negated = self._take_word("not")
            if not self._take_word("null"):
                raise BadFilter("NULL is expected after IS")
            return Condition(f"({column} IS {'NOT ' if negated else ''}NULL)")
        negated = self._take_word("not")
        if self._take_word("in"):
            return self._membership(column, column_kind, negated)
        if self._take_word("like"):
            return Condition(f"({column} {'NOT ' if negated else ''}LIKE ?)", [self._value("text")])
        if self._take_word("between"):
            low = self._value(column_kind)
            if not self._take_word("and"):
                raise BadFilter("AND is expected in BETWEEN")
            high = self._value(column_kind)
            return Condition(f"({column} {'NOT ' if negated else ''}BETWEEN ? AND ?)", [low, high])
        if negated:
            raise BadFilter("IN, LIKE or BETWEEN is expected after NOT")
        kind, mark = self._next()
        if kind != "mark" or mark not in _COMPARISONS:
            raise BadFilter(f"a comparison is expected, not {mark!r}")
        return Condition(f"({column} {_COMPARISONS[mark]} ?)", [self._value(column_kind)])

    def _membership(self, column: str, kind: str, negated: bool) -> Condition:
        self._expect("(")
        values = [self._value(kind)]
        while self._take_mark(","):
            values.append(self._value(kind))
        self._expect(")")
        marks = ", ".join("?" * len(values))
        return Condition(f"({column} {'NOT ' if negated else ''}IN ({marks}))", values)

    def _value(self, kind: str) -> Any:
        token_kind, word = self._next()
        if token_kind not in ("text", "number"):
            raise BadFilter(f"a value is expected, not {word!r}")
        try:
            if kind == "decimal":
                return scaled(Decimal(word))
            if kind in ("integer", "base", "owner", "flex"):
                number = int(word)
                if abs(number) > LARGEST_INTEGER:
                    raise ValueError(word)
                return number
            if kind in ("date", "time"):
                return stored_time(word)
        except (ValueError, InvalidOperation) as error:
            raise BadFilter(f"{word!r} does not fit the field") from error
        return word

    def _next(self) -> tuple[str, str]:
        token = self.peek()
        if token is None:
            raise BadFilter("the condition ends too early")
        self._place += 1
        return token

    def _take_word(self, word: str) -> bool:
        return self._take("name", word)

    def _take_mark(self, mark: str) -> bool:
        return self._take("mark", mark)

    def _take(self, kind: str, word: str) -> bool:
        token = self.peek()
        if token is not None and token[0] == kind and token[1].lower() == word:
            self._place += 1
            return True
        return False

    def _expect(self, mark: str) -> None:
        if not self._take_mark(mark):
            token = self.peek()
            raise BadFilter(f"{mark!r} is expected" + (f", not {token[1]!r}" if token else ""))
