"""Risk degree (风险度) and the cash an account needs when its prices go to the limit against it for several days."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from enum import StrEnum
from typing import Final

from hedge_core.rounding import EXACT, round_half_up, round_money

RATIO_PLACES: Final = 6
PRICE_PLACES: Final = 2
FULL: Final = Decimal(1)
"""Margin as large as equity: above it the broker calls."""

_ZERO: Final = Decimal(0)


class RiskDefinition(StrEnum):
    """How a broker states the risk degree. Some publish the inverse, so that the definition is stored with the figure."""

    MARGIN_TO_EQUITY = "margin_to_equity"
    EQUITY_TO_MARGIN = "equity_to_margin"


class Move(StrEnum):
    """Which way prices go to the limit."""

    UP = "up"
    DOWN = "down"

    @property
    def sign(self) -> int:
        return 1 if self is Move.UP else -1


@dataclass(frozen=True, slots=True)
class MarginedPosition:
    """An open position of one instrument: `quantity` in the base unit (− when sold), the settlement `price` per base unit,
    and the rates of its margin and of its daily price limit (0.05 is 5 %)."""

    instrument: str
    quantity: Decimal
    price: Decimal
    margin_rate: Decimal
    limit_rate: Decimal

    def price_after(self, move: Move, days: int) -> Decimal:
        """The price after so many limit days in a row, exact: each limit is on the day before's price."""
        with localcontext(EXACT):
            return self.price * (1 + move.sign * self.limit_rate) ** days


@dataclass(frozen=True, slots=True)
class StressDay:
    """The account after `day` limit days without money coming in; `call` brings it back to the target degree, to the
    minor unit, never negative. Equity and margin are exact."""

    day: int
    equity: Decimal
    margin: Decimal
    call: Decimal


def risk_degree(
    margin: Decimal, equity: Decimal, definition: RiskDefinition = RiskDefinition.MARGIN_TO_EQUITY
) -> Decimal | None:
    """The ratio to `RATIO_PLACES` decimals (0.621 is 62.1 %); None where its divisor is not positive."""
    pair = (margin, equity) if definition is RiskDefinition.MARGIN_TO_EQUITY else (equity, margin)
    return round_half_up(pair[0] / pair[1], RATIO_PLACES) if pair[1] > 0 else None


def limit_days(
    equity: Decimal,
    positions: Sequence[MarginedPosition],
    days: int,
    move: Move,
    *,
    target: Decimal = FULL,
    currency: str = "CNY",
) -> tuple[StressDay, ...]:
    """Day by day, all prices at the limit in one direction (facts 3.12): equity falls by the loss, margin follows the
    price, and `call = margin ÷ target − equity`. Positions are margined one by one (no one-sided relief)."""
    if target <= 0:
        raise ValueError(f"a target degree of {target} cannot be reached")
    found = []
    with localcontext(EXACT):
        for day in range(1, days + 1):
            priced = [(one, one.price_after(move, day)) for one in positions]
            left = equity + sum((one.quantity * (price - one.price) for one, price in priced), _ZERO)
            margin = sum((abs(one.quantity) * price * one.margin_rate for one, price in priced), _ZERO)
            found.append(StressDay(day, left, margin, max(_ZERO, round_money(margin / target - left, currency))))
    return tuple(found)


def cash_needed(
    equity: Decimal,
    positions: Sequence[MarginedPosition],
    days: int,
    *,
    target: Decimal = FULL,
    currency: str = "CNY",
) -> Decimal:
    """The largest call on any of `days` limit days, up or down: what has to be at hand to keep every position."""
    every = (limit_days(equity, positions, days, move, target=target, currency=currency) for move in Move)
    return max((day.call for run in every for day in run), default=_ZERO)


def first_call(run: Iterable[StressDay]) -> StressDay | None:
    """The first day on which money is called; None if there is none."""
    return next((day for day in run if day.call > 0), None)


def call_price(equity: Decimal, position: MarginedPosition, target: Decimal = FULL) -> Decimal | None:
    """The price, to `PRICE_PLACES` decimals, at which an account with this position alone reaches the target degree:
    equity + quantity × (P − price) = |quantity| × margin rate × P ÷ target. None if no positive price does."""
    with localcontext(EXACT):
        slope = abs(position.quantity) * position.margin_rate / target - position.quantity
        if not slope:
            return None
        price = (equity - position.quantity * position.price) / slope
        return round_half_up(price, PRICE_PLACES) if price > 0 else None
