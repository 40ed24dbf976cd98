"""The daily comparison in the database: digit for digit, a day replaced as a whole, and the statement's key across revisions."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from sqlalchemy import text

from adapters.storage import downgrade_one_step, open_store, upgrade_database
from adapters.storage.engine import make_engine
from adapters.storage.store import SqlStore
from adapters.storage.upgrade import current_revision
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Book
from hedge_core.reconciliation import RowState
from tests.support import reconciled, samples
from tests.support.databases import HandClock, Server
from tests.support.samples import ACCOUNT, DAY

LI, BOOK = Actor("li.na"), BookId("cu01")


@pytest.fixture
def book(store: SqlStore) -> SqlStore:
    store.add_book(Book(BOOK, "示例铜业贸易", "CNY"), LI)
    return store


def test_a_day_comes_back_as_it_was_and_is_replaced_as_a_whole(book: SqlStore) -> None:
    rows = [
        reconciled.row(),
        reconciled.row(subject="equity", left_value=None, state=RowState.OVERRULED, reason="known"),
    ]
    with book.begin(BOOK, LI) as uow:
        uow.reconciliation.save_day(reconciled.run(), rows)
    with book.read(BOOK) as uow:
        assert uow.reconciliation.rows(DAY) == sorted(rows, key=lambda one: one.identity)
        assert uow.reconciliation.run(DAY) == uow.reconciliation.last_run() == reconciled.run()
        assert uow.reconciliation.last_run(before=DAY) is None
    with book.begin(BOOK, LI) as uow:
        uow.reconciliation.save_row(reconciled.row(owner="wang"))
        with pytest.raises(KeyError):
            uow.reconciliation.save_row(reconciled.row(key="another"))
    with book.begin(BOOK, LI) as uow:
        assert [one.owner for one in uow.reconciliation.rows(DAY) if one.subject == "fee"] == ["wang"]
        uow.reconciliation.save_day(reconciled.run("chief"), [])
        assert uow.reconciliation.rows(DAY) == []


def test_transfers_deliveries_and_receipts_come_back_as_they_were(book: SqlStore) -> None:
    with book.begin(BOOK, LI) as uow:
        assert uow.reconciliation.save_transfers([reconciled.transfer(), reconciled.transfer("B2")]) == 2
        assert uow.reconciliation.save_transfers([reconciled.transfer(), reconciled.transfer("B3")]) == 1
        uow.reconciliation.save_delivery(reconciled.delivery())
        uow.reconciliation.save_delivery(reconciled.delivery(lots=5, quantity=Decimal(25)))
        uow.reconciliation.save_receipt(reconciled.receipt())
    with book.read(BOOK) as uow:
        assert uow.reconciliation.transfers() == [reconciled.transfer(number) for number in ("B1", "B2", "B3")]
        assert uow.reconciliation.deliveries() == [reconciled.delivery(lots=5, quantity=Decimal(25))]
        assert uow.reconciliation.receipts() == [reconciled.receipt()]


@pytest.fixture
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database without any table."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/empty.db"
    server: Server = request.getfixturevalue("postgres_server")
    url = server.create()
    request.addfinalizer(lambda: server.drop(url))
    return url


@pytest.mark.parametrize("empty_url", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)], indirect=True)
def test_statements_and_openings_keep_their_rows_one_step_back_and_forward_again(
    empty_url: str, clock: HandClock
) -> None:
    """Going back keeps the day's own statement where the month ends on the same day, and one currency of an opening."""
    upgrade_database(empty_url)
    store = open_store(empty_url, clock)
    store.add_book(Book(BOOK, "x", "CNY"), LI)
    month = samples.statement(first_day=DAY - timedelta(days=1))
    alone = samples.statement(trading_day=date(2026, 1, 30), first_day=date(2026, 1, 1), fills=())
    with store.begin(BOOK, LI) as uow:
        uow.statements.add(samples.stored_statement(), b"day")
        for statement in (month, alone):
            stored = samples.stored_statement()
            uow.statements.add(type(stored)(statement, 1, "m", "m.txt", stored.imported_at, "li"), b"month")
        uow.broker.add_opening(samples.opening())
    store.close()
    while current_revision(empty_url) != "0003":
        downgrade_one_step(empty_url)
    engine = make_engine(empty_url)
    with engine.begin() as connection:
        kept = connection.execute(text("SELECT trading_day, digest FROM statements ORDER BY trading_day")).all()
        assert [(str(row[0]), row[1]) for row in kept] == [
            ("2026-01-30", "m"),
            (str(DAY), samples.stored_statement().digest),
        ]
    with pytest.raises(RuleBroken), engine.begin() as connection:
        connection.execute(text("DELETE FROM statements"))
    engine.dispose()
    upgrade_database(empty_url)
    store = open_store(empty_url, clock)
    with store.read(BOOK) as uow:
        daily = uow.statements.current(ACCOUNT, DAY)
        assert daily is not None and daily.statement.form == "mtm"
        lone = uow.statements.current(ACCOUNT, date(2026, 1, 30), form="mtm_month")
        assert lone is not None and lone.digest == "m"
        assert [one.account for one in uow.broker.openings()] == [samples.opening().account]
    with pytest.raises(RuleBroken), store.begin(BOOK, LI) as uow:
        uow.statements._scope.run(text("UPDATE statements SET digest = 'x'"))  # type: ignore[attr-defined]
    store.close()
