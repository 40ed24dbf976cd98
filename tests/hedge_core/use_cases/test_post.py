"""Approving, queueing and delivering: every outcome of an attempt against the table at the head of `post.py`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from decimal import Decimal

import pytest

from adapters.storage import SqlStore
from hedge_core.audit import verify_log
from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    IdempotencyConflict,
    InvalidInput,
    OutcomeUnknown,
    PlatformError,
    RateLimited,
    Rejected,
    RuleBroken,
    Unavailable,
)
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher, VoucherStatus
from hedge_core.ports.erp import Lookup
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import Connection, OutboxRow, OutboxState, StoredVoucher
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import approve_vouchers, queue_hedge_notes, queue_vouchers
from messages import Message
from tests.support.databases import HandClock
from tests.support.fake_erp import CARD, FakeErp, raising
from tests.support.samples import connection, match, receipt, voucher

BOOK = BookId("cu01")
MAKER, CHECKER, WORKER = Actor("li.na"), Actor("wang.wei"), Actor("worker")
LEG = ExternalRef("k3", "sale_line", "100/1")


@dataclass
class Desk:
    """One person's tools: queue a voucher, run the worker by hand."""

    store: SqlStore
    erp: FakeErp
    clock: HandClock

    def draft(self, *vouchers: Voucher) -> None:
        with self.store.begin(BOOK, MAKER) as uow:
            for one in vouchers:
                uow.results.add_voucher(StoredVoucher(one, VoucherStatus.DRAFT, MAKER.name))

    def queue(self, *vouchers: Voucher) -> None:
        self.draft(*vouchers)
        ids = [one.voucher_id for one in vouchers]
        assert approve_vouchers(self.store, BOOK, ids, CHECKER) == []
        assert queue_vouchers(self.store, BOOK, "k3", ids, CHECKER, self.clock) == len(ids)

    def lease(self, seconds: int = 60) -> list[Lease]:
        return self.store.queue.lease_due(self.clock.now(), seconds, 100)

    def work(self, **more: object) -> list[OutboxState | None]:
        """Deliver everything that is due."""
        return [self.deliver(row, **more) for row in self.lease()]

    def deliver(self, row: Lease, **more: object) -> OutboxState | None:
        return deliver(self.store, row, lambda *_: self.erp, WORKER, self.clock, **more)  # type: ignore[arg-type]

    def row(self) -> OutboxRow:
        with self.store.read(BOOK) as uow:
            (row,) = uow.outbox.rows()
            return row

    def stored(self, voucher_id: str = "v1") -> StoredVoucher:
        with self.store.read(BOOK) as uow:
            found = uow.results.voucher(voucher_id)
            assert found is not None
            return found

    def connection(self) -> Connection:
        with self.store.read(BOOK) as uow:
            found = uow.connection("k3")
            assert found is not None
            return found

    def events(self) -> int:
        with self.store.read(BOOK) as uow:
            assert verify_log(BOOK, uow.audit.events(), uow.audit.head()) == []
            return uow.audit.head()[0]

    def seconds_until_due(self) -> float:
        return (self.row().available_at - self.clock.now()).total_seconds()


@pytest.fixture
def desk(store: SqlStore, erp: FakeErp, clock: HandClock) -> Desk:
    return Desk(store, erp, clock)


# --- approving and queueing -------------------------------------------------------------------------------------------


def test_who_made_a_voucher_cannot_approve_it(desk: Desk) -> None:
    desk.draft(voucher())
    (problem,) = approve_vouchers(desk.store, BOOK, ["v1"], MAKER)
    assert problem.reason.id == "post.maker_is_checker"
    assert desk.stored().status is VoucherStatus.DRAFT


def test_one_that_cannot_be_approved_does_not_hold_up_the_others(desk: Desk) -> None:
    desk.draft(voucher(), voucher(voucher_id="v2"))
    assert approve_vouchers(desk.store, BOOK, ["v1"], CHECKER) == []
    problems = approve_vouchers(desk.store, BOOK, ["nothing", "v1", "v2"], CHECKER)
    assert [(p.record, p.reason.id) for p in problems] == [
        ("nothing", "post.no_such_voucher"),
        ("v1", "post.not_a_draft"),
    ]
    assert desk.stored("v2").status is VoucherStatus.APPROVED


def test_an_approval_names_the_content_it_stands_for(desk: Desk) -> None:
    desk.draft(voucher())
    approve_vouchers(desk.store, BOOK, ["v1"], CHECKER)
    stored = desk.stored()
    assert (stored.approved_by, stored.approved_hash) == (CHECKER.name, voucher().content_hash)


def test_a_voucher_approved_with_other_content_is_not_queued_and_nothing_else_is(desk: Desk) -> None:
    desk.draft(voucher(), voucher(voucher_id="v2"))
    approve_vouchers(desk.store, BOOK, ["v1"], CHECKER)
    with desk.store.begin(BOOK, CHECKER) as uow:
        uow.results.set_voucher("v2", VoucherStatus.APPROVED, approved_by="x", approved_hash="other")
    with pytest.raises(RuleBroken) as broken:
        queue_vouchers(desk.store, BOOK, "k3", ["v1", "v2"], CHECKER, desk.clock)
    assert broken.value.reason.id == "post.changed_after_approval"
    assert desk.lease() == []
    assert desk.stored("v1").status is VoucherStatus.APPROVED


def test_clicking_again_queues_nothing(desk: Desk) -> None:
    desk.queue(voucher())
    events = desk.events()
    assert queue_vouchers(desk.store, BOOK, "k3", ["v1"], CHECKER, desk.clock) == 0
    assert desk.events() == events
    desk.work()
    assert queue_vouchers(desk.store, BOOK, "k3", ["v1"], CHECKER, desk.clock) == 0
    assert desk.row().state is OutboxState.DONE


def test_a_draft_is_not_queued(desk: Desk) -> None:
    desk.draft(voucher())
    assert queue_vouchers(desk.store, BOOK, "k3", ["v1", "nothing"], CHECKER, desk.clock) == 0


# --- the table of outcomes --------------------------------------------------------------------------------------------


def test_a_receipt_ends_the_row_and_is_stored_with_the_voucher(desk: Desk) -> None:
    desk.queue(voucher())
    assert desk.work() == [OutboxState.DONE]
    stored = desk.stored()
    assert stored.status is VoucherStatus.DELIVERED
    assert stored.receipt is not None
    assert (stored.receipt.number, stored.receipt.stage) == ("V-1", Stage.SUBMITTED)
    assert (desk.row().attempts, desk.row().found_by_lookup) == (1, False)
    assert desk.erp.looked_up == []


@pytest.mark.parametrize(
    ("error", "state", "seconds", "attempts"),
    [
        (Rejected("E1", "科目不存在"), OutboxState.DEAD, 0, 1),
        (IdempotencyConflict("HB"), OutboxState.DEAD, 0, 1),
        (OutcomeUnknown("reset"), OutboxState.UNKNOWN, 30, 1),
        (ContractViolation("save", "no id"), OutboxState.UNKNOWN, 30, 1),
        (Unavailable("refused"), OutboxState.PENDING, 2, 1),
        (RateLimited(45), OutboxState.PENDING, 45, 0),
        (AuthFailed("password"), OutboxState.PENDING, 2, 1),
        (ZeroDivisionError(), OutboxState.UNKNOWN, 30, 1),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else None,
)
def test_each_error_leads_to_its_state(
    desk: Desk, error: Exception, state: OutboxState, seconds: int, attempts: int
) -> None:
    desk.queue(voucher())
    before = desk.events()
    desk.erp.before.append(raising(error))
    assert desk.work() == [state]
    row = desk.row()
    assert (row.state, row.attempts) == (state, attempts)
    assert desk.seconds_until_due() == seconds
    assert row.last_error
    assert row.lease_token == ""
    assert desk.stored().status is VoucherStatus.QUEUED
    assert desk.events() > before


def test_the_vendors_words_stay_unchanged(desk: Desk) -> None:
    desk.queue(voucher())
    desk.erp.before.append(raising(Rejected("E1", "第1行，科目“9999”不存在。")))
    desk.work()
    assert "第1行，科目“9999”不存在。" in desk.row().last_error


def test_a_lost_answer_after_the_commit_is_found_not_posted_again(desk: Desk) -> None:
    desk.queue(voucher())
    desk.erp.after.append(raising(OutcomeUnknown("no answer")))
    assert desk.work() == [OutboxState.UNKNOWN]
    assert desk.work() == [], "not before the settle time"
    desk.clock.sleep(30)
    assert desk.work() == [OutboxState.DONE]
    assert desk.erp.looked_up == [voucher().key]
    assert len(desk.erp.documents[voucher().key]) == 1
    assert desk.row().found_by_lookup
    assert desk.stored().status is VoucherStatus.DELIVERED


def test_a_lost_request_is_looked_for_and_then_posted(desk: Desk) -> None:
    desk.queue(voucher())
    desk.erp.before.append(raising(OutcomeUnknown("no answer")))
    desk.work()
    desk.clock.sleep(30)
    assert desk.work() == [OutboxState.DONE]
    assert desk.erp.looked_up == [voucher().key]
    assert not desk.row().found_by_lookup


def test_the_settle_time_can_be_set_for_the_installation(desk: Desk) -> None:
    desk.queue(voucher())
    desk.erp.before.append(raising(OutcomeUnknown("no answer")))
    desk.work(settle_seconds=3)
    assert desk.seconds_until_due() == 3


@pytest.mark.parametrize("change", [{"total": Decimal("1.00")}, {"posting_date": None}, {"total": None}], ids=str)
def test_found_with_another_sum_is_a_conflict_but_what_the_erp_does_not_say_is_none(
    desk: Desk, change: dict[str, object]
) -> None:
    one = voucher()
    desk.queue(one)
    desk.erp.before.append(raising(OutcomeUnknown("no answer")))
    desk.work()
    there = PostingReceipt(one.key, "V-9", "id-9", Stage.SUBMITTED, one.posting_date, one.total)
    desk.erp.documents[one.key] = [replace(there, **change)]  # type: ignore[arg-type]
    desk.clock.sleep(30)
    expected = OutboxState.DEAD if change.get("total") else OutboxState.DONE
    assert desk.work() == [expected]


def test_two_documents_under_one_key_are_a_conflict(desk: Desk) -> None:
    desk.queue(voucher())
    desk.erp.before.append(raising(OutcomeUnknown("no answer")))
    desk.work()
    desk.erp.documents[voucher().key] = [receipt(voucher().key), receipt(voucher().key)]
    desk.clock.sleep(30)
    assert desk.work() == [OutboxState.DEAD]
    assert len(desk.erp.pushed) == 1


def test_a_document_found_at_an_earlier_stage_is_brought_further(desk: Desk) -> None:
    one = voucher()
    desk.queue(one)
    desk.erp.before.append(raising(OutcomeUnknown("no answer")))
    desk.work()
    desk.erp.documents[one.key] = [PostingReceipt(one.key, "V-1", "1", Stage.SAVED, one.posting_date, one.total)]
    desk.clock.sleep(30)
    assert desk.work() == [OutboxState.DONE]
    found = desk.stored().receipt
    assert found is not None
    assert found.stage is Stage.SUBMITTED


@pytest.mark.parametrize(
    "error",
    [Rejected("S", "不能提交"), OutcomeUnknown("x"), RateLimited(5), Unavailable("x"), AuthFailed("x")],
    ids=lambda error: type(error).__name__,
)
def test_the_number_is_kept_when_a_later_step_fails(desk: Desk, error: PlatformError) -> None:
    one = voucher()
    desk.queue(one)
    saved = PostingReceipt(one.key, "记-0007", "100123", Stage.SAVED, one.posting_date, one.total)
    desk.erp.after.append(raising(error, saved))
    desk.work()
    stored = desk.stored()
    assert stored.status is VoucherStatus.QUEUED
    assert stored.receipt is not None
    assert (stored.receipt.number, stored.receipt.stage) == ("记-0007", Stage.SAVED)
    assert desk.row().attempts == 1, "an attempt that reached something is never taken back: the next one looks first"


def test_a_failed_login_pauses_the_connection_until_a_person_opens_it(desk: Desk) -> None:
    desk.queue(voucher(), voucher(voucher_id="v2"))
    first, _ = desk.lease()
    desk.erp.before.append(raising(AuthFailed("password expired")))
    assert desk.deliver(first) is OutboxState.PENDING
    assert desk.connection().paused
    assert "password expired" in desk.connection().paused_reason
    desk.clock.sleep(3600)
    assert desk.lease() == []


def test_a_paused_connection_is_left_alone_and_opened_flows_again(desk: Desk) -> None:
    desk.queue(voucher())
    desk.store.pause_connection(BOOK, "k3", "month end")
    assert desk.work() == []
    with desk.store.begin(BOOK, MAKER) as uow:
        uow.save_connection(replace(desk.connection(), paused=False, paused_reason=""))
    assert desk.work() == [OutboxState.DONE]


def test_the_circuit_opens_after_failures_of_different_rows_and_closes_with_the_first_answer(desk: Desk) -> None:
    desk.queue(*(voucher(voucher_id=f"v{number}") for number in range(6)))
    rows = desk.lease()
    for number, row in enumerate(rows[:5], 1):
        assert desk.connection().circuit_open_until is None
        desk.erp.before.append(raising(Unavailable("connection refused")))
        desk.deliver(row)
        assert desk.connection().failures_in_a_row == number
    assert desk.connection().circuit_open_until == desk.clock.now() + timedelta(seconds=30)
    desk.clock.sleep(29)
    assert desk.lease() == []
    desk.clock.sleep(2)
    desk.erp.before.append(raising(Rejected("E1", "no")))
    desk.work()
    assert desk.connection().failures_in_a_row == 0
    assert desk.connection().circuit_open_until is None


def test_waits_grow_with_the_attempts_up_to_five_minutes(desk: Desk) -> None:
    desk.queue(voucher())
    waits = []
    for _ in range(10):
        desk.erp.before.append(raising(Unavailable("refused")))
        desk.work()
        desk.store.connection_worked(BOOK, "k3")
        waits.append(desk.seconds_until_due())
        desk.clock.sleep(waits[-1])
    assert waits == [2, 4, 8, 15, 30, 60, 120, 300, 300, 300]


# --- leases -----------------------------------------------------------------------------------------------------------


def test_a_lease_that_ran_out_before_the_start_delivers_nothing(desk: Desk) -> None:
    desk.queue(voucher())
    (row,) = desk.lease(seconds=10)
    desk.clock.sleep(11)
    assert desk.deliver(row) is None
    assert desk.erp.pushed == []


def test_a_row_that_waited_in_a_busy_worker_starts_with_a_whole_lease(desk: Desk) -> None:
    """Else the next worker could look up, find nothing and post, while our request is still on its way."""
    desk.queue(voucher())
    (row,) = desk.lease(seconds=10)
    desk.clock.sleep(9)
    seen: list[list[Lease]] = []

    def meanwhile() -> None:
        desk.clock.sleep(9)
        seen.append(desk.lease())

    desk.erp.before.append(meanwhile)
    assert desk.deliver(row, lease_seconds=10) is OutboxState.DONE
    assert seen == [[]]


def test_a_message_that_comes_twice_delivers_once(desk: Desk) -> None:
    desk.queue(voucher())
    (row,) = desk.lease()
    assert desk.deliver(row) is OutboxState.DONE
    assert desk.deliver(row) is None
    assert len(desk.erp.pushed) == 1


def test_an_outcome_that_comes_after_the_lease_is_not_recorded_and_the_next_attempt_looks_up(desk: Desk) -> None:
    desk.queue(voucher())
    (row,) = desk.lease(seconds=10)
    desk.erp.after.append(lambda: desk.clock.sleep(11))
    events = desk.events()
    assert desk.deliver(row) is None
    assert desk.stored().status is VoucherStatus.QUEUED
    assert desk.stored().receipt is None
    assert desk.events() == events
    assert desk.work() == [OutboxState.DONE]
    assert desk.erp.looked_up == [voucher().key]
    assert len(desk.erp.documents[voucher().key]) == 1


@pytest.mark.parametrize(("held_up", "sent"), [(29, 1), (31, 0), (3600, 0)])
def test_a_worker_that_was_held_up_after_the_start_sends_nothing_any_more(desk: Desk, held_up: int, sent: int) -> None:
    """A suspended machine goes on in the middle: by then another worker may have looked up, not found, and posted."""
    desk.queue(voucher())
    (row,) = desk.lease()

    def erp_for(*_: object) -> FakeErp:
        desk.clock.sleep(held_up)
        return desk.erp

    deliver(desk.store, row, erp_for, WORKER, desk.clock, None, 60)  # type: ignore[arg-type]
    assert len(desk.erp.pushed) == sent
    if not sent:
        desk.clock.sleep(60)
        assert desk.work() == [OutboxState.DONE]
        assert len(desk.erp.pushed) == 1


def test_a_worker_that_died_between_start_and_outcome_is_followed_by_a_look_up(desk: Desk) -> None:
    desk.queue(voucher())
    (row,) = desk.lease(seconds=10)
    with desk.store.begin(BOOK, WORKER) as uow:
        assert uow.outbox.start(row.id, row.lease_token, desk.clock.now()) is not None
    assert desk.lease() == []
    desk.clock.sleep(11)
    assert desk.work() == [OutboxState.DONE]
    assert desk.erp.looked_up == [voucher().key]
    assert desk.row().attempts == 2


# --- rows that cannot be worked on ------------------------------------------------------------------------------------


def _enqueue(desk: Desk, kind: str, subject: str, key: str, content: str) -> None:
    with desk.store.begin(BOOK, MAKER) as uow:
        uow.outbox.enqueue("k3", kind, subject, key, content, desk.clock.now())


def test_a_row_nobody_can_work_on_is_dead_without_an_attempt_on_the_other_side(desk: Desk) -> None:
    _enqueue(desk, "voucher", "nothing", "HBX", "h")
    _enqueue(desk, "invoice", "v1", "HBY", "h")
    assert desk.work() == [OutboxState.DEAD, OutboxState.DEAD]
    assert desk.erp.pushed == []


def test_a_row_of_an_earlier_revision_never_sends_the_later_one(desk: Desk) -> None:
    one = voucher()
    desk.queue(one)
    desk.erp.before.append(raising(Rejected("E1", "no")))
    desk.work()
    with desk.store.begin(BOOK, MAKER) as uow:
        uow.results.add_voucher(StoredVoucher(voucher(revision=2, amount="99.00"), VoucherStatus.DRAFT, MAKER.name))
        uow.outbox.release(uow.outbox.rows()[0].id, OutboxState.PENDING, "again", desk.clock.now())
    assert desk.work() == [OutboxState.DEAD]
    assert desk.erp.pushed == [one.key]
    assert not any(desk.erp.documents.values())


def test_a_bug_says_where_and_shows_no_values(desk: Desk) -> None:
    desk.queue(voucher())
    desk.erp.before.append(raising(ValueError("secret-figure-4711")))
    desk.work()
    assert "ValueError, fake_erp.py:" in desk.row().last_error
    assert "4711" not in desk.row().last_error


def _refusing(error: Exception) -> Callable[..., FakeErp]:
    def erp_for(*_: object) -> FakeErp:
        raise error

    return erp_for


@pytest.mark.parametrize(
    ("error", "state"),
    [
        (InvalidInput("k3", 0, "app_secret", Message("post.no_such_voucher")), OutboxState.PENDING),
        (KeyError("url"), OutboxState.DEAD),
    ],
    ids=["configuration", "bug"],
)
def test_an_adapter_that_cannot_be_made_sends_nothing(desk: Desk, error: Exception, state: OutboxState) -> None:
    desk.queue(voucher())
    (row,) = desk.lease()
    assert deliver(desk.store, row, _refusing(error), WORKER, desk.clock) is state
    assert desk.row().last_error


def test_where_nothing_can_be_looked_up_an_unknown_outcome_waits_for_a_person(desk: Desk) -> None:
    desk.erp.capabilities = replace(CARD, lookup=Lookup.NONE)
    desk.queue(voucher())
    desk.erp.before.append(raising(Unavailable("refused")))
    assert desk.work() == [OutboxState.PENDING], "proven not sent: it may go again"
    desk.clock.sleep(2)
    desk.erp.after.append(raising(OutcomeUnknown("no answer")))
    assert desk.work() == [OutboxState.UNKNOWN]
    desk.clock.sleep(30)
    assert desk.work() == [OutboxState.DEAD]
    assert len(desk.erp.documents[voucher().key]) == 1
    assert desk.erp.looked_up == []


# --- hedge notes ------------------------------------------------------------------------------------------------------


def _match(desk: Desk, match_id: str, futures: str) -> None:
    with desk.store.begin(BOOK, MAKER) as uow:
        uow.results.add_matches([match(match_id=match_id, leg=LEG, futures_quantity=Decimal(futures))])
        queue_hedge_notes(uow, "k3", [LEG], desk.clock.now())


def test_a_note_that_waits_is_not_queued_again_and_writes_what_is_current(desk: Desk) -> None:
    _match(desk, "m1", "25")
    _match(desk, "m2", "10")
    assert desk.work() == [OutboxState.DONE]
    assert "期货35" in desk.erp.notes[LEG]


def test_a_note_waiting_for_another_connection_does_not_count(desk: Desk) -> None:
    with desk.store.begin(BOOK, MAKER) as uow:
        uow.save_connection(connection("cu01", "k4"))
        assert queue_hedge_notes(uow, "k4", [LEG], desk.clock.now()) == 1
        assert queue_hedge_notes(uow, "k3", [LEG, LEG], desk.clock.now()) == 1


def test_a_note_that_became_old_while_it_was_written_is_written_again(desk: Desk) -> None:
    _match(desk, "m1", "25")
    (row,) = desk.lease()

    def matched_meanwhile() -> None:
        with desk.store.begin(BOOK, MAKER) as uow:
            uow.results.add_matches([match(match_id="m2", leg=LEG, futures_quantity=Decimal("10"))])

    desk.erp.after.append(matched_meanwhile)
    assert desk.deliver(row) is OutboxState.PENDING
    assert desk.work() == [OutboxState.DONE]
    assert "期货35" in desk.erp.notes[LEG]


def test_a_note_whose_answer_was_lost_is_written_again(desk: Desk) -> None:
    _match(desk, "m1", "25")
    desk.erp.after.append(raising(OutcomeUnknown("no answer")))
    assert desk.work() == [OutboxState.UNKNOWN]
    desk.clock.sleep(30)
    assert desk.work() == [OutboxState.DONE]
    assert desk.erp.pushed == [LEG.key, LEG.key]
