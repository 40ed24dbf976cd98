"""A floating line whose ERP says how much of it is priced: counted once with the calls kept here, priced there from then on."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.contract_terms import line_in_commodity
from hedge_core.errors import RuleBroken
from hedge_core.model.physical import ContractLine, PricingKind, Side
from hedge_core.model.terms import LineTerms, MaterialYield
from hedge_core.use_cases.exposure import exposure_now
from hedge_core.use_cases.pricing import desk, force_pricings, price
from hedge_core.use_cases.terms import save_terms
from tests.support.company import CLERK, Company
from tests.support.posting import BOOK
from tests.support.samples import contract_line, inventory_lot, ref

MARCH = date(2026, 3, 4)
LINE = contract_line(
    ref=ref("7/1"), contract_no="CG-7", line_no=1, side=Side.PURCHASE, commodity="copper", ordered=Decimal(500),
    delivered=Decimal(0), premium=None, reference="SHFE.cu2605", contract_date=MARCH,
)  # fmt: skip


@pytest.fixture
def trader(company: Company) -> Company:
    """A purchase of 500 t of which 200 t were called here before the ERP said anything; its window ended in March."""
    terms = LineTerms("CG-7/1", PricingKind.FLOATING, "SHFE.cu2605", MARCH, date(2026, 3, 6), Decimal(0))
    put(company, LINE)
    save_terms(company.store, BOOK, [(MARCH, terms)], "signed", CLERK)
    call(company, 200)
    return company


def put(company: Company, line: ContractLine) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines([line])


def call(company: Company, quantity: int) -> None:
    price(
        company.store, BOOK, "CG-7/1", Decimal(quantity), Decimal(69000), company.app.products, CLERK, company.app.clock,
        on=MARCH,
    )  # fmt: skip


def spot(company: Company) -> Decimal:
    now = exposure_now(company.store, BOOK, company.app.products, company.app.clock)
    return next(row.exposure for row in now.exposure.totals if row.commodity == "copper")


@pytest.mark.parametrize(
    ("said", "fixed"), [(None, 200), (Decimal(0), 200), (Decimal(150), 200), (Decimal(320), 320), (Decimal(900), 500)]
)
def test_the_larger_of_the_erps_figure_and_the_calls_here_counts_once(
    trader: Company, said: Decimal | None, fixed: int
) -> None:
    """200 t called here, 320 t priced by the ERP: 320 t carry price risk and 180 t remain."""
    put(trader, replace(LINE, priced=said))
    (row,) = desk(trader.store, BOOK, trader.app.clock, everything=True)
    assert (row.pricing.fixed, row.pricing.remaining) == (fixed, 500 - fixed)
    assert spot(trader) == fixed
    assert row.pricing.average == 69000, "of the calls that are known here"


def test_a_line_that_the_erp_prices_is_neither_called_nor_forced_here(trader: Company) -> None:
    put(trader, replace(LINE, priced=Decimal(320)))
    with pytest.raises(RuleBroken) as broken:
        call(trader, 50)
    assert broken.value.rule == "pricing_in_erp"
    assert "320" in str(broken.value.message)
    assert force_pricings(trader.store, BOOK, CLERK, trader.app.clock) == ()
    put(trader, replace(LINE, priced=None))
    (forced,) = force_pricings(trader.store, BOOK, CLERK, trader.app.clock)
    assert forced.quantity == 300, "without the ERP's word the rest is owed here"


def test_a_line_priced_to_its_end_by_the_erp_has_no_final_price_here(trader: Company) -> None:
    put(trader, replace(LINE, priced=Decimal(500)))
    (row,) = desk(trader.store, BOOK, trader.app.clock, everything=True)
    assert (row.pricing.remaining, row.pricing.final_price) == (0, None)


@pytest.mark.parametrize(("named", "stock"), [("CG-7/1", 0), (str(LINE.ref), 0), ("CG-8/1", 80)])
def test_goods_in_transit_are_on_their_line_or_if_it_is_not_there_in_stock(
    trader: Company, named: str, stock: int
) -> None:
    """80 t on the water: still open on the purchase, which counts them once priced; never lost by a wrong name."""
    lot = inventory_lot(commodity="copper", quantity=Decimal(80), transit_line=named)
    with trader.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_inventory([lot], trader.app.clock.now())
    assert spot(trader) == 200 + stock
    now = exposure_now(trader.store, BOOK, trader.app.products, trader.app.clock)
    assert [rule.rule for rule in now.broken if rule.record == str(lot.ref)] == (["transit_line"] if stock else [])


def test_the_erps_priced_quantity_follows_the_yield_as_the_others_do() -> None:
    """1,000 t of concentrate with 25 %, recovery 96.5 %, 400 t priced: 96.5 t of metal are."""
    metal = MaterialYield("CU-CATH-A", "copper", "t", "t", Decimal("0.25"), recovery=Decimal("0.965"))
    turned = line_in_commodity(replace(LINE, ordered=Decimal(1000), priced=Decimal(400)), [metal])
    assert (turned.ordered, turned.priced) == (Decimal("241.25"), Decimal("96.5"))
