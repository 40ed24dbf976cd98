"""The OData client against the stand-in: paging, next links, logon, CSRF tokens, and what happens when things fail."""

from __future__ import annotations

import time
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from connectors.http import HttpTransport, Origin
from connectors.sap import ODataClient, Page, SapLogon, Service
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, Rejected, Unavailable
from sandbox.sap.server import Behaviour
from tests.support.sap import Sap, serving

ORDERS = Service("/sap/opu/odata/sap/API_SALES_ORDER_SRV", 2)
ORDERS_V4 = Service("/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001", 4)
TEXT = "A_SalesOrderItemText(SalesOrder='1000000001',SalesOrderItem='10',Language='EN',LongTextID='ZHDG')"
TEXTS = "A_SalesOrderItem(SalesOrder='1000000001',SalesOrderItem='10')/to_Text"


@pytest.fixture
def sap() -> Iterator[Sap]:
    with serving(behaviour=Behaviour(most_rows=30)) as running:
        yield running


def client(sap: Sap, mode: str = "basic", *, secret: str = "", reader: bool = False) -> ODataClient:
    who = sap.site.credentials
    pair = (who.client_id, who.client_secret) if mode == "oauth2" else (who.user, who.password)
    if reader:
        pair = (who.reader_user, who.reader_password)
    logon = SapLogon(mode, pair[0], secret or pair[1], "100")  # type: ignore[arg-type]
    transport = HttpTransport(Origin(sap.site.url), "SAP", call_seconds=10, answered_statuses=frozenset())
    return ODataClient(transport, logon, now=time.time, wait=lambda _: None)


def all_keys(one: ODataClient, service: Service, entity_set: str) -> list[str]:
    page = one.page(service, entity_set, select=["SalesOrder"], order="SalesOrder", top=1000, count=True)
    keys = [row["SalesOrder"] for row in page.rows]
    total = page.total
    while page.next_link:
        page = one.next_page(service, page)
        keys += [row["SalesOrder"] for row in page.rows]
    assert total == len(keys)
    return keys


def test_next_links_that_name_another_host_are_followed_on_our_own_origin(sap: Sap) -> None:
    one = client(sap)
    keys = all_keys(one, ORDERS, "A_SalesOrder")
    assert len(keys) == one.count(ORDERS, "A_SalesOrder") > 30
    assert keys == sorted(set(keys))


def test_both_versions_show_the_same_orders(sap: Sap) -> None:
    one = client(sap)
    assert all_keys(one, ORDERS, "A_SalesOrder") == all_keys(one, ORDERS_V4, "SalesOrder")


@pytest.mark.parametrize(
    "link",
    [
        "http://evil.example.invalid/steal",
        "//evil.example.invalid/steal",
        "/sap/opu/odata/sap/OTHER_SRV/A_Secret",
        "../OTHER_SRV/A_Secret",
        "http://h/sap/opu/odata/sap/API_SALES_ORDER_SRV/%2e%2e/OTHER_SRV/A_Secret",
        "http://h/sap/opu/odata/sap/API_SALES_ORDER_SRV/../OTHER_SRV/A_Secret",
    ],
)
def test_a_next_link_may_not_leave_its_service(sap: Sap, link: str) -> None:
    with pytest.raises(ContractViolation):
        client(sap)._rebased(ORDERS, link)


def test_a_next_link_keeps_the_sap_client(sap: Sap) -> None:
    link = client(sap)._rebased(
        ORDERS, "http://elsewhere:9/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder?$skiptoken=7"
    )
    assert link == "/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder?$skiptoken=7&sap-client=100&sap-language=EN"


def test_columns_must_be_named(sap: Sap) -> None:
    with pytest.raises(ValueError, match="select"):
        client(sap).page(ORDERS, "A_SalesOrder", select=[])


@pytest.mark.parametrize("plain", [False, True], ids=["decimals as text", "decimals as numbers"])
def test_decimals_of_v4_are_exact_whether_they_come_as_text_or_as_numbers(plain: bool) -> None:
    with serving(behaviour=Behaviour(plain_numbers=plain)) as sap:
        amount = Decimal("9007199254740993.123")  # not a binary double
        sap.add_sale("1000888888", NetAmount=amount)
        page = client(sap).page(ORDERS_V4, "SalesOrderItem", select=["NetAmount"], where="SalesOrder eq '1000888888'")
        assert Decimal(str(page.rows[0]["NetAmount"])) == amount


def test_metadata_names_the_fields_of_this_system_custom_ones_included(sap: Sap) -> None:
    fields = client(sap).fields(ORDERS)
    assert {"NetAmount", "to_ScheduleLine", "YY1_HBPricing_SDI"} <= fields["A_SalesOrderItem"]
    assert {"Product", "_ScheduleLine"} <= client(sap).fields(ORDERS_V4)["SalesOrderItem"]


def test_an_entity_that_does_not_exist_is_none_and_an_unknown_field_is_rejected(sap: Sap) -> None:
    assert client(sap).entity(ORDERS, "A_SalesOrder('4711')", ["SalesOrder"]) is None
    with pytest.raises(Rejected) as refused:
        client(sap).page(ORDERS, "A_SalesOrder", select=["Nope"])
    assert refused.value.vendor_code == "/IWBEP/CM_MGW_RT/022"


def test_an_etag_is_taken_as_given(sap: Sap) -> None:
    found = client(sap).entity(ORDERS, "A_SalesOrder('1000000001')", ["SalesOrder"])
    assert found is not None and found[1].startswith('W/"')


# --- writes ---


def test_a_text_is_created_and_changed_with_token_and_cookies(sap: Sap) -> None:
    one = client(sap)
    one.create(ORDERS, TEXTS, {"Language": "EN", "LongTextID": "ZHDG", "LongText": "现货"})
    one.update(ORDERS, TEXT, {"LongText": "期货"}, "")
    found = one.entity(ORDERS, TEXT, ["LongText"])
    assert found is not None and found[0]["LongText"] == "期货"


def test_a_token_that_ended_is_fetched_once_more(sap: Sap) -> None:
    one = client(sap)
    one.create(ORDERS, TEXTS, {"Language": "EN", "LongTextID": "ZHDG", "LongText": "a"})
    sap.site.site.gate.forget_sessions()
    one.update(ORDERS, TEXT, {"LongText": "b"}, "")
    found = one.entity(ORDERS, TEXT, ["LongText"])
    assert found is not None and found[0]["LongText"] == "b"


def test_a_write_whose_answer_is_lost_is_unknown_and_not_repeated(sap: Sap) -> None:
    one = client(sap)
    sap.fault("lose_answer_after_commit=1x@writes")
    with pytest.raises(OutcomeUnknown):
        one.create(ORDERS, TEXTS, {"Language": "EN", "LongTextID": "ZHDG", "LongText": "a"})
    assert sap.calls()["to_Text"] == 1


def test_a_stale_etag_is_not_written_over(sap: Sap) -> None:
    one = client(sap)
    address = "A_SalesOrder('1000000001')"
    found = one.entity(ORDERS, address, ["SalesOrder"])
    assert found is not None
    one.update(ORDERS, address, {"PurchaseOrderByCustomer": "first"}, found[1])
    with pytest.raises(Unavailable):
        one.update(ORDERS, address, {"PurchaseOrderByCustomer": "second"}, found[1])
    (row,) = sap.books.rows("A_SalesOrder", SalesOrder="1000000001")
    assert row["PurchaseOrderByCustomer"] == "first"


def test_a_user_without_the_right_to_change_is_rejected_in_saps_words(sap: Sap) -> None:
    with pytest.raises(Rejected) as refused:
        client(sap, reader=True).create(ORDERS, TEXTS, {"Language": "EN", "LongTextID": "ZHDG", "LongText": "a"})
    assert "No authorization" in refused.value.vendor_text


# --- logon ---


def test_a_refused_password_is_sent_once_and_never_again(sap: Sap) -> None:
    one = client(sap, secret="wrong")
    for _ in range(3):
        with pytest.raises(AuthFailed):
            one.count(ORDERS, "A_SalesOrder")
    assert sap.site.site.gate.failures["password"] == 1


def test_a_bearer_token_is_fetched_once_and_renewed_after_a_401(sap: Sap) -> None:
    one = client(sap, "oauth2")
    one.count(ORDERS, "A_SalesOrder")
    one.count(ORDERS, "A_SalesOrder")
    assert sap.calls()["Token"] == 1
    sap.site.site.gate.forget_tokens()
    one.count(ORDERS, "A_SalesOrder")
    assert sap.calls()["Token"] == 2


def test_a_wrong_client_secret_is_auth_failed(sap: Sap) -> None:
    with pytest.raises(AuthFailed):
        client(sap, "oauth2", secret="wrong").count(ORDERS, "A_SalesOrder")


@pytest.mark.parametrize("fault", ["html_200", "unavailable_503", "error_500_before", "cut_connection"])
def test_a_read_is_repeated_when_the_answer_is_no_answer(sap: Sap, fault: str) -> None:
    one = client(sap)
    sap.fault(f"{fault}=2x@reads")
    page: Page = one.page(ORDERS, "A_SalesOrder", select=["SalesOrder"], top=1)
    assert len(page.rows) == 1


def test_a_client_certificate_is_handed_to_the_session(tmp_path: Any) -> None:
    files = (str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    transport = HttpTransport(Origin("https://s4.example.invalid"), "SAP", client_certificate=files)
    assert transport._session.cert == files


def test_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(SapLogon("basic", "u", "s3cret"))
