"""What is written before and after an attempt at outbox rows: both are steps, and steps of several leases are taken together.

A step is one transaction's worth of writing: rows start (attempts counted, durable before anything is sent), or their outcomes,
receipts and audit events are recorded. Leases that begin or end at the same moment share a transaction, and so a write to the
disk and a turn at the book's audit log; what becomes of each row still depends on that row's own token.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Protocol

from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, VoucherStatus
from hedge_core.ports.clock import Clock
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import OutboxRow, OutboxState, Store, UnitOfWork
from hedge_core.use_cases.outbox_work import Work, works_of
from hedge_core.use_cases.post import VOUCHER
from hedge_core.use_cases.reversals import mark_reversed
from hedge_core.use_cases.verdict import Verdict
from messages import Message


@dataclass(frozen=True, slots=True)
class Begin:
    """The rows of a lease start. `lease_seconds` renews the lease."""

    lease: Lease
    lease_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Begun:
    """The rows that started, what each asks for or why it cannot be worked on, and from when to when the lease holds."""

    rows: Mapping[int, OutboxRow]
    works: Mapping[int, Work | Message]
    at: datetime
    until: datetime | None


@dataclass(frozen=True, slots=True)
class End:
    """What an attempt came to. `answered`: the other side said something, so its circuit closes; `most`: vouchers that its
    adapter takes in one call, where the dispatcher seems not to know."""

    lease: Lease
    rows: Mapping[int, OutboxRow]
    works: Mapping[int, Work]
    verdicts: Mapping[int, Verdict]
    answered: bool
    most: int | None = None


Step = Begin | End


class TakeStep(Protocol):
    """Takes a step in a transaction that is on the disk when it answers: a `Begun` for a `Begin`, and for an `End` the new
    state by row, without those whose lease was lost."""

    def __call__(self, book: BookId, step: Step, /) -> Any: ...


def one_by_one(store: Store, actor: Actor, clock: Clock) -> TakeStep:
    """Every step in a transaction of its own."""

    def take(book: BookId, step: Step, /) -> Any:
        with store.begin(book, actor) as uow:
            return take_steps(uow, (step,), clock)[0]

    return take


def take_steps(uow: UnitOfWork, steps: Sequence[Step], clock: Clock) -> list[Any]:
    """The answers of `TakeStep`, in order. Outcomes come first: others may wait for what they set free."""
    answers: dict[int, Any] = {}
    ends = {number: step for number, step in enumerate(steps) if isinstance(step, End)}
    for group in _apart(ends):
        answers |= _end(uow, group, clock)
    answers |= _begin(uow, {number: step for number, step in enumerate(steps) if isinstance(step, Begin)}, clock)
    return [answers[number] for number in range(len(steps))]


def _apart(ends: Mapping[int, End]) -> list[dict[int, End]]:
    """One group; where two leases speak of the same row, one after another: at most one of them still holds it."""
    rows = [row_id for end in ends.values() for row_id in end.rows]
    if len(rows) == len(set(rows)):
        return [dict(ends)] if ends else []
    return [{number: end} for number, end in ends.items()]


# --- before -----------------------------------------------------------------------------------------------------------


def _begin(uow: UnitOfWork, begins: Mapping[int, Begin], clock: Clock) -> dict[int, Begun]:
    now = clock.now()
    by_length: dict[int | None, dict[int, Begin]] = {}
    for number, begin in begins.items():
        by_length.setdefault(begin.lease_seconds, {})[number] = begin
    started: dict[int, list[OutboxRow]] = {}
    until: dict[int, datetime | None] = {}
    for seconds, group in by_length.items():
        renewed = None if seconds is None else now + timedelta(seconds=seconds)
        held = {row_id: one.lease.lease_token for one in group.values() for row_id in members(one.lease)}
        by_token: dict[str, list[OutboxRow]] = {}
        for row in uow.outbox.start_together(held, now, renewed):
            by_token.setdefault(row.lease_token, []).append(row)
        for number, begin in group.items():
            # a message that came twice asks for the same lease twice: whoever is first has it, the other one nothing
            started[number] = by_token.pop(begin.lease.lease_token, [])
            until[number] = renewed or begin.lease.lease_until
    works = works_of(uow, {row.id: row for rows in started.values() for row in rows}) if any(started.values()) else {}
    return {
        number: Begun({row.id: row for row in rows}, {row.id: works[row.id] for row in rows}, now, until[number])
        for number, rows in started.items()
    }


def members(lease: Lease) -> tuple[int, ...]:
    """The rows of a lease."""
    return lease.members or (lease.id,)


# --- after ------------------------------------------------------------------------------------------------------------


def _end(uow: UnitOfWork, ends: Mapping[int, End], clock: Clock) -> dict[int, dict[int, OutboxState]]:
    for connection in sorted({end.lease.connection for end in ends.values() if end.answered}):
        uow.connection_worked(connection)
    for connection, most in sorted({end.lease.connection: end.most for end in ends.values() if end.most}.items()):
        uow.note_batch(connection, most)
    rows = {row_id: row for end in ends.values() for row_id, row in end.rows.items()}
    works = {row_id: work for end in ends.values() for row_id, work in end.works.items()}
    verdicts = {row_id: verdict for end in ends.values() for row_id, verdict in end.verdicts.items()}
    tokens = {row_id: end.lease.lease_token for end in ends.values() for row_id in end.verdicts}
    for row_id, work in works.items():
        verdict = verdicts[row_id]
        if verdict.state is OutboxState.DONE and not work.still_current(uow):
            verdicts[row_id] = replace(verdict, state=OutboxState.PENDING, reason=Message("post.changed_meanwhile"))
    kept = _finish(uow, tokens, verdicts, clock)
    _record(uow, {row_id: rows[row_id] for row_id in sorted(kept)}, works, verdicts)
    return {
        number: {row_id: verdicts[row_id].state for row_id in sorted(end.verdicts) if row_id in kept}
        for number, end in ends.items()
    }


def _finish(
    uow: UnitOfWork, tokens: Mapping[int, str], verdicts: Mapping[int, Verdict], clock: Clock
) -> Collection[int]:
    """Write what the rows become, those that end alike in one statement; answers the rows that their token still held."""
    alike: dict[tuple[object, ...], list[int]] = {}
    for row_id, verdict in verdicts.items():
        found = bool(verdict.receipt and verdict.receipt.found_by_lookup)
        reason = str(verdict.reason) if verdict.reason else ""
        end = (verdict.state, reason, verdict.wait_seconds, verdict.attempt_back, found, verdict.batch_limit)
        alike.setdefault(end, []).append(row_id)
    now = clock.now()
    kept: set[int] = set()
    for row_ids in alike.values():
        verdict = verdicts[row_ids[0]]
        kept |= uow.outbox.finish_together(
            {row_id: tokens[row_id] for row_id in row_ids},
            verdict.state,
            available_at=now + timedelta(seconds=verdict.wait_seconds),
            last_error=str(verdict.reason) if verdict.reason else "",
            give_attempt_back=verdict.attempt_back,
            found_by_lookup=bool(verdict.receipt and verdict.receipt.found_by_lookup),
            batch_limit=verdict.batch_limit,
        )
    return kept


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
