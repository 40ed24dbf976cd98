"""Approving vouchers and putting them, and hedge notes, into the outbox. `deliver.py` sends them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.errors import (
    RuleBroken,
)
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.notes import hedge_note
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import OutboxRow, OutboxState, Store, UnitOfWork
from hedge_core.use_cases.approvals import approve
from hedge_core.use_cases.attachments import queue_attachments
from messages import Message

VOUCHER: Final = "voucher"
HEDGES: Final = "hedges"


# --- approve and queue ------------------------------------------------------------------------------------------------


def approve_vouchers(store: Store, book: BookId, voucher_ids: Sequence[str], actor: Actor) -> list[RuleBroken]:
    """See `hedge_core.use_cases.approvals.approve`."""
    return approve(store, book, voucher_ids, actor)


def queue_vouchers(
    store: Store, book: BookId, connection: str, voucher_ids: Sequence[str], actor: Actor, clock: Clock
) -> int:
    """Put approved vouchers into the outbox, status and row in one transaction. A voucher that is already queued or
    delivered is left alone, so a person clicking again changes nothing. Answers how many were queued."""
    queued = 0
    with store.begin(book, actor) as uow:
        for voucher_id in voucher_ids:
            stored = uow.results.voucher(voucher_id)
            if stored is None or stored.status is not VoucherStatus.APPROVED:
                continue
            voucher = stored.voucher
            if stored.approved_hash != voucher.content_hash:
                raise RuleBroken("voucher_approval", voucher_id, Message("post.changed_after_approval"))
            row = uow.outbox.enqueue(connection, VOUCHER, voucher_id, voucher.key, voucher.content_hash, clock.now())
            queue_attachments(uow, connection, voucher, row, clock.now())
            uow.results.set_voucher(voucher_id, VoucherStatus.QUEUED)
            uow.audit.append("voucher.queued", voucher_id, {"connection": connection, "key": voucher.key})
            queued += 1
    return queued


def queue_hedge_notes(uow: UnitOfWork, connection: str, legs: Sequence[ExternalRef], now: datetime) -> int:
    """Queue the write-back of the hedge notes of order lines, inside the caller's transaction; a leg that already waits
    is not queued again, since a delivery writes whatever is current then."""
    pending = uow.outbox.rows(OutboxState.PENDING)
    waiting = {row.subject for row in pending if row.kind == HEDGES and row.connection == connection}
    queued = 0
    for leg in sorted(set(legs)):
        subject = f"{leg.kind}:{leg.key}"
        if subject in waiting:
            continue
        content = _note_hash(note_for(uow, leg))
        uow.outbox.enqueue(connection, HEDGES, subject, subject, content, now)
        queued += 1
    return queued


def leg_of(row: OutboxRow) -> ExternalRef:
    """The order line that a row of hedge notes is about."""
    kind, _, key = row.subject.partition(":")
    return ExternalRef(row.connection, kind, key)


def note_for(uow: UnitOfWork, leg: ExternalRef) -> str:
    """The note that should stand on an order line now."""
    return hedge_note([match for match in uow.results.matches() if match.leg == leg])


def _note_hash(text: str) -> str:
    return canonical_hash({"note": text})
