"""Options of a settled day as accounting wants them: results counted from the premium, intrinsic values, exercises."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal

from hedge_core.accounting.inputs import LotDay
from hedge_core.instruments import Instrument, parse_instrument
from hedge_core.model.futures import AccountStatement, Direction, Exercise
from hedge_core.settlement.figures import Figures
from hedge_core.settlement.rows import LotResult, OptionResult
from hedge_core.settlement.untraded import is_abandoned, underlying

ZERO = Decimal(0)


def option_days(
    figures: Figures, day: date, statements: Iterable[AccountStatement], prices: Mapping[str, Decimal]
) -> tuple[list[LotDay], dict[str, Decimal]]:
    """The option lots of a day, and by lot id of a future what an exercise of today brought it in at.

    `prices` are settlement prices by instrument, for the intrinsic value of what is held. An exercise hands on the option's
    intrinsic value, which is the first day's result of the future it opens at the strike; one settled in cash brings the
    statement's result instead."""
    rows = figures.options()
    handed: dict[str, Decimal] = {}
    paid: dict[str, Decimal] = {}
    brought: dict[str, Decimal] = {}
    opened = [lot for lot in figures.lots() if lot.opened]
    for statement in statements:
        for exercise in statement.exercises:
            parts = parse_instrument(exercise.instrument)
            if parts is None or is_abandoned(exercise.outcome):
                continue
            ended = _ended(rows, statement.account, exercise)
            futures = _opened_by(opened, statement.account, exercise, parts)
            for future in futures:
                brought[future.lot_id] = future.floating
                opened.remove(future)
            moved = sum((future.floating for future in futures), ZERO)
            amounts, whole = (handed, moved) if futures else (paid, exercise.result)
            _spread(amounts, ended, whole, exercise.lots)
    found = [_lot_day(row, day, figures, prices, handed, paid) for row in rows]
    return found, brought


def with_exercised(lot: LotDay, brought: Mapping[str, Decimal]) -> LotDay:
    """A future's day, with the value an exercise brought in."""
    value = brought.get(lot.lot_id)
    return lot if value is None else replace(lot, exercised=value)


def _ended(rows: Iterable[OptionResult], account: str, exercise: Exercise) -> list[OptionResult]:
    key = (account, exercise.instrument, exercise.direction, exercise.hedge_flag)
    return [row for row in rows if row.closed and (row.account, row.instrument, row.direction, row.hedge_flag) == key]


def _opened_by(opened: Iterable[LotResult], account: str, exercise: Exercise, option: Instrument) -> list[LotResult]:
    """The lot of the underlying future that an exercise opened at the strike, if one did."""
    long = (option.right == "C") == (exercise.direction is Direction.BUY)
    side = Direction.BUY if long else Direction.SELL
    wanted = (account, underlying(option), side, exercise.strike, exercise.lots)
    fitting = [
        lot for lot in opened if (lot.account, lot.instrument, lot.direction, lot.open_price, lot.opened) == wanted
    ]
    return sorted(fitting, key=lambda lot: "/exercise-" not in lot.lot_id)[:1]


def _spread(amounts: dict[str, Decimal], ended: Iterable[OptionResult], whole: Decimal, lots: int) -> None:
    """By lots, oldest first: the value of an exercised lot is the same for each."""
    left = lots
    for row in sorted(ended, key=lambda one: (one.open_date, one.lot_id)):
        count = min(left, row.closed)
        amounts[row.lot_id] = amounts.get(row.lot_id, ZERO) + whole * count / lots
        left -= count


def _lot_day(
    row: OptionResult,
    day: date,
    figures: Figures,
    prices: Mapping[str, Decimal],
    handed: Mapping[str, Decimal],
    paid: Mapping[str, Decimal],
) -> LotDay:
    size = figures.header.multipliers[figures.header.instruments.index(row.instrument)]
    exercised = handed.get(row.lot_id, ZERO)
    realised = row.realised + exercised + paid.get(row.lot_id, ZERO)
    return LotDay(
        lot_id=row.lot_id,
        account=row.account,
        instrument=row.instrument,
        trading_day=day,
        opened_today=row.opened,
        lots_start=row.start,
        lots_closed=row.closed,
        lots_end=row.end,
        realised_trade=realised,
        realised_mtm=realised,
        holding_mtm=row.floating - row.floating_before,
        floating_end=row.floating,
        floating_start=row.floating_before,
        cost=row.direction.sign * row.open_price * size,
        intrinsic=_intrinsic(row, size, prices),
        exercised=exercised,
    )


def _intrinsic(row: OptionResult, size: int, prices: Mapping[str, Decimal]) -> Decimal | None:
    """Of one lot, long positive; None where the underlying has no settlement price."""
    parts = parse_instrument(row.instrument)
    price = prices.get(underlying(parts)) if parts is not None and parts.is_option else None
    if parts is None or parts.strike is None or price is None:
        return None
    gap = price - parts.strike if parts.right == "C" else parts.strike - price
    return row.direction.sign * size * max(gap, ZERO)
