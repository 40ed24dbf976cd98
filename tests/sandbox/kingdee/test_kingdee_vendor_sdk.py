"""The vendor's own Python SDK works against the stand-in: an independent proof that it speaks the vendor's protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest
from k3cloud_webapi_sdk.main import K3CloudApiSdk


@pytest.fixture
def sdk_for():
    def build(client: Any, **changes: Any) -> K3CloudApiSdk:
        mine = client.running.credentials
        chosen = {"acct_id": mine.acct_id, "user_name": mine.user, "app_id": mine.app_id, "app_secret": mine.app_secret}
        sdk = K3CloudApiSdk(client.running.url, timeout=20)
        sdk.InitConfig(**{**chosen, **changes}, server_url=client.running.url, lcid=2052, org_num=100)
        return sdk

    return build


def _query(sdk: K3CloudApiSdk, **changes: Any) -> Any:
    request = {"FormId": "SAL_SaleOrder", "FieldKeys": "FID,FBillNo", "OrderString": "FID ASC", "Limit": 2000}
    return json.loads(sdk.ExecuteBillQuery({**request, **changes}))


def test_sdk_signs_in_and_queries_orders_with_their_lines(client, sdk_for):
    keys = "FBillNo,FSaleOrderEntry_FEntryID,FMaterialId.FNumber,FQty"
    rows = _query(sdk_for(client), FieldKeys=keys)
    assert len(rows) > 100
    assert all(number.startswith("XSDD") and isinstance(line, int) and quantity for number, line, _, quantity in rows)


def test_sdk_pages_through_every_row_once(client, sdk_for):
    sdk = sdk_for(client)
    keys = "FBillNo,FSaleOrderEntry_FEntryID"
    order = "FID ASC, FSaleOrderEntry_FEntryID ASC"
    pages: list[Any] = []
    while True:
        page = _query(sdk, FieldKeys=keys, OrderString=order, Limit=40, StartRow=40 * len(pages))
        pages.append(page)
        if len(page) < 40:
            break
    together = [row[1] for page in pages for row in page]
    assert together == [row[1] for row in _query(sdk, FieldKeys=keys, OrderString=order)]
    assert len(set(together)) == len(together) > 40


def test_sdk_saves_submits_and_views_a_voucher(client, sdk_for, voucher):
    sdk = sdk_for(client)
    saved = json.loads(sdk.Save("GL_VOUCHER", {"Model": voucher()}))["Result"]
    assert saved["ResponseStatus"]["IsSuccess"] is True
    assert saved["Number"] == "记-0001"
    submitted = json.loads(sdk.Submit("GL_VOUCHER", {"Ids": str(saved["Id"])}))["Result"]["ResponseStatus"]
    assert submitted["SuccessEntitys"] == [{"Id": str(saved["Id"]), "Number": "记-0001", "DIndex": 0}]
    shown = json.loads(sdk.View("GL_VOUCHER", {"Id": str(saved["Id"])}))["Result"]["Result"]
    assert shown["DocumentStatus"] == "B"
    assert shown["VOUCHERGROUPNO"] == "1"
    assert shown["DEBITTOTAL"] == shown["FCREDITTOTAL"] == 1200.0
    assert [line["FCREDIT"[1:]] for line in shown["GL_VOUCHERENTRY"]] == [0.0, 1200.0]


def test_sdk_polls_a_batch_save_until_it_is_done(client, sdk_for, voucher, monkeypatch):
    monkeypatch.setattr("time.sleep", lambda _: None)
    models = [voucher(), {**voucher(), "FDate": ""}, voucher(50.5)]
    answer = json.loads(sdk_for(client).BatchSaveQuery("GL_VOUCHER", {"Model": models}))["Result"]["ResponseStatus"]
    assert answer["IsSuccess"] is False
    assert [one["DIndex"] for one in answer["SuccessEntitys"]] == [0, 2]
    assert {one["DIndex"] for one in answer["Errors"]} == {1}


def test_sdk_sends_the_session_cookie_back(client, sdk_for):
    sdk = sdk_for(client)
    _query(sdk)
    first = sdk.cookiesStore.SID
    _query(sdk)
    assert first and first == sdk.cookiesStore.SID
    assert sdk.cookiesStore.cookies["kdservice-sessionid"].value == first


@pytest.mark.parametrize("wrong", [{"app_secret": "f" * 32}, {"acct_id": "0" * 14}, {"user_name": "nobody"}])
def test_wrong_secret_account_set_or_user_reads_as_session_lost(client, sdk_for, wrong):
    status = _query(sdk_for(client, **wrong))[0][0]["Result"]["ResponseStatus"]
    assert status["MsgCode"] == 1
    assert status["IsSuccess"] is False
    assert status["Errors"][0]["Message"] == "会话信息已丢失，请重新登录"


def test_session_lost_comes_wrapped_from_a_query_and_bare_from_a_save(client, sdk_for, voucher):
    sdk = sdk_for(client)
    _query(sdk)
    client.control("sessions", {})
    assert _query(sdk)[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1
    assert json.loads(sdk.Save("GL_VOUCHER", {"Model": voucher()}))["Result"]["ResponseStatus"]["MsgCode"] == 1
    assert client.control("vouchers") == []


def test_sdk_raises_on_http_500(client, sdk_for):
    client.control("faults", {"fault": "error_500_before=1x"})
    with pytest.raises(RuntimeError, match="500"):
        _query(sdk_for(client))


def test_sdk_lists_the_data_centre_and_describes_a_form(client, sdk_for):
    sdk = sdk_for(client)
    assert [one["Id"] for one in json.loads(sdk.GetDataCenters())] == [client.running.credentials.acct_id]
    info = json.loads(sdk.QueryBusinessInfo({"FormId": "SAL_SaleOrder"}))["Result"]["NeedReturnData"]
    lines = next(one for one in info["Entrys"] if one["Key"] == "FSaleOrderEntry")
    custom = {one["Key"]: one for one in lines["Fields"] if one["IsCustom"]}
    assert set(custom) == {"F_HB_Pricing", "F_HB_RefMonth", "F_HB_Premium", "F_HB_Hedge"}
    assert [key for key, one in custom.items() if one["EditableAfterAudit"]] == ["F_HB_Hedge"]
