"""Delivery as rules: the position closes at the delivery price, papers follow one by one; a pledge raises only the equity."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.delivery import (
    DeliveryCase,
    DeliveryStep,
    PledgedReceipt,
    StepTaken,
    close_by_delivery,
    deliveries_of,
    equity_with,
    pledge_on,
)
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Delivery, Direction, HedgeFlag, PositionDetail, PositionLot, Product
from hedge_core.settlement.funds import roll_funds
from hedge_core.settlement.inputs import OpeningFunds
from tests.support import samples

D = Decimal
DAY, LATER = date(2026, 3, 16), date(2026, 3, 20)
CU = "SHFE.cu2603"
PRODUCT = Product("SHFE", "cu", "copper", 5, D(10), "t", date(2020, 1, 1))


def case(direction: Direction = Direction.BUY, lots: int = 4) -> DeliveryCase:
    closed = StepTaken(DeliveryStep.CLOSED, DAY, "row", D(lots * 5))
    return DeliveryCase("d1", "A", CU, direction, lots, D(lots * 5), "t", D(79000), "CNY", DAY, (closed,))


def lot(number: int, lots: int, opened: date, price: int, direction: Direction = Direction.BUY) -> PositionLot:
    return PositionLot(f"l{number}", "A", CU, direction, HedgeFlag.HEDGE, opened, D(price), lots)


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


def test_the_position_closes_at_the_delivery_settlement_price_the_oldest_lots_first() -> None:
    old, new, short = lot(1, 3, date(2026, 1, 5), 78000), lot(2, 3, DAY, 79500), lot(3, 2, DAY, 1, Direction.SELL)
    left, closed = close_by_delivery([new, short, old], case(), 5)
    assert [(one.lot.lot_id, one.lots, one.realised_trade) for one in closed] == [
        ("l1", 3, D(15000)),
        ("l2", 1, D(-2500)),
    ]
    assert left == [replace(new, lots=2), short]
    with pytest.raises(RuleBroken) as refused:
        close_by_delivery([old], case(), 5)
    assert refused.value.rule == "delivery_without_position"


@given(st.lists(st.integers(1, 9), min_size=1, max_size=6), st.data())
def test_no_lot_appears_or_disappears_by_delivery(sizes: list[int], data: st.DataObject) -> None:
    lots = [lot(number, size, DAY, 79000) for number, size in enumerate(sizes)]
    count = data.draw(st.integers(1, sum(sizes)))
    left, closed = close_by_delivery(lots, case(lots=count), 5)
    assert sum(one.lots for one in closed) == count
    assert sum(one.lots for one in left) + count == sum(sizes)
    assert all(one.lots > 0 for one in (*left, *closed))


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
