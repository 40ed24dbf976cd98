"""Vouchers that go out together: one call, each its own outcome, halves after a refusal, and rows nobody should try again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import OutcomeUnknown, PlatformError, RateLimited, Rejected, Unavailable
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.ports.storage import OutboxRow, OutboxState, StoredVoucher
from hedge_core.use_cases.deliver import POISON_LIMIT, UNKNOWN_LIMIT, deliver_together
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from tests.support.databases import HandClock
from tests.support.fake_erp import CARD, FakeErp, raising
from tests.support.samples import voucher

BOOK = BookId("cu01")
MAKER, CHECKER, WORKER = Actor("li.na"), Actor("wang.wei"), Actor("worker")


class BatchErp(FakeErp):
    """Takes up to `max_batch` vouchers in a call; `whole` is raised for the next call as a whole, and a voucher whose id is
    in `bad` makes every call with it fail as a whole."""

    def __init__(self, size: int = 8) -> None:
        super().__init__(replace(CARD, max_batch=size))
        self.calls: list[list[str]] = []
        self.whole: list[Exception] = []
        self.bad: set[str] = set()

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        self.calls.append([one.voucher_id for one in batch])
        if self.whole:
            raise self.whole.pop(0)
        if self.bad & {one.voucher_id for one in batch}:
            raise Rejected("E9", "整批失败")
        return super().push_vouchers(batch)


class Bench:
    def __init__(self, store: SqlStore, clock: HandClock, erp: BatchErp) -> None:
        self.store, self.clock, self.erp = store, clock, erp

    def queue(self, count: int) -> list[str]:
        ids = [f"v{number:02d}" for number in range(count)]
        with self.store.begin(BOOK, MAKER) as uow:
            for name in ids:
                uow.results.add_voucher(StoredVoucher(voucher(voucher_id=name), VoucherStatus.DRAFT, MAKER.name))
        approve_vouchers(self.store, BOOK, ids, CHECKER)
        queue_vouchers(self.store, BOOK, "k3", ids, CHECKER, self.clock)
        return ids

    def work(self, rounds: int = 1) -> None:
        for _ in range(rounds):
            for lease in self.store.queue.lease_due(self.clock.now(), 60, 100):
                deliver_together(self.store, lease, lambda *_: self.erp, WORKER, self.clock)

    def rows(self) -> list[OutboxRow]:
        with self.store.read(BOOK) as uow:
            return uow.outbox.rows()

    def learn(self) -> None:
        """The dispatcher knows from the first delivery how many go together."""
        with self.store.begin(BOOK, WORKER) as uow:
            uow.note_batch("k3", self.erp.capabilities.max_batch)


@pytest.fixture
def bench(store: SqlStore, clock: HandClock) -> Bench:
    return Bench(store, clock, BatchErp())


def test_the_first_delivery_tells_how_many_go_together_and_the_others_do(bench: Bench) -> None:
    bench.queue(10)
    bench.store.queue.lease_due(bench.clock.now(), 60, 0)
    (first,) = bench.store.queue.lease_due(bench.clock.now(), 60, 1)
    assert first.members == (first.id,)
    deliver_together(bench.store, first, lambda *_: bench.erp, WORKER, bench.clock)
    bench.work()
    assert [len(call) for call in bench.erp.calls] == [1, 8, 1]
    assert {row.state for row in bench.rows()} == {OutboxState.DONE}
    with bench.store.read(BOOK) as uow:
        assert {one.status for one in uow.results.vouchers()} == {VoucherStatus.DELIVERED}
        numbers = {one.receipt.number for one in uow.results.vouchers() if one.receipt}
    assert len(numbers) == 10


def test_each_voucher_of_a_batch_has_its_own_outcome(bench: Bench) -> None:
    bench.queue(4)
    bench.learn()
    bench.erp.before.append(raising(Rejected("E1", "科目不存在")))
    bench.erp.before.append(raising(OutcomeUnknown("reset")))
    bench.work()
    assert len(bench.erp.calls) == 1
    states = [row.state for row in bench.rows()]
    assert states == [OutboxState.DEAD, OutboxState.UNKNOWN, OutboxState.DONE, OutboxState.DONE]
    assert len({row.lease_token for row in bench.rows()}) == 1, "no lease is left"


def test_a_batch_refused_as_a_whole_is_halved_until_the_culprit_stands_alone(bench: Bench) -> None:
    ids = bench.queue(8)
    bench.learn()
    bench.erp.bad = {"v05"}
    bench.work(8)
    states = {row.subject: row.state for row in bench.rows()}
    assert states.pop("v05") is OutboxState.DEAD
    assert set(states.values()) == {OutboxState.DONE}
    assert [len(call) for call in bench.erp.calls[:3]] == [8, 4, 4]
    assert len(bench.erp.calls) < len(ids) + 1
    assert all(bench.erp.documents[voucher(voucher_id=name).key] for name in ids if name != "v05")


def test_after_a_refused_batch_every_further_attempt_looks_up_first(bench: Bench) -> None:
    ids = bench.queue(4)
    bench.learn()
    bench.erp.whole = [Rejected("E9", "整批失败")]
    bench.work(2)
    assert sorted(bench.erp.looked_up) == sorted(voucher(voucher_id=name).key for name in ids)
    assert {row.attempts for row in bench.rows()} == {2}
    assert max(len(bench.erp.documents[voucher(voucher_id=name).key]) for name in ids) == 1


def test_an_unknown_outcome_of_a_batch_makes_it_smaller_too(bench: Bench) -> None:
    bench.queue(8)
    bench.learn()
    bench.erp.whole = [OutcomeUnknown("500")]
    bench.work()
    assert {(row.state, row.batch_limit, row.unknowns) for row in bench.rows()} == {(OutboxState.UNKNOWN, 4, 1)}
    bench.clock.sleep(30)
    bench.work()
    assert [len(call) for call in bench.erp.calls] == [8, 4, 4]
    assert {row.state for row in bench.rows()} == {OutboxState.DONE}


@pytest.mark.parametrize("error", [Unavailable("refused"), RateLimited(45)], ids=lambda error: type(error).__name__)
def test_a_batch_that_was_not_sent_goes_again_as_it_is(bench: Bench, error: PlatformError) -> None:
    bench.queue(8)
    bench.learn()
    bench.erp.whole = [error]
    bench.work()
    assert {(row.state, row.batch_limit) for row in bench.rows()} == {(OutboxState.PENDING, 0)}
    bench.clock.sleep(60)
    bench.work()
    assert [len(call) for call in bench.erp.calls] == [8, 8]


def test_who_asks_to_slow_down_is_left_alone_with_all_its_rows(bench: Bench) -> None:
    bench.queue(2)
    first, _ = bench.store.queue.lease_due(bench.clock.now(), 1, 10)
    bench.erp.whole = [RateLimited(45)]
    deliver_together(bench.store, first, lambda *_: bench.erp, WORKER, bench.clock)
    bench.clock.sleep(44)
    assert bench.store.queue.lease_due(bench.clock.now(), 60, 10) == []
    bench.clock.sleep(1)
    assert bench.store.queue.lease_due(bench.clock.now(), 60, 10)


def test_an_endless_unknown_ends_with_a_person(bench: Bench) -> None:
    bench.queue(1)
    for _ in range(UNKNOWN_LIMIT):
        bench.erp.whole = [OutcomeUnknown("no answer")]
        bench.work()
        bench.clock.sleep(400)
    (row,) = bench.rows()
    assert row.state is OutboxState.DEAD
    assert row.key in row.last_error
    assert "no answer" in row.last_error
    assert len(bench.erp.calls) == UNKNOWN_LIMIT


def test_a_row_over_which_worker_after_worker_dies_is_not_tried_for_ever(bench: Bench) -> None:
    bench.queue(2)
    for _ in range(POISON_LIMIT):
        leases = bench.store.queue.lease_due(bench.clock.now(), 10, 10)
        with bench.store.begin(BOOK, WORKER) as uow:
            assert uow.outbox.start(leases[0].id, leases[0].lease_token, bench.clock.now())
        bench.clock.sleep(11)
    bench.work()
    poisoned, other = bench.rows()
    assert (poisoned.state, other.state) == (OutboxState.DEAD, OutboxState.DONE)
    assert poisoned.key in poisoned.last_error
    assert len(bench.erp.calls) == 1


def test_a_voucher_that_cannot_be_read_is_dead_and_holds_up_nobody(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    from adapters.storage import results

    bench.queue(3)
    bench.learn()
    true = results._voucher

    def broken(row: object) -> StoredVoucher:
        if row.voucher_id == "v01":  # type: ignore[attr-defined]
            raise ValueError("not a voucher")
        return true(row)

    monkeypatch.setattr(results, "_voucher", broken)
    bench.work()
    assert [row.state for row in bench.rows()] == [OutboxState.DONE, OutboxState.DEAD, OutboxState.DONE]
    assert "ValueError" in bench.rows()[1].last_error
