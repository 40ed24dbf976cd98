"""A day's facts turned into accounting events: `measure_day`, folded over the days of a book, is the whole measurement."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from hedge_core.accounting.deferred_tax import measure_tax
from hedge_core.accounting.events import AccountingEvent, EventKind, day_sources, one_amount, product_of
from hedge_core.accounting.hedge_measurement import HedgeDay
from hedge_core.accounting.holdings import HeldLot, hold_lots
from hedge_core.accounting.inputs import CashFlow, CashKind, DayFacts, LotDay
from hedge_core.accounting.relationships import HedgeRelationship
from hedge_core.accounting.rule_sets import BookSettings, CloseResult, Measure, Variation
from hedge_core.accounting.state import ZERO, HedgeState, Holding, MeasureState
from hedge_core.errors import RuleBroken
from hedge_core.rounding import share_out
from messages import Message


@dataclass(frozen=True, slots=True)
class DayMeasured:
    """Events of a day and the state after it. With any problem the day stays open: no events, the state as it was."""

    events: tuple[AccountingEvent, ...]
    state: MeasureState
    problems: tuple[RuleBroken, ...] = ()


def measure_day(
    facts: DayFacts,
    state: MeasureState,
    settings: BookSettings,
    relationships: Sequence[HedgeRelationship] = (),
    currency: str = "CNY",
) -> DayMeasured:
    """The accounting events of one trading day.

    `state` is what the day before returned; days are handed over in order and once. `relationships` are all designations
    of the book, ended ones included; a relationship or a further instrument may start only after the last measured day.
    A lot first seen with lots at the start of the day is opening state: its floating result counts as booked already.
    When lots of a partly designated position lot close, lots outside hedge accounting close first, then relationships in
    the order of their designation."""
    problems = _problems(facts, state, settings, relationships)
    if problems:
        return DayMeasured((), state, tuple(problems))
    events = [*_cash_events(facts.cash), *_fee_events(facts)]
    if not settings.terms.fair_value:
        events += [event for lot in facts.lots for event in _realised(lot)]
        return DayMeasured(_without_zeros(events), replace(state, as_of=facts.trading_day))

    heads = sorted(relationships, key=lambda known: (known.designated_on, known.relationship_id))
    held, problems = hold_lots(facts, state, [head.relationship_id for head in heads])
    if problems:
        return DayMeasured((), state, tuple(problems))
    hedges: dict[str, HedgeState] = dict(state.hedges)
    days: list[HedgeDay] = []
    for head in heads:
        day = HedgeDay(head, hedges.get(head.relationship_id), facts, state.as_of, settings, held, currency)
        day.designate()
        days.append(day)
    problems = [problem for day in days for problem in day.problems]
    if problems:
        return DayMeasured((), state, tuple(problems))
    for lot in held.values():
        lot.split(currency)
    for day in days:
        events += day.before_lots()
    for lot in held.values():
        events += _free_events(lot, settings, facts, currency)
    for day in days:
        events += day.after_lots()
        if day.state is not None:
            hedges[day.relationship.relationship_id] = day.state
    problems = [problem for day in days for problem in day.problems]
    if problems:
        return DayMeasured((), state, tuple(problems))
    free = {lot_id: lot.heads[""] for lot_id, lot in held.items() if lot.heads[""].lots}
    after = MeasureState(facts.trading_day, free, hedges, state.tax)
    if settings.tax_rate and facts.month_end:
        taxed, tax = measure_tax(facts.trading_day, after, heads, settings.tax_rate, currency)
        events, after = [*events, *taxed], replace(after, tax=tax)
    return DayMeasured(_without_zeros(events), after)


def measure_days(
    days: Sequence[DayFacts],
    settings: BookSettings,
    relationships: Sequence[HedgeRelationship] = (),
    state: MeasureState | None = None,
    currency: str = "CNY",
) -> DayMeasured:
    """`measure_day` folded over `days` in order; stops before the first day with a problem and returns its problems."""
    now = state or MeasureState()
    events: list[AccountingEvent] = []
    for facts in days:
        measured = measure_day(facts, now, settings, relationships, currency)
        if measured.problems:
            return DayMeasured(tuple(events), now, measured.problems)
        events += measured.events
        now = measured.state
    return DayMeasured(tuple(events), now)


def _problems(
    facts: DayFacts, state: MeasureState, settings: BookSettings, relationships: Sequence[HedgeRelationship]
) -> list[RuleBroken]:
    found = [problem for lot in facts.lots for problem in lot.problems()]
    found += [problem for relationship in relationships for problem in relationship.problems()]
    if state.as_of is not None and facts.trading_day <= state.as_of:
        found.append(
            RuleBroken(
                "day_order",
                facts.trading_day.isoformat(),
                Message("accounting.day_measured", {"as_of": state.as_of}),
            )
        )
    for lot_id, times in Counter(lot.lot_id for lot in facts.lots).items():
        if times > 1:
            found.append(RuleBroken("lot_twice", lot_id, Message("accounting.lot_twice", {"times": times})))
    found += [
        RuleBroken("lot_day_date", lot.lot_id, Message("accounting.lot_day_date", {"day": lot.trading_day}))
        for lot in facts.lots
        if lot.trading_day != facts.trading_day
    ]
    if not settings.terms.fair_value:
        found += [
            RuleBroken(
                "designation_rule_set",
                relationship.relationship_id,
                Message("accounting.no_hedge_accounting", {"rule_set": settings.rule_set.value}),
            )
            for relationship in relationships
        ]
    names = {relationship.relationship_id for relationship in relationships}
    asked = [movement.relationship_id for movement in facts.movements]
    asked += [stop.relationship_id for stop in facts.stops]
    asked += [change.relationship_id for change in facts.rebalances]
    asked += [loss.relationship_id for loss in facts.losses]
    found += [
        RuleBroken("relationship_unknown", name, Message("accounting.relationship_unknown"))
        for name in asked
        if name not in names
    ]
    return found


_CASH_KINDS = {
    # kind -> (event for money in, event for money out); the second's amount is turned positive where its name says so
    CashKind.TRANSFER: (EventKind.DEPOSIT, EventKind.WITHDRAWAL),
    CashKind.INTEREST: (EventKind.INTEREST, EventKind.INTEREST),
    CashKind.PENALTY: (EventKind.PENALTY, EventKind.PENALTY),
    CashKind.DELIVERY: (EventKind.DELIVERY_RECEIVED, EventKind.DELIVERY_PAID),
}
_PAID = (EventKind.WITHDRAWAL, EventKind.PENALTY, EventKind.DELIVERY_PAID)


def _cash_events(flows: Sequence[CashFlow]) -> list[AccountingEvent]:
    found = []
    for flow in flows:
        kind = _CASH_KINDS[flow.kind][0 if flow.amount > 0 else 1]
        amount = -flow.amount if kind in _PAID else flow.amount
        found.append(
            AccountingEvent(kind, flow.moved_on, one_amount(amount), account=flow.account, sources=flow.sources)
        )
    return found


def _fee_events(facts: DayFacts) -> list[AccountingEvent]:
    return [
        AccountingEvent(
            EventKind.FEE,
            fee.day,
            one_amount(fee.amount),
            account=fee.account,
            product=product_of(fee.instrument),
            sources=fee.sources,
        )
        for fee in facts.fees
    ]


def _realised(lot: LotDay) -> list[AccountingEvent]:
    # Realised-only books take the result from the opening price, never from the mark-to-market figure. An option is carried
    # at its premium until it ends; nothing is handed on at fair value when it is exercised.
    if not lot.is_option:
        return [_lot_event(EventKind.REALISED_RESULT, lot, lot.realised_trade, lots=lot.lots_closed)]
    return [
        _lot_event(EventKind.PREMIUM, lot, lot.premium, lots=lot.opened_today + lot.lots_closed),
        _lot_event(EventKind.FINAL_CHANGE, lot, lot.realised_trade - lot.exercised, lots=lot.lots_closed),
    ]


def _lot_event(
    kind: EventKind, lot: LotDay, amount: Decimal, *, lots: int = 0, period_end: bool = False
) -> AccountingEvent:
    return AccountingEvent(
        kind,
        lot.trading_day,
        one_amount(amount),
        account=lot.account,
        product=product_of(lot.instrument),
        lots=lots,
        period_end=period_end,
        sources=day_sources("position_lot", lot.lot_id, lot.trading_day),
    )


def _free_events(lot: HeldLot, settings: BookSettings, facts: DayFacts, currency: str) -> list[AccountingEvent]:
    """Events of the part of a lot outside hedge accounting; its holding moves on to the end of the day."""
    share = lot.shares[""]
    before = lot.heads[""]
    closed = share.lots_closed
    monthly = settings.measure is Measure.MONTH
    opened = before.lots if lot.day.opened_today else 0
    got = share.realised_trade + lot.day.premium_of(closed) - share.exercised if lot.day.is_option else ZERO
    events = [_lot_event(EventKind.PREMIUM, lot.day, got - lot.day.premium_of(opened), lots=opened + closed)]
    if monthly and not (facts.month_end or closed or lot.must_measure):
        lot.heads[""] = replace(before, lots=share.lots_end)
        return events
    change = share.realised_trade + share.floating_end - before.fair_value
    outside_closed, outside = share_out(before.outside, (closed, share.lots_end), currency)
    lot.heads[""] = Holding(share.lots_end, share.floating_end, outside)
    period_end = monthly and facts.month_end and not closed
    final = ZERO
    if settings.close_result is CloseResult.LAST_LEG and closed:
        final = share.realised_trade - share_out(before.fair_value, (closed, share.lots_end), currency)[0]
    events += [
        _lot_event(EventKind.FAIR_VALUE_CHANGE, lot.day, change - final, period_end=period_end),
        _lot_event(EventKind.FINAL_CHANGE, lot.day, final, lots=closed),
    ]
    if lot.day.is_option:
        pass  # its money moved as premium
    elif settings.variation is Variation.SWEEP:
        swept = change + (
            before.fair_value if opened else ZERO
        )  # what an exercise brought in is settled with the first day
        events.append(_lot_event(EventKind.VARIATION_SETTLEMENT, lot.day, swept, period_end=period_end))
    else:
        events.append(_lot_event(EventKind.CLOSE_SETTLEMENT, lot.day, share.realised_trade, lots=closed))
    if settings.close_result is CloseResult.TRANSFER:
        transfer = share.realised_trade - outside_closed
        events.append(_lot_event(EventKind.CLOSE_RESULT_TRANSFER, lot.day, transfer, lots=closed))
    return events


def _without_zeros(events: Sequence[AccountingEvent]) -> tuple[AccountingEvent, ...]:
    return tuple(event for event in events if not event.is_zero)
