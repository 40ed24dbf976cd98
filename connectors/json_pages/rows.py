"""Rows out of an answer and fields out of a row: pure, exact, and the bytes of every row as they came.

A raw record is JSON: `row` (as received) or, where lines are records, `row` without its lines, `line` (as received) and `at`, the
name under which the lines stood. The flat record has dotted names; arrays are not flattened (the raw record keeps them). Numbers
are int or Decimal with the digits received. OData's `/Date(…)/` becomes a date, with an offset an aware date-time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final

import msgspec

MAX_DEPTH: Final = 12
"""Objects inside objects beyond this are left out of the flat record."""

_EDM_DATE: Final = re.compile(r"/Date\((-?[0-9]{1,15})([+-][0-9]{1,5})?\)/")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
UNREADABLE: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What a row with damaged text raises; finding its end in the answer is possible all the same."""

_any = msgspec.json.Decoder(float_hook=Decimal)
_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_list = msgspec.json.Decoder(list[msgspec.Raw])
_encoder = msgspec.json.Encoder()


def raw_at(body: bytes, path: str) -> bytes | None:
    """The bytes at a dotted path; None when there is nothing. DecodeError when `body` is not JSON."""
    if not path:
        return bytes(msgspec.json.decode(body, type=msgspec.Raw))
    if body.lstrip()[:1] != b"{":
        _any.decode(body)
        return None
    members = _object.decode(body)
    if path in members:
        return bytes(members[path])
    for name, value in members.items():
        if path.startswith(name + ".") and (found := raw_at(bytes(value), path[len(name) + 1 :])) is not None:
            return found
    return None


def value_at(body: bytes, path: str) -> Any:
    """The value at a dotted path, numbers exact; None when there is nothing."""
    found = raw_at(body, path)
    return None if found is None else _any.decode(found)


def rows_at(body: bytes, path: str) -> list[bytes] | None:
    """The rows of the array at a path, each as received; None when no array stands there."""
    found = raw_at(body, path)
    if found is None or found.lstrip()[:1] != b"[":
        return None
    return [bytes(row) for row in _list.decode(found)]


def record_bodies(row: bytes, lines: str) -> list[bytes]:
    """The raw records of a row: itself, or one per line. A row without an array of lines is one record, and lacks their
    fields."""
    elements, head = parts(row, lines)
    return [b'{"row":' + row + b"}"] if elements is None else line_bodies(elements, head, lines)


def records_of(row: bytes, lines: str) -> list[tuple[bytes, dict[str, Any]]]:
    """`record_bodies` of a row, each with its `flat_record`; what the lines have in common is read once."""
    elements, head = parts(row, lines)
    if elements is None:
        body = b'{"row":' + row + b"}"
        return [(body, flat_record(body))]
    shared: dict[str, Any] = {}
    try:
        _flatten(_any.decode(head), "", shared, 0)
    except UNREADABLE:
        return [(body, {}) for body in line_bodies(elements, head, lines)]
    prefix = lines + "."
    records = []
    for line, body in zip(elements, line_bodies(elements, head, lines), strict=True):
        flat = shared.copy()
        try:
            _flatten(_any.decode(line), prefix, flat, 0)
        except UNREADABLE:
            flat = {}
        records.append((body, flat))
    return records


def parts(row: bytes, lines: str) -> tuple[list[bytes] | None, bytes]:
    """The lines of a row and the row without them; None where it has no array of lines."""
    try:
        elements = rows_at(row, lines) if lines and row.lstrip()[:1] == b"{" else None
        return elements, _without(row, lines) if elements is not None else b""
    except UNREADABLE:
        return None, b""


def line_bodies(elements: list[bytes], head: bytes, lines: str) -> list[bytes]:
    before, after = b'{"row":' + head + b',"line":', b',"at":' + _encoder.encode(lines) + b"}"
    return [before + line + after for line in elements]


def flat_record(body: bytes) -> dict[str, Any]:
    """Dotted field name to value of a raw record; empty for a row that is no object or cannot be read."""
    try:
        kept = _any.decode(body)
    except UNREADABLE:
        return {}
    flat: dict[str, Any] = {}
    _flatten(kept["row"], "", flat, 0)
    if "line" in kept:
        _flatten(kept["line"], kept["at"] + ".", flat, 0)
    return flat


def identity(row: bytes, fields: Sequence[str]) -> str:
    """What tells a row from the next one while paging: its identifying values, or its bytes where it has none."""
    if not fields or row.lstrip()[:1] != b"{":
        return row.hex()
    try:
        return repr([value_at(row, name) for name in fields])
    except UNREADABLE:
        return row.hex()


def _without(row: bytes, path: str) -> bytes:
    """A row with the member at a path taken out."""
    members = _object.decode(row)
    if path in members:
        del members[path]
    else:
        for name, value in members.items():
            if path.startswith(name + ".") and bytes(value).lstrip()[:1] == b"{":
                members[name] = msgspec.Raw(_without(bytes(value), path[len(name) + 1 :]))
    return _encoder.encode(members)


def _flatten(value: Any, prefix: str, flat: dict[str, Any], depth: int) -> None:
    if not isinstance(value, dict) or depth > MAX_DEPTH:
        return
    for name, member in value.items():
        kind = member.__class__
        if kind is str:
            flat[prefix + name] = dated(member) if member.startswith("/Date(") else member
        elif kind is dict:
            _flatten(member, f"{prefix}{name}.", flat, depth + 1)
        elif kind is not list:
            flat[prefix + name] = member


def dated(text: str) -> Any:
    match = _EDM_DATE.fullmatch(text)
    if match is None:
        return text
    try:
        moment = _EPOCH + timedelta(milliseconds=int(match[1]))
    except OverflowError:
        return text
    return moment if match[2] else moment.date()
