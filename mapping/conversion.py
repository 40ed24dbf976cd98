"""From a mapped value to the type its target field wants: converted where only one meaning is possible, else a Fault.

    text      text; a number as it is written (10 gives `10`); a date as YYYY-MM-DD
    decimal   a number; text that writes one
    integer   a number without a fraction; text that writes one
    date      a date; a moment's day in the spec's zone; text in one of the forms of DATE
    month     text YYYY-MM; a date's, moment's or date text's month
    datetime  a moment; a date's first moment; text of either, in the spec's zone unless it names one
    boolean   TRUE or FALSE; text `true` or `false` in any case
    choice    one of the listed words

Empty stays empty. Results are those of `FieldType`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, NoReturn

from mapping.kinds import Kind
from mapping.schema import FieldType, TargetField
from mapping.values import Clock, bounded, exact, fault, number_of, number_text, shown, spoken_kind
from messages import Message

Converter = Callable[[Any], Any]

_MONTH: Final = re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])")
_WORDS: Final = {"TRUE": True, "FALSE": False}

SETTLED: Final = {
    FieldType.DECIMAL: Kind.NUMBER,
    FieldType.DATE: Kind.DATE,
    FieldType.DATETIME: Kind.DATETIME,
    FieldType.BOOLEAN: Kind.BOOLEAN,
}
"""Types for which a formula's result of this kind is already the final value."""


def converter(field: TargetField, clock: Clock) -> Converter:
    """The function that converts a record's or formula's value for a target field; None and empty text give None.
    The minimum is not checked here: `below_minimum` says it."""
    if field.type is FieldType.CHOICE:
        return _choice(field)
    return partial(_CONVERTERS[field.type], clock=clock)


def below_minimum(value: object, minimum: object) -> NoReturn:
    """A number below the bound of its field: always a Fault."""
    fault("below_minimum", value=shown(value), minimum=shown(minimum))


def to_text(value: Any, clock: Clock) -> str | None:
    """Text that can be stored anywhere: no NUL, no lone surrogate."""
    value = clock.read(value)
    if value is None:
        return None
    if value.__class__ is str:
        text = value
    elif value.__class__ is Decimal:
        text = number_text(value)
    elif value.__class__ is date:
        text = value.isoformat()
    else:
        _unfit(value, FieldType.TEXT)
    for character in text:
        if character == "\0" or "\ud800" <= character <= "\udfff":
            fault("text_unstorable", code=f"U+{ord(character):04X}")
    return bounded(text)


def to_decimal(value: Any, clock: Clock) -> Decimal | None:
    if value.__class__ is Decimal:
        return exact(value)
    value = clock.read(value)
    if value is None or value.__class__ is Decimal:
        return value
    if value.__class__ is str:
        return number_of(value)
    _unfit(value, FieldType.DECIMAL)


def to_integer(value: Any, clock: Clock) -> int | None:
    number = to_decimal(value, clock)
    if number is None:
        return None
    if number != number.to_integral_value():
        fault("not_whole", value=shown(number))
    return int(number)


def to_date(value: Any, clock: Clock) -> date | None:
    value = clock.read(value)
    if value.__class__ is str:
        return clock.date_of(value)
    if value is None or value.__class__ is date:
        return value
    if value.__class__ is datetime:
        return clock.day(value)
    _unfit(value, FieldType.DATE)


def to_month(value: Any, clock: Clock) -> str | None:
    if value.__class__ is str and _MONTH.fullmatch(value):
        return value
    day = to_date(value, clock)
    return None if day is None else day.isoformat()[:7]


def to_moment(value: Any, clock: Clock) -> datetime | None:
    value = clock.read(value)
    if value.__class__ is str:
        return clock.moment_of(value)
    if value is None or value.__class__ is datetime:
        return value
    if value.__class__ is date:
        return clock.start(value)
    _unfit(value, FieldType.DATETIME)


def to_boolean(value: Any, clock: Clock) -> bool | None:
    value = clock.read(value)
    if value is None or value.__class__ is bool:
        return value
    if value.__class__ is str:
        word = _WORDS.get(value.strip().upper())
        if word is not None:
            return word
        fault("not_boolean", value=shown(value))
    _unfit(value, FieldType.BOOLEAN)


_CONVERTERS: Final[dict[FieldType, Callable[..., Any]]] = {
    FieldType.TEXT: to_text,
    FieldType.DECIMAL: to_decimal,
    FieldType.INTEGER: to_integer,
    FieldType.DATE: to_date,
    FieldType.MONTH: to_month,
    FieldType.DATETIME: to_moment,
    FieldType.BOOLEAN: to_boolean,
}


def _choice(field: TargetField) -> Converter:
    choices = frozenset(field.choices)
    listed = ", ".join(field.choices)

    def choose(value: Any) -> str | None:
        if value is None or value == "":
            return None
        if value.__class__ is str and value in choices:
            return value
        fault("not_a_choice", value=shown(value), choices=listed)

    return choose


def _unfit(value: object, wanted: FieldType) -> NoReturn:
    fault("unfit_for_type", kind=spoken_kind(value), wanted=Message(f"mapping.type_{wanted.value}"))


def fits(kind: Kind, wanted: FieldType) -> bool:
    """Whether a formula's result of a kind can become a value of a type at all."""
    return kind in _FITTING[wanted]


_FITTING: Final[dict[FieldType, frozenset[Kind]]] = {
    FieldType.TEXT: frozenset({Kind.TEXT, Kind.NUMBER, Kind.DATE, Kind.EMPTY}),
    FieldType.DECIMAL: frozenset({Kind.NUMBER, Kind.TEXT, Kind.EMPTY}),
    FieldType.INTEGER: frozenset({Kind.NUMBER, Kind.TEXT, Kind.EMPTY}),
    FieldType.DATE: frozenset({Kind.DATE, Kind.DATETIME, Kind.TEXT, Kind.EMPTY}),
    FieldType.MONTH: frozenset({Kind.DATE, Kind.DATETIME, Kind.TEXT, Kind.EMPTY}),
    FieldType.DATETIME: frozenset({Kind.DATETIME, Kind.DATE, Kind.TEXT, Kind.EMPTY}),
    FieldType.BOOLEAN: frozenset({Kind.BOOLEAN, Kind.TEXT, Kind.EMPTY}),
    FieldType.CHOICE: frozenset({Kind.TEXT, Kind.EMPTY}),
}
