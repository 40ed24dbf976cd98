"""The back door for tests: look into the books, switch faults, set a lock date or a precision, change, add or delete a record."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox.faults import Switchboard, UnknownFault
from sandbox.http_server import Answer, Request
from sandbox.odoo.books import Books, plain, stored
from sandbox.odoo.gate import Gate

if TYPE_CHECKING:
    from sandbox.odoo.server import CallLog

TOKEN_HEADER = "x-control-token"  # noqa: S105 - the header's name


class BadControl(ValueError):
    """The control request names something that is not there."""


class Control:
    """Answers `/control/...`. Every request carries the token that was printed at the start."""

    def __init__(self, books: Books, gate: Gate, faults: Switchboard, log: CallLog, token: str) -> None:
        self._books = books
        self._gate = gate
        self._faults = faults
        self._log = log
        self._token = token
        self._reads: Mapping[str, Callable[[dict[str, str]], Any]] = {
            "vouchers": lambda _: self.vouchers(),
            "records": lambda query: self.records(query.get("model", "")),
            "requests": lambda _: self._requests(),
            "faults": lambda _: self._faults.state(),
        }
        self._writes: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "faults": self._set_faults,
            "edit": self._edit,
            "delete": self._delete,
            "records": self._add,
            "lock": self._lock,
            "precision": self._precision,
        }

    def answer(self, request: Request) -> Answer:
        """403 without the token, 404 for an unknown name, 400 with the reason for a bad body."""
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return _json({"error": "wrong or missing X-Control-Token"}, 403)
        name = request.path.removeprefix("/control/")
        try:
            if request.method == "GET" and name in self._reads:
                query = {key: values[-1] for key, values in parse_qs(request.query).items()}
                return _json(self._reads[name](query))
            if request.method == "POST" and name in self._writes:
                body = json.loads(request.body or b"{}")
                if not isinstance(body, dict):
                    raise BadControl("an object is expected")
                return _json(self._writes[name](body))
        except (BadControl, UnknownFault, KeyError, TypeError, ValueError, ArithmeticError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return _json({"error": f"unknown control {name!r}"}, 404)

    def records(self, model: str) -> list[dict[str, Any]]:
        """Every row of a model as stored, numbers as text."""
        if model not in self._books.release.models:
            raise BadControl(f"unknown model {model!r}")
        fields = self._books.model(model).fields
        told = []
        for row in self._books.rows(f'SELECT * FROM "{model}" ORDER BY id'):  # noqa: S608
            values = dict(row)
            for name, value in values.items():
                if name in fields and fields[name].type in ("float", "monetary") and value is not None:
                    values[name] = str(plain(value))
            told.append(values)
        return told

    def vouchers(self) -> list[dict[str, Any]]:
        """Every journal entry with its lines."""
        lines: dict[int, list[dict[str, Any]]] = {}
        for line in self.records("account.move.line"):
            lines.setdefault(line["move_id"], []).append(line)
        return [{**move, "lines": lines.get(move["id"], [])} for move in self.records("account.move")]

    def _requests(self) -> dict[str, Any]:
        return {
            "methods": dict(self._log.methods),
            "crashes": list(self._log.crashes),
            "auth_failures": dict(self._gate.failures),
            "recent": list(self._log.recent),
        }

    def _set_faults(self, body: Mapping[str, Any]) -> dict[str, object]:
        if "clear" in body:
            self._faults.clear(None if body["clear"] is True else str(body["clear"]))
        if "fault" in body:
            self._faults.arm_text(str(body["fault"]))
        return self._faults.state()

    def _edit(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"model", "id", "set": {...}, "touch": true}`: without any check; `touch` stamps write_date."""
        model, record = body["model"], int(body["id"])
        fields = self._books.model(model).fields
        values = {name: stored(fields[name], _exact(value)) for name, value in body["set"].items()}
        if self._books.row(model, record) is None:
            raise BadControl("no such record")
        with self._books.transaction():
            self._books.update(model, record, values, touch=bool(body.get("touch", True)))
        return {"changed": record}

    def _delete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"model", "id"}`."""
        with self._books.transaction():
            self._books.delete(body["model"], int(body["id"]))
        return {"deleted": int(body["id"])}

    def _add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"model", "values": {...}}`: stored without any check, so also broken on purpose."""
        values = {name: _exact(value) for name, value in body["values"].items()}
        return {"id": self._books.add(body["model"], **values)}

    def _lock(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"date": "2026-02-28" or null, "field": "fiscalyear_lock_date", "company": 1}`."""
        field = body.get("field", "fiscalyear_lock_date")
        with self._books.transaction():
            self._books.update("res.company", int(body.get("company", 1)), {field: body["date"]})
        return {field: body["date"]}

    def _precision(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"digits": 2}` of the quantities, or of `name`."""
        name = body.get("name", self._books.release.unit_precision)
        record = self._books.one('SELECT id FROM "decimal.precision" WHERE name = ?', (name,))
        with self._books.transaction():
            self._books.update("decimal.precision", record, {"digits": int(body["digits"])})
        return {name: int(body["digits"])}


def _exact(value: Any) -> Any:
    return Decimal(str(value)) if isinstance(value, float) else value


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8"), status)
