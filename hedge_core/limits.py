"""Limits checked (限额): each rule against its figure, with a proposal that puts it right. What a rule says is in `model.limits`.

A figure that cannot be known (a missing price, no funds of an account) is said as a breach without a figure, never taken for
a good one. Sources: usual risk rules of hedging companies; the state-owned rules are those of 国资发财评规〔2020〕8号 as data.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import ROUND_CEILING, Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.limit_proposals import close_lots, hedge_of, reduce_to_ratio, widest
from hedge_core.model.limits import (
    EACH,
    ORDER_KINDS,
    AccountView,
    Breach,
    Holding,
    LimitInputs,
    LimitKind,
    LimitRule,
    LotsSide,
    Moment,
    Proposal,
    View,
)
from hedge_core.rounding import round_half_up
from messages import Message

RATIO_PLACES: Final = 6
_ZERO: Final = Decimal(0)
_RATIOS: Final = frozenset({LimitKind.HEDGE_RATIO, LimitKind.SOE_POINT})
_NEEDS_HIGH: Final = frozenset(LimitKind) - {LimitKind.HEDGE_RATIO, LimitKind.BASIS, LimitKind.DELIVERY_MONTH}


def problems(rule: LimitRule) -> tuple[RuleBroken, ...]:
    """What is wrong with a rule before it holds: no bound, the lower above the upper, a ratio of exposure that does not say
    in which view, a bound below zero where there is none, a role with no check at the order."""
    low, high = rule.low, rule.high
    wrong = (
        ("bounds", low is None and high is None and not rule.multiple),
        ("bounds", rule.kind in _NEEDS_HIGH and high is None),
        ("order", low is not None and high is not None and low > high),
        ("view", rule.kind in _RATIOS and rule.view is None),
        ("sign", rule.kind is not LimitKind.BASIS and any(one is not None and one < 0 for one in (low, high))),
        ("name", not rule.rule_id.strip() or "/" in rule.rule_id),
        ("role", bool(rule.role) and not rule.order),
        ("month", rule.month not in ("", EACH) and (len(rule.month) != 7 or rule.month[4] != "-")),
    )
    return tuple(
        RuleBroken(f"limit_{name}", rule.rule_id, Message(f"limit.wrong_{name}", {"rule": rule.rule_id or "-"}))
        for name, is_wrong in wrong
        if is_wrong
    )


def check(
    rules: Iterable[LimitRule], given: LimitInputs, moment: Moment, roles: frozenset[str] = frozenset()
) -> tuple[Breach, ...]:
    """Every rule that is looked at in this `moment` and is broken, in the order of the rules; `roles` are those of who
    orders. Rules of one order alone are `order_limits.check_order`'s."""
    found: list[Breach] = []
    for rule in rules:
        if rule.holds_at(moment) and rule.kind not in ORDER_KINDS and (not rule.role or rule.role in roles):
            found += [_dated(rule, one, given) for one in _CHECKS[rule.kind](rule, given)]
    return tuple(found)


@dataclass(frozen=True, slots=True)
class _Found:
    subject: str
    figure: Decimal | None
    text: str
    proposal: Proposal | None = None
    high: Decimal | None = None


def _dated(rule: LimitRule, found: _Found, given: LimitInputs) -> Breach:
    since = (given.known_since or {}).get((rule.rule_id, found.subject), given.at)
    high = rule.high if found.high is None else found.high
    params = {
        "rule": rule.rule_id, "subject": found.subject or "-", "figure": "-" if found.figure is None else found.figure,
        "low": "-" if rule.low is None else rule.low, "high": "-" if high is None else high,
        "view": "-" if rule.view is None else rule.view.value,
    }  # fmt: skip
    return Breach(
        rule.rule_id, rule.kind, found.subject, found.figure, rule.low, high, since,
        Message(f"limit.{found.text}", params), rule.blocks, rule.owner, found.proposal,
    )  # fmt: skip


# --- scopes -----------------------------------------------------------------------------------------------------------


def in_scope(rule: LimitRule, one: Holding) -> bool:
    """Whether a holding counts for a rule."""
    pairs = ((rule.account, one.account), (rule.commodity, one.commodity), (rule.product, one.product))
    return all(wanted in ("", EACH, have) for wanted, have in (*pairs, (rule.month, one.month)))


def _groups(rule: LimitRule, holdings: Sequence[Holding]) -> Iterator[tuple[str, list[Holding]]]:
    """Holdings of a rule's scope, apart where it says `*`: (subject, holdings) by subject."""
    parts = ("account", "commodity", "product", "month")
    groups: dict[str, list[Holding]] = {}
    for one in holdings:
        if in_scope(rule, one):
            named = [getattr(one, part) for part in parts if getattr(rule, part)]
            groups.setdefault("/".join(named), []).append(one)
    yield from sorted(groups.items())


def lots_of(holdings: Iterable[Holding], side: LotsSide) -> int:
    """Lots as the rule counts them."""
    long, short = 0, 0
    for one in holdings:
        long, short = long + one.long, short + one.short
    counted = {
        LotsSide.NET: abs(long - short),
        LotsSide.GROSS: long + short,
        LotsSide.LONG: long,
        LotsSide.SHORT: short,
    }
    return counted[side]


# --- lots, months, money ----------------------------------------------------------------------------------------------


def _lots(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    for subject, held in _groups(rule, given.holdings):
        lots, high = lots_of(held, rule.side), rule.high or _ZERO
        if lots > high:
            excess = int((lots - high).to_integral_value(ROUND_CEILING))
            yield _Found(subject, Decimal(lots), "lots", close_lots(held, excess, given, rule.view, rule.side))


def _tenor(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    for subject, held in _groups(rule, given.holdings):
        for one in held:
            ahead = months_ahead(one.month, given)
            if (one.long or one.short) and ahead > (rule.high or _ZERO):
                proposal = close_lots([one], max(one.long, one.short), given, rule.view)
                yield _Found(_with(subject, one.instrument), Decimal(ahead), "tenor", proposal)


def months_ahead(month: str, given: LimitInputs) -> int:
    """Months from today's to a delivery month."""
    return (int(month[:4]) - given.today.year) * 12 + int(month[5:7]) - given.today.month


def _delivery(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    """From `days` before the first of the delivery month: at most `high` lots a side, and a multiple of `multiple`."""
    for subject, held in _groups(rule, given.holdings):
        for one in held:
            first = given.today.replace(year=int(one.month[:4]), month=int(one.month[5:7]), day=1)
            if (first - given.today).days > rule.days:
                continue
            for lots in sorted({one.long, one.short} - {0}, reverse=True):
                allowed = lots if rule.high is None else min(lots, int(rule.high))
                allowed -= allowed % rule.multiple if rule.multiple else 0
                if allowed < lots:
                    side = LotsSide.LONG if lots == one.long else LotsSide.SHORT
                    proposal = close_lots([one], lots - allowed, given, rule.view, side)
                    place = _with(subject, one.instrument)
                    yield _Found(place, Decimal(lots), "delivery_month", proposal, Decimal(allowed))


def _margin(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    """The brokers' own margin where the rule is of whole accounts; a commodity's or month's is counted from price and rate."""
    high = rule.high or _ZERO
    if rule.commodity or rule.product or rule.month:
        for subject, held in _groups(rule, given.holdings):
            margin = round_half_up(sum((max(o.long, o.short) * o.margin_per_lot for o in held), _ZERO), 2)
            if margin > high:
                yield _Found(subject, margin, "margin", _less_margin(held, margin - high, given, rule))
        return
    for subject, accounts in _accounts(rule, given):
        margin = sum((one.margin for one in accounts), _ZERO)
        if margin > high:
            held = [one for one in given.holdings if any(one.account == a.account for a in accounts)]
            yield _Found(subject, margin, "margin", _less_margin(held, margin - high, given, rule))


def _risk_degree(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    high = rule.high or _ZERO
    for subject, accounts in _accounts(rule, given):
        margin, equity = (sum((getattr(a, name) for a in accounts), _ZERO) for name in ("margin", "equity"))
        if equity <= 0 and margin > 0:
            yield _Found(subject, None, "risk_degree_no_equity")
        elif equity > 0 and (degree := round_half_up(margin / equity, RATIO_PLACES)) > high:
            held = [one for one in given.holdings if any(one.account == a.account for a in accounts)]
            yield _Found(subject, degree, "risk_degree", _less_margin(held, margin - high * equity, given, rule))


def _less_margin(held: Sequence[Holding], excess: Decimal, given: LimitInputs, rule: LimitRule) -> Proposal | None:
    """Fewer lots of the contract with the most margin, as many as the excess asks for."""
    most = max(held, key=lambda one: (max(one.long, one.short) * one.margin_per_lot, one.instrument), default=None)
    if most is None or not most.margin_per_lot:
        return None
    lots = int((excess / most.margin_per_lot).to_integral_value(ROUND_CEILING))
    return close_lots([most], lots, given, rule.view)


def _day_loss(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    yield from _loss(rule, given, "day_result", "day_loss")


def _total_loss(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    yield from _loss(rule, given, "total_result", "total_loss")


def _loss(rule: LimitRule, given: LimitInputs, name: str, text: str) -> Iterator[_Found]:
    """A loss beyond its limit is stopped by closing the largest holding: what it hedges is then open, as the figure says."""
    for subject, accounts in _accounts(rule, given):
        results = [getattr(one, name) for one in accounts]
        if any(result is None for result in results):
            yield _Found(subject, None, "no_result")
            continue
        loss = -sum(results, _ZERO)
        if loss > (rule.high or _ZERO):
            held = [one for one in given.holdings if any(one.account == a.account for a in accounts)]
            most = widest(held)
            proposal = None if most is None else close_lots([most], max(most.long, most.short), given, rule.view)
            yield _Found(subject, loss, text, proposal)


def _accounts(rule: LimitRule, given: LimitInputs) -> Iterator[tuple[str, list[AccountView]]]:
    chosen = [one for one in given.accounts if rule.account in ("", EACH, one.account)]
    if rule.account == EACH:
        yield from ((one.account, [one]) for one in sorted(chosen, key=lambda one: one.account))
    elif chosen:
        yield rule.account, chosen


# --- exposure, basis, prices ------------------------------------------------------------------------------------------


def _commodities(rule: LimitRule, given: LimitInputs) -> list[str]:
    known = {*(given.spot or {}), *(one.commodity for one in given.holdings)}
    return sorted(known) if rule.commodity in ("", EACH) else [rule.commodity]


def _hedge_ratio(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    view = rule.view or View.PHYSICAL
    for commodity in _commodities(rule, given):
        exposure, hedge = hedge_of(commodity, given, view)
        if not exposure:
            if hedge and rule.high is not None:
                yield _Found(commodity, None, "ratio_no_exposure", reduce_to_ratio(commodity, _ZERO, rule, given))
            continue
        ratio = round_half_up(-hedge / exposure, RATIO_PLACES)
        for bound, broken in ((rule.low, rule.low is not None and ratio < rule.low), (rule.high, _above(ratio, rule))):
            if broken and bound is not None:
                goal = bound if rule.target is None else rule.target
                yield _Found(commodity, ratio, "hedge_ratio", reduce_to_ratio(commodity, goal, rule, given))


def _above(figure: Decimal, rule: LimitRule) -> bool:
    return rule.high is not None and figure > rule.high


def _soe_point(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    """At any moment: no hedge beyond the matching exposure, none on the exposure's own side, none without exposure."""
    view, high = rule.view or View.PHYSICAL, rule.high or _ZERO
    for commodity in _commodities(rule, given):
        exposure, hedge = hedge_of(commodity, given, view)
        if not hedge:
            continue
        proposal = reduce_to_ratio(commodity, high, rule, given)
        if not exposure:
            yield _Found(commodity, None, "ratio_no_exposure", reduce_to_ratio(commodity, _ZERO, rule, given))
        elif (ratio := round_half_up(-hedge / exposure, RATIO_PLACES)) < 0:
            yield _Found(commodity, ratio, "soe_side", reduce_to_ratio(commodity, _ZERO, rule, given))
        elif ratio > high:
            yield _Found(commodity, ratio, "soe_point", proposal)


def _soe_year(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    for commodity in sorted(given.years or {}) if rule.commodity in ("", EACH) else [rule.commodity]:
        year = (given.years or {}).get(commodity)
        if year is None or not year.opened:
            continue
        volume = rule.volume if rule.volume is not None else year.volume
        if not volume:
            yield _Found(commodity, None, "soe_no_volume")
            continue
        hedged = year.opened - (_ZERO if rule.rolls_count else year.rolled)
        share = round_half_up(hedged / volume, RATIO_PLACES)
        if _above(share, rule):
            yield _Found(commodity, share, "soe_year")


def _basis(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    known = given.basis or {}
    for commodity in sorted(known) if rule.commodity in ("", EACH) else [rule.commodity]:
        value = known.get(commodity)
        if value is None:
            yield _Found(commodity, None, "no_basis")
        elif _above(value, rule) or (rule.low is not None and value < rule.low):
            yield _Found(commodity, value, "basis")


def _price_age(rule: LimitRule, given: LimitInputs) -> Iterator[_Found]:
    for instrument in sorted(
        {one.instrument for one in given.holdings if in_scope(rule, one) and (one.long or one.short)}
    ):
        age = (given.price_ages or {}).get(instrument)
        if age is None:
            yield _Found(instrument, None, "no_price")
        elif age > (rule.high or _ZERO):
            yield _Found(instrument, Decimal(age), "price_age")


def _with(subject: str, instrument: str) -> str:
    return f"{subject}/{instrument}" if subject else instrument


_CHECKS: Final[dict[LimitKind, Callable[[LimitRule, LimitInputs], Iterable[_Found]]]] = {
    LimitKind.LOTS: _lots,
    LimitKind.HEDGE_RATIO: _hedge_ratio,
    LimitKind.MARGIN: _margin,
    LimitKind.RISK_DEGREE: _risk_degree,
    LimitKind.DAY_LOSS: _day_loss,
    LimitKind.TOTAL_LOSS: _total_loss,
    LimitKind.BASIS: _basis,
    LimitKind.TENOR: _tenor,
    LimitKind.DELIVERY_MONTH: _delivery,
    LimitKind.PRICE_AGE: _price_age,
    LimitKind.SOE_POINT: _soe_point,
    LimitKind.SOE_YEAR: _soe_year,
}
