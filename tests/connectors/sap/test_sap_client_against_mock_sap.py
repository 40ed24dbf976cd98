"""Second opinion: our OData client against mock-sap, a server that somebody else wrote (PyPI, MIT).

It knows neither the journal entry SOAP service nor DocumentReferenceID, schedule lines, stock or contracts, and never answers
a next link; so it judges the protocol: logon, CSRF token with cookie, ETags, V2 and V4 shapes, error bodies, OAuth2.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from socket import AF_INET, SOCK_STREAM, create_connection, socket

import pytest

from connectors.http import HttpTransport, Origin
from connectors.sap import ODataClient, SapLogon, Service, date_of, literal
from hedge_core.errors import AuthFailed, Rejected, Unavailable

ORDERS = Service("/sap/opu/odata/sap/API_SALES_ORDER_SRV", 2)
ORDERS_V4 = Service("/sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/api_salesorder/0001", 4)
DOCUMENTS = Service("/sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV", 2)


@contextmanager
def mock_sap(*options: str) -> Iterator[str]:
    with closing(socket(AF_INET, SOCK_STREAM)) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    process = subprocess.Popen(
        [sys.executable, "-m", "mocksap", "--port", str(port), "--quiet", *options],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        for _ in range(200):
            try:
                create_connection(("127.0.0.1", port), 1).close()
                break
            except OSError:
                assert process.poll() is None, "mock-sap ended"
                time.sleep(0.05)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with mock_sap("--auth", "HEDGE:secret") as address:
        yield address


def client(url: str, logon: SapLogon | None = None) -> ODataClient:
    transport = HttpTransport(Origin(url), "SAP", call_seconds=20, answered_statuses=frozenset())
    logon = logon or SapLogon("basic", "HEDGE", "secret", "100")
    return ODataClient(transport, logon, now=time.time, wait=lambda _: None)


def test_key_paging_reads_every_order_once(url: str) -> None:
    one = client(url)
    keys: list[str] = []
    while True:
        where = f"SalesOrder gt {literal(keys[-1], 2)}" if keys else ""
        page = one.page(ORDERS, "A_SalesOrder", select=["SalesOrder"], order="SalesOrder", top=7, where=where)
        if not page.rows:
            break
        keys += [row["SalesOrder"] for row in page.rows]
    assert len(keys) == len(set(keys)) == one.count(ORDERS, "A_SalesOrder") > 7


def test_items_come_with_their_orders_and_only_the_columns_asked_for(url: str) -> None:
    page = client(url).page(
        ORDERS, "A_SalesOrder", select=["SalesOrder", "SalesOrderDate", "to_Item/NetAmount"], expand=["to_Item"], top=3,
        count=True,
    )  # fmt: skip
    assert page.total is not None and page.total >= len(page.rows) == 3
    for row in page.rows:
        assert "SoldToParty" not in row
        assert date_of(row["SalesOrderDate"]) > date(2000, 1, 1)
        assert all(Decimal(item["NetAmount"]) >= 0 for item in row["to_Item"]["results"])


def test_dates_are_filtered_as_the_version_wants_them(url: str) -> None:
    one = client(url)
    day = date(2025, 1, 1)
    by_v2 = one.count(ORDERS, "A_SalesOrder", f"CreationDate ge {literal(day, 2)}")
    assert 0 < by_v2 <= one.count(ORDERS, "A_SalesOrder")


def test_both_versions_show_the_same_amounts(url: str) -> None:
    one = client(url)
    v2 = one.page(ORDERS, "A_SalesOrder", select=["SalesOrder", "TotalNetAmount"], order="SalesOrder")
    v4 = one.page(ORDERS_V4, "SalesOrder", select=["SalesOrder", "TotalNetAmount"], order="SalesOrder")
    amounts = [{row["SalesOrder"]: Decimal(str(row["TotalNetAmount"])) for row in page.rows} for page in (v2, v4)]
    assert amounts[0] == amounts[1] != {}


def test_metadata_of_both_versions_is_read(url: str) -> None:
    assert {"NetAmount", "Material", "to_SalesOrder"} <= client(url).fields(ORDERS)["A_SalesOrderItem"]
    assert "SoldToParty" in client(url).fields(ORDERS_V4)["SalesOrder"]
    assert "AmountInTransactionCurrency" in client(url).fields(DOCUMENTS)["A_OperationalAcctgDocItemCube"]


def test_a_change_goes_through_with_csrf_token_cookie_and_etag(url: str) -> None:
    one = client(url)
    number = one.page(ORDERS, "A_SalesOrder", select=["SalesOrder"], order="SalesOrder", top=1).rows[0]["SalesOrder"]
    address = f"A_SalesOrder('{number}')"
    found = one.entity(ORDERS, address, ["SalesOrder", "PurchaseOrderByCustomer"])
    assert found is not None
    one.update(ORDERS, address, {"PurchaseOrderByCustomer": "HEDGE-1"}, found[1])
    again = one.entity(ORDERS, address, ["PurchaseOrderByCustomer"])
    assert again is not None and again[0]["PurchaseOrderByCustomer"] == "HEDGE-1"


def test_an_item_text_is_created_below_its_order(url: str) -> None:
    one = client(url)
    number = one.page(ORDERS, "A_SalesOrder", select=["SalesOrder"], order="SalesOrder", top=1).rows[0]["SalesOrder"]
    text = f"A_SalesOrderText(SalesOrder='{number}',Language='EN',LongTextID='ZHDG')"
    one.create(
        ORDERS, f"A_SalesOrder('{number}')/to_Text", {"Language": "EN", "LongTextID": "ZHDG", "LongText": "现货25"}
    )
    found = one.entity(ORDERS, text, ["LongText"])
    assert found is not None and found[0]["LongText"] == "现货25"


def test_refusals_carry_the_gateways_code_and_a_missing_entity_is_none(url: str) -> None:
    with pytest.raises(Rejected) as refused:
        client(url).page(ORDERS, "A_SalesOrder", select=["Nope"])
    assert refused.value.vendor_code
    assert client(url).entity(ORDERS, "A_SalesOrder('1')", ["SalesOrder"]) is None


def test_a_wrong_password_is_auth_failed(url: str) -> None:
    with pytest.raises(AuthFailed):
        client(url, SapLogon("basic", "HEDGE", "wrong")).count(ORDERS, "A_SalesOrder")


def test_client_credentials_give_a_token_and_a_wrong_secret_does_not() -> None:
    with mock_sap("--oauth", "hedgebridge:s3cret") as url:
        assert client(url, SapLogon("oauth2", "hedgebridge", "s3cret")).count(ORDERS, "A_SalesOrder") > 0
        with pytest.raises(AuthFailed):
            client(url, SapLogon("oauth2", "hedgebridge", "wrong")).count(ORDERS, "A_SalesOrder")


def test_errors_of_the_server_are_no_answer() -> None:
    with mock_sap("--error-rate", "1.0") as url, pytest.raises(Unavailable):
        client(url).count(ORDERS, "A_SalesOrder", f"CreationDate ge {literal(datetime.now(UTC).date(), 2)}")
