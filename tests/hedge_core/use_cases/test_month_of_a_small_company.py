"""A month as a small company books it with no setting chosen: from two statements to vouchers, by hand; it ends on a Sunday."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from adapters.documents.account_map import read_account_map
from adapters.storage import SqlStore
from hedge_core.accounting import AccountMap, Labels
from hedge_core.model.futures import Offset, Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.product_table import ProductTable
from hedge_core.use_cases.account import Ledger, account
from hedge_core.use_cases.accounting_days import Designation
from hedge_core.use_cases.settle import settle
from hedge_core.use_cases.statements import Approval, import_prices, import_statements
from hedge_core.use_cases.trial_balance import trial_balance
from tests.support.databases import HandClock
from tests.support.desk import BUY, SELL, Desk, move_to

BOOK = BookId("cu01")
CLERK = Actor("li.na")
D = Decimal
COPPER = "SHFE.cu2607"
PRODUCTS = ProductTable([Product("SHFE", "cu", "copper", 5, D(10), "t", date(2020, 1, 1))])
THURSDAY, FRIDAY, SUNDAY = date(2026, 5, 28), date(2026, 5, 29), date(2026, 5, 31)


def no_designation(body: bytes) -> Designation:
    raise AssertionError("this book has none")


LEDGER = Ledger(
    read_account_map, no_designation, lambda chosen: AccountMap.usual(chosen.rule_set),
    Labels({"80018001": "华泰*8001"}, {"SHFE.cu": "铜"}),
)  # fmt: skip


def month(store: SqlStore, clock: HandClock) -> None:
    """18 lots of 5 t sold at 70,200, 10 of them bought back at 69,900 the next day, which settles at 70,000; fees, a rebate,
    interest and a penalty."""
    desk = Desk("80018001", D(0), {COPPER: 5})
    opened = [desk.fill(THURSDAY, COPPER, SELL, Offset.OPEN, 18, 70_200, "54")]
    closed = [desk.fill(FRIDAY, COPPER, BUY, Offset.CLOSE, 10, 69_900, "30")]
    first = desk.day(THURSDAY, {COPPER: 70_100}, opened, [("银期转账", "500000"), ("利息", "12.34")])
    second = desk.day(FRIDAY, {COPPER: 70_000}, closed, [("罚款", "-100"), ("手续费返还", "8.00")])
    for day, (statement, marks) in ((THURSDAY, first), (FRIDAY, second)):
        move_to(clock, day)
        import_prices(store, BOOK, marks, CLERK)
        (done,) = import_statements(
            store, BOOK, f"{day}.txt", str(day).encode(), lambda *_, made=statement: [made], PRODUCTS, CLERK, clock,
            Approval(accept="invented broker"),
        )  # fmt: skip
        assert done.state == "stored"
        assert settle(store, BOOK, day, PRODUCTS, CLERK, approved_by="wang.fang").state == "settled"


def lines(store: SqlStore) -> dict[str, tuple[date, int, list[tuple[str, Decimal]]]]:
    with store.read(BOOK) as uow:
        found = [stored.voucher for stored in uow.results.vouchers()]
    assert len({one.kind for one in found}) == len(found), "one voucher per kind"
    for one in found:
        assert one.summary.endswith(f" {one.key}")
        assert len(one.summary) <= 60
    return {
        one.kind: (one.posting_date, one.attachments, [(line.account, line.debit - line.credit) for line in one.lines])
        for one in found
    }


def test_with_no_setting_chosen_a_month_is_five_vouchers(store: SqlStore, clock: HandClock) -> None:
    """Fair value: 18 × 5 × 100 = 9,000 on Thursday; Friday 10 × 5 × 200 + 8 × 5 × 100 = 14,000: 23,000, swept. Closed from the
    opening price: 10 × 5 × 300 = 15,000 moves to 6111.01. Fees 84 less 8."""
    month(store, clock)
    made = account(store, BOOK, SUNDAY, LEDGER, CLERK)
    assert made.problems == ()
    booked = lines(store)
    assert booked["cash"] == (THURSDAY, 1, [("1012", D(500_000)), ("1002", D(-500_000))])
    assert booked["fair_value"] == (
        SUNDAY, 2, [("3101", D(23_000)), ("6101", D(-23_000)), ("1012", D(23_000)), ("3101", D(-23_000))],
    )  # fmt: skip
    assert booked["close"] == (SUNDAY, 2, [("6101", D(15_000)), ("6111.01", D(-15_000))])
    assert booked["fee"] == (
        SUNDAY, 1, [("6111.02", D(-8)), ("1012", D(8)), ("6111.02", D(84)), ("1012", D(-84))],
    )  # fmt: skip
    assert booked["interest"] == (
        SUNDAY, 1, [("1012", D("12.34")), ("6603", D("-12.34")), ("6711", D(100)), ("1012", D(-100))],
    )  # fmt: skip
    assert len(booked) == 5
    close = next(v for v in made.made if v.kind == "close")
    assert close.summary == f"2026年5月期货平仓盈亏 铜10手 华泰*8001 {close.key}"


def test_a_small_enterprise_books_what_was_closed_and_nothing_else(store: SqlStore, clock: HandClock) -> None:
    with store.begin(BOOK, CLERK) as uow:
        uow.save_settings({"rule_set": "small_enterprise"})
    month(store, clock)
    assert account(store, BOOK, SUNDAY, LEDGER, CLERK).problems == ()
    booked = lines(store)
    assert set(booked) == {"cash", "close", "fee", "interest"}
    assert booked["close"] == (SUNDAY, 2, [("1012", D(15_000)), ("5111", D(-15_000))])
    assert booked["fee"][2][2:] == [("5603", D(84)), ("1012", D(-84))]
    assert booked["interest"][2][2:] == [("5711", D(100)), ("1012", D(-100))]


@pytest.mark.parametrize(
    ("close_result", "fair_value", "closing"),
    [("transfer", D(-8_000), D(-15_000)), ("last_leg", D(-13_000), D(-10_000)), ("none", D(-23_000), D(0))],
)
def test_the_three_practices_of_closing_differ_in_two_accounts_only(
    store: SqlStore, clock: HandClock, close_result: str, fair_value: Decimal, closing: Decimal
) -> None:
    """Closed 10 lots: 15,000 since opening, of which 5,000 were fair value on Thursday and 10,000 the last leg."""
    with store.begin(BOOK, CLERK) as uow:
        uow.save_settings({"close_result": close_result})
    month(store, clock)
    assert account(store, BOOK, SUNDAY, LEDGER, CLERK).problems == ()
    result = trial_balance(store, BOOK, date(2026, 5, 1), SUNDAY, LEDGER)
    assert [tie for tie in result.ties if not tie.holds] == []
    after = {row.account: row.closing for row in result.accounts if row.closing}
    assert after.pop("6101") == fair_value
    assert after.pop("6111.01", D(0)) == closing
    assert after == {"1002": -500_000, "1012": D("522836.34"), "6111.02": 76, "6603": D("-12.34"), "6711": 100}


def test_the_small_enterprise_standard_inside_a_group_books_nothing_and_says_why(
    store: SqlStore, clock: HandClock
) -> None:
    with store.begin(BOOK, CLERK) as uow:
        uow.save_settings({"rule_set": "small_enterprise", "in_group": "yes"})
    month(store, clock)
    made = account(store, BOOK, SUNDAY, LEDGER, CLERK)
    assert ([problem.rule for problem in made.problems], made.made) == (["rule_set_group"], ())
