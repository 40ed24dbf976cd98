"""Matching by tag, by hand and one to one, within constraints; and hedges that stand in another account than they should."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction
from math import gcd
from typing import Final

import numpy as np

from hedge_core.assignment import cheapest_assignment
from hedge_core.canonical import decimal_text
from hedge_core.errors import RuleBroken
from hedge_core.exposure import QUANTITY_PLACES, STOCK
from hedge_core.lots import lot_order
from hedge_core.matching import ONE_TO_ONE, Matching, _half_up, _pair, _unused_id, match_fifo, standing
from hedge_core.matching_optimal import MonthWindow
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.products import delivery_month
from hedge_core.settlement.units import from_units, places_of, to_units
from messages import Message

TAG: Final = "tag"
HAND: Final = "hand"
SINGLE: Final = "one_to_one"
WHY_TAG: Final = "matching.why_tag"
WHY_HAND: Final = "matching.why_hand"
WHY_SINGLE: Final = "matching.why_one_to_one"

MOST_SINGLES: Final = 400
"""Legs or lots of one group (commodity and side of risk) that are assigned one to one: work grows with the cube."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Constraints:
    """What may be matched at all; empty sets and None allow everything. `months` is the window between the leg's month (of
    stock: the day's) and the lot's; `long_risk` limits to legs that gain (True) or lose (False) when the price rises."""

    accounts: Set[str] = frozenset()
    hedge_flags: Set[HedgeFlag] | None = None
    commodities: Set[str] = frozenset()
    months: MonthWindow | None = None
    long_risk: bool | None = None

    def allows_leg(self, leg: SpotLeg) -> bool:
        return (not self.commodities or leg.commodity in self.commodities) and (
            self.long_risk is None or (leg.quantity > 0) is self.long_risk
        )

    def allows_lot(self, lot: PositionLot) -> bool:
        return (not self.accounts or lot.account in self.accounts) and (
            self.hedge_flags is None or lot.hedge_flag in self.hedge_flags
        )

    def allows_pair(self, leg: SpotLeg, lot: PositionLot, on: date) -> bool:
        gap = month_gap(leg, lot, on)
        return self.months is None or (gap is not None and self.months.holds(gap))


@dataclass(frozen=True, slots=True)
class Sides:
    """Both sides of one book's matching, and what is matched already. `ratios` is by commodity."""

    book: BookId
    legs: Sequence[SpotLeg]
    lots: Sequence[PositionLot]
    products: Mapping[str, Product]
    on: date
    accepted: Sequence[HedgeMatch] = ()
    ratios: Mapping[str, Fraction] | None = None
    used_ids: Set[str] = frozenset()

    def run(self, legs: Sequence[SpotLeg], lots: Sequence[PositionLot], made: Sequence[HedgeMatch]) -> Matching:
        """FIFO among some of the legs and lots, beside what is accepted and what this run has made."""
        return match_fifo(
            self.book, legs, lots, self.products, self.on, accepted=(*self.accepted, *made), ratios=self.ratios,
            used_ids=self.used_ids,
        )  # fmt: skip

    def finish(self, made: Sequence[HedgeMatch]) -> Matching:
        """Balances with the new matches counted, and the breaks there were before."""
        return standing(self.legs, self.lots, self.products, self.accepted, made)


def month_gap(leg: SpotLeg, lot: PositionLot, on: date) -> int | None:
    """Months from the leg's month to the lot's; None where one of them cannot be read."""
    here = _months(f"{on:%Y-%m}" if leg.month == STOCK else leg.month)
    there = _months(delivery_month(lot.instrument) or "")
    return None if here is None or there is None else there - here


def match_within(sides: Sides, limits: Constraints) -> Matching:
    """FIFO within constraints: leg by leg, oldest first, to the oldest lots that the leg may be matched with."""
    made: list[HedgeMatch] = []
    lots = [lot for lot in sides.lots if limits.allows_lot(lot)]
    if limits.months is None:
        return sides.finish(sides.run([leg for leg in sides.legs if limits.allows_leg(leg)], lots, ()).new)
    for leg in sorted(sides.legs, key=lambda one: (one.dated, one.ref)):
        if limits.allows_leg(leg):
            made += sides.run([leg], [lot for lot in lots if limits.allows_pair(leg, lot, sides.on)], made).new
    return sides.finish(made)


def match_by_tag(sides: Sides, tags: Mapping[str, str], limits: Constraints) -> Matching:
    """Legs and lots with the same tag (标识打点), FIFO within it. `tags` is by the leg's record or the lot id."""
    made: list[HedgeMatch] = []
    for tag in sorted({tag for tag in tags.values() if tag}):
        legs = [leg for leg in sides.legs if tags.get(str(leg.ref)) == tag and limits.allows_leg(leg)]
        lots = [lot for lot in sides.lots if tags.get(lot.lot_id) == tag and limits.allows_lot(lot)]
        found: list[HedgeMatch] = []
        if limits.months is None:
            found += sides.run(legs, lots, made).new
        else:
            for leg in sorted(legs, key=lambda one: (one.dated, one.ref)):
                fitting = [lot for lot in lots if limits.allows_pair(leg, lot, sides.on)]
                found += sides.run([leg], fitting, (*made, *found)).new
        made += [replace(match, method=TAG, why=WHY_TAG) for match in found]
    return sides.finish(made)


def match_by_hand(
    sides: Sides, leg: str, lot_id: str, spot_quantity: Decimal, futures_quantity: Decimal | None = None
) -> Matching:
    """One match as a person says it; without a futures quantity the book's ratio gives it.

    RuleBroken: `match_no_leg`, `match_no_lot` (not of this book, or closed), `match_commodity`, `match_same_risk` (both
    gain together), `match_not_positive`, `match_leg_free`, `match_lot_free` (more than is free)."""
    found = next((one for one in sides.legs if str(one.ref) == leg), None)
    lot = next((one for one in sides.lots if one.lot_id == lot_id and one.instrument in sides.products), None)
    if found is None or lot is None:
        raise _refused("no_lot" if found else "no_leg", leg, lot_id)
    ratio = (sides.ratios or {}).get(found.commodity, ONE_TO_ONE)
    if futures_quantity is None:
        units = to_units(spot_quantity, places_of([spot_quantity], QUANTITY_PLACES))
        places = places_of([spot_quantity], QUANTITY_PLACES)
        futures_quantity = from_units(_half_up(max(0, units) * ratio), places)
    now = sides.finish(())
    free_leg = next(row.free for row in now.legs if row.key == leg)
    free_lot = next(row.free for row in now.lots if row.key == lot_id)
    rules = (
        ("commodity", sides.products[lot.instrument].commodity != found.commodity),
        ("same_risk", (lot.direction is Direction.BUY) is (found.quantity > 0)),
        ("not_positive", min(spot_quantity, futures_quantity) <= 0),
        ("leg_free", spot_quantity > free_leg),
        ("lot_free", futures_quantity > free_lot),
    )
    for name, is_broken in rules:
        if is_broken:
            raise _refused(name, leg, lot_id, spot=spot_quantity, futures=futures_quantity, leg_free=free_leg,
                           lot_free=free_lot)  # fmt: skip
    taken = {*sides.used_ids, *(match.match_id for match in sides.accepted)}
    made = _match(sides, found, lot, spot_quantity, futures_quantity, taken, HAND, WHY_HAND)
    return sides.finish([made])


def match_one_to_one(sides: Sides, limits: Constraints) -> Matching:
    """One leg to one lot (单单匹配), each used once and only where nothing of it is matched yet: within each group
    (commodity, side of risk) the assignment with the most futures quantity, and of those the fewest months between.

    RuleBroken `match_group_too_large` for a group with more than `MOST_SINGLES` legs or lots: match it by tag first, or
    limit it."""
    touched = {str(match.leg) for match in sides.accepted} | {match.lot_id for match in sides.accepted}
    groups: dict[tuple[str, bool], tuple[list[SpotLeg], list[PositionLot]]] = {}
    for leg in sorted(sides.legs, key=lambda one: (one.dated, one.ref)):
        if str(leg.ref) not in touched and limits.allows_leg(leg):
            groups.setdefault((leg.commodity, leg.quantity > 0), ([], []))[0].append(leg)
    for lot in sorted(sides.lots, key=lambda one: (one.open_date, one.account, lot_order(one))):
        product = sides.products.get(lot.instrument)
        if product is not None and lot.lot_id not in touched and limits.allows_lot(lot):
            key = product.commodity, lot.direction is Direction.SELL
            if key in groups:
                groups[key][1].append(lot)
    made: list[HedgeMatch] = []
    taken = {*sides.used_ids, *(match.match_id for match in sides.accepted)}
    for (commodity, _), (legs, lots) in sorted(groups.items()):
        if max(len(legs), len(lots)) > MOST_SINGLES:
            params = {"commodity": commodity, "legs": len(legs), "lots": len(lots), "most": MOST_SINGLES}
            raise RuleBroken("match_group_too_large", commodity, Message("matching.group_too_large", params))
        made += _singles(sides, limits, legs, lots, taken)
    return sides.finish(made)


def _singles(
    sides: Sides, limits: Constraints, legs: list[SpotLeg], lots: list[PositionLot], taken: set[str]
) -> list[HedgeMatch]:
    if not legs or not lots:
        return []
    ratio = (sides.ratios or {}).get(legs[0].commodity, ONE_TO_ONE)
    sizes = [Decimal(lot.lots * sides.products[lot.instrument].multiplier) for lot in lots]
    places = places_of([leg.quantity for leg in legs] + sizes, QUANTITY_PLACES)
    pairs: dict[tuple[int, int], tuple[int, int]] = {}
    gaps: dict[tuple[int, int], int] = {}
    for row, leg in enumerate(legs):
        spot = to_units(abs(leg.quantity), places)
        for place, lot in enumerate(lots):
            gap = month_gap(leg, lot, sides.on)
            if gap is None or not limits.allows_pair(leg, lot, sides.on):
                continue
            both = _pair(spot, to_units(sizes[place], places), ratio)
            if min(both) > 0:
                pairs[row, place], gaps[row, place] = both, abs(gap)
    if not pairs:
        return []
    unit = gcd(*(futures for _, futures in pairs.values()))
    worth = 1 + min(len(legs), len(lots)) * max(gaps.values())
    turned = len(legs) > len(lots)
    shape = (len(lots), len(legs)) if turned else (len(legs), len(lots))
    costs = np.zeros(shape, dtype=np.int64)
    try:
        for (row, place), (_, futures) in pairs.items():
            costs[(place, row) if turned else (row, place)] = gaps[row, place] - futures // unit * worth
        columns = cheapest_assignment(costs)
    except (OverflowError, ValueError):
        params = {"commodity": legs[0].commodity}
        raise RuleBroken("out_of_bounds", legs[0].commodity, Message("matching.out_of_bounds", params)) from None
    chosen = [(column, row) if turned else (row, column) for row, column in enumerate(columns)]
    made = []
    for row, place in sorted(chosen):
        if (row, place) in pairs:
            quantities = [from_units(units, places) for units in pairs[row, place]]
            made.append(_match(sides, legs[row], lots[place], quantities[0], quantities[1], taken, SINGLE, WHY_SINGLE))
    return made


# --- hedges in the wrong account --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountMismatch:
    """A match whose futures stand in another account than the leg's mark says."""

    match: HedgeMatch
    wanted: str

    @property
    def message(self) -> Message:
        """The mismatch as a sentence."""
        params = {"match": self.match.match_id, "leg": self.match.leg, "account": self.match.account}
        return Message("matching.other_account", {**params, "wanted": self.wanted})


@dataclass(frozen=True, slots=True)
class OpposedAccounts:
    """Lots of one instrument long in one account and short in another: they cost margin twice and hedge nothing."""

    instrument: str
    long_accounts: tuple[str, ...]
    short_accounts: tuple[str, ...]
    lots: int

    @property
    def message(self) -> Message:
        """The finding as a sentence."""
        params = {"instrument": self.instrument, "lots": self.lots}
        long, short = ", ".join(self.long_accounts), ", ".join(self.short_accounts)
        return Message("matching.opposed_accounts", {**params, "long": long, "short": short})


def account_mismatches(matches: Iterable[HedgeMatch], wanted: Mapping[str, str]) -> tuple[AccountMismatch, ...]:
    """`wanted` is the account by the leg's record; legs without a mark take any."""
    return tuple(
        AccountMismatch(match, wanted[str(match.leg)])
        for match in sorted(matches, key=lambda one: one.match_id)
        if wanted.get(str(match.leg), match.account) != match.account
    )


def opposed_accounts(lots: Iterable[PositionLot]) -> tuple[OpposedAccounts, ...]:
    """Instruments held both ways across accounts; `lots` is how many stand against each other."""
    sides: dict[str, dict[Direction, dict[str, int]]] = {}
    for lot in lots:
        held = sides.setdefault(lot.instrument, {}).setdefault(lot.direction, {})
        held[lot.account] = held.get(lot.account, 0) + lot.lots
    found = []
    for name in sorted(sides):
        long, short = (sides[name].get(one, {}) for one in (Direction.BUY, Direction.SELL))
        if long and short and set(long) != set(short):
            against = min(sum(long.values()), sum(short.values()))
            found.append(OpposedAccounts(name, tuple(sorted(long)), tuple(sorted(short)), against))
    return tuple(found)


def _match(
    sides: Sides,
    leg: SpotLeg,
    lot: PositionLot,
    spot: Decimal,
    futures: Decimal,
    taken: set[str],
    method: str,
    why: str,
) -> HedgeMatch:
    return HedgeMatch(
        _unused_id(sides.book, leg, lot, taken), leg.ref, lot.lot_id, lot.account, lot.instrument, leg.commodity,
        Decimal(decimal_text(spot)), Decimal(decimal_text(futures)), sides.on, method, why,
    )  # fmt: skip


def _refused(rule: str, leg: str, lot_id: str, **params: object) -> RuleBroken:
    return RuleBroken(f"match_{rule}", leg, Message(f"matching.hand_{rule}", {"leg": leg, "lot": lot_id, **params}))


def _months(month: str) -> int | None:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        return None
    return first.year * 12 + first.month
