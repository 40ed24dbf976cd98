"""U8 Cloud's wire rules: what travels instead of the password, JSON inside JSON, and what every shape of answer means."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal

import pytest

from connectors.http import HttpAnswer, HttpTransport, Origin
from connectors.u8cloud import U8CloudClient, U8CloudLogin
from connectors.u8cloud.envelope import RefusalTexts, decode, listed, values
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, RateLimited, Rejected, Unavailable
from sandbox.http_server import Answer, Request, StandInServer


def decoded(body: str, *, write: bool = False, status: int = 200) -> bytes:
    answer = HttpAnswer(status, {}, body.encode())
    return decode(answer, write=write, where="call", system="U8 Cloud", texts=RefusalTexts())


def refusal(text: str, code: str = "-32000", status: str = "falied") -> str:
    return json.dumps({"status": status, "errorcode": code, "errormsg": text}, ensure_ascii=False)


def test_the_password_travels_as_its_md5_in_lower_case_hex() -> None:
    # printf 'Abc12345' | md5sum
    assert U8CloudLogin("u", "Abc12345", "HB").digest == "1a64a010767f0725fb52111b0a9e9f84"


def test_a_login_shows_neither_password_nor_digest() -> None:
    login = U8CloudLogin("u", "Abc12345", "HB")
    assert "Abc12345" not in repr(login) and login.digest not in repr(login)


def test_data_is_json_inside_a_json_string_and_keeps_every_digit() -> None:
    inner = '{"datas":[{"n":900719925474.09},{"n":12345678901234567890}],"allcount":"2"}'
    data = decoded(json.dumps({"status": "success", "data": inner}))
    assert data == inner.encode()
    rows, total = listed(data, "allcount")
    assert total == 2
    assert [values(row)["n"] for row in rows] == [Decimal("900719925474.09"), 12345678901234567890]


@pytest.mark.parametrize(
    ("data", "rows"), [('[{"a":1}]', 1), ('{"datas":null}', 0), ('{"datas":[]}', 0), ("null", 0), ("", 0)]
)
def test_a_list_comes_bare_or_wrapped_and_may_be_nothing(data: str, rows: int) -> None:
    found, total = listed(decoded(json.dumps({"status": "success", "data": data})), "allcount")
    assert (len(found), total) == (rows, None)


def test_data_that_is_no_string_is_taken_as_it_is() -> None:
    assert decoded('{"status":"success","data":[{"a":1}]}') == b'[{"a":1}]'


@pytest.mark.parametrize("status", ["falied", "failed", "fail", "error"])
def test_however_a_refusal_is_spelled_it_is_rejected_on_reads_and_writes(status: str) -> None:
    for write in (False, True):
        with pytest.raises(Rejected) as refused:
            decoded(refusal("U8C返回信息:会计期间2026-01已结账", status=status), write=write)
        assert refused.value.vendor_text == "U8C返回信息:会计期间2026-01已结账"
        assert refused.value.vendor_code == "-32000"


def test_a_wrong_login_and_too_many_calls_are_known_by_configured_words() -> None:
    with pytest.raises(AuthFailed):
        decoded(refusal("用户不存在或密码错误"), write=True)
    with pytest.raises(RateLimited) as slow:
        decoded(refusal("访问过于频繁，请稍后再试"), write=True)
    assert slow.value.retry_after == 60


def test_a_refusal_that_speaks_of_a_time_out_leaves_a_write_unknown() -> None:
    with pytest.raises(OutcomeUnknown):
        decoded(refusal("处理超时"), write=True)
    with pytest.raises(Unavailable):
        decoded(refusal("处理超时"))


@pytest.mark.parametrize("status", [401, 403])
def test_a_status_about_the_caller_is_a_matter_of_login(status: int) -> None:
    with pytest.raises(AuthFailed):
        decoded("", status=status)


@pytest.mark.parametrize("body", ["<html>login</html>", "", "not json", '{"status":"success","data":"'])
def test_an_answer_that_cannot_be_read_leaves_a_write_unknown_and_a_read_to_be_repeated(body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        decoded(body, write=True)
    with pytest.raises(Unavailable):
        decoded(body)


def test_neither_success_nor_an_error_breaks_the_contract() -> None:
    with pytest.raises(ContractViolation):
        decoded('{"data":"[]"}')
    with pytest.raises(OutcomeUnknown):
        decoded('{"status":"running"}', write=True)


@contextmanager
def answering(*bodies: str) -> Iterator[tuple[U8CloudClient, list[Request]]]:
    """A client whose calls are answered with these bodies, in turn, and what it sent."""
    left, seen = list(bodies), []

    def application(request: Request) -> Answer:
        seen.append(request)
        return Answer(left.pop(0).encode())

    server = StandInServer(application)
    url = f"http://127.0.0.1:{server.start()}/"
    try:
        login = U8CloudLogin("u", "Abc12345", "HB")
        yield U8CloudClient(HttpTransport(Origin(url), "U8 Cloud"), login, wait=lambda _: None), seen
    finally:
        server.stop()


def test_every_call_carries_user_digest_system_and_translation_and_a_write_its_unique_key() -> None:
    with answering('{"status":"success","data":"[]"}', '{"status":"success","data":"[]"}') as (client, seen):
        client.read_list("so/saleorder/query", {"corp": "0001"})
        client.write("gl/voucher/insert", {"amount": Decimal("12.30")}, "HBKEY")
    read, write = seen
    login = U8CloudLogin("u", "Abc12345", "HB")
    for request in seen:
        sent = {name: request.headers.get(name) for name in ("usercode", "password", "system", "trantype")}
        assert sent == {"usercode": "u", "password": login.digest, "system": "HB", "trantype": "code"}
    assert "uniquekey" not in read.headers and write.headers["uniquekey"] == "HBKEY"
    assert write.path == "/u8cloud/api/gl/voucher/insert"
    assert write.body == b'{"amount":"12.30"}'


def test_a_read_is_repeated_and_a_write_is_not() -> None:
    good = '{"status":"success","data":"[{}]"}'
    with answering("<html>", good) as (client, seen):
        assert client.read_list("x", {}).rows == [b"{}"]
        assert len(seen) == 2
    with answering("<html>", good) as (client, seen), pytest.raises(OutcomeUnknown):
        client.write("x", {}, "K")
    assert len(seen) == 1
