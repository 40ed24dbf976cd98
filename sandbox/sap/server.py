"""The SAP stand-in as one application: finds service or endpoint, checks the caller and the CSRF token, plays faults."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import FAULTS, FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request
from sandbox.sap.books import Books
from sandbox.sap.control import Control
from sandbox.sap.gate import Gate
from sandbox.sap.journal import BadEnvelope, JournalEndpoint, Ledger, fault
from sandbox.sap.metadata import document
from sandbox.sap.odata import ODataSite, Refused, Shown, encode
from sandbox.sap.schema import SERVICES, Service

SOAP_PATH = "/sap/bc/srt/scs_ext/sap/journalentrycreaterequestconfi"
TOKEN_PATH = "/sap/bc/sec/oauth2/token"  # noqa: S105 - a path
LOGGED_CALLS = 500

SAP_FAULTS: dict[str, FaultKind] = {
    **{name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and name != "waf"},
    "unavailable_503": FaultKind(
        "instead", "all", "HTTP 503 with Retry-After and an HTML body, as a dispatcher says it"
    ),
    "token_ended": FaultKind("instead", "all", "every bearer token ends; HTTP 401"),
    "csrf_ended": FaultKind("instead", "writes", "every CSRF token ends; the call is then refused by itself"),
    "empty_200": FaultKind("after", "writes", "execute, commit, then HTTP 200 without a body"),
}

_HTML = "text/html; charset=utf-8"
_XML = "text/xml; charset=utf-8"


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what differs between systems."""

    most_rows: int = 1000
    plain_numbers: bool = False
    """V4 sends JSON numbers although IEEE754Compatible was asked for."""
    interface_name: bool = True
    honours_test: bool = True
    answer_zeros: bool = True
    latency_seconds: float = 0.0


@dataclass(slots=True)
class CallLog:
    """Counters and the last calls, for the control endpoint."""

    calls: Counter[str] = field(default_factory=Counter)
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOGGED_CALLS))


class SapSite:
    """One system and client. Call it with a request to get an answer."""

    def __init__(
        self, books: Books, gate: Gate, faults: Switchboard, control_token: str, ledger: Ledger, behaviour: Behaviour
    ) -> None:
        self.books = books
        self.gate = gate
        self.faults = faults
        self.log = CallLog()
        self._behaviour = behaviour
        self._odata = ODataSite(books, most_rows=behaviour.most_rows, plain_numbers=behaviour.plain_numbers)
        self.journal = JournalEndpoint(
            books,
            ledger,
            interface_name=behaviour.interface_name,
            honours_test=behaviour.honours_test,
            answer_zeros=behaviour.answer_zeros,
        )
        self._control = Control(self, control_token)

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        started = time.monotonic()
        name, kind = _call(request)
        fired = self.faults.hits(name, kind)
        try:
            answer = self._with_faults(request, fired)
        except Exception as error:  # noqa: BLE001 - a site answers 500 and goes on; the crash is shown by control
            self.log.crashes.append(f"{request.method} {request.path}: {error!r}")
            answer = _html("500 Internal Server Error", 500)
        self.log.calls[name] += 1
        self.log.recent.append(
            {
                "method": request.method,
                "path": request.path,
                "query": request.query,
                "http_status": answer.status,
                "faults": [one.name for one in fired],
                "milliseconds": round((time.monotonic() - started) * 1000, 1),
            }
        )
        return answer

    def _with_faults(self, request: Request, fired: tuple[Fired, ...]) -> Answer:
        wait = self._behaviour.latency_seconds + sum(one.seconds for one in fired if one.stage == "delay")
        if wait:
            time.sleep(wait)
        hit = next((one for one in fired if one.stage != "delay"), None)
        if hit is None:
            return self._serve(request)
        if hit.stage == "instead":
            return self._instead(request, hit.name)
        answer = self._serve(request)
        if hit.name == "error_500_after_commit":
            return _html("500 Internal Server Error", 500)
        if hit.name == "empty_200":
            return Answer(b"", 200, _XML)
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(
            answer.body, answer.status, answer.content_type, answer.headers, damage=damage, stall_seconds=hit.seconds
        )

    def _instead(self, request: Request, fault_name: str) -> Answer:
        if fault_name == "html_200":
            return _html("Logon: please enter user and password", 200)
        if fault_name == "too_frequent":
            return Answer(_page("429 Too Many Requests"), 429, _HTML, (("Retry-After", "3"),))
        if fault_name == "unavailable_503":
            return Answer(_page("503 Service Unavailable"), 503, _HTML, (("Retry-After", "2"),))
        if fault_name == "token_ended":
            self.gate.forget_tokens()
            return _unauthorised()
        if fault_name == "csrf_ended":
            self.gate.forget_sessions()
            return self._serve(request)
        return _html("500 Internal Server Error", 500)

    def _serve(self, request: Request) -> Answer:
        if request.path == TOKEN_PATH:
            status, body = self.gate.issue_token(request.headers, request.body)
            return Answer(json.dumps(body).encode(), status)
        role = self.gate.role(request.headers)
        if role is None:
            return _unauthorised()
        if request.path == SOAP_PATH:
            return self._soap(request, role)
        service = next((one for one in SERVICES if f"{request.path}/".startswith(one.path)), None)
        if service is None:
            return _html("404 Not found", 404)
        return self._service(service, request, role)

    def _soap(self, request: Request, role: str) -> Answer:
        if request.method != "POST":
            return _html("405 Method not allowed", 405)
        try:
            body = self.journal.answer(request.body, request.headers.get("soapaction", ""), role)
        except BadEnvelope as error:
            return Answer(fault("Client", str(error)), 500, _XML)
        return Answer(body, 200, _XML)

    def _service(self, service: Service, request: Request, role: str) -> Answer:
        path = request.path.removeprefix(service.path.rstrip("/")).lstrip("/")
        headers: tuple[tuple[str, str], ...] = (("DataServiceVersion", "2.0"),) if service.version == 2 else ()
        try:
            if request.method == "GET" and path == "$metadata":
                return Answer(document(service), 200, "application/xml; charset=utf-8")
            if request.method in ("GET", "HEAD"):
                if request.headers.get("x-csrf-token", "").lower() == "fetch":
                    token, cookies = self.gate.open_session()
                    headers += (("x-csrf-token", token), *cookies)
                shown = self._odata.read(service, path, request.query, request.headers)
            else:
                if not self.gate.csrf_valid(request.headers):
                    required = (("x-csrf-token", "Required"),)
                    return Answer(b"CSRF token validation failed", 403, "text/plain; charset=utf-8", required)
                if role != "poster":
                    raise Refused(403, "/IWFND/CM_BEC/026", "No authorization to change data with this service")
                shown = self._change(service, path, request)
        except Refused as refused:
            return _error(service, refused)
        return _answer(shown, headers)

    def _change(self, service: Service, path: str, request: Request) -> Shown:
        method = request.headers.get("x-http-method", request.method).upper()
        if method in ("PATCH", "MERGE"):
            return self._odata.change(service, path, request.body, request.headers)
        if method == "POST":
            return self._odata.create(service, path, request.body)
        raise Refused(405, "/IWFND/CM_MGW/096", f"{method} is not supported here")


def _call(request: Request) -> tuple[str, str]:
    """Name of the call for the fault switchboard (its last resource), and its kind."""
    if request.path == TOKEN_PATH:
        return "Token", "login"
    if request.path == SOAP_PATH:
        return "JournalEntry", "write"
    name = request.path.rstrip("/").rpartition("/")[2].partition("(")[0] or "Root"
    return name, "read" if request.method in ("GET", "HEAD") else "write"


def _answer(shown: Shown, headers: tuple[tuple[str, str], ...]) -> Answer:
    if shown.text:
        return Answer(shown.text.encode(), shown.status, "text/plain; charset=utf-8", headers + shown.headers)
    if shown.body is None:
        return Answer(b"", shown.status, "application/json; charset=utf-8", headers + shown.headers)
    return Answer(encode(shown.body), shown.status, "application/json; charset=utf-8", headers + shown.headers)


def _error(service: Service, refused: Refused) -> Answer:
    if service.version == 4:
        body: dict[str, Any] = {"error": {"code": refused.code, "message": refused.text, "details": []}}
    else:
        detail = {"code": refused.code, "message": refused.text, "propertyref": "", "severity": "error", "target": ""}
        body = {
            "error": {
                "code": refused.code,
                "message": {"lang": "en", "value": refused.text},
                "innererror": {
                    "application": {
                        "service_namespace": "/SAP/",
                        "service_id": service.name,
                        "service_version": "0001",
                    },
                    "transactionid": "0A1B2C3D4E5F60718293A4B5C6D7E8F9",
                    "timestamp": "20260331080000.0000000",
                    "Error_Resolution": {"SAP_Transaction": "", "SAP_Note": ""},
                    "errordetails": [detail],
                },
            }
        }
    return Answer(json.dumps(body).encode(), refused.status)


def _page(text: str) -> bytes:
    return f"<html><head><title>{text}</title></head><body><h1>{text}</h1></body></html>".encode()


def _html(text: str, status: int) -> Answer:
    return Answer(_page(text), status, _HTML)


def _unauthorised() -> Answer:
    realm = (("WWW-Authenticate", 'Basic realm="SAP NetWeaver Application Server [HDG/100]"'),)
    return Answer(_page("Logon failed"), 401, _HTML, realm)
