"""The result of hedged business by order, by inventory lot and by book, each with its lines and nothing left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from hedge_core.attribution import LINES, Attribution, FuturesLeg, SpotChange, attribute
from hedge_core.basis import Quote
from hedge_core.errors import RuleBroken
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.rounding import EXACT, round_half_up
from messages import Message

_ZERO: Final = Decimal(0)
_FEE_PLACES: Final = 6


@dataclass(frozen=True, slots=True)
class HeldLot:
    """A position lot with the way it took here: `legs` from the first opening to the price now, quantities signed and of
    the whole lot (a roll's legs follow each other); `fee` is what was paid for opening all of them."""

    lot_id: str
    quantity: Decimal
    legs: tuple[FuturesLeg, ...]
    fee: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The result of one spot leg or of one unmatched lot. `kind` is the leg's, or `futures` for lots that no goods stand
    against. `attribution` is exact; `lines` are its lines to the minor unit and add up to `total`."""

    subject: str
    kind: str
    commodity: str
    spot_quantity: Decimal
    futures_quantity: Decimal
    attribution: Attribution
    lines: Mapping[str, Decimal]

    @property
    def total(self) -> Decimal:
        return sum((self.lines[name] for name in LINES), _ZERO)


@dataclass(frozen=True, slots=True)
class SpotPrices:
    """Then and now of a leg's goods."""

    then: Quote
    now: Quote


def result_rows(
    legs: Sequence[SpotLeg],
    prices: Mapping[str, SpotPrices],
    lots: Mapping[str, HeldLot],
    matches: Sequence[HedgeMatch],
    currency: str = "CNY",
) -> tuple[tuple[ResultRow, ...], tuple[RuleBroken, ...]]:
    """One row per leg (matched part with its futures, free part alone) and one per lot with something unmatched. `prices`
    is by the leg's record.

    A leg without prices, or a match whose leg or lot is gone, is named and left out (`result_price_missing`,
    `result_lot_missing`). RuleBroken `result_residual` if a line were ever left over."""
    rows: list[ResultRow] = []
    broken: list[RuleBroken] = []
    used: dict[str, Decimal] = {}
    by_leg: dict[str, list[HedgeMatch]] = {}
    for match in matches:
        if match.lot_id in lots:
            by_leg.setdefault(str(match.leg), []).append(match)
        else:
            broken.append(_broken("lot_missing", match.match_id, lot=match.lot_id, leg=match.leg))
    for leg in legs:
        name = str(leg.ref)
        if name not in prices:
            broken.append(_broken("price_missing", name, leg=name, commodity=leg.commodity))
            continue
        mine = by_leg.get(name, [])
        sign = 1 if leg.quantity > 0 else -1
        parts = []
        for match in mine:
            lot = lots[match.lot_id]
            used[match.lot_id] = used.get(match.lot_id, _ZERO) + match.futures_quantity
            held = Decimal(-sign) * match.futures_quantity
            parts.append(_part(prices[name], sign * match.spot_quantity, lot, held))
        rest = leg.quantity - sign * sum((match.spot_quantity for match in mine), _ZERO)
        if rest:
            parts.append(attribute(SpotChange(rest, prices[name].then, prices[name].now), ()))
        if parts:
            futures = -sign * sum((match.futures_quantity for match in mine), _ZERO)
            rows.append(_row(name, leg.kind, leg.commodity, leg.quantity, futures, parts, currency, broken))
    commodities = {match.lot_id: match.commodity for match in matches}
    nothing = SpotPrices(Quote(_ZERO), Quote(_ZERO))
    for name in sorted(lots):
        lot = lots[name]
        free = lot.quantity - (used.get(name, _ZERO) if lot.quantity > 0 else -used.get(name, _ZERO))
        if free:
            parts = [_part(nothing, _ZERO, lot, free)]
            rows.append(_row(name, "futures", commodities.get(name, ""), _ZERO, free, parts, currency, broken))
    return tuple(rows), tuple(broken)


def book_total(rows: Sequence[ResultRow]) -> dict[str, Decimal]:
    """The lines of all rows, each the sum of what the rows show."""
    return {name: sum((row.lines[name] for row in rows), _ZERO) for name in LINES}


def _part(prices: SpotPrices, spot: Decimal, lot: HeldLot, held: Decimal) -> Attribution:
    """One match: the share of the lot's legs and fee that `held` is."""
    legs = []
    with localcontext(EXACT):
        for leg in lot.legs:
            # Every leg of the way carries the quantity of the match: a roll moves it whole.
            legs.append(FuturesLeg(leg.instrument, held, leg.opened, leg.closed))
        fee = round_half_up(lot.fee * abs(held) / abs(lot.quantity), _FEE_PLACES) if lot.quantity else _ZERO
    return attribute(SpotChange(spot, prices.then, prices.now), legs, fees=fee)


def _row(
    subject: str,
    kind: str,
    commodity: str,
    spot: Decimal,
    futures: Decimal,
    parts: Sequence[Attribution],
    currency: str,
    broken: list[RuleBroken],
) -> ResultRow:
    names = Attribution.__slots__
    whole = Attribution(**{name: sum((getattr(part, name) for part in parts), Fraction(0)) for name in names})
    if whole.residual:
        broken.append(_broken("residual", subject, leg=subject, residual=str(whole.residual)))
    return ResultRow(subject, kind, commodity, spot, futures, whole, whole.rounded(currency))


def _broken(rule: str, record: str, **params: object) -> RuleBroken:
    return RuleBroken(f"result_{rule}", record, Message(f"result.{rule}", params))
