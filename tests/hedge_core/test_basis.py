"""Basis of stock, order and market: one formula, and the result as the difference of two (facts 3.3)."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from hedge_core.basis import STANDARD, Basis, BasisKind, Premiums, Quote, basis, basis_result, floating_quote
from hedge_core.errors import RuleBroken
from messages import LANGUAGES, say

DAY = date(2026, 3, 9)
VAT = Decimal("0.13")
CU = "SHFE.cu2605"


def of(kind: BasisKind, spot: Quote, futures: int, premiums: Premiums = STANDARD, instrument: str = CU) -> Basis:
    return basis(kind, spot, Quote(Decimal(futures)), instrument=instrument, on=DAY, premiums=premiums)


def inventory() -> Basis:
    return of(BasisKind.INVENTORY, Quote(Decimal(61000), VAT, vat_included=False), 69200)


def market() -> Basis:
    return of(BasisKind.MARKET, Quote(Decimal(68100)), 68050, Premiums(brand=Decimal(100)))


def test_stock_has_the_basis_of_its_cost_with_vat_against_the_opening_price_of_its_hedge() -> None:
    assert inventory().spot == 68930
    assert inventory().value == -270


def test_the_market_basis_is_for_the_standard_grade() -> None:
    assert market().value == -50


def test_an_order_has_the_basis_it_was_priced_at() -> None:
    assert of(BasisKind.ORDER, Quote(Decimal(68130)), 68050).value == 80


@any_of(st.integers(1, 200_000))
def test_an_unpriced_order_has_the_agreed_premium_for_a_basis_at_any_futures_price(futures: int) -> None:
    price = floating_quote(Quote(Decimal(futures)), Decimal(80))
    assert of(BasisKind.ORDER, price, futures).value == 80


def test_brand_grade_and_place_are_taken_off_in_every_kind() -> None:
    premiums = Premiums(brand=Decimal(100), grade=Decimal(-40), place=Decimal(15))
    values = {kind: of(kind, Quote(Decimal(68100)), 68050, premiums).value for kind in BasisKind}
    assert values == dict.fromkeys(BasisKind, Decimal(-25))


def test_a_futures_price_quoted_without_vat_is_compared_with_vat() -> None:
    bonded = basis(BasisKind.MARKET, Quote(Decimal(67800)), Quote(Decimal(60000), VAT, False), instrument=CU, on=DAY)
    assert bonded.value == 0


def test_the_result_is_quantity_times_the_change_of_basis() -> None:
    assert basis_result(Decimal(1), inventory(), market()) == 220
    assert basis_result(Decimal(100), inventory(), market()) == 22000
    assert basis_result(Decimal(-100), inventory(), market()) == -22000


def test_an_order_locks_the_difference_to_its_own_basis() -> None:
    order = of(BasisKind.ORDER, Quote(Decimal(68130)), 68050)
    assert basis_result(Decimal(1), inventory(), order) == 350


@any_of(st.integers(-9999, 9999), *(st.integers(50_000, 90_000) for _ in range(4)))
def test_the_result_is_the_spot_result_less_the_futures_result(q: int, s0: int, f0: int, s1: int, f1: int) -> None:
    then, now = (of(BasisKind.MARKET, Quote(Decimal(s)), f) for s, f in ((s0, f0), (s1, f1)))
    assert basis_result(Decimal(q), then, now) == q * (s1 - s0) - q * (f1 - f0)


def test_bases_against_different_instruments_are_not_compared() -> None:
    other = of(BasisKind.MARKET, Quote(Decimal(68100)), 68050, instrument="SHFE.cu2606")
    with pytest.raises(RuleBroken) as caught:
        basis_result(Decimal(1), inventory(), other)
    assert caught.value.rule == "basis_instruments_differ"
    for lang in LANGUAGES:
        assert "{" not in say(caught.value.message, lang)
