"""Values as they come out of a record: recognised, made exact, shown, and turned into numbers, dates and moments.

A record holds text, Decimal, int, bool, date, datetime and None. A float is refused: it has already lost digits, and the
decoder of a connector hands Decimals. Anything else (a list, an object) is not a flat record's value.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, date, datetime
from decimal import Decimal, DecimalException
from functools import lru_cache
from typing import Final, NoReturn, TypeVar
from zoneinfo import ZoneInfo

from hedge_core.canonical import decimal_text
from mapping.faults import Fault
from mapping.kinds import Kind
from mapping.limits import DIGITS, EXPONENT, READING, TEXT_CHARACTERS
from messages import Message

_KIND_OF: Final[dict[type, Kind]] = {
    Decimal: Kind.NUMBER,
    int: Kind.NUMBER,
    str: Kind.TEXT,
    bool: Kind.BOOLEAN,
    date: Kind.DATE,
    datetime: Kind.DATETIME,
    type(None): Kind.EMPTY,
}
_PLAIN_NUMBER: Final = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,4})?")
_DATE_FORMS: Final = (
    re.compile(r"([0-9]{4})-([0-9]{2})-([0-9]{2})"),
    re.compile(r"([0-9]{4})/([0-9]{1,2})/([0-9]{1,2})"),
    re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})"),
    re.compile(r"([0-9]{4})年([0-9]{1,2})月([0-9]{1,2})日"),
)
_TIME: Final = re.compile(r"([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:\.([0-9]{1,9}))?)?(Z|[+-][0-9]{2}:?[0-9]{2})?")
_SHOWN: Final = 60
_REMEMBERED: Final = 4096

T = TypeVar("T")


def fault(name: str, /, **params: object) -> NoReturn:
    """Stop this record with the message `mapping.<name>`."""
    raise Fault(Message(f"mapping.{name}", params))


def shown(value: object) -> str:
    """The start of a value, on one line, for a sentence or the quarantine list."""
    if isinstance(value, Decimal):
        return str(value)[:_SHOWN]
    text = value if isinstance(value, str) else value.isoformat() if isinstance(value, date) else _plain(value)
    text = "".join(character if character.isprintable() else "�" for character in text[: _SHOWN + 1])
    return text if len(text) <= _SHOWN else text[: _SHOWN - 1] + "…"


def _plain(value: object) -> str:
    """Text of a value that is neither text nor a date; a huge int or a foreign object is only named."""
    if value is None:
        return ""
    if isinstance(value, float) or (isinstance(value, int) and value.bit_length() < 400):
        return repr(value)
    return type(value).__name__


def kind_of(value: object) -> Kind:
    """The kind of a value that `read` has accepted."""
    return _KIND_OF[value.__class__]


def spoken_kind(value: object) -> Message:
    """The name of a value's kind for a person."""
    return kind_of(value).spoken


def exact(value: Decimal) -> Decimal:
    """The same number, known to be finite, of at most 34 digits and within the language's range."""
    if not value.is_finite():
        fault("not_finite", value=shown(value))
    try:
        return READING.plus(value)
    except DecimalException:
        fault("number_limits", value=shown(value), digits=DIGITS, exponent=EXPONENT)


def integer(value: int) -> Decimal:
    """An int as a number of the language."""
    if value.bit_length() > 64:  # before making a Decimal of it: that takes time quadratic in the digits
        fault("number_limits", value=shown(value), digits=DIGITS, exponent=EXPONENT)
    return exact(Decimal(value))


def bounded(text: str) -> str | None:
    """The same text, or None when it is empty; more than 4,096 characters are refused."""
    if len(text) > TEXT_CHARACTERS:
        fault("text_too_long", length=len(text), limit=TEXT_CHARACTERS)
    return text or None


def remembered(read: Callable[[str], T]) -> Callable[[str], T]:
    """The same function for short texts that come again and again, as the dates of a list do. Whatever is a fault once is
    one every time: only results are remembered."""
    return lru_cache(_REMEMBERED)(read)


def number_text(value: Decimal) -> str:
    """A number without exponent and trailing zeros, as it is written: 1.50 gives `1.5`."""
    return decimal_text(value)


def number_of(text: str) -> Decimal:
    """The number that a text writes: `1234.5`, `-0.25`, `+7`, `1.2E3`; blanks around it are ignored. Grouping commas,
    percent signs, currency signs and full-width digits are refused: the steward says with SUBSTITUTE what they mean."""
    stripped = text.strip()
    if not _PLAIN_NUMBER.fullmatch(stripped):
        fault("text_not_number", value=shown(text))
    try:
        return exact(Decimal(stripped))
    except DecimalException:
        fault("number_limits", value=shown(text), digits=DIGITS, exponent=EXPONENT)


def code_text(value: object) -> str | None:
    """The text under which a value map looks a value up: text as it is, a number without trailing zeros (the code 1 is
    found as `1` whether the ERP sends text or number), TRUE or FALSE; None for empty."""
    if value is None or value.__class__ is str:
        return value or None
    if value.__class__ is bool:
        return "TRUE" if value else "FALSE"
    if value.__class__ is Decimal:
        return number_text(value)
    fault("not_a_code", kind=spoken_kind(value))


class Clock:
    """Reading values where a time zone matters: a date-time without a zone is meant in `zone`.

    A wall-clock time that a change of summer time makes ambiguous is the earlier of the two.
    """

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone = zone
        self.date_again = remembered(self.date_of)
        self.moment_again = remembered(self.moment_of)

    def read(self, value: object) -> object:
        """A record's value as the language sees it: number, bounded text or None, boolean, date, aware UTC datetime."""
        kind = value.__class__
        if kind is Decimal:
            return exact(value)  # type: ignore[arg-type]
        if kind is str:
            return bounded(value)  # type: ignore[arg-type]
        if value is None or kind is bool or kind is date:
            return value
        if kind is int:
            return integer(value)  # type: ignore[arg-type]
        if kind is datetime:
            return self._utc(value)  # type: ignore[arg-type]
        if kind is float:
            fault("float_refused", value=shown(value))
        fault("unknown_value", python_type=kind.__name__)

    def number(self, value: object) -> Decimal | None:
        """A record's value where only a number or nothing will do."""
        value = self.read(value)
        if value is None or value.__class__ is Decimal:
            return value
        fault("needs_number", kind=spoken_kind(value))

    def date_of(self, text: str) -> date:
        """The date that a text writes, alone or before a time. `2026-03-04`, `2026/3/4`, `20260304`, `2026年3月4日`, then
        nothing, or `T` or a blank and a time. With a zone or `Z` it is the day in the zone of this clock."""
        if len(text) >= 10 and text[4] == "-" == text[7] and (len(text) == 10 or text[10:] == "T00:00:00"):
            try:
                return date.fromisoformat(text[:10])
            except ValueError:
                fault("text_not_date", value=shown(text))
        day, time = self._split(text)
        moment = self._moment(text, day, time)
        return day if moment.tzinfo is None else self.day(moment)

    def moment_of(self, text: str) -> datetime:
        """The moment that a text writes, in UTC; a date alone is its first moment in the zone of this clock."""
        if 19 <= len(text) <= 26 and text[4] == "-" == text[7] and text[13] == ":" == text[16] and text[10] in "T ":
            try:
                return self._utc(datetime.fromisoformat(text))
            except ValueError:
                pass  # the forms below say precisely what is wrong, or accept it
        day, time = self._split(text)
        return self._utc(self._moment(text, day, time))

    def day(self, moment: datetime) -> date:
        """The day on which an aware moment falls in the zone of this clock."""
        try:
            return moment.astimezone(self.zone).date()
        except OverflowError:
            fault("text_not_date", value=shown(moment))

    def start(self, day: date) -> datetime:
        """The first moment of a day in the zone of this clock, in UTC."""
        return self._utc(datetime(day.year, day.month, day.day))  # noqa: DTZ001 - the zone is set there

    def _utc(self, moment: datetime) -> datetime:
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=self.zone)
        try:
            return moment.astimezone(UTC)
        except (OverflowError, ValueError):
            fault("text_not_date", value=shown(moment))

    @staticmethod
    def _split(text: str) -> tuple[date, re.Match[str] | None]:
        stripped = text.strip()
        for form in _DATE_FORMS:
            found = form.match(stripped)
            if found is None:
                continue
            rest = stripped[found.end() :]
            time = _TIME.fullmatch(rest[1:]) if rest[:1] in ("T", " ") else None
            if rest and time is None:
                continue
            try:
                return date(*(int(part) for part in found.groups())), time
            except ValueError:
                break
        fault("text_not_date", value=shown(text))

    @staticmethod
    def _moment(text: str, day: date, time: re.Match[str] | None) -> datetime:
        """Day and time put together, with the zone that the text names, if any."""
        iso = day.isoformat()
        if time is not None:
            hour, minute, second, fraction, zone = time.groups()
            iso += f"T{hour}:{minute}:{second or '00'}.{(fraction or '0')[:6]:0<6}{zone or ''}"
        try:
            return datetime.fromisoformat(iso)
        except ValueError:
            fault("text_not_date", value=shown(text))
