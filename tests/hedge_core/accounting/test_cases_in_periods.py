"""The kinds of cases with several legs, parts and periods: what is booked against a few independent lines of arithmetic."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.accounting.entries import entries_of, role_balances
from hedge_core.accounting.events import AccountingEvent
from hedge_core.accounting.inputs import DayFacts, FeeCharge, LotDay
from hedge_core.accounting.measurement import measure_days
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
    ItemCarrying,
    Measure,
    Post,
    RuleSet,
    Variation,
)

D = Decimal
R = AccountRole
START = date(2026, 1, 5)
SIZE = 5


def on(number: int) -> date:
    return START + timedelta(days=number)


@dataclass(frozen=True)
class Leg:
    """Lots held from one day's close to another's, at the contract's own prices; `sign` −1 is short."""

    name: str
    sign: int
    lots: int
    first: int
    last: int
    prices: tuple[int, ...]

    def days(self) -> list[LotDay]:
        opened, before, found = self.prices[0], self.prices[0], []
        for number in range(self.first, self.last + 1):
            now = self.prices[number - self.first]
            closes, opens = number == self.last, number == self.first
            worth = D(self.sign * self.lots * SIZE)
            found.append(
                LotDay(
                    self.name, "80010001", "SHFE.cu2609", on(number), self.lots if opens else 0,
                    0 if opens else self.lots, self.lots if closes else 0, 0 if closes else self.lots,
                    worth * (now - opened) if closes else D(0), worth * (now - before) if closes else D(0),
                    D(0) if closes else worth * (now - before), D(0) if closes else worth * (now - opened),
                    D(0) if opens else worth * (before - opened),
                )
            )  # fmt: skip
            before = now
        return found

    @property
    def result(self) -> int:
        return self.sign * self.lots * SIZE * (self.prices[-1] - self.prices[0])


def balances(events: Sequence[AccountingEvent], book: BookSettings) -> dict[AccountRole, Decimal]:
    found = role_balances([entry for event in events for entry in entries_of(event, book)])
    assert sum(found.values()) == 0
    return {role: found.get(role, D(0)) for role in AccountRole}


def facts(legs: Sequence[Leg], spots: Sequence[int], **by_day: Any) -> list[DayFacts]:
    lots: dict[int, list[LotDay]] = {}
    for leg in legs:
        for number, day in enumerate(leg.days(), leg.first):
            lots.setdefault(number, []).append(day)
    return [
        DayFacts(
            on(number), tuple(lots.get(number, ())), item_prices={"copper": D(spot)},
            **{name: given.get(number, ()) for name, given in by_day.items()},
        )
        for number, spot in enumerate(spots)
    ]  # fmt: skip


def hedge(
    kind: ItemKind, quantity: int, carrying: int, spot: int, legs: Sequence[Leg], rule_set: RuleSet
) -> HedgeRelationship:
    item = HedgedItem(kind, "copper", D(quantity), D(carrying), D(spot))
    shares = tuple(InstrumentShare(leg.name, leg.lots, on(leg.first)) for leg in legs)
    return HedgeRelationship("R1", rule_set, item, shares, START, "approver", START, roll_policy="monthly")


@st.composite
def rolled(draw: st.DrawFn, sign: int) -> tuple[list[Leg], list[int]]:
    """One to three legs that follow each other day by day, and the spot price of each day; any size of hedge."""
    legs, first = [], 0
    for number in range(draw(st.integers(1, 3))):
        length = draw(st.integers(1, 3))
        prices = draw(st.lists(st.integers(50_000, 90_000), min_size=length + 1, max_size=length + 1))
        legs.append(Leg(f"leg-{number}", sign, draw(st.integers(1, 60)), first, first + length, tuple(prices)))
        first += length
    spots = draw(st.lists(st.integers(50_000, 90_000), min_size=first + 1, max_size=first + 1))
    return legs, spots


@settings(deadline=None)
@given(rolled(-1), st.integers(1, 500), st.integers(0, 9_000_000), st.data(), st.sampled_from(Variation),
       st.sampled_from(ItemCarrying), st.sampled_from(FuturesCash))  # fmt: skip
def test_stock_sold_in_parts_over_rolls_costs_its_price_of_each_day_and_every_leg_is_in_the_hedge_result(
    path: tuple[list[Leg], list[int]], tonnes: int, carrying: int, data: st.DataObject, variation: Variation,
    carried: ItemCarrying, cash: FuturesCash,
) -> None:  # fmt: skip
    legs, spots = path
    last = len(spots) - 1
    book = BookSettings(post=Post.DAY, variation=variation, item_carrying=carried, futures_cash=cash)
    sold: dict[int, tuple[ItemMovement, ...]] = {}
    left, change = tonnes, 0
    for number in range(1, last + 1):
        keep = 1 if number <= legs[-1].first else 0  # a leg needs something to hedge when it begins
        part = left if number == last else data.draw(st.integers(0, left - keep))
        if part:
            vat = D(part) * 13
            sold[number] = (ItemMovement("R1", on(number), D(part), net=D(part) * 100, vat=vat),)
            left, change = left - part, change + part * (spots[number] - spots[0])
    fees = {number: (FeeCharge("80010001", "SHFE.cu2609", on(number), D("12.34")),) for number in range(last)}
    relationship = hedge(ItemKind.INVENTORY, tonnes, carrying, spots[0], legs, RuleSet.CAS24)
    result = measure_days(facts(legs, spots, movements=sold, fees=fees), book, [relationship])
    assert result.problems == ()
    after = balances(result.events, book)
    futures = D(sum(leg.result for leg in legs))
    assert after[R.COST_OF_SALES] == carrying + change
    assert after[R.REVENUE] == -100 * tonnes
    assert after[R.VAT_OUTPUT] == -13 * tonnes
    assert after[R.HEDGED_ITEM] == after[R.HEDGING_INSTRUMENT] == after[R.DERIVATIVE] == 0
    assert after[R.INVENTORY] == -carrying
    # a leg that outlives the goods ends outside the hedge; together they are the whole result
    outside = after[R.FAIR_VALUE_RESULT] + after[R.CLOSING_RESULT]
    assert after[R.HEDGE_RESULT] + outside == -(futures + change)
    assert after[R.FEE] == D("12.34") * last
    brokers = after[R.MARGIN_ACCOUNT] + (after[R.BANK] - 113 * tonnes)
    assert brokers == futures - D("12.34") * last


@dataclass
class Layer:
    """The oracle of a cash flow hedge: exact amounts of the open layer."""

    quantity: Fraction
    instrument: Fraction = Fraction(0)
    reserve: Fraction = Fraction(0)
    profit: Fraction = Fraction(0)
    released: Fraction = Fraction(0)

    def measure(self, gained: int, item: Fraction, whole: bool) -> None:
        self.instrument += gained
        if whole:
            target = self.instrument
        elif self.instrument * item >= 0:
            target = Fraction(0)
        else:
            target = min(abs(self.instrument), abs(item)) * (1 if self.instrument > 0 else -1)
        self.profit += gained - (target - self.reserve)
        self.reserve = target

    def release(self, part: int) -> None:
        share = Fraction(part) / self.quantity
        self.released += self.reserve * share
        self.instrument -= self.instrument * share
        self.reserve -= self.reserve * share
        self.quantity -= part


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(-900, 900), st.integers(40_000, 60_000), st.integers(0, 40)), min_size=2,
                max_size=8), st.integers(1, 60), st.integers(1, 400), st.booleans(),
       st.sampled_from([RuleSet.CAS24, RuleSet.IFRS9, RuleSet.ASC815, RuleSet.CAIKUAI_2015_18]),
       st.sampled_from(Variation))  # fmt: skip
def test_a_forecast_in_parts_over_changing_signs_has_the_reserve_of_its_open_layer_every_day(
    path: list[tuple[int, int, int]], lots: int, tonnes: int, buys: bool, rule_set: RuleSet, variation: Variation
) -> None:
    """Over- and under-hedged, catching up and turning its sign; receipts or sales of any part on any day."""
    book = BookSettings(post=Post.DAY, variation=variation)
    sign = 1 if buys else -1  # a purchase is hedged long
    prices = [50_000]
    for moved, _, _ in path:
        prices.append(prices[-1] + moved)
    spots = [50_000, *(spot for _, spot, _ in path)]
    leg = Leg("leg-0", sign, lots, 0, len(path), tuple(prices))
    whole = rule_set is RuleSet.ASC815
    kept = buys and whole  # no basis adjustment: what is released waits
    layer, moves, left = Layer(Fraction(tonnes)), {}, tonnes
    expected: list[tuple[Fraction, Fraction, Fraction]] = []
    for number, (moved, spot, wanted) in enumerate(path, 1):
        if left:
            item = Fraction(-sign * left * (spot - 50_000))
            layer.measure(sign * lots * SIZE * moved, item, whole)
        part = min(wanted, left)
        if part:
            moves[number] = (ItemMovement("R1", on(number), D(part)),)
            layer.release(part)
            left -= part
        waiting = layer.released if kept else Fraction(0)
        expected.append((layer.reserve + waiting, layer.profit, layer.released - waiting))
    kind = ItemKind.FORECAST_PURCHASE if buys else ItemKind.FORECAST_SALE
    relationship = hedge(kind, tonnes, 0, 50_000, [leg], rule_set)
    days = facts([leg], spots, movements=moves)
    result = measure_days(days, book, [relationship])
    assert result.problems == ()
    home = R.FAIR_VALUE_RESULT if rule_set is RuleSet.CAIKUAI_2015_18 else R.HEDGE_RESULT
    close = D("0.01") * (2 * len(path) + 2)
    for number, (reserve, profit, released) in enumerate(expected, 1):
        after = balances([event for event in result.events if event.day <= on(number)], book)
        assert abs(-after[R.HEDGE_RESERVE] - D(reserve.numerator) / D(reserve.denominator)) <= close
        target = R.RAW_MATERIAL if buys else R.REVENUE
        assert abs(-after[target] - D(released.numerator) / D(released.denominator)) <= close
        if left or not any(n < number for n in moves if left == 0):
            shown = after[home] if home is R.HEDGE_RESULT or left else None
            if shown is not None:
                assert abs(-shown - D(profit.numerator) / D(profit.denominator)) <= close


@settings(deadline=None)
@given(st.lists(st.integers(-900, 900), min_size=2, max_size=6), st.lists(st.integers(40_000, 60_000), min_size=6,
       max_size=6), st.integers(1, 60), st.integers(2, 400), st.data())  # fmt: skip
def test_a_forecast_stopped_half_way_gives_the_goods_what_it_had_gathered_and_the_rest_to_profit_when_given_up(
    moved: list[int], spots: list[int], lots: int, tonnes: int, data: st.DataObject
) -> None:
    """Stopped while still expected: the reserve is frozen, parts that come take their share, what never comes goes to
    profit or loss."""
    book = BookSettings(post=Post.DAY, variation=Variation.KEEP)
    prices = [50_000]
    for step in [*moved, 0, 0][:6]:
        prices.append(prices[-1] + step)
    leg = Leg("leg-0", 1, lots, 0, len(prices) - 1, tuple(prices))
    came = data.draw(st.integers(1, tonnes - 1))
    last = len(prices) - 1
    stops = {1: (HedgeStop("R1", on(1)),), last: (HedgeStop("R1", on(last), expected=False),)}
    days = facts([leg], [50_000, *spots][: last + 1], stops=stops, movements={2: (ItemMovement("R1", on(2), D(came)),)})
    result = measure_days(days, book, [hedge(ItemKind.FORECAST_PURCHASE, tonnes, 0, 50_000, [leg], RuleSet.CAS24)])
    if last < 2:
        return
    assert result.problems == ()
    gained, item = lots * SIZE * moved[0], -tonnes * (spots[0] - 50_000)
    gathered = 0 if gained * item >= 0 else min(abs(gained), abs(item)) * (1 if gained > 0 else -1)
    after = balances(result.events, book)
    to_goods = D(gathered) * came / tonnes
    assert abs(-after[R.RAW_MATERIAL] - to_goods) <= D("0.01")
    assert after[R.HEDGE_RESERVE] == 0
    assert after[R.RAW_MATERIAL] + after[R.HEDGE_RESULT] == -gained
    assert after[R.FAIR_VALUE_RESULT] + after[R.CLOSING_RESULT] == -(leg.result - gained)


# --- options ----------------------------------------------------------------------------------------------------------


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(0, 3_000), st.integers(0, 5)), min_size=1, max_size=6), st.integers(1, 20),
       st.integers(1, 3_000), st.booleans(), st.data(), st.sampled_from(Variation), st.sampled_from(Measure),
       st.sampled_from(CloseResult))  # fmt: skip
def test_an_option_partly_designated_stands_at_its_value_and_its_money_is_its_premiums(
    path: list[tuple[int, int]], lots: int, paid: int, bought: bool, data: st.DataObject, variation: Variation,
    measure: Measure, close: CloseResult,
) -> None:  # fmt: skip
    """Any prices, parts sold on any day, some lots under a hedge: premium out, premium in, value on the account."""
    sign = 1 if bought else -1
    designated = data.draw(st.integers(0, lots))
    book = BookSettings(post=Post.DAY, variation=variation, measure=measure, close_result=close)
    days, held, before, cash = [], lots, paid, -sign * lots * SIZE * paid
    for number, (price, asked) in enumerate(path):
        sold = min(asked, held)
        worth = sign * SIZE
        cash += worth * sold * price
        left = held - sold
        days.append(
            LotDay(
                "80010001/20260105/SHFE/1/buy", "80010001", "SHFE.cu2605C70000", on(number), 0 if number else lots,
                held if number else 0, sold, left, D(worth * sold * (price - paid)), D(worth * sold * (price - paid)),
                D(worth * (left * (price - paid) - (held * (before - paid) if number else 0))),
                D(worth * left * (price - paid)), D(worth * held * (before - paid) if number else 0),
                cost=D(worth * paid), intrinsic=D(0),
            )
        )  # fmt: skip
        held, before = left, price
    item = HedgedItem(ItemKind.INVENTORY, "copper", D(100), D(0), D(1))
    shares = (InstrumentShare("80010001/20260105/SHFE/1/buy", designated, START),)
    known = HedgeRelationship("R1", RuleSet.CAS24, item, shares, START, "approver", START)
    given_days = [
        DayFacts(day.trading_day, (day,), item_prices={"copper": D(1)}, month_end=number == len(days) - 1)
        for number, day in enumerate(days)
    ]
    result = measure_days(given_days, book, [known] if designated else [])
    assert result.problems == ()
    after = balances(result.events, book)
    assert after[R.MARGIN_ACCOUNT] == cash
    assert after[R.DERIVATIVE] + after[R.HEDGING_INSTRUMENT] == sign * SIZE * held * before
    total = cash + sign * SIZE * held * before
    results = (R.FAIR_VALUE_RESULT, R.CLOSING_RESULT, R.HEDGE_RESULT)
    assert sum((after[role] for role in results), D(0)) == -total


@pytest.mark.parametrize("rule_set", [RuleSet.CAS24, RuleSet.ASC815])
def test_the_worked_figures_of_the_open_layer(rule_set: RuleSet) -> None:
    """Facts 1.5: 500 t, instrument +750,000, item −500,000; 200 t received release 200,000; then item −100 and futures +150
    a tonne on the other 300 t: 30,000 more, not 230,000."""
    layer = Layer(Fraction(500))
    layer.measure(750_000, Fraction(-500_000), rule_set is RuleSet.ASC815)
    assert layer.reserve == (750_000 if rule_set is RuleSet.ASC815 else 500_000)
    layer.release(200)
    before = layer.reserve
    layer.measure(45_000, Fraction(-330_000), rule_set is RuleSet.ASC815)
    assert layer.reserve - before == (45_000 if rule_set is RuleSet.ASC815 else 30_000)
