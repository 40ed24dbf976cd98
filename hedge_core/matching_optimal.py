"""Optimal matching (期现匹配): the most hedge-equivalent quantity, then the smallest month gap, then the oldest first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from datetime import date
from decimal import Decimal
from fractions import Fraction
from typing import Final, NamedTuple

import numpy as np

from hedge_core.canonical import decimal_text
from hedge_core.exposure import QUANTITY_PLACES, STOCK
from hedge_core.lots import lot_order
from hedge_core.matching import ONE_TO_ONE, Matching, _half_up, _unused_id, match_fifo
from hedge_core.matching_columns import MonthWindow as MonthWindow
from hedge_core.matching_columns import Side, pair_columns
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.products import delivery_month
from hedge_core.settlement.units import from_units, places_of, to_units

OPTIMAL: Final = "optimal"
WHY_SAME_MONTH: Final = "matching_optimal.why_same_month"
WHY_OTHER_MONTH: Final = "matching_optimal.why_other_month"

Bucket = tuple[str, int]
"""Group (what may be matched with what) and month, counted in months."""


class Pair(NamedTuple):
    """`quantity` of leg number `leg` against lot number `lot`; `gap` is the lot's month less the leg's."""

    leg: int
    lot: int
    quantity: int
    gap: int


def best_pairs(
    legs: Sequence[tuple[Bucket, int]], lots: Sequence[tuple[Bucket, int]], window: MonthWindow | None
) -> list[Pair]:
    """Pairs of (bucket, free quantity) rows on both sides, each side given oldest first; quantities are whole units ≥ 0.

    Cost depends on nothing but the buckets, so the flow between buckets has the very objective of the flow between all
    rows; it is dealt out to the rows of both buckets oldest first. Without a window any month may serve."""
    numbers = {group: number for number, group in enumerate(sorted({bucket[0] for bucket, _ in (*legs, *lots)}))}
    found = pair_columns(_side(legs, numbers), _side(lots, numbers), window)
    columns = (found.leg.tolist(), found.lot.tolist(), found.quantity.tolist(), found.gap.tolist())
    return [Pair(*row) for row in zip(*columns, strict=True)]


def _side(rows: Sequence[tuple[Bucket, int]], numbers: Mapping[str, int]) -> Side:
    return Side(
        np.array([numbers[bucket[0]] for bucket, _ in rows], np.int64),
        np.array([bucket[1] for bucket, _ in rows], np.int64),
        np.array([quantity for _, quantity in rows], np.int64),
    )


def match_optimal(
    book: BookId,
    legs: Sequence[SpotLeg],
    lots: Sequence[PositionLot],
    products: Mapping[str, Product],
    matched_on: date,
    *,
    window: MonthWindow | None = None,
    accepted: Sequence[HedgeMatch] = (),
    ratios: Mapping[str, Fraction] | None = None,
    hedge_flags: Set[HedgeFlag] | None = None,
    used_ids: Set[str] = frozenset(),
) -> Matching:
    """Match what is free so that the most futures quantity is matched and, of that, with the smallest sum of
    quantity × months between leg and lot; oldest first where these are equal. Arguments as in `match_fifo`.

    Stock has no month of its own: it counts as the month of `matched_on`. A leg whose month cannot be read takes no part.
    Accepted matches are never changed. The same input gives the same rows and ids whatever its order, and each row says
    in `why` whether its months are the same. `NotProved` if the solver's answer fails its exact check."""
    before = match_fifo(book, legs, lots, products, matched_on, accepted=accepted, hedge_flags=frozenset())
    free = {row.key: row.free for row in before.legs}, {row.key: row.free for row in before.lots}
    places = places_of((*free[0].values(), *free[1].values()), QUANTITY_PLACES)
    ratios = ratios or {}
    today = f"{matched_on:%Y-%m}"
    takes_part = [
        (leg, month)
        for leg in sorted(legs, key=lambda leg: (leg.dated, leg.ref))
        if (month := _month_number(today if leg.month == STOCK else leg.month)) is not None
    ]
    offered = [
        (lot, month)
        for lot in sorted(lots, key=lambda lot: (lot.open_date, lot.account, lot_order(lot)))
        if lot.instrument in products
        and (hedge_flags is None or lot.hedge_flag in hedge_flags)
        and (month := _month_number(delivery_month(lot.instrument) or "")) is not None
    ]
    spot = [to_units(free[0][str(leg.ref)], places) for leg, _ in takes_part]
    wanted = [
        _half_up(units * ratios.get(leg.commodity, ONE_TO_ONE))
        for units, (leg, _) in zip(spot, takes_part, strict=True)
    ]
    pairs = best_pairs(
        [
            ((_group(leg.commodity, leg.quantity > 0), month), quantity)
            for (leg, month), quantity in zip(takes_part, wanted, strict=True)
        ],
        [
            (
                (_group(products[lot.instrument].commodity, lot.direction is Direction.SELL), month),
                to_units(free[1][lot.lot_id], places),
            )
            for lot, month in offered
        ],
        window,
    )
    taken = {*used_ids, *(match.match_id for match in accepted)}
    done = [0] * len(takes_part)
    new: list[HedgeMatch] = []
    for pair in pairs:
        leg, lot = takes_part[pair.leg][0], offered[pair.lot][0]
        ratio = ratios.get(leg.commodity, ONE_TO_ONE)
        earlier = min(spot[pair.leg], _half_up(done[pair.leg] / ratio))
        done[pair.leg] += pair.quantity
        # The leg's last row takes the whole rest, so that halves never leave a smallest unit behind.
        full = done[pair.leg] == wanted[pair.leg]
        quantity = (spot[pair.leg] if full else min(spot[pair.leg], _half_up(done[pair.leg] / ratio))) - earlier
        if quantity > 0:
            new.append(
                HedgeMatch(
                    _unused_id(book, leg, lot, taken),
                    leg.ref,
                    lot.lot_id,
                    lot.account,
                    lot.instrument,
                    leg.commodity,
                    _plain(quantity, places),
                    _plain(pair.quantity, places),
                    matched_on,
                    OPTIMAL,
                    WHY_OTHER_MONTH if pair.gap else WHY_SAME_MONTH,
                )
            )
    every = (*accepted, *new)
    after = match_fifo(book, legs, lots, products, matched_on, accepted=every, hedge_flags=frozenset())
    return Matching(tuple(new), after.legs, after.lots, before.breaks)


def _group(commodity: str, long_risk: bool) -> str:
    """A long spot leg and a sold lot share a group, and the other way round."""
    return f"{commodity}/{'long' if long_risk else 'short'}"


def _month_number(month: str) -> int | None:
    """Months since year 0 of `YYYY-MM`; None if it is no month."""
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        return None
    return first.year * 12 + first.month - 1


def _plain(units: int, places: int) -> Decimal:
    """Without the zeros that the scale would show."""
    return Decimal(decimal_text(from_units(units, places)))
