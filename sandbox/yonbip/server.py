"""The YonBIP stand-in as one application: front door, token service and gateway; checks tokens and quotas, plays faults."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs

from sandbox.faults import FAULTS, FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request
from sandbox.yonbip.answers import Refused, parse, refusal, success
from sandbox.yonbip.books import Books
from sandbox.yonbip.control import Control
from sandbox.yonbip.free_items import update_items
from sandbox.yonbip.gate import Gate
from sandbox.yonbip.ledger import add_voucher, query_vouchers
from sandbox.yonbip.lists import master_array, master_page, order_list, stock_list
from sandbox.yonbip.texts import say

LOOK_UP_PATH = "/open-auth/dataCenter/getGatewayAddress"
AUTH, GATEWAY = "/iuap-api-auth", "/iuap-api-gateway"
TOKEN_PATHS = (
    f"{AUTH}/open-auth/selfAppAuth/base/v1/getAccessToken",
    f"{AUTH}/open-auth/selfAppAuth/getAccessToken",
)
CALLS: Mapping[str, tuple[str, str]] = {
    "/yonbip/sd/voucherorder/list": ("SaleOrders", "read"),
    "/yonbip/scm/purchaseorder/list": ("PurchaseOrders", "read"),
    "/yonbip/scm/stock/QueryCurrentStocksByCondition": ("Stock", "read"),
    "/yonbip/fi/ficloud/openapi/voucher/queryVouchers": ("QueryVouchers", "read"),
    "/yonbip/fi/ficloud/openapi/voucher/addVoucher": ("AddVoucher", "write"),
    "/yonbip/digitalModel/product/listproductbycondition": ("Materials", "read"),
    "/yonbip/digitalModel/merchant/newlist": ("Customers", "read"),
    "/yonbip/digitalModel/vendor/list": ("Suppliers", "read"),
    "/yonbip/AMP/fipub/basedoc/querybd/accsubjectByPager": ("Accounts", "read"),
    "/yonbip/sd/api/updateDefinesInfo": ("UpdateSaleItems", "write"),
    "/yonbip/scm/purchaseorder/updateDefinesInfo": ("UpdatePurchaseItems", "write"),
}
"""Path below the gateway -> name for the fault switchboard, kind."""

YONBIP_FAULTS: dict[str, FaultKind] = {
    **{name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and name != "waf"},
    "token_ended": FaultKind("instead", "all", "every token ends; code 310036 as JSON with HTTP 200"),
    "token_ended_text": FaultKind("instead", "all", "every token ends; told as plain text with HTTP 200"),
    "quota": FaultKind("instead", "all", "code 310046 with HTTP 200"),
    "logic_exception": FaultKind("instead", "all", "code 999 and no word about the reason; nothing executed"),
    "gateway_timeout": FaultKind("after", "writes", "execute, commit, then code 310504"),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what differs between endpoints and tenants."""

    numeric_codes: bool = False
    most_rows: int = 500
    calls_per_minute: int = 0
    """Quota of each endpoint; 0 is none."""
    latency_seconds: float = 0.0
    touches_more: bool = False
    """A change of a free item also writes a remark elsewhere on the order."""


@dataclass(slots=True)
class CallLog:
    """Counters for the control endpoint."""

    calls: Counter[str] = field(default_factory=Counter)
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))


class YonBipSite:
    """One tenant. Call it with a request to get an answer."""

    def __init__(self, books: Books, gate: Gate, faults: Switchboard, control_token: str, behaviour: Behaviour) -> None:
        self.books = books
        self.gate = gate
        self.faults = faults
        self.log = CallLog()
        self.root = ""
        self._behaviour = behaviour
        self._recent: dict[str, deque[float]] = {}
        self._control = Control(self, control_token)
        self._serving: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "SaleOrders": lambda body: order_list(books, "sale", body, behaviour.most_rows),
            "PurchaseOrders": lambda body: order_list(books, "purchase", body, behaviour.most_rows),
            "Stock": lambda body: stock_list(books, body),
            "QueryVouchers": lambda body: query_vouchers(books, body),
            "AddVoucher": lambda body: add_voucher(books, body),
            "Materials": lambda body: master_page(books, "material", body, behaviour.most_rows),
            "Customers": lambda body: master_array(books, "customer", body, behaviour.most_rows),
            "Suppliers": lambda body: master_page(books, "supplier", body, behaviour.most_rows),
            "Accounts": lambda body: master_page(books, "account", body, behaviour.most_rows),
            "UpdateSaleItems": lambda body: update_items(books, "sale", body, touches_more=behaviour.touches_more),
            "UpdatePurchaseItems": lambda body: update_items(
                books, "purchase", body, touches_more=behaviour.touches_more
            ),
        }

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        name, kind = _call(request)
        self.log.calls[name] += 1
        try:
            return self._with_faults(request, name, self.faults.hits(name, kind))
        except Exception as error:  # noqa: BLE001 - a site answers 500 and goes on; the crash is shown by control
            self.log.crashes.append(f"{request.method} {request.path}: {error!r}")
            return _html(500)

    def _with_faults(self, request: Request, name: str, fired: tuple[Fired, ...]) -> Answer:
        wait = self._behaviour.latency_seconds + sum(one.seconds for one in fired if one.stage == "delay")
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
        if hit.name == "gateway_timeout":
            return refusal(Refused("310504", say("timeout")))
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(answer.body, answer.status, answer.content_type, damage=damage, stall_seconds=hit.seconds)

    def _instead(self, fault: str) -> Answer:
        numeric = self._behaviour.numeric_codes
        if fault.startswith("token_ended"):
            self.gate.forget_tokens()
            if fault == "token_ended_text":
                return Answer(say("bad_token").encode(), content_type="text/plain; charset=utf-8")
            return refusal(Refused("310036", say("bad_token")), numeric=numeric)
        if fault == "too_frequent":
            body = refusal(Refused("310046", say("quota")), numeric=numeric)
            return Answer(body.body, 429, headers=(("Retry-After", "3"),))
        if fault == "quota":
            return refusal(Refused("310046", say("quota")), numeric=numeric)
        if fault == "logic_exception":
            return refusal(Refused("999", say("logic_exception")), numeric=numeric)
        return _html(200 if fault == "html_200" else 500)

    def _serve(self, request: Request, name: str) -> Answer:
        numeric = self._behaviour.numeric_codes
        try:
            if name == "DataCentre":
                return success(self._addresses(request.query), code="00000")
            if name == "Token":
                return success(self.gate.issue(request.query), code="00000")
            return success(self._gateway(request, name), numeric=numeric)
        except Refused as refused:
            return refusal(refused, numeric=numeric)

    def _addresses(self, query: str) -> dict[str, str]:
        if parse_qs(query).get("tenantId") != [self.gate.credentials.tenant_id]:
            raise Refused("500", say("no_tenant"))
        return {"gatewayUrl": self.root + GATEWAY, "tokenUrl": self.root + AUTH}

    def _gateway(self, request: Request, name: str) -> Any:
        may_write = self.gate.may_write(request.query)
        if name not in self._serving:
            raise Refused("310404", say("no_path"), 404)
        if request.method != "POST":
            raise Refused("310405", say("bad_method"), 405)
        if CALLS[request.path.removeprefix(GATEWAY)][1] == "write" and not may_write:
            raise Refused("310037", say("no_right"))
        self._count(name)
        try:
            body = parse(request.body)
            return self._serving[name](body)
        except (ValueError, AttributeError, TypeError) as error:
            raise Refused("310008", say("bad_json")) from error

    def _count(self, name: str) -> None:
        most = self._behaviour.calls_per_minute
        recent = self._recent.setdefault(name, deque(maxlen=most or 1))
        now = time.monotonic()
        if most and len(recent) == most and now - recent[0] < 60:
            raise Refused("310046", say("quota"))
        recent.append(now)


def _call(request: Request) -> tuple[str, str]:
    """Name of the call for the fault switchboard, and its kind."""
    if request.path == LOOK_UP_PATH:
        return "DataCentre", "login"
    if request.path in TOKEN_PATHS:
        return "Token", "login"
    return CALLS.get(request.path.removeprefix(GATEWAY), ("Unknown", "read"))


def _html(status: int) -> Answer:
    return Answer(b"<html><body><h1>nginx</h1></body></html>", status, "text/html; charset=utf-8")
