"""Deliveries and pledged receipts of a book: taken from statements, carried on by the steps that people record."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hedge_core.delivery import (
    DeliveryCase,
    DeliveryStep,
    PledgedReceipt,
    StepTaken,
    closed_by_settlement,
    deliveries_of,
)
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.model.futures import AccountStatement
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.product_table import ProductTable
from hedge_core.settlement.rows import LotClose
from messages import Message


def note_deliveries(
    uow: UnitOfWork, statement: AccountStatement, before: AccountStatement | None, products: ProductTable
) -> list[DeliveryCase]:
    """Keep the deliveries of a statement that has just been stored. One that a person has recorded steps of is left alone;
    a product nobody knows is left out, which its statement's own findings say."""
    known = {row.instrument: products.of_instrument(row.instrument, row.delivered_on) for row in statement.deliveries}
    held = before.positions if before is not None else ()
    readable = replace(statement, deliveries=tuple(row for row in statement.deliveries if known[row.instrument]))
    cases = deliveries_of(readable, held, {name: product for name, product in known.items() if product is not None})
    kept = []
    for case in cases:
        present = uow.reconciliation.delivery(case.delivery_id)
        if present is None or _untouched(present):
            uow.reconciliation.save_delivery(case)
            kept.append(case)
    return kept


def _untouched(case: DeliveryCase) -> bool:
    """Whether no person has recorded a step of it: the settlement's own may be taken again."""
    return all(one.step is DeliveryStep.CLOSED for one in case.taken)


def close_deliveries(uow: UnitOfWork, day: date, closes: Iterable[LotClose]) -> list[DeliveryCase]:
    """Take the first step of the day's deliveries: its settlement, which has just become final, closed their lots."""
    closed, _ = closed_by_settlement(uow.reconciliation.deliveries(), closes, day)
    for case in closed:
        uow.reconciliation.save_delivery(case)
        details = {"paper": case.taken[0].paper, "lots": case.lots, "state": case.state}
        uow.audit.append("delivery.closed", case.delivery_id, details)
    return closed


def record_step(store: Store, book: BookId, delivery_id: str, taken: StepTaken, actor: Actor) -> DeliveryCase:
    """Record a step (or a part of it) of a delivery. `RuleBroken` for what the delivery does not take."""
    with store.begin(book, actor) as uow:
        case = uow.reconciliation.delivery(delivery_id)
        if case is None:
            raise RuleBroken("delivery", delivery_id, Message("delivery.none", {"delivery": delivery_id}))
        if taken.step is DeliveryStep.CLOSED:
            params = {"delivery": delivery_id, "day": case.delivered_on}
            raise RuleBroken("delivery_by_settlement", delivery_id, Message("delivery.by_settlement", params))
        changed = case.take(taken)
        uow.reconciliation.save_delivery(changed)
        uow.audit.append(
            "delivery.recorded",
            delivery_id,
            {
                "step": taken.step.value,
                "on": taken.on,
                "paper": taken.paper,
                "amount": taken.amount,
                "state": changed.state,
            },
        )
        return changed


def amount_missing(store: Store, book: BookId, delivery_id: str, step: DeliveryStep) -> Decimal:
    """What a step of a delivery still lacks; zero when nothing or when there is no such delivery."""
    with store.read(book) as uow:
        case = uow.reconciliation.delivery(delivery_id)
        return dict(case.missing()).get(step, Decimal(0)) if case is not None else Decimal(0)


def pledge_receipt(store: Store, book: BookId, receipt: PledgedReceipt, actor: Actor) -> None:
    """Pledge a receipt, or value one again. InvalidInput for a rate or figure that cannot be."""
    if not (0 < receipt.rate <= 1 and receipt.quantity > 0 and receipt.price > 0):
        raise InvalidInput("--rate", 0, receipt.receipt_no, Message("delivery.rate"))
    with store.begin(book, actor) as uow:
        uow.reconciliation.save_receipt(receipt)
        uow.audit.append(
            "receipt.pledged",
            receipt.receipt_no,
            {"account": receipt.account, "value": receipt.value_on(receipt.pledged_on), "rate": receipt.rate},
        )


def release_receipt(store: Store, book: BookId, receipt_no: str, on: date, actor: Actor) -> PledgedReceipt:
    """The receipt is ours to use again from `on`."""
    with store.begin(book, actor) as uow:
        known = next((one for one in uow.reconciliation.receipts() if one.receipt_no == receipt_no), None)
        if known is None:
            raise RuleBroken("receipt", receipt_no, Message("delivery.no_receipt", {"receipt": receipt_no}))
        released = replace(known, released_on=on)
        uow.reconciliation.save_receipt(released)
        uow.audit.append("receipt.released", receipt_no, {"on": on})
        return released
