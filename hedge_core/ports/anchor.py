"""The port to a place that keeps a copy of a checkpoint out of the administrator's reach."""

from __future__ import annotations

from typing import Protocol


class Anchor(Protocol):
    """A mailbox, a write-once share, a document in the ERP."""

    @property
    def place(self) -> str:
        """Where copies go, as an auditor would look for them."""
        ...

    def keep(self, name: str, note: str) -> str:
        """Keep the signed note under `name`; answers where exactly. The same note again changes nothing; another note
        under a name that is taken is `IdempotencyConflict`. Unavailable when the place cannot be reached."""
        ...
