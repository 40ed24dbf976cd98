"""The NC Cloud stand-in, called with plain requests: its gate in the real one's order, its lists, its ledger, its control."""

from __future__ import annotations

import hashlib
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
from cryptography.hazmat.primitives.asymmetric.padding import MGF1, OAEP
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from sandbox.nccloud import crypto
from sandbox.nccloud.command import RunningSite, SiteOptions, running_site
from sandbox.nccloud.key import PUBLIC_KEY
from sandbox.nccloud.server import Behaviour

INSERT = "nccloud/api/gl/voucher/insert"
SALES = "nccloud/api/so/saleorder/query"


def signed(text: str) -> str:
    return hashlib.sha256((text + PUBLIC_KEY + crypto.salt()).encode()).hexdigest()


def under_the_key(text: str) -> str:
    import base64

    key = load_der_public_key(base64.b64decode(PUBLIC_KEY))
    return base64.b64encode(key.encrypt(text.encode(), OAEP(MGF1(SHA256()), SHA256(), None))).decode()  # type: ignore[union-attr]


def fetched(url: str, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(urllib.request.Request(url, data=body, headers=headers), timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def token_answer(running: RunningSite, **changes: str) -> Any:
    who = running.credentials
    asked = {
        "grant_type": "client_credentials", "client_id": who.client_id, "client_secret": under_the_key(who.app_secret),
        "biz_center": who.biz_center, "signature": signed(who.client_id + who.app_secret), **changes,
    }  # fmt: skip
    form = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{running.url}/nccloud/opm/accesstoken?{urllib.parse.urlencode(asked)}"
    return json.loads(fetched(url, b"", form)[1])


@dataclass
class Caller:
    """A client of the site, and the site."""

    running: RunningSite
    token: str

    def call(self, path: str, body: Any, **headers: str) -> Any:
        plain = json.dumps(body).encode()
        client = self.running.credentials.client_id
        given = {
            "access_token": self.token,
            "client_id": client,
            "signature": signed(client + plain.decode()),
            **headers,
        }
        return json.loads(fetched(f"{self.running.url}/{path}", plain, given)[1], parse_float=Decimal)


@contextmanager
def caller(**behaviour: Any) -> Iterator[Caller]:
    with running_site(SiteOptions(behaviour=Behaviour(**behaviour))) as running:
        yield Caller(running, token_answer(running)["data"]["access_token"])
        assert list(running.site.log.crashes) == []


def a_line(account: str, debit: object, credit: object, **changes: Any) -> dict[str, Any]:
    sides = {"debit": debit, "credit": credit}
    amounts = {f"{kind}{side}amount": sides[side] for kind in ("local", "group", "global") for side in sides}
    return {
        "detailindex": 1, "explanation": "x", "accountCode": account, "currtypeCode": "CNY", "amount": debit or credit,
        "busidate": "2026-03-31", "freevalue1": "K1", **amounts, **changes,
    }  # fmt: skip


def a_voucher(*lines: dict[str, Any], **changes: Any) -> dict[str, Any]:
    return {
        "accbookCode": "01-0001", "prepareddate": "2026-03-31", "year": "2026", "period": "03", "vouchertype": "01",
        "prepared": "hedge", "num": 0, "attachment": 0,
        "detail": list(lines) or [a_line("1002", 12.34, 0), a_line("6101", 0, 12.34)], **changes,
    }  # fmt: skip


def test_the_gate_checks_centre_application_secret_and_signature_in_that_order() -> None:
    with running_site() as running:
        assert token_answer(running)["data"]["security_level"] == "L0"
        for changes, words in (
            ({"biz_center": "x", "client_id": "x"}, "账套编码"),
            ({"client_id": "x", "client_secret": "x"}, "not registered"),
            ({"client_secret": "plain text", "signature": "x"}, "解密失败"),
            ({"client_secret": under_the_key("wrong"), "signature": "x"}, "not authorized"),
            ({"signature": "x"}, "Failed to verify signature for get token"),
        ):
            answer = token_answer(running, **changes)
            assert answer["success"] is False and words in answer["message"]


def test_a_call_needs_its_token_and_a_signature_over_its_plain_body() -> None:
    with caller() as site:
        assert site.call(SALES, {})["success"] is True
        assert "expired" in site.call(SALES, {}, access_token="x")["message"]
        assert "signature for call api" in site.call(SALES, {}, signature="x")["message"]
        assert fetched(f"{site.running.url}/nccloud/api/nowhere", b"{}", {"access_token": site.token,
                       "client_id": site.running.credentials.client_id})[0] == 404  # fmt: skip


def test_every_order_is_listed_once_over_pages_and_pages_have_a_limit() -> None:
    with caller(most_rows=50) as site:
        first = site.call(SALES, {"pageIndex": 1, "pageSize": 50})["data"]
        pages = -(-first["total"] // 50)
        listed = [
            site.call(SALES, {"pageIndex": number, "pageSize": 50})["data"]["rows"] for number in range(1, pages + 1)
        ]
        keys = [row["so_saleorder"]["csaleorderid"] for page in listed for row in page]
        assert len(keys) == len(set(keys)) == first["total"]
        assert site.call(SALES, {"pageIndex": 1, "pageSize": 51})["success"] is False


def test_a_voucher_is_saved_and_shown_with_its_lines() -> None:
    with caller() as site:
        assert site.call(INSERT, a_voucher())["data"]["num"] == 1
        asked = {"accbookCode": "01-0001", "year": "2026", "period": "03"}
        (found,) = site.call("nccloud/api/gl/voucher/query", asked)["data"]["rows"]
        assert [line["freevalue1"] for line in found["detail"]] == ["K1", "K1"]
        assert found["detail"][0]["localdebitamount"] == Decimal("12.34")
        assert site.call("nccloud/api/gl/voucher/query", {**asked, "period": "02"})["data"]["rows"] == []


def test_a_repetition_is_refused_where_it_was_asked_for_and_taken_elsewhere() -> None:
    with caller() as site:
        assert site.call(INSERT, a_voucher(), repeat_check="Y")["success"] is True
        assert site.call(INSERT, a_voucher(), repeat_check="Y")["success"] is False
        assert site.call(INSERT, a_voucher())["success"] is True
        assert site.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 2


OTHER = a_line("6101", 0, 1)


@pytest.mark.parametrize(
    "body",
    [
        a_voucher(accbookCode="02"),
        a_voucher(vouchertype="99"),
        a_voucher(prepared="nobody"),
        a_voucher(num=None),
        a_voucher(year="2031", prepareddate="2031-03-31"),
        a_voucher(prepareddate="2026-04-01"),
        a_voucher(OTHER),
        a_voucher(a_line("1002", 2, 0), OTHER),
        a_voucher(a_line("1002", 1.001, 0), OTHER),
        a_voucher(a_line("1002", 1, 1), OTHER),
        a_voucher(a_line("1002", 0, 0), OTHER),
        a_voucher(a_line("9999", 1, 0), OTHER),
        a_voucher(a_line("1405", 1, 0), OTHER),
        a_voucher(a_line("1503", 1, 0), OTHER),
        a_voucher(a_line("1403", 1, 0), OTHER),
        a_voucher(a_line("1012", 1, 0), OTHER),
        a_voucher(a_line("1002", 1, 0, groupdebitamount=None), OTHER),
        a_voucher(a_line("1002", 1, 0, ass=[{"checktypecode": "HB01", "checkvaluecode": "x"}]), OTHER),
        {},
        [],
    ],
)
def test_what_a_ledger_does_not_take_is_refused_and_nothing_is_saved(body: Any) -> None:
    with caller() as site:
        answer = site.call(INSERT, body)
        assert answer["success"] is False and answer["message"]
        assert site.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 0


def test_a_closed_period_is_refused() -> None:
    with caller() as site:
        site.running.site.books.set_period("2026-03", False)
        assert "已结账" in site.call(INSERT, a_voucher())["message"]


def test_aes_is_that_of_the_standard() -> None:
    """FIPS 197, appendix C: the same block under keys of 128, 192 and 256 bits."""
    block = bytes.fromhex("00112233445566778899aabbccddeeff")
    for size, expected in (
        (16, "69c4e0d86a7b0430d8cdb78070b4c55a"),
        (24, "dda97ca4864cdfe06eaf70a0ec0d7191"),
        (32, "8ea2b7ca516745bfeafc49904b496089"),
    ):
        assert crypto._encrypted(block, crypto._schedule(bytes(range(size)))).hex() == expected


def test_the_control_needs_its_token_and_shows_what_was_called() -> None:
    with caller() as site:
        site.call(INSERT, a_voucher())
        assert fetched(f"{site.running.control_url}requests", b"", {})[0] == 403
        shown = {}
        for name in ("requests", "vouchers", "orders", "faults"):
            request = urllib.request.Request(
                f"{site.running.control_url}{name}", headers={"X-Control-Token": site.running.control_token}
            )
            with urllib.request.urlopen(request, timeout=10) as answer:
                shown[name] = json.load(answer)
        assert shown["requests"]["calls"] == {"Token": 1, "InsertVoucher": 1}
        assert [line["account"] for line in shown["vouchers"][0]["lines"]] == ["1002", "6101"]
        assert shown["orders"]
