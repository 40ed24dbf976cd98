"""A forward of which the spot element alone is designated: the forward element waits with the transaction, or runs through."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent
from hedge_core.accounting.inputs import DayFacts, LotDay
from hedge_core.accounting.measurement import measure_days
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
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, FuturesCash, Post, RuleSet, Variation

D = Decimal
R = AccountRole
BOOK = BookSettings(post=Post.DAY, variation=Variation.KEEP, futures_cash=FuturesCash.BANK)
DAYS = (date(2014, 12, 15), date(2014, 12, 31), date(2015, 1, 15))
FORWARD, SPOT = (45, 55, 60), (40, 50, 60)
"""The forward case of the worked examples, 1,000 units: the forward element is 5, 5 and 0 a unit."""


def relationship(kind: Excluded, related: Related) -> HedgeRelationship:
    item = HedgedItem(ItemKind.FORECAST_PURCHASE, "grain", D(1_000), D(0), D(40))
    element = ExcludedElement(kind, related, D(5_000), D(5_000), DAYS[0], DAYS[2])
    shares = (InstrumentShare("forward", 1, DAYS[0]),)
    return HedgeRelationship("F1", RuleSet.IFRS9, item, shares, DAYS[0], "zhou.lin", DAYS[0], excluded=element)


def facts() -> list[DayFacts]:
    found, before = [], 0
    for number, day in enumerate(DAYS):
        gained, last = 1_000 * (FORWARD[number] - 45), number == 2
        lot = LotDay(
            "forward", "bank", "OTC.GRAIN", day, 0 if number else 1, 1 if number else 0, int(last), int(not last),
            D(gained if last else 0), D(gained - before if last else 0), D(0 if last else gained - before),
            D(0 if last else gained), D(before),
        )  # fmt: skip
        element = D(1_000 * (FORWARD[number] - SPOT[number]))
        bought = (ItemMovement("F1", day, D(1_000), net=D(60_000)),) if last else ()
        found.append(
            DayFacts(
                day, (lot,), item_prices={"grain": D(SPOT[number])}, movements=bought,
                excluded={"F1": TimeValue(element, element)},
            )
        )  # fmt: skip
        before = gained
    return found


def balances(events: tuple[AccountingEvent, ...], through: date = DAYS[2]) -> dict[AccountRole, Decimal]:
    found = role_balances([entry for one in events if one.day <= through for entry in entries_of(one, BOOK)])
    assert sum(found.values()) == 0
    return {role: found.get(role, D(0)) for role in AccountRole}


@pytest.mark.parametrize("kind", [Excluded.FORWARD_ELEMENT, Excluded.CURRENCY_BASIS])
def test_deferred_with_the_transaction_the_goods_cost_the_forward_price(kind: Excluded) -> None:
    """Bought for 60,000: less 20,000 of spot gain, plus 5,000 of forward element: 45,000. Between, the reserve has the spot
    change of 10,000 and the cost of hedging nothing, since 5 a unit is still 5."""
    result = measure_days(facts(), BOOK, [relationship(kind, Related.TRANSACTION)])
    assert result.problems == ()
    between = balances(result.events, DAYS[1])
    assert (between[R.HEDGE_RESERVE], between[R.HEDGE_COST_RESERVE]) == (D(-10_000), D(0))
    after = balances(result.events)
    assert after[R.RAW_MATERIAL] == 45_000
    assert after[R.HEDGE_RESERVE] == after[R.HEDGE_COST_RESERVE] == after[R.HEDGE_RESULT] == 0
    assert after[R.BANK] == 15_000 - 60_000


def test_not_deferred_it_is_a_loss_and_the_goods_cost_the_spot_price_of_the_first_day() -> None:
    result = measure_days(facts(), BOOK, [relationship(Excluded.FORWARD_ELEMENT, Related.PROFIT)])
    after = balances(result.events)
    assert after[R.RAW_MATERIAL] == 40_000
    assert after[R.HEDGE_RESULT] == 5_000


def test_spread_over_the_period_it_is_the_same_loss_day_by_day() -> None:
    """31 days: 16 of them by the year's end, 5,000 × 16 ÷ 31 = 2,580.65."""
    result = measure_days(facts(), BOOK, [relationship(Excluded.FORWARD_ELEMENT, Related.PERIOD)])
    assert balances(result.events, DAYS[1])[R.HEDGE_RESULT] == D("2580.65")
    assert balances(result.events)[R.HEDGE_RESULT] == 5_000


def test_designated_whole_the_element_is_part_of_the_hedge() -> None:
    """Without an excluded element the forward's 15,000 stand against the item's 20,000: the lower amount."""
    whole = replace(relationship(Excluded.FORWARD_ELEMENT, Related.PROFIT), excluded=None)
    after = balances(measure_days(facts(), BOOK, [whole]).events)
    assert after[R.RAW_MATERIAL] == 45_000
    assert after[R.HEDGE_RESULT] == 0
