"""Options from the statement to the ledger: premium, fair value, sale, exercise, expiry, free and designated; the ties hold."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.documents.account_map import read_account_map
from adapters.storage import SqlStore
from hedge_core.accounting import AccountMap
from hedge_core.accounting.option_value import TimeValue
from hedge_core.accounting.relationships import (
    Excluded,
    ExcludedElement,
    HedgedItem,
    HedgeRelationship,
    InstrumentShare,
    ItemKind,
    ItemMovement,
    Related,
)
from hedge_core.accounting.rule_sets import RuleSet
from hedge_core.model.futures import Offset, Product, SettlementPrice
from hedge_core.model.identity import Actor, BookId
from hedge_core.product_table import ProductTable
from hedge_core.use_cases.account import Accounted, Ledger, account
from hedge_core.use_cases.accounting_days import Designation
from hedge_core.use_cases.result import result_now
from hedge_core.use_cases.settle import settle
from hedge_core.use_cases.statements import Approval, import_prices, import_statements
from hedge_core.use_cases.trial_balance import TrialBalance, trial_balance
from tests.support.databases import HandClock
from tests.support.desk import BUY, SELL, Desk, Held, move_to

BOOK = BookId("cu01")
CLERK, BOSS = Actor("li.na"), Actor("wang.fang")
D = Decimal
FUTURE, CALL, PUT = "SHFE.cu2605", "SHFE.cu2605C70000", "SHFE.cu2605P70000"
PRODUCTS = ProductTable([Product("SHFE", "cu", "copper", 5, D(10), "t", date(2020, 1, 1))])
SIZES = {FUTURE: 5, CALL: 5, PUT: 5}
DAYS = (date(2026, 3, 2), date(2026, 3, 3), date(2026, 3, 4), date(2026, 3, 5))
NONE = {"rule_set": "none", "post": "day"}


def ledger(designations: Mapping[bytes, Designation] | None = None) -> Ledger:
    known = designations or {}
    return Ledger(read_account_map, lambda body: known[body], lambda chosen: AccountMap.usual(chosen.rule_set))


def settled(store: SqlStore, clock: HandClock, desk: Desk, day: date, prices: dict[str, int], **what: Any) -> None:
    move_to(clock, day)
    statement, marks = desk.day(day, prices, **what)
    import_prices(store, BOOK, marks, CLERK)
    done = import_statements(
        store, BOOK, f"{day}.txt", day.isoformat().encode(), lambda *_: [statement], PRODUCTS, CLERK, clock,
        Approval(accept="invented broker"),
    )  # fmt: skip
    assert [one.state for one in done] == ["stored"], done
    result = settle(store, BOOK, day, PRODUCTS, CLERK, approved_by=BOSS.name)
    assert (result.state, result.broken) == ("settled", ()), result


def four_days(store: SqlStore, clock: HandClock) -> Desk:
    """10 calls of 5 t bought at 1,000; 4 sold at 1,500; 4 exercised at 70,000 with the future at 71,800; 2 left to expire."""
    desk = Desk("80010001", D(0), SIZES)
    bought = [desk.fill(DAYS[0], CALL, BUY, Offset.OPEN, 10, 1_000)]
    settled(store, clock, desk, DAYS[0], {CALL: 1_200, FUTURE: 69_500}, fills=bought, cash=[("银期转账", "1000000")])
    sold = [desk.fill(DAYS[1], CALL, SELL, Offset.CLOSE, 4, 1_500)]
    settled(store, clock, desk, DAYS[1], {CALL: 1_600, FUTURE: 70_500}, fills=sold)
    settled(store, clock, desk, DAYS[2], {CALL: 1_900, FUTURE: 71_800}, exercise=(CALL, BUY, 4, 70_000, "执行"))
    settled(store, clock, desk, DAYS[3], {CALL: 1, FUTURE: 71_500}, exercise=(CALL, BUY, 2, 70_000, "放弃"))
    return desk


def choose(store: SqlStore, **chosen: str) -> None:
    with store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**NONE, **chosen})


def booked(store: SqlStore, through: date = DAYS[-1], using: Ledger | None = None) -> tuple[Accounted, TrialBalance]:
    using = using or ledger()
    made = account(store, BOOK, through, using, CLERK)
    assert made.problems == ()
    result = trial_balance(store, BOOK, DAYS[0], through, using)
    assert result.problems == ()
    assert [tie for tie in result.ties if not tie.holds] == []
    return made, result


def closing(result: TrialBalance) -> dict[str, Decimal]:
    return {row.account: row.closing for row in result.accounts if row.closing}


def test_premium_sale_exercise_and_expiry_are_booked_and_tie_to_the_broker(store: SqlStore, clock: HandClock) -> None:
    """Sold: +10,000. Exercised: worth 36,000, cost 20,000: +16,000. Expired: −10,000. The future from 71,800 to 71,500:
    −6,000, still open. 1,000,000 of money becomes 1,010,000, all variation of the future swept."""
    choose(store)
    four_days(store, clock)
    made, result = booked(store)
    assert closing(result) == {"1002": -1_000_000, "1012": 1_010_000, "6111.01": -16_000, "6101": 6_000}
    assert {tie.name for tie in result.ties} == {"margin_mtm", "options", "vouchers"}
    premium = [v for v in made.made if v.kind == "premium"]
    assert [(v.posting_date, v.total) for v in premium] == [(DAYS[0], 50_000), (DAYS[1], 30_000)]
    assert [(line.account, line.debit) for line in premium[0].lines] == [("1012", 0), ("3101", 50_000)]
    assert "期权权利金" in premium[0].summary


def test_each_day_the_derivative_account_has_the_value_of_the_options(store: SqlStore, clock: HandClock) -> None:
    """60,000; 6 × 5 × 1,600 = 48,000; 2 × 5 × 1,900 = 19,000; nothing."""
    choose(store)
    four_days(store, clock)
    _, result = booked(store)
    assert [tie.ours for tie in result.ties if tie.name == "options"] == [60_000, 48_000, 19_000, 0]


def test_with_variation_kept_an_exercised_option_goes_on_as_the_value_of_its_future(
    store: SqlStore, clock: HandClock
) -> None:
    """The future stands at 4 × 5 × (71,500 − 70,000) = 30,000, of which 36,000 came from the option."""
    choose(store, variation="keep")
    four_days(store, clock)
    _, result = booked(store)
    assert closing(result) == {
        "1002": -1_000_000, "1012": 980_000, "3101": 30_000, "6111.01": -16_000, "6101": 6_000,
    }  # fmt: skip


def test_a_realised_only_book_keeps_the_premium_at_cost_until_the_option_ends(
    store: SqlStore, clock: HandClock
) -> None:
    """Sold +10,000, exercised −20,000, expired −10,000; the future's 30,000 is not realised yet."""
    choose(store, rule_set="small_enterprise")
    four_days(store, clock)
    _, early = booked(store, DAYS[1])
    assert closing(early) == {"1002": -1_000_000, "1012": 980_000, "1101": 30_000, "5111": -10_000}
    _, result = booked(store)
    assert closing(result) == {"1002": -1_000_000, "1012": 980_000, "5111": 20_000}


@pytest.mark.parametrize("measure", ["day", "month"])
def test_a_month_has_one_premium_voucher_and_the_same_balances_however_often_it_is_measured(
    store: SqlStore, clock: HandClock, measure: str
) -> None:
    choose(store, post="month", measure=measure)
    four_days(store, clock)
    made, result = booked(store, date(2026, 3, 31))
    (premium,) = [v for v in made.made if v.kind == "premium"]
    assert premium.posting_date == date(2026, 3, 31)
    assert [(line.debit, line.credit) for line in premium.lines] == [(0, 20_000), (20_000, 0)]
    assert closing(result)["1012"] == 1_010_000


def test_a_sold_put_is_a_liability_and_its_assignment_a_long_future(store: SqlStore, clock: HandClock) -> None:
    """3 puts sold at 800: 12,000 received. Assigned at 70,000 with the future at 69,500: worth 7,500, so +4,500; then the
    future falls to 69,000."""
    choose(store, variation="keep")
    desk = Desk("80010001", D(0), SIZES)
    sold = [desk.fill(DAYS[0], PUT, SELL, Offset.OPEN, 3, 800)]
    settled(store, clock, desk, DAYS[0], {PUT: 900, FUTURE: 69_800}, fills=sold, cash=[("银期转账", "500000")])
    _, first = booked(store, DAYS[0])
    assert closing(first) == {"1002": -500_000, "1012": 512_000, "3101": -13_500, "6101": 1_500}
    settled(store, clock, desk, DAYS[1], {PUT: 600, FUTURE: 69_500}, exercise=(PUT, SELL, 3, 70_000, "执行"))
    settled(store, clock, desk, DAYS[2], {FUTURE: 69_000})
    _, result = booked(store, DAYS[2])
    assert closing(result) == {
        "1002": -500_000, "1012": 512_000, "3101": -15_000, "6111.01": -4_500, "6101": 7_500,
    }  # fmt: skip


# --- designated options -----------------------------------------------------------------------------------------------


def hedge(**changes: Any) -> HedgeRelationship:
    """50 t to be bought are protected by 10 calls of 70,000, intrinsic value only; 50,000 of premium is all time value."""
    item = HedgedItem(ItemKind.FORECAST_PURCHASE, "copper", D(50), D(0), D(70_000))
    element = ExcludedElement(
        Excluded.TIME_VALUE, Related.TRANSACTION, D(50_000), D(50_000), DAYS[0], date(2026, 5, 31)
    )
    plain = HedgeRelationship(
        "CFH-1", RuleSet.CAS24, item, (InstrumentShare("80010001/20260302/SHFE/1001/buy", 10, DAYS[0]),), DAYS[0],
        "wang.fang", DAYS[0], "TQ-1", "calls, rolled into futures", element,
    )  # fmt: skip
    return replace(plain, **changes)


def designate(store: SqlStore, designation: Designation) -> Ledger:
    body = b"the file"
    with store.begin(BOOK, CLERK) as uow:
        uow.save_document("designation", designation.relationship.relationship_id, body)
    return ledger({body: designation})


def spot(store: SqlStore, day: date, price: int) -> None:
    row = SettlementPrice("spot", "copper", day, D(price), "CNY", "invented", vat_included=False)
    import_prices(store, BOOK, [row], CLERK)


def three_days(store: SqlStore, clock: HandClock, last: dict[str, Any]) -> None:
    desk = Desk("80010001", D(0), SIZES)
    bought = [desk.fill(DAYS[0], CALL, BUY, Offset.OPEN, 10, 1_000)]
    settled(store, clock, desk, DAYS[0], {CALL: 900, FUTURE: 69_500}, fills=bought, cash=[("银期转账", "1000000")])
    settled(store, clock, desk, DAYS[1], {CALL: 1_700, FUTURE: 71_200})
    prices = {CALL: 2_000, FUTURE: 71_800}
    fills = [desk.fill(DAYS[2], CALL, SELL, Offset.CLOSE, 10, 2_000)] if "sold" in last else []
    exercise = None if fills else (CALL, BUY, 10, 70_000, "执行")
    settled(store, clock, desk, DAYS[2], prices, fills=fills, exercise=exercise)
    for day, price in zip(DAYS, (70_000, 71_300, 71_900), strict=False):
        spot(store, day, price)


def test_a_designated_call_parts_its_value_into_reserve_and_cost_of_hedging_and_both_enter_the_cost_of_the_goods(
    store: SqlStore, clock: HandClock
) -> None:
    """Day 1: 45,000 of time value left of 50,000: −5,000 as cost of hedging. Day 2: worth 85,000, intrinsic 60,000, time
    25,000; the item lost 65,000, the reserve is 60,000. Day 3: sold for 100,000 with 90,000 intrinsic, time value 10,000:
    reserve 90,000 of the item's 95,000, cost of hedging −40,000. The goods come: 50,000 less cost."""
    choose(store)
    three_days(store, clock, {"sold": True})
    goods = ItemMovement("CFH-1", DAYS[2], D(50))
    using = designate(store, Designation(hedge(), (goods,)))
    reserves = []
    for day in DAYS[:2]:
        made, result = booked(store, day, using)
        reserves.append(closing(result).get("4003"))
    assert reserves == [5_000, -60_000 + 25_000]
    made, result = booked(store, DAYS[2], using)
    assert closing(result) == {"1002": -1_000_000, "1012": 1_050_000, "1403.99": -50_000}
    assert {tie.name for tie in result.ties} >= {"options", "reserve", "margin_mtm"}
    hedges = [v for v in made.made if v.kind == "hedge"]
    assert all(v.relationship == "CFH-1" for v in hedges)
    first = [line for line in (account_lines(store, DAYS[0], "hedge")) if line[0] == "3201"]
    assert first[0] == ("3201", D(50_000), D(0))


def test_the_result_of_the_business_has_closed_options_and_the_futures_they_became(
    store: SqlStore, clock: HandClock
) -> None:
    """Sold +10,000, exercised −20,000, expired −10,000, the future +30,000: 10,000; 7 and 5 yuan of fees once each."""
    choose(store)
    desk = Desk("80010001", D(0), SIZES)
    bought = [desk.fill(DAYS[0], CALL, BUY, Offset.OPEN, 10, 1_000, "7")]
    settled(store, clock, desk, DAYS[0], {CALL: 1_200, FUTURE: 69_500}, fills=bought)
    first = result_now(store, BOOK, PRODUCTS, clock)
    assert sum(row.attribution.futures for row in first.rows) == 10_000  # open: 10 lots of 5 t, 200 up
    sold = [desk.fill(DAYS[1], CALL, SELL, Offset.CLOSE, 4, 1_500, "5")]
    settled(store, clock, desk, DAYS[1], {CALL: 1_600, FUTURE: 70_500}, fills=sold)
    settled(store, clock, desk, DAYS[2], {CALL: 1_900, FUTURE: 71_800}, exercise=(CALL, BUY, 4, 70_000, "执行"))
    settled(store, clock, desk, DAYS[3], {CALL: 1, FUTURE: 71_500}, exercise=(CALL, BUY, 2, 70_000, "放弃"))
    found = result_now(store, BOOK, PRODUCTS, clock)
    assert found.broken == ()
    assert sum(row.attribution.futures for row in found.rows) == 10_000
    assert sum(row.attribution.fees for row in found.rows) == -12
    assert all(row.attribution.residual == 0 for row in found.rows)


def account_lines(store: SqlStore, day: date, kind: str) -> list[tuple[str, Decimal, Decimal]]:
    with store.read(BOOK) as uow:
        found = [s.voucher for s in uow.results.vouchers() if s.voucher.posting_date == day and s.voucher.kind == kind]
    return [(line.account, line.debit, line.credit) for voucher in found for line in voucher.lines]


@pytest.mark.parametrize("variation", ["sweep", "keep"])
def test_an_exercise_keeps_what_the_hedge_gathered_and_hands_the_value_to_the_future(
    store: SqlStore, clock: HandClock, variation: str
) -> None:
    """Exercised with 90,000 intrinsic: the reserve of 90,000 stays until the goods come, the time value is used up
    (−50,000), and the future starts outside the hedge at 90,000."""
    choose(store, variation=variation)
    three_days(store, clock, {})
    using = designate(store, Designation(hedge()))
    _, result = booked(store, DAYS[2], using)
    cash = {"1012": 1_040_000} if variation == "sweep" else {"1012": 950_000, "3101": 90_000}
    assert closing(result) == {"1002": -1_000_000, **cash, "4003": -90_000 + 50_000}


@pytest.mark.parametrize("variation", ["sweep", "keep"])
def test_a_future_named_in_the_file_goes_on_in_the_hedge_from_the_value_of_its_option(
    store: SqlStore, clock: HandClock, variation: str
) -> None:
    """Exercised at 90,000 into 10 futures that fall by 300 the next day: 75,000 is left, the item's loss is 80,000."""
    choose(store, variation=variation)
    three_days(store, clock, {})
    desk = Desk("80010001", D(950_000) + D(90_000), SIZES)
    desk.held = [Held(FUTURE, BUY, DAYS[2], D(70_000), 10)]
    desk.marks = {FUTURE: D(71_800)}
    settled(store, clock, desk, DAYS[3], {FUTURE: 71_500})
    spot(store, DAYS[3], 71_600)
    option, future = (
        InstrumentShare("80010001/20260302/SHFE/1001/buy", 10, DAYS[0]),
        InstrumentShare("80010001/20260304/SHFE/exercise-1/buy", 10, DAYS[2]),
    )
    using = designate(store, Designation(hedge(instruments=(option, future))))
    _, exercised = booked(store, DAYS[2], using)
    cash = {"1012": 1_040_000} if variation == "sweep" else {"1012": 950_000, "3201": 90_000}
    assert closing(exercised) == {"1002": -1_000_000, **cash, "4003": -90_000 + 50_000}
    _, result = booked(store, DAYS[3], using)
    cash = {"1012": 1_025_000} if variation == "sweep" else {"1012": 950_000, "3201": 75_000}
    assert closing(result) == {"1002": -1_000_000, **cash, "4003": -75_000 + 50_000}


def test_values_stated_in_the_file_win_over_computed_ones_and_unlike_terms_need_them(
    store: SqlStore, clock: HandClock
) -> None:
    choose(store)
    three_days(store, clock, {"sold": True})
    element = hedge().excluded
    assert element is not None
    unlike = designate(store, Designation(hedge(excluded=replace(element, aligned=D(48_000)))))
    made = account(store, BOOK, DAYS[0], unlike, CLERK)
    assert [problem.rule for problem in made.problems] == ["excluded_value_missing"]
    stated = {day: TimeValue(D(46_000), D(45_000)) for day in DAYS}
    _, result = booked(store, DAYS[0], designate(store, Designation(hedge(), excluded=stated)))
    assert closing(result)["4003"] == 4_000
