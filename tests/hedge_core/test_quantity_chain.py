"""From order to invoice: open quantity with tolerance and closed rest, what must agree, price notes, currencies, prompt cash."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given as any_of
from hypothesis import strategies as st

from hedge_core.currencies import PromptPosition, RateTable, currency_exposure, prompt_cash
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import Direction
from hedge_core.model.physical import LineStatus, PricingKind, Side
from hedge_core.price_notes import Document, Priced, reprice
from hedge_core.quantity_chain import broken_chain, delivered_not_invoiced, quantity_chain
from tests.support.samples import contract_line

LINE = contract_line(
    ordered=Decimal(500), delivered=Decimal(200), returned=Decimal(20), closed_rest=Decimal(30), tolerance=Decimal("0.05"),
    shipped=Decimal(260), invoiced=Decimal(150), priced=Decimal(100),
)  # fmt: skip
ON = date(2026, 3, 31)
VAT = Decimal("0.13")


def test_the_chain_of_a_line() -> None:
    """500 ± 5 %: 200 delivered, 20 came back, 30 closed: 290 open; 60 on the way; 30 delivered and not invoiced."""
    chain = quantity_chain(LINE)
    assert (chain.least, chain.most, chain.open, chain.delivered) == (475, 525, 290, 180)
    assert (chain.in_transit, chain.delivered_not_invoiced) == (60, 30)
    assert (chain.priced, chain.unpriced) == (100, 370)
    assert broken_chain(LINE) == ()
    assert delivered_not_invoiced([LINE]) == {(Side.SALE, "cu"): 30}


@pytest.mark.parametrize(
    ("changes", "rule"),
    [
        ({"delivered": Decimal(550)}, "over_delivered"),
        ({"invoiced": Decimal(471)}, "over_invoiced"),
        ({"returned": Decimal(201)}, "returned"),
        ({"priced": Decimal(471)}, "over_priced"),
        ({"status": LineStatus.CLOSED, "closed_rest": Decimal(0)}, "closed_short"),
    ],
)
def test_quantities_that_cannot_be_are_named(changes: dict[str, object], rule: str) -> None:
    found = broken_chain(replace(LINE, **changes))  # type: ignore[arg-type]
    assert f"chain_{rule}" in {one.rule for one in found}
    assert all("{" not in str(one) for one in found)


quantities = st.decimals(0, 500, places=3)


@any_of(
    quantities,
    quantities,
    quantities,
    quantities,
    quantities,
    st.sampled_from(PricingKind),
    st.sampled_from(LineStatus),
)
def test_priced_and_unpriced_are_delivered_and_open(
    ordered: Decimal,
    delivered: Decimal,
    returned: Decimal,
    rest: Decimal,
    priced: Decimal,
    kind: PricingKind,
    status: LineStatus,
) -> None:
    line = replace(
        LINE, ordered=ordered, delivered=delivered, returned=returned, closed_rest=rest, priced=priced, pricing=kind,
        status=status,
    )  # fmt: skip
    chain = quantity_chain(line)
    assert chain.priced + chain.unpriced == chain.delivered + chain.open


# --- price notes ------------------------------------------------------------------------------------------------------


def test_a_note_reprices_500_t_by_minus_280_000() -> None:
    """69,500 provisional, 68,940 final on 500 t (facts 3.2): −280,000 with VAT, −247,787.61 net."""
    (note,) = reprice("L", ON, Decimal(500), Priced(Decimal(69500), VAT), Priced(Decimal(68940), VAT), Document.NOTE)
    assert (note.net, note.vat, note.net + note.vat) == (Decimal("-247787.61"), Decimal("-32212.39"), -280_000)


def test_a_red_invoice_and_a_blue_one_change_the_total_by_the_same_money() -> None:
    before, after = Priced(Decimal(69500), VAT), Priced(Decimal(68940), VAT)
    red, blue = reprice("L", ON, Decimal(500), before, after, Document.RED_INVOICE)
    assert (red.document, red.quantity, red.net + red.vat) == ("red", -500, -34_750_000)
    assert (blue.document, blue.price, blue.net + blue.vat) == ("blue", 68940, 34_470_000)
    (note,) = reprice("L", ON, Decimal(500), before, after, Document.NOTE)
    assert red.net + blue.net == note.net


def test_a_vat_rate_that_changed_wants_a_red_invoice_with_the_old_rate() -> None:
    before, after = Priced(Decimal(69600), Decimal("0.16")), Priced(Decimal(67800), VAT)
    with pytest.raises(RuleBroken) as broken:
        reprice("L", ON, Decimal(100), before, after, Document.NOTE)
    assert broken.value.rule == "note_vat_rate"
    red, blue = reprice("L", ON, Decimal(100), before, after, Document.RED_INVOICE)
    assert (red.net, red.vat, red.vat_rate) == (-6_000_000, -960_000, Decimal("0.16"))
    assert (blue.net, blue.vat) == (6_000_000, 780_000)


def test_nothing_invoiced_is_nothing_to_reprice() -> None:
    with pytest.raises(RuleBroken) as broken:
        reprice("L", ON, Decimal(0), Priced(Decimal(1), VAT), Priced(Decimal(2), VAT), Document.NOTE)
    assert broken.value.rule == "note_nothing"


# --- currencies -------------------------------------------------------------------------------------------------------


def test_the_rate_in_force_converts_and_a_day_before_the_first_is_refused() -> None:
    table = RateTable("CNY", [("USD", date(2026, 3, 1), Decimal("7.10")), ("USD", date(2026, 3, 15), Decimal("7.20"))])
    assert table.converted(Decimal(1000), "USD", date(2026, 3, 14)) == 7100
    assert table.converted(Decimal(1000), "USD", ON) == 7200
    assert table.rate("CNY", ON) == 1
    with pytest.raises(RuleBroken) as broken:
        table.rate("USD", date(2026, 2, 28))
    assert broken.value.rule == "currency_rate_missing"
    with pytest.raises(RuleBroken):
        RateTable("CNY", [("USD", ON, Decimal(0))])


def test_an_lme_forward_pays_at_prompt_without_vat_and_its_currency_is_an_exposure_of_its_own() -> None:
    """Short 100 t at 9,500 USD, now 9,300: +20,000 USD in June; a purchase of 100 t at 9,400 is −940,000 USD in May."""
    forward = PromptPosition("LME.CA", Direction.SELL, Decimal(100), Decimal(9500), "USD", date(2026, 6, 17))
    assert prompt_cash(forward, Decimal(9300)) == 20_000
    purchase = replace(
        LINE, side=Side.PURCHASE, pricing=PricingKind.PRICED, price=Decimal(9400), currency="USD", ordered=Decimal(100),
        delivered=Decimal(0), returned=Decimal(0), closed_rest=Decimal(0),
    )  # fmt: skip
    rows = currency_exposure("CNY", [purchase, replace(purchase, currency="CNY")], [(forward, Decimal(9300))])
    assert [(row.currency, row.month, row.amount) for row in rows] == [
        ("USD", "2026-05", -940_000),
        ("USD", "2026-06", 20_000),
    ]
