"""Order lines of systems that answer whole documents: a line is kept together with its document's head, byte for byte."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

import msgspec

_decoder: Final = msgspec.json.Decoder(float_hook=Decimal)


def joined(head: Mapping[str, bytes], line: bytes) -> bytes:
    """The raw record of a line: `{"head": …, "entry": …}`, every value as it was received."""
    written = msgspec.json.encode({name: msgspec.Raw(value) for name, value in head.items()})
    return b'{"head":' + written + b',"entry":' + line + b"}"


def flat(body: bytes) -> dict[str, Any]:
    """Field name to value of a raw record, fractional numbers exact. Of an order line, the line's fields bear their own names
    and those of its document `head_…`; what is nested deeper is left out."""
    found = _decoder.decode(body)
    if not isinstance(found, dict):
        return {}
    if set(found) == {"head", "entry"} and isinstance(found["head"], dict) and isinstance(found["entry"], dict):
        return {f"head_{name}": value for name, value in _plain(found["head"]).items()} | _plain(found["entry"])
    return _plain(found)


def _plain(fields: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if not isinstance(value, dict | list)}
