"""What a name may lead to: a per-connection list, private addresses, and a name that leads elsewhere a moment later."""

from __future__ import annotations

import socket
import threading
import traceback
from collections.abc import Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from connectors.http import HttpTransport, Origin
from connectors.http import origin as origin_module
from hedge_core.errors import OutcomeUnknown, PlatformError, Unavailable

ERP = "https://erp.example.com/k3cloud"


def names(monkeypatch: pytest.MonkeyPatch, *answers: str) -> None:
    """The name service answers these addresses one after the other, the last for ever."""
    left = list(answers)

    def look_up(host: str, *_: object, **__: object) -> list[tuple[Any, ...]]:
        address = host if host[0].isdigit() else left.pop(0) if len(left) > 1 else left[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, 0))]

    monkeypatch.setattr(origin_module.socket, "getaddrinfo", look_up)


@pytest.fixture
def heard() -> Iterator[tuple[int, list[str]]]:
    """A server on loopback and the requests that reach it."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            paths.append(self.path)
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(500)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    yield server.server_address[1], paths
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.mark.parametrize(
    ("address", "private", "hosts", "allowed"),
    [
        ("93.184.216.34", False, (), True),
        ("10.1.2.3", False, (), False),
        ("10.1.2.3", True, (), True),
        ("10.1.2.3", False, ("10.0.0.0/8",), True),
        ("10.1.2.3", True, ("10.9.0.0/16",), False),
        ("10.1.2.3", True, ("erp.example.com",), True),
        ("93.184.216.34", False, ("other.example.com",), False),
        ("93.184.216.34", False, ("ERP.example.com",), True),
        ("169.254.169.254", True, (), False),
        ("169.254.169.254", True, ("erp.example.com",), False),
        ("127.0.0.1", True, (), False),
        ("127.0.0.1", False, ("127.0.0.1",), True),
        ("100.64.0.1", False, (), False),
        ("::ffff:10.1.2.3", False, (), False),
        ("fe80::1%eth0", True, (), False),
        ("fd00::1", True, (), True),
        ("0.0.0.0", True, (), False),  # noqa: S104 - an address to refuse
    ],
)
def test_an_address_is_allowed_by_its_kind_and_by_the_list(
    address: str, private: bool, hosts: tuple[str, ...], allowed: bool
) -> None:
    assert Origin(ERP, private, hosts).allows(address) is allowed


def test_a_host_that_is_not_on_the_list_is_refused_before_anything_is_asked() -> None:
    with pytest.raises(ValueError, match="not among the allowed hosts"):
        Origin(ERP, False, ("odoo.example.com",)).check()


def test_a_name_that_leads_to_a_private_address_is_refused_when_the_connection_is_built(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    names(monkeypatch, "10.0.0.5")
    with pytest.raises(ValueError, match=r"10\.0\.0\.5"):
        HttpTransport(Origin(ERP), "Test")
    HttpTransport(Origin(ERP, allow_private=True), "Test").close()


def test_a_name_that_leads_elsewhere_later_is_refused_before_a_connection_is_made(
    monkeypatch: pytest.MonkeyPatch, heard: tuple[int, list[str]]
) -> None:
    port, paths = heard
    names(monkeypatch, "93.184.216.34", "127.0.0.1")
    transport = HttpTransport(Origin(f"https://erp.example.com:{port}"), "Test")
    with pytest.raises(Unavailable, match=r"leads to 127\.0\.0\.1"):
        transport.post("pay", b"secret", {}, write=True)
    assert paths == []


def test_the_address_really_connected_to_is_looked_at_too(
    monkeypatch: pytest.MonkeyPatch, heard: tuple[int, list[str]]
) -> None:
    """Between the look-up and the connection the name changes once more: nothing of the request leaves."""
    port, paths = heard
    real = socket.create_connection(("127.0.0.1", port))
    monkeypatch.setattr("urllib3.connection.HTTPConnection._new_conn", lambda self: real)
    names(monkeypatch, "93.184.216.34")
    transport = HttpTransport(Origin("https://erp.example.com"), "Test")
    with pytest.raises(Unavailable, match="does not allow"):
        transport.post("pay", b"secret", {}, write=True)
    with suppress(OSError):
        assert real.fileno() == -1, "closed without a byte"
    assert paths == []


@pytest.mark.parametrize("port", [0, 9])
def test_a_secret_in_the_address_is_in_no_error_nor_in_what_led_to_it(heard: tuple[int, list[str]], port: int) -> None:
    """`requests` quotes the whole address in its errors, and tracebacks show causes."""
    transport = HttpTransport(Origin(f"http://127.0.0.1:{port or heard[0]}/"), "Test", call_seconds=5)
    with pytest.raises(PlatformError) as failed:
        transport.post("token?app_secret=canary-4711", b"", {}, write=True)
    error = failed.value
    assert isinstance(error, Unavailable if port else OutcomeUnknown)
    assert error.__cause__ is None
    assert error.__context__ is None
    assert "canary-4711" not in "".join(traceback.format_exception(error, limit=0))
