"""Attribution of hedged results: the worked figures (facts 3.3, 3.4, 3.7, 3.10) and a residual of zero for any input."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from hedge_core.attribution import LINES, FuturesLeg, SpotChange, attribute
from hedge_core.basis import Quote
from hedge_core.rounding import round_money

VAT = Decimal("0.13")


def spot(quantity: int, then: int, now: int, vat: Decimal = VAT, *, included: bool = True) -> SpotChange:
    return SpotChange(Decimal(quantity), *(Quote(Decimal(price), vat, included) for price in (then, now)))


def leg(quantity: int, opened: int, closed: int, instrument: str = "SHFE.cu2405") -> FuturesLeg:
    return FuturesLeg(instrument, Decimal(quantity), Decimal(opened), Decimal(closed))


def shown(**lines: str) -> dict[str, Decimal]:
    return {name: Decimal(lines.get(name, "0")) for name in LINES}


def test_in_price_terms_the_open_ten_tonnes_lose_what_the_basis_does_not_explain() -> None:
    result = attribute(spot(100, 70000, 68100, Decimal(0)), [leg(-90, 70200, 68060)])
    assert (result.basis, result.price, result.total, result.residual) == (24_000, -21_400, 2_600, 0)


def test_with_vat_ninety_tonnes_are_more_than_a_full_hedge_and_the_roll_is_a_line_of_its_own() -> None:
    legs = [leg(-90, 70200, 69100), leg(-90, 69260, 68060, "SHFE.cu2406")]
    result = attribute(spot(100, 62000, 60000, included=False), legs)
    assert (result.spot, result.futures, result.total, result.residual) == (-200_000, 207_000, 7_000, 0)
    assert result.rounded() == shown(basis="-10619.47", price="3219.47", roll="14400")


def test_the_fees_of_the_roll_case_come_off_the_result() -> None:
    result = attribute(spot(0, 1, 1), [leg(-90, 69260, 69260)], fees=Decimal("315.90") + Decimal("310.95"))
    assert result.rounded() == shown(fees="-626.85")
    assert result.residual == 0


def test_a_short_earns_the_far_price_less_the_near_one() -> None:
    legs = [leg(-90, 69100, 69100), leg(-90, 69260, 69260)]
    assert attribute(spot(0, 1, 1), legs).roll == 14_400
    bought = [leg(90, 69100, 69100), leg(90, 69260, 69260)]
    assert attribute(spot(0, 1, 1), bought).roll == -14_400


def test_only_what_was_carried_is_rolled() -> None:
    legs = [leg(-90, 69100, 69100), leg(-50, 69260, 69260)]
    assert attribute(spot(0, 1, 1), legs).roll == 50 * 160
    turned = [leg(-90, 69100, 69100), leg(50, 69260, 69260)]
    assert attribute(spot(0, 1, 1), turned).roll == 0


def test_an_exchange_delivery_is_taxed_on_a_price_the_futures_result_is_not() -> None:
    sold = attribute(spot(1, 70200, 73000), [leg(-1, 70200, 73000)], delivered=Decimal(1))
    assert sold.rounded() == shown(vat_delivery="-322.12")
    received = Fraction(70200) / Fraction("1.13") + Fraction(-2800) * Fraction("0.13") / Fraction("1.13")
    assert sold.total == received - Fraction(70200) / Fraction("1.13")
    bought = attribute(spot(-1, 70200, 73000), [leg(1, 70200, 73000)], delivered=Decimal(-1))
    assert bought.rounded() == shown(vat_delivery="322.12")
    assert sold.residual == bought.residual == 0


def test_the_basis_example_in_money_without_vat() -> None:
    one_to_one = attribute(spot(1, 68930, 68000), [leg(-1, 69200, 68050)])
    assert sum(one_to_one.rounded().values()) == Decimal("326.99")
    adjusted = attribute(spot(113, 68930, 68000), [leg(-100, 69200, 68050)])
    assert (adjusted.price, adjusted.total) == (0, 22_000)
    assert round_money(Decimal(22_000) / 113) == Decimal("194.69")


def test_a_vat_rate_that_changed_in_between_is_a_line_of_its_own() -> None:
    change = SpotChange(Decimal(116), Quote(Decimal(58000), Decimal("0.16")), Quote(Decimal(56500), VAT))
    result = attribute(change, [])
    assert result.spot == 116 * (50000 - 50000)
    assert (result.price, result.vat_rate, result.residual) == (-150_000, 150_000, 0)


def test_without_futures_everything_is_price() -> None:
    result = attribute(spot(100, 60000, 61000, included=False), [], funding=Decimal(-1234))
    assert result.rounded() == shown(price="100000", funding="-1234")


def test_a_delivery_beyond_the_position_or_a_negative_fee_is_a_bug_of_the_caller() -> None:
    for wrong in (Decimal(91), Decimal(-1)):
        with pytest.raises(ValueError, match="cannot be"):
            attribute(spot(100, 1, 1), [leg(-90, 1, 1)], delivered=wrong)
    with pytest.raises(ValueError, match="cannot be"):
        attribute(spot(100, 1, 1), [], delivered=Decimal(1))
    with pytest.raises(ValueError, match="cannot be"):
        attribute(spot(100, 1, 1), [], fees=Decimal(-1))


PRICES = st.decimals(1, 99_999, places=2)
QUANTITIES = st.decimals(-5000, 5000, places=3)
QUOTES = st.builds(Quote, PRICES, st.sampled_from([Decimal(0), Decimal("0.09"), VAT]), st.booleans())


@any_of(
    st.builds(SpotChange, QUANTITIES, QUOTES, QUOTES),
    st.lists(st.builds(FuturesLeg, st.just("X"), QUANTITIES, PRICES, PRICES), max_size=4),
    st.decimals(0, 9999, places=2),
    st.decimals(-9999, 9999, places=2),
    st.integers(0, 100),
)
def test_nothing_is_ever_left_over(
    change: SpotChange, legs: list[FuturesLeg], fees: Decimal, funding: Decimal, percent: int
) -> None:
    delivered = -legs[-1].quantity * percent / 100 if legs else Decimal(0)
    result = attribute(change, legs, fees=fees, funding=funding, delivered=delivered)
    assert result.residual == 0
    lines = result.rounded()
    total = result.total
    assert abs(Fraction(sum(lines.values())) - total) <= Fraction(1, 200)
    assert all(abs(Fraction(lines[name]) - getattr(result, name)) < Fraction(1, 100) for name in LINES)
