"""Accounts in other currencies: measured in their own currency, booked at the rate of the posting date, and what the rate does
to foreign money at the broker at each month's end."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.accounting.entries import entries_of
from hedge_core.accounting.events import AccountingEvent, EventKind, one_amount
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings
from hedge_core.model.vouchers import SourceRef
from hedge_core.rounding import round_money

ZERO: Final = Decimal(0)

RateOn = Callable[[str, date], Decimal]
"""The book's currency for one unit of another, in force on a day; RuleBroken `currency_rate_missing` without one."""

_REVALUED: Final[Mapping[AccountRole, EventKind]] = {
    AccountRole.MARGIN_ACCOUNT: EventKind.EXCHANGE_ON_MARGIN,
    AccountRole.DERIVATIVE: EventKind.EXCHANGE_ON_INSTRUMENT,
}
"""Money to exchange gain or loss; the value of derivatives, a fair value in the book's currency, to its own result."""


@dataclass(frozen=True, slots=True)
class ForeignOpening:
    """What stood on an account at go-live, in its currency and in the book's (debit positive); booked by others before."""

    account: str
    currency: str
    role: AccountRole
    original: Decimal
    own: Decimal


@dataclass(frozen=True, slots=True)
class ForeignPlan:
    """How foreign accounts are translated: rates, the month ends that are complete, and what was there at go-live."""

    rate: RateOn
    month_ends: tuple[date, ...] = ()
    openings: tuple[ForeignOpening, ...] = ()


def translated(event: AccountingEvent, on: date, rate: RateOn, own: str) -> AccountingEvent:
    """A (summed) event in the book's currency at the rate of its posting date. Its amounts are independent of each other in
    every kind that unhedged instruments and money make; hedges are measured in the book's currency."""
    if not event.currency:
        return event
    at = rate(event.currency, on)
    amounts = tuple((name, round_money(amount * at, own)) for name, amount in event.amounts)
    return replace(event, amounts=amounts, rate=at, originals=event.amounts)


@dataclass(slots=True)
class _Balance:
    original: Decimal = ZERO
    own: Decimal = ZERO


@dataclass(slots=True)
class Revaluation:
    """Balances by account, currency and role as they are booked, in the order of posting dates."""

    plan: ForeignPlan
    settings: BookSettings
    own: str
    balances: dict[tuple[str, str, AccountRole], _Balance] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for one in self.plan.openings:
            self.balances[one.account, one.currency, one.role] = _Balance(one.original, one.own)

    def book(self, blocks: Iterable[AccountingEvent]) -> None:
        """Count the translated events of a voucher."""
        for block in blocks:
            if block.rate is None:
                continue
            for entry in entries_of(block, self.settings):
                for line in entry.lines:
                    if line.role not in _REVALUED or line.foreign is None:
                        continue
                    key = (block.account, block.currency, line.role)
                    balance = self.balances.setdefault(key, _Balance())
                    side = 1 if line.debit else -1
                    balance.original += side * line.foreign.amount
                    balance.own += line.debit - line.credit

    def differences(self, on: date) -> Sequence[AccountingEvent]:
        """What brings every balance to the rate of a month's end; nothing where it stands there already."""
        found = []
        for (account, currency, role), balance in sorted(self.balances.items()):
            if not balance.original and not balance.own:
                continue
            at = self.plan.rate(currency, on)
            change = round_money(balance.original * at, self.own) - balance.own
            balance.own += change
            found.append(
                AccountingEvent(
                    _REVALUED[role], on, one_amount(change), account=account, currency=currency, rate=at,
                    originals=one_amount(ZERO), period_end=True, sources=(SourceRef("currency_rate", f"{currency}:{on}"),),
                )
            )  # fmt: skip
        return [event for event in found if not event.is_zero]
