"""Matching by tag, by hand, one to one and within constraints; accepted matches are fixed; accounts that do not fit."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core import matching_modes
from hedge_core.assignment import cheapest_assignment
from hedge_core.errors import RuleBroken
from hedge_core.matching_modes import (
    Constraints,
    Sides,
    account_mismatches,
    match_by_hand,
    match_by_tag,
    match_one_to_one,
    match_within,
    opposed_accounts,
)
from hedge_core.matching_optimal import MonthWindow
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import SpotLeg

ON = date(2026, 3, 31)
CU = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
PRODUCTS = {f"SHFE.cu26{month:02d}": CU for month in range(4, 10)}


def leg(number: int, quantity: int | str, month: int = 5) -> SpotLeg:
    ref = ExternalRef("k3", "line", str(number))
    return SpotLeg(ref, "purchase", "copper", f"2026-{month:02d}", ON - timedelta(90 - number), Decimal(quantity))


def lot(number: int, lots: int, month: int = 5, account: str = "A", side: Direction = Direction.SELL) -> PositionLot:
    day = ON - timedelta(60 - number)
    return PositionLot(f"L{number}", account, f"SHFE.cu26{month:02d}", side, HedgeFlag.HEDGE, day, Decimal(70000), lots)


def sides(legs: list[SpotLeg], lots: list[PositionLot], **more: object) -> Sides:
    return Sides(BookId("jinhe"), legs, lots, PRODUCTS, ON, **more)  # type: ignore[arg-type]


def pairs(matching: object) -> list[tuple[str, str, Decimal, Decimal]]:
    return [(m.leg.key, m.lot_id, m.spot_quantity, m.futures_quantity) for m in matching.new]  # type: ignore[attr-defined]


def test_tags_bring_together_what_carries_the_same_and_nothing_else() -> None:
    here = sides([leg(1, 50), leg(2, 50), leg(3, 50)], [lot(1, 10), lot(2, 10)])
    tags = {"k3:line:2": "x", "L1": "x", "k3:line:3": "y", "L2": "z"}
    matching = match_by_tag(here, tags, Constraints())
    assert pairs(matching) == [("2", "L1", 50, 50)]
    assert [(m.method, m.why) for m in matching.new] == [("tag", "matching.why_tag")]
    assert pairs(match_by_tag(here, tags, Constraints(months=MonthWindow(1, 3)))) == []


def test_by_hand_the_futures_quantity_follows_the_ratio_or_is_said() -> None:
    here = sides([leg(1, 113)], [lot(1, 20)], ratios={"copper": 1 / Fraction("1.13")})
    assert pairs(match_by_hand(here, "k3:line:1", "L1", Decimal(113))) == [("1", "L1", 113, 100)]
    assert pairs(match_by_hand(here, "k3:line:1", "L1", Decimal(100), Decimal(90))) == [("1", "L1", 100, 90)]


@pytest.mark.parametrize(
    ("leg_key", "lot_id", "spot", "futures", "rule"),
    [
        ("k3:line:9", "L1", 1, 1, "no_leg"),
        ("k3:line:1", "L9", 1, 1, "no_lot"),
        ("k3:line:1", "L2", 1, 1, "same_risk"),
        ("k3:line:1", "L1", 0, 1, "not_positive"),
        ("k3:line:1", "L1", 51, 1, "leg_free"),
        ("k3:line:1", "L1", 50, 51, "lot_free"),
        ("k3:line:2", "L1", 1, 1, "commodity"),
    ],
)
def test_a_match_by_hand_that_cannot_be_is_refused(
    leg_key: str, lot_id: str, spot: int, futures: int, rule: str
) -> None:
    other = replace(leg(2, 10), commodity="tin")
    here = sides([leg(1, 50), other], [lot(1, 10), lot(2, 10, side=Direction.BUY)])
    with pytest.raises(RuleBroken) as broken:
        match_by_hand(here, leg_key, lot_id, Decimal(spot), Decimal(futures))
    assert broken.value.rule == f"match_{rule}"
    assert "{" not in str(broken.value)


def test_accepted_matches_are_fixed_and_only_what_is_free_is_matched() -> None:
    here = sides([leg(1, 50)], [lot(1, 10), lot(2, 10)])
    first = match_by_hand(here, "k3:line:1", "L2", Decimal(20))
    after = match_within(replace(here, accepted=first.new), Constraints())
    assert pairs(after) == [("1", "L1", 30, 30)]
    assert not {m.match_id for m in after.new} & {m.match_id for m in first.new}


def test_constraints_hold_back_accounts_flags_commodities_sides_and_months() -> None:
    legs, lots = [leg(1, 50), leg(2, -50, 6)], [lot(1, 10, 7), lot(2, 10, 6, "B"), lot(3, 10, 6, side=Direction.BUY)]
    here = sides(legs, lots)

    def found(**limits: object) -> set[tuple[str, str]]:
        return {(row[0], row[1]) for row in pairs(match_within(here, Constraints(**limits)))}  # type: ignore[arg-type]

    assert found() == {("1", "L1"), ("2", "L3")}
    assert found(accounts={"B"}) == {("1", "L2")}
    assert found(months=MonthWindow(0, 1)) == {("1", "L2"), ("2", "L3")}
    assert found(long_risk=False) == {("2", "L3")}
    assert found(commodities={"tin"}) == set()
    assert found(hedge_flags={HedgeFlag.SPECULATION}) == set()


# --- one to one -------------------------------------------------------------------------------------------------------


def test_one_to_one_takes_the_most_quantity_then_the_nearest_month() -> None:
    legs = [leg(1, 100, 5), leg(2, 50, 6)]
    lots = [lot(1, 10, 6), lot(2, 20, 7), lot(3, 10, 5)]
    matching = match_one_to_one(sides(legs, lots), Constraints())
    assert pairs(matching) == [("1", "L2", 100, 100), ("2", "L1", 50, 50)]
    assert {m.why for m in matching.new} == {"matching.why_one_to_one"}


def test_one_to_one_uses_everything_once_and_nothing_that_is_matched_in_part() -> None:
    here = sides([leg(1, 50), leg(2, 50)], [lot(1, 10), lot(2, 10)])
    first = match_by_hand(here, "k3:line:1", "L1", Decimal(10))
    assert pairs(match_one_to_one(replace(here, accepted=first.new), Constraints())) == [("2", "L2", 50, 50)]


def test_a_group_beyond_the_stated_size_is_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(matching_modes, "MOST_SINGLES", 2)
    with pytest.raises(RuleBroken) as broken:
        match_one_to_one(sides([leg(n, 5) for n in range(3)], [lot(1, 1)]), Constraints())
    assert broken.value.rule == "match_group_too_large"


@settings(max_examples=60, deadline=None)
@any_of(
    st.lists(st.tuples(st.integers(1, 12), st.integers(4, 9)), min_size=1, max_size=4),
    st.lists(st.tuples(st.integers(1, 12), st.integers(4, 9)), min_size=1, max_size=4),
)
def test_one_to_one_is_as_good_as_the_best_of_all_pairings(
    made_legs: list[tuple[int, int]], made_lots: list[tuple[int, int]]
) -> None:
    legs = [leg(n, 5 * size, month) for n, (size, month) in enumerate(made_legs)]
    lots = [lot(n, size, month) for n, (size, month) in enumerate(made_lots)]

    def worth(chosen: list[tuple[int, int]]) -> tuple[int, int]:
        quantity = sum(5 * min(made_legs[one][0], made_lots[two][0]) for one, two in chosen)
        return quantity, -sum(abs(made_legs[one][1] - made_lots[two][1]) for one, two in chosen)

    few, many = sorted((len(legs), len(lots)))
    swapped = len(legs) > len(lots)
    best = max(
        worth([(two, one) if swapped else (one, two) for one, two in zip(range(few), order, strict=False)])
        for order in itertools.permutations(range(many), few)
    )
    found = match_one_to_one(sides(legs, lots), Constraints()).new
    assert worth([(int(m.leg.key), int(m.lot_id[1:])) for m in found]) == best


@settings(max_examples=80, deadline=None)
@any_of(st.integers(1, 5), st.integers(0, 2), st.data())
def test_an_assignment_costs_no_more_than_any_other(rows: int, more: int, data: st.DataObject) -> None:
    columns = rows + more
    values = data.draw(st.lists(st.integers(-99, 99), min_size=rows * columns, max_size=rows * columns))
    costs = np.array(values, dtype=np.int64).reshape(rows, columns)
    found = cheapest_assignment(costs)
    assert len(set(found)) == rows
    total = sum(int(costs[row, column]) for row, column in enumerate(found))
    assert total == min(
        sum(int(costs[row, column]) for row, column in enumerate(order))
        for order in itertools.permutations(range(columns), rows)
    )


def test_costs_that_do_not_fit_are_refused_and_never_wrap() -> None:
    with pytest.raises(ValueError, match="int64"):
        cheapest_assignment(np.full((2, 2), 2**61, dtype=np.int64))
    with pytest.raises(ValueError, match="matrix"):
        cheapest_assignment(np.zeros((3, 2), dtype=np.int64))
    assert cheapest_assignment(np.zeros((0, 2), dtype=np.int64)) == []


# --- accounts ---------------------------------------------------------------------------------------------------------


def test_a_hedge_in_another_account_and_positions_against_each_other_are_found() -> None:
    here = sides([leg(1, 50)], [lot(1, 10, account="A")])
    made = match_within(here, Constraints()).new
    (found,) = account_mismatches(made, {"k3:line:1": "B"})
    assert (found.wanted, found.match.account) == ("B", "A")
    assert account_mismatches(made, {}) == account_mismatches(made, {"k3:line:1": "A"}) == ()
    (both,) = opposed_accounts([lot(1, 10), lot(2, 4, account="B", side=Direction.BUY), lot(3, 1, 6)])
    assert (both.instrument, both.long_accounts, both.short_accounts, both.lots) == ("SHFE.cu2605", ("B",), ("A",), 4)
    assert opposed_accounts([lot(1, 10), lot(2, 4, side=Direction.BUY)]) == (), "one account is the exchange's business"
    assert all("{" not in str(one.message) for one in (found, both))
