"""Approving vouchers and delivering them: outbox row with the change, one attempt per lease, look up before any other.

outcome of an attempt        outbox row                       voucher
receipt at the target stage  done                             delivered, number and stage stored
Rejected                     dead: a person acts              queued, number kept if there is one
IdempotencyConflict          dead, alarm                      queued
OutcomeUnknown, bad answer   unknown until the settle time    queued, number kept if there is one
a bug in the adapter         unknown until the settle time    queued
Unavailable                  pending with backoff, circuit    queued
RateLimited                  pending at that time; attempt taken back where nothing was reached
AuthFailed                   pending, connection paused       queued

A row that cannot be worked on at all (its voucher is gone or has other content) is dead without an attempt.
"""

from __future__ import annotations

import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto
from typing import Final, Protocol

from hedge_core.canonical import canonical_hash
from hedge_core.errors import (
    AuthFailed,
    IdempotencyConflict,
    PlatformError,
    RateLimited,
    Rejected,
    RuleBroken,
    Unavailable,
)
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.notes import hedge_note
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter, ErpCapabilities, Lookup
from hedge_core.ports.storage import OutboxRow, OutboxState, Store, StoredVoucher, UnitOfWork
from messages import Message

VOUCHER: Final = "voucher"
HEDGES: Final = "hedges"

_BACKOFF_SECONDS: Final = (2, 4, 8, 15, 30, 60, 120, 300)
_CIRCUIT_AFTER: Final = 5
"""Failures in a row, of whichever rows, until the connection rests."""
_CIRCUIT_SECONDS: Final = 30


class ErpFor(Protocol):
    """Finds the adapter of a connection; the composition root provides it."""

    def __call__(self, book: BookId, connection: str, /) -> ErpAdapter: ...


# --- approve and queue ------------------------------------------------------------------------------------------------


def approve_vouchers(store: Store, book: BookId, voucher_ids: Sequence[str], actor: Actor) -> list[RuleBroken]:
    """Approve drafts. The approval is bound to the content hash; who made a voucher cannot approve it."""
    problems: list[RuleBroken] = []
    with store.begin(book, actor) as uow:
        for voucher_id in voucher_ids:
            stored = uow.results.voucher(voucher_id)
            problem = _cannot_approve(stored, actor)
            if stored is None or problem is not None:
                problems.append(RuleBroken("voucher_approval", voucher_id, problem or Message("post.no_such_voucher")))
                continue
            digest = stored.voucher.content_hash
            uow.results.set_voucher(voucher_id, VoucherStatus.APPROVED, approved_by=actor.name, approved_hash=digest)
            uow.audit.append("voucher.approved", voucher_id, {"content_hash": digest})
    return problems


def _cannot_approve(stored: StoredVoucher | None, actor: Actor) -> Message | None:
    if stored is None:
        return Message("post.no_such_voucher")
    if stored.status is not VoucherStatus.DRAFT:
        return Message("post.not_a_draft", {"status": stored.status.value})
    if stored.made_by == actor.name:
        return Message("post.maker_is_checker", {"name": actor.name})
    return None


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
            uow.outbox.enqueue(connection, VOUCHER, voucher_id, voucher.key, voucher.content_hash, clock.now())
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
        content = _note_hash(_note_for(uow, leg))
        uow.outbox.enqueue(connection, HEDGES, subject, subject, content, now)
        queued += 1
    return queued


# --- deliver ----------------------------------------------------------------------------------------------------------


class Contact(Enum):
    """What an attempt says about the connection."""

    ANSWERED = auto()
    UNREACHABLE = auto()
    LOGIN_REFUSED = auto()
    UNCERTAIN = auto()


@dataclass(frozen=True, slots=True)
class Verdict:
    """What an outbox row becomes after an attempt."""

    state: OutboxState
    reason: Message | None = None
    wait_seconds: float = 0
    attempt_back: bool = False
    receipt: PostingReceipt | None = None
    contact: Contact = Contact.UNCERTAIN


def deliver(
    store: Store,
    row: OutboxRow,
    erp_for: ErpFor,
    actor: Actor,
    clock: Clock,
    settle_seconds: int | None = None,
    lease_seconds: int | None = None,
) -> OutboxState | None:
    """Deliver one leased row: start it (attempt counted), one attempt on the other side, record the outcome. Answers the
    new state, or None when the lease had been lost before or after the call; then somebody else's outcome counts.

    `lease_seconds` renews the lease at the start, whatever a busy worker left of it: the next look-up must come after the
    other side has ended what this attempt asked for."""
    now = clock.now()
    until = None if lease_seconds is None else now + timedelta(seconds=lease_seconds)
    with store.begin(row.book, actor) as uow:
        started = uow.outbox.start(row.id, row.lease_token, now, until)
        if started is None:
            return None
        work = _work_of(uow, started)
    verdict = _attempt(work, started, erp_for, settle_seconds) if isinstance(work, Work) else _hopeless(work)
    _tell_connection(store, started, verdict, clock)
    with store.begin(row.book, actor) as uow:
        if verdict.state is OutboxState.DONE and isinstance(work, Work) and not work.still_current(uow):
            verdict = Verdict(OutboxState.PENDING, Message("post.changed_meanwhile"), receipt=verdict.receipt)
        kept = uow.outbox.finish(
            row.id,
            row.lease_token,
            verdict.state,
            available_at=clock.now() + timedelta(seconds=verdict.wait_seconds),
            last_error=str(verdict.reason) if verdict.reason else "",
            give_attempt_back=verdict.attempt_back,
            found_by_lookup=bool(verdict.receipt and verdict.receipt.found_by_lookup),
        )
        if not kept:
            return None
        _record(uow, started, verdict)
    return verdict.state


@dataclass(frozen=True, slots=True)
class Work:
    """What a row asks for. `attempt`: adapter and whether to look up first -> receipt, or a platform error raised.
    `still_current`: whether what was sent is still what should stand there."""

    attempt: Callable[[ErpAdapter, bool], PostingReceipt]
    still_current: Callable[[UnitOfWork], bool]


def _work_of(uow: UnitOfWork, row: OutboxRow) -> Work | Message:
    """The work of a row, or why there is none."""
    maker = _WORK.get(row.kind)
    return maker(uow, row) if maker is not None else Message("post.unknown_work", {"kind": row.kind})


def _voucher_work(uow: UnitOfWork, row: OutboxRow) -> Work | Message:
    stored = uow.results.voucher(row.subject)
    if stored is None:
        return Message("post.no_such_voucher")
    voucher = stored.voucher
    if (voucher.key, voucher.content_hash) != (row.key, row.content_hash):
        return Message("post.changed_after_queueing")

    def attempt(adapter: ErpAdapter, look_up_first: bool) -> PostingReceipt:
        if look_up_first and adapter.capabilities.lookup is Lookup.REFERENCE:
            found = adapter.find_voucher(voucher.key)
            if found is not None and not _same(found, voucher):
                raise IdempotencyConflict(voucher.key, system=adapter.capabilities.system)
        outcome = adapter.push_vouchers([voucher])[0]  # takes up what is there, at the stage where it stands
        if isinstance(outcome, PlatformError):
            raise outcome
        return outcome

    return Work(attempt, lambda _: True)


def _same(found: PostingReceipt, voucher: Voucher) -> bool:
    """As far as the other side says: a receipt without date or sum is no contradiction."""
    same_date = found.posting_date is None or found.posting_date == voucher.posting_date
    return same_date and (found.total is None or found.total == voucher.total)


def _hedge_work(uow: UnitOfWork, row: OutboxRow) -> Work:
    """Writes the whole current text: repeating it is harmless, and an older text that arrives late is written over."""
    leg = _leg_of(row)
    matches = [match for match in uow.results.matches() if match.leg == leg]
    written = hedge_note(matches)
    return Work(lambda adapter, _: adapter.push_hedges(leg, matches), lambda now: _note_for(now, leg) == written)


_WORK: Final[Mapping[str, Callable[[UnitOfWork, OutboxRow], Work | Message]]] = {
    VOUCHER: _voucher_work,
    HEDGES: _hedge_work,
}


def _hopeless(reason: Message) -> Verdict:
    return Verdict(OutboxState.DEAD, reason)


def _attempt(work: Work, row: OutboxRow, erp_for: ErpFor, settle_seconds: int | None) -> Verdict:
    try:
        adapter = erp_for(row.book, row.connection)
        card = adapter.capabilities
    except PlatformError as error:
        return Verdict(OutboxState.PENDING, error.message, _backoff(row.attempts))
    except Exception as bug:  # noqa: BLE001 - nothing has left: a person has to look, and the row says where
        return Verdict(OutboxState.DEAD, Message("post.bug_before", {"type": _place(bug)}))
    if card.lookup is Lookup.NONE and row.attempts > 1:
        return Verdict(OutboxState.DEAD, Message("post.cannot_look_up", {"system": card.system}))
    settle = card.settle_seconds if settle_seconds is None else settle_seconds
    try:
        receipt = work.attempt(adapter, row.attempts > 1)
    except PlatformError as error:
        return _verdict(error, row, card, settle)
    except Exception as bug:  # noqa: BLE001 - a bug after the request may have left must still leave a trace in the row
        return Verdict(OutboxState.UNKNOWN, Message("post.bug", {"type": _place(bug)}), settle)
    return Verdict(OutboxState.DONE, receipt=receipt, contact=Contact.ANSWERED)


def _verdict(error: PlatformError, row: OutboxRow, card: ErpCapabilities, settle: float) -> Verdict:
    receipt = error.reached if isinstance(error.reached, PostingReceipt) else None
    nothing_there = receipt is None and (card.lookup is Lookup.NONE or isinstance(error, RateLimited))
    match error:
        case Rejected() | IdempotencyConflict():
            return Verdict(OutboxState.DEAD, error.message, receipt=receipt, contact=Contact.ANSWERED)
        case RateLimited():
            contact, wait = Contact.ANSWERED, float(error.retry_after)
        case Unavailable():
            contact, wait = Contact.UNREACHABLE, _backoff(row.attempts)
        case AuthFailed():
            contact, wait = Contact.LOGIN_REFUSED, _backoff(row.attempts)
        case _:
            return Verdict(OutboxState.UNKNOWN, error.message, settle, receipt=receipt)
    return Verdict(OutboxState.PENDING, error.message, wait, nothing_there, receipt, contact)


def _backoff(attempts: int) -> float:
    return _BACKOFF_SECONDS[min(attempts, len(_BACKOFF_SECONDS)) - 1]


def _place(bug: Exception) -> str:
    """What a developer needs to find it: the type and the line, and nothing of the values, which may be secret."""
    at = traceback.extract_tb(bug.__traceback__)[-1]
    return f"{type(bug).__name__}, {at.filename.rpartition('/')[2]}:{at.lineno}"


def _tell_connection(store: Store, row: OutboxRow, verdict: Verdict, clock: Clock) -> None:
    """Any answer closes the circuit; what could not be reached counts towards opening it; a refused login pauses."""
    if verdict.contact is Contact.ANSWERED:
        store.connection_worked(row.book, row.connection)
    elif verdict.contact is Contact.UNREACHABLE:
        with store.read(row.book) as uow:
            known = uow.connection(row.connection)
        failures = 1 + (known.failures_in_a_row if known is not None else 0)
        rest = clock.now() + timedelta(seconds=_CIRCUIT_SECONDS) if failures >= _CIRCUIT_AFTER else None
        store.connection_failed(row.book, row.connection, rest)
    elif verdict.contact is Contact.LOGIN_REFUSED:
        store.pause_connection(row.book, row.connection, str(verdict.reason))


def _record(uow: UnitOfWork, row: OutboxRow, verdict: Verdict) -> None:
    receipt = verdict.receipt
    if row.kind == VOUCHER and receipt is not None:
        stored = uow.results.voucher(row.subject)
        status = VoucherStatus.DELIVERED if verdict.state is OutboxState.DONE else VoucherStatus.QUEUED
        if stored is not None and stored.status is not VoucherStatus.DELIVERED:
            uow.results.set_voucher(row.subject, status, receipt=receipt)
    details: dict[str, object] = {"state": verdict.state.value, "attempt": row.attempts, "key": row.key}
    if receipt is not None:
        details |= {
            "number": receipt.number, "external_id": receipt.external_id, "stage": receipt.stage.value,
            "found_by_lookup": receipt.found_by_lookup,
        }  # fmt: skip
    if verdict.reason is not None:
        details["reason"] = str(verdict.reason)[:500]
    uow.audit.append(f"outbox.{verdict.state.value}", f"{row.kind}:{row.subject}", details)


def _leg_of(row: OutboxRow) -> ExternalRef:
    kind, _, key = row.subject.partition(":")
    return ExternalRef(row.connection, kind, key)


def _note_for(uow: UnitOfWork, leg: ExternalRef) -> str:
    return hedge_note([match for match in uow.results.matches() if match.leg == leg])


def _note_hash(text: str) -> str:
    return canonical_hash({"note": text})
