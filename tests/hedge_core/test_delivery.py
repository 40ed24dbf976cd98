"""Delivery as rules: the position closes at the delivery price, papers follow one by one; a pledge raises only the equity."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.delivery import (
    DeliveryCase,
    DeliveryStep,
    PledgedReceipt,
    StepTaken,
    closed_by_settlement,
    deliveries_of,
    equity_with,
    pledge_on,
)
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Delivery, Direction, HedgeFlag, PositionDetail, Product
from hedge_core.settlement.funds import roll_funds
from hedge_core.settlement.inputs import OpeningFunds
from hedge_core.settlement.rows import LotClose
from tests.support import samples

D = Decimal
DAY, LATER = date(2026, 3, 16), date(2026, 3, 20)
CU = "SHFE.cu2603"
PRODUCT = Product("SHFE", "cu", "copper", 5, D(10), "t", date(2020, 1, 1))


def case(direction: Direction = Direction.BUY, lots: int = 4) -> DeliveryCase:
    closed = StepTaken(DeliveryStep.CLOSED, DAY, "row", D(lots * 5))
    return DeliveryCase("d1", "A", CU, direction, lots, D(lots * 5), "t", D(79000), "CNY", DAY, (closed,))


def taken(step: DeliveryStep, amount: Decimal | int, paper: str = "P", on: date = LATER) -> StepTaken:
    return StepTaken(step, on, paper, D(amount))


def test_who_takes_goods_pays_first_and_who_gives_them_hands_the_receipt_over_first() -> None:
    assert case().state == "waits_for_payment"
    assert case(Direction.SELL).state == "waits_for_receipt"


def test_each_step_says_what_it_still_lacks_until_all_is_complete() -> None:
    one = case()
    assert one.missing() == [
        (DeliveryStep.PAYMENT, D(1580000)), (DeliveryStep.RECEIPT, D(20)), (DeliveryStep.INVOICE, D(20)),
    ]  # fmt: skip
    one = one.take(taken(DeliveryStep.PAYMENT, 1580000))
    one = one.take(taken(DeliveryStep.RECEIPT, 12, "W1"))
    assert (one.state, one.missing()[0]) == ("waits_for_receipt", (DeliveryStep.RECEIPT, D(8)))
    one = one.take(taken(DeliveryStep.RECEIPT, 8, "W2"))
    assert one.state == "waits_for_invoice"
    assert one.take(taken(DeliveryStep.INVOICE, 20)).state == "complete"


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (taken(DeliveryStep.RECEIPT, 21), "delivery_too_much"),
        (taken(DeliveryStep.RECEIPT, 0), "delivery_too_much"),
        (taken(DeliveryStep.RECEIPT, -1), "delivery_too_much"),
        (taken(DeliveryStep.CLOSED, 5), "delivery_too_much"),
        (taken(DeliveryStep.RECEIPT, 5, on=date(2026, 3, 15)), "delivery_too_early"),
        (taken(DeliveryStep.RECEIPT, 5, "W0"), "delivery_twice"),
    ],
)
def test_what_a_delivery_does_not_take_is_refused(wrong: StepTaken, rule: str) -> None:
    begun = case().take(taken(DeliveryStep.RECEIPT, 5, "W0"))
    with pytest.raises(RuleBroken) as refused:
        begun.take(wrong)
    assert refused.value.rule == rule


def close(number: int, lots: int, direction: Direction = Direction.BUY, price: int = 79000) -> LotClose:
    zero = D(0)
    return LotClose(
        f"A/20260316/SHFE/delivery-{number}/sell", f"l{number}", "A", CU, direction, HedgeFlag.HEDGE, date(2026, 1, 5), lots,
        D(78000), D(price), D(78500), zero, zero,
    )  # fmt: skip


def test_the_settlement_of_its_day_takes_the_first_step_of_each_delivery() -> None:
    """Two deliveries of one instrument at one price: each has its own close; the side is that of the lots."""
    waiting = [replace(case(lots=count), delivery_id=f"d{count}", taken=()) for count in (4, 7)]
    printed = replace(waiting[0], direction=Direction.SELL)
    rows = [close(1, 3), close(1, 1), close(2, 7)]
    done, broken = closed_by_settlement([printed, waiting[1]], rows, DAY)
    assert [(one.delivery_id, one.direction, one.taken[0].paper.split("/")[3]) for one in done] == [
        ("d4", Direction.BUY, "delivery-1"),
        ("d7", Direction.BUY, "delivery-2"),
    ]
    assert [one.state for one in (printed, *done)] == ["waits_for_closed", "waits_for_payment", "waits_for_payment"]
    assert broken == []
    assert closed_by_settlement(done, rows, DAY) == ([], [])
    assert closed_by_settlement(waiting, rows, LATER) == ([], [])


def test_a_step_that_came_before_the_settlement_stays_and_keeps_its_side() -> None:
    paid = replace(case(), taken=()).take(taken(DeliveryStep.PAYMENT, 1580000))
    ((done,), _) = closed_by_settlement([paid], [close(1, 4, Direction.SELL)], DAY)
    assert done.direction is Direction.BUY
    assert [one.step for one in done.taken] == [DeliveryStep.CLOSED, DeliveryStep.PAYMENT]


@pytest.mark.parametrize("rows", [[], [close(1, 3)], [close(1, 4, price=79010)]])
def test_a_delivery_without_its_close_is_named(rows: list[LotClose]) -> None:
    done, broken = closed_by_settlement([replace(case(), taken=())], rows, DAY)
    assert (done, [rule.rule for rule in broken]) == ([], ["delivery_without_position"])


def test_a_statements_delivery_becomes_a_case_on_the_side_that_was_held() -> None:
    row = Delivery(DAY, "SHFE", CU, HedgeFlag.HEDGE, Direction.SELL, 4, D(0), D(79000), D(0), D(10))
    stated = replace(samples.statement(), trading_day=DAY, first_day=DAY, deliveries=(row,))
    zero = D(0)
    held = PositionDetail("SHFE", CU, DAY, HedgeFlag.HEDGE, Direction.BUY, 4, zero, zero, zero, zero, zero, zero)
    (bought,) = deliveries_of(stated, [held], {CU: PRODUCT})
    assert (bought.direction, bought.quantity, bought.price) == (Direction.BUY, D(20), D(79000))
    (printed,) = deliveries_of(stated, [], {CU: PRODUCT})
    assert printed.direction is Direction.SELL
    with pytest.raises(RuleBroken) as refused:
        deliveries_of(stated, [], {})
    assert refused.value.rule == "unknown_instrument"


def test_a_pledge_raises_the_equity_and_not_the_balance() -> None:
    receipt = PledgedReceipt("W1", "A", "CNY", "copper", D(25), "t", D("79000.10"), D("0.8"), DAY, LATER)
    value = D("1580002.00")
    assert [receipt.value_on(day) for day in (date(2026, 3, 15), DAY, LATER)] == [D("0"), value, D("0")]
    assert pledge_on([receipt], "A", "CNY", DAY) == value and pledge_on([receipt], "B", "CNY", DAY) == 0
    stated = replace(samples.statement(), funds=samples.funds(pledge_change=value), cash=())
    none = {name: D(0) for name in ("realised_mtm", "holding_mtm", "realised_trade", "floating_before", "floating")}
    rolled = roll_funds(OpeningFunds("A", "CNY", D(100)), stated, fees=(), **none)
    assert rolled.balance == D(100)
    assert rolled.equity == equity_with(rolled.balance, value) == D(100) + value
