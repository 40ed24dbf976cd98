"""Limits of a connection, as the dispatcher obeys them: calls at the same time, calls per minute, one probe after a rest."""

from __future__ import annotations

from datetime import timedelta

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import OutboxState
from tests.support import samples
from tests.support.databases import HandClock
from tests.support.samples import NOON

LI = Actor("li.na")
AL = BookId("al02")


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


def connect(store: SqlStore, book: BookId, **options: object) -> None:
    with store.begin(book, LI) as unit:
        unit.save_connection(samples.connection(book, options=options))


def fill(store: SqlStore, book: BookId, count: int) -> None:
    with store.begin(book, LI) as unit:
        for number in range(count):
            unit.outbox.enqueue("k3", "voucher", f"v{number}", f"HB{number}", "h", NOON)


def lease(store: SqlStore, clock: HandClock, limit: int = 50) -> list[Lease]:
    return store.queue.lease_due(clock.now(), 60, limit)


def end(store: SqlStore, leases: list[Lease]) -> None:
    for one in leases:
        with store.begin(one.book, LI) as unit:
            unit.outbox.start_together(dict.fromkeys(one.members, one.lease_token), NOON)
            unit.outbox.finish_together(dict.fromkeys(one.members, one.lease_token), OutboxState.DONE)


def test_a_connection_gets_no_more_calls_at_a_time_than_it_is_allowed(
    store: SqlStore, book: BookId, clock: HandClock
) -> None:
    connect(store, book, concurrency="2")
    connect(store, AL)
    fill(store, book, 6)
    fill(store, AL, 3)
    first = lease(store, clock)
    assert sorted(one.book for one in first) == ["al02"] * 3 + ["cu01"] * 2
    assert lease(store, clock) == []
    end(store, [one for one in first if one.book == book][:1])
    assert [one.book for one in lease(store, clock)] == [book]


def test_a_batch_is_one_call(store: SqlStore, book: BookId, clock: HandClock) -> None:
    connect(store, book, concurrency=2)
    fill(store, book, 25)
    with store.begin(book, LI) as unit:
        unit.note_batch("k3", 10)
    leases = lease(store, clock)
    assert [len(one.members) for one in leases] == [10, 10]
    end(store, leases)
    assert [len(one.members) for one in lease(store, clock)] == [5]


def test_an_option_makes_batches_smaller_than_the_card_allows(store: SqlStore, book: BookId, clock: HandClock) -> None:
    connect(store, book, batch="4")
    fill(store, book, 6)
    with store.begin(book, LI) as unit:
        unit.note_batch("k3", 10)
    assert [len(one.members) for one in lease(store, clock)] == [4, 2]
    assert store.queue.leased(1) == store.queue.leased(1)
    found = store.queue.leased(2)
    assert found is not None
    assert set(found.members) == {1, 2, 3, 4}


def test_hedge_notes_are_never_put_into_a_batch(store: SqlStore, book: BookId, clock: HandClock) -> None:
    connect(store, book)
    fill(store, book, 2)
    with store.begin(book, LI) as unit:
        unit.note_batch("k3", 10)
        unit.outbox.enqueue("k3", "hedges", "sale_line:1", "n", "h", NOON)
    assert sorted((one.kind, len(one.members)) for one in lease(store, clock)) == [("hedges", 1), ("voucher", 2)]


def test_calls_per_minute_are_spread_over_it(store: SqlStore, book: BookId, clock: HandClock) -> None:
    connect(store, book, per_minute=20)
    fill(store, book, 4)
    assert len(lease(store, clock)) == 1
    clock.sleep(2.9)
    assert lease(store, clock) == []
    assert store.queue.next_due(clock.now()) == NOON + timedelta(seconds=3)
    clock.sleep(0.2)
    assert len(lease(store, clock)) == 1


def test_after_a_rest_one_call_finds_out_whether_the_other_side_is_back(
    store: SqlStore, book: BookId, clock: HandClock
) -> None:
    connect(store, book)
    fill(store, book, 4)
    for _ in range(5):
        store.connection_failed(book, "k3", NOON + timedelta(seconds=30))
    clock.sleep(30)
    assert len(lease(store, clock)) == 1
    assert lease(store, clock) == []
    with store.begin(book, LI) as unit:
        unit.connection_worked("k3")
    assert len(lease(store, clock)) == 3


def test_a_limit_is_a_whole_number(store: SqlStore, book: BookId) -> None:
    with pytest.raises(InvalidInput, match="two"):
        connect(store, book, concurrency="two")


def test_what_is_given_back_is_due_at_once_and_its_token_worth_nothing(
    store: SqlStore, book: BookId, clock: HandClock
) -> None:
    connect(store, book)
    fill(store, book, 3)
    with store.begin(book, LI) as unit:
        unit.note_batch("k3", 2)
    batch, alone = lease(store, clock)
    with store.begin(book, LI) as unit:
        unit.outbox.start_together(dict.fromkeys(alone.members, alone.lease_token), clock.now())
    store.queue.give_back([batch.id, alone.id])
    assert store.queue.in_work(clock.now()) == 1, "what has begun goes on"
    again = [row for one in lease(store, clock) for row in one.members]
    assert sorted(again) == sorted(batch.members)
    with store.begin(book, LI) as unit:
        assert unit.outbox.start_together(dict.fromkeys(batch.members, batch.lease_token), clock.now()) == []


def test_a_long_backlog_costs_a_look_no_more_rows_than_it_leases(
    store: SqlStore, book: BookId, clock: HandClock
) -> None:
    """Counted in rows the database hands over, which no busy machine changes."""
    from sqlalchemy import event

    from adapters.storage.schema import OUTBOX

    connect(store, book)
    count = 5_000
    usual = {
        "connection": "k3", "kind": "voucher", "content_hash": "h", "state": "pending", "attempts": 0,
        "available_at": NOON, "lease_token": "", "waits": False, "last_error": "", "found_by_lookup": False,
    }  # fmt: skip
    with store.begin(book, LI) as unit:
        unit.outbox._scope.insert(
            OUTBOX, ({**usual, "id": n, "subject": f"v{n}", "key": f"HB{n}"} for n in range(1, count + 1))
        )
    statements: list[str] = []
    event.listen(store._engine, "before_cursor_execute", lambda c, cursor, text, *_: statements.append(text))
    leased = [one.id for _ in range(3) for one in lease(store, clock, 8)]
    assert leased == list(range(1, 25))
    assert len(statements) <= 3 * 8
    for text in statements:
        if "outbox" in text and "ORDER BY" in text:
            assert "LIMIT" in text
