"""Vouchers into Kingdee: one look-up, one save, one submit for a whole batch, and every document resumed where it stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from adapters.erp.kingdee import KingdeeOptions
from adapters.erp.kingdee.write import voucher_model
from hedge_core.errors import (
    AuthFailed,
    IdempotencyConflict,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unavailable,
)
from hedge_core.model.vouchers import PostingLine, PostingReceipt, Stage, Voucher
from tests.support.kingdee import Kingdee, serving, voucher

DIMENSIONS = {"broker_account": "FDETAILID__FF100002"}


def batch(count: int) -> list[Voucher]:
    return [voucher(number, Decimal(number) + Decimal("0.01")) for number in range(1, count + 1)]


def calls_of(kingdee: Kingdee, act: Any) -> tuple[Any, Counter[str]]:
    before = Counter(kingdee.calls())
    result = act()
    return result, Counter(kingdee.calls()) - before


def bad() -> Voucher:
    sound = voucher(500)
    return replace(sound, lines=(sound.lines[0], replace(sound.lines[1], account="9999.99")))


def keys_in_books(kingdee: Kingdee) -> Counter[str]:
    rows = kingdee.books.rows('SELECT DISTINCT parent, FBUSNO FROM "GL_VOUCHER.FEntity"')
    return Counter(row["FBUSNO"] for row in rows)


# --- what is sent ---


def test_a_model_never_carries_an_internal_id_and_puts_the_key_on_every_line(kingdee: Kingdee) -> None:
    model = kingdee.adapter().voucher_body(voucher())
    assert not {"FVOUCHERID", "FID", "Id"} & model.keys()
    assert all("FEntryID" not in line for line in model["FEntity"])
    assert {line["FBUSNO"] for line in model["FEntity"]} == {voucher().key}
    assert model["FEntity"][0]["FDetailID"] == {"FDETAILID__FF100002": {"FNumber": "80010001"}}
    assert "FDetailID" not in model["FEntity"][1]
    assert (model["FYEAR"], model["FPERIOD"], model["FDate"]) == (2026, 3, "2026-03-31")


def test_a_reversal_is_mirrored_or_written_in_red_letters(kingdee: Kingdee) -> None:
    original = voucher()
    back = original.reversal("back", original.posting_date, "-")
    adapter = kingdee.adapter()
    sides = [(line["FDEBIT"], line["FCREDIT"]) for line in adapter.voucher_body(back)["FEntity"]]
    assert sides == [(line.credit, line.debit) for line in original.lines]
    red = voucher_model(back, KingdeeOptions("001", "100", dimensions=DIMENSIONS, red_letter=True))
    sides = [(line["FDEBIT"], line["FCREDIT"]) for line in red["FEntity"]]
    assert sides == [(-line.debit, -line.credit) for line in original.lines]


def test_a_line_may_carry_a_quantity_and_a_rate_type_of_its_own(kingdee: Kingdee) -> None:
    first, *others = voucher().lines
    own = replace(first, quantity=Decimal(7), unit="Pcs", rate_type="HLTX02")
    entry, other = kingdee.adapter().voucher_body(replace(voucher(), lines=(own, *others)))["FEntity"]
    assert (entry["FQty"], entry["FUnitId"], entry["FEXCHANGERATETYPE"]) == (
        7,
        {"FNumber": "Pcs"},
        {"FNumber": "HLTX02"},
    )
    assert "FQty" not in other


def test_a_cash_flow_item_goes_into_the_field_that_the_account_set_has_for_it_or_is_refused(kingdee: Kingdee) -> None:
    first, *others = voucher().lines
    cash = replace(voucher(), lines=(replace(first, cash_flow_item="CI04.01"), *others))
    entries = kingdee.adapter(cash_flow_field="F_HB_CashFlow").voucher_body(cash)["FEntity"]
    assert [entry.get("F_HB_CashFlow") for entry in entries] == [{"FNumber": "CI04.01"}, None]
    (outcome,), calls = calls_of(kingdee, lambda: kingdee.adapter().push_vouchers([cash]))
    assert isinstance(outcome, Rejected) and outcome.vendor_code == "cash flow"
    assert calls.keys() == {"ExecuteBillQuery"}


def test_the_checks_of_a_save_are_never_switched_off(kingdee: Kingdee) -> None:
    sent: list[dict[str, Any]] = []
    adapter = kingdee.adapter()
    write = adapter._client._write
    adapter._client._write = lambda operation, payload: sent.append(payload) or write(operation, payload)
    adapter.push_vouchers(batch(1))
    adapter.push_vouchers(batch(3))
    saves = [one["data"] for one in sent if "Model" in one["data"]]
    assert len(saves) == 2
    assert all(one["ValidateFlag"] == "true" and one["IsAutoSubmitAndAudit"] == "false" for one in saves)


def test_what_the_connection_cannot_express_is_refused_before_anything_is_sent(kingdee: Kingdee) -> None:
    adapter = kingdee.adapter()
    foreign = replace(voucher(1), currency="USD")
    line = voucher(2).lines[0]
    unmapped = replace(voucher(2), lines=(replace(line, dimensions=(("desk", "A"),)), voucher(2).lines[1]))
    outcomes, calls = calls_of(kingdee, lambda: adapter.push_vouchers([foreign, unmapped]))
    assert [type(one) for one in outcomes] == [Rejected, Rejected]
    assert "USD" in outcomes[0].vendor_text and "desk" in outcomes[1].vendor_text
    assert calls.keys() == {"ExecuteBillQuery"}
    with pytest.raises(Rejected):
        voucher_model(foreign, adapter._options)


# --- batches ---


def test_a_batch_is_one_look_up_one_save_and_one_submit(kingdee: Kingdee) -> None:
    outcomes, calls = calls_of(kingdee, lambda: kingdee.adapter().push_vouchers(batch(20)))
    assert [outcome.key for outcome in outcomes] == [one.key for one in batch(20)]
    assert {outcome.stage for outcome in outcomes} == {Stage.SUBMITTED}
    assert len({outcome.number for outcome in outcomes}) == 20
    assert calls == {"ExecuteBillQuery": 1, "BatchSave": 1, "Submit": 1}
    assert keys_in_books(kingdee) == dict.fromkeys((one.key for one in batch(20)), 1)


def test_a_batch_larger_than_the_card_allows_is_cut_up(kingdee: Kingdee) -> None:
    outcomes, calls = calls_of(kingdee, lambda: kingdee.adapter().push_vouchers(batch(120)))
    assert len(outcomes) == 120
    assert calls["BatchSave"] == calls["Submit"] == 3
    assert len(keys_in_books(kingdee)) == 120


def test_a_refused_document_stands_alone_with_its_own_words(kingdee: Kingdee) -> None:
    closed = voucher(7, day=date(2026, 1, 30))
    kingdee.books.run("UPDATE periods SET is_open = 0 WHERE year = 2026 AND period = 1")
    given = [*batch(3), bad(), voucher(6), closed]
    outcomes, calls = calls_of(kingdee, lambda: kingdee.adapter().push_vouchers(given))
    assert [type(one) for one in outcomes] == [*[PostingReceipt] * 3, Rejected, PostingReceipt, Rejected]
    assert "9999.99" in outcomes[3].vendor_text and "结账" not in outcomes[3].vendor_text
    assert outcomes[5].vendor_text == "FDate: 会计期间2026-01已结账"
    assert calls["BatchSave"] == 1


def test_a_batch_refused_as_a_whole_is_split_to_find_the_culprit(kingdee: Kingdee) -> None:
    kingdee.fault("waf=1x@BatchSave")
    outcomes, calls = calls_of(kingdee, lambda: kingdee.adapter().push_vouchers([*batch(3), bad()]))
    assert [type(one) for one in outcomes] == [*[PostingReceipt] * 3, Rejected]
    assert (calls["BatchSave"], calls["Save"], calls["Submit"]) == (1, 4, 1)


def test_a_batch_whose_answer_is_lost_is_unknown_for_all_and_found_for_all(kingdee: Kingdee) -> None:
    kingdee.fault("lose_answer_after_commit=1x@BatchSave")
    adapter = kingdee.adapter()
    assert {type(one) for one in adapter.push_vouchers(batch(5))} == {OutcomeUnknown}
    again, calls = calls_of(kingdee, lambda: adapter.push_vouchers(batch(5)))
    assert all(one.found_by_lookup and one.stage is Stage.SUBMITTED for one in again)
    assert "Save" not in calls and "BatchSave" not in calls
    assert keys_in_books(kingdee) == dict.fromkeys((one.key for one in batch(5)), 1)


@pytest.mark.parametrize(
    ("fault", "expected"),
    [("too_frequent", RateLimited), ("session_lost_object", OutcomeUnknown), ("error_500_before", OutcomeUnknown)],
)
def test_after_a_failure_that_concerns_everybody_nobody_is_asked_again(
    kingdee: Kingdee, fault: str, expected: type
) -> None:
    kingdee.fault(f"{fault}=100x@BatchSave")
    outcomes, calls = calls_of(kingdee, lambda: kingdee.adapter().push_vouchers(batch(120)))
    assert len(outcomes) == 120
    assert {type(one) for one in outcomes[:50]} == {expected}
    assert {type(one) for one in outcomes[50:]} == {RateLimited if expected is RateLimited else Unavailable}
    assert calls["BatchSave"] == 1
    assert len({id(one) for one in outcomes}) == 120


def test_a_voucher_twice_in_one_batch_is_a_mistake_of_the_caller(kingdee: Kingdee) -> None:
    with pytest.raises(ValueError, match="once"):
        kingdee.adapter().push_vouchers([voucher(1), voucher(1)])
    assert kingdee.vouchers() == []


# --- steps ---


def test_a_submit_that_is_refused_keeps_the_number_and_is_resumed_without_saving_again(kingdee: Kingdee) -> None:
    kingdee.fault("waf=100x@Submit")
    adapter = kingdee.adapter()
    first, second = adapter.push_vouchers(batch(2))
    assert isinstance(first, Rejected) and isinstance(second, Rejected)
    assert isinstance(first.reached, PostingReceipt) and isinstance(second.reached, PostingReceipt)
    assert (first.reached.stage, first.reached.number) == (Stage.SAVED, "记-0001")
    assert second.reached.number == "记-0002"
    kingdee.site.site.faults.clear()
    again, calls = calls_of(kingdee, lambda: adapter.push_vouchers(batch(2)))
    assert [one.number for one in again] == ["记-0001", "记-0002"]
    assert calls == {"ExecuteBillQuery": 2, "Submit": 1}


@pytest.mark.parametrize("fault", ["lose_answer_after_commit", "error_500_after_commit", "session_lost_after_commit"])
def test_a_submit_whose_answer_is_lost_is_unknown_with_its_number_and_then_found_submitted(
    kingdee: Kingdee, fault: str
) -> None:
    kingdee.fault(f"{fault}=1x@Submit")
    adapter = kingdee.adapter()
    (outcome,) = adapter.push_vouchers([voucher()])
    assert isinstance(outcome, OutcomeUnknown)
    assert isinstance(outcome.reached, PostingReceipt) and outcome.reached.number == "记-0001"
    (again,), calls = calls_of(kingdee, lambda: adapter.push_vouchers([voucher()]))
    assert (again.stage, again.number, again.found_by_lookup) == (Stage.SUBMITTED, "记-0001", True)
    assert calls.keys() == {"ExecuteBillQuery"}


def test_a_document_that_a_person_sent_back_is_submitted_again(kingdee: Kingdee) -> None:
    adapter = kingdee.adapter()
    adapter.push_vouchers([voucher()])
    kingdee.books.run("UPDATE GL_VOUCHER SET FDocumentStatus = 'D'")
    (again,) = adapter.push_vouchers([voucher()])
    assert again.stage is Stage.SUBMITTED
    assert [one.stage for one in kingdee.vouchers()] == [Stage.SUBMITTED]


def test_auditing_is_done_where_the_connection_asks_for_it_and_never_undone(kingdee: Kingdee) -> None:
    (audited,) = kingdee.adapter(target_stage="audited").push_vouchers([voucher()])
    assert audited.stage is Stage.AUDITED
    (later,), calls = calls_of(kingdee, lambda: kingdee.adapter().push_vouchers([voucher()]))
    assert later.stage is Stage.AUDITED
    assert calls.keys() == {"ExecuteBillQuery"}


def test_a_user_who_may_not_save_is_told_so_in_the_vendors_words(kingdee: Kingdee) -> None:
    reader = kingdee.adapter(user=kingdee.site.credentials.read_only_user)
    (outcome,) = reader.push_vouchers([voucher()])
    assert isinstance(outcome, Rejected)
    assert "权限" in outcome.vendor_text


def test_a_login_that_is_refused_is_asked_once_for_a_whole_batch(kingdee: Kingdee) -> None:
    adapter = kingdee.adapter(secret="f" * 32)
    with pytest.raises(AuthFailed):
        adapter.push_vouchers(batch(30))
    assert kingdee.calls() == {"ExecuteBillQuery": 2}


# --- what is there already ---


def _other_date(one: Voucher) -> Voucher:
    return replace(one, posting_date=date(2026, 3, 30))


def _other_account(one: Voucher) -> Voucher:
    return replace(one, lines=(one.lines[0], replace(one.lines[1], account="6102")))


def _one_more_line(one: Voucher) -> Voucher:
    extra = (
        PostingLine("a", "6603", Decimal(5), Decimal(0), "x"),
        PostingLine("b", "6101", Decimal(0), Decimal(5), "x"),
    )
    return replace(one, lines=(*one.lines, *extra))


def _split_line(one: Voucher) -> Voucher:
    half = replace(one.lines[1], credit=Decimal(1))
    return replace(one, lines=(one.lines[0], half, replace(one.lines[1], credit=one.lines[1].credit - 1)))


@pytest.mark.parametrize("change", [_other_date, _other_account, _one_more_line, _split_line])
def test_the_same_key_with_other_content_is_a_conflict_and_changes_nothing(kingdee: Kingdee, change: Any) -> None:
    adapter = kingdee.adapter()
    adapter.push_vouchers([voucher()])
    before = kingdee.vouchers()
    (outcome,), calls = calls_of(kingdee, lambda: adapter.push_vouchers([change(voucher())]))
    assert isinstance(outcome, IdempotencyConflict)
    assert calls.keys() == {"ExecuteBillQuery"}
    assert kingdee.vouchers() == before


def test_two_documents_under_one_key_are_a_conflict_for_every_question(kingdee: Kingdee) -> None:
    adapter = kingdee.adapter()
    adapter.push_vouchers(batch(2))
    first, second = (one.key for one in batch(2))
    kingdee.books.run('UPDATE "GL_VOUCHER.FEntity" SET FBUSNO = ? WHERE FBUSNO = ?', (first, second))
    (outcome,) = adapter.push_vouchers([voucher(1, Decimal("1.01"))])
    assert isinstance(outcome, IdempotencyConflict)
    with pytest.raises(IdempotencyConflict):
        adapter.find_voucher(first)
    assert [len(found) for found in adapter.find_vouchers([first]).values()] == [2]


def test_many_keys_are_looked_up_over_many_short_pages() -> None:
    with serving(max_limit=7) as kingdee:
        adapter = kingdee.adapter()
        adapter.push_vouchers(batch(45))
        found = adapter.find_vouchers([one.key for one in batch(60)])
        assert found.keys() == {one.key for one in batch(45)}
        assert all(receipt.total == one.total for one in batch(45) for receipt in found[one.key])
        assert all(isinstance(one, PostingReceipt) for one in adapter.push_vouchers(batch(45)))
        assert len(kingdee.vouchers()) == 45
