"""The kinds of hedges beyond the simple ones: currency, net positions, rebalancing, excluded elements, delivery, tax."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.accounting.effectiveness import critical_terms, highly_effective, regression
from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent, EventKind
from hedge_core.accounting.inputs import CashFlow, CashKind, DayFacts, LotDay
from hedge_core.accounting.measurement import DayMeasured, measure_days
from hedge_core.accounting.option_value import TimeValue
from hedge_core.accounting.relationships import (
    Excluded,
    ExcludedElement,
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    HedgeType,
    InstrumentShare,
    ItemKind,
    ItemMovement,
    NetMember,
    Rebalance,
    RebalanceForm,
    Related,
    ReserveLoss,
    Risk,
    StopReason,
)
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, ItemCarrying, Post, RuleSet, Variation
from hedge_core.accounting.state import Measured
from messages import LANGUAGES, say

D = Decimal
R = AccountRole
K = EventKind
START = date(2026, 3, 2)
KEEP = BookSettings(variation=Variation.KEEP, post=Post.DAY)


def on(number: int) -> date:
    return START + timedelta(days=number)


def lots(cumulative: Sequence[int], count: int = 10, lot_id: str = "lot-1", first: int = 0) -> list[LotDay]:
    """A lot that stays open, by its cumulative result each day."""
    found, before = [], D(0)
    for number, result in enumerate(cumulative):
        total = D(result)
        found.append(
            LotDay(
                lot_id, "80010001", "SHFE.cu2609", on(first + number), 0 if number else count, count if number else 0, 0,
                count, D(0), D(0), total - before, total, before,
            )
        )  # fmt: skip
        before = total
    return found


def item(kind: ItemKind, quantity: int, price: int, **more: Any) -> HedgedItem:
    return HedgedItem(kind, more.pop("commodity", "copper"), D(quantity), more.pop("carrying", D(0)), D(price), **more)


def hedge(hedged: HedgedItem, **changes: Any) -> HedgeRelationship:
    plain = HedgeRelationship(
        "R1", RuleSet.CAS24, hedged, (InstrumentShare("lot-1", 10, START),), START, "approver", START
    )
    return replace(plain, **changes)


def days(
    lines: Sequence[Sequence[LotDay]], spots: Sequence[int | Decimal], name: str = "copper", **by_day: Any
) -> list[DayFacts]:
    """Facts by day; `by_day` hands members of `DayFacts` by the number of the day."""
    return [
        DayFacts(
            on(number),
            tuple(line[number] for line in lines if number < len(line)),
            item_prices={name: D(spot)},
            **{member: given[number] for member, given in by_day.items() if number in given},
        )
        for number, spot in enumerate(spots)
    ]


def run(facts: Sequence[DayFacts], relationship: HedgeRelationship, book: BookSettings = KEEP) -> DayMeasured:
    result = measure_days(facts, book, [relationship])
    assert result.problems == ()
    return result


def broken(facts: Sequence[DayFacts], relationship: HedgeRelationship, book: BookSettings = KEEP) -> list[str]:
    result = measure_days(facts, book, [relationship])
    for problem in result.problems:
        assert all("{" not in say(problem.message, language) for language in LANGUAGES)
    return [problem.rule for problem in result.problems]


def balances(events: Sequence[AccountingEvent], book: BookSettings = KEEP) -> dict[AccountRole, Decimal]:
    found = role_balances([entry for event in events for entry in entries_of(event, book)])
    assert sum(found.values()) == 0
    return {role: found.get(role, D(0)) for role in AccountRole}


# --- currency of a firm commitment ------------------------------------------------------------------------------------


def dollars(treated_as: HedgeType | None) -> HedgeRelationship:
    """A purchase agreed at 1,000,000 dollars, 7 yuan each when designated, hedged with dollars bought."""
    return hedge(item(ItemKind.FIRM_PURCHASE, 1_000_000, 7, commodity="USD", risk=Risk.CURRENCY, treated_as=treated_as))


@pytest.mark.parametrize("treated_as", [HedgeType.FAIR_VALUE, HedgeType.CASH_FLOW])
def test_the_currency_of_a_commitment_is_hedged_for_fair_value_or_for_cash_flow_with_the_same_cost(
    treated_as: HedgeType,
) -> None:
    # paid at 7.2 although 7.0 was hedged: dollars bought gained 200,000
    bought = {2: (ItemMovement("R1", on(2), D(1_000_000), net=D(7_200_000)),)}
    relationship = dollars(treated_as)
    assert relationship.problems() == []
    facts = days([lots([0, 150_000, 200_000])], [7, D("7.15"), D("7.2")], "USD", movements=bought)
    after = balances(run(facts, relationship).events)
    assert after[R.RAW_MATERIAL] == 7_000_000
    assert after[R.HEDGE_RESULT] == after[R.HEDGED_ITEM] == after[R.HEDGE_RESERVE] == 0


def test_only_the_currency_of_a_commitment_leaves_the_choice_of_hedge_type() -> None:
    priced = hedge(item(ItemKind.FIRM_SALE, 5, 1, treated_as=HedgeType.CASH_FLOW))
    forecast = hedge(item(ItemKind.FORECAST_SALE, 5, 1, treated_as=HedgeType.FAIR_VALUE))
    assert [p.rule for p in priced.problems()] == [p.rule for p in forecast.problems()] == ["designation_quantity"]


# --- net positions ----------------------------------------------------------------------------------------------------


def net_currency() -> HedgeRelationship:
    """Sales of 300,000 dollars and purchases of 100,000 are expected; the difference is hedged with dollars sold."""
    sides = (
        NetMember("sales", ItemKind.FORECAST_SALE, D(300_000), D(7)),
        NetMember("purchases", ItemKind.FORECAST_PURCHASE, D(100_000), D(7)),
    )
    return hedge(item(ItemKind.FORECAST_SALE, 200_000, 7, commodity="USD", risk=Risk.CURRENCY, members=sides))


def test_a_net_position_gives_the_sale_its_own_line_and_the_purchase_its_cost() -> None:
    # the rate falls by 1: the sale loses 300,000, the purchase gains 100,000, the instrument gains 200,000
    moved = {
        1: (ItemMovement("R1", on(1), D(300_000), member="sales"),),
        2: (ItemMovement("R1", on(2), D(100_000), member="purchases"),),
    }
    line = lots([0, 200_000, 200_000])
    result = run(days([line], [7, 6, 6], "USD", movements=moved), net_currency())
    released = (K.RESERVE_TO_NET_RESULT, K.BASIS_ADJUSTMENT)
    amounts = {event.kind: dict(event.amounts)["amount"] for event in result.events if event.kind in released}
    assert amounts == {K.RESERVE_TO_NET_RESULT: 300_000, K.BASIS_ADJUSTMENT: -100_000}
    after = balances(result.events)
    assert after[R.NET_HEDGE_RESULT] == -300_000
    assert after[R.RAW_MATERIAL] == 100_000  # bought for 600,000 instead of 700,000: carried at the hedged rate
    assert after[R.HEDGE_RESERVE] == after[R.HEDGE_RESULT] == 0


def test_the_natural_hedge_waits_in_the_reserve_for_the_other_side() -> None:
    sold = {1: (ItemMovement("R1", on(1), D(300_000), member="sales"),)}
    result = run(days([lots([0, 200_000, 200_000])], [7, 6, 6], "USD", movements=sold), net_currency())
    assert result.state.hedges["R1"].reserve == -100_000


def test_a_net_position_of_prices_is_hedged_for_fair_value_only() -> None:
    sides = (
        NetMember("stock", ItemKind.INVENTORY, D(50), D(100), D(4_000)),
        NetMember("sold", ItemKind.FIRM_SALE, D(30), D(100)),
    )
    fair = hedge(item(ItemKind.INVENTORY, 20, 100, members=sides))
    assert fair.problems() == []
    moved = {
        1: (
            ItemMovement("R1", on(1), D(30), net=D(3_000), member="sold"),
            ItemMovement("R1", on(1), D(50), member="stock"),
        )
    }
    after = balances(run(days([lots([0, 200])], [100, 90], movements=moved), fair).events)
    assert after[R.HEDGED_ITEM] == 0
    assert after[R.COST_OF_SALES] == 4_000
    assert after[R.NET_HEDGE_RESULT] == -500 + 300  # stock lost 500, the sale gained 300: both realised in the net line
    assert after[R.HEDGE_RESULT] == -200 + 200
    cash = hedge(item(ItemKind.FORECAST_SALE, 1, 1, members=(NetMember("a", ItemKind.FORECAST_SALE, D(1), D(1)),)))
    assert [p.rule for p in cash.problems()] == ["designation_quantity"]
    assert "designation_net" in [p.rule for p in replace(net_currency(), rule_set=RuleSet.ASC815).problems()]
    unknown = {1: (ItemMovement("R1", on(1), D(1), member="nobody"),)}
    assert broken(days([lots([0, 0])], [7, 7], "USD", movements=unknown), net_currency()) == ["net_member"]


# --- rebalancing ------------------------------------------------------------------------------------------------------


def purchase() -> HedgeRelationship:
    return hedge(item(ItemKind.FORECAST_PURCHASE, 100, 100))


def change(number: int, form: RebalanceForm, **more: Any) -> dict[int, tuple[Rebalance, ...]]:
    return {number: (Rebalance("R1", on(number), form, **more),)}


def test_more_item_counts_from_the_days_price_and_touches_no_reserve() -> None:
    more = change(1, RebalanceForm.MORE_ITEM, quantity=D(50))
    result = run(days([lots([0, 900, 1_400])], [100, 110, 120], rebalances=more), purchase())
    # 100 t × 20 and 50 t × 10 = 2,500 lost, 1,400 gained
    assert result.state.hedges["R1"].item_change == -2_500
    assert balances(result.events)[R.HEDGE_RESERVE] == -1_400
    assert all(event.day != on(1) or event.kind is K.RESERVE_MEASUREMENT for event in result.events)


def test_less_item_discontinues_that_part_and_keeps_or_gives_up_its_reserve() -> None:
    less = change(1, RebalanceForm.LESS_ITEM, quantity=D(40))
    later = {2: (ItemMovement("R1", on(2), D(100)),)}
    kept = run(days([lots([0, 1_000, 1_000])], [100, 110, 110], rebalances=less, movements=later), purchase())
    assert balances(kept.events)[R.RAW_MATERIAL] == -1_000  # 600 of the open part, 400 set aside
    assert kept.state.hedges["R1"].aside.quantity == 0
    gone = change(1, RebalanceForm.LESS_ITEM, quantity=D(40), expected=False)
    lost = run(days([lots([0, 1_000])], [100, 110], rebalances=gone), purchase())
    assert balances(lost.events)[R.HEDGE_RESERVE] == -600
    assert balances(lost.events)[R.HEDGE_RESULT] == -400


def test_less_of_a_stock_returns_its_share_of_the_adjusted_cost() -> None:
    stock = hedge(item(ItemKind.INVENTORY, 100, 100, carrying=D(9_000)))
    less = change(1, RebalanceForm.LESS_ITEM, quantity=D(25))
    result = run(days([lots([0, 0])], [100, 112], rebalances=less), stock)
    after = balances(result.events)
    assert after[R.HEDGED_ITEM] == (9_000 + 1_200) * 3 // 4
    assert after[R.INVENTORY] == -9_000 + (9_000 + 1_200) // 4


def test_fewer_instruments_leave_with_their_share_of_fair_value_and_the_reserve_stays() -> None:
    fewer = change(1, RebalanceForm.LESS_INSTRUMENT, lot_id="lot-1", lots=4)
    result = run(days([lots([0, 1_000, 1_500])], [100, 110, 115], rebalances=fewer), purchase())
    released = [event for event in result.events if event.kind is K.INSTRUMENT_RELEASED]
    assert [dict(event.amounts)["amount"] for event in released] == [400]
    assert balances([event for event in result.events if event.day <= on(1)])[R.HEDGE_RESERVE] == -1_000
    after = balances(result.events)
    assert after[R.HEDGE_RESERVE] == -1_300  # 6 of 10 lots gain the other 300
    assert after[R.FAIR_VALUE_RESULT] == -200


def test_more_instruments_count_from_their_own_day() -> None:
    more = change(1, RebalanceForm.MORE_INSTRUMENT, lot_id="lot-2", lots=5)
    second = lots([0, 250], 5, "lot-2", first=1)
    facts = days([lots([0, 1_000, 1_500])], [100, 110, 120], rebalances=more)
    facts = [facts[0], *(replace(one, lots=(*one.lots, late)) for one, late in zip(facts[1:], second, strict=True))]
    result = run(facts, purchase())
    assert result.state.hedges["R1"].instrument_change == 1_750
    assert balances(result.events)[R.HEDGE_RESERVE] == -1_750


def test_rebalancing_is_refused_where_the_rules_do_not_know_it_or_the_lots_are_not_there() -> None:
    fewer = change(1, RebalanceForm.LESS_INSTRUMENT, lot_id="lot-1", lots=4)
    facts = days([lots([0, 1_000])], [100, 110], rebalances=fewer)
    assert broken(facts, replace(purchase(), rule_set=RuleSet.ASC815)) == ["rebalancing_unknown"]
    many = change(1, RebalanceForm.LESS_INSTRUMENT, lot_id="lot-1", lots=11)
    assert broken(days([lots([0, 1_000])], [100, 110], rebalances=many), purchase()) == ["rebalance_lots"]


@settings(deadline=None)
@given(
    st.integers(-9_000, 9_000),
    st.integers(-9_000, 9_000),
    st.integers(1, 200),
    st.integers(1, 99),
    st.integers(50, 150),
)
def test_no_form_of_rebalancing_books_anything_on_the_reserve(
    first: int, second: int, more: int, less: int, spot: int
) -> None:
    plain = run(days([lots([0, first])], [100, spot]), purchase())
    for form in (
        change(1, RebalanceForm.MORE_ITEM, quantity=D(more)),
        change(1, RebalanceForm.LESS_ITEM, quantity=D(less)),
        change(1, RebalanceForm.LESS_INSTRUMENT, lot_id="lot-1", lots=1 + less % 10),
    ):
        changed = run(days([lots([0, first])], [100, spot], rebalances=form), purchase())
        assert balances(changed.events)[R.HEDGE_RESERVE] == balances(plain.events)[R.HEDGE_RESERVE]


# --- ends and losses --------------------------------------------------------------------------------------------------


def test_a_voluntary_end_is_for_asc_815_only() -> None:
    stop = {1: (HedgeStop("R1", on(1), reason=StopReason.VOLUNTARY),)}
    facts = days([lots([0, 1_000])], [100, 110], stops=stop)
    assert broken(facts, purchase()) == ["stop_voluntary"]
    assert broken(facts, replace(purchase(), rule_set=RuleSet.ASC815)) == []


def test_a_loss_that_will_not_be_recovered_goes_to_profit_or_loss_once() -> None:
    loss = {1: (ReserveLoss("R1", on(1), D(400)),)}
    result = run(days([lots([0, -1_000, -1_000, -300])], [100, 90, 90, 97], losses=loss), purchase())
    upto = balances([event for event in result.events if event.day <= on(2)])
    assert upto[R.HEDGE_RESERVE] == 600
    assert upto[R.HEDGE_RESULT] == 400
    assert balances(result.events)[R.HEDGE_RESERVE] == 0  # −300 is left of it, less than was given up
    too_much = {1: (ReserveLoss("R1", on(1), D(1_001)),)}
    assert broken(days([lots([0, -1_000])], [100, 90], losses=too_much), purchase()) == ["reserve_loss"]


def test_a_forecast_that_does_not_come_within_two_more_months_is_named_under_asc_815() -> None:
    late = replace(purchase(), rule_set=RuleSet.ASC815, forecast_end=date(2025, 12, 31))
    facts = [replace(day, month_end=True) for day in days([lots([0, 1_000])], [100, 110])]
    assert broken(facts, late) == ["forecast_overdue"]
    assert broken(facts, replace(late, rule_set=RuleSet.CAS24)) == []
    assert broken(facts, replace(late, forecast_end=date(2026, 1, 31))) == []


def test_a_later_leg_needs_a_documented_roll_strategy() -> None:
    later = purchase().with_instrument(InstrumentShare("lot-2", 1, on(3)))
    assert later.problems() == []  # documented elsewhere
    assert replace(later, roll_policy="next liquid month, five days before delivery").problems() == []
    assert [p.rule for p in replace(later, roll_policy="").problems()] == ["designation_roll"]


# --- effectiveness ----------------------------------------------------------------------------------------------------


def test_a_hedge_that_is_not_highly_effective_stops_the_period_end_only_where_the_rules_ask() -> None:
    facts = [replace(day, month_end=day.trading_day == on(1)) for day in days([lots([0, 500])], [100, 110])]
    assert broken(facts, replace(purchase(), rule_set=RuleSet.ASC815)) == ["hedge_not_effective"]
    assert broken(facts, purchase()) == []
    stop = (HedgeStop("R1", on(1), reason=StopReason.NOT_EFFECTIVE),)
    stopped = [facts[0], replace(facts[1], stops=stop)]
    assert broken(stopped, replace(purchase(), rule_set=RuleSet.ASC815)) == []


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(-900, 900)), min_size=3, max_size=12))
def test_regression_agrees_with_numpy(pairs: list[tuple[int, int]]) -> None:
    numpy = pytest.importorskip("numpy")
    history, instrument, worth = [], D(0), D(0)
    for number, (x, y) in enumerate(pairs):
        worth, instrument = worth + x, instrument + y
        history.append(Measured(on(number), instrument, worth))
    kept = [(x, y) for x, y in pairs if x or y]
    found = regression(history)
    assert found.points == len(kept)
    xs = [x for x, _ in kept]
    if len(set(xs)) > 1:
        slope = numpy.polyfit(xs, [y for _, y in kept], 1)[0]
        assert found.slope is not None and abs(float(found.slope) - slope) < 1e-5
        if len({y for _, y in kept}) > 1:
            r = numpy.corrcoef(xs, [y for _, y in kept])[0, 1]
            assert found.r2 is not None and abs(float(found.r2) - r * r) < 1e-5
    else:
        assert found.slope is None


def test_a_perfect_hedge_passes_by_regression_and_terms_are_compared_one_by_one() -> None:
    history = tuple(Measured(on(n), D(-7 * n * n), D(7 * n * n)) for n in range(1, 12))
    assert regression(history).passes
    assert highly_effective(history)
    assert not highly_effective((Measured(START, D(50), D(-100)),))
    terms = critical_terms(purchase(), "copper", D(90), 1)
    assert [(term.term, term.matches) for term in terms] == [
        ("commodity", True),
        ("quantity", False),
        ("direction", True),
    ]


# --- what is left out of the designation ------------------------------------------------------------------------------


def option(related: Related, kind: ItemKind = ItemKind.FORECAST_PURCHASE, actual: int = 60) -> HedgeRelationship:
    element = ExcludedElement(Excluded.TIME_VALUE, related, D(actual), D(60), START, on(10))
    return hedge(item(kind, 100, 100), excluded=element)


def values(*actual: int) -> dict[int, dict[str, TimeValue]]:
    return {number: {"R1": TimeValue(D(value), D(value))} for number, value in enumerate(actual)}


def test_a_transaction_related_time_value_enters_the_cost_with_the_goods() -> None:
    # intrinsic value 0 → 1,000, time value 60 → 20; all goods arrive on day 2 with the option worth 1,000 + 0
    received = {2: (ItemMovement("R1", on(2), D(100), net=D(11_000)),)}
    facts = days([lots([0, 960, 940])], [100, 110, 110], excluded=values(60, 20, 0), movements=received)
    result = run(facts, option(Related.TRANSACTION))
    after = balances(result.events)
    assert after[R.RAW_MATERIAL] == 11_000 - 1_000 + 60  # market price, less the gain, plus the premium
    assert after[R.HEDGE_RESERVE] == after[R.HEDGE_COST_RESERVE] == after[R.HEDGE_RESULT] == 0


def test_a_period_related_time_value_is_spread_and_the_hedge_sees_the_intrinsic_value_only() -> None:
    facts = days([lots([0, 960])], [100, 110], excluded=values(60, 20))
    after = balances(run(facts, option(Related.PERIOD)).events)
    assert after[R.HEDGE_RESERVE] == -1_000
    assert after[R.HEDGE_COST_RESERVE] == 40 - 6  # lost 40, of which 6 for one of ten days is in profit or loss
    assert after[R.HEDGE_RESULT] == 6


def test_an_element_that_is_not_deferred_goes_to_profit_or_loss_as_it_changes() -> None:
    after = balances(run(days([lots([0, 960])], [100, 110], excluded=values(60, 20)), option(Related.PROFIT)).events)
    assert after[R.HEDGE_COST_RESERVE] == 0
    assert after[R.HEDGE_RESULT] == 40


def test_dearer_than_aligned_the_excess_is_profit_or_loss() -> None:
    given_values = {n: {"R1": TimeValue(D(a), D(b))} for n, (a, b) in enumerate([(80, 60), (50, 40)])}
    facts = days([lots([0, -30])], [100, 100], excluded=given_values)
    after = balances(run(facts, option(Related.TRANSACTION, actual=80)).events)
    assert after[R.HEDGE_COST_RESERVE] == 20  # the aligned change
    assert after[R.HEDGE_RESULT] == 10


def test_a_fair_value_hedge_keeps_the_excluded_element_out_of_its_result_too() -> None:
    stock = replace(option(Related.PERIOD), item=item(ItemKind.INVENTORY, 100, 100, carrying=D(9_000)))
    after = balances(run(days([lots([0, 960])], [100, 90], excluded=values(60, 20)), stock).events)
    assert after[R.HEDGE_RESULT] == -(1_000 - 1_000) + 6
    assert after[R.HEDGING_INSTRUMENT] == 960
    stop = {1: (HedgeStop("R1", on(1)),)}
    ended = balances(run(days([lots([0, 960])], [100, 90], excluded=values(60, 20), stops=stop), stock).events)
    assert ended[R.HEDGE_COST_RESERVE] == 0
    assert ended[R.HEDGE_RESULT] == 40


def test_a_missing_value_of_the_element_leaves_the_day_open() -> None:
    facts = days([lots([0, 960])], [100, 110], excluded=values(60))
    assert broken(facts, option(Related.PERIOD)) == ["excluded_value_missing"]


# --- delivery, costs booked by the ERP, deferred tax ------------------------------------------------------------------


def test_goods_delivered_on_the_exchange_are_invoiced_with_vat_and_paid_through_the_broker() -> None:
    sold = {1: (ItemMovement("R1", on(1), D(100), net=D(10_000), vat=D(1_300), delivery=True),)}
    paid = {1: (CashFlow("80010001", on(1), CashKind.DELIVERY, D(11_300)),)}
    stock = hedge(item(ItemKind.INVENTORY, 100, 100, carrying=D(9_000)))
    after = balances(run(days([lots([0, 0])], [100, 100], movements=sold, cash=paid), stock).events)
    assert after[R.MARGIN_ACCOUNT] == 11_300
    assert after[R.RECEIVABLE] == after[R.BANK] == 0
    assert [after[R.REVENUE], after[R.VAT_OUTPUT]] == [-10_000, -1_300]
    bought = {1: (ItemMovement("R1", on(1), D(100), net=D(10_000), vat=D(1_300), delivery=True),)}
    taken = {1: (CashFlow("80010001", on(1), CashKind.DELIVERY, D(-11_300)),)}
    facts = days([lots([0, 0])], [100, 100], movements=bought, cash=taken)
    after = balances(run(facts, purchase()).events)
    assert [after[R.MARGIN_ACCOUNT], after[R.VAT_INPUT], after[R.RAW_MATERIAL]] == [-11_300, 1_300, 10_000]
    assert after[R.PAYABLE] == 0


@pytest.mark.parametrize("carrying", ItemCarrying)
def test_when_the_erp_has_booked_the_cost_ours_is_the_difference(carrying: ItemCarrying) -> None:
    book = replace(KEEP, item_carrying=carrying)
    stock = hedge(item(ItemKind.INVENTORY, 100, 100, carrying=D(9_000)))
    sold = {1: (ItemMovement("R1", on(1), D(100), booked_cost=D(9_000)),)}
    result = run(days([lots([0, 0])], [100, 112], movements=sold), stock, book)
    (ours,) = [event for event in result.events if event.kind is K.COST_DIFFERENCE]
    assert dict(ours.amounts)["amount"] == 1_200
    after = balances(result.events, book)
    assert after[R.COST_OF_SALES] == 10_200
    assert [after[R.HEDGED_ITEM], after[R.INVENTORY]] == [0, -9_000]


def test_deferred_tax_follows_open_results_and_the_reserves_part_stays_in_equity() -> None:
    book = replace(KEEP, tax_rate=D("0.25"))
    facts = [replace(day, month_end=True) for day in days([lots([0, 1_000, -400])], [100, 110, 96])]
    result = run(facts[:2], purchase(), book)
    after = balances(result.events, book)
    assert [after[R.RESERVE_TAX], after[R.INCOME_TAX], after[R.DEFERRED_TAX_LIABILITY]] == [250, 0, -250]
    later = balances(run(facts, purchase(), book).events, book)
    assert [later[R.RESERVE_TAX], later[R.DEFERRED_TAX_LIABILITY], later[R.DEFERRED_TAX_ASSET]] == [-100, 0, 100]
    assert later[R.HEDGE_RESERVE] == 400


@settings(deadline=None)
@given(st.lists(st.integers(-9_000, 9_000), min_size=2, max_size=5), st.integers(80, 120))
def test_deferred_tax_is_the_rate_on_every_open_amount(path: list[int], spot: int) -> None:
    book = replace(KEEP, tax_rate=D("0.25"))
    facts = [replace(day, month_end=True) for day in days([lots([0, *path])], [100, *([spot] * len(path))])]
    after = balances(run(facts, purchase(), book).events, book)
    tax = after[R.INCOME_TAX] + after[R.RESERVE_TAX]
    assert tax == -(after[R.DEFERRED_TAX_ASSET] + after[R.DEFERRED_TAX_LIABILITY])
    assert abs(tax - D(path[-1]) * D("0.25")) <= D("0.01")
    assert abs(after[R.RESERVE_TAX] + after[R.HEDGE_RESERVE] * D("0.25")) <= D("0.01")
    assert min(after[R.DEFERRED_TAX_ASSET], -after[R.DEFERRED_TAX_LIABILITY]) == 0


def test_a_kind_of_event_can_be_handed_to_the_other_booker() -> None:
    book = BookSettings.read({"booked_by.purchase": "hedgebridge", "booked_by.basis_adjustment": "erp"})
    received = {1: (ItemMovement("R1", on(1), D(100), net=D(11_000)),)}
    result = run(days([lots([0, 1_000])], [100, 110], movements=received), purchase(), book)
    booked = {event.kind: {e.booked_by.value for e in entries_of(event, book)} for event in result.events}
    assert booked[K.PURCHASE] == {"hedgebridge"}
    assert booked[K.BASIS_ADJUSTMENT] == {"erp"}
