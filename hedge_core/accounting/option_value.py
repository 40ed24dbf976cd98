"""Time value of an option whose intrinsic value alone is designated, for an item hedged over a period."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hedge_core.accounting.events import AccountingEvent, EventKind, day_sources, one_amount
from hedge_core.accounting.relationships import Related
from hedge_core.accounting.rule_sets import RuleSet
from hedge_core.rounding import round_money


@dataclass(frozen=True, slots=True)
class TimeValue:
    """Time value of the option held, and of the option whose terms match the item exactly (aligned), in money."""

    actual: Decimal
    aligned: Decimal


@dataclass(frozen=True, slots=True)
class TimeValueHedge:
    """A designation's start: time values, and the days over which the smaller of the two is spread in equal parts."""

    relationship_id: str
    product: str
    account: str
    start: TimeValue
    first_day: date
    last_day: date

    def __post_init__(self) -> None:
        if self.last_day <= self.first_day:
            raise ValueError("a time value is spread over at least one day")


@dataclass(frozen=True, slots=True)
class TimeValueState:
    """Cumulative amounts booked: change of the option, the part of it in the cost reserve, and what was amortised."""

    instrument: Decimal = Decimal(0)
    reserve: Decimal = Decimal(0)
    amortised: Decimal = Decimal(0)

    @property
    def balance(self) -> Decimal:
        """The cost-of-hedging reserve, gain positive."""
        return self.reserve + self.amortised


def time_value_reserve(start: TimeValue, now: TimeValue) -> Decimal:
    """Cumulative change that belongs in other comprehensive income (IFRS 9 / CAS 24 cost of hedging): the aligned change
    if the option cost more than the aligned one, the excess being profit or loss; else the lower of the two changes."""
    actual, aligned = now.actual - start.actual, now.aligned - start.aligned
    if start.actual > start.aligned:
        return aligned
    if actual * aligned <= 0:
        return Decimal(0)
    return actual if abs(actual) <= abs(aligned) else aligned


def measure_time_value(
    hedge: TimeValueHedge,
    on: date,
    now: TimeValue,
    state: TimeValueState,
    currency: str = "CNY",
    *,
    related: Related = Related.PERIOD,
    share: tuple[Decimal, Decimal] = (Decimal(1), Decimal(1)),
    rule_set: RuleSet | None = None,
) -> tuple[list[AccountingEvent], TimeValueState]:
    """Events of a measurement day and the state after it; every entry is the difference to a cumulative target.

    `share` is (still hedged, designated): only the open part stays in the reserve. Nothing is spread when the element is
    related to a transaction; nothing is deferred when it goes to profit or loss as it changes."""
    part, whole = share
    instrument = now.actual - hedge.start.actual
    whole_reserve = Decimal(0) if related is Related.PROFIT else time_value_reserve(hedge.start, now)
    reserve = round_money(whole_reserve * part / whole, currency)
    spread = min(hedge.start.actual, hedge.start.aligned)
    elapsed = (min(on, hedge.last_day) - hedge.first_day).days
    amortised = state.amortised
    if related is Related.PERIOD:
        over = whole * (hedge.last_day - hedge.first_day).days
        amortised = round_money(spread * part * max(elapsed, 0) / over, currency)
    changed, reserved = instrument - state.instrument, reserve - state.reserve
    source = day_sources("relationship", hedge.relationship_id, on)
    events = [
        AccountingEvent(
            kind, on, amounts, hedge.account, hedge.product, 0, hedge.relationship_id, rule_set, sources=source
        )
        for kind, amounts in (
            (
                EventKind.TIME_VALUE_CHANGE,
                (("instrument", changed), ("reserve", reserved), ("excess", changed - reserved)),
            ),
            (EventKind.TIME_VALUE_AMORTISATION, one_amount(amortised - state.amortised)),
        )
    ]
    after = TimeValueState(instrument, reserve, amortised)
    return [event for event in events if not event.is_zero], after
