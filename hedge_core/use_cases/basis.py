"""Basis of market, stock and orders through one function: computed from stored prices, kept as history, watched in bands."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from functools import partial
from typing import Final

from hedge_core.basis import Basis, BasisKind, Premiums, Quote, basis, floating_quote
from hedge_core.basis_history import (
    BasisAlert,
    BasisRange,
    DatedBasis,
    basis_alerts,
    basis_range,
    premiums,
    quality_of,
)
from hedge_core.contract_terms import line_names
from hedge_core.currencies import RateTable
from hedge_core.errors import RuleBroken
from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import Product, SettlementPrice
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, PricingKind
from hedge_core.model.terms import BasisBand, BasisPoint, GoodsQuality, PremiumRow
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.pricing import Pricing
from hedge_core.products import products_by_instrument
from hedge_core.use_cases.commodity import Business, business, business_today
from hedge_core.use_cases.rates import in_own, own_quote, rate_table
from hedge_core.use_cases.settle import vat_rates
from messages import Message

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class BasisRow:
    """A basis with what it is of: a commodity (market), a stock lot, or an order."""

    commodity: str
    subject: str
    quantity: Decimal | None
    basis: Basis


@dataclass(frozen=True, slots=True)
class BasisDay:
    """All bases of one day, and what kept others from being computed."""

    on: date
    rows: tuple[BasisRow, ...]
    broken: tuple[RuleBroken, ...]


def basis_of_day(
    store: Store,
    book: BookId,
    day: date,
    products: Iterable[Product],
    *,
    brand: str = "",
    grade: str = "",
    place: str = "",
    instrument: str = "",
) -> BasisDay:
    """Market basis of every commodity with a spot quote on the day, and the basis of each matched stock lot and each order.

    The market's instrument is the one named, else the book's setting `basis_instrument.<commodity>`, else the first month
    after the day's with a settlement price. `brand`, `grade` and `place` say what the quote is of, and the goods of which no
    `quality` row speaks; their premiums come off in all three. An order's basis stands on its own reference (agreed premium
    while unpriced). Prices in another currency are converted at the rate in force on their day. What keeps a basis from
    being computed is named, and the others stand."""
    with store.read(book) as uow:
        return _of_day(uow, day, list(products), {"brand": brand, "grade": grade, "place": place}, instrument)


def keep_basis(
    store: Store, book: BookId, day: date, products: Iterable[Product], actor: Actor, *, instrument: str = ""
) -> BasisDay:
    """The same for the standard grade, kept as the day's history (again: a new version where something changed)."""
    with store.begin(book, actor) as uow:
        found = _of_day(uow, day, list(products), {}, instrument)
        for row in found.rows:
            one = row.basis
            point = BasisPoint(row.commodity, one.kind.value, row.subject, one.instrument, one.spot, one.futures)
            uow.commodity.add_terms(point, day)
        uow.audit.append("basis.kept", day.isoformat(), {"points": len(found.rows)})
        return found


@dataclass(frozen=True, slots=True)
class BasisSeries:
    """The market basis history of a commodity against the instrument of its last day, and where it stands."""

    commodity: str
    points: tuple[DatedBasis, ...]
    range: BasisRange | None


def basis_series(store: Store, book: BookId) -> tuple[BasisSeries, ...]:
    """By commodity. Only days against the last day's instrument are compared: another month would add a calendar spread."""
    with store.read(book) as uow:
        answer = []
        for commodity, points in sorted(_history(uow).items()):
            last = points[-1].point.instrument
            same = tuple(one for one in points if one.point.instrument == last)
            answer.append(BasisSeries(commodity, same, basis_range(same)))
        return tuple(answer)


def alerts_now(store: Store, book: BookId, clock: Clock) -> tuple[BasisAlert, ...]:
    """Bases outside their bands, stale or missing today."""
    with store.read(book) as uow:
        today = business_today(clock)
        return basis_alerts(uow.commodity.in_force(BasisBand, today), _history(uow), today)


def _history(uow: UnitOfWork) -> dict[str, list[DatedBasis]]:
    latest: dict[tuple[str, date], DatedBasis] = {}
    for stored in uow.commodity.history(BasisPoint):
        if stored.terms.kind == BasisKind.MARKET.value:
            latest[stored.terms.commodity, stored.effective_from] = DatedBasis(stored.effective_from, stored.terms)
    found: dict[str, list[DatedBasis]] = {}
    for (commodity, _), one in sorted(latest.items()):
        found.setdefault(commodity, []).append(one)
    return found


def _of_day(uow: UnitOfWork, day: date, products: list[Product], quality: dict[str, str], instrument: str) -> BasisDay:
    held = business(uow, day)
    commodities = {line.commodity for line in held.lines} | {stock.commodity for stock in held.inventory}
    spots = uow.broker.prices("spot", day)
    known = _Known(
        day,
        rate_table(uow),
        vat_rates(uow.book, commodities | set(spots)),
        uow.commodity.in_force(PremiumRow, day),
        {row.subject: row for row in uow.commodity.in_force(GoodsQuality, day)},
        quality,
    )
    rows = [
        *_market(uow, known, spots, products, instrument),
        *_orders(uow, known, held),
        *_stock(uow, known, held),
    ]
    return BasisDay(day, tuple(rows), (*held.broken, *known.broken))


@dataclass
class _Known:
    """What every basis of a day stands on, and what was missing on the way."""

    day: date
    rates: RateTable
    vat: Mapping[str, Decimal]
    table: Sequence[PremiumRow]
    qualities: Mapping[str, GoodsQuality]
    usual: Mapping[str, str]
    broken: list[RuleBroken] = field(default_factory=list)

    def premiums(self, commodity: str, names: Iterable[str] = ()) -> Premiums:
        """The premiums of goods by their names. RuleBroken `premium_missing` for a word the table does not list."""
        return premiums(self.table, commodity, **quality_of(names, self.qualities, self.usual))

    def named(self, rule: str, record: str, **params: object) -> None:
        self.broken.append(RuleBroken(f"basis_{rule}", record, Message(f"basis.{rule}", {"day": self.day, **params})))

    def rows(self, makers: Iterable[Callable[[], BasisRow | None]]) -> Iterator[BasisRow]:
        """Each row by itself: what one lacks is kept beside the others."""
        for make in makers:
            try:
                row = make()
            except RuleBroken as missing:
                self.broken.append(missing)
                continue
            if row is not None:
                yield row


def _market(
    uow: UnitOfWork, known: _Known, spots: Mapping[str, SettlementPrice], products: list[Product], instrument: str
) -> Iterator[BasisRow]:
    settled = uow.broker.prices("settlement", known.day)
    in_force = products_by_instrument(settled, products, known.day)

    def make(commodity: str) -> BasisRow | None:
        name = instrument or uow.book.settings.get(f"basis_instrument.{commodity}", "")
        name = name or _nearest(commodity, in_force, known.day)
        if name not in settled or name not in in_force or in_force[name].commodity != commodity:
            if instrument and name in settled:
                return None  # somebody asked for another commodity's instrument
            known.named("no_price", commodity, commodity=commodity, missing=name or commodity)
            return None
        rate, day = known.vat[commodity], known.day
        spot = own_quote(known.rates, spots[commodity], rate, day)
        price = in_own(known.rates, settled[name].price, settled[name].currency, day)
        futures = Quote(price, rate, in_force[name].vat_included)
        made = basis(BasisKind.MARKET, spot, futures, instrument=name, on=day, premiums=known.premiums(commodity))
        return BasisRow(commodity, commodity, None, made)

    return known.rows(partial(make, commodity) for commodity in sorted(spots))


def _orders(uow: UnitOfWork, known: _Known, held: Business) -> Iterator[BasisRow]:
    """Orders against their own reference: the agreed premium while unpriced, the pricings' average once there are some;
    an order with a price against the opening price of each lot it is matched to."""
    opened = opening_prices(uow)
    matches: dict[str, list[HedgeMatch]] = {}
    for match in uow.results.matches():
        if match.matched_on <= known.day and match.lot_id in opened:
            matches.setdefault(str(match.leg), []).append(match)

    def unpriced(line: ContractLine, pricing: Pricing) -> BasisRow | None:
        if not pricing.terms.instrument:
            known.named("no_reference", str(line.ref), line=f"{line.contract_no}/{line.line_no}")
            return None
        at = Quote(in_own(known.rates, pricing.average or _ZERO, line.currency, known.day))
        premium = in_own(known.rates, pricing.premium, line.currency, known.day)
        off = known.premiums(line.commodity, (*line_names(line), line.material))
        made = basis(
            BasisKind.ORDER, floating_quote(at, premium), at, instrument=pricing.terms.instrument, on=known.day,
            premiums=off,
        )  # fmt: skip
        return BasisRow(line.commodity, str(line.ref), line.open_quantity, made)

    def priced(line: ContractLine, price: Decimal, match: HedgeMatch) -> BasisRow:
        own = in_own(known.rates, price, line.currency, line.contract_date)
        off = known.premiums(line.commodity, (*line_names(line), line.material))
        spot, futures = Quote(own, line.vat_rate, vat_included=False), Quote(opened[match.lot_id])
        made = basis(BasisKind.ORDER, spot, futures, instrument=match.instrument, on=known.day, premiums=off)
        return BasisRow(line.commodity, f"{line.ref}/{match.match_id}", match.spot_quantity, made)

    makers: list[Callable[[], BasisRow | None]] = []
    for line in held.lines:
        pricing = held.pricings.get(line.ref)
        if not line.open_quantity:
            continue
        if pricing is not None:
            makers.append(partial(unpriced, line, pricing))
        elif line.pricing is PricingKind.PRICED and line.price is not None:
            makers += [partial(priced, line, line.price, match) for match in matches.get(str(line.ref), ())]
    return known.rows(makers)


def _stock(uow: UnitOfWork, known: _Known, held: Business) -> Iterator[BasisRow]:
    """Matched stock: cost with VAT − premium − opening price of its hedge, match by match; a lot without a cost is named."""
    stock = {str(one.ref): one for one in held.inventory}
    opened = opening_prices(uow)

    def make(match: HedgeMatch, lot: InventoryLot) -> BasisRow | None:
        cost = uow.broker.latest_price("cost", lot.material, known.day)
        cost = cost or uow.broker.latest_price("cost", lot.commodity, known.day)
        if cost is None:
            known.named("no_cost", str(lot.ref), lot=lot.ref, material=lot.material)
            return None
        if match.lot_id not in opened:
            known.named("no_opening", str(lot.ref), lot=lot.ref, hedge=match.lot_id)
            return None
        spot = own_quote(known.rates, cost, known.vat[lot.commodity], cost.trading_day)
        off = known.premiums(lot.commodity, (str(lot.ref), lot.lot_no, lot.material))
        futures = Quote(opened[match.lot_id])
        made = basis(BasisKind.INVENTORY, spot, futures, instrument=match.instrument, on=known.day, premiums=off)
        return BasisRow(lot.commodity, f"{match.leg}/{match.match_id}", match.spot_quantity, made)

    matches = [one for one in uow.results.matches() if str(one.leg) in stock and one.matched_on <= known.day]
    return known.rows(partial(make, match, stock[str(match.leg)]) for match in matches)


def opening_prices(uow: UnitOfWork) -> dict[str, Decimal]:
    """What each position lot was opened at, by lot id, lots taken over included."""
    opened = {lot.lot_id: lot.open_price for state in uow.broker.openings() for lot in state.lots}
    return opened | {fill.key: fill.price for fill in uow.statements.fills()}


def _nearest(commodity: str, in_force: dict[str, Product], day: date) -> str:
    """The first delivery month after the day's of a commodity's futures."""
    months = []
    for name, product in in_force.items():
        parts = parse_instrument(name)
        if parts is not None and product.commodity == commodity and product.vat_included:
            months.append((parts.month, name))
    later = sorted(one for one in months if one[0] > f"{day:%Y-%m}")
    return later[0][1] if later else ""
