"""The stand-in's signatures against published vectors, and whom the gate lets in."""

from __future__ import annotations

import base64
from collections.abc import Callable
from typing import Any

import pytest

from sandbox.kingdee.sessions import Credentials, Gate, NotAllowed
from sandbox.kingdee.signing import (
    client_secret,
    gateway_signature,
    login_sign,
    seconds_of,
    signature_fault,
    site_signature,
)

APP_ID = "204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
SECRET = "0123456789abcdef0123456789abcdef"
PATH = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.ExecuteBillQuery.common.kdsvc"
APP_DATA = "65f0c0de0c0de1,webapi,2052,100"
GATEWAY = "N2M1YmZlZTUyZjc5YTRjMzU0MjkxMWVjODQ0YWEwZjQ0NzQyNWZjZjcwNGFhNzg0MzMxOGI5ZmI4YjNlMzUxOA=="
SITE = "NTRjZTQ2N2M5M2FhMTdkNDEyMWRmNjRmMDc1NWZjYzExNWY1Yzk1YTUwNzY0MThhNDAxNWQ3YzQxOGZmNGFkZA=="
NOW = 1_700_000_000


def test_both_signatures_equal_the_published_vector():
    assert client_secret(APP_ID) == "MDE3N2I2PzBrPzg4OD45N3IhK3B1InIk"
    assert gateway_signature(PATH, str(NOW), str(NOW), APP_ID) == GATEWAY
    assert base64.b64encode(APP_DATA.encode()).decode() == "NjVmMGMwZGUwYzBkZTEsd2ViYXBpLDIwNTIsMTAw"
    assert site_signature(APP_ID, APP_DATA, SECRET) == SITE


def test_login_sign_equals_the_published_vector():
    parts = ("65f0c0de0c0de1", "webapi", "appid_x", "secret_y", "1700000000")
    assert login_sign(parts) == "a263340492cb906ac380df77f541fb2a92fbfd70690cec21255837766674883e"


@pytest.mark.parametrize("app_id", ["", "no-underscore", "1_short", "1_2_3", "9_" + "!" * 32])
def test_an_app_id_of_another_shape_hides_no_client_secret(app_id):
    assert client_secret(app_id) == ""


def test_timestamps_may_be_seconds_or_milliseconds():
    assert seconds_of("1700000000") == seconds_of("1700000000000") == NOW
    assert seconds_of("") is None
    assert seconds_of("-1") is None
    assert seconds_of("9" * 40) is None


def _headers(**changes: str) -> dict[str, str]:
    return {
        "x-api-timestamp": str(NOW),
        "x-api-nonce": str(NOW),
        "x-api-signature": GATEWAY,
        "x-kd-appkey": APP_ID,
        "x-kd-appdata": base64.b64encode(APP_DATA.encode()).decode(),
        "x-kd-signature": SITE,
        **changes,
    }


def _gate(now: float = NOW) -> Gate:
    mine = Credentials("65f0c0de0c0de1", "webapi", "secret word", APP_ID, SECRET, "reader", "maker")
    roles = {"webapi": "clerk", "reader": "reader"}
    return Gate(mine, frozenset({"100"}), roles.get, clock=lambda: now)


@pytest.mark.parametrize(
    ("changes", "fault"),
    [
        ({}, ""),
        ({"x-api-signature": SITE}, "gateway"),
        ({"x-api-nonce": "1"}, "gateway"),
        ({"x-kd-signature": GATEWAY}, "site"),
        ({"x-kd-appdata": base64.b64encode(b"other,webapi,2052,100").decode()}, "site"),
        ({"x-kd-appdata": "not base64!"}, "appdata"),
    ],
)
def test_each_signature_is_checked(changes, fault):
    assert signature_fault(_headers(**changes), PATH, APP_ID, SECRET) == fault


def test_signed_caller_is_let_in_and_given_a_session_that_works_alone():
    gate = _gate()
    user, session = gate.admit(_headers(), PATH)
    assert user == "webapi"
    assert gate.admit({"kdservice-sessionid": session}, PATH) == ("webapi", None)
    assert gate.admit({"cookie": f"Theme=standard;kdservice-sessionid={session}"}, PATH) == ("webapi", None)


def test_a_stale_session_is_refused_even_beside_good_signatures():
    with pytest.raises(NotAllowed) as refused:
        _gate().admit(_headers(**{"kdservice-sessionid": "long gone"}), PATH)
    assert refused.value.reason == "session"


@pytest.mark.parametrize("minutes", [-13, 13])
def test_a_timestamp_outside_the_window_is_expired(minutes):
    with pytest.raises(NotAllowed) as refused:
        _gate(NOW + minutes * 60).admit(_headers(), PATH)
    assert refused.value.reason == "expired"


def test_a_session_ends_after_twenty_idle_minutes():
    gate = _gate()
    session = gate.open_session("webapi")
    gate.clock = lambda: NOW + 1201
    with pytest.raises(NotAllowed):
        gate.admit({"kdservice-sessionid": session}, PATH)


def test_expired_and_unnamed_apps_are_turned_away_by_the_gateway_with_519(open_site: Callable[..., Any]):
    client = open_site(log_in=False)
    service = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.ExecuteBillQuery"
    old = client.post(service, {"data": {}}, headers={**_headers(), "x-api-timestamp": "1600000000"})
    assert (old.status_code, old.json()["errcode"]) == (519, 4006)
    unnamed = client.post(service, {"data": {}}, headers={"x-kd-signature": "x"})
    assert (unnamed.status_code, unnamed.json()["errcode"]) == (519, 4002)
