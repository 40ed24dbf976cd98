"""How much of an exposure futures should stand against: metal content of ores, minimum-variance ratio, its lots."""

from __future__ import annotations

from decimal import Decimal, localcontext

from hedge_core.exposure import QUANTITY_PLACES, lots_to_hedge
from hedge_core.rounding import EXACT, round_half_up


def metal_content(quantity: Decimal, grade: Decimal, recovery: Decimal = Decimal(1)) -> Decimal:
    """Payable metal in an ore or concentrate: quantity × grade × recovery, exact (facts 3.6): 1,000 t of 25 % at 96.5 %
    hold 241.25 t. Both shares lie within 0 and 1, else ValueError."""
    if not (0 <= grade <= 1 and 0 <= recovery <= 1):
        raise ValueError(f"grade {grade} and recovery {recovery} are shares of the whole")
    with localcontext(EXACT):
        return quantity * grade * recovery


def minimum_variance_ratio(correlation: Decimal, spot_sigma: Decimal, futures_sigma: Decimal) -> Decimal:
    """ρ × σ spot ÷ σ futures to `QUANTITY_PLACES` decimals (Hull, minimum-variance hedge). ValueError for a
    futures price that does not move."""
    if futures_sigma <= 0:
        raise ValueError("a futures price that does not move hedges nothing")
    with localcontext(EXACT):
        return round_half_up(correlation * spot_sigma / futures_sigma, QUANTITY_PLACES)


def minimum_variance_lots(exposure_quantity: Decimal, ratio: Decimal, contract_size: int) -> int:
    """Futures lots, signed, for a minimum-variance ratio, half up: 0.778 × 850 t at 5 t per lot is −132 (facts 3.5). An
    economic figure: hedge accounting takes the ratio really used."""
    with localcontext(EXACT):
        return lots_to_hedge(exposure_quantity * ratio, contract_size)
