"""Every shape in which Kingdee answers, and the one word for what to do next."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest

from connectors.http import HttpAnswer
from connectors.kingdee.envelope import SessionLost, decode, error_text, response_status
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, Rejected, Unavailable

LOST = "会话信息已丢失，请重新登录"
STOPPED = "请求参数存在可疑数据,当前请求已经被拦截规则[caller_in_less_Point_Bracket]阻止!"


def status(success: Any, *errors: dict[str, Any], code: int = 0, **more: Any) -> dict[str, Any]:
    return {"Result": {"ResponseStatus": {"IsSuccess": success, "Errors": list(errors), "MsgCode": code, **more}}}


def trouble(text: str, field: str | None = None, place: int = 0) -> dict[str, Any]:
    return {"FieldName": field, "Message": text, "DIndex": place}


def read(body: Any, *, http: int = 200, write: bool = False) -> Any:
    raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
    return decode(HttpAnswer(http, {}, raw), write=write, where="Save", system="Kingdee")


REFUSED = status(False, trouble("不存在", "FACCOUNTID"), trouble("不平", "FDEBIT", 1), code=9)
LOST_BODY = status(False, trouble(LOST), code=1, ErrorCode=500)
BARE = {"Result": {"ResponseStatus": {"IsSuccess": False}}}
FIREWALL = [{"actionname": "showConfirm", "params": [{"title": "", "msg": STOPPED, "option": 0, "msgType": 0}]}]

SHAPES = {
    # name: (HTTP status, body, error after a read, error after a write)
    "refused": (200, REFUSED, Rejected, Rejected),
    "refused in two lists": (200, [[REFUSED]], Rejected, Rejected),
    "refused, flag as text": (200, status("false", trouble("x")), Rejected, Rejected),
    "refused, flag as capital text": (200, status("False", trouble("x")), Rejected, Rejected),
    "refused without a word": (200, status(False), Rejected, Rejected),
    "refused, errors null": (200, {"Result": {"ResponseStatus": {"IsSuccess": False, "Errors": None}}}, Rejected, Rejected),
    "refused without an error list": (200, BARE, ContractViolation, ContractViolation),
    "session lost": (200, LOST_BODY, SessionLost, SessionLost),
    "session lost in two lists": (200, [[LOST_BODY]], SessionLost, SessionLost),
    "401": (401, b"", SessionLost, SessionLost),
    "web firewall": (200, FIREWALL, Rejected, Rejected),
    "web firewall without parameters": (200, [{"actionname": "showConfirm"}], Rejected, Rejected),
    "error as text": (200, b"response_error:there was an error", Rejected, Rejected),
    "login page": (200, b"<!DOCTYPE html><html></html>", Unavailable, OutcomeUnknown),
    "page with a byte order mark": (200, b"\xef\xbb\xbf<html></html>", Unavailable, OutcomeUnknown),
    "nothing": (200, b"", Unavailable, OutcomeUnknown),
    "half a body": (200, b'{"Result":{"ResponseStatus":{"IsSucc', Unavailable, OutcomeUnknown),
    "not UTF-8": (200, b'{"Result":"\xff\xfe"}', Unavailable, OutcomeUnknown),
    "403 page": (403, b"<html></html>", Unavailable, OutcomeUnknown),
    "404 without a code": (404, {"message": "no"}, Unavailable, OutcomeUnknown),
    "422 with the gateway's own code": (422, {"errcode": 5001, "description": "unknown API"}, Rejected, Rejected),
    "gateway: old timestamp": (519, {"errcode": 4006, "description": "X-Api-TimeStamp过期"}, AuthFailed, AuthFailed),
    "gateway: old timestamp, code as text": (519, {"errcode": "4006"}, AuthFailed, AuthFailed),
    "gateway: no application id": (519, {"errcode": 4002}, AuthFailed, AuthFailed),
    "gateway: anything else": (519, {"errcode": 4999}, Unavailable, OutcomeUnknown),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("write", [False, True], ids=["read", "write"])
def test_each_shape_says_what_to_do_next(name: str, write: bool) -> None:
    http, body, after_read, after_write = SHAPES[name]
    with pytest.raises(after_write if write else after_read) as raised:
        read(body, http=http, write=write)
    assert type(raised.value) is (after_write if write else after_read)


@pytest.mark.parametrize(
    "body",
    [
        status(True, Id=1),
        status("true"),
        status("True"),
        {"Result": {"Id": 1}},
        [],
        [[1, "x"]],
        True,
        {},
        status(False, trouble("x"), SuccessEntitys=[{"Id": "1", "Number": "记-0001", "DIndex": 0}]),
    ],
)
def test_what_did_something_is_answered_whole(body: Any) -> None:
    assert read(body, write=True) == body


def test_the_vendors_words_stay_unchanged_with_the_field_before_them() -> None:
    with pytest.raises(Rejected) as raised:
        read(REFUSED)
    assert raised.value.vendor_text == "FACCOUNTID: 不存在; FDEBIT: 不平"
    assert raised.value.vendor_code == "9"
    status_of = response_status([[REFUSED]])
    assert status_of is not None
    assert error_text(status_of, 1) == "FDEBIT: 不平"
    assert error_text(status_of, 2) == "(no message)"


def test_the_firewalls_words_and_the_text_errors_stay_unchanged() -> None:
    with pytest.raises(Rejected) as raised:
        read(FIREWALL)
    assert raised.value.vendor_text == STOPPED
    with pytest.raises(Rejected) as raised:
        read(b"response_error:there was an error")
    assert raised.value.vendor_text == "there was an error"


def test_fractions_are_exact() -> None:
    assert read(b'{"a":0.1,"b":12345678901234567.89,"c":7}') == {
        "a": Decimal("0.1"),
        "b": Decimal("12345678901234567.89"),
        "c": 7,
    }
