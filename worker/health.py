"""A small HTTP server beside a worker: is it alive, is it ready, what are the figures. No login: bind it to an address that
only the monitoring reaches; it tells counts, times and names of books and connections, and changes nothing."""

from __future__ import annotations

import ipaddress
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Final

import structlog

from adapters.storage import schema_state
from hedge_core.errors import InvalidInput, PlatformError
from messages import Message, say
from worker.bootstrap import App
from worker.metrics import CONTENT_TYPE, metrics_text

_log = structlog.get_logger("hedgebridge.health")
_PLAIN: Final = "text/plain; charset=utf-8"

Answer = tuple[int, str, bytes]


class HealthServer:
    """`/livez`: the process answers and its threads run. `/readyz`: the database answers too, with this program's schema.
    `/metrics`: Prometheus' text."""

    def __init__(
        self, address: str, live: Callable[[], bool], ready: Callable[[], str], metrics: Callable[[], bytes]
    ) -> None:
        """`address` is `host:port`; `ready` answers what is missing, empty when nothing is. InvalidInput when the address
        cannot be bound."""
        self._answers: dict[str, Callable[[], Answer]] = {
            "/livez": lambda: (200, _PLAIN, b"ok\n") if live() else (503, _PLAIN, b"a thread has ended\n"),
            "/readyz": lambda: _ready(ready()),
            "/metrics": lambda: (200, CONTENT_TYPE, metrics()),
        }
        self._server = _bind(address, self._handler())
        self._thread = threading.Thread(target=self._server.serve_forever, name="health", daemon=True)

    @property
    def url(self) -> str:
        host, port = self._server.server_address[:2]
        return f"http://{host!s}:{port}"

    def __enter__(self) -> HealthServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        answers = self._answers

        class Handler(BaseHTTPRequestHandler):
            server_version, sys_version = "hedgebridge", ""
            timeout = 10

            def do_GET(self) -> None:
                make = answers.get(self.path.partition("?")[0])
                try:
                    status, kind, body = make() if make else (404, _PLAIN, b"/livez /readyz /metrics\n")
                except PlatformError as error:
                    status, kind, body = 503, _PLAIN, f"{error}\n".encode()
                except Exception as error:  # noqa: BLE001 - a broken figure must not look like a dead worker
                    _log.warning("health.trouble", error=type(error).__name__)
                    status, kind, body = 500, _PLAIN, b"internal error\n"
                self.send_response(status)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Probes come every few seconds; nobody reads a line for each."""

        return Handler


def _ready(missing: str) -> Answer:
    return (503, _PLAIN, f"{missing}\n".encode()) if missing else (200, _PLAIN, b"ok\n")


def _bind(address: str, handler: type[BaseHTTPRequestHandler]) -> ThreadingHTTPServer:
    host, _, port = address.rpartition(":")
    try:
        if not host or not port.isdigit():
            raise ValueError
        ipaddress.ip_address(host)
        server = ThreadingHTTPServer((host, int(port)), handler)
    except (ValueError, OSError, OverflowError) as error:
        reason = str(error) or "host:port"
        raise InvalidInput(
            "--health", 0, "", Message("worker.health_address", {"value": address, "reason": reason})
        ) from None
    server.daemon_threads = True
    return server


def health_server(app: App, address: str, live: Callable[[], bool]) -> HealthServer:
    """The server of one worker process, not yet started."""
    url = app.settings.database

    def missing() -> str:
        state = schema_state(url)
        named = {"current": state.current or "-", "needed": state.needed}
        return "" if state.ready else say(Message("worker.not_ready", named), "en")

    return HealthServer(address, live, missing, lambda: metrics_text(app.store.figures(), app.clock.now()))
