"""Limits kept and checked: rules in versions; alerts raised, refreshed and cleared as figures change, and who looks after one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.limits import check, problems
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.limits import ORDER_KINDS, Breach, LimitKind, LimitRule, Moment
from hedge_core.ports.clock import Clock
from hedge_core.ports.limits import Alert
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.trading_calendar import TradingCalendar
from hedge_core.use_cases.commodity import business_today
from hedge_core.use_cases.limit_inputs import Gathered, gather_limits
from hedge_core.use_cases.settle import Settled, settle
from messages import Message

NEED_EXPOSURE: Final = frozenset({LimitKind.HEDGE_RATIO, LimitKind.SOE_POINT})


def import_limits(store: Store, book: BookId, rules: Sequence[tuple[date, LimitRule]], actor: Actor) -> tuple[int, int]:
    """Keep rules, each from its date; answers (read, new versions). RuleBroken names the first thing that is wrong, and
    nothing is kept then."""
    for _, rule in rules:
        if wrong := problems(rule):
            raise wrong[0]
    with store.begin(book, actor) as uow:
        before = len(uow.limits.rule_history())
        for since, rule in rules:
            uow.limits.add_rule(rule, since)
        new = len(uow.limits.rule_history()) - before
        if new:
            names = sorted({rule.rule_id for _, rule in rules})
            uow.audit.append("limits.kept", "limits", {"rules": names, "new": new})
        return len(rules), new


@dataclass(frozen=True, slots=True)
class LimitCheck:
    """What one look found: broken rules, how many of them nobody had seen before, and how many alerts cleared."""

    moment: Moment
    checked: int
    breaches: tuple[Breach, ...]
    raised: int = 0
    cleared: int = 0

    @property
    def blocking(self) -> tuple[Breach, ...]:
        return tuple(one for one in self.breaches if one.blocks)


def check_limits(
    store: Store,
    book: BookId,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    moment: Moment = Moment.DAY,
    calendar: TradingCalendar | None = None,
) -> LimitCheck:
    """Check every rule of this moment and keep what is broken as alerts; an alert whose rule was looked at and holds again is
    cleared. The figures are read apart from the writing, so that a long look keeps nobody waiting."""
    table = list(products)
    with store.read(book) as uow:
        rules = in_force(uow, business_today(clock), moment)
        given = gather_limits(uow, rules, table, clock.now(), business_today(clock), calendar)
        known = uow.limits.open_alerts()
        alive = {rule.rule_id for rule in uow.limits.rules(business_today(clock))}
    breaches = found(rules, given, moment)
    looked_at = {rule.rule_id for rule in rules}
    broken = {one.key for one in breaches}
    over = [
        one for one in known
        if one.breach.key not in broken and (one.breach.rule_id in looked_at or one.breach.rule_id not in alive)
    ]  # fmt: skip
    if not breaches and not over:
        return LimitCheck(moment, len(rules), ())
    with store.begin(book, actor) as uow:
        now, raised = clock.now(), 0
        for one in breaches:
            if uow.limits.raise_alert(one, moment, now):
                raised += 1
                details = {"rule": one.rule_id, "figure": one.figure, "high": one.high, "low": one.low}
                uow.audit.append("alert.raised", f"{one.rule_id}/{one.subject}", details)
        uow.limits.clear_alerts([one.alert_id for one in over], now)
        for alert in over:
            uow.audit.append("alert.cleared", f"{alert.breach.rule_id}/{alert.breach.subject}", {"at": now})
    return LimitCheck(moment, len(rules), breaches, raised, len(over))


def in_force(uow: UnitOfWork, today: date, moment: Moment) -> list[LimitRule]:
    """The rules that are looked at in a moment."""
    return [
        rule for rule in uow.limits.rules(today)
        if rule.holds_at(moment) and (moment is Moment.ORDER or rule.kind not in ORDER_KINDS)
    ]  # fmt: skip


def found(rules: Sequence[LimitRule], given: Gathered, moment: Moment) -> tuple[Breach, ...]:
    """Broken rules. Where the exposure is no figure, its rules say so instead of passing."""
    if not given.broken:
        return check(rules, given.inputs, moment)
    reason = given.broken[0].reason
    blind = [
        Breach(
            rule.rule_id, rule.kind, "", None, rule.low, rule.high,
            (given.inputs.known_since or {}).get((rule.rule_id, ""), given.inputs.at),
            Message("limit.figures_broken", {"reason": reason}), rule.blocks, rule.owner,
        )
        for rule in rules if rule.kind in NEED_EXPOSURE
    ]  # fmt: skip
    return (*check([rule for rule in rules if rule.kind not in NEED_EXPOSURE], given.inputs, moment), *blind)


class LimitsBlock(RuleBroken):
    """`limits_block_day`: the day stays settled, what comes next waits for a person; `done` is the look that found it."""

    def __init__(self, day: date, done: LimitCheck, reason: Message) -> None:
        self.done = done
        super().__init__("limits_block_day", day.isoformat(), reason)


def after_settlement(
    store: Store,
    book: BookId,
    day: date,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    calendar: TradingCalendar | None = None,
) -> LimitCheck:
    """The look after a day is settled. RuleBroken `limits_block_day` where a rule that blocks is broken and nobody has
    acknowledged it: alerts are kept, the day stays settled, and what would come next waits for a person."""
    done = check_limits(store, book, products, actor, clock, Moment.SETTLEMENT, calendar)
    with store.read(book) as uow:
        taken_on = {one.breach.key for one in uow.limits.open_alerts() if one.acknowledged_at is not None}
    blocking = [one for one in done.blocking if one.key not in taken_on]
    if blocking:
        params = {"day": day, "count": len(blocking), "first": blocking[0].message}
        raise LimitsBlock(day, done, Message("limit.day_blocked", params))
    return done


@dataclass(frozen=True, slots=True)
class SettledDay:
    """A day settled and looked at: what the settlement came to, what the limits said after it (None where it was not settled),
    and why nothing goes on from here (None: it may)."""

    settled: Settled
    limits: LimitCheck | None = None
    blocked: RuleBroken | None = None


def settle_day(
    store: Store,
    book: BookId,
    day: date,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    *,
    overrule: str = "",
    approved_by: str = "",
    calendar: TradingCalendar | None = None,
) -> SettledDay:
    """Settle a day and look at the limits of that moment: the one way for a person's command and for the job. RuleBroken
    `limits_block_day` before anything is settled while the last settled day waits for a person."""
    table = list(products)
    with store.read(book) as uow:
        last = uow.results.last_snapshot(before=day)
    if last is not None:
        after_settlement(store, book, last.trading_day, table, actor, clock, calendar)
    done = settle(store, book, day, table, actor, overrule=overrule, approved_by=approved_by, calendar=calendar)
    if done.state not in ("settled", "unchanged"):
        return SettledDay(done)
    try:
        return SettledDay(done, after_settlement(store, book, day, table, actor, clock, calendar))
    except LimitsBlock as blocked:
        return SettledDay(done, blocked.done, blocked)


def acknowledge(
    store: Store, book: BookId, alert_id: str, actor: Actor, clock: Clock, *, note: str = "", owner: str = ""
) -> Alert:
    """Say that somebody looks after an alert; it stays until its rule holds again. InvalidInput for one that is not open."""
    with store.begin(book, actor) as uow:
        try:
            uow.limits.acknowledge_alert(alert_id, clock.now(), actor.name, note, owner)
        except KeyError:
            raise InvalidInput("alert", 0, "", Message("limit.no_alert", {"alert": alert_id})) from None
        uow.audit.append("alert.acknowledged", alert_id, {"note": note, "owner": owner})
        alert = uow.limits.alert(alert_id)
        if alert is None:
            raise KeyError(alert_id)
        return alert
