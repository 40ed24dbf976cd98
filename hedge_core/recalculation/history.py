"""The kernel: four results per key and day from cumulative quantities, first in first out, without matching lot by lot.

Two facts remove the loop. With lots closed in the order they were opened, the opening cost of the first x lots of a key is
piecewise linear in x, so what closing costs follows from cumulative quantities alone. And the lots opened on a day are
closed only after every older one, so a closing fill that ends in a lot of its own day is the only one to look at twice.

    realised_trade   closing value − opening cost of the lots closed
    realised_mtm     closing value − value at yesterday's settlement (older lots) − opening cost (lots opened today)
    floating         value at today's settlement − opening cost of the lots still open
    holding_mtm      change of floating + realised_trade − realised_mtm (facts 3.19)

All in int64 smallest money units, signed so that profit is positive. Where exchanges tell 平今 and 平昨 apart, each opening
fill first loses what closes of its own day take; what is left of it, and the closes of older lots, go the way above.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedge_core.errors import RuleBroken
from hedge_core.recalculation.axis import Axis, lay_out, without_open
from hedge_core.recalculation.columns import OLDER, TODAY, FillColumns, Ints, Terms, within_int64
from hedge_core.recalculation.lot_loop import mixed_keys, one_key_by_lots
from hedge_core.recalculation.pairs import LotPairs, pairs_on

_CACHED: Final = 16_384
"""Cells worked on at a time: a few of them beside each other fit into a core's own cache."""


@dataclass(frozen=True, slots=True)
class History:
    """Results by [key, day], and the lots open at the end of each day. They are stored day after day, so that
    `results.T[day]` is one piece of memory."""

    realised_trade: Ints
    realised_mtm: Ints
    holding_mtm: Ints
    floating: Ints
    lots: Ints


def recalculate(fills: FillColumns, terms: Terms) -> History | RuleBroken:
    """Every result of every key and day. `RuleBroken`: `close_without_open` names the first key and day where more is
    closed than may be, `out_of_bounds` when int64 could not be proved wide enough."""
    broken = within_int64(fills, terms)
    if broken is not None:
        return broken
    work = _Results(terms)
    if fills.reach is not None and fills.reach.any():
        rest = _apart(work, fills, terms)
        if isinstance(rest, RuleBroken):
            return rest
        fills = rest
    axis = lay_out(fills, len(terms.sign))
    if isinstance(axis, RuleBroken):
        return axis
    return work.apply(fills, axis) or work.history()


def recalculate_with_pairs(fills: FillColumns, terms: Terms) -> tuple[History, LotPairs] | RuleBroken:
    """`recalculate` and `lot_pairs` of fills that all close the oldest lots, laid out once. ValueError for others."""
    if fills.reach is not None and fills.reach.any():
        raise ValueError("pairs of 平今 and 平昨 are the settlement engine's to tell")
    broken = within_int64(fills, terms)
    if broken is not None:
        return broken
    work = _Results(terms)
    axis = lay_out(fills, len(terms.sign))
    if isinstance(axis, RuleBroken):
        return axis
    work.apply(fills, axis)
    return work.history(), pairs_on(axis, len(fills))


class _Results:
    """Sums by cell while fills are applied: results realised, and what changes lots and opening cost of the position."""

    def __init__(self, terms: Terms) -> None:
        self._terms = terms
        self._keys, self._days = len(terms.sign), terms.days
        size = self._keys * self._days
        self._trade, self._mtm, self._lots, self._cost = (np.zeros(size, np.int64) for _ in range(4))
        self._worth = terms.sign * terms.multiplier

    def apply(self, fills: FillColumns, axis: Axis) -> RuleBroken | None:
        """First-in-first-out fills, laid out. A close of older lots that would reach into its own day is refused."""
        terms, worth = self._terms, self._worth
        open_day, close_day = fills.day[axis.opening], fills.day[axis.closing]
        per_lot = fills.price[axis.opening] * worth[axis.open_key]
        value = per_lot * axis.open_lots
        close_value = fills.price[axis.closing] * worth[axis.close_key] * axis.close_lots
        costs = np.cumsum(value)

        def cost_up_to(x: Ints, lot: Ints) -> Ints:
            result: Ints = costs[lot] - (axis.open_ends[lot] - x) * per_lot[lot]
            return result

        if len(axis.closing):
            cost_end = cost_up_to(axis.end, axis.last)
            cost = np.diff(cost_end, prepend=np.int64(0))
            begins = np.flatnonzero(axis.new_key)
            at = axis.first_open[axis.close_key[begins]]
            cost[begins] = cost_end[begins] - (costs[at] - value[at])
            same_day = np.flatnonzero(open_day[axis.last] == close_day)
            if fills.reach is not None:
                wrong = same_day[fills.reach[axis.closing[same_day]] == OLDER]
                if len(wrong):
                    place = int(wrong[0])
                    return without_open(int(axis.close_key[place]), int(close_day[place]), self._today(
                        axis, open_day, close_day, wrong[:1])[0].item())  # fmt: skip
            yesterday = terms.settlement[terms.instrument[axis.close_key], np.maximum(close_day - 1, 0)]
            yesterday *= worth[axis.close_key]
            base = axis.close_lots * yesterday
            if len(same_day):
                today = self._today(axis, open_day, close_day, same_day)
                begin = axis.end[same_day] - today
                lot = np.searchsorted(axis.open_ends, begin, side="right")
                cost_today = cost_end[same_day] - cost_up_to(begin, lot)
                base[same_day] += cost_today - today * yesterday[same_day]
            self._put(fills, axis.closing, close_value - cost, close_value - base)
        else:
            cost = np.zeros(0, np.int64)
        moved, spent = np.empty(len(fills), np.int64), np.empty(len(fills), np.int64)
        moved[axis.opening], moved[axis.closing] = axis.open_lots, -axis.close_lots
        spent[axis.opening], spent[axis.closing] = value, -cost
        cell = fills.day * self._keys + fills.key
        np.add.at(self._lots, cell, moved)
        np.add.at(self._cost, cell, spent)
        return None

    def _put(self, fills: FillColumns, closing: Ints, trade: Ints, mtm: Ints) -> None:
        """Results of closing fills into their cells, in the order of fills: day after day, so that writes stay near."""
        spread = np.zeros((2, len(fills)), np.int64)
        spread[0, closing], spread[1, closing] = trade, mtm
        places = np.flatnonzero(~fills.opens)
        cell = fills.day[places] * self._keys + fills.key[places]
        np.add.at(self._trade, cell, spread[0, places])
        np.add.at(self._mtm, cell, spread[1, places])

    def _today(self, axis: Axis, open_day: Ints, close_day: Ints, places: Ints) -> Ints:
        """How many lots of its own day each of these closing fills takes."""
        opened = axis.open_key * self._days + open_day
        number = np.searchsorted(opened, axis.close_key[places] * self._days + close_day[places])
        morning = axis.open_ends[number] - axis.open_lots[number]
        result: Ints = axis.end[places] - np.maximum(morning, axis.start[places])
        return result

    def add(self, cell: Ints, trade: Ints, mtm: Ints, lots: Ints, cost: Ints) -> None:
        """Sums computed elsewhere, by cell (day × keys + key)."""
        for sums, values in ((self._trade, trade), (self._mtm, mtm), (self._lots, lots), (self._cost, cost)):
            np.add.at(sums, cell, values)

    def history(self) -> History:
        """Floating and holding results follow from the position; some days at a time, while their rows are in the cache.
        Floating results take the place of the opening cost, which nobody asks for: fresh memory is what costs most here."""
        terms, shape = self._terms, (self._days, self._keys)
        trade, mtm, lots, cost = (sums.reshape(shape) for sums in (self._trade, self._mtm, self._lots, self._cost))
        holding = np.empty(shape, np.int64)
        settlement = np.ascontiguousarray(terms.settlement.T)
        cost_before, floating_before = np.zeros((2, self._keys), np.int64)
        step = max(1, _CACHED // max(1, self._keys))
        for first in range(0, self._days, step):
            days = slice(first, min(first + step, self._days))
            open_lots, spent, held = lots[days], cost[days], holding[days]
            if first:
                open_lots[0] += lots[first - 1]
                spent[0] += cost_before
            if len(spent) > 1:
                np.cumsum(open_lots, axis=0, out=open_lots)
                np.cumsum(spent, axis=0, out=spent)
            cost_before = spent[-1].copy()
            market = settlement[days].take(terms.instrument, axis=1)
            market *= self._worth
            market *= open_lots
            floating = np.subtract(market, spent, out=spent)
            np.subtract(trade[days], mtm[days], out=held)
            held += floating
            held[0] -= floating_before
            held[1:] -= floating[:-1]
            floating_before = floating[-1]
        return History(trade.T, mtm.T, holding.T, cost.T, lots.T)


def _apart(work: _Results, fills: FillColumns, terms: Terms) -> FillColumns | RuleBroken:
    """Apply what closes lots of its own day, and keys where that cannot be told apart; answer the fills that are left."""
    reach = fills.reach if fills.reach is not None else np.zeros(len(fills), np.int8)
    apart = mixed_keys(fills)
    left = np.ones(len(fills), np.bool_)
    for key in apart.tolist():
        mine = np.flatnonzero(fills.key == key)
        left[mine] = False
        sums = one_key_by_lots(fills.at(mine), terms, key)
        if isinstance(sums, RuleBroken):
            return sums
        work.add(sums[0] * len(terms.sign) + key, *sums[1:])
    same_day = left & ((reach == TODAY) | fills.opens)
    rest = _close_own_day(work, fills, terms, np.flatnonzero(same_day))
    if isinstance(rest, RuleBroken):
        return rest
    lots = fills.lots.copy()
    lots[same_day] = rest
    left &= (lots > 0) & ~((reach == TODAY) & ~fills.opens)
    kept = np.flatnonzero(left)
    return FillColumns(fills.key[kept], fills.day[kept], fills.price[kept], lots[kept], fills.opens[kept], reach[kept])


def _close_own_day(work: _Results, fills: FillColumns, terms: Terms, places: NDArray[np.intp]) -> Ints | RuleBroken:
    """Opens and 平今 closes, each (key, day) by itself; answers the lots left of each."""
    mine = fills.at(places)
    days, keys = terms.days, len(terms.sign)
    closes = ~mine.opens
    if not closes.any():
        return mine.lots
    cell = mine.key * days + mine.day
    numbers = np.unique(cell)
    number = np.searchsorted(numbers, cell)
    axis = lay_out(FillColumns(number, mine.day, mine.price, mine.lots, mine.opens), len(numbers))
    if isinstance(axis, RuleBroken):
        params = axis.reason.params
        where = int(numbers[int(str(params["key"]))])
        return without_open(where // days, where % days, int(str(params["missing"])))
    pairs = pairs_on(axis, len(mine))
    worth = (terms.sign * terms.multiplier)[mine.key[pairs.closing]]
    gained = (mine.price[pairs.closing] - mine.price[pairs.opening]) * worth * pairs.lots
    zero = np.zeros(len(gained), np.int64)
    work.add(mine.day[pairs.closing] * keys + mine.key[pairs.closing], gained, gained, zero, zero)
    return pairs.rest
