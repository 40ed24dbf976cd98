"""Pricing (点价) of floating, basis and average-priced lines: what is still to be priced, the final price, deadlines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.exposure import QUANTITY_PLACES
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import PricingKind, Side
from hedge_core.model.terms import PricingFormula
from hedge_core.rounding import EXACT, round_half_up, round_money
from messages import Message

NOTICE_DAYS: Final = 7
"""Calendar days before the end of a pricing window from which a line with something to price is listed."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class PricingTerms:
    """What a contract line says about its pricing. `quantity` is in the base unit; `premium` and `provisional` are per
    base unit with VAT, as futures prices are; the window's days are both included. `buyer_prices` says whose call the
    moment is (买方点价 / 卖方点价).

    `formula` is what a basis line (均基差) needs beside its kind; the two other kinds have only one. `stop_price` is the
    futures price at which the rest is priced whether anybody calls or not; with `forced` it is priced when the window ends.
    `since` is the day these terms began: a re-month (转月) is a second version with another instrument and premium."""

    line: ExternalRef
    side: Side
    kind: PricingKind
    quantity: Decimal
    instrument: str
    premium: Decimal
    vat_rate: Decimal
    first_day: date
    last_day: date
    provisional: Decimal | None = None
    buyer_prices: bool = True
    formula: PricingFormula | None = None
    stop_price: Decimal | None = None
    forced: bool = True
    since: date = date.min
    pricing_days: int = 0


_FORMULAS: Final = {PricingKind.FLOATING: PricingFormula.EVENTS, PricingKind.AVERAGE: PricingFormula.DAILY_AVERAGE}


def formula_of(terms: PricingTerms) -> PricingFormula | None:
    """How a line is priced: a basis line says it itself, a priced line has none."""
    return _FORMULAS.get(terms.kind) or (terms.formula if terms.kind is PricingKind.BASIS else None)


@dataclass(frozen=True, slots=True)
class PricingEvent:
    """Part of a line's quantity fixed at a futures price (with VAT, per base unit) on a day."""

    event_id: str
    line: ExternalRef
    on: date
    instrument: str
    quantity: Decimal
    price: Decimal


@dataclass(frozen=True, slots=True)
class Pricing:
    """How far a line is priced. `average` is the quantity-weighted futures price of the accepted events, exact; None
    before the first. `broken` are the events that were not counted, each with its reason. `premiums` is quantity × premium
    where versions of the terms have different ones. `elsewhere` is what the ERP says is priced beyond these events, at prices not
    known here; None where the ERP says nothing. Where it says something, the line is priced there and no longer here."""

    terms: PricingTerms
    priced: Decimal
    turnover: Decimal
    broken: tuple[RuleBroken, ...] = ()
    premiums: Decimal | None = None
    elsewhere: Decimal | None = None

    @property
    def fixed(self) -> Decimal:
        """All that is priced, here or elsewhere: it carries price risk."""
        return self.priced + (self.elsewhere or _ZERO)

    @property
    def remaining(self) -> Decimal:
        """Still to be priced, base unit: it carries no price risk yet."""
        return self.terms.quantity - self.fixed

    @property
    def average(self) -> Decimal | None:
        with localcontext(EXACT):
            return self.turnover / self.priced if self.priced else None

    @property
    def final_price(self) -> Decimal | None:
        """average + premium with VAT, to the fen (facts 3.2); None until everything is priced, at prices known here."""
        if self.average is None or self.remaining or self.elsewhere:
            return None
        return round_half_up(self.average + self.premium, 2)

    @property
    def premium(self) -> Decimal:
        """The premium with VAT, weighted by what was priced under each version of the terms, exact."""
        if self.premiums is None or not self.priced:
            return self.terms.premium
        with localcontext(EXACT):
            return self.premiums / self.priced

    @property
    def final_price_without_vat(self) -> Decimal | None:
        """The final price ÷ (1 + VAT), to the fen."""
        final = self.final_price
        return None if final is None else round_half_up(final / (1 + self.terms.vat_rate), 2)

    @property
    def provisional_difference(self) -> Decimal | None:
        """quantity × (final − provisional price) with VAT: what the buyer still pays (+) or gets back (−). None without a
        provisional price or before the final one."""
        if self.final_price is None or self.terms.provisional is None:
            return None
        return round_money(self.terms.quantity * (self.final_price - self.terms.provisional))

    @property
    def exposure_effect(self) -> Decimal:
        """What the pricing so far has added to the spot exposure (`exposure_effect`)."""
        return exposure_effect(self.terms.side, self.fixed)


def price_line(terms: PricingTerms, events: Iterable[PricingEvent], earlier: Sequence[PricingTerms] = ()) -> Pricing:
    """The pricing of a floating line from its events, taken by day and id, whatever order they come in.

    `earlier` are versions of the terms before (`since`): an event is measured by the version in force on its day, so that
    a re-month leaves what was priced before as it was. An event that breaks a rule is not counted and stands in `broken`:
    `pricing_other_line`, `pricing_instrument` (not the line's reference), `pricing_window`, `pricing_not_positive`
    (quantity or price), `pricing_twice` (its id again), `pricing_too_much` (beyond what remains). RuleBroken
    `pricing_kind` for a line whose kind is not priced by events."""
    if formula_of(terms) is not PricingFormula.EVENTS:
        raise _kind_broken(terms.line, terms.kind)
    versions = sorted((*earlier, terms), key=lambda one: one.since)
    priced = turnover = premiums = _ZERO
    broken: list[RuleBroken] = []
    seen: set[str] = set()
    for event in sorted(events, key=lambda one: (one.on, one.event_id)):
        then = next((one for one in reversed(versions) if one.since <= event.on), versions[0])
        rule = _first_broken(then, event, terms.quantity - priced, seen)
        seen.add(event.event_id)
        if rule is not None:
            broken.append(_broken(rule, then, event, terms.quantity - priced))
            continue
        with localcontext(EXACT):
            priced += event.quantity
            turnover += event.quantity * event.price
            premiums += event.quantity * then.premium
    return Pricing(terms, priced, turnover, tuple(broken), premiums)


def owed_pricings(pricing: Pricing, prices: Mapping[date, Decimal], today: date) -> tuple[PricingEvent, ...]:
    """What has to be priced without a call: the rest, at the reference price of the first day on which it reached the stop
    price (a buyer stops a rise, a seller a fall), else at that of the window's last day once it is over. `prices` are the
    reference's prices by day; without the price of that day nothing can be priced and nothing is answered."""
    terms, rest = pricing.terms, pricing.remaining
    if rest <= 0 or formula_of(terms) is not PricingFormula.EVENTS:
        return ()
    end = min(today, terms.last_day)
    days = sorted(day for day in prices if max(terms.first_day, terms.since) <= day <= end)
    stop = terms.stop_price
    if stop is not None:
        for day in days:
            if prices[day] >= stop if terms.buyer_prices else prices[day] <= stop:
                return (_owed(terms, "stop", day, rest, prices[day]),)
    if terms.forced and today > terms.last_day and days:
        return (_owed(terms, "forced", days[-1], rest, prices[days[-1]]),)
    return ()


def _owed(terms: PricingTerms, why: str, day: date, quantity: Decimal, price: Decimal) -> PricingEvent:
    return PricingEvent(f"{why}/{terms.line}/{day}", terms.line, day, terms.instrument, quantity, price)


def price_average(terms: PricingTerms, prices: Sequence[Decimal], pricing_days: int) -> Pricing:
    """The pricing of an average-priced line (均价): each day of the window that has passed prices an equal part, so that
    priced = quantity × elapsed ÷ total pricing days (facts 3.16), to `QUANTITY_PLACES` decimals.

    `prices` are the reference prices of the elapsed pricing days, with VAT. RuleBroken `pricing_kind` for another kind
    (each kind needs its own formula before it is accepted); ValueError for more prices than `pricing_days`."""
    if formula_of(terms) is not PricingFormula.DAILY_AVERAGE:
        raise _kind_broken(terms.line, terms.kind)
    elapsed = len(prices)
    if pricing_days < 1 or elapsed > pricing_days:
        raise ValueError(f"{elapsed} prices for {pricing_days} pricing days")
    if not elapsed:
        return Pricing(terms, _ZERO, _ZERO)
    with localcontext(EXACT):
        priced = terms.quantity
        if elapsed < pricing_days:
            priced = round_half_up(terms.quantity * elapsed / pricing_days, QUANTITY_PLACES)
        return Pricing(terms, priced, priced * sum(prices, _ZERO) / elapsed)


def exposure_effect(side: Side, quantity: Decimal) -> Decimal:
    """What pricing `quantity` adds to the spot exposure, at once and whether the goods moved or not: a purchase gets long,
    a sale short (facts 3.1 and 3.18: pricing moves exposure, delivery does not)."""
    return quantity if side is Side.PURCHASE else -quantity


def due(pricings: Iterable[Pricing], today: date, days: int = NOTICE_DAYS) -> tuple[Pricing, ...]:
    """Lines with something left to price whose window ends within `days` calendar days of `today` or has ended, the most
    urgent first."""
    found = (one for one in pricings if one.remaining > 0 and (one.terms.last_day - today).days <= days)
    return tuple(sorted(found, key=lambda one: (one.terms.last_day, one.terms.line)))


def _first_broken(terms: PricingTerms, event: PricingEvent, remaining: Decimal, seen: set[str]) -> str | None:
    rules = (
        ("other_line", event.line != terms.line),
        ("twice", event.event_id in seen),
        ("instrument", event.instrument != terms.instrument),
        ("window", not terms.first_day <= event.on <= terms.last_day),
        ("not_positive", min(event.quantity, event.price) <= 0),
        ("too_much", event.quantity > remaining),
    )
    return next((name for name, is_broken in rules if is_broken), None)


def _broken(rule: str, terms: PricingTerms, event: PricingEvent, remaining: Decimal) -> RuleBroken:
    params = {
        "event": event.event_id,
        "line": terms.line,
        "on": event.on,
        "first": terms.first_day,
        "last": terms.last_day,
        "instrument": event.instrument,
        "reference": terms.instrument,
        "quantity": event.quantity,
        "price": event.price,
        "remaining": remaining,
    }
    return RuleBroken(f"pricing_{rule}", event.event_id, Message(f"pricing.{rule}", params))


def _kind_broken(line: ExternalRef, kind: PricingKind) -> RuleBroken:
    return RuleBroken("pricing_kind", str(line), Message("pricing.kind", {"line": line, "kind": kind.value}))
