"""Money in other currencies: effective-dated rates, exposure by currency apart from the metal's, cash due on prompt dates."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.exposure import priced_parts
from hedge_core.model.futures import Direction
from hedge_core.model.physical import ContractLine, Side
from hedge_core.rounding import EXACT, round_money
from messages import Message

_ZERO: Final = Decimal(0)


class RateTable:
    """Rates by currency and first day: units of the book's currency for one unit. The latest that holds on a day counts."""

    def __init__(self, currency: str, rates: Iterable[tuple[str, date, Decimal]]) -> None:
        self._own = currency
        self._rates: dict[str, list[tuple[date, Decimal]]] = {}
        for name, since, rate in rates:
            if rate <= 0:
                params = {"currency": name, "rate": rate, "day": since}
                raise RuleBroken("currency_rate", name, Message("contract.rate_not_positive", params))
            self._rates.setdefault(name, []).append((since, rate))

    def rate(self, currency: str, on: date) -> Decimal:
        """RuleBroken `currency_rate_missing` for a day before the first rate."""
        if currency == self._own:
            return Decimal(1)
        known = [(since, rate) for since, rate in self._rates.get(currency, ()) if since <= on]
        if not known:
            params = {"currency": currency, "day": on}
            raise RuleBroken("currency_rate_missing", currency, Message("contract.rate_missing", params))
        return max(known)[1]

    def converted(self, amount: Decimal, currency: str, on: date) -> Decimal:
        """In the book's currency, to its minor unit."""
        with localcontext(EXACT):
            return round_money(amount * self.rate(currency, on), self._own)


@dataclass(frozen=True, slots=True)
class CurrencyExposure:
    """Money of a currency that is still to come (+) or to be paid (−), by month; without VAT."""

    currency: str
    month: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class PromptPosition:
    """An LME-style forward: dealt at a price without VAT, settled in cash on its prompt date and not day by day."""

    instrument: str
    direction: Direction
    quantity: Decimal
    price: Decimal
    currency: str
    prompt: date


def prompt_cash(position: PromptPosition, settled_at: Decimal) -> Decimal:
    """What the forward pays on its prompt date (+) or costs (−), in its currency: no VAT is in it (facts 3.21)."""
    with localcontext(EXACT):
        return round_money(
            position.direction.sign * position.quantity * (settled_at - position.price), position.currency
        )


def currency_exposure(
    own: str,
    lines: Iterable[ContractLine],
    forwards: Iterable[tuple[PromptPosition, Decimal]] = (),
) -> tuple[CurrencyExposure, ...]:
    """By currency and month: open priced goods of foreign lines at their price (sales come in, purchases go out), and the
    unrealised result of forwards (each with its price now), which is paid at prompt. What has no price yet is money of no
    known amount and left out; the metal's own exposure is `hedge_core.exposure`'s."""
    sums: dict[tuple[str, str], Decimal] = {}
    for line in lines:
        if line.currency == own or line.price is None:
            continue
        with localcontext(EXACT):
            amount = priced_parts(line)[0] * line.price * (1 if line.side is Side.SALE else -1)
        key = line.currency, line.delivery_month
        sums[key] = sums.get(key, _ZERO) + amount
    for position, now in forwards:
        if position.currency != own:
            key = position.currency, f"{position.prompt:%Y-%m}"
            sums[key] = sums.get(key, _ZERO) + prompt_cash(position, now)
    return tuple(CurrencyExposure(name, month, amount) for (name, month), amount in sorted(sums.items()) if amount)
