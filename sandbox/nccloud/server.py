"""The NC Cloud stand-in as one application: the token service and the calls behind it; checks signatures, plays faults."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from sandbox.faults import FAULTS, FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request
from sandbox.nccloud.answers import REFUSED, Refused, no, parse, refusal, success
from sandbox.nccloud.books import Books
from sandbox.nccloud.control import Control
from sandbox.nccloud.crypto import open_body, protect
from sandbox.nccloud.gate import Gate
from sandbox.nccloud.ledger import insert_voucher, query_vouchers
from sandbox.nccloud.order_changes import PARTS, update_orders
from sandbox.nccloud.texts import say

TOKEN_PATH = "/nccloud/opm/accesstoken"  # noqa: S105 - a path
CALLS: Mapping[str, tuple[str, str]] = {
    "/nccloud/api/so/saleorder/query": ("SaleOrders", "read"),
    "/nccloud/api/pu/order/query": ("PurchaseOrders", "read"),
    "/nccloud/api/ic/onhand/query": ("Stock", "read"),
    "/nccloud/api/gl/voucher/query": ("QueryVouchers", "read"),
    "/nccloud/api/gl/voucher/insert": ("InsertVoucher", "write"),
    "/nccloud/api/so/saleorder/update": ("UpdateSaleOrder", "write"),
    "/nccloud/api/pu/order/update": ("UpdatePurchaseOrder", "write"),
    **{
        f"/nccloud/api/uapbd/{kind}manage/{kind}/query": (f"Masters:{kind}", "read")
        for kind in ("material", "customer", "supplier", "account")
    },
}
"""Path -> name for the fault switchboard, kind. Only the insert of a voucher is published, the others are invented."""

NCCLOUD_FAULTS: dict[str, FaultKind] = {
    **{name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and name != "waf"},
    "token_ended": FaultKind("instead", "all", "every token ends; told unprotected, with HTTP 200"),
    "busy": FaultKind("instead", "all", "asked to slow down, with HTTP 200"),
    "bad_signature": FaultKind("instead", "all", "the signature is said to be wrong"),
    "unsure_after_commit": FaultKind("after", "writes", "execute, commit, then a refusal that says nothing"),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what differs between installations."""

    most_rows: int = 500
    plain_lists: bool = False
    """Lists come as plain arrays, without a total."""
    ignore_paging: bool = False
    """Lists come whole, whatever page was asked for."""
    calls_per_minute: int = 0
    """Quota of each call; 0 is none."""
    latency_seconds: float = 0.0
    touches_more: bool = False
    """A change of an order line also writes a remark elsewhere on the order."""


@dataclass(slots=True)
class CallLog:
    """Counters for the control endpoint."""

    calls: Counter[str] = field(default_factory=Counter)
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))


class NcCloudSite:
    """One business centre. Call it with a request to get an answer."""

    def __init__(self, books: Books, gate: Gate, faults: Switchboard, control_token: str, behaviour: Behaviour) -> None:
        self.books = books
        self.gate = gate
        self.faults = faults
        self.log = CallLog()
        self.behaviour = behaviour
        self._recent: dict[str, deque[float]] = {}
        self._control = Control(self, control_token)

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        name, kind = ("Token", "login") if request.path == TOKEN_PATH else CALLS.get(request.path, ("Unknown", "read"))
        self.log.calls[name] += 1
        try:
            return self._with_faults(request, name, self.faults.hits(name, kind))
        except Exception as error:  # noqa: BLE001 - a site answers 500 and goes on; the crash is shown by control
            self.log.crashes.append(f"{request.method} {request.path}: {error!r}")
            return _html(500)

    def _with_faults(self, request: Request, name: str, fired: tuple[Fired, ...]) -> Answer:
        wait = self.behaviour.latency_seconds + sum(one.seconds for one in fired if one.stage == "delay")
        if wait:
            time.sleep(wait)
        hit = next((one for one in fired if one.stage != "delay"), None)
        if hit is None:
            return self._serve(request, name)
        if hit.stage == "instead":
            return self._instead(hit.name)
        answer = self._serve(request, name)
        if hit.name == "error_500_after_commit":
            return _html(500)
        if hit.name == "unsure_after_commit":
            return Answer(refusal(Refused(REFUSED, say("unsure"))))
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(answer.body, answer.status, answer.content_type, damage=damage, stall_seconds=hit.seconds)

    def _instead(self, fault: str) -> Answer:
        if fault == "token_ended":
            self.gate.forget_tokens()
            return Answer(refusal(Refused(REFUSED, say("token_ended"))))
        if fault == "too_frequent":
            return Answer(refusal(Refused(REFUSED, say("quota"))), 429, headers=(("Retry-After", "3"),))
        if fault == "busy":
            return Answer(refusal(Refused(REFUSED, say("quota"))))
        if fault == "bad_signature":
            return Answer(refusal(Refused(REFUSED, say("bad_call_signature"))))
        return _html(200 if fault == "html_200" else 500)

    def _serve(self, request: Request, name: str) -> Answer:
        """What the gate refuses is told unprotected; what a module answers is protected as the token's level says."""
        try:
            if name == "Token":
                given = dict(parse_qsl(request.query, keep_blank_values=True))
                return Answer(success(self.gate.issue(given, request.headers.get("content-type", ""))))
            found = self.gate.admit(request.headers)
            if name == "Unknown":
                return _html(404)
            level = self.gate.level
            try:
                plain = open_body(request.body, level, found.security_key)
            except (ValueError, OSError, EOFError):
                raise no("bad_body") from None
            self.gate.check(found, request.headers, plain, request.path, write=CALLS[request.path][1] == "write")
            self._count(name)
        except Refused as refused:
            return Answer(refusal(refused))
        try:
            body = success(self._answered(name, parse(plain), request))
        except Refused as refused:
            body = refusal(refused)
        except (ValueError, AttributeError, TypeError, KeyError):
            body = refusal(no("bad_body"))
        return Answer(protect(body, level, found.security_key))

    def _answered(self, name: str, body: Mapping[str, Any], request: Request) -> Any:
        books = self.books
        if name == "InsertVoucher":
            return insert_voucher(books, body, repeat_check=request.headers.get("repeat_check") == "Y")
        if name == "QueryVouchers":
            return self._paged(query_vouchers(books, body), body)
        if name == "Stock":
            rows = books.rows("SELECT fields FROM stock_rows ORDER BY id")
            return self._paged([parse(row["fields"]) for row in rows], body)
        if name.startswith("Masters:"):
            return self._masters(name.partition(":")[2], body)
        kind = "sale" if name in ("SaleOrders", "UpdateSaleOrder") else "purchase"
        if name.startswith("Update"):
            return update_orders(books, kind, body, touches_more=self.behaviour.touches_more)
        where, given = "kind = ?", [kind]
        if body.get(PARTS[kind][2]):
            where, given = f"{where} AND key = ?", [kind, str(body[PARTS[kind][2]])]
        rows = books.rows(f"SELECT document FROM orders WHERE {where} ORDER BY id DESC", given)  # noqa: S608
        return self._paged([parse(row["document"]) for row in rows], body)

    def _masters(self, kind: str, body: Mapping[str, Any]) -> Any:
        """Master data, asked for as public programs ask: wrapped, with pages counted from 0, figures as text."""
        asked = body["ufinterface"]
        if not asked.get("sender"):
            raise no("bad_body")
        pages = asked["pageInfo"]
        rows = self.books.rows("SELECT fields FROM master_rows WHERE kind = ? ORDER BY id", (kind,))
        paging = {"pageIndex": int(pages["pageIndex"]) + 1, "pageSize": int(pages["pageSize"])}
        return self._paged([parse(row["fields"]) for row in rows], paging)

    def _paged(self, rows: list[Any], body: Mapping[str, Any]) -> Any:
        index, size = int(body.get("pageIndex", 1)), int(body.get("pageSize", 50))
        if size > self.behaviour.most_rows:
            raise no("page_size", most=self.behaviour.most_rows)
        part = rows if self.behaviour.ignore_paging else rows[(index - 1) * size : index * size]
        return part if self.behaviour.plain_lists else {"pageIndex": index, "total": len(rows), "rows": part}

    def _count(self, name: str) -> None:
        most = self.behaviour.calls_per_minute
        recent = self._recent.setdefault(name, deque(maxlen=most or 1))
        now = time.monotonic()
        if most and len(recent) == most and now - recent[0] < 60:
            raise no("quota")
        recent.append(now)


def _html(status: int) -> Answer:
    return Answer(b"<html><body><h1>nginx</h1></body></html>", status, "text/html; charset=utf-8")
