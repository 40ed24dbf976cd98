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
from hedge_core.model.vouchers import PostingReceipt, Voucher
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter, ErpCapabilities, Lookup
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import OutboxRow, OutboxState, Store
from hedge_core.use_cases.delivery_steps import Begin, Begun, End, TakeStep, one_by_one
from hedge_core.use_cases.outbox_work import POISON_LIMIT as POISON_LIMIT
from hedge_core.use_cases.outbox_work import Work, place_of_bug
from hedge_core.use_cases.post import VOUCHER
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
    take: TakeStep | None = None,
) -> OutboxState | None:
    """Deliver one lease; answers the new state of its row, or None when the lease had been lost before or after the call;
    then somebody else's outcome counts. See `deliver_together`."""
    return deliver_together(store, lease, erp_for, actor, clock, settle_seconds, lease_seconds, take).get(lease.id)


def deliver_together(
    store: Store,
    lease: Lease,
    erp_for: ErpFor,
    actor: Actor,
    clock: Clock,
    settle_seconds: int | None = None,
    lease_seconds: int | None = None,
    take: TakeStep | None = None,
) -> dict[int, OutboxState]:
    """Deliver the rows of a lease: start them (attempts counted), one attempt on the other side, record each outcome. Answers
    the new state by row; a row whose lease was lost is not among them.

    `lease_seconds` renews the lease at the start, whatever a busy worker left of it: the next look-up must come after the
    other side has ended what this attempt asked for. `take` may let the steps of several leases share a transaction."""
    take = take or one_by_one(store, actor, clock)
    begun: Begun = take(lease.book, Begin(lease, lease_seconds))
    if not begun.rows:
        return {}
    rows = begun.rows
    works = {row_id: work for row_id, work in begun.works.items() if isinstance(work, Work)}
    verdicts = {row_id: _hopeless(why) for row_id, why in begun.works.items() if isinstance(why, Message)}
    latest = None if begun.until is None else begun.at + (begun.until - begun.at) / 2
    attempt = _Attempt(erp_for, settle_seconds, rows, works, lambda: latest is not None and clock.now() > latest)
    if works:
        verdicts |= attempt.run()
    contact = _tell_connection(store, lease, verdicts.values(), clock)
    most = attempt.most if attempt.most is not None and _other_size(rows.values(), attempt.most) else None
    ended: dict[int, OutboxState] = take(
        lease.book, End(lease, rows, works, verdicts, contact is Contact.ANSWERED, most)
    )
    return ended


def _other_size(rows: Collection[OutboxRow], most: int) -> bool:
    """Whether the dispatcher seems not to know how many vouchers go into one call: it sends one where more would go, or more
    than would."""
    vouchers = [row for row in rows if row.kind == VOUCHER]
    return len(vouchers) > most or (len(vouchers) == 1 and most > 1 and not vouchers[0].batch_limit)


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
