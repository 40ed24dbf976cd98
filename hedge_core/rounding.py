"""The one place where figures are rounded: half up, to the minor unit of a currency or to a given number of decimals."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Context, Decimal, localcontext
from functools import cache
from typing import Final

MINOR_UNITS: Final = {"CNY": 2, "USD": 2, "EUR": 2, "GBP": 2, "HKD": 2, "JPY": 0, "KRW": 0}
"""Decimal places of a currency (ISO 4217); a currency not listed has two."""

EXACT: Final = Context(prec=50, rounding=ROUND_HALF_UP)
"""The Decimal context of every use case: wide enough that sums and products of ledger figures stay exact. Threads may share
it: only its flags change, and nobody reads them."""


def round_half_up(value: Decimal, places: int) -> Decimal:
    """`value` with `places` decimals, half away from zero (2.345 -> 2.35, -2.345 -> -2.35)."""
    return value.quantize(_unit(places), ROUND_HALF_UP, EXACT)


@cache
def _unit(places: int) -> Decimal:
    return Decimal((0, (1,), -places))


def round_money(amount: Decimal, currency: str = "CNY") -> Decimal:
    """An amount rounded to the minor unit of its currency, half up."""
    return round_half_up(amount, MINOR_UNITS.get(currency, 2))


def share_out(total: Decimal, weights: Sequence[Decimal | int], currency: str = "CNY") -> list[Decimal]:
    """`total` shared in proportion to `weights` (none negative) so that the parts add up to it exactly: each part is cut
    to the minor unit and what is left goes, unit by unit, to the largest remainders, the first of equals first. What a
    total has beyond its minor unit stays with the last part of weight. All weights zero: only a total of zero can be
    shared, else ValueError."""
    if any(weight < 0 for weight in weights):
        raise ValueError("a weight is not negative")
    whole = sum((Decimal(weight) for weight in weights), Decimal(0))
    if whole == 0:
        if total != 0:
            raise ValueError(f"nobody to take a share of {total}")
        return [Decimal(0) for _ in weights]
    with localcontext(EXACT):
        unit = Decimal(1).scaleb(-MINOR_UNITS.get(currency, 2))
        units, beyond = divmod(abs(total), unit)
        sign = -1 if total < 0 else 1
        cut = [divmod(units * Decimal(weight), whole) for weight in weights]
        left = int(units - sum((quotient for quotient, _ in cut), Decimal(0)))
        by_remainder = sorted(range(len(cut)), key=lambda place: -cut[place][1])
        topped = set(by_remainder[:left])
        parts = [(quotient + (place in topped)) * unit * sign for place, (quotient, _) in enumerate(cut)]
        last = max(place for place, weight in enumerate(weights) if weight > 0)
        parts[last] += beyond * sign
        return parts
