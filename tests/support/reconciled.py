"""One of everything that the daily comparison stores, invented."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

from hedge_core.delivery import DeliveryCase, DeliveryStep, PledgedReceipt, StepTaken
from hedge_core.model.futures import Direction
from hedge_core.ports.reconciliation import ReconciliationRun
from hedge_core.reconciliation import BankTransfer, Cause, ReconciliationRow, RowState, Step
from tests.support.samples import ACCOUNT, DAY, NOON

D = Decimal


def run(by: str = "li.na") -> ReconciliationRun:
    return ReconciliationRun(DAY, NOON, by, ("ours", "statement"))


def row(**changes: Any) -> ReconciliationRow:
    step = Step(Cause.FEE_BILLED_LATER, D("1.10"), "2026-03-02 fee", D("0.40"))
    sample = ReconciliationRow(
        ACCOUNT, DAY, "fee", "", "ours", "statement", D("12.00"), D("13.50"), D("1.50"), (step,), RowState.OPEN, DAY
    )
    return replace(sample, **changes)


def transfer(number: str = "B1") -> BankTransfer:
    return BankTransfer(number, ACCOUNT, "CNY", DAY, D("500.00"), "入金", "bank.csv")


def delivery(**changes: Any) -> DeliveryCase:
    closed = StepTaken(DeliveryStep.CLOSED, DAY, "row 1", D(20))
    sample = DeliveryCase(
        "d1", ACCOUNT, "SHFE.cu2603", Direction.BUY, 4, D(20), "t", D("79000.00"), "CNY", DAY, (closed,)
    )
    return replace(sample, **changes)


def receipt(number: str = "W1") -> PledgedReceipt:
    return PledgedReceipt(number, ACCOUNT, "CNY", "copper", D("25.000"), "t", D("79000"), D("0.8"), DAY)
