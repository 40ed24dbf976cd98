"""Hedge plans (套保方案): what a fill must keep to, fills without a plan or before its approval, plan against execution."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.errors import RuleBroken
from hedge_core.exposure import QUANTITY_PLACES
from hedge_core.model.futures import Direction, Fill, PositionLot, Product
from hedge_core.model.physical import Side
from hedge_core.model.terms import HedgePlan
from hedge_core.rounding import EXACT, round_half_up, round_money
from messages import Message

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Approved:
    """When a plan was approved and by whom: `at` is the instant, `on` the date at the exchanges."""

    plan_id: str
    on: date
    at: datetime
    approved_by: str


def plan_digest(plan: HedgePlan) -> str:
    """SHA-256 over what is approved: another content needs another approval."""
    return canonical_hash({name: _plain(getattr(plan, name)) for name in HedgePlan.__slots__})


def problems(plan: HedgePlan) -> tuple[RuleBroken, ...]:
    """What is wrong with a plan before anybody approves it: `plan_quantity`, `plan_band`, `plan_prices`, `plan_window`,
    `plan_instruments`, `plan_money`."""
    low, high = plan.price_low, plan.price_high
    rules = (
        ("quantity", plan.quantity <= 0),
        ("band", not 0 <= plan.ratio_low <= plan.target_ratio <= plan.ratio_high),
        ("prices", low is not None and high is not None and low > high),
        ("window", plan.first_day > plan.last_day),
        ("instruments", not plan.instruments),
        ("money", min(plan.budget, plan.stop_loss) < 0),
    )
    return tuple(
        RuleBroken(f"plan_{name}", plan.plan_id, Message(f"plan.wrong_{name}", {"plan": plan.plan_id}))
        for name, is_broken in rules
        if is_broken
    )


@dataclass(frozen=True, slots=True)
class FillFinding:
    """A fill that does not keep to a plan. `plan_id` is empty where it has none; `on` is its trading day: the report of
    that day shows it."""

    fill: str
    plan_id: str
    on: date
    broken: RuleBroken


def check_fills(
    fills: Iterable[Fill],
    products: Mapping[str, Product],
    plans: Mapping[str, HedgePlan],
    approvals: Mapping[str, Approved],
    ties: Mapping[str, str],
) -> tuple[FillFinding, ...]:
    """Every opening fill against its plan, in the order of trading days; `ties` is plan by fill key, `approvals` by plan
    (of its present content only), `products` by instrument.

    Rules: `plan_missing` (no plan, or one that is not there), `plan_not_approved`, `plan_after_trade` (approved after the
    fill: trade first, plan later), `plan_fill_window`, `plan_fill_instrument`, `plan_fill_account`, `plan_fill_side`,
    `plan_fill_price`, `plan_fill_quantity` (beyond the plan's, counted over all its fills)."""
    opened: dict[str, Decimal] = {}
    found: list[FillFinding] = []
    for fill in sorted(fills, key=lambda one: (one.trading_day, one.key)):
        if not fill.offset.opens:
            continue
        plan = plans.get(ties.get(fill.key, ""))
        if plan is None:
            found.append(_finding(fill, ties.get(fill.key, ""), "missing"))
            continue
        product = products.get(fill.instrument)
        quantity = Decimal(fill.lots * product.multiplier) if product else _ZERO
        total = opened[plan.plan_id] = opened.get(plan.plan_id, _ZERO) + quantity
        approval = approvals.get(plan.plan_id)
        wrong_side = (fill.direction is Direction.BUY) is not (plan.side is Side.PURCHASE)
        low, high = plan.price_low, plan.price_high
        rules = (
            ("not_approved", approval is None),
            ("after_trade", approval is not None and approved_after(approval, fill)),
            ("fill_window", not plan.first_day <= fill.trading_day <= plan.last_day),
            ("fill_instrument", fill.instrument not in plan.instruments),
            ("fill_account", bool(plan.accounts) and fill.account not in plan.accounts),
            ("fill_side", wrong_side),
            ("fill_price", (low is not None and fill.price < low) or (high is not None and fill.price > high)),
            ("fill_quantity", total > plan.quantity),
        )
        found += [_finding(fill, plan.plan_id, name) for name, is_broken in rules if is_broken]
    return tuple(found)


def approved_after(approval: Approved, fill: Fill) -> bool:
    """Whether the plan came after the trade: by the instant where the fill has one, else by the day it was dealt."""
    if fill.traded_at is not None:
        return approval.at > fill.traded_at
    return approval.on > (fill.traded_on or fill.trading_day)


@dataclass(frozen=True, slots=True)
class Execution:
    """A plan against what was done. Quantities in the base unit, money in the account's currency; `ratio` is futures still
    open ÷ exposure in the plan's own view (physical or VAT-adjusted), None without exposure; `result` is realised and
    floating together where the price now is known."""

    plan: HedgePlan
    approved_by: str
    approved_on: date | None
    opened: Decimal
    still_open: Decimal
    remaining: Decimal
    average_price: Decimal | None
    margin_used: Decimal
    fees: Decimal
    floating: Decimal | None
    ratio: Decimal | None
    broken: tuple[RuleBroken, ...]


def execution(
    plan: HedgePlan,
    approval: Approved | None,
    fills: Sequence[Fill],
    lots: Sequence[PositionLot],
    products: Mapping[str, Product],
    prices: Mapping[str, Decimal],
    exposure: Decimal,
    margin_rate: Decimal,
    today: date,
) -> Execution:
    """The plan's state: `fills` are the opening fills tied to it, `lots` their open rests, `prices` settlement prices by
    instrument, `exposure` the commodity's spot exposure in the plan's view, signed.

    `broken`: `plan_ratio` (outside the band), `plan_budget` (margin at `margin_rate` beyond the budget), `plan_stop` (the
    floating loss and fees reached the stop), `plan_over` (the window ended with quantity left)."""
    opened = sum((_quantity(fill.instrument, fill.lots, products) for fill in fills), _ZERO)
    held = sum((_quantity(lot.instrument, lot.lots, products) for lot in lots), _ZERO)
    sign = 1 if plan.side is Side.PURCHASE else -1
    with localcontext(EXACT):
        turnover = sum((_quantity(f.instrument, f.lots, products) * f.price for f in fills), _ZERO)
        average = round_half_up(turnover / opened, 2) if opened else None
        marks = [prices.get(lot.instrument) for lot in lots]
        floating: Decimal | None = _ZERO
        margin = _ZERO
        for lot, mark in zip(lots, marks, strict=True):
            quantity = _quantity(lot.instrument, lot.lots, products)
            margin += quantity * (mark if mark is not None else lot.open_price) * margin_rate
            if mark is None or floating is None:
                floating = None
            else:
                floating += lot.direction.sign * quantity * (mark - lot.open_price)
        ratio = round_half_up(-sign * held / exposure, QUANTITY_PLACES) if exposure else None
    fees = sum((fill.fee for fill in fills), _ZERO)
    margin = round_money(margin)
    loss = fees - (floating or _ZERO)
    rules = (
        ("ratio", held > 0 and (ratio is None or not plan.ratio_low <= ratio <= plan.ratio_high)),
        ("budget", margin > plan.budget > 0),
        ("stop", plan.stop_loss > 0 and loss >= plan.stop_loss),
        ("over", today > plan.last_day and opened < plan.quantity),
    )
    params = {
        "plan": plan.plan_id, "ratio": "-" if ratio is None else ratio, "low": plan.ratio_low, "high": plan.ratio_high,
        "margin": margin, "budget": plan.budget, "loss": loss, "stop": plan.stop_loss, "remaining": plan.quantity - opened,
        "last": plan.last_day,
    }  # fmt: skip
    broken = tuple(
        RuleBroken(f"plan_{name}", plan.plan_id, Message(f"plan.{name}", params))
        for name, is_broken in rules
        if is_broken
    )
    return Execution(
        plan,
        approval.approved_by if approval else "",
        approval.on if approval else None,
        opened,
        held,
        plan.quantity - opened,
        average,
        margin,
        fees,
        floating,
        ratio,
        broken,
    )


def _finding(fill: Fill, plan_id: str, rule: str) -> FillFinding:
    params = {
        "fill": fill.key, "plan": plan_id or "-", "on": fill.trading_day, "lots": fill.lots,
        "instrument": fill.instrument, "price": fill.price, "account": fill.account,
    }  # fmt: skip
    broken = RuleBroken(f"plan_{rule}", fill.key, Message(f"plan.{rule}", params))
    return FillFinding(fill.key, plan_id, fill.trading_day, broken)


def _quantity(instrument: str, lots: int, products: Mapping[str, Product]) -> Decimal:
    product = products.get(instrument)
    return Decimal(lots * product.multiplier) if product else _ZERO


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value
