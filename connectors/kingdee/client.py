"""The Kingdee K/3 Cloud client: named services of the web API as methods, dictionaries in and out.

Reads are repeated a few times when the other side is unavailable; a write is attempted once and never repeated here.
A lost session is answered by one new login: a read is then sent again, a write is an unknown outcome, because whether
it was executed before the session was checked cannot be told from the answer.
"""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal
from urllib.parse import urlsplit

import msgspec
from tenacity import Retrying, retry_if_exception_type, stop_after_attempt, wait_random_exponential

from connectors.http import HttpAnswer, HttpTransport
from connectors.kingdee.envelope import SessionLost, decode
from connectors.kingdee.signing import login_sign, path_secret, signed_headers
from hedge_core.errors import AuthFailed, ContractViolation, OutcomeUnknown, Unavailable

_FORMS: Final = "Kingdee.BOS.WebApi.ServicesStub.DynamicFormService."
_AUTH: Final = "Kingdee.BOS.WebApi.ServicesStub.AuthService."

_encoder = msgspec.json.Encoder(decimal_format="number")
_rows = msgspec.json.Decoder(list[msgspec.Raw])


@dataclass(frozen=True, slots=True)
class KingdeeLogin:
    """Who calls: account set (数据中心), integration user, application id and secret, language and organisation.

    `mode` is `signed` (each request carries its signatures) or `session` (one LoginBySign, then a session id)."""

    acct_id: str
    user: str
    app_id: str
    app_secret: str
    lcid: int = 2052
    org: str = "0"
    mode: Literal["signed", "session"] = "signed"

    def __repr__(self) -> str:
        return f"KingdeeLogin(acct_id={self.acct_id!r}, user={self.user!r}, mode={self.mode!r})"


class KingdeeClient:
    """One account set of one site. `now` answers Unix seconds; `wait` sleeps (arguments, for the tests' sake)."""

    def __init__(
        self,
        transport: HttpTransport,
        login: KingdeeLogin,
        *,
        now: Callable[[], float],
        wait: Callable[[float], None],
        read_attempts: int = 4,
    ) -> None:
        path_secret(login.app_id)
        self._http = transport
        self._login = login
        self._now = now
        self._wait = wait
        self._read_attempts = read_attempts
        self._base_path = urlsplit(transport.origin.url).path.rstrip("/") + "/"
        self._session_id = ""
        self._session_lock = threading.Lock()

    @property
    def system(self) -> str:
        """The system's name in messages."""
        return self._http.system

    # --- reads ---

    def query_rows(
        self, form: str, fields: Sequence[str], where: str, order: str, start: int, limit: int
    ) -> list[bytes]:
        """ExecuteBillQuery: one JSON array per row, each exactly as received, in the order of `fields`."""
        data = {
            "FormId": form,
            "FieldKeys": ",".join(fields),
            "FilterString": where,
            "OrderString": order,
            "TopRowCount": 0,
            "StartRow": start,
            "Limit": limit,
            "SubSystemId": "",
        }
        body = self._read(_FORMS + "ExecuteBillQuery", {"data": data}).body
        try:
            return [bytes(row) for row in _rows.decode(body)]
        except msgspec.DecodeError as error:
            raise ContractViolation(f"ExecuteBillQuery {form}", "not a list of rows", system=self.system) from error

    def view(self, form: str, *, number: str = "", internal_id: str = "") -> Mapping[str, Any]:
        """View: one document, by its number or its internal id."""
        value = self._read_value(
            _FORMS + "View", {"formid": form, "data": {"Number": number, "Id": internal_id}}, f"View {form}"
        )
        document = value.get("Result", {}).get("Result") if isinstance(value, dict) else None
        if not isinstance(document, dict):
            raise ContractViolation(f"View {form}", "no document in the answer", system=self.system)
        return document

    def describe_form(self, form: str) -> Mapping[str, Any]:
        """QueryBusinessInfo: the form's fields as this site has them, custom ones included."""
        value = self._read_value(_FORMS + "QueryBusinessInfo", {"data": {"FormId": form}}, f"QueryBusinessInfo {form}")
        if not isinstance(value, dict):
            raise ContractViolation(f"QueryBusinessInfo {form}", "not an object", system=self.system)
        return value

    # --- writes: one attempt each ---

    def save(self, form: str, model: Mapping[str, Any], **options: Any) -> Mapping[str, Any]:
        """Save one document; `options` are the members beside `Model` (NeedUpDateFields, IsDeleteEntry, …)."""
        return self._write("Save", {"formid": form, "data": {**options, "Model": model}})

    def batch_save(self, form: str, models: Sequence[Mapping[str, Any]], **options: Any) -> Mapping[str, Any]:
        """BatchSave: each document stands or falls alone. When some went through, the answer is returned whole and says by
        `DIndex` which; when none did, it is `Rejected`."""
        return self._write("BatchSave", {"formid": form, "data": {**options, "Model": list(models)}})

    def submit(self, form: str, internal_ids: Sequence[str]) -> Mapping[str, Any]:
        """Submit documents by their internal ids; partial success as in `batch_save`."""
        return self._write("Submit", {"formid": form, "data": {"Ids": ",".join(internal_ids)}})

    def audit(self, form: str, internal_ids: Sequence[str]) -> Mapping[str, Any]:
        """Audit documents by their internal ids; partial success as in `batch_save`."""
        return self._write("Audit", {"formid": form, "data": {"Ids": ",".join(internal_ids)}})

    def upload(
        self, form: str, internal_id: str, number: str, name: str, piece: bytes, file_id: str, *, last: bool
    ) -> str:
        """AttachmentUpload: one piece of a file of a document; answers the file's id, to which the next piece belongs."""
        answer = self._write(
            "AttachmentUpload",
            {
                "data": {
                    "FileName": name, "FormId": form, "IsLast": last, "InterId": internal_id, "BillNO": number,
                    "AliasFileName": name, "FileId": file_id, "EntryinterId": "-1", "Entrykey": "",
                    "SendByte": base64.b64encode(piece).decode(),
                }
            },
        )  # fmt: skip
        result = answer.get("Result")
        return str(result.get("FileId") or "") if isinstance(result, Mapping) else ""

    # --- how a call goes out ---

    def _read_value(self, service: str, payload: Mapping[str, Any], where: str) -> Any:
        return decode(self._read(service, payload), write=False, where=where, system=self.system)

    def _read(self, service: str, payload: Mapping[str, Any]) -> HttpAnswer:
        retrying = Retrying(
            stop=stop_after_attempt(self._read_attempts),
            wait=wait_random_exponential(multiplier=0.2, max=5),
            retry=retry_if_exception_type(Unavailable),
            sleep=self._wait,
            reraise=True,
        )
        return retrying(self._read_once, service, payload)

    def _read_once(self, service: str, payload: Mapping[str, Any]) -> HttpAnswer:
        session = self._session()
        try:
            return self._send(service, payload, session, write=False)
        except SessionLost:
            self._forget_session(session)
        try:
            return self._send(service, payload, self._session(), write=False)
        except SessionLost as again:
            raise AuthFailed(str(again), system=self.system) from again

    def _write(self, operation: str, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        session = self._session()
        try:
            answer = self._send(_FORMS + operation, payload, session, write=True)
        except SessionLost as lost:
            self._forget_session(session)
            raise OutcomeUnknown(f"session lost: {lost}", system=self.system) from lost
        value = decode(answer, write=True, where=operation, system=self.system)
        if not isinstance(value, dict):
            raise OutcomeUnknown(f"{operation} answered without a result", system=self.system)
        return value

    def _send(self, service: str, payload: Mapping[str, Any], session: str, *, write: bool) -> HttpAnswer:
        """One request. Answers are checked here too, so that a lost session is seen before rows are read."""
        path = f"{service}.common.kdsvc"
        answer = self._http.post(path, _encoder.encode(payload), self._headers(path, session), write=write)
        if not _plain_rows(answer):
            decode(answer, write=write, where=service.rpartition(".")[2], system=self.system)
        return answer

    def _headers(self, path: str, session: str) -> dict[str, str]:
        headers = {"Content-Type": "application/json; charset=utf-8", "Accept-Charset": "utf-8"}
        if session:
            return {**headers, "kdservice-sessionid": session, "Cookie": f"kdservice-sessionid={session}"}
        who = self._login
        signature = signed_headers(
            self._base_path + path, who.app_id, who.app_secret, who.acct_id, who.user, who.lcid, who.org,
            int(self._now()),
        )  # fmt: skip
        return headers | signature

    # --- session mode ---

    def _session(self) -> str:
        """The session to call with, opened if there is none; empty when every request is signed instead."""
        if self._login.mode == "signed":
            return ""
        with self._session_lock:
            if not self._session_id:
                self._session_id = self._log_in()
            return self._session_id

    def _forget_session(self, lost: str) -> None:
        """Forget the session a call went out with. One that another thread has opened since is kept: one login is enough."""
        with self._session_lock:
            if self._session_id == lost:
                self._session_id = ""

    def _log_in(self) -> str:
        """One LoginBySign. A refused login is never repeated: accounts lock."""
        who, stamp = self._login, int(self._now())
        sign = login_sign(who.acct_id, who.user, who.app_id, who.app_secret, stamp)
        payload = {"parameters": [who.acct_id, who.user, who.app_id, stamp, sign, who.lcid]}
        answer = self._http.post(
            _AUTH + "LoginBySign.common.kdsvc", _encoder.encode(payload), {"Content-Type": "application/json"},
            write=False,
        )  # fmt: skip
        try:
            value = decode(answer, write=False, where="LoginBySign", system=self.system)
        except SessionLost as refused:
            raise AuthFailed(str(refused), system=self.system) from refused
        session_id = value.get("KDSVCSessionId") if isinstance(value, dict) else None
        if not session_id or value.get("LoginResultType") != 1:
            text = value.get("Message") if isinstance(value, dict) else None
            raise AuthFailed(str(text or "LoginBySign refused"), system=self.system)
        return str(session_id)


def _plain_rows(answer: HttpAnswer) -> bool:
    """True for `[[value, …], …]` and `[]`: rows of a query, not an error in one of its wrappings."""
    start = b"".join(answer.body[:64].split())
    return answer.status == 200 and start.startswith(b"[") and not start.startswith((b"[[{", b"[{"))
