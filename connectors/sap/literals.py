"""How OData writes values in filters and keys, and how its dates are read: V2 and V4 differ in nearly all of it.

V2 (OData 2.0 "Abstract Type System", JSON verbose): `datetime'…'` is a calendar date or local time without a zone and comes
back as `/Date(ms)/`; `datetimeoffset'…'` is a moment and comes back as `/Date(ms+mmmm)/`, the suffix in minutes. V4 writes and
sends plain ISO text.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Final

_V2_DATE: Final = re.compile(r"/Date\((-?[0-9]{1,15})(?:([+-])([0-9]{1,4}))?\)/")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def literal(value: str | date | datetime | Decimal | int, version: int) -> str:
    """A value as a filter of OData `version` 2 or 4 writes it. A datetime must be aware; quotes in text are doubled."""
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError("a moment needs a time zone")
        text = value.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        return f"datetimeoffset'{text}'" if version == 2 else text
    if isinstance(value, date):
        return f"datetime'{value.isoformat()}T00:00:00'" if version == 2 else value.isoformat()
    if isinstance(value, Decimal):
        return f"{value:f}M" if version == 2 else f"{value:f}"
    return str(value)


def key_text(keys: Mapping[str, str]) -> str:
    """The key part of an entity's address, `(A='1',B='2')`; every key we use is text."""
    return "(" + ",".join(f"{name}={literal(value, 2)}" for name, value in keys.items()) + ")"


def moment_of(text: str) -> datetime:
    """The moment that `/Date(ms+0000)/` or ISO text with a zone stands for, in UTC. ValueError for anything else."""
    found = _V2_DATE.fullmatch(text)
    if found:
        return _EPOCH + timedelta(milliseconds=int(found.group(1)))
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    return moment.astimezone(UTC)


def date_of(text: str) -> date:
    """The calendar date of an Edm.DateTime or Edm.Date. It is never shifted by a zone: a posting date is a date."""
    found = _V2_DATE.fullmatch(text)
    if found:
        return (_EPOCH + timedelta(milliseconds=int(found.group(1)))).date()
    return date.fromisoformat(text[:10])


def readable(value: object) -> object:
    """A value of a record for people and mapping specs: V2's dates become dates and moments, the rest stays as it is."""
    if isinstance(value, str) and value.startswith("/Date("):
        found = _V2_DATE.fullmatch(value)
        if found is None:
            return value
        try:
            return moment_of(value) if found.group(2) else date_of(value)
        except OverflowError:
            return value
    return value
