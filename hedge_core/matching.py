"""Matching (期现匹配): spot legs to position lots of the opposite price risk, FIFO, each side bounded by its own total."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Final

from hedge_core.canonical import canonical_text, decimal_text
from hedge_core.exposure import QUANTITY_PLACES, STOCK, in_transit_sale, priced_parts
from hedge_core.lots import lot_order
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.model.physical import ContractLine, InventoryLot, Side
from hedge_core.settlement.units import from_units, places_of, to_units
from messages import Message

FIFO: Final = "fifo"
WHY_FIFO: Final = "matching.why_fifo"
ONE_TO_ONE: Final = Fraction(1)

_ZERO: Final = Decimal(0)


def vat_adjusted(vat_rate: Decimal) -> Fraction:
    """Futures quantity per spot quantity when the spot result is without VAT and the futures result is not taxed:
    1 ÷ (1 + VAT), exact (facts 3.4)."""
    return 1 / Fraction(1 + vat_rate)


@dataclass(frozen=True, slots=True)
class Balance:
    """How much of a leg or lot is matched, in the commodity's base unit: `total = matched + free − over`.

    `key` is the leg's reference as text, or the lot id. `over` is what is matched beyond the total."""

    key: str
    commodity: str
    total: Decimal
    matched: Decimal

    @property
    def free(self) -> Decimal:
        return max(_ZERO, self.total - self.matched)

    @property
    def over(self) -> Decimal:
        return max(_ZERO, self.matched - self.total)


@dataclass(frozen=True, slots=True)
class MatchBreak:
    """An accepted match that no longer fits: a leg or lot shrank, vanished or turned its direction. It stays matched
    until a person decides; `side` is `leg` or `lot`, `reason` is `over`, `gone` or `direction`."""

    side: str
    key: str
    reason: str
    matched: Decimal
    available: Decimal
    match_ids: tuple[str, ...]

    @property
    def message(self) -> Message:
        """The break as a sentence."""
        params = {"key": self.key, "matched": self.matched, "available": self.available}
        return Message(f"matching.{self.side}_{self.reason}", params)


@dataclass(frozen=True, slots=True)
class Matching:
    """`new` matches of this run; balances of every leg and lot with accepted and new matches counted; and the breaks."""

    new: tuple[HedgeMatch, ...]
    legs: tuple[Balance, ...]
    lots: tuple[Balance, ...]
    breaks: tuple[MatchBreak, ...]


def spot_legs(
    lines: Iterable[ContractLine],
    inventory: Iterable[InventoryLot],
    first_seen: Mapping[ExternalRef, date],
    vat_rates: Mapping[str, Decimal],
) -> tuple[SpotLeg, ...]:
    """What there is to hedge; the legs of a commodity add up to its exposure (`hedge_core.exposure`).

    Kinds: `stock` (our goods on hand), `purchase` and `sale` (what is priced and open of a line), `delivered_unpriced` (a
    floating sale that left and still moves with the price), `in_transit` (a sale on its way, still ours). Goods that
    arrived on a floating purchase carry no price risk: they are taken off the newest stock of the commodity; what exceeds
    the stock is a short leg `arrived_unpriced` on its line. `first_seen` dates stock by reference (absent: oldest);
    `vat_rates` is by commodity for stock. Quantities signed, base unit; legs without a quantity are left out."""
    legs: list[SpotLeg] = []
    arrived: dict[str, list[ContractLine]] = {}
    for line in lines:
        priced_open, _, unpriced_delivered = priced_parts(line)
        sign = 1 if line.side is Side.PURCHASE else -1
        legs.append(_line_leg(line, line.side.value, sign * priced_open))
        if line.side is Side.SALE:
            legs.append(_line_leg(line, "delivered_unpriced", unpriced_delivered))
            legs.append(_transit_leg(line))
        elif unpriced_delivered:
            arrived.setdefault(line.commodity, []).append(line)
    stock = [lot for lot in inventory if lot.ours and lot.quantity > 0 and not lot.transit_line]
    stock.sort(key=lambda lot: (first_seen.get(lot.ref, date.min), lot.ref))
    unpriced = {name: sum((priced_parts(line)[2] for line in found), _ZERO) for name, found in arrived.items()}
    for lot in reversed(stock):
        taken = min(lot.quantity, unpriced.get(lot.commodity, _ZERO))
        if taken:
            unpriced[lot.commodity] -= taken
        dated = first_seen.get(lot.ref, date.min)
        rate = vat_rates.get(lot.commodity, _ZERO)
        legs.append(SpotLeg(lot.ref, STOCK, lot.commodity, STOCK, dated, lot.quantity - taken, rate))
    for commodity, rest in unpriced.items():
        for line in sorted(arrived[commodity], key=lambda row: (row.contract_date, row.ref), reverse=True):
            taken = min(rest, priced_parts(line)[2])
            rest -= taken
            legs.append(_line_leg(line, "arrived_unpriced", -taken))
    return tuple(sorted((leg for leg in legs if leg.quantity), key=_leg_order))


def match_fifo(
    book: BookId,
    legs: Sequence[SpotLeg],
    lots: Sequence[PositionLot],
    products: Mapping[str, Product],
    matched_on: date,
    *,
    accepted: Sequence[HedgeMatch] = (),
    ratios: Mapping[str, Fraction] | None = None,
    hedge_flags: Set[HedgeFlag] | None = None,
    used_ids: Set[str] = frozenset(),
) -> Matching:
    """Match what is free, oldest legs to oldest lots, within each commodity and direction of risk.

    `products` is by instrument; a lot without one takes no part (exposure and settlement report it). `ratios` is the
    futures quantity per spot quantity by commodity (`ONE_TO_ONE` unless given, `vat_adjusted(rate)`, or a beta).
    `hedge_flags` limits new matches to lots with these flags. Accepted matches are never changed: they only take from
    what is free, and where they no longer fit they appear as breaks. The same input gives the same matches and ids, and
    a run over its own result adds none; `used_ids` are ids of ended matches, which are never given again. A row names
    the lot's account; a match never spans two."""
    ratios = ratios or {}
    places = _places(legs, accepted)
    free = _Free(legs, lots, products, accepted, places)
    new: list[HedgeMatch] = []
    taken = {*used_ids, *(match.match_id for match in accepted)}
    queues: dict[tuple[str, Direction], deque[PositionLot]] = {}
    for lot in sorted(lots, key=lambda lot: (lot.open_date, lot.account, lot_order(lot))):
        if lot.instrument in products and (hedge_flags is None or lot.hedge_flag in hedge_flags):
            queues.setdefault((products[lot.instrument].commodity, lot.direction), deque()).append(lot)
    for leg in sorted(legs, key=_leg_order):
        queue = queues.get((leg.commodity, Direction.SELL if leg.quantity > 0 else Direction.BUY), deque())
        ratio = ratios.get(leg.commodity, ONE_TO_ONE)
        while queue and free.legs[leg.ref] > 0:
            lot = queue[0]
            spot, futures = _pair(free.legs[leg.ref], free.lots[lot.lot_id], ratio)
            if spot > 0 and futures > 0:
                free.legs[leg.ref] -= spot
                free.lots[lot.lot_id] -= futures
                match_id = _unused_id(book, leg, lot, taken)
                new.append(_match(match_id, leg, lot, free.quantity(spot), free.quantity(futures), matched_on))
            elif free.lots[lot.lot_id] > 0:
                break  # the leg's rest is below the smallest unit of the other side
            if free.lots[lot.lot_id] <= 0:
                queue.popleft()
    return standing(legs, lots, products, accepted, new)


def standing(
    legs: Sequence[SpotLeg],
    lots: Sequence[PositionLot],
    products: Mapping[str, Product],
    accepted: Sequence[HedgeMatch],
    new: Sequence[HedgeMatch],
) -> Matching:
    """How every leg and lot stands with the accepted matches and those of a run, and which accepted ones no longer fit."""
    every = (*accepted, *new)
    leg_rows = _balances(((str(leg.ref), leg.commodity, abs(leg.quantity)) for leg in legs), _spot_matched(every))
    lot_rows = _balances(
        (
            (lot.lot_id, products[lot.instrument].commodity, _size(lot, products))
            for lot in lots
            if lot.instrument in products
        ),
        _futures_matched(every),
    )
    return Matching(tuple(new), leg_rows, lot_rows, _breaks(legs, lots, products, accepted))


class _Free:
    """What is left of each leg and lot, in smallest units (never below zero), after the accepted matches."""

    def __init__(
        self,
        legs: Sequence[SpotLeg],
        lots: Sequence[PositionLot],
        products: Mapping[str, Product],
        accepted: Sequence[HedgeMatch],
        places: int,
    ) -> None:
        self.places = places
        spot, futures = _spot_matched(accepted), _futures_matched(accepted)
        self.legs = {leg.ref: self._units(abs(leg.quantity) - spot.get(str(leg.ref), _ZERO)) for leg in legs}
        self.lots = {
            lot.lot_id: self._units(_size(lot, products) - futures.get(lot.lot_id, _ZERO))
            for lot in lots
            if lot.instrument in products
        }

    def _units(self, quantity: Decimal) -> int:
        return max(0, to_units(quantity, self.places))

    def quantity(self, units: int) -> Decimal:
        return from_units(units, self.places)


def _pair(spot: int, futures: int, ratio: Fraction) -> tuple[int, int]:
    """The largest (spot, futures) in ratio, half up, that neither side's rest is exceeded by."""
    wanted = _half_up(spot * ratio)
    if wanted <= futures:
        return spot, wanted
    return min(spot, _half_up(futures / ratio)), futures


def _half_up(value: Fraction) -> int:
    return (2 * value.numerator + value.denominator) // (2 * value.denominator)


def _places(legs: Iterable[SpotLeg], accepted: Iterable[HedgeMatch]) -> int:
    """Decimals that hold every quantity exactly, at least those of a divided one."""
    quantities = [leg.quantity for leg in legs]
    quantities += [q for match in accepted for q in (match.spot_quantity, match.futures_quantity)]
    return places_of(quantities, QUANTITY_PLACES)


def _unused_id(book: BookId, leg: SpotLeg, lot: PositionLot, taken: set[str]) -> str:
    """The first id of this pair that no live or ended match carries; it is taken from now on. From the canonical text of
    book, leg, lot and a number."""
    number = 0
    pair = ",".join(map(canonical_text, (book, str(leg.ref), lot.lot_id)))
    while (match_id := f"M{sha256(f'[{pair},{number}]'.encode()).hexdigest()[:16]}") in taken:
        number += 1
    taken.add(match_id)
    return match_id


def _match(
    match_id: str, leg: SpotLeg, lot: PositionLot, spot: Decimal, futures: Decimal, matched_on: date
) -> HedgeMatch:
    return HedgeMatch(
        match_id,
        leg.ref,
        lot.lot_id,
        lot.account,
        lot.instrument,
        leg.commodity,
        Decimal(decimal_text(spot)),
        Decimal(decimal_text(futures)),
        matched_on,
        FIFO,
        WHY_FIFO,
    )


def _breaks(
    legs: Sequence[SpotLeg],
    lots: Sequence[PositionLot],
    products: Mapping[str, Product],
    accepted: Sequence[HedgeMatch],
) -> tuple[MatchBreak, ...]:
    if not accepted:
        return ()
    leg_size = {str(leg.ref): abs(leg.quantity) for leg in legs}
    lot_size = {lot.lot_id: _size(lot, products) for lot in lots if lot.instrument in products}
    found: list[MatchBreak] = []
    for side, matched, size in (
        ("leg", _spot_matched(accepted), leg_size),
        ("lot", _futures_matched(accepted), lot_size),
    ):
        for key in sorted(matched):
            if matched[key] > size.get(key, _ZERO):
                ids = _ids(accepted, side, key)
                reason = "over" if key in size else "gone"
                found.append(MatchBreak(side, key, reason, matched[key], size.get(key, _ZERO), ids))
    long_risk = {leg.ref: leg.quantity > 0 for leg in legs}
    direction = {lot.lot_id: lot.direction for lot in lots}
    for match in accepted:
        same = long_risk.get(match.leg) is (direction.get(match.lot_id) is Direction.BUY)
        if match.leg in long_risk and match.lot_id in direction and same:
            key, ids = str(match.leg), (match.match_id,)
            found.append(MatchBreak("leg", key, "direction", match.spot_quantity, leg_size[key], ids))
    return tuple(found)


def _ids(accepted: Iterable[HedgeMatch], side: str, key: str) -> tuple[str, ...]:
    return tuple(m.match_id for m in accepted if key == (str(m.leg) if side == "leg" else m.lot_id))


def _balances(rows: Iterable[tuple[str, str, Decimal]], matched: Mapping[str, Decimal]) -> tuple[Balance, ...]:
    return tuple(Balance(key, commodity, total, matched.get(key, _ZERO)) for key, commodity, total in sorted(rows))


def _spot_matched(matches: Iterable[HedgeMatch]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for match in matches:
        key = str(match.leg)
        sums[key] = sums.get(key, _ZERO) + match.spot_quantity
    return sums


def _futures_matched(matches: Iterable[HedgeMatch]) -> dict[str, Decimal]:
    sums: dict[str, Decimal] = {}
    for match in matches:
        sums[match.lot_id] = sums.get(match.lot_id, _ZERO) + match.futures_quantity
    return sums


def _size(lot: PositionLot, products: Mapping[str, Product]) -> Decimal:
    return Decimal(lot.lots * products[lot.instrument].multiplier)


def _transit_leg(line: ContractLine) -> SpotLeg:
    """Its record is the line's under another kind: it is a leg beside the line's own."""
    ref = ExternalRef(line.ref.connection, f"{line.ref.kind}_in_transit", line.ref.key)
    quantity = in_transit_sale(line)
    return SpotLeg(ref, "in_transit", line.commodity, STOCK, line.contract_date, quantity, line.vat_rate)


def _line_leg(line: ContractLine, kind: str, quantity: Decimal) -> SpotLeg:
    return SpotLeg(line.ref, kind, line.commodity, line.delivery_month, line.contract_date, quantity, line.vat_rate)


def _leg_order(leg: SpotLeg) -> tuple[date, ExternalRef]:
    return leg.dated, leg.ref
