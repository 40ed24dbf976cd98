"""Hedge notes on Odoo orders: the whole current text, read back, and nothing else on the document touched."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from itertools import pairwise

import pytest

from hedge_core.errors import ContractViolation, OutcomeUnknown, Rejected
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.notes import hedge_note
from tests.support.odoo import Odoo

SALE = ExternalRef("erp", "sale_line", "3")
PURCHASE = ExternalRef("erp", "purchase_line", "5")
DOCUMENTS = ("sale.order", "sale.order.line", "purchase.order", "purchase.order.line", "account.move")

Match = Callable[..., HedgeMatch]


@pytest.fixture
def match() -> Match:
    def make(instrument: str = "SHFE.cu2605", tonnes: str = "25", leg: ExternalRef = SALE) -> HedgeMatch:
        quantity = Decimal(tonnes)
        return HedgeMatch(
            f"m-{instrument}-{tonnes}", leg, "lot-1", "80010001", instrument, "copper", quantity, quantity,
            date(2026, 3, 31), "fifo", "matching.fifo",
        )  # fmt: skip

    return make


@pytest.mark.parametrize("leg", [SALE, PURCHASE], ids=["sale", "purchase"])
def test_a_note_is_written_read_back_and_nothing_else_on_the_document_changes(
    odoo: Odoo, match: Match, leg: ExternalRef
) -> None:
    before = {model: odoo.rows(model) for model in DOCUMENTS}
    receipt = odoo.adapter.push_hedges(leg, [match(leg=leg)])
    note = odoo.adapter.find_hedges(leg)
    assert note is not None
    assert note.text == hedge_note([match(leg=leg)])
    assert receipt.number.startswith("XSDD" if leg is SALE else "CGDD")
    assert {model: odoo.rows(model) for model in DOCUMENTS} == before


def test_the_whole_text_is_replaced_and_the_same_text_is_not_written_again(odoo: Odoo, match: Match) -> None:
    odoo.adapter.push_hedges(SALE, [match()])
    odoo.adapter.push_hedges(SALE, [match(), match("SHFE.cu2606", "10")])
    calls = odoo.calls()
    odoo.adapter.push_hedges(SALE, [match(), match("SHFE.cu2606", "10")])
    written = ("message_post", "create", "write")
    assert {name: odoo.calls().get(name) for name in written} == {name: calls.get(name) for name in written}
    note = odoo.adapter.find_hedges(SALE)
    assert note is not None
    assert "cu2605" in note.text
    assert "cu2606" in note.text


def test_when_no_hedge_is_left_the_note_becomes_empty(odoo: Odoo, match: Match) -> None:
    odoo.adapter.push_hedges(SALE, [])
    assert odoo.rows("mail.message") == []
    odoo.adapter.push_hedges(SALE, [match()])
    odoo.adapter.push_hedges(SALE, [])
    note = odoo.adapter.find_hedges(SALE)
    assert note is not None
    assert note.text == ""


def test_two_lines_of_one_order_keep_their_own_notes(odoo: Odoo, match: Match) -> None:
    rows = odoo.rows("sale.order.line")
    first, second = next((one, two) for one, two in pairwise(rows) if one["order_id"] == two["order_id"])
    legs = [ExternalRef("erp", "sale_line", str(row["id"])) for row in (first, second)]
    for tonnes, leg in zip(("25", "40"), legs, strict=True):
        odoo.adapter.push_hedges(leg, [match(tonnes=tonnes, leg=leg)])
    texts = [note.text for leg in legs if (note := odoo.adapter.find_hedges(leg))]
    assert ["现货25" in texts[0], "现货40" in texts[1]] == [True, True]


def test_a_line_that_is_gone_is_none_to_read_and_refused_to_write(odoo: Odoo, match: Match) -> None:
    """Trap 9: Odoo answers a read of a missing record with an empty list, not with an error."""
    gone = ExternalRef("erp", "sale_line", "99999")
    assert odoo.adapter.find_hedges(gone) is None
    with pytest.raises(Rejected):
        odoo.adapter.push_hedges(gone, [match(leg=gone)])


def test_stock_has_no_place_for_a_note(odoo: Odoo, match: Match) -> None:
    with pytest.raises(Rejected) as refused:
        odoo.adapter.push_hedges(ExternalRef("erp", "stock", "1|2|3|"), [match()])
    assert refused.value.vendor_code == "no-place"


def test_an_answer_lost_while_writing_a_note_is_harmless_to_repeat(odoo: Odoo, match: Match) -> None:
    odoo.adapter.find_hedges(SALE)
    odoo.fault("lose_answer_after_commit=1x@writes")
    with pytest.raises(OutcomeUnknown):
        odoo.adapter.push_hedges(SALE, [match()])
    odoo.adapter.push_hedges(SALE, [match()])
    assert (
        len(odoo.rows("mail.message")) + len(odoo.rows("hedge.match") if odoo.site.site.books.release.addon else [])
        == 1
    )


def test_a_note_that_reads_back_differently_is_a_contract_violation(odoo: Odoo, match: Match) -> None:
    real_run = odoo.client.run

    def losing(model, method, named, **rest):
        if method in ("message_post", "create"):
            return [1]
        return real_run(model, method, named, **rest)

    odoo.client.run = losing  # type: ignore[method-assign]
    with pytest.raises(ContractViolation):
        odoo.adapter.push_hedges(SALE, [match()])
