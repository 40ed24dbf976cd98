"""Delivering outbox rows: one attempt per lease, look up before any other, every row with its own outcome.

outcome of an attempt        outbox row                       voucher
receipt at the target stage  done                             delivered, number and stage stored
Rejected                     dead: a person acts              queued, number kept if there is one
  of a batch as a whole      pending, in a smaller batch      queued
IdempotencyConflict          dead, alarm                      queued
OutcomeUnknown, bad answer   unknown until the settle time    queued, number kept if there is one
  again and again            dead: a person looks there       queued
a bug in the adapter         unknown until the settle time    queued
Unavailable                  pending with backoff, circuit    queued
RateLimited                  pending at that time, connection throttled; attempt taken back where nothing was reached
AuthFailed                   pending, connection paused       queued

A row that cannot be worked on at all (its voucher is gone or has other content) is dead without an attempt, and so is one
over which worker after worker has died.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Final, Protocol

from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    IdempotencyConflict,
    PlatformError,
    RateLimited,
    Rejected,
    Unavailable,
)
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter, ErpCapabilities, Lookup
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import OutboxRow, OutboxState, Store, UnitOfWork
from hedge_core.use_cases.outbox_work import POISON_LIMIT as POISON_LIMIT
from hedge_core.use_cases.outbox_work import Work, place_of_bug, works_of
from hedge_core.use_cases.post import VOUCHER
from hedge_core.use_cases.reversals import mark_reversed
from hedge_core.use_cases.verdict import Contact, Verdict
from messages import Message

UNKNOWN_LIMIT: Final = 12
"""Attempts of one row with an unknown outcome, each looked up and not found, until a person has to look."""

_BACKOFF_SECONDS: Final = (2, 4, 8, 15, 30, 60, 120, 300)
_CIRCUIT_AFTER: Final = 5
"""Failures in a row, of whichever rows, until the connection rests."""
_CIRCUIT_SECONDS: Final = 30


class ErpFor(Protocol):
    """Finds the adapter of a connection; the composition root provides it."""

    def __call__(self, book: BookId, connection: str, /) -> ErpAdapter: ...


def deliver(
    store: Store,
    lease: Lease,
    erp_for: ErpFor,
    actor: Actor,
    clock: Clock,
    settle_seconds: int | None = None,
    lease_seconds: int | None = None,
) -> OutboxState | None:
    """Deliver one lease; answers the new state of its row, or None when the lease had been lost before or after the call;
    then somebody else's outcome counts. See `deliver_together`."""
    return deliver_together(store, lease, erp_for, actor, clock, settle_seconds, lease_seconds).get(lease.id)


def deliver_together(
    store: Store,
    lease: Lease,
    erp_for: ErpFor,
    actor: Actor,
    clock: Clock,
    settle_seconds: int | None = None,
    lease_seconds: int | None = None,
) -> dict[int, OutboxState]:
    """Deliver the rows of a lease: start them (attempts counted), one attempt on the other side, record each outcome. Answers
    the new state by row; a row whose lease was lost is not among them.

    `lease_seconds` renews the lease at the start, whatever a busy worker left of it: the next look-up must come after the
    other side has ended what this attempt asked for."""
    now = clock.now()
    until = None if lease_seconds is None else now + timedelta(seconds=lease_seconds)
    with store.begin(lease.book, actor) as uow:
        rows = {row.id: row for row in uow.outbox.start_together(_members(lease), lease.lease_token, now, until)}
        given = works_of(uow, rows)
    if not rows:
        return {}
    works = {row_id: work for row_id, work in given.items() if isinstance(work, Work)}
    verdicts = {row_id: _hopeless(why) for row_id, why in given.items() if isinstance(why, Message)}
    end = until or lease.lease_until
    latest = None if end is None else now + (end - now) / 2
    attempt = _Attempt(erp_for, settle_seconds, rows, works, lambda: latest is not None and clock.now() > latest)
    if works:
        verdicts |= attempt.run()
    contact = _tell_connection(store, lease, verdicts.values(), clock)
    states: dict[int, OutboxState] = {}
    with store.begin(lease.book, actor) as uow:
        if contact is Contact.ANSWERED:
            uow.connection_worked(lease.connection)
        if attempt.most is not None and _other_size(rows.values(), attempt.most):
            uow.note_batch(lease.connection, attempt.most)
        for row_id, work in works.items():
            verdict = verdicts[row_id]
            if verdict.state is OutboxState.DONE and not work.still_current(uow):
                verdicts[row_id] = replace(verdict, state=OutboxState.PENDING, reason=Message("post.changed_meanwhile"))
        for row_id in _finish(uow, lease.lease_token, verdicts, clock):
            states[row_id] = verdicts[row_id].state
        _record(uow, {row_id: rows[row_id] for row_id in states}, works, verdicts)
    return states


def _other_size(rows: Collection[OutboxRow], most: int) -> bool:
    """Whether the dispatcher seems not to know how many vouchers go into one call: it sends one where more would go, or more
    than would."""
    vouchers = [row for row in rows if row.kind == VOUCHER]
    return len(vouchers) > most or (len(vouchers) == 1 and most > 1 and not vouchers[0].batch_limit)


def _members(lease: Lease) -> tuple[int, ...]:
    return lease.members or (lease.id,)


# --- the attempt ------------------------------------------------------------------------------------------------------


class _Attempt:
    """One attempt at the rows of a lease."""

    def __init__(
        self,
        erp_for: ErpFor,
        settle_seconds: int | None,
        rows: Mapping[int, OutboxRow],
        works: Mapping[int, Work],
        too_late: Callable[[], bool],
    ) -> None:
        self._erp_for = erp_for
        self._settle = settle_seconds
        self._rows = rows
        self._works = works
        self._too_late = too_late
        self._verdicts: dict[int, Verdict] = {}
        self.most: int | None = None
        """How many vouchers the adapter takes in one call, once it is known."""

    def run(self) -> dict[int, Verdict]:
        first = self._rows[next(iter(self._works))]
        try:
            adapter = self._erp_for(first.book, first.connection)
            card = adapter.capabilities
            self.most = card.max_batch
        except PlatformError as error:
            return {
                one: Verdict(OutboxState.PENDING, error.message, _backoff(self._rows[one].attempts))
                for one in self._works
            }
        except Exception as bug:  # noqa: BLE001 - nothing has left: a person has to look, and the row says where
            return {one: _hopeless(Message("post.bug_before", {"type": place_of_bug(bug)})) for one in self._works}
        together: dict[int, Voucher] = {}
        for row_id, work in self._works.items():
            if card.lookup is Lookup.NONE and self._rows[row_id].attempts > 1:
                self._verdicts[row_id] = _hopeless(Message("post.cannot_look_up", {"system": card.system}))
            elif work.voucher is not None and work.voucher.in_currencies and not card.foreign_amounts:
                self._verdicts[row_id] = _hopeless(Message("post.foreign_amounts", {"system": card.system}))
            elif work.attempt is not None:
                self._alone(row_id, adapter, card, work.attempt)
            elif work.voucher is not None and self._look_up(row_id, adapter, card, work.voucher):
                together[row_id] = work.voucher
        if together:
            self._push(adapter, card, together)
        return self._verdicts

    def _alone(
        self, row_id: int, adapter: ErpAdapter, card: ErpCapabilities, attempt: Callable[[ErpAdapter], PostingReceipt]
    ) -> None:
        try:
            receipt = attempt(adapter)
        except PlatformError as error:
            self._verdicts[row_id] = self._verdict(row_id, error, card)
        except Exception as bug:  # noqa: BLE001 - a bug after the request may have left must still leave a trace in the row
            self._verdicts[row_id] = self._bug(row_id, bug, card)
        else:
            self._verdicts[row_id] = Verdict(OutboxState.DONE, receipt=receipt, contact=Contact.ANSWERED)

    def _look_up(self, row_id: int, adapter: ErpAdapter, card: ErpCapabilities, voucher: Voucher) -> bool:
        """Whether the voucher may be pushed. Before any attempt but the first the other side is asked for our key."""
        if self._rows[row_id].attempts <= 1 or card.lookup is not Lookup.REFERENCE:
            return True
        try:
            found = adapter.find_voucher(voucher.key)
            if found is not None and not says_the_same(found, voucher):
                raise IdempotencyConflict(voucher.key, system=card.system)
        except PlatformError as error:
            self._verdicts[row_id] = self._verdict(row_id, error, card)
            return False
        except Exception as bug:  # noqa: BLE001 - as above
            self._verdicts[row_id] = self._bug(row_id, bug, card)
            return False
        return True

    def _push(self, adapter: ErpAdapter, card: ErpCapabilities, vouchers: Mapping[int, Voucher]) -> None:
        """One call; the adapter takes up what is there already, at the stage where it stands. What it raises is meant for the
        batch as a whole: refused, it is tried again in halves, until the culprit stands alone."""
        outcomes: Sequence[PostingReceipt | PlatformError] = ()
        shared: Verdict | None = None
        smaller = (len(vouchers) + 1) // 2 if len(vouchers) > 1 else None
        if (
            self._too_late()
        ):  # held up, suspended perhaps: others may have taken over, and would not find what comes now
            self._verdicts |= dict.fromkeys(vouchers, Verdict(OutboxState.PENDING, Message("post.too_late")))
            return
        try:
            outcomes = adapter.push_vouchers(list(vouchers.values()))
            if len(outcomes) != len(vouchers):
                outcomes = [ContractViolation("push", "not one outcome for each voucher")] * len(vouchers)
        except (Rejected, IdempotencyConflict) as error:
            if smaller is None:
                outcomes = [error]
            else:
                message = Message("post.batch_refused", {"count": len(vouchers), "reason": error.message})
                shared = Verdict(OutboxState.PENDING, message, contact=Contact.ANSWERED, batch_limit=smaller)
        except PlatformError as error:
            if smaller is not None:
                error.reached = None  # one document's receipt must not be taken for another's
            outcomes = [error] * len(vouchers)
        except Exception as bug:  # noqa: BLE001 - as above
            self._verdicts |= {one: replace(self._bug(one, bug, card), batch_limit=smaller) for one in vouchers}
            return
        if shared is not None:
            self._verdicts |= dict.fromkeys(vouchers, shared)
            return
        for row_id, outcome in zip(vouchers, outcomes, strict=True):
            if not isinstance(outcome, PlatformError):
                self._verdicts[row_id] = Verdict(OutboxState.DONE, receipt=outcome, contact=Contact.ANSWERED)
                continue
            verdict = self._verdict(row_id, outcome, card)
            self._verdicts[row_id] = (
                replace(verdict, batch_limit=smaller) if verdict.state is OutboxState.UNKNOWN else verdict
            )

    def _verdict(self, row_id: int, error: PlatformError, card: ErpCapabilities) -> Verdict:
        receipt = error.reached if isinstance(error.reached, PostingReceipt) else None
        nothing_there = receipt is None and (card.lookup is Lookup.NONE or isinstance(error, RateLimited))
        wait = _backoff(self._rows[row_id].attempts)
        match error:
            case Rejected() | IdempotencyConflict():
                return Verdict(OutboxState.DEAD, error.message, receipt=receipt, contact=Contact.ANSWERED)
            case RateLimited():
                contact, wait = Contact.SLOW_DOWN, error.retry_after
            case Unavailable():
                contact = Contact.UNREACHABLE
            case AuthFailed():
                contact = Contact.LOGIN_REFUSED
            case _:
                return self._unknown(row_id, error.message, card, receipt)
        return Verdict(OutboxState.PENDING, error.message, wait, nothing_there, receipt, contact)

    def _bug(self, row_id: int, bug: Exception, card: ErpCapabilities) -> Verdict:
        return self._unknown(row_id, Message("post.bug", {"type": place_of_bug(bug)}), card, None)

    def _unknown(self, row_id: int, reason: Message, card: ErpCapabilities, receipt: PostingReceipt | None) -> Verdict:
        row = self._rows[row_id]
        if row.unknowns + 1 >= UNKNOWN_LIMIT:
            details = {"count": row.unknowns + 1, "system": card.system, "key": row.key, "reason": reason}
            return Verdict(OutboxState.DEAD, Message("post.still_unknown", details), receipt=receipt)
        settle = card.settle_seconds if self._settle is None else self._settle
        rest = settle if row.unknowns < 2 else max(settle, min(settle * row.unknowns, _BACKOFF_SECONDS[-1]))
        return Verdict(OutboxState.UNKNOWN, reason, rest, receipt=receipt)


def says_the_same(found: PostingReceipt, voucher: Voucher) -> bool:
    """As far as the other side says: a receipt without date or sum is no contradiction."""
    same_date = found.posting_date is None or found.posting_date == voucher.posting_date
    return same_date and (found.total is None or found.total == voucher.total)


def _hopeless(reason: Message) -> Verdict:
    return Verdict(OutboxState.DEAD, reason)


def _backoff(attempts: int) -> int:
    return _BACKOFF_SECONDS[min(attempts, len(_BACKOFF_SECONDS)) - 1]


# --- what is written about it -----------------------------------------------------------------------------------------


def _tell_connection(store: Store, lease: Lease, verdicts: Collection[Verdict], clock: Clock) -> Contact:
    """Any answer closes the circuit (in the unit that records the outcome); what could not be reached counts towards opening
    it; a refused login pauses; who is asked to slow down makes the whole connection slow down."""
    by_contact = {verdict.contact: verdict for verdict in sorted(verdicts, key=lambda one: one.wait_seconds)}
    place = (lease.book, lease.connection)
    if refused := by_contact.get(Contact.LOGIN_REFUSED):
        store.pause_connection(*place, str(refused.reason))
        return Contact.LOGIN_REFUSED
    if slow := by_contact.get(Contact.SLOW_DOWN):
        store.throttle_connection(*place, clock.now() + timedelta(seconds=slow.wait_seconds))
        return Contact.ANSWERED
    if Contact.ANSWERED in by_contact:
        return Contact.ANSWERED
    if Contact.UNREACHABLE in by_contact:
        with store.read(lease.book) as uow:
            known = uow.connection(lease.connection)
        failures = 1 + (known.failures_in_a_row if known is not None else 0)
        rest = clock.now() + timedelta(seconds=_CIRCUIT_SECONDS) if failures >= _CIRCUIT_AFTER else None
        store.connection_failed(*place, rest)
        return Contact.UNREACHABLE
    return Contact.UNCERTAIN


def _finish(uow: UnitOfWork, token: str, verdicts: Mapping[int, Verdict], clock: Clock) -> list[int]:
    """Write what the rows become, those that end alike in one statement; answers the rows that the token still held."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for row_id, verdict in verdicts.items():
        found = bool(verdict.receipt and verdict.receipt.found_by_lookup)
        reason = str(verdict.reason) if verdict.reason else ""
        end = (verdict.state, reason, verdict.wait_seconds, verdict.attempt_back, found, verdict.batch_limit)
        alike.setdefault(end, []).append(row_id)
    now = clock.now()
    kept: list[int] = []
    for row_ids in alike.values():
        verdict = verdicts[row_ids[0]]
        kept += uow.outbox.finish_together(
            row_ids,
            token,
            verdict.state,
            available_at=now + timedelta(seconds=verdict.wait_seconds),
            last_error=str(verdict.reason) if verdict.reason else "",
            give_attempt_back=verdict.attempt_back,
            found_by_lookup=bool(verdict.receipt and verdict.receipt.found_by_lookup),
            batch_limit=verdict.batch_limit,
        )
    return sorted(kept)


def _record(
    uow: UnitOfWork, rows: Mapping[int, OutboxRow], works: Mapping[int, Work], verdicts: Mapping[int, Verdict]
) -> None:
    """Receipts into the vouchers, and one audit event per row."""
    receipts: dict[VoucherStatus, dict[str, PostingReceipt]] = {}
    for row_id, row in rows.items():
        verdict, work = verdicts[row_id], works.get(row_id)
        if row.kind == VOUCHER and verdict.receipt is not None and work is not None and not work.settled:
            status = VoucherStatus.DELIVERED if verdict.state is OutboxState.DONE else VoucherStatus.QUEUED
            receipts.setdefault(status, {})[row.subject] = verdict.receipt
    for status, given in receipts.items():
        uow.results.set_receipts(given, status)
    for row_id, row in rows.items():
        verdict, work = verdicts[row_id], works.get(row_id)
        if work is not None and work.voucher is not None and work.voucher.reverses is not None:
            status = VoucherStatus.DELIVERED if verdict.state is OutboxState.DONE else VoucherStatus.QUEUED
            mark_reversed(uow, row.subject, status)
        uow.audit.append(f"outbox.{verdict.state.value}", f"{row.kind}:{row.subject}", _told(row, verdict))


def _told(row: OutboxRow, verdict: Verdict) -> dict[str, object]:
    receipt = verdict.receipt
    details: dict[str, object] = {"state": verdict.state.value, "attempt": row.attempts, "key": row.key}
    if row.queued_by:
        details["queued_by"] = row.queued_by
    if receipt is not None:
        details |= {
            "number": receipt.number, "external_id": receipt.external_id, "stage": receipt.stage.value,
            "found_by_lookup": receipt.found_by_lookup,
        }  # fmt: skip
    if verdict.reason is not None:
        details["reason"] = str(verdict.reason)[:500]
    return details
