"""The result of the hedged business: every order, stock lot and futures lot, open or closed, from its price then to now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hedge_core.attribution import FuturesLeg
from hedge_core.basis import Quote
from hedge_core.currencies import RateTable
from hedge_core.errors import RuleBroken
from hedge_core.funding import DatedRate, funding_cost
from hedge_core.lot_ways import MatchedClose, Opened, Ways, share_out
from hedge_core.model.events import Roll
from hedge_core.model.futures import Fill, PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.pricing import Pricing
from hedge_core.result import ClosedPart, HeldLot, ResultRow, SpotPrices, book_total, result_rows
from hedge_core.settlement.rows import LotClose
from hedge_core.snapshot import decode
from hedge_core.trading_calendar import EXCHANGE_TIME
from hedge_core.use_cases.commodity import business, business_today
from hedge_core.use_cases.match import both_sides
from hedge_core.use_cases.plans import USUAL_MARGIN_RATE
from hedge_core.use_cases.rates import funding_rates, in_own, own_quote, rate_table
from hedge_core.use_cases.result_options import closed_options
from hedge_core.use_cases.settle import contract_sizes, vat_rates
from messages import Message

ROLLED = "rolled "
"""Begins the reason of a match that a roll ended; the new match goes on from it."""
_ZERO = Decimal(0)


@dataclass(frozen=True, slots=True)
class BookResult:
    """Rows of the book, their lines added up, the day of the lots, and what could not be counted."""

    rows: tuple[ResultRow, ...]
    total: Mapping[str, Decimal]
    on: date
    broken: tuple[RuleBroken, ...]


def result_now(store: Store, book: BookId, products: Iterable[Product], clock: Clock) -> BookResult:
    """Results since the opening of everything: what is open now, and what was closed on settled days.

    Stock counts from its cost (price kind `cost`, of its material, else its commodity), an order from its contract price,
    both to the commodity's spot quote (kind `spot`); futures from their opening, through the rolls that carried them, to
    the settlement price of the last settled day or to the price they closed at. Fees are those of opening and closing;
    funding counts the nights of stock at cost and of margin at the rates kept as terms (`funding`), none without them.
    Prices in another currency are converted at the rate in force on their day. All prices up to the last settled day."""
    table = list(products)
    with store.read(book) as uow:
        legs, lots, in_force, on = both_sides(uow, table, business_today(clock))
        broken: list[RuleBroken] = []
        known = _Known(uow, on, rate_table(uow), funding_rates(uow), broken)
        held = business(uow, max(on, business_today(clock)))
        stock = {str(one.ref): one for one in held.inventory}
        lines = {str(line.ref): line for line in held.lines}
        pricings = {str(ref): pricing for ref, pricing in held.pricings.items()}
        prices, funding = {}, {}
        for leg in legs:
            try:
                found = _spot_prices(known, leg, stock, lines, pricings)
            except RuleBroken as missing:
                broken.append(missing)
                continue
            if found is not None:
                prices[str(leg.ref)], funding[str(leg.ref)] = found
        ways, matches, closed = _futures(known, legs, lots, in_force, table)
        rows, wrong = result_rows(legs, prices, ways, matches, uow.book.currency, closed, funding)
        return BookResult(rows, book_total(rows), on, (*broken, *wrong))


@dataclass
class _Known:
    """What every row stands on, and what was missing on the way."""

    uow: UnitOfWork
    on: date
    rates: RateTable
    funding: Sequence[DatedRate]
    broken: list[RuleBroken]

    def margin_cost(self, commodity: str, value: Fraction, first: date, last: date) -> Fraction:
        """What the margin of futures of a value cost over these days."""
        settings = self.uow.book.settings
        rate = settings.get(f"margin_rate.{commodity}", settings.get("margin_rate", USUAL_MARGIN_RATE))
        return funding_cost(value * Fraction(Decimal(rate)), first, last, self.funding)


def _spot_prices(
    known: _Known,
    leg: SpotLeg,
    stock: Mapping[str, InventoryLot],
    lines: Mapping[str, ContractLine],
    pricings: Mapping[str, Pricing],
) -> tuple[SpotPrices, Fraction] | None:
    """Then and now of a leg's goods, and what the money in them cost. RuleBroken `currency_rate_missing`."""
    name, uow, on = str(leg.ref), known.uow, known.on
    spot = uow.broker.latest_price("spot", leg.commodity, on)
    if spot is None:
        return None
    now = own_quote(known.rates, spot, leg.vat_rate, spot.trading_day)
    if name in stock:
        cost = uow.broker.latest_price("cost", stock[name].material, on)
        cost = cost or uow.broker.latest_price("cost", leg.commodity, on)
        if cost is None:
            return None
        then = own_quote(known.rates, cost, leg.vat_rate, cost.trading_day)
        value = abs(Fraction(leg.quantity)) * Fraction(then.with_vat)
        return SpotPrices(then, now), funding_cost(value, cost.trading_day, on, known.funding)
    line = lines.get(name)
    if line is None:
        return None
    pricing = pricings.get(name)
    if pricing is not None and pricing.average is not None:
        price = in_own(known.rates, pricing.average + pricing.premium, line.currency, line.contract_date)
        return SpotPrices(Quote(price, line.vat_rate), now), Fraction(0)
    if line.price is None:
        return None
    price = in_own(known.rates, line.price, line.currency, line.contract_date)
    return SpotPrices(Quote(price, line.vat_rate, vat_included=False), now), Fraction(0)


# --- futures: their ways, and what was closed -------------------------------------------------------------------------


def _futures(
    known: _Known,
    legs: Sequence[SpotLeg],
    lots: Sequence[PositionLot],
    in_force: Mapping[str, Product],
    table: Sequence[Product],
) -> tuple[dict[str, HeldLot], list[HedgeMatch], list[ClosedPart]]:
    """Open lots with the legs that led to them, matches as far as they are open, and what was closed."""
    uow, on = known.uow, known.on
    fills = {fill.key: fill for fill in uow.statements.fills()}
    closes, days = _closes(uow)
    fees = {key: Fraction(fill.fee) / fill.lots for key, fill in fills.items()}
    ended = closed_options(uow, fills.values())
    ways = Ways(
        {**ended.opened, **_opened(uow, fills)}, uow.commodity.events(Roll), [*closes, *ended.closes], {**days, **ended.days},
        {**fees, **ended.fees},
    )  # fmt: skip
    days = {**days, **ended.days}
    gone = ways.closed()
    instruments = {one.instrument for one in gone} | {lot.instrument for lot in lots}
    products = {**contract_sizes(instruments, table, on), **in_force}
    held = {}
    for lot in lots:
        if lot.instrument not in products or lot.lot_id not in ways.opened:
            continue
        settled = uow.broker.latest_price("settlement", lot.instrument, on)
        if settled is None:
            params = {"instrument": lot.instrument, "day": on}
            known.broken.append(RuleBroken("result_no_settlement", lot.lot_id, Message("result.no_settlement", params)))
            continue
        product = products[lot.instrument]
        try:
            held[lot.lot_id] = _held(known, ways, lot.lot_id, lot.direction.sign * lot.lots, settled.price, on, product)
        except RuleBroken as missing:
            known.broken.append(missing)
    open_now = {
        lot.lot_id: Decimal(lot.lots * products[lot.instrument].multiplier)
        for lot in lots
        if lot.instrument in products
    }
    counted = [one for one in gone if one.instrument in products and one.lot_id in ways.opened]
    sizes = {one.instrument: products[one.instrument].multiplier for one in counted}
    matches, parts = share_out(open_now, sizes, uow.results.matches(), _ended(uow), counted, days)
    rates = vat_rates(uow.book, {products[one.instrument].commodity for one in counted})
    closed = []
    for part in parts:
        try:
            closed.append(_closed(known, ways, part, days[part.close.fill_key], products[part.close.instrument], rates))
        except RuleBroken as missing:
            known.broken.append(missing)
    there = {str(leg.ref) for leg in legs}
    for one in closed:
        if one.leg in there and one.at is None and one.spot_quantity:
            params = {"leg": one.leg, "commodity": one.commodity}
            known.broken.append(RuleBroken("result_spot_at_close", one.leg, Message("result.spot_at_close", params)))
    stale = [one for one in uow.results.matches() if one.lot_id not in open_now]
    return held, [*matches, *(one for one in stale if one.lot_id not in ways.opened)], closed


def _held(known: _Known, ways: Ways, lot_id: str, lots: int, price: Decimal, last: date, product: Product) -> HeldLot:
    """`lots` (signed) of a position lot with their way up to a price on a day, in the book's currency at that day's rate."""
    begun, way = ways.opened[lot_id], ways.way(lot_id)
    quantity = Decimal(lots * product.multiplier)

    def own(amount: Decimal) -> Decimal:
        return in_own(known.rates, amount, begun.currency, last)

    legs = [
        FuturesLeg(step.instrument, step.share * Fraction(quantity), own(step.opened), own(step.closed))
        for step in way.steps
    ]
    legs.append(FuturesLeg(begun.instrument, quantity, own(begun.price), own(price)))
    fee = way.fee * abs(lots) * Fraction(known.rates.rate(begun.currency, last))
    value = abs(Fraction(quantity)) * Fraction(own(begun.price))
    funding = known.margin_cost(product.commodity, value, way.since, last)
    return HeldLot(lot_id, quantity, tuple(legs), fee, funding)


def _closed(
    known: _Known, ways: Ways, part: MatchedClose, day: date, product: Product, rates: Mapping[str, Decimal]
) -> ClosedPart:
    close, match = part.close, part.match
    lots = close.direction.sign * close.lots
    lot = _held(known, ways, close.lot_id, lots, close.close_price, day, product)
    closing = ways.fees.get(close.fill_key, Fraction(0)) * close.lots
    share = Fraction(part.quantity) / abs(Fraction(lot.quantity))
    quantity = part.quantity * close.direction.sign
    legs = tuple(replace(leg, quantity=Fraction(leg.quantity) * share) for leg in lot.legs)
    currency = ways.opened[close.lot_id].currency
    fee = (Fraction(lot.fee) + closing * Fraction(known.rates.rate(currency, day))) * share
    mine = HeldLot(close.lot_id, quantity, legs, fee, lot.funding * share)
    vat = rates[product.commodity] if product.vat_included else _ZERO
    delivered = -quantity if close.delivered else _ZERO
    if match is None:
        return ClosedPart(mine, product.commodity, delivered=delivered, vat_rate=vat)
    goods = Fraction(match.spot_quantity) * Fraction(part.quantity) / Fraction(match.futures_quantity)
    spot = known.uow.broker.latest_price("spot", product.commodity, day)
    at = None if spot is None else own_quote(known.rates, spot, vat, day)
    if close.delivered:
        at = Quote(in_own(known.rates, close.close_price, currency, day), vat)
    name = str(match.leg)
    quantity_of_goods = Decimal(goods.numerator) / Decimal(goods.denominator)
    return ClosedPart(mine, product.commodity, name, quantity_of_goods, at, delivered, vat)


def _opened(uow: UnitOfWork, fills: Mapping[str, Fill]) -> dict[str, Opened]:
    own = uow.book.currency
    opened = {
        lot.lot_id: Opened(lot.instrument, lot.lots, lot.open_price, state.trading_day, _ZERO, own)
        for state in uow.broker.openings()
        for lot in state.lots
    }
    opened |= {
        key: Opened(fill.instrument, fill.lots, fill.price, fill.trading_day, fill.fee, fill.currency)
        for key, fill in fills.items()
        if fill.offset.opens
    }
    return opened


def _closes(uow: UnitOfWork) -> tuple[list[LotClose], dict[str, date]]:
    """Every close of the final settled days, and the trading day of each closing fill."""
    closes: list[LotClose] = []
    days: dict[str, date] = {}
    for listed in uow.results.snapshots():
        if listed.status != "final":
            continue
        stored = uow.results.snapshot(listed.trading_day, listed.version)
        if stored is not None:
            mine = decode(stored.body).figures.closes()
            closes += mine
            days |= {one.fill_key: listed.trading_day for one in mine}
    return closes, days


def _ended(uow: UnitOfWork) -> list[tuple[HedgeMatch, date]]:
    """Matches that a person or a change ended, with the last day they counted; a rolled one goes on in the new match."""
    return [
        (match, ended_at.astimezone(EXCHANGE_TIME).date())
        for match, ended_at, why in uow.commodity.match_history()
        if ended_at is not None and not why.startswith(ROLLED)
    ]
