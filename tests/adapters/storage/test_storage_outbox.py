"""The outbox: leases that are fenced, attempts counted at start, rows that wait, and a backlog that costs nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from sqlalchemy import event

from adapters.storage import SqlStore
from hedge_core.errors import IdempotencyConflict, RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import OutboxRow, OutboxState
from tests.support import samples
from tests.support.databases import HandClock
from tests.support.samples import NOON

LI = Actor("li.na")
AL = BookId("al02")


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


@pytest.fixture
def connected(store: SqlStore, book: BookId) -> BookId:
    """Both books with a connection `k3`."""
    for one in (book, AL):
        with store.begin(one, LI) as unit:
            unit.save_connection(samples.connection(one))
    return book


def enqueue(store: SqlStore, book: BookId, key: str, *, kind: str = "voucher", **more: object) -> int:
    with store.begin(book, LI) as unit:
        at = more.pop("at", NOON)
        content = more.pop("content", f"hash of {key}")
        return unit.outbox.enqueue("k3", kind, f"subject {key}", key, content, at, **more)  # type: ignore[arg-type]


def lease(store: SqlStore, clock: HandClock, seconds: int = 60, limit: int = 10) -> list[Lease]:
    return store.queue.lease_due(clock.now(), seconds, limit)


def start(store: SqlStore, row: Lease, clock: HandClock) -> OutboxRow | None:
    with store.begin(row.book, LI) as unit:
        return unit.outbox.start(row.id, row.lease_token, clock.now())


def finish(store: SqlStore, row: Lease, state: OutboxState, **more: object) -> bool:
    with store.begin(row.book, LI) as unit:
        return unit.outbox.finish(row.id, row.lease_token, state, **more)  # type: ignore[arg-type]


def row_now(store: SqlStore, row_id: int, book: str = "cu01") -> OutboxRow:
    with store.read(BookId(book)) as unit:
        found = unit.outbox.row(row_id)
    assert found is not None
    return found


def test_a_row_goes_from_pending_over_leased_and_started_to_done(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    row_id = enqueue(store, connected, "HB1")
    (leased,) = lease(store, clock)
    assert (leased.id, leased.book, leased.connection, leased.attempts) == (row_id, connected, "k3", 0)
    stored = row_now(store, row_id)
    assert (stored.subject, stored.key, stored.content_hash) == ("subject HB1", "HB1", "hash of HB1")
    assert (stored.state, stored.queued_by) == (OutboxState.LEASED, LI.name)
    assert (len(leased.lease_token) >= 32, leased.lease_until) == (True, NOON + timedelta(seconds=60))
    started = start(store, leased, clock)
    assert started is not None
    assert (started.state, started.attempts) == (OutboxState.STARTED, 1)
    assert finish(store, leased, OutboxState.DONE, found_by_lookup=True)
    done = row_now(store, row_id)
    assert (done.state, done.attempts, done.lease_token, done.lease_until) == (OutboxState.DONE, 1, "", None)
    assert done.found_by_lookup
    assert lease(store, clock) == []
    assert store.queue.next_due(clock.now()) is None


def test_nothing_is_due_before_its_time(store: SqlStore, connected: BookId, clock: HandClock) -> None:
    enqueue(store, connected, "HB1", at=NOON + timedelta(seconds=5))
    assert store.queue.next_due(clock.now()) == NOON + timedelta(seconds=5)
    assert lease(store, clock) == []
    clock.sleep(5)
    assert len(lease(store, clock)) == 1


def test_a_live_lease_is_not_given_twice_and_one_that_ran_out_is_given_again(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    enqueue(store, connected, "HB1")
    (first,) = lease(store, clock)
    clock.sleep(59)
    assert lease(store, clock) == []
    assert (store.queue.in_work(clock.now()), store.queue.next_due(clock.now())) == (1, NOON + timedelta(seconds=60))
    clock.sleep(1)
    assert store.queue.in_work(clock.now()) == 0
    (second,) = lease(store, clock)
    assert second.id == first.id
    assert second.lease_token != first.lease_token


def test_a_token_that_lost_its_lease_can_neither_start_nor_finish(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    enqueue(store, connected, "HB1")
    (first,) = lease(store, clock)
    clock.sleep(60)
    assert start(store, first, clock) is None
    (second,) = lease(store, clock)
    assert start(store, first, clock) is None
    assert start(store, second, clock) is not None
    assert not finish(store, first, OutboxState.DONE)
    clock.sleep(60)
    assert not finish(store, second, OutboxState.DONE)
    (third,) = lease(store, clock)
    assert third.attempts == 1
    assert (row_now(store, third.id).state, row_now(store, third.id).lost_leases) == (OutboxState.LEASED, 1)


def test_a_row_is_started_once_per_lease_and_finished_once(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    enqueue(store, connected, "HB1")
    (leased,) = lease(store, clock)
    assert not finish(store, leased, OutboxState.DONE)
    assert start(store, leased, clock) is not None
    assert start(store, leased, clock) is None
    assert finish(store, leased, OutboxState.UNKNOWN, available_at=NOON + timedelta(seconds=30), last_error="cut")
    assert not finish(store, leased, OutboxState.DONE)
    unknown = row_now(store, leased.id)
    assert (unknown.state, unknown.attempts, unknown.last_error) == (OutboxState.UNKNOWN, 1, "cut")
    assert lease(store, clock) == []
    clock.sleep(30)
    (again,) = lease(store, clock)
    assert again.attempts == 1


def test_an_attempt_that_was_none_is_taken_back(store: SqlStore, connected: BookId, clock: HandClock) -> None:
    enqueue(store, connected, "HB1")
    (leased,) = lease(store, clock)
    start(store, leased, clock)
    assert finish(store, leased, OutboxState.PENDING, available_at=clock.now(), give_attempt_back=True)
    assert row_now(store, leased.id).attempts == 0


def test_a_started_row_becomes_only_what_an_attempt_can_end_in(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    enqueue(store, connected, "HB1")
    (leased,) = lease(store, clock)
    with pytest.raises(ValueError, match="leased"):
        finish(store, leased, OutboxState.LEASED)


def test_a_voucher_clicked_twice_is_one_row(store: SqlStore, connected: BookId, clock: HandClock) -> None:
    first = enqueue(store, connected, "HB1")
    assert enqueue(store, connected, "HB1", at=NOON + timedelta(days=1)) == first
    (leased,) = lease(store, clock)
    start(store, leased, clock)
    finish(store, leased, OutboxState.DONE)
    assert enqueue(store, connected, "HB1") == first
    assert row_now(store, first).state is OutboxState.DONE


def test_one_voucher_key_with_other_content_is_a_conflict(store: SqlStore, connected: BookId) -> None:
    enqueue(store, connected, "HB1")
    with pytest.raises(IdempotencyConflict):
        enqueue(store, connected, "HB1", content="something else")
    assert enqueue(store, AL, "HB1", content="something else") > 0


def test_a_cancelled_voucher_queued_again_keeps_its_attempts(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    row_id = enqueue(store, connected, "HB1")
    (leased,) = lease(store, clock)
    start(store, leased, clock)
    finish(store, leased, OutboxState.UNKNOWN)
    with store.begin(connected, LI) as unit:
        unit.outbox.release(row_id, OutboxState.CANCELLED, "typed in by hand", NOON)
    assert enqueue(store, connected, "HB1") == row_id
    again = row_now(store, row_id)
    assert (again.state, again.attempts) == (OutboxState.PENDING, 1)


def test_a_hedge_note_may_be_written_again_and_again(store: SqlStore, connected: BookId) -> None:
    rows = {enqueue(store, connected, "order:1", kind="hedges", content=content) for content in ("a", "b", "a")}
    assert len(rows) == 3


def test_a_row_waits_until_the_one_it_depends_on_is_done(store: SqlStore, connected: BookId, clock: HandClock) -> None:
    first = enqueue(store, connected, "HB1")
    second = enqueue(store, connected, "HB2", depends_on=first)
    (leased,) = lease(store, clock)
    assert leased.id == first
    start(store, leased, clock)
    finish(store, leased, OutboxState.DEAD, last_error="no")
    assert lease(store, clock) == []
    with store.begin(connected, LI) as unit:
        unit.outbox.release(first, OutboxState.DONE, "delivered by hand, 记-7", NOON)
    (follower,) = lease(store, clock)
    assert (follower.id, row_now(store, follower.id).depends_on) == (second, first)
    third = enqueue(store, connected, "HB3", depends_on=first)
    assert [row.id for row in lease(store, clock)] == [third]


def test_a_follower_wakes_when_its_leader_is_finished(store: SqlStore, connected: BookId, clock: HandClock) -> None:
    first = enqueue(store, connected, "HB1")
    second = enqueue(store, connected, "HB2", depends_on=first)
    (leased,) = lease(store, clock)
    start(store, leased, clock)
    finish(store, leased, OutboxState.DONE)
    assert [row.id for row in lease(store, clock)] == [second]


def test_nobody_waits_for_a_row_of_another_book(store: SqlStore, connected: BookId) -> None:
    theirs = enqueue(store, AL, "HB1")
    with pytest.raises(KeyError):
        enqueue(store, connected, "HB2", depends_on=theirs)


def test_a_person_decides_on_dead_and_unknown_rows_only(store: SqlStore, connected: BookId, clock: HandClock) -> None:
    row_id = enqueue(store, connected, "HB1")
    with pytest.raises(RuleBroken, match=rf"row {row_id} is pending"), store.begin(connected, LI) as unit:
        unit.outbox.release(row_id, OutboxState.CANCELLED, "why", NOON)
    (leased,) = lease(store, clock)
    start(store, leased, clock)
    finish(store, leased, OutboxState.DEAD, last_error="rejected")
    with store.begin(connected, LI) as unit:
        unit.outbox.release(row_id, OutboxState.PENDING, "corrected there", NOON)
    (again,) = lease(store, clock)
    assert (again.id, again.attempts) == (row_id, 1)
    stored = row_now(store, row_id)
    assert (stored.last_error, stored.decided_by) == ("corrected there", LI.name)
    with pytest.raises(ValueError, match="started"), store.begin(connected, LI) as unit:
        unit.outbox.release(row_id, OutboxState.STARTED, "why", NOON)


def test_a_paused_connection_and_an_open_circuit_are_left_alone(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    enqueue(store, connected, "HB1")
    enqueue(store, AL, "HB1")
    store.pause_connection(AL, "k3", "login refused")
    store.connection_failed(connected, "k3", NOON + timedelta(seconds=30))
    assert lease(store, clock) == []
    assert store.queue.next_due(clock.now()) == NOON + timedelta(seconds=30)
    clock.sleep(30)
    assert [row.book for row in lease(store, clock)] == [connected]
    assert store.queue.next_due(clock.now()) == clock.now() + timedelta(seconds=60)


def test_the_backlog_of_one_book_does_not_make_the_other_wait(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    for number in range(6):
        enqueue(store, connected, f"HB{number}")
    enqueue(store, AL, "HB9", at=NOON)
    leased = lease(store, clock, limit=4)
    assert sorted(row.book for row in leased) == ["al02", "cu01", "cu01", "cu01"]
    keys = [row_now(store, row.id).key for row in leased if row.book == connected]
    assert keys == ["HB0", "HB1", "HB2"]
    assert len({row.lease_token for row in leased}) == 4
    assert lease(store, clock, limit=0) == []


def test_rows_are_counted_by_connection_and_state_and_found_by_number(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    row_id = enqueue(store, connected, "HB1")
    enqueue(store, AL, "HB2")
    (leased,) = lease(store, clock, limit=1)
    assert store.queue.counts() == {("k3", "leased"): 1, ("k3", "pending"): 1}
    assert store.queue.leased(leased.id) == leased
    assert store.queue.leased(10**9) is None
    with store.read(connected) as unit:
        assert [row.id for row in unit.outbox.rows()] == [row_id]
        assert unit.outbox.rows(OutboxState.DEAD) == []


def _plans(store: SqlStore, clock: HandClock) -> list[str]:
    """What the database says about how it runs every statement of one `lease_due`."""
    statements: list[tuple[str, object]] = []

    def note(connection: object, cursor: object, text: str, parameters: object, *_: object) -> None:
        statements.append((text, parameters))

    event.listen(store._engine, "before_cursor_execute", note)
    lease(store, clock)
    event.remove(store._engine, "before_cursor_execute", note)
    plans = []
    explain = "EXPLAIN " if store._engine.dialect.name == "postgresql" else "EXPLAIN QUERY PLAN "
    with store._engine.connect() as connection:
        for text, parameters in statements:
            if re.search(r"\boutbox\b", text):
                rows = connection.exec_driver_sql(explain + text, parameters)  # type: ignore[arg-type]
                plans.append("\n".join(str(tuple(row)) for row in rows))
        connection.rollback()
    return plans


def test_a_backlog_is_reached_by_its_indexes_and_never_scanned(
    store: SqlStore, connected: BookId, clock: HandClock
) -> None:
    first = enqueue(store, connected, "HB0")
    for number in range(1, 40):
        enqueue(store, connected, f"HB{number}", depends_on=first)
    if store._engine.dialect.name == "postgresql":
        with store._engine.begin() as connection:  # as the planner sees a large table
            connection.exec_driver_sql("SET LOCAL enable_seqscan = off")
            connection.exec_driver_sql(
                "ALTER ROLE CURRENT_USER IN DATABASE " + _database(store) + " SET enable_seqscan = off"
            )
        store.close()
    plans = _plans(store, clock)
    assert 2 <= len(plans) <= 4
    for plan in plans:
        assert re.search("ix_outbox_due|ix_outbox_held|uq_outbox_id|pk_outbox|sqlite_autoindex_outbox_1", plan), plan
        assert not re.search(r"SCAN outbox|Seq Scan on outbox", plan)


def _database(store: SqlStore) -> str:
    return str(store._engine.url.database)


def test_two_dispatchers_share_the_rows_and_no_row_goes_to_both(
    store: SqlStore, connected: BookId, clock: HandClock, tmp_path: Path
) -> None:
    from concurrent.futures import ThreadPoolExecutor

    for number in range(30):
        enqueue(store, connected, f"HB{number}")

    def drain(_: int) -> list[int]:
        mine: list[int] = []
        while rows := lease(store, clock, limit=3):
            mine += [row.id for row in rows]
        return mine

    with ThreadPoolExecutor(4) as pool:
        found = [row_id for mine in pool.map(drain, range(4)) for row_id in mine]
    found += [row.id for row in lease(store, clock, limit=100)]
    assert sorted(found) == sorted(set(found))
    assert len(found) == 30
