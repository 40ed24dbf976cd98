"""The result of a book holds what was closed too: futures, fees, funding and delivery add up with nothing left over."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from fractions import Fraction

from hedge_core.funding import DatedRate, funding_cost
from hedge_core.model.futures import SettlementPrice
from hedge_core.model.terms import FundingRate
from hedge_core.snapshot import decode
from hedge_core.use_cases.match import match, unmatch
from hedge_core.use_cases.result import BookResult, result_now
from hedge_core.use_cases.rolls import keep_rolls
from hedge_core.use_cases.terms import save_terms
from tests.support.company import CLERK, DAYS, Company
from tests.support.posting import BOOK
from tests.support.samples import inventory_lot, ref

STOCK = inventory_lot(ref=ref("W1/L1", "inventory"), commodity="copper", material="CU", quantity=Decimal(300))


def prepared(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_inventory([STOCK], company.app.clock.now())
        spots = [SettlementPrice("spot", "copper", day, Decimal(79000), "CNY", "quote") for day in DAYS]
        cost = SettlementPrice("cost", "CU", DAYS[0], Decimal(69000), "CNY", "ledger", False)
        uow.broker.save_prices([*spots, cost])


def result(company: Company) -> BookResult:
    return result_now(company.store, BOOK, company.app.products, company.app.clock)


def futures_and_fees(company: Company) -> tuple[Decimal, Decimal]:
    """From the settled days: realised trade by trade, and what floats in the end; the fees of all fills."""
    total = Decimal(0)
    with company.store.read(BOOK) as uow:
        for listed in uow.results.snapshots():
            stored = uow.results.snapshot(listed.trading_day, listed.version)
            assert stored is not None
            funds = decode(stored.body).figures.funds()
            total += sum((row.realised_trade for row in funds), Decimal(0))
        total += sum((row.floating for row in funds), Decimal(0))
        return total, sum((fill.fee for fill in uow.statements.fills()), Decimal(0))


def test_open_and_closed_futures_are_the_settled_days_results_and_every_fee_counts_once(company: Company) -> None:
    prepared(company)
    match(company.store, BOOK, company.app.products, CLERK, company.app.clock)
    futures, fees = futures_and_fees(company)
    found = result(company)
    assert any(row.kind == "closed" for row in found.rows)
    assert sum(row.attribution.futures for row in found.rows) == futures
    assert sum(row.attribution.fees for row in found.rows) == -fees
    assert all(row.attribution.residual == 0 for row in found.rows)
    assert sum(row.total for row in found.rows) == sum(found.total.values())


def test_keeping_rolls_or_ending_matches_moves_lines_and_never_the_total(company: Company) -> None:
    prepared(company)
    match(company.store, BOOK, company.app.products, CLERK, company.app.clock)
    before = sum(row.attribution.total for row in result(company).rows)
    for day in DAYS:
        keep_rolls(company.store, BOOK, day, company.app.products, CLERK, company.app.clock)
    rolled = result(company)
    assert sum(row.attribution.total for row in rolled.rows) == before
    with company.store.read(BOOK) as uow:
        names = [one.match_id for one in uow.results.matches()]
    unmatch(company.store, BOOK, names, "other contract", CLERK, company.app.clock)
    ended = result(company)
    assert sum(row.attribution.total for row in ended.rows) == before
    assert all(row.attribution.residual == 0 for row in (*rolled.rows, *ended.rows))


def test_money_in_stock_and_margin_costs_what_the_rate_kept_as_terms_says(company: Company) -> None:
    """300 t at 69,000 × 1.13 for the two nights from the first to the last day at 3.65 %: 77,970 × 300 × 0.0365 × 2 ÷ 365
    = 4,678.20; margin's money comes on top of it in the futures' own rows."""
    prepared(company)
    assert result(company).total["funding"] == 0
    save_terms(company.store, BOOK, [(DAYS[0], FundingRate("CNY", Decimal("0.0365")))], "bank", CLERK)
    found = result(company)
    (stock,) = (row for row in found.rows if row.subject == str(STOCK.ref))
    assert stock.attribution.funding == Fraction("-4678.2")
    assert found.total["funding"] < stock.lines["funding"]
    assert all(row.attribution.residual == 0 for row in found.rows)


def test_interest_follows_the_rate_in_force_night_by_night() -> None:
    """1,000,000 for 10 nights at 3.65 % and 20 at 7.30 %: 1,000 + 4,000; before the first rate money costs nothing."""
    rates = [DatedRate(date(2026, 3, 1), Decimal("0.0365")), DatedRate(date(2026, 3, 11), Decimal("0.0730"))]
    assert funding_cost(Fraction(10**6), date(2026, 2, 1), date(2026, 3, 31), rates) == 1000 + 4000
    assert funding_cost(
        Fraction(69100), date(2026, 3, 1), date(2026, 3, 31), [replace(rates[0], rate=Decimal("0.035"))]
    ) == (Fraction(69100) * 35 * 30 / 365000)
    assert funding_cost(Fraction(1), date(2026, 3, 1), date(2026, 3, 31), []) == 0
