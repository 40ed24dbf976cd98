"""What people decide about outbox rows and connections, what the reconciler finds, and the sweep both ways."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from typing import Any

import msgspec
import pytest

from adapters.storage import SqlStore
from hedge_core.errors import InvalidInput, OutcomeUnknown, Rejected, RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, Stage, VoucherStatus
from hedge_core.ports.storage import OutboxRow, OutboxState, StoredVoucher
from hedge_core.use_cases import outbox
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from hedge_core.use_cases.sweep import sweep
from tests.support.databases import HandClock
from tests.support.fake_erp import FakeErp, raising
from tests.support.samples import connection, voucher

BOOK = BookId("cu01")
MAKER, CHECKER, WORKER, LEAD = Actor("li.na"), Actor("wang.wei"), Actor("worker"), Actor("zhao.min")


class Counter:
    """The accountant's counter."""

    def __init__(self, store: SqlStore, erp: FakeErp, clock: HandClock) -> None:
        self.store, self.erp, self.clock = store, erp, clock

    def draft(self, *ids: str) -> None:
        with self.store.begin(BOOK, MAKER) as uow:
            for name in ids:
                uow.results.add_voucher(StoredVoucher(voucher(voucher_id=name), VoucherStatus.DRAFT, MAKER.name))

    def queue(self, *ids: str) -> None:
        self.draft(*ids)
        approve_vouchers(self.store, BOOK, ids, CHECKER)
        queue_vouchers(self.store, BOOK, "k3", ids, CHECKER, self.clock)

    def work(self) -> None:
        for lease in self.store.queue.lease_due(self.clock.now(), 60, 100):
            deliver(self.store, lease, lambda *_: self.erp, WORKER, self.clock)

    def dead(self, *ids: str) -> None:
        self.queue(*ids)
        self.erp.before.extend(raising(Rejected("E1", "期间已关闭")) for _ in ids)
        self.work()

    def unknown(self, name: str, *, arrived: bool) -> None:
        self.queue(name)
        (self.erp.after if arrived else self.erp.before).append(raising(OutcomeUnknown("no answer")))
        self.work()

    def row(self, row_id: int = 1) -> OutboxRow:
        with self.store.read(BOOK) as uow:
            found = uow.outbox.row(row_id)
            assert found is not None
            return found

    def voucher(self, name: str = "v1") -> StoredVoucher:
        with self.store.read(BOOK) as uow:
            found = uow.results.voucher(name)
            assert found is not None
            return found

    def last_event(self) -> dict[str, Any]:
        with self.store.read(BOOK) as uow:
            *_, (_, body, _) = uow.audit.events()
            return msgspec.json.decode(body)

    def resolve(self) -> outbox.Resolved:
        return outbox.resolve_unknown(self.store, BOOK, "k3", self.erp, WORKER, self.clock)


@pytest.fixture
def counter(store: SqlStore, erp: FakeErp, clock: HandClock) -> Counter:
    return Counter(store, erp, clock)


def test_a_dead_row_is_retried_after_a_look_up_and_who_said_so_is_kept(counter: Counter) -> None:
    counter.dead("v1")
    outbox.retry_row(counter.store, BOOK, 1, "period opened again", LEAD, counter.clock)
    event = counter.last_event()
    assert (event["kind"], event["actor"], event["details"]["queued_by"]) == (
        "outbox.retried",
        LEAD.name,
        CHECKER.name,
    )
    assert (counter.row().state, counter.row().decided_by) == (OutboxState.PENDING, LEAD.name)
    counter.work()
    assert counter.row().state is OutboxState.DONE
    assert counter.erp.looked_up == [voucher().key]


def test_a_row_delivered_by_hand_gives_the_voucher_its_number_and_lets_followers_go(counter: Counter) -> None:
    counter.dead("v1")
    with counter.store.begin(BOOK, MAKER) as uow:
        follower = uow.outbox.enqueue("k3", "hedges", "sale_line:1", "k", "h", counter.clock.now(), depends_on=1)
    made = outbox.deliver_by_hand(counter.store, BOOK, 1, " 记-0042 ", "typed in", LEAD, counter.clock)
    assert made is not None
    stored = counter.voucher()
    assert (stored.status, stored.receipt) == (VoucherStatus.DELIVERED, made)
    assert (made.number, made.key, made.stage) == ("记-0042", voucher().key, Stage.SAVED)
    assert counter.row().state is OutboxState.DONE
    assert counter.last_event()["details"]["number"] == "记-0042"
    assert [lease.id for lease in counter.store.queue.lease_due(counter.clock.now(), 60, 5)] == [follower]


def test_a_cancelled_voucher_may_be_queued_again_and_is_looked_up_then(counter: Counter) -> None:
    counter.dead("v1")
    outbox.cancel_row(counter.store, BOOK, 1, "wrong period", LEAD, counter.clock)
    assert (counter.row().state, counter.voucher().status) == (OutboxState.CANCELLED, VoucherStatus.APPROVED)
    queue_vouchers(counter.store, BOOK, "k3", ["v1"], CHECKER, counter.clock)
    counter.work()
    assert counter.row().state is OutboxState.DONE
    assert counter.erp.looked_up == [voucher().key]


def test_a_decision_needs_a_reason_a_row_and_a_state_to_decide_about(counter: Counter) -> None:
    counter.dead("v1")
    store, clock = counter.store, counter.clock
    with pytest.raises(InvalidInput, match="reason"):
        outbox.retry_row(store, BOOK, 1, " ", LEAD, clock)
    with pytest.raises(InvalidInput, match="no row 99"):
        outbox.cancel_row(store, BOOK, 99, "why", LEAD, clock)
    with pytest.raises(InvalidInput, match="number"):
        outbox.deliver_by_hand(store, BOOK, 1, "  ", "why", LEAD, clock)
    outbox.retry_row(store, BOOK, 1, "again", LEAD, clock)
    for decide in (outbox.retry_row, outbox.cancel_row):
        with pytest.raises(RuleBroken, match="is pending"):
            decide(store, BOOK, 1, "again", LEAD, clock)


# --- connections ------------------------------------------------------------------------------------------------------


def test_a_paused_connection_keeps_its_rows_until_somebody_resumes_it(counter: Counter) -> None:
    counter.queue("v1")
    outbox.pause_connection(counter.store, BOOK, "k3", "month end", LEAD)
    counter.work()
    assert counter.row().state is OutboxState.PENDING
    outbox.resume_connection(counter.store, BOOK, "k3", LEAD)
    assert counter.last_event()["details"] == {"was": "month end"}
    counter.work()
    assert counter.row().state is OutboxState.DONE


def test_a_connection_with_a_history_is_not_removed_and_an_unused_one_is(counter: Counter) -> None:
    counter.queue("v1")
    with pytest.raises(RuleBroken, match="pause k3"):
        outbox.remove_connection(counter.store, BOOK, "k3", LEAD)
    with counter.store.begin(BOOK, MAKER) as uow:
        uow.save_connection(connection("cu01", "k4"))
    outbox.remove_connection(counter.store, BOOK, "k4", LEAD)
    with counter.store.read(BOOK) as uow:
        assert [one.name for one in uow.connections()] == ["k3"]
    with pytest.raises(InvalidInput, match="k3"):
        outbox.remove_connection(counter.store, BOOK, "k4", LEAD)


# --- the reconciler ---------------------------------------------------------------------------------------------------


def test_the_reconciler_finds_what_arrived_and_leaves_what_did_not(counter: Counter) -> None:
    counter.unknown("v1", arrived=True)
    counter.unknown("v2", arrived=False)
    assert counter.resolve() == outbox.Resolved(asked=2, found=1, conflicts=0, missing=1)
    assert (counter.row(1).state, counter.row(2).state) == (OutboxState.PENDING, OutboxState.UNKNOWN)
    assert counter.voucher().receipt is not None, "the number is known before the delivery goes on"
    counter.work()
    assert counter.row(1).state is OutboxState.DONE
    assert len(counter.erp.documents[voucher().key]) == 1


def test_what_the_reconciler_finds_twice_is_dead_with_both_numbers(counter: Counter) -> None:
    counter.unknown("v1", arrived=True)
    there = counter.erp.documents[voucher().key]
    there.append(replace(there[0], number="V-99"))
    assert counter.resolve().conflicts == 1
    assert counter.row().state is OutboxState.DEAD
    assert "V-1, V-99" in counter.row().last_error


def test_a_row_given_up_without_an_answer_is_still_found_and_a_rejected_one_is_not_asked_for(counter: Counter) -> None:
    counter.unknown("v1", arrived=True)
    counter.erp.while_looking.append(raising(Rejected("x", "no right to read")))
    counter.clock.sleep(60)
    counter.work()
    assert counter.row().state is OutboxState.DEAD
    counter.dead("v2")
    assert counter.resolve() == outbox.Resolved(asked=1, found=1)
    assert counter.row().state is OutboxState.PENDING


# --- the sweep --------------------------------------------------------------------------------------------------------


class ListingErp(FakeErp):
    """An ERP whose adapter can list references in our form."""

    def vouchers_between(self, first: date, last: date) -> Iterable[PostingReceipt]:
        return [one for documents in self.documents.values() for one in documents]


def test_a_sweep_without_differences_says_nothing(counter: Counter) -> None:
    counter.queue("v1", "v2")
    counter.work()
    before = counter.last_event()["sequence"]
    found = sweep(counter.store, BOOK, "k3", counter.erp, WORKER, counter.clock)
    assert (found.compared, found.findings, found.listed) == (2, (), False)
    assert counter.last_event()["sequence"] == before


def test_a_sweep_finds_what_is_missing_twice_different_or_nobodys(counter: Counter) -> None:
    counter.erp = ListingErp()
    counter.queue("v1", "v2", "v3")
    counter.work()
    counter.draft("v4")
    documents = counter.erp.documents
    keys = {name: voucher(voucher_id=name).key for name in ("v1", "v2", "v3", "v4")}
    del documents[keys["v1"]]
    documents[keys["v2"]] *= 2
    documents[keys["v3"]][0] = replace(documents[keys["v3"]][0], posting_date=date(2026, 4, 1))
    documents[keys["v4"]] = [replace(documents[keys["v3"]][0], key=keys["v4"], number="V-4")]
    documents["HBUNKNOWN0000000"] = [replace(documents[keys["v3"]][0], key="HBUNKNOWN0000000", number="V-5")]
    found = sweep(counter.store, BOOK, "k3", counter.erp, WORKER, counter.clock)
    assert found.listed
    assert {(one.subject, one.what) for one in found.findings} == {
        ("v1", "not_there"),
        ("v2", "more_than_once"),
        ("v3", "other_date"),
        ("v4", "there_already"),
        ("HBUNKNOWN0000000", "not_ours"),
    }
    event = counter.last_event()
    assert (event["kind"], event["details"]["count"]) == ("sweep.found", 5)
