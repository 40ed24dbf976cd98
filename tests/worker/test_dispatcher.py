"""The dispatcher: never more than there is room for, nothing lost, on after every trouble."""

from __future__ import annotations

import threading
from collections.abc import Collection
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest

from hedge_core.errors import Unavailable
from hedge_core.model.identity import BookId
from hedge_core.ports.storage import OutboxRow, OutboxState
from tests.support.databases import HandClock
from worker import dispatcher as module
from worker.dispatcher import Dispatcher, Pace

PACE = Pace(in_hand=4, lease_seconds=10, poll_seconds=0.01)


@dataclass
class FakeQueue:
    """Outbox rows in a list; `trouble` is raised at the next look."""

    clock: HandClock
    rows: list[OutboxRow] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    looks: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    def add(self, count: int, due_in: float = 0) -> None:
        due = self.clock.now() + timedelta(seconds=due_in)
        for _ in range(count):
            number = len(self.rows) + 1
            self.rows.append(
                OutboxRow(number, BookId("cu01"), "k3", "voucher", "v", "k", "h", OutboxState.PENDING, 0, due)
            )

    def finish(self, row_id: int) -> None:
        self._put(row_id, state=OutboxState.DONE, lease_until=None)

    def _put(self, row_id: int, **changes: object) -> None:
        self.rows[row_id - 1] = replace(self.rows[row_id - 1], **changes)  # type: ignore[arg-type]

    def _holds(self, row: OutboxRow, now: datetime) -> bool:
        return row.lease_until is not None and row.lease_until > now

    def lease_due(self, now: datetime, lease_seconds: int, limit: int) -> list[OutboxRow]:
        self.looks.release()
        if self.trouble:
            raise self.trouble.pop(0)
        free = [
            row
            for row in self.rows
            if row.state is not OutboxState.DONE and row.available_at <= now and not self._holds(row, now)
        ]
        until = now + timedelta(seconds=lease_seconds)
        for row in free[:limit]:
            self._put(row.id, state=OutboxState.LEASED, lease_until=until)
        return [self.rows[row.id - 1] for row in free[:limit]]

    def leased(self, row_id: int) -> OutboxRow | None:
        return self.rows[row_id - 1]

    def in_work(self, now: datetime) -> int:
        return sum(self._holds(row, now) for row in self.rows)

    def held(self, row_ids: Collection[int], now: datetime) -> set[int]:
        return {row.id for row in self.rows if row.id in row_ids and self._holds(row, now)}

    def next_due(self, now: datetime) -> datetime | None:
        waiting = [row for row in self.rows if row.state is not OutboxState.DONE]
        return min((row.lease_until or row.available_at for row in waiting), default=None)

    def counts(self) -> dict[tuple[str, str], int]:
        return {}


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
def queue(clock: HandClock) -> FakeQueue:
    return FakeQueue(clock)


def test_it_hands_out_no_more_than_there_is_room_for(queue: FakeQueue, clock: HandClock) -> None:
    queue.add(10)
    sent: list[int] = []
    one = Dispatcher(queue, sent.append, clock, PACE)
    assert (one.dispatch(), one.dispatch()) == (4, 0)
    queue.finish(2)
    assert one.dispatch() == 1
    assert sent == [1, 2, 3, 4, 5]


def test_rows_in_the_hands_of_another_process_take_no_room(queue: FakeQueue, clock: HandClock) -> None:
    """A killed worker's rows wait for the end of their leases; a restarted one goes on with the others at once."""
    queue.add(12)
    killed, restarted = Dispatcher(queue, lambda _: None, clock, PACE), Dispatcher(queue, lambda _: None, clock, PACE)
    assert killed.dispatch() == 4
    assert restarted.dispatch() == 4
    assert queue.in_work(clock.now()) == 8


def test_a_lease_that_ran_out_is_dispatched_again(queue: FakeQueue, clock: HandClock) -> None:
    queue.add(2)
    sent: list[int] = []
    one = Dispatcher(queue, sent.append, clock, PACE)
    one.dispatch()
    clock.sleep(9)
    assert one.dispatch() == 0
    clock.sleep(2)
    assert one.dispatch() == 2
    assert sent == [1, 2, 1, 2]


def test_it_is_idle_only_when_nothing_is_in_work_or_due_soon(queue: FakeQueue, clock: HandClock) -> None:
    one = Dispatcher(queue, lambda _: None, clock, PACE)
    assert one.idle(3600)
    queue.add(1, due_in=600)
    assert one.idle(60)
    assert not one.idle(3600)
    queue.add(1)
    assert not one.idle(0)
    one.dispatch()
    assert not one.idle(0), "in work"
    queue.finish(2)
    assert one.idle(60)


@pytest.mark.parametrize("where", ["database", "broker"])
def test_trouble_does_not_end_it(queue: FakeQueue, clock: HandClock, where: str) -> None:
    """A dispatcher that died with the first hiccup of the database would stop all postings without a word."""
    queue.add(3)
    sent: list[int] = []
    arrived = threading.Event()
    broker_trouble = [ConnectionError("broker gone")] if where == "broker" else []
    if where == "database":
        queue.trouble = [Unavailable("locked", system="database"), RuntimeError("anything")]

    def send(row_id: int) -> None:
        if broker_trouble:
            raise broker_trouble.pop()
        sent.append(row_id)
        if len(sent) == 3:
            arrived.set()

    one = Dispatcher(queue, send, clock, PACE)
    thread = threading.Thread(target=one.run)
    thread.start()
    while where == "broker" and not arrived.wait(0.01):
        clock.sleep(1)  # what could not be sent is leased again
    assert arrived.wait(10)
    one.stop()
    thread.join(10)
    assert not thread.is_alive()
    assert sorted(sent) == [1, 2, 3]


def test_rests_grow_while_the_trouble_lasts_and_stop_ends_them(
    queue: FakeQueue, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "LONGEST_REST", 0.04)
    rests: list[float] = []
    one = Dispatcher(queue, lambda _: None, clock, PACE)

    def rest(seconds: float) -> bool:
        rests.append(seconds)
        if len(rests) == 4:
            one.stop()
        return False

    queue.trouble = [Unavailable("down")] * 9
    monkeypatch.setattr(one._stop, "wait", rest)
    one.run()
    assert rests == [0.02, 0.04, 0.04, 0.04]


def test_it_looks_again_at_once_when_woken(queue: FakeQueue, clock: HandClock) -> None:
    patient = Pace(in_hand=4, lease_seconds=10, poll_seconds=600)
    arrived = threading.Event()
    one = Dispatcher(queue, lambda _: arrived.set(), clock, patient)
    thread = threading.Thread(target=one.run)
    thread.start()
    assert queue.looks.acquire(timeout=10), "it looked, found nothing, and waits for ten minutes"
    queue.add(1)
    one.wake()
    assert arrived.wait(10)
    one.stop()
    thread.join(10)
    assert not thread.is_alive()
