"""Risk degree and cash for limit days: a short of 90 t at 69,000 with a million of equity (facts 3.12), and its mirror."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from hedge_core.margin_stress import (
    MarginedPosition,
    Move,
    RiskDefinition,
    call_price,
    cash_needed,
    first_call,
    limit_days,
    risk_degree,
)

EQUITY = Decimal(1_000_000)
SHORT = MarginedPosition("SHFE.cu2605", Decimal(-90), Decimal(69000), Decimal("0.10"), Decimal("0.05"))
LONG = MarginedPosition("SHFE.cu2605", Decimal(90), Decimal(69000), Decimal("0.10"), Decimal("0.05"))


def test_the_risk_degree_is_margin_to_equity_and_the_inverse_where_a_broker_says_so() -> None:
    assert risk_degree(Decimal(621_000), EQUITY) == Decimal("0.621")
    inverse = risk_degree(Decimal(621_000), EQUITY, RiskDefinition.EQUITY_TO_MARGIN)
    assert inverse == Decimal("1.610306")
    assert risk_degree(Decimal(1), Decimal(0)) is None
    assert risk_degree(Decimal(0), EQUITY, RiskDefinition.EQUITY_TO_MARGIN) is None


def test_a_short_reaches_its_whole_equity_at_a_price() -> None:
    assert call_price(EQUITY, SHORT) == Decimal("72828.28")
    assert call_price(EQUITY, LONG) == Decimal("64320.99")


def test_a_position_that_no_price_brings_to_a_call_has_none() -> None:
    assert call_price(Decimal(10_000_000), LONG) is None
    paid_in_full = MarginedPosition("X", Decimal(90), Decimal(69000), Decimal(1), Decimal("0.05"))
    assert call_price(EQUITY, paid_in_full) is None


def test_three_limit_days_against_a_short() -> None:
    run = limit_days(EQUITY, [SHORT], 3, Move.UP)
    assert EQUITY - run[2].equity == Decimal("978851.25")
    assert (run[2].equity, run[2].margin) == (Decimal("21148.75"), Decimal("718885.125"))
    assert run[2].call == Decimal("697736.38")
    call = first_call(run)
    assert call is not None
    assert (call.day, call.call) == (2, Decimal("321177.50"))
    assert first_call(limit_days(EQUITY, [SHORT], 3, Move.DOWN)) is None


@pytest.mark.parametrize(("target", "cash"), [("1", "697736.38"), ("0.8", "877457.66"), ("0.621", "1136476.25")])
def test_the_cash_needed_depends_on_the_degree_to_come_back_to(target: str, cash: str) -> None:
    assert cash_needed(EQUITY, [SHORT], 3, target=Decimal(target)) == Decimal(cash)


def test_cash_is_for_the_worse_direction_and_nothing_without_positions() -> None:
    assert cash_needed(EQUITY, [LONG], 3) == limit_days(EQUITY, [LONG], 3, Move.DOWN)[2].call > 0
    assert cash_needed(EQUITY, [], 3) == 0
    assert cash_needed(EQUITY, [SHORT], 0) == 0


def test_a_target_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="cannot be reached"):
        limit_days(EQUITY, [SHORT], 1, Move.UP, target=Decimal(0))


@any_of(st.integers(1, 3000), st.integers(1000, 99_999), st.integers(0, 9_999_999), st.integers(1, 5))
def test_paying_the_call_brings_the_account_back_to_the_target(size: int, price: int, equity: int, days: int) -> None:
    position = MarginedPosition("X", Decimal(-size), Decimal(price), Decimal("0.12"), Decimal("0.04"))
    for day in limit_days(Decimal(equity), [position], days, Move.UP, target=Decimal("0.8")):
        short_of = day.margin / Decimal("0.8") - (day.equity + day.call)
        assert short_of <= Decimal("0.005")
        assert day.call == 0 or short_of >= Decimal("-0.005")
