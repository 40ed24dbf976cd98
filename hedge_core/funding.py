"""What money costs over time: interest on an amount at rates that change on their days."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class DatedRate:
    """A yearly rate (0.035 is 3.5 %) from a day on, counted over `year_days` days."""

    since: date
    rate: Decimal
    year_days: int = 365


def funding_cost(amount: Fraction, first: date, last: date, rates: Sequence[DatedRate]) -> Fraction:
    """Simple interest on `amount` over the nights from `first` to `last`, exact and ≥ 0 for an amount ≥ 0 (facts 3.11:
    amount × rate × days ÷ 365). `rates` come in order of their days; before the first one money costs nothing."""
    total = Fraction(0)
    for number, one in enumerate(rates):
        until = rates[number + 1].since if number + 1 < len(rates) else last
        nights = (min(until, last) - max(one.since, first)).days
        if nights > 0:
            total += amount * Fraction(one.rate) * nights / one.year_days
    return total
