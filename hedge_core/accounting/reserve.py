"""The lower-of rule of cash flow hedges and the figures of effectiveness, on cumulative amounts of the open layer."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from hedge_core.accounting.rule_sets import ReserveRule
from hedge_core.rounding import round_half_up


def reserve_target(instrument: Decimal, item: Decimal, rule: ReserveRule = ReserveRule.LOWER_OF) -> Decimal:
    """The balance that the reserve must have, gain positive, for the cumulative changes of instrument and item since
    inception. Lower-of (IFRS 9 / CAS 24 cash flow hedge reserve): nothing while both changes have one sign, else the
    smaller of the two amounts with the instrument's sign. ASC 815: the whole change of the instrument."""
    if rule is ReserveRule.WHOLE_CHANGE:
        return instrument
    if instrument * item >= 0:
        return Decimal(0)
    smaller = min(abs(instrument), abs(item))
    return smaller if instrument > 0 else -smaller


@dataclass(frozen=True, slots=True)
class Effectiveness:
    """Cumulative figures: the reserve and the ineffective part under lower-of, and the dollar offset with four decimals
    (None while the item has not moved). `within_80_125` gates nothing unless a rule set asks for it."""

    reserve: Decimal
    ineffective: Decimal
    dollar_offset: Decimal | None
    within_80_125: bool


def effectiveness(instrument: Decimal, item: Decimal) -> Effectiveness:
    """Effectiveness of cumulative changes of instrument and item (dollar offset = −instrument ÷ item)."""
    reserve = reserve_target(instrument, item)
    within = item != 0 and 80 * abs(item) <= -100 * instrument * (1 if item > 0 else -1) <= 125 * abs(item)
    ratio = None if item == 0 else round_half_up(-instrument / item, 4)
    return Effectiveness(reserve, instrument - reserve, ratio, within)
