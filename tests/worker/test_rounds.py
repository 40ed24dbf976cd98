"""Rounds: steps that wait together share a transaction, and yet each has its own outcome."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.storage import SqlStore, open_store
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import Book, OutboxState, StoredVoucher, UnitOfWork
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.delivery_steps import Begin, Begun, End, take_steps
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from hedge_core.use_cases.verdict import Verdict
from messages import Message
from tests.support.databases import (  # noqa: F401
    database_url,
    postgres_server,
    postgres_template,
    postgres_url,
    sqlite_template,
    sqlite_url,
)
from tests.support.fake_erp import FakeErp
from tests.support.samples import connection, voucher
from worker.rounds import Rounds, call_rounds, delivery_rounds

BOOK = BookId("cu01")
MAKER, CHECKER, WORKER = Actor("li.na"), Actor("wang.wei"), Actor("worker")
CLOCK = SystemClock()
PATIENCE = 30

Call = Callable[[UnitOfWork], Any]


@pytest.fixture
def store(database_url: str) -> Iterator[SqlStore]:  # noqa: F811
    opened = open_store(database_url, CLOCK)
    opened.add_book(Book(BOOK, "示例铜业贸易", "CNY"), MAKER)
    with opened.begin(BOOK, MAKER) as uow:
        uow.save_connection(connection("cu01"))
    yield opened
    opened.close()


def queue(store: SqlStore, count: int) -> None:
    ids = [f"v{number:03d}" for number in range(count)]
    with store.begin(BOOK, MAKER) as uow:
        for name in ids:
            uow.results.add_voucher(StoredVoucher(voucher(voucher_id=name), VoucherStatus.DRAFT, MAKER.name))
    assert approve_vouchers(store, BOOK, ids, CHECKER) == []
    queue_vouchers(store, BOOK, "k3", ids, CHECKER, CLOCK)


def lease(store: SqlStore, limit: int) -> list[Lease]:
    return store.queue.lease_due(CLOCK.now(), 60, limit)


class Company:
    """Steps that come while a round is on its way: the first holds its round until the others wait for the next one."""

    def __init__(self, store: SqlStore) -> None:
        self.sizes: list[int] = []
        self.rounds: Rounds[Call] = Rounds(store, WORKER, self._take)
        self._begun, self._go_on = threading.Event(), threading.Event()
        self.outcomes: dict[int, Any] = {}

    def _take(self, uow: UnitOfWork, calls: Sequence[Call]) -> list[Any]:
        self.sizes.append(len(calls))
        return [call(uow) for call in calls]

    def _first(self, _: UnitOfWork) -> None:
        self._begun.set()
        assert self._go_on.wait(PATIENCE)

    def _step(self, number: int, call: Call) -> None:
        try:
            self.outcomes[number] = self.rounds(BOOK, call)
        except Exception as error:  # noqa: BLE001 - looked at by the test
            self.outcomes[number] = error

    def take(self, calls: Sequence[Call]) -> dict[int, Any]:
        """The answer or error of each call, all of them taken while the first round was on its way."""
        first = threading.Thread(target=self._step, args=(-1, self._first))
        first.start()
        assert self._begun.wait(PATIENCE)
        others = []
        for number, call in enumerate(calls):
            others.append(threading.Thread(target=self._step, args=(number, call)))
            others[-1].start()
            while self.rounds.waiting(BOOK) <= number:  # in this order, so that a test can say who leads
                assert others[-1].is_alive()
        self._go_on.set()
        for thread in (first, *others):
            thread.join(PATIENCE)
            assert not thread.is_alive()
        del self.outcomes[-1]
        return self.outcomes


def note(subject: str) -> Call:
    def write(uow: UnitOfWork) -> str:
        uow.audit.append("bench.noted", subject, {})
        return subject

    return write


def refuse(_: UnitOfWork) -> None:
    raise RuleBroken("bench", "one", Message("post.no_such_voucher"))


def audited(store: SqlStore) -> list[str]:
    with store.read(BOOK) as uow:
        return [body.decode() for _, body, _ in uow.audit.events() if b"bench.noted" in body]


def test_steps_that_wait_together_share_one_transaction_and_each_gets_its_own_answer(store: SqlStore) -> None:
    company = Company(store)
    assert company.take([note(f"s{number}") for number in range(5)]) == {n: f"s{n}" for n in range(5)}
    assert company.sizes == [1, 5]
    assert len(audited(store)) == 5


@pytest.mark.parametrize("place", [0, 1, 2])
def test_a_step_that_fails_fails_alone(store: SqlStore, place: int) -> None:
    """Whether it leads the round or sits in it."""
    calls: list[Call] = [note("a"), note("b"), note("c")]
    calls[place] = refuse
    outcomes = Company(store).take(calls)
    assert isinstance(outcomes.pop(place), RuleBroken)
    assert sorted(outcomes.values()) == sorted({"a", "b", "c"} - {"abc"[place]})
    assert len(audited(store)) == 2, "what was rolled back with it is written once, not twice and not never"


def test_a_round_takes_no_more_than_its_share_and_nobody_is_forgotten(store: SqlStore) -> None:
    company = Company(store)
    company.rounds._most = 2
    assert company.take([note(f"s{number}") for number in range(5)]) == {n: f"s{n}" for n in range(5)}
    assert company.sizes == [1, 2, 2, 1]


def test_an_error_in_the_first_step_hands_the_lead_on(store: SqlStore) -> None:
    rounds = call_rounds(store, WORKER)
    with pytest.raises(RuleBroken):
        rounds(BOOK, refuse)
    assert rounds(BOOK, note("after")) == "after"


def test_a_lease_asked_for_twice_in_one_round_is_begun_once(store: SqlStore) -> None:
    """A message may come twice, and both at the same moment."""
    queue(store, 2)
    one, other = lease(store, 2)
    with store.begin(BOOK, WORKER) as uow:
        answers: list[Begun] = take_steps(uow, (Begin(one), Begin(one), Begin(other)), CLOCK)
    assert [sorted(begun.rows) for begun in answers] == [[one.id], [], [other.id]]
    with store.read(BOOK) as uow:
        assert [row.attempts for row in uow.outbox.rows()] == [1, 1]


def test_a_token_in_the_same_round_says_nothing_about_anothers_row(store: SqlStore) -> None:
    queue(store, 2)
    one, other = lease(store, 2)
    stolen = Lease(other.id, BOOK, one.lease_token, one.lease_until, "k3", "voucher", 0, (other.id,))
    with store.begin(BOOK, WORKER) as uow:
        begun: list[Begun] = take_steps(uow, (Begin(one), Begin(stolen)), CLOCK)
    assert [sorted(each.rows) for each in begun] == [[one.id], []]
    rows = begun[0].rows
    done = {one.id: Verdict(OutboxState.DONE)}
    with store.begin(BOOK, WORKER) as uow:
        ends = (End(one, rows, {}, done, True), End(stolen, rows, {}, done, True))
        first, second = take_steps(uow, ends, CLOCK)
    assert (first, second) == ({one.id: OutboxState.DONE}, {}), "the same outcome is recorded once"
    with store.read(BOOK) as uow:
        assert [row.state for row in uow.outbox.rows()] == [OutboxState.DONE, OutboxState.LEASED]
        assert sum(b'"outbox.done"' in body for _, body, _ in uow.audit.events()) == 1


def test_eight_threads_deliver_every_voucher_once_and_the_log_is_whole(store: SqlStore) -> None:
    count = 40
    queue(store, count)
    erp: Any = FakeErp()
    take = delivery_rounds(store, WORKER, CLOCK)
    waiting = lease(store, count)
    lock = threading.Lock()
    states: list[OutboxState | None] = []

    def work() -> None:
        while True:
            with lock:
                if not waiting:
                    return
                mine = waiting.pop()
            states.append(deliver(store, mine, lambda *_: erp, WORKER, CLOCK, 1, 60, take))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(PATIENCE)
    assert states == [OutboxState.DONE] * count
    assert len(erp.pushed) == count
    with store.read(BOOK) as uow:
        events = [body for _, body, _ in uow.audit.events() if b'"outbox.done"' in body]
        assert len(events) == count
        assert uow.audit.head()[0] == len(list(uow.audit.events()))
