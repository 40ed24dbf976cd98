"""Cells of spreadsheets and delimited files as exact values: money, lots, dates, words. Shared by the table readers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final, TypeVar

from connectors.tabular import Cell
from hedge_core.errors import InvalidInput
from hedge_core.plausible_days import is_plausible
from messages import Message

T = TypeVar("T")

_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,8})?")
_DAY: Final = re.compile(r"([0-9]{4})[-/.年]?([0-9]{1,2})[-/.月]?([0-9]{1,2})日?(?: 00:00:00)?")
_COMPACT_DAY: Final = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})")
_NOTHING: Final = frozenset({"", "-", "--", "—", "——", "－－"})


class Place:
    """Where a cell stands, for the sentence that refuses it: file, line and column."""

    __slots__ = ("field", "line", "source")

    def __init__(self, source: str, line: int, field: str) -> None:
        self.source, self.line, self.field = source, line, field

    def refused(self, reason: str, /, **params: object) -> InvalidInput:
        return InvalidInput(self.source, self.line, self.field, Message(reason, params))


def text_of(cell: Cell) -> str:
    """The cell as text on one line; empty for an empty cell or a dash that stands for nothing. A number keeps its digits,
    so that a fill number which Excel has made a number reads as it was printed."""
    if cell is None:
        return ""
    shown = format(cell, "f") if isinstance(cell, Decimal) else str(cell)
    text = " ".join(shown.split())
    return "" if text in _NOTHING else text


def money(place: Place, cell: Cell, empty: Decimal | None = None) -> Decimal:
    """An exact Decimal. An empty cell is `empty`, refused if that is None."""
    text = text_of(cell)
    if not text and empty is not None:
        return empty
    if isinstance(cell, Decimal):
        if cell.is_finite() and abs(cell.adjusted()) <= 15:
            return cell
    elif _NUMBER.fullmatch(text):
        return Decimal(text.replace(",", ""))
    raise place.refused("statement.not_a_number", text=text[:40])


def fraction(place: Place, cell: Cell, empty: Decimal) -> Decimal:
    """`30.41%` as 0.3041; a bare number is taken as a fraction already."""
    text = text_of(cell)
    if text.endswith("%"):
        return money(place, text.removesuffix("%").strip()).scaleb(-2)
    return money(place, cell, empty)


def lots(place: Place, cell: Cell, least: int = 1) -> int:
    """A whole number of lots, at least `least`; an empty cell is 0 where 0 is allowed."""
    value = money(place, cell, Decimal(0) if least == 0 else None)
    if value != value.to_integral_value() or value < least:
        raise place.refused("statement.not_lots", text=text_of(cell)[:40], least=least)
    return int(value)


def day_of(place: Place, cell: Cell) -> date:
    """A date cell, or text such as 2026-03-02, 20260302, 2026/3/2, 2026年3月2日; between 1990 and 2100."""
    text = text_of(cell)
    match = _COMPACT_DAY.fullmatch(text) or _DAY.fullmatch(text)
    try:
        year, month, day = (int(part) for part in match.groups()) if match else (0, 0, 0)
        found = (
            cell.date() if isinstance(cell, datetime) else cell if isinstance(cell, date) else date(year, month, day)
        )
    except ValueError:
        raise place.refused("statement.not_a_date", text=text[:40]) from None
    if not is_plausible(found):
        raise place.refused("statement.far_day", text=text[:40])
    return found


def word(place: Place, cell: Cell, known: Mapping[str, T]) -> T:
    """What a coded word stands for; blanks inside do not count."""
    text = "".join(text_of(cell).split()).casefold()
    for name, meaning in known.items():
        if name.casefold() == text:
            return meaning
    raise place.refused("statement.unknown_word", text=text_of(cell)[:40], known="、".join(known))
