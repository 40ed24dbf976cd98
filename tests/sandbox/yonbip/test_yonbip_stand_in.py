"""The YonBIP stand-in, called with the standard library only: its gate, its lists, its ledger and its quotas."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from sandbox.yonbip.command import RunningSite, SiteOptions, running_site
from sandbox.yonbip.server import Behaviour

SALES = "/yonbip/sd/voucherorder/list"
STOCK = "/yonbip/scm/stock/QueryCurrentStocksByCondition"
ADD = "/yonbip/fi/ficloud/openapi/voucher/addVoucher"
QUERY = "/yonbip/fi/ficloud/openapi/voucher/queryVouchers"


def fetched(url: str, body: Any = None) -> Any:
    data = None if body is None else json.dumps(body, default=float).encode()
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=data), timeout=10) as answer:
            text = answer.read()
    except urllib.error.HTTPError as error:
        text = error.read()
    return json.loads(text, parse_float=Decimal)


def token_answer(root: str, key: str, secret: str, *, times_encoded: int = 1) -> Any:
    stamp = "1774944000000"
    digest = hmac.new(secret.encode(), f"appKey{key}timestamp{stamp}".encode(), hashlib.sha256).digest()
    signature = base64.b64encode(digest).decode()
    for _ in range(times_encoded):
        signature = urllib.parse.quote(signature, safe="")
    return fetched(
        f"{root}/open-auth/selfAppAuth/base/v1/getAccessToken?appKey={key}&timestamp={stamp}&signature={signature}"
    )


@dataclass
class Tenant:
    """A client of the site, and the site."""

    running: RunningSite
    gateway: str
    token: str

    def call(self, path: str, body: Any) -> Any:
        return fetched(f"{self.gateway}{path}?access_token={urllib.parse.quote(self.token, safe='')}", body)


@contextmanager
def tenant(*, reader: bool = False, **behaviour: Any) -> Iterator[Tenant]:
    with running_site(SiteOptions(behaviour=Behaviour(**behaviour))) as running:
        who = running.credentials
        places = fetched(f"{running.url}/open-auth/dataCenter/getGatewayAddress?tenantId={who.tenant_id}")["data"]
        pair = (who.reader_key, who.reader_secret) if reader else (who.app_key, who.app_secret)
        token = token_answer(places["tokenUrl"], *pair)["data"]["access_token"]
        yield Tenant(running, places["gatewayUrl"], token)
        assert list(running.site.log.crashes) == []


def a_voucher(**changes: Any) -> dict[str, Any]:
    line = {"accsubjectCode": "1002", "currencyCode": "CNY", "debitOriginal": 12.34, "debitOrg": 12.34}
    other = {"accsubjectCode": "6101", "currencyCode": "CNY", "creditOriginal": 12.34, "creditOrg": 12.34}
    return {
        "businessId": "K1", "accbookCode": "BOOK01", "period": "2026-03", "voucherTypeCode": "01",
        "makerMobile": "13800000000", "makeTime": "2026-03-31", "bodies": [line, other], **changes,
    }  # fmt: skip


def listing(**changes: Any) -> dict[str, Any]:
    return {"pageIndex": 1, "pageSize": 50, "isSum": False, "queryOrders": [{"field": "id", "order": "asc"}], **changes}


def test_a_signature_that_is_encoded_twice_is_refused() -> None:
    with running_site() as running:
        who, root = running.credentials, f"{running.url}/iuap-api-auth"
        assert token_answer(root, who.app_key, who.app_secret)["code"] == "00000"
        assert token_answer(root, who.app_key, who.app_secret, times_encoded=2)["code"] != "00000"
        assert token_answer(root, who.app_key, "wrong")["code"] != "00000"
        assert token_answer(root, "unknown", who.app_secret)["code"] == "10018"
        assert fetched(f"{running.url}/open-auth/dataCenter/getGatewayAddress?tenantId=x")["code"] == "500"


def test_every_line_is_listed_once_over_pages_and_pages_have_a_limit() -> None:
    with tenant(most_rows=50) as site:
        first = site.call(SALES, listing())["data"]
        pages = [site.call(SALES, listing(pageIndex=page))["data"] for page in range(1, first["pageCount"] + 1)]
        rows = [(row["id"], row["lineno"]) for page in pages for row in page["recordList"]]
        assert len(rows) == len(set(rows)) == first["recordCount"]
        assert rows == sorted(rows)
        assert site.call(SALES, listing(pageSize=51))["code"] != "200"


def test_lists_are_filtered_by_id_and_refuse_fields_they_do_not_know() -> None:
    with tenant() as site:
        first = site.call(SALES, listing())["data"]["recordList"][0]["id"]
        later = site.call(SALES, listing(simpleVOs=[{"field": "id", "op": "gt", "value1": first}]))["data"]
        assert all(row["id"] > first for row in later["recordList"])
        assert site.call(SALES, listing(simpleVOs=[{"field": "nonsense", "op": "eq", "value1": 1}]))["code"] == "999"


def test_stock_is_a_plain_array() -> None:
    with tenant() as site:
        rows = site.call(STOCK, {})["data"]
        assert isinstance(rows, list)
        warehouse = rows[0]["warehouse"]
        there = site.call(STOCK, {"warehouse": warehouse})["data"]
        assert there == [row for row in rows if row["warehouse"] == warehouse]


def test_a_voucher_is_saved_once_and_listed_with_lower_case_keys() -> None:
    with tenant() as site:
        saved = site.call(ADD, a_voucher())
        assert (saved["code"], saved["data"]["voucherStatus"], saved["data"]["billCode"]) == ("200", "01", 1)
        assert site.call(ADD, a_voucher())["code"] == "404"
        (record,) = site.call(QUERY, {"accbookCode": "BOOK01", "pager": {"pageIndex": 1, "pageSize": 10}})["data"][
            "recordList"
        ]
        assert record["header"]["businessid"] == "K1"
        assert [line["debit_org"] - line["credit_org"] for line in record["body"]] == [
            Decimal("12.34"),
            Decimal("-12.34"),
        ]


LINE = {"accsubjectCode": "1002", "currencyCode": "CNY", "debitOriginal": 1, "debitOrg": 1}


@pytest.mark.parametrize(
    "changes",
    [
        {"accbookCode": ""},
        {"accbookCode": "OTHER"},
        {"period": "2031-01", "makeTime": "2031-01-01"},
        {"makeTime": "2026-04-01"},
        {"makerMobile": ""},
        {"voucherTypeCode": ""},
        {"bodies": []},
        {"bodies": [LINE, {**LINE, "accsubjectCode": "6101"}]},
        {"bodies": [LINE, {**LINE, "accsubjectCode": "1405"}]},
        {"bodies": [LINE, {**LINE, "accsubjectCode": "1503"}]},
        {"bodies": [LINE, {**LINE, "accsubjectCode": "1403"}]},
        {"bodies": [{**LINE, "creditOrg": 1, "creditOriginal": 1}, LINE]},
        {"bodies": [{**LINE, "debitOriginal": None}, LINE]},
        {"bodies": [{**LINE, "accsubjectCode": "1012"}, LINE]},
    ],
)
def test_what_a_ledger_does_not_take_is_refused_and_nothing_is_saved(changes: dict[str, Any]) -> None:
    with tenant() as site:
        answer = site.call(ADD, a_voucher(**changes))
        assert answer["code"] == "404"
        assert answer["message"]
        assert site.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 0


def test_an_application_without_the_right_cannot_write() -> None:
    with tenant(reader=True) as site:
        assert site.call(SALES, listing())["code"] == "200"
        assert site.call(ADD, a_voucher())["code"] == "310037"


def test_codes_can_be_numbers_and_calls_can_be_too_many() -> None:
    with tenant(numeric_codes=True, calls_per_minute=2) as site:
        codes = [site.call(STOCK, {})["code"] for _ in range(3)]
        assert codes == [200, 200, 310046]


def test_the_control_needs_its_token_and_shows_what_was_called() -> None:
    with tenant() as site:
        site.call(STOCK, {})
        assert "error" in fetched(f"{site.running.control_url}requests")
        request = urllib.request.Request(
            f"{site.running.control_url}requests", headers={"X-Control-Token": site.running.control_token}
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            assert json.load(answer)["calls"] == {"DataCentre": 1, "Token": 1, "Stock": 1}
