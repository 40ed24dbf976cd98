"""The U8 Cloud stand-in, called with the standard library only: who may call, its lists, its ledger and its control."""

from __future__ import annotations

import hashlib
import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

import pytest

from sandbox.u8cloud.command import RunningSite, SiteOptions, running_site
from sandbox.u8cloud.server import Behaviour


@dataclass
class Caller:
    """Calls a site as one user."""

    running: RunningSite
    user: str
    password: str
    system_code: str

    def call(self, path: str, body: Any, **headers: str) -> Any:
        digest = hashlib.md5(self.password.encode(), usedforsecurity=False).hexdigest()
        given = {"usercode": self.user, "password": digest, "system": self.system_code, "trantype": "code", **headers}
        request = urllib.request.Request(
            f"{self.running.url}/u8cloud/api/{path}", data=json.dumps(body).encode(), headers=given
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def data(self, path: str, body: Any, **headers: str) -> Any:
        answer = self.call(path, body, **headers)
        assert answer["status"] == "success", answer
        return json.loads(answer["data"], parse_float=Decimal)


@contextmanager
def site(**behaviour: Any) -> Iterator[Caller]:
    with running_site(SiteOptions(behaviour=Behaviour(**behaviour))) as running:
        who = running.credentials
        yield Caller(running, who.user, who.password, who.system_code)
        assert list(running.site.log.crashes) == []


LINE = {"pk_accsubj": "1002", "pk_currtype": "CNY", "debitamount": "12.34", "creditamount": "0", "freevalue1": "K1"}
OTHER = {**LINE, "pk_accsubj": "6101", "debitamount": "0", "creditamount": "12.34"}


def a_voucher(**changes: Any) -> dict[str, Any]:
    head = {
        "pk_corp": "0001", "pk_glorgbook": "0001-0001", "pk_vouchertype": "01", "prepareddate": "2026-03-31",
        "pk_prepared": "hedgebridge", "attachment": 0, "details": [LINE, OTHER], **changes,
    }  # fmt: skip
    return {"voucher": [head]}


def test_only_the_right_user_password_and_system_get_in() -> None:
    with site() as caller:
        assert caller.call("so/saleorder/query", {})["status"] == "success"
        for wrong in ({"usercode": "nobody"}, {"password": caller.password}, {"system": "other"}):
            answer = caller.call("so/saleorder/query", {}, **wrong)
            assert (answer["status"], answer["errorcode"]) == ("falied", "-32000")
        assert caller.running.site.log.refused_logins == 3


def test_orders_come_in_pages_that_are_cut_at_the_sites_own_limit() -> None:
    with site(most_rows=50) as caller:
        first = caller.data("so/saleorder/query", {"page_now": "1", "page_size": "500"})
        assert len(first["datas"]) == 50
        pages = [
            caller.data("so/saleorder/query", {"page_now": str(page), "page_size": "50"})["datas"]
            for page in range(1, first["allcount"] // 50 + 2)
        ]
        keys = [order["parentvo"]["csaleid"] for page in pages for order in page]
        assert len(keys) == len(set(keys)) == first["allcount"]
        assert keys != sorted(keys), "no order is promised, and none shall be relied on"


def test_orders_are_filtered_by_date_time_of_change_and_state() -> None:
    with site() as caller:
        asked = {"date_begin": "2026-03-01", "date_end": "2026-03-15", "ts_begin": "2026-03-10 00:00:00", "status": "2"}
        found = [order["parentvo"] for order in caller.data("so/saleorder/query", asked)["datas"]]
        assert found
        assert all("2026-03-01" <= head["dbilldate"] <= "2026-03-15" for head in found)
        assert all(head["ts"] >= "2026-03-10 00:00:00" and head["fstatus"] == 2 for head in found)


def test_numbers_can_be_text_and_lists_can_keep_their_counts_to_themselves() -> None:
    with site(numbers_as_text=True, counts=False) as caller:
        (row, *_) = caller.data("ic/onhand/query", {"corp": "0001"})["datas"]
        assert isinstance(row["nonhandnum"], str)
        assert isinstance(caller.data("uapbd/custdoc/query", {}), list)


def test_a_voucher_is_saved_numbered_and_listed_by_date() -> None:
    with site() as caller:
        (made,) = caller.data("gl/voucher/insert", a_voucher(), uniquekey="U1")
        assert (made["no"], made["prepareddate"]) == (1, "2026-03-31")
        asked = {"pk_glorgbook": "0001-0001", "prepareddate_begin": "2026-03-31", "prepareddate_end": "2026-03-31"}
        (found,) = caller.data("gl/voucher/pagequery", asked)["datas"]
        assert found == made
        assert caller.data("gl/voucher/pagequery", {**asked, "prepareddate_end": "2026-03-30"})["datas"] == []


def test_a_unique_key_that_succeeded_answers_again_or_is_refused_and_never_doubles() -> None:
    for refuse in (False, True):
        with site(refuse_repeats=refuse) as caller:
            first = caller.data("gl/voucher/insert", a_voucher(), uniquekey="U1")
            again = caller.call("gl/voucher/insert", a_voucher(), uniquekey="U1")
            assert (again["status"] == "falied") is refuse
            assert refuse or json.loads(again["data"], parse_float=Decimal) == first
            assert caller.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 1


def test_a_refused_voucher_does_not_spend_its_unique_key() -> None:
    with site(refuse_repeats=True) as caller:
        assert caller.call("gl/voucher/insert", a_voucher(details=[]), uniquekey="U1")["status"] == "falied"
        assert caller.data("gl/voucher/insert", a_voucher(), uniquekey="U1")


@pytest.mark.parametrize(
    "changes",
    [
        {"pk_corp": "9"},
        {"pk_glorgbook": "9"},
        {"pk_vouchertype": ""},
        {"pk_prepared": "nobody"},
        {"prepareddate": "2031-01-01"},
        {"prepareddate": "31.03.2026"},
        {"details": [LINE]},
        {"details": [LINE, {**OTHER, "creditamount": "12.35"}]},
        {"details": [LINE, {**OTHER, "pk_accsubj": "9999"}]},
        {"details": [LINE, {**OTHER, "pk_accsubj": "1405"}]},
        {"details": [LINE, {**OTHER, "pk_accsubj": "1503"}]},
        {"details": [LINE, {**OTHER, "pk_accsubj": "1403"}]},
        {"details": [{**LINE, "creditamount": "12.34"}, OTHER]},
        {"details": [{**LINE, "debitamount": "0"}, OTHER]},
        {"details": [{name: value for name, value in LINE.items() if name != "creditamount"}, OTHER]},
        {"details": [{**LINE, "debitamount": "12.341"}, {**OTHER, "creditamount": "12.341"}]},
        {"details": [{**LINE, "localdebitamount": "1.00"}, OTHER]},
        {"details": [{**LINE, "pk_currtype": ""}, OTHER]},
        {"details": [{**LINE, "pk_accsubj": "1012"}, OTHER]},
        {"details": [{**LINE, "ass": [{"checktypecode": "HB01", "checkvaluecode": "0"}]}, OTHER]},
    ],
)
def test_what_a_ledger_does_not_take_is_refused_and_nothing_is_saved(changes: dict[str, Any]) -> None:
    with site() as caller:
        answer = caller.call("gl/voucher/insert", a_voucher(**changes), uniquekey="U1")
        assert answer["status"] == "falied" and answer["errormsg"].startswith("U8C返回信息:")
        assert caller.running.site.books.one("SELECT COUNT(*) FROM vouchers") == 0


def test_vouchers_of_two_books_do_not_share_a_call_and_a_closed_period_takes_none() -> None:
    with site() as caller:
        two = {"voucher": [*a_voucher()["voucher"], *a_voucher(pk_glorgbook="other")["voucher"]]}
        assert caller.call("gl/voucher/insert", two)["status"] == "falied"
        caller.running.site.books.set_period("2026-03", False)
        assert "已结账" in caller.call("gl/voucher/insert", a_voucher())["errormsg"]


def test_a_reader_cannot_write() -> None:
    with site() as caller:
        who = caller.running.credentials
        reader = Caller(caller.running, who.reader, who.reader_password, who.system_code)
        assert reader.call("so/saleorder/query", {})["status"] == "success"
        assert reader.call("gl/voucher/insert", a_voucher())["status"] == "falied"


def test_the_control_needs_its_token_and_plays_a_person_in_the_ledger() -> None:
    with site() as caller:
        (made,) = caller.data("gl/voucher/insert", a_voucher(), uniquekey="U1")
        url, token = caller.running.control_url, caller.running.control_token
        body = json.dumps({"id": made["pk_voucher"], "audited_by": "li"}).encode()
        request = urllib.request.Request(f"{url}status", data=body, headers={"X-Control-Token": token})
        urllib.request.urlopen(request, timeout=10).close()
        shown = urllib.request.Request(f"{url}vouchers", headers={"X-Control-Token": token})
        with urllib.request.urlopen(shown, timeout=10) as answer:
            assert [one["audited_by"] for one in json.load(answer)] == ["li"]
        with pytest.raises(urllib.error.HTTPError):
            urllib.request.urlopen(f"{url}vouchers", timeout=10)
