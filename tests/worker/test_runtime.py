"""The workers of a process: the same delivery on every broker, and a stop that finishes what is in hand."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.storage import SqlStore, open_store
from adapters.storage.queue import DueRows
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import Book, OutboxState, StoredVoucher
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from tests.support.brokers import *  # noqa: F403
from tests.support.databases import sqlite_template, sqlite_url  # noqa: F401
from tests.support.fake_erp import FakeErp
from tests.support.posting import settings
from tests.support.samples import connection, voucher
from worker.runtime import Runtime, make_broker

BOOK = BookId("cu01")
MAKER, CHECKER, WORKER = Actor("li.na"), Actor("wang.wei"), Actor("worker")
COUNT = 25


class Office:
    """A store with approved vouchers in the outbox and an ERP that counts what arrives."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url = url
        self.folder = folder
        self.store: SqlStore = open_store(url, SystemClock())
        self.erp = FakeErp()
        self.store.add_book(Book(BOOK, "示例铜业贸易", "CNY"), MAKER)
        with self.store.begin(BOOK, MAKER) as uow:
            uow.save_connection(connection("cu01"))

    def queue(self, count: int = COUNT) -> None:
        ids = [f"v{number:03d}" for number in range(count)]
        with self.store.begin(BOOK, MAKER) as uow:
            for name in ids:
                uow.results.add_voucher(StoredVoucher(voucher(voucher_id=name), VoucherStatus.DRAFT, MAKER.name))
        approve_vouchers(self.store, BOOK, ids, CHECKER)
        queue_vouchers(self.store, BOOK, "k3", ids, CHECKER, SystemClock())

    def runtime(self, broker: str = "memory", queue: str = "hb_test", **more: object) -> Runtime:
        chosen = settings(self.url, self.folder, broker=broker, broker_queue=queue, **more)
        return Runtime(chosen, self.store.queue, SystemClock(), self.deliver)

    def deliver(self, row: Lease) -> OutboxState | None:
        return deliver(self.store, row, lambda *_: self.erp, WORKER, SystemClock())  # type: ignore[arg-type, return-value]

    def states(self) -> Counter[OutboxState]:
        with self.store.read(BOOK) as uow:
            return Counter(row.state for row in uow.outbox.rows())


@pytest.fixture
def office(sqlite_url: str, tmp_path: Path) -> Iterator[Office]:  # noqa: F811
    opened = Office(sqlite_url, tmp_path)
    yield opened
    opened.store.close()


def test_every_voucher_arrives_once_on_every_broker(office: Office, broker_place: BrokerPlace) -> None:  # noqa: F405
    office.queue()
    with office.runtime(broker_place.url, broker_place.queue) as runtime:
        assert runtime.drain(60)
    assert office.states() == {OutboxState.DONE: COUNT}
    assert len(office.erp.documents) == COUNT
    assert len(office.erp.pushed) == COUNT


def test_two_processes_share_the_work_on_every_broker(office: Office, broker_place: BrokerPlace) -> None:  # noqa: F405
    office.queue()
    with (
        office.runtime(broker_place.url, broker_place.queue) as one,
        office.runtime(broker_place.url, broker_place.queue) as other,
    ):
        assert one.drain(60)
        assert other.drain(60)
    assert len(office.erp.pushed) == COUNT


class WatchedQueue:
    """The store's queue; `leased` is asked for every message about a row that this process does not hold, so its calls tell
    which of them have arrived."""

    def __init__(self, queue: DueRows) -> None:
        self._queue = queue
        self.messages: list[int] = []
        self.arrived = threading.Semaphore(0)

    def leased(self, row_id: int) -> Lease | None:
        self.messages.append(row_id)
        self.arrived.release()
        return self._queue.leased(row_id)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._queue, name)


def test_a_message_for_a_row_that_needs_nothing_does_nothing(office: Office, broker_place: BrokerPlace) -> None:  # noqa: F405
    """A message may come twice, late, or from an installation that shares the queue by mistake."""
    office.queue(1)
    queue = WatchedQueue(office.store.queue)
    chosen = settings(office.url, office.folder, broker=broker_place.url, broker_queue=broker_place.queue)
    with Runtime(chosen, queue, SystemClock(), office.deliver) as runtime:
        assert runtime.drain(60)
        for row_id in (1, 1, 4711):
            runtime._lanes[0]._actor.send(row_id)
        for _ in range(3):
            assert queue.arrived.acquire(timeout=30)
    assert sorted(queue.messages) == [1, 1, 4711]
    assert len(office.erp.pushed) == 1


def test_a_stop_finishes_what_is_in_hand_and_starts_nothing_more(office: Office) -> None:
    office.queue()
    working, go_on = threading.Event(), threading.Event()

    def slow(row: Lease) -> OutboxState | None:
        working.set()
        assert go_on.wait(20)
        return office.deliver(row)

    runtime = Runtime(settings(office.url, office.folder, worker_threads=2), office.store.queue, SystemClock(), slow)
    runtime.__enter__()
    assert working.wait(20)
    stopping = threading.Thread(target=runtime.__exit__)
    stopping.start()
    go_on.set()
    stopping.join(30)
    assert not stopping.is_alive()
    states = office.states()
    assert set(states) == {OutboxState.DONE, OutboxState.PENDING}, "no row is left leased"
    assert 1 <= states[OutboxState.DONE] <= 4


def test_an_error_in_a_delivery_ends_neither_the_worker_nor_the_row(office: Office) -> None:
    office.queue(3)
    failed: list[int] = []

    def once_broken(row: Lease) -> OutboxState | None:
        if not failed:
            failed.append(row.id)
            raise RuntimeError("the database went away")
        return office.deliver(row)

    chosen = settings(office.url, office.folder, worker_threads=1, lease_seconds=2)
    with Runtime(chosen, office.store.queue, SystemClock(), once_broken) as runtime:
        assert runtime.drain(60)
    assert office.states() == {OutboxState.DONE: 3}


def test_a_broker_nobody_knows_is_refused() -> None:
    with pytest.raises(ValueError, match="memory"):
        make_broker("kafka://host")
