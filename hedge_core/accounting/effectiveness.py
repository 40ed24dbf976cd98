"""Effectiveness of a hedge three ways: critical terms, cumulative dollar offset, regression. Computed always; what it
decides is a matter of the rule set."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from itertools import pairwise
from typing import Final

from hedge_core.accounting.relationships import HedgeRelationship
from hedge_core.accounting.reserve import effectiveness
from hedge_core.accounting.state import ZERO, Measured
from hedge_core.rounding import EXACT, round_half_up

FEWEST_POINTS: Final = 8
"""Changes that a regression needs before anything is read from it."""
FEWEST_R2: Final = Decimal("0.8")
SLOPES: Final = (Decimal("-1.25"), Decimal("-0.8"))
"""Bounds customary under IAS 39 and ASC 815: R² of at least 0.8, slope of the instrument on the item −1.25 to −0.8."""


@dataclass(frozen=True, slots=True)
class Regression:
    """The instrument's changes on the item's: slope and R² with six decimals, and how many pairs. None where the item did
    not move, or R² has no meaning because the instrument did not."""

    points: int
    slope: Decimal | None
    r2: Decimal | None

    @property
    def passes(self) -> bool:
        if self.points < FEWEST_POINTS or self.slope is None or self.r2 is None:
            return False
        return self.r2 >= FEWEST_R2 and SLOPES[0] <= self.slope <= SLOPES[1]


def regression(history: Sequence[Measured]) -> Regression:
    """Ordinary least squares of the changes between measurements, exact sums, rounded once."""
    first = (Measured(history[0].day, ZERO, ZERO), *history) if history else ()
    pairs = [(now.item - before.item, now.instrument - before.instrument) for before, now in pairwise(first)]
    pairs = [pair for pair in pairs if any(pair)]
    count = len(pairs)
    if count < 2:
        return Regression(count, None, None)
    with localcontext(EXACT):
        x_sum, y_sum = sum((x for x, _ in pairs), ZERO), sum((y for _, y in pairs), ZERO)
        xx = count * sum((x * x for x, _ in pairs), ZERO) - x_sum * x_sum
        yy = count * sum((y * y for _, y in pairs), ZERO) - y_sum * y_sum
        xy = count * sum((x * y for x, y in pairs), ZERO) - x_sum * y_sum
        slope = None if xx == 0 else round_half_up(xy / xx, 6)
        r2 = None if xx == 0 or yy == 0 else round_half_up(xy * xy / (xx * yy), 6)
    return Regression(count, slope, r2)


def highly_effective(history: Sequence[Measured]) -> bool:
    """Within 80–125 % on cumulative amounts, or by regression; a hedge whose item has not moved yet is not judged."""
    if not history or history[-1].item == 0:
        return True
    last = history[-1]
    return effectiveness(last.instrument, last.item).within_80_125 or regression(history).passes


@dataclass(frozen=True, slots=True)
class TermCompared:
    """One critical term: its name, the item's and the instrument's side as text, and whether they match."""

    term: str
    item: str
    instrument: str
    matches: bool


def critical_terms(
    relationship: HedgeRelationship, instrument_commodity: str, instrument_quantity: Decimal, instrument_sign: int
) -> list[TermCompared]:
    """Commodity, quantity and direction of the item against those of its instruments (quantity in the same unit;
    `instrument_sign` +1 long, −1 short). Matching terms are evidence of an economic relationship, not a condition."""
    item = relationship.item
    long_short = {1: "long", -1: "short"}
    return [
        TermCompared("commodity", item.commodity, instrument_commodity, item.commodity == instrument_commodity),
        TermCompared("quantity", str(item.quantity), str(instrument_quantity), item.quantity == instrument_quantity),
        TermCompared(
            "direction",
            long_short[item.sign],
            long_short[instrument_sign],
            item.sign == -instrument_sign,
        ),
    ]
