"""Cases of every kind with other numbers: what the engine books is compared with a few independent lines of arithmetic."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent
from hedge_core.accounting.inputs import DayFacts, LotDay
from hedge_core.accounting.measurement import measure_days
from hedge_core.accounting.option_value import TimeValue, TimeValueHedge, TimeValueState, measure_time_value
from hedge_core.accounting.relationships import (
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    InstrumentShare,
    ItemKind,
    ItemMovement,
)
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import (
    BookSettings,
    CloseResult,
    FuturesCash,
    Measure,
    Post,
    RuleSet,
    Variation,
)

D = Decimal
R = AccountRole
START = date(2026, 1, 5)
NOTHING = D(0)
KEEP = BookSettings(variation=Variation.KEEP, futures_cash=FuturesCash.BANK, measure=Measure.DAY, post=Post.DAY)
money = st.integers(-5_000_000, 5_000_000).map(lambda fen: D(fen) / 100)
prices = st.integers(1_000, 90_000).map(D)


def on(number: int) -> date:
    return START + timedelta(days=number)


def lot(cumulative: Sequence[Decimal]) -> list[LotDay]:
    """One lot by its cumulative result each day: opened with the first, closed with the last."""
    found, before, last = [], D(0), len(cumulative) - 1
    for number, total in enumerate(cumulative):
        closes = number == last
        found.append(
            LotDay(
                "lot-1", "80010001", "SHFE.cu2609", on(number), 0 if number else 1, 1 if number else 0, int(closes),
                int(not closes), total if closes else D(0), total - before if closes else D(0),
                D(0) if closes else total - before, D(0) if closes else total, before,
            )
        )  # fmt: skip
        before = total
    return found


def run(
    kind: ItemKind,
    cumulative: Sequence[Decimal],
    spots: Sequence[Decimal],
    quantity: Decimal,
    *,
    carrying: Decimal = NOTHING,
    movements: Mapping[int, Sequence[ItemMovement]] | None = None,
    stops: Mapping[int, HedgeStop] | None = None,
    rule_set: RuleSet = RuleSet.CAS24,
    book: BookSettings = KEEP,
) -> tuple[AccountingEvent, ...]:
    hedge = HedgeRelationship(
        "R1", rule_set, HedgedItem(kind, "copper", quantity, carrying, spots[0]), (InstrumentShare("lot-1", 1, START),),
        START, "approver", START,
    )  # fmt: skip
    days = [
        DayFacts(
            on(number),
            (day,),
            item_prices={"copper": spots[number]},
            movements=tuple((movements or {}).get(number, ())),
            stops=(stops[number],) if stops and number in stops else (),
        )
        for number, day in enumerate(lot(cumulative))
    ]
    result = measure_days(days, book, [hedge])
    assert result.problems == ()
    return result.events


def balances(events: Sequence[AccountingEvent], book: BookSettings = KEEP) -> dict[AccountRole, Decimal]:
    found = role_balances([entry for event in events for entry in entries_of(event, book)])
    assert sum(found.values()) == 0
    return {role: found.get(role, D(0)) for role in AccountRole}


def fen(value: Decimal) -> Decimal:
    return value.quantize(D("0.01"), ROUND_HALF_UP)


def lower_of(instrument: Decimal, item: Decimal) -> Decimal:
    return D(0) if instrument * item >= 0 else min(abs(instrument), abs(item)) * (1 if instrument > 0 else -1)


two_days = st.tuples(money, money)


@settings(deadline=None)
@given(two_days, st.tuples(prices, prices, prices), st.integers(1, 900), st.integers(0, 9_000_000), prices)
def test_stock_hedged_for_fair_value_and_sold_leaves_margin_on_revenue_and_both_changes_in_the_hedge_result(
    results: tuple[Decimal, Decimal], spots: Any, tonnes: int, carrying: int, sale: Decimal
) -> None:
    q, cost, net = D(tonnes), D(carrying), sale * tonnes
    sold = ItemMovement("R1", on(2), q, net=net, vat=fen(net * D("0.13")))
    events = run(ItemKind.INVENTORY, (D(0), *results), spots, q, carrying=cost, movements={2: [sold]})
    after, change = balances(events), q * (spots[2] - spots[0])
    assert after[R.HEDGE_RESULT] == -(results[1] + change)
    assert after[R.COST_OF_SALES] == cost + change
    assert after[R.REVENUE] == -net
    assert after[R.VAT_OUTPUT] == -fen(net * D("0.13"))
    assert after[R.HEDGED_ITEM] == after[R.HEDGING_INSTRUMENT] == 0
    assert after[R.INVENTORY] == -cost


@settings(deadline=None)
@given(two_days, st.tuples(prices, prices, prices), st.integers(1, 900), prices, st.booleans())
def test_a_firm_commitment_brings_its_change_into_cost_or_revenue(
    results: tuple[Decimal, Decimal], spots: Any, tonnes: int, fixed: Decimal, buys: bool
) -> None:
    q, net = D(tonnes), fixed * tonnes
    kind = ItemKind.FIRM_PURCHASE if buys else ItemKind.FIRM_SALE
    done = ItemMovement("R1", on(2), q, net=net)
    after = balances(run(kind, (D(0), *results), spots, q, movements={2: [done]}))
    moved = q * (spots[2] - spots[0])
    if buys:
        assert after[R.RAW_MATERIAL] == net + moved  # bought at the fixed price, carried at market
        assert after[R.HEDGE_RESULT] == -(results[1] + moved)
    else:
        assert after[R.REVENUE] == -(net + moved)
        assert after[R.HEDGE_RESULT] == -(results[1] - moved)
    assert after[R.HEDGED_ITEM] == after[R.HEDGING_INSTRUMENT] == 0


@settings(max_examples=150, deadline=None)
@given(
    st.lists(st.tuples(money, prices), min_size=2, max_size=6), st.integers(1, 900), st.booleans(),
    st.sampled_from([RuleSet.CAS24, RuleSet.IFRS9, RuleSet.ASC815, RuleSet.CAIKUAI_2015_18]),
)  # fmt: skip
def test_a_forecast_keeps_the_lower_amount_day_by_day_and_releases_it_with_the_goods(
    path: list[tuple[Decimal, Decimal]], tonnes: int, buys: bool, rule_set: RuleSet
) -> None:
    q = D(tonnes)
    kind = ItemKind.FORECAST_PURCHASE if buys else ItemKind.FORECAST_SALE
    cumulative, spots = [D(0), *(total for total, _ in path)], [D(40000), *(spot for _, spot in path)]
    last = len(path)
    done = ItemMovement("R1", on(last), q, net=spots[-1] * q)
    sign = -1 if buys else 1
    whole = rule_set is RuleSet.ASC815

    def reserve(number: int) -> Decimal:
        item = sign * q * (spots[number] - spots[0])
        return cumulative[number] if whole else lower_of(cumulative[number], item)

    waiting = balances(run(kind, cumulative, spots, q, rule_set=rule_set))
    assert waiting[R.HEDGE_RESERVE] == -reserve(last)
    home = R.FAIR_VALUE_RESULT if rule_set is RuleSet.CAIKUAI_2015_18 else R.HEDGE_RESULT
    assert waiting[home] == -(cumulative[-1] - reserve(last))
    after = balances(run(kind, cumulative, spots, q, rule_set=rule_set, movements={last: [done]}))
    if buys and whole:
        assert after[R.HEDGE_RESERVE] == -reserve(last)
        assert after[R.RAW_MATERIAL] == spots[-1] * q
    elif buys:
        assert after[R.RAW_MATERIAL] == spots[-1] * q - reserve(last)
    else:
        assert after[R.REVENUE] == -(spots[-1] * q + reserve(last))
    if not (buys and whole):
        assert after[R.HEDGE_RESERVE] == 0
    assert after[R.HEDGING_INSTRUMENT] == 0


@settings(deadline=None)
@given(st.tuples(money, money, money), st.tuples(prices, prices, prices, prices), st.integers(2, 900), st.data())
def test_a_part_received_takes_its_share_and_the_rest_is_measured_on_its_own_layer(
    results: Any, spots: Any, tonnes: int, data: st.DataObject
) -> None:
    q, part = D(tonnes), D(data.draw(st.integers(1, tonnes - 1)))
    received = ItemMovement("R1", on(1), part)
    cumulative = (D(0), *results)
    events = run(ItemKind.FORECAST_PURCHASE, cumulative, spots, q, movements={1: [received]})
    at_release = lower_of(results[0], -q * (spots[1] - spots[0]))
    after = balances(events)
    released = after[R.RAW_MATERIAL]
    assert abs(-released - at_release * part / q) <= D("0.01")
    # the layer that is left: its share of the instrument at release, plus everything since; its own item change
    instrument = results[0] * (q - part) / q + results[2] - results[0]
    item = -(q - part) * (spots[3] - spots[0])
    assert abs(-after[R.HEDGE_RESERVE] - lower_of(instrument, item)) <= D("0.02")


@settings(deadline=None)
@given(two_days, st.tuples(prices, prices, prices), st.integers(1, 900), st.booleans())
def test_a_stopped_forecast_keeps_its_reserve_while_expected_and_gives_it_up_when_not(
    results: tuple[Decimal, Decimal], spots: Any, tonnes: int, expected: bool
) -> None:
    q = D(tonnes)
    stop = HedgeStop("R1", on(1), expected)
    events = run(ItemKind.FORECAST_PURCHASE, (D(0), *results), spots, q, stops={1: stop})
    after = balances(events)
    reserve = lower_of(results[0], -q * (spots[1] - spots[0]))
    assert after[R.HEDGE_RESERVE] == (-reserve if expected else 0)
    assert after[R.HEDGE_RESULT] == -(results[0] - (reserve if expected else 0))
    # from the stop on the instrument is an ordinary derivative
    assert after[R.FAIR_VALUE_RESULT] + after[R.CLOSING_RESULT] == -(results[1] - results[0])
    assert after[R.DERIVATIVE] == after[R.HEDGING_INSTRUMENT] == 0


@settings(deadline=None)
@given(
    st.lists(money, min_size=1, max_size=6), st.sampled_from(CloseResult), st.sampled_from(Variation),
    st.sampled_from(FuturesCash),
)  # fmt: skip
def test_outside_hedge_accounting_the_whole_result_is_booked_once_whatever_the_practice(
    path: list[Decimal], close: CloseResult, variation: Variation, cash: FuturesCash
) -> None:
    book = replace(KEEP, close_result=close, variation=variation, futures_cash=cash)
    days = [DayFacts(day.trading_day, (day,)) for day in lot((D(0), *path))]
    after = balances(measure_days(days, book).events, book)
    total, before = path[-1], (D(0), *path)[-2]
    moved = {CloseResult.TRANSFER: total, CloseResult.LAST_LEG: total - before, CloseResult.NONE: D(0)}[close]
    assert after[R.CLOSING_RESULT] == -moved
    assert after[R.FAIR_VALUE_RESULT] == -(total - moved)
    assert after[R.DERIVATIVE] == 0
    assert after[R.MARGIN_ACCOUNT] + after[R.BANK] == total
    small = replace(book, rule_set=RuleSet.SMALL_ENTERPRISE)
    realised = balances(measure_days(days, small).events, small)
    assert realised[R.CLOSING_RESULT] == -total
    assert realised[R.FAIR_VALUE_RESULT] == realised[R.DERIVATIVE] == 0


@settings(deadline=None)
@given(
    st.integers(1, 10**6), st.integers(1, 10**6), st.lists(st.integers(0, 10**6), min_size=1, max_size=5),
    st.integers(1, 900),
)  # fmt: skip
def test_a_time_value_that_matches_ends_spread_in_equal_parts_whatever_its_path(
    start: int, _: int, path: list[int], length: int
) -> None:
    values = [D(value) for value in path] + [D(0)]
    hedge = TimeValueHedge("R1", "copper", "", TimeValue(D(start), D(start)), START, on(length))
    state, events = TimeValueState(), []
    for number, value in enumerate(values, 1):
        day = on(length * number // len(values))
        made, state = measure_time_value(hedge, day, TimeValue(value, value), state)
        events += made
        elapsed = (day - START).days
        assert state.balance == (value - start) + fen(D(start) * elapsed / length)
    assert balances(events)[R.HEDGE_RESULT] == start
    assert state.balance == 0
