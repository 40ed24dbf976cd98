"""Rates of other currencies and of money as they stand in the store, and prices turned into the book's currency by them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal, localcontext

from hedge_core.basis import Quote
from hedge_core.currencies import RateTable
from hedge_core.funding import DatedRate
from hedge_core.model.futures import SettlementPrice
from hedge_core.model.terms import CurrencyRate, FundingRate
from hedge_core.ports.storage import UnitOfWork
from hedge_core.rounding import EXACT


def rate_table(uow: UnitOfWork) -> RateTable:
    """Every rate by its first day; of two for one day the later one counts."""
    known = {
        (stored.terms.currency, stored.effective_from): stored.terms.rate
        for stored in uow.commodity.history(CurrencyRate)
    }
    return RateTable(uow.book.currency, [(name, since, rate) for (name, since), rate in known.items()])


def in_own(rates: RateTable, amount: Decimal, currency: str, on: date) -> Decimal:
    """A price in the book's currency at the rate in force on a day, exact. RuleBroken `currency_rate_missing` without one."""
    with localcontext(EXACT):
        return amount * rates.rate(currency, on)


def own_quote(rates: RateTable, price: SettlementPrice, vat_rate: Decimal, on: date) -> Quote:
    """A stored price as a quote in the book's currency, at the rate in force on `on`."""
    return Quote(in_own(rates, price.price, price.currency, on), vat_rate, price.vat_included)


def funding_rates(uow: UnitOfWork) -> Sequence[DatedRate]:
    """What money costs in the book's currency, by first day; nothing where no rate is kept."""
    found = {}
    for stored in uow.commodity.history(FundingRate, uow.book.currency):
        found[stored.effective_from] = DatedRate(stored.effective_from, stored.terms.rate, stored.terms.year_days)
    return [found[since] for since in sorted(found)]
