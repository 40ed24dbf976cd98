"""CTP's structures as dictionaries: text decoded and stripped, absent doubles as None, other doubles as Decimals.

A structure lives only as long as the callback that brings it, so everything is copied out of it at once.
"""

from __future__ import annotations

import math
from decimal import Decimal
from functools import cache
from typing import Any, Final

Row = dict[str, Any]
"""Field name -> str, int, Decimal, bytes (the settlement text's pieces) or None (a double that is absent)."""

ABSENT: Final = 1e300
"""CTP says “no value” with the largest double; nothing that large is a price or an amount."""

AS_BYTES: Final = frozenset({"Content"})
"""Fields whose bytes are cut in the middle of characters: they are joined before they are decoded."""


def copied(structure: Any) -> dict[str, Any]:
    """All fields of a structure."""
    kind: Any = type(structure)
    return {name: value(name, getattr(structure, name)) for name in field_names(kind)}


@cache
def field_names(kind: Any) -> tuple[str, ...]:
    """The fields of a structure begin with a capital; what SWIG adds does not (`reserve1` fields are of no use)."""
    return tuple(name for name in dir(kind) if name[:1].isupper())


def value(name: str, given: Any) -> Any:
    if isinstance(given, float):
        return number(given)
    if isinstance(given, bytes):
        return given if name in AS_BYTES else text(given)
    if isinstance(given, str):
        return given.encode("gb18030") if name in AS_BYTES else text(given)
    return given


def number(given: float) -> Decimal | None:
    """A double as the shortest decimal that means it; None for “absent” and for what is no number."""
    if math.isnan(given) or abs(given) > ABSENT:
        return None
    return Decimal(repr(given))


def text(given: str | bytes) -> str:
    """A fixed array of characters: GB18030 where it is still bytes, up to the first NUL, without padding."""
    if isinstance(given, bytes):
        given = given.partition(b"\0")[0].decode("gb18030", "replace")
    return given.partition("\0")[0].strip()


def joined_text(pieces: list[Row]) -> bytes:
    """The settlement text out of its pieces in the order of their numbers, as bytes: a piece may end inside a character."""
    ordered = sorted(pieces, key=lambda piece: piece["SequenceNo"])
    return b"".join(piece["Content"].partition(b"\0")[0] for piece in ordered)
