"""Hedge notes on Kingdee order lines: that one field of that one line, read back, never by un-auditing."""

from __future__ import annotations

from typing import Any

import pytest

from conformance.samples import sample_match
from hedge_core.errors import ContractViolation, OutcomeUnknown, Rejected
from hedge_core.model.identity import ExternalRef
from tests.support.kingdee import CONNECTION, Kingdee, KingdeeUnderTest, serving


@pytest.fixture
def leg(kingdee: Kingdee) -> ExternalRef:
    kingdee.add_sale("XSDD700001", {}, {}, {})
    return kingdee.sale_ref("XSDD700001", 2)


def notes(kingdee: Kingdee) -> list[str]:
    return [line["F_HB_Hedge"] for line in kingdee.order("XSDD700001")[2]]


def test_only_the_note_of_that_line_is_named_and_nothing_is_deleted(kingdee: Kingdee, leg: ExternalRef) -> None:
    sent: list[Any] = []
    adapter = kingdee.adapter()
    write = adapter._client._write
    adapter._client._write = lambda operation, payload: sent.append(payload) or write(operation, payload)
    adapter.push_hedges(leg, [sample_match(leg, "25", "25")])
    document, _, entry = leg.key.partition("/")
    (payload,) = sent
    assert payload["formid"] == "SAL_SaleOrder"
    assert payload["data"]["NeedUpDateFields"] == ["FSaleOrderEntry", "F_HB_Hedge"]
    assert payload["data"]["IsDeleteEntry"] == "false"
    assert payload["data"]["Model"] == {
        "FID": int(document),
        "FSaleOrderEntry": [{"FEntryID": int(entry), "F_HB_Hedge": "HB cu2606 现货25/期货25"}],
    }
    assert notes(kingdee) == ["", "HB cu2606 现货25/期货25", ""]


def test_the_same_note_again_writes_nothing(kingdee: Kingdee, leg: ExternalRef) -> None:
    adapter = kingdee.adapter()
    matches = [sample_match(leg, "25", "25")]
    first = adapter.push_hedges(leg, matches)
    saves = kingdee.calls()["Save"]
    assert adapter.push_hedges(leg, matches) == first
    assert kingdee.calls()["Save"] == saves


def test_a_purchase_line_takes_its_note_too(kingdee: Kingdee) -> None:
    row = kingdee.books.rows(
        'SELECT h.id AS head, l.id AS line FROM PUR_PurchaseOrder h JOIN "PUR_PurchaseOrder.FPOOrderEntry" l '
        "ON l.parent = h.id WHERE h.FDocumentStatus = 'C' LIMIT 1"
    )[0]
    leg = ExternalRef(CONNECTION, "purchase_line", f"{row['head']}/{row['line']}")
    kingdee.adapter().push_hedges(leg, [sample_match(leg, "5", "5")])
    found = kingdee.adapter().find_hedges(leg)
    assert found is not None and found.text == "HB cu2606 现货5/期货5"


def test_an_audited_order_whose_field_is_locked_is_refused_and_never_unaudited() -> None:
    with serving(hedge_note_after_audit=False) as kingdee:
        kingdee.add_sale("XSDD700001", {}, {})
        leg = kingdee.sale_ref("XSDD700001")
        before = kingdee.order("XSDD700001")
        with pytest.raises(Rejected) as raised:
            kingdee.adapter().push_hedges(leg, [sample_match(leg, "25", "25")])
        assert "F_HB_Hedge" in raised.value.vendor_text
        after = kingdee.order("XSDD700001")
        assert [dict(line) for line in after[2]] == [dict(line) for line in before[2]]
        assert dict(after[1]) == dict(before[1])
        assert not {"UnAudit", "Submit", "Audit"} & kingdee.calls().keys()


def test_an_answer_lost_after_the_write_is_unknown_and_then_nothing_is_left_to_do(
    kingdee: Kingdee, leg: ExternalRef
) -> None:
    kingdee.fault("lose_answer_after_commit=1x@Save")
    adapter = kingdee.adapter()
    matches = [sample_match(leg, "25", "25")]
    with pytest.raises(OutcomeUnknown):
        adapter.push_hedges(leg, matches)
    adapter.push_hedges(leg, matches)
    assert kingdee.calls()["Save"] == 1


def test_a_note_that_reads_back_differently_is_not_called_a_success(kingdee: Kingdee, leg: ExternalRef) -> None:
    kingdee.books._db.execute(
        'CREATE TRIGGER cut AFTER UPDATE ON "SAL_SaleOrder.FSaleOrderEntry" WHEN LENGTH(NEW.F_HB_Hedge) > 5 BEGIN '
        'UPDATE "SAL_SaleOrder.FSaleOrderEntry" SET F_HB_Hedge = SUBSTR(NEW.F_HB_Hedge, 1, 5) WHERE id = NEW.id; END'
    )
    with pytest.raises(ContractViolation):
        kingdee.adapter().push_hedges(leg, [sample_match(leg, "25", "25")])


def test_a_line_that_is_gone_or_has_no_place_for_a_note_is_refused(kingdee: Kingdee, leg: ExternalRef) -> None:
    matches = [sample_match(leg, "25", "25")]
    with pytest.raises(Rejected, match="no field"):
        kingdee.adapter(hedge_fields={}).push_hedges(leg, matches)
    with pytest.raises(Rejected, match="no field"):
        kingdee.adapter().push_hedges(ExternalRef(CONNECTION, "stock", "a|b"), matches)
    form = kingdee.books.form("SAL_SaleOrder")
    kingdee.books.delete_line(form, int(leg.key.partition("/")[2]))
    assert kingdee.adapter().find_hedges(leg) is None
    with pytest.raises(Rejected, match="does not exist"):
        kingdee.adapter().push_hedges(leg, matches)


def test_the_suite_sees_a_change_of_anything_but_the_note() -> None:
    """The comparison that the conformance suite relies on is not blind."""
    with KingdeeUnderTest() as erp:
        leg = erp.hedged_line()
        before = erp.rest_of(leg)
        erp.change_line()
        assert erp.rest_of(leg) != before


def test_a_site_without_our_fields_is_told_by_the_check() -> None:
    with serving(custom_fields=False) as kingdee:
        steps = {step.step: step for step in kingdee.adapter().check().steps}
        for name in ("fields:sale_line", "hedge note:sale_line"):
            assert not steps[name].ok
            assert "F_HB_" in str(steps[name].finding)
        assert steps["login"].ok and steps["fields:stock"].ok and steps["reference"].ok
