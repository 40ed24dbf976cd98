"""Worked accounting examples, entry for entry, compared by account role: figures in, complete journal out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from hedge_core.accounting.charts import AccountMap, AccountMapping, AccountTarget
from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent, EventKind, one_amount
from hedge_core.accounting.inputs import CashFlow, CashKind, DayFacts, FeeCharge, LotDay
from hedge_core.accounting.measurement import measure_days
from hedge_core.accounting.option_value import TimeValue, TimeValueHedge, TimeValueState, measure_time_value
from hedge_core.accounting.posting import PostingPlan, account_balances, post_events
from hedge_core.accounting.relationships import (
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    InstrumentShare,
    ItemKind,
    ItemMovement,
)
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, CloseResult, FuturesCash, Measure, Post, RuleSet, Variation
from hedge_core.model.identity import book_id

D = Decimal
ACCOUNT = "80010001"

MONTHLY = BookSettings(
    rule_set=RuleSet.NONE,
    variation=Variation.KEEP,
    futures_cash=FuturesCash.MARGIN,
    close_result=CloseResult.TRANSFER,
    measure=Measure.MONTH,
    post=Post.DAY,
)
"""Measured at month end and at closes, every entry on its own date: how textbook examples are written."""


def day(text: str) -> date:
    return date.fromisoformat(text)


def expected(*entries: tuple[str, str, Mapping[str, int | str]]) -> list[Any]:
    """(date, booker, {role: debit − credit}) in the same form as `build.comparable`."""
    return sorted(
        (on, booker, tuple(sorted((role, str(D(amount).normalize())) for role, amount in lines.items())))
        for on, booker, lines in entries
    )


def measured(
    days: Sequence[DayFacts], settings: BookSettings, relationships: Sequence[HedgeRelationship] = ()
) -> tuple[AccountingEvent, ...]:
    result = measure_days(days, settings, relationships)
    assert result.problems == ()
    return result.events


def balances(events: Sequence[AccountingEvent], settings: BookSettings) -> dict[AccountRole, Decimal]:
    return role_balances([entry for event in events for entry in entries_of(event, settings)])


def change_lot(marks: Sequence[tuple[str, int | str, bool]], instrument: str = "SHFE.cu2406") -> list[LotDay]:
    """One lot described by its cumulative result at each date; True closes it there."""
    found: list[LotDay] = []
    before = D(0)
    for number, (on, cumulative, closes) in enumerate(marks):
        total = D(cumulative)
        found.append(
            LotDay(
                "lot-1",
                ACCOUNT,
                instrument,
                day(on),
                opened_today=1 if number == 0 else 0,
                lots_start=0 if number == 0 else 1,
                lots_closed=1 if closes else 0,
                lots_end=0 if closes else 1,
                realised_trade=total if closes else D(0),
                realised_mtm=total - before if closes else D(0),
                holding_mtm=D(0) if closes else total - before,
                floating_end=D(0) if closes else total,
                floating_start=before,
            )
        )
        before = total
    return found


def relationship(
    kind: ItemKind,
    quantity: int | str,
    price: int | str,
    on: str,
    *,
    carrying: int | str = 0,
    rule_set: RuleSet = RuleSet.CAS24,
    lots: int = 1,
    lot_id: str = "lot-1",
) -> HedgeRelationship:
    return HedgeRelationship(
        "R1",
        rule_set,
        HedgedItem(kind, "copper", D(quantity), D(carrying), D(price)),
        (InstrumentShare(lot_id, lots, day(on)),),
        day(on),
        "approver",
        day(on),
    )


# --- futures outside hedge accounting ---------------------------------------------------------------------------------


def rubber(build: Any) -> list[DayFacts]:
    """A short of one lot of 10 t natural rubber: 32,200, month end 31,900, closed at 31,600; quieter days between."""
    lots = build.lot_days(
        "lot-1",
        "SHFE.ru2501",
        -1,
        1,
        10,
        D(32200),
        [
            build.Mark(day("2024-09-10"), D(32350)),
            build.Mark(day("2024-09-23"), D(32015)),
            build.Mark(day("2024-09-30"), D(31900)),
            build.Mark(day("2024-10-09"), D(31980)),
            build.Mark(day("2024-10-10"), D(31610), 1, D(31600)),
        ],
    )
    deposit = CashFlow(ACCOUNT, day("2024-09-10"), CashKind.TRANSFER, D(50000))
    return [
        DayFacts(
            lot.trading_day,
            (lot,),
            cash=(deposit,) if number == 0 else (),
            month_end=lot.trading_day == day("2024-09-30"),
        )
        for number, lot in enumerate(lots)
    ]


def test_rubber_short_outside_hedge_accounting_moves_its_accumulated_change_on_closing(build: Any) -> None:
    events = measured(rubber(build), MONTHLY)
    assert build.comparable(events, MONTHLY) == expected(
        ("2024-09-10", "hedgebridge", {"margin_account": 50000, "bank": -50000}),
        ("2024-09-30", "hedgebridge", {"derivative": 3000, "fair_value_result": -3000}),
        ("2024-10-10", "hedgebridge", {"derivative": 3000, "fair_value_result": -3000}),
        ("2024-10-10", "hedgebridge", {"margin_account": 6000, "derivative": -6000}),
        ("2024-10-10", "hedgebridge", {"fair_value_result": 6000, "investment_income": -6000}),
    )
    after = balances(events, MONTHLY)
    assert after[AccountRole.CLOSING_RESULT] == -6000
    assert after[AccountRole.DERIVATIVE] == after[AccountRole.FAIR_VALUE_RESULT] == 0


def test_rubber_short_with_last_leg_books_only_the_change_since_the_month_end_as_closing_result(build: Any) -> None:
    settings = replace(MONTHLY, close_result=CloseResult.LAST_LEG)
    events = measured(rubber(build), settings)
    after = balances(events, settings)
    assert after[AccountRole.CLOSING_RESULT] == -3000
    assert after[AccountRole.FAIR_VALUE_RESULT] == -3000
    assert after[AccountRole.DERIVATIVE] == 0


def test_rubber_short_without_transfer_leaves_everything_in_the_fair_value_result(build: Any) -> None:
    settings = replace(MONTHLY, close_result=CloseResult.NONE)
    after = balances(measured(rubber(build), settings), settings)
    assert after[AccountRole.FAIR_VALUE_RESULT] == -6000
    assert AccountRole.CLOSING_RESULT not in after


def test_rubber_short_under_the_small_enterprise_standard_is_booked_when_closed_from_its_opening_price(
    build: Any,
) -> None:
    settings = replace(MONTHLY, rule_set=RuleSet.SMALL_ENTERPRISE)
    events = measured(rubber(build), settings)
    assert build.comparable(events, settings) == expected(
        ("2024-09-10", "hedgebridge", {"margin_account": 50000, "bank": -50000}),
        ("2024-10-10", "hedgebridge", {"margin_account": 6000, "investment_income": -6000}),
    )


# --- fair value hedges ------------------------------------------------------------------------------------------------


def test_copper_stock_hedged_for_fair_value_and_sold(build: Any) -> None:
    settings = replace(MONTHLY, futures_cash=FuturesCash.BANK)
    hedge = relationship(ItemKind.INVENTORY, 1, 1100000, "2017-01-01", carrying=1000000)
    lots = change_lot([("2017-01-03", 0, False), ("2017-01-31", 25000, False), ("2017-02-28", 10000, True)])
    hedge = replace(hedge, instruments=(InstrumentShare("lot-1", 1, day("2017-01-03")),))
    sale = ItemMovement("R1", day("2017-02-28"), D(1), net=D(1090000))
    events = measured(
        [
            DayFacts(day("2017-01-03"), (lots[0],)),
            DayFacts(day("2017-01-31"), (lots[1],), item_prices={"copper": D(1075000)}, month_end=True),
            DayFacts(
                day("2017-02-28"),
                (lots[2],),
                item_prices={"copper": D(1090000)},
                movements=(sale,),
                month_end=True,
            ),
        ],
        settings,
        [hedge],
    )
    assert build.comparable(events, settings) == expected(
        ("2017-01-01", "hedgebridge", {"hedged_item": 1000000, "inventory": -1000000}),
        ("2017-01-31", "hedgebridge", {"hedging_instrument": 25000, "hedge_result": -25000}),
        ("2017-01-31", "hedgebridge", {"hedged_item": -25000, "hedge_result": 25000}),
        ("2017-02-28", "hedgebridge", {"hedging_instrument": -15000, "hedge_result": 15000}),
        ("2017-02-28", "hedgebridge", {"hedged_item": 15000, "hedge_result": -15000}),
        ("2017-02-28", "erp", {"bank": 1090000, "revenue": -1090000}),
        ("2017-02-28", "erp", {"cost_of_sales": 990000, "hedged_item": -990000}),
        ("2017-02-28", "hedgebridge", {"bank": 10000, "hedging_instrument": -10000}),
    )
    after = balances(events, settings)
    assert after[AccountRole.HEDGING_INSTRUMENT] == after[AccountRole.HEDGED_ITEM] == 0
    assert -after[AccountRole.REVENUE] - after[AccountRole.COST_OF_SALES] - after[AccountRole.HEDGE_RESULT] == 100000


def roll_case(build: Any) -> tuple[list[DayFacts], HedgeRelationship]:
    """100 t copper in stock, short 18 lots, rolled from May to June on 10 April, all sold and closed on 25 April."""
    may = build.lot_days(
        "may",
        "SHFE.cu2405",
        -1,
        18,
        5,
        D(70200),
        [
            build.Mark(day("2024-03-05"), D(70050)),
            build.Mark(day("2024-03-29"), D(69000)),
            build.Mark(day("2024-04-10"), D(69150), 18, D(69100)),
        ],
    )
    june = build.lot_days(
        "june",
        "SHFE.cu2406",
        -1,
        18,
        5,
        D(69260),
        [
            build.Mark(day("2024-04-10"), D(69300)),
            build.Mark(day("2024-04-25"), D(68100), 18, D(68060)),
        ],
    )
    hedge = HedgeRelationship(
        "R1",
        RuleSet.CAS24,
        HedgedItem(ItemKind.INVENTORY, "copper", D(100), D(6100000), D(62000)),
        (InstrumentShare("may", 18, day("2024-03-05")),),
        day("2024-03-05"),
        "approver",
        day("2024-03-04"),
    ).with_instrument(InstrumentShare("june", 18, day("2024-04-10")))

    def fee(on: str, instrument: str, amount: str) -> FeeCharge:
        return FeeCharge(ACCOUNT, instrument, day(on), D(amount))

    sale = ItemMovement("R1", day("2024-04-25"), D(100), net=D(6000000), vat=D(780000))
    days = [
        DayFacts(day("2024-03-04"), cash=(CashFlow(ACCOUNT, day("2024-03-04"), CashKind.TRANSFER, D(1000000)),)),
        DayFacts(day("2024-03-05"), (may[0],), fees=(fee("2024-03-05", "SHFE.cu2405", "315.90"),)),
        DayFacts(day("2024-03-29"), (may[1],), item_prices={"copper": D(61000)}, month_end=True),
        DayFacts(
            day("2024-04-10"),
            (may[2], june[0]),
            fees=(fee("2024-04-10", "SHFE.cu2405", "310.95"), fee("2024-04-10", "SHFE.cu2406", "311.67")),
        ),
        DayFacts(
            day("2024-04-25"),
            (june[1],),
            fees=(fee("2024-04-25", "SHFE.cu2406", "306.27"),),
            item_prices={"copper": D(60000)},
            movements=(sale,),
        ),
        DayFacts(
            day("2024-04-26"),
            cash=(CashFlow(ACCOUNT, day("2024-04-26"), CashKind.TRANSFER, D("-1205755.21")),),
        ),
    ]
    return days, hedge


def test_copper_stock_with_margin_fees_sweep_a_roll_and_vat(build: Any) -> None:
    settings = replace(MONTHLY, variation=Variation.SWEEP)
    days, hedge = roll_case(build)
    events = measured(days, settings, [hedge])
    result = {"hedging_instrument": 108000, "hedge_result": -108000}
    swept = {"margin_account": 108000, "hedging_instrument": -108000}

    def fee(amount: str) -> dict[str, str]:
        return {"investment_income": amount, "margin_account": f"-{amount}"}

    assert build.comparable(events, settings) == expected(
        ("2024-03-04", "hedgebridge", {"margin_account": 1000000, "bank": -1000000}),
        ("2024-03-05", "hedgebridge", {"hedged_item": 6100000, "inventory": -6100000}),
        ("2024-03-05", "hedgebridge", fee("315.9")),
        ("2024-03-31", "hedgebridge", result),
        ("2024-03-31", "hedgebridge", swept),
        ("2024-03-31", "hedgebridge", {"hedged_item": -100000, "hedge_result": 100000}),
        ("2024-04-10", "hedgebridge", {"hedging_instrument": -9000, "hedge_result": 9000}),
        ("2024-04-10", "hedgebridge", {"margin_account": -9000, "hedging_instrument": 9000}),
        ("2024-04-10", "hedgebridge", fee("310.95")),
        ("2024-04-10", "hedgebridge", fee("311.67")),
        ("2024-04-25", "hedgebridge", result),
        ("2024-04-25", "hedgebridge", swept),
        ("2024-04-25", "hedgebridge", fee("306.27")),
        ("2024-04-25", "hedgebridge", {"hedged_item": -100000, "hedge_result": 100000}),
        ("2024-04-25", "erp", {"bank": 6780000, "revenue": -6000000, "vat_output": -780000}),
        ("2024-04-25", "erp", {"cost_of_sales": 5900000, "hedged_item": -5900000}),
        ("2024-04-26", "hedgebridge", {"bank": "1205755.21", "margin_account": "-1205755.21"}),
    )
    after = balances(events, settings)
    assert after[AccountRole.HEDGING_INSTRUMENT] == after[AccountRole.HEDGED_ITEM] == 0
    assert after[AccountRole.MARGIN_ACCOUNT] == 0
    assert after[AccountRole.HEDGE_RESULT] == -7000
    assert after[AccountRole.FEE] == D("1244.79")
    profit = [AccountRole.REVENUE, AccountRole.COST_OF_SALES, AccountRole.HEDGE_RESULT, AccountRole.FEE]
    assert -sum(after[role] for role in profit) == D("105755.21")


def test_the_roll_posted_monthly_makes_one_fee_voucher_a_month_and_hedge_vouchers_on_their_events(build: Any) -> None:
    settings = replace(MONTHLY, variation=Variation.SWEEP, post=Post.MONTH)
    days, hedge = roll_case(build)
    accounts = AccountMap.usual(RuleSet.CAS24, [AccountMapping(AccountRole.HEDGE_RESULT, AccountTarget("6102"))])
    events = measured(days, settings, [hedge])
    posted = post_events(events, PostingPlan(book_id("demo"), settings, accounts))
    assert posted.problems == ()
    assert [(v.posting_date.isoformat(), v.kind, v.total) for v in posted.vouchers] == [
        ("2024-03-04", "cash", 1000000),
        ("2024-03-05", "hedge", 6100000),
        ("2024-03-31", "fee", D("315.90")),
        ("2024-03-31", "hedge", 316000),
        ("2024-04-25", "hedge", 298000),  # copper futures −9,000 + 108,000, booked and swept; the item 100,000
        ("2024-04-26", "cash", D("1205755.21")),
        ("2024-04-30", "fee", D("928.89")),
    ]
    after = account_balances(posted.vouchers)
    for entry in posted.expected:
        for _, code, debit, credit in entry.lines:
            after[code] = after.get(code, D(0)) + debit - credit
    assert [after[code] for code in ("1012", "3201", "3202", "6102", "6401")] == [0, 0, 0, -7000, 5900000]
    assert [entry.kind for entry in posted.expected] == ["sale", "cost_of_sales"]


def test_fixed_price_purchase_commitment_is_bought_at_market_cost(build: Any) -> None:
    settings = replace(MONTHLY, futures_cash=FuturesCash.BANK)
    hedge = relationship(ItemKind.FIRM_PURCHASE, 100, 60000, "2024-03-01")
    lots = change_lot([("2024-03-01", 0, False), ("2024-03-29", 140000, False), ("2024-04-30", 190000, True)])
    bought = ItemMovement("R1", day("2024-04-30"), D(100), net=D(6000000))
    events = measured(
        [
            DayFacts(day("2024-03-01"), (lots[0],)),
            DayFacts(day("2024-03-29"), (lots[1],), item_prices={"copper": D(58500)}, month_end=True),
            DayFacts(
                day("2024-04-30"), (lots[2],), item_prices={"copper": D(58000)}, movements=(bought,), month_end=True
            ),
        ],
        settings,
        [hedge],
    )
    assert build.comparable(events, settings) == expected(
        ("2024-03-31", "hedgebridge", {"hedging_instrument": 140000, "hedge_result": -140000}),
        ("2024-03-31", "hedgebridge", {"hedged_item": -150000, "hedge_result": 150000}),
        ("2024-04-30", "hedgebridge", {"hedging_instrument": 50000, "hedge_result": -50000}),
        ("2024-04-30", "hedgebridge", {"hedged_item": -50000, "hedge_result": 50000}),
        ("2024-04-30", "erp", {"raw_material": 6000000, "bank": -6000000}),
        ("2024-04-30", "hedgebridge", {"raw_material": -200000, "hedged_item": 200000}),
        ("2024-04-30", "hedgebridge", {"bank": 190000, "hedging_instrument": -190000}),
    )
    after = balances(events, settings)
    assert after[AccountRole.RAW_MATERIAL] == 5800000
    assert after[AccountRole.HEDGE_RESULT] == 10000


# --- cash flow hedges -------------------------------------------------------------------------------------------------


def test_forecast_sale_gets_its_reserve_into_revenue(build: Any) -> None:
    settings = replace(MONTHLY, futures_cash=FuturesCash.BANK)
    hedge = relationship(ItemKind.FORECAST_SALE, 100, 11000, "2017-01-03")
    lots = change_lot([("2017-01-03", 0, False), ("2017-01-31", 25000, False), ("2017-02-28", 35000, True)])
    sold = ItemMovement("R1", day("2017-02-28"), D(100), net=D(1065000))
    events = measured(
        [
            DayFacts(day("2017-01-03"), (lots[0],)),
            DayFacts(day("2017-01-31"), (lots[1],), item_prices={"copper": D(10750)}, month_end=True),
            DayFacts(
                day("2017-02-28"), (lots[2],), item_prices={"copper": D(10650)}, movements=(sold,), month_end=True
            ),
        ],
        settings,
        [hedge],
    )
    assert build.comparable(events, settings) == expected(
        ("2017-01-31", "hedgebridge", {"hedging_instrument": 25000, "hedge_reserve": -25000}),
        ("2017-02-28", "hedgebridge", {"hedging_instrument": 10000, "hedge_reserve": -10000}),
        ("2017-02-28", "erp", {"bank": 1065000, "revenue": -1065000}),
        ("2017-02-28", "hedgebridge", {"bank": 35000, "hedging_instrument": -35000}),
        ("2017-02-28", "hedgebridge", {"hedge_reserve": 35000, "revenue": -35000}),
    )
    assert balances(events, settings)[AccountRole.REVENUE] == -1100000


@pytest.mark.parametrize(
    ("rule_set", "home"),
    [(RuleSet.CAS24, "hedge_result"), (RuleSet.CAIKUAI_2015_18, "fair_value_result")],
)
def test_overhedged_forecast_purchase_keeps_the_lower_amount_and_adjusts_the_cost(
    build: Any, rule_set: RuleSet, home: str
) -> None:
    settings = replace(MONTHLY, futures_cash=FuturesCash.BANK)
    hedge = relationship(ItemKind.FORECAST_PURCHASE, 500, 5000, "2021-04-16", rule_set=rule_set)
    lots = change_lot([("2021-04-16", 0, False), ("2021-09-06", 750000, True)])
    bought = ItemMovement("R1", day("2021-09-06"), D(500), net=D(3000000))
    events = measured(
        [
            DayFacts(day("2021-04-16"), (lots[0],)),
            DayFacts(day("2021-09-06"), (lots[1],), item_prices={"copper": D(6000)}, movements=(bought,)),
        ],
        settings,
        [hedge],
    )
    assert build.comparable(events, settings) == expected(
        ("2021-09-06", "hedgebridge", {"hedging_instrument": 750000, "hedge_reserve": -500000, home: -250000}),
        ("2021-09-06", "erp", {"raw_material": 3000000, "bank": -3000000}),
        ("2021-09-06", "hedgebridge", {"bank": 750000, "hedging_instrument": -750000}),
        ("2021-09-06", "hedgebridge", {"hedge_reserve": 500000, "raw_material": -500000}),
    )
    assert balances(events, settings)[AccountRole.RAW_MATERIAL] == 2500000


@pytest.mark.parametrize(
    ("rule_set", "cost", "reserve_left"), [(RuleSet.IFRS9, 45000, 0), (RuleSet.ASC815, 60000, -15000)]
)
def test_forward_on_a_forecast_purchase_adjusts_the_cost_only_where_the_rule_set_does(
    build: Any, rule_set: RuleSet, cost: int, reserve_left: int
) -> None:
    settings = replace(MONTHLY, futures_cash=FuturesCash.BANK)
    hedge = relationship(ItemKind.FORECAST_PURCHASE, 1000, 45, "2014-12-15", rule_set=rule_set)
    lots = change_lot([("2014-12-15", 0, False), ("2014-12-31", 10000, False), ("2015-01-15", 15000, True)])
    bought = ItemMovement("R1", day("2015-01-15"), D(1000), net=D(60000))
    events = measured(
        [
            DayFacts(day("2014-12-15"), (lots[0],)),
            DayFacts(day("2014-12-31"), (lots[1],), item_prices={"copper": D(55)}, month_end=True),
            DayFacts(day("2015-01-15"), (lots[2],), item_prices={"copper": D(60)}, movements=(bought,)),
        ],
        settings,
        [hedge],
    )
    wanted: list[tuple[str, str, Mapping[str, int | str]]] = [
        ("2014-12-31", "hedgebridge", {"hedging_instrument": 10000, "hedge_reserve": -10000}),
        ("2015-01-15", "hedgebridge", {"hedging_instrument": 5000, "hedge_reserve": -5000}),
        ("2015-01-15", "erp", {"raw_material": 60000, "bank": -60000}),
        ("2015-01-15", "hedgebridge", {"bank": 15000, "hedging_instrument": -15000}),
    ]
    if rule_set is RuleSet.IFRS9:
        wanted.append(("2015-01-15", "hedgebridge", {"hedge_reserve": 15000, "raw_material": -15000}))
    assert build.comparable(events, settings) == expected(*wanted)
    after = balances(events, settings)
    assert after[AccountRole.RAW_MATERIAL] == cost
    assert after[AccountRole.HEDGE_RESERVE] == reserve_left


def test_lower_of_over_five_quarters_catches_up_and_turns_its_sign(build: Any) -> None:
    settings = MONTHLY
    hedge = relationship(ItemKind.FORECAST_SALE, 1, 1000000, "2024-01-02")
    table = [
        ("2024-03-29", 100000, -80000),
        ("2024-06-28", 120000, -130000),
        ("2024-09-30", 90000, -95000),
        ("2024-12-31", -10000, -5000),
        ("2025-03-31", -40000, 55000),
    ]
    lots = change_lot([("2024-01-02", 0, False), *((on, instrument, False) for on, instrument, _ in table)])
    days = [DayFacts(day("2024-01-02"), (lots[0],))]
    days += [
        DayFacts(day(on), (lot,), item_prices={"copper": D(1000000 + item)}, month_end=True)
        for lot, (on, _, item) in zip(lots[1:], table, strict=True)
    ]
    events = measured(days, settings, [hedge])
    assert build.comparable(events, settings) == expected(
        (
            "2024-03-31",
            "hedgebridge",
            {"hedging_instrument": 100000, "hedge_reserve": -80000, "hedge_result": -20000},
        ),
        ("2024-06-30", "hedgebridge", {"hedging_instrument": 20000, "hedge_reserve": -40000, "hedge_result": 20000}),
        ("2024-09-30", "hedgebridge", {"hedging_instrument": -30000, "hedge_reserve": 30000}),
        (
            "2024-12-31",
            "hedgebridge",
            {"hedging_instrument": -100000, "hedge_reserve": 90000, "hedge_result": 10000},
        ),
        (
            "2025-03-31",
            "hedgebridge",
            {"hedging_instrument": -30000, "hedge_reserve": 40000, "hedge_result": -10000},
        ),
    )
    assert balances(events, settings)[AccountRole.HEDGE_RESERVE] == 40000


def test_discontinued_hedge_of_a_purchase_no_longer_expected_ends_in_profit_or_loss(build: Any) -> None:
    settings = replace(MONTHLY, close_result=CloseResult.NONE)
    hedge = relationship(ItemKind.FORECAST_PURCHASE, 200, 52000, "2024-05-06")
    lots = change_lot([("2024-05-06", 0, False), ("2024-06-30", 120000, False), ("2024-09-30", 150000, True)])
    days = [
        DayFacts(day("2024-05-06"), (lots[0],)),
        DayFacts(
            day("2024-06-30"),
            (lots[1],),
            item_prices={"copper": D(52600)},
            stops=(HedgeStop("R1", day("2024-06-30")),),
        ),
        DayFacts(day("2024-09-30"), (lots[2],), stops=(HedgeStop("R1", day("2024-09-30"), expected=False),)),
    ]
    events = measured(days, settings, [hedge])
    assert build.comparable(events, settings) == expected(
        ("2024-06-30", "hedgebridge", {"hedging_instrument": 120000, "hedge_reserve": -120000}),
        ("2024-06-30", "hedgebridge", {"derivative": 120000, "hedging_instrument": -120000}),
        ("2024-09-30", "hedgebridge", {"derivative": 30000, "fair_value_result": -30000}),
        ("2024-09-30", "hedgebridge", {"margin_account": 150000, "derivative": -150000}),
        ("2024-09-30", "hedgebridge", {"hedge_reserve": 120000, "hedge_result": -120000}),
    )
    transferring = replace(MONTHLY, close_result=CloseResult.TRANSFER)
    after = balances(measured(days, transferring, [hedge]), transferring)
    assert after[AccountRole.CLOSING_RESULT] == -30000  # what the hedge earned is not moved a second time
    assert after[AccountRole.FAIR_VALUE_RESULT] == 0


def test_option_time_value_over_two_years_is_spread_in_equal_parts(build: Any) -> None:
    settings = replace(MONTHLY, futures_cash=FuturesCash.BANK)
    hedge = TimeValueHedge("R1", "SHFE.cu", "", TimeValue(D(20), D(20)), day("2022-12-31"), day("2024-12-30"))
    premium = AccountingEvent(EventKind.OPTION_PREMIUM, day("2022-12-31"), one_amount(D(20)), relationship="R1")
    first, state = measure_time_value(hedge, day("2023-12-31"), TimeValue(D(13), D(13)), TimeValueState())
    assert state.balance == 3
    second, state = measure_time_value(hedge, day("2024-12-30"), TimeValue(D(0), D(0)), state)
    assert state.balance == 0
    events = [premium, *first, *second]
    assert build.comparable(events, settings) == expected(
        ("2022-12-31", "hedgebridge", {"hedging_instrument": 20, "bank": -20}),
        ("2023-12-31", "hedgebridge", {"hedging_instrument": -7, "hedge_cost_reserve": 7}),
        ("2023-12-31", "hedgebridge", {"hedge_result": 10, "hedge_cost_reserve": -10}),
        ("2024-12-30", "hedgebridge", {"hedging_instrument": -13, "hedge_cost_reserve": 13}),
        ("2024-12-30", "hedgebridge", {"hedge_result": 10, "hedge_cost_reserve": -10}),
    )
    assert balances(events, settings)[AccountRole.HEDGE_RESULT] == 20
