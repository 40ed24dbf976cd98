"""Journal entries by SOAP: zeep builds the request, its schema checks it, one POST sends it, and we read the reply ourselves.

zeep never sees the reply: a release that adds one element in the middle makes it raise after the document was booked, or
answer an empty list. Success is what the inner log and the inner document number say; neither the HTTP status nor the outer
log proves anything.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlencode

from lxml import etree
from zeep import Client, Settings, Transport
from zeep.exceptions import ValidationError

from connectors.http import HttpAnswer, HttpTransport
from connectors.sap.answers import refusal_of
from connectors.sap.logon import Authorisation
from connectors.sap.xml_reading import UnsafeXml, child, child_text, children, local, read_xml
from hedge_core.errors import OutcomeUnknown, PlatformError, Rejected

DEFAULT_PATH: Final = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
OPERATION: Final = "JournalEntryCreateRequestConfirmation_In"
ERROR_SEVERITY: Final = 3
"""Log severities: 1 information, 2 warning (books all the same), 3 error, 4 termination."""

_TYPE_ID: Final = re.compile(r"\s*([0-9]{1,3})\s*\(\s*([^)]+?)\s*\)\s*")
_XSD: Final = "{http://www.w3.org/2001/XMLSchema}"
_SETTINGS: Final = Settings(
    strict=True, forbid_dtd=True, forbid_entities=True, forbid_external=True, xml_huge_tree=False
)


@dataclass(frozen=True, slots=True)
class LogItem:
    """One line of a confirmation's log. `code` is `class/number`, e.g. `F5/201`."""

    code: str
    severity: int
    text: str


@dataclass(frozen=True, slots=True)
class Confirmation:
    """What one entry of a request came to. `document` is empty when SAP gave no number (blanks or zeros)."""

    document: str
    company: str
    year: str
    reference: str
    log: tuple[LogItem, ...]

    @property
    def severity(self) -> int:
        """The highest severity in the log."""
        return max((item.severity for item in self.log), default=0)

    @property
    def posted(self) -> bool:
        """A number was given and nothing in the log says that it was not executed."""
        return bool(self.document) and self.severity < ERROR_SEVERITY


class JournalEntryService:
    """The synchronous journal entry service of one system. `wsdl` is the path of that system's own WSDL, where ours does not
    fit; `client` the SAP client that goes into the address, empty for the system's default."""

    def __init__(
        self,
        transport: HttpTransport,
        authorisation: Authorisation,
        *,
        path: str = DEFAULT_PATH,
        client: str = "",
        wsdl: Path | None = None,
    ) -> None:
        self._http = transport
        self._authorisation = authorisation
        self._path = path + ("?" + urlencode({"sap-client": client}) if client else "")
        self._wsdl = wsdl

    def build(self, payload: Mapping[str, Any]) -> bytes:
        """The SOAP envelope of a JournalEntryBulkCreateRequest, checked against the definition: names and mandatory elements
        by zeep, lengths and forms by the schema. ValueError names what is wrong."""
        definition = self._definition
        try:
            envelope = definition.zeep.create_message(definition.zeep.service, OPERATION, **payload)
        except (ValidationError, TypeError, ValueError) as error:
            raise ValueError(f"not a journal entry request: {error}") from error
        request = envelope.find("{*}Body")[0]
        # zeep's elements carry the envelope's namespaces; parsed on its own the request is what the schema knows
        alone = etree.fromstring(etree.tostring(request))
        if not definition.schema.validate(alone):
            first = definition.schema.error_log[0]
            raise ValueError(f"not a journal entry request: {first.message}")
        return bytes(etree.tostring(envelope, xml_declaration=True, encoding="utf-8"))

    def post(self, envelope: bytes) -> list[Confirmation]:
        """Send one request, once, and read the confirmations in their order. Whatever is not a confirmation is an unknown
        outcome, except what proves that nothing was executed: 401, a fault that blames the request, SAP's own refusal."""
        answer = self._send(envelope)
        if answer.status == 401 and self._authorisation.renewable:
            self._authorisation.forget()
            answer = self._send(envelope)
        if answer.status == 401:
            raise self._authorisation.refuse("HTTP 401 at the journal entry service")
        body = self._body(answer)
        fault = child(body, "Fault")
        if fault is not None:
            raise self._fault(fault)
        found = None if body is None else next((one for one in body if local(one).endswith("Confirmation")), None)
        if answer.status != 200 or found is None:
            raise OutcomeUnknown(f"HTTP {answer.status} without a confirmation", system=self._http.system)
        return [_confirmation(one) for one in children(found, "JournalEntryCreateConfirmation")]

    def _send(self, envelope: bytes) -> HttpAnswer:
        headers = {
            "Content-Type": "text/xml; charset=utf-8",
            "Accept": "text/xml",
            "SOAPAction": f'"{self._definition.action}"',
            **self._authorisation.headers(),
        }
        return self._http.post(self._path, envelope, headers, write=True)

    def _body(self, answer: HttpAnswer) -> etree._Element | None:
        try:
            return child(read_xml(answer.body), "Body")
        except UnsafeXml as error:
            refusal = refusal_of(answer.body)
            if refusal is not None and answer.status in (400, 403, 404):
                raise Rejected(refusal.code, refusal.spoken(), system=self._http.system) from error
            reason = f"HTTP {answer.status}, {error}"
            raise OutcomeUnknown(reason, system=self._http.system) from error

    def _fault(self, fault: etree._Element) -> PlatformError:
        """SOAP 1.1: `Client` says that the message was wrong and must not be sent again unchanged; `Server` says nothing about
        what had been done by then."""
        code = child_text(fault, "faultcode") or child_text(child(fault, "Code"), "Value")
        text = child_text(fault, "faultstring") or child_text(child(fault, "Reason"), "Text")
        if code.rpartition(":")[2].partition(".")[0] in ("Client", "Sender"):
            return Rejected(code, text, system=self._http.system)
        return OutcomeUnknown(f"SOAP fault {code}: {text}", system=self._http.system)

    @cached_property
    def _definition(self) -> _Definition:
        if self._wsdl is not None:
            return _Definition.load(self._wsdl)
        with as_file(files("connectors.sap").joinpath("definitions", "journal_entry.wsdl")) as path:
            return _Definition.load(path)


@dataclass(frozen=True, slots=True)
class _Definition:
    """A loaded WSDL: zeep's client, the SOAPAction, and the schema that checks what zeep does not (facets)."""

    zeep: Client
    action: str
    schema: etree.XMLSchema

    @classmethod
    def load(cls, path: Path) -> _Definition:
        client = Client(str(path), settings=_SETTINGS, transport=_Offline())
        operation = client.service._binding.get(OPERATION)
        types = read_xml(path.read_bytes()).find("{*}types")
        schemas = [] if types is None else types.findall(f"{_XSD}schema")
        if len(schemas) != 1:
            raise ValueError(f"{path.name} holds {len(schemas)} schemas; exactly one is understood")
        alone = etree.fromstring(etree.tostring(schemas[0]))
        return cls(client, str(operation.soapaction), etree.XMLSchema(alone))


class _Offline(Transport):
    """zeep's way out, closed: a definition is one local file, and calls go through our own transport."""

    def load(self, url: str) -> bytes:
        path = Path(url.removeprefix("file://"))
        if "://" in url.removeprefix("file://") or not path.is_file():
            raise ValueError(f"a definition may not load {url}")
        return path.read_bytes()

    def post(self, address: str, message: Any, headers: Any) -> Any:
        raise NotImplementedError("sent by HttpTransport")


def _confirmation(one: etree._Element) -> Confirmation:
    inner = child(one, "JournalEntryCreateConfirmation")
    document = child_text(inner, "AccountingDocument")
    return Confirmation(
        document=document if document.strip("0") else "",
        company=child_text(inner, "CompanyCode"),
        year=child_text(inner, "FiscalYear"),
        reference=child_text(child(one, "MessageHeader"), "ReferenceID"),
        log=tuple(_log_item(item) for item in children(child(one, "Log"), "Item")),
    )


def _log_item(item: etree._Element) -> LogItem:
    """An unreadable severity counts as an error: a document is never taken for booked by a guess."""
    severity = child_text(item, "SeverityCode")
    found = _TYPE_ID.fullmatch(child_text(item, "TypeID"))
    code = f"{found.group(2)}/{found.group(1)}" if found else child_text(item, "TypeID")
    return LogItem(code, int(severity) if severity.isdigit() else ERROR_SEVERITY, child_text(item, "Note"))


def entries_of(requests: Sequence[Mapping[str, Any]], header: Mapping[str, Any]) -> dict[str, Any]:
    """The payload of a bulk request: its message header and its entries."""
    return {"MessageHeader": dict(header), "JournalEntryCreateRequest": [dict(one) for one in requests]}
