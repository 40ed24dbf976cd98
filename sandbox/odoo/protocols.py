"""The three ways in: XML-RPC, JSON-RPC and JSON-2; each reads a call, and shapes results and refusals in its own manner."""

from __future__ import annotations

import json
import xmlrpc.client
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sandbox.http_server import Answer, Request
from sandbox.odoo.calls import METHODS, WRITES, Calls, NewRecords, bound
from sandbox.odoo.gate import Gate
from sandbox.odoo.records import Caller
from sandbox.odoo.refusals import (
    AccessDenied,
    BadArguments,
    BadJson,
    CannotMarshal,
    DriverError,
    Mistake,
    NotThere,
    Refusal,
    traceback_text,
)
from sandbox.odoo.texts import say


@dataclass(frozen=True, slots=True)
class Incoming:
    """One call as its protocol read it: the method's name and kind (for the switchboard), and how to run it."""

    method: str
    kind: str
    run: Callable[[], Answer]


def html(status: int, title: str) -> Answer:
    """An HTML page, as the web server in front gives it."""
    page = f"<!doctype html>\n<html lang=en>\n<title>{status} {title}</title>\n<h1>{title}</h1>\n"
    return Answer(page.encode(), status, "text/html; charset=utf-8")


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False).encode("utf-8"), status)


class Protocols:
    """Reads requests of all protocols of one release."""

    def __init__(self, calls: Calls, gate: Gate, series: int) -> None:
        self.calls = calls
        self.gate = gate
        self.series = series

    def read(self, request: Request) -> Incoming | Answer:
        """The call in a request, or an answer at once when there is none."""
        if request.path in ("/xmlrpc/2/common", "/xmlrpc/2/object") and request.method == "POST":
            return self._xmlrpc(request)
        if request.path == "/jsonrpc" and request.method == "POST":
            return self._jsonrpc(request)
        if request.path == "/web/webclient/version_info":
            return _json({"jsonrpc": "2.0", "id": None, "result": self._version()})
        if request.path.startswith("/json/2/") and self.series >= 19 and request.method == "POST":
            return self._json2(request)
        return html(404, "Not Found")

    # --- XML-RPC ---

    def _xmlrpc(self, request: Request) -> Incoming | Answer:
        try:
            arguments, name = read_call(request.body)
        except Exception:  # noqa: BLE001 - whatever the parser says, the page is the same
            return html(400, "Bad Request")
        service = request.path.rpartition("/")[2]
        method, kind, run = self._service(service, str(name), arguments)

        def answer() -> Answer:
            try:
                result = _older(run())
                return _xml(xmlrpc.client.dumps((result,), methodresponse=True))
            except Refusal as refusal:
                fault = xmlrpc.client.Fault(refusal.fault, refusal.fault_text)
            except TypeError as error:
                fault = xmlrpc.client.Fault(1, traceback_text(CannotMarshal.name, str(error)))
            return _xml(xmlrpc.client.dumps(fault, methodresponse=True))

        return Incoming(method, kind, answer)

    # --- JSON-RPC ---

    def _jsonrpc(self, request: Request) -> Incoming | Answer:
        try:
            body = json.loads(request.body)
            params = body["params"]
            service, name, arguments = params["service"], params["method"], params["args"]
        except (ValueError, KeyError, TypeError):
            return _json({"jsonrpc": "2.0", "id": None, "error": {"code": 404, "message": "Bad Request", "data": {}}})
        method, kind, run = self._service(service, name, arguments)

        def answer() -> Answer:
            try:
                result = {"result": _older(run())}
            except Refusal as refusal:
                data = {
                    "name": refusal.name, "message": str(refusal), "arguments": [str(refusal)], "context": {},
                    "debug": traceback_text(refusal.name, str(refusal)),
                }  # fmt: skip
                result = {"error": {"code": 0, "message": "Odoo Server Error", "data": data}}
            return _json({"jsonrpc": "2.0", "id": body.get("id"), **result})

        return Incoming(method, kind, answer)

    def _service(self, service: str, name: str, arguments: Sequence[Any]) -> tuple[str, str, Callable[[], Any]]:
        if service == "common":
            return name, "login", lambda: self._common(name, arguments)
        method = str(arguments[4]) if len(arguments) > 4 else name
        kind = "write" if method in WRITES else "read"
        arrived = self.calls.loader.commits
        return method, kind, lambda: self._object(name, arguments, arrived)

    def _common(self, name: str, arguments: Sequence[Any]) -> Any:
        if name == "version":
            return self._version()
        if name not in ("authenticate", "login"):
            raise NotThere(say("no_method", model="common", method=name))
        self._require_database(arguments[0])
        return self.gate.authenticate(str(arguments[1]), str(arguments[2])) or False

    def _object(self, name: str, arguments: Sequence[Any], arrived: int) -> Any:
        if name not in ("execute", "execute_kw") or len(arguments) < 5:
            raise NotThere(say("no_method", model="object", method=name))
        database, user, secret, model, method, *rest = arguments
        self._require_database(database)
        role = self.gate.role(int(user), str(secret))
        if role is None:
            raise AccessDenied(say("denied"))
        positional, named = (rest, {}) if name == "execute" else _split(rest)
        context = dict(named.pop("context", None) or {})
        caller = self.gate.caller(int(user), role, context)
        _, known = self.calls.known(str(model), str(method))
        if name == "execute" and len(positional) > len(known.arguments) + known.on_records:
            positional = positional[:-1]
        ids, given = bound(known, positional, named)
        return self.calls.run(caller, str(model), str(method), ids, given, arrived)

    def _require_database(self, name: object) -> None:
        if name != self.gate.database:
            raise DriverError(
                f'connection to server at "db.invalid" (192.0.2.7), port 5432 failed: FATAL: database "{name}" does not exist'
            )

    def _version(self) -> dict[str, Any]:
        return {
            "server_version": f"{self.series}.0", "server_version_info": [self.series, 0, 0, "final", 0, ""],
            "server_serie": f"{self.series}.0", "protocol_version": 1,
        }  # fmt: skip

    # --- JSON-2 ---

    def _json2(self, request: Request) -> Incoming | Answer:
        parts = request.path.removeprefix("/json/2/").split("/")
        database = request.headers.get("x-odoo-database")
        if len(parts) != 2 or (database and database != self.gate.database):
            return html(404, "Not Found")
        model, method = parts
        arrived = self.calls.loader.commits

        def answer() -> Answer:
            try:
                return _json(_newer(self._json2_call(request, model, method, arrived)))
            except Refusal as refusal:
                return _json(
                    {
                        "name": refusal.name, "message": str(refusal), "arguments": [str(refusal)], "context": {},
                        "debug": traceback_text(refusal.name, str(refusal)),
                    },
                    refusal.status,
                )  # fmt: skip

        return Incoming(method, "write" if method in WRITES else "read", answer)

    def _json2_call(self, request: Request, model: str, method: str, arrived: int) -> Any:
        user, role = self.gate.bearer(request.headers.get("authorization", ""))
        try:
            body = json.loads(request.body or b"{}")
        except ValueError as error:
            raise BadJson(say("bad_json")) from error
        if not isinstance(body, dict):
            raise BadJson(say("bad_json"))
        context = body.pop("context", None) or {}
        ids = body.pop("ids", None)
        _, known = self.calls.known(model, method)
        caller: Caller = self.gate.caller(user, role, context)
        if ids is not None and not known.on_records:
            raise BadArguments(say("no_record_needed", caller.lang, model=model, method=method))
        unknown = [name for name in body if name not in known.arguments]
        if unknown:
            raise BadArguments(say("argument", caller.lang, argument=unknown[0]))
        return self.calls.run(caller, model, method, [int(one) for one in ids or []], body, arrived)


def _xml(text: str) -> Answer:
    return Answer(text.encode("utf-8"), content_type="text/xml")


def _split(rest: Sequence[Any]) -> tuple[Sequence[Any], dict[str, Any]]:
    positional = rest[0] if rest else []
    named = rest[1] if len(rest) > 1 and isinstance(rest[1], Mapping) else {}
    if not isinstance(positional, list | tuple):
        raise Mistake(say("argument", argument=positional))
    return positional, dict(named)


def _older(result: Any) -> Any:
    """New records as one id or a list of ids."""
    if isinstance(result, NewRecords):
        return result.ids[0] if result.single else list(result.ids)
    return result


def _newer(result: Any) -> Any:
    """New records as a list of ids, always."""
    if isinstance(result, NewRecords):
        return list(result.ids)
    return result


__all__ = ["METHODS", "Incoming", "Protocols", "html"]


def read_call(body: bytes) -> tuple[Any, str | None]:
    """Arguments and method of an XML-RPC call. Whatever is none raises; so does a document type declaration."""
    parser, reader = xmlrpc.client.getparser()
    if not isinstance(parser, xmlrpc.client.ExpatParser):
        raise TypeError("another parser than expat stands ready")
    parser._parser.StartDoctypeDeclHandler = _refuse_doctype  # type: ignore[attr-defined]
    parser.feed(body)
    parser.close()
    return reader.close(), reader.getmethodname()


def _refuse_doctype(*_: object) -> None:
    raise ValueError("a document type declaration is refused")
