"""Lots and closes marked to the settlement price: int64 in, int64 out, bounds proved with Python integers first."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from hedge_core.lots import Consumed, LotMovement
from hedge_core.settlement.figures import FLAGS, day_number
from hedge_core.settlement.units import Int64Column, column, fits, to_units


@dataclass(frozen=True, slots=True)
class Terms:
    """What an instrument's figures are computed with. Prices in 10^-places units (0: none needed); `money` turns a
    price difference in those units × lots into smallest units of money."""

    place: int
    places: int
    money: int
    settlement: int
    previous: int


@dataclass(frozen=True, slots=True)
class Marked:
    """Columns of lots and closes, aligned to the movements and to what was consumed, in the order given."""

    lots: Mapping[str, Int64Column]
    closes: Mapping[str, Int64Column]


def within_bounds(movements: Sequence[LotMovement], consumed: Sequence[Consumed], terms: Mapping[str, Terms]) -> bool:
    """Whether every figure and every sum of them stays inside int64, whatever the order of adding: the sum over all
    lots of count × highest price × money factor, four results of each kind beside each other."""
    highest: dict[str, int] = {}
    for name, term in terms.items():
        highest[name] = max(term.settlement, term.previous)
    bound = 0
    for movement in movements:
        lot, term = movement.lot, terms[movement.lot.instrument]
        price = max(highest[lot.instrument], to_units(lot.open_price, term.places))
        bound += (movement.start + movement.opened) * price * term.money
    for closing in consumed:
        term = terms[closing.lot.instrument]
        bound += closing.lots * to_units(closing.fill.price, term.places) * term.money
    return fits(4 * bound)


def mark(
    movements: Sequence[LotMovement],
    consumed: Sequence[Consumed],
    terms: Mapping[str, Terms],
    place_of: Callable[[str, str], int],
) -> Marked:
    """Both views of each lot and close (facts 3.9). Call only after `within_bounds`; a lot still open needs a
    settlement price, a lot from before today a previous one. `place_of` answers an account's place by account and
    instrument."""
    named = [terms[m.lot.instrument] for m in movements]
    sign = column(m.lot.direction.sign for m in movements)
    open_price = column(to_units(m.lot.open_price, t.places) for m, t in zip(movements, named, strict=True))
    start = column(m.start for m in movements)
    opened = column(m.opened for m in movements)
    closed = column(m.closed for m in movements)
    end = start + opened - closed
    money = sign * column(t.money for t in named)
    settlement = column(t.settlement for t in named)
    base = np.where(opened > 0, open_price, column(t.previous for t in named))

    place = {m.lot.lot_id: i for i, m in enumerate(movements)}
    lot = column(place[c.lot.lot_id] for c in consumed)
    lots = column(c.lots for c in consumed)
    close_price = column(to_units(c.fill.price, terms[c.lot.instrument].places) for c in consumed)
    base_price = base[lot]
    realised_trade = lots * (close_price - open_price[lot]) * money[lot]
    realised_mtm = lots * (close_price - base_price) * money[lot]
    return Marked(
        lots={
            "account": column(place_of(m.lot.account, m.lot.instrument) for m in movements),
            "instrument": column(t.place for t in named),
            "direction": sign,
            "hedge_flag": column(FLAGS.index(m.lot.hedge_flag) for m in movements),
            "open_date": column(day_number(m.lot.open_date) for m in movements),
            "open_price": open_price,
            "start": start,
            "opened": opened,
            "closed": closed,
            "end": end,
            "realised_trade": _sum_by(lot, realised_trade, len(movements)),
            "realised_mtm": _sum_by(lot, realised_mtm, len(movements)),
            "holding_mtm": end * (settlement - base) * money,
            "floating_before": start * (base - open_price) * money,
            "floating": end * (settlement - open_price) * money,
        },
        closes={
            "lot": lot,
            "lots": lots,
            "close_price": close_price,
            "base_price": base_price,
            "realised_trade": realised_trade,
            "realised_mtm": realised_mtm,
        },
    )


def _sum_by(place: Int64Column, values: Int64Column, size: int) -> Int64Column:
    sums = np.zeros(size, dtype="<i8")
    np.add.at(sums, place, values)
    return sums
