"""A transport problem between two rows of buckets: the most flow, and of that the cheapest, proved with integers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

EXACT_FLOATS = 2**53
"""Up to here a float holds every integer."""


@dataclass(frozen=True, slots=True)
class Arc:
    """From supply bucket `source` to demand bucket `sink` (positions), at a whole, non-negative `cost` per unit."""

    source: int
    sink: int
    cost: int


class NotProved(ArithmeticError):
    """The solver's answer did not pass the exact check; nothing may be done with it."""


def most_then_cheapest(supply: Sequence[int], demand: Sequence[int], arcs: Sequence[Arc]) -> list[int]:
    """The flow on each arc that moves as much as possible, and among those the one of least total cost.

    Quantities are non-negative integers. One more unit is worth more than any re-routing it can cause (an augmenting path
    crosses each bucket once), so that one linear programme decides both. Its corners are whole numbers (a network), so
    scipy's HiGHS simplex is exact but for float noise: flow and dual prices are rounded, and integer arithmetic then
    proves bounds and optimality (dual feasible, and both objectives equal). The same input gives the same flow.
    `NotProved` if the proof fails; ValueError for quantities or worths beyond what floats hold exactly."""
    if not arcs:
        return []
    unit = math.gcd(*supply, *demand) or 1
    sizes = [quantity // unit for quantity in (*supply, *demand)]
    worth = 1 + max(arc.cost for arc in arcs) * (1 + min(len(supply), len(demand)))
    if min(sizes) < 0 or sum(sizes) * worth >= EXACT_FLOATS**2 or sum(sizes) >= EXACT_FLOATS:
        raise ValueError("quantities or costs are beyond what the solver holds exactly")
    gains = [worth - arc.cost for arc in arcs]
    ends = [(arc.source, len(supply) + arc.sink) for arc in arcs]
    flow, prices = _solve(sizes, gains, ends)
    _prove(sizes, gains, ends, flow, prices)
    return [units * unit for units in flow]


def _solve(sizes: Sequence[int], gains: Sequence[int], ends: Sequence[tuple[int, int]]) -> tuple[list[int], list[int]]:
    """Rounded flow by arc and rounded dual price by bucket."""
    import numpy as np
    from scipy.optimize import linprog  # type: ignore[import-untyped]
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    rows = np.array(ends, dtype=np.int64).T.ravel()
    columns = np.tile(np.arange(len(ends)), 2)
    bounds = csr_matrix((np.ones(2 * len(ends)), (rows, columns)), shape=(len(sizes), len(ends)))
    answer: Any = linprog(-np.array(gains, dtype=float), A_ub=bounds, b_ub=np.array(sizes, float), method="highs-ds")
    if answer.status != 0:
        raise NotProved(answer.message)
    return [round(x) for x in answer.x.tolist()], [round(-y) for y in answer.ineqlin.marginals.tolist()]


def _prove(
    sizes: Sequence[int],
    gains: Sequence[int],
    ends: Sequence[tuple[int, int]],
    flow: Sequence[int],
    prices: Sequence[int],
) -> None:
    """Raise `NotProved` unless the flow is allowed and no other is worth more (linear programming duality)."""
    used = [0] * len(sizes)
    for (source, sink), units in zip(ends, flow, strict=True):
        used[source] += units
        used[sink] += units
    allowed = min(flow) >= 0 and all(have <= size for have, size in zip(used, sizes, strict=True))
    priced = min(prices) >= 0 and all(
        prices[source] + prices[sink] >= gain for (source, sink), gain in zip(ends, gains, strict=True)
    )
    gained = sum(gain * units for gain, units in zip(gains, flow, strict=True))
    if not (allowed and priced and gained == sum(p * size for p, size in zip(prices, sizes, strict=True))):
        raise NotProved("the solver's flow is not proved to be the best")
