"""A look at the queue costs the same however long the queue is: it walks an index from its beginning, and stops."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event

from adapters.storage import SqlStore
from adapters.storage.schema import OUTBOX
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Connection
from hedge_core.use_cases.schedule import add_job
from tests.support.databases import HandClock
from tests.support.samples import NOON

LI = Actor("li.na")
BACKLOG = 4000
BATCH = 8

Seen = list[tuple[str, Any]]


@pytest.fixture
def clock() -> HandClock:
    return HandClock(NOON)


def fill(store: SqlStore, book: BookId, first: int, count: int) -> None:
    """Rows that are due, past the checks of `enqueue`, which would take a minute."""
    usual = {
        "connection": "k3", "kind": "voucher", "content_hash": "h", "state": "pending", "attempts": 0,
        "available_at": NOON - timedelta(seconds=1), "lease_token": "", "waits": False, "last_error": "",
        "found_by_lookup": False,
    }  # fmt: skip
    rows = ({**usual, "id": first + n, "subject": f"v{first + n}", "key": f"K{first + n}"} for n in range(count))
    with store.begin(book, LI) as unit:
        unit.save_connection(Connection("k3", book, "kingdee", {}, {}))
        unit.outbox._scope.insert(OUTBOX, rows)


@contextmanager
def statements(store: SqlStore) -> Iterator[Seen]:
    """What is executed on `outbox` and `jobs`, with its parameters."""
    seen: Seen = []

    def note(connection: Any, cursor: Any, statement: str, parameters: Any, context: Any, many: bool) -> None:
        if "outbox" in statement or "jobs" in statement:
            seen.append((statement, parameters))

    event.listen(store._engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(store._engine, "before_cursor_execute", note)


def plan(store: SqlStore, statement: str, parameters: Any) -> str:
    """What the database does for a statement, with the rows that it touches on PostgreSQL; it is taken back."""
    postgresql = store._engine.dialect.name == "postgresql"
    words = "EXPLAIN (ANALYZE, COSTS OFF, TIMING OFF, SUMMARY OFF) " if postgresql else "EXPLAIN QUERY PLAN "
    with store.queue._engine.connect() as connection, connection.begin() as unit:
        found = connection.exec_driver_sql(words + statement, parameters).all()
        unit.rollback()
    return "\n".join(str(row[-1]) for row in found)


def test_the_walk_ends_where_the_room_ends(store: SqlStore, book: BookId, clock: HandClock) -> None:
    """Without statistics, as on the first day, and with those of a table that was nearly empty when it was counted."""
    fill(store, book, 1, BACKLOG)
    with statements(store) as seen:
        leases = store.queue.lease_due(clock.now(), 60, BATCH)
    assert [one.id for one in leases] == list(range(1, BATCH + 1))
    look, walk, take = (plan(store, *one) for one in seen)
    for found in (look, walk):
        assert "ix_outbox_due" in found, found
        assert "SCAN outbox" not in found and "Seq Scan on outbox" not in found, found
        assert "TEMP B-TREE" not in found and "Sort" not in found, found
    assert "SCAN outbox" not in take and "Seq Scan" not in take, take
    if store._engine.dialect.name == "postgresql":
        assert "rows=1 loops=1" in look, look
        touched = [int(part.split(" ")[0]) for part in walk.split("rows=")[1:]]
        assert max(touched) <= BATCH, walk


def test_the_number_of_statements_does_not_depend_on_the_backlog(
    store: SqlStore, book: BookId, clock: HandClock
) -> None:
    counts = []
    for first, count in ((1, 40), (1000, BACKLOG)):
        fill(store, book, first, count)
        with statements(store) as seen:
            assert len(store.queue.lease_due(clock.now(), 60, BATCH)) == BATCH
        counts.append(len(seen))
    assert counts == [3, 3], "where is something due; the first rows; the lease"


def test_jobs_are_found_along_their_index(store: SqlStore, book: BookId, clock: HandClock) -> None:
    kinds = {"pull": _Kind()}
    with store.begin(book, LI) as unit:
        for _ in range(200):
            add_job(unit, kinds, "pull", {})  # type: ignore[arg-type]
    with statements(store) as seen:
        leases = store.job_queue.of("jobs").lease_due(clock.now(), 60, BATCH)
    assert len(leases) == BATCH
    assert len({one.lease_token for one in leases}) == BATCH
    assert len(seen) == 2
    for one in seen:
        found = plan(store, *one)
        assert "ix_jobs_due" in found, found
        assert "SCAN jobs" not in found and "Seq Scan on jobs" not in found and "Sort" not in found, found


class _Kind:
    """A kind of job that nobody runs here."""

    needs: tuple[str, ...] = ()
    queue = "jobs"

    def exclusive(self, params: object) -> str:
        return ""
