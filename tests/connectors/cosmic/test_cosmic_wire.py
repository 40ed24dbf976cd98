"""Cosmic's wire rules: what a token request carries, which headers a call has, and what every shape of answer means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import Any

import pytest

from connectors.cosmic import CosmicClient, CosmicLogin, Headers
from connectors.cosmic.envelope import RefusalTexts, TokenRefused, decode, document_errors, values
from connectors.http import HttpAnswer, HttpTransport, Origin
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, RateLimited, Rejected, Unavailable
from sandbox.http_server import Answer, Request, StandInServer

NOW = 1774944000.0  # 2026-03-31 08:00 UTC
LOGIN = CosmicLogin("app", "s3cret-of-app", "li", "169849", "gateway-identity-x")


def decoded(body: str, *, write: bool = False, status: int = 200) -> bytes:
    answer = HttpAnswer(status, {}, body.encode())
    return decode(answer, write=write, where="call", system="Cosmic", texts=RefusalTexts())


def envelope(data: Any = None, code: Any = "0", message: Any = None, status: Any = True) -> str:
    return json.dumps({"data": data, "errorCode": code, "message": message, "status": status}, ensure_ascii=False)


@pytest.mark.parametrize(("code", "status"), [("0", True), (0, True), ("", True), ("0", "true")])
def test_success_needs_status_and_code(code: Any, status: Any) -> None:
    assert decoded(envelope({"a": 1}, code, status=status)) == b'{"a": 1}'


def test_numbers_keep_every_digit() -> None:
    body = '{"data":[900719925474.09,12345678901234567890],"errorCode":"0","status":true}'
    assert values(decoded(body)) == [Decimal("900719925474.09"), 12345678901234567890]


@pytest.mark.parametrize(
    "body", [envelope(code="404", message="no path", status=False), envelope(code="603", status=False)]
)
def test_a_refusal_is_rejected_on_reads_and_writes(body: str) -> None:
    for write in (False, True):
        with pytest.raises(Rejected):
            decoded(body, write=write)


def test_a_refusal_without_words_takes_those_of_its_documents() -> None:
    result = {
        "billStatus": False,
        "errors": [{"entityKey": "gl_voucher", "keys": {}, "rowMsg": ["期间已结账", "科目不存在"]}],
    }
    with pytest.raises(Rejected) as refused:
        decoded(envelope({"result": [result]}, "500", None, False), write=True)
    assert refused.value.vendor_text == "期间已结账; 科目不存在"
    for errors in (["a", "b"], [{"message": "a"}, {"msg": "b"}], "a; b"):
        assert document_errors({"errors": errors}) == "a; b"
    assert document_errors({}) == "(no message)"


@pytest.mark.parametrize(
    "body", [envelope(code="401", status=False), envelope(code=401, status=True), envelope(code="612")]
)
def test_a_bad_token_is_told_inside_a_200(body: str) -> None:
    with pytest.raises(TokenRefused):
        decoded(body)
    with pytest.raises(TokenRefused):
        decoded("", status=401)


def test_too_many_calls_are_known_by_configured_words() -> None:
    with pytest.raises(RateLimited) as slow:
        decoded(envelope(code="500", message="接口调用频率超过限制", status=False), write=True)
    assert slow.value.retry_after == 60


@pytest.mark.parametrize("body", ["<html>", "", "no", envelope(code="500", message="接口执行超时", status=False)])
def test_what_says_nothing_leaves_a_write_unknown_and_a_read_to_be_repeated(body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        decoded(body, write=True)
    with pytest.raises(Unavailable):
        decoded(body)


def test_neither_success_nor_an_error_breaks_the_contract() -> None:
    with pytest.raises(ContractViolation):
        decoded('{"data":[]}')
    with pytest.raises(OutcomeUnknown):
        decoded('{"data":[]}', write=True)


TOKEN = envelope({"access_token": "tok-1", "token_type": "Bearer", "expires_in": "7199977"})


@contextmanager
def answering(*bodies: str, headers: Headers | None = None) -> Iterator[tuple[CosmicClient, list[Request]]]:
    """A client whose calls are answered with these bodies, in turn, and what it sent."""
    left, seen = list(bodies), []

    def application(request: Request) -> Answer:
        seen.append(request)
        return Answer(left.pop(0).encode())

    server = StandInServer(application)
    transport = HttpTransport(Origin(f"http://127.0.0.1:{server.start()}/ierp"), "Cosmic")
    try:
        yield CosmicClient(transport, LOGIN, now=lambda: NOW, wait=lambda _: None, headers=headers), seen
    finally:
        server.stop()


@pytest.mark.parametrize(("style", "stamp"), [("local", "2026-03-31 16:00:00"), ("utc", "2026-03-31T08:00:00.000Z")])
def test_a_token_request_names_who_calls_and_when_with_a_fresh_nonce(style: str, stamp: str) -> None:
    nonces = set()
    for _ in range(2):
        with answering(TOKEN, headers=Headers(timestamp=style)) as (client, seen):
            client.log_in()
        (request,) = seen
        body = json.loads(request.body)
        nonces.add(body.pop("nonce"))
        assert request.path == "/ierp/kapi/oauth2/getToken"
        assert request.headers["x-acgw-identity"] == "gateway-identity-x"
        assert body == {
            "client_id": "app", "client_secret": "s3cret-of-app", "username": "li", "accountId": "169849",
            "language": "zh_CN", "timestamp": stamp,
        }  # fmt: skip
    assert len(nonces) == 2


def test_one_token_serves_many_calls_in_the_configured_header() -> None:
    page = envelope({"rows": [{"n": 0.10}], "totalCount": 1})
    headers = Headers(token="X-Token", idempotency="X-Once")
    with answering(TOKEN, page, page, envelope({"result": []}), headers=headers) as (client, seen):
        assert client.read_page("a", {"data": {}, "pageNo": 1}).total == 1
        client.read_page("a", {})
        client.write("b", {"amount": Decimal("12.30")}, "HBKEY")
    assert [request.headers.get("x-token") for request in seen] == [None, "tok-1", "tok-1", "tok-1"]
    assert seen[-1].headers["x-once"] == "HBKEY" and "x-once" not in seen[1].headers
    assert seen[-1].body == b'{"amount":12.30}'


@pytest.mark.parametrize(
    ("data", "total"),
    [
        ({"rows": [{}, {}], "totalCount": "7"}, 7),
        ({"rows": [{}, {}], "count": 7}, 7),
        ({"rows": [{}, {}], "lastPage": True}, 2),
        ({"rows": [{}, {}], "lastPage": False}, None),
        ({"rows": None}, None),
        (None, None),
    ],
)
def test_a_page_counts_in_several_ways_or_not_at_all(data: Any, total: int | None) -> None:
    with answering(TOKEN, envelope(data)) as (client, _):
        assert client.read_page("a", {"pageNo": 1}).total == total


def test_a_refused_token_is_renewed_once_for_a_read_and_never_for_a_write() -> None:
    ended, page = envelope(code="401", status=False), envelope({"rows": []})
    with answering(TOKEN, ended, TOKEN, page) as (client, seen):
        assert client.read_page("a", {}).rows == []
        assert len(seen) == 4
    with answering(TOKEN, ended, TOKEN, ended) as (client, _), pytest.raises(AuthFailed):
        client.read_page("a", {})
    with answering(TOKEN, ended) as (client, seen), pytest.raises(OutcomeUnknown):
        client.write("a", {}, "K")
    assert len(seen) == 2


def test_a_refused_login_is_not_repeated_because_five_of_them_lock() -> None:
    wrong = envelope(code="401", message="第 1 次密钥验证失败", status=False)
    with answering(wrong, TOKEN) as (client, seen), pytest.raises(AuthFailed, match="密钥验证失败"):
        client.read_page("a", {})
    assert len(seen) == 1


def test_the_header_that_works_is_found_out() -> None:
    ended, page = envelope(code="401", status=False), envelope({"rows": []})
    with answering(TOKEN, ended, page, headers=Headers(token="X-Wrong")) as (client, _):
        assert client.header_that_works("a", {}) == "accesstoken"
    with answering(TOKEN, ended, ended) as (client, _):
        assert client.header_that_works("a", {}) is None


def test_a_login_shows_no_secret_and_a_style_that_is_unknown_is_refused() -> None:
    assert "s3cret" not in repr(LOGIN) and "gateway" not in repr(LOGIN)
    with pytest.raises(ValueError, match="timestamp_style"):
        Headers(timestamp="swatch")
