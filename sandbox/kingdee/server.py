"""The Kingdee stand-in as one application: finds the service, checks the caller, runs it, shapes the answer, plays faults."""

from __future__ import annotations

import secrets
import threading
import time
from collections import Counter, OrderedDict, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import Fired, Switchboard
from sandbox.http_server import Answer, Request
from sandbox.kingdee.books import Books
from sandbox.kingdee.calls import BadBody, Call, login_parameters, read_call
from sandbox.kingdee.control import Control
from sandbox.kingdee.describe import business_info, view
from sandbox.kingdee.documents import Documents
from sandbox.kingdee.envelope import (
    LOGIN_PAGE,
    Outcome,
    Refused,
    Trouble,
    firewall,
    html_answer,
    json_answer,
    outcome_result,
    refusal,
    session_lost,
    status,
    wrapped,
)
from sandbox.kingdee.forms import Form
from sandbox.kingdee.query import QueryRefused, run_query
from sandbox.kingdee.sessions import COOKIE, Gate, NotAllowed
from sandbox.kingdee.texts import say
from sandbox.kingdee.uploads import Uploads

SUFFIX = ".common.kdsvc"
AUTH = "Kingdee.BOS.WebApi.ServicesStub.AuthService."
FORMS = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService."
DATA_CENTRES = "Kingdee.BOS.ServiceFacade.ServicesStub.Account.AccountService.GetDataCenterList"

READS = frozenset({"ExecuteBillQuery", "BillQuery", "View", "QueryBusinessInfo", "QueryAsyncResult"})
WRITES = frozenset({"Save", "BatchSave", "Draft", "Submit", "Audit", "UnAudit", "Delete", "AttachmentUpload"})
MOST_TASKS = 1_000
LOGGED_REQUESTS = 500


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what differs between sites."""

    max_limit: int = 2000
    string_flags: bool = False
    plain_query_errors: bool = False
    refuse_repeats: bool = False
    latency_seconds: float = 0.0


@dataclass(slots=True)
class RequestLog:
    """Counters and the last requests, for the control endpoint."""

    services: Counter[str] = field(default_factory=Counter)
    ignored_keys: Counter[str] = field(default_factory=Counter)
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOGGED_REQUESTS))

    def ignore(self, key: str) -> None:
        """A key of a Model that no field has: dropped silently, but remembered here."""
        if len(self.ignored_keys) < 1_000 or key in self.ignored_keys:
            self.ignored_keys[key] += 1


class KingdeeSite:
    """One site with one account set. Call it with a request to get an answer."""

    def __init__(
        self, books: Books, gate: Gate, faults: Switchboard, control_token: str, behaviour: Behaviour | None = None
    ) -> None:
        self.books = books
        self.gate = gate
        self.faults = faults
        self.behaviour = behaviour or Behaviour()
        self.log = RequestLog()
        self._documents = Documents(books, refuse_repeats=self.behaviour.refuse_repeats, note_ignored=self.log.ignore)
        self._control = Control(books, gate, faults, self.log, control_token)
        self._tasks: OrderedDict[str, Any] = OrderedDict()
        self._tasks_lock = threading.Lock()
        self._uploads = Uploads(books, self._fine)
        self._operations: Mapping[str, Callable[[Form, Mapping[str, Any]], Any]] = {
            "Save": lambda form, data: self._one(self._documents.save(form, data)),
            "Draft": lambda form, data: self._one(self._documents.save(form, data, draft=True)),
            "BatchSave": lambda form, data: self._many(self._documents.save_batch(form, data)),
            "View": self._view,
            "AttachmentUpload": self._uploads.take,
            **{name: self._mover(name) for name in ("Submit", "Audit", "UnAudit", "Delete")},
        }

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        service = _service(request.path)
        if service is None:
            return html_answer("<html><body>404</body></html>", 404)
        if request.method != "POST":
            return html_answer("<html><body>405</body></html>", 405)
        started = time.monotonic()
        operation = service.rsplit(".", 1)[-1]
        fired = self.faults.hits(operation, _call_kind(service, operation))
        try:
            answer = self._with_faults(request, service, operation, fired)
        except Exception as error:  # noqa: BLE001 - a site answers 500 and goes on; the crash is shown by control
            self.log.crashes.append(f"{operation}: {error!r}")
            answer = html_answer("<html><body>500 Internal Server Error</body></html>", 500)
        self.log.services[operation] += 1
        self.log.recent.append(
            {
                "service": service,
                "http_status": answer.status,
                "faults": [one.name for one in fired],
                "milliseconds": round((time.monotonic() - started) * 1000, 1),
            }
        )
        return answer

    def _with_faults(self, request: Request, service: str, operation: str, fired: tuple[Fired, ...]) -> Answer:
        wait = self.behaviour.latency_seconds + sum(one.seconds for one in fired if one.stage == "delay")
        if wait:
            time.sleep(wait)
        hit = next((one for one in fired if one.stage != "delay"), None)
        if hit is None:
            return self._serve(request, service, operation)
        if hit.stage == "instead":
            return self._instead(request, operation, hit.name)
        answer = self._serve(request, service, operation)
        if hit.name == "session_lost_after_commit":
            return self._instead(request, operation, "session_lost_object")
        if hit.name == "error_500_after_commit":
            return html_answer("<html><body>500 Internal Server Error</body></html>", 500)
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(
            answer.body, answer.status, answer.content_type, answer.headers, damage=damage, stall_seconds=hit.seconds
        )

    def _instead(self, request: Request, operation: str, fault: str) -> Answer:
        if fault.startswith("session_lost"):
            self.gate.forget(request.headers)
            body = session_lost()
            return json_answer(wrapped(body) if fault == "session_lost_wrapped" else body)
        if fault == "waf":
            return json_answer(firewall())
        if fault == "html_200":
            return html_answer(LOGIN_PAGE)
        if fault == "too_frequent":
            return Answer(b"", status=429, headers=(("Retry-After", "1"),))
        return html_answer("<html><body>500 Internal Server Error</body></html>", 500)

    def _serve(self, request: Request, service: str, operation: str) -> Answer:
        try:
            call = read_call(operation, request.headers.get("content-type", ""), request.body)
        except BadBody as error:
            return json_answer(refusal([Trouble(say("bad_request", reason=error))], self.behaviour.string_flags))
        if service == DATA_CENTRES:
            mine = self.gate.credentials
            return json_answer([{"Id": mine.acct_id, "Number": "HB001", "Name": "演示账套"}])
        if service.startswith(AUTH):
            return self._authenticate(request, operation, call)
        if not service.startswith(FORMS):
            return _text_answer("response_error:" + say("unknown_service", service=service))
        try:
            user, new_session = self.gate.admit(request.headers, request.path)
        except NotAllowed as refused:
            return self._turned_away(refused.reason, operation)
        body = self._run(user, operation, call)
        return json_answer(body, headers=_cookie(new_session) if new_session else ())

    def _turned_away(self, reason: str, operation: str) -> Answer:
        if reason == "expired":
            return json_answer({"errcode": 4006, "description": say("timestamp_expired")}, http_status=519)
        if reason == "no_app_id":
            return json_answer({"errcode": 4002, "description": say("missing_app_id")}, http_status=519)
        if operation == "View":
            return json_answer({})  # seen on live sites: View without a session is empty, without an error
        return json_answer(wrapped(session_lost()) if operation == "ExecuteBillQuery" else session_lost())

    def _authenticate(self, request: Request, operation: str, call: Call) -> Answer:
        logins = {
            "LoginBySign": (self.gate.login_by_sign, ("acctID", "username", "appid", "timestamp", "sign", "lcid")),
            "ValidateUser": (self.gate.login_by_password, ("acctID", "username", "password", "lcid")),
            "LoginByAppSecret": (self.gate.login_by_secret, ("acctID", "username", "appid", "appsecret", "lcid")),
        }
        if operation == "Logout":
            self.gate.forget(request.headers)
            return json_answer(True)
        if operation not in logins:
            return _text_answer("response_error:" + say("unknown_service", service=operation))
        check, names = logins[operation]
        user = check(login_parameters(call, names))
        if user is None:
            wrong_password = operation == "ValidateUser"
            text = say("wrong_password" if wrong_password else "login_failed")
            return json_answer(_login_body(0 if wrong_password else -1, text, None, None))
        session = self.gate.open_session(user)
        context = {"UserName": user, "DBid": self.gate.credentials.acct_id, "SessionId": session}
        return json_answer(_login_body(1, None, context, session), headers=_cookie(session))

    def _run(self, user: str, operation: str, call: Call) -> Any:
        if operation == "QueryAsyncResult":
            return self._task_result(call)
        body = self._run_now(user, operation, call)
        return self._as_task(body) if call.asynchronous else body

    def _run_now(self, user: str, operation: str, call: Call) -> Any:
        try:
            self._require_right(user, operation, call)
            if operation in ("ExecuteBillQuery", "BillQuery"):
                found = run_query(self.books, call.data, self.behaviour.max_limit)
                if operation == "ExecuteBillQuery":
                    return found.rows
                return [dict(zip(found.keys, row, strict=True)) for row in found.rows]
            form = self.books.form(call.form_id)
            if form is None:
                raise Refused(Trouble(say("unknown_form")))
            if operation == "QueryBusinessInfo":
                return {"Result": {"ResponseStatus": self._fine(), "NeedReturnData": business_info(form)}}
            run = self._operations.get(operation)
            kept_by_modules = operation in WRITES and form.header_field("FDocumentStatus") is None
            if run is None or kept_by_modules:
                raise Refused(Trouble(say("not_supported", operation=operation)))
            return run(form, call.data)
        except QueryRefused as refused:
            troubles: tuple[Trouble, ...] = (Trouble(str(refused)),)
        except Refused as refused:
            troubles = refused.troubles
        except BadBody as error:
            troubles = (Trouble(say("bad_request", reason=error)),)
        body = refusal(troubles, self.behaviour.string_flags)
        wrap = operation == "ExecuteBillQuery" and not self.behaviour.plain_query_errors
        return wrapped(body) if wrap else body

    def _require_right(self, user: str, operation: str, call: Call) -> None:
        needed = operation if operation in WRITES else "read"
        if not self.gate.may(user, needed):
            raise Refused(Trouble(say("no_right", form=call.form_id, operation=operation)))

    def _fine(self) -> dict[str, Any]:
        return status(success=True, string_flags=self.behaviour.string_flags)

    def _one(self, outcome: Outcome) -> dict[str, Any]:
        return outcome_result(outcome, single=True, string_flags=self.behaviour.string_flags)

    def _many(self, outcome: Outcome) -> dict[str, Any]:
        return outcome_result(outcome, single=False, string_flags=self.behaviour.string_flags)

    def _mover(self, operation: str) -> Callable[[Form, Mapping[str, Any]], dict[str, Any]]:
        return lambda form, data: self._many(self._documents.move(form, operation, data))

    def _view(self, form: Form, data: Mapping[str, Any]) -> dict[str, Any]:
        which = str(data.get("Id") or data.get("Number") or "").strip()
        records = self.books.find_all(form, which) if not data.get("Id") and which else []
        if (
            data.get("Id")
            and which.isascii()
            and which.isdigit()
            and len(which) < 19
            and self.books.head(form, int(which)) is not None
        ):
            records = [int(which)]
        if len(records) != 1:
            raise Refused(Trouble(say("ambiguous_number" if records else "not_found", which=which)))
        return {"Result": {"ResponseStatus": self._fine(), "Result": view(self.books, form, records[0])}}

    def _as_task(self, body: Any) -> dict[str, Any]:
        task = secrets.token_hex(12)
        with self._tasks_lock:
            self._tasks[task] = body
            while len(self._tasks) > MOST_TASKS:
                self._tasks.popitem(last=False)
        return {"Status": 1, "TaskId": task, "Result": None}

    def _task_result(self, call: Call) -> dict[str, Any]:
        info = call.body.get("queryInfo") or call.data
        if isinstance(info, str):
            info = read_call("QueryAsyncResult", "", info.encode("utf-8")).body
        task = str(info.get("TaskId", ""))
        with self._tasks_lock:
            body = self._tasks.get(task)
        if body is None:
            return refusal([Trouble(say("not_found", which=task))], self.behaviour.string_flags)
        return {"Status": 2, "TaskId": task, "Result": body}


def _service(path: str) -> str | None:
    """Service name of `/{k3cloud in any case}/{service}.common.kdsvc`."""
    parts = path.split("/")
    if len(parts) != 3 or parts[1].lower() != "k3cloud" or not parts[2].endswith(SUFFIX):
        return None
    return parts[2][: -len(SUFFIX)]


def _call_kind(service: str, operation: str) -> str:
    if service.startswith(AUTH):
        return "login"
    return "write" if operation in WRITES else "read"


def _cookie(session: str) -> tuple[tuple[str, str], ...]:
    return (("Set-Cookie", f"{COOKIE}={session}; path=/; HttpOnly"),)


def _text_answer(text: str) -> Answer:
    return Answer(text.encode("utf-8"), content_type="text/plain; charset=utf-8")


def _login_body(result: int, message: str | None, context: Any, session: str | None) -> dict[str, Any]:
    return {
        "Message": message,
        "MessageCode": None,
        "LoginResultType": result,
        "Context": context,
        "KDSVCSessionId": session,
        "FormId": None,
        "RedirectFormParam": None,
        "FormInputObject": None,
        "ErrorStackTrace": None,
        "Lcid": 0,
        "AccessToken": None,
        "CustomParam": None,
        "KdAccessResult": None,
        "IsSuccessByAPI": result == 1,
    }
