"""Matching of spot legs to futures: bounds, totals, order, and what no longer fits."""

from __future__ import annotations

import subprocess
import sys
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core.canonical import canonical_hash
from hedge_core.exposure import exposure
from hedge_core.matching import ONE_TO_ONE, Matching, match_fifo, spot_legs, vat_adjusted
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import SpotLeg
from hedge_core.model.physical import ContractLine, InventoryLot, LineStatus, LotKind, PricingKind, Side
from messages import LANGUAGES, all_texts, say

BOOK = BookId("jinhe")
DAY = date(2026, 3, 9)
CU = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
AL = Product("SHFE", "al", "aluminium", 5, Decimal(5), "t", date(2020, 1, 1))
PRODUCTS = {"SHFE.cu2605": CU, "SHFE.al2605": AL}
BUY, SELL = Direction.BUY, Direction.SELL


def leg(number: int, quantity: int | str | Decimal, commodity: str = "copper", dated: date = DAY) -> SpotLeg:
    ref = ExternalRef("k3", "contract_line", str(number))
    return SpotLeg(ref, "stock", commodity, "stock", dated, Decimal(quantity), Decimal("0.13"))


def lot(
    number: int,
    direction: Direction,
    lots: int,
    *,
    instrument: str = "SHFE.cu2605",
    flag: HedgeFlag = HedgeFlag.HEDGE,
    opened: date = DAY,
    account: str = "A1",
) -> PositionLot:
    lot_id = f"{account}/20260309/SHFE/{number}/{direction.value}"
    return PositionLot(lot_id, account, instrument, direction, flag, opened, Decimal(70000), lots)


def rows(result: Matching) -> list[tuple[str, str, Decimal, Decimal]]:
    return [(m.leg.key, m.lot_id.split("/")[3], m.spot_quantity, m.futures_quantity) for m in result.new]


def test_oldest_leg_to_oldest_lot_of_the_opposite_risk() -> None:
    legs = [leg(1, 60), leg(2, 40, dated=DAY - timedelta(days=1)), leg(3, -25)]
    lots = [lot(10, SELL, 8), lot(9, SELL, 10), lot(3, BUY, 6)]
    result = match_fifo(BOOK, legs, lots, PRODUCTS, DAY)
    assert rows(result) == [("2", "9", 40, 40), ("1", "9", 10, 10), ("1", "10", 40, 40), ("3", "3", 25, 25)]
    assert [(b.key[-1], b.free) for b in result.legs] == [("1", 10), ("2", 0), ("3", 0)]
    assert {b.key.split("/")[3]: b.free for b in result.lots} == {"9": 0, "10": 0, "3": 5}
    assert result.new[0].why in all_texts()


def test_a_vat_adjusted_match_holds_two_quantities() -> None:
    ratio = {"copper": vat_adjusted(Decimal("0.13"))}
    result = match_fifo(BOOK, [leg(1, 850)], [lot(1, SELL, 150)], PRODUCTS, DAY, ratios=ratio)
    assert rows(result) == [("1", "1", Decimal("847.5"), 750)]
    result = match_fifo(BOOK, [leg(1, 113)], [lot(1, SELL, 150)], PRODUCTS, DAY, ratios=ratio)
    assert rows(result) == [("1", "1", 113, 100)]


def test_a_beta_is_a_ratio_too() -> None:
    result = match_fifo(BOOK, [leg(1, 100)], [lot(1, SELL, 20)], PRODUCTS, DAY, ratios={"copper": Fraction(9, 10)})
    assert rows(result) == [("1", "1", 100, 90)]


def test_commodities_never_mix_and_an_unknown_instrument_takes_no_part() -> None:
    lots = [lot(1, SELL, 2, instrument="SHFE.al2605"), lot(2, SELL, 2, instrument="SHFE.zz2605")]
    result = match_fifo(BOOK, [leg(1, 10)], lots, PRODUCTS, DAY)
    assert result.new == ()
    assert [b.commodity for b in result.lots] == ["aluminium"]


def test_a_flag_filter_leaves_speculative_lots_alone() -> None:
    lots = [lot(1, SELL, 2, flag=HedgeFlag.SPECULATION), lot(2, SELL, 1)]
    result = match_fifo(BOOK, [leg(1, 10)], lots, PRODUCTS, DAY, hedge_flags={HedgeFlag.HEDGE})
    assert rows(result) == [("1", "2", 5, 5)]


def test_an_accepted_match_that_no_longer_fits_is_a_break_and_stays() -> None:
    first = match_fifo(BOOK, [leg(1, 50), leg(2, 20)], [lot(1, SELL, 14)], PRODUCTS, DAY)
    again = match_fifo(BOOK, [leg(1, 30)], [lot(1, SELL, 12)], PRODUCTS, DAY, accepted=first.new)
    assert again.new == ()
    assert [(b.side, b.reason, b.matched, b.available) for b in again.breaks] == [
        ("leg", "over", 50, 30),
        ("leg", "gone", 20, 0),
        ("lot", "over", 70, 60),
    ]
    assert again.legs[0].over == 20
    assert again.breaks[0].match_ids == (first.new[0].match_id,)
    turned = match_fifo(BOOK, [leg(1, -50), leg(2, 20)], [lot(1, SELL, 14)], PRODUCTS, DAY, accepted=first.new)
    assert [(b.side, b.reason) for b in turned.breaks] == [("leg", "direction")]
    gone = match_fifo(BOOK, [leg(1, 50), leg(2, 20)], [], PRODUCTS, DAY, accepted=first.new)
    assert [(b.side, b.reason) for b in gone.breaks] == [("lot", "gone")]
    for broken in (*again.breaks, *turned.breaks, *gone.breaks):
        for lang in LANGUAGES:
            assert "{" not in say(broken.message, lang)


def test_a_leg_that_grows_gets_a_second_match_with_an_id_of_its_own() -> None:
    first = match_fifo(BOOK, [leg(1, 10)], [lot(1, SELL, 10)], PRODUCTS, DAY)
    second = match_fifo(BOOK, [leg(1, 15)], [lot(1, SELL, 10)], PRODUCTS, DAY, accepted=first.new)
    assert rows(second) == [("1", "1", 5, 5)]
    assert second.new[0].match_id != first.new[0].match_id


def test_the_id_of_a_match_is_the_canonical_hash_of_its_pair() -> None:
    made = leg(1, 50)
    (match,) = match_fifo(BOOK, [made], [lot(1, Direction.SELL, 10)], PRODUCTS, DAY).new
    assert match.match_id == f"M{canonical_hash([BOOK, str(made.ref), match.lot_id, 0])[:16]}"
    (second,) = match_fifo(BOOK, [made], [lot(1, Direction.SELL, 10)], PRODUCTS, DAY, used_ids={match.match_id}).new
    assert second.match_id == f"M{canonical_hash([BOOK, str(made.ref), match.lot_id, 1])[:16]}"


def test_the_id_of_an_ended_match_is_never_given_again() -> None:
    first = match_fifo(BOOK, [leg(1, 10)], [lot(1, SELL, 10)], PRODUCTS, DAY)
    ended = {first.new[0].match_id}
    again = match_fifo(BOOK, [leg(1, 10)], [lot(1, SELL, 10)], PRODUCTS, DAY, used_ids=ended)
    assert rows(again) == rows(first)
    assert again.new[0].match_id not in ended


ratios = st.sampled_from([ONE_TO_ONE, vat_adjusted(Decimal("0.13")), vat_adjusted(Decimal("0.09")), Fraction(7, 3)])
leg_list = st.lists(
    st.tuples(
        st.decimals(-300, 300, places=3).filter(bool), st.sampled_from(["copper", "aluminium"]), st.integers(0, 3)
    ),
    max_size=8,
)
lot_list = st.lists(
    st.tuples(st.sampled_from([BUY, SELL]), st.integers(1, 40), st.booleans(), st.integers(0, 3), st.booleans()),
    max_size=8,
)


@settings(max_examples=200, deadline=None)
@any_of(leg_list, lot_list, ratios, ratios)
def test_each_side_is_bounded_and_adds_up_and_a_second_run_adds_nothing(
    leg_rows: list[tuple[Decimal, str, int]],
    lot_rows: list[tuple[Direction, int, bool, int, bool]],
    copper: Fraction,
    aluminium: Fraction,
) -> None:
    legs = [leg(n, q, commodity, DAY - timedelta(days=age)) for n, (q, commodity, age) in enumerate(leg_rows)]
    lots = [
        lot(
            n,
            direction,
            count,
            instrument="SHFE.cu2605" if is_copper else "SHFE.al2605",
            opened=DAY - timedelta(days=age),
            account="A1" if first else "A2",
        )
        for n, (direction, count, is_copper, age, first) in enumerate(lot_rows)
    ]
    by_commodity = {"copper": copper, "aluminium": aluminium}
    result = match_fifo(BOOK, legs, lots, PRODUCTS, DAY, ratios=by_commodity)
    for balance in (*result.legs, *result.lots):
        assert balance.over == 0 <= balance.free
        assert balance.total == balance.matched + balance.free
    leg_of, lot_of = {x.ref: x for x in legs}, {x.lot_id: x for x in lots}
    for match in result.new:
        spot_sign = 1 if leg_of[match.leg].quantity > 0 else -1
        assert spot_sign == -lot_of[match.lot_id].direction.sign
        assert match.account == lot_of[match.lot_id].account
        assert match.spot_quantity > 0 < match.futures_quantity
        off = abs(Fraction(match.spot_quantity) * by_commodity[match.commodity] - Fraction(match.futures_quantity))
        assert off <= Fraction(3, 10**6)
    assert len({match.match_id for match in result.new}) == len(result.new)
    exhausted(result, legs, lots)
    again = match_fifo(BOOK, legs[::-1], lots[::-1], PRODUCTS, DAY, ratios=by_commodity)
    assert again.new == result.new
    rerun = match_fifo(BOOK, legs, lots, PRODUCTS, DAY, ratios=by_commodity, accepted=result.new)
    assert (rerun.new, rerun.breaks, rerun.legs, rerun.lots) == ((), (), result.legs, result.lots)


def exhausted(result: Matching, legs: list[SpotLeg], lots: list[PositionLot]) -> None:
    """In each group one side is used up: to the rounding of a divided quantity."""
    free_legs, free_lots = ({b.key: b.free for b in side} for side in (result.legs, result.lots))
    for commodity in ("copper", "aluminium"):
        for direction in (BUY, SELL):
            same_legs = [x for x in legs if x.commodity == commodity and (x.quantity > 0) == (direction is SELL)]
            same_lots = [x for x in lots if PRODUCTS[x.instrument].commodity == commodity and x.direction is direction]
            spot = sum((free_legs[str(x.ref)] for x in same_legs), Decimal(0))
            futures = sum((free_lots[x.lot_id] for x in same_lots), Decimal(0))
            assert min(spot, futures) <= Decimal("0.00001")


def line(number: int, side: Side, kind: PricingKind, ordered: Decimal, delivered: Decimal) -> ContractLine:
    ref = ExternalRef("k3", "contract_line", str(number))
    day = date(2026, 2, 1) + timedelta(days=number)
    return ContractLine(
        ref, f"HT{number}", 1, side, "P1", "CU01", "copper", day, None, "2026-05", "t", ordered, delivered, Decimal(0),
        LineStatus.OPEN, kind, None, None, None, "CNY", Decimal("0.13"), None,
    )  # fmt: skip


def goods(number: int, quantity: Decimal | int, *, ours: bool = True) -> InventoryLot:
    ref = ExternalRef("k3", "inventory", str(number))
    return InventoryLot(
        ref, "CU01", "copper", "W1", str(number), "jinhe", ours, LotKind.NON_STANDARD, "t", Decimal(quantity)
    )


def test_goods_that_arrived_unpriced_are_taken_off_the_newest_stock() -> None:
    inventory = [goods(1, 600), goods(2, 400), goods(3, 50, ours=False)]
    seen = {inventory[0].ref: DAY - timedelta(days=9), inventory[1].ref: DAY}
    lines = [line(1, Side.PURCHASE, PricingKind.FLOATING, Decimal(500), Decimal(200))]
    legs = spot_legs(lines, inventory, seen, {"copper": Decimal("0.13")})
    assert [(x.ref.key, x.kind, x.quantity) for x in legs] == [("1", "stock", 600), ("2", "stock", 200)]


def test_unpriced_goods_already_sold_on_are_a_short_leg_on_their_line() -> None:
    lines = [line(1, Side.PURCHASE, PricingKind.FLOATING, Decimal(500), Decimal(200))]
    legs = spot_legs(lines, [goods(1, 150)], {}, {})
    assert [(x.kind, x.quantity) for x in legs] == [("arrived_unpriced", -50)]


quantity = st.decimals(0, 500, places=3)


@settings(max_examples=150, deadline=None)
@any_of(
    st.lists(
        st.tuples(st.sampled_from(list(Side)), st.sampled_from(list(PricingKind)), quantity, quantity), max_size=8
    ),
    st.lists(st.tuples(quantity, st.booleans()), max_size=5),
)
def test_legs_add_up_to_the_exposure(
    contracts: list[tuple[Side, PricingKind, Decimal, Decimal]], stock: list[tuple[Decimal, bool]]
) -> None:
    lines = [line(n, side, kind, open_ + done, done) for n, (side, kind, open_, done) in enumerate(contracts)]
    inventory = [goods(n, q, ours=ours) for n, (q, ours) in enumerate(stock)]
    legs = spot_legs(lines, inventory, {}, {})
    shown = exposure(BOOK, lines, inventory, [], PRODUCTS, {"copper": Decimal("0.13")})
    assert shown.broken == ()
    assert sum(x.quantity for x in legs) == sum(row.exposure for row in shown.totals)
    assert len({x.ref for x in legs}) == len(legs)


@pytest.mark.parametrize("module", ["matching", "settlement.engine", "settlement.units", "delivery"])
def test_matching_and_settlement_load_whichever_comes_first(module: str) -> None:
    subprocess.run([sys.executable, "-c", f"import hedge_core.{module}"], check=True)
