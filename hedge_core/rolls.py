"""Rolls (移仓) as chains: a position carried to another month keeps one chain over its legs, with what each step cost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.instruments import parse_instrument
from hedge_core.model.events import Roll
from hedge_core.model.futures import Direction, PositionLot, Product
from hedge_core.rounding import EXACT, round_money
from hedge_core.settlement.figures import LotClose

_ZERO: Final = Decimal(0)


def roll_gain(direction: Direction, closed_price: Decimal, opened_price: Decimal, quantity: Decimal) -> Decimal:
    """What a roll brings (+) or costs (−) before fees: a short gains (far − near) × quantity (facts 3.7), a long loses it."""
    with localcontext(EXACT):
        return round_money(-direction.sign * (opened_price - closed_price) * quantity)


def suggest_rolls(
    on: date, closes: Sequence[LotClose], opened: Sequence[PositionLot], known: Iterable[Roll]
) -> tuple[Roll, ...]:
    """Rolls that a day's trades look like: a lot closed and another of the same account, side, hedge flag and product opened
    in another month, paired in the order of lot ids. `opened` are the lots opened that day with what is left of them. A
    person keeps them; lots that are part of a kept roll of that day are not suggested again."""
    rolls = list(known)
    gone = {roll.from_lot: 0 for roll in rolls}
    come = {roll.to_lot: 0 for roll in rolls}
    for roll in rolls:
        if roll.on == on:
            gone[roll.from_lot] += roll.lots
            come[roll.to_lot] += roll.lots
    left = {lot.lot_id: lot.lots - come.get(lot.lot_id, 0) for lot in opened}
    found: list[Roll] = []
    for close in sorted((one for one in closes if one.traded), key=lambda one: (one.lot_id, one.fill_key)):
        rest = close.lots - gone.get(close.lot_id, 0)
        for lot in sorted(opened, key=lambda one: one.lot_id):
            taken = min(rest, left[lot.lot_id])
            if taken <= 0 or not _same_position(close, lot):
                continue
            rest -= taken
            left[lot.lot_id] -= taken
            chain = chain_of(close.lot_id, (*rolls, *found))
            name = f"R{canonical_hash([close.lot_id, lot.lot_id, on, close.fill_key])[:16]}"
            found.append(Roll(name, chain, on, close.lot_id, lot.lot_id, taken, close.close_price, lot.open_price))
    return tuple(found)


def chain_of(lot_id: str, rolls: Iterable[Roll]) -> str:
    """The chain a lot belongs to: that of the roll that made it, else one of its own."""
    return next((roll.chain_id for roll in rolls if roll.to_lot == lot_id), f"C{canonical_hash([lot_id])[:16]}")


@dataclass(frozen=True, slots=True)
class RollStep:
    """A roll with what it brought (+) or cost (−), before fees, in the account's currency."""

    roll: Roll
    instrument_from: str
    instrument_to: str
    quantity: Decimal
    gain: Decimal


@dataclass(frozen=True, slots=True)
class RollChain:
    """All steps of one chain in order of days, and their sum."""

    chain_id: str
    steps: tuple[RollStep, ...]

    @property
    def gain(self) -> Decimal:
        return sum((step.gain for step in self.steps), _ZERO)


def chains(
    rolls: Iterable[Roll],
    directions: Mapping[str, Direction],
    instruments: Mapping[str, str],
    products: Mapping[str, Product],
) -> tuple[RollChain, ...]:
    """Chains by id; `directions` and `instruments` are by lot id, `products` by instrument. A roll of a lot nobody knows
    any more is left out."""
    by_chain: dict[str, list[RollStep]] = {}
    for roll in sorted(rolls, key=lambda one: (one.on, one.event_id)):
        near, far = instruments.get(roll.from_lot), instruments.get(roll.to_lot)
        if near is None or far is None or near not in products:
            continue
        quantity = Decimal(roll.lots * products[near].multiplier)
        gain = roll_gain(directions[roll.from_lot], roll.closed_price, roll.opened_price, quantity)
        by_chain.setdefault(roll.chain_id, []).append(RollStep(roll, near, far, quantity, gain))
    return tuple(RollChain(name, tuple(by_chain[name])) for name in sorted(by_chain))


def path_to(lot_id: str, rolls: Sequence[Roll]) -> tuple[Roll, ...]:
    """The rolls that led to a lot, the first one first; where several lots were rolled into it, the largest part."""
    path: list[Roll] = []
    seen = {lot_id}
    here = lot_id
    while steps := [roll for roll in rolls if roll.to_lot == here and roll.from_lot not in seen]:
        step = max(steps, key=lambda roll: (roll.lots, roll.event_id))
        path.insert(0, step)
        here = step.from_lot
        seen.add(here)
    return tuple(path)


def _same_position(close: LotClose, lot: PositionLot) -> bool:
    near, far = parse_instrument(close.instrument), parse_instrument(lot.instrument)
    return (
        near is not None
        and far is not None
        and (near.exchange, near.product) == (far.exchange, far.product)
        and near.month != far.month
        and (close.account, close.direction, close.hedge_flag) == (lot.account, lot.direction, lot.hedge_flag)
    )
