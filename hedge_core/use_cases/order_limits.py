"""An order against the limits as they stand now: positions with everything on its way, the last price, its plan, the roles."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.hedge_plans import Approved, check_fills, plan_digest
from hedge_core.model.broker import Quote
from hedge_core.model.events import PlanApproval, PlanFill
from hedge_core.model.futures import Fill, Product
from hedge_core.model.limits import Holding, LimitInputs, Moment
from hedge_core.model.orders import ON_ITS_WAY, OrderProposal, ProposedOrder
from hedge_core.model.terms import HedgePlan
from hedge_core.order_checks import OrderVerdict, check_order, with_order
from hedge_core.ports.storage import UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.trading_calendar import EXCHANGE_TIME, TradingCalendar
from hedge_core.use_cases.limit_inputs import gather_limits, place_of
from hedge_core.use_cases.limits import NEED_EXPOSURE, in_force
from hedge_core.use_cases.settle import vat_rates
from messages import Message

USUAL_PRICE_SECONDS: Final = "300"
"""Where the book says no `order_price_seconds`: how old the last price may be that an order is measured by."""


def roles_of(settings_text: str) -> frozenset[str]:
    """Roles as the book's setting `roles.<name>` lists them: separated by commas or blanks."""
    return frozenset(settings_text.replace(",", " ").split())


def verdict_on(
    uow: UnitOfWork,
    proposal: OrderProposal,
    quote: Quote | None,
    products: Sequence[Product],
    now: datetime,
    proposed_by: str,
    calendar: TradingCalendar | None = None,
) -> OrderVerdict:
    """Everything that stands against an order. An unknown instrument or no usable last price ends it at once."""
    today = now.astimezone(EXCHANGE_TIME).date()
    product = products_by_instrument([proposal.instrument], products, today).get(proposal.instrument)
    if product is None:
        return OrderVerdict(broken=(_broken(proposal, "instrument"),))
    last = _last(uow, quote, now)
    if last is None:
        return OrderVerdict(broken=(_broken(proposal, "no_last_price"),))
    rules = in_force(uow, today, Moment.ORDER)
    given = gather_limits(uow, rules, products, now, today, calendar)
    rate = vat_rates(uow.book, {product.commodity})[product.commodity]
    place = place_of(uow, proposal.account, proposal.instrument, product, rate, today)
    place = replace(place, price=place.price or last)
    inputs = given.inputs
    held = next((one for one in inputs.holdings if _same(one, place)), place)
    waiting = [
        one for one in uow.orders.proposed_orders(ON_ITS_WAY) if one.proposal.proposal_id != proposal.proposal_id
    ]
    closes = sum(_open(one) for one in waiting if _closes_alike(one.proposal, proposal))
    inputs = _with_waiting(uow, inputs, waiting, products)
    roles = roles_of(uow.book.settings.get(f"roles.{proposed_by}", ""))
    verdict = check_order(proposal, held, product.tick, rules, inputs, last, roles, closes)
    blind = tuple(
        RuleBroken(
            rule.rule_id, proposal.proposal_id, Message("limit.figures_broken", {"reason": given.broken[0].reason})
        )
        for rule in rules
        if given.broken and rule.kind in NEED_EXPOSURE and rule.commodity in ("", "*", product.commodity)
    )
    return replace(verdict, broken=(*verdict.broken, *blind, *_plan(uow, proposal, product, waiting, now)))


def _last(uow: UnitOfWork, quote: Quote | None, now: datetime) -> Decimal | None:
    """The last price if there is one and it is not too old."""
    if quote is None or quote.last is None or quote.last <= 0:
        return None
    seconds = int(uow.book.settings.get("order_price_seconds", USUAL_PRICE_SECONDS))
    stale = quote.at is not None and (now - quote.at).total_seconds() > seconds
    return None if stale else quote.last


def _open(one: ProposedOrder) -> int:
    """Lots of an order on its way that may still fill; those that did are in the position."""
    return one.proposal.lots - one.filled


def _with_waiting(
    uow: UnitOfWork, inputs: LimitInputs, waiting: Sequence[ProposedOrder], products: Sequence[Product]
) -> LimitInputs:
    """Opening orders on their way count as if they were filled: two orders that are each within a limit are so together."""
    known = products_by_instrument({one.proposal.instrument for one in waiting}, products, inputs.today)
    for one in waiting:
        product = known.get(one.proposal.instrument)
        if product is None or not one.proposal.offset.opens or not _open(one):
            continue
        rate = vat_rates(uow.book, {product.commodity})[product.commodity]
        place = place_of(uow, one.proposal.account, one.proposal.instrument, product, rate, inputs.today)
        inputs = with_order(inputs, replace(one.proposal, lots=_open(one)), place)
    return inputs


def _closes_alike(one: OrderProposal, other: OrderProposal) -> bool:
    same = (one.account, one.instrument, one.direction) == (other.account, other.instrument, other.direction)
    return same and not one.offset.opens


def _same(one: Holding, other: Holding) -> bool:
    return (one.account, one.instrument) == (other.account, other.instrument)


# --- plans ------------------------------------------------------------------------------------------------------------


def _plan(
    uow: UnitOfWork, proposal: OrderProposal, product: Product, waiting: Sequence[ProposedOrder], now: datetime
) -> tuple[RuleBroken, ...]:
    """What the order's plan says against it, as if it were filled now after everything else that is on its way for it. With
    the book's setting `orders_need_plan` = yes an opening order needs one."""
    if not proposal.offset.opens:
        return ()
    if not proposal.plan_id:
        needed = uow.book.settings.get("orders_need_plan", "no") == "yes"
        return (_broken(proposal, "needs_plan"),) if needed else ()
    today = now.astimezone(EXCHANGE_TIME).date()
    plans = {plan.plan_id: plan for plan in uow.commodity.in_force(HedgePlan, today)}
    plan = plans.get(proposal.plan_id)
    if plan is None:
        return (_broken(proposal, "no_plan", plan=proposal.plan_id),)
    digest = plan_digest(plan)
    approvals = {
        one.plan_id: Approved(one.plan_id, one.on, now, one.approved_by)
        for one in uow.commodity.events(PlanApproval)
        if one.plan_id == plan.plan_id and one.digest == digest
    }
    tied = {tie.event_id: tie.plan_id for tie in uow.commodity.events(PlanFill) if tie.plan_id == plan.plan_id}
    fills = [fill for fill in uow.statements.fills() if fill.key in tied]
    own = _as_fill(proposal, product, now, proposal.lots + _on_the_way(plan, waiting))
    found = check_fills(
        [*fills, own],
        dict.fromkeys({fill.instrument for fill in [*fills, own]}, product),
        plans,
        approvals,
        {**tied, own.key: plan.plan_id},
    )
    return tuple(one.broken for one in found if one.fill == own.key)


def _on_the_way(plan: HedgePlan, waiting: Sequence[ProposedOrder]) -> int:
    return sum(
        one.proposal.lots for one in waiting if one.proposal.plan_id == plan.plan_id and one.proposal.offset.opens
    )


def _as_fill(proposal: OrderProposal, product: Product, now: datetime, lots: int) -> Fill:
    zero = Decimal(0)
    return Fill(
        proposal.account, product.exchange, proposal.proposal_id, now.astimezone(EXCHANGE_TIME).date(),
        proposal.instrument, proposal.direction, proposal.offset, proposal.hedge_flag, lots, proposal.limit_price,
        zero, zero, zero, traded_at=now,
    )  # fmt: skip


def _broken(proposal: OrderProposal, name: str, **params: object) -> RuleBroken:
    given = {"order": proposal.proposal_id, "instrument": proposal.instrument, **params}
    return RuleBroken(f"order_{name}", proposal.proposal_id, Message(f"order.{name}", given))
