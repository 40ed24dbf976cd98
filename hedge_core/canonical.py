"""Canonical bytes, version 1: the one text form that hashes, audit events and snapshots are computed over.

A subset of RFC 8785 (JSON Canonicalization Scheme): objects with members sorted by UTF-16 code units, arrays, strings,
booleans, null and integers within ±(2^53 − 1); no other numbers. A Decimal is written as a string without exponent,
without trailing zeros and with `0` for every zero (`"1.5"`, `"-0.25"`, `"0"`); a date as `YYYY-MM-DD`; an aware
datetime as UTC `YYYY-MM-DDTHH:MM:SS.ffffffZ`. Floats, naive datetimes and anything else are refused. The form is
versioned: a change of any rule is version 2, never an edit. Test vectors: `docs/canonical-v1.md`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from enum import Enum
from json.encoder import encode_basestring as _string
from types import NoneType
from typing import Any, Final

VERSION: Final = 1
MAX_SAFE_INTEGER: Final = 2**53 - 1


def decimal_text(value: Decimal) -> str:
    """A Decimal without exponent, trailing zeros or negative zero: Decimal("1.50") -> "1.5"."""
    if not value.is_finite():
        raise ValueError(f"{value} has no canonical form")
    if value == 0:
        return "0"
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def canonical_bytes(value: object) -> bytes:
    """`value` (dict, list, tuple, str, bool, int, None, Decimal, date, datetime, Enum of these) as canonical UTF-8.

    TypeError for anything else, ValueError for a value without canonical form (NaN, a naive datetime, an integer beyond
    ±(2^53 − 1), a lone surrogate)."""
    return canonical_text(value).encode("utf-8")  # strict: a lone surrogate is refused with a ValueError


def canonical_hash(value: object) -> str:
    """SHA-256 over the canonical bytes, in hex."""
    return hashlib.sha256(canonical_bytes(value)).hexdigest()


def canonical_text(value: object) -> str:
    """The text whose UTF-8 bytes are canonical, for a caller that assembles an object from parts. It does not refuse
    lone surrogates: the encoding does."""
    write = _WRITERS.get(type(value))
    return write(value) if write is not None else _text_of_a_subclass(value)


def _text_of_a_subclass(value: object) -> str:
    # A str or int can be an Enum too, and a datetime is a date: the order of these tests matters.
    if isinstance(value, Enum):
        return canonical_text(value.value)
    for kind, write in _WRITERS.items():
        if isinstance(value, kind):
            return write(value)
    if isinstance(value, Mapping):
        return _members(value)
    raise TypeError(f"{type(value).__name__} has no canonical form")


def _members(value: Mapping[str, object]) -> str:
    names = list(value)
    try:
        ascii_only = "".join(names).isascii()
    except TypeError:
        raise TypeError(f"a member name is text, not {_first_that_is_not_text(names)}") from None
    if ascii_only:  # code points and UTF-16 code units sort alike here, and this is nearly every object
        names.sort()
    else:
        names.sort(key=lambda name: name.encode("utf-16-be", "surrogatepass"))
    return "{" + ",".join([f"{_string(name)}:{canonical_text(value[name])}" for name in names]) + "}"


def _first_that_is_not_text(names: Sequence[object]) -> str:
    return next(type(name).__name__ for name in names if not isinstance(name, str))


def _items(value: Sequence[object]) -> str:
    return "[" + ",".join([canonical_text(item) for item in value]) + "]"


def _integer(value: int) -> str:
    if not -MAX_SAFE_INTEGER <= value <= MAX_SAFE_INTEGER:
        raise ValueError(f"integer {value} is beyond ±(2^53 − 1): write it as a string")
    return int.__repr__(value)


def _instant(moment: datetime) -> str:
    if moment.utcoffset() is None:
        raise ValueError("a datetime without a time zone has no canonical form")
    utc = moment if moment.tzinfo is UTC else moment.astimezone(UTC)
    # isoformat, because strftime("%Y") does not pad years before 1000 on every platform; it ends in "+00:00"
    return f'"{utc.isoformat(timespec="microseconds")[:-6]}Z"'


_WRITERS: Final[dict[type, Callable[[Any], str]]] = {
    str: _string,
    bool: lambda value: "true" if value else "false",
    int: _integer,
    NoneType: lambda _: "null",
    Decimal: lambda value: f'"{decimal_text(value)}"',
    datetime: _instant,
    date: lambda value: f'"{value.isoformat()}"',
    dict: _members,
    list: _items,
    tuple: _items,
}
"""By exact type, and for subclasses in this order (bool before int, datetime before date)."""
