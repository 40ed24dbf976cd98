"""The result of the hedged business as stored now: every order, stock lot and free lot from its price then to that now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hedge_core.attribution import FuturesLeg
from hedge_core.basis import Quote
from hedge_core.errors import RuleBroken
from hedge_core.model.events import Roll
from hedge_core.model.futures import Fill, PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.matches import SpotLeg
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.pricing import Pricing
from hedge_core.result import HeldLot, ResultRow, SpotPrices, book_total, result_rows
from hedge_core.rolls import path_to
from hedge_core.use_cases.commodity import business, business_today
from hedge_core.use_cases.match import both_sides
from messages import Message

_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BookResult:
    """Rows of the book, their lines added up, the day of the lots, and what could not be counted."""

    rows: tuple[ResultRow, ...]
    total: Mapping[str, Decimal]
    on: date
    broken: tuple[RuleBroken, ...]


def result_now(store: Store, book: BookId, products: Iterable[Product], clock: Clock) -> BookResult:
    """Results of what is open now. Stock counts from its cost (price kind `cost`, of its material, else its commodity), an
    order from its contract price, both to the commodity's spot quote (kind `spot`); futures from their opening, through
    the rolls that carried them, to the settlement price of the last settled day. All prices up to that day."""
    with store.read(book) as uow:
        legs, lots, in_force, on = both_sides(uow, products, business_today(clock))
        held = business(uow, max(on, business_today(clock)))
        stock = {str(one.ref): one for one in held.inventory}
        lines = {str(line.ref): line for line in held.lines}
        pricings = {str(ref): pricing for ref, pricing in held.pricings.items()}
        prices = {}
        for leg in legs:
            found = _spot_prices(uow, leg, on, stock, lines, pricings)
            if found is not None:
                prices[str(leg.ref)] = found
        broken: list[RuleBroken] = []
        ways = _ways(uow, lots, in_force, on, broken)
        rows, wrong = result_rows(legs, prices, ways, uow.results.matches(), uow.book.currency)
        return BookResult(rows, book_total(rows), on, (*broken, *wrong))


def _spot_prices(
    uow: UnitOfWork,
    leg: SpotLeg,
    on: date,
    stock: Mapping[str, InventoryLot],
    lines: Mapping[str, ContractLine],
    pricings: Mapping[str, Pricing],
) -> SpotPrices | None:
    name = str(leg.ref)
    spot = uow.broker.latest_price("spot", leg.commodity, on)
    if spot is None:
        return None
    now = Quote(spot.price, leg.vat_rate, spot.vat_included)
    if name in stock:
        cost = uow.broker.latest_price("cost", stock[name].material, on) or uow.broker.latest_price(
            "cost", leg.commodity, on
        )
        return None if cost is None else SpotPrices(Quote(cost.price, leg.vat_rate, cost.vat_included), now)
    line = lines.get(name)
    if line is None:
        return None
    then = _contract_quote(line, pricings.get(name))
    return None if then is None else SpotPrices(then, now)


def _contract_quote(line: ContractLine, pricing: Pricing | None) -> Quote | None:
    """The order's price: what the pricings came to so far, else the ERP's (without VAT)."""
    if pricing is not None and pricing.average is not None:
        return Quote(pricing.average + pricing.premium, line.vat_rate)
    return None if line.price is None else Quote(line.price, line.vat_rate, vat_included=False)


def _ways(
    uow: UnitOfWork, lots: Sequence[PositionLot], products: Mapping[str, Product], on: date, broken: list[RuleBroken]
) -> dict[str, HeldLot]:
    """Every open lot with the legs that led to it."""
    rolls = uow.commodity.events(Roll)
    fills = {fill.key: fill for fill in uow.statements.fills()}
    opened = {lot.lot_id: lot.open_price for state in uow.broker.openings() for lot in state.lots}
    opened |= {name: fill.price for name, fill in fills.items()}
    instruments = {lot.lot_id: lot.instrument for state in uow.broker.openings() for lot in state.lots}
    instruments |= {name: fill.instrument for name, fill in fills.items()}
    ways = {}
    for lot in lots:
        if lot.instrument not in products:
            continue
        settled = uow.broker.latest_price("settlement", lot.instrument, on)
        if settled is None:
            params = {"instrument": lot.instrument, "day": on}
            broken.append(RuleBroken("result_no_settlement", lot.lot_id, Message("result.no_settlement", params)))
            continue
        quantity = Decimal(lot.direction.sign * lot.lots * products[lot.instrument].multiplier)
        path = [roll for roll in path_to(lot.lot_id, rolls) if roll.from_lot in opened]
        starts = [opened[path[0].from_lot], *(roll.opened_price for roll in path)] if path else [lot.open_price]
        ends = [*(roll.closed_price for roll in path), settled.price]
        names = [*(instruments[roll.from_lot] for roll in path), lot.instrument]
        legs = tuple(
            FuturesLeg(name, quantity, start, end) for name, start, end in zip(names, starts, ends, strict=True)
        )
        fee = sum(
            (_fee(fills[key], lot.lots) for key in (lot.lot_id, *(r.from_lot for r in path)) if key in fills), _ZERO
        )
        ways[lot.lot_id] = HeldLot(lot.lot_id, quantity, legs, fee)
    return ways


def _fee(fill: Fill, lots: int) -> Decimal:
    """The opening fee of the lots still there."""
    return fill.fee * min(lots, fill.lots) / fill.lots
