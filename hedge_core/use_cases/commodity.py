"""The physical business of a book as it is traded on a day: ERP records with terms, pricings, yields and custom commodities."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from hedge_core.contract_terms import (
    TermsVersion,
    as_traded,
    custom_line,
    custom_stock,
    line_in_commodity,
    line_names,
    no_terms,
    of_line,
    pricing_of,
    pricing_terms,
    stock_in_commodity,
    unpriced_days,
)
from hedge_core.errors import RuleBroken
from hedge_core.exposure import Handover
from hedge_core.instruments import parse_instrument
from hedge_core.model.events import Allocation, AllocationAgreement, PlanFill, PricingCall
from hedge_core.model.futures import PositionLot, Product
from hedge_core.model.identity import ExternalRef
from hedge_core.model.physical import ContractLine, InventoryLot, PricingKind
from hedge_core.model.terms import (
    CustomCommodity,
    HedgePlan,
    LineTerms,
    MaterialYield,
    OptionDelta,
    PlanPurpose,
    PricingFormula,
)
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import UnitOfWork
from hedge_core.pricing import Pricing, formula_of
from hedge_core.products import products_by_instrument
from hedge_core.quantity_chain import broken_chain
from hedge_core.trading_calendar import EXCHANGE_TIME
from messages import Message


def business_today(clock: Clock) -> date:
    """The date at the exchanges, whatever the server's time zone is."""
    return clock.now().astimezone(EXCHANGE_TIME).date()


@dataclass(frozen=True, slots=True)
class Business:
    """Lines and stock as traded, how far each line is priced (by record), the versions of each line's terms, and what is
    wrong with them. A line whose terms are wrong counts as the ERP has it, without any pricing."""

    lines: tuple[ContractLine, ...]
    inventory: tuple[InventoryLot, ...]
    pricings: Mapping[ExternalRef, Pricing]
    terms: Mapping[ExternalRef, tuple[TermsVersion, ...]]
    broken: tuple[RuleBroken, ...]


@dataclass(frozen=True, slots=True)
class PhysicalRecords:
    """Contract lines and stock as an ERP's records say them."""

    lines: Sequence[ContractLine]
    inventory: Sequence[InventoryLot]


def business(uow: UnitOfWork, on: date, records: PhysicalRecords | None = None) -> Business:
    """Everything physical of the book on a day, from the records as stored now or from others (as they stood then)."""
    if records is None:
        records = PhysicalRecords(uow.physical.contract_lines(), uow.physical.inventory())
    versions: dict[str, list[TermsVersion]] = {}
    for stored in uow.commodity.history(LineTerms):
        known = versions.setdefault(stored.terms.line, [])
        if known and known[-1].since == stored.effective_from:
            known.pop()  # a later version for the same day replaces it
        known.append(TermsVersion(stored.effective_from, stored.terms))
    calls: dict[str, list[PricingCall]] = {}
    for call in uow.commodity.events(PricingCall):
        calls.setdefault(call.line, []).append(call)
    yields = uow.commodity.in_force(MaterialYield, on)
    customs = {custom.code: custom for custom in uow.commodity.in_force(CustomCommodity, on)}
    prices_of = reference_prices(uow)
    lines: list[ContractLine] = []
    pricings: dict[ExternalRef, Pricing] = {}
    terms: dict[ExternalRef, tuple[TermsVersion, ...]] = {}
    broken: list[RuleBroken] = []
    for stored_line in records.lines:
        line = custom_line(line_in_commodity(stored_line, yields), customs)
        mine = tuple(of_line(line, versions))
        try:
            line, pricing, unsaid = _traded(line, mine, calls, prices_of, on)
            broken += unsaid
        except RuleBroken as wrong:
            broken.append(wrong)
            pricing = None
        if pricing is not None:
            pricings[line.ref] = pricing
            broken += pricing.broken
        terms[line.ref] = mine
        broken += broken_chain(line)
        lines.append(line)
    named = {name for line in lines for name in line_names(line)[:2]}
    inventory = []
    for lot in records.inventory:
        if lot.transit_line and lot.transit_line not in named:
            params = {"line": lot.transit_line, "record": lot.ref}
            broken.append(RuleBroken("transit_line", str(lot.ref), Message("exposure.transit_line", params)))
            lot = replace(lot, transit_line="")  # no line counts it: it counts as stock
        inventory.append(custom_stock(stock_in_commodity(lot, yields), customs))
    return Business(tuple(lines), tuple(inventory), pricings, terms, tuple(broken))


def _traded(
    line: ContractLine,
    mine: tuple[TermsVersion, ...],
    calls: Mapping[str, list[PricingCall]],
    prices_of: ReferencePrices,
    on: date,
) -> tuple[ContractLine, Pricing | None, list[RuleBroken]]:
    """The line with its terms, its pricing, and what its pricing lacks. An average or basis line that nobody gave terms
    counts as unpriced, and that is said."""
    held = as_traded(line, mine, on, None)
    if held.pricing is PricingKind.PRICED:
        return held, None, []
    last = pricing_terms(held, mine, on)[-1]
    called = [call for name in line_names(held) for call in calls.get(name, ())]
    formula = formula_of(last)
    if not mine and formula is not PricingFormula.EVENTS:
        # Nothing but the ERP's word that the price is open: it stays open.
        return held, None, list(no_terms(held))
    prices: Mapping[date, Decimal] = {}
    lacking: list[RuleBroken] = []
    if formula is PricingFormula.DAILY_AVERAGE:
        until = min(on, last.last_day)
        prices = prices_of(last.instrument, last.first_day, until)
        lacking = list(unpriced_days(last, prices, prices_of.priced_days(last.first_day, until), on))
    pricing = pricing_of(held, mine, called, prices, on, kept=True)
    return as_traded(line, mine, on, pricing), pricing, lacking


class ReferencePrices:
    """Settlement prices of an instrument by day, both days included; each day is read once."""

    def __init__(self, uow: UnitOfWork) -> None:
        self._uow = uow
        self._days: dict[date, Mapping[str, Decimal]] = {}

    def __call__(self, instrument: str, first: date, last: date) -> dict[date, Decimal]:
        days = self._between(first, last)
        return {day: prices[instrument] for day, prices in days.items() if instrument in prices}

    def priced_days(self, first: date, last: date) -> list[date]:
        """Days on which any instrument has a settlement price: the exchanges were open."""
        return [day for day, prices in self._between(first, last).items() if prices]

    def _between(self, first: date, last: date) -> dict[date, Mapping[str, Decimal]]:
        found = {}
        day = first
        while day <= last:
            if day not in self._days:
                known = self._uow.broker.prices("settlement", day)
                self._days[day] = {name: price.price for name, price in known.items()}
            found[day] = self._days[day]
            day += timedelta(days=1)
        return found


def reference_prices(uow: UnitOfWork) -> ReferencePrices:
    """The same for one unit of work."""
    return ReferencePrices(uow)


# --- what stands against it -------------------------------------------------------------------------------------------


def products_of_lots(lots: Iterable[PositionLot], products: Iterable[Product], day: date) -> dict[str, Product]:
    """The product in force of every lot, that of its underlying for an option; unknown ones are absent."""
    futures: dict[str, str] = {}
    for name in {lot.instrument for lot in lots}:
        parts = parse_instrument(name)
        if parts is not None and parts.is_option:
            futures[name] = f"{parts.exchange}.{parts.product}{parts.month[2:4]}{parts.month[5:]}"
        else:
            futures[name] = name
    known = products_by_instrument(futures.values(), products, day)
    return {name: known[future] for name, future in futures.items() if future in known}


def deltas(uow: UnitOfWork, on: date) -> dict[str, Decimal]:
    """Deltas by option series."""
    return {row.instrument: row.delta for row in uow.commodity.in_force(OptionDelta, on)}


def virtual_lots(uow: UnitOfWork, on: date) -> frozenset[str]:
    """Ids of lots opened for a plan whose purpose is to hold futures in place of stock."""
    plans = {
        plan.plan_id for plan in uow.commodity.in_force(HedgePlan, on) if plan.purpose is PlanPurpose.VIRTUAL_STOCK
    }
    return frozenset(tie.event_id for tie in uow.commodity.events(PlanFill) if tie.plan_id in plans)


def handovers(uow: UnitOfWork, units: Mapping[str, str], on: date) -> list[Handover]:
    """What other books handed over or took, agreed on both sides; `units` is by commodity."""
    agreed = {agreement.event_id for agreement in uow.commodity.events(AllocationAgreement)}
    return [
        Handover(one.event_id, one.commodity, one.month, units.get(one.commodity, "t"), one.quantity)
        for one in uow.commodity.events(Allocation)
        if one.event_id in agreed and one.on <= on
    ]
