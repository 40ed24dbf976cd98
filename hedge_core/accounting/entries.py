"""Entries: an event turned into balanced lines by account role, still without account codes; and sums over them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.accounting.events import AccountingEvent, EventKind
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import TERMS, BookSettings, FuturesCash
from hedge_core.accounting.templates import TEMPLATES, Sign, Slot
from hedge_core.model.vouchers import BookedBy, ForeignAmount, SourceRef


@dataclass(frozen=True, slots=True)
class EntryLine:
    """One line by role; exactly one of `debit` and `credit` is above zero."""

    role: AccountRole
    debit: Decimal
    credit: Decimal
    foreign: ForeignAmount | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """The lines of one event (or of a sum of events of one kind) that one booker posts."""

    kind: EventKind
    day: date
    booked_by: BookedBy
    lines: tuple[EntryLine, ...]
    relationship: str | None = None
    sources: tuple[SourceRef, ...] = ()


def entries_of(event: AccountingEvent, settings: BookSettings) -> list[Entry]:
    """The entries of an event, one per booker, none where every amount is zero. Roles come from the template, its slots
    from the book's settings and the rule set of the event's relationship."""
    amounts, originals = dict(event.amounts), dict(event.originals)
    asked = dict(settings.booked_by).get(event.kind.value)
    found: list[Entry] = []
    for booker in (BookedBy.ERP, BookedBy.HEDGEBRIDGE):
        lines = tuple(
            _line(line.sign, _role(line.role, event, settings), amounts[line.amount], event, originals.get(line.amount))
            for line in TEMPLATES[event.kind].lines
            if (asked or line.booked_by) is booker and amounts[line.amount] != 0
        )
        if lines:
            found.append(Entry(event.kind, event.day, booker, lines, event.relationship, event.sources))
    return found


def role_balances(entries: Iterable[Entry]) -> dict[AccountRole, Decimal]:
    """Debit − credit per role over the entries of both bookers: a trial balance whose values add up to zero."""
    balances: dict[AccountRole, Decimal] = {}
    for entry in entries:
        for line in entry.lines:
            balances[line.role] = balances.get(line.role, Decimal(0)) + line.debit - line.credit
    return balances


KEPT_IN_CURRENCY: Final = frozenset({AccountRole.BANK, AccountRole.MARGIN_ACCOUNT})
"""Roles whose accounts are kept in the currency of the money; results stand in the book's currency."""


def _line(
    sign: Sign, role: AccountRole, amount: Decimal, event: AccountingEvent, original: Decimal | None
) -> EntryLine:
    foreign: ForeignAmount | None = None
    if event.rate is not None and original is not None:
        foreign = ForeignAmount(event.currency, abs(original), event.rate, role in KEPT_IN_CURRENCY)
    if (sign is Sign.DEBIT) == (amount > 0):
        return EntryLine(role, abs(amount), Decimal(0), foreign)
    return EntryLine(role, Decimal(0), abs(amount), foreign)


def _role(role: AccountRole | Slot, event: AccountingEvent, settings: BookSettings) -> AccountRole:
    if isinstance(role, AccountRole):
        return role
    if role is Slot.FUTURES_CASH:
        return AccountRole.BANK if settings.futures_cash is FuturesCash.BANK else AccountRole.MARGIN_ACCOUNT
    return TERMS[event.rule_set or settings.rule_set].ineffectiveness
