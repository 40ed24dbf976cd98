"""Logins, sessions, rights and the body shapes that clients really send."""

from __future__ import annotations

import hashlib
import json
import time

import pytest
import requests

AUTH = "Kingdee.BOS.WebApi.ServicesStub.AuthService."
FORMS = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService."
QUERY = {"FormId": "BD_UNIT", "FieldKeys": "FNumber", "OrderString": "FNumber ASC"}
UNITS = [["kg"], ["KUN"], ["t"]]


def _sign_login(client, secret: str) -> dict:
    mine, at = client.running.credentials, str(int(time.time()))
    sign = hashlib.sha256("".join(sorted([mine.acct_id, mine.user, mine.app_id, secret, at])).encode()).hexdigest()
    body = {"parameters": [mine.acct_id, mine.user, mine.app_id, at, sign, 2052]}
    return client.post(AUTH + "LoginBySign", body).json()


def test_login_by_sign_opens_a_session(open_site):
    client = open_site(log_in=False)
    answer = _sign_login(client, client.running.credentials.app_secret)
    assert (answer["LoginResultType"], answer["IsSuccessByAPI"]) == (1, True)
    assert client.http.cookies["kdservice-sessionid"] == answer["KDSVCSessionId"]
    assert client.query("BD_UNIT", "FNumber", OrderString="FNumber ASC") == UNITS


def test_login_by_sign_with_a_wrong_secret_fails(open_site):
    answer = _sign_login(open_site(log_in=False), "another secret")
    assert (answer["LoginResultType"], answer["IsSuccessByAPI"], answer["KDSVCSessionId"]) == (-1, False, None)


def test_login_by_app_secret_and_by_password(open_site):
    client = open_site(log_in=False)
    mine = client.running.credentials
    good = client.post(
        AUTH + "LoginByAppSecret", {"parameters": [mine.acct_id, mine.user, mine.app_id, mine.app_secret, 2052]}
    ).json()
    assert good["LoginResultType"] == 1
    bad = client.post(AUTH + "ValidateUser", {"parameters": [mine.acct_id, mine.user, "guess", 2052]}).json()
    assert bad["LoginResultType"] == 0


def test_session_id_in_the_header_alone_is_enough(open_site):
    client = open_site(log_in=False)
    session = client.log_in()["KDSVCSessionId"]
    headers = {"kdservice-sessionid": session}
    answer = requests.post(
        client.running.url + FORMS + "ExecuteBillQuery.common.kdsvc", json={"data": QUERY}, headers=headers, timeout=20
    )
    assert answer.json() == UNITS


def test_after_logout_the_session_is_lost(client):
    assert client.post(AUTH + "Logout", {}).json() is True
    assert client.query("BD_UNIT", "FNumber")[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1


def test_without_a_session_view_is_empty_and_save_is_session_lost(open_site):
    client = open_site(log_in=False)
    assert client.form("View", "GL_VOUCHER", {"Id": "1"}) == {}
    assert client.form("Save", "GL_VOUCHER", {"Model": {}})["Result"]["ResponseStatus"]["MsgCode"] == 1


@pytest.mark.parametrize(
    "body",
    [
        {"data": QUERY},
        {"data": json.dumps(QUERY)},
        {"parameters": [QUERY]},
        {"parameters": [json.dumps(QUERY)]},
        {"format": 1, "useragent": "ApiClient", "rid": "1", "parameters": [QUERY], "timestamp": "", "v": "1.0"},
    ],
)
def test_named_positional_and_old_bodies_mean_the_same(client, body):
    assert client.post(FORMS + "ExecuteBillQuery", body).json() == UNITS


def test_form_encoded_bodies_work_for_login_and_query(open_site):
    client = open_site(log_in=False)
    mine = client.running.credentials
    fields = {"acctID": mine.acct_id, "username": mine.user, "password": mine.password, "lcid": "2052"}
    login = client.http.post(client.running.url + AUTH + "ValidateUser.common.kdsvc", data=fields, timeout=20)
    assert login.json()["LoginResultType"] == 1
    url = client.running.url + FORMS + "ExecuteBillQuery.common.kdsvc"
    assert client.http.post(url, data={"data": json.dumps(QUERY)}, timeout=20).json() == UNITS


@pytest.mark.parametrize("segment", ["k3cloud", "K3Cloud", "K3CLOUD"])
def test_the_site_segment_is_accepted_in_any_case(client, segment):
    url = client.running.url.replace("k3cloud", segment) + FORMS + "ExecuteBillQuery.common.kdsvc"
    assert client.http.post(url, json={"data": QUERY}, timeout=20).json() == UNITS


def test_positional_save_takes_the_form_first(client, voucher):
    body = {"parameters": ["GL_VOUCHER", json.dumps({"Model": voucher()})]}
    assert client.post(FORMS + "Save", body).json()["Result"]["Number"] == "记-0001"


def test_a_reader_may_query_and_not_save_and_a_maker_may_not_audit(open_site, voucher):
    client = open_site(log_in=False)
    mine = client.running.credentials
    client.post(AUTH + "ValidateUser", {"parameters": [mine.acct_id, mine.read_only_user, mine.password, 2052]})
    assert client.query("BD_UNIT", "FNumber", OrderString="FNumber ASC") == UNITS
    assert client.form("Save", "GL_VOUCHER", {"Model": voucher()})["Result"]["ResponseStatus"]["IsSuccess"] is False
    client.post(AUTH + "ValidateUser", {"parameters": [mine.acct_id, mine.maker_user, mine.password, 2052]})
    saved = client.form("Save", "GL_VOUCHER", {"Model": voucher()})["Result"]
    ids = {"Ids": str(saved["Id"])}
    assert client.form("Submit", "GL_VOUCHER", ids)["Result"]["ResponseStatus"]["IsSuccess"] is True
    assert client.form("Audit", "GL_VOUCHER", ids)["Result"]["ResponseStatus"]["IsSuccess"] is False


@pytest.mark.parametrize("body", [b"{", b"[]", b"[" * 100_000, b'{"data": "{"}'])
def test_a_body_that_is_no_object_is_refused_inside_http_200(client, body):
    url = client.running.url + FORMS + "ExecuteBillQuery.common.kdsvc"
    answer = client.http.post(url, data=body, headers={"Content-Type": "application/json"}, timeout=20)
    assert answer.status_code == 200
    assert answer.json()["Result"]["ResponseStatus"]["IsSuccess"] is False


def test_an_unknown_service_answers_an_error_text(client):
    answer = client.post("Kingdee.BOS.WebApi.ServicesStub.Nothing.There", {})
    assert answer.status_code == 200
    assert answer.text.startswith("response_error:")
