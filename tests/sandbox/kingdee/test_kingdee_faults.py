"""Every fault of the Kingdee stand-in, seen from a client, and what it leaves in the books."""

from __future__ import annotations

from pathlib import Path

import pytest
import requests

from sandbox.faults import FAULTS
from sandbox.kingdee.command import SiteOptions

FORMS = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService."
QUERY = {"data": {"FormId": "BD_UNIT", "FieldKeys": "FNumber", "OrderString": "FNumber"}}
UNITS = [["kg"], ["KUN"], ["t"]]


def _ask(client, **options) -> requests.Response:
    return client.post(FORMS + "ExecuteBillQuery", QUERY, **options)


def _save(client, voucher) -> requests.Response:
    return client.post(FORMS + "Save", {"formid": "GL_VOUCHER", "data": {"Model": voucher()}})


def _vouchers(client) -> int:
    return len(client.control("vouchers"))


def test_session_lost_as_an_object_really_forgets_the_session(client):
    client.control("faults", {"fault": "session_lost_object=1x"})
    assert _ask(client).json()["Result"]["ResponseStatus"]["MsgCode"] == 1
    assert _ask(client).json()[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1
    client.log_in()
    assert _ask(client).json() == UNITS


def test_session_lost_wrapped(client, voucher):
    client.control("faults", {"fault": "session_lost_wrapped=1x"})
    assert _save(client, voucher).json()[0][0]["Result"]["ResponseStatus"]["MsgCode"] == 1
    assert _vouchers(client) == 0


def test_firewall_answers_a_list_with_200_and_nothing_is_saved(client, voucher):
    client.control("faults", {"fault": "waf=1x"})
    answer = _save(client, voucher)
    assert answer.status_code == 200
    assert "caller_in_less_Point_Bracket" in answer.json()[0]["params"][0]["msg"]
    assert _vouchers(client) == 0


def test_html_with_200_and_nothing_is_saved(client, voucher):
    client.control("faults", {"fault": "html_200=1x"})
    answer = _save(client, voucher)
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert _vouchers(client) == 0


@pytest.mark.parametrize(("fault", "saved"), [("error_500_before", 0), ("error_500_after_commit", 1)])
def test_http_500_before_and_after_the_commit_look_the_same(client, voucher, fault, saved):
    client.control("faults", {"fault": f"{fault}=1x"})
    assert _save(client, voucher).status_code == 500
    assert _vouchers(client) == saved


def test_session_lost_after_the_commit_has_saved(client, voucher):
    client.control("faults", {"fault": "session_lost_after_commit=1x"})
    assert _save(client, voucher).json()["Result"]["ResponseStatus"]["MsgCode"] == 1
    assert _vouchers(client) == 1


def test_lost_answer_after_the_commit_has_saved(client, voucher):
    client.control("faults", {"fault": "lose_answer_after_commit=1x"})
    with pytest.raises(requests.ConnectionError):
        _save(client, voucher)
    assert _vouchers(client) == 1


def test_cut_connection_sends_half_a_body(client):
    client.control("faults", {"fault": "cut_connection=1x"})
    with pytest.raises((requests.ConnectionError, requests.exceptions.ChunkedEncodingError)):
        _ask(client)
    assert _ask(client).json() == UNITS


def test_stalled_body_arrives_whole_for_the_patient_and_not_for_the_hasty(client):
    client.control("faults", {"fault": "stall=2x:0.6"})
    assert _ask(client).json() == UNITS
    url = client.running.url + FORMS + "ExecuteBillQuery.common.kdsvc"
    with pytest.raises(requests.ConnectionError):
        client.http.post(url, json=QUERY, timeout=0.2)


def test_slow_waits_before_it_executes(client, voucher):
    client.control("faults", {"fault": "slow=1x:0.6"})
    url = client.running.url + FORMS + "ExecuteBillQuery.common.kdsvc"
    with pytest.raises(requests.Timeout):
        client.http.post(url, json=QUERY, timeout=0.2)


def test_too_frequent_is_429_with_retry_after(client, voucher):
    client.control("faults", {"fault": "too_frequent=1x@writes"})
    assert _ask(client).json() == UNITS
    answer = _save(client, voucher)
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, "1")
    assert _vouchers(client) == 0


def test_faults_can_hit_one_service_only(client, voucher):
    client.control("faults", {"name": "html_200", "rate": 1.0, "scope": "Submit"})
    saved = _save(client, voucher).json()["Result"]["Id"]
    submitted = client.post(FORMS + "Submit", {"formid": "GL_VOUCHER", "data": {"Ids": str(saved)}})
    assert submitted.text.startswith("<!DOCTYPE html>")
    client.control("faults", {"clear": True})
    assert client.form("Submit", "GL_VOUCHER", {"Ids": str(saved)})["Result"]["ResponseStatus"]["IsSuccess"] is True


def test_logins_fail_only_when_asked_for(client):
    client.control("faults", {"name": "html_200", "rate": 1.0})
    assert client.log_in()["LoginResultType"] == 1
    client.control("faults", {"name": "html_200", "rate": 1.0, "scope": "logins"})
    with pytest.raises(requests.JSONDecodeError):
        client.log_in()


def test_same_seed_gives_the_same_faults(open_site):
    def seen(client) -> list[bool]:
        return [_ask(client).text.startswith("<!DOCTYPE") for _ in range(40)]

    options = SiteOptions(faults=("html_200=0.3",), seed=7)
    first, second, other = (open_site(one) for one in (options, options, SiteOptions(faults=("html_200=0.3",), seed=8)))
    pattern = seen(first)
    assert pattern == seen(second) != seen(other)
    assert 0 < sum(pattern) < 40


def test_a_tenth_of_the_answers_lost_still_saves_every_voucher_once(open_site, voucher):
    client = open_site(SiteOptions(faults=("lose_answer_after_commit=0.3",), seed=3))
    lost = 0
    for number in range(30):
        try:
            answer = client.post(
                FORMS + "Save", {"formid": "GL_VOUCHER", "data": {"Model": voucher(F_HB_Key=f"K{number}")}}
            )
            assert answer.json()["Result"]["ResponseStatus"]["IsSuccess"] is True
        except requests.ConnectionError:
            lost += 1
    assert lost == client.control("faults")["fired"]["lose_answer_after_commit"] > 0
    rows = client.query("GL_VOUCHER", "F_HB_Key")
    assert sorted(row[0] for row in rows) == sorted(f"K{number}" for number in range(30))


def test_every_fault_has_a_test_here():
    source = Path(__file__).read_text(encoding="utf-8")
    assert [name for name in FAULTS if f"{name}=" not in source and f'"{name}"' not in source] == []
