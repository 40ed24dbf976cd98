"""Statements with their versions and fills, opening states and prices, on both databases."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.storage import SqlStore
from adapters.storage.schema import FILLS, PRICES
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Direction, Fill, SettlementPrice
from hedge_core.model.identity import Actor, BookId
from tests.support import samples
from tests.support.samples import ACCOUNT, DAY

LI = Actor("li.na")


def test_a_statement_comes_back_equal_with_the_file_as_received(store: SqlStore, book: BookId) -> None:
    stored, body = samples.stored_statement(), "结算单\r\n".encode("gb18030") * 50
    with store.begin(book, LI) as unit:
        unit.statements.add(stored, body)
    with store.read(book) as unit:
        assert unit.statements.current(ACCOUNT, DAY) == stored
        assert unit.statements.body(ACCOUNT, DAY, 1) == body
        assert unit.statements.body(ACCOUNT, DAY, 2) is None
        assert unit.statements.current(ACCOUNT, DAY + timedelta(days=1)) is None


def test_the_highest_version_is_current_and_the_old_one_is_kept(store: SqlStore, book: BookId) -> None:
    first, second = samples.stored_statement(), samples.stored_statement(2, "d2", client_name="更正")
    with store.begin(book, LI) as unit:
        unit.statements.add(first, b"1")
        unit.statements.add(second, b"2")
        assert unit.statements.current(ACCOUNT, DAY) == second
        assert unit.statements.versions(ACCOUNT, DAY) == [first, second]
        assert unit.statements.on_day(DAY) == [second]


def test_a_new_version_replaces_the_fills_of_that_account_and_day_only(store: SqlStore, book: BookId) -> None:
    other_day = samples.fill(trading_day=DAY + timedelta(days=1))
    other_account = samples.fill(account="80010002")
    with store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(), b"1")
        unit.statements.add(
            samples.stored_statement(
                trading_day=other_day.trading_day, first_day=other_day.trading_day, fills=(other_day,)
            ),
            b"2",
        )
        unit.statements.add(samples.stored_statement(account="80010002", fills=(other_account,)), b"3")
        changed = samples.fill(price=Decimal("71231"))
        unit.statements.add(samples.stored_statement(2, "d2", fills=(changed,)), b"4")
        assert unit.statements.fills() == [changed, other_account, other_day]
        assert unit.statements.fills(first=DAY + timedelta(days=1)) == [other_day]
        assert unit.statements.fills(last=DAY) == [changed, other_account]


def test_fills_are_ordered_by_day_exchange_and_the_number_in_their_id(store: SqlStore, book: BookId) -> None:
    fills = tuple(
        samples.fill(fill_id=fill_id, exchange=exchange, direction=direction)
        for exchange, fill_id, direction in [
            ("SHFE", "100", Direction.BUY),
            ("SHFE", "9", Direction.SELL),
            ("SHFE", "9", Direction.BUY),
            ("SHFE", "A7", Direction.BUY),
            ("CZCE", "500", Direction.BUY),
        ]
    )
    with store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(fills=fills), b"")
        assert [(f.exchange, f.fill_id, f.direction.value) for f in unit.statements.fills()] == [
            ("CZCE", "500", "buy"),
            ("SHFE", "A7", "buy"),
            ("SHFE", "9", "buy"),
            ("SHFE", "9", "sell"),
            ("SHFE", "100", "buy"),
        ]


def test_every_digit_and_the_time_of_a_fill_survive(store: SqlStore, book: BookId) -> None:
    exact = samples.fill(
        price=Decimal("0.100"),
        turnover=Decimal("12345678901234567890.123456789"),
        fee=Decimal("1E+3"),
        premium=Decimal("-0.00"),
        traded_at=datetime(2026, 3, 2, 1, 15, 0, 7, UTC),
        traded_on=DAY - timedelta(days=3),
    )
    with store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(fills=(exact,)), b"")
    with store.read(book) as unit:
        (found,) = unit.statements.fills()
        assert found == exact
        assert [str(found.price), str(found.turnover)] == ["0.100", "12345678901234567890.123456789"]
        assert [str(found.fee), str(found.premium)] == ["1000", "0.00"]


def test_every_field_of_a_fill_and_of_a_price_has_its_column() -> None:
    assert {field.name for field in fields(Fill)} == set(FILLS.c.keys()) - {"book_id"}
    assert {field.name for field in fields(SettlementPrice)} == set(PRICES.c.keys()) - {"book_id"}


def test_a_monthly_statement_is_kept_and_does_not_list_its_fills_again(store: SqlStore, book: BookId) -> None:
    month_end = date(2026, 3, 31)
    with store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(), b"")
        unit.statements.add(samples.stored_statement(trading_day=month_end, first_day=date(2026, 3, 1)), b"")
        assert unit.statements.days() == [DAY, month_end]
        assert len(unit.statements.fills()) == 2


def test_a_fill_of_another_day_does_not_belong_to_a_daily_statement(store: SqlStore, book: BookId) -> None:
    stranger = samples.fill(trading_day=DAY - timedelta(days=1))
    with pytest.raises(ValueError, match="does not belong"), store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(fills=(stranger,)), b"")
    with store.read(book) as unit:
        assert unit.statements.days() == []


def test_two_currencies_of_one_account_are_two_statements(store: SqlStore, book: BookId) -> None:
    dollars = samples.stored_statement(
        digest="usd",
        funds=replace(samples.funds(), currency="USD"),
        fills=(samples.fill(fill_id="77", currency="USD"),),
    )
    with store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(), b"")
        unit.statements.add(dollars, b"")
        assert unit.statements.current(ACCOUNT, DAY, "USD") == dollars
        assert unit.statements.current(ACCOUNT, DAY) == samples.stored_statement()
        assert len(unit.statements.on_day(DAY)) == 2
        assert len(unit.statements.fills()) == 3


def test_previous_is_the_current_version_of_the_latest_day_before(store: SqlStore, book: BookId) -> None:
    friday = DAY - timedelta(days=3)
    before = samples.stored_statement(2, "f2", trading_day=friday, first_day=friday, fills=())
    with store.begin(book, LI) as unit:
        unit.statements.add(replace(before, version=1, digest="f1"), b"")
        unit.statements.add(before, b"")
        unit.statements.add(samples.stored_statement(), b"")
        assert unit.statements.previous(ACCOUNT, DAY) == before
        assert unit.statements.previous(ACCOUNT, friday) is None
        assert unit.statements.accounts() == [ACCOUNT]
        assert unit.statements.days() == [friday, DAY]


def test_an_opening_state_is_kept_once_per_account(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.broker.add_opening(samples.opening())
    with store.read(book) as unit:
        assert unit.broker.openings() == [samples.opening()]


def test_a_price_is_replaced_by_kind_subject_and_day(store: SqlStore, book: BookId) -> None:
    spot = samples.price(kind="spot", subject="cu", price=Decimal("70950"), vat_included=False)
    with store.begin(book, LI) as unit:
        unit.broker.save_prices([samples.price(price=Decimal(1)), spot])
        unit.broker.save_prices([samples.price()])
        assert unit.broker.prices("settlement", DAY) == {"SHFE.cu2605": samples.price()}
        assert unit.broker.prices("spot", DAY) == {"cu": spot}
        assert unit.broker.prices("close", DAY) == {}


def test_the_latest_price_is_the_last_one_on_or_before_a_day(store: SqlStore, book: BookId) -> None:
    old = samples.price(trading_day=DAY - timedelta(days=3))
    with store.begin(book, LI) as unit:
        unit.broker.save_prices([old, samples.price()])
        latest = unit.broker.latest_price
        assert latest("settlement", "SHFE.cu2605", DAY + timedelta(days=40)) == samples.price()
        assert latest("settlement", "SHFE.cu2605", DAY - timedelta(days=1)) == old
        assert latest("settlement", "SHFE.cu2605", DAY - timedelta(days=9)) is None


def test_a_statement_version_that_exists_is_refused(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(), b"1")
    with pytest.raises(RuleBroken), store.begin(book, LI) as unit:
        unit.statements.add(samples.stored_statement(digest="other"), b"2")
    with store.read(book) as unit:
        assert unit.statements.versions(ACCOUNT, DAY) == [samples.stored_statement()]
