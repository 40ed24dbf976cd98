"""Optimal matching in columns: buckets, flow between them, and the flow dealt out to rows without a loop over rows.

Cost depends on nothing but the buckets (group and month), so the flow between buckets has the very objective of the flow
between all rows. It is laid on one axis, arc after arc; where a leg or a lot ends is carried over from its own bucket's
axis; between two neighbouring ends lies one pair.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedge_core.quant.flow import Arcs, most_then_cheapest_on
from hedge_core.quant.month_flow import month_flow
from hedge_core.recalculation.columns import by_key

Ints = NDArray[np.int64]
_FEW: Final = 65_536


@dataclass(frozen=True, slots=True)
class MonthWindow:
    """How many months after the leg's month a lot may deliver, both included; negative: before it."""

    earliest: int = 0
    latest: int = 3

    def holds(self, gap: int) -> bool:
        return self.earliest <= gap <= self.latest


@dataclass(frozen=True, slots=True)
class Side:
    """Rows of one side, oldest first: the number of their group (what may be matched with what), their month, counted in
    months, and their free quantity in whole units ≥ 0."""

    group: Ints
    month: Ints
    quantity: Ints


@dataclass(frozen=True, slots=True)
class PairColumns:
    """Pairs by position in both sides; `gap` is the lot's month less the leg's, which is also why they were matched: 0 the
    same month, else the nearest that keeps the matched quantity whole."""

    leg: Ints
    lot: Ints
    quantity: Ints
    gap: Ints

    def __len__(self) -> int:
        return len(self.leg)


def pair_columns(legs: Side, lots: Side, window: MonthWindow | None) -> PairColumns:
    """The most quantity, of that the smallest sum of quantity × months between, of equals the oldest first. Without a
    window any month may serve. `NotProved` if the solver's answer fails its exact check."""
    leg_rows, leg_bucket, sources = _buckets(legs)
    lot_rows, lot_bucket, sinks = _buckets(lots)
    arcs = _arcs(sources, sinks, window)
    supply = _sums(leg_bucket, legs.quantity[leg_rows], len(sources))
    demand = _sums(lot_bucket, lots.quantity[lot_rows], len(sinks))
    gaps = None if window is None else (window.earliest, window.latest)
    flow = most_then_cheapest_on(
        supply, demand, arcs, lambda units, others: month_flow(sources, sinks, units, others, arcs, gaps)
    )
    used = np.flatnonzero(flow)
    flow, source, sink = flow[used], arcs.source[used], arcs.sink[used]
    total = int(flow.sum())
    if not total:
        none = np.zeros(0, np.int64)
        return PairColumns(none, none, none, none)
    begins = np.cumsum(flow) - flow
    leg_ends, leg_offset = _ends(legs.quantity[leg_rows], leg_bucket, supply, source, flow)
    lot_ends, lot_offset = _ends(lots.quantity[lot_rows], lot_bucket, demand, sink, flow)
    cuts = np.concatenate(
        (begins, _carried(leg_ends, leg_offset, flow, begins), _carried(lot_ends, lot_offset, flow, begins))
    )
    cuts.sort()
    cuts = cuts[np.flatnonzero(np.concatenate(([True], cuts[1:] != cuts[:-1])))]
    arc = np.searchsorted(begins, cuts, side="right") - 1
    within = cuts - begins[arc]
    leg = np.searchsorted(leg_ends, leg_offset[arc] + within, side="right")
    lot = np.searchsorted(lot_ends, lot_offset[arc] + within, side="right")
    gap = sinks[sink, 1] - sources[source, 1]
    return PairColumns(leg_rows[leg], lot_rows[lot], np.diff(cuts, append=total), gap[arc])


def _buckets(side: Side) -> tuple[Ints, Ints, Ints]:
    """Rows with a quantity, by bucket and then as given; the bucket's number of each; (group, month) of the buckets."""
    rows = np.flatnonzero(side.quantity)
    if not len(rows):
        return rows, rows, np.zeros((0, 2), np.int64)
    group, month = side.group[rows], side.month[rows]
    first = int(month.min())
    span = int(month.max()) - first + 1
    code = group * span + (month - first)
    if int(code.max()) < 4 * len(code) + _FEW:  # few codes: counted, not sorted
        present = np.flatnonzero(np.bincount(code))
        rank = np.zeros(int(code.max()) + 1, np.int64)
        rank[present] = np.arange(len(present))
        bucket = rank[code]
    else:
        present, bucket = np.unique(code, return_inverse=True)
    order = by_key(bucket)
    return rows[order], bucket[order], np.stack((present // span, present % span + first), axis=1)


def _arcs(sources: Ints, sinks: Ints, window: MonthWindow | None) -> Arcs:
    """Every allowed pair of buckets of one group, by source and then by sink; the cost is the months between them."""
    first = np.searchsorted(sinks[:, 0], sources[:, 0], side="left")
    counts = np.searchsorted(sinks[:, 0], sources[:, 0], side="right") - first
    source = np.repeat(np.arange(len(sources)), counts)
    sink = np.arange(len(source)) - np.repeat(np.cumsum(counts) - counts - first, counts)
    gap = sinks[sink, 1] - sources[source, 1]
    if window is not None:
        kept = (gap >= window.earliest) & (gap <= window.latest)
        source, sink, gap = source[kept], sink[kept], gap[kept]
    return Arcs(source, sink, np.abs(gap))


def _sums(bucket: Ints, quantity: Ints, size: int) -> Ints:
    sums = np.zeros(size, np.int64)
    np.add.at(sums, bucket, quantity)
    return sums


def _ends(quantity: Ints, bucket: Ints, sizes: Ints, bucket_of: Ints, flow: Ints) -> tuple[Ints, Ints]:
    """Where each row ends on the axis of all buckets, and where on it each arc begins to take, arcs in their order."""
    bases = np.cumsum(sizes) - sizes
    order = np.argsort(bucket_of, kind="stable")
    taken = np.cumsum(flow[order])
    mine = bucket_of[order]
    first = np.searchsorted(mine, mine)
    before = taken - flow[order] - (taken - flow[order])[first]
    offset = np.zeros(len(flow), np.int64)
    offset[order] = bases[mine] + before
    return np.cumsum(quantity), offset


def _carried(ends: Ints, offset: Ints, flow: Ints, begins: Ints) -> Ints:
    """The row ends that lie inside an arc, carried over to the axis of flows."""
    order = np.argsort(offset, kind="stable")
    place = np.searchsorted(offset[order], ends, side="right") - 1
    known = place >= 0
    arc, at = order[place[known]], ends[known]
    within = at - offset[arc]
    inside = within < flow[arc]
    result: Ints = (begins[arc] + within)[inside]
    return result
