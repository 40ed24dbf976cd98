"""The SAP stand-in by itself: logon, CSRF, filters, paging, the ledger's rules, faults, the control endpoint, the command."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st

from sandbox.sap.command import RunningSite, SiteOptions, running_site
from sandbox.sap.filters import BadFilter, compile_filter
from sandbox.sap.journal import ACTION
from sandbox.sap.schema import TYPES
from sandbox.sap.server import SOAP_PATH, Behaviour

ORDERS = "sap/opu/odata/sap/API_SALES_ORDER_SRV/"
ORDERS_V4 = "sap/opu/odata4/sap/api_salesorder/srvd_a2x/sap/salesorder/0001/"
CUBE = "sap/opu/odata/sap/API_OPLACCTGDOCITEMCUBE_SRV/A_OperationalAcctgDocItemCube"


class Bare:
    """A client that knows nothing of ours."""

    def __init__(self, site: RunningSite) -> None:
        self.site = site
        self.http = requests.Session()
        self.http.auth = (site.credentials.user, site.credentials.password)

    def get(self, path: str, **options: Any) -> requests.Response:
        return self.http.get(self.site.url.rstrip("/") + "/" + path, timeout=10, **options)

    def post(self, path: str, body: Any, **headers: str) -> requests.Response:
        given = {name.replace("_", "-"): value for name, value in headers.items()}
        return self.http.post(self.site.url.rstrip("/") + "/" + path, data=body, headers=given, timeout=10)

    def control(self, name: str, body: Any = None) -> Any:
        headers = {"X-Control-Token": self.site.control_token}
        if body is None:
            answer = requests.get(self.site.control_url + name, headers=headers, timeout=10)
        else:
            answer = requests.post(self.site.control_url + name, headers=headers, data=json.dumps(body), timeout=10)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def soap(self, *items: str, day: str = "2026-03-31", key: str = "HB00000000000001", **more: str) -> str:
        return self.post(SOAP_PATH.lstrip("/"), envelope(*items, day=day, key=key, **more), SOAPAction=ACTION).text


def line(account: str, amount: str, currency: str = "CNY", side: str = "") -> str:
    code = f"<DebitCreditCode>{side}</DebitCreditCode>" if side else ""
    money = f'<AmountInTransactionCurrency currencyCode="{currency}">{amount}</AmountInTransactionCurrency>'
    return f"<Item><GLAccount>{account}</GLAccount>{money}{code}</Item>"


def envelope(*items: str, day: str, key: str, company: str = "1010", test: str = "", doctype: str = "") -> bytes:
    header = "<MessageHeader><ID>M1</ID><CreationDateTime>2026-03-31T00:00:00Z</CreationDateTime>{}</MessageHeader>"
    return (
        f'{doctype}<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body>'
        f'<n:JournalEntryBulkCreateRequest xmlns:n="http://sap.com/xi/SAPSCORE/SFIN">{header.format("")}'
        f"<JournalEntryCreateRequest>{header.format(test)}<JournalEntry>"
        "<OriginalReferenceDocumentType>BKPFF</OriginalReferenceDocumentType>"
        "<BusinessTransactionType>RFBU</BusinessTransactionType><AccountingDocumentType>SA</AccountingDocumentType>"
        f"<DocumentReferenceID>{key}</DocumentReferenceID><CreatedByUser>X</CreatedByUser>"
        f"<CompanyCode>{company}</CompanyCode><DocumentDate>{day}</DocumentDate><PostingDate>{day}</PostingDate>"
        f"{''.join(items)}</JournalEntry></JournalEntryCreateRequest></n:JournalEntryBulkCreateRequest></s:Body></s:Envelope>"
    ).encode()


CASH, RESULT = "1012000000", "6111010000"
GOOD = (line(CASH, "10.50", side="S"), line(RESULT, "-10.50", side="H"))


@pytest.fixture
def bare() -> Iterator[Bare]:
    with running_site() as site:
        yield Bare(site)


def test_a_stranger_gets_401_with_a_page(bare: Bare) -> None:
    bare.http.auth = ("HEDGE_COMM", "wrong")
    answer = bare.get(ORDERS + "A_SalesOrder")
    assert answer.status_code == 401
    assert "WWW-Authenticate" in answer.headers
    assert answer.headers["content-type"].startswith("text/html")


def test_a_token_without_its_cookie_is_refused(bare: Bare) -> None:
    token = bare.get(ORDERS, headers={"x-csrf-token": "Fetch"}).headers["x-csrf-token"]
    path = ORDERS + "A_SalesOrderItem(SalesOrder='1000000001',SalesOrderItem='10')/to_Text"
    body = json.dumps({"Language": "EN", "LongTextID": "Z001", "LongText": "a"})
    cookies = bare.http.cookies.copy()
    bare.http.cookies.clear()
    refused = bare.post(path, body, x_csrf_token=token)
    assert (refused.status_code, refused.headers["x-csrf-token"]) == (403, "Required")
    bare.http.cookies = cookies
    assert bare.post(path, body, x_csrf_token=token).status_code == 201
    again = bare.post(path, body, x_csrf_token=token)
    assert again.status_code == 400
    assert again.json()["error"]["code"] == "/IWBEP/CM_MGW_RT/041"


def test_next_links_name_another_host_in_v2_and_are_relative_in_v4() -> None:
    with running_site(SiteOptions(behaviour=Behaviour(most_rows=10))) as site:
        bare = Bare(site)
        v2 = bare.get(ORDERS + "A_SalesOrder?$select=SalesOrder").json()["d"]["__next"]
        v4 = bare.get(ORDERS_V4 + "SalesOrder?$select=SalesOrder").json()["@odata.nextLink"]
        assert v2.startswith("http://localhost:9/sap/opu/odata/sap/API_SALES_ORDER_SRV/A_SalesOrder?")
        assert v4.startswith("SalesOrder?") and "$skiptoken=" in v4
        follow = bare.get(ORDERS_V4 + v4).json()
        assert follow["value"][0]["SalesOrder"] == "1000000011"


def test_dates_numbers_and_counts_have_the_shapes_of_their_version(bare: Bare) -> None:
    v2 = bare.get(ORDERS + "A_SalesOrder?$top=1&$inlinecount=allpages").json()["d"]
    assert v2["__count"].isdigit()
    row = v2["results"][0]
    assert row["SalesOrderDate"].startswith("/Date(") and "+" not in row["SalesOrderDate"]
    assert row["LastChangeDateTime"].endswith("+0000)/")
    assert isinstance(row["TotalNetAmount"], str)
    assert "uri" in row["to_Item"]["__deferred"]
    exact = {"Accept": "application/json;IEEE754Compatible=true"}
    assert isinstance(
        bare.get(ORDERS_V4 + "SalesOrder?$top=1", headers=exact).json()["value"][0]["TotalNetAmount"], str
    )
    assert isinstance(bare.get(ORDERS_V4 + "SalesOrder?$top=1").json()["value"][0]["TotalNetAmount"], float)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (ORDERS + "A_SalesOrder?$filter=SalesOrderDate ge 2026-03-01", 400),
        (ORDERS_V4 + "SalesOrder?$filter=SalesOrderDate ge datetime'2026-03-01T00:00:00'", 400),
        (ORDERS + "A_SalesOrder?$filter=Nope eq 'x'", 400),
        (ORDERS + "A_SalesOrder?$count=true", 400),
        (ORDERS_V4 + "SalesOrder?$inlinecount=allpages", 400),
        (ORDERS + "A_Nothing", 404),
        (ORDERS + "A_SalesOrder('4711')", 404),
        (ORDERS + "A_SalesOrder?$skiptoken=!!", 400),
    ],
)
def test_what_a_version_does_not_know_is_refused_in_saps_shape(bare: Bare, path: str, status: int) -> None:
    answer = bare.get(path)
    assert answer.status_code == status
    message = answer.json()["error"]["message"]
    assert isinstance(message, str if path.startswith(ORDERS_V4) else dict)


@given(st.text(max_size=60))
def test_no_text_breaks_the_filter_reader(text: str) -> None:
    kind = TYPES["A_SalesOrder"]
    for version in (2, 4):
        with contextlib.suppress(BadFilter):
            compile_filter(text, kind, {name: name for name in kind.properties}, version)


def test_a_filter_nested_too_deeply_is_refused(bare: Bare) -> None:
    assert bare.get(ORDERS + "A_SalesOrder?$filter=" + "(" * 5000).status_code == 400


def test_a_good_entry_is_booked_and_shows_in_the_cube(bare: Bare) -> None:
    reply = bare.soap(*GOOD)
    assert "<AccountingDocument>0100000000</AccountingDocument>" in reply and "605(RW)" in reply
    rows = bare.get(CUBE + "?$filter=DocumentReferenceID eq 'HB00000000000001'").json()["d"]["results"]
    assert [row["AmountInTransactionCurrency"] for row in rows] == ["10.500", "-10.500"]


@pytest.mark.parametrize(
    ("items", "more", "code"),
    [
        ((GOOD[0], line(RESULT, "-10.49")), {}, "702(F5)"),
        ((GOOD[0], line("4711", "-10.50")), {}, "507(F5)"),
        ((GOOD[0],), {}, "117(F5)"),
        ((line(CASH, "10.505"), line(RESULT, "-10.505")), {}, "263(F5)"),
        ((line(CASH, "10.5", "JPY"), line(RESULT, "-10.5", "JPY")), {}, "263(F5)"),
        ((line(CASH, "10.50", side="H"), line(RESULT, "-10.50")), {}, "055(F5)"),
        ((GOOD[0], line("1503000000", "-10.50")), {}, "351(F5)"),
        ((GOOD[0], line("1403000000", "-10.50")), {}, "353(F5)"),
        (GOOD, {"day": "2027-01-31"}, "201(F5)"),
        (GOOD, {"company": "9999"}, "165(F5)"),
    ],
)
def test_the_ledger_refuses_with_http_200_blanks_and_a_log(
    bare: Bare, items: tuple[str, ...], more: dict[str, str], code: str
) -> None:
    reply = bare.soap(*items, **more)
    assert "<AccountingDocument> </AccountingDocument>" in reply and "<FiscalYear>0000</FiscalYear>" in reply
    assert code in reply and "609(RW)" in reply
    assert reply.endswith("<Log/></n0:JournalEntryBulkCreateConfirmation></soap-env:Body></soap-env:Envelope>")
    assert bare.control("vouchers") == []


@pytest.mark.parametrize(
    "body",
    [
        b"not xml",
        envelope(*GOOD, day="2026-03-31", key="H" * 17),
        envelope(*GOOD, day="31.03.2026", key="HB1"),
        envelope(line(CASH, "ten"), day="2026-03-31", key="HB1"),
        envelope(*GOOD, day="2026-03-31", key="HB1", doctype="<!DOCTYPE x>"),
        envelope(*GOOD, day="2026-03-31", key="HB1").replace(b"<CompanyCode>1010</CompanyCode>", b""),
    ],
)
def test_an_envelope_that_does_not_fit_the_definition_is_a_fault(bare: Bare, body: bytes) -> None:
    answer = bare.post(SOAP_PATH.lstrip("/"), body, SOAPAction=ACTION)
    assert answer.status_code == 500
    assert "<faultcode>soap-env:Client</faultcode>" in answer.text
    assert bare.control("vouchers") == []


def test_a_test_run_books_nothing(bare: Bare) -> None:
    assert "0000000000" in bare.soap(*GOOD, test="<TestDataIndicator>true</TestDataIndicator>")
    assert bare.control("vouchers") == []


def test_control_closes_periods_changes_rows_and_needs_its_token(bare: Bare) -> None:
    bare.control("period", {"year": 2026, "period": 3, "open": False})
    assert "201(F5)" in bare.soap(*GOOD)
    keys = {"SalesOrder": "1000000001", "SalesOrderItem": "10"}
    bare.control("edit", {"type": "A_SalesOrderItem", "keys": keys, "set": {"NetAmount": "1.5"}})
    (row,) = [one for one in bare.control("records?type=A_SalesOrderItem") if one["NetAmount"] == "1.500"]
    assert row["SalesOrder"] == "1000000001"
    assert bare.control("delete", {"type": "A_SalesOrderItem", "keys": keys}) == {"deleted": 1}
    assert requests.get(bare.site.control_url + "vouchers", timeout=10).status_code == 403


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        ("too_frequent", 429),
        ("unavailable_503", 503),
        ("html_200", 200),
        ("error_500_before", 500),
        ("token_ended", 401),
    ],
)
def test_a_fault_answers_with_a_page_and_counts(bare: Bare, fault: str, status: int) -> None:
    bare.control("faults", {"fault": f"{fault}=1x"})
    answer = bare.get(ORDERS + "A_SalesOrder?$top=1")
    assert (answer.status_code, answer.headers["content-type"]) == (status, "text/html; charset=utf-8")
    assert bare.get(ORDERS + "A_SalesOrder?$top=1").status_code == 200
    assert bare.control("faults")["fired"] == {fault: 1}


def test_the_command_prints_one_line_of_json_and_serves() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox", "sap", "--json", "--until-stdin-closes", "--fault", "slow=0:1"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    try:
        assert process.stdout is not None and process.stdin is not None
        told = json.loads(process.stdout.readline())
        answer = requests.get(
            told["url"] + "/" + ORDERS + "A_SalesOrder/$count", auth=(told["user"], told["password"]), timeout=10
        )
        assert int(answer.text) > 50
        process.stdin.close()
        assert process.wait(20) == 0
    finally:
        process.kill()
