"""Closed futures in a result: which match a close belonged to, the share a roll carried on, and VAT on exchange delivery."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from fractions import Fraction

from hedge_core.attribution import FuturesLeg
from hedge_core.basis import Quote
from hedge_core.lot_ways import Opened, Ways, share_out
from hedge_core.model.events import Roll
from hedge_core.model.futures import Direction, HedgeFlag
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.result import ClosedPart, HeldLot, SpotPrices, result_rows
from hedge_core.settlement.rows import LotClose
from tests.support.samples import ref

ON, LATER = date(2026, 3, 5), date(2026, 3, 6)
NEAR, FAR = "SHFE.cu2604", "SHFE.cu2605"
LEG = SpotLeg(ref("W1/L1", "inventory"), "stock", "copper", "stock", ON, Decimal(100), Decimal(0))


def close(fill: str, lots: int, price: int, lot: str = "L1", number: str = "9") -> LotClose:
    zero = Decimal(0)
    return LotClose(
        f"A/{fill}/SHFE/{number}/buy", lot, "A", NEAR, Direction.SELL, HedgeFlag.HEDGE, ON, lots, Decimal(69200),
        Decimal(price), zero, zero, zero,
    )  # fmt: skip


def match(futures: int, match_id: str = "M1", on: date = ON) -> HedgeMatch:
    return HedgeMatch(
        match_id,
        LEG.ref,
        "L1",
        "A",
        NEAR,
        "copper",
        Decimal(futures),
        Decimal(futures),
        on,
        "fifo",
        "matching.why_fifo",
    )


def test_what_is_unmatched_of_a_lot_is_closed_first_then_the_latest_match() -> None:
    """100 t of futures, 60 t matched. 40 t closed take nothing from the match; 20 t more take 20 t of it."""
    first, second = close("1", 8, 69900), close("2", 4, 70000)
    days = {first.fill_key: ON, second.fill_key: LATER}
    still, parts = share_out({"L1": Decimal(60)}, {NEAR: 5}, [match(60)], [], [first], days)
    assert [one.futures_quantity for one in still] == [60]
    assert [(one.match, one.quantity) for one in parts] == [(None, 40)]
    still, parts = share_out({"L1": Decimal(40)}, {NEAR: 5}, [match(60)], [], [second], days)
    assert [(one.futures_quantity, one.spot_quantity) for one in still] == [(40, 40)]
    assert [(one.match is not None, one.quantity) for one in parts] == [(True, 20)]


def test_a_match_ended_before_the_close_has_no_part_in_it() -> None:
    one = close("1", 4, 69900)
    days = {one.fill_key: LATER}
    _, before = share_out({}, {NEAR: 5}, [], [(match(60), ON)], [one], days)
    _, after = share_out({}, {NEAR: 5}, [], [(match(60), LATER)], [one], days)
    assert ([part.match for part in before], [part.match for part in after]) == ([None], [match(60)])


def test_goods_change_with_their_hedge_until_it_closes_and_alone_from_then_on() -> None:
    """100 t from 68,000 over 68,500 (the hedge closes, 69,200 → 69,900) to 69,000: basis (500 − 700) × 100 = −20,000, then
    500 × 100 = 50,000 of price; together 100,000 of spot less 70,000 of futures."""
    lot = HeldLot("L1", Decimal(-100), (FuturesLeg(NEAR, Decimal(-100), Decimal(69200), Decimal(69900)),))
    part = ClosedPart(lot, "copper", str(LEG.ref), Decimal(100), Quote(Decimal(68500)))
    prices = {str(LEG.ref): SpotPrices(Quote(Decimal(68000)), Quote(Decimal(69000)))}
    (row,), broken = result_rows([LEG], prices, {}, [], closed=[part])
    assert broken == ()
    assert (row.lines["basis"], row.lines["price"], row.total) == (-20_000, 50_000, 30_000)
    assert (row.attribution.spot, row.attribution.futures, row.attribution.residual) == (100_000, -70_000, 0)


def test_a_delivered_short_shows_the_vat_on_its_delivery() -> None:
    """Opened 70,200, delivered at 73,000, 13 %: (1/1.13 − 1) × 2,800 = −322.12 per t, for 90 t −28,991.15."""
    lot = HeldLot("L1", Decimal(-90), (FuturesLeg(NEAR, Decimal(-90), Decimal(70200), Decimal(73000)),))
    part = ClosedPart(lot, "copper", delivered=Decimal(90), vat_rate=Decimal("0.13"))
    (row,), _ = result_rows([], {}, {}, [], closed=[part])
    assert (row.subject, row.kind, row.lines["vat_delivery"]) == ("L1", "closed", Decimal("-28991.15"))
    assert (row.total, row.attribution.residual) == (-252_000, 0)


def test_a_roll_carries_its_share_and_the_rest_of_both_lots_stands_alone() -> None:
    """20 near lots closed at 69,100, 12 of them rolled into a far lot of 15: each far lot brings 12/15 of a near one, with
    its fees (3 opening, 4 closing); 8 near lots are closed by themselves."""
    opened = {
        "near": Opened(NEAR, 20, Decimal(69200), ON, Decimal(60), "CNY"),
        "far": Opened(FAR, 15, Decimal(69260), LATER, Decimal(75), "CNY"),
    }
    done = close("1", 20, 69100, "near")
    roll = Roll("R1", "C1", LATER, "near", "far", 12, Decimal(69100), Decimal(69260))
    ways = Ways(opened, [roll], [done], {done.fill_key: LATER}, {done.fill_key: Fraction(4)})
    way = ways.way("far")
    (step,) = way.steps
    assert (step.instrument, step.share, step.opened, step.closed) == (NEAR, Fraction(12, 15), 69200, 69100)
    assert (way.fee, way.since) == (5 + Fraction(12, 15) * (3 + 4), ON)
    assert [one.lots for one in ways.closed()] == [8]
