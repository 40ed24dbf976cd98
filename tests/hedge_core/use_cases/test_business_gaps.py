"""What would have been passed over in silence is said: missing prices, terms, costs and references, goods of other quality."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.documents.terms import read_terms
from hedge_core.model.futures import SettlementPrice
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import PricingKind, Side
from hedge_core.model.terms import CurrencyRate, GoodsQuality, LineTerms, PremiumRow
from hedge_core.use_cases.basis import BasisDay, basis_of_day
from hedge_core.use_cases.exposure import ExposureNow, exposure_now
from hedge_core.use_cases.match import match
from hedge_core.use_cases.terms import save_terms
from tests.support.company import CLERK, DAYS, Company
from tests.support.posting import BOOK
from tests.support.samples import contract_line, inventory_lot, ref

MARCH = date(2026, 3, 4)
LINE = contract_line(
    ref=ref("9/1"), contract_no="CG-9", line_no=1, side=Side.PURCHASE, commodity="copper", material="CU",
    ordered=Decimal(300), delivered=Decimal(0), premium=None, reference="SHFE.cu2605", contract_date=MARCH,
    pricing=PricingKind.AVERAGE,
)  # fmt: skip
STOCK = inventory_lot(ref=ref("W1/L1", "inventory"), commodity="copper", material="CU", quantity=Decimal(300))


def keep(company: Company, **changes: object) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines([replace(LINE, **changes)])  # type: ignore[arg-type]


def quotes(company: Company, *prices: SettlementPrice) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.broker.save_prices(prices)


def average(days: int, last: date, instrument: str = "SHFE.cu2605") -> LineTerms:
    return LineTerms("CG-9/1", PricingKind.AVERAGE, instrument, DAYS[0], last, pricing_days=days)


def now(company: Company) -> ExposureNow:
    return exposure_now(company.store, BOOK, company.app.products, company.app.clock)


def basis(company: Company, **options: str) -> BasisDay:
    return basis_of_day(company.store, BOOK, DAYS[-1], company.app.products, **options)


def test_a_pricing_day_without_a_price_of_the_reference_is_named_with_the_day(company: Company) -> None:
    """Three exchange days; the reference has a price on none of them: 0 of 300 t are priced, and each day is said."""
    keep(company)
    save_terms(company.store, BOOK, [(MARCH, average(3, DAYS[-1], "SHFE.cu2712"))], "", CLERK)
    broken = now(company).broken
    assert [one.rule for one in broken] == ["pricing_day_price"] * 3
    assert all(day.isoformat() in str(one) for day, one in zip(DAYS, broken, strict=True))


def test_after_the_window_missing_pricing_days_are_counted(company: Company) -> None:
    """3 exchange days of 5 that the terms name: 300 × 3 ÷ 5 = 180 t are priced, two prices are missing."""
    keep(company)
    save_terms(company.store, BOOK, [(MARCH, average(5, DAYS[-1]))], "", CLERK)
    found = now(company)
    (broken,) = found.broken
    assert broken.rule == "pricing_days_short"
    assert "only 3 of 5 pricing days" in str(broken)
    (pricing,) = found.business.pricings.values()
    assert pricing.priced == 180


@pytest.mark.parametrize("kind", [PricingKind.AVERAGE, PricingKind.BASIS])
def test_an_average_or_basis_line_without_terms_counts_as_unpriced_and_that_is_said(
    company: Company, kind: PricingKind
) -> None:
    keep(company, pricing=kind)
    found = now(company)
    assert [one.rule for one in found.broken] == ["terms_missing"]
    (total,) = (row for row in found.exposure.totals if row.commodity == "copper")
    assert (total.exposure, total.unpriced_purchases) == (0, 300)


def hedged_stock(company: Company) -> HedgeMatch:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_inventory([STOCK], company.app.clock.now())
    match(company.store, BOOK, company.app.products, CLERK, company.app.clock)
    with company.store.read(BOOK) as uow:
        return next(one for one in uow.results.matches() if one.leg == STOCK.ref)


def test_a_hedged_lot_without_a_cost_and_an_order_without_a_reference_are_named(company: Company) -> None:
    hedged_stock(company)
    keep(company, pricing=PricingKind.FLOATING, reference=None)
    assert {one.rule for one in basis(company).broken} == {"basis_no_cost", "basis_no_reference"}


def test_each_lot_and_order_has_the_premium_of_its_own_brand(company: Company) -> None:
    """Brand A +100: cost 61,000 × 1.13 = 68,930; less 100 and the opening price. The order's agreed 120 is 20 for the
    standard. Without a row of its own the goods are standard."""
    kept = hedged_stock(company)
    keep(company, pricing=PricingKind.FLOATING)
    terms = LineTerms("CG-9/1", PricingKind.FLOATING, "SHFE.cu2605", DAYS[0], date(2026, 5, 1), Decimal(120))
    save_terms(
        company.store, BOOK, [(MARCH, terms), (MARCH, PremiumRow("copper", "brand", "A", Decimal(100)))], "", CLERK
    )
    quotes(company, SettlementPrice("cost", "CU", MARCH, Decimal(61000), "CNY", "ledger", False))

    def values() -> dict[str, Decimal]:
        return {
            row.basis.kind.value: row.basis.value for row in basis(company).rows if kept.match_id in row.subject
        } | {row.basis.kind.value: row.basis.value for row in basis(company).rows if row.subject == str(LINE.ref)}

    standard = values()
    assert standard["order"] == 120
    with company.store.read(BOOK) as uow:
        opened = {lot.lot_id: lot.open_price for state in uow.broker.openings() for lot in state.lots}
        opened |= {fill.key: fill.price for fill in uow.statements.fills()}
    assert standard["inventory"] == 68930 - opened[kept.lot_id]
    save_terms(
        company.store,
        BOOK,
        [(MARCH, GoodsQuality("CG-9/1", "A")), (MARCH, GoodsQuality(str(STOCK.ref), "A"))],
        "",
        CLERK,
    )
    assert values() == {"order": Decimal(20), "inventory": standard["inventory"] - 100}
    save_terms(company.store, BOOK, [(MARCH, GoodsQuality("CG-9/1", "B"))], "", CLERK)
    found = basis(company)
    assert [one.rule for one in found.broken] == ["premium_missing"]
    assert {row.basis.kind.value for row in found.rows} == {"inventory"}, "one that lacks something keeps no other out"


def test_a_spot_quote_in_another_currency_is_converted_at_the_rate_in_force_on_its_day(company: Company) -> None:
    """9,800 USD without VAT × 7.1 × 1.13 = 78,625.40; a later rate changes nothing of that day; without a rate it is said."""
    quotes(company, SettlementPrice("spot", "copper", DAYS[-1], Decimal(9800), "USD", "quote", False))
    assert [one.rule for one in basis(company, instrument="SHFE.cu2605").broken] == ["currency_rate_missing"]
    rates = [(MARCH, CurrencyRate("USD", Decimal("7.1"))), (date(2026, 3, 20), CurrencyRate("USD", Decimal("7.3")))]
    save_terms(company.store, BOOK, rates, "bank", CLERK)
    found = basis(company, instrument="SHFE.cu2605")
    (row,) = (row for row in found.rows if row.basis.kind.value == "market")
    assert row.basis.spot == Decimal("78625.40")


FORWARDS = b"""name,instrument,commodity,unit,side,quantity,price,currency,prompt
F1,LME.CA2606,copper,t,sale,100,9500,USD,2026-06-17
"""


def test_a_forward_abroad_hedges_the_metal_and_its_currency_is_an_exposure_of_its_own(company: Company) -> None:
    """Sold 100 t at 9,500 USD without VAT, now 9,300: the metal is 100 t shorter, 20,000 USD come at prompt, 142,000 at 7.1.
    Without a price of the forward its money is not known, and that is said; after its prompt date it is gone."""
    before = next((row.net for row in now(company).exposure.totals if row.commodity == "copper"), Decimal(0))
    save_terms(company.store, BOOK, read_terms("f.csv", FORWARDS, "forward", MARCH), "dealt", CLERK)
    found = now(company)
    assert [one.rule for one in found.broken] == ["forward_price"]
    assert next(row.net for row in found.exposure.totals if row.commodity == "copper") == before - 100
    quotes(company, SettlementPrice("settlement", "LME.CA2606", DAYS[-1], Decimal(9300), "USD", "LME", False))
    save_terms(company.store, BOOK, [(MARCH, CurrencyRate("USD", Decimal("7.1")))], "bank", CLERK)
    found = now(company)
    assert found.broken == ()
    ((row, own),) = found.currencies
    assert (row.currency, row.month, row.amount, own) == ("USD", "2026-06", 20_000, 142_000)
    gone = FORWARDS.replace(b"2026-06-17", b"2026-03-18")
    save_terms(company.store, BOOK, read_terms("f.csv", gone, "forward", MARCH), "settled", CLERK)
    assert now(company).currencies == ()
