"""Options of a day, premium paid and received when they trade: their value is no money yet, so they stand apart.

For each lot, money units of the day: premium (received − paid) + change of market value = realised + change of floating,
whichever lots were closed (facts 3.19 with its premium term). Options that are marked to market like futures do not come
here: the settlement treats them as futures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from hedge_core.errors import RuleBroken
from hedge_core.lots import Consumed, LotMovement
from hedge_core.settlement.figures import FLAGS, OPTION_COLUMNS, OPTION_MONEY, Table, day_number
from hedge_core.settlement.marking import Terms
from hedge_core.settlement.units import column, to_units
from messages import Message

Rows = dict[str, list[int]]


def option_rows(
    movements: Sequence[LotMovement],
    consumed: Sequence[Consumed],
    terms: Mapping[str, Terms],
    place_of: Callable[[str, str], int],
) -> Rows:
    """Columns of option lots in Python integers (not yet proved to fit int64), aligned to `movements`."""
    closes: dict[str, list[tuple[int, int]]] = {}
    for row in consumed:
        closes.setdefault(row.lot.lot_id, []).append(
            (row.lots, to_units(row.fill.price, terms[row.lot.instrument].places))
        )
    rows: Rows = {name: [] for name in OPTION_COLUMNS}
    for movement in movements:
        lot, term = movement.lot, terms[movement.lot.instrument]
        price, worth = to_units(lot.open_price, term.places), lot.direction.sign * term.money
        closed = closes.get(lot.lot_id, [])
        got = sum(lots * at for lots, at in closed)
        figures = (
            place_of(lot.account, lot.instrument),
            term.place,
            lot.direction.sign,
            FLAGS.index(lot.hedge_flag),
            day_number(lot.open_date),
            price,
            movement.start,
            movement.opened,
            movement.closed,
            movement.end,
            worth * (got - movement.opened * price),
            worth * movement.start * term.previous,
            worth * movement.end * term.settlement,
            worth * sum(lots * (at - price) for lots, at in closed),
            worth * movement.start * (term.previous - price),
            worth * movement.end * (term.settlement - price),
        )
        for name, figure in zip(OPTION_COLUMNS, figures, strict=True):
            rows[name].append(figure)
    return rows


def option_table(movements: Sequence[LotMovement], rows: Rows) -> Table:
    """The section `options` of a snapshot, by lot id. Call after the figures were proved to fit."""
    return Table(tuple((m.lot.lot_id,) for m in movements), {name: column(values) for name, values in rows.items()})


def broken_option_identity(movements: Sequence[LotMovement], rows: Rows) -> Iterator[RuleBroken]:
    """Premium + change of value = realised + change of floating, lot by lot."""
    money = [rows[name] for name in OPTION_MONEY]
    for movement, figures in zip(movements, zip(*money, strict=True), strict=True):
        premium, before, value, realised, floating_before, floating = figures
        found, expected = premium + value - before, realised + floating - floating_before
        if found != expected:
            params = {"identity": Message("settlement.identity_options"), "expected": expected, "found": found}
            yield RuleBroken("identity_options", movement.lot.lot_id, Message("settlement.identity", params))
