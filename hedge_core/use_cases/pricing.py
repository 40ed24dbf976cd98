"""The pricing desk (点价): what is to be priced and until when, pricing it, and the documents of a final price."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from hedge_core.basis import BasisKind, Quote, basis, floating_quote
from hedge_core.contract_terms import line_names, pricing_of, pricing_terms
from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.exposure import net_delivered
from hedge_core.model.events import PriceNote, PricingCall
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.physical import ContractLine
from hedge_core.model.terms import PriceVersion
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.price_notes import FINAL, PROVISIONAL, Document, Priced, reprice
from hedge_core.pricing import NOTICE_DAYS, Pricing, exposure_effect, owed_pricings
from hedge_core.use_cases.commodity import Business, business, business_today, reference_prices
from hedge_core.use_cases.exposure import exposure_of
from messages import Message


@dataclass(frozen=True, slots=True)
class DeskRow:
    """A line at the desk. `days_left` counts calendar days to the window's end; `due` within a week of it, or after."""

    line: ContractLine
    pricing: Pricing
    days_left: int
    due: bool


def desk(store: Store, book: BookId, clock: Clock, *, everything: bool = False) -> tuple[DeskRow, ...]:
    """Lines with something left to price, the most urgent first; `everything` adds those that are priced."""
    today = business_today(clock)
    with store.read(book) as uow:
        held = business(uow, today)
    rows = []
    for line in held.lines:
        pricing = held.pricings.get(line.ref)
        if pricing is None or not (everything or pricing.remaining > 0):
            continue
        left = (pricing.terms.last_day - today).days
        rows.append(DeskRow(line, pricing, left, pricing.remaining > 0 and left <= NOTICE_DAYS))
    return tuple(sorted(rows, key=lambda row: (row.pricing.remaining <= 0, row.days_left, row.line.ref)))


@dataclass(frozen=True, slots=True)
class PricingDone:
    """A pricing and what it changed at once: how far the line is priced, the commodity's spot and net exposure before and
    after, and the order's basis per unit."""

    call: PricingCall
    pricing: Pricing
    commodity: str
    spot_before: Decimal
    spot_after: Decimal
    net_before: Decimal
    net_after: Decimal
    basis: Decimal


def price(
    store: Store,
    book: BookId,
    line: str,
    quantity: Decimal,
    futures_price: Decimal,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    *,
    on: date | None = None,
    instrument: str = "",
    event_id: str = "",
    dry_run: bool = False,
) -> PricingDone:
    """Price part of a line on a day (today), against its reference instrument unless another is named.

    InvalidInput for a line that is not there; the RuleBroken of `hedge_core.pricing.price_line` where the pricing breaks a
    rule, with nothing kept. A dry run keeps nothing either way."""
    table = list(products)
    day = on or business_today(clock)
    with store.read(book) if dry_run else store.begin(book, actor) as uow:
        today = max(day, business_today(clock))
        before = exposure_of(uow, table, today)
        found = find_line(before.business, line)
        reference = pricing_terms(found, before.business.terms[found.ref], day)[-1].instrument
        used = {event.event_id for event in uow.commodity.event_history(PricingCall)}
        call = PricingCall(
            event_id or _free_id(found.ref, day, used), str(found.ref), day, instrument or reference, quantity,
            futures_price,
        )  # fmt: skip
        if call.event_id in used:
            params = {"event": call.event_id, "line": found.ref}
            raise RuleBroken("pricing_twice", call.event_id, Message("pricing.twice", params))
        pricing = _with_call(uow, before.business, found, call, today)
        total = next((row for row in before.exposure.totals if row.commodity == found.commodity), None)
        spot = total.exposure if total else Decimal(0)
        net = total.net if total else Decimal(0)
        effect = exposure_effect(found.side, quantity)
        if not dry_run:
            uow.commodity.add_event(call)
            details = {
                "line": call.line, "instrument": call.instrument, "quantity": quantity, "price": futures_price,
                "on": day,
            }  # fmt: skip
            uow.audit.append("pricing.added", call.event_id, details)
        order = basis(
            BasisKind.ORDER,
            floating_quote(Quote(futures_price), pricing.terms.premium),
            Quote(futures_price),
            instrument=call.instrument,
            on=day,
        )
        return PricingDone(call, pricing, found.commodity, spot, spot + effect, net, net + effect, order.value)


def cancel_pricing(store: Store, book: BookId, event_id: str, reason: str, actor: Actor) -> None:
    """End a pricing with a reason; the history keeps it. InvalidInput when there is none."""
    with store.begin(book, actor) as uow:
        try:
            uow.commodity.end_event(PricingCall, event_id, reason)
        except KeyError:
            raise InvalidInput("pricing", 0, "", Message("pricing.no_event", {"event": event_id})) from None
        uow.audit.append("pricing.cancelled", event_id, {"reason": reason})


def force_pricings(store: Store, book: BookId, actor: Actor, clock: Clock) -> tuple[PricingCall, ...]:
    """Price what is owed without a call: stop prices that were reached, windows that are over. Answers what was priced."""
    today = business_today(clock)
    with store.begin(book, actor) as uow:
        held = business(uow, today)
        prices_of = reference_prices(uow)
        made = []
        for ref, pricing in sorted(held.pricings.items()):
            terms = pricing.terms
            if pricing.remaining <= 0 or not terms.instrument or pricing.elsewhere is not None:
                continue
            last = min(today - timedelta(days=1), terms.last_day)
            for owed in owed_pricings(pricing, prices_of(terms.instrument, terms.first_day, last), today):
                why = owed.event_id.partition("/")[0]
                call = PricingCall(owed.event_id, str(ref), owed.on, owed.instrument, owed.quantity, owed.price, why)
                uow.commodity.add_event(call)
                uow.audit.append("pricing.added", call.event_id, {"line": call.line, "why": why, "price": call.price})
                made.append(call)
        return tuple(made)


def finish_price(
    store: Store,
    book: BookId,
    line: str,
    document: Document,
    actor: Actor,
    clock: Clock,
    *,
    vat_rate: Decimal | None = None,
    invoiced: Decimal | None = None,
) -> tuple[PriceVersion, tuple[PriceNote, ...]]:
    """The final price of a line that is priced to the end: kept as a version beside the provisional one, with the documents
    that re-price what was invoiced (the line's own figure, else all that was delivered, unless `invoiced` says it).

    RuleBroken `pricing_not_final` while something remains; those of `reprice`."""
    today = business_today(clock)
    with store.begin(book, actor) as uow:
        held = business(uow, today)
        found = find_line(held, line)
        pricing = held.pricings.get(found.ref)
        if pricing is None or pricing.final_price is None:
            rest = pricing.remaining if pricing else Decimal(0)
            params = {"line": found.ref, "remaining": rest}
            raise RuleBroken("pricing_not_final", str(found.ref), Message("pricing.not_final", params))
        name = str(found.ref)
        new = Priced(pricing.final_price, found.vat_rate if vat_rate is None else vat_rate)
        known = uow.commodity.history(PriceVersion, name)
        old = new
        if known:
            old = Priced(known[-1].terms.price, known[-1].terms.vat_rate)
        elif pricing.terms.provisional is not None:
            old = Priced(pricing.terms.provisional, found.vat_rate)
            first = PriceVersion(name, PROVISIONAL, old.price, old.vat_rate)
            uow.commodity.add_terms(first, min(today, found.contract_date))
        goods = invoiced if invoiced is not None else found.invoiced
        notes: tuple[PriceNote, ...] = ()
        if old != new:
            notes = reprice(
                name, today, net_delivered(found) if goods is None else goods, old, new, document, found.currency
            )
        for note in notes:
            uow.commodity.add_event(note)
        version = PriceVersion(name, FINAL, new.price, new.vat_rate)
        uow.commodity.add_terms(version, today)
        uow.audit.append("pricing.final", name, {"price": new.price, "notes": [note.event_id for note in notes]})
        return version, notes


def find_line(held: Business, name: str) -> ContractLine:
    """A line by its record, `contract/line`, or a contract number with one line only. InvalidInput otherwise."""
    found = [line for line in held.lines if name in line_names(line)]
    if len(found) != 1:
        message = Message("pricing.which_line" if found else "pricing.no_line", {"line": name, "count": len(found)})
        raise InvalidInput("line", 0, "", message)
    return found[0]


def _with_call(uow: UnitOfWork, held: Business, line: ContractLine, call: PricingCall, today: date) -> Pricing:
    """The line's pricing with one more call; the rule it breaks is raised."""
    names = line_names(line)
    calls = [one for one in uow.commodity.events(PricingCall) if one.line in names]
    versions = held.terms[line.ref]
    before = held.pricings.get(line.ref)
    if before is not None and before.elsewhere is not None:
        params = {"line": line.ref, "priced": before.fixed}
        raise RuleBroken("pricing_in_erp", str(line.ref), Message("pricing.in_erp", params))
    pricing = pricing_of(replace(line, priced=None), versions, [*calls, call], {}, today)
    if pricing is None:
        params = {"line": line.ref, "kind": line.pricing.value}
        raise RuleBroken("pricing_kind", str(line.ref), Message("pricing.kind", params))
    for wrong in pricing.broken:
        if wrong.record == call.event_id:
            raise wrong
    if before is not None and call.quantity > before.remaining:
        # Whatever its day and id: a call never pushes out one that was there before it.
        rest = {"quantity": call.quantity, "remaining": before.remaining}
        too_much: dict[str, object] = {"event": call.event_id, "line": line.ref, **rest}
        raise RuleBroken("pricing_too_much", call.event_id, Message("pricing.too_much", too_much))
    return pricing


def _free_id(ref: ExternalRef, day: date, used: set[str]) -> str:
    number = 1
    while (name := f"{ref.key}/{day:%Y%m%d}/{number}") in used:
        number += 1
    return name
