"""Pricing events against floating lines, and average pricing (facts 3.2 and 3.16)."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from hedge_core.errors import RuleBroken
from hedge_core.exposure import exposure
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.physical import ContractLine, LineStatus, PricingKind, Side
from hedge_core.pricing import PricingEvent, PricingTerms, due, exposure_effect, price_average, price_line
from messages import LANGUAGES, say

FIRST, LAST = date(2026, 3, 2), date(2026, 3, 31)
LINE = ExternalRef("k3", "contract_line", "1")
CU = "SHFE.cu2605"
TERMS = PricingTerms(
    LINE,
    Side.PURCHASE,
    PricingKind.FLOATING,
    Decimal(500),
    CU,
    Decimal(120),
    Decimal("0.13"),
    FIRST,
    LAST,
    provisional=Decimal(69500),
)


def event(number: int, quantity: int | str, price: int, on: date = FIRST) -> PricingEvent:
    return PricingEvent(f"P{number}", LINE, on, CU, Decimal(quantity), Decimal(price))


BOTH = (event(1, 200, 69000), event(2, 300, 68700))


def test_the_final_price_is_the_average_of_the_priced_futures_plus_the_premium() -> None:
    priced = price_line(TERMS, BOTH)
    assert (priced.average, priced.final_price) == (68820, 68940)
    assert priced.final_price_without_vat == Decimal("61008.85")
    assert priced.provisional_difference == -280_000
    assert priced.broken == ()


def test_until_everything_is_priced_there_is_a_remainder_and_no_final_price() -> None:
    priced = price_line(TERMS, BOTH[:1])
    assert (priced.priced, priced.remaining, priced.average) == (200, 300, 69000)
    assert priced.final_price is priced.final_price_without_vat is priced.provisional_difference is None
    nothing = price_line(TERMS, ())
    assert (nothing.remaining, nothing.average) == (500, None)


def test_without_a_provisional_price_there_is_no_difference() -> None:
    assert price_line(replace(TERMS, provisional=None), BOTH).provisional_difference is None


@any_of(st.permutations([event(n, 100, 60000 + n, FIRST + timedelta(n)) for n in range(7)]))
def test_the_order_in_which_events_arrive_changes_nothing(events: list[PricingEvent]) -> None:
    priced = price_line(TERMS, events)
    assert (priced.priced, priced.average) == (500, 60002)
    assert [(one.rule, one.record) for one in priced.broken] == [("pricing_too_much", "P5"), ("pricing_too_much", "P6")]


@pytest.mark.parametrize(
    ("wrong", "rule"),
    [
        (replace(event(3, 10, 1), line=ExternalRef("k3", "contract_line", "2")), "pricing_other_line"),
        (event(1, 10, 69000, LAST), "pricing_twice"),
        (replace(event(3, 10, 1), instrument="SHFE.cu2606"), "pricing_instrument"),
        (event(3, 10, 1, FIRST - timedelta(1)), "pricing_window"),
        (event(3, 10, 1, LAST + timedelta(1)), "pricing_window"),
        (event(3, 0, 1), "pricing_not_positive"),
        (event(3, 10, -1), "pricing_not_positive"),
        (event(3, "300.001", 1), "pricing_too_much"),
    ],
)
def test_an_event_that_breaks_a_rule_is_named_and_not_counted(wrong: PricingEvent, rule: str) -> None:
    priced = price_line(TERMS, (BOTH[0], wrong))
    assert (priced.priced, priced.average) == (200, 69000)
    assert [one.rule for one in priced.broken] == [rule]
    for lang in LANGUAGES:
        assert "{" not in say(priced.broken[0].message, lang)


def test_an_average_priced_line_is_priced_day_by_day() -> None:
    terms = replace(TERMS, kind=PricingKind.AVERAGE, quantity=Decimal(400))
    prices = [Decimal(69000 + 100 * day) for day in range(20)]
    part = price_average(terms, prices[:5], 20)
    assert (part.priced, part.remaining, part.average) == (100, 300, 69200)
    whole = price_average(terms, prices, 20)
    assert (whole.remaining, whole.final_price) == (0, 70070)
    assert price_average(terms, [], 20).remaining == 400
    third = price_average(replace(terms, quantity=Decimal(100)), prices[:1], 3)
    assert third.priced == Decimal("33.333333")


def test_more_prices_than_pricing_days_is_a_bug_of_the_caller() -> None:
    with pytest.raises(ValueError, match="2 prices for 1"):
        price_average(replace(TERMS, kind=PricingKind.AVERAGE), [Decimal(1)] * 2, 1)


def test_a_kind_without_a_formula_is_refused() -> None:
    for refused in (PricingKind.PRICED, PricingKind.BASIS, PricingKind.AVERAGE):
        with pytest.raises(RuleBroken) as caught:
            price_line(replace(TERMS, kind=refused), ())
        assert caught.value.rule == "pricing_kind"
    with pytest.raises(RuleBroken):
        price_average(TERMS, [], 20)


def test_lines_to_be_priced_within_seven_days_are_listed_the_most_urgent_first() -> None:
    today = date(2026, 3, 24)
    late, near, far = (replace(TERMS, last_day=today + timedelta(days)) for days in (-1, 7, 8))
    listed = due([price_line(terms, ()) for terms in (near, far, late)], today)
    assert [one.terms.last_day for one in listed] == [late.last_day, near.last_day]
    assert due([price_line(TERMS, BOTH)], LAST) == ()


def line(pricing: PricingKind, side: Side, ordered: int, delivered: int) -> ContractLine:
    zero = Decimal(0)
    ref = ExternalRef("k3", "contract_line", pricing.value)
    head = (ref, "C1", 1, side, "Huaxin", "cathode", "copper", FIRST, None, "2026-05", "t", Decimal(ordered))
    return ContractLine(
        *head,
        Decimal(delivered),
        zero,
        LineStatus.OPEN,
        pricing,
        None,
        None,
        CU,
        "CNY",
        zero,
        datetime(2026, 3, 2, tzinfo=UTC),
    )


@any_of(st.sampled_from(Side), st.integers(0, 500), st.integers(0, 500))
def test_pricing_moves_the_exposure_by_its_quantity_whatever_was_delivered(side: Side, priced: int, out: int) -> None:
    def figure(*lines: ContractLine) -> Decimal:
        totals = exposure(BookId("jinhe"), lines, (), (), {}, {"copper": Decimal("0.13")}).totals
        return totals[0].exposure

    before = figure(line(PricingKind.FLOATING, side, 500, out))
    of_priced = min(out, priced)
    rest = line(PricingKind.FLOATING, side, 500 - priced, out - of_priced)
    after = figure(line(PricingKind.PRICED, side, priced, of_priced), rest)
    assert after - before == exposure_effect(side, Decimal(priced))


def test_a_priced_sale_makes_short() -> None:
    assert price_line(TERMS, BOTH[:1]).exposure_effect == 200
    assert price_line(replace(TERMS, side=Side.SALE), BOTH[:1]).exposure_effect == -200
