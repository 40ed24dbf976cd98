"""Contract lines as they are traded: ERP records with the terms, pricings and yields that a company keeps beside them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.exposure import QUANTITY_PLACES, net_delivered
from hedge_core.model.events import PricingCall
from hedge_core.model.physical import ContractLine, InventoryLot, PricingKind
from hedge_core.model.terms import ContractTemplate, CustomCommodity, LineTerms, MaterialYield, PricingFormula
from hedge_core.pricing import Pricing, PricingEvent, PricingTerms, formula_of, price_average, price_line
from hedge_core.rounding import EXACT, round_half_up
from messages import Message

_DECEMBER: Final = 12


@dataclass(frozen=True, slots=True)
class TermsVersion:
    """Terms of a line with the day they begin to hold."""

    since: date
    terms: LineTerms


def line_names(line: ContractLine) -> tuple[str, str, str]:
    """What terms and pricings may call a line, the most exact first: its record, contract/line, the contract's number."""
    return str(line.ref), f"{line.contract_no}/{line.line_no}", line.contract_no


def of_line(line: ContractLine, versions: Mapping[str, Sequence[TermsVersion]]) -> Sequence[TermsVersion]:
    """The versions that speak of a line, by their most exact name for it; empty without any."""
    return next((versions[name] for name in line_names(line) if name in versions), ())


def pricing_terms(line: ContractLine, versions: Sequence[TermsVersion], on: date) -> list[PricingTerms]:
    """The terms of a line by their first day, those that hold on `on` last; from its own fields without any version.

    The ERP's `price` is without VAT and becomes the provisional price with VAT; its `premium` is taken with VAT. Without
    terms the window runs from the contract date to the delivery date, else to the end of the delivery month. The quantity
    is what the line comes to: delivered + open."""
    quantity = net_delivered(line) + line.open_quantity
    known = [one for one in versions if one.since <= on]
    if not known:
        with localcontext(EXACT):
            provisional = None if line.price is None else round_half_up(line.price * (1 + line.vat_rate), 2)
        last_day = line.delivery_date or month_end(line.delivery_month) or line.contract_date
        premium = line.premium or Decimal(0)
        head = (line.ref, line.side, line.pricing, quantity, line.reference or "", premium, line.vat_rate)
        return [PricingTerms(*head, line.contract_date, max(last_day, line.contract_date), provisional)]
    return [
        PricingTerms(
            line.ref, line.side, one.terms.kind, quantity, one.terms.instrument, one.terms.premium, line.vat_rate,
            one.terms.first_day, one.terms.last_day, one.terms.provisional, one.terms.buyer_prices, one.terms.formula,
            one.terms.stop_price, one.terms.forced, one.since, one.terms.pricing_days,
        )
        for one in sorted(known, key=lambda version: version.since)
    ]  # fmt: skip


def pricing_of(
    line: ContractLine,
    versions: Sequence[TermsVersion],
    calls: Iterable[PricingCall],
    prices: Mapping[date, Decimal],
    on: date,
    *,
    kept: bool = False,
) -> Pricing | None:
    """How far a line is priced on a day; None for a line that is priced as a whole. `prices` are its reference's prices by
    day (for an average line, one for each pricing day that has passed). Where the ERP says how much is priced (`line.priced`
    above zero) it and the calls kept here speak of the same goods: the larger counts, what only the ERP knows is `elsewhere`.

    RuleBroken `pricing_kind` for a basis line without a formula, `pricing_days` for an average line whose number of pricing
    days is not said or too small. Calls that are `kept` already count even beyond what an amendment left of the line
    (`chain_over_priced` tells it)."""
    found = _pricing_here(line, versions, calls, prices, on, kept)
    if found is None or not line.priced:
        return found
    known = min(line.priced, max(found.priced, found.terms.quantity))
    return replace(found, elsewhere=max(Decimal(0), known - found.priced))


def _pricing_here(
    line: ContractLine,
    versions: Sequence[TermsVersion],
    calls: Iterable[PricingCall],
    prices: Mapping[date, Decimal],
    on: date,
    kept: bool,
) -> Pricing | None:
    """The same by the calls and prices kept here alone."""
    if line.pricing is PricingKind.PRICED and not any(one.terms.kind is not PricingKind.PRICED for one in versions):
        return None
    *earlier, terms = pricing_terms(line, versions, on)
    formula = formula_of(terms)
    if formula is PricingFormula.DAILY_AVERAGE:
        days = sorted(day for day in prices if terms.first_day <= day <= min(on, terms.last_day))
        if not days:
            return price_average(terms, (), max(1, terms.pricing_days))
        if terms.pricing_days < len(days):
            params = {"line": line.contract_no, "days": terms.pricing_days, "prices": len(days)}
            raise RuleBroken("pricing_days", str(line.ref), Message("pricing.days", params))
        return price_average(terms, [prices[day] for day in days], terms.pricing_days)
    events = [
        PricingEvent(call.event_id, line.ref, call.on, call.instrument, call.quantity, call.price)
        for call in calls
        if call.on <= on
    ]
    called = sum((event.quantity for event in events), Decimal(0))
    if kept and called > terms.quantity:
        terms = replace(
            terms, quantity=called
        )  # an amendment took away what had been priced: that stays priced, and is told
    return price_line(terms, events, earlier)


def as_traded(line: ContractLine, versions: Sequence[TermsVersion], on: date, pricing: Pricing | None) -> ContractLine:
    """The line with the terms in force and what has been priced; it is priced as a whole when nothing remains."""
    known = [one for one in versions if one.since <= on]
    if known:
        terms = max(known, key=lambda one: one.since).terms
        line = replace(
            line,
            pricing=terms.kind,
            reference=terms.instrument,
            closed_rest=line.closed_rest if terms.closed_rest is None else terms.closed_rest,
            tolerance=line.tolerance if terms.tolerance is None else terms.tolerance,
        )
    return line if pricing is None else replace(line, priced=pricing.fixed)


def no_terms(line: ContractLine) -> Iterable[RuleBroken]:
    """An average or basis line without terms: nobody said window, reference or formula, so that all of it counts as
    unpriced (`terms_missing`)."""
    if line.open_quantity or net_delivered(line):
        params = {"line": f"{line.contract_no}/{line.line_no}", "kind": line.pricing.value}
        yield RuleBroken("terms_missing", str(line.ref), Message("pricing.terms_missing", params))


def unpriced_days(
    terms: PricingTerms, prices: Mapping[date, Decimal], open_days: Iterable[date], on: date
) -> Iterable[RuleBroken]:
    """What an average line lacks: every day of its window on which the exchanges had prices and its reference had none
    (`pricing_day_price`), and after the window fewer priced days than its terms name (`pricing_days_short`)."""
    missing = [day for day in open_days if day not in prices]
    for day in missing:
        params = {"line": terms.line, "instrument": terms.instrument, "day": day}
        yield RuleBroken("pricing_day_price", str(terms.line), Message("pricing.day_price", params))
    if on > terms.last_day and len(prices) + len(missing) < terms.pricing_days:
        short = {"line": terms.line, "days": terms.pricing_days, "prices": len(prices), "last": terms.last_day}
        yield RuleBroken("pricing_days_short", str(terms.line), Message("pricing.days_short", short))


def from_template(
    template: ContractTemplate, line: ContractLine, instrument: str, premium: Decimal | None = None
) -> LineTerms:
    """The terms of a line by a template; the window counts from the contract date."""
    return LineTerms(
        line=str(line.ref),
        kind=template.kind,
        instrument=instrument,
        first_day=line.contract_date,
        last_day=line.contract_date + timedelta(days=template.window_days),
        premium=template.premium if premium is None else premium,
        buyer_prices=template.buyer_prices,
        formula=template.formula,
        pricing_days=template.pricing_days,
        forced=template.forced,
        tolerance=template.tolerance,
        template=template.name,
    )


# --- material to commodity --------------------------------------------------------------------------------------------


def line_in_commodity(line: ContractLine, yields: Iterable[MaterialYield]) -> ContractLine:
    """The line in the commodity it is hedged as: 1,000 t of concentrate become 241.25 t of metal (facts 3.6). A line whose
    unit is not the table's stays as it is; prices follow, so that amounts keep."""
    found = _yield_of(line.material, line.unit, "", yields)
    if found is None:
        return line
    share = _share(found)

    def turned(quantity: Decimal | None) -> Decimal | None:
        return None if quantity is None else _times(quantity, share)

    return replace(
        line,
        commodity=found.commodity,
        unit=found.unit,
        ordered=_times(line.ordered, share),
        delivered=_times(line.delivered, share),
        returned=_times(line.returned, share),
        priced=turned(line.priced),
        closed_rest=_times(line.closed_rest, share),
        shipped=turned(line.shipped),
        invoiced=turned(line.invoiced),
        price=None if line.price is None else _over(line.price, share),
    )


def stock_in_commodity(stock: InventoryLot, yields: Iterable[MaterialYield]) -> InventoryLot:
    """The same for goods on hand; goods at a processor take the row with its name (tolling yield) before the general one."""
    found = _yield_of(stock.material, stock.unit, stock.holder, yields)
    if found is None:
        return stock
    return replace(stock, commodity=found.commodity, unit=found.unit, quantity=_times(stock.quantity, _share(found)))


def custom_line(line: ContractLine, customs: Mapping[str, CustomCommodity]) -> ContractLine:
    """A line of a commodity of the company's own, counted as the commodity it is hedged with."""
    found = customs.get(line.commodity)
    if found is None or not found.hedge_commodity:
        return line
    row = MaterialYield(line.material, found.hedge_commodity, line.unit, line.unit, found.ratio)
    return line_in_commodity(line, [row])


def custom_stock(stock: InventoryLot, customs: Mapping[str, CustomCommodity]) -> InventoryLot:
    """The same for goods on hand."""
    found = customs.get(stock.commodity)
    if found is None or not found.hedge_commodity:
        return stock
    row = MaterialYield(stock.material, found.hedge_commodity, stock.unit, stock.unit, found.ratio)
    return stock_in_commodity(stock, [row])


def month_end(month: str) -> date | None:
    """The last day of `YYYY-MM`; None if it is no month."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        return None
    after = date(first.year + first.month // _DECEMBER, first.month % _DECEMBER + 1, 1)
    return after - timedelta(days=1)


def _yield_of(material: str, unit: str, holder: str, yields: Iterable[MaterialYield]) -> MaterialYield | None:
    rows = [one for one in yields if one.material == material and one.from_unit == unit]
    exact = (one for one in rows if one.processor == holder)
    general = (one for one in rows if not one.processor)
    return next(exact, None) or next(general, None)


def _share(row: MaterialYield) -> Decimal:
    with localcontext(EXACT):
        return row.factor * row.content * row.recovery


def _times(quantity: Decimal, share: Decimal) -> Decimal:
    with localcontext(EXACT):
        return round_half_up(quantity * share, QUANTITY_PLACES)


def _over(price: Decimal, share: Decimal) -> Decimal:
    with localcontext(EXACT):
        return round_half_up(price / share, QUANTITY_PLACES)
