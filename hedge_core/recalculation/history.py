"""The kernel: four results per key and day from cumulative quantities, first in first out, without matching lot by lot.

Two facts remove the loop. With lots closed in the order they were opened, the opening cost of the first x lots of a key is
piecewise linear in x, so what closing costs follows from cumulative quantities alone. And the lots opened on a day are
closed only after every older one, so how many of them were closed that day is a difference of cumulative quantities too.

    realised_trade   closing value − opening cost of the lots closed
    realised_mtm     closing value − value at yesterday's settlement (older lots) − opening cost (lots opened today)
    floating         value at today's settlement − opening cost of the lots still open
    holding_mtm      change of floating + realised_trade − realised_mtm (facts 3.19)

All in int64 smallest money units, signed so that profit is positive.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from hedge_core.errors import RuleBroken
from hedge_core.recalculation.columns import FillColumns, Ints, Terms, by_key, within_int64
from messages import Message


@dataclass(frozen=True, slots=True)
class History:
    """Results by [key, day], and the lots open at the end of each day."""

    realised_trade: Ints
    realised_mtm: Ints
    holding_mtm: Ints
    floating: Ints
    lots: Ints


def recalculate(fills: FillColumns, terms: Terms) -> History | RuleBroken:
    """Every result of every key and day. `RuleBroken`: `close_without_open` names the first key and day where more is
    closed than was open, `out_of_bounds` when int64 could not be proved wide enough."""
    broken = within_int64(fills, terms)
    if broken is not None:
        return broken
    keys, days = len(terms.sign), terms.days
    order = by_key(fills.key)  # days are in order already, so they stay in order within a key
    key, lots, opens = fills.key[order], fills.lots[order], fills.opens[order]
    cell = key * days + fills.day[order]
    value = fills.price[order] * terms.multiplier[key] * lots

    first = np.flatnonzero(np.concatenate(([True], cell[1:] != cell[:-1]))) if len(cell) else np.zeros(0, np.int64)
    cells = cell[first]
    zero = np.int64(0)
    opened = _sums(np.where(opens, lots, zero), first)
    closed = _sums(np.where(opens, zero, lots), first)
    closing_value = _sums(np.where(opens, zero, value), first)
    cell_key = cells // days if len(cells) else cells

    # cumulative over all cells, and within a key by what had accumulated before its first cell
    ends_open, ends_closed = np.cumsum(opened), np.cumsum(closed)
    starts = np.searchsorted(cell_key, np.arange(keys)) if len(cells) else np.zeros(keys, np.int64)
    before_open = np.concatenate(([zero], ends_open))[starts][cell_key]
    before_closed = np.concatenate(([zero], ends_closed))[starts][cell_key]
    closed_in_key = ends_closed - before_closed
    problem = _closed_too_much(key, lots, opens, cell, days)
    if problem is not None:
        return problem

    cost = _OpeningCost(lots[opens], value[opens])
    closed_end = before_open + closed_in_key  # position on the axis of all opened lots, key after key
    closed_start = closed_end - closed
    opened_start = ends_open - opened
    cost_end, cost_start = cost.at(closed_end), cost.at(closed_start)
    today_closed = np.maximum(closed_end - np.maximum(opened_start, closed_start), zero)
    cost_today = np.where(today_closed > 0, cost_end - cost.at(np.maximum(opened_start, closed_start)), zero)

    sign = terms.sign[cell_key] if len(cells) else cells
    settlement = terms.settlement[terms.instrument] * terms.multiplier[:, None]
    flat = settlement.ravel()
    yesterday = flat[np.maximum(cells - 1, 0)] if len(cells) else cells
    realised_trade = sign * (closing_value - (cost_end - cost_start))
    realised_mtm = sign * (closing_value - (closed - today_closed) * yesterday - cost_today)

    history_trade = _scatter(realised_trade, cells, keys, days)
    history_mtm = _scatter(realised_mtm, cells, keys, days)
    position = np.cumsum(_scatter(opened - closed, cells, keys, days), axis=1)
    open_value = _sums(np.where(opens, value, zero), first)
    floating = position * settlement
    floating -= np.cumsum(_scatter(open_value - (cost_end - cost_start), cells, keys, days), axis=1)
    floating *= terms.sign[:, None]
    holding = history_trade - history_mtm
    holding += floating
    holding[:, 1:] -= floating[:, :-1]
    return History(history_trade, history_mtm, holding, floating, position)


class _OpeningCost:
    """Opening cost of the first x lots, all keys one after the other on one axis: piecewise linear in x."""

    def __init__(self, lots: Ints, value: Ints) -> None:
        self._ends = np.cumsum(lots)
        self._costs = np.cumsum(value)
        self._per_lot = value // np.maximum(lots, 1)  # exact: value is price × multiplier × lots

    def at(self, x: Ints) -> Ints:
        if not len(self._ends):
            return np.zeros_like(x)
        place = np.minimum(np.searchsorted(self._ends, x), len(self._ends) - 1)
        result: Ints = self._costs[place] - (self._ends[place] - x) * self._per_lot[place]
        return result


def _sums(values: Ints, first: Ints) -> Ints:
    result: Ints = np.add.reduceat(values, first) if len(first) else values[:0]
    return result


def _scatter(values: Ints, cells: Ints, keys: int, days: int) -> Ints:
    result = np.zeros(keys * days, np.int64)
    result[cells] = values
    return result.reshape(keys, days)


def _closed_too_much(key: Ints, lots: Ints, opens: NDArray[np.bool_], cell: Ints, days: int) -> RuleBroken | None:
    """The first fill, in the order they count, after which a key has closed more than it had opened."""
    if not len(key):
        return None
    running = np.cumsum(np.where(opens, lots, -lots))
    first = np.flatnonzero(np.concatenate(([True], key[1:] != key[:-1])))
    base = np.concatenate(([np.int64(0)], running))[first]
    within = running - np.repeat(base, np.diff(np.append(first, len(key))))
    wrong = np.flatnonzero(within < 0)
    if not len(wrong):
        return None
    at = int(cell[wrong[0]])
    params = {"key": at // days, "day": at % days, "missing": -int(within[wrong[0]])}
    return RuleBroken("close_without_open", f"key {params['key']}", Message("recalculation.close_without_open", params))
