"""A transport problem between two rows of buckets: the most flow, and of that the cheapest, proved with integers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
_BEYOND: Final = "quantities or costs are beyond what the solver holds exactly"

EXACT_FLOATS = 2**53
"""Up to here a float holds every integer."""


@dataclass(frozen=True, slots=True)
class Arc:
    """From supply bucket `source` to demand bucket `sink` (positions), at a whole, non-negative `cost` per unit."""

    source: int
    sink: int
    cost: int


@dataclass(frozen=True, slots=True)
class Arcs:
    """Arcs as columns: supply bucket, demand bucket, whole non-negative cost per unit."""

    source: Ints
    sink: Ints
    cost: Ints

    def __len__(self) -> int:
        return len(self.source)


class NotProved(ArithmeticError):
    """The solver's answer did not pass the exact check; nothing may be done with it."""


def most_then_cheapest(supply: Sequence[int], demand: Sequence[int], arcs: Sequence[Arc]) -> list[int]:
    """The flow on each arc that moves as much as possible, and among those the one of least total cost.

    Quantities are non-negative integers. One more unit is worth more than any re-routing it can cause (an augmenting path
    crosses each bucket once), so that one linear programme decides both. Its corners are whole numbers (a network), so
    scipy's HiGHS simplex is exact but for float noise: flow and dual prices are rounded, and integer arithmetic then
    proves bounds and optimality (dual feasible, and both objectives equal). The same input gives the same flow.
    `NotProved` if the proof fails; ValueError for quantities or worths beyond what floats hold exactly."""
    columns = Arcs(
        np.array([arc.source for arc in arcs], np.int64),
        np.array([arc.sink for arc in arcs], np.int64),
        np.array([arc.cost for arc in arcs], np.int64),
    )
    try:
        sizes = np.array(supply, np.int64), np.array(demand, np.int64)
    except OverflowError as beyond:
        raise ValueError(_BEYOND) from beyond
    return [int(units) for units in most_then_cheapest_on(*sizes, columns)]


def most_then_cheapest_on(
    supply: Ints, demand: Ints, arcs: Arcs, guess: Callable[[Ints, Ints], Ints | None] | None = None
) -> Ints:
    """`most_then_cheapest` in columns; the flow on each arc. `guess` may know the flow for the shape of the problem (None:
    it does not); it is taken where prices prove it the best, and the solver is asked where they do not."""
    if not len(arcs):
        return np.zeros(0, np.int64)
    sizes = np.concatenate((supply, demand))
    if int(sizes.min()) < 0:
        raise ValueError(_BEYOND)
    unit = int(np.gcd.reduce(sizes)) or 1
    sizes //= unit
    total = sum(sizes.tolist())
    worth = 1 + int(arcs.cost.max()) * (1 + min(len(supply), len(demand)))
    if total * worth >= EXACT_FLOATS**2 or total >= EXACT_FLOATS:
        raise ValueError(_BEYOND)
    gains = worth - arcs.cost
    sinks = arcs.sink + len(supply)
    guessed = guess(sizes[: len(supply)], sizes[len(supply) :]) if guess else None
    if guessed is not None:
        try:
            _prove(sizes, gains, arcs.source, sinks, guessed, _prices(sizes, gains, arcs.source, sinks, guessed))
            return guessed * unit
        except NotProved:
            pass
    flow, prices = (np.asarray(column, np.int64) for column in _solve(sizes, gains, arcs.source, sinks))
    _prove(sizes, gains, arcs.source, sinks, flow, prices)
    return flow * unit


def _prices(sizes: Ints, gains: Ints, sources: Ints, sinks: Ints, flow: Ints) -> Ints:
    """Dual prices by bucket for a flow, if it is the best one: the smallest that cover every arc's gain, cover it exactly
    where something flows and are 0 where something is left (longest paths, round by round). Of another flow nothing is
    promised; `_prove` decides."""
    count = int(sources.max()) + 1
    used = np.zeros(len(sizes), np.int64)
    np.add.at(used, sources, flow)
    np.add.at(used, sinks, flow)
    order = np.argsort(sinks, kind="stable")
    by_sink, first = np.unique(sinks[order], return_index=True)
    from_source, gain = sources[order], gains[order]
    flowing = np.flatnonzero(flow)
    flowing = flowing[np.argsort(sources[flowing], kind="stable")]
    by_source, begin = np.unique(sources[flowing], return_index=True)
    to_sink, gained = sinks[flowing], gains[flowing]
    prices = np.zeros(len(sizes), np.int64)  # of a source: what is subtracted, hence at most 0
    prices[:count] = np.where(used[:count] < sizes[:count], 0, -int(gains.max()))
    for _ in range(len(sizes)):
        before = prices.copy()
        prices[by_sink] = np.maximum(prices[by_sink], np.maximum.reduceat(prices[from_source] + gain, first))
        if len(flowing):
            prices[by_source] = np.maximum(prices[by_source], np.maximum.reduceat(prices[to_sink] - gained, begin))
        if np.array_equal(prices, before):
            break
    prices[:count] = -prices[:count]
    return prices


def _solve(sizes: Ints, gains: Ints, sources: Ints, sinks: Ints) -> tuple[Ints, Ints]:
    """Rounded flow by arc and rounded dual price by bucket."""
    from scipy.optimize import linprog  # type: ignore[import-untyped]
    from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

    rows = np.concatenate((sources, sinks))
    columns = np.tile(np.arange(len(sources)), 2)
    bounds = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(sizes), len(sources)))
    answer: Any = linprog(-gains.astype(float), A_ub=bounds, b_ub=sizes.astype(float), method="highs-ds")
    if answer.status != 0:
        raise NotProved(answer.message)
    return np.rint(answer.x).astype(np.int64), np.rint(-answer.ineqlin.marginals).astype(np.int64)


def _prove(sizes: Ints, gains: Ints, sources: Ints, sinks: Ints, flow: Ints, prices: Ints) -> None:
    """Raise `NotProved` unless the flow is allowed and no other is worth more (linear programming duality). Sums of
    products are taken with Python integers, which have no end."""
    used = np.zeros(len(sizes), np.int64)
    np.add.at(used, sources, flow)
    np.add.at(used, sinks, flow)
    allowed = int(flow.min()) >= 0 and bool((used <= sizes).all())
    priced = int(prices.min()) >= 0 and bool((prices[sources] + prices[sinks] >= gains).all())
    gained = sum(gain * units for gain, units in zip(gains.tolist(), flow.tolist(), strict=True))
    bound = sum(price * size for price, size in zip(prices.tolist(), sizes.tolist(), strict=True))
    if not (allowed and priced and gained == bound):
        raise NotProved("the solver's flow is not proved to be the best")
