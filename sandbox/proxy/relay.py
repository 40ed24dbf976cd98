"""Passes requests on to one system and answers back, damaged by rule: how a real system is made to fail like a stand-in.

A request is a login, a write or a read by what its first line and body look like; the rules are the switchboard's, with the
scopes `logins`, `writes`, `reads`. Only loopback is served; the system behind is spoken to as its URL says, TLS verified.
"""

from __future__ import annotations

import http.client
import re
import ssl
import time
from collections import Counter
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from sandbox.faults import FaultKind, Fired, Switchboard
from sandbox.http_server import Answer, Request

PROXY_FAULTS = {
    "delay": FaultKind("delay", "all", "wait SECONDS, then pass the request on"),
    "refuse": FaultKind("instead", "all", "not passed on: HTTP 429 with Retry-After"),
    "drop": FaultKind("instead", "all", "not passed on: closed without one byte"),
    "lose": FaultKind(
        "after", "all", "passed on; the answer is thrown away and the connection closed without one byte"
    ),
    "cut": FaultKind("delivery", "all", "passed on; half of the answer's body is sent, then the connection is reset"),
    "stall": FaultKind(
        "delivery", "all", "passed on; half of the body is sent, then silence for SECONDS, then the rest"
    ),
}
_HOP = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "host", "proxy-connection", "te"})
_LOOKED_AT = 64 * 1024
"""Bytes of a body that a rule can see."""


@dataclass(slots=True)
class Relay:
    """One system. Call it with a request to get its answer. `writes` and `logins` are patterns for
    `METHOD /path?query`, a line feed and the body."""

    target: str
    writes: re.Pattern[bytes]
    logins: re.Pattern[bytes] | None = None
    ca_file: str | None = None
    seconds: float = 120.0
    faults: Switchboard = field(default_factory=lambda: Switchboard(PROXY_FAULTS))
    seen: Counter[str] = field(default_factory=Counter)

    def __call__(self, request: Request) -> Answer:
        kind = self.kind(request)
        self.seen[kind] += 1
        damage, wait = None, 0.0
        for fired in self.faults.hits(kind, kind):
            if fired.stage == "delay":
                time.sleep(fired.seconds)
            elif fired.stage == "instead":
                return _instead(fired)
            else:
                damage = {"lose": "nothing", "cut": "cut", "stall": "stall"}[fired.name]
                wait = fired.seconds
        try:
            status, headers, body = self._ask(request)
        except (OSError, http.client.HTTPException):
            return Answer(b"", status=502, damage="nothing")
        types = [value for name, value in headers if name.lower() == "content-type"]
        kept = tuple(
            (n, v) for n, v in headers if n.lower() not in _HOP and n.lower() not in ("content-type", "date", "server")
        )
        return Answer(body, status, types[0] if types else "application/octet-stream", kept, damage, wait)

    def kind(self, request: Request) -> str:
        """`login`, `write` or `read`."""
        query = f"?{request.query}" if request.query else ""
        text = f"{request.method} {request.path}{query}\n".encode() + request.body[:_LOOKED_AT]
        if self.logins is not None and self.logins.search(text):
            return "login"
        return "write" if self.writes.search(text) else "read"

    def _ask(self, request: Request) -> tuple[int, list[tuple[str, str]], bytes]:
        parts = urlsplit(self.target)
        host, port = parts.hostname or "", parts.port
        link: http.client.HTTPConnection
        if parts.scheme == "https":
            context = ssl.create_default_context(cafile=self.ca_file)
            link = http.client.HTTPSConnection(host, port, timeout=self.seconds, context=context)
        else:
            link = http.client.HTTPConnection(host, port, timeout=self.seconds)
        path = request.path + (f"?{request.query}" if request.query else "")
        headers = {name: value for name, value in request.headers.items() if name not in _HOP}
        try:
            link.request(request.method, path, request.body or None, headers)
            answer = link.getresponse()
            return answer.status, answer.getheaders(), answer.read()
        finally:
            link.close()


def _instead(fired: Fired) -> Answer:
    if fired.name == "refuse":
        return Answer(b"", status=429, headers=(("Retry-After", "1"),))
    return Answer(b"", damage="nothing")
