"""Options as the result of the hedged business wants them: one close per lot and day with its share of the fees, and the
futures that exercises opened."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction

from hedge_core.lot_ways import Opened
from hedge_core.model.futures import Direction, Fill
from hedge_core.ports.storage import UnitOfWork
from hedge_core.rounding import EXACT
from hedge_core.settlement.figures import Figures
from hedge_core.settlement.rows import LotClose, OptionResult, is_traded
from hedge_core.snapshot import decode


@dataclass(frozen=True, slots=True)
class ClosedOptions:
    """Closes, and by their keys the trading day and the fee of one lot; lots that no fill opened but an exercise."""

    opened: dict[str, Opened] = field(default_factory=dict)
    closes: list[LotClose] = field(default_factory=list)
    days: dict[str, date] = field(default_factory=dict)
    fees: dict[str, Fraction] = field(default_factory=dict)


def closed_options(uow: UnitOfWork, fills: Iterable[Fill]) -> ClosedOptions:
    """Every end of an option on a final settled day: sold, bought back, exercised or expired. The price is the average of what
    the lot's closes brought that day (nothing for an end without a trade); fees of the day's closing fills are shared by lots,
    so that each counts once."""
    charged: dict[tuple[str, str, Direction, date], Fraction] = {}
    for fill in fills:
        if not fill.offset.opens:
            key = (fill.account, fill.instrument, fill.direction.opposite, fill.trading_day)
            charged[key] = charged.get(key, Fraction(0)) + Fraction(fill.fee)
    found = ClosedOptions()
    for listed in uow.results.snapshots():
        stored = uow.results.snapshot(listed.trading_day, listed.version) if listed.status == "final" else None
        if stored is None:
            continue
        figures = decode(stored.body).figures
        quoted = figures.quoted()
        found.opened.update(
            (
                lot.lot_id,
                Opened(
                    lot.instrument, lot.opened, lot.open_price, listed.trading_day, Decimal(0),
                    quoted[lot.account, lot.instrument],
                ),
            )
            for lot in figures.lots()
            if lot.opened and not is_traded(lot.lot_id)
        )  # fmt: skip
        ended = [row for row in figures.options() if row.closed]
        lots: dict[tuple[str, str, Direction, date], int] = {}
        for row in ended:
            key = (row.account, row.instrument, row.direction, listed.trading_day)
            lots[key] = lots.get(key, 0) + row.closed
        for row in ended:
            close = _close(row, listed.trading_day, figures)
            key = (row.account, row.instrument, row.direction, listed.trading_day)
            found.closes.append(close)
            found.days[close.fill_key] = listed.trading_day
            found.fees[close.fill_key] = charged.get(key, Fraction(0)) / lots[key]
    return found


def _close(row: OptionResult, day: date, figures: Figures) -> LotClose:
    size = figures.header.multipliers[figures.header.instruments.index(row.instrument)]
    with localcontext(EXACT):
        price = row.open_price + row.realised / (row.direction.sign * size * row.closed)
    return LotClose(
        f"{row.lot_id}/option-{day:%Y%m%d}/close", row.lot_id, row.account, row.instrument, row.direction, row.hedge_flag,
        row.open_date, row.closed, row.open_price, price, row.open_price, row.realised, row.realised,
    )  # fmt: skip
