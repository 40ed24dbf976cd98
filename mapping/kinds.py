"""The kinds of value a formula handles, and the table of functions: how many arguments, of which kind, giving what.

Empty is a value of its own: an absent field, a null and a text without characters are all empty. One rule covers it:
*empty in, empty out*, for arithmetic and functions. Exceptions: `&` and LEN take it as no characters, `=` and `<>` may ask
for it (`x = empty`), COALESCE skips it. As a condition, or on either side of `< <= > >=`, empty is an error, and so is any
comparison or sum of two kinds that differ: the steward converts with NUMBER, TEXT or DATE, the language never guesses.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from messages import Message


class Kind(StrEnum):
    """What a value is."""

    NUMBER = "number"
    TEXT = "text"
    BOOLEAN = "boolean"
    DATE = "date"
    DATETIME = "datetime"
    EMPTY = "empty"

    @property
    def spoken(self) -> Message:
        """The kind's name for a person."""
        return Message(f"mapping.kind_{self.value}")


Kinds = frozenset[Kind]

ANYTHING: Final[Kinds] = frozenset(Kind)
NUMBERS: Final[Kinds] = frozenset({Kind.NUMBER, Kind.EMPTY})
TEXTS: Final[Kinds] = frozenset({Kind.TEXT, Kind.EMPTY})
DATES: Final[Kinds] = frozenset({Kind.DATE, Kind.EMPTY})
ONE_NUMBER: Final[Kinds] = frozenset({Kind.NUMBER})
CONDITIONS: Final[Kinds] = frozenset({Kind.BOOLEAN})
CODES: Final[Kinds] = frozenset({Kind.TEXT, Kind.NUMBER, Kind.BOOLEAN, Kind.EMPTY})
ORDERED: Final[Kinds] = frozenset({Kind.NUMBER, Kind.TEXT, Kind.DATE, Kind.DATETIME})
ORDERED_OR_EMPTY: Final[Kinds] = ORDERED | {Kind.EMPTY}


@dataclass(frozen=True, slots=True)
class Function:
    """One function. `accepts` gives the kinds of each argument, the last one repeating; `gives` the kinds of the result,
    or None where that depends on the arguments (IF, COALESCE, MIN, MAX)."""

    least: int
    most: int | None
    accepts: tuple[Kinds, ...]
    gives: Kinds | None

    def accepted(self, place: int) -> Kinds:
        """What the argument at `place` (from 0) may be."""
        return self.accepts[min(place, len(self.accepts) - 1)]


FUNCTIONS: Final[dict[str, Function]] = {
    "IF": Function(2, 3, (CONDITIONS, ANYTHING), None),
    "AND": Function(1, None, (CONDITIONS,), CONDITIONS),
    "OR": Function(1, None, (CONDITIONS,), CONDITIONS),
    "NOT": Function(1, 1, (CONDITIONS,), CONDITIONS),
    "COALESCE": Function(1, None, (ANYTHING,), None),
    "LOOKUP": Function(2, 3, (ANYTHING, CODES, ANYTHING), None),
    "ROUND": Function(2, 2, (NUMBERS, ONE_NUMBER), NUMBERS),
    "ABS": Function(1, 1, (NUMBERS,), NUMBERS),
    "MIN": Function(1, None, (ORDERED_OR_EMPTY,), None),
    "MAX": Function(1, None, (ORDERED_OR_EMPTY,), None),
    "NUMBER": Function(1, 1, (NUMBERS | TEXTS,), NUMBERS),
    "TEXT": Function(1, 1, (ANYTHING,), TEXTS),
    "DATE": Function(1, 1, (TEXTS | {Kind.DATE, Kind.DATETIME},), DATES),
    "TRIM": Function(1, 1, (TEXTS,), TEXTS),
    "UPPER": Function(1, 1, (TEXTS,), TEXTS),
    "LEFT": Function(2, 2, (TEXTS, ONE_NUMBER), TEXTS),
    "RIGHT": Function(2, 2, (TEXTS, ONE_NUMBER), TEXTS),
    "MID": Function(3, 3, (TEXTS, ONE_NUMBER, ONE_NUMBER), TEXTS),
    "LEN": Function(1, 1, (TEXTS,), ONE_NUMBER),
    "SUBSTITUTE": Function(3, 3, (TEXTS, frozenset({Kind.TEXT}), TEXTS), TEXTS),
}
"""The whole list: there are no others, and a steward cannot add any."""


@dataclass(frozen=True, slots=True)
class Operator:
    """What an operator accepts on both sides, and gives."""

    accepts: Kinds
    gives: Kinds


_ARITHMETIC: Final = Operator(NUMBERS, NUMBERS)
_ORDER: Final = Operator(ORDERED, CONDITIONS)
_EQUALITY: Final = Operator(ANYTHING, CONDITIONS)

OPERATORS: Final[dict[str, Operator]] = {
    **dict.fromkeys(("+", "-", "*", "/"), _ARITHMETIC),
    **dict.fromkeys(("<", "<=", ">", ">="), _ORDER),
    **dict.fromkeys(("=", "<>"), _EQUALITY),
    "&": Operator(ANYTHING, TEXTS),
}
