"""The Odoo stand-in seen by clients that are not ours: odoorpc, the standard library's XML-RPC, and plain HTTP for JSON-2."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import urllib.error
import urllib.request
import xmlrpc.client
from collections.abc import Callable, Iterator
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import odoorpc
import pytest

from sandbox.http_server import NotLoopback
from sandbox.odoo.command import RunningSite, SiteOptions, running_site

LOAD_FIELDS = [
    "id", "ref", "date", "journal_id/.id", "line_ids/id", "line_ids/account_id/.id", "line_ids/debit", "line_ids/credit",
]  # fmt: skip


@pytest.fixture
def site() -> Iterator[RunningSite]:
    with running_site() as running:
        yield running


def json2(site: RunningSite, path: str, body: Any, key: str = "", method: str = "POST") -> tuple[int, Any]:
    """(status, decoded body) of one JSON-2 call; HTML stays text."""
    request = urllib.request.Request(
        f"{site.url}/json/2/{path}",
        data=json.dumps(body).encode() if not isinstance(body, bytes) else body,
        headers={"Authorization": f"bearer {key or site.credentials.api_key}", "Content-Type": "application/json"},
        method=method,
    )
    try:
        with urllib.request.urlopen(request, timeout=10) as answer:
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        text = error.read().decode()
        return error.code, json.loads(text) if text.startswith("{") else text


def control(site: RunningSite, name: str, body: dict[str, Any] | None = None) -> Any:
    request = urllib.request.Request(
        site.control_url + name,
        data=None if body is None else json.dumps(body).encode(),
        headers={"X-Control-Token": site.control_token},
    )
    with urllib.request.urlopen(request, timeout=10) as answer:
        return json.load(answer)


def xml(site: RunningSite) -> tuple[Callable[..., Any], int]:
    """(execute_kw on our database, uid) of the standard library's client."""
    who = site.credentials
    uid = xmlrpc.client.ServerProxy(f"{site.url}/xmlrpc/2/common").authenticate(
        who.database, who.user, who.password, {}
    )
    proxy = xmlrpc.client.ServerProxy(f"{site.url}/xmlrpc/2/object")

    def call(model: str, method: str, positional: list[Any], named: dict[str, Any] | None = None) -> Any:
        return proxy.execute_kw(who.database, uid, who.password, model, method, positional, named or {})

    return call, uid  # type: ignore[return-value]


def account(site: RunningSite, code: str, company: int = 1) -> int:
    rows = control(site, "records?model=account.account")
    return next(row["id"] for row in rows if row["code"] == code and str(company) in str(row["company_ids"]))


def journal(site: RunningSite, code: str = "HEDG") -> int:
    return next(row["id"] for row in control(site, "records?model=account.journal") if row["code"] == code)


def entry(site: RunningSite, amount: float = 100.1, day: str = "2026-03-31", **more: Any) -> dict[str, Any]:
    lines = [
        (0, 0, {"account_id": account(site, "3101"), "name": "a", "debit": amount}),
        (0, 0, {"account_id": account(site, "6101"), "name": "b", "credit": amount}),
    ]
    return {"journal_id": journal(site), "date": day, "ref": "R", "line_ids": lines, **more}


def load_rows(site: RunningSite, name: str = "v1", line_ids: bool = True) -> dict[str, Any]:
    ids = [f"m.{name}_1", f"m.{name}_2"] if line_ids else ["", ""]
    return {
        "fields": LOAD_FIELDS,
        "data": [
            [f"m.{name}", "R", "2026-03-31", str(journal(site)), ids[0], str(account(site, "3101")), "100.10", ""],
            ["", "", "", "", ids[1], str(account(site, "6101")), "", "100.10"],
        ],
    }


# --- clients we did not write ---


@pytest.mark.parametrize("series", [14, 16, 18, 19])
def test_conformance_odoo_independent_client_odoorpc_logs_in_reads_and_posts(series: int) -> None:
    with running_site(SiteOptions(series=series)) as site:
        address = urlsplit(site.url)
        odoo = odoorpc.ODOO(address.hostname, port=address.port, timeout=10)
        assert odoo.version == f"{series}.0"
        odoo.login(site.credentials.database, site.credentials.user, site.credentials.password)
        orders = odoo.env["sale.order"].search([("state", "=", "sale")], limit=5)
        assert len(orders) == 5
        first = odoo.env["sale.order"].browse(orders[0])
        assert first.name.startswith("XSDD")
        assert first.order_line[0].product_id.default_code.startswith("1.0")
        accounts = {row["code"]: row["id"] for row in odoo.env["account.account"].search_read([], ["code"])}
        lines = [
            (0, 0, {"account_id": accounts["3101"], "debit": 12.34}),
            (0, 0, {"account_id": accounts["6101"], "credit": 12.34}),
        ]
        move = odoo.env["account.move"].create({"date": "2026-03-31", "ref": "independent", "line_ids": lines})
        assert odoo.env["account.move"].action_post([move]) is False
        (read,) = odoo.env["account.move"].read([move], ["name", "state", "amount_total"])
        assert (read["state"], read["amount_total"]) == ("posted", 12.34)
        assert read["name"].endswith("/2026/03/0001")
        with pytest.raises(odoorpc.error.RPCError) as refused:
            odoo.env["account.move"].action_post([move])
        assert "must be in draft" in str(refused.value)


def test_odoorpc_is_refused_with_a_wrong_password(site: RunningSite) -> None:
    address = urlsplit(site.url)
    odoo = odoorpc.ODOO(address.hostname, port=address.port, timeout=10)
    with pytest.raises(odoorpc.error.RPCError):
        odoo.login(site.credentials.database, site.credentials.user, "wrong")


def test_the_standard_librarys_xml_rpc_client_works_by_position_and_by_name(site: RunningSite) -> None:
    call, uid = xml(site)
    assert uid > 0
    ids = call("sale.order.line", "search", [[["order_id.state", "=", "sale"]]], {"limit": 3, "order": "id"})
    assert len(call("sale.order.line", "read", [ids, ["product_id", "price_unit"]])) == 3
    assert call("stock.quant", "search_count", [[["location_id.usage", "=", "internal"]]]) == 60
    assert isinstance(call("account.move", "create", [entry(site)]), int)
    assert isinstance(call("account.move", "create", [[entry(site)]]), list)


def test_xml_rpc_fault_codes_are_those_of_the_facts(site: RunningSite) -> None:
    call, _ = xml(site)
    cases = [
        ("account.move", "create", [entry(site, journal_id=9999)], 2),
        ("account.move", "action_post", [[9999]], 2),
        ("account.move", "_private", [[1]], 4),
        ("ir.model.data", "search", [[]], 4),
        ("account.move", "search", [[["nope", "=", 1]]], 1),
        ("no.model", "search", [[]], 2),
        ("account.move", "no_method", [[]], 1),
    ]
    for model, method, arguments, code in cases:
        with pytest.raises(xmlrpc.client.Fault) as fault:
            call(model, method, arguments)
        assert fault.value.faultCode == code, (model, method)
    proxy = xmlrpc.client.ServerProxy(f"{site.url}/xmlrpc/2/object")
    with pytest.raises(xmlrpc.client.Fault) as denied:
        proxy.execute_kw(site.credentials.database, 1, "wrong", "account.move", "search", [[]])
    assert denied.value.faultCode == 3
    with pytest.raises(xmlrpc.client.Fault) as unknown:
        proxy.execute_kw("elsewhere", 1, "x", "account.move", "search", [[]])
    assert unknown.value.faultCode == 1
    assert "psycopg2" in unknown.value.faultString
    common = xmlrpc.client.ServerProxy(f"{site.url}/xmlrpc/2/common")
    assert common.authenticate(site.credentials.database, site.credentials.user, "wrong", {}) is False


def test_a_method_that_returns_nothing_faults_after_its_commit(site: RunningSite) -> None:
    call, _ = xml(site)
    move = call("account.move", "create", [entry(site)])
    call("account.move", "action_post", [[move]])
    with pytest.raises(xmlrpc.client.Fault) as fault:
        call("account.move", "button_draft", [[move]])
    assert fault.value.faultCode == 1
    assert "cannot marshal None" in fault.value.faultString
    assert call("account.move", "read", [[move], ["state"]])[0]["state"] == "draft"
    with pytest.raises(xmlrpc.client.Fault) as keys:
        call("account.move", "get_external_id", [[move]])
    assert "dictionary key must be string" in keys.value.faultString


# --- JSON-2 ---


def test_json2_statuses_and_names_are_those_of_the_facts(site: RunningSite) -> None:
    unbalanced = entry(site)
    unbalanced["line_ids"][1][2]["credit"] = 100
    no_account = entry(site)
    no_account["line_ids"][0][2]["account_id"] = 9999
    cases = [
        ("account.move/create", {"vals_list": [unbalanced]}, 422, "odoo.exceptions.UserError"),
        ("account.move/create", {"vals_list": [entry(site, state="posted")]}, 422, "odoo.exceptions.UserError"),
        ("account.move/create", {"vals_list": [entry(site, journal_id=9999)]}, 404, "odoo.exceptions.MissingError"),
        ("account.move/create", {"vals_list": [no_account]}, 422, "odoo.exceptions.UserError"),
        ("account.move/action_post", {"ids": [9999]}, 404, "odoo.exceptions.MissingError"),
        ("account.move/search", {"domain": [["nope", "=", 1]]}, 500, "builtins.ValueError"),
        ("account.move/search", {"domain": [["date", ">", "2026-03-01T00:00:00"]]}, 500, "builtins.ValueError"),
        ("account.move/_private", {}, 403, "odoo.exceptions.AccessError"),
        ("account.move/no_method", {}, 404, "werkzeug.exceptions.NotFound"),
        ("no.model/search", {}, 404, "werkzeug.exceptions.NotFound"),
        ("account.move/search", {"domain": [], "nope": 1}, 422, "werkzeug.exceptions.UnprocessableEntity"),
        ("account.move/search", {"domain": [], "ids": [1]}, 422, "werkzeug.exceptions.UnprocessableEntity"),
        ("account.move/search", b"{", 400, "werkzeug.exceptions.BadRequest"),
        ("res.partner/create", {"vals_list": [{"name": "x"}]}, 403, "odoo.exceptions.AccessError"),
    ]
    for path, body, status, name in cases:
        found, answer = json2(site, path, body)
        assert (found, answer["name"]) == (status, name), path
        assert set(answer) == {"name", "message", "arguments", "context", "debug"}
    assert json2(site, "account.move/search", {}, key="wrong")[0] == 401
    assert json2(site, "account.move/read", {"ids": [9999], "fields": ["name"]}) == (200, [])
    assert json2(site, "account.move/search", None, method="GET")[0] == 404


def test_json2_is_not_there_before_19() -> None:
    with running_site(SiteOptions(series=18)) as site:
        status, page = json2(site, "res.company/search_read", {})
        assert status == 404
        assert page.startswith("<!doctype html>")


def test_companies_outside_the_users_own_are_refused_and_codes_belong_to_a_company(site: RunningSite) -> None:
    status, answer = json2(site, "account.account/search_read", {"domain": [], "context": {"allowed_company_ids": [2]}})
    assert (status, answer["name"]) == (403, "odoo.exceptions.AccessError")
    _, rows = json2(site, "account.account/search_read", {"domain": [], "fields": ["code"]}, site.credentials.admin_key)
    assert sum(row["code"] is False for row in rows) == len(rows) // 2
    context = {"allowed_company_ids": [1]}
    body = {"domain": [], "fields": ["code"], "context": context}
    _, ours = json2(site, "account.account/search_read", body, site.credentials.admin_key)
    assert all(row["code"] for row in ours)


def test_a_user_without_accounting_rights_reads_orders_and_no_entries(site: RunningSite) -> None:
    key = site.credentials.reader_key
    assert json2(site, "sale.order/search", {"domain": [], "limit": 1}, key)[0] == 200
    assert json2(site, "account.move/search", {"domain": []}, key)[0] == 403


# --- the traps ---


def test_trap_1_quantities_round_silently_to_the_precision(site: RunningSite) -> None:
    control(site, "precision", {"digits": 2})
    admin = site.credentials.admin_key
    body = {"vals_list": [{"order_id": 1, "name": "x", "product_uom_qty": 123.456}]}
    _, (made,) = json2(site, "sale.order.line/create", body, admin)
    (row,) = json2(site, "sale.order.line/read", {"ids": [made], "fields": ["product_uom_qty"]}, admin)[1]
    assert row["product_uom_qty"] == 123.46


def test_trap_2_money_rounds_silently(site: RunningSite) -> None:
    _, (made,) = json2(site, "account.move/create", {"vals_list": [entry(site, 100.005)]})
    (row,) = json2(site, "account.move/read", {"ids": [made], "fields": ["amount_total"]})[1]
    assert row["amount_total"] == 100.01


@pytest.mark.parametrize("earlier", [False, True], ids=["first-open-day", "today"])
def test_trap_4_a_lock_date_moves_an_entry_without_a_word(site: RunningSite, earlier: bool) -> None:
    if earlier:
        _, made = json2(site, "account.move/create", {"vals_list": [entry(site)]})
        json2(site, "account.move/action_post", {"ids": made})
    _, made = json2(site, "account.move/create", {"vals_list": [entry(site, day="2026-02-10")]})
    control(site, "lock", {"date": "2026-02-28"})
    assert json2(site, "account.move/action_post", {"ids": made}) == (200, False)
    (row,) = json2(site, "account.move/read", {"ids": made, "fields": ["date", "state"]})[1]
    assert row["state"] == "posted"
    assert row["date"] in ({str(date.today())} if earlier else {"2026-03-01"})  # noqa: DTZ011


def test_trap_5_a_future_entry_is_posted_at_once(site: RunningSite) -> None:
    _, made = json2(site, "account.move/create", {"vals_list": [entry(site, day="2099-01-31")]})
    json2(site, "account.move/action_post", {"ids": made})
    (row,) = json2(site, "account.move/read", {"ids": made, "fields": ["date", "state"]})[1]
    assert (row["state"], row["date"]) == ("posted", "2099-01-31")


def test_trap_6_an_explicit_name_takes_over_the_journals_numbering(site: RunningSite) -> None:
    names = []
    for extra in ({"name": "HEDGE/c2308e/0001"}, {}, {}):
        _, made = json2(site, "account.move/create", {"vals_list": [entry(site, **extra)]})
        json2(site, "account.move/action_post", {"ids": made})
        names.append(json2(site, "account.move/read", {"ids": made, "fields": ["name"]})[1][0]["name"])
    assert names == ["HEDGE/c2308e/0001", "HEDGE/c2308e/0002", "HEDGE/c2308e/0003"]


def test_trap_7_an_empty_entry_cannot_be_posted_and_a_posted_one_not_edited(site: RunningSite) -> None:
    _, empty = json2(site, "account.move/create", {"vals_list": [entry(site, line_ids=[])]})
    assert json2(site, "account.move/action_post", {"ids": empty})[1]["message"] == "Even magicians can't post nothing!"
    _, made = json2(site, "account.move/create", {"vals_list": [entry(site)]})
    json2(site, "account.move/action_post", {"ids": made})
    assert json2(site, "account.move/write", {"ids": made, "vals": {"date": "2026-03-01"}})[0] == 422
    assert json2(site, "account.move/unlink", {"ids": made})[0] == 422


def test_trap_10_a_second_load_of_a_draft_adds_lines_that_have_no_external_id(site: RunningSite) -> None:
    for line_ids, lines in ((False, 4), (True, 2)):
        body = load_rows(site, f"v{line_ids}", line_ids)
        _, first = json2(site, "account.move/load", body)
        _, second = json2(site, "account.move/load", body)
        assert first["ids"] == second["ids"]
        (row,) = json2(site, "account.move/read", {"ids": first["ids"], "fields": ["line_ids"]})[1]
        assert len(row["line_ids"]) == lines
    json2(site, "account.move/action_post", {"ids": first["ids"]})
    status, refused = json2(site, "account.move/load", load_rows(site, "vTrue"))
    assert (status, refused["ids"]) == (200, False)


def test_racing_loads_make_one_entry_and_the_losers_are_told_inside_a_200(site: RunningSite) -> None:
    body, answers = load_rows(site), []
    control(site, "faults", {"fault": "slow=4x@writes:0.2"})  # all four have arrived before the first one writes
    racers = [threading.Thread(target=lambda: answers.append(json2(site, "account.move/load", body))) for _ in range(4)]
    for racer in racers:
        racer.start()
    for racer in racers:
        racer.join()
    assert [status for status, _ in answers] == [200] * 4
    assert sum(answer["ids"] is not False for _, answer in answers) == 1
    lost = next(answer for _, answer in answers if answer["ids"] is False)
    assert lost["messages"][0]["message"] == "could not serialize access due to concurrent update\n"
    assert len(control(site, "vouchers")) == 1


def test_an_external_id_is_found_by_the_accounting_user_who_may_not_read_the_table(site: RunningSite) -> None:
    _, made = json2(site, "account.move/load", load_rows(site))
    body = {"module": "m", "xml_id": "v1"}
    assert json2(site, "ir.model.data/check_object_reference", body) == (200, ["account.move", made["ids"][0]])
    status, absent = json2(site, "ir.model.data/check_object_reference", {**body, "xml_id": "nobody"})
    assert (status, absent["name"]) == (500, "builtins.ValueError")
    assert json2(site, "ir.model.data/search", {"domain": []})[0] == 403


def test_a_batch_is_atomic_in_creating_and_in_posting(site: RunningSite) -> None:
    bad = entry(site)
    bad["line_ids"][0][2]["debit"] = 1
    assert json2(site, "account.move/create", {"vals_list": [entry(site), bad, entry(site)]})[0] == 422
    assert control(site, "vouchers") == []
    _, made = json2(site, "account.move/create", {"vals_list": [entry(site), entry(site)]})
    json2(site, "account.move/action_post", {"ids": made[:1]})
    assert json2(site, "account.move/action_post", {"ids": made})[0] == 422
    assert [move["state"] for move in control(site, "vouchers")] == ["posted", "draft"]


def test_write_date_is_compared_by_whole_seconds_and_is_the_start_of_the_transaction(site: RunningSite) -> None:
    _, made = json2(site, "account.move/create", {"vals_list": [entry(site)]})
    (row,) = json2(site, "account.move/read", {"ids": made, "fields": ["write_date"]})[1]
    newest = row["write_date"]
    assert json2(site, "account.move/search_count", {"domain": [["write_date", ">", newest]]})[1] == 0
    assert json2(site, "account.move/search_count", {"domain": [["write_date", ">=", newest]]})[1] == 1


def test_texts_follow_the_callers_language(site: RunningSite) -> None:
    bad = entry(site)
    bad["line_ids"][0][2]["debit"] = 1
    for lang, text in (("en_US", "The entry is not balanced."), ("zh_CN", "该分录不平衡。")):
        answer = json2(site, "account.move/create", {"vals_list": [bad], "context": {"lang": lang}})[1]
        assert answer["message"] == text
        assert answer["name"] == "odoo.exceptions.UserError"


# --- the optional module ---


def test_with_the_module_a_reference_is_unique_and_a_repeat_answers_the_same_entry() -> None:
    with running_site(SiteOptions(addon=True)) as site:
        voucher = {
            "hedge_ref": "HB1", "ref": "HB1", "date": "2026-03-31", "journal_id": journal(site),
            "lines": [
                {"account_id": account(site, "3101"), "name": "a", "debit": "100.10", "credit": "0"},
                {"account_id": account(site, "6101"), "name": "b", "debit": "0", "credit": "100.10"},
            ],
        }  # fmt: skip
        answers = [json2(site, "account.move/hedge_create_and_post", {"vouchers": [voucher]})[1][0] for _ in range(2)]
        assert [answer["created"] for answer in answers] == [True, False]
        assert answers[0]["id"] == answers[1]["id"]
        other = {**voucher, "date": "2026-03-30"}
        assert json2(site, "account.move/hedge_create_and_post", {"vouchers": [other]})[0] == 422
        control(site, "lock", {"date": "2026-03-31"})
        locked = {**voucher, "hedge_ref": "HB2"}
        assert json2(site, "account.move/hedge_create_and_post", {"vouchers": [locked]})[0] == 422
        assert len(control(site, "vouchers")) == 1


def test_without_the_module_its_method_does_not_exist(site: RunningSite) -> None:
    assert json2(site, "account.move/hedge_create_and_post", {"vouchers": []})[0] == 404


# --- the server itself ---


def test_it_starts_by_itself_and_prints_one_line_of_json() -> None:
    command = [sys.executable, "-m", "sandbox", "odoo", "--json", "--until-stdin-closes", "--series", "17"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout is not None
        told = json.loads(running.stdout.readline())
        assert told["series"] == 17
        assert {"url", "database", "user", "api_key", "company_id", "journal", "control_url"} <= set(told)
        common = xmlrpc.client.ServerProxy(f"{told['url']}/xmlrpc/2/common")
        assert common.authenticate(told["database"], told["user"], told["api_key"], {})
        running.communicate("")
    assert running.returncode == 0


def test_the_books_survive_a_restart(tmp_path) -> None:
    file = str(tmp_path / "books.sqlite")
    with running_site(SiteOptions(db=file)) as first:
        json2(first, "account.move/create", {"vals_list": [entry(first)]})
    with running_site(SiteOptions(db=file)) as second:
        assert len(control(second, "vouchers")) == 1


def test_it_refuses_to_leave_the_loopback_interface() -> None:
    with pytest.raises(NotLoopback), running_site(SiteOptions(host="192.0.2.1")):
        raise AssertionError("it must not start")


def test_the_back_door_needs_its_token_and_names_what_it_does_not_know(site: RunningSite) -> None:
    for token, body, status in (("wrong", {}, 403), (site.control_token, {"fault": "nope=1x"}, 400)):
        request = urllib.request.Request(
            site.control_url + "faults", data=json.dumps(body).encode(), headers={"X-Control-Token": token}
        )
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(request, timeout=10)
        assert refused.value.code == status
