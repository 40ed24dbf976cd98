"""Broker accounts in another currency than the ledger's: measured in their own currency, handed over to be translated."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hedge_core.accounting.foreign import ForeignOpening, ForeignPlan
from hedge_core.accounting.measurement import DayMeasured, measure_days
from hedge_core.accounting.posting import month_end
from hedge_core.accounting.roles import AccountRole
from hedge_core.accounting.rule_sets import BookSettings, Variation
from hedge_core.currencies import RateTable
from hedge_core.errors import RuleBroken
from hedge_core.ports.storage import UnitOfWork
from hedge_core.use_cases.accounting_days import AccountOpening, BookDays, Designation
from hedge_core.use_cases.rates import rate_table
from messages import Message

ZERO = Decimal(0)


def with_foreign(measured: DayMeasured, days: BookDays, settings: BookSettings) -> DayMeasured:
    """The book's measurement with the events of its foreign accounts, each in its account's currency. Deferred tax is not
    measured on them."""
    events, problems = list(measured.events), list(measured.problems)
    untaxed = replace(settings, tax_rate=ZERO)
    for currency, facts in days.foreign.items():
        one = measure_days(facts, untaxed, currency=currency)
        events += [replace(event, currency=currency) for event in one.events]
        problems += one.problems
    return DayMeasured(tuple(events), measured.state, tuple(problems))


def foreign_hedges(days: BookDays, designations: Sequence[Designation]) -> list[RuleBroken]:
    """Designations of lots that are held in another currency: their hedge accounting is not done here."""
    held = {lot.lot_id: currency for currency, facts in days.foreign.items() for day in facts for lot in day.lots}
    found = []
    for designation in designations:
        name = designation.relationship.relationship_id
        for share in designation.relationship.instruments:
            if share.lot_id in held:
                shown = {"lot": share.lot_id, "currency": held[share.lot_id]}
                found.append(RuleBroken("foreign_hedge", name, Message("account.foreign_hedge", shown)))
    return found


def foreign_plan(uow: UnitOfWork, days: BookDays, settings: BookSettings) -> ForeignPlan:
    """Rates, the complete month ends, and what the accounts had at go-live at the rate of the evening before. RuleBroken
    `currency_rate_missing` without a rate for it."""
    rates = rate_table(uow)
    ends = sorted({month_end(day.trading_day) for day in days.own if day.month_end})
    return ForeignPlan(rates.rate, tuple(ends), tuple(_openings(days, settings, rates)))


def _openings(days: BookDays, settings: BookSettings, rates: RateTable) -> list[ForeignOpening]:
    found = []
    for one in days.openings:
        keeps = settings.variation is Variation.KEEP or not settings.terms.fair_value
        cash = one.balance - (one.floating if keeps else ZERO)
        held = one.options + (one.floating if keeps and settings.terms.fair_value else ZERO)
        for role, original in ((AccountRole.MARGIN_ACCOUNT, cash), (AccountRole.DERIVATIVE, held)):
            if original:
                own = rates.converted(original, one.currency, _evening_before(one, rates))
                found.append(ForeignOpening(one.account, one.currency, role, original, own))
    return found


def _evening_before(one: AccountOpening, rates: RateTable) -> date:
    """The day before its first settled one, or that day where rates begin with it."""
    before = one.first_day - timedelta(days=1)
    try:
        rates.rate(one.currency, before)
    except RuleBroken:
        return one.first_day
    return before
