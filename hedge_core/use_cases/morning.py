"""The morning sheet of a book: gathered from the last settled day, the records as they are now, and what waits for people."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Final

from hedge_core.errors import InvalidInput, RuleBroken
from hedge_core.exposure import STOCK, Exposure, ExposureRow, priced_parts
from hedge_core.instruments import parse_instrument
from hedge_core.margin_stress import MarginedPosition, cash_needed
from hedge_core.model.futures import AccountStatement, PositionLot
from hedge_core.model.identity import BookId
from hedge_core.model.physical import Side
from hedge_core.model.terms import CurrencyRate
from hedge_core.morning import (
    AccountLine,
    CommodityLine,
    DeliveryRule,
    DuePricing,
    MarketBasis,
    MorningSheet,
    NearDelivery,
    OpenBreak,
    StalePrice,
    Unmapped,
    broken_ties,
    held_futures,
    near_delivery,
)
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.pricing import due
from hedge_core.product_table import ProductTable
from hedge_core.reconciliation import blocking
from hedge_core.settlement import Figures, FundsResult
from hedge_core.snapshot import decode
from hedge_core.use_cases.basis import BasisDay, basis_of_day
from hedge_core.use_cases.commodity import Business, business_today
from hedge_core.use_cases.day_gate import newer_statements
from hedge_core.use_cases.exposure import exposure_of
from hedge_core.use_cases.settle import positions_now
from messages import Message

LIMIT_DAYS: Final = 3
"""Limit days that cash is held ready for, unless the book's setting `limit_days` says else."""
NEAR_DAYS: Final = 30
"""Calendar days before the delivery month from which its lots are listed; the setting `near_delivery_days`."""
_ZERO: Final = Decimal(0)


def morning_sheet(
    store: Store, book: BookId, products: ProductTable, clock: Clock
) -> tuple[MorningSheet, tuple[RuleBroken, ...]]:
    """The sheet as of now, and what is wrong with it: ties that do not hold, records that break a rule, settings that are no
    figures (`InvalidInput`)."""
    today = business_today(clock)
    with store.read(book) as uow:
        last = uow.results.last_snapshot()
    day = last.trading_day if last is not None else None
    bases = basis_of_day(store, book, day, products) if day is not None else BasisDay(today, (), ())
    with store.read(book) as uow:
        stored = uow.results.last_snapshot()
        figures = decode(stored.body).figures if stored is not None else None
        sheet, broken = _sheet(uow, products, today, figures, bases)
    return sheet, (*broken, *broken_ties(sheet))


def _sheet(
    uow: UnitOfWork, products: ProductTable, today: date, figures: Figures | None, bases: BasisDay
) -> tuple[MorningSheet, tuple[RuleBroken, ...]]:
    now = exposure_of(uow, products, today)
    lots, _ = positions_now(uow)
    day = figures.header.trading_day if figures is not None else None
    known = {lot.instrument: products.of_instrument(lot.instrument, day or today) for lot in lots}
    sizes = {name: (product.commodity, product.multiplier) for name, product in known.items() if product is not None}
    listed = _due(now.business, today)
    results, other = _results(figures, products)
    sheet = MorningSheet(
        today,
        day,
        uow.book.currency,
        _commodities(now.exposure, listed, results, bases),
        _accounts(uow, figures, products, today),
        held_futures([(lot.instrument, lot.direction.value, lot.lots) for lot in lots], sizes),
        listed,
        _near(uow, lots, today),
        _breaks(uow, now.broken),
        _unmapped(uow),
        _stale(uow, lots, bases, day or today),
        other,
    )
    return sheet, now.broken


# --- goods ------------------------------------------------------------------------------------------------------------


def _due(held: Business, today: date) -> tuple[DuePricing, ...]:
    """What is left to price on lines whose window ends within the notice or has ended, no more than the line has unpriced."""
    lines = {line.ref: line for line in held.lines}
    found = []
    for pricing in due(held.pricings.values(), today):
        line = lines[pricing.terms.line]
        _, still_open, delivered = priced_parts(line)
        quantity = min(pricing.remaining, still_open + delivered)
        if quantity > 0:
            last = pricing.terms.last_day
            found.append(
                DuePricing(
                    line.commodity,
                    f"{line.contract_no}/{line.line_no}",
                    line.side.value,
                    quantity,
                    line.unit,
                    last,
                    (last - today).days,
                )
            )
    return tuple(found)


def _commodities(
    exposure: Exposure,
    listed: Sequence[DuePricing],
    results: Mapping[str, Mapping[str, Decimal]],
    bases: BasisDay,
) -> tuple[CommodityLine, ...]:
    market = {
        row.commodity: MarketBasis(row.basis.instrument, row.basis.spot, row.basis.futures, row.basis.value)
        for row in bases.rows
        if row.basis.kind.value == "market"
    }
    lines = [
        _commodity(row, exposure.rows, listed, results.get(row.commodity, {}), market.get(row.commodity))
        for row in exposure.totals
    ]
    return tuple(lines)


def _commodity(
    total: ExposureRow,
    rows: Iterable[ExposureRow],
    listed: Sequence[DuePricing],
    results: Mapping[str, Decimal],
    market: MarketBasis | None,
) -> CommodityLine:
    months = {row.month: row.futures for row in rows if row.commodity == total.commodity and row.futures}
    due_of = {
        side: sum((one.quantity for one in listed if (one.commodity, one.side) == (total.commodity, side)), _ZERO)
        for side in (Side.PURCHASE.value, Side.SALE.value)
    }
    return CommodityLine(
        commodity=total.commodity,
        unit=total.unit,
        stock=total.inventory,
        arrived_unpriced=total.arrived_unpriced,
        priced_in=total.priced_purchases,
        priced_out=total.priced_sales,
        delivered_unpriced=total.delivered_unpriced,
        unpriced_in=total.unpriced_purchases,
        unpriced_out=total.unpriced_sales,
        due_in=due_of[Side.PURCHASE.value],
        due_out=due_of[Side.SALE.value],
        spot_exposure=total.exposure,
        futures_by_month={month: lots for month, lots in sorted(months.items()) if month != STOCK},
        futures=total.futures,
        options=total.options,
        internal=total.internal,
        net=total.net,
        spot_exposure_vat=total.exposure_vat,
        hedge_vat=total.hedge_vat,
        net_vat=total.net_vat,
        results=results,
        basis=market,
    )


def _results(
    figures: Figures | None, products: ProductTable
) -> tuple[dict[str, dict[str, Decimal]], dict[str, Decimal]]:
    """The day's futures results by commodity and currency, and those of futures that belong to no known commodity."""
    found: dict[str, dict[str, Decimal]] = {}
    other: dict[str, Decimal] = {}
    if figures is None:
        return found, other
    quoted = figures.quoted()
    for row in figures.lots():
        product = products.of_instrument(row.instrument, figures.header.trading_day)
        sums = found.setdefault(product.commodity, {}) if product is not None else other
        currency = quoted[row.account, row.instrument]
        sums[currency] = sums.get(currency, _ZERO) + row.realised_mtm + row.holding_mtm
    return found, other


# --- accounts ---------------------------------------------------------------------------------------------------------


def _accounts(uow: UnitOfWork, figures: Figures | None, products: ProductTable, today: date) -> tuple[AccountLine, ...]:
    if figures is None:
        return ()
    days = int(_figure(uow.book.settings, "limit_days", Decimal(LIMIT_DAYS)) or 0)
    rates = {rate.currency: rate.rate for rate in uow.commodity.in_force(CurrencyRate, today)}
    rates[uow.book.currency] = Decimal(1)
    degrees = figures.risk_degrees()
    statements = {
        (stored.statement.account, stored.statement.funds.currency): stored.statement
        for stored in uow.statements.on_day(figures.header.trading_day)
    }
    lines = []
    for row in figures.funds():
        pair = (row.account, row.currency)
        positions = _margined(uow.book.settings, row, figures, statements.get(pair), products)
        needed = None if positions is None else cash_needed(row.equity, positions, days, currency=row.currency)
        lines.append(
            AccountLine(
                row.account, row.currency, row.balance, row.pledge, row.equity, row.margin, row.delivery_margin,
                row.equity - row.margin - row.delivery_margin, degrees[pair],
                row.realised_mtm + row.holding_mtm + row.delivery_mtm, row.fee, days, needed, rates.get(row.currency),
            )
        )  # fmt: skip
    return tuple(lines)


def _margined(
    settings: Mapping[str, str],
    funds: FundsResult,
    figures: Figures,
    statement: AccountStatement | None,
    products: ProductTable,
) -> list[MarginedPosition] | None:
    """The account's open futures with their rates: margin by the setting `margin_rate.EXCHANGE.product`, else as the
    statement's rows came to; price limit by `limit_rate.EXCHANGE.product`, else `limit_rate`. None where one is missing:
    the cash is then not known."""
    quoted, found = figures.quoted(), []
    for row in figures.lots():
        pair = (row.account, quoted[row.account, row.instrument])
        product = products.of_instrument(row.instrument, figures.header.trading_day)
        parts = parse_instrument(row.instrument)
        if pair != (funds.account, funds.currency) or not row.end:
            continue
        if product is None or parts is None or row.settlement is None:
            return None
        name = f"{parts.exchange}.{parts.product}"
        limit = _figure(settings, f"limit_rate.{name}", _figure(settings, "limit_rate"))
        margin = _figure(settings, f"margin_rate.{name}", _margin_rate(statement, row.instrument, product.multiplier))
        if limit is None or margin is None:
            return None
        quantity = Decimal(row.direction.sign * row.end * product.multiplier)
        found.append(MarginedPosition(row.instrument, quantity, row.settlement, margin, limit))
    return found


def _margin_rate(statement: AccountStatement | None, instrument: str, size: int) -> Decimal | None:
    """Margin ÷ value of an instrument's rows in 持仓明细; None where the statement does not say."""
    if statement is None or {"positions", "positions.margin"} & set(statement.unknown):
        return None
    rows = [row for row in statement.positions if row.instrument == instrument]
    value = sum((row.lots * size * row.settlement_price for row in rows), _ZERO)
    margin = sum((row.margin for row in rows), _ZERO)
    return margin / value if value and margin else None


def _figure(settings: Mapping[str, str], name: str, usual: Decimal | None = None) -> Decimal | None:
    text = settings.get(name)
    if text is None:
        return usual
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite() or value < 0:
        raise InvalidInput(name, 0, "", Message("morning.setting", {"name": name, "text": text}))
    return value


# --- lists ------------------------------------------------------------------------------------------------------------


def _near(uow: UnitOfWork, lots: Sequence[PositionLot], today: date) -> tuple[NearDelivery, ...]:
    """Rules from the settings `delivery_lots.EXCHANGE.product` = minimum/multiple."""
    settings = uow.book.settings
    rules = {}
    for name, text in settings.items():
        if name.startswith("delivery_lots."):
            minimum, _, multiple = text.partition("/")
            if not (minimum.isdigit() and multiple.isdigit() and int(multiple)):
                raise InvalidInput(name, 0, "", Message("morning.setting", {"name": name, "text": text}))
            rules[name.removeprefix("delivery_lots.")] = DeliveryRule(int(minimum), int(multiple))
    days = int(_figure(settings, "near_delivery_days", Decimal(NEAR_DAYS)) or 0)
    held = [(lot.account, lot.instrument, lot.direction.value, lot.lots) for lot in lots]
    return near_delivery(held, rules, today, days)


def _breaks(uow: UnitOfWork, broken: Iterable[RuleBroken]) -> tuple[OpenBreak, ...]:
    run = uow.reconciliation.last_run()
    rows = blocking(uow.reconciliation.rows(run.trading_day)) if run is not None else []
    found = [OpenBreak("reconciliation", row.row_id, row.message) for row in rows]
    if run is not None and (newer := newer_statements(uow, run.trading_day)):
        shown = {"day": run.trading_day, "accounts": ", ".join(newer)}
        found.append(OpenBreak("reconciliation", run.trading_day.isoformat(), Message("reconciliation.stale", shown)))
    found += [OpenBreak("business", rule.record, rule.message) for rule in broken]
    return tuple(found)


def _unmapped(uow: UnitOfWork) -> tuple[Unmapped, ...]:
    counted = Counter((entry.ref.connection, entry.ref.kind) for entry in uow.records.quarantine())
    return tuple(Unmapped(connection, kind, count) for (connection, kind), count in sorted(counted.items()))


def _stale(uow: UnitOfWork, lots: Sequence[PositionLot], bases: BasisDay, day: date) -> tuple[StalePrice, ...]:
    """Settlement prices of what is held, and spot prices of commodities with goods or futures, that the day lacks."""
    settled, spot = uow.broker.prices("settlement", day), uow.broker.prices("spot", day)
    found = [("settlement", name) for name in sorted({lot.instrument for lot in lots} - settled.keys())]
    goods = {stock.commodity for stock in uow.physical.inventory() if stock.quantity}
    found += [("spot", name) for name in sorted(goods - spot.keys())]
    latest = ((kind, name, uow.broker.latest_price(kind, name, day)) for kind, name in found)
    return tuple(StalePrice(kind, name, None if price is None else price.trading_day) for kind, name, price in latest)
