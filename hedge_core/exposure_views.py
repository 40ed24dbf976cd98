"""Other views of the exposure: by counterparty, goods by owner and holder, and planned volumes as a bucket of their own."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.exposure import QUANTITY_PLACES, Exposure, ExposureRow, exposure
from hedge_core.model.identity import BookId
from hedge_core.model.physical import ContractLine, InventoryLot, Side
from hedge_core.model.terms import PlannedVolume
from hedge_core.rounding import EXACT, round_half_up

_ZERO: Final = Decimal(0)


def exposure_by_partner(
    book: BookId, lines: Iterable[ContractLine], vat_rates: Mapping[str, Decimal]
) -> dict[str, Exposure]:
    """The exposure that stands with each counterparty. Stock and futures stand with nobody, so that these and the book's
    stock and futures add up to its exposure; each part proves its own identity."""
    by_partner: dict[str, list[ContractLine]] = {}
    for line in lines:
        by_partner.setdefault(line.partner, []).append(line)
    return {name: exposure(book, by_partner[name], (), (), {}, vat_rates) for name in sorted(by_partner)}


def exposure_by_book(parts: Iterable[Exposure]) -> tuple[ExposureRow, ...]:
    """Totals of several books side by side, for somebody with rights on all of them: nothing is netted and nothing can be
    done with a sum over books but read it."""
    return tuple(sorted((row for part in parts for row in part.totals), key=lambda row: (row.commodity, row.book)))


@dataclass(frozen=True, slots=True)
class GoodsOfOwner:
    """Goods on hand of one owner in one place: `ours` counts in the exposure wherever it lies, the rest nowhere."""

    commodity: str
    owner: str
    holder: str
    ours: bool
    unit: str
    quantity: Decimal


def goods_by_owner(inventory: Iterable[InventoryLot]) -> tuple[GoodsOfOwner, ...]:
    """Stock by commodity, owner and holder: consigned and tolling goods of others, ours at processors, ours at home."""
    sums: dict[tuple[str, str, str, bool, str], Decimal] = {}
    for stock in inventory:
        key = stock.commodity, stock.owner, stock.holder, stock.ours, stock.unit
        sums[key] = sums.get(key, _ZERO) + stock.quantity
    return tuple(GoodsOfOwner(*key, quantity) for key, quantity in sorted(sums.items()) if quantity)


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """Planned volumes of one commodity and month, signed as their exposure would be: a purchase +. `weighted` counts each
    plan with its weight. They stand beside the exposure and in none of its figures."""

    commodity: str
    month: str
    unit: str
    planned: Decimal
    weighted: Decimal


def planned_rows(volumes: Iterable[PlannedVolume]) -> tuple[PlannedRow, ...]:
    """By commodity, month and unit. ValueError for a weight outside 0 and 1."""
    sums: dict[tuple[str, str, str], tuple[Decimal, Decimal]] = {}
    for volume in volumes:
        if not 0 <= volume.weight <= 1:
            raise ValueError(f"{volume.name}: the weight {volume.weight} is a share of the whole")
        signed = volume.quantity if volume.side is Side.PURCHASE else -volume.quantity
        key = volume.commodity, volume.month, volume.unit
        planned, weighted = sums.get(key, (_ZERO, _ZERO))
        with localcontext(EXACT):
            part = round_half_up(signed * volume.weight, QUANTITY_PLACES)
        sums[key] = planned + signed, weighted + part
    return tuple(PlannedRow(*key, *figures) for key, figures in sorted(sums.items()))
