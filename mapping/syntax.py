"""The tree of a formula: what the parser makes and the checker and compiler walk. `at` is a character offset from 0."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal


@dataclass(frozen=True, slots=True)
class Number:
    value: Decimal
    at: int


@dataclass(frozen=True, slots=True)
class Text:
    value: str
    at: int


@dataclass(frozen=True, slots=True)
class Boolean:
    value: bool
    at: int


@dataclass(frozen=True, slots=True)
class Empty:
    at: int


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the record. `quoted` is True when it was written in brackets."""

    name: str
    at: int
    quoted: bool = False


@dataclass(frozen=True, slots=True)
class Value:
    """The word `value`: what the row's own source held, after its value map."""

    at: int


@dataclass(frozen=True, slots=True)
class Minus:
    """A minus sign before an operand."""

    operand: Node
    at: int


@dataclass(frozen=True, slots=True)
class Binary:
    """Two operands; `at` is the place of the operator."""

    operator: str
    left: Node
    right: Node
    at: int


@dataclass(frozen=True, slots=True)
class Call:
    """A function call; `name` is in capitals."""

    name: str
    arguments: tuple[Node, ...]
    at: int


Node = Number | Text | Boolean | Empty | Field | Value | Minus | Binary | Call


@dataclass(frozen=True, slots=True)
class Formula:
    """A parsed formula. `tokens`, `nodes` and `steps` are the work that reading it took: tests hold them to bounds."""

    text: str
    root: Node
    tokens: int
    nodes: int
    steps: int
