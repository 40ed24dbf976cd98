"""The U8 Cloud stand-in as one application: checks who calls and what they may, serves lists and ledger, plays faults."""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import FAULTS, FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request
from sandbox.u8cloud.answers import Refused, encode, parse, refusal, success
from sandbox.u8cloud.books import Books
from sandbox.u8cloud.control import Control
from sandbox.u8cloud.demo import MAKER
from sandbox.u8cloud.ledger import insert, vouchers
from sandbox.u8cloud.lists import numbers_as_text, orders, page_of, rows_of
from sandbox.u8cloud.order_changes import update
from sandbox.u8cloud.texts import say

BASE = "/u8cloud/api/"
CALLS: Mapping[str, tuple[str, str]] = {
    "so/saleorder/query": ("SaleOrders", "read"),
    "pu/order/query": ("PurchaseOrders", "read"),
    "ic/onhand/query": ("Stock", "read"),
    "uapbd/invbasdoc/query": ("Materials", "read"),
    "uapbd/custdoc/query": ("Partners", "read"),
    "uapbd/accsubj/query": ("Accounts", "read"),
    "gl/voucher/pagequery": ("QueryVouchers", "read"),
    "gl/voucher/insert": ("InsertVoucher", "write"),
    "so/saleorder/update": ("UpdateSaleOrder", "write"),
    "pu/order/update": ("UpdatePurchaseOrder", "write"),
}
"""Path below the base -> name for the fault switchboard, kind."""

U8CLOUD_FAULTS: dict[str, FaultKind] = {
    **{name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and name != "waf"},
    "login_refused": FaultKind("instead", "all", "user or password are refused with HTTP 200"),
    "busy": FaultKind("instead", "all", "too many calls, told with HTTP 200"),
    "timeout_after_commit": FaultKind("after", "writes", "execute, commit, then a refusal that speaks of a time-out"),
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """A user with every right, one who may only read, and the code of the external system."""

    user: str
    password: str
    reader: str
    reader_password: str
    system_code: str

    @classmethod
    def random(cls) -> Credentials:
        """Fresh passwords, printed at the start."""
        return cls(MAKER, secrets.token_urlsafe(12), "reader", secrets.token_urlsafe(12), "HB")


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what differs between sites or is not published."""

    most_rows: int = 200
    numbers_as_text: bool = False
    counts: bool = True
    refuse_repeats: bool = False
    latency_seconds: float = 0.0
    touches_more: bool = False
    """A change of an order line also writes a remark elsewhere on the order."""


@dataclass(slots=True)
class CallLog:
    """Counters for the control endpoint."""

    calls: Counter[str] = field(default_factory=Counter)
    refused_logins: int = 0
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))


class U8CloudSite:
    """One site. Call it with a request to get an answer."""

    def __init__(
        self, books: Books, credentials: Credentials, faults: Switchboard, control_token: str, behaviour: Behaviour
    ) -> None:
        self.books = books
        self.credentials = credentials
        self.faults = faults
        self.log = CallLog()
        self._behaviour = behaviour
        self._control = Control(self, control_token)
        self._lists: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
            "SaleOrders": lambda body: orders(books, "sale", body),
            "PurchaseOrders": lambda body: orders(books, "purchase", body),
            "Stock": lambda body: rows_of(books, "stock", body),
            "Materials": lambda body: rows_of(books, "material", body),
            "Partners": lambda body: rows_of(books, "partner", body),
            "Accounts": lambda body: rows_of(books, "account", body),
            "QueryVouchers": lambda body: [encode(one) for one in vouchers(books, body)],
        }

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        name, kind = CALLS.get(request.path.removeprefix(BASE), ("Unknown", "read"))
        self.log.calls[name] += 1
        try:
            return self._with_faults(request, name, kind, self.faults.hits(name, kind))
        except Exception as error:  # noqa: BLE001 - a site answers 500 and goes on; the crash is shown by control
            self.log.crashes.append(f"{request.method} {request.path}: {error!r}")
            return _html(500)

    def _with_faults(self, request: Request, name: str, kind: str, fired: tuple[Fired, ...]) -> Answer:
        wait = self._behaviour.latency_seconds + sum(one.seconds for one in fired if one.stage == "delay")
        if wait:
            time.sleep(wait)
        hit = next((one for one in fired if one.stage != "delay"), None)
        if hit is None:
            return self._serve(request, name, kind)
        if hit.stage == "instead":
            return self._instead(hit.name)
        answer = self._serve(request, name, kind)
        if hit.name == "error_500_after_commit":
            return _html(500)
        if hit.name == "timeout_after_commit":
            return refusal(Refused(say("timeout")))
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(answer.body, answer.status, answer.content_type, damage=damage, stall_seconds=hit.seconds)

    def _instead(self, fault: str) -> Answer:
        if fault == "login_refused":
            return refusal(Refused(say("no_user")))
        if fault == "busy":
            return refusal(Refused(say("busy")))
        if fault == "too_frequent":
            return Answer(refusal(Refused(say("busy"))).body, 429, headers=(("Retry-After", "3"),))
        return _html(200 if fault == "html_200" else 500)

    def _serve(self, request: Request, name: str, kind: str) -> Answer:
        try:
            may_write = self._who(request.headers)
            if name == "Unknown":
                raise Refused(say("no_path"))
            if request.method != "POST":
                raise Refused(say("bad_method"))
            if kind == "write" and not may_write:
                raise Refused(say("no_right"))
            return success(self._data(name, _body(request.body), request.headers.get("uniquekey", "")))
        except Refused as refused:
            return refusal(refused)

    def _data(self, name: str, body: Mapping[str, Any], unique_key: str) -> str:
        """The JSON of `data`. Rows of a list go out as they are stored, without being taken apart."""
        behaviour = self._behaviour
        if name == "InsertVoucher":
            return encode(insert(self.books, body, unique_key, refuse_repeats=behaviour.refuse_repeats))
        if name.startswith("Update"):
            kind = "sale" if name == "UpdateSaleOrder" else "purchase"
            return encode(update(self.books, kind, body, touches_more=behaviour.touches_more))
        try:
            found = self._lists[name](body)
            page = page_of(found, body, behaviour.most_rows)
        except ValueError as error:
            raise Refused(say("bad_json")) from error
        rows = f"[{','.join(map(numbers_as_text, page) if behaviour.numbers_as_text else page)}]"
        if not behaviour.counts:
            return rows if name == "Partners" else f'{{"datas":{rows}}}'
        return f'{{"allcount":{len(found)},"retcount":{len(page)},"datas":{rows}}}'

    def _who(self, headers: Mapping[str, str]) -> bool:
        """Whether the caller may write; refused when user, password or system are wrong."""
        who = self.credentials
        known = {who.user: (who.password, True), who.reader: (who.reader_password, False)}
        user = headers.get("usercode", "")
        password, may_write = known.get(user, ("", False))
        digest = hashlib.md5(password.encode(), usedforsecurity=False).hexdigest()
        if not password or not hmac.compare_digest(digest, headers.get("password", "").lower()):
            self.log.refused_logins += 1
            raise Refused(say("no_user"))
        if headers.get("system") != who.system_code:
            self.log.refused_logins += 1
            raise Refused(say("no_system"))
        return may_write


def _body(raw: bytes) -> Mapping[str, Any]:
    try:
        body = parse(raw or b"{}")
    except json.JSONDecodeError as error:
        raise Refused(say("bad_json")) from error
    if not isinstance(body, dict):
        raise Refused(say("bad_json"))
    return body


def _html(status: int) -> Answer:
    return Answer(b"<html><body><h1>IBM HTTP Server</h1></body></html>", status, "text/html; charset=utf-8")
