"""Canonical instrument codes: every exchange's spelling, capitals, three-digit months, options, spreads."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.errors import RuleBroken
from hedge_core.instruments import Instrument, canonical_instrument, leading_letters, parse_instrument

DAY = date(2026, 3, 4)


@pytest.mark.parametrize(
    ("exchange", "written", "canonical"),
    [
        ("SHFE", "cu2605", "SHFE.cu2605"),
        ("SHFE", "CU2605", "SHFE.cu2605"),
        ("SHFE", " SHFE.cu2605 ", "SHFE.cu2605"),
        ("shfe", "cu2605", "SHFE.cu2605"),
        ("SHFE", "CU2605C80000", "SHFE.cu2605C80000"),
        ("INE", "SC2606P520", "INE.sc2606P520"),
        ("DCE", "I2609-P-750", "DCE.i2609-P-750"),
        ("DCE", "i2609p750", "DCE.i2609-P-750"),
        ("DCE", "m2605-MS-C-2800", "DCE.m2605-MS-C-2800"),
        ("DCE", "l2605F", "DCE.l2605F"),
        ("GFEX", "SI2606-C-9500", "GFEX.si2606-C-9500"),
        ("CZCE", "sr605", "CZCE.SR2605"),
        ("CZCE", "SR2605", "CZCE.SR2605"),
        ("CZCE", "SR605C5800", "CZCE.SR2605C5800"),
        ("CZCE", "CF611", "CZCE.CF2611"),
        ("CZCE", "SPD MA605&MA609", "CZCE.SPD MA2605&MA2609"),
        ("DCE", "sp m2605&M2609", "DCE.SP m2605&m2609"),
        ("CFFEX", "if2606", "CFFEX.IF2606"),
        ("CFFEX", "IO2509-C-3300", "CFFEX.IO2509-C-3300"),
        ("SHFE", "rb2605", "SHFE.rb2605"),
        ("SHFE", "cu2605C80000", "SHFE.cu2605C80000"),
        ("DCE", "i2609-P-750", "DCE.i2609-P-750"),
        ("CFFEX", "IF2606", "CFFEX.IF2606"),
        ("CZCE", "SPD MA509&MA601", "CZCE.SPD MA2509&MA2601"),
        ("CZCE", "CZCE.SR605", "CZCE.SR2605"),
        ("INE", "EC2606", "INE.ec2606"),
        ("GFEX", "LC2607", "GFEX.lc2607"),
        ("DCE", "EG2605", "DCE.eg2605"),
    ],
)
def test_every_spelling_has_one_canonical_code(exchange: str, written: str, canonical: str) -> None:
    assert canonical_instrument(exchange, written, DAY) == canonical
    assert canonical_instrument(exchange, canonical, DAY) == canonical


@pytest.mark.parametrize(
    ("day", "written", "month"),
    [
        (date(2026, 3, 4), "SR605", "2605"),
        (date(2019, 12, 30), "SR005", "2005"),
        (date(2029, 12, 30), "SR005", "3005"),
        (date(2026, 3, 4), "SR503", "2503"),  # delivered a year ago, to the month
        (date(2026, 3, 4), "SR502", "3502"),  # thirteen months ago is out of reach
        (date(2026, 1, 5), "SR512", "2512"),
    ],
)
def test_a_missing_decade_is_the_one_nearest_to_the_document(day: date, written: str, month: str) -> None:
    assert canonical_instrument("CZCE", written, day) == f"CZCE.SR{month}"


@given(
    day=st.dates(date(2001, 1, 1), date(2089, 12, 31)),
    ahead=st.integers(min_value=-12, max_value=107),
)
def test_three_digits_give_back_any_month_within_reach(day: date, ahead: int) -> None:
    months = day.year * 12 + day.month - 1 + ahead
    four = f"{months // 12 % 100:02d}{months % 12 + 1:02d}"
    assert canonical_instrument("CZCE", f"TA{four[1:]}", day) == f"CZCE.TA{four}"


@pytest.mark.parametrize(
    ("exchange", "written", "reason"),
    [
        ("NYMEX", "cl2605", "instrument.unknown_exchange"),
        ("SHFE", "cu605", "instrument.unknown_form"),
        ("SHFE", "", "instrument.unknown_form"),
        ("SHFE", "cu26051", "instrument.unknown_form"),
        ("SHFE", "cu２６０５", "instrument.unknown_form"),
        ("SHFE", "cu2605X80000", "instrument.unknown_form"),
        ("SHFE", "c" * 5000, "instrument.unknown_form"),
        ("SHFE", "cu2613", "instrument.unknown_month"),
        ("CZCE", "SR600", "instrument.unknown_month"),
        ("CZCE", "SPD MA605&", "instrument.unknown_form"),
    ],
)
def test_what_no_exchange_writes_is_refused_with_a_reason(exchange: str, written: str, reason: str) -> None:
    with pytest.raises(RuleBroken) as refusal:
        canonical_instrument(exchange, written, DAY)
    assert refusal.value.reason.id == reason
    assert len(str(refusal.value)) < 400


def test_a_canonical_code_has_its_parts() -> None:
    assert parse_instrument("SHFE.cu2605") == Instrument("SHFE", "cu", "2026-05")
    assert parse_instrument("DCE.i2609-P-750") == Instrument("DCE", "i", "2026-09", "P", Decimal(750))
    assert parse_instrument("CZCE.SR2605C5800") == Instrument("CZCE", "SR", "2026-05", "C", Decimal(5800))
    assert parse_instrument("COMEX.HG2612") == Instrument("COMEX", "HG", "2026-12")
    assert parse_instrument("BMD.FCPO2612") == Instrument("BMD", "FCPO", "2026-12")
    assert parse_instrument("DCE.l2605F") == Instrument("DCE", "l_f", "2026-05")
    assert parse_instrument("CZCE.SPD MA2605&MA2609") is None
    assert parse_instrument("copper") is None


def test_a_bare_code_starts_with_its_product() -> None:
    assert [leading_letters(code) for code in ("CU2605", "i2609-P-750", "2605", "copper")] == ["CU", "i", "", ""]
