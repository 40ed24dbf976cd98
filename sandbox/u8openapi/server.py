"""The U8+ stand-in as one application: token service, relay and EAI; checks tokens and rights, plays faults."""

from __future__ import annotations

import json
import time
from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

from sandbox.faults import FAULTS, FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request
from sandbox.u8openapi.answers import Refused, no, refusal, success
from sandbox.u8openapi.books import Books
from sandbox.u8openapi.control import Control
from sandbox.u8openapi.eai import receive
from sandbox.u8openapi.gate import BAD_TOKEN, Gate
from sandbox.u8openapi.ledger import add_voucher, voucher_rows
from sandbox.u8openapi.lists import ORDER_LISTS, ROW_LISTS, one_order, order_list, row_list
from sandbox.u8openapi.order_changes import edit
from sandbox.u8openapi.texts import say

TOKEN_PATH, TRADE_PATH, EAI_PATH = "/system/token", "/system/tradeid", "/u8eai/import.asp"
VOUCHER_PATH = "/api/voucher/add"
EDIT_PATHS = {"/api/saleorder/edit": "saleorder", "/api/purchaseorder/edit": "purchaseorder"}
"""Invented."""

U8_FAULTS: dict[str, FaultKind] = {
    **{name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and name != "waf"},
    "token_ended": FaultKind("instead", "all", "every token ends; told with HTTP 200"),
    "busy": FaultKind("instead", "all", "asked to slow down, with HTTP 200"),
    "not_taken": FaultKind("instead", "writes", "errcode 0 and a tradeid, but U8 takes nothing"),
    "unsure_after_commit": FaultKind("after", "writes", "execute, commit, then a refusal that says nothing"),
}


@dataclass(frozen=True, slots=True)
class Behaviour:
    """Switches for what differs between installations."""

    most_rows: int = 8000
    asynchronous: bool = False
    """A write without `sync=1` is only queued in the real system; with this switch even one with it is answered so."""
    ignore_reference_filter: bool = False
    """`voucherdetails` answers every voucher, whatever external number was asked for."""
    latency_seconds: float = 0.0
    touches_more: bool = False
    """A change of an order line also writes a remark elsewhere on the order."""


@dataclass(slots=True)
class CallLog:
    """Counters for the control endpoint."""

    calls: Counter[str] = field(default_factory=Counter)
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))


class U8Site:
    """One account set behind its relay. Call it with a request to get an answer."""

    def __init__(self, books: Books, gate: Gate, faults: Switchboard, control_token: str, behaviour: Behaviour) -> None:
        self.books = books
        self.gate = gate
        self.faults = faults
        self.log = CallLog()
        self.behaviour = behaviour
        self._control = Control(self, control_token)

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
            return refusal(Refused("-1", say("unsure")))
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(answer.body, answer.status, answer.content_type, damage=damage, stall_seconds=hit.seconds)

    def _instead(self, fault: str) -> Answer:
        if fault == "token_ended":
            self.gate.forget_tokens()
            return refusal(Refused(BAD_TOKEN, say("bad_token")))
        if fault == "too_frequent":
            return Answer(refusal(Refused("-1", say("busy"))).body, 429, headers=(("Retry-After", "3"),))
        if fault == "busy":
            return refusal(Refused("-1", say("busy")))
        if fault == "not_taken":
            return success({"id": "", "tradeid": "3eb76146-0000-4000-8000-000000000000"})
        return _html(200 if fault == "html_200" else 500)

    def _serve(self, request: Request, name: str) -> Answer:
        if name == "Eai":
            return receive(self.books, request.body)
        given = dict(parse_qsl(request.query, keep_blank_values=True))
        try:
            if name == "Token":
                return success(self.gate.issue(given))
            self.gate.check(given, write=name in ("AddVoucher", "EditOrder"))
            return success(self._relayed(request, name, given))
        except Refused as refused:
            return refusal(refused)

    def _relayed(self, request: Request, name: str, given: Mapping[str, str]) -> dict[str, Any]:
        if name == "TradeId":
            return {"trade": {"id": f"trade-{self.log.calls[name]}"}}
        if name == "AddVoucher":
            return self._add(request, given)
        if name == "EditOrder":
            return self._edit(request, given)
        _, _, resource, verb = request.path.split("/") if request.path.count("/") == 3 else ("", "", "", "")
        try:
            if verb == "batch_get" and resource in ORDER_LISTS:
                return order_list(self.books, resource, given, self.behaviour.most_rows)
            if verb == "batch_get" and resource in ROW_LISTS:
                return row_list(self.books, resource, given, self.behaviour.most_rows)
            if verb == "get" and resource in ORDER_LISTS.values():
                return one_order(self.books, resource, given.get("id", ""))
        except ValueError as error:
            raise no("bad_json") from error
        if verb == "batch_get" and resource == "voucherdetails":
            ignored = {"coutno_id": ""} if self.behaviour.ignore_reference_filter else {}
            return {resource: voucher_rows(self.books, {**given, **ignored})}
        raise no("no_path")

    def _edit(self, request: Request, given: Mapping[str, str]) -> dict[str, Any]:
        if bool(given.get("tradeid")) == bool(given.get("biz_id")):
            raise no("one_of_two")
        try:
            body, resource = json.loads(request.body), EDIT_PATHS[request.path]
            code = edit(self.books, resource, body, touches_more=self.behaviour.touches_more)
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise no("bad_json") from error
        return {"id": code if given.get("sync") == "1" else "", "tradeid": given.get("tradeid") or ""}

    def _add(self, request: Request, given: Mapping[str, str]) -> dict[str, Any]:
        """`voucher/add`: debits and credits stand apart, and are numbered in that order."""
        if bool(given.get("tradeid")) == bool(given.get("biz_id")):
            raise no("one_of_two")
        trade = given.get("tradeid") or "3eb76146-0000-4000-8000-000000000001"
        try:
            voucher = json.loads(request.body)["voucher"]
            entries = [*voucher["debit"]["entry"], *voucher["credit"]["entry"]]
            saved = add_voucher(self.books, voucher, entries, biz_id=given.get("biz_id", ""), road="openapi")
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise no("bad_json") from error
        waits = self.behaviour.asynchronous or given.get("sync") != "1"
        return {"id": "" if waits else str(saved.id), "tradeid": trade}


def _call(request: Request) -> tuple[str, str]:
    """Name of the call for the fault switchboard, and its kind."""
    known = {
        TOKEN_PATH: ("Token", "login"),
        TRADE_PATH: ("TradeId", "read"),
        EAI_PATH: ("Eai", "write"),
        VOUCHER_PATH: ("AddVoucher", "write"),
        **dict.fromkeys(EDIT_PATHS, ("EditOrder", "write")),
    }
    return known.get(request.path, ("Read", "read"))


def _html(status: int) -> Answer:
    return Answer(b"<html><body><h1>nginx</h1></body></html>", status, "text/html; charset=utf-8")
