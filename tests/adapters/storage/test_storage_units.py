"""One transaction or nothing: rollbacks, a fault at every single step of a save, a busy and a missing database."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event

from adapters.storage import SqlStore, engine, open_store
from adapters.storage.schema import METADATA
from hedge_core.errors import InvalidInput, PlatformError, Unavailable
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book
from tests.support import samples
from tests.support.databases import HandClock, as_owner

LI = Actor("li.na")


def _pull_page(unit: Any) -> None:
    unit.records.save_raw([samples.mapped(b"new"), samples.quarantined(key="100/2"), samples.gone("100/3")])
    unit.physical.save_contract_lines([samples.contract_line()])
    unit.physical.save_inventory([samples.inventory_lot()], samples.NOON)
    unit.physical.zero_vanished("k3", set(), samples.NOON)
    unit.records.save_cursor("k3", "contracts", "c2")
    unit.audit.append("records.pulled", "k3", {"records": 3})


def _import_statement(unit: Any) -> None:
    unit.statements.add(samples.stored_statement(), b"file")
    unit.broker.save_prices([samples.price()])
    unit.broker.add_opening(samples.opening())
    unit.audit.append("statement.imported", samples.ACCOUNT, {"version": 1})


def _settle_and_queue(unit: Any) -> None:
    unit.results.add_matches([samples.match()])
    unit.results.add_snapshot(samples.snapshot(version=1))
    unit.results.add_snapshot(samples.snapshot(version=2, status="proposed"))
    unit.results.set_snapshot_status(samples.DAY, 2, "final")
    voucher = samples.voucher()
    unit.results.add_voucher(samples.stored_voucher(voucher))
    first = unit.outbox.enqueue("k3", "voucher", "v1", voucher.key, voucher.content_hash, samples.NOON)
    unit.outbox.enqueue("k3", "hedges", "l1", "l1", "h", samples.NOON, depends_on=first)
    unit.results.add_expectation("v1", samples.DAY, {})
    unit.audit.append("voucher.queued", "v1", {})
    unit.audit.append("day.settled", "2026-03-02", {})


def _configure(unit: Any) -> None:
    unit.save_connection(samples.connection(paused=True))
    unit.save_settings({"post": "day"})
    unit.save_document("mapping", "orders", b"x")
    unit.audit.append("connection.saved", "k3", {})


SAVES = [_pull_page, _import_statement, _settle_and_queue, _configure]


class Fault(Exception):
    """The machine stops here."""


@pytest.fixture
def prepared(store: SqlStore, book: BookId) -> SqlStore:
    with store.begin(book, LI) as unit:
        unit.save_connection(samples.connection())
        unit.records.save_raw([samples.mapped(b"old"), samples.mapped(key="100/3")])
        unit.physical.save_contract_lines([samples.contract_line(contract_no="old")])
    return store


@pytest.mark.parametrize("save", SAVES)
def test_a_fault_at_any_step_of_a_save_leaves_nothing_of_it(
    prepared: SqlStore, book: BookId, save: Callable[[Any], None]
) -> None:
    before = _everything(prepared)
    steps = 0
    while True:
        count = _FaultAt(steps)
        event.listen(prepared._engine, "before_cursor_execute", count)
        try:
            with prepared.begin(book, LI) as unit:
                save(unit)
        except Fault:
            steps += 1
        else:
            break
        finally:
            event.remove(prepared._engine, "before_cursor_execute", count)
        assert _everything(prepared) == before
    assert steps > 4
    assert _everything(prepared) != before


@pytest.mark.parametrize("save", SAVES)
def test_an_error_after_a_save_leaves_nothing_of_it(
    prepared: SqlStore, book: BookId, save: Callable[[Any], None]
) -> None:
    before = _everything(prepared)
    with pytest.raises(Fault), prepared.begin(book, LI) as unit:
        save(unit)
        raise Fault
    assert _everything(prepared) == before


def test_a_book_whose_log_cannot_be_begun_is_not_added(store: SqlStore, book: BookId) -> None:
    before = _everything(store)
    for step in range(3):
        count = _FaultAt(step + 1, only="INSERT INTO")
        event.listen(store._engine, "before_cursor_execute", count)
        with pytest.raises(Fault):
            store.add_book(Book(BookId("zn03"), "x", "CNY"), LI)
        event.remove(store._engine, "before_cursor_execute", count)
        assert _everything(store) == before


def test_a_reader_sees_one_moment_while_a_writer_goes_on(store: SqlStore, book: BookId) -> None:
    with store.read(book) as reader:
        assert reader.broker.prices("settlement", samples.DAY) == {}
        with store.begin(book, LI) as writer:
            writer.broker.save_prices([samples.price()])
        assert reader.broker.prices("settlement", samples.DAY) == {}
    with store.read(book) as reader:
        assert len(reader.broker.prices("settlement", samples.DAY)) == 1


def test_a_writer_that_waited_too_long_is_told_that_the_database_is_busy(
    sqlite_url: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "WAIT_FOR_WRITER", 0.01)
    store = open_store(sqlite_url, clock)
    store.add_book(Book(BookId("cu01"), "x", "CNY"), LI)
    with store.begin(BookId("cu01"), LI), pytest.raises(Unavailable, match="locked"):
        store.connection_failed(BookId("cu01"), "k3", None)
    store.close()


def test_a_writer_of_another_process_that_takes_too_long_makes_the_database_busy(
    sqlite_url: str, clock: HandClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(engine, "_PRAGMAS", (*engine._PRAGMAS, "PRAGMA busy_timeout = 1"))
    one, other = open_store(sqlite_url, clock), open_store(sqlite_url, clock)
    one.add_book(Book(BookId("cu01"), "x", "CNY"), LI)
    for _ in range(2):  # the second time shows that the first one did not keep its place in the queue of threads
        with one.begin(BookId("cu01"), LI), pytest.raises(Unavailable, match="locked"):
            other.connection_failed(BookId("cu01"), "k3", None)
    one.close()
    other.close()


def test_a_unit_that_fails_gives_the_writers_place_back(store: SqlStore, book: BookId) -> None:
    for _ in range(3):
        with pytest.raises(Fault), store.begin(book, LI) as unit:
            unit.save_connection(samples.connection())
            raise Fault
    with store.begin(book, LI) as unit:
        assert unit.connection("k3") is None


def test_sqlite_is_opened_durable_and_with_foreign_keys(sqlite_url: str, clock: HandClock) -> None:
    store = open_store(sqlite_url, clock)
    with as_owner(store) as owner, owner.connect() as connection:
        wanted = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "recursive_triggers": 1}
        found = {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in wanted}
    store.close()
    assert found == wanted


@pytest.mark.parametrize("url", ["", "nonsense", "sqlite://", "sqlite:///:memory:", "mysql://u@h/d", "oracle://x"])
def test_what_is_no_database_address_is_said_so(url: str, clock: HandClock) -> None:
    with pytest.raises(InvalidInput, match="database address"):
        open_store(url, clock)


def test_a_database_that_cannot_be_reached_is_unavailable(tmp_path: Path, clock: HandClock) -> None:
    with pytest.raises(Unavailable):
        open_store(f"sqlite:///{tmp_path}/no/such/folder/x.db", clock)
    with pytest.raises(Unavailable):
        open_store("postgresql://nobody@127.0.0.1:1/nothing", clock)


def test_a_file_that_is_no_database_is_unavailable_and_stays_as_it_is(tmp_path: Path, clock: HandClock) -> None:
    file = tmp_path / "statement.txt"
    file.write_bytes(b"not a database, but a statement\n" * 40)
    with pytest.raises(PlatformError):
        open_store(f"sqlite:///{file}", clock)
    assert file.read_bytes().startswith(b"not a database")


def test_an_error_text_carries_no_row(prepared: SqlStore, book: BookId) -> None:
    with pytest.raises(PlatformError) as refused, prepared.begin(book, LI) as unit:
        unit.broker.add_opening(samples.opening())
        unit.broker.add_opening(samples.opening())
    chain: BaseException | None = refused.value
    said = ""
    while chain is not None:
        said += str(chain) if not isinstance(chain, sqlite3.Error) else ""
        chain = chain.__cause__
    assert "示例铜业贸易" not in said


class _FaultAt:
    """An SQLAlchemy listener that fails at the n-th statement."""

    def __init__(self, step: int, only: str = "") -> None:
        self._left = step
        self._only = only

    def __call__(self, connection: Any, cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith(("SELECT", "INSERT", "UPDATE", "DELETE", "WITH")) or self._only not in statement:
            return
        self._left -= 1
        if self._left < 0 or (self._only and self._left == 0):
            raise Fault


def _everything(store: SqlStore) -> dict[str, list[tuple[object, ...]]]:
    with as_owner(store) as owner, owner.connect() as connection:
        return {
            table.name: sorted((tuple(row) for row in connection.execute(table.select())), key=repr)
            for table in METADATA.sorted_tables
        }
