"""What a person, or a look at the ERP, decides about outbox rows: retry, delivered by hand, cancel; and connections.

Every decision needs a reason, is kept with who made it, and is an audit event in the same transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher, VoucherStatus
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter, Lookup
from hedge_core.ports.storage import Connection, OutboxRow, OutboxState, Store, UnitOfWork
from hedge_core.use_cases.deliver import says_the_same
from hedge_core.use_cases.post import VOUCHER
from hedge_core.use_cases.reversals import mark_reversed
from messages import Message

_AT_A_TIME: Final = 200
"""Keys that are asked for in one call."""
_MOST: Final = 2000
"""Rows that one look resolves; the next one takes up the others."""


def retry_row(store: Store, book: BookId, row_id: int, reason: str, actor: Actor, clock: Clock) -> None:
    """A dead or unknown row is tried again, after a look-up like every attempt but the first. RuleBroken for another state;
    InvalidInput without a reason or such a row; the same for the two below."""
    with store.begin(book, actor) as uow:
        row = _row(uow, row_id, reason)
        uow.outbox.release(row_id, OutboxState.PENDING, reason, clock.now())
        _told(uow, "outbox.retried", row, reason)


def cancel_row(store: Store, book: BookId, row_id: int, reason: str, actor: Actor, clock: Clock) -> None:
    """A dead or unknown row is given up. Its voucher is approved again, so that it can be queued anew: that finds this row
    and looks up first, since it may have been sent."""
    with store.begin(book, actor) as uow:
        row = _row(uow, row_id, reason)
        uow.outbox.release(row_id, OutboxState.CANCELLED, reason, clock.now())
        if row.kind == VOUCHER:
            stored = uow.results.voucher(row.subject)
            same = stored is not None and stored.voucher.key == row.key
            if stored is not None and same and stored.status is VoucherStatus.QUEUED and stored.receipt is None:
                uow.results.set_voucher(row.subject, VoucherStatus.APPROVED)
        _told(uow, "outbox.cancelled", row, reason)


def deliver_by_hand(
    store: Store, book: BookId, row_id: int, number: str, reason: str, actor: Actor, clock: Clock
) -> PostingReceipt | None:
    """A dead or unknown row counts as delivered: somebody saw the document in the ERP, or typed it in, under this number.
    Rows that depend on it go on. Answers the voucher's receipt."""
    number = number.strip()
    if not number:
        raise InvalidInput("outbox", 0, "number", Message("outbox.number_missing"))
    with store.begin(book, actor) as uow:
        row = _row(uow, row_id, reason)
        uow.outbox.release(row_id, OutboxState.DONE, reason, clock.now())
        receipt = None
        if row.kind == VOUCHER:
            stored = uow.results.voucher(row.subject)
            if stored is None or stored.voucher.key != row.key:
                raise RuleBroken("outbox_by_hand", str(row_id), Message("post.changed_after_queueing"))
            voucher = stored.voucher
            kept = stored.receipt
            external = kept.external_id if kept is not None and kept.number == number else ""
            stage = kept.stage if kept is not None and kept.number == number else Stage.SAVED
            receipt = PostingReceipt(voucher.key, number, external, stage, voucher.posting_date, voucher.total)
            uow.results.set_voucher(row.subject, VoucherStatus.DELIVERED, receipt=receipt)
            mark_reversed(uow, row.subject, VoucherStatus.DELIVERED)
        _told(uow, "outbox.delivered_by_hand", row, reason, number=number)
    return receipt


# --- what the ERP knows -----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Resolved:
    """What a look at the ERP found out: keys asked for, documents found, conflicts, keys it does not have."""

    asked: int = 0
    found: int = 0
    conflicts: int = 0
    missing: int = 0


def resolve_unknown(
    store: Store, book: BookId, connection: str, adapter: ErpAdapter, actor: Actor, clock: Clock
) -> Resolved:
    """Look up all rows of a connection whose outcome is not known, and those that were given up for that, by as few calls
    as possible. Found with the same content: the row is due at once, and its delivery takes the document up where it stands.
    Found otherwise or twice: dead. Not found: left alone; an unknown row goes again after its settle time by itself."""
    if adapter.capabilities.lookup is not Lookup.REFERENCE:
        return Resolved()
    with store.read(book) as uow:
        rows = _open_questions(uow, connection)
        vouchers = {row.id: stored.voucher for row in rows if (stored := uow.results.voucher(row.subject)) is not None}
    asked = [row for row in rows if row.id in vouchers and vouchers[row.id].key == row.key]
    documents: dict[str, list[PostingReceipt]] = {}
    for first in range(0, len(asked), _AT_A_TIME):
        documents |= adapter.find_vouchers([row.key for row in asked[first : first + _AT_A_TIME]])
    found = conflicts = 0
    for row in asked:
        there = documents.get(row.key, [])
        if not there:
            continue
        same = len(there) == 1 and says_the_same(there[0], vouchers[row.id])
        if _settle(store, book, row, vouchers[row.id], there, same, actor, clock):
            found += same
            conflicts += not same
    return Resolved(len(asked), found, conflicts, len(asked) - sum(row.key in documents for row in asked))


def _open_questions(uow: UnitOfWork, connection: str) -> list[OutboxRow]:
    """Unknown rows, and dead ones that were given up without an answer."""
    unknown = uow.outbox.rows(OutboxState.UNKNOWN, connection=connection, limit=_MOST)
    dead = uow.outbox.rows(OutboxState.DEAD, connection=connection, limit=_MOST)
    return [row for row in (*unknown, *(one for one in dead if one.unknowns or one.lost_leases)) if row.kind == VOUCHER]


def _settle(
    store: Store,
    book: BookId,
    row: OutboxRow,
    voucher: Voucher,
    there: Sequence[PostingReceipt],
    same: bool,
    actor: Actor,
    clock: Clock,
) -> bool:
    """False when somebody else had the row meanwhile."""
    state = OutboxState.PENDING if same else OutboxState.DEAD
    details: dict[str, object] = {"number": ", ".join(one.number for one in there), "key": row.key}
    reason = Message("outbox.found_there" if same else "outbox.conflict_there", details)
    if not same and row.state is OutboxState.DEAD:
        return False
    with store.begin(book, actor) as uow:
        try:
            uow.outbox.release(row.id, state, str(reason), clock.now())
        except RuleBroken:
            return False
        if same:
            stored = uow.results.voucher(voucher.voucher_id)
            if stored is not None and stored.receipt is None and stored.status is VoucherStatus.QUEUED:
                uow.results.set_voucher(voucher.voucher_id, VoucherStatus.QUEUED, receipt=there[0])
        uow.audit.append("outbox.found" if same else "outbox.dead", f"{row.kind}:{row.subject}", details)
    return True


# --- connections ------------------------------------------------------------------------------------------------------


def pause_connection(store: Store, book: BookId, name: str, reason: str, actor: Actor) -> None:
    """Nothing goes to this connection any more until it is resumed; what is in work ends."""
    if not reason.strip():
        raise InvalidInput(name, 0, "reason", Message("outbox.reason_missing"))
    with store.begin(book, actor) as uow:
        uow.save_connection(replace(_connection(uow, name), paused=True, paused_reason=reason))
        uow.audit.append("connection.paused", name, {"reason": reason})


def resume_connection(store: Store, book: BookId, name: str, actor: Actor) -> None:
    """Opens a paused connection; its circuit, its throttle and its failures begin anew."""
    with store.begin(book, actor) as uow:
        known = _connection(uow, name)
        opened = replace(
            known,
            paused=False,
            paused_reason="",
            circuit_open_until=None,
            throttled_until=None,
            failures_in_a_row=0,
        )
        uow.save_connection(opened)
        uow.audit.append("connection.resumed", name, {"was": known.paused_reason})


def remove_connection(store: Store, book: BookId, name: str, actor: Actor) -> None:
    """Only one that nothing was ever pulled through or sent to; RuleBroken for any other, which can be paused."""
    with store.begin(book, actor) as uow:
        known = _connection(uow, name)
        uow.remove_connection(name)
        uow.audit.append("connection.removed", name, {"system": known.system})


def _connection(uow: UnitOfWork, name: str) -> Connection:
    found = uow.connection(name)
    if found is None:
        known = ", ".join(one.name for one in uow.connections()) or "-"
        message = Message("connection.none", {"connection": name, "known": known})
        raise InvalidInput("connection", 0, "name", message)
    return found


def _row(uow: UnitOfWork, row_id: int, reason: str) -> OutboxRow:
    if not reason.strip():
        raise InvalidInput("outbox", 0, "reason", Message("outbox.reason_missing"))
    found = uow.outbox.row(row_id)
    if found is None:
        raise InvalidInput("outbox", 0, "", Message("outbox.no_row", {"row": row_id}))
    return found


def _told(uow: UnitOfWork, event: str, row: OutboxRow, reason: str, **more: object) -> None:
    details: Mapping[str, object] = {
        "row": row.id, "was": row.state.value, "attempts": row.attempts, "key": row.key, "reason": reason,
        "queued_by": row.queued_by, **more,
    }  # fmt: skip
    uow.audit.append(event, f"{row.kind}:{row.subject}", details)
