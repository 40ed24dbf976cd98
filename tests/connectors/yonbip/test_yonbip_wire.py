"""YonBIP's wire rules: the signature of a token request, and what every shape of answer means."""

from __future__ import annotations

import logging
from decimal import Decimal

import pytest

from connectors.http import HttpAnswer
from connectors.yonbip import YonBipLogin
from connectors.yonbip.envelope import TokenRefused, decode, values
from connectors.yonbip.signing import signature, token_query
from hedge_core.errors import ContractViolation, OutcomeUnknown, RateLimited, Rejected, Unavailable


def answer(body: str, status: int = 200) -> HttpAnswer:
    return HttpAnswer(status, {}, body.encode())


def decoded(body: str, *, write: bool = False, status: int = 200) -> bytes:
    return decode(answer(body, status), write=write, where="call", system="YonBIP")


# Computed with openssl: printf 'appKeydemo-app+keytimestamp1774944000000' | openssl dgst -sha256 -hmac … -binary | base64
GOLDEN = "hwpPbGvEIpA+Rc+f8ByZts8jdoBk3dlcrbHq67nZCiE="


def test_the_signature_is_the_base64_of_the_raw_digest_over_sorted_parameters() -> None:
    given = {"timestamp": "1774944000000", "appKey": "demo-app+key"}
    assert signature(given, "s3cret/for+tests") == GOLDEN


def test_every_parameter_of_a_token_request_is_encoded_exactly_once() -> None:
    query = token_query("demo-app+key", "s3cret/for+tests", 1774944000000)
    encoded = GOLDEN.replace("+", "%2B").replace("=", "%3D")
    assert query == f"appKey=demo-app%2Bkey&timestamp=1774944000000&signature={encoded}"


@pytest.mark.parametrize("code", ['"200"', "200", '"00000"'])
def test_success_comes_as_text_or_as_a_number(code: str) -> None:
    assert decoded(f'{{"code":{code},"message":"OK","data":{{"a":1}}}}') == b'{"a":1}'


def test_numbers_keep_every_digit() -> None:
    data = decoded('{"code":"200","data":[900719925474.09,0.1,12345678901234567890]}')
    assert values(data) == [Decimal("900719925474.09"), Decimal("0.1"), 12345678901234567890]


@pytest.mark.parametrize(
    "body",
    [
        '{"code":"404","message":"凭证保存不成功,账簿code不能为空！","data":{}}',
        '{"code":999,"displayCode":"XXX-XXX-XXXXXX","level":0,"message":"客户名称不能为空!"}',
        '{"code":0,"message":"no","data":null}',
        '{"success":false,"code":0,"message":"no"}',
        '{"success":false,"code":"200","message":"no"}',
        '{"code":"200","message":"ok","data":{"count":2,"sucessCount":1,"failCount":1,"messages":["第2行不存在"]}}',
        '{"code":"310037","message":"API not authorised"}',
    ],
)
def test_every_shape_of_a_refusal_is_rejected_on_reads_and_writes(body: str) -> None:
    for write in (False, True):
        with pytest.raises(Rejected):
            decoded(body, write=write)


@pytest.mark.parametrize(("code", "status"), [("310404", 404), ("310405", 405), ("310404", 200), ("310405", 200)])
def test_an_address_that_is_not_there_is_a_refusal_with_its_code_whatever_the_status(code: str, status: int) -> None:
    """The gateway passed nothing on, so that a write is refused and not unknown."""
    for write in (False, True):
        with pytest.raises(Rejected) as refused:
            decoded(f'{{"code":{code},"message":"no"}}', write=write, status=status)
        assert refused.value.vendor_code == code


def test_the_vendors_words_are_kept_unchanged() -> None:
    with pytest.raises(Rejected) as refused:
        decoded('{"code":"404","message":"凭证保存不成功,账簿code不能为空！","data":{}}')
    assert (refused.value.vendor_code, refused.value.vendor_text) == ("404", "凭证保存不成功,账簿code不能为空！")
    with pytest.raises(Rejected) as hidden:
        decoded('{"code":"200","message":"ok","data":{"failCount":"1","messages":["第2行不存在","第3行不存在"]}}')
    assert hidden.value.vendor_text == "第2行不存在; 第3行不存在"


@pytest.mark.parametrize("body", ['{"code":310036,"message":"非法token"}', '{"code":"310001"}', "非法token"])
def test_a_bad_token_is_told_in_json_and_in_plain_text(body: str) -> None:
    with pytest.raises(TokenRefused):
        decoded(body)


@pytest.mark.parametrize("code", ["310032", "310039", "310042", "310046"])
def test_every_quota_is_rate_limited_also_without_a_429(code: str) -> None:
    with pytest.raises(RateLimited) as refused:
        decoded(f'{{"code":{code},"message":"too many"}}', write=True)
    assert refused.value.retry_after == 60


@pytest.mark.parametrize(
    "body",
    [
        "<html>login</html>",
        "",
        '{"code":"999","message":"服务端逻辑异常"}',
        '{"code":310504,"message":"timeout"}',
        '{"code":202}',
    ],
)
def test_an_answer_that_says_nothing_leaves_a_write_unknown_and_a_read_to_be_repeated(body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        decoded(body, write=True)
    with pytest.raises(Unavailable):
        decoded(body)


def test_a_call_that_the_gateway_did_not_pass_on_is_unavailable_also_on_a_write() -> None:
    with pytest.raises(Unavailable):
        decoded('{"code":"310043","message":"circuit broken"}', write=True)


def test_json_without_a_code_breaks_the_contract_and_leaves_a_write_unknown() -> None:
    with pytest.raises(ContractViolation):
        decoded('{"data":[]}')
    with pytest.raises(OutcomeUnknown):
        decoded('{"data":[]}', write=True)


def test_a_login_does_not_show_its_secret() -> None:
    assert "s3cret" not in repr(YonBipLogin("tenant", "s3cret-key", "s3cret"))


def test_tokens_are_taken_out_of_logged_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").debug("%s %s", "POST", "/a?access_token=abc%2Bdef&x=1&signature=zzz")
    assert caplog.messages[-1] == "POST /a?access_token=***&x=1&signature=***"
