"""Rolls as chains with their cost, results by order, lot and book with nothing left over, basis history and alerts."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core.allocation import allocation_digest, mirrored, problems, unpaired
from hedge_core.attribution import FuturesLeg
from hedge_core.basis import Quote
from hedge_core.basis_history import DatedBasis, basis_alerts, basis_range, premiums
from hedge_core.errors import RuleBroken
from hedge_core.model.events import Allocation, Roll
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.model.physical import Side
from hedge_core.model.terms import BasisBand, BasisPoint, PremiumRow
from hedge_core.result import HeldLot, SpotPrices, book_total, result_rows
from hedge_core.rolls import chain_of, chains, path_to, roll_gain, suggest_rolls
from hedge_core.settlement.figures import LotClose

ON = date(2026, 3, 31)
CU = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
NEAR, FAR = "SHFE.cu2604", "SHFE.cu2605"
VAT = Decimal("0.13")


def close(lot_id: str, lots: int, price: int, instrument: str = NEAR) -> LotClose:
    zero = Decimal(0)
    return LotClose(
        f"A/20260331/SHFE/{lot_id}c/buy", lot_id, "A", instrument, Direction.SELL, HedgeFlag.HEDGE, ON - timedelta(9), lots,
        Decimal(70000), Decimal(price), zero, zero, zero,
    )  # fmt: skip


def opened(lot_id: str, lots: int, price: int, instrument: str = FAR, **changes: object) -> PositionLot:
    lot = PositionLot(lot_id, "A", instrument, Direction.SELL, HedgeFlag.HEDGE, ON, Decimal(price), lots)
    return replace(lot, **changes)  # type: ignore[arg-type]


def test_a_short_gains_the_spread_and_a_long_pays_it() -> None:
    """(69,260 − 69,100) × 90 = +14,400 (facts 3.7)."""
    assert roll_gain(Direction.SELL, Decimal(69100), Decimal(69260), Decimal(90)) == 14_400
    assert roll_gain(Direction.BUY, Decimal(69100), Decimal(69260), Decimal(90)) == -14_400


def test_a_days_trades_are_found_as_rolls_with_one_chain_over_the_legs() -> None:
    (first,) = suggest_rolls(ON, [close("L1", 18, 69100)], [opened("L2", 20, 69260)], [])
    assert (first.lots, first.from_lot, first.to_lot, first.chain_id) == (18, "L1", "L2", chain_of("L1", []))
    assert suggest_rolls(ON, [close("L1", 18, 69100)], [opened("L2", 20, 69260)], [first]) == ()
    later = suggest_rolls(
        ON + timedelta(30), [close("L2", 18, 68000, FAR)], [opened("L3", 18, 68100, "SHFE.cu2606")], [first]
    )
    assert [one.chain_id for one in later] == [first.chain_id]
    directions = dict.fromkeys(("L1", "L2", "L3"), Direction.SELL)
    names = {"L1": NEAR, "L2": FAR, "L3": "SHFE.cu2606"}
    (chain,) = chains([*later, first], directions, names, dict.fromkeys(names.values(), CU))
    assert [step.gain for step in chain.steps] == [14_400, 9_000]
    assert chain.gain == 23_400
    assert [one.from_lot for one in path_to("L3", [first, *later])] == ["L1", "L2"]


@pytest.mark.parametrize(
    "other",
    [
        opened("L2", 20, 1, NEAR),
        opened("L2", 20, 1, "SHFE.al2605"),
        opened("L2", 20, 1, account="B"),
        opened("L2", 20, 1, direction=Direction.BUY),
        opened("L2", 20, 1, hedge_flag=HedgeFlag.SPECULATION),
    ],
)
def test_another_month_account_side_flag_or_product_is_no_roll(other: PositionLot) -> None:
    assert suggest_rolls(ON, [close("L1", 18, 69100)], [other], []) == ()


# --- results ----------------------------------------------------------------------------------------------------------


def stock_leg(quantity: int | str, rate: Decimal = VAT) -> SpotLeg:
    return SpotLeg(ExternalRef("k3", "inventory", "1"), "stock", "copper", "stock", ON, Decimal(quantity), rate)


def held(lot_id: str, quantity: int, *prices: tuple[int, int], fee: int = 0) -> HeldLot:
    legs = tuple(FuturesLeg(f"M{n}", Decimal(quantity), Decimal(a), Decimal(b)) for n, (a, b) in enumerate(prices))
    return HeldLot(lot_id, Decimal(quantity), legs, Decimal(fee))


def matched(spot: int | str, futures: int | str, lot_id: str = "L1", match_id: str = "M1") -> HedgeMatch:
    return HedgeMatch(
        match_id,
        stock_leg(1).ref,
        lot_id,
        "A",
        FAR,
        "copper",
        Decimal(spot),
        Decimal(futures),
        ON,
        "fifo",
        "matching.why_fifo",
    )


def test_the_result_of_a_lot_splits_into_basis_and_the_open_part() -> None:
    """100 t down 1,900 against 90 t short down 2,140, without VAT: 24,000 basis − 21,400 price (facts 3.10)."""
    leg = stock_leg(100, Decimal(0))
    prices = {str(leg.ref): SpotPrices(Quote(Decimal(69000)), Quote(Decimal(67100)))}
    rows, broken = result_rows([leg], prices, {"L1": held("L1", -90, (69200, 67060))}, [matched(100, 90)])
    assert broken == ()
    (row,) = rows
    assert (row.lines["basis"], row.lines["price"], row.total) == (24_000, -21_400, 2_600)
    assert book_total(rows)["basis"] == 24_000


def test_a_rolled_hedge_shows_its_roll_and_the_free_rest_of_both_sides_stands_alone() -> None:
    leg = stock_leg(100)
    prices = {str(leg.ref): SpotPrices(Quote(Decimal(70000), VAT), Quote(Decimal(69000), VAT))}
    lot = held("L1", -90, (70200, 69100), (69260, 68000), fee=90)
    rows, broken = result_rows([leg], prices, {"L1": lot}, [matched(50, 45)])
    assert broken == ()
    assert [row.kind for row in rows] == ["stock", "futures"]
    goods, rest = rows
    assert (goods.lines["roll"], goods.lines["fees"], goods.futures_quantity) == (7_200, -45, -45)
    assert (rest.futures_quantity, rest.lines["fees"]) == (-45, -45)
    assert sum(row.total for row in rows) == sum(book_total(rows).values())
    assert all(row.attribution.residual == 0 for row in rows)


def test_what_has_no_price_or_no_lot_any_more_is_named_and_left_out() -> None:
    leg = stock_leg(100)
    rows, broken = result_rows([leg], {}, {}, [matched(50, 45)])
    assert (rows, [one.rule for one in broken]) == ((), ["result_lot_missing", "result_price_missing"])


PRICES = st.integers(50_000, 90_000)


@settings(max_examples=80, deadline=None)
@any_of(
    st.integers(1, 400), st.integers(1, 60), st.lists(st.tuples(PRICES, PRICES), min_size=1, max_size=3), PRICES, PRICES,
    st.integers(0, 500), st.sampled_from([Decimal(0), VAT, Decimal("0.09")]), st.booleans(),
)  # fmt: skip
def test_nothing_is_ever_left_over_and_rows_add_up_to_spot_and_futures(
    goods: int, lots: int, legs: list[tuple[int, int]], then: int, now: int, fee: int, rate: Decimal, long: bool
) -> None:
    sign = 1 if long else -1
    leg = stock_leg(sign * goods, rate)
    lot = held("L1", -sign * 5 * lots, *legs, fee=fee)
    both = min(goods, 5 * lots)
    prices = {str(leg.ref): SpotPrices(Quote(Decimal(then), rate), Quote(Decimal(now), rate))}
    rows, broken = result_rows([leg], prices, {"L1": lot}, [matched(both, both)])
    assert broken == ()
    whole = sum(row.attribution.total for row in rows)
    spot = sum(row.attribution.spot for row in rows)
    futures = sum(5 * lots * -sign * (b - a) for a, b in legs)
    assert all(row.attribution.residual == 0 for row in rows)
    assert sum(row.attribution.futures for row in rows) == futures
    assert abs(whole - spot - futures + fee) <= Decimal("0.00001"), "fees are shared to the sixth decimal"


# --- basis ------------------------------------------------------------------------------------------------------------


def dated(n: int, value: int) -> DatedBasis:
    return DatedBasis(
        ON + timedelta(n), BasisPoint("copper", "market", "copper", FAR, Decimal(70000 + value), Decimal(70000))
    )


def test_a_basis_stands_somewhere_in_its_own_history() -> None:
    found = basis_range([dated(2, -50), dated(0, 100), dated(1, 40)])
    assert found is not None
    assert (found.last.on, found.days, found.low, found.high, found.average) == (ON + timedelta(2), 3, -50, 100, 30)
    assert found.rank == Decimal("0.3333")
    assert basis_range([]) is None


def test_an_alert_names_the_rule_and_since_when() -> None:
    band = BasisBand("copper", Decimal(-40), Decimal(60), 3)
    history = [dated(0, 100), dated(1, 0), dated(2, -50), dated(3, -60)]
    (low,) = basis_alerts([band], {"copper": history}, ON + timedelta(3))
    assert (low.rule, low.since) == ("basis_low", ON + timedelta(2))
    assert [one.rule for one in basis_alerts([band], {"copper": history[:1]}, ON + timedelta(4))] == [
        "basis_stale",
        "basis_high",
    ]
    assert [one.rule for one in basis_alerts([band], {}, ON)] == ["basis_none"]
    assert basis_alerts([band], {"copper": history[:2]}, ON + timedelta(2)) == ()


def test_brand_grade_and_place_come_from_the_table_and_an_unlisted_one_is_refused() -> None:
    table = [PremiumRow("copper", "brand", "GX", Decimal(100)), PremiumRow("copper", "place", "WX", Decimal(-20))]
    assert premiums(table, "copper", brand="GX", place="WX").total == 80
    assert premiums(table, "copper").total == 0
    with pytest.raises(RuleBroken) as broken:
        premiums(table, "copper", grade="B")
    assert broken.value.rule == "premium_missing"


# --- allocations ------------------------------------------------------------------------------------------------------

OURS, THEIRS = BookId("aa"), BookId("bb")
GIVEN = Allocation("A1", ON, THEIRS, "copper", FAR, "2026-05", Decimal(-100), Decimal(70000), Side.SALE, "li", OURS)


def test_the_two_entries_of_an_allocation_mirror_each_other_and_have_one_digest() -> None:
    other = mirrored(GIVEN, OURS)
    assert (other.other_book, other.quantity, other.side, other.proposed_by) == (OURS, 100, Side.PURCHASE, "li")
    assert allocation_digest(GIVEN, OURS) == allocation_digest(other, THEIRS)
    assert unpaired(OURS, [GIVEN], THEIRS, [other]) == ()
    assert unpaired(OURS, [GIVEN], THEIRS, []) == ("A1",)
    assert unpaired(OURS, [GIVEN], THEIRS, [replace(other, quantity=Decimal(99))]) == ("A1",)


def test_an_allocation_to_oneself_of_nothing_for_nothing_on_the_wrong_side_is_refused() -> None:
    wrong = replace(GIVEN, other_book=OURS, quantity=Decimal(0), price=Decimal(0), side=Side.PURCHASE)
    found = [one.rule for one in problems(wrong, OURS)]
    assert found == ["allocation_same_book", "allocation_quantity", "allocation_price", "allocation_side"]
    assert problems(GIVEN, OURS) == ()


def test_a_roll_of_a_lot_that_nobody_knows_is_left_out() -> None:
    roll = Roll("R1", "C1", ON, "gone", "L2", 1, Decimal(1), Decimal(2))
    assert chains([roll], {}, {"L2": FAR}, {FAR: CU}) == ()
