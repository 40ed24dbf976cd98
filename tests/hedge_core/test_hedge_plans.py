"""Hedge plans: what a fill must keep to, trade first and plan later, and plan against execution in figures."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest

from hedge_core.hedge_plans import Approved, check_fills, execution, plan_digest, problems
from hedge_core.model.futures import Direction, Offset, PositionLot, Product
from hedge_core.model.physical import Side
from hedge_core.model.terms import HedgePlan
from tests.support.samples import DAY, NOON, fill

CU = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
MAY = "SHFE.cu2605"
PRODUCTS = {MAY: CU, "SHFE.cu2606": CU}
PLAN = HedgePlan(
    "P1", "copper", "stock of March", Side.SALE, Decimal(100), Decimal(1), Decimal("0.8"), Decimal("1.1"), (MAY,),
    Decimal(69000), Decimal(71000), DAY, DAY + timedelta(20), Decimal(700_000), Decimal(50_000), ("80010001",),
)  # fmt: skip
FILL = fill(lots=10, price=Decimal(70000), traded_at=NOON)
APPROVED = Approved("P1", DAY, NOON - timedelta(hours=1), "wang")


def rules(
    plan: HedgePlan = PLAN, approval: Approved | None = APPROVED, tied: bool = True, **changes: object
) -> list[str]:
    one = replace(FILL, **changes)  # type: ignore[arg-type]
    approvals = {"P1": approval} if approval else {}
    found = check_fills([one], PRODUCTS, {"P1": plan}, approvals, {one.key: "P1"} if tied else {})
    assert all(row.on == one.trading_day and "{" not in str(row.broken) for row in found)
    return [row.broken.rule for row in found]


def test_a_fill_inside_its_approved_plan_is_no_finding() -> None:
    assert rules() == []
    assert rules(offset=Offset.CLOSE, price=Decimal(1)) == [], "closing needs no plan"


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"tied": False}, "plan_missing"),
        ({"approval": None}, "plan_not_approved"),
        ({"approval": replace(APPROVED, at=NOON + timedelta(minutes=1))}, "plan_after_trade"),
        ({"traded_at": None, "approval": replace(APPROVED, on=DAY + timedelta(1))}, "plan_after_trade"),
        ({"trading_day": DAY - timedelta(1)}, "plan_fill_window"),
        ({"instrument": "SHFE.cu2606"}, "plan_fill_instrument"),
        ({"account": "other"}, "plan_fill_account"),
        ({"direction": Direction.BUY}, "plan_fill_side"),
        ({"price": Decimal(71010)}, "plan_fill_price"),
        ({"lots": 21}, "plan_fill_quantity"),
    ],
)
def test_what_does_not_keep_to_the_plan_is_named(changes: dict[str, object], rule: str) -> None:
    assert rules(**changes) == [rule]  # type: ignore[arg-type]


def test_quantities_are_counted_over_all_fills_of_a_plan() -> None:
    fills = [replace(FILL, fill_id=str(n), lots=8) for n in range(3)]
    found = check_fills(fills, PRODUCTS, {"P1": PLAN}, {"P1": APPROVED}, {one.key: "P1" for one in fills})
    assert [(row.fill, row.broken.rule) for row in found] == [(fills[2].key, "plan_fill_quantity")]


def lot(lots: int) -> PositionLot:
    return PositionLot(FILL.key, FILL.account, MAY, Direction.SELL, FILL.hedge_flag, DAY, Decimal(70000), lots)


def test_a_plan_against_its_execution() -> None:
    """10 of 20 lots sold at 70,000, 8 still open at 69,500 against 50 t of stock: floating 20,000, ratio 0.8."""
    done = execution(
        PLAN, APPROVED, [FILL], [lot(8)], PRODUCTS, {MAY: Decimal(69500)}, Decimal(50), Decimal("0.10"), DAY
    )
    assert (done.opened, done.still_open, done.remaining, done.average_price) == (50, 40, 50, 70000)
    assert (done.floating, done.margin_used, done.ratio, done.fees) == (20_000, 278_000, Decimal("0.8"), FILL.fee)
    assert done.broken == ()


@pytest.mark.parametrize(
    ("price", "exposure", "margin", "day", "rule"),
    [
        (69500, 30, "0.10", DAY, "plan_ratio"),
        (69500, 50, "0.30", DAY, "plan_budget"),
        (71500, 50, "0.10", DAY, "plan_stop"),
        (69500, 50, "0.10", DAY + timedelta(21), "plan_over"),
    ],
)
def test_a_plan_that_leaves_its_bounds_says_so(price: int, exposure: int, margin: str, day: date, rule: str) -> None:
    done = execution(
        PLAN, APPROVED, [FILL], [lot(8)], PRODUCTS, {MAY: Decimal(price)}, Decimal(exposure), Decimal(margin), day
    )
    assert [one.rule for one in done.broken] == [rule]


def test_a_plan_is_checked_before_anybody_approves_it_and_every_change_has_another_digest() -> None:
    wrong = replace(
        PLAN, quantity=Decimal(0), target_ratio=Decimal(2), price_low=Decimal(80000), last_day=DAY - timedelta(1),
        instruments=(), budget=Decimal(-1),
    )  # fmt: skip
    assert [one.rule for one in problems(wrong)] == [
        f"plan_{name}" for name in ("quantity", "band", "prices", "window", "instruments", "money")
    ]
    assert problems(PLAN) == ()
    assert plan_digest(PLAN) == plan_digest(replace(PLAN)) != plan_digest(replace(PLAN, stop_loss=Decimal(1)))
    assert datetime(2026, 3, 2, tzinfo=UTC) < NOON
