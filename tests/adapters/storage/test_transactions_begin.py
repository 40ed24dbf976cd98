"""How a transaction begins: its settings in one question, leases that need not be on the disk, and nothing compiled."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import event, text

from adapters.storage import SqlStore
from hedge_core.model.identity import Actor, BookId
from tests.support.databases import *  # noqa: F403

LI = Actor("li.na")
ON_DISK = {"sqlite": ("PRAGMA synchronous", 2, 1), "postgresql": ("SHOW synchronous_commit", "on", "off")}
"""How a database is asked whether a commit waits for the disk, and what it says when it does and when it does not."""


def test_only_a_lease_does_not_wait_for_the_disk(store: SqlStore, book: BookId) -> None:
    """On the same pooled connections, in whatever order: a start and an outcome always do."""
    question, waits, goes_on = ON_DISK[store._engine.dialect.name]
    for _ in range(2):
        with store.begin(book, LI) as unit:
            assert unit.outbox._scope.connection.execute(text(question)).scalar_one() == waits
        with store.queue._engine.begin() as leasing:
            assert leasing.execute(text(question)).scalar_one() == goes_on


def test_a_transaction_knows_its_book_after_one_question(store: SqlStore, book: BookId) -> None:
    if store._engine.dialect.name != "postgresql":
        pytest.skip("SQLite keeps books apart by the repositories, and has no round trips")
    asked: list[str] = []

    def note(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        asked.append(statement)

    with store.read(book):
        pass  # the first time it is also asked whether there is such a book
    event.listen(store._engine, "before_cursor_execute", note)
    try:
        with store.read(book) as unit:
            unit.connections()
    finally:
        event.remove(store._engine, "before_cursor_execute", note)
    begin, query = asked
    assert begin.startswith("BEGIN ISOLATION LEVEL REPEATABLE READ, READ ONLY; SELECT set_config('hedgebridge.book'")
    assert query.startswith("SELECT connections.")


def test_postgresql_compiles_no_look(store: SqlStore) -> None:
    """The planner thinks a sequential scan dearer than any other plan there, and would compile every query that has one."""
    if store._engine.dialect.name != "postgresql":
        pytest.skip("PostgreSQL's own")
    with store.queue._engine.begin() as looking:
        assert looking.execute(text("SHOW jit")).scalar_one() == "off"
