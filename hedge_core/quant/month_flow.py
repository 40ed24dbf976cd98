"""The best flow between months without a linear programme: whole numbers only, one array step for all groups at once.

Cost is the months between source and sink, and groups do not mix. Two shapes of problem have a direct answer:

    one way    the sink never comes before the source (or never after): then the cost is the sum of the sinks' months less
               that of the sources', whoever is paired with whom. Sources taken latest first and sinks taken earliest first
               are both as cheap as a largest flow allows, and one flow serves both (Mendelsohn and Dulmage 1958)
    any month  the scarcer side is used whole, and which part of the other is used decides the flow over each month's end:
               a convex function of one number, carried from month to month by its break points (slope trick)

In both, used quantities are paired in the order of their months. What comes out is a claim: `prices` finds the dual prices that
prove it, and `flow.prove` checks them with integers. Other windows are for the solver in `flow`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from hedge_core.quant.flow import Arcs, Ints

_CELLS = 1_000_000
_STEPS = 10_000
"""Groups × months, and array steps, up to which this is the shorter way."""

_FAR = 2**61
"""A break point that no quantity reaches; quantities add up to less than 2**53."""


def month_flow(
    sources: Ints, sinks: Ints, supply: Ints, demand: Ints, arcs: Arcs, window: tuple[int, int] | None
) -> Ints | None:
    """The flow on each arc; None where this module has no direct answer. `sources` and `sinks` are rows of (group, month) in
    ascending order, `arcs` all pairs of one group that the window (earliest and latest gap) allows, in ascending order."""
    groups, place = np.unique(np.concatenate((sources[:, 0], sinks[:, 0])), return_inverse=True)
    first = int(min(sources[:, 1].min(), sinks[:, 1].min()))
    span = int(max(sources[:, 1].max(), sinks[:, 1].max())) - first + 1
    if (
        len(groups) * span > _CELLS
        or span * (span if window is None else min(span, window[1] - window[0] + 1)) > _STEPS
    ):
        return None
    at_source = place[: len(sources)], sources[:, 1] - first
    at_sink = place[len(sources) :], sinks[:, 1] - first
    offered, wanted = np.zeros((2, len(groups), span), np.int64)
    offered[at_source], wanted[at_sink] = supply, demand
    if window is None:
        given, taken = _any_month(offered, wanted)
    elif window[0] >= 0:
        given, taken = _one_way(offered, wanted, *window)
    elif window[1] <= 0:  # the same, looking back in time
        taken, given = _one_way(wanted, offered, -window[1], -window[0])
    else:
        return None
    return _paired(given[at_source], taken[at_sink], arcs, len(sinks))


def _one_way(offered: Ints, wanted: Ints, earliest: int, latest: int) -> tuple[Ints, Ints]:
    """What is used of each cell (group, month) when sinks come `earliest` to `latest` months after their sources."""
    span = offered.shape[1]
    gaps = range(min(latest, span - 1), earliest - 1, -1)
    left, rest = offered.copy(), wanted.copy()
    for month in range(span - 1, -1, -1):  # the latest source first; it leaves early sinks to those that reach no other
        for gap in gaps:
            if month + gap < span:
                units = np.minimum(left[:, month], rest[:, month + gap])
                left[:, month] -= units
                rest[:, month + gap] -= units
    given = offered - left
    left, rest = offered.copy(), wanted.copy()
    for month in range(span):  # the earliest sink first; it leaves late sources to those that reach no other
        for gap in gaps:
            if month >= gap:
                units = np.minimum(left[:, month - gap], rest[:, month])
                left[:, month - gap] -= units
                rest[:, month] -= units
    return given, wanted - rest


def _any_month(offered: Ints, wanted: Ints) -> tuple[Ints, Ints]:
    """What is used of each cell when every month reaches every other.

    With `scarce` used whole, let F be what has come and not gone by the end of a month; the cost of F is convex, its slope
    changes by one at each break point left and right of its minimum. A month's `scarce` moves all of them, its `ample` moves
    the left ones back as far as it goes, and F itself, carried over the month's end, costs |F|."""
    turned = (offered.sum(axis=1) > wanted.sum(axis=1))[:, None]
    scarce, ample = np.where(turned, wanted, offered), np.where(turned, offered, wanted)
    groups, span = scarce.shape
    ends = span + 2  # so many break points lie where F begins: leaving it would cost more than all months together
    left = np.full((groups, ends + span), -_FAR)
    right = np.full((groups, ends + span), _FAR)
    left[:, :ends] = right[:, :ends] = 0
    low, high = np.zeros((2, span + 1, groups), np.int64)
    for month in range(span):
        left += (scarce - ample)[:, month, None]
        right += scarce[:, month, None]
        _add_distance(left, right, ends + month)
        low[month + 1], high[month + 1] = left.max(axis=1), right.min(axis=1)
    used = np.zeros_like(ample)
    flow = np.zeros(groups, np.int64)  # nothing is left after the last month
    for month in range(span - 1, -1, -1):
        fewest = flow - scarce[:, month]
        earlier = np.clip(np.clip(fewest, low[month], high[month]), fewest, fewest + ample[:, month])
        used[:, month] = earlier - fewest
        flow = earlier
    return np.where(turned, used, scarce), np.where(turned, scarce, used)


def _add_distance(left: Ints, right: Ints, column: int) -> None:
    """Add |F|, whose break point is 0, to functions given by their break points left and right of the minimum; the two new
    ones go into `column`."""
    rows = np.arange(len(left))
    inner = left.argmax(axis=1)
    point = left[rows, inner]
    left[rows, inner], right[:, column] = np.minimum(point, 0), np.maximum(point, 0)
    inner = right.argmin(axis=1)
    point = right[rows, inner]
    right[rows, inner], left[:, column] = np.maximum(point, 0), np.minimum(point, 0)


def _paired(given: Ints, taken: Ints, arcs: Arcs, sinks: int) -> Ints | None:
    """Used quantities in the order of their months, group by group: the first unit given is the first taken."""
    given_ends, taken_ends = np.cumsum(given), np.cumsum(taken)
    if not len(given) or not len(taken) or given_ends[-1] != taken_ends[-1]:
        return None
    cuts = np.unique(np.concatenate(([0], given_ends, taken_ends)))
    source = np.searchsorted(given_ends, cuts[:-1], side="right")
    sink = np.searchsorted(taken_ends, cuts[:-1], side="right")
    known, asked = arcs.source * sinks + arcs.sink, source * sinks + sink
    arc = np.searchsorted(known, asked)
    if len(asked) and (arc[-1] >= len(known) or not np.array_equal(known[arc], asked)):
        return None
    flow: NDArray[np.int64] = np.zeros(len(arcs), np.int64)
    flow[arc] = np.diff(cuts)
    return flow
