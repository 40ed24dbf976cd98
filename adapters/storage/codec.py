"""Domain objects to JSON and back, exactly: Decimals as text, dates and instants as ISO text, messages with their types."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import cache
from typing import Any, TypeVar, get_type_hints

import msgspec

from messages import Message

T = TypeVar("T")

_ENCODER = msgspec.json.Encoder(decimal_format="string")

_TAGS: dict[str, tuple[type, Any, Any]] = {
    "$instant": (datetime, lambda value: _utc(value).isoformat(), datetime.fromisoformat),
    "$date": (date, date.isoformat, date.fromisoformat),
    "$decimal": (Decimal, str, Decimal),
}
"""Types that JSON lacks, for values whose shape is not declared. The instant stands first: a datetime is a date too."""


def encode(item: Any) -> bytes:
    """A dataclass of the domain as JSON. ValueError for a naive datetime in one of its own fields."""
    kind: Any = type(item)
    for name in _instants(kind):
        moment = getattr(item, name)
        if moment is not None and moment.tzinfo is None:
            raise ValueError(f"{type(item).__name__}.{name} has no time zone: {moment!r}")
    return _ENCODER.encode(item)


def decode(body: bytes, kind: type[T]) -> T:
    """What `encode` wrote, as a `kind`. `msgspec.ValidationError` (a ValueError) when it is not one."""
    wanted: Any = kind
    read: Callable[[bytes], T] = _reader(wanted)
    return read(body)


def encode_open(value: object) -> bytes:
    """A value of undeclared shape (options, settings, message parameters) as JSON that `decode_open` gives back alike.

    Takes what canonical JSON takes, floats included, and Decimal, date, aware datetime, Message; TypeError otherwise."""
    return _ENCODER.encode(_tagged(value))


def decode_open(body: bytes) -> Any:
    """What `encode_open` wrote."""
    return _untagged(msgspec.json.decode(body))


@cache
def _reader(kind: Any) -> Callable[[bytes], Any]:
    return msgspec.json.Decoder(kind).decode


@cache
def _instants(kind: Any) -> tuple[str, ...]:
    if not is_dataclass(kind):
        raise TypeError(f"{kind.__name__} is not a dataclass")
    hints = get_type_hints(kind)
    return tuple(f.name for f in fields(kind) if "datetime.datetime" in str(hints[f.name]))


def _utc(moment: datetime) -> datetime:
    if moment.tzinfo is None:
        raise ValueError(f"an instant has a time zone; {moment!r} has none")
    return moment.astimezone(UTC)


def _tagged(value: object) -> object:
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, Message):
        return {"$message": value.id, "params": _tagged(value.params)}
    for tag, (kind, write, _) in _TAGS.items():
        if isinstance(value, kind):
            return {tag: write(value)}
    if isinstance(value, Mapping):
        if any(not isinstance(name, str) or name.startswith("$") for name in value):
            raise TypeError("member names are text and do not begin with $")
        return {name: _tagged(member) for name, member in value.items()}
    if isinstance(value, list | tuple):
        return [_tagged(member) for member in value]
    raise TypeError(f"{type(value).__name__} cannot be stored as JSON")


def _untagged(value: Any) -> Any:
    if isinstance(value, list):
        return [_untagged(member) for member in value]
    if not isinstance(value, dict):
        return value
    if "$message" in value:
        return Message(value["$message"], _untagged(value["params"]))
    for tag, (_, _, read) in _TAGS.items():
        if tag in value:
            return read(value[tag])
    return {name: _untagged(member) for name, member in value.items()}
