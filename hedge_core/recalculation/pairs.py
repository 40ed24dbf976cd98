"""Which opening fill each closing fill closed, first in first out: the intersection of cumulative quantity intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hedge_core.recalculation.axis import Axis, lay_out
from hedge_core.recalculation.columns import FillColumns, Ints


@dataclass(frozen=True, slots=True)
class LotPairs:
    """Pairs (opening fill, closing fill, lots) by position in the given fills, and what is left of each opening fill.

    `rest` has one entry per fill: lots still open of an opening fill, 0 for a closing one."""

    opening: Ints
    closing: Ints
    lots: Ints
    rest: Ints


def lot_pairs(fills: FillColumns) -> LotPairs:
    """Every pair, oldest lots first, by key and in closing order. Raises the `RuleBroken` of a close without an open."""
    axis = lay_out(fills, int(fills.key.max(initial=-1)) + 1)
    if not isinstance(axis, Axis):
        raise axis
    return pairs_on(axis, len(fills))


def pairs_on(axis: Axis, fills: int) -> LotPairs:
    """The pairs of an axis laid out before; `fills` is how many fills there are."""
    ends, lots = axis.open_ends, axis.open_lots
    first = first_lot(axis)
    counts = axis.last - first + 1
    close_at = np.repeat(np.arange(len(axis.closing)), counts)
    open_at = np.arange(len(close_at)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    starts = ends - lots
    taken = np.minimum(ends[open_at], axis.end[close_at]) - np.maximum(starts[open_at], axis.start[close_at])
    rest = np.zeros(fills, np.int64)
    rest[axis.opening] = np.maximum(ends - np.maximum(starts, axis.consumed[axis.open_key]), 0)
    return LotPairs(axis.opening[open_at], axis.closing[close_at], taken, rest)


def first_lot(axis: Axis) -> Ints:
    """By closing fill, the number of the opening fill it begins in: where its predecessor stopped, or the next one."""
    first = np.zeros(len(axis.closing), np.int64)
    if len(first):
        first[1:] = axis.last[:-1] + (axis.open_ends[axis.last[:-1]] == axis.end[:-1])
        begins = np.flatnonzero(axis.new_key)
        first[begins] = axis.first_open[axis.close_key[begins]]
    return first
