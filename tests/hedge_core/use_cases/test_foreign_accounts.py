"""Broker accounts in another currency: vouchers at the rate of their date, exchange differences at month ends, ties in both."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.documents.account_map import read_account_map
from adapters.storage import SqlStore
from hedge_core.accounting import AccountMap
from hedge_core.accounting.relationships import HedgedItem, HedgeRelationship, InstrumentShare, ItemKind
from hedge_core.accounting.rule_sets import RuleSet
from hedge_core.model.futures import Offset, Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.terms import CurrencyRate
from hedge_core.model.vouchers import ForeignAmount, Voucher
from hedge_core.ports.storage import OpeningState
from hedge_core.product_table import ProductTable
from hedge_core.use_cases.account import Ledger, account
from hedge_core.use_cases.accounting_days import Designation
from hedge_core.use_cases.settle import settle
from hedge_core.use_cases.statements import Approval, import_prices, import_statements
from hedge_core.use_cases.terms import save_terms
from hedge_core.use_cases.trace import trace_voucher
from hedge_core.use_cases.trial_balance import TrialBalance, trial_balance
from tests.support.databases import HandClock
from tests.support.desk import BUY, SELL, Desk, move_to

BOOK = BookId("cu01")
CLERK = Actor("li.na")
D = Decimal
COPPER = "COMEX.HG2606"
PRODUCTS = ProductTable([Product("COMEX", "HG", "copper", 250, D("0.05"), "lb", date(2020, 1, 1), vat_included=False)])
MARCH_30, MARCH_31, APRIL_1, APRIL_30 = date(2026, 3, 30), date(2026, 3, 31), date(2026, 4, 1), date(2026, 4, 30)
RATES = ((MARCH_30, "7.10"), (MARCH_31, "7.15"), (APRIL_30, "7.05"))


def ledger(designations: dict[bytes, Designation] | None = None) -> Ledger:
    known = designations or {}
    return Ledger(read_account_map, lambda body: known[body], lambda chosen: AccountMap.usual(chosen.rule_set))


def choose(store: SqlStore, *, rates: bool = True, **chosen: str) -> None:
    with store.begin(BOOK, CLERK) as uow:
        uow.save_settings({"rule_set": "none", "post": "month", **chosen})
    if rates:
        save_terms(store, BOOK, [(day, CurrencyRate("USD", D(rate))) for day, rate in RATES], "bank", CLERK)


def settled(store: SqlStore, clock: HandClock, desk: Desk, day: date, price: int, **what: Any) -> None:
    move_to(clock, day)
    statement, marks = desk.day(day, {COPPER: price}, **what)
    import_prices(store, BOOK, marks, CLERK)
    done = import_statements(
        store, BOOK, f"{day}.txt", day.isoformat().encode(), lambda *_: [statement], PRODUCTS, CLERK, clock,
        Approval(accept="invented broker"),
    )  # fmt: skip
    assert [one.state for one in done] == ["stored"], done
    result = settle(store, BOOK, day, PRODUCTS, CLERK, approved_by="wang.fang")
    assert (result.state, result.broken) == ("settled", ()), result


def four_days(store: SqlStore, clock: HandClock) -> None:
    """100,000 dollars come in; 4 lots of 250 bought at 400, settled 402 and 401, sold at 403; 20 dollars a trade."""
    desk = Desk("U1234567", D(0), {COPPER: 250}, "USD")
    bought = [desk.fill(MARCH_30, COPPER, BUY, Offset.OPEN, 4, 400, "20")]
    settled(store, clock, desk, MARCH_30, 402, fills=bought, cash=[("银期转账", "100000")])
    settled(store, clock, desk, MARCH_31, 401)
    sold = [desk.fill(APRIL_1, COPPER, SELL, Offset.CLOSE, 4, 403, "20")]
    settled(store, clock, desk, APRIL_1, 403, fills=sold)
    settled(store, clock, desk, APRIL_30, 405)


def booked(store: SqlStore, first: date, last: date) -> TrialBalance:
    made = account(store, BOOK, last, ledger(), CLERK)
    assert made.problems == ()
    result = trial_balance(store, BOOK, first, last, ledger())
    assert result.problems == ()
    assert [tie for tie in result.ties if not tie.holds] == []
    return result


def closing(result: TrialBalance) -> dict[str, Decimal]:
    return {row.account: row.closing for row in result.accounts if row.closing}


def vouchers(store: SqlStore, kind: str) -> list[Voucher]:
    with store.read(BOOK) as uow:
        return [stored.voucher for stored in uow.results.vouchers() if stored.voucher.kind == kind]


def test_vouchers_carry_the_dollars_and_the_rate_of_their_date_and_margin_money_is_revalued(
    store: SqlStore, clock: HandClock
) -> None:
    """Deposit 710,000 at 7.10. At 7.15 on 31 March: fee 143, result of 1,000 dollars 7,150; margin money of 100,980 dollars
    is worth 722,007, of which 5,000 is an exchange gain. In April at 7.05: 14,100 − 141, and 100,980 × −0.10 = −10,098."""
    choose(store)
    four_days(store, clock)
    march = closing(booked(store, date(2026, 3, 1), MARCH_31))
    assert march == {"1002": -710_000, "1012": 722_007, "6101": -7_150, "6111.02": 143, "6603": -5_000}
    april = booked(store, date(2026, 4, 1), APRIL_30)
    after = closing(april)
    assert (after["1012"], after["6603"]) == (D(725_868), D(5_098))
    assert after["1012"] == 102_960 * D("7.05")
    assert {(tie.name, tie.subject) for tie in april.ties} >= {
        ("margin_mtm", "U1234567 USD"), ("margin_translated", "USD"),
    }  # fmt: skip
    (deposit,) = vouchers(store, "cash")
    assert deposit.posting_date == MARCH_30
    assert [line.foreign for line in deposit.lines] == [ForeignAmount("USD", D(100_000), D("7.10"))] * 2
    exchange = vouchers(store, "exchange")
    assert [(one.posting_date, one.total) for one in exchange] == [(MARCH_31, 5_000), (APRIL_30, 10_098)]
    assert exchange[0].lines[0].foreign == ForeignAmount("USD", D(0), D("7.15"))
    assert exchange[0].lines[1].foreign == ForeignAmount("USD", D(0), D("7.15"), kept=False)
    assert "汇兑损益" in exchange[0].summary


def test_kept_variation_is_a_fair_value_in_the_books_currency_and_nothing_is_left_when_it_is_closed(
    store: SqlStore, clock: HandClock
) -> None:
    """March: 1,000 dollars of value, 7,150. April: +2,000 at 7.05 = 14,100; paid 3,000 at 7.05 = 21,150; the 100 between them
    go where the fair value went."""
    choose(store, variation="keep")
    four_days(store, clock)
    march = closing(booked(store, date(2026, 3, 1), MARCH_31))
    assert (march["3101"], march["1012"], march["6603"]) == (D(7_150), 99_980 * D("7.15"), D(-5_000))
    after = closing(booked(store, date(2026, 4, 1), APRIL_30))
    assert "3101" not in after
    assert "6101" not in after
    assert after["6111.01"] == -21_150
    assert after["1012"] == 102_960 * D("7.05")


def test_a_realised_only_book_translates_when_it_realises(store: SqlStore, clock: HandClock) -> None:
    choose(store, rule_set="small_enterprise")
    four_days(store, clock)
    after = closing(booked(store, date(2026, 3, 1), APRIL_30))
    assert after["5111"] == -21_150  # 3,000 dollars at 7.05
    assert after["1012"] == 102_960 * D("7.05")


def test_every_line_of_an_exchange_difference_leads_to_its_rate(store: SqlStore, clock: HandClock) -> None:
    choose(store)
    four_days(store, clock)
    booked(store, date(2026, 3, 1), MARCH_31)
    (exchange,) = vouchers(store, "exchange")
    with store.read(BOOK) as uow:
        origins = trace_voucher(uow, exchange)
    assert [(one.kind, dict(one.details)["rate"]) for one in origins] == [("currency_rate", "7.15")] * 2


def test_a_missing_rate_is_named_and_nothing_is_booked(store: SqlStore, clock: HandClock) -> None:
    choose(store, rates=False)
    four_days(store, clock)
    made = account(store, BOOK, MARCH_31, ledger(), CLERK)
    assert [problem.rule for problem in made.problems] == ["currency_rate_missing"]
    assert vouchers(store, "cash") == []


def test_a_book_that_keeps_them_elsewhere_leaves_them_out(store: SqlStore, clock: HandClock) -> None:
    choose(store, rates=False, foreign_accounts="leave_out")
    four_days(store, clock)
    assert account(store, BOOK, MARCH_31, ledger(), CLERK).made == ()


def test_an_unknown_choice_is_refused_by_name(store: SqlStore, clock: HandClock) -> None:
    choose(store, foreign_accounts="sometimes")
    four_days(store, clock)
    made = account(store, BOOK, MARCH_31, ledger(), CLERK)
    assert [(problem.rule, problem.record) for problem in made.problems] == [("book_setting", "foreign_accounts")]


def test_foreign_lots_cannot_be_designated(store: SqlStore, clock: HandClock) -> None:
    choose(store)
    four_days(store, clock)
    share = InstrumentShare("U1234567/20260330/COMEX/1001/buy", 4, MARCH_30)
    item = HedgedItem(ItemKind.FORECAST_PURCHASE, "copper", D(1), D(0), D(70_000))
    made_up = HedgeRelationship("CFH-9", RuleSet.CAS24, item, (share,), MARCH_30, "wang.fang", MARCH_30)
    with store.begin(BOOK, CLERK) as uow:
        uow.save_document("designation", "CFH-9", b"file")
    made = account(store, BOOK, MARCH_31, ledger({b"file": Designation(made_up)}), CLERK)
    assert [problem.rule for problem in made.problems] == ["foreign_hedge"]


@pytest.mark.parametrize("variation", ["sweep", "keep"])
def test_what_was_there_at_go_live_is_revalued_and_not_booked(
    store: SqlStore, clock: HandClock, variation: str
) -> None:
    """The account starts with 50,000 dollars at 7.10; at 7.15 they are 2,500 more, and only that is ours."""
    choose(store, variation=variation)
    desk = Desk("U1234567", D(50_000), {COPPER: 250}, "USD")
    with store.begin(BOOK, CLERK) as uow:
        statement, _ = desk.day(date(2026, 3, 27), {COPPER: 400})
        uow.broker.add_opening(OpeningState("U1234567", date(2026, 3, 27), "digest", (), statement, CLERK.name))
    settled(store, clock, desk, MARCH_31, 401)
    result = booked(store, date(2026, 3, 1), MARCH_31)
    assert closing(result) == {"1012": 2_500, "6603": -2_500}
    (tie,) = [one for one in result.ties if one.name == "margin_translated"]
    assert (tie.ours, tie.theirs) == (D(357_500), D(357_500))
