"""Contract kinds as they are traded: re-month, stop price, forced pricing, averages, basis formulas, templates, yields."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest

from hedge_core.contract_terms import (
    TermsVersion,
    as_traded,
    custom_line,
    from_template,
    line_in_commodity,
    month_end,
    pricing_of,
    pricing_terms,
    stock_in_commodity,
)
from hedge_core.errors import RuleBroken
from hedge_core.exposure import exposure
from hedge_core.model.events import PricingCall
from hedge_core.model.identity import BookId
from hedge_core.model.physical import PricingKind, Side
from hedge_core.model.terms import ContractTemplate, CustomCommodity, LineTerms, MaterialYield, PricingFormula
from hedge_core.pricing import PricingEvent, owed_pricings, price_line
from tests.support.samples import contract_line, inventory_lot

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 31)
MAY, JUNE = "SHFE.cu2605", "SHFE.cu2606"
LINE = contract_line(
    side=Side.PURCHASE,
    commodity="copper",
    ordered=Decimal(400),
    delivered=Decimal(0),
    contract_date=FIRST,
    premium=None,
)
FLOATING = LineTerms(str(LINE.ref), PricingKind.FLOATING, MAY, FIRST, LAST, Decimal(120), Decimal(69500))


def versions(*terms: LineTerms, since: date = FIRST) -> list[TermsVersion]:
    return [TermsVersion(since + timedelta(days=7 * n), one) for n, one in enumerate(terms)]


def call(number: int, quantity: int, price: int, on: date = FIRST, instrument: str = MAY) -> PricingCall:
    return PricingCall(f"P{number}", str(LINE.ref), on, instrument, Decimal(quantity), Decimal(price))


def test_a_remonth_keeps_what_was_priced_before_at_its_own_instrument_and_premium() -> None:
    later = replace(FLOATING, instrument=JUNE, premium=Decimal(60))
    calls = [call(1, 100, 69000), call(2, 300, 69400, FIRST + timedelta(10), JUNE)]
    pricing = pricing_of(LINE, versions(FLOATING, later), calls, {}, LAST)
    assert pricing is not None
    assert pricing.broken == ()
    assert pricing.average == 69300
    assert pricing.premium == (100 * 120 + 300 * 60) / Decimal(400) == 75
    assert pricing.final_price == 69375
    wrong = pricing_of(LINE, versions(FLOATING, later), [call(3, 100, 69000, FIRST + timedelta(10), MAY)], {}, LAST)
    assert wrong is not None
    assert [one.rule for one in wrong.broken] == ["pricing_instrument"]


def prices(*values: int) -> dict[date, Decimal]:
    return {FIRST + timedelta(n): Decimal(value) for n, value in enumerate(values)}


@pytest.mark.parametrize(
    ("buyer", "stop", "day"), [(True, 69500, 2), (False, 68800, 1), (True, 70000, None), (False, 68000, None)]
)
def test_a_stop_price_prices_the_rest_on_the_first_day_that_reaches_it(buyer: bool, stop: int, day: int | None) -> None:
    held = replace(FLOATING, buyer_prices=buyer, stop_price=Decimal(stop))
    (terms,) = pricing_terms(LINE, versions(held), FIRST)
    part = price_line(terms, [PricingEvent("P1", LINE.ref, FIRST, MAY, Decimal(100), Decimal(69000))])
    owed = owed_pricings(part, prices(69000, 68700, 69600), FIRST + timedelta(3))
    assert [(one.quantity, one.on) for one in owed] == ([] if day is None else [(300, FIRST + timedelta(day))])


def test_the_rest_is_forced_at_the_last_days_price_once_the_window_is_over_and_not_before() -> None:
    (terms,) = pricing_terms(LINE, versions(FLOATING), FIRST)
    open_line = price_line(terms, [])
    assert owed_pricings(open_line, {LAST: Decimal(69900)}, LAST) == ()
    (owed,) = owed_pricings(open_line, {LAST: Decimal(69900)}, LAST + timedelta(1))
    assert (owed.quantity, owed.price, owed.on) == (400, 69900, LAST)
    unforced = price_line(replace(terms, forced=False), [])
    assert owed_pricings(unforced, {LAST: Decimal(69900)}, LAST + timedelta(1)) == ()


def test_an_average_line_is_exposed_day_by_day() -> None:
    """400 t over 20 pricing days: after 5 of them 100 t carry price risk (facts 3.16)."""
    terms = replace(FLOATING, kind=PricingKind.AVERAGE, pricing_days=20)
    days = {FIRST + timedelta(n): Decimal(69000 + 100 * n) for n in range(5)}
    on = FIRST + timedelta(4)
    pricing = pricing_of(LINE, versions(terms), [], days, on)
    line = as_traded(LINE, versions(terms), on, pricing)
    (total,) = exposure(BookId("jinhe"), [line], [], [], {}, {"copper": Decimal("0.13")}).totals
    assert (total.priced_purchases, total.unpriced_purchases, total.exposure) == (100, 300, 100)
    with pytest.raises(RuleBroken) as broken:
        pricing_of(LINE, versions(replace(terms, pricing_days=4)), [], days, on)
    assert broken.value.rule == "pricing_days"


def test_a_basis_line_needs_its_formula_and_follows_it() -> None:
    bare = replace(FLOATING, kind=PricingKind.BASIS)
    with pytest.raises(RuleBroken) as broken:
        pricing_of(LINE, versions(bare), [], {}, LAST)
    assert broken.value.rule == "pricing_kind"
    by_events = pricing_of(
        LINE, versions(replace(bare, formula=PricingFormula.EVENTS)), [call(1, 400, 69000)], {}, LAST
    )
    assert by_events is not None
    assert by_events.final_price == 69120
    averaged = replace(bare, formula=PricingFormula.DAILY_AVERAGE, pricing_days=2)
    by_days = pricing_of(LINE, versions(averaged), [], prices(69000, 69200), LAST)
    assert by_days is not None
    assert by_days.final_price == 69220


def test_without_terms_a_floating_line_has_the_erps_own() -> None:
    line = replace(LINE, price=Decimal("61504.42"), premium=Decimal(80), delivery_date=None, delivery_month="2026-05")
    (terms,) = pricing_terms(line, [], FIRST)
    assert (terms.instrument, terms.premium, terms.provisional) == (MAY, 80, Decimal("69499.99"))
    assert (terms.first_day, terms.last_day) == (FIRST, date(2026, 5, 31))


def test_a_template_gives_a_line_its_terms() -> None:
    template = ContractTemplate("usual", PricingKind.FLOATING, PricingFormula.EVENTS, 30, Decimal(100))
    terms = from_template(template, LINE, MAY)
    assert (terms.premium, terms.last_day, terms.template) == (100, FIRST + timedelta(30), "usual")
    assert from_template(template, LINE, MAY, Decimal(-20)).premium == -20


def test_ore_is_hedged_as_the_metal_in_it_and_its_amount_keeps() -> None:
    """1,000 t × 25 % × 96.5 % = 241.25 t (facts 3.6)."""
    row = MaterialYield("ORE", "copper", "t", "t", Decimal(1), Decimal("0.25"), Decimal("0.965"))
    ore = replace(LINE, material="ORE", commodity="concentrate", ordered=Decimal(1000), price=Decimal(9650))
    metal = line_in_commodity(ore, [row])
    assert (metal.ordered, metal.commodity, metal.price) == (Decimal("241.25"), "copper", 40000)
    assert line_in_commodity(replace(ore, unit="kg"), [row]).commodity == "concentrate"


def test_goods_at_a_processor_take_its_yield_before_the_general_one_and_units_may_differ() -> None:
    general = MaterialYield("SCRAP", "copper", "kg", "t", Decimal("0.001"), Decimal("0.9"))
    tolling = replace(general, recovery=Decimal("0.98"), processor="smelter")
    lot = inventory_lot(material="SCRAP", commodity="scrap", unit="kg", quantity=Decimal(100000))
    assert stock_in_commodity(lot, [general, tolling]).quantity == 90
    away = stock_in_commodity(replace(lot, holder="smelter"), [general, tolling])
    assert (away.quantity, away.unit, away.commodity) == (Decimal("88.2"), "t", "copper")


def test_a_commodity_of_the_companys_own_counts_as_what_it_is_hedged_with() -> None:
    own = CustomCommodity("brass", "黄铜", "t", "SHFE.cu", "copper", Decimal("0.62"))
    line = custom_line(replace(LINE, commodity="brass", ordered=Decimal(100)), {"brass": own})
    assert (line.commodity, line.ordered) == ("copper", 62)
    assert custom_line(LINE, {"brass": own}) == LINE


def test_the_last_day_of_a_month() -> None:
    assert month_end("2026-02") == date(2026, 2, 28)
    assert month_end("2026-12") == date(2026, 12, 31)
    assert month_end("stock") is None
