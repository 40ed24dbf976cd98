"""What an attempt at an outbox row comes to, and what it says about the connection."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto

from hedge_core.model.vouchers import PostingReceipt
from hedge_core.ports.storage import OutboxState
from messages import Message


class Contact(Enum):
    """What an attempt says about the connection."""

    ANSWERED = auto()
    UNREACHABLE = auto()
    SLOW_DOWN = auto()
    LOGIN_REFUSED = auto()
    UNCERTAIN = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an outbox row becomes after an attempt."""

    state: OutboxState
    reason: Message | None = None
    wait_seconds: int = 0
    attempt_back: bool = False
    receipt: PostingReceipt | None = None
    contact: Contact = Contact.UNCERTAIN
    batch_limit: int | None = None
