"""Codes on exchanges abroad: month letters, decades, options, and what is no code."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.errors import RuleBroken
from hedge_core.foreign_instruments import MONTH_LETTERS, delivery_of, foreign_instrument, full_year, parse_foreign
from messages import say

DAY = date(2026, 9, 10)


@pytest.mark.parametrize(
    ("text", "exchange", "code"),
    [
        ("HGZ6", "COMEX", "COMEX.HG2612"),
        ("hgz26", "comex", "COMEX.HG2612"),
        ("HG2612", "COMEX", "COMEX.HG2612"),
        ("COMEX.HG2612", "", "COMEX.HG2612"),
        ("6EH7", "CME", "CME.6E2703"),
        ("ESM0", "CME", "CME.ES3006"),
        ("LO2612C75", "NYMEX", "NYMEX.LO2612C75"),
    ],
)
def test_every_spelling_becomes_one_code(text: str, exchange: str, code: str) -> None:
    assert parse_foreign(text, exchange, DAY) == code


@pytest.mark.parametrize(("text", "exchange"), [("HGZ6", ""), ("铜", "COMEX"), ("HG2613", "COMEX"), ("", "CME")])
def test_what_is_no_code_is_refused_with_an_example(text: str, exchange: str) -> None:
    with pytest.raises(RuleBroken) as broken:
        parse_foreign(text, exchange, DAY)
    for lang in ("en", "zh"):
        assert "HGZ6" in say(broken.value.message, lang)


def test_the_month_comes_from_the_symbol_or_else_from_the_description() -> None:
    assert delivery_of("CLZ6", "", DAY) == (2026, 12)
    assert delivery_of("CA", "CA JAN 27", DAY) == (2027, 1)
    assert delivery_of("CA", "copper", DAY) is None


def test_a_thirteenth_month_cannot_be_made() -> None:
    with pytest.raises(RuleBroken):
        foreign_instrument("COMEX", "HG", 2026, 13)


@given(st.dates(date(2020, 1, 1), date(2039, 12, 31)), st.integers(-11, 107))
def test_one_digit_finds_its_decade_from_a_year_back_to_nine_ahead(day: date, ahead: int) -> None:
    months = day.year * 12 + day.month - 1 + ahead
    year, month = divmod(months, 12)
    assert full_year(str(year % 10), month + 1, day) == year


@given(st.sampled_from(MONTH_LETTERS), st.integers(2020, 2039))
def test_letter_and_digits_spell_the_same_code(letter: str, year: int) -> None:
    month = MONTH_LETTERS.index(letter) + 1
    assert parse_foreign(f"CL{letter}{year % 100:02d}", "NYMEX", DAY) == foreign_instrument("NYMEX", "CL", year, month)
