"""The Odoo stand-in as one application: reads a call of any protocol, runs it, plays faults, keeps a short log."""

from __future__ import annotations

import time
from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Any

from sandbox.faults import FAULTS, FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request
from sandbox.odoo.books import Books
from sandbox.odoo.calls import Calls
from sandbox.odoo.control import Control
from sandbox.odoo.gate import Gate
from sandbox.odoo.protocols import Incoming, Protocols, html

LOGGED_CALLS = 500
ODOO_FAULTS: dict[str, FaultKind] = {
    name: kind for name, kind in FAULTS.items() if not name.startswith("session_lost") and name != "waf"
}
"""There is no session to lose; everything else of the common switchboard applies."""

_INSTEAD = {
    "html_200": (200, "Maintenance"),
    "error_500_before": (500, "Internal Server Error"),
}


@dataclass(slots=True)
class CallLog:
    """Counters and the last calls, for the control endpoint."""

    methods: Counter[str] = field(default_factory=Counter)
    crashes: deque[str] = field(default_factory=lambda: deque(maxlen=50))
    recent: deque[dict[str, Any]] = field(default_factory=lambda: deque(maxlen=LOGGED_CALLS))


class OdooSite:
    """One database of one server. Call it with a request to get an answer."""

    def __init__(
        self, books: Books, gate: Gate, faults: Switchboard, control_token: str, latency_seconds: float = 0.0
    ) -> None:
        self.books = books
        self.gate = gate
        self.faults = faults
        self.log = CallLog()
        self.calls = Calls(books)
        self._protocols = Protocols(self.calls, gate, books.release.series)
        self._control = Control(books, gate, faults, self.log, control_token)
        self._latency = latency_seconds

    def __call__(self, request: Request) -> Answer:
        """Answer one HTTP request."""
        if request.path.startswith("/control/"):
            return self._control.answer(request)
        incoming = self._protocols.read(request)
        if isinstance(incoming, Answer):
            return incoming
        fired = self.faults.hits(f"Odoo.{incoming.method}", incoming.kind)
        try:
            answer = self._with_faults(incoming, fired)
        except Exception as error:  # noqa: BLE001 - a site answers 500 and goes on; the crash is shown by control
            self.log.crashes.append(f"{incoming.method}: {error!r}")
            answer = html(500, "Internal Server Error")
        self.log.methods[incoming.method] += 1
        self.log.recent.append(
            {
                "path": request.path, "method": incoming.method, "http_status": answer.status,
                "faults": [one.name for one in fired], "bytes": len(request.body),
            }
        )  # fmt: skip
        return answer

    def _with_faults(self, incoming: Incoming, fired: tuple[Fired, ...]) -> Answer:
        wait = self._latency + sum(one.seconds for one in fired if one.stage == "delay")
        if wait:
            time.sleep(wait)
        hit = next((one for one in fired if one.stage != "delay"), None)
        if hit is None:
            return incoming.run()
        if hit.name == "too_frequent":
            return Answer(b"", status=429, headers=(("Retry-After", "1"),))
        if hit.stage == "instead":
            return html(*_INSTEAD[hit.name])
        answer = incoming.run()
        if hit.name == "error_500_after_commit":
            return html(500, "Internal Server Error")
        damage = {"lose_answer_after_commit": "nothing", "cut_connection": "cut", "stall": "stall"}[hit.name]
        return Answer(
            answer.body, answer.status, answer.content_type, answer.headers, damage=damage, stall_seconds=hit.seconds
        )
