"""The functions of the formula language at work: each takes values and gives a value, or a Fault that says why not.

IF, AND, OR, COALESCE and the default of LOOKUP are not here: they evaluate only what they need, so the compiler writes
them out. Positions count from 1, as in a spreadsheet; characters are Unicode characters.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final

from hedge_core.rounding import round_half_up
from mapping.kinds import ORDERED, Kind
from mapping.limits import EXPONENT, TEXT_CHARACTERS
from mapping.values import Clock, bounded, exact, fault, kind_of, number_of, number_text, spoken_kind


def need_number(value: Any) -> Decimal | None:
    """A number or empty; anything else is a Fault."""
    if value is None or value.__class__ is Decimal:
        return value
    fault("needs_number", kind=spoken_kind(value))


def need_text(value: Any) -> str | None:
    """Text or empty; anything else is a Fault."""
    if value is None or value.__class__ is str:
        return value
    fault("needs_text", kind=spoken_kind(value))


def need_condition(value: Any) -> bool:
    """TRUE or FALSE; anything else, empty too, is a Fault."""
    if value is True or value is False:
        return value
    fault("needs_condition", kind=spoken_kind(value))


def differ(left: Any, right: Any) -> bool:
    """Equality of two values of different kinds: not equal if one is empty, otherwise a Fault."""
    if left is None or right is None:
        return False
    fault("mixed_comparison", left=spoken_kind(left), right=spoken_kind(right))


def no_order(left: Any, right: Any) -> bool:
    """Two values that cannot be put in order: always a Fault that says which of the reasons holds."""
    if left is None or right is None:
        fault("empty_order")
    if left.__class__ is right.__class__:
        fault("no_order", kind=spoken_kind(left))
    fault("mixed_comparison", left=spoken_kind(left), right=spoken_kind(right))


def no_divisor() -> Decimal:
    """Division by zero: always a Fault."""
    fault("division_by_zero")


def joinable(value: Any) -> str:
    """A value as the operator `&` sees it; empty has no characters."""
    return text(value) or ""


def text(value: Any) -> str | None:
    """TEXT: number without trailing zeros, date as YYYY-MM-DD, moment as UTC ISO, TRUE or FALSE; text unchanged."""
    if value is None or value.__class__ is str:
        return value
    if value.__class__ is Decimal:
        return number_text(value)
    if value.__class__ is bool:
        return "TRUE" if value else "FALSE"
    if value.__class__ is datetime:
        return value.isoformat().replace("+00:00", "Z")
    return value.isoformat()  # type: ignore[no-any-return]


def number(value: Any) -> Decimal | None:
    """NUMBER: a number stays, text must write one."""
    if value.__class__ is str:
        return number_of(value)
    return need_number(value)


def round_number(value: Any, places: Any) -> Decimal | None:
    """ROUND(x, places): half up; negative places round to tens and hundreds."""
    value, count = need_number(value), _count(places, -EXPONENT)
    return None if value is None else exact(round_half_up(value, count))


def absolute(value: Any) -> Decimal | None:
    """ABS: the number without its sign."""
    value = need_number(value)
    return None if value is None else value.copy_abs()


def smallest(*values: Any) -> Any:
    """MIN of values of one kind that has an order; empty if one is empty."""
    return None if _some_empty(values) else min(values)


def largest(*values: Any) -> Any:
    """MAX of values of one kind that has an order; empty if one is empty."""
    return None if _some_empty(values) else max(values)


def trim(value: Any) -> str | None:
    """TRIM: without blanks of any script at either end."""
    value = need_text(value)
    return None if value is None else value.strip() or None


def upper(value: Any) -> str | None:
    """UPPER: in capitals."""
    value = need_text(value)
    return None if value is None else bounded(value.upper())


def left(value: Any, count: Any) -> str | None:
    """LEFT(text, n): the first n characters, all if there are fewer."""
    value, size = need_text(value), _count(count, 0)
    return None if value is None else value[:size] or None


def right(value: Any, count: Any) -> str | None:
    """RIGHT(text, n): the last n characters, all if there are fewer."""
    value, size = need_text(value), _count(count, 0)
    return None if value is None else value[max(0, len(value) - size) :] or None


def mid(value: Any, start: Any, count: Any) -> str | None:
    """MID(text, start, n): n characters from the start-th on, counted from 1."""
    value, first, size = need_text(value), _count(start, 1), _count(count, 0)
    return None if value is None else value[first - 1 : first - 1 + size] or None


def length(value: Any) -> Decimal:
    """LEN: the number of characters, 0 for empty."""
    value = need_text(value)
    return Decimal(0) if value is None else Decimal(len(value))


def substitute(value: Any, old: Any, new: Any) -> str | None:
    """SUBSTITUTE(text, old, new): every `old` replaced. The size of the result is known before it is built."""
    value, old, new = need_text(value), need_text(old), need_text(new) or ""
    if old is None:
        fault("substitute_nothing")
    if value is None:
        return None
    size = len(value) + value.count(old) * (len(new) - len(old))
    if size > TEXT_CHARACTERS:
        fault("text_too_long", length=size, limit=TEXT_CHARACTERS)
    return value.replace(old, new) or None


def dates(clock: Clock) -> Callable[[Any], date | None]:
    """DATE for a clock: a date stays, a moment gives its day there, text must write one."""

    def day(value: Any) -> date | None:
        if value.__class__ is str:
            return clock.date_of(value)
        if value is None or value.__class__ is date:
            return value
        if value.__class__ is datetime:
            return clock.day(value)
        fault("needs_date", kind=spoken_kind(value))

    return day


PLAIN: Final[dict[str, Callable[..., Any]]] = {
    "ROUND": round_number,
    "ABS": absolute,
    "MIN": smallest,
    "MAX": largest,
    "NUMBER": number,
    "TEXT": text,
    "TRIM": trim,
    "UPPER": upper,
    "LEFT": left,
    "RIGHT": right,
    "MID": mid,
    "LEN": length,
    "SUBSTITUTE": substitute,
}
"""Functions that evaluate all their arguments, by name. DATE is made for a clock."""


def _count(value: Any, least: int) -> int:
    """A whole number from `least` on, for places, sizes and positions; far above any text is all the same."""
    if value.__class__ is not Decimal:
        fault("needs_number", kind=spoken_kind(value))
    if value != value.to_integral_value() or value < least or (least < 0 and value > -least):
        fault("needs_count", value=number_text(value), least=least)
    return min(int(value), TEXT_CHARACTERS)


def _some_empty(values: tuple[Any, ...]) -> bool:
    """Whether MIN or MAX has an empty argument; a Fault unless the others are of one kind that has an order."""
    kinds = {kind_of(value) for value in values} - {Kind.EMPTY}
    if len(kinds) > 1:
        first, second, *_ = sorted(kinds)
        fault("mixed_comparison", left=first.spoken, right=second.spoken)
    if not kinds <= ORDERED:
        fault("no_order", kind=next(iter(kinds)).spoken)
    return any(value is None for value in values)
