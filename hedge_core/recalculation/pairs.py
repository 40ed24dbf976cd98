"""Which opening fill each closing fill closed, first in first out: the intersection of cumulative quantity intervals."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hedge_core.recalculation.columns import FillColumns, Ints, by_key


@dataclass(frozen=True, slots=True)
class LotPairs:
    """Pairs (opening fill, closing fill, lots) by position in the given fills, and what is left of each opening fill.

    `rest` has one entry per fill: lots still open of an opening fill, 0 for a closing one."""

    opening: Ints
    closing: Ints
    lots: Ints
    rest: Ints


def lot_pairs(fills: FillColumns) -> LotPairs:
    """Every pair of a valid stream (`recalculate` has found no close without an open), by key and in closing order."""
    order = by_key(fills.key)
    opens = fills.opens[order]
    opening, closing = order[opens], order[~opens]
    open_lots, close_lots = fills.lots[opening], fills.lots[closing]
    open_ends, close_ends = np.cumsum(open_lots), np.cumsum(close_lots)
    # closes are moved onto the axis of all opened lots: each key's closes start where its opens start
    keys = int(fills.key.max(initial=-1)) + 1
    shift = (_before(open_ends, fills.key[opening], keys) - _before(close_ends, fills.key[closing], keys))[
        fills.key[closing]
    ]
    ends, starts = close_ends + shift, close_ends + shift - close_lots
    open_starts = open_ends - open_lots

    # every boundary inside a closing interval starts a new pair: the interval's own start, and each opening start in it
    first = np.searchsorted(open_ends, starts, side="right")
    last = np.searchsorted(open_starts, ends, side="left") - 1
    counts = last - first + 1
    close_at = np.repeat(np.arange(len(closing)), counts)
    offset = np.arange(int(counts.sum())) - np.repeat(np.cumsum(counts) - counts, counts)
    open_at = first[close_at] + offset
    lots = np.minimum(open_ends[open_at], ends[close_at]) - np.maximum(open_starts[open_at], starts[close_at])
    rest = np.zeros(len(fills), np.int64)
    rest[opening] = open_lots
    np.subtract.at(rest, opening[open_at], lots)
    return LotPairs(opening[open_at], closing[close_at], lots, rest)


def _before(ends: Ints, keys_of: Ints, keys: int) -> Ints:
    """Per key, the cumulative lots of all keys before it."""
    result: Ints = np.concatenate(([np.int64(0)], ends))[np.searchsorted(keys_of, np.arange(keys))]
    return result
