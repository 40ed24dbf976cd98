"""The Cosmic stand-in, called with the standard library only: its gate, its queries, its ledger and its control."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from decimal import Decimal
from typing import Any

import pytest

from sandbox.cosmic.command import RunningSite, SiteOptions, running_site
from sandbox.cosmic.server import Behaviour

NOW = datetime(2026, 4, 1, 8, 0, tzinfo=UTC)
SALES = "/kapi/v2/sm/sm_salorder/query"
VOUCHER = "/kapi/v2/gl/gl_voucher"


def posted(url: str, body: Any, headers: dict[str, str] | None = None) -> Any:
    request = urllib.request.Request(url, data=json.dumps(body).encode(), headers=headers or {})
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer, parse_float=Decimal)


def token_answer(running: RunningSite, *, headers: dict[str, str] | None = None, **changes: Any) -> Any:
    who = running.credentials
    local = NOW.astimezone(timezone(timedelta(hours=8)))
    body = {
        "client_id": who.client_id, "client_secret": who.client_secret, "username": who.user,
        "accountId": who.account_id, "nonce": uuid.uuid4().hex, "timestamp": local.strftime("%Y-%m-%d %H:%M:%S"),
        **changes,
    }  # fmt: skip
    return posted(f"{running.url}/kapi/oauth2/getToken", body, headers)


@dataclass
class Caller:
    """Calls a site with a token."""

    running: RunningSite
    headers: dict[str, str]

    def call(self, path: str, body: Any) -> Any:
        return posted(f"{self.running.url}{path}", body, self.headers)

    def data(self, path: str, body: Any) -> Any:
        answer = self.call(path, body)
        assert answer["status"] is True, answer
        return answer["data"]

    def save(self, **changes: Any) -> Any:
        (result,) = self.data(f"{VOUCHER}/save", {"data": [a_voucher(**changes)]})["result"]
        return result


@contextmanager
def site(*, user: str = "", **options: Any) -> Iterator[Caller]:
    with running_site(SiteOptions(now=NOW.timestamp, **options)) as running:
        changes = {"username": getattr(running.credentials, user)} if user else {}
        token = token_answer(running, **changes)["data"]["access_token"]
        yield Caller(running, {running.site.gate.token_header: token})
        assert list(running.site.log.crashes) == []


LINE = {"account_number": "1002", "currency_number": "CNY", "debitori": 12.34, "debitlocal": 12.34, "businessnum": "K1"}
OTHER = {"account_number": "6101", "currency_number": "CNY", "creditori": 12.34, "creditlocal": 12.34}


def a_voucher(**changes: Any) -> dict[str, Any]:
    return {
        "org_number": "00", "book_number": "BOOK01", "vouchertype_number": "JZ", "bookeddate": "2026-03-31",
        "vdescription": "x", "attachment": 0, "entries": [LINE, OTHER], **changes,
    }  # fmt: skip


# --- who may call ---


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"client_secret": "wrong"}, "401"),
        ({"client_id": "nobody"}, "401"),
        ({"username": "stranger"}, "603"),
        ({"accountId": "1"}, "603"),
        ({"nonce": ""}, "603"),
        ({"timestamp": "2026-04-01 16:06:00"}, "603"),
        ({"timestamp": "yesterday"}, "603"),
    ],
)
def test_a_token_request_is_checked_in_every_part(changes: dict[str, str], code: str) -> None:
    with running_site(SiteOptions(now=NOW.timestamp)) as running:
        answer = token_answer(running, **changes)
        assert (answer["status"], answer["errorCode"]) == (False, code)
        assert token_answer(running, timestamp="2026-04-01T08:04:59.000Z")["data"]["expires_in"] == "7200000"


def test_a_nonce_counts_once_and_five_wrong_secrets_lock() -> None:
    with running_site(SiteOptions(now=NOW.timestamp)) as running:
        assert token_answer(running, nonce="1")["status"]
        assert "nonce:1" in token_answer(running, nonce="1")["message"]
        said = [token_answer(running, client_secret="wrong")["message"] for _ in range(5)]
        assert "第 4 次" in said[3] and "锁定" in said[4]
        assert "锁定" in token_answer(running)["message"]


def test_thirty_tokens_a_minute_are_enough_for_everybody() -> None:
    with running_site(SiteOptions(now=NOW.timestamp)) as running:
        answers = [token_answer(running)["status"] for _ in range(31)]
        assert answers == [True] * 30 + [False]


def test_the_token_counts_in_the_sites_own_header_and_behind_a_gateway_with_its_identity() -> None:
    with running_site(SiteOptions(now=NOW.timestamp, token_header="access_token", gateway=True)) as running:
        identity = {"x-acgw-identity": running.credentials.gateway_identity}
        assert token_answer(running)["errorCode"] == "401"
        token = token_answer(running, headers=identity)["data"]["access_token"]
        body = {"data": {}, "pageNo": 1, "pageSize": 1}
        sent = [{"accesstoken": token, **identity}, {"access_token": token}, {"access_token": token, **identity}]
        assert [posted(f"{running.url}{SALES}", body, headers)["errorCode"] for headers in sent] == ["401", "401", "0"]


# --- queries ---


def test_a_query_needs_data_and_its_page_size_beside_it() -> None:
    with site() as caller:
        assert "data" in caller.call(SALES, {"pageNo": 1, "pageSize": 5})["message"]
        assert "pageSize" in caller.call(SALES, {"data": {"pageNo": 1, "pageSize": 5}})["message"]
        assert caller.call("/kapi/v2/sm/sm_salorder/list", {"data": {}})["errorCode"] == "404"


def test_every_order_is_on_one_page_and_pages_mean_nothing_else() -> None:
    with site(behaviour=Behaviour(most_rows=30)) as caller:
        first = caller.data(SALES, {"data": {}, "pageNo": 1, "pageSize": 500})
        assert len(first["rows"]) == 30 and not first["lastPage"]
        numbers = range(1, first["totalCount"] // 30 + 2)
        pages = [caller.data(SALES, {"data": {}, "pageNo": number, "pageSize": 30}) for number in numbers]
        keys = [row["id"] for page in pages for row in page["rows"]]
        assert len(keys) == len(set(keys)) == first["totalCount"]
        assert keys != sorted(keys) and pages[-1]["lastPage"]


def test_conditions_are_parameters_or_an_expression_and_never_both() -> None:
    data = {"bizdate_start": "2026-03-01 00:00:00", "bizdate_end": "2026-03-10 23:59:59"}
    text = "bizdate >= '2026-03-01 00:00:00' and bizdate <= '2026-03-10 23:59:59'"
    body = {"data": data, "filter": "bizdate >= '2026-03-05 00:00:00'", "pageNo": 1, "pageSize": 500}
    with site() as caller:
        days = {row["bizdate"] for row in caller.data(SALES, body)["rows"]}
        assert days and min(days) < "2026-03-05" and max(days) <= "2026-03-10 00:00:00"
    with site(behaviour=Behaviour(filter_text=True)) as caller:
        assert {row["bizdate"] for row in caller.data(SALES, {**body, "filter": text})["rows"]} == days
        assert caller.call(SALES, {**body, "filter": "nonsense"})["errorCode"] == "400"


def test_stock_takes_its_parameters_in_params() -> None:
    with site() as caller:
        path = "/kapi/v2/im/getInventoryDetail"
        rows = caller.data(path, {"params": {"warehouse_number": "CK01"}, "pageNo": 1, "pageSize": 500})["rows"]
        assert rows and {row["warehouse_number"] for row in rows} == {"CK01"}


# --- the ledger ---


def test_a_voucher_is_saved_submitted_audited_and_found() -> None:
    with site() as caller:
        made = caller.save()
        assert (made["billStatus"], made["number"]) == (True, "JZ-00001")
        for operation, status in (("submit", "B"), ("audit", "C")):
            (result,) = caller.data(f"{VOUCHER}/{operation}", {"data": {"id": [made["id"]]}})["result"]
            assert result["billStatus"] is True
            (again,) = caller.data(f"{VOUCHER}/{operation}", {"data": {"id": [made["id"]]}})["result"]
            assert again["billStatus"] is False
            (row,) = caller.data(f"{VOUCHER}/query", {"data": {}, "pageNo": 1, "pageSize": 9})["rows"]
            assert (row["id"], row["billstatus"]) == (made["id"], status)
        assert [entry["debitlocal"] for entry in row["entries"]] == [Decimal("12.34"), Decimal(0)]


def test_documents_of_one_call_stand_or_fall_alone() -> None:
    with site() as caller:
        answer = caller.data(f"{VOUCHER}/save", {"data": [a_voucher(), a_voucher(entries=[])]})
        assert [one["billStatus"] for one in answer["result"]] == [True, False]
        assert (answer["successCount"], answer["failCount"]) == ("1", "1")


@pytest.mark.parametrize(
    "changes",
    [
        {"id": "1"},
        {"org_number": "9"},
        {"book_number": "9"},
        {"vouchertype_number": ""},
        {"bookeddate": "2031-01-01"},
        {"bookeddate": "31.03.2026"},
        {"entries": [LINE]},
        {"entries": [LINE, {**OTHER, "creditori": 12.35, "creditlocal": 12.35}]},
        {"entries": [LINE, {**OTHER, "account_number": "9999"}]},
        {"entries": [LINE, {**OTHER, "account_number": "1405"}]},
        {"entries": [LINE, {**OTHER, "account_number": "1503"}]},
        {"entries": [LINE, {**OTHER, "account_number": "1403"}]},
        {"entries": [{**LINE, "creditori": 1, "creditlocal": 1}, OTHER]},
        {"entries": [{**LINE, "debitori": 0, "debitlocal": 0}, OTHER]},
        {"entries": [{**LINE, "debitlocal": 1}, OTHER]},
        {"entries": [{**LINE, "debitori": 0.125, "debitlocal": 0.125}, OTHER]},
        {"entries": [{**LINE, "currency_number": ""}, OTHER]},
        {"entries": [{**LINE, "account_number": "1012"}, OTHER]},
        {"entries": [{**LINE, "assgrp": {"hb_broker": "0"}}, OTHER]},
    ],
)
def test_what_a_ledger_does_not_take_is_refused_inside_a_success(changes: dict[str, Any]) -> None:
    with site() as caller:
        result = caller.save(**changes)
        assert result["billStatus"] is False and result["errors"][0]["rowMsg"]
        assert caller.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 0


def test_a_reader_cannot_write() -> None:
    with site(user="reader") as caller:
        assert caller.call(SALES, {"data": {}, "pageNo": 1, "pageSize": 1})["status"] is True
        assert caller.call(f"{VOUCHER}/save", {"data": [a_voucher()]})["errorCode"] == "403"


def test_the_control_needs_its_token_and_plays_a_person_in_the_ledger() -> None:
    with site() as caller:
        made = caller.save()
        url, headers = caller.running.control_url, {"X-Control-Token": caller.running.control_token}
        posted(f"{url}status", {"id": made["id"], "status": "C", "posted": True}, headers)
        (row,) = caller.data(f"{VOUCHER}/query", {"data": {}, "pageNo": 1, "pageSize": 9})["rows"]
        assert row["ispost"] is True
        posted(f"{url}tokens", {}, headers)
        assert caller.call(SALES, {"data": {}})["errorCode"] == "401"
        with pytest.raises(urllib.error.HTTPError):
            posted(f"{url}tokens", {})
