"""Hedge plans: proposed, approved by somebody else, fills tied to them, and reported the same day where they are not."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.hedge_plans import (
    Approved,
    Execution,
    FillFinding,
    check_fills,
    execution,
    plan_digest,
    problems,
)
from hedge_core.model.events import PlanApproval, PlanFill
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.terms import HedgePlan
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.trading_calendar import EXCHANGE_TIME
from hedge_core.use_cases.commodity import business_today
from hedge_core.use_cases.exposure import exposure_of
from hedge_core.use_cases.settle import positions_now
from messages import Message

USUAL_MARGIN_RATE: Final = "0.10"
"""Where the book says no `margin_rate` (or `margin_rate.<commodity>`): what margin a plan's budget is measured by."""


def propose_plan(store: Store, book: BookId, plan: HedgePlan, actor: Actor, clock: Clock) -> int:
    """Keep a plan, or a new version of one; answers the version. RuleBroken names the first thing that is wrong with it."""
    wrong = problems(plan)
    if wrong:
        raise wrong[0]
    with store.begin(book, actor) as uow:
        today = business_today(clock)
        version = uow.commodity.add_terms(plan, today)
        uow.audit.append("plan.proposed", plan.plan_id, {"version": version, "digest": plan_digest(plan), "on": today})
        return version


def approve_plan(store: Store, book: BookId, plan_id: str, actor: Actor, clock: Clock) -> PlanApproval:
    """Approve a plan as it stands now. InvalidInput when there is none; RuleBroken `plan_own_approval` for who proposed it,
    `plan_approved_already`."""
    with store.begin(book, actor) as uow:
        today = business_today(clock)
        versions = [row for row in uow.commodity.history(HedgePlan, plan_id) if row.effective_from <= today]
        if not versions:
            raise InvalidInput("plan", 0, "", Message("plan.none", {"plan": plan_id}))
        last = versions[-1]
        if last.saved_by == actor.name:
            params = {"plan": plan_id, "actor": actor.name}
            raise RuleBroken("plan_own_approval", plan_id, Message("plan.own_approval", params))
        digest = plan_digest(last.terms)
        if any(one.digest == digest for one in uow.commodity.events(PlanApproval) if one.plan_id == plan_id):
            raise RuleBroken("plan_approved_already", plan_id, Message("plan.approved_already", {"plan": plan_id}))
        approval = PlanApproval(f"{plan_id}/{digest}", plan_id, today, digest, actor.name)
        uow.commodity.add_event(approval)
        uow.audit.append("plan.approved", plan_id, {"digest": digest, "on": today})
        return approval


def tie_fill(store: Store, book: BookId, fill_key: str, plan_id: str, actor: Actor) -> PlanFill:
    """Say which plan a fill was made for. InvalidInput for a fill or a plan that is not there; RuleBroken
    `plan_tied_already`."""
    with store.begin(book, actor) as uow:
        fill = next((one for one in uow.statements.fills() if one.key == fill_key), None)
        if fill is None:
            raise InvalidInput("plan", 0, "", Message("plan.no_fill", {"fill": fill_key}))
        if not uow.commodity.history(HedgePlan, plan_id):
            raise InvalidInput("plan", 0, "", Message("plan.none", {"plan": plan_id}))
        known = next((one for one in uow.commodity.event_history(PlanFill) if one.event_id == fill_key), None)
        if known is not None:
            params = {"fill": fill_key, "plan": known.subject}
            raise RuleBroken("plan_tied_already", fill_key, Message("plan.tied_already", params))
        tie = PlanFill(fill_key, fill.trading_day, plan_id, fill.lots)
        uow.commodity.add_event(tie)
        uow.audit.append("plan.fill_tied", fill_key, {"plan": plan_id})
        return tie


def fill_findings(
    store: Store, book: BookId, products: Iterable[Product], clock: Clock, *, day: date | None = None
) -> tuple[FillFinding, ...]:
    """Fills that keep to no plan, of one trading day or of all: what the report of that day has to say."""
    with store.read(book) as uow:
        plans, approvals = _plans(uow, business_today(clock))
        ties = {tie.event_id: tie.plan_id for tie in uow.commodity.events(PlanFill)}
        fills = uow.statements.fills()
        in_force = products_by_instrument({fill.instrument for fill in fills}, products, date.max)
        found = check_fills(fills, in_force, plans, approvals, ties)
        return tuple(one for one in found if day is None or one.on == day)


@dataclass(frozen=True, slots=True)
class PlanNow:
    """A plan's execution and the findings on its fills."""

    execution: Execution
    findings: tuple[FillFinding, ...]


def plans_now(store: Store, book: BookId, products: Iterable[Product], clock: Clock) -> tuple[PlanNow, ...]:
    """Every plan against its execution, by id."""
    table = list(products)
    today = business_today(clock)
    with store.read(book) as uow:
        plans, approvals = _plans(uow, today)
        ties = {tie.event_id: tie.plan_id for tie in uow.commodity.events(PlanFill)}
        fills = uow.statements.fills()
        lots, day = positions_now(uow)
        names = {fill.instrument for fill in fills} | {lot.instrument for lot in lots}
        in_force = products_by_instrument(names, table, day or date.max)
        totals = {row.commodity: row for row in exposure_of(uow, table, today).exposure.totals}
        prices = {name: price.price for name, price in uow.broker.prices("settlement", day).items()} if day else {}
        findings = check_fills(fills, in_force, plans, approvals, ties)
        answer = []
        for plan_id, plan in sorted(plans.items()):
            total = totals.get(plan.commodity)
            spot = Decimal(0) if total is None else total.exposure_vat if plan.vat_adjusted else total.exposure
            mine = [fill for fill in fills if ties.get(fill.key) == plan_id and fill.offset.opens]
            settings = uow.book.settings
            rate = settings.get(f"margin_rate.{plan.commodity}", settings.get("margin_rate", USUAL_MARGIN_RATE))
            held = [lot for lot in lots if ties.get(lot.lot_id) == plan_id]
            done = execution(plan, approvals.get(plan_id), mine, held, in_force, prices, spot, Decimal(rate), today)
            answer.append(PlanNow(done, tuple(one for one in findings if one.plan_id == plan_id)))
        return tuple(answer)


def _plans(uow: UnitOfWork, today: date) -> tuple[dict[str, HedgePlan], dict[str, Approved]]:
    """Plans by id as they stand, and the first approval of exactly that content."""
    plans = {plan.plan_id: plan for plan in uow.commodity.in_force(HedgePlan, today)}
    approvals: dict[str, Approved] = {}
    for stored in uow.commodity.event_history(PlanApproval):
        event = stored.event
        if not isinstance(event, PlanApproval) or stored.ended_at is not None or event.plan_id not in plans:
            continue
        if event.digest == plan_digest(plans[event.plan_id]) and event.plan_id not in approvals:
            on = stored.recorded_at.astimezone(EXCHANGE_TIME).date()
            approvals[event.plan_id] = Approved(event.plan_id, on, stored.recorded_at, event.approved_by)
    return plans, approvals
