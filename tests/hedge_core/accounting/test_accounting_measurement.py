"""Measuring day by day: identities that hold for any trading, splits of lots, and days that stay open."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent, EventKind
from hedge_core.accounting.inputs import CashFlow, CashKind, DayFacts, FeeCharge, LotDay
from hedge_core.accounting.measurement import measure_day, measure_days
from hedge_core.accounting.posting import dated
from hedge_core.accounting.relationships import (
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    InstrumentShare,
    ItemKind,
    ItemMovement,
)
from hedge_core.accounting.reserve import effectiveness, reserve_target
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import (
    BookSettings,
    CloseResult,
    ItemCarrying,
    Measure,
    Post,
    RuleSet,
    Variation,
)
from hedge_core.accounting.state import MeasureState
from messages import LANGUAGES, say

D = Decimal
START = date(2026, 3, 2)
ACCOUNT = "80010001"


def trading_day(number: int) -> date:
    return START + timedelta(days=number)


@st.composite
def traded(draw: st.DrawFn) -> tuple[list[DayFacts], list[HedgeRelationship]]:
    """Three to six days of one book: lots opened, closed in parts and held, a relationship on some of them, fees,
    deposits, and an item that is partly sold."""
    length = draw(st.integers(3, 6))
    by_day: list[list[LotDay]] = [[] for _ in range(length)]
    shares = []
    designated = draw(st.integers(0, length - 1))
    for number in range(draw(st.integers(1, 4))):
        opened = draw(st.integers(0, length - 1))
        lots = draw(st.integers(1, 9))
        sign = draw(st.sampled_from([1, -1]))
        open_price = previous = D(draw(st.integers(60000, 70000)))
        held = lots
        for index in range(opened, length):
            if held == 0 and index > opened:
                break
            closed = draw(st.integers(0, held))
            # two closing prices on one day make the closed result no multiple of the lots
            close_price, settle = D(draw(st.integers(60000, 70000))), D(draw(st.integers(60000, 70000)))
            odd = D(draw(st.integers(-99, 99))) / 100 if closed else D(0)
            left = held - closed
            by_day[index].append(
                LotDay(
                    f"lot-{number}",
                    ACCOUNT,
                    "SHFE.cu2605",
                    trading_day(index),
                    opened_today=lots if index == opened else 0,
                    lots_start=0 if index == opened else held,
                    lots_closed=closed,
                    lots_end=left,
                    realised_trade=sign * closed * 5 * (close_price - open_price) + odd,
                    realised_mtm=sign * closed * 5 * (close_price - previous) + odd,
                    holding_mtm=sign * left * 5 * (settle - previous),
                    floating_end=sign * left * 5 * (settle - open_price),
                    floating_start=D(0) if index == opened else sign * held * 5 * (previous - open_price),
                )
            )
            if held and index == max(designated, opened) and draw(st.booleans()):
                # an older lot is taken over at the day's settlement, when only `left` lots remain
                available = lots if index == opened else left
                if available:
                    shares.append(InstrumentShare(f"lot-{number}", draw(st.integers(1, available)), trading_day(index)))
            held, previous = left, settle
    relationships = []
    movements: list[tuple[ItemMovement, ...]] = [() for _ in range(length)]
    if shares:
        relationships.append(
            HedgeRelationship(
                "R1",
                RuleSet.CAS24,
                HedgedItem(ItemKind.INVENTORY, "copper", D(100), D("6100000.01"), D(62000)),
                tuple(shares),
                trading_day(designated),
                "approver",
                trading_day(designated),
            )
        )
        last_share = max((share.from_day - START).days for share in shares)
        sold_on = draw(st.integers(last_share, length - 1))
        quantity = D(draw(st.integers(1, 100)))
        movements[sold_on] = (ItemMovement("R1", trading_day(sold_on), quantity, D(60000) * quantity),)
    days = [
        DayFacts(
            trading_day(index),
            tuple(by_day[index]),
            fees=(FeeCharge(ACCOUNT, "SHFE.cu2605", trading_day(index), D(draw(st.integers(-500, 9000))) / 100),),
            cash=(CashFlow(ACCOUNT, trading_day(index), CashKind.TRANSFER, D(draw(st.integers(-900, 900)))),),
            item_prices={"copper": D(draw(st.integers(55000, 65000))) + D("0.37")},
            movements=movements[index],
            month_end=index == length - 1,
        )
        for index in range(length)
    ]
    return days, relationships


@st.composite
def books(draw: st.DrawFn) -> BookSettings:
    return BookSettings(
        variation=draw(st.sampled_from(Variation)),
        close_result=draw(st.sampled_from(CloseResult)),
        measure=draw(st.sampled_from(Measure)),
        post=draw(st.sampled_from(Post)),
        item_carrying=draw(st.sampled_from(ItemCarrying)),
    )


def balances(events: Sequence[AccountingEvent], book: BookSettings) -> dict[AccountRole, Decimal]:
    found = role_balances([entry for event in events for entry in entries_of(event, book)])
    return {role: found.get(role, D(0)) for role in AccountRole}


def money_in(days: Sequence[DayFacts]) -> Decimal:
    moved = sum((flow.amount for facts in days for flow in facts.cash), D(0))
    return moved - sum((fee.amount for facts in days for fee in facts.fees), D(0))


@settings(max_examples=150, deadline=None)
@given(traded(), books())
def test_any_trading_ties_margin_account_and_instruments_to_the_brokers_balances(
    case: tuple[list[DayFacts], list[HedgeRelationship]], book: BookSettings
) -> None:
    days, relationships = case
    result = measure_days(days, book, relationships)
    assert result.problems == ()
    after = balances(result.events, book)
    assert sum(after.values()) == 0
    lots = [lot for facts in days for lot in facts.lots]
    marked = sum((lot.realised_mtm + lot.holding_mtm for lot in lots), D(0))
    closed = sum((lot.realised_trade for lot in lots), D(0))
    instruments = after[AccountRole.DERIVATIVE] + after[AccountRole.HEDGING_INSTRUMENT]
    if book.variation is Variation.SWEEP:
        assert after[AccountRole.MARGIN_ACCOUNT] == money_in(days) + marked  # 盯市结存
        assert after[AccountRole.DERIVATIVE] == after[AccountRole.HEDGING_INSTRUMENT] == 0
    else:
        assert after[AccountRole.MARGIN_ACCOUNT] == money_in(days) + closed  # 逐笔结存
        assert after[AccountRole.MARGIN_ACCOUNT] + instruments == money_in(days) + marked  # 权益
        free = sum((holding.fair_value for holding in result.state.lots.values()), D(0))
        assert after[AccountRole.DERIVATIVE] == free
    # whatever the split, the day's results of all lots are booked once
    gains = [AccountRole.FAIR_VALUE_RESULT, AccountRole.CLOSING_RESULT, AccountRole.HEDGE_RESULT]
    item = -sum((dict(e.amounts)["amount"] for e in result.events if e.kind is EventKind.ITEM_CHANGE), D(0))
    assert -sum(after[role] for role in gains) + item == marked


@settings(max_examples=100, deadline=None)
@given(traded(), books(), st.integers(1, 5))
def test_measuring_in_two_sittings_gives_the_same_as_in_one(
    case: tuple[list[DayFacts], list[HedgeRelationship]], book: BookSettings, cut: int
) -> None:
    days, relationships = case
    whole = measure_days(days, book, relationships)
    first = measure_days(days[:cut], book, relationships)
    second = measure_days(days[cut:], book, relationships, first.state)
    assert first.events + second.events == whole.events
    assert second.state == whole.state


@settings(max_examples=100, deadline=None)
@given(traded(), books())
def test_measuring_monthly_ends_the_month_with_the_balances_of_measuring_daily(
    case: tuple[list[DayFacts], list[HedgeRelationship]], book: BookSettings
) -> None:
    days, relationships = case
    # the last leg is by definition counted from the last measurement, so the two rhythms differ there
    book = replace(book, close_result=CloseResult.TRANSFER)
    daily = measure_days(days, replace(book, measure=Measure.DAY), relationships)
    monthly = measure_days(days, replace(book, measure=Measure.MONTH), relationships)
    assert balances(daily.events, book) == balances(monthly.events, book)
    assert len(monthly.events) <= len(daily.events)


@settings(max_examples=100, deadline=None)
@given(traded())
def test_realised_only_books_tie_to_the_trade_by_trade_balance(
    case: tuple[list[DayFacts], list[HedgeRelationship]],
) -> None:
    days = [replace(facts, movements=()) for facts in case[0]]
    book = BookSettings(rule_set=RuleSet.SMALL_ENTERPRISE)
    after = balances(measure_days(days, book).events, book)
    closed = sum((lot.realised_trade for facts in days for lot in facts.lots), D(0))
    assert after[AccountRole.MARGIN_ACCOUNT] == money_in(days) + closed
    assert -after[AccountRole.CLOSING_RESULT] == closed
    assert after[AccountRole.DERIVATIVE] == after[AccountRole.FAIR_VALUE_RESULT] == 0


def copper_hedge(lots: int = 10, on: int = 0, **changes: Any) -> HedgeRelationship:
    hedge = HedgeRelationship(
        "R1",
        RuleSet.CAS24,
        HedgedItem(ItemKind.INVENTORY, "copper", D(30), D(100), D(62000)),
        (InstrumentShare("lot-1", lots, trading_day(on)),),
        trading_day(on),
        "approver",
        trading_day(on),
    )
    return replace(hedge, **changes)


KEEP = BookSettings(variation=Variation.KEEP)


def short_lot(build: Any, marks: Sequence[tuple[int, int, int]]) -> list[LotDay]:
    """Short 10 lots at 70,000: (settlement, lots closed, closing price) per day."""
    return build.lot_days(
        "lot-1",
        "SHFE.cu2605",
        -1,
        10,
        5,
        D(70000),
        [build.Mark(trading_day(n), D(settle), closed, D(at)) for n, (settle, closed, at) in enumerate(marks)],
    )


def amounts(events: Sequence[AccountingEvent], kind: EventKind) -> list[Decimal]:
    return [event.amounts[0][1] for event in events if event.kind is kind]


def test_a_lot_partly_designated_splits_its_results_by_lots(build: Any) -> None:
    (first,) = short_lot(build, [(69000, 0, 0)])
    facts = DayFacts(first.trading_day, (first,), item_prices={"copper": D(62000)})
    result = measure_day(facts, MeasureState(), KEEP, [copper_hedge(lots=4)])
    assert amounts(result.events, EventKind.INSTRUMENT_CHANGE) == [20000]
    assert amounts(result.events, EventKind.FAIR_VALUE_CHANGE) == [30000]


def test_of_a_partly_designated_lot_the_undesignated_lots_close_first(build: Any) -> None:
    first, second = short_lot(build, [(69000, 0, 0), (69500, 7, 68000)])
    days = [DayFacts(lot.trading_day, (lot,), item_prices={"copper": D(62000)}) for lot in (first, second)]
    result = measure_days(days, KEEP, [copper_hedge(lots=4)])
    assert amounts(result.events, EventKind.CLOSE_SETTLEMENT) == [60000]  # six free lots, 2,000 a tonne
    assert amounts(result.events, EventKind.INSTRUMENT_SETTLEMENT) == [10000]  # one hedged lot
    assert result.state.hedges["R1"].holdings["lot-1"].lots == 3


def test_an_older_lot_counts_from_the_settlement_of_its_designation_day(build: Any) -> None:
    lots = short_lot(build, [(69000, 0, 0), (68500, 0, 0), (68000, 0, 0)])
    days = [DayFacts(lot.trading_day, (lot,), item_prices={"copper": D(62000)}) for lot in lots]
    result = measure_days(days, KEEP, [copper_hedge(on=1)])
    assert amounts(result.events, EventKind.FAIR_VALUE_CHANGE) == [50000, 25000]
    assert amounts(result.events, EventKind.INSTRUMENT_DESIGNATED) == [75000]
    assert amounts(result.events, EventKind.INSTRUMENT_CHANGE) == [25000]
    assert result.state.hedges["R1"].instrument_total == 25000


def test_what_a_lot_earned_under_a_hedge_is_not_moved_on_closing_what_it_earned_before_and_after_is(build: Any) -> None:
    lots = short_lot(build, [(69000, 0, 0), (68500, 0, 0), (68000, 4, 68000), (67000, 6, 67000)])
    days = [DayFacts(lot.trading_day, (lot,), item_prices={"copper": D(62000)}) for lot in lots]
    days[2] = replace(days[2], movements=(ItemMovement("R1", trading_day(2), D(30)),))
    result = measure_days(days, KEEP, [copper_hedge(on=1)])
    after = balances(result.events, KEEP)
    # before: 1,500 a tonne; hedged: 500 on 50 t; after the item was sold: 1,000 on the 30 t still open. The 20 t closed
    # under the hedge leave their first 1,500 a tonne in the fair value result.
    assert after[AccountRole.HEDGE_RESULT] == -25000
    assert after[AccountRole.CLOSING_RESULT] == -(45000 + 30000)
    assert after[AccountRole.FAIR_VALUE_RESULT] == -30000
    assert after[AccountRole.DERIVATIVE] == after[AccountRole.HEDGING_INSTRUMENT] == 0


@pytest.mark.parametrize("variation", Variation)
def test_a_lot_designated_between_trading_days_leaves_its_earlier_result_outside_the_hedge(
    build: Any, variation: Variation
) -> None:
    book = BookSettings(variation=variation, measure=Measure.MONTH)
    first, second = short_lot(build, [(69000, 0, 0), (68500, 0, 0)])
    monday = replace(second, trading_day=trading_day(4))
    days = [
        DayFacts(first.trading_day, (first,)),
        DayFacts(monday.trading_day, (monday,), item_prices={"copper": D(62000)}, month_end=True),
    ]
    result = measure_days(days, book, [copper_hedge(on=2)])
    assert amounts(result.events, EventKind.FAIR_VALUE_CHANGE) == [50000]
    assert amounts(result.events, EventKind.INSTRUMENT_CHANGE) == [25000]
    after = balances(result.events, book)
    swept = variation is Variation.SWEEP
    assert after[AccountRole.MARGIN_ACCOUNT] == (75000 if swept else 0)
    assert after[AccountRole.HEDGING_INSTRUMENT] == (0 if swept else 75000)
    assert after[AccountRole.DERIVATIVE] == 0


def test_two_relationships_share_a_lot_and_the_earlier_one_closes_first(build: Any) -> None:
    lots = short_lot(build, [(69000, 0, 0), (68000, 7, 68000)])
    days = [DayFacts(lot.trading_day, (lot,), item_prices={"copper": D(62000)}) for lot in lots]
    hedges = [copper_hedge(lots=5, relationship_id="R2"), copper_hedge(lots=5)]
    state = measure_days(days, KEEP, hedges).state
    assert {name: sum(h.lots for h in hedge.holdings.values()) for name, hedge in state.hedges.items()} == {
        "R1": 0,
        "R2": 3,
    }


def test_a_commitment_that_falls_away_is_written_off_and_one_that_stays_is_kept_for_the_delivery(build: Any) -> None:
    item = HedgedItem(ItemKind.FIRM_PURCHASE, "copper", D(50), D(0), D(62000))
    (first, second) = short_lot(build, [(69000, 0, 0), (68000, 0, 0)])
    prices = {"copper": D(61000)}

    def run(expected: bool) -> dict[AccountRole, Decimal]:
        stop = HedgeStop("R1", trading_day(0), expected)
        days = [
            DayFacts(first.trading_day, (first,), item_prices=prices, stops=(stop,)),
            DayFacts(
                second.trading_day,
                (second,),
                movements=(ItemMovement("R1", trading_day(1), D(50)),) if expected else (),
            ),
        ]
        result = measure_days(days, KEEP, [copper_hedge(item=item)])
        assert result.problems == ()
        return balances(result.events, KEEP)

    fallen, kept = run(expected=False), run(expected=True)
    assert fallen[AccountRole.HEDGED_ITEM] == kept[AccountRole.HEDGED_ITEM] == 0
    assert fallen[AccountRole.HEDGE_RESULT] == -50000
    assert kept[AccountRole.HEDGE_RESULT] == 0
    assert kept[AccountRole.RAW_MATERIAL] == -50000


def test_a_stopped_adjustment_stays_with_the_stock_until_it_is_sold(build: Any) -> None:
    book = replace(KEEP, item_carrying=ItemCarrying.ADJUSTMENT)
    (first, second) = short_lot(build, [(69000, 10, 69000), (68000, 0, 0)])
    stopped = DayFacts(
        first.trading_day, (first,), item_prices={"copper": D(61990)}, stops=(HedgeStop("R1", trading_day(0)),)
    )
    sold = DayFacts(second.trading_day, movements=(ItemMovement("R1", trading_day(1), D(30)),))
    after = balances(measure_days([stopped, sold], book, [copper_hedge()]).events, book)
    assert after[AccountRole.HEDGED_ITEM] == 0
    assert after[AccountRole.COST_OF_SALES] == 100 - 300


@pytest.mark.parametrize("kind", [ItemKind.INVENTORY, ItemKind.FORECAST_SALE])
def test_on_a_friday_month_end_a_close_keeps_its_day_and_a_valuation_takes_the_last_calendar_day(
    build: Any, kind: ItemKind
) -> None:
    book = replace(KEEP, measure=Measure.MONTH, post=Post.DAY)
    friday, sunday = date(2024, 3, 29), date(2024, 3, 31)
    (held,) = short_lot(build, [(69000, 0, 0)])
    (closed,) = short_lot(build, [(69000, 10, 69000)])
    item = HedgedItem(kind, "copper", D(30), D(100), D(62000))

    def dates(lot: LotDay, hedges: Sequence[HedgeRelationship]) -> set[date]:
        facts = DayFacts(friday, (replace(lot, trading_day=friday),), item_prices={"copper": D(61000)}, month_end=True)
        events = measure_day(facts, MeasureState(), book, hedges).events
        instrument = ("hedging_instrument", "derivative")
        return {
            on
            for on, event in dated(events, book)
            if any(line.role.value in instrument for entry in entries_of(event, book) for line in entry.lines)
        }

    hedge = copper_hedge(
        item=item, designated_on=friday, instruments=(InstrumentShare("lot-1", 10, friday),), approved_on=friday
    )
    assert dates(held, [hedge]) == dates(held, []) == {sunday}
    assert dates(closed, [hedge]) == dates(closed, []) == {friday}


def test_parts_of_the_item_release_cost_in_proportion_and_add_up_to_the_whole(build: Any) -> None:
    lots = short_lot(build, [(69000, 0, 0), (68500, 0, 0), (68000, 10, 68000)])
    sold = [ItemMovement("R1", trading_day(n), D(10)) for n in range(3)]
    days = [
        DayFacts(lot.trading_day, (lot,), item_prices={"copper": D(62000)}, movements=(sold[n],))
        for n, lot in enumerate(lots)
    ]
    result = measure_days(days, KEEP, [copper_hedge()])
    assert amounts(result.events, EventKind.COST_OF_SALES) == [D("33.33"), D("33.34"), D("33.33")]
    assert result.state.hedges["R1"].carrying == 0


def test_with_the_cost_kept_by_the_erp_only_the_adjustment_is_ours(build: Any) -> None:
    book = replace(KEEP, item_carrying=ItemCarrying.ADJUSTMENT)
    (lot,) = short_lot(build, [(69000, 10, 69000)])
    sold = ItemMovement("R1", trading_day(0), D(30))
    facts = DayFacts(lot.trading_day, (lot,), item_prices={"copper": D(61990)}, movements=(sold,))
    events = measure_day(facts, MeasureState(), book, [copper_hedge()]).events
    assert amounts(events, EventKind.ITEM_DESIGNATION) == []
    (cost,) = [event for event in events if event.kind is EventKind.COST_ADJUSTMENT]
    erp, ours = entries_of(cost, book)
    assert [(line.role.value, line.debit, line.credit) for line in erp.lines] == [
        ("cost_of_sales", 100, 0),
        ("inventory", 0, 100),
    ]
    assert [(line.role.value, line.debit, line.credit) for line in ours.lines] == [
        ("cost_of_sales", 0, 300),
        ("hedged_item", 300, 0),
    ]


def test_when_the_item_is_gone_lots_still_open_leave_hedge_accounting(build: Any) -> None:
    lots = short_lot(build, [(69000, 0, 0), (68000, 0, 0)])
    days = [
        DayFacts(
            lots[0].trading_day,
            (lots[0],),
            item_prices={"copper": D(62000)},
            movements=(ItemMovement("R1", trading_day(0), D(30)),),
        ),
        DayFacts(lots[1].trading_day, (lots[1],)),
    ]
    result = measure_days(days, KEEP, [copper_hedge()])
    assert result.problems == ()
    assert amounts(result.events, EventKind.INSTRUMENT_RELEASED) == [50000]
    assert amounts(result.events, EventKind.FAIR_VALUE_CHANGE) == [50000]


def test_a_stopped_inventory_hedge_returns_the_adjusted_cost_to_stock(build: Any) -> None:
    (lot,) = short_lot(build, [(69000, 0, 0)])
    facts = DayFacts(
        lot.trading_day,
        (lot,),
        item_prices={"copper": D(62010)},
        stops=(HedgeStop("R1", trading_day(0)),),
    )
    events = measure_day(facts, MeasureState(), KEEP, [copper_hedge()]).events
    assert amounts(events, EventKind.ITEM_RETURN) == [400]
    assert amounts(events, EventKind.INSTRUMENT_RELEASED) == [50000]


def test_a_released_layer_leaves_both_cumulative_amounts(build: Any) -> None:
    # 500 t, futures +750,000 against −500,000: reserve 500,000. 200 t are received; on the other 300 t the item loses 100
    # a tonne and the futures gain 150: the entry is 30,000.
    def lot(number: int, total: int, before: int) -> LotDay:
        return LotDay(
            "lot-1",
            ACCOUNT,
            "SHFE.cu2605",
            trading_day(number),
            opened_today=1 if number == 0 else 0,
            lots_start=0 if number == 0 else 1,
            lots_closed=0,
            lots_end=1,
            realised_trade=D(0),
            realised_mtm=D(0),
            holding_mtm=D(total - before),
            floating_end=D(total),
            floating_start=D(before),
        )

    item = HedgedItem(ItemKind.FORECAST_PURCHASE, "copper", D(500), D(0), D(5000))
    received = ItemMovement("R1", trading_day(1), D(200))
    days = [
        DayFacts(trading_day(0), (lot(0, 0, 0),), item_prices={"copper": D(5000)}),
        DayFacts(trading_day(1), (lot(1, 750000, 0),), item_prices={"copper": D(6000)}, movements=(received,)),
        DayFacts(trading_day(2), (lot(2, 795000, 750000),), item_prices={"copper": D(6100)}),
    ]
    events = measure_days(days, KEEP, [copper_hedge(lots=1, item=item)]).events
    assert amounts(events, EventKind.BASIS_ADJUSTMENT) == [200000]
    last = [event for event in events if event.kind is EventKind.RESERVE_MEASUREMENT][-1]
    assert dict(last.amounts) == {"instrument": 45000, "reserve": 30000, "ineffective": 15000}


@pytest.mark.parametrize(
    ("instrument", "item", "reserve", "ineffective", "ratio", "within"),
    [
        ("25000", "-25000", "25000", "0", "1", True),
        ("750000", "-500000", "500000", "250000", "1.5", False),
        ("2300000", "-2000000", "2000000", "300000", "1.15", True),
        ("-2290000", "2000000", "-2000000", "-290000", "1.145", True),
        ("22500", "-25000", "22500", "0", "0.9", True),
        ("95", "-100", "95", "0", "0.95", True),
        ("-10000", "-5000", "0", "-10000", "-2", False),
        ("100", "0", "0", "100", None, False),
    ],
)
def test_effectiveness_of_cumulative_amounts(
    instrument: str, item: str, reserve: str, ineffective: str, ratio: str | None, within: bool
) -> None:
    found = effectiveness(D(instrument), D(item))
    assert (found.reserve, found.ineffective) == (D(reserve), D(ineffective))
    assert found.dollar_offset == (None if ratio is None else D(ratio))
    assert found.within_80_125 is within


@given(st.integers(-(10**9), 10**9), st.integers(-(10**9), 10**9))
def test_the_reserve_never_exceeds_either_amount_and_never_opposes_the_instrument(instrument: int, item: int) -> None:
    reserve = reserve_target(D(instrument), D(item))
    assert abs(reserve) <= min(abs(instrument), abs(item))
    assert reserve * instrument >= 0
    assert reserve * item <= 0


# --- days that stay open ----------------------------------------------------------------------------------------------


def broken_rules(
    facts: DayFacts, hedges: Sequence[HedgeRelationship] = (), state: MeasureState | None = None
) -> list[str]:
    before = state or MeasureState()
    result = measure_day(facts, before, KEEP, hedges)
    assert result.events == ()
    assert result.state == before
    for problem in result.problems:
        for language in LANGUAGES:
            assert "{" not in say(problem.message, language)
    return [problem.rule for problem in result.problems]


def test_a_missing_item_price_leaves_the_day_open(build: Any) -> None:
    (lot,) = short_lot(build, [(69000, 0, 0)])
    assert broken_rules(DayFacts(lot.trading_day, (lot,)), [copper_hedge()]) == ["item_price_missing"]


def test_a_lot_whose_two_results_disagree_leaves_the_day_open(build: Any) -> None:
    (lot,) = short_lot(build, [(69000, 0, 0)])
    wrong = replace(lot, holding_mtm=lot.holding_mtm + 1)
    assert broken_rules(DayFacts(lot.trading_day, (wrong,))) == ["lot_day_result"]
    short = replace(lot, lots_end=9)
    assert broken_rules(DayFacts(lot.trading_day, (short,))) == ["lot_day_lots"]
    assert broken_rules(DayFacts(lot.trading_day, (lot, lot))) == ["lot_twice"]
    assert broken_rules(DayFacts(trading_day(7), (lot,))) == ["lot_day_date"]


def test_lots_that_do_not_continue_yesterday_leave_the_day_open(build: Any) -> None:
    first, second = short_lot(build, [(69000, 0, 0), (69000, 0, 0)])
    state = measure_day(DayFacts(first.trading_day, (first,)), MeasureState(), KEEP).state
    assert broken_rules(DayFacts(second.trading_day), state=state) == ["lot_missing"]
    fewer = replace(second, lots_start=9, lots_end=9)
    assert broken_rules(DayFacts(second.trading_day, (fewer,)), state=state) == ["lots_continue"]
    assert broken_rules(DayFacts(first.trading_day, (first,)), state=state)[0] == "day_order"


def test_a_designation_inside_measured_days_is_refused(build: Any) -> None:
    first, second = short_lot(build, [(69000, 0, 0), (69000, 0, 0)])
    state = measure_day(DayFacts(first.trading_day, (first,)), MeasureState(), KEEP).state
    facts = DayFacts(second.trading_day, (second,), item_prices={"copper": D(62000)})
    assert broken_rules(facts, [copper_hedge()], state) == ["designation_backdated"]


def test_more_lots_than_are_free_cannot_be_designated(build: Any) -> None:
    (lot,) = short_lot(build, [(69000, 0, 0)])
    facts = DayFacts(lot.trading_day, (lot,), item_prices={"copper": D(62000)})
    assert broken_rules(facts, [copper_hedge(lots=11)]) == ["designation_lots"]
    elsewhere = copper_hedge(instruments=(InstrumentShare("lot-9", 1, START),))
    assert broken_rules(facts, [elsewhere]) == ["designated_lot_missing"]


def test_more_than_the_hedged_quantity_cannot_be_released(build: Any) -> None:
    (lot,) = short_lot(build, [(69000, 0, 0)])
    prices = {"copper": D(62000)}
    facts = DayFacts(lot.trading_day, (lot,), item_prices=prices, movements=(ItemMovement("R1", START, D(31)),))
    assert broken_rules(facts, [copper_hedge()]) == ["release_quantity"]
    stranger = replace(facts, movements=(ItemMovement("R9", START, D(1)),))
    assert broken_rules(stranger, [copper_hedge()]) == ["relationship_unknown"]
    early = replace(facts, movements=(ItemMovement("R1", START, D(1)),))
    assert broken_rules(early, [copper_hedge(on=3)]) == ["relationship_unknown"]


def test_a_leg_cannot_join_a_relationship_that_has_ended(build: Any) -> None:
    first, second = short_lot(build, [(69000, 0, 0), (69000, 0, 0)])
    prices = {"copper": D(62000)}
    ended = DayFacts(START, (first,), item_prices=prices, movements=(ItemMovement("R1", START, D(30)),))
    state = measure_day(ended, MeasureState(), KEEP, [copper_hedge()]).state
    other = replace(second, lot_id="lot-2")
    late = copper_hedge().with_instrument(InstrumentShare("lot-2", 1, trading_day(1)))
    assert broken_rules(DayFacts(trading_day(1), (second, other)), [late], state) == ["designation_ended"]


def test_a_small_enterprise_cannot_designate_hedges(build: Any) -> None:
    book = BookSettings(rule_set=RuleSet.SMALL_ENTERPRISE)
    result = measure_day(DayFacts(START), MeasureState(), book, [copper_hedge()])
    assert [problem.rule for problem in result.problems] == ["designation_rule_set"]


def test_opening_state_is_taken_as_booked_before_go_live(build: Any) -> None:
    _, second = short_lot(build, [(69000, 0, 0), (68000, 0, 0)])
    events = measure_day(DayFacts(second.trading_day, (second,)), MeasureState(), KEEP).events
    assert amounts(events, EventKind.FAIR_VALUE_CHANGE) == [50000]
