"""The back door for tests: look into the books, switch faults, close a period, end tokens, check, post or void a voucher."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from sandbox.faults import UnknownFault
from sandbox.http_server import Answer, Request
from sandbox.nccloud.answers import parse

if TYPE_CHECKING:
    from sandbox.nccloud.server import NcCloudSite

TOKEN_HEADER = "x-control-token"  # noqa: S105 - the header's name


class Control:
    """Answers `/control/...`. Every request carries the token that was printed at the start."""

    def __init__(self, site: NcCloudSite, token: str) -> None:
        self._site = site
        self._token = token
        self._reads: Mapping[str, Callable[[], Any]] = {
            "vouchers": self.vouchers,
            "orders": self._orders,
            "requests": self._requests,
            "faults": site.faults.state,
        }
        self._writes: Mapping[str, Callable[[Mapping[str, Any]], Any]] = {
            "faults": self._set_faults,
            "periods": self._set_period,
            "tokens": self._end_tokens,
            "state": self._set_state,
        }

    def answer(self, request: Request) -> Answer:
        """403 without the token, 404 for an unknown name, 400 with the reason for a bad body."""
        if not hmac.compare_digest(request.headers.get(TOKEN_HEADER, "").encode(), self._token.encode()):
            return _json({"error": "wrong or missing X-Control-Token"}, 403)
        name = request.path.removeprefix("/control/")
        try:
            if request.method == "GET" and name in self._reads:
                return _json(self._reads[name]())
            if request.method == "POST" and name in self._writes:
                return _json(self._writes[name](json.loads(request.body or b"{}")))
        except (UnknownFault, KeyError, TypeError, ValueError, AttributeError) as error:
            return _json({"error": f"{type(error).__name__}: {error}"}, 400)
        return _json({"error": f"unknown control {name!r}"}, 404)

    def vouchers(self) -> list[dict[str, Any]]:
        """Every voucher with its lines, amounts as text."""
        books = self._site.books
        return [
            {
                **dict(row),
                "lines": [
                    dict(line)
                    for line in books.rows(
                        "SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number", (row["id"],)
                    )
                ],
            }
            for row in books.rows("SELECT * FROM vouchers ORDER BY id")
        ]

    def _orders(self) -> list[Any]:
        return [parse(row["document"]) for row in self._site.books.rows("SELECT document FROM orders ORDER BY id")]

    def _requests(self) -> dict[str, Any]:
        log = self._site.log
        return {
            "calls": dict(log.calls),
            "crashes": list(log.crashes),
            "auth_failures": dict(self._site.gate.failures),
        }

    def _set_faults(self, body: Mapping[str, Any]) -> dict[str, object]:
        if "clear" in body:
            self._site.faults.clear(None if body["clear"] is True else str(body["clear"]))
        if "fault" in body:
            self._site.faults.arm_text(str(body["fault"]))
        return self._site.faults.state()

    def _set_period(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"period": "2026-03", "open": false}`."""
        self._site.books.set_period(str(body["period"]), bool(body["open"]))
        return dict(body)

    def _end_tokens(self, _body: Mapping[str, Any]) -> dict[str, Any]:
        self._site.gate.forget_tokens()
        return {"ended": True}

    def _set_state(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"reference", "state": "checked" | "posted" | "void"}`: what a person does in the ledger."""
        columns = {"checked": "checked = 'demo'", "posted": "checked = 'demo', posted = 'demo'", "void": "void = 1"}
        change = columns[str(body["state"])]
        carriers = "SELECT voucher FROM voucher_lines WHERE reference = ?"
        sql = f"UPDATE vouchers SET {change} WHERE id IN ({carriers})"  # noqa: S608 - both are constants of this file
        self._site.books.run(sql, (str(body["reference"]),))
        return dict(body)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8"), status)
