"""One account with money in two currencies is compared currency by currency: nothing nets, nothing is mixed up."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from adapters.reference import load_calendar
from adapters.storage import SqlStore
from hedge_core.model.broker import FundsAnswer, Position
from hedge_core.model.futures import AccountStatement, Fill, Offset, Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.broker_queries import PositionsAnswer, Road
from hedge_core.product_table import ProductTable
from hedge_core.use_cases.reconcile_day import ReconciledDay, reconcile_day
from hedge_core.use_cases.settle import Settled, settle
from hedge_core.use_cases.statements import Approval, import_prices, import_statements
from tests.support.databases import HandClock
from tests.support.desk import BUY, SELL, Desk, move_to

BOOK = BookId("cu01")
CLERK = Actor("li.na")
D = Decimal
ACCOUNT = "U7300021"
HOME, ABROAD = "SHFE.cu2606", "COMEX.SI2606"
DAY = date(2026, 3, 30)
PRODUCTS = ProductTable([
    Product("SHFE", "cu", "copper", 5, D(10), "t", date(2020, 1, 1)),
    Product("COMEX", "SI", "silver", 250, D("0.05"), "oz", date(2020, 1, 1), vat_included=False),
])  # fmt: skip


@pytest.fixture
def stated(store: SqlStore, clock: HandClock) -> dict[str, AccountStatement]:
    """7 lots of 5 t sold at 71,300 and settled 71,150: 5,250 CNY less 21; 3 lots of 250 oz bought at 400 and settled 404:
    3,000 USD less 15. Both statements are of one account number."""
    move_to(clock, DAY)
    yuan = Desk(ACCOUNT, D(0), {HOME: 5})
    dollar = Desk(ACCOUNT, D(0), {ABROAD: 250}, "USD")
    days = {
        "CNY": yuan.day(
            DAY, {HOME: 71_150}, [yuan.fill(DAY, HOME, SELL, Offset.OPEN, 7, 71_300, "21")], [("银期转账", "400000")]
        ),
        "USD": dollar.day(
            DAY, {ABROAD: 404}, [dollar.fill(DAY, ABROAD, BUY, Offset.OPEN, 3, 400, "15")], [("银期转账", "60000")]
        ),
    }
    for currency, (statement, marks) in days.items():
        import_prices(store, BOOK, marks, CLERK)
        (done,) = import_statements(
            store, BOOK, f"{currency}.txt", currency.encode(), lambda *_, made=statement: [made], PRODUCTS, CLERK, clock,
            Approval(accept="invented broker"),
        )  # fmt: skip
        assert done.state == "stored"
    return {currency: statement for currency, (statement, _) in days.items()}


def answered(
    store: SqlStore,
    stated: dict[str, AccountStatement],
    *,
    lots: dict[str, int] | None = None,
    more: dict[str, str] | None = None,
    fills: list[Fill] | None = None,
) -> None:
    """The broker's answers after the close: as stated, with lots and money by currency that a test adds."""
    at = datetime.combine(DAY, datetime.min.time(), UTC) + timedelta(hours=9)
    positions = [
        Position(ACCOUNT, DAY, row.instrument, row.direction, row.hedge_flag, 0, row.lots + (lots or {}).get(currency, 0),
                 currency=currency)
        for currency, statement in stated.items()
        for row in statement.positions
    ]  # fmt: skip
    with store.begin(BOOK, CLERK) as uow:
        told = [fill for one in stated.values() for fill in one.fills] if fills is None else fills
        uow.broker_queries.save_fills("ctp", told, Road.QUERY, at, ("fee", "realised_mtm"))
        uow.broker_queries.save_positions("ctp", PositionsAnswer(ACCOUNT, DAY, at, tuple(positions)))
        for currency, statement in stated.items():
            funds = statement.funds
            extra = D((more or {}).get(currency, "0"))
            told_funds = replace(funds, deposit_withdrawal=funds.deposit_withdrawal + extra)
            uow.broker_queries.save_funds("ctp", FundsAnswer(ACCOUNT, DAY, at, told_funds))


def run(store: SqlStore, clock: HandClock) -> ReconciledDay:
    return reconcile_day(store, BOOK, DAY, PRODUCTS, CLERK, clock, load_calendar())


def settled(store: SqlStore) -> Settled:
    return settle(store, BOOK, DAY, PRODUCTS, CLERK, approved_by="wang.fang")


def found(done: ReconciledDay) -> set[tuple[str, str, str, str, Decimal]]:
    return {(row.subject, row.key, row.left, row.right, row.difference) for row in done.blocking}


def test_an_account_in_two_currencies_that_agrees_has_no_row_and_is_settled(
    store: SqlStore, clock: HandClock, stated: dict[str, AccountStatement]
) -> None:
    answered(store, stated)
    done = run(store, clock)
    assert (done.rows, done.notes, done.sources) == ((), (), ("ours", "query", "statement"))
    assert settled(store).state == "settled"


def test_money_off_by_the_same_amount_in_both_currencies_does_not_cancel(
    store: SqlStore, clock: HandClock, stated: dict[str, AccountStatement]
) -> None:
    answered(store, stated, more={"CNY": "100", "USD": "-100"})
    assert found(run(store, clock)) == {
        ("deposits", "CNY", "ours", "query", D(100)), ("deposits", "CNY", "query", "statement", D(-100)),
        ("deposits", "USD", "ours", "query", D(-100)), ("deposits", "USD", "query", "statement", D(100)),
    }  # fmt: skip
    held = settled(store)
    assert (held.state, {broken.rule for broken in held.broken}) == ("open", {"unreconciled"})


def test_lots_that_differ_in_one_currency_say_nothing_about_the_other(
    store: SqlStore, clock: HandClock, stated: dict[str, AccountStatement]
) -> None:
    answered(store, stated, lots={"USD": 2})
    rows = found(run(store, clock))
    assert {(subject, left, right, difference) for subject, _, left, right, difference in rows} == {
        ("lots", "ours", "query", D(2)), ("lots", "query", "statement", D(-2)),
    }  # fmt: skip
    assert all(ABROAD in key for _, key, *_ in rows)


def test_a_fill_that_the_query_lacks_is_missed_in_its_own_currency(
    store: SqlStore, clock: HandClock, stated: dict[str, AccountStatement]
) -> None:
    answered(store, stated, fills=list(stated["CNY"].fills))
    rows = found(run(store, clock))
    assert {subject for subject, *_ in rows} == {"fill"}
    assert all("COMEX" in key for _, key, *_ in rows)
