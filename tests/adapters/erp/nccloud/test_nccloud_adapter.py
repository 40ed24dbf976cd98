"""The NC Cloud adapter against its stand-in, beyond the conformance suite: levels, read-backs, spent keys, guards, the check."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import msgspec
import pytest

from adapters.erp.nccloud import NcCloudOptions
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
from sandbox.company.erp import CUSTOMERS, LEDGER_ACCOUNTS, SUPPLIERS
from sandbox.nccloud.server import Behaviour
from tests.support.nccloud import NcCloud, serving, voucher


def push_one(site: NcCloud, number: int = 1, **options: object) -> object:
    return site.adapter(**options).push_vouchers([voucher(number)])[0]


@pytest.mark.parametrize("level", ["L1", "L2", "L3", "L4"])
def test_a_voucher_goes_out_and_is_found_at_every_level(level: str) -> None:
    with serving(level=level) as site:
        receipt = push_one(site)
        assert isinstance(receipt, PostingReceipt), receipt
        (document,) = site.vouchers(voucher().key)
        assert document.number == receipt.number
        refused = replace(voucher(2), lines=(replace(voucher().lines[0], account="9999"), voucher().lines[1]))
        (outcome,) = site.adapter().push_vouchers([refused])
        assert isinstance(outcome, Rejected) and "9999" in outcome.vendor_text


def test_every_digit_of_a_list_survives_encryption() -> None:
    with serving(level="L3") as site:
        site.books.run("DELETE FROM orders WHERE id NOT IN (SELECT id FROM orders ORDER BY id LIMIT 3)")
        ref = site.add_sale({"nastnum": Decimal("12345.678901")})
        (item,) = [one for one in site.adapter().pull_contracts(None) if one.ref == ref]
        assert isinstance(item.outcome, Mapped) and item.outcome.item.ordered == Decimal("12345.678901")


def test_a_level_can_be_set_where_the_token_does_not_tell_it() -> None:
    with serving(level="L2") as site:
        assert site.adapter(secret_level="L2").check().ok
        assert not site.adapter(secret_level="L0").check().ok


def test_a_refusal_that_says_nothing_is_unknown_and_then_found() -> None:
    with serving() as site:
        site.fault("unsure_after_commit=1x")
        assert isinstance(push_one(site), OutcomeUnknown)
        found = site.adapter().find_voucher(voucher().key)
        assert found is not None and found.total == voucher().total
        assert isinstance(push_one(site), PostingReceipt)
        assert len(site.vouchers(voucher().key)) == 1


def test_a_quota_inside_a_200_is_rate_limited_and_the_rest_of_the_batch_is_not_tried() -> None:
    with serving() as site:
        site.fault("busy=1x@writes")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [RateLimited, RateLimited]
        assert site.site.site.log.calls["InsertVoucher"] == 1


def test_calls_can_be_too_many() -> None:
    with serving(behaviour=Behaviour(calls_per_minute=1)) as site, pytest.raises(RateLimited):
        list(site.adapter(page_rows=1).pull_contracts(None))


def test_after_a_lost_answer_the_rest_of_the_batch_is_not_tried() -> None:
    with serving() as site:
        site.fault("lose_answer_after_commit=1x")
        outcomes = site.adapter().push_vouchers([voucher(1), voucher(2)])
        assert [type(one) for one in outcomes] == [OutcomeUnknown, Unavailable]
        assert site.vouchers(voucher(2).key) == []


def test_a_batch_is_looked_up_before_and_after_and_not_once_per_voucher() -> None:
    with serving() as site:
        outcomes = site.adapter().push_vouchers([voucher(number) for number in range(5)])
        assert [one.number for one in outcomes] == ["1", "2", "3", "4", "5"]
        assert site.site.site.log.calls["QueryVouchers"] == 2


def test_an_accepted_voucher_that_cannot_be_looked_up_is_unknown() -> None:
    with serving() as site:
        adapter = site.adapter()
        adapter.push_vouchers([voucher(9)])
        send = adapter._vouchers._send

        def send_and_break(one: object) -> object:
            result = send(one)
            site.fault("html_200=100x@reads")
            return result

        adapter._vouchers._send = send_and_break
        (outcome,) = adapter.push_vouchers([voucher(1)])
        assert isinstance(outcome, OutcomeUnknown)
        assert len(site.vouchers(voucher(1).key)) == 1


def test_a_voucher_twice_in_a_batch_is_a_callers_mistake() -> None:
    with serving() as site, pytest.raises(ValueError, match="once"):
        site.adapter().push_vouchers([voucher(1), voucher(1)])


@pytest.mark.parametrize(("change", "stage"), [("checked = 'a'", Stage.AUDITED), ("posted = 'b'", Stage.POSTED)])
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
        blind = site.adapter(reference_field="freevalue30")
        with pytest.raises(ContractViolation, match="reference_field"):
            blind.find_voucher(voucher().key)


def test_the_body_has_every_mandatory_amount_and_the_reference_on_every_line() -> None:
    with serving() as site:
        body = site.adapter().voucher_body(voucher())
        assert (body["year"], body["period"], body["prepareddate"], body["num"]) == ("2026", "03", "2026-03-31", 0)
        assert [line["freevalue1"] for line in body["detail"]] == [voucher().key] * 2
        debit, credit = body["detail"]
        assert debit["localdebitamount"] == debit["groupdebitamount"] == debit["amount"] == Decimal("70619.47")
        assert credit["localdebitamount"] == 0 and credit["localcreditamount"] == Decimal("70619.47")
        assert debit["ass"] == [{"checktypecode": "HB01", "checkvaluecode": "80010001"}]
        other = site.adapter(amounts_as_text=True, group_amounts=False, unit_code="01").voucher_body(voucher())[
            "detail"
        ][0]
        assert (other["localdebitamount"], other["groupdebitamount"], other["unitCode"]) == ("70619.47", "0", "01")


def test_amounts_as_text_are_booked_exact_too() -> None:
    with serving() as site:
        (receipt,) = site.adapter(amounts_as_text=True).push_vouchers([voucher(1, Decimal("900719925474.09"))])
        assert isinstance(receipt, PostingReceipt)
        assert site.vouchers(voucher(1).key)[0].lines[0].debit == Decimal("900719925474.09")


def test_the_guard_against_repetition_is_asked_for_on_writes_only() -> None:
    with serving() as site:
        client = site.adapter()._client
        sent: list[tuple[str, str | None]] = []
        post = client._transport.post

        def watched(path: str, body: bytes, headers: dict[str, str], **given: object) -> object:
            sent.append((path.partition("?")[0], headers.get("repeat_check")))
            return post(path, body, headers, **given)

        client._transport.post = watched
        client.read("nccloud/api/gl/voucher/query", {"accbookCode": "01-0001", "year": "2026", "period": "03"})
        with pytest.raises(Rejected):
            client.write("nccloud/api/gl/voucher/insert", {})
        assert [check for _, check in sent] == [None, None, "Y"]


def test_a_currency_or_dimension_without_a_code_is_refused_before_anything_is_sent() -> None:
    with serving() as site:
        dollars = replace(voucher(1), currency="USD")
        outcomes = [
            site.adapter().push_vouchers([dollars])[0],
            site.adapter(dimensions={}).push_vouchers([voucher(2)])[0],
        ]
        assert all(isinstance(one, Rejected) for one in outcomes)
        assert site.site.site.log.calls["InsertVoucher"] == 0


def test_an_application_without_the_right_to_write_is_rejected() -> None:
    with serving() as site:
        who = site.site.credentials
        (outcome,) = site.adapter(key=who.reader_id, secret=who.reader_secret).push_vouchers([voucher()])
        assert isinstance(outcome, Rejected) and outcome.vendor_code == "1000000010"


@pytest.mark.parametrize("wrong", [{"biz_center": "nowhere"}, {"key": "nobody"}, {"secret": "wrong"}])
def test_centre_application_and_secret_are_matters_of_login(wrong: dict[str, str]) -> None:
    with serving() as site, pytest.raises(AuthFailed):
        list(site.adapter(**wrong).pull_contracts(None))


def test_a_signature_that_is_refused_pauses_the_connection() -> None:
    with serving() as site:
        site.fault("bad_signature=1x")
        with pytest.raises(AuthFailed):
            list(site.adapter().pull_contracts(None))


@pytest.mark.parametrize("behaviour", [Behaviour(plain_lists=True), Behaviour(plain_lists=True, ignore_paging=True)])
def test_lists_without_a_total_and_servers_that_do_not_page_give_the_same_lines(behaviour: Behaviour) -> None:
    with serving() as site:
        counted = [item.ref for item in site.adapter().pull_contracts(None)]
    with serving(behaviour=behaviour) as site:
        assert [item.ref for item in site.adapter(page_rows=3).pull_contracts(None)] == counted


def test_a_list_without_a_total_that_changes_between_two_readings_is_read_again() -> None:
    with serving(behaviour=Behaviour(plain_lists=True)) as site:
        adapter = site.adapter(page_rows=5)
        asked = adapter._client.read

        def meddling(path: str, body: dict[str, object]) -> object:
            page = asked(path, body)
            planted = "SELECT 1 FROM orders WHERE key = '1001A1HEDGE999999999'"
            if "saleorder" in path and body["pageIndex"] == 2 and not site.books.one(planted):
                site.add_sale({})
            return page

        adapter._client.read = meddling
        refs = [item.ref for item in adapter.pull_contracts(None)]
        assert len(refs) == len(set(refs))
        assert any(ref.key.startswith("1001A1HEDGE999999999/") for ref in refs)


def test_documents_with_other_names_stop_the_pull_and_the_option_mends_it() -> None:
    with serving() as site:
        wrong = {"sale_line": {"document_id": "csaleid"}}
        with pytest.raises(ContractViolation, match="order_names"):
            list(site.adapter(order_names=wrong).pull_contracts(None))
        right = {"sale_line": {"document_id": "vbillcode"}}
        assert list(site.adapter(order_names=right).pull_contracts(None))


def test_stock_rows_that_the_key_cannot_tell_apart_stop_the_pull() -> None:
    with serving() as site:
        assert all(isinstance(item.outcome, Mapped) for item in site.adapter().pull_inventory(None))
        with pytest.raises(ContractViolation, match="stock_key"):
            list(site.adapter(stock_key=["cwarehouseid"]).pull_inventory(None))


def test_deliveries_and_returns_arrive_as_two_quantities() -> None:
    with serving() as site:
        ref = site.add_sale({"ntotaloutnum": Decimal("10.5"), "ntotalreturnnum": Decimal("0.5")})
        (line,) = [item.outcome.item for item in site.adapter().pull_contracts(None) if item.ref == ref]
        assert (line.delivered, line.returned) == (Decimal("10.5"), Decimal("0.5"))


@pytest.mark.parametrize("behaviour", [Behaviour(), Behaviour(plain_lists=True)])
def test_masters_are_asked_for_in_their_own_envelope_with_pages_from_zero(behaviour: Behaviour) -> None:
    asked = []
    with serving(behaviour=behaviour) as site:
        adapter = site.adapter(page_rows=6)
        read = adapter._client.read

        def listening(path: str, body: dict[str, Any]) -> Any:
            asked.append(body)
            return read(path, body)

        adapter._client.read = listening
        found = {kind: [item.outcome.item for item in adapter.pull_masters(kind, None)] for kind in MasterKind}
    assert {(one.code, dict(one.attributes)["role"]) for one in found[MasterKind.PARTNER]} == {
        *((code, "customer") for code, _ in CUSTOMERS),
        *((code, "supplier") for code, _ in SUPPLIERS),
    }
    assert {one.code for one in found[MasterKind.ACCOUNT]} == {one.number for one in LEDGER_ACCOUNTS}
    assert asked[0]["ufinterface"]["pageInfo"] == {"pageIndex": "0", "pageSize": "6"}
    assert {one["ufinterface"]["pageInfo"]["pageIndex"] for one in asked} >= {"0", "1"}


def test_masters_can_be_asked_for_without_an_envelope() -> None:
    with serving() as site:
        adapter = site.adapter(master_envelope="plain")
        adapter._client.read = lambda path, body: msgspec.json.encode(
            {"pageIndex": 1, "total": 1, "rows": [{"code": "9", "asked": body}]}
        )
        (item,) = adapter.pull_masters(MasterKind.ACCOUNT, None)
    assert b"ufinterface" not in item.raw.body
    assert b'"pageIndex":1' in item.raw.body.replace(b" ", b"")


def test_the_check_finds_wrong_paths_and_names() -> None:
    with serving() as site:
        assert site.adapter().check().ok
        push_one(site)
        assert site.adapter().check().ok
        wrong = site.adapter(paths={"stock": "nccloud/api/ic/nowhere"}, voucher_fields={"debit": "nothing"}).check()
        assert [step.step for step in wrong.steps if not step.ok] == ["stock", "reference"]


def test_options_say_what_cannot_be() -> None:
    for wrong in ({"page_rows": 0}, {"paths": {"x": "y"}}, {"voucher_fields": {"x": "y"}}, {"order_names": {"x": {}}}):
        with pytest.raises(ValueError, match=r"must|does not know"):
            NcCloudOptions("01", "01", "me", **wrong)  # type: ignore[arg-type]
