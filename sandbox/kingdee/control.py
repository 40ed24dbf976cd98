"""The back door for tests: look into the books, switch faults, close a period, edit or delete a line, add any record."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox.faults import Switchboard, UnknownFault
from sandbox.http_server import Answer, Request
from sandbox.kingdee.books import Books, site_now
from sandbox.kingdee.describe import view
from sandbox.kingdee.envelope import json_answer
from sandbox.kingdee.forms import Form
from sandbox.kingdee.sessions import Gate

if TYPE_CHECKING:
    from sandbox.kingdee.server import RequestLog

TOKEN_HEADER = "x-control-token"  # noqa: S105 - the header's name
MOST_LISTED = 20_000


class BadControl(ValueError):
    """The control request names something that is not there."""


class Control:
    """Answers `/control/...`. Every request carries the token that was printed at the start."""

    def __init__(self, books: Books, gate: Gate, faults: Switchboard, log: RequestLog, token: str) -> None:
        self._books = books
        self._gate = gate
        self._faults = faults
        self._log = log
        self._token = token
        self._reads: Mapping[str, Callable[[dict[str, str]], Any]] = {
            "vouchers": lambda _: self._listed("GL_VOUCHER"),
            "orders": self._orders,
            "inventory": lambda _: self._listed("STK_Inventory"),
            "records": lambda query: self._listed(query.get("form", "")),
            "requests": self._requests,
            "faults": lambda _: self._faults.state(),
            "periods": lambda _: self._periods(),
        }
        self._writes: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "faults": self._set_faults,
            "periods": self._set_period,
            "edit": self._edit,
            "delete": self._delete,
            "records": self._add,
            "sessions": lambda _: {"forgotten": self._gate.forget_all()},
        }

    def answer(self, request: Request) -> Answer:
        """403 without the token, 404 for an unknown name, 400 with the reason for a bad body."""
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return json_answer({"error": "wrong or missing X-Control-Token"}, http_status=403)
        name = request.path.removeprefix("/control/")
        try:
            if request.method == "GET" and name in self._reads:
                query = {key: values[-1] for key, values in parse_qs(request.query).items()}
                return json_answer(self._reads[name](query))
            if request.method == "POST" and name in self._writes:
                body = json.loads(request.body or b"{}")
                if not isinstance(body, dict):
                    raise BadControl("an object is expected")
                return json_answer(self._writes[name](body))
        except (BadControl, UnknownFault, KeyError, TypeError, ValueError) as error:
            return json_answer({"error": f"{type(error).__name__}: {error}"}, http_status=400)
        return json_answer({"error": f"unknown control {name!r}"}, http_status=404)

    def _form(self, form_id: str) -> Form:
        form = self._books.form(form_id)
        if form is None:
            raise BadControl(f"unknown form {form_id!r}")
        return form

    def _listed(self, form_id: str) -> list[dict[str, Any]]:
        form = self._form(form_id)
        sql = f'SELECT id FROM "{form.id}" ORDER BY id LIMIT {MOST_LISTED}'  # noqa: S608
        with self._books.lock:
            return [{"form": form.id, **view(self._books, form, row[0])} for row in self._books.rows(sql)]

    def _orders(self, query: dict[str, str]) -> list[dict[str, Any]]:
        form_ids = (query["form"],) if "form" in query else ("SAL_SaleOrder", "PUR_PurchaseOrder")
        return [one for form_id in form_ids for one in self._listed(form_id)]

    def _requests(self, _query: dict[str, str]) -> dict[str, Any]:
        return {
            "services": dict(self._log.services),
            "auth_failures": dict(self._gate.failures),
            "ignored_keys": dict(self._log.ignored_keys),
            "crashes": list(self._log.crashes),
            "recent": list(self._log.recent),
        }

    def _periods(self) -> list[dict[str, Any]]:
        return [
            {"period": f"{row['year']}-{row['period']:02d}", "open": bool(row["is_open"])}
            for row in self._books.rows("SELECT * FROM periods ORDER BY year, period")
        ]

    def _set_faults(self, body: Mapping[str, Any]) -> dict[str, object]:
        if "clear" in body:
            self._faults.clear(None if body["clear"] is True else str(body["clear"]))
        if "fault" in body:
            self._faults.arm_text(str(body["fault"]))
        if "name" in body:
            self._faults.arm(
                str(body["name"]),
                rate=body.get("rate"),
                count=body.get("count"),
                scope=body.get("scope"),
                seconds=float(body.get("seconds", 1.0)),
            )
        return self._faults.state()

    def _set_period(self, body: Mapping[str, Any]) -> list[dict[str, Any]]:
        year, month = (int(part) for part in str(body["period"]).split("-"))
        self._books.run(
            "INSERT INTO periods VALUES (?, ?, ?) ON CONFLICT (year, period) DO UPDATE SET is_open = excluded.is_open",
            (year, month, int(bool(body["open"]))),
        )
        return self._periods()

    def _edit(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"form", "id"? or "number"?, "entry_id"?, "set": {...}, "touch": false}`; `touch` sets FModifyDate."""
        form = self._form(body["form"])
        record, line = self._target(form, body)
        with self._books.transaction():
            self._books.change(form.id, line or record, body["set"], line=line is not None)
            if body.get("touch"):
                self._books.change(form.id, record, {"FModifyDate": body.get("modified") or site_now()})
            return view(self._books, form, record)

    def _delete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"form", "id"? or "number"?, "entry_id"?}`: one line, or the whole record."""
        form = self._form(body["form"])
        record, line = self._target(form, body)
        with self._books.transaction():
            if line is None:
                self._books.delete(form, record)
            else:
                self._books.delete_line(form, line)
        return {"deleted": line or record}

    def _target(self, form: Form, body: Mapping[str, Any]) -> tuple[int, int | None]:
        if "entry_id" in body:
            if form.entry is None:
                raise BadControl(f"{form.id} has no lines")
            line = int(body["entry_id"])
            record = self._books.one(
                f'SELECT parent FROM "{form.id}.{form.lines.key}" WHERE id = ?',  # noqa: S608
                (line,),
            )
        else:
            line = None
            record = int(body["id"]) if "id" in body else self._books.find(form, str(body["number"]))
        if record is None or self._books.head(form, record) is None:
            raise BadControl("no such record")
        return record, line

    def _add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"form", "values": {...}, "lines": [...]}`: stored without any check, so also broken on purpose."""
        form = self._form(body["form"])
        if form.entry is None and body.get("lines"):
            raise BadControl(f"{form.id} has no lines")
        record = self._books.add(form.id, body.get("values", {}), body.get("lines", []))
        return view(self._books, form, record)
