"""What one order has to pass before anybody approves it, and again before it is sent.

Nothing is allowed by silence: an order needs a rule for its lots, one for its worth and one for its price that cover its
account, product and month. Limits of positions are looked at as they would be with the order done; one that reduces what is
too much passes, one that opens more of it does not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.limits import RATIO_PLACES, check, in_scope
from hedge_core.model.futures import Direction
from hedge_core.model.limits import (
    ORDER_KINDS,
    Breach,
    Holding,
    LimitInputs,
    LimitKind,
    LimitRule,
    Moment,
    YearView,
)
from hedge_core.model.orders import OrderProposal
from hedge_core.rounding import round_half_up
from messages import Message

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class OrderVerdict:
    """What stands against an order: broken limits, and rules of its form. Nothing: it may go on."""

    breaches: tuple[Breach, ...] = ()
    broken: tuple[RuleBroken, ...] = ()

    @property
    def passes(self) -> bool:
        return not self.breaches and not self.broken

    @property
    def reasons(self) -> tuple[Message, ...]:
        return (*(one.reason for one in self.broken), *(one.message for one in self.breaches))


def check_order(
    order: OrderProposal,
    of: Holding,
    tick: Decimal,
    rules: Sequence[LimitRule],
    given: LimitInputs,
    last: Decimal,
    roles: frozenset[str] = frozenset(),
    waiting_closes: int = 0,
) -> OrderVerdict:
    """The verdict. `of` is the order's own place: account, instrument, product and month with the lots held there now;
    `given` holds the positions with everything on its way added; `waiting_closes` are lots of that side in closing orders."""
    broken = [*_form(order, of, tick, waiting_closes)]
    breaches: list[Breach] = []
    figures = {
        LimitKind.ORDER_LOTS: Decimal(order.lots),
        LimitKind.ORDER_NOTIONAL: order.limit_price * order.lots * of.multiplier,
        LimitKind.PRICE_BAND: round_half_up(abs(order.limit_price / last - 1), RATIO_PLACES),
    }
    covering = [
        rule
        for rule in rules
        if rule.kind in ORDER_KINDS and rule.holds_at(Moment.ORDER) and in_scope(rule, of)
        and (not rule.role or rule.role in roles)
    ]  # fmt: skip
    for kind, figure in figures.items():
        mine = [rule for rule in covering if rule.kind is kind]
        if not mine:
            broken.append(_broken(order, "uncovered", kind=kind.value, account=of.account, month=of.month))
        breaches += [_too_much(rule, figure, of, given) for rule in mine if figure > (rule.high or _ZERO)]
    breaches += _after(order, of, rules, given, roles)
    return OrderVerdict(tuple(breaches), tuple(broken))


def _form(order: OrderProposal, of: Holding, tick: Decimal, waiting_closes: int) -> Iterable[RuleBroken]:
    held = (of.short if order.direction is Direction.BUY else of.long) - waiting_closes
    if order.limit_price <= 0 or order.limit_price % tick:
        yield _broken(order, "tick", price=order.limit_price, tick=tick)
    if not order.offset.opens and order.lots > held:
        yield _broken(order, "over_close", lots=order.lots, held=max(0, held))


def _broken(order: OrderProposal, name: str, **params: object) -> RuleBroken:
    given = {"order": order.proposal_id, "instrument": order.instrument, **params}
    return RuleBroken(f"order_{name}", order.proposal_id, Message(f"order.{name}", given))


def _too_much(rule: LimitRule, figure: Decimal, of: Holding, given: LimitInputs) -> Breach:
    subject = f"{of.account}/{of.instrument}"
    params = {"rule": rule.rule_id, "subject": subject, "figure": figure, "high": rule.high}
    message = Message(f"limit.{rule.kind.value}", params)
    return Breach(rule.rule_id, rule.kind, subject, figure, rule.low, rule.high, given.at, message, True, rule.owner)


def with_order(given: LimitInputs, order: OrderProposal, of: Holding) -> LimitInputs:
    """The positions, the account's margin and the year's hedges as they would be with the whole order filled."""
    buys, lots = order.direction is Direction.BUY, order.lots
    change = {"long" if buys else "short": lots} if order.offset.opens else {"short" if buys else "long": -lots}
    known = next((one for one in given.holdings if (one.account, one.instrument) == (of.account, of.instrument)), None)
    base = known or replace(of, long=0, short=0)
    done = replace(base, **{name: max(0, getattr(base, name) + more) for name, more in change.items()})
    holdings = (*(one for one in given.holdings if one is not known), done)
    price = of.price or order.limit_price
    margin = lots * price * of.multiplier * of.margin_rate * (1 if order.offset.opens else -1)
    accounts = tuple(
        replace(one, margin=max(_ZERO, one.margin + margin)) if one.account == order.account else one
        for one in given.accounts
    )
    return replace(given, holdings=holdings, accounts=accounts, years=_years_with(given, order, of))


def _years_with(given: LimitInputs, order: OrderProposal, of: Holding) -> dict[str, YearView]:
    """What the year will have hedged with the order filled; an opening order counts in full, also one that may turn out to be
    the far leg of a roll."""
    years = dict(given.years or {})
    if order.offset.opens:
        year = years.get(of.commodity, YearView(_ZERO))
        years[of.commodity] = replace(year, opened=year.opened + order.lots * of.multiplier)
    return years


def _after(
    order: OrderProposal, of: Holding, rules: Sequence[LimitRule], given: LimitInputs, roles: frozenset[str]
) -> Iterable[Breach]:
    before = {one.key: one for one in check(rules, given, Moment.ORDER, roles)}
    own = {"", of.account, of.commodity, of.product, of.month, of.instrument}
    for one in check(rules, with_order(given, order, of), Moment.ORDER, roles):
        if not set(one.subject.split("/")) <= own:
            continue
        was = before.get(one.key)
        if was is None or _beyond(one) > _beyond(was) or (order.offset.opens and _beyond(one) == _beyond(was)):
            yield replace(one, blocks=True)


def _beyond(breach: Breach) -> Decimal:
    """How far the figure lies outside; nothing known counts as nothing."""
    if breach.figure is None:
        return _ZERO
    above = _ZERO if breach.high is None else breach.figure - breach.high
    below = _ZERO if breach.low is None else breach.low - breach.figure
    return max(above, below, _ZERO)
