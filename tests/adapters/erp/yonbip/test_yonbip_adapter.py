"""The YonBIP adapter against its stand-in, beyond the conformance suite: exact bodies, spent keys, quotas, guards, the check."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.erp.yonbip import YonBipOptions
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
from sandbox.company.erp import CUSTOMERS, EXTRA_MATERIAL, LEDGER_ACCOUNTS, MATERIALS, SUPPLIERS, company
from tests.support.yonbip import YonBip, serving, voucher


def push_one(site: YonBip, number: int = 1) -> object:
    return site.adapter().push_vouchers([voucher(number)])[0]


def test_a_gateway_timeout_after_the_commit_is_unknown_and_then_found() -> None:
    with serving() as site:
        site.fault("gateway_timeout=1x")
        assert isinstance(push_one(site), OutcomeUnknown)
        found = site.adapter().find_voucher(voucher().key)
        assert found is not None and found.total == voucher().total
        assert isinstance(push_one(site), PostingReceipt)
        assert len(site.vouchers(voucher().key)) == 1


def test_a_logic_exception_after_a_write_is_unknown_because_it_says_nothing() -> None:
    with serving() as site:
        site.fault("logic_exception=1x@writes")
        assert isinstance(push_one(site), OutcomeUnknown)
        assert site.adapter().find_voucher(voucher().key) is None


def test_a_quota_inside_a_200_is_rate_limited_and_the_rest_of_the_batch_is_not_tried() -> None:
    with serving() as site:
        site.fault("quota=1x@writes")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [RateLimited, RateLimited]
        assert site.site.site.log.calls["AddVoucher"] == 1


def test_after_a_lost_answer_the_rest_of_the_batch_is_not_tried() -> None:
    with serving() as site:
        site.fault("lose_answer_after_commit=1x")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [OutcomeUnknown, Unavailable]
        assert site.vouchers(voucher(2).key) == []


def test_a_batch_is_looked_up_in_one_call() -> None:
    with serving() as site:
        site.adapter().push_vouchers([voucher(number) for number in range(5)])
        assert site.site.site.log.calls["QueryVouchers"] == 1


def test_a_voucher_twice_in_a_batch_is_a_callers_mistake() -> None:
    with serving() as site, pytest.raises(ValueError, match="once"):
        site.adapter().push_vouchers([voucher(1), voucher(1)])


@pytest.mark.parametrize(("status", "stage"), [("03", Stage.AUDITED), ("04", Stage.POSTED)])
def test_what_people_did_in_the_ledger_is_the_stage_that_is_found(status: str, stage: Stage) -> None:
    with serving() as site:
        push_one(site)
        site.books.run("UPDATE vouchers SET status = ?", (status,))
        found = site.adapter().find_voucher(voucher().key)
        assert found is not None and found.stage is stage


def test_a_void_voucher_counts_as_none_and_its_key_as_spent() -> None:
    with serving() as site:
        push_one(site)
        site.books.run("UPDATE vouchers SET status = '05'")
        assert site.adapter().find_voucher(voucher().key) is None
        assert site.adapter().find_vouchers([voucher().key]) == {}
        assert isinstance(push_one(site), IdempotencyConflict)


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
        blind = site.adapter(voucher_fields={"reference": "header.elsewhere"})
        with pytest.raises(ContractViolation, match="voucher_fields"):
            blind.find_voucher(voucher().key)


def test_the_body_has_original_and_local_amounts_and_the_vendors_spelling() -> None:
    with serving() as site:
        body = site.adapter().voucher_body(voucher())
        first, second = body["bodies"]
        assert (body["businessId"], body["period"], body["makeTime"]) == (voucher().key, "2026-03", "2026-03-31")
        assert first["debitOriginal"] == first["debitOrg"] == Decimal("70619.47")
        assert first["clientAuxiliaryList"] == [{"filedCode": "HB01", "valueCode": "80010001"}]
        assert "creditOrg" not in first and "debitOrg" not in second


def test_a_currency_or_dimension_without_a_code_is_refused_before_anything_is_sent() -> None:
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
        assert isinstance(outcome, Rejected) and outcome.vendor_code == "310037"


def test_an_unknown_tenant_is_a_matter_of_login() -> None:
    with serving() as site, pytest.raises(AuthFailed):
        list(site.adapter(tenant_id="nobody").pull_contracts(None))


def test_a_look_up_that_names_a_strange_host_is_not_followed() -> None:
    with serving() as site:
        site.site.site.root = "https://elsewhere.example.com"
        with pytest.raises(ContractViolation, match=r"elsewhere\.example\.com"):
            list(site.adapter().pull_contracts(None))


def test_an_order_longer_than_a_page_is_read_whole() -> None:
    with serving() as site:
        by_default = {item.ref for item in site.adapter().pull_contracts(None)}
        assert {item.ref for item in site.adapter(page_rows=1).pull_contracts(None)} == by_default
        assert len(by_default) == company().lines


@pytest.mark.parametrize("rows", [6, 500])
def test_masters_are_read_whole_also_from_the_list_that_counts_nothing(rows: int) -> None:
    """Customers come as a plain array without a count and with a text per language; the other lists come as pages."""
    with serving() as site:
        adapter = site.adapter(page_rows=rows)
        found = {kind: [item.outcome.item for item in adapter.pull_masters(kind, None)] for kind in MasterKind}
    assert {(one.code, one.name, dict(one.attributes)["role"]) for one in found[MasterKind.PARTNER]} == {
        *((code, name, "customer") for code, name in CUSTOMERS),
        *((code, name, "supplier") for code, name in SUPPLIERS),
    }
    assert {one.code for one in found[MasterKind.MATERIAL]} == {row[0] for row in (*MATERIALS, EXTRA_MATERIAL)}
    assert {one.code: one.name for one in found[MasterKind.ACCOUNT]} == {
        one.number: one.name for one in LEDGER_ACCOUNTS
    }


def test_returned_goods_are_read_beside_delivered_ones() -> None:
    with serving() as site:
        prices = {"totalReturnStockQty": Decimal("0.5")}
        ref = site.add_sale({"totalOutStockQuantity": Decimal("10.5"), "orderDetailPrices": prices})
        (line,) = [item.outcome.item for item in site.adapter().pull_contracts(None) if item.ref == ref]
        assert (line.delivered, line.returned) == (Decimal("10.5"), Decimal("0.5"))


@pytest.mark.parametrize(
    ("state", "status"),
    [("CONFIRMORDER", "draft"), ("APPROVING", "draft"), ("DELIVERY_PART", "open"), ("ENDORDER", "closed")],
)
def test_the_next_step_of_an_order_says_whether_it_is_open(state: str, status: str) -> None:
    with serving() as site:
        ref = site.add_sale({"nextStatus": state})
        (line,) = [item.outcome.item for item in site.adapter().pull_contracts(None) if item.ref == ref]
        assert line.status.value == status


def test_stock_rows_that_the_key_cannot_tell_apart_stop_the_pull() -> None:
    with serving() as site:
        assert all(isinstance(item.outcome, Mapped) for item in site.adapter().pull_inventory(None))
        with pytest.raises(ContractViolation, match="stock_key"):
            list(site.adapter(stock_key=["warehouse", "product"]).pull_inventory(None))


def test_the_check_finds_wrong_names_of_fields() -> None:
    with serving() as site:
        assert site.adapter().check().ok
        push_one(site)
        assert site.adapter().check().ok
        wrong = site.adapter(voucher_fields={"reference": "header.elsewhere"}, changed_field="nothing").check()
        assert {step.step for step in wrong.steps if not step.ok} == {
            "list:sale_line",
            "list:purchase_line",
            "reference",
        }


def test_options_say_what_cannot_be() -> None:
    for wrong in (
        {},
        {"maker_email": "a@example.com", "page_rows": 0},
        {"maker_mobile": "1", "voucher_fields": {"x": "y"}},
    ):
        with pytest.raises(ValueError, match=r"must|does not know"):
            YonBipOptions("BOOK01", "01", **wrong)
