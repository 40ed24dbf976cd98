"""Audit events: what is written about a change, and the canonical bytes that the log's tree is computed over."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import Final

from hedge_core.canonical import canonical_text

VERSION: Final = 1
_KIND: Final = re.compile(r"[a-z][a-z0-9_]*(\.[a-z][a-z0-9_]*)+")
_MEMBERS: Final = {
    "actor": str, "at": str, "authenticated": bool, "book": str, "details": dict, "kind": str, "sequence": int,
    "subject": str, "version": int,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class AuditEvent:
    """One change of one book. `sequence` counts from 0 and is the leaf's index; `at` is aware; `kind` is dotted
    (`statement.imported`); `subject` is the key of what was changed; `details` holds what canonical bytes can hold."""

    book: str
    sequence: int
    at: datetime
    actor: str
    authenticated: bool
    kind: str
    subject: str
    details: Mapping[str, object] = field(default_factory=dict)
    version: int = VERSION

    def __post_init__(self) -> None:
        if self.sequence < 0:
            raise ValueError(f"a sequence counts from 0, not {self.sequence}")
        if not _is_kind(self.kind):
            raise ValueError(f"an event's kind is dotted lower-case words, not {self.kind!r}")


def event_bytes(event: AuditEvent) -> bytes:
    """The canonical bytes of an event: an object with its nine fields. One line, since canonical text has no raw line
    break, so a file of events is JSON Lines. Errors: those of `canonical_bytes`."""
    text = canonical_text
    # Assembled by hand, in the order that canonical bytes sort the names: twice as fast as sorting the same nine names
    # for every event. A property test holds it equal to `canonical_bytes` of the same object.
    return (
        f'{{"actor":{text(event.actor)},"at":{text(event.at)},"authenticated":{text(event.authenticated)},'
        f'"book":{text(event.book)},"details":{text(event.details)},"kind":{text(event.kind)},'
        f'"sequence":{text(event.sequence)},"subject":{text(event.subject)},"version":{text(event.version)}}}'
    ).encode()


def read_event(content: bytes) -> AuditEvent:
    """The event that `content` says; its details as JSON values (a Decimal comes back as its text).

    ValueError unless `content` is exactly the canonical bytes of an event of a version known here."""
    try:
        members = json.loads(content)
    except RecursionError:
        raise ValueError("an audit event is not nested that deep") from None
    if not isinstance(members, dict) or set(members) != set(_MEMBERS):
        raise ValueError("an audit event has other members")
    for name, kind in _MEMBERS.items():
        if type(members[name]) is not kind:
            raise ValueError(f"member {name} of an audit event is not {kind.__name__}")
    if members["version"] != VERSION:
        raise ValueError(f"audit event version {members['version']} is not known")
    try:
        at = datetime.fromisoformat(members.pop("at")).astimezone(UTC)
        event = AuditEvent(at=at, **members)
        same = event_bytes(event) == content
    except (TypeError, OverflowError) as refused:  # a float in the details, a time zone beyond the year 1 or 9999
        raise ValueError(str(refused)) from refused
    if not same:
        raise ValueError("the bytes of an audit event are not canonical")
    return event


@cache
def _is_kind(text: str) -> bool:
    return _KIND.fullmatch(text) is not None
