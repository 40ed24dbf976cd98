"""`/control/...` of a stand-in: look into the books, switch faults, close a period. Every request carries the printed token."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from sandbox.faults import Switchboard, UnknownFault
from sandbox.http_server import Answer, Request

TOKEN_HEADER = "x-control-token"  # noqa: S105 - the header's name


class ControlledBooks(Protocol):
    """What the back door needs of the books."""

    def rows(self, sql: str, parameters: Any = ...) -> list[Any]: ...
    def set_period(self, period: str, is_open: bool) -> None: ...


Reads = Mapping[str, Callable[[], Any]]
Writes = Mapping[str, Callable[[Mapping[str, Any]], Any]]


class BackDoor:
    """What every stand-in offers; a system's own look-ins and interventions come as `reads` and `writes`."""

    def __init__(
        self, books: ControlledBooks, faults: Switchboard, token: str, reads: Reads, writes: Writes
    ) -> None:  # fmt: skip
        self._books = books
        self._faults = faults
        self._token = token
        self._reads: Reads = {"faults": faults.state, **reads}
        self._writes: Writes = {"faults": self._set_faults, "periods": self._set_period, **writes}

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

    def with_lines(self, heads: str, lines: str, key: str) -> list[dict[str, Any]]:
        """Every row of the query `heads`, each with the rows of `lines` for its column `key`."""
        books = self._books
        return [
            {**dict(head), "lines": [dict(line) for line in books.rows(lines, (head[key],))]}
            for head in books.rows(heads)
        ]

    def _set_faults(self, body: Mapping[str, Any]) -> dict[str, object]:
        if "clear" in body:
            self._faults.clear(None if body["clear"] is True else str(body["clear"]))
        if "fault" in body:
            self._faults.arm_text(str(body["fault"]))
        return self._faults.state()

    def _set_period(self, body: Mapping[str, Any]) -> dict[str, Any]:
        """`{"period": "2026-03", "open": false}`."""
        self._books.set_period(str(body["period"]), bool(body["open"]))
        return dict(body)


def _json(value: Any, status: int = 200) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, default=str).encode("utf-8"), status)
