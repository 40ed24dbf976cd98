"""The key of a record that has no internal id: its identifying values joined into one stable text."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from hedge_core.canonical import decimal_text


def row_key(row: Mapping[str, Any], fields: Sequence[str]) -> str | None:
    """The values of `fields` joined with `/`, numbers without trailing zeros (10 and 10.0 are one key); None when one of
    them is empty. A `/` or `%` inside a value is escaped, so that two rows never share a key by accident."""
    parts = [_text(row.get(name)) for name in fields]
    if not parts or not all(parts):
        return None
    key = "/".join(parts)
    if "%" not in key and key.count("/") == len(parts) - 1:  # nothing to escape, as usual
        return key
    return "/".join([part.replace("%", "%25").replace("/", "%2F") for part in parts])


def keyless(body: bytes) -> str:
    """The reference of a record that lacks its key: stable as long as its content is."""
    return f"?{hashlib.sha256(body).hexdigest()[:16]}"


def _text(value: Any) -> str:
    if value.__class__ is int and -(10**15) < value < 10**15:  # the usual key, without a way through Decimal
        return str(value)
    if value is None or isinstance(value, bool | dict | list):
        return ""
    if isinstance(value, int | Decimal):
        return decimal_text(Decimal(value))
    return str(value).strip()
