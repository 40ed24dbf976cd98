"""Fill blocks, recalculations and requests to reopen a day, on both databases."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from adapters.storage import SqlStore
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.column_blocks import Recalculation, ResultDay
from hedge_core.recalculation.blocks import COLUMNS, decode_block
from tests.support.samples import fill, price, stored_statement

LI, WANG = Actor("li.na"), Actor("wang.fang")
OTHER = BookId("al02")
DAY = date(2026, 3, 4)


def recalculation(run: int) -> Recalculation:
    made = datetime(2026, 3, 5, 8, 0, tzinfo=UTC)
    return Recalculation(run, DAY, DAY, "proposed", "d", b"keys", {"fills": 1, "snapshots": []}, made, LI.name)


def test_a_statement_leaves_a_block_of_its_fills_and_a_corrected_one_a_newer_version(
    store: SqlStore, book: BookId
) -> None:
    first = fill(fill_id="1", lots=3)
    second = fill(fill_id="2", lots=4, price=Decimal("70210.5"))
    with store.begin(book, LI) as uow:
        uow.statements.add(stored_statement(fills=(first,)), b"one")
        uow.statements.add(stored_statement(version=2, digest="d2", fills=(first, second)), b"two")
    with store.read(book) as uow:
        (block,) = uow.columns.blocks()
        assert (block.version, block.fills) == (2, 2)
        read = decode_block(block.body)
        assert read.columns[COLUMNS.index("lots")].tolist() == [3, 4]
        assert read.price_places == 1
        assert uow.columns.without_block() == []
    with store.read(OTHER) as uow:
        assert uow.columns.blocks() == []


def test_prices_come_as_texts_digit_for_digit(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as uow:
        uow.broker.save_prices([price(price=Decimal("70200.50")), price(kind="close", price=Decimal(1))])
    with store.read(book) as uow:
        sample = price()
        rows = uow.columns.settlement_price_texts(sample.trading_day, sample.trading_day)
        assert [tuple(row) for row in rows] == [(sample.subject, sample.trading_day, "70200.50")]
    with store.read(OTHER) as uow:
        assert list(uow.columns.settlement_price_texts(sample.trading_day, sample.trading_day)) == []


def test_a_run_is_decided_once_and_its_days_never_change(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as uow:
        uow.columns.add_recalculation(recalculation(1), [ResultDay(DAY, "aa", "", b"body")])
    with store.begin(book, WANG) as uow:
        uow.columns.decide_recalculation(1, "accepted", "checked")
    with store.read(book) as uow:
        found = uow.columns.recalculation(1)
        assert found is not None
        assert (found.status, found.decided_by, found.reason) == ("accepted", WANG.name, "checked")
        assert list(uow.columns.result_days(1)) == [ResultDay(DAY, "aa", "", b"body")]
    with pytest.raises(RuleBroken) as again, store.begin(book, LI) as uow:
        uow.columns.decide_recalculation(1, "rejected", "no")
    assert again.value.rule == "write_once"


def test_another_book_sees_no_run_and_no_request(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as uow:
        uow.columns.add_recalculation(recalculation(1), [ResultDay(DAY, "aa", "", b"body")])
        uow.columns.ask_reopening(DAY, "late fill")
    with store.read(OTHER) as uow:
        assert uow.columns.recalculations() == []
        assert uow.columns.recalculation(1) is None
        assert uow.columns.result_day(1, DAY) is None
        assert uow.columns.reopenings() == []
    with pytest.raises(KeyError), store.begin(OTHER, LI) as uow:
        uow.columns.decide_recalculation(1, "accepted", "not mine")
    with pytest.raises(KeyError), store.begin(OTHER, LI) as uow:
        uow.columns.decide_reopening(DAY, 1, "approved")
