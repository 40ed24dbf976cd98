"""The exposure of a book as stored now, with its other views: counterparties, owners, planned volumes."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from hedge_core.currencies import CurrencyExposure, PromptPosition, RateTable, currency_exposure
from hedge_core.errors import RuleBroken
from hedge_core.exposure import Exposure, exposure
from hedge_core.exposure_views import (
    GoodsOfOwner,
    PlannedRow,
    exposure_by_partner,
    goods_by_owner,
    planned_rows,
)
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.physical import Side
from hedge_core.model.terms import CurrencyRate, CustomCommodity, PlannedVolume, PromptForward
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.use_cases.commodity import (
    Business,
    business,
    business_today,
    deltas,
    handovers,
    products_of_lots,
    virtual_lots,
)
from hedge_core.use_cases.settle import commodities_of, positions_now, vat_rates
from messages import Message


@dataclass(frozen=True, slots=True)
class ExposureNow:
    """The exposure, the day its lots are of, and the views beside it. `broken` are contract lines whose terms or
    quantities are wrong; `exposure.broken` stops the figures themselves."""

    exposure: Exposure
    positions_of: date | None
    business: Business
    by_partner: Mapping[str, Exposure] = field(default_factory=dict)
    owners: tuple[GoodsOfOwner, ...] = ()
    planned: tuple[PlannedRow, ...] = ()
    currencies: tuple[tuple[CurrencyExposure, Decimal | None], ...] = ()
    """Each with what it is in the book's currency at today's rate; None where no rate is known."""
    unsaid: tuple[RuleBroken, ...] = ()
    """What forwards lack."""

    @property
    def broken(self) -> tuple[RuleBroken, ...]:
        return (*self.exposure.broken, *self.business.broken, *self.unsaid)


def exposure_now(store: Store, book: BookId, products: Iterable[Product], clock: Clock) -> ExposureNow:
    """The exposure of the records as stored now with the lots of the last settled day."""
    with store.read(book) as uow:
        return exposure_of(uow, products, business_today(clock))


def exposure_of(uow: UnitOfWork, products: Iterable[Product], today: date) -> ExposureNow:
    """The same inside a unit of work; terms and pricings count as of `today`."""
    lots, day = positions_now(uow)
    held = business(uow, today)
    in_force = products_of_lots(lots, products, day or date.max)
    forwards, unsaid = _forwards(uow, today)
    lots = [*lots, *(_as_lot(one) for one in forwards)]
    in_force |= {one.instrument: _as_product(one) for one in forwards}
    rates = vat_rates(uow.book, commodities_of(held.lines, held.inventory, in_force))
    rates |= {
        custom.code: custom.vat_rate
        for custom in uow.commodity.in_force(CustomCommodity, today)
        if custom.vat_rate is not None
    }
    units = {line.commodity: line.unit for line in held.lines} | {p.commodity: p.unit for p in in_force.values()}
    figures = exposure(
        uow.book.book,
        held.lines,
        held.inventory,
        lots,
        in_force,
        rates,
        deltas=deltas(uow, today),
        virtual=virtual_lots(uow, today),
        internal=handovers(uow, units, today),
    )
    return ExposureNow(
        figures,
        day,
        held,
        exposure_by_partner(uow.book.book, held.lines, rates),
        goods_by_owner(held.inventory),
        planned_rows(uow.commodity.in_force(PlannedVolume, today)),
        _currencies(uow, held, forwards, today),
        (*unsaid, *_unpriced(uow, forwards, today)),
    )


def _forwards(uow: UnitOfWork, today: date) -> tuple[list[PromptForward], list[RuleBroken]]:
    """Forwards whose prompt date has not passed; one of no whole number of units is named and left out."""
    live = [one for one in uow.commodity.in_force(PromptForward, today) if one.prompt >= today]
    whole = [one for one in live if one.quantity > 0 and one.quantity == one.quantity.to_integral_value()]
    return whole, [_named("forward_quantity", one, today) for one in live if one not in whole]


def _unpriced(uow: UnitOfWork, forwards: Iterable[PromptForward], today: date) -> list[RuleBroken]:
    return [
        _named("forward_price", one, today)
        for one in forwards
        if uow.broker.latest_price("settlement", one.instrument, today) is None
    ]


def _named(rule: str, forward: PromptForward, today: date) -> RuleBroken:
    params = {"forward": forward.name, "instrument": forward.instrument, "quantity": forward.quantity, "day": today}
    return RuleBroken(rule, forward.name, Message(f"exposure.{rule}", params))


def _as_lot(forward: PromptForward) -> PositionLot:
    """A forward beside the futures: its units as lots of one."""
    direction = Direction.BUY if forward.side is Side.PURCHASE else Direction.SELL
    return PositionLot(
        f"forward/{forward.name}", "", forward.instrument, direction, HedgeFlag.HEDGE, forward.prompt, forward.price,
        int(forward.quantity),
    )  # fmt: skip


def _as_product(forward: PromptForward) -> Product:
    """Quoted without VAT, so that no 1/(1 + VAT) is taken off its goods (facts 3.21)."""
    exchange, _, code = forward.instrument.partition(".")
    return Product(
        exchange, code, forward.commodity, 1, Decimal("0.01"), forward.unit, forward.prompt, vat_included=False
    )


def _currencies(
    uow: UnitOfWork, held: Business, forwards: Iterable[PromptForward], today: date
) -> tuple[tuple[CurrencyExposure, Decimal | None], ...]:
    own = uow.book.currency
    priced = []
    for one in forwards:
        price = uow.broker.latest_price("settlement", one.instrument, today)
        if price is not None:
            direction = Direction.BUY if one.side is Side.PURCHASE else Direction.SELL
            dealt = PromptPosition(one.instrument, direction, one.quantity, one.price, one.currency, one.prompt)
            priced.append((dealt, price.price))
    rows = currency_exposure(own, held.lines, priced)
    rates = {rate.currency: rate.rate for rate in uow.commodity.in_force(CurrencyRate, today)}
    table = RateTable(own, [(name, today, rate) for name, rate in rates.items()])
    return tuple(
        (row, table.converted(row.amount, row.currency, today) if row.currency in rates else None) for row in rows
    )
