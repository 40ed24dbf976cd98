"""What it costs to carry a warehouse receipt (仓单) to a later day: money and storage."""

from __future__ import annotations

from decimal import Decimal, localcontext
from typing import Final

from hedge_core.rounding import EXACT, round_half_up

YEAR_DAYS: Final = 365
PRICE_PLACES: Final = 2


def carried_price(
    price: Decimal, days: int, annual_rate: Decimal, storage_per_day: Decimal, year_days: int = YEAR_DAYS
) -> Decimal:
    """price × (1 + rate × days ÷ year) + storage × days, per base unit to the fen, simple interest (facts 3.11). A futures
    price above it pays for buying the receipt and delivering it. ValueError for negative days."""
    if days < 0:
        raise ValueError(f"a receipt is carried forward, not {days} days")
    with localcontext(EXACT):
        return round_half_up(price * (1 + annual_rate * days / year_days) + storage_per_day * days, PRICE_PLACES)
