"""The relay's wire rules: what every shape of answer means, where secrets stay, and what a token that ended does."""

from __future__ import annotations

import logging
import traceback
from decimal import Decimal

import pytest

from connectors.http import HttpAnswer, HttpTransport, Origin
from connectors.u8openapi import Signals, U8Client, U8Login, values
from connectors.u8openapi.envelope import TokenRefused, decode
from hedge_core.errors import ContractViolation, OutcomeUnknown, RateLimited, Rejected, Unavailable


def decoded(body: str | bytes, *, write: bool = False, status: int = 200, signals: Signals | None = None) -> object:
    raw = body if isinstance(body, bytes) else body.encode()
    return decode(HttpAnswer(status, {}, raw), signals or Signals(), write=write, where="call", system="U8+")


@pytest.mark.parametrize("code", ['"0"', "0"])
def test_success_is_a_zero_as_text_or_as_a_number(code: str) -> None:
    members = decoded(f'{{"errcode":{code},"errmsg":"","id":"7"}}')
    assert values(bytes(members["id"])) == "7"  # type: ignore[index]


def test_a_byte_order_mark_is_no_reason_to_fail() -> None:
    assert decoded(b'\xef\xbb\xbf{"errcode":"0"}')


def test_numbers_that_come_as_text_keep_every_digit_and_those_that_do_not_are_exact() -> None:
    members = decoded('{"errcode":"0","rows":["900719925474.090000",900719925474.09]}')
    assert values(bytes(members["rows"])) == ["900719925474.090000", Decimal("900719925474.09")]  # type: ignore[index]


def test_the_vendors_words_are_kept_unchanged() -> None:
    with pytest.raises(Rejected) as refused:
        decoded('{"errcode":"30021","errmsg":"此应用未上线"}', write=True)
    assert (refused.value.vendor_code, refused.value.vendor_text) == ("30021", "此应用未上线")


@pytest.mark.parametrize("body", ["<html>login</html>", "", "[]", "null", '"0"', "busy"])
def test_what_is_no_answer_leaves_a_write_unknown_and_a_read_to_be_repeated(body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        decoded(body, write=True)
    with pytest.raises(Unavailable):
        decoded(body)


def test_an_answer_without_a_code_breaks_the_contract_and_leaves_a_write_unknown() -> None:
    with pytest.raises(ContractViolation):
        decoded('{"saleorderlist":[]}')
    with pytest.raises(OutcomeUnknown):
        decoded('{"id":"1"}', write=True)


def test_success_with_a_strange_status_proves_nothing() -> None:
    with pytest.raises(OutcomeUnknown):
        decoded('{"errcode":"0"}', write=True, status=404)


def test_words_and_codes_of_a_refusal_are_data() -> None:
    for body in ('{"errcode":"1","errmsg":"无效的Token"}', '{"errcode":"20009","errmsg":"?"}'):
        with pytest.raises(TokenRefused):
            decoded(body, signals=Signals(token_codes=frozenset({"20009"})))
    with pytest.raises(RateLimited) as limited:
        decoded('{"errcode":"1","errmsg":"接口调用过于频繁"}', write=True)
    assert limited.value.retry_after == 60
    with pytest.raises(OutcomeUnknown):
        decoded('{"errcode":"-1","errmsg":"系统繁忙"}', write=True)
    with pytest.raises(Rejected):
        decoded('{"errcode":"-1","errmsg":"系统繁忙"}', write=True, signals=Signals(unsure_words=()))


def test_a_login_does_not_show_its_secret() -> None:
    assert "s3cret" not in repr(U8Login("a", "b", "s3cret-key", "s3cret"))


def test_secrets_are_taken_out_of_logged_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").debug(
        "%s %s", "GET", "/system/token?app_key=k&app_secret=abc&token=t1&x=1"
    )
    assert caplog.messages[-1] == "GET /system/token?app_key=***&app_secret=***&token=***&x=1"


def test_an_error_of_the_network_does_not_quote_the_address_with_the_secret() -> None:
    login = U8Login("caller", "provider", "key", "s3cret-of-the-application")
    transport = HttpTransport(Origin("http://127.0.0.1:9/"), "U8+", call_seconds=5)
    client = U8Client(transport, login, now=lambda: 0.0, wait=lambda _: None, read_attempts=1)
    with pytest.raises(Unavailable) as failed:
        client.log_in()
    assert "s3cret" not in "".join(traceback.format_exception(failed.value))
    assert failed.value.__context__ is None
