"""Net positions of nothing (净敞口为零): sides that hedge each other, designated without an instrument (IFRS 9 6.6.6, CAS 24)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent
from hedge_core.accounting.inputs import DayFacts
from hedge_core.accounting.measurement import measure_days
from hedge_core.accounting.relationships import (
    HedgedItem,
    HedgeRelationship,
    HedgeStop,
    InstrumentShare,
    ItemKind,
    ItemMovement,
    NetMember,
    Risk,
)
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, Post, RuleSet

D = Decimal
R = AccountRole
BOOK = BookSettings(post=Post.DAY)
START = date(2026, 3, 2)


def on(number: int) -> date:
    return START + timedelta(days=number)


def currency() -> HedgeRelationship:
    """100,000 dollars are expected from a sale and for a purchase; both were planned at 7."""
    sides = (
        NetMember("sale", ItemKind.FORECAST_SALE, D(100_000), D(7)),
        NetMember("purchase", ItemKind.FORECAST_PURCHASE, D(100_000), D(7)),
    )
    hedged = HedgedItem(ItemKind.FORECAST_SALE, "USD", D(0), D(0), D(7), risk=Risk.CURRENCY, members=sides)
    return HedgeRelationship("N1", RuleSet.IFRS9, hedged, (), START, "zhou.lin", START, roll_policy="monthly, rolling")


def metal() -> HedgeRelationship:
    """50 t of stock stand against a fixed-price sale of 50 t."""
    sides = (
        NetMember("stock", ItemKind.INVENTORY, D(50), D(70_000), D(3_400_000)),
        NetMember("sold", ItemKind.FIRM_SALE, D(50), D(70_000)),
    )
    hedged = HedgedItem(ItemKind.INVENTORY, "copper", D(0), D(0), D(70_000), members=sides)
    return HedgeRelationship("N2", RuleSet.CAS24, hedged, (), START, "zhou.lin", START, roll_policy="monthly, rolling")


def measured(
    relationship: HedgeRelationship,
    prices: Sequence[Any],
    moved: Mapping[int, Sequence[tuple[str, int]]],
    stops: Mapping[int, HedgeStop] | None = None,
) -> tuple[list[AccountingEvent], Any]:
    name = relationship.relationship_id
    days = [
        DayFacts(
            on(number),
            item_prices={relationship.item.commodity: D(price)},
            movements=tuple(ItemMovement(name, on(number), D(q), member=side) for side, q in moved.get(number, ())),
            stops=(stops[number],) if stops and number in stops else (),
        )
        for number, price in enumerate(prices)
    ]
    result = measure_days(days, BOOK, [relationship])
    assert result.problems == ()
    return list(result.events), result.state.hedges[name]


def balances(events: Sequence[AccountingEvent]) -> dict[AccountRole, Decimal]:
    found = role_balances([entry for event in events for entry in entries_of(event, BOOK)])
    assert sum(found.values()) == 0
    return {role: found.get(role, D(0)) for role in AccountRole}


def test_a_sale_before_its_purchase_leaves_its_change_in_the_reserve_for_the_cost_of_the_goods() -> None:
    """At 6.8 the sale brings 20,000 less: out of the net line, into the reserve, and from there into the cost of goods that
    were bought for 20,000 less. Both are then at the planned 7."""
    first, state = measured(currency(), [7, D("6.8")], {1: [("sale", 100_000)]})
    waiting = balances(first)
    assert (waiting[R.NET_HEDGE_RESULT], waiting[R.HEDGE_RESERVE]) == (D(-20_000), D(20_000))
    assert state.reserve == -20_000
    after = balances(
        measured(currency(), [7, D("6.8"), D("6.8")], {1: [("sale", 100_000)], 2: [("purchase", 100_000)]})[0]
    )
    assert (after[R.NET_HEDGE_RESULT], after[R.RAW_MATERIAL], after[R.HEDGE_RESERVE]) == (D(-20_000), D(20_000), D(0))


def test_once_a_side_has_left_the_rest_is_not_hedged_and_measured_no_more() -> None:
    """From 6.8 to 6.1 nothing hedges the purchase: the reserve stays at what the sale left there."""
    moved = {1: [("sale", 100_000)], 3: [("purchase", 100_000)]}
    events, state = measured(currency(), [7, D("6.8"), D("6.1"), D("6.1")], moved)
    assert not [event for event in events if event.day == on(2)]
    assert balances(events)[R.RAW_MATERIAL] == 20_000
    assert not state.is_open


def test_stock_against_a_fixed_price_sale_changes_nothing_until_both_are_delivered() -> None:
    """The price rises by 1,000: stock +50,000, sale −50,000. Nothing is booked; on delivery each side keeps its part in the
    net line, and the cost of sales is the cost."""
    events, _ = measured(metal(), [70_000, 71_000], {})
    assert balances(events)[R.HEDGE_RESULT] == 0
    done, state = measured(metal(), [70_000, 71_000], {1: [("stock", 50), ("sold", 50)]})
    after = balances(done)
    assert after[R.COST_OF_SALES] == 3_400_000
    assert after[R.NET_HEDGE_RESULT] == after[R.HEDGED_ITEM] == after[R.HEDGE_RESULT] == 0
    net = [dict(event.amounts)["amount"] for event in done if event.kind.value == "item_to_net_result"]
    assert net == [50_000, -50_000]
    assert not state.is_open


def test_sides_that_are_no_longer_expected_give_their_reserve_to_profit_or_loss() -> None:
    stop = HedgeStop("N1", on(2), expected=False)
    events, state = measured(currency(), [7, D("6.8"), D("6.5")], {1: [("sale", 100_000)]}, {2: stop})
    after = balances(events)
    assert (after[R.HEDGE_RESERVE], after[R.HEDGE_RESULT], after[R.NET_HEDGE_RESULT]) == (D(0), D(20_000), D(-20_000))
    assert not state.is_open


@settings(deadline=None)
@given(st.lists(st.integers(60, 80), min_size=3, max_size=6), st.integers(1, 9), st.booleans(), st.integers(1, 100_000))
def test_in_any_order_and_parts_both_sides_end_without_a_reserve_and_add_up_to_nothing(
    rates: list[int], tenth: int, sale_first: bool, size: int
) -> None:
    base = currency()
    sides = tuple(replace(one, quantity=D(size)) for one in base.item.members)
    relationship = replace(base, item=replace(base.item, members=sides))
    order = ["sale", "purchase"] if sale_first else ["purchase", "sale"]
    part = D(size) * tenth / 10
    moved: dict[int, list[tuple[str, Any]]] = {1: [(order[0], part)], 2: [(order[0], D(size) - part)]}
    moved[2].append((order[1], D(size)))
    prices = [D(7), *(D(rate) / 10 for rate in rates)]
    events, state = measured(relationship, prices, moved)
    after = balances(events)
    assert after[R.HEDGE_RESERVE] == state.reserve == 0
    # what the first part left behind at its own price is what the other side's line or cost gets
    assert after[R.NET_HEDGE_RESULT] == -after[R.RAW_MATERIAL]
    assert after[R.HEDGE_RESULT] == 0


@pytest.mark.parametrize(
    ("changed", "rule"),
    [
        ({"instruments": (InstrumentShare("lot-1", 1, START),)}, "designation_instrument"),
        ({"roll_policy": ""}, "designation_roll"),
        ({"rule_set": RuleSet.ASC815}, "designation_net"),
    ],
)
def test_a_nil_position_has_no_instrument_and_needs_its_rolling_strategy(changed: dict[str, Any], rule: str) -> None:
    assert currency().problems() == metal().problems() == []
    assert [problem.rule for problem in replace(currency(), **changed).problems()] == [rule]
    priced = replace(currency(), item=replace(currency().item, risk=Risk.PRICE))
    assert "designation_quantity" in [problem.rule for problem in priced.problems()]
    one_sided = replace(currency(), item=replace(currency().item, members=()))
    assert {p.rule for p in one_sided.problems()} >= {"designation_quantity", "designation_instrument"}
