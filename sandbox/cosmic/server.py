"""The Cosmic stand-in as one application: token service and OpenAPI; checks tokens and rights, plays faults."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from sandbox.cosmic.answers import Refused, encode, parse, refusal, results, success, success_with
from sandbox.cosmic.books import Books
from sandbox.cosmic.control import Control
from sandbox.cosmic.gate import Gate
from sandbox.cosmic.ledger import save, step, vouchers
from sandbox.cosmic.lists import orders, page_of, rows_of, stock
from sandbox.cosmic.order_changes import save_order
from sandbox.cosmic.texts import say
from sandbox.faults import FAULTS, FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request

TOKEN_PATH = "/kapi/oauth2/getToken"  # noqa: S105 - a path
CALLS: Mapping[str, tuple[str, str]] = {
    "/kapi/v2/sm/sm_salorder/query": ("SaleOrders", "read"),
    "/kapi/v2/pm/pm_purorderbill/query": ("PurchaseOrders", "read"),
    "/kapi/v2/im/getInventoryDetail": ("Stock", "read"),
    "/kapi/v2/basedata/bd_material/query": ("Materials", "read"),
    "/kapi/v2/basedata/bd_customer/query": ("Customers", "read"),
    "/kapi/v2/basedata/bd_supplier/query": ("Suppliers", "read"),
    "/kapi/v2/basedata/bd_accountview/query": ("Accounts", "read"),
    "/kapi/v2/gl/gl_voucher/query": ("QueryVouchers", "read"),
    "/kapi/v2/gl/gl_voucher/save": ("SaveVoucher", "write"),
    "/kapi/v2/gl/gl_voucher/submit": ("SubmitVoucher", "write"),
    "/kapi/v2/gl/gl_voucher/audit": ("AuditVoucher", "write"),
    "/kapi/v2/sm/sm_salorder/save": ("SaveSaleOrder", "write"),
    "/kapi/v2/pm/pm_purorderbill/save": ("SavePurchaseOrder", "write"),
}
"""Path below the root -> name for the fault switchboard, kind."""

COSMIC_FAULTS: dict[str, FaultKind] = {
    **{name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and name != "waf"},
    "token_ended": FaultKind("instead", "all", "every token ends; code 401 with HTTP 200"),
    "busy": FaultKind("instead", "all", "too many calls, told with HTTP 200"),
    "timeout_after_commit": FaultKind("after", "writes", "execute, commit, then a refusal that speaks of a time-out"),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what differs between sites or is not published."""

    root: str = ""
    """What stands before `/kapi`, for example `/ierp`."""
    most_rows: int = 1000
    filter_text: bool = False
    counts: bool = True
    latency_seconds: float = 0.0
    touches_more: bool = False
    """A save of an order drops the lines that it does not name."""


@dataclass(slots=True)
class CallLog:
    """Counters for the control endpoint; `keys` are the idempotency keys of writes, in order."""

    calls: Counter[str] = field(default_factory=Counter)
    keys: deque[str] = field(default_factory=lambda: deque(maxlen=1000))
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))


class CosmicSite:
    """One data centre. Call it with a request to get an answer."""

    def __init__(self, books: Books, gate: Gate, faults: Switchboard, control_token: str, behaviour: Behaviour) -> None:
        self.books = books
        self.gate = gate
        self.faults = faults
        self.log = CallLog()
        self._behaviour = behaviour
        self._control = Control(self, control_token)
        text = behaviour.filter_text
        self._queries: Mapping[str, Callable[[Mapping[str, Any]], list[str]]] = {
            "SaleOrders": lambda body: orders(books, "sale", body, as_text=text),
            "PurchaseOrders": lambda body: orders(books, "purchase", body, as_text=text),
            "Stock": lambda body: stock(books, body),
            "Materials": lambda body: rows_of(books, "material"),
            "Customers": lambda body: rows_of(books, "customer"),
            "Suppliers": lambda body: rows_of(books, "supplier"),
            "Accounts": lambda body: rows_of(books, "account"),
            "QueryVouchers": lambda body: [encode(one) for one in vouchers(books, body, as_text=text)],
        }
        self._writes: Mapping[str, Callable[[Mapping[str, Any]], list[dict[str, Any]]]] = {
            "SaveVoucher": lambda body: save(books, body),
            "SubmitVoucher": lambda body: step(books, "submit", body),
            "AuditVoucher": lambda body: step(books, "audit", body),
            "SaveSaleOrder": lambda body: save_order(books, "sale", body, touches_more=behaviour.touches_more),
            "SavePurchaseOrder": lambda body: save_order(books, "purchase", body, touches_more=behaviour.touches_more),
        }

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        name, kind = self._call(request.path)
        self.log.calls[name] += 1
        try:
            return self._with_faults(request, name, kind, self.faults.hits(name, kind))
        except Exception as error:  # noqa: BLE001 - a site answers 500 and goes on; the crash is shown by control
            self.log.crashes.append(f"{request.method} {request.path}: {error!r}")
            return _html(500)

    def _call(self, path: str) -> tuple[str, str]:
        """Name of the call for the fault switchboard, and its kind."""
        below = path.removeprefix(self._behaviour.root)
        if not path.startswith(self._behaviour.root) or (below == path and self._behaviour.root):
            return "Unknown", "read"
        return ("Token", "login") if below == TOKEN_PATH else CALLS.get(below, ("Unknown", "read"))

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
            return refusal(Refused("500", say("timeout")))
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(answer.body, answer.status, answer.content_type, damage=damage, stall_seconds=hit.seconds)

    def _instead(self, fault: str) -> Answer:
        if fault == "token_ended":
            self.gate.forget_tokens()
            return refusal(Refused("401", say("no_access")))
        busy = refusal(Refused("500", say("busy")))
        if fault == "busy":
            return busy
        if fault == "too_frequent":
            return Answer(busy.body, 429, headers=(("Retry-After", "3"),))
        return _html(200 if fault == "html_200" else 500)

    def _serve(self, request: Request, name: str, kind: str) -> Answer:
        try:
            if name == "Token":
                return success(self.gate.issue(_body(request.body), request.headers))
            may_write = self.gate.may_write(request.headers)
            if name == "Unknown":
                raise Refused("404", say("no_path"))
            if request.method != "POST":
                raise Refused("405", say("bad_json"))
            body = _body(request.body)
            if "data" not in body and name != "Stock":
                raise Refused("400", say("no_data"))
            if kind == "write":
                self.log.keys.append(request.headers.get("idempotency-key", ""))
                if not may_write:
                    raise Refused("403", say("no_right"))
                return success(results(self._writes[name](body)))
            behaviour = self._behaviour
            rows = self._queries[name](body)
            return success_with(page_of(rows, body, behaviour.most_rows, counts=behaviour.counts))
        except Refused as refused:
            return refusal(refused)


def _body(raw: bytes) -> Mapping[str, Any]:
    try:
        body = parse(raw or b"{}")
    except json.JSONDecodeError as error:
        raise Refused("400", say("bad_json")) from error
    if not isinstance(body, dict):
        raise Refused("400", say("bad_json"))
    return body


def _html(status: int) -> Answer:
    return Answer(b"<html><body><h1>nginx</h1></body></html>", status, "text/html; charset=utf-8")
