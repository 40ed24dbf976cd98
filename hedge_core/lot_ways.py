"""The way of a position lot from its first opening through the rolls that carried it, and which match its closes belonged to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hedge_core.model.events import Roll
from hedge_core.model.matches import HedgeMatch
from hedge_core.rolls import path_to
from hedge_core.settlement.rows import LotClose


@dataclass(frozen=True, slots=True)
class Opened:
    """What a lot was when it was opened. `fee` is that of the whole opening fill; zero for a lot taken over at go-live."""

    instrument: str
    lots: int
    price: Decimal
    day: date
    fee: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class Step:
    """A leg of a way for one lot now: `share` of it came through `instrument`, opened and closed at these prices."""

    instrument: str
    share: Fraction
    opened: Decimal
    closed: Decimal


@dataclass(frozen=True, slots=True)
class Way:
    """How one lot came here: the rolled legs, the fees paid for one lot up to now, and the day and price it all began."""

    steps: tuple[Step, ...]
    fee: Fraction
    since: date


@dataclass
class Ways:
    """Ways of lots and the closes that no roll carried on. Where several lots were rolled into one, the largest part is its
    way and the others stand as closed by themselves: every close counts exactly once."""

    opened: Mapping[str, Opened]
    rolls: Sequence[Roll]
    closes: Sequence[LotClose]
    days: Mapping[str, date]
    """Trading day by closing fill."""
    fees: Mapping[str, Fraction]
    """Fee of one lot by fill."""
    _carried: dict[str, list[Roll]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for to_lot in {roll.to_lot for roll in self.rolls}:
            path = path_to(to_lot, self.rolls)
            if path and path[-1].from_lot in self.opened and to_lot in self.opened:
                self._carried.setdefault(path[-1].from_lot, []).append(path[-1])

    def way(self, lot_id: str) -> Way:
        """The way of one lot of a position lot."""
        begun = self.opened[lot_id]
        fee = Fraction(begun.fee) / begun.lots
        path = path_to(lot_id, self.rolls)
        if not path or path[-1].from_lot not in self.opened:
            return Way((), fee, begun.day)
        roll = path[-1]
        before = self.opened[roll.from_lot]
        share = Fraction(roll.lots, begun.lots)
        earlier = self.way(roll.from_lot)
        steps = [replace(step, share=step.share * share) for step in earlier.steps]
        steps.append(Step(before.instrument, share, before.price, roll.closed_price))
        closing = next((self.fees.get(one.fill_key, Fraction(0)) for one in self._closes_of(roll)), Fraction(0))
        return Way(tuple(steps), fee + share * (earlier.fee + closing), earlier.since)

    def closed(self) -> list[LotClose]:
        """Closes with what is left of them after the rolls took theirs, in order of days."""
        left = {(one.fill_key, one.lot_id): one.lots for one in self.closes}
        for rolls in self._carried.values():
            for roll in rolls:
                rest = roll.lots
                for one in self._closes_of(roll):
                    taken = min(rest, left[one.fill_key, one.lot_id])
                    left[one.fill_key, one.lot_id] -= taken
                    rest -= taken
        rows = [replace(one, lots=left[one.fill_key, one.lot_id]) for one in self.closes]
        return sorted(
            (one for one in rows if one.lots), key=lambda one: (self.days[one.fill_key], one.fill_key, one.lot_id)
        )

    def _closes_of(self, roll: Roll) -> list[LotClose]:
        return [
            one
            for one in self.closes
            if one.lot_id == roll.from_lot
            and self.days[one.fill_key] == roll.on
            and one.close_price == roll.closed_price
        ]


@dataclass
class _Claim:
    """What is left of a match to be found among the closes of its lot; it counts up to `until`."""

    match: HedgeMatch
    left: Decimal
    until: date


@dataclass(frozen=True, slots=True)
class MatchedClose:
    """Part of a close and the match it belonged to; None for what no goods stood against. `quantity` is the futures' ≥ 0."""

    close: LotClose
    match: HedgeMatch | None
    quantity: Decimal


def share_out(
    open_quantities: Mapping[str, Decimal],
    sizes: Mapping[str, int],
    active: Iterable[HedgeMatch],
    ended: Iterable[tuple[HedgeMatch, date]],
    closes: Sequence[LotClose],
    days: Mapping[str, date],
) -> tuple[list[HedgeMatch], list[MatchedClose]]:
    """Matches as far as their lots are still open, and the closes by match. What is unmatched of a lot is closed first, then
    the latest matches; a match that ended later than a close was there at the close. `open_quantities` are ≥ 0 by lot,
    `sizes` contract sizes by instrument."""
    free = dict(open_quantities)
    claims: dict[str, list[_Claim]] = {}
    still: list[HedgeMatch] = []
    for match in sorted(active, key=lambda one: (one.matched_on, one.match_id)):
        taken = min(match.futures_quantity, free.get(match.lot_id, Decimal(0)))
        if taken == match.futures_quantity:
            still.append(match)
        elif taken:
            still.append(_part(match, taken))
        free[match.lot_id] = free.get(match.lot_id, Decimal(0)) - taken
        if taken < match.futures_quantity:
            claims.setdefault(match.lot_id, []).append(_Claim(match, match.futures_quantity - taken, date.max))
    for match, until in ended:
        claims.setdefault(match.lot_id, []).append(_Claim(match, match.futures_quantity, until))
    found: list[MatchedClose] = []
    for close in closes:
        rest = Decimal(close.lots * sizes[close.instrument])
        day = days[close.fill_key]
        for claim in claims.get(close.lot_id, ()):
            taken = min(rest, claim.left)
            if taken and claim.match.matched_on <= day <= claim.until:
                found.append(MatchedClose(close, claim.match, taken))
                claim.left -= taken
                rest -= taken
        if rest:
            found.append(MatchedClose(close, None, rest))
    return still, found


def _part(match: HedgeMatch, quantity: Decimal) -> HedgeMatch:
    share = Fraction(match.spot_quantity) * Fraction(quantity) / Fraction(match.futures_quantity)
    spot = Decimal(share.numerator) / Decimal(share.denominator)
    return replace(match, futures_quantity=quantity, spot_quantity=spot)
