"""Optimal matching (期现匹配): the most hedge-equivalent quantity, then the smallest month gap, then the oldest first."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import date
from decimal import Decimal
from fractions import Fraction
from functools import cache
from typing import Final, NamedTuple

import numpy as np

from hedge_core.canonical import decimal_text
from hedge_core.exposure import QUANTITY_PLACES, STOCK
from hedge_core.lots import lot_order
from hedge_core.matching import (
    ONE_TO_ONE,
    Matching,
    _futures_matched,
    _half_up,
    _size,
    _spot_matched,
    _unused_id,
    standing,
)
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

_ZERO: Final = Decimal(0)

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
    return [Pair(*row) for row in _pairs(legs, lots, window)]


def _pairs(
    legs: Sequence[tuple[Bucket, int]], lots: Sequence[tuple[Bucket, int]], window: MonthWindow | None
) -> Iterator[tuple[int, int, int, int]]:
    """The fields of `Pair`, without the objects."""
    numbers = {group: number for number, group in enumerate(sorted({bucket[0] for bucket, _ in (*legs, *lots)}))}
    found = pair_columns(_side(legs, numbers), _side(lots, numbers), window)
    return zip(found.leg.tolist(), found.lot.tolist(), found.quantity.tolist(), found.gap.tolist(), strict=True)


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
    held = _spot_matched(accepted), _futures_matched(accepted)
    today = f"{matched_on:%Y-%m}"
    month_of = cache(_month_number)
    sold_in = cache(lambda instrument: _month_number(delivery_month(instrument) or ""))
    takes_part = [
        (leg, month, max(_ZERO, abs(leg.quantity) - held[0].get(str(leg.ref), _ZERO)))
        for leg in sorted(legs, key=lambda leg: (leg.dated, leg.ref.connection, leg.ref.kind, leg.ref.key))
        if (month := month_of(today if leg.month == STOCK else leg.month)) is not None
    ]
    offered = [
        (lot, month, max(_ZERO, _size(lot, products) - held[1].get(lot.lot_id, _ZERO)))
        for lot in sorted(lots, key=lambda lot: (lot.open_date, lot.account, lot_order(lot)))
        if lot.instrument in products
        and (hedge_flags is None or lot.hedge_flag in hedge_flags)
        and (month := sold_in(lot.instrument)) is not None
    ]
    places = places_of((*(row[2] for row in takes_part), *(row[2] for row in offered)), QUANTITY_PLACES)
    given = {name: ratio for name, ratio in (ratios or {}).items() if ratio != ONE_TO_ONE}
    ratio_of = {leg.commodity: given.get(leg.commodity) for leg, *_ in takes_part}
    spot = [to_units(free, places) for *_, free in takes_part]
    wanted = [
        units if (ratio := ratio_of[leg.commodity]) is None else _half_up(units * ratio)
        for units, (leg, *_) in zip(spot, takes_part, strict=True)
    ]
    pairs = _pairs(
        [
            ((_group(leg.commodity, leg.quantity > 0), month), quantity)
            for (leg, month, _), quantity in zip(takes_part, wanted, strict=True)
        ],
        [
            (
                (_group(products[lot.instrument].commodity, lot.direction is Direction.SELL), month),
                to_units(free, places),
            )
            for lot, month, free in offered
        ],
        window,
    )
    taken = {*used_ids, *(match.match_id for match in accepted)}
    plain = cache(lambda units: _plain(units, places))
    done = [0] * len(takes_part)
    new: list[HedgeMatch] = []
    for at, of, futures, gap in pairs:
        leg, lot = takes_part[at][0], offered[of][0]
        whole, before, ratio = spot[at], done[at], ratio_of[leg.commodity]
        done[at] = before + futures
        if ratio is None:
            quantity = futures
        else:
            earlier = min(whole, _half_up(before / ratio))
            # The leg's last row takes the whole rest, so that halves never leave a smallest unit behind.
            full = done[at] == wanted[at]
            quantity = (whole if full else min(whole, _half_up(done[at] / ratio))) - earlier
        if quantity > 0:
            new.append(
                HedgeMatch(
                    _unused_id(book, leg, lot, taken),
                    leg.ref,
                    lot.lot_id,
                    lot.account,
                    lot.instrument,
                    leg.commodity,
                    plain(quantity),
                    plain(futures),
                    matched_on,
                    OPTIMAL,
                    WHY_OTHER_MONTH if gap else WHY_SAME_MONTH,
                )
            )
    return standing(legs, lots, products, accepted, new)


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
