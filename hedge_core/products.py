"""Which product and delivery month a canonical instrument code stands for: `SHFE.cu2605` is copper of May 2026."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date

from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import Product


def delivery_month(instrument: str) -> str | None:
    """`YYYY-MM` of a canonical futures code; None for options, spreads and anything else."""
    parts = parse_instrument(instrument)
    return None if parts is None or parts.is_option else parts.month


def products_by_instrument(
    instruments: Iterable[str], products: Iterable[Product], trading_day: date
) -> dict[str, Product]:
    """The product in force on `trading_day` of each futures instrument; unknown ones, options and spreads are absent.
    Product codes are compared without regard to case, as reference tables differ in it."""
    in_force: dict[tuple[str, str], Product] = {}
    for product in sorted(products, key=lambda row: row.effective_from):
        if product.effective_from <= trading_day:
            in_force[product.exchange, product.code.lower()] = product
    found: dict[str, Product] = {}
    for instrument in sorted(set(instruments)):
        parts = parse_instrument(instrument)
        if parts is None or parts.is_option:
            continue
        known = in_force.get((parts.exchange, parts.product.lower()))
        if known is not None:
            found[instrument] = known
    return found
