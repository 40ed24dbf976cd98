"""The journal entry service: what is built, what is refused before it is sent, and how every kind of reply is read."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import pytest
from zeep.exceptions import DTDForbidden, EntitiesForbidden, ExternalReferenceForbidden

from connectors.http import HttpTransport, Origin
from connectors.sap import JournalEntryService, SapLogon
from connectors.sap.journal import entries_of
from connectors.sap.logon import Authorisation
from hedge_core.errors import AuthFailed, OutcomeUnknown, RateLimited, Rejected

STAMP = datetime(2026, 11, 22, 16, 15, 55, tzinfo=UTC)
HEADER = {"ID": "HB-1", "UUID": "0d6e2a55-0000-5000-8000-0123456789ab", "CreationDateTime": STAMP}


def item(account: str, amount: str, **more: Any) -> dict[str, Any]:
    value = {"_value_1": Decimal(amount), "currencyCode": "CNY"}
    return {"GLAccount": account, "AmountInTransactionCurrency": value, **more}


def request(**changes: Any) -> dict[str, Any]:
    entry = {
        "OriginalReferenceDocumentType": "BKPFF", "BusinessTransactionType": "RFBU", "AccountingDocumentType": "SA",
        "DocumentReferenceID": "HB00000000000001", "CreatedByUser": "HEDGE", "CompanyCode": "1010",
        "DocumentDate": date(2026, 3, 31), "PostingDate": date(2026, 3, 31),
        "Item": [item("0012100000", "100.00"), item("0041000000", "-100.00")], **changes,
    }  # fmt: skip
    return {"MessageHeader": HEADER, "JournalEntry": {k: v for k, v in entry.items() if v is not None}}


def offline() -> JournalEntryService:
    return JournalEntryService(None, None)  # type: ignore[arg-type]


GOLDEN = (
    '<soap-env:Envelope xmlns:soap-env="http://schemas.xmlsoap.org/soap/envelope/"><soap-env:Body>'
    '<ns0:JournalEntryBulkCreateRequest xmlns:ns0="http://sap.com/xi/SAPSCORE/SFIN">'
    "<MessageHeader><ID>HB-1</ID><UUID>0d6e2a55-0000-5000-8000-0123456789ab</UUID>"
    "<CreationDateTime>2026-11-22T16:15:55Z</CreationDateTime></MessageHeader>"
    "<JournalEntryCreateRequest><MessageHeader><ID>HB-1</ID><UUID>0d6e2a55-0000-5000-8000-0123456789ab</UUID>"
    "<CreationDateTime>2026-11-22T16:15:55Z</CreationDateTime></MessageHeader><JournalEntry>"
    "<OriginalReferenceDocumentType>BKPFF</OriginalReferenceDocumentType><BusinessTransactionType>RFBU</BusinessTransactionType>"
    "<AccountingDocumentType>SA</AccountingDocumentType><DocumentReferenceID>HB00000000000001</DocumentReferenceID>"
    "<CreatedByUser>HEDGE</CreatedByUser><CompanyCode>1010</CompanyCode><DocumentDate>2026-03-31</DocumentDate>"
    "<PostingDate>2026-03-31</PostingDate>"
    '<Item><GLAccount>0012100000</GLAccount><AmountInTransactionCurrency currencyCode="CNY">100.00'
    "</AmountInTransactionCurrency></Item>"
    '<Item><GLAccount>0041000000</GLAccount><AmountInTransactionCurrency currencyCode="CNY">-100.00'
    "</AmountInTransactionCurrency></Item>"
    "</JournalEntry></JournalEntryCreateRequest></ns0:JournalEntryBulkCreateRequest></soap-env:Body></soap-env:Envelope>"
)


def test_the_request_is_built_byte_for_byte_with_only_the_root_qualified() -> None:
    built = offline().build(entries_of([request()], HEADER)).decode()
    assert built.partition("?>")[2].strip() == GOLDEN


@pytest.mark.parametrize(
    ("changes", "names"),
    [
        ({"DocumentReferenceID": "H" * 17}, "DocumentReferenceID"),
        ({"DocumentHeaderText": "x" * 26}, "DocumentHeaderText"),
        ({"CompanyCode": None}, "CompanyCode"),
        ({"Sponsor": "x"}, "Sponsor"),
        ({"Item": [item("0012100000", "0.1234567")]}, "AmountInTransactionCurrency"),
        ({"Item": [item("0012100000", "1", DebitCreditCode="D")]}, "DebitCreditCode"),
        ({"Item": [item("0012100000", "1", DocumentItemText="x" * 51)]}, "DocumentItemText"),
    ],
)
def test_what_the_definition_does_not_allow_is_refused_before_it_is_sent(changes: dict[str, Any], names: str) -> None:
    with pytest.raises(ValueError, match=names):
        offline().build(entries_of([request(**changes)], HEADER))


def test_a_system_may_bring_its_own_definition(tmp_path: Path) -> None:
    ours = Path("connectors/sap/definitions/journal_entry.wsdl").read_text()
    text = '<xsd:element name="DocumentHeaderText" type="tns:Text25" minOccurs="0"/>'
    theirs = tmp_path / "theirs.wsdl"
    theirs.write_text(ours.replace(text, "").replace('<xsd:element name="Item"', text + '<xsd:element name="Item"'))
    service = JournalEntryService(None, None, wsdl=theirs)  # type: ignore[arg-type]
    built = service.build(entries_of([request(DocumentHeaderText="HDG")], HEADER)).decode()
    assert built.index("PostingDate") < built.index("DocumentHeaderText") < built.index("<Item>")


def test_a_definition_with_a_doctype_or_an_import_from_elsewhere_is_refused(tmp_path: Path) -> None:
    ours = Path("connectors/sap/definitions/journal_entry.wsdl").read_text()
    hostile = tmp_path / "hostile.wsdl"
    hostile.write_text(ours.replace("?>", '?><!DOCTYPE a [<!ENTITY x "y">]>', 1))
    with pytest.raises((DTDForbidden, EntitiesForbidden)):
        JournalEntryService(None, None, wsdl=hostile).build(entries_of([request()], HEADER))  # type: ignore[arg-type]
    importing = tmp_path / "importing.wsdl"
    importing.write_text(
        ours.replace("<wsdl:types>", '<wsdl:import namespace="x" location="http://127.0.0.1:9/x"/><wsdl:types>')
    )
    with pytest.raises((ValueError, ExternalReferenceForbidden)):
        JournalEntryService(None, None, wsdl=importing).build(entries_of([request()], HEADER))  # type: ignore[arg-type]


# --- replies ---


def confirmation(
    number: str = "100000000", year: str = "2026", items: str = "", extra: str = "", outer: str = "<Log/>"
) -> str:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Header/><s:Body>'
        '<n0:JournalEntryBulkCreateConfirmation xmlns:n0="http://sap.com/xi/SAPSCORE/SFIN"><MessageHeader/>'
        f"{extra}<JournalEntryCreateConfirmation><MessageHeader><ReferenceID>HB-1</ReferenceID></MessageHeader>"
        f"<JournalEntryCreateConfirmation><AccountingDocument>{number}</AccountingDocument>"
        f"<CompanyCode>1010</CompanyCode><FiscalYear>{year}</FiscalYear></JournalEntryCreateConfirmation>"
        f"<Log>{items}</Log></JournalEntryCreateConfirmation>{outer}</n0:JournalEntryBulkCreateConfirmation></s:Body></s:Envelope>"
    )


def log(type_id: str, severity: str, note: str) -> str:
    return f"<Item><TypeID>{type_id}</TypeID><SeverityCode>{severity}</SeverityCode><Note>{note}</Note></Item>"


@contextmanager
def answering(status: int, body: str | bytes, headers: dict[str, str] | None = None) -> Iterator[Callable[[], Any]]:
    """A server that gives one answer to everything; yields a call of the service."""
    content = body.encode() if isinstance(body, str) else body

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(status)
            for name, value in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            return

    server = HTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
    try:
        origin = Origin(f"http://127.0.0.1:{server.server_address[1]}")
        transport = HttpTransport(origin, "SAP", call_seconds=10, answered_statuses=frozenset({500}))
        service = JournalEntryService(transport, Authorisation(SapLogon("basic", "u", "p"), transport, time.time))
        yield lambda: service.post(service.build(entries_of([request()], HEADER)))
    finally:
        server.shutdown()
        server.server_close()


def test_a_booked_document_is_read_by_local_names_whatever_a_release_adds() -> None:
    newer = "<ConfirmationInterfaceOrignName/><SomethingOfNextYear><Deep/></SomethingOfNextYear>"
    for extra in ("", newer):
        with answering(200, confirmation(items=log("605(RW)", "1", "posted"), extra=extra)) as post:
            (one,) = post()
        assert (one.posted, one.document, one.year, one.reference) == (True, "100000000", "2026", "HB-1")
        assert [(entry.code, entry.severity) for entry in one.log] == [("RW/605", 1)]


def test_a_warning_still_books_and_an_error_does_not_whatever_the_outer_log_says() -> None:
    with answering(200, confirmation(items=log("001(BKPFF)", "2", "careful"))) as post:
        assert post()[0].posted
    refused = log("609(RW)", "3", "Error in document") + log("102(F5)", "3", "Customer 2 is not defined")
    with answering(200, confirmation(" ", "0000", refused, outer="<Log/>")) as post:
        (one,) = post()
    assert (one.posted, one.document, one.severity) == (False, "", 3)
    assert [entry.code for entry in one.log] == ["RW/609", "F5/102"]


@pytest.mark.parametrize("number", ["", " ", "0000000000", "0"])
def test_blanks_and_zeros_are_no_document(number: str) -> None:
    with answering(200, confirmation(number, items=log("614(RW)", "1", "checked"))) as post:
        assert post()[0].document == ""


def test_an_unreadable_severity_counts_as_an_error() -> None:
    with answering(200, confirmation(items=log("1(X)", "?", "what"))) as post:
        assert not post()[0].posted


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (200, ""),
        (202, ""),
        (200, "<html><body>Logon</body></html>"),
        (500, "<html><body>500</body></html>"),
        (502, "bad gateway"),
        (403, "forbidden"),
        (200, '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body/></s:Envelope>'),
        (200, confirmation().replace("<s:Envelope", "<!DOCTYPE x><s:Envelope", 1)),
        (200, confirmation()[:300]),
    ],
)
def test_an_answer_that_is_no_confirmation_is_an_unknown_outcome(status: int, body: str) -> None:
    with answering(status, body) as post, pytest.raises(OutcomeUnknown):
        post()


def fault(code: str) -> str:
    return (
        '<s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/"><s:Body><s:Fault>'
        f"<faultcode>s:{code}</faultcode><faultstring>said the server</faultstring></s:Fault></s:Body></s:Envelope>"
    )


def test_a_fault_that_blames_the_request_is_rejected_and_one_of_the_server_is_unknown() -> None:
    with answering(500, fault("Client")) as post, pytest.raises(Rejected) as refused:
        post()
    assert refused.value.vendor_text == "said the server"
    with answering(500, fault("Server")) as post, pytest.raises(OutcomeUnknown) as unknown:
        post()
    assert "said the server" in unknown.value.reason


def test_throttling_and_a_refused_logon_have_their_names() -> None:
    with answering(429, "<html/>", {"Retry-After": "3"}) as post, pytest.raises(RateLimited) as limited:
        post()
    assert limited.value.retry_after == 3
    with answering(401, "<html/>") as post, pytest.raises(AuthFailed):
        post()
