"""The small HTTP/1.1 server every stand-in runs on: loopback only, keep-alive, bounded requests, damaged delivery on demand."""

from __future__ import annotations

import ipaddress
import socket
import struct
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import urlsplit

LARGEST_BODY = 16 * 1024 * 1024
IDLE_SECONDS = 75
MOST_CONNECTIONS = 256
"""Each connection is a thread; more than this wait in the accept queue."""


@dataclass(frozen=True, slots=True)
class Request:
    """One request as received. Header names are lower case; `path` has no query."""

    method: str
    path: str
    query: str
    headers: dict[str, str]
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer. `damage` is None, `nothing` (close without a byte), `cut` (half of the body, then reset) or `stall`
    (half of the body, a wait of `stall_seconds`, the rest)."""

    body: bytes
    status: int = 200
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()
    damage: str | None = None
    stall_seconds: float = 0.0


Application = Callable[[Request], Answer]


class NotLoopback(ValueError):
    """A stand-in has no business on a network: it listens on the loopback interface only."""


@dataclass(slots=True)
class StandInServer:
    """Serves an application on a loopback port, in threads. `port` 0 takes a free one."""

    application: Application
    host: str = "127.0.0.1"
    port: int = 0
    _server: ThreadingHTTPServer | None = field(default=None, init=False)
    _thread: threading.Thread | None = field(default=None, init=False)

    def start(self) -> int:
        """Bind and serve in the background; the port in use is returned."""
        if not is_loopback(self.host):
            raise NotLoopback(f"{self.host} is not a loopback address")
        handler = type("Handler", (_Handler,), {"application": staticmethod(self.application)})
        self._server = _Server((self.host, self.port), handler)
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        return self.port

    def stop(self) -> None:
        """Stop accepting and close; connections still open end with the process."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()


def is_loopback(host: str) -> bool:
    """True for `localhost` and addresses of the loopback network."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._room = threading.BoundedSemaphore(MOST_CONNECTIONS)
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._room.acquire()
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._room.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A client that goes away is ordinary here: half the tests cut connections."""


class _Handler(BaseHTTPRequestHandler):
    application: Application
    protocol_version = "HTTP/1.1"
    server_version = "StandIn/1"
    sys_version = ""
    timeout = IDLE_SECONDS
    wbufsize = -1  # one segment for head and body: otherwise Nagle and delayed ACK cost 40 ms a call
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._serve(b"")

    def do_POST(self) -> None:
        length_text = self.headers.get("Content-Length")
        if length_text is None or not (length_text.isascii() and length_text.isdigit()):
            self._refuse(411)
            return
        length = int(length_text)
        if length > LARGEST_BODY:
            self._refuse(413)
            return
        body = self.rfile.read(length)
        if len(body) == length:
            self._serve(body)

    do_PATCH = do_MERGE = do_POST

    def log_message(self, format: str, *args: object) -> None:
        """Silence: the control endpoint counts requests."""

    def _serve(self, body: bytes) -> None:
        parts = urlsplit(self.path)
        headers = {name.lower(): value for name, value in self.headers.items()}
        self._deliver(self.application(Request(self.command, parts.path, parts.query, headers, body)))

    def _refuse(self, status: int) -> None:
        self.close_connection = True
        self._deliver(Answer(b"", status=status, headers=(("Connection", "close"),)))

    def _deliver(self, answer: Answer) -> None:
        if answer.damage == "nothing":
            self._reset()
            return
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in answer.headers:
            self.send_header(name, value)
        self.end_headers()
        half = len(answer.body) // 2
        if answer.damage is None:
            self.wfile.write(answer.body)
            self.wfile.flush()
            return
        self.wfile.write(answer.body[:half])
        self.wfile.flush()
        if answer.damage == "cut":
            self._reset()
            return
        time.sleep(answer.stall_seconds)
        self.wfile.write(answer.body[half:])
        self.wfile.flush()

    def _reset(self) -> None:
        self.close_connection = True
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
