"""NC Cloud's wire rules: what every shape of answer means, what travels in headers, and where secrets stay."""

from __future__ import annotations

import logging
import traceback

import pytest

from connectors.http import HttpTransport, Origin
from connectors.nccloud import NcCloudClient, NcCloudLogin, Signals
from connectors.nccloud.envelope import TokenRefused, decode
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, RateLimited, Rejected, Unavailable
from sandbox.nccloud.key import PUBLIC_KEY


def decoded(body: str, *, write: bool = False, status: int = 200) -> bytes:
    return decode(body.encode(), status, Signals(), write=write, where="call", system="NC Cloud")


@pytest.mark.parametrize("said", ["true", '"true"', '"True"'])
def test_success_comes_as_a_truth_or_as_text(said: str) -> None:
    assert decoded(f'{{"success":{said},"data":{{"a":1}}}}') == b'{"a":1}'


def test_the_vendors_words_are_kept_unchanged() -> None:
    with pytest.raises(Rejected) as refused:
        decoded('{"success":false,"code":"1000000010","message":"第三方应用【x】没有【/y】的权限"}', write=True)
    assert (refused.value.vendor_code, refused.value.vendor_text) == ("1000000010", "第三方应用【x】没有【/y】的权限")


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("The access_token has expired", TokenRefused),
        ("Failed to verify signature for call api", AuthFailed),
        ("Third-party applications are not registered", AuthFailed),
        ("无效的账套编码，请检查", AuthFailed),
        ("接口调用过于频繁", RateLimited),
        ("请求超时", OutcomeUnknown),
        ("会计期间已结账", Rejected),
    ],
)
def test_words_tell_kinds_of_refusals_apart(message: str, kind: type[Exception]) -> None:
    with pytest.raises(kind):
        decoded(f'{{"success":false,"code":"1","message":"{message}"}}', write=True)


@pytest.mark.parametrize("body", ["<html>login</html>", "", "busy", "[]"])
def test_what_is_no_answer_leaves_a_write_unknown_and_a_read_to_be_repeated(body: str) -> None:
    with pytest.raises(OutcomeUnknown):
        decoded(body, write=True)
    with pytest.raises(Unavailable):
        decoded(body)


def test_a_path_that_does_not_exist_was_not_executed() -> None:
    with pytest.raises(Rejected):
        decoded("<html>404</html>", write=True, status=404)


def test_json_without_success_breaks_the_contract_and_leaves_a_write_unknown() -> None:
    with pytest.raises(ContractViolation):
        decoded('{"data":[]}')
    with pytest.raises(OutcomeUnknown):
        decoded('{"data":[]}', write=True)


def test_a_login_does_not_show_its_secret() -> None:
    assert "s3cret" not in repr(NcCloudLogin("app", "s3cret", PUBLIC_KEY, "01"))


def test_secrets_are_taken_out_of_logged_addresses(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    logging.getLogger("urllib3.connectionpool").debug(
        "%s %s", "POST", "/x?client_secret=a%2Bb&signature=zz&biz_center=1"
    )
    assert caplog.messages[-1] == "POST /x?client_secret=***&signature=***&biz_center=1"


def client(**options: object) -> NcCloudClient:
    login = NcCloudLogin("app", "s3cret", PUBLIC_KEY, "01")
    transport = HttpTransport(Origin("http://127.0.0.1:9/"), "NC Cloud", call_seconds=5)
    return NcCloudClient(transport, login, now=lambda: 0.0, wait=lambda _: None, read_attempts=1, **options)  # type: ignore[arg-type]


def test_an_error_of_the_network_does_not_quote_the_address() -> None:
    with pytest.raises(Unavailable) as failed:
        client().log_in()
    assert "signature=" not in "".join(traceback.format_exception(failed.value))


def test_a_level_that_does_not_exist_is_no_option() -> None:
    with pytest.raises(ValueError, match="secret_level"):
        client(level="L9")
