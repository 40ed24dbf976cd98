"""Exact figures as int64 smallest units: which scale holds them, conversion both ways, and the proof that they fit."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from functools import lru_cache
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedge_core.rounding import EXACT

INT64_MAX: Final = 2**63 - 1

Int64Column = NDArray[np.int64]


def places_of(values: Iterable[Decimal], least: int = 0) -> int:
    """The decimals that hold every value exactly, trailing zeros not counted, at least `least`: 70200.50 needs 1."""
    most = least
    for value in values:
        exponent = value.as_tuple().exponent
        if not isinstance(exponent, int):
            raise ValueError(f"{value} is not a number")
        if -exponent > most:
            exponent = value.normalize(EXACT).as_tuple().exponent
            most = max(most, -exponent if isinstance(exponent, int) else 0)
    return most


@lru_cache(maxsize=65536)
def to_units(value: Decimal, places: int) -> int:
    """`value` in units of 10^-places; ValueError if it has more decimals than that (nothing is ever rounded here).
    Kept for prices that come again and again."""
    scaled = value.scaleb(places, EXACT)
    whole = int(scaled)
    if whole != scaled:
        raise ValueError(f"{value} has more than {places} decimals")
    return whole


def from_units(units: int, places: int) -> Decimal:
    """The Decimal with exactly `places` decimals: (350, 2) -> Decimal("3.50")."""
    return Decimal(int(units)).scaleb(-places, EXACT)


def fits(*figures: int) -> bool:
    """Whether every figure, computed with Python integers, lies inside int64."""
    return all(-INT64_MAX <= figure <= INT64_MAX for figure in figures)


def column(values: Iterable[int]) -> Int64Column:
    """Little-endian int64 column of Python integers; OverflowError if one does not fit (callers prove that before)."""
    try:
        result: Int64Column = np.array(list(values), dtype="<i8")
    except OverflowError as beyond:
        raise OverflowError("a figure is beyond int64: its bounds were not proved") from beyond
    if len(result) and int(result.min()) < -INT64_MAX:
        raise OverflowError("a figure is beyond int64: its bounds were not proved")
    return result
