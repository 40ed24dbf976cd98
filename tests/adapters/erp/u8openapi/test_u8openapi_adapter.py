"""The U8+ adapter against its stand-in, beyond the conformance suite: exact bodies, read-backs, spent keys, guards, the check."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from adapters.erp.u8openapi import U8Options
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
from hedge_core.model.vouchers import PostingReceipt, Stage
from sandbox.u8openapi.server import Behaviour
from tests.support.u8openapi import U8, serving, voucher


def push_one(site: U8, number: int = 1, **options: object) -> object:
    return site.adapter(**options).push_vouchers([voucher(number)])[0]


def test_a_zero_without_a_voucher_in_the_ledger_is_unknown_and_not_success() -> None:
    with serving() as site:
        site.fault("not_taken=1x")
        assert isinstance(push_one(site), OutcomeUnknown)
        assert site.vouchers(voucher().key) == []
        assert isinstance(push_one(site), PostingReceipt)


def test_an_answer_that_only_queues_is_success_once_the_ledger_shows_it() -> None:
    with serving(behaviour=Behaviour(asynchronous=True)) as site:
        receipt = push_one(site)
        assert isinstance(receipt, PostingReceipt) and receipt.number == "1"


def test_a_refusal_that_says_nothing_is_unknown_and_then_found() -> None:
    with serving() as site:
        site.fault("unsure_after_commit=1x")
        assert isinstance(push_one(site), OutcomeUnknown)
        found = site.adapter().find_voucher(voucher().key)
        assert found is not None and found.total == voucher().total
        assert len(site.vouchers(voucher().key)) == 1


def test_a_quota_inside_a_200_is_rate_limited_and_the_rest_of_the_batch_is_not_tried() -> None:
    with serving() as site:
        site.fault("busy=1x@writes")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [RateLimited, RateLimited]
        assert site.site.site.log.calls["AddVoucher"] == 1


def test_after_a_lost_answer_the_rest_of_the_batch_is_not_tried() -> None:
    with serving() as site:
        site.fault("lose_answer_after_commit=1x")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [OutcomeUnknown, Unavailable]
        assert site.vouchers(voucher(2).key) == []


def test_a_voucher_twice_in_a_batch_is_a_callers_mistake() -> None:
    with serving() as site, pytest.raises(ValueError, match="once"):
        site.adapter().push_vouchers([voucher(1), voucher(1)])


def test_a_voucher_saved_by_one_road_is_not_sent_again_by_the_other() -> None:
    with serving() as site:
        first = push_one(site, voucher_road="openapi")
        second = push_one(site, voucher_road="eai")
        assert isinstance(first, PostingReceipt) and isinstance(second, PostingReceipt)
        assert second.number == first.number
        assert site.books.one("SELECT COUNT(*) FROM vouchers") == 1


@pytest.mark.parametrize("encoding", ["UTF-8", "GB2312", "GB18030"])
def test_words_reach_the_ledger_unchanged_whatever_encoding_eai_speaks(encoding: str) -> None:
    with serving() as site:
        told = replace(voucher(), lines=tuple(replace(one, summary='盯市 & <平仓> "盈亏"') for one in voucher().lines))
        (receipt,) = site.adapter(voucher_road="eai", eai_encoding=encoding).push_vouchers([told])
        assert isinstance(receipt, PostingReceipt)
        assert {row["digest"] for row in site.books.rows("SELECT digest FROM voucher_lines")} == {
            '盯市 & <平仓> "盈亏"'
        }


def test_a_cash_flow_item_goes_by_the_relay_and_is_refused_for_eai() -> None:
    with serving() as site:
        cash = replace(voucher(), lines=(replace(voucher().lines[0], cash_flow_item="0101"), voucher().lines[1]))
        body = site.adapter().voucher_body(cash)["voucher"]
        assert body["debit"]["entry"][0]["cash_flow"] == [{"cash_item": "0101", "natural_debit_currency": "70619.47"}]
        (refused,) = site.adapter(voucher_road="eai").push_vouchers([cash])
        assert isinstance(refused, Rejected) and refused.vendor_code == "cash_flow"
        assert site.site.site.log.calls["Eai"] == 0


@pytest.mark.parametrize(
    ("change", "stage"), [("checked = 'a'", Stage.AUDITED), ("checked = 'a', posted = 'b'", Stage.POSTED)]
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


def test_a_list_that_ignores_the_reference_is_noticed_before_anything_found_is_believed() -> None:
    with serving(behaviour=Behaviour(ignore_reference_filter=True)) as site:
        outcome = push_one(site, 1)  # saved; the read-back shows it for our reference and for any other
        assert isinstance(outcome, OutcomeUnknown)
        with pytest.raises(ContractViolation, match="reference_parameter"):
            site.adapter().find_voucher(voucher(2).key)
        assert isinstance(push_one(site, 2), ContractViolation)
        assert site.books.one("SELECT COUNT(*) FROM vouchers") == 1
        assert [step.step for step in site.adapter().check().steps if not step.ok] == ["reference"]


def test_the_body_has_text_only_and_names_the_making_system_that_a_reference_needs() -> None:
    with serving() as site:
        body = site.adapter().voucher_body(voucher())["voucher"]
        assert (body["voucher_making_system"], body["reserve2"]) == ("CDM", voucher().key)
        assert (body["fiscal_year"], body["accounting_period"], body["date"]) == ("2026", "3", "2026-03-31")
        (debit,) = body["debit"]["entry"]
        (credit,) = body["credit"]["entry"]
        assert debit["natural_debit_currency"] == credit["natural_credit_currency"] == "70619.47"
        assert debit["auxiliary"] == {"item_id": "80010001", "item_class": "98"}
        assert "primary_debit_amount" not in debit
        richer = site.adapter(primary_amounts=True).voucher_body(voucher())["voucher"]
        assert richer["debit"]["entry"][0]["primary_debit_amount"] == "70619.47"


def test_a_currency_or_dimension_without_a_name_is_refused_before_anything_is_sent() -> None:
    with serving() as site:
        dollars = replace(voucher(1), currency="USD")
        outcomes = [
            site.adapter().push_vouchers([dollars])[0],
            site.adapter(dimensions={}).push_vouchers([voucher(2)])[0],
        ]
        assert all(isinstance(one, Rejected) for one in outcomes)
        assert site.site.site.log.calls["AddVoucher"] == 0


def test_an_application_without_the_right_to_write_is_rejected() -> None:
    with serving() as site:
        who = site.site.credentials
        (outcome,) = site.adapter(key=who.reader_key, secret=who.reader_secret).push_vouchers([voucher()])
        assert isinstance(outcome, Rejected)


def test_another_application_with_a_wrong_caller_is_a_matter_of_login() -> None:
    with serving() as site, pytest.raises(AuthFailed):
        list(site.adapter(from_account="nobody").pull_contracts(None))


def test_pages_of_any_size_give_the_same_lines() -> None:
    with serving() as site:
        by_default = [item.ref for item in site.adapter().pull_contracts(None)]
        assert [item.ref for item in site.adapter(page_rows=3).pull_contracts(None)] == by_default


def test_a_list_that_changes_between_two_pages_is_read_again() -> None:
    with serving() as site:
        adapter = site.adapter(page_rows=10)
        client = adapter._client
        asked = client.page

        def meddling(resource: str, given: dict[str, str], index: int, rows: int) -> object:
            page = asked(resource, given, index, rows)
            if (
                resource == "saleorderlist"
                and index == 1
                and not site.books.one("SELECT 1 FROM orders WHERE code = 'XSDD777777'")
            ):
                site.add_sale({})
            return page

        client.page = meddling
        refs = [item.ref for item in adapter.pull_contracts(None)]
        assert len(refs) == len(set(refs))
        assert any(ref.key.startswith("XSDD777777/") for ref in refs)


def test_a_pull_that_was_cut_behind_the_last_document_begins_anew() -> None:
    with serving() as site:
        items = list(site.adapter().pull_contracts(None))
        last_sale = [one for one in items if one.ref.kind == "sale_line"][-1]
        site.books.run("DELETE FROM orders WHERE kind = 'purchaseorder'")
        again = list(site.adapter().pull_contracts(last_sale.cursor))
        assert {one.ref for one in again} == {one.ref for one in items if one.ref.kind == "sale_line"}


def test_conditions_bound_the_list_they_are_given_for() -> None:
    with serving() as site:
        everything = [
            item.outcome.item for item in site.adapter().pull_contracts(None) if isinstance(item.outcome, Mapped)
        ]
        since = {"sale_line": {"date_begin": "2026-03-01"}}
        bounded = site.adapter(conditions=since).pull_contracts(None)
        found = [item.outcome.item for item in bounded if isinstance(item.outcome, Mapped)]
        expected = [
            one for one in everything if one.side == "purchase" or one.contract_date.isoformat() >= "2026-03-01"
        ]
        assert found == expected and len(found) < len(everything)


def test_lines_that_the_line_number_cannot_tell_apart_stop_the_pull() -> None:
    with serving() as site, pytest.raises(ContractViolation, match="line_fields"):
        list(site.adapter(line_fields={"sale_line": "unitname"}).pull_contracts(None))


def test_stock_rows_that_the_key_cannot_tell_apart_stop_the_pull() -> None:
    with serving() as site:
        assert all(isinstance(item.outcome, Mapped) for item in site.adapter().pull_inventory(None))
        with pytest.raises(ContractViolation, match="stock_key"):
            list(site.adapter(stock_key=["whcode", "invcode"]).pull_inventory(None))


def test_customers_and_suppliers_are_partners_and_items_are_materials() -> None:
    with serving() as site:
        adapter = site.adapter()
        partners = [item.outcome.item for item in adapter.pull_masters(MasterKind.PARTNER, None)]
        assert {dict(one.attributes)["role"] for one in partners} == {"customer", "supplier"}
        assert all(one.active for one in partners)
        materials = [item.outcome.item for item in adapter.pull_masters(MasterKind.MATERIAL, None)]
        assert "1.01.CU01" in {one.code for one in materials}
        accounts = {
            item.outcome.item.code: item.outcome.item for item in adapter.pull_masters(MasterKind.ACCOUNT, None)
        }
        assert dict(accounts["1002"].attributes)["direction"] == "debit"
        none = site.adapter(accounts_resource="")
        assert list(none.pull_masters(MasterKind.ACCOUNT, None)) == []


def test_deliveries_and_returns_arrive_as_two_quantities() -> None:
    with serving() as site:
        ref = site.add_sale({"fhquantity": "10.5", "retquantity": "0.5"})
        (line,) = [item.outcome.item for item in site.adapter().pull_contracts(None) if item.ref == ref]
        assert (line.delivered, line.returned) == (Decimal("10.5"), Decimal("0.5"))


def test_the_check_finds_wrong_names_of_fields() -> None:
    with serving() as site:
        assert site.adapter().check().ok
        push_one(site)
        assert site.adapter().check().ok
        wrong = site.adapter(voucher_fields={"debit": "nothing"}).check()
        assert [step.step for step in wrong.steps if not step.ok] == ["reference"]


def test_options_say_what_cannot_be() -> None:
    for wrong in (
        {"page_rows": 0},
        {"voucher_road": "post"},
        {"voucher_fields": {"x": "y"}},
        {"line_fields": {"x": "y"}},
        {"conditions": {"x": {}}},
    ):
        with pytest.raises(ValueError, match=r"must|does not know"):
            U8Options("记", "demo", **wrong)  # type: ignore[arg-type]
