"""The Kingdee client: reads are repeated, writes are not, one login is enough, and rows come as they were sent."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.http import HttpTransport, Origin
from connectors.kingdee import KingdeeClient, KingdeeLogin
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, RateLimited, Rejected, Unavailable
from tests.support.kingdee import Kingdee, serving


@pytest.fixture(scope="module")
def site() -> Iterator[Kingdee]:
    with serving() as running:
        yield running


@pytest.fixture
def kingdee(site: Kingdee) -> Iterator[Kingdee]:
    site.site.site.faults.clear()
    site.site.site.log.services.clear()
    site.clock.slept.clear()
    yield site
    site.site.site.faults.clear()


def client(kingdee: Kingdee, mode: Any = "signed", **changes: Any) -> KingdeeClient:
    who = kingdee.site.credentials
    known = {"acct_id": who.acct_id, "user": who.user, "app_id": who.app_id, "app_secret": who.app_secret}
    return KingdeeClient(
        HttpTransport(Origin(kingdee.site.url), "Kingdee", call_seconds=20),
        KingdeeLogin(**{**known, "org": "100", "mode": mode, **changes}),
        now=lambda: kingdee.clock.now().timestamp(),
        wait=kingdee.clock.sleep,
    )


def rows(of: KingdeeClient) -> list[bytes]:
    return of.query_rows("BD_Currency", ["FNumber", "FName"], "", "FNumber ASC", 0, 10)


@pytest.mark.parametrize("mode", ["signed", "session"])
def test_rows_come_byte_for_byte(kingdee: Kingdee, mode: str) -> None:
    assert rows(client(kingdee, mode)) == ['["PRE001","人民币"]'.encode(), '["PRE007","美元"]'.encode()]


def test_a_view_and_a_description_of_a_form_are_objects(kingdee: Kingdee) -> None:
    mine = client(kingdee)
    assert mine.view("BD_Customer", number="C001")["Number"] == "C001"
    assert "Result" in mine.describe_form("SAL_SaleOrder")
    with pytest.raises(Rejected):
        mine.view("BD_Customer", number="C999")


@pytest.mark.parametrize(
    "fault", ["error_500_before", "html_200", "cut_connection", "session_lost_object", "session_lost_wrapped"]
)
@pytest.mark.parametrize("mode", ["signed", "session"])
def test_a_read_gets_over_one_failure(kingdee: Kingdee, fault: str, mode: str) -> None:
    kingdee.fault(f"{fault}=1x@reads")
    assert len(rows(client(kingdee, mode))) == 2
    assert kingdee.calls()["ExecuteBillQuery"] == 2


def test_a_read_is_tried_four_times_with_growing_waits_and_not_more(kingdee: Kingdee) -> None:
    kingdee.fault("error_500_before=100x@reads")
    with pytest.raises(Unavailable):
        rows(client(kingdee))
    assert kingdee.calls()["ExecuteBillQuery"] == 4
    assert len(kingdee.clock.slept) == 3
    assert all(0 <= seconds <= 5 for seconds in kingdee.clock.slept)


def test_a_throttled_read_is_not_repeated(kingdee: Kingdee) -> None:
    kingdee.fault("too_frequent=100x@reads")
    with pytest.raises(RateLimited):
        rows(client(kingdee))
    assert kingdee.calls()["ExecuteBillQuery"] == 1


@pytest.mark.parametrize("fault", ["error_500_before", "html_200", "cut_connection", "session_lost_object", "waf"])
@pytest.mark.parametrize("mode", ["signed", "session"])
def test_a_write_is_attempted_once_whatever_happens(kingdee: Kingdee, fault: str, mode: str) -> None:
    kingdee.fault(f"{fault}=100x@writes")
    with pytest.raises(Rejected if fault == "waf" else OutcomeUnknown):
        client(kingdee, mode).submit("GL_VOUCHER", ["1"])
    assert kingdee.calls()["Submit"] == 1


@pytest.mark.parametrize("fault", ["session_lost_object", "session_lost_wrapped"])
def test_a_session_is_renewed_once_and_then_the_login_is_left_alone(kingdee: Kingdee, fault: str) -> None:
    mine = client(kingdee, "session")
    rows(mine)
    kingdee.fault(f"{fault}=100x@reads")
    with pytest.raises(AuthFailed):
        rows(mine)
    assert kingdee.calls()["LoginBySign"] == 2
    assert kingdee.calls()["ExecuteBillQuery"] == 3


def test_a_session_lost_at_the_first_call_is_renewed_too(kingdee: Kingdee) -> None:
    kingdee.fault("session_lost_object=1x@reads")
    assert len(rows(client(kingdee, "session"))) == 2
    assert kingdee.calls()["LoginBySign"] == 2


def test_threads_that_lose_their_session_together_log_in_once(kingdee: Kingdee) -> None:
    mine = client(kingdee, "session")
    rows(mine)
    kingdee.site.site.gate.forget_all()
    found: list[int] = []
    threads = [threading.Thread(target=lambda: found.append(len(rows(mine)))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert found == [2] * 8
    assert kingdee.calls()["LoginBySign"] == 2


@pytest.mark.parametrize("wrong", [{"app_secret": "f" * 32}, {"acct_id": "nobody"}, {"user": "nobody"}, {"org": "999"}])
def test_wrong_credentials_are_auth_failed_after_one_more_attempt(kingdee: Kingdee, wrong: dict[str, str]) -> None:
    with pytest.raises(AuthFailed):
        rows(client(kingdee, **wrong))
    assert kingdee.calls()["ExecuteBillQuery"] == 2


def test_a_refused_login_is_not_repeated(kingdee: Kingdee) -> None:
    with pytest.raises(AuthFailed):
        rows(client(kingdee, "session", app_secret="f" * 32))
    assert kingdee.calls() == {"LoginBySign": 1}


def test_a_clock_that_is_wrong_is_told_from_a_wrong_password(kingdee: Kingdee) -> None:
    mine = client(kingdee)
    mine._now = lambda: kingdee.clock.now().timestamp() - 13 * 60
    with pytest.raises(AuthFailed, match="clock"):
        rows(mine)


@pytest.mark.parametrize("plain", [False, True], ids=["wrapped", "plain"])
@pytest.mark.parametrize("strings", [False, True], ids=["flags", "texts"])
def test_a_refused_query_is_rejected_in_every_wrapping(plain: bool, strings: bool) -> None:
    with serving(plain_query_errors=plain, string_flags=strings) as kingdee:
        with pytest.raises(Rejected, match="FNothing"):
            client(kingdee).query_rows("BD_Currency", ["FNothing"], "", "", 0, 10)
        with pytest.raises(Rejected, match="业务对象不存在"):
            client(kingdee).query_rows("XX_Nothing", ["FID"], "", "", 0, 10)


def test_an_error_spread_over_many_lines_is_not_taken_for_rows(
    monkeypatch: pytest.MonkeyPatch, kingdee: Kingdee
) -> None:
    body = b'[\n  [\n    {\n "Result": {"ResponseStatus": {"IsSuccess": false, "Errors": [{"Message": "no"}]}}}]]'
    mine = client(kingdee)
    answer = type("Answer", (), {"status": 200, "headers": {}, "body": body})
    monkeypatch.setattr(mine._http, "post", lambda *_, **__: answer)
    with pytest.raises(Rejected, match="no"):
        rows(mine)


@pytest.mark.parametrize("body", [b'[["a","b"],{"x":1}', b'{"Result":{"Id":1}}', b"null"])
def test_rows_of_another_shape_are_a_contract_violation(
    monkeypatch: pytest.MonkeyPatch, kingdee: Kingdee, body: bytes
) -> None:
    mine = client(kingdee)
    answer = type("Answer", (), {"status": 200, "headers": {}, "body": body})
    monkeypatch.setattr(mine._http, "post", lambda *_, **__: answer)
    with pytest.raises(ContractViolation):
        rows(mine)


def test_a_login_shows_no_secret() -> None:
    login = KingdeeLogin("acct", "user", "1_" + "A" * 32, "very-secret")
    assert "very-secret" not in f"{login!r} {login}"
