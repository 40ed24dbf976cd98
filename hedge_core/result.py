"""The result of hedged business by order, by inventory lot and by book, each with its lines and nothing left over."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from hedge_core.attribution import LINES, Attribution, FuturesLeg, SpotChange, attribute
from hedge_core.basis import Quote
from hedge_core.errors import RuleBroken
from hedge_core.model.matches import HedgeMatch, SpotLeg
from messages import Message

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class HeldLot:
    """A position lot with the way it took here: `legs` from the first opening to the price now, quantities signed and of
    the whole lot (a roll's legs follow each other, each as large as what it carried); `fee` is what was paid so far,
    `funding` what the margin's money cost, both ≥ 0."""

    lot_id: str
    quantity: Decimal
    legs: tuple[FuturesLeg, ...]
    fee: Decimal | Fraction = _ZERO
    funding: Fraction = Fraction(0)


@dataclass(frozen=True, slots=True)
class ClosedPart:
    """Futures that were closed, with their fees and funding. `leg` is what they stood against ("" for nothing) with
    `spot_quantity` ≥ 0 of it, `at` the price of those goods on the closing day. `delivered` goods went to or came from the
    exchange (+ when ours went), taxed at `vat_rate`."""

    lot: HeldLot
    commodity: str
    leg: str = ""
    spot_quantity: Decimal = _ZERO
    at: Quote | None = None
    delivered: Decimal = _ZERO
    vat_rate: Decimal = _ZERO


@dataclass(frozen=True, slots=True)
class ResultRow:
    """The result of one spot leg or of one unmatched lot. `kind` is the leg's, `futures` for open lots that no goods stand
    against, `closed` for closed lots whose goods are gone too or never were. `attribution` is exact; `lines` are its lines
    to the minor unit and add up to `total`."""

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
    closed: Sequence[ClosedPart] = (),
    funding: Mapping[str, Fraction] | None = None,
) -> tuple[tuple[ResultRow, ...], tuple[RuleBroken, ...]]:
    """One row per leg (matched part with its futures, free part alone) and one per lot with something unmatched. `prices`
    is by the leg's record, `funding` what the money in a leg's goods cost.

    Goods that had a hedge now closed change with it until the closing day and alone from then on, as far as they are not
    under a hedge again. Closed lots without goods that are still there are rows of their own.

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
    past: dict[str, list[ClosedPart]] = {}
    alone = [one for one in closed if not one.leg]
    for one in closed:
        if one.leg:
            past.setdefault(one.leg, []).append(one)
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
        for one in past.pop(name, ()):
            goods = sign * min(one.spot_quantity, max(_ZERO, sign * rest))
            rest -= goods
            at = prices[name].now if one.at is None else one.at
            parts.append(_closed_part(SpotChange(goods, prices[name].then, at), one))
            parts.append(attribute(SpotChange(goods, at, prices[name].now), ()))
        if cost := (funding or {}).get(name):
            parts.append(attribute(SpotChange(_ZERO, prices[name].then, prices[name].now), (), funding=-cost))
        if rest:
            parts.append(attribute(SpotChange(rest, prices[name].then, prices[name].now), ()))
        if parts:
            futures = -sign * sum((match.futures_quantity for match in mine), _ZERO)
            rows.append(_row(name, leg.kind, leg.commodity, leg.quantity, futures, parts, currency, broken))
    for subject, ones in sorted(_by_subject(past, alone).items()):
        parts = [
            _closed_part(SpotChange(_ZERO, Quote(_ZERO, one.vat_rate), Quote(_ZERO, one.vat_rate)), one) for one in ones
        ]
        rows.append(_row(subject, "closed", ones[0].commodity, _ZERO, _ZERO, parts, currency, broken))
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
    share = Fraction(held) / Fraction(lot.quantity)
    legs = [replace(leg, quantity=Fraction(leg.quantity) * share) for leg in lot.legs]
    change = SpotChange(spot, prices.then, prices.now)
    return attribute(change, legs, fees=Fraction(lot.fee) * abs(share), funding=-lot.funding * abs(share))


def _closed_part(change: SpotChange, one: ClosedPart) -> Attribution:
    lot = one.lot
    return attribute(change, lot.legs, fees=Fraction(lot.fee), funding=-lot.funding, delivered=one.delivered)


def _by_subject(past: Mapping[str, Sequence[ClosedPart]], alone: Sequence[ClosedPart]) -> dict[str, list[ClosedPart]]:
    """Closed parts by the leg they stood against, else by their lot."""
    found = {name: list(ones) for name, ones in past.items()}
    for one in alone:
        found.setdefault(one.lot.lot_id, []).append(one)
    return found


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
