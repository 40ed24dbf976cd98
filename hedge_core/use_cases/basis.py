"""Basis of market, stock and orders through one function: computed from stored prices, kept as history, watched in bands."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from hedge_core.basis import Basis, BasisKind, Quote, basis, floating_quote
from hedge_core.basis_history import (
    BasisAlert,
    BasisRange,
    DatedBasis,
    basis_alerts,
    basis_range,
    premiums,
)
from hedge_core.errors import RuleBroken
from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.terms import BasisBand, BasisPoint, PremiumRow
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.use_cases.commodity import Business, business, business_today
from hedge_core.use_cases.settle import vat_rates
from messages import Message


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
    after the day's with a settlement price. `brand`, `grade` and `place` say what the quote and the goods are of; their
    premiums come off in all three. An order's basis stands on its own reference (agreed premium while unpriced)."""
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
    settled = uow.broker.prices("settlement", day)
    spots = uow.broker.prices("spot", day)
    in_force = products_by_instrument(settled, products, day)
    table = uow.commodity.in_force(PremiumRow, day)
    held = business(uow, day)
    commodities = set(spots) | {line.commodity for line in held.lines} | {stock.commodity for stock in held.inventory}
    rates = vat_rates(uow.book, commodities)
    rows: list[BasisRow] = []
    broken: list[RuleBroken] = []
    for commodity in sorted(spots):
        name = instrument or uow.book.settings.get(f"basis_instrument.{commodity}", "")
        name = name or _nearest(commodity, in_force, day)
        if name not in settled or in_force[name].commodity != commodity:
            if instrument and name in settled:
                continue  # somebody asked for another commodity's instrument
            params = {"commodity": commodity, "day": day, "missing": name or commodity}
            broken.append(RuleBroken("basis_no_price", commodity, Message("basis.no_price", params)))
            continue
        try:
            off = premiums(table, commodity, **quality)
        except RuleBroken as missing:
            broken.append(missing)
            continue
        rate = rates[commodity]
        spot = Quote(spots[commodity].price, rate, spots[commodity].vat_included)
        futures = Quote(settled[name].price, rate, in_force[name].vat_included)
        made = basis(BasisKind.MARKET, spot, futures, instrument=name, on=day, premiums=off)
        rows.append(BasisRow(commodity, commodity, None, made))
    rows += _orders(day, held)
    rows += _stock(uow, day, held, rates, table, quality)
    return BasisDay(day, tuple(rows), tuple(broken))


def _orders(day: date, held: Business) -> list[BasisRow]:
    """Orders against their own reference: the agreed premium while unpriced, the pricings' average once there are some."""
    rows = []
    for line in held.lines:
        pricing = held.pricings.get(line.ref)
        if pricing is None or not pricing.terms.instrument or not line.open_quantity:
            continue
        at = Quote(pricing.average if pricing.average is not None else Decimal(0))
        spot = floating_quote(at, pricing.premium)
        made = basis(BasisKind.ORDER, spot, at, instrument=pricing.terms.instrument, on=day)
        rows.append(BasisRow(line.commodity, str(line.ref), line.open_quantity, made))
    return rows


def _stock(
    uow: UnitOfWork,
    day: date,
    held: Business,
    rates: Mapping[str, Decimal],
    table: Sequence[PremiumRow],
    quality: dict[str, str],
) -> list[BasisRow]:
    """Matched stock: cost with VAT − premium − opening price of its hedge, match by match."""
    stock = {str(one.ref): one for one in held.inventory}
    opened = {lot.lot_id: lot.open_price for state in uow.broker.openings() for lot in state.lots}
    opened |= {fill.key: fill.price for fill in uow.statements.fills()}
    rows = []
    for match in uow.results.matches():
        lot = stock.get(str(match.leg))
        if lot is None or match.lot_id not in opened or match.matched_on > day:
            continue
        cost = uow.broker.latest_price("cost", lot.material, day) or uow.broker.latest_price("cost", lot.commodity, day)
        if cost is None:
            continue
        spot = Quote(cost.price, rates[lot.commodity], cost.vat_included)
        off = premiums(table, lot.commodity, **quality)
        futures = Quote(opened[match.lot_id])
        made = basis(BasisKind.INVENTORY, spot, futures, instrument=match.instrument, on=day, premiums=off)
        rows.append(BasisRow(lot.commodity, f"{match.leg}/{match.match_id}", match.spot_quantity, made))
    return rows


def _nearest(commodity: str, in_force: dict[str, Product], day: date) -> str:
    """The first delivery month after the day's of a commodity's futures."""
    months = []
    for name, product in in_force.items():
        parts = parse_instrument(name)
        if parts is not None and product.commodity == commodity and product.vat_included:
            months.append((parts.month, name))
    later = sorted(one for one in months if one[0] > f"{day:%Y-%m}")
    return later[0][1] if later else ""
