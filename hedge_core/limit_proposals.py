"""What would put a broken limit right: how many lots of which contract, and the exposure afterwards."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import ROUND_CEILING, Decimal
from typing import Final

from hedge_core.model.futures import Direction, Offset
from hedge_core.model.limits import Holding, LimitInputs, LimitRule, LotsSide, Proposal, SpotView, View

_ZERO: Final = Decimal(0)


def widest(held: Iterable[Holding]) -> Holding | None:
    """The holding with the most lots on one side; of equal ones the nearest month."""
    ordered = sorted(held, key=lambda one: (-max(one.long, one.short), one.month, one.instrument, one.account))
    return next((one for one in ordered if one.long or one.short), None)


def close_lots(
    held: Sequence[Holding], lots: int, given: LimitInputs, view: View | None, side: LotsSide = LotsSide.NET
) -> Proposal | None:
    """Close `lots` of the contract that holds the most of what is too much, as far as it goes; None with nothing to close."""
    net = sum(one.net for one in held)
    is_long = {LotsSide.LONG: True, LotsSide.SHORT: False}.get(side, net > 0 if net else None)
    ordered = sorted(held, key=lambda one: (-_of_side(one, is_long), one.month, one.instrument, one.account))
    if not ordered or not _of_side(ordered[0], is_long):
        return None
    one = ordered[0]
    long = one.long >= one.short if is_long is None else is_long
    have = one.long if long else one.short
    return _proposal(one, Direction.SELL if long else Direction.BUY, Offset.CLOSE, min(lots, have), given, view)


def _of_side(one: Holding, is_long: bool | None) -> int:
    return max(one.long, one.short) if is_long is None else one.long if is_long else one.short


def reduce_to_ratio(commodity: str, goal: Decimal, rule: LimitRule, given: LimitInputs) -> Proposal | None:
    """The lots of the commodity's widest contract that bring the hedge to `goal` × exposure, never past it when closing and
    reaching it when opening; None where no contract of it is held that could show which one."""
    view = rule.view or View.PHYSICAL
    held = [one for one in given.holdings if one.commodity == commodity]
    exposure, hedge = hedge_of(commodity, given, view)
    change = -goal * exposure - hedge
    right_side = [one for one in held if (one.net > 0) == (hedge > 0) and one.net] or held
    one = widest(right_side) or (held[0] if held else None)
    if one is None or not change:
        return None
    size = Decimal(one.multiplier) * (one.vat_factor if view is View.VAT else 1)
    lots = int((abs(change) / size).to_integral_value(ROUND_CEILING))
    direction = Direction.BUY if change > 0 else Direction.SELL
    have = one.short if direction is Direction.BUY else one.long
    offset = Offset.CLOSE if have else Offset.OPEN
    return _proposal(one, direction, offset, min(lots, have) if have else lots, given, view)


def hedge_of(commodity: str, given: LimitInputs, view: View) -> tuple[Decimal, Decimal]:
    """(exposure, what offsets it) of a commodity in a view, both signed."""
    spot = (given.spot or {}).get(commodity) or SpotView(_ZERO, _ZERO)
    vat = view is View.VAT
    hedge = sum(
        (
            Decimal(one.net * one.multiplier) * (one.vat_factor if vat else 1)
            for one in given.holdings
            if one.commodity == commodity
        ),
        spot.other_vat if vat else spot.other,
    )
    return (spot.exposure_vat if vat else spot.exposure), hedge


def _proposal(
    one: Holding, direction: Direction, offset: Offset, lots: int, given: LimitInputs, view: View | None
) -> Proposal | None:
    if lots <= 0:
        return None
    have = one.short if direction is Direction.BUY else one.long
    left = have - lots if offset is Offset.CLOSE else (one.long if direction is Direction.BUY else one.short) + lots
    exposure, hedge = hedge_of(one.commodity, given, view or View.PHYSICAL)
    moved = Decimal(direction.sign * lots * one.multiplier) * (one.vat_factor if view is View.VAT else 1)
    after = exposure + hedge + moved if one.commodity in (given.spot or {}) else None
    return Proposal(one.instrument, one.account, direction, offset, lots, left, after)
