"""The port to everything ever received of a record: its versions with the time each was what the other side showed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from hedge_core.model.records import RawRecord


@dataclass(frozen=True, slots=True)
class RecordVersion:
    """One stay of a version: `raw.received_at` is when it came, and it stood until the record's next one came or it was
    `gone_at`. `spec` is the identity of the mapping that read it; `current` is what is there now."""

    raw: RawRecord
    spec: str
    gone_at: datetime | None
    current: bool


class RecordVersionStore(Protocol):
    """Records of one book as they stood at any time since they are kept (`record_stays`)."""

    def versions(self, connection: str, kind: str) -> Sequence[RecordVersion]:
        """All of one kind, by key and time; of two that came at one instant the current one is the later."""
        ...

    def read_by(self, connection: str, kind: str, spec: str) -> int:
        """Everything of the kind that is there now has been read by this mapping; answers how many records."""
        ...
