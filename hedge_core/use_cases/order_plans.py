"""The order that a hedge plan asks for next."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from hedge_core.errors import InvalidInput
from hedge_core.model.events import PlanFill
from hedge_core.model.futures import Direction, Product
from hedge_core.model.identity import BookId
from hedge_core.model.orders import ON_ITS_WAY, OrderStage
from hedge_core.model.physical import Side
from hedge_core.model.terms import HedgePlan
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store
from hedge_core.products import products_by_instrument
from hedge_core.use_cases.commodity import business_today
from messages import Message


@dataclass(frozen=True, slots=True)
class PlannedOrder:
    """What a plan says of its next order; the price stays a person's. `lots` 0: nothing is left of it."""

    instrument: str
    direction: Direction | None
    lots: int
    account: str


def order_of_plan(store: Store, book: BookId, plan_id: str, products: Iterable[Product], clock: Clock) -> PlannedOrder:
    """The plan's first instrument and account, its side, and what is left of its quantity after its fills and everything
    proposed for it, in whole lots. InvalidInput for a plan that is not there. Whether it is approved is checked later."""
    today = business_today(clock)
    with store.read(book) as uow:
        plan = next((one for one in uow.commodity.in_force(HedgePlan, today) if one.plan_id == plan_id), None)
        if plan is None:
            raise InvalidInput("plan", 0, "", Message("plan.none", {"plan": plan_id}))
        ties = {tie.event_id for tie in uow.commodity.events(PlanFill) if tie.plan_id == plan_id}
        fills = [fill for fill in uow.statements.fills() if fill.key in ties]
        waiting = [
            one.proposal for one in uow.orders.proposed_orders((*ON_ITS_WAY, OrderStage.PROPOSED))
            if one.proposal.plan_id == plan_id and one.proposal.offset.opens
        ]  # fmt: skip
    first = plan.instruments[0]
    known = products_by_instrument([first, *(fill.instrument for fill in fills)], products, today)
    size = known[first].multiplier if first in known else 0
    used = sum(fill.lots * known[fill.instrument].multiplier for fill in fills if fill.instrument in known)
    left = plan.quantity - used - sum(one.lots for one in waiting) * size
    direction = Direction.BUY if plan.side is Side.PURCHASE else Direction.SELL
    account = plan.accounts[0] if plan.accounts else ""
    return PlannedOrder(first, direction, max(0, int(left // size)) if size else 0, account)
