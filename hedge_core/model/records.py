"""Records as they arrive: raw bytes, the result of mapping them, and the cursor to go on from."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Any, Generic, NewType, TypeVar

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

    @property
    def spec(self) -> str | None:
        """Which mapping spec made the outcome; None where none did."""
        return self.outcome.spec if isinstance(self.outcome, Mapped | Quarantined) else None


Reading = Callable[[ExternalRef, bytes], Mapped[T] | Quarantined]
"""A raw record to what becomes of it."""


class PulledLater(Pulled[T]):
    """An item that is mapped when its outcome is asked for, once: a record that is known already is not worth it. `spec`
    is known before."""

    __slots__ = ("_read", "_spec")
    _read: Reading[T]
    _spec: str
    raw: RawRecord

    def __init__(
        self, ref: ExternalRef, spec: str, read: Reading[T], raw: RawRecord, cursor: Cursor, page_end: bool = False
    ) -> None:
        keep = object.__setattr__
        keep(self, "ref", ref)
        keep(self, "raw", raw)
        keep(self, "cursor", cursor)
        keep(self, "page_end", page_end)
        keep(self, "_spec", spec)
        keep(self, "_read", read)

    def __getattr__(self, name: str) -> Any:
        """Called for what is not there yet, so for `outcome` the first time; from then on it is an attribute like others."""
        if name != "outcome":
            raise AttributeError(name)
        outcome = self._read(self.ref, self.raw.body)
        object.__setattr__(self, "outcome", outcome)
        object.__setattr__(self, "_read", None)  # with it goes what it holds
        return outcome

    @property
    def spec(self) -> str:
        return self._spec
