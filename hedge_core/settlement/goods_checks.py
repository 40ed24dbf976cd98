"""Identities of goods and matches that every settled day must satisfy (facts 3.18, 3.19), each looked at from another side."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.exposure import Exposure, net_delivered
from hedge_core.matching import Balance, spot_legs
from hedge_core.model.futures import PositionLot, Product
from hedge_core.model.matches import HedgeMatch, SpotLeg
from hedge_core.model.physical import ContractLine, InventoryLot
from hedge_core.quantity_chain import quantity_chain
from messages import Message

_ZERO: Final = Decimal(0)


def broken_goods(
    lines: Sequence[ContractLine],
    inventory: Sequence[InventoryLot],
    lots: Sequence[PositionLot],
    products: Mapping[str, Product],
    vat_rates: Mapping[str, Decimal],
    matches: Sequence[HedgeMatch],
    at_end: Exposure,
) -> list[RuleBroken]:
    """Every identity of goods and matches that does not hold; none is ever expected. A match that its leg or lot has become
    too small for is none of them: it is a visible break (`matching`), and a person decides."""
    legs = spot_legs(lines, inventory, {}, vat_rates)
    sizes = {lot.lot_id: (products[lot.instrument].commodity, _size(lot, products)) for lot in lots}
    return [*_lines(lines), *_legs(legs, at_end), *_matched(legs, sizes, matches)]


def _lines(lines: Iterable[ContractLine]) -> Iterator[RuleBroken]:
    """Priced + unpriced = delivered + open, line by line."""
    for line in lines:
        chain = quantity_chain(line)
        expected, found = net_delivered(line) + line.open_quantity, chain.priced + chain.unpriced
        if expected != found:
            yield _broken("identity_line", str(line.ref), expected, found)


def _legs(legs: Iterable[SpotLeg], at_end: Exposure) -> Iterator[RuleBroken]:
    """What there is to match is what is exposed: the legs of a commodity add up to its exposure."""
    sums: dict[str, Decimal] = {}
    for leg in legs:
        sums[leg.commodity] = sums.get(leg.commodity, _ZERO) + leg.quantity
    exposed = {row.commodity: row.exposure for row in at_end.totals}
    for commodity in sorted(sums.keys() | exposed.keys()):
        expected, found = exposed.get(commodity, _ZERO), sums.get(commodity, _ZERO)
        if expected != found:
            yield _broken("identity_legs", commodity, expected, found)


def _matched(
    legs: Iterable[SpotLeg], lots: Mapping[str, tuple[str, Decimal]], matches: Sequence[HedgeMatch]
) -> Iterator[RuleBroken]:
    """Matched + free = total on each side (less what is matched beyond it), every match is of a positive quantity, and what is
    matched on both sides together is what the rows of the matching come to."""
    for row in matches:
        for quantity in (row.spot_quantity, row.futures_quantity):
            if quantity <= 0:
                yield _broken("identity_match_row", row.match_id, _ZERO, quantity)
    of_legs = {str(leg.ref): (leg.commodity, abs(leg.quantity)) for leg in legs}
    for totals, rows in (
        (of_legs, [(str(row.leg), row.spot_quantity) for row in matches]),
        (lots, [(row.lot_id, row.futures_quantity) for row in matches]),
    ):
        balances = _balances(totals, rows)
        for one in balances:
            if one.matched + one.free - one.over != one.total:
                yield _broken("identity_matched", one.key, one.total, one.matched + one.free - one.over)
        counted = sum((one.matched for one in balances), _ZERO)
        given = sum((quantity for _, quantity in rows), _ZERO)
        if counted != given:
            yield _broken("identity_matched", "", given, counted)


def _balances(totals: Mapping[str, tuple[str, Decimal]], rows: Iterable[tuple[str, Decimal]]) -> list[Balance]:
    """What is matched of each leg or lot; one that is gone has nothing left to match."""
    matched: dict[str, Decimal] = {}
    for key, quantity in rows:
        matched[key] = matched.get(key, _ZERO) + quantity
    keys = sorted(totals.keys() | matched.keys())
    return [Balance(key, *totals.get(key, ("", _ZERO)), matched.get(key, _ZERO)) for key in keys]


def _size(lot: PositionLot, products: Mapping[str, Product]) -> Decimal:
    return Decimal(lot.lots * products[lot.instrument].multiplier)


def _broken(rule: str, record: str, expected: Decimal, found: Decimal) -> RuleBroken:
    shown = {"identity": Message(f"settlement.{rule}"), "expected": expected, "found": found}
    return RuleBroken(rule, record, Message("settlement.identity", shown))
