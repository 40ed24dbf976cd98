"""What limits are checked against, gathered from what is stored: positions as fills change them, money, exposure, prices.

Positions are the broker's last answer, or the lots of the last settled day, whichever is later, with the fills that came after
it. Money is the broker's last word (query or statement). Options count by delta in the exposure and not as lots.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.exposure import QUANTITY_PLACES
from hedge_core.instruments import parse_instrument
from hedge_core.model.events import Roll
from hedge_core.model.futures import AccountFunds, Direction, Fill, PositionLot, Product
from hedge_core.model.limits import AccountView, Holding, LimitInputs, LimitKind, LimitRule, SpotView, YearView
from hedge_core.model.terms import BasisPoint
from hedge_core.ports.storage import UnitOfWork
from hedge_core.products import products_by_instrument
from hedge_core.rounding import round_half_up
from hedge_core.trading_calendar import TradingCalendar
from hedge_core.use_cases.exposure import exposure_of
from hedge_core.use_cases.plans import USUAL_MARGIN_RATE
from hedge_core.use_cases.settle import positions_now, vat_rates

_ZERO: Final = Decimal(0)
_VOLUME: Final = "yearly_volume."
_EXPOSURE_KINDS: Final = frozenset({LimitKind.HEDGE_RATIO, LimitKind.SOE_POINT})


@dataclass(frozen=True, slots=True)
class Gathered:
    """The inputs, and what keeps the exposure from being a figure: its limits cannot be checked then."""

    inputs: LimitInputs
    broken: tuple[RuleBroken, ...] = ()


def gather_limits(
    uow: UnitOfWork,
    rules: Sequence[LimitRule],
    products: Iterable[Product],
    now: datetime,
    today: date,
    calendar: TradingCalendar | None = None,
) -> Gathered:
    """Everything the rules need as stored now; what none of them asks for is left out, save positions and exposure."""
    table, kinds = list(products), {rule.kind for rule in rules}
    holdings = holdings_now(uow, table, today)
    seen = exposure_of(uow, table, today)
    spot = {
        row.commodity: SpotView(
            row.exposure, row.exposure_vat, row.options + row.internal, row.options_vat + row.internal
        )
        for row in seen.exposure.totals
    }
    points = uow.commodity.in_force(BasisPoint, today) if LimitKind.BASIS in kinds else ()
    inputs = LimitInputs(
        at=now,
        today=today,
        holdings=holdings,
        spot=spot,
        accounts=accounts_now(uow, today, total=LimitKind.TOTAL_LOSS in kinds),
        basis={point.commodity: point.value for point in points if point.kind == "market"},
        years=_years(uow, table, today) if LimitKind.SOE_YEAR in kinds else {},
        price_ages={one.instrument: _age(one.price_on, today, calendar) for one in holdings},
        known_since={alert.breach.key: alert.first_seen for alert in uow.limits.open_alerts()},
    )
    return Gathered(inputs, seen.broken if kinds & _EXPOSURE_KINDS else ())


# --- positions --------------------------------------------------------------------------------------------------------


def holdings_now(uow: UnitOfWork, products: Sequence[Product], today: date) -> tuple[Holding, ...]:
    """Open lots of futures by account and instrument, by both."""
    lots, settled_on = positions_now(uow)
    sides: dict[tuple[str, str], dict[Direction, int]] = {}
    for account in account_names(uow):
        _add_account(sides, uow, account, [lot for lot in lots if lot.account == account], settled_on)
    names = {instrument for _, instrument in sides}
    in_force = products_by_instrument(names, products, today)
    rates = vat_rates(uow.book, {product.commodity for product in in_force.values()})
    found = []
    for (account, instrument), held in sorted(sides.items()):
        product = in_force.get(instrument)
        if product is not None and any(held.values()):
            place = place_of(uow, account, instrument, product, rates[product.commodity], today)
            found.append(replace(place, long=held[Direction.BUY], short=held[Direction.SELL]))
    return tuple(found)


def place_of(
    uow: UnitOfWork, account: str, instrument: str, product: Product, vat_rate: Decimal, today: date
) -> Holding:
    """An instrument on an account without any lots, with its last settlement price and the rates of the book's settings."""
    parts = parse_instrument(instrument)
    price = uow.broker.latest_price("settlement", instrument, today)
    settings = uow.book.settings
    usual = settings.get("margin_rate", USUAL_MARGIN_RATE)
    factor = Decimal(1) if product.vat_included else round_half_up(1 / (1 + vat_rate), QUANTITY_PLACES)
    return Holding(
        account, instrument, f"{product.exchange}.{product.code}", product.commodity, parts.month if parts else "",
        product.multiplier, 0, 0, price.price if price else None, price.trading_day if price else None,
        Decimal(settings.get(f"margin_rate.{product.commodity}", usual)), factor,
    )  # fmt: skip


def account_names(uow: UnitOfWork) -> list[str]:
    """Every broker account of the book that anything is known of."""
    stated = {*uow.statements.accounts(), *(state.account for state in uow.broker.openings())}
    served = {
        str(connection.options.get(name) or "") for connection in uow.connections() for name in ("investor", "user")
    }
    asked = {name for name in served - stated - {""} if uow.broker_queries.answered_days(name)}
    return sorted(stated | asked)


def _add_account(
    sides: dict[tuple[str, str], dict[Direction, int]],
    uow: UnitOfWork,
    account: str,
    lots: Sequence[PositionLot],
    settled_on: date | None,
) -> None:
    days = [day for day in uow.broker_queries.answered_days(account) if settled_on is None or day > settled_on]
    answer = uow.broker_queries.positions(account, days[-1]) if days else None
    held: list[tuple[str, Direction, int]]
    if answer is not None:
        held = [(one.instrument, one.direction, one.lots) for one in answer.positions]
        later = [
            one.fill
            for one in uow.broker_queries.fills(account, first=answer.trading_day)
            if min(at for at in (one.pushed_at, one.queried_at) if at is not None) > answer.asked_at
        ]
    else:
        held = [(lot.instrument, lot.direction, lot.lots) for lot in lots]
        seen = [one.fill for one in uow.broker_queries.fills(account)]
        later = [fill for fill in seen if settled_on is None or fill.trading_day > settled_on]
    for instrument, direction, count in held:
        _side(sides, account, instrument)[direction] += count
    for fill in later:
        _apply(sides, fill)


def _apply(sides: dict[tuple[str, str], dict[Direction, int]], fill: Fill) -> None:
    held = _side(sides, fill.account, fill.instrument)
    if fill.offset.opens:
        held[fill.direction] += fill.lots
    else:
        held[fill.direction.opposite] = max(0, held[fill.direction.opposite] - fill.lots)


def _side(sides: dict[tuple[str, str], dict[Direction, int]], account: str, instrument: str) -> dict[Direction, int]:
    return sides.setdefault((account, instrument), {Direction.BUY: 0, Direction.SELL: 0})


# --- money ------------------------------------------------------------------------------------------------------------


def accounts_now(uow: UnitOfWork, today: date, *, total: bool = False) -> tuple[AccountView, ...]:
    """Each account's money in the book's currency as the broker said last; accounts in other currencies are left out."""
    currency = uow.book.currency
    found = []
    for account in account_names(uow):
        stated = uow.statements.previous(account, date.max, currency)
        days = uow.broker_queries.answered_days(account)
        later = [day for day in days if stated is None or day > stated.statement.trading_day]
        answer = uow.broker_queries.funds(account, later[-1], currency) if later else None
        funds = answer.funds if answer is not None else stated.statement.funds if stated is not None else None
        if funds is None:
            continue
        since = _total(uow, account, currency, funds, answer is not None) if total else None
        found.append(AccountView(account, funds.equity, funds.margin, day_result(funds), since))
    return tuple(found)


def day_result(funds: AccountFunds) -> Decimal:
    """One day's result after fees, as the statement's own parts add up (facts 3.19)."""
    gains = funds.realised_mtm + funds.holding_mtm + funds.exercise_result + funds.delivery_result
    return gains - funds.fee - funds.exercise_fee - funds.delivery_fee


def _total(uow: UnitOfWork, account: str, currency: str, funds: AccountFunds, asked_later: bool) -> Decimal | None:
    """Equity now without pledges, less that of the go-live and the deposits since; None without a go-live to count from."""
    state = next(
        (one for one in uow.broker.openings() if one.account == account and one.statement.funds.currency == currency),
        None,
    )
    if state is None:
        return None
    moved = funds.deposit_withdrawal if asked_later else _ZERO
    for day in uow.statements.days():
        if day > state.trading_day:
            stored = uow.statements.current(account, day, currency)
            moved += stored.statement.funds.deposit_withdrawal if stored is not None else _ZERO
    opening = state.statement.funds
    return (funds.equity - funds.pledge) - (opening.equity - opening.pledge) - moved


# --- the year, prices -------------------------------------------------------------------------------------------------


def _years(uow: UnitOfWork, products: Sequence[Product], today: date) -> dict[str, YearView]:
    """What the calendar year's opening fills hedged, how much of it opened the far leg of a roll, and the year's physical
    quantity from the book's setting `yearly_volume.<commodity>`."""
    first = today.replace(month=1, day=1)
    fills = {fill.key: fill for fill in uow.statements.fills(first, today) if fill.offset.opens}
    in_force = products_by_instrument({fill.instrument for fill in fills.values()}, products, today)
    opened: dict[str, Decimal] = {}
    rolled: dict[str, Decimal] = {}
    for fill in fills.values():
        if (product := in_force.get(fill.instrument)) is not None:
            opened[product.commodity] = opened.get(product.commodity, _ZERO) + fill.lots * product.multiplier
    for roll in uow.commodity.events(Roll):
        leg = fills.get(roll.to_lot)
        if leg is not None and (product := in_force.get(leg.instrument)) is not None:
            rolled[product.commodity] = rolled.get(product.commodity, _ZERO) + roll.lots * product.multiplier
    stated = {
        name.removeprefix(_VOLUME): Decimal(text)
        for name, text in uow.book.settings.items()
        if name.startswith(_VOLUME) and text
    }
    return {
        name: YearView(opened.get(name, _ZERO), rolled.get(name, _ZERO), stated.get(name))
        for name in {**opened, **stated}
    }


def _age(on: date | None, today: date, calendar: TradingCalendar | None) -> int | None:
    """Trading days since a price, calendar days where no calendar knows the year; None without a price."""
    if on is None:
        return None
    between = calendar.days_between(on, today) if calendar is not None and on < today else None
    return max(0, (today - on).days) if between is None else len(between) + 1
