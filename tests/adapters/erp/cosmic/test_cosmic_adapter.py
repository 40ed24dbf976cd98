"""The Cosmic adapter against its stand-in, beyond the conformance suite: exact bodies, spent keys, guards, the check."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.erp.cosmic import CosmicOptions
from adapters.erp.cosmic.vendor import NAMES
from hedge_core.errors import (
    AuthFailed,
    ContractViolation,
    IdempotencyConflict,
    OutcomeUnknown,
    RateLimited,
    Rejected,
    Unavailable,
)
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import Mapped
from hedge_core.model.vouchers import PostingLine, PostingReceipt, Stage, Voucher
from messages import say
from sandbox.company.erp import CUSTOMERS, LEDGER_ACCOUNTS, SUPPLIERS, company
from sandbox.cosmic.demo import FIRST_ID
from sandbox.cosmic.server import Behaviour
from tests.support.cosmic import Cosmic, serving, voucher


def push_one(site: Cosmic, number: int = 1) -> object:
    return site.adapter().push_vouchers([voucher(number)])[0]


def calls(site: Cosmic, name: str) -> int:
    return site.site.site.log.calls[name]


# --- reading ---


def test_every_line_of_the_company_arrives_whatever_the_size_of_a_page() -> None:
    with serving() as site:
        whole = {item.ref for item in site.adapter().pull_contracts(None)}
        assert len(whole) == company().lines
        assert {item.ref for item in site.adapter(page_rows=7).pull_contracts(None)} == whole


def test_a_page_that_the_site_cuts_without_a_word_loses_nothing() -> None:
    with serving(behaviour=Behaviour(most_rows=25, counts=False)) as site:
        assert len({item.ref for item in site.adapter(page_rows=200).pull_contracts(None)}) == company().lines


def test_a_day_with_more_orders_than_a_page_is_read_whole() -> None:
    with serving() as site:
        for number in range(9):
            site.add_sale({}, FIRST_ID + 800_000_000 + number * 1000, date(2026, 3, 20))
        keys = {item.ref.key for item in site.adapter(page_rows=4).pull_contracts(None)}
        assert len([key for key in keys if int(key.partition("/")[0]) >= FIRST_ID + 800_000_000]) == 9


def test_a_list_that_ignores_the_dates_stops_the_pull_instead_of_being_believed() -> None:
    with serving() as site, pytest.raises(ContractViolation, match="ignores the dates"):
        list(site.adapter(filter_in="text", history_from="2026-03-01").pull_contracts(None))


def test_orders_without_the_configured_keys_stop_the_pull_with_a_sentence() -> None:
    with serving() as site, pytest.raises(ContractViolation, match="names"):
        list(site.adapter(names={"sale.line": "nothing"}).pull_contracts(None))


def test_an_incremental_pull_asks_for_changes_only() -> None:
    with serving() as site:
        items = list(site.adapter().pull_contracts(None))
        before = calls(site, "SaleOrders")
        news = list(site.adapter().pull_contracts(items[-1].cursor))
        assert len(news) < len(items) / 4
        assert calls(site, "SaleOrders") - before <= 2


def test_returned_goods_are_read_beside_delivered_ones() -> None:
    with serving() as site:
        lines = [item.outcome.item for item in site.adapter().pull_contracts(None) if isinstance(item.outcome, Mapped)]
        wanted = [line.returned for order in company().orders for line in order.lines if line.returned]
        assert len([line for line in lines if line.returned]) == len(wanted)


def test_stock_of_others_is_marked_and_rows_that_the_key_cannot_tell_apart_stop_the_pull() -> None:
    with serving() as site:
        lots = [item.outcome.item for item in site.adapter().pull_inventory(None)]  # type: ignore[union-attr]
        assert len(lots) == len(company().stock)
        assert len([lot for lot in lots if not lot.ours]) == 5
        with pytest.raises(ContractViolation, match="stock_key"):
            list(site.adapter(stock_key=["warehouse_number", "material_number"]).pull_inventory(None))


@pytest.mark.parametrize("counts", [True, False])
def test_masters_are_read_whole_in_pages_with_and_without_counts(counts: bool) -> None:
    with serving(behaviour=Behaviour(counts=counts)) as site:
        adapter = site.adapter(page_rows=6)
        partners = [item.outcome.item for item in adapter.pull_masters(MasterKind.PARTNER, None)]
        assert {(one.code, dict(one.attributes)["role"]) for one in partners} == {
            *((code, "customer") for code, _ in CUSTOMERS),
            *((code, "supplier") for code, _ in SUPPLIERS),
        }
        accounts = [item.outcome.item for item in adapter.pull_masters(MasterKind.ACCOUNT, None)]
        assert {one.code: one.active for one in accounts} == {one.number: not one.forbidden for one in LEDGER_ACCOUNTS}


# --- vouchers ---


def test_a_refusal_that_speaks_of_a_time_out_is_unknown_and_then_found_and_submitted() -> None:
    with serving() as site:
        site.fault("timeout_after_commit=1x")
        assert isinstance(push_one(site), OutcomeUnknown)
        found = site.adapter().find_voucher(voucher().key)
        assert found is not None and (found.total, found.stage) == (voucher().total, Stage.SAVED)
        finished = push_one(site)
        assert isinstance(finished, PostingReceipt) and finished.stage is Stage.SUBMITTED
        assert calls(site, "SaveVoucher") == 1 and len(site.vouchers(voucher().key)) == 1


def test_a_refused_submit_keeps_the_number_and_is_taken_up_there() -> None:
    with serving() as site:
        site.fault("error_500_before=1x@SubmitVoucher")
        outcome = push_one(site)
        assert isinstance(outcome, OutcomeUnknown)
        assert isinstance(outcome.reached, PostingReceipt) and outcome.reached.number == "JZ-00001"
        assert isinstance(push_one(site), PostingReceipt)
        assert (calls(site, "SaveVoucher"), calls(site, "SubmitVoucher")) == (1, 2)


def test_a_voucher_is_audited_where_the_connection_says_so_and_each_step_has_its_own_key() -> None:
    with serving() as site:
        (receipt,) = site.adapter(target_stage="audited").push_vouchers([voucher()])
        assert isinstance(receipt, PostingReceipt) and receipt.stage is Stage.AUDITED
        key = voucher().key
        assert list(site.site.site.log.keys) == [key, f"{key}-submit", f"{key}-audit"]


def test_a_voucher_in_another_book_of_the_organisation_is_not_ours() -> None:
    with serving() as site:
        push_one(site)
        assert site.adapter(account_book="BOOK02").find_voucher(voucher().key) is None


def test_too_many_calls_told_inside_a_200_stop_the_batch() -> None:
    with serving() as site:
        site.fault("busy=1x@writes")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [RateLimited, RateLimited]
        assert calls(site, "SaveVoucher") == 1


def test_after_a_lost_answer_the_rest_of_the_batch_is_not_tried() -> None:
    with serving() as site:
        site.fault("lose_answer_after_commit=1x")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [OutcomeUnknown, Unavailable]
        assert site.vouchers(voucher(2).key) == []


def test_a_voucher_twice_in_a_batch_is_a_callers_mistake() -> None:
    with serving() as site, pytest.raises(ValueError, match="once"):
        site.adapter().push_vouchers([voucher(1), voucher(1)])


@pytest.mark.parametrize(
    ("change", "stage"),
    [("status = 'A'", Stage.SAVED), ("status = 'C'", Stage.AUDITED), ("status = 'C', posted = 1", Stage.POSTED)],
)
def test_what_people_did_in_the_ledger_is_the_stage_that_is_found(change: str, stage: Stage) -> None:
    with serving() as site:
        push_one(site)
        site.books.run(f"UPDATE vouchers SET {change}")
        found = site.adapter().find_voucher(voucher().key)
        assert found is not None and found.stage is stage


def test_a_void_voucher_counts_as_none_and_its_key_as_spent() -> None:
    with serving() as site:
        push_one(site)
        site.books.run("UPDATE vouchers SET void = 1")
        assert site.adapter().find_voucher(voucher().key) is None
        assert site.adapter().find_vouchers([voucher().key]) == {}
        assert isinstance(push_one(site), IdempotencyConflict)


def test_two_documents_under_one_reference_are_a_conflict() -> None:
    with serving() as site:
        push_one(site)
        push_one(site, 2)
        site.books.run("UPDATE voucher_lines SET reference = ?", (voucher(1).key,))
        with pytest.raises(IdempotencyConflict):
            site.adapter().find_voucher(voucher(1).key)


def test_a_voucher_is_found_by_its_key_alone_within_the_months_looked_back() -> None:
    with serving() as site:
        old = voucher(1, Decimal("10.00"), date(2026, 1, 30))
        site.adapter().push_vouchers([old])
        assert site.adapter(lookup_months=3).find_voucher(old.key) is not None
        assert site.adapter(lookup_months=2).find_voucher(old.key) is None
        (again,) = site.adapter(lookup_months=2).push_vouchers([old])
        assert isinstance(again, PostingReceipt) and again.found_by_lookup


def test_a_list_that_shows_no_references_does_not_prove_that_a_voucher_is_missing() -> None:
    with serving() as site:
        push_one(site)
        with pytest.raises(ContractViolation, match=r"found\.reference"):
            site.adapter(names={"found.reference": "elsewhere"}).find_voucher(voucher().key)


def test_the_body_has_original_and_local_amounts_our_reference_and_no_id() -> None:
    with serving() as site:
        lines = (replace(voucher().lines[0], cash_flow_item="1111"), voucher().lines[1])
        head = site.adapter().voucher_body(replace(voucher(), lines=lines))
        first, second = head["entries"]
        assert (head["book_number"], head["bookeddate"], head["vouchertype_number"]) == ("BOOK01", "2026-03-31", "JZ")
        assert "id" not in head and "id" not in first
        assert first["debitori"] == first["debitlocal"] == Decimal("70619.47") == second["creditori"]
        assert first["assgrp"] == {"hb_broker": "80010001"} and first["maincfitem_number"] == "1111"
        assert {line["businessnum"] for line in head["entries"]} == {voucher().key}


def test_what_the_configuration_has_no_code_for_is_refused_before_anything_is_sent() -> None:
    with serving() as site:
        dollars = replace(voucher(1), currency="USD")
        outcomes = [
            site.adapter().push_vouchers([dollars])[0],
            site.adapter(dimensions={}).push_vouchers([voucher(2)])[0],
        ]
        assert all(isinstance(one, Rejected) for one in outcomes)
        assert calls(site, "SaveVoucher") == 0


def test_a_user_without_the_right_to_write_is_rejected_in_the_vendors_words() -> None:
    with serving() as site:
        who = site.site.credentials
        (outcome,) = site.adapter(user=who.reader).push_vouchers([voucher()])
        assert isinstance(outcome, Rejected) and "没有该操作的权限" in outcome.vendor_text


def test_an_amount_with_a_third_decimal_is_refused_over_there_and_not_rounded_here() -> None:
    with serving() as site:
        tiny = Decimal("0.125")
        lines = (
            PostingLine("futures", "3101", tiny, Decimal(0), "x"),
            PostingLine("result", "6101", Decimal(0), tiny, "x"),
        )
        (outcome,) = site.adapter().push_vouchers([replace(voucher(), lines=lines)])
        assert isinstance(outcome, Rejected) and "超过币别精度" in outcome.vendor_text


# --- the check, and options ---


def test_the_check_names_what_is_absent_and_what_is_there_instead() -> None:
    with serving() as site:
        assert site.adapter().check().ok
        push_one(site)
        assert site.adapter().check().ok
        wrong = site.adapter(names={"found.account": "subject_number"}).check()
        (failed,) = [step for step in wrong.steps if not step.ok]
        assert failed.step == "reference"
        for language in ("en", "zh"):
            assert "found.account=subject_number" in say(failed.finding, language)
            assert "account_number" in say(failed.finding, language)


def test_the_check_finds_the_header_that_carries_the_token() -> None:
    with serving(token_header="access_token") as site:
        health = site.adapter(token_header="accesstoken").check()
        (failed,) = [step for step in health.steps if not step.ok]
        assert failed.step == "token_header" and "access_token" in say(failed.finding, "en")
        lost = site.adapter(token_header="accesstoken").pull_contracts(None)
        with pytest.raises(AuthFailed):
            list(lost)


def test_few_tokens_are_asked_for_and_too_many_are_told_as_such() -> None:
    with serving(tokens_per_minute=1) as site:
        adapter = site.adapter()
        assert adapter.check().ok
        list(adapter.pull_contracts(None))
        assert calls(site, "Token") == 1
        with pytest.raises(RateLimited):
            list(site.adapter().pull_contracts(None))


def test_a_batch_that_is_stopped_leaves_every_document_its_own_receipt() -> None:
    with serving() as site:
        batch: list[Voucher] = [voucher(1), voucher(2), voucher(3)]
        site.adapter(target_stage="saved").push_vouchers(batch[:2])
        site.fault("busy=1x@SubmitVoucher")
        outcomes = site.adapter().push_vouchers(batch)
        assert [type(one) for one in outcomes] == [RateLimited] * 3
        reached = [one.reached for one in outcomes]  # type: ignore[union-attr]
        assert [one.key if isinstance(one, PostingReceipt) else None for one in reached] == [
            batch[0].key,
            batch[1].key,
            None,
        ]


def test_options_say_what_cannot_be() -> None:
    for wrong in (
        {"page_rows": 0},
        {"page_rows": 1001},
        {"filter_in": "header"},
        {"target_stage": Stage.POSTED},
        {"lookup_months": 0},
        {"names": {"sale.unheard": "x"}},
        {"paths": {"elsewhere": "x"}},
        {"history_from": "yesterday"},
    ):
        with pytest.raises(ValueError, match=r"must|does not know|Invalid"):
            CosmicOptions("00", "B", "JZ", **wrong)
    assert CosmicOptions("00", "B", "JZ", names={"sale.id": "pk"}).name("sale.id") == "pk"
    assert set(NAMES) == {word for word in NAMES if "." in word}
