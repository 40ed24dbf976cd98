"""Kingdee's signatures, against vectors that were computed with the vendor's own Python SDK."""

from __future__ import annotations

import pytest

from connectors.kingdee.signing import login_sign, path_secret, signed_headers

APP_ID = "204399_AAECAwQFBgcICQoLDA0ODxAREhMUFRYX"
APP_SECRET = "0123456789abcdef0123456789abcdef"
PATH = "/k3cloud/Kingdee.BOS.WebApi.ServicesStub.DynamicFormService.ExecuteBillQuery.common.kdsvc"


def test_the_signing_secret_is_derived_from_the_second_part_of_the_application_id() -> None:
    assert path_secret(APP_ID) == ("204399", "MDE3N2I2PzBrPzg4OD45N3IhK3B1InIk")


def test_the_headers_of_a_request_are_the_vendors_own() -> None:
    headers = signed_headers(PATH, APP_ID, APP_SECRET, "65f0c0de0c0de1", "webapi", 2052, 100, 1700000000)
    assert headers == {
        "X-Api-ClientID": "204399",
        "X-Api-Auth-Version": "2.0",
        "x-api-timestamp": "1700000000",
        "x-api-nonce": "1700000000",
        "x-api-signheaders": "x-api-timestamp,x-api-nonce",
        "X-Api-Signature": "N2M1YmZlZTUyZjc5YTRjMzU0MjkxMWVjODQ0YWEwZjQ0NzQyNWZjZjcwNGFhNzg0MzMxOGI5ZmI4YjNlMzUxOA==",
        "X-Kd-Appkey": APP_ID,
        "X-Kd-Appdata": "NjVmMGMwZGUwYzBkZTEsd2ViYXBpLDIwNTIsMTAw",
        "X-Kd-Signature": "NTRjZTQ2N2M5M2FhMTdkNDEyMWRmNjRmMDc1NWZjYzExNWY1Yzk1YTUwNzY0MThhNDAxNWQ3YzQxOGZmNGFkZA==",
    }


def test_the_login_signature_is_over_the_sorted_parts() -> None:
    expected = "a263340492cb906ac380df77f541fb2a92fbfd70690cec21255837766674883e"
    assert login_sign("65f0c0de0c0de1", "webapi", "appid_x", "secret_y", 1700000000) == expected


@pytest.mark.parametrize("app_id", ["", "204399", "204399_short", "a_b_" + "A" * 32, "204399_" + "A" * 33])
def test_an_application_id_of_another_form_is_refused(app_id: str) -> None:
    with pytest.raises(ValueError, match="application id"):
        path_secret(app_id)
