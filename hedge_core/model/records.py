"""Records as they arrive: raw bytes, the result of mapping them, and the cursor to go on from."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, NewType, TypeVar

from hedge_core.model.identity import ExternalRef
from messages import Message

T = TypeVar("T")

Cursor = NewType("Cursor", str)
"""Opaque text of at most 4 KB, made and read by one adapter only; resuming from it may repeat and never skips."""


class PullScope(StrEnum):
    """What a pull of contracts covers: changed since the cursor, every open line, or only the keys that exist."""

    CHANGED = "changed"
    OPEN = "open"
    KEYS = "keys"


@dataclass(frozen=True, slots=True)
class RawRecord:
    """One record as received. `body` is kept unchanged; `digest` is SHA-256 over it, in hex."""

    ref: ExternalRef
    body: bytes
    received_at: datetime
    digest: str

    @classmethod
    def of(cls, ref: ExternalRef, body: bytes, received_at: datetime) -> RawRecord:
        return cls(ref, body, received_at, hashlib.sha256(body).hexdigest())


@dataclass(frozen=True, slots=True)
class Mapped(Generic[T]):
    """A record that the mapping understood. `spec` is `name@digest` of the mapping spec that made it."""

    item: T
    spec: str


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A record that could not be mapped: which spec row, which target column, why, and the value that was there."""

    spec: str
    rule: str
    column: str
    reason: Message
    value: str = ""


@dataclass(frozen=True, slots=True)
class Seen:
    """The record exists on the other side (answer of a key sweep); nothing else was read."""


@dataclass(frozen=True, slots=True)
class Gone:
    """The record was deleted on the other side."""


@dataclass(frozen=True, slots=True)
class Pulled(Generic[T]):
    """One item of a pull: what became of the record, its raw form, the cursor after it, and whether a page ends here."""

    ref: ExternalRef
    outcome: Mapped[T] | Quarantined | Seen | Gone
    raw: RawRecord | None
    cursor: Cursor
    page_end: bool = False
