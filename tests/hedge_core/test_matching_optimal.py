"""Optimal matching: most quantity, then nearest months, as good as over all pairs, bounded, repeatable, with reasons."""

from __future__ import annotations

import random
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import given as any_of
from hypothesis import strategies as st
from scipy.optimize import linprog

from hedge_core import matching_columns
from hedge_core.matching import Matching, match_fifo, vat_adjusted
from hedge_core.matching_optimal import MonthWindow, best_pairs, match_optimal
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import SpotLeg
from hedge_core.quant import flow
from messages import LANGUAGES, Message, say

BOOK = BookId("jinhe")
DAY = date(2026, 3, 9)
CU = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
AL = Product("SHFE", "al", "aluminium", 5, Decimal(5), "t", date(2020, 1, 1))
PRODUCTS = {f"SHFE.cu26{month:02d}": CU for month in range(1, 13)} | {"SHFE.al2604": AL}
BUY, SELL = Direction.BUY, Direction.SELL


def leg(number: int, quantity: int | str, month: str = "2026-04", age: int = 0) -> SpotLeg:
    ref = ExternalRef("k3", "contract_line", str(number))
    return SpotLeg(ref, "purchase", "copper", month, DAY - timedelta(age), Decimal(quantity))


def lot(
    number: int, lots: int, month: int = 4, direction: Direction = SELL, age: int = 0, flag: HedgeFlag = HedgeFlag.HEDGE
) -> PositionLot:
    lot_id = f"A1/20260309/SHFE/{number}/{direction.value}"
    opened = DAY - timedelta(age)
    return PositionLot(lot_id, "A1", f"SHFE.cu26{month:02d}", direction, flag, opened, Decimal(70000), lots)


def rows(result: Matching) -> list[tuple[str, str, Decimal, Decimal]]:
    return sorted((m.leg.key, m.lot_id.split("/")[3], m.spot_quantity, m.futures_quantity) for m in result.new)


def test_nearer_months_are_matched_where_fifo_takes_the_oldest() -> None:
    legs = [leg(1, 50, "2026-04", age=2), leg(2, 50, "2026-06", age=1)]
    lots = [lot(1, 10, 6, age=2), lot(2, 10, 4, age=1)]
    assert rows(match_fifo(BOOK, legs, lots, PRODUCTS, DAY)) == [("1", "1", 50, 50), ("2", "2", 50, 50)]
    assert rows(match_optimal(BOOK, legs, lots, PRODUCTS, DAY)) == [("1", "2", 50, 50), ("2", "1", 50, 50)]


def test_quantity_comes_before_nearness() -> None:
    legs = [leg(1, 50, "2026-04"), leg(2, 50, "2026-05")]
    lots = [lot(1, 10, 5), lot(2, 10, 8)]
    result = match_optimal(BOOK, legs, lots, PRODUCTS, DAY, window=MonthWindow(0, 3))
    assert rows(result) == [("1", "1", 50, 50), ("2", "2", 50, 50)]


def test_within_a_month_the_oldest_go_first_on_both_sides() -> None:
    legs = [leg(1, 10), leg(2, 10, age=1)]
    lots = [lot(1, 1), lot(2, 2, age=1)]
    assert rows(match_optimal(BOOK, legs, lots, PRODUCTS, DAY)) == [("1", "1", 5, 5), ("2", "2", 10, 10)]


def test_a_month_outside_the_window_is_left_unmatched() -> None:
    legs, window = [leg(1, 50, "2026-04")], MonthWindow(0, 3)
    for month, expected in ((3, 0), (4, 1), (7, 1), (8, 0)):
        assert len(match_optimal(BOOK, legs, [lot(1, 10, month)], PRODUCTS, DAY, window=window).new) == expected


def test_stock_counts_as_the_month_of_the_day() -> None:
    stock = SpotLeg(ExternalRef("k3", "stock", "7"), "stock", "copper", "stock", DAY, Decimal(50))
    lots = [lot(1, 10, 4), lot(2, 10, 3)]
    assert rows(match_optimal(BOOK, [stock], lots, PRODUCTS, DAY)) == [("7", "2", 50, 50)]


def test_a_leg_whose_month_cannot_be_read_takes_no_part_and_stays_free() -> None:
    result = match_optimal(BOOK, [leg(1, 50, "")], [lot(1, 10)], PRODUCTS, DAY)
    assert result.new == ()
    assert result.legs[0].free == 50


def test_direction_commodity_flag_and_unknown_instruments_keep_apart() -> None:
    aluminium = PositionLot("A1/x", "A1", "SHFE.al2604", SELL, HedgeFlag.HEDGE, DAY, Decimal(1), 9)
    unknown = PositionLot("A1/y", "A1", "SHFE.zz2604", SELL, HedgeFlag.HEDGE, DAY, Decimal(1), 9)
    lots = [lot(1, 9, direction=BUY), aluminium, unknown, lot(2, 9, flag=HedgeFlag.SPECULATION), lot(3, 4)]
    result = match_optimal(BOOK, [leg(1, 50), leg(2, -10)], lots, PRODUCTS, DAY, hedge_flags={HedgeFlag.HEDGE})
    assert rows(result) == [("1", "3", 20, 20), ("2", "1", 10, 10)]


def test_a_vat_adjusted_match_holds_two_quantities() -> None:
    ratios = {"copper": vat_adjusted(Decimal("0.13"))}
    assert rows(match_optimal(BOOK, [leg(1, 113)], [lot(1, 30)], PRODUCTS, DAY, ratios=ratios)) == [
        ("1", "1", 113, 100)
    ]
    split = match_optimal(BOOK, [leg(1, 113)], [lot(1, 10), lot(2, 10, 5)], PRODUCTS, DAY, ratios=ratios)
    assert rows(split) == [("1", "1", Decimal("56.5"), 50), ("1", "2", Decimal("56.5"), 50)]


def test_accepted_matches_are_fixed_and_a_run_over_its_own_result_adds_nothing() -> None:
    legs, lots = [leg(1, 50), leg(2, 50, "2026-06")], [lot(1, 10, 6), lot(2, 10, 4)]
    fixed = match_fifo(BOOK, [leg(1, 20)], [lot(1, 10, 6)], PRODUCTS, DAY).new
    result = match_optimal(BOOK, legs, lots, PRODUCTS, DAY, accepted=fixed)
    assert rows(result) == [("1", "2", 30, 30), ("2", "1", 30, 30), ("2", "2", 20, 20)]
    assert all(row.free == 0 for row in (*result.legs, *result.lots))
    again = match_optimal(BOOK, legs, lots, PRODUCTS, DAY, accepted=(*fixed, *result.new))
    assert again.new == ()


def test_an_accepted_match_that_no_longer_fits_is_a_break_and_takes_nothing_from_others() -> None:
    fixed = match_fifo(BOOK, [leg(1, 50)], [lot(1, 10)], PRODUCTS, DAY).new
    result = match_optimal(BOOK, [leg(1, 30), leg(2, 10)], [lot(1, 10), lot(2, 2)], PRODUCTS, DAY, accepted=fixed)
    assert [(b.side, b.reason, b.matched, b.available) for b in result.breaks] == [("leg", "over", 50, 30)]
    assert rows(result) == [("2", "2", 10, 10)]


def test_the_order_of_the_input_changes_neither_rows_nor_ids() -> None:
    dice = random.Random(7)
    legs = [leg(n, dice.randint(1, 40), f"2026-{dice.randint(4, 9):02d}", n % 5) for n in range(30)]
    lots = [lot(n, dice.randint(1, 9), dice.randint(4, 12), age=n % 4) for n in range(30)]
    first = match_optimal(BOOK, legs, lots, PRODUCTS, DAY)
    dice.shuffle(legs)
    dice.shuffle(lots)
    assert match_optimal(BOOK, legs, lots, PRODUCTS, DAY) == first
    assert len({match.match_id for match in first.new}) == len(first.new) > 30


def test_every_row_says_why_in_both_languages() -> None:
    legs, lots = [leg(1, 50), leg(2, 50)], [lot(1, 10), lot(2, 10, 5)]
    reasons = {m.instrument: m.why for m in match_optimal(BOOK, legs, lots, PRODUCTS, DAY).new}
    assert reasons["SHFE.cu2604"] != reasons["SHFE.cu2605"]
    for why, lang in ((why, lang) for why in reasons.values() for lang in LANGUAGES):
        assert why not in say(Message(why), lang)


@settings(deadline=None, max_examples=40)
@any_of(st.integers(0, 10**6), st.sampled_from([Fraction(1), vat_adjusted(Decimal("0.13")), Fraction(9, 10)]))
def test_rows_never_take_more_than_there_is(seed: int, ratio: Fraction) -> None:
    dice = random.Random(seed)
    legs = [leg(n, dice.randint(-50, 50) or 1, f"2026-{dice.randint(4, 9):02d}", n % 3) for n in range(8)]
    lots = [lot(n, dice.randint(1, 9), dice.randint(4, 12), dice.choice([BUY, SELL]), n % 3) for n in range(8)]
    result = match_optimal(BOOK, legs, lots, PRODUCTS, DAY, ratios={"copper": ratio}, window=MonthWindow())
    assert all(m.spot_quantity > 0 and m.futures_quantity > 0 for m in result.new)
    assert all(row.over == 0 for row in (*result.legs, *result.lots))
    assert result.breaks == ()
    fifo = match_fifo(BOOK, legs, lots, PRODUCTS, DAY, ratios={"copper": ratio})
    free = match_optimal(BOOK, legs, lots, PRODUCTS, DAY, ratios={"copper": ratio})
    # Both sides' units are rounded apart, so FIFO may gain a smallest unit per row.
    gained = sum(m.futures_quantity for m in free.new) - sum(m.futures_quantity for m in fifo.new)
    assert gained >= -Decimal(len(fifo.new)) * Decimal("0.000001")


def full_network(
    legs: list[tuple[tuple[str, int], int]], lots: list[tuple[tuple[str, int], int]], window: MonthWindow | None
) -> tuple[int, int]:
    """The best (quantity, cost) over all pairs of rows, in two programmes: first the quantity, then the cost."""
    pairs = [
        (i, j, b[1] - a[1])
        for i, (a, _) in enumerate(legs)
        for j, (b, _) in enumerate(lots)
        if a[0] == b[0] and (window is None or window.holds(b[1] - a[1]))
    ]
    if not pairs:
        return 0, 0
    bounds = np.zeros((len(legs) + len(lots), len(pairs)))
    for number, (i, j, _) in enumerate(pairs):
        bounds[i, number] = bounds[len(legs) + j, number] = 1
    sizes = [quantity for _, quantity in (*legs, *lots)]
    most = round(-linprog(-np.ones(len(pairs)), A_ub=bounds, b_ub=sizes).fun)
    gaps = np.array([abs(gap) for *_, gap in pairs])
    least = linprog(gaps, A_ub=bounds, b_ub=sizes, A_eq=np.ones((1, len(pairs))), b_eq=[most])
    return most, round(least.fun)


DIRECT = [MonthWindow(), MonthWindow(-3, 0), MonthWindow(1, 2), MonthWindow(2, 2), MonthWindow(-4, -1), None]
"""Windows that need no solver: the lot's month is never before (or never after) the leg's, or any month serves."""


def two_sides(seed: int) -> tuple[list[tuple[tuple[str, int], int]], list[tuple[tuple[str, int], int]]]:
    dice = random.Random(seed)

    def side() -> list[tuple[tuple[str, int], int]]:
        return [((dice.choice("ab"), dice.randint(0, 6)), dice.randint(0, 30)) for _ in range(dice.randint(1, 15))]

    return side(), side()


@settings(deadline=None, max_examples=100)
@any_of(st.integers(0, 10**6), st.sampled_from([*DIRECT, MonthWindow(-1, 1), MonthWindow(-12, 12)]))
def test_the_objective_is_that_of_the_network_of_all_pairs(seed: int, window: MonthWindow | None) -> None:
    legs, lots = two_sides(seed)
    pairs = best_pairs(legs, lots, window)
    assert all(pair.gap == lots[pair.lot][0][1] - legs[pair.leg][0][1] for pair in pairs)
    found = sum(pair.quantity for pair in pairs), sum(pair.quantity * abs(pair.gap) for pair in pairs)
    assert found == full_network(legs, lots, window)


@settings(deadline=None, max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@any_of(st.integers(0, 10**6), st.sampled_from(DIRECT))
def test_usual_windows_need_no_solver(monkeypatch: pytest.MonkeyPatch, seed: int, window: MonthWindow | None) -> None:
    def asked(*_: object) -> None:
        raise AssertionError("the solver was asked")

    legs, lots = two_sides(seed)
    by_solver = objective(legs, lots, window, monkeypatch, month_flow=lambda *_: None)
    assert objective(legs, lots, window, monkeypatch, solve=asked) == by_solver


def objective(
    legs: list[tuple[tuple[str, int], int]],
    lots: list[tuple[tuple[str, int], int]],
    window: MonthWindow | None,
    monkeypatch: pytest.MonkeyPatch,
    **instead: object,
) -> tuple[int, int]:
    with monkeypatch.context() as patched:
        if "month_flow" in instead:
            patched.setattr(matching_columns, "month_flow", instead["month_flow"])
        if "solve" in instead:
            patched.setattr(flow, "_solve", instead["solve"])
        pairs = best_pairs(legs, lots, window)
    return sum(pair.quantity for pair in pairs), sum(pair.quantity * abs(pair.gap) for pair in pairs)


def test_a_pair_of_rows_appears_once() -> None:
    pairs = best_pairs([(("a", 1), 10), (("a", 2), 10)], [(("a", 1), 7), (("a", 2), 20)], None)
    assert len({(pair.leg, pair.lot) for pair in pairs}) == len(pairs)
    assert sum(pair.quantity for pair in pairs) == 20
