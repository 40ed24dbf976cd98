"""The U8+ stand-in, called with the standard library only: its gate, its lists, its ledger and its EAI interface."""

from __future__ import annotations

import json
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree

import pytest

from sandbox.u8openapi.command import RunningSite, SiteOptions, running_site
from sandbox.u8openapi.server import Behaviour


def fetched(url: str, body: bytes | None = None) -> bytes:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body), timeout=10) as answer:
            return bytes(answer.read())
    except urllib.error.HTTPError as error:
        return error.read()


@dataclass
class Caller:
    """A client of the site, and the site."""

    running: RunningSite
    token: str

    def call(self, path: str, body: Any = None, **given: object) -> Any:
        who = self.running.credentials
        query = {"from_account": who.from_account, "to_account": who.to_account, "app_key": who.app_key}
        asked = urllib.parse.urlencode({**query, "token": self.token, **given})
        data = None if body is None else json.dumps(body).encode()
        return json.loads(fetched(f"{self.running.url}/{path}?{asked}", data))


def token_answer(running: RunningSite, key: str, secret: str) -> Any:
    asked = {"from_account": running.credentials.from_account, "app_key": key, "app_secret": secret}
    return json.loads(fetched(f"{running.url}/system/token?{urllib.parse.urlencode(asked)}"))


@contextmanager
def caller(*, reader: bool = False, **behaviour: Any) -> Iterator[Caller]:
    with running_site(SiteOptions(behaviour=Behaviour(**behaviour))) as running:
        who = running.credentials
        pair = (who.reader_key, who.reader_secret) if reader else (who.app_key, who.app_secret)
        yield Caller(running, token_answer(running, *pair)["token"]["id"])
        assert list(running.site.log.crashes) == []


DEBIT = {"account_code": "1002", "abstract": "x", "natural_debit_currency": "12.34"}
CREDIT = {"account_code": "6101", "abstract": "x", "natural_credit_currency": "12.34"}


def a_voucher(debit: Any = None, credit: Any = None, **changes: Any) -> dict[str, Any]:
    head = {
        "voucher_type": "记", "fiscal_year": "2026", "accounting_period": "3", "date": "2026-03-31", "enter": "demo",
        "voucher_making_system": "CDM", "reserve2": "K1", **changes,
    }  # fmt: skip
    entries = {
        "debit": {"entry": [DEBIT] if debit is None else debit},
        "credit": {"entry": [CREDIT] if credit is None else credit},
    }
    return {"voucher": {**head, **entries}}


def test_a_token_needs_key_and_secret() -> None:
    with running_site() as running:
        who = running.credentials
        assert token_answer(running, who.app_key, who.app_secret)["errcode"] == "0"
        assert token_answer(running, who.app_key, "wrong")["errcode"] != "0"
        assert token_answer(running, "unknown", who.app_secret)["errcode"] != "0"


def test_every_order_is_listed_once_over_pages_and_counts_are_text() -> None:
    with caller(most_rows=50) as site:
        first = site.call("api/saleorderlist/batch_get", page_index=1, rows_per_page=50)
        assert isinstance(first["row_count"], str)
        pages = [
            site.call("api/saleorderlist/batch_get", page_index=number, rows_per_page=50)["saleorderlist"]
            for number in range(1, int(first["page_count"]) + 1)
        ]
        codes = [row["code"] for page in pages for row in page]
        assert len(codes) == len(set(codes)) == int(first["row_count"])
        assert site.call("api/saleorderlist/batch_get", rows_per_page=51)["errcode"] != "0"


def test_an_order_is_answered_whole_with_numbers_as_text() -> None:
    with caller() as site:
        code = site.call("api/purchaseorderlist/batch_get")["purchaseorderlist"][0]["code"]
        order = site.call("api/purchaseorder/get", id=code)["purchaseorder"]
        assert order["code"] == code
        assert all(isinstance(line["quantity"], str) for line in order["entry"])
        assert site.call("api/saleorder/get", id="nothing")["errcode"] != "0"


def test_a_voucher_is_saved_once_and_found_by_its_external_number() -> None:
    with caller() as site:
        assert site.call("api/voucher/add", a_voucher(), biz_id="K1", sync=1)["id"] == "1"
        assert site.call("api/voucher/add", a_voucher(), biz_id="K1", sync=1)["errcode"] != "0"
        rows = site.call("api/voucherdetails/batch_get", coutno_id="K1")["voucherdetails"]
        assert [(row["code"], row["md"], row["mc"]) for row in rows] == [("1002", "12.34", "0"), ("6101", "0", "12.34")]
        assert site.call("api/voucherdetails/batch_get", coutno_id="K2")["voucherdetails"] == []


def test_without_sync_the_answer_names_no_voucher() -> None:
    with caller() as site:
        answer = site.call("api/voucher/add", a_voucher(), biz_id="K1")
        assert (answer["errcode"], answer["id"]) == ("0", "") and answer["tradeid"]


def test_either_a_trade_id_or_a_business_id_is_given() -> None:
    with caller() as site:
        trade = site.call("system/tradeid")["trade"]["id"]
        assert site.call("api/voucher/add", a_voucher(), tradeid=trade, biz_id="K1")["errcode"] != "0"
        assert site.call("api/voucher/add", a_voucher())["errcode"] != "0"
        assert site.call("api/voucher/add", a_voucher(), tradeid=trade, sync=1)["errcode"] == "0"


@pytest.mark.parametrize(
    "body",
    [
        a_voucher(voucher_type="收"),
        a_voucher(enter="nobody"),
        a_voucher(fiscal_year="2031", date="2031-03-31"),
        a_voucher(date="2026-04-01"),
        a_voucher(voucher_making_system=""),
        a_voucher(credit=[]),
        a_voucher(credit=[{**CREDIT, "natural_credit_currency": "12.33"}]),
        a_voucher(credit=[{**CREDIT, "natural_credit_currency": "12.345"}]),
        a_voucher(credit=[{**CREDIT, "natural_credit_currency": 12.34}]),
        a_voucher(credit=[{**CREDIT, "natural_debit_currency": "12.34"}]),
        a_voucher(credit=[{**CREDIT, "account_code": "9999"}]),
        a_voucher(credit=[{**CREDIT, "account_code": "1405"}]),
        a_voucher(credit=[{**CREDIT, "account_code": "1503"}]),
        a_voucher(credit=[{**CREDIT, "account_code": "1403"}]),
        a_voucher(credit=[{**CREDIT, "account_code": "1012"}]),
        a_voucher(credit=[{**CREDIT, "auxiliary": {"cust_id": "nobody"}}]),
        a_voucher(credit=[{**CREDIT, "currency": "美元"}]),
        {"voucher": {}},
        {},
    ],
)
def test_what_a_ledger_does_not_take_is_refused_and_nothing_is_saved(body: dict[str, Any]) -> None:
    with caller() as site:
        answer = site.call("api/voucher/add", body, biz_id="K1", sync=1)
        assert answer["errcode"] != "0" and answer["errmsg"]
        assert site.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 0


def test_a_closed_period_is_refused() -> None:
    with caller() as site:
        site.running.site.books.set_period("2026-03", False)
        assert "已结账" in site.call("api/voucher/add", a_voucher(), biz_id="K1", sync=1)["errmsg"]


def test_an_application_without_the_right_cannot_write() -> None:
    with caller(reader=True) as site:
        assert site.call("api/saleorderlist/batch_get")["errcode"] == "0"
        assert site.call("api/voucher/add", a_voucher(), biz_id="K1", sync=1)["errcode"] != "0"


EAI = (
    '<?xml version="1.0" encoding="{encoding}"?><ufinterface roottag="voucher" billtype="gl" sender="{sender}" proc="add">'
    '<voucher id="K1"><voucher_head><voucher_type>记</voucher_type><fiscal_year>2026</fiscal_year>'
    "<accounting_period>3</accounting_period><date>2026-03-31</date><enter>demo</enter>"
    "<voucher_making_system>CDM</voucher_making_system><reserve2>K1</reserve2></voucher_head><voucher_body>"
    "<entry><account_code>1002</account_code><abstract>甲&amp;乙</abstract><natural_debit_currency>5.00"
    "</natural_debit_currency></entry><entry><account_code>6101</account_code><natural_credit_currency>5.00"
    "</natural_credit_currency></entry></voucher_body></voucher></ufinterface>"
)


def imported(site: Caller, text: str, encoding: str) -> ElementTree.Element:
    reply = fetched(f"{site.running.url}/u8eai/import.asp", text.encode(encoding)).decode(encoding)
    item = ElementTree.fromstring(reply.partition("?>")[2]).find("item")  # noqa: S314 - our own stand-in
    assert item is not None
    return item


@pytest.mark.parametrize("encoding", ["utf-8", "gb2312"])
def test_eai_takes_a_voucher_in_the_encoding_it_declares_and_zero_means_success(encoding: str) -> None:
    with caller() as site:
        item = imported(site, EAI.format(encoding=encoding, sender="004"), encoding)
        assert (item.get("succeed"), item.get("dsc"), item.get("u8voucher_id")) == ("0", "凭证已成功保存", "1")
        assert site.running.site.books.one("SELECT digest FROM voucher_lines WHERE number = 1") == "甲&乙"
        again = imported(site, EAI.format(encoding=encoding, sender="004"), encoding)
        assert again.get("succeed") == "101" and "不可重复" in (again.get("dsc") or "")


def test_eai_refuses_an_unknown_sender_a_doctype_and_bytes_that_are_not_what_was_declared() -> None:
    with caller() as site:
        assert imported(site, EAI.format(encoding="utf-8", sender="9"), "utf-8").get("succeed") == "101"
        with_doctype = EAI.format(encoding="utf-8", sender="004").replace("?><", "?><!DOCTYPE x><", 1)
        assert imported(site, with_doctype, "utf-8").get("succeed") == "102"
        reply = fetched(
            f"{site.running.url}/u8eai/import.asp", EAI.format(encoding="utf-8", sender="004").encode("gb2312")
        )
        assert b'succeed="102"' in reply
        assert site.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 0


def test_the_control_needs_its_token_and_shows_what_was_called() -> None:
    with caller() as site:
        site.call("api/voucher/add", a_voucher(), biz_id="K1", sync=1)
        assert b"error" in fetched(f"{site.running.control_url}requests")
        shown = {}
        for name in ("requests", "vouchers", "orders", "faults"):
            request = urllib.request.Request(
                f"{site.running.control_url}{name}", headers={"X-Control-Token": site.running.control_token}
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                shown[name] = json.load(answer)
        assert shown["requests"]["calls"] == {"Token": 1, "AddVoucher": 1}
        assert [line["account"] for line in shown["vouchers"][0]["lines"]] == ["1002", "6101"]
        assert shown["orders"][0]["entry"]
