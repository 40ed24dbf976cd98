"""The back door for tests: look into the books, switch faults, close a period, lock the ledger, change, add or delete a row."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

from sandbox.faults import UnknownFault
from sandbox.http_server import Answer, Request
from sandbox.sap.schema import TYPES, Property

if TYPE_CHECKING:
    from sandbox.sap.server import SapSite

TOKEN_HEADER = "x-control-token"  # noqa: S105 - the header's name


class BadControl(ValueError):
    """The control request names something that is not there."""


class Control:
    """Answers `/control/...`. Every request carries the token that was printed at the start."""

    def __init__(self, site: SapSite, token: str) -> None:
        self._site = site
        self._token = token
        self._reads: Mapping[str, Callable[[dict[str, str]], Any]] = {
            "vouchers": lambda _: self._vouchers(),
            "records": lambda query: self._records(query.get("type", "")),
            "requests": lambda _: self._requests(),
            "faults": lambda _: site.faults.state(),
        }
        self._writes: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "faults": self._set_faults,
            "edit": self._edit,
            "delete": self._delete,
            "records": self._add,
            "period": self._period,
            "lock": self._lock,
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
                return _json(self._writes[name](json.loads(request.body or b"{}")))
        except (BadControl, UnknownFault, KeyError, TypeError, ValueError, ArithmeticError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return _json({"error": f"unknown control {name!r}"}, 404)

    def _records(self, type_name: str) -> list[dict[str, Any]]:
        if type_name not in TYPES:
            raise BadControl(f"unknown type {type_name!r}")
        return self._site.books.rows(type_name)

    def _vouchers(self) -> list[dict[str, Any]]:
        """Every document with its lines."""
        documents: dict[tuple[str, str], dict[str, Any]] = {}
        for row in self._site.books.rows("A_OperationalAcctgDocItemCube"):
            key = (row["FiscalYear"], row["AccountingDocument"])
            head = documents.setdefault(
                key,
                {
                    "number": row["AccountingDocument"],
                    "year": row["FiscalYear"],
                    "reference": row["DocumentReferenceID"],
                    "posting_date": row["PostingDate"],
                    "lines": [],
                },
            )
            head["lines"].append(
                {
                    "account": row["GLAccount"],
                    "amount": row["AmountInTransactionCurrency"],
                    "currency": row["TransactionCurrency"],
                    "text": row["DocumentItemText"],
                    "assignment": row["AssignmentReference"],
                }
            )
        return [documents[key] for key in sorted(documents)]

    def _requests(self) -> dict[str, Any]:
        log = self._site.log
        return {
            "calls": dict(log.calls),
            "auth_failures": dict(self._site.gate.failures),
            "crashes": list(log.crashes),
            "recent": list(log.recent),
        }

    def _set_faults(self, body: Mapping[str, Any]) -> dict[str, object]:
        if "clear" in body:
            self._site.faults.clear(None if body["clear"] is True else str(body["clear"]))
        if "fault" in body:
            self._site.faults.arm_text(str(body["fault"]))
        return self._site.faults.state()

    def _edit(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"type", "keys": {...}, "set": {...}, "touch": true}`: without any check."""
        kind, keys = body["type"], body["keys"]
        if self._site.books.row(kind, keys) is None:
            raise BadControl("no such record")
        with self._site.books.transaction():
            self._site.books.change(kind, keys, _typed(kind, body["set"]), touch=bool(body.get("touch", True)))
        return {"changed": keys}

    def _delete(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"type", "keys": {...}}`: every row that matches."""
        with self._site.books.transaction():
            return {"deleted": self._site.books.delete(body["type"], body["keys"])}

    def _add(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"type", "values": {...}}`: stored without any check, so also broken on purpose."""
        with self._site.books.transaction():
            return self._site.books.add(body["type"], **_typed(body["type"], body["values"]))

    def _period(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"year": 2026, "period": 2, "open": false}`."""
        with self._site.books.transaction():
            self._site.books.set_period(int(body["year"]), int(body["period"]), bool(body["open"]))
        return dict(body)

    def _lock(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"locked": true}`: every posting meets a lock."""
        self._site.journal.locked = bool(body["locked"])
        return dict(body)


def _typed(kind: str, values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _value(TYPES[kind].properties[name], value) for name, value in values.items()}


def _value(one: Property, value: Any) -> Any:
    if value is None:
        return None
    convert: Mapping[str, Callable[[Any], Any]] = {
        "decimal": lambda v: Decimal(str(v)),
        "date": date.fromisoformat,
        "stamp": datetime.fromisoformat,
    }
    return convert.get(one.type, lambda v: v)(value)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8"), status)
