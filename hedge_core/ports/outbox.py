"""The port to the outbox: rows that wait to be written to other systems, and the dispatcher's view of them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from hedge_core.model.identity import BookId
from hedge_core.ports.jobs import Lease, WorkQueue


class OutboxState(StrEnum):
    """`pending → leased → started → done | pending | unknown → … | dead | cancelled`."""

    PENDING = "pending"
    LEASED = "leased"
    STARTED = "started"
    UNKNOWN = "unknown"
    DONE = "done"
    DEAD = "dead"
    CANCELLED = "cancelled"


@dataclass(frozen=True, slots=True)
class OutboxRow:
    """One write to another system. `attempts` counts at start; `lease_token` fences a lease. `unknowns` are the attempts with
    an unknown outcome since a person last decided, `lost_leases` the workers that died over the row in that time, and
    `batch_limit` how many rows may share a call with it (0: as many as the connection allows)."""

    id: int
    book: BookId
    connection: str
    kind: str
    subject: str
    key: str
    content_hash: str
    state: OutboxState
    attempts: int
    available_at: datetime
    lease_token: str = ""
    lease_until: datetime | None = None
    depends_on: int | None = None
    last_error: str = ""
    found_by_lookup: bool = False
    unknowns: int = 0
    lost_leases: int = 0
    batch_limit: int = 0
    queued_by: str = ""
    decided_by: str = ""


class OutboxStore(Protocol):
    """The outbox rows of one book, inside the book's unit of work."""

    def enqueue(
        self,
        connection: str,
        kind: str,
        subject: str,
        key: str,
        content_hash: str,
        available_at: datetime,
        depends_on: int | None = None,
    ) -> int:
        """The row's id. A voucher's key stands here once: the same content again answers the row that is there (a
        cancelled one becomes pending with its attempts), other content raises `IdempotencyConflict`."""
        ...

    def rows(
        self, state: OutboxState | None = None, *, connection: str = "", limit: int | None = None
    ) -> list[OutboxRow]: ...
    def counts(self) -> dict[OutboxState, int]:
        """How many rows there are in each state that occurs."""
        ...

    def row(self, row_id: int) -> OutboxRow | None: ...
    def start(self, row_id: int, token: str, now: datetime, lease_until: datetime | None = None) -> OutboxRow | None:
        """Leased → started, attempt counted, the lease renewed if a time is given; None when the token no longer holds
        the lease or it has run out."""
        ...

    def start_together(
        self, held: Mapping[int, str], now: datetime, lease_until: datetime | None = None
    ) -> list[OutboxRow]:
        """The same for many rows, each with the token it was leased under, by id; without those that their token does not
        hold any more."""
        ...

    def finish(
        self,
        row_id: int,
        token: str,
        state: OutboxState,
        *,
        available_at: datetime | None = None,
        last_error: str = "",
        give_attempt_back: bool = False,
        found_by_lookup: bool = False,
        batch_limit: int | None = None,
    ) -> bool:
        """Started → a new state, only while the token holds; False when another lease has taken over."""
        ...

    def finish_together(
        self,
        held: Mapping[int, str],
        state: OutboxState,
        *,
        available_at: datetime | None = None,
        last_error: str = "",
        give_attempt_back: bool = False,
        found_by_lookup: bool = False,
        batch_limit: int | None = None,
    ) -> set[int]:
        """The same for rows that end alike, each with the token it was started under; answers those still held by it."""
        ...

    def release(self, row_id: int, state: OutboxState, reason: str, available_at: datetime) -> None:
        """A person's decision on a dead or unknown row: back to pending, cancelled or done; who decided is kept. What was
        counted against the row begins again."""
        ...


class Queue(WorkQueue, Protocol):
    """The dispatcher's narrow view across books: due rows and leases, and nothing else.

    `lease_due` leases rows that are due (pending or unknown with `available_at` reached, or leased or started with an expired
    lease) with fresh tokens. Rows of paused, throttled or circuit-open connections and rows whose `depends_on` is not done are
    left, and no connection gets more calls at the same time than it is allowed. `limit` counts calls: where a connection takes
    several vouchers in one, they are leased together under one token."""

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> list[Lease]: ...
    def counts(self) -> dict[tuple[str, str], int]:
        """(connection, state) -> rows."""
        ...
