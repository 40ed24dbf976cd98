"""Both clients against the stand-in: keys stay secret, a refused login is not repeated, deadlines hold, nothing is sent twice."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from connectors.http import HttpTransport, Origin
from connectors.odoo import ANSWERED_STATUSES, VALUE_ERROR, Json2Client, OdooLogin, XmlRpcClient
from hedge_core.errors import AuthFailed, OutcomeUnknown, RateLimited, Rejected, Unavailable
from tests.support.odoo import ROUTES, Odoo, serving


@pytest.fixture(params=["json2", "xmlrpc"])
def odoo(request: pytest.FixtureRequest) -> Iterator[Odoo]:
    with serving(ROUTES[request.param]) as running:
        yield running


def journal(odoo: Odoo) -> int:
    return next(row["id"] for row in odoo.rows("account.journal") if row["code"] == "HEDG")


def test_a_write_is_sent_once_whatever_happens_to_its_answer(odoo: Odoo) -> None:
    values = {"ref": "once", "date": "2026-03-31", "journal_id": journal(odoo)}
    for fault, expected in (
        ("lose_answer_after_commit=1x@writes", OutcomeUnknown),
        ("error_500_after_commit=1x@writes", OutcomeUnknown),
        ("html_200=1x@writes", OutcomeUnknown),
        ("cut_connection=1x@writes", OutcomeUnknown),
        ("too_frequent=1x@writes", RateLimited),
    ):
        odoo.fault(fault)
        before = odoo.calls().get("create", 0)
        with pytest.raises(expected):
            odoo.client.run("account.move", "create", {"vals_list": [values]}, write=True)
        assert odoo.calls().get("create", 0) == before + 1


def test_a_read_is_repeated_a_few_times_and_then_unavailable(odoo: Odoo) -> None:
    odoo.fault("error_500_before=3x@reads")
    assert odoo.client.search_read("res.company", [], ["name"])
    odoo.fault("error_500_before=1.0@reads")
    with pytest.raises(Unavailable):
        odoo.client.search_read("res.company", [], ["name"])


def test_conformance_odoo_E01_nothing_listening_is_unavailable_for_reads_and_writes() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for kind in (Json2Client, XmlRpcClient):
        http = HttpTransport(Origin(f"http://127.0.0.1:{port}"), "Odoo", answered_statuses=ANSWERED_STATUSES)
        client = kind(http, OdooLogin("db", "bot", "key", 1), wait=lambda _: None)
        for write in (False, True):
            with pytest.raises(Unavailable):
                client.run("account.move", "read", {}, ids=[1], write=write)


def test_conformance_odoo_E08_after_a_refused_login_no_call_leaves_the_client(odoo: Odoo) -> None:
    odoo.client.search_read("res.company", [], ["name"])
    odoo.site.site.books.run("DELETE FROM secrets")
    for _ in range(5):
        with pytest.raises(AuthFailed):
            odoo.client.search_read("res.company", [], ["name"])
    assert odoo.calls()["search_read"] == 2


def test_an_unknown_database_is_no_proof_of_anything(odoo: Odoo) -> None:
    http = HttpTransport(Origin(odoo.site.url), "Odoo", answered_statuses=ANSWERED_STATUSES)
    who = odoo.site.credentials
    client = type(odoo.client)(http, OdooLogin("elsewhere", who.user, who.api_key, 1), wait=lambda _: None)
    with pytest.raises(Unavailable) as error:
        client.search_read("res.company", [], ["name"])
    assert "database" in str(error.value)
    assert "db.invalid" not in str(error.value)


def test_conformance_odoo_E09_refusals_keep_the_vendors_words(odoo: Odoo) -> None:
    with pytest.raises(Rejected) as missing:
        odoo.client.run("account.move", "action_post", {}, ids=[999], write=True)
    assert missing.value.vendor_text == "Record does not exist or has been deleted."
    with pytest.raises(Rejected) as field:
        odoo.client.search_read("account.move", [("no_field", "=", 1)], ["name"])
    assert field.value.vendor_code == VALUE_ERROR
    with pytest.raises(Rejected) as moment:
        odoo.client.search_read("account.move", [("date", ">", "2026-03-01T00:00:00Z")], ["name"])
    assert moment.value.vendor_code == VALUE_ERROR
    with pytest.raises(Rejected):
        odoo.client.run("ir.model.data", "search_read", {"domain": [], "fields": []}, write=False)


def test_every_call_is_narrowed_to_the_connections_company(odoo: Odoo) -> None:
    """Without it the accounts of all the user's companies come back, those of the others without a code."""
    rows = odoo.client.search_read("account.account", [], ["code"])
    assert rows and all(row["code"] for row in rows)
    sent: list[Any] = []
    real = odoo.client._send
    odoo.client._send = lambda *given, **named: sent.append(given[4]) or real(*given, **named)  # type: ignore[method-assign]
    odoo.client.search_read("account.account", [], ["code"])
    assert [context["allowed_company_ids"] for context in sent] == [[1]]


def test_the_language_of_machine_calls_is_fixed_and_may_be_chosen_for_names(odoo: Odoo) -> None:
    with pytest.raises(Rejected) as chinese:
        odoo.client.run("account.move", "action_post", {}, ids=[999], write=True, context={"lang": "zh_CN"})
    assert chinese.value.vendor_text == "记录不存在或已被删除。"
    assert type(chinese.value) is Rejected


def test_conformance_odoo_E16_the_key_is_in_no_representation(odoo: Odoo) -> None:
    login = odoo.client._login
    assert odoo.site.credentials.api_key not in repr(login)
    assert odoo.site.credentials.api_key not in f"{odoo.client!r} {login}"


def test_a_method_that_returns_nothing_is_unknown_over_xml_rpc_and_fine_over_json2(odoo: Odoo) -> None:
    """Trap 9: the fault comes after the commit."""
    values = {"ref": "x", "date": "2026-03-31", "journal_id": journal(odoo)}
    made = odoo.client.run("account.move", "create", {"vals_list": [values]}, write=True)
    odoo.control("edit", {"model": "account.move", "id": made[0], "set": {"state": "posted"}})
    if isinstance(odoo.client, XmlRpcClient):
        with pytest.raises(OutcomeUnknown):
            odoo.client.run("account.move", "button_draft", {}, ids=made, write=True)
    else:
        assert odoo.client.run("account.move", "button_draft", {}, ids=made, write=True) is None
    assert odoo.moves()[0]["state"] == "draft"
