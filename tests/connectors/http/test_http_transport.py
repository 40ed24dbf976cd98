"""The transport: every call ends at its deadline, says whether anything was sent, and stays at its origin."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from connectors.http import HttpTransport, Origin
from connectors.http import transport as transport_module
from hedge_core.errors import OutcomeUnknown, PlatformError, RateLimited, Unavailable
from tests.support.tls import self_signed

Talk = Callable[[socket.socket, threading.Event], None]
FAR_AWAY = 60.0
"""Seconds a bad server would go on; a call that is done long before ended by itself."""


@contextmanager
def server(talk: Talk, tls: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server on a free port that speaks bytes of our choice to one connection after the other."""
    over = threading.Event()
    listening = socket.create_server(("127.0.0.1", 0))

    def converse(connection: socket.socket) -> None:
        with suppress(OSError), connection:
            talk(tls.wrap_socket(connection, server_side=True) if tls else connection, over)

    def accept() -> None:
        while True:
            try:
                connection, _ = listening.accept()
            except OSError:
                return
            threading.Thread(target=converse, args=(connection,), daemon=True).start()

    threading.Thread(target=accept, daemon=True).start()
    try:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{listening.getsockname()[1]}/base/"
    finally:
        over.set()
        listening.shutdown(socket.SHUT_RDWR)
        listening.close()


def read_request(connection: socket.socket) -> bytes:
    """The whole request, body included: closing a connection with unread bytes resets it and can lose the answer."""
    with connection.makefile("rb") as stream:
        head = b""
        while not head.endswith(b"\r\n\r\n"):
            line = stream.readline()
            if not line:
                return head
            head += line
        sizes = [
            int(line.partition(b":")[2]) for line in head.splitlines() if line.lower().startswith(b"content-length:")
        ]
        return head + stream.read(sum(sizes))


def answering(answer: bytes) -> Talk:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(answer)

    return talk


def http_answer(status: str, *headers: str, body: bytes = b"{}") -> bytes:
    head = "".join(f"{line}\r\n" for line in (f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers))
    return head.encode() + b"\r\n" + body


def dripping(first: bytes, drip: bytes) -> Talk:
    """Sends something, then a little every moment: each single read is fast, the whole never ends."""

    def talk(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(first)
        until = time.monotonic() + FAR_AWAY
        while time.monotonic() < until and not over.wait(0.02):
            connection.sendall(drip)

    return talk


def silent(first: bytes) -> Talk:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        read_request(connection)
        connection.sendall(first)
        over.wait(FAR_AWAY)

    return talk


def transport(url: str, **options: object) -> HttpTransport:
    return HttpTransport(Origin(url), "Test", **options)  # type: ignore[arg-type]


def failure(url: str, *, write: bool, seconds: float = 0.3, **options: object) -> PlatformError:
    with pytest.raises(PlatformError) as raised:
        transport(url, **options).post("path", b"{}", {}, write=write, call_seconds=seconds)
    return raised.value


ENDLESS = {
    "headers that drip": dripping(b"HTTP/1.1 200 OK\r\n", b"X-More: 1\r\n"),
    "a header line that drips": dripping(b"HTTP/1.1 200 OK\r\nX-Long: ", b"a"),
    "a body that drips": dripping(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n", b" "),
    "chunks that drip": dripping(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", b"1\r\n \r\n"),
    "a body without an end": dripping(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n", b" "),
    "silence before the headers": silent(b""),
    "silence inside the headers": silent(b"HTTP/1.1 200 OK\r\nContent-"),
    "silence inside the body": silent(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"),
}


@pytest.mark.parametrize("talk", ENDLESS.values(), ids=ENDLESS)
@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
def test_a_call_ends_at_its_deadline_however_the_server_spins_it_out(talk: Talk, write: bool) -> None:
    started = time.monotonic()
    with server(talk) as url:
        error = failure(url, write=write)
    assert isinstance(error, OutcomeUnknown if write else Unavailable)
    assert time.monotonic() - started < FAR_AWAY / 2


def test_a_tls_handshake_that_drips_ends_at_the_deadline_and_nothing_was_sent() -> None:
    def talk(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(b"\x16\x03\x03\x3f\xff")  # a record of 16 kB, byte by byte
        until = time.monotonic() + FAR_AWAY
        while time.monotonic() < until and not over.wait(0.02):
            connection.sendall(b"\x02")

    started = time.monotonic()
    with server(talk) as url:
        error = failure(url.replace("http:", "https:"), write=True)
    assert isinstance(error, Unavailable)
    assert time.monotonic() - started < FAR_AWAY / 2


@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
def test_nobody_listening_is_proof_that_nothing_was_sent(write: bool) -> None:
    with socket.create_server(("127.0.0.1", 0)) as once:
        port = once.getsockname()[1]
    error = failure(f"http://127.0.0.1:{port}/", write=write)
    assert isinstance(error, Unavailable)
    assert "before anything was sent" in error.reason


def test_an_unknown_host_is_proof_that_nothing_was_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    error = failure("https://erp.example.com/k3cloud/", write=True)
    assert isinstance(error, Unavailable)
    assert "before anything was sent" in error.reason


def test_an_unverified_certificate_is_proof_that_nothing_was_sent_and_cannot_be_ignored(tmp_path: Path) -> None:
    seen: list[bytes] = []

    def talk(connection: socket.socket, over: threading.Event) -> None:
        seen.append(read_request(connection))
        connection.sendall(http_answer("200 OK"))

    context, certificate = self_signed(tmp_path)
    with server(talk, context) as url:
        error = failure(url, write=True, seconds=10)
        assert isinstance(error, Unavailable)
        assert seen == []
        trusting = transport(url, ca_file=str(certificate))
        assert trusting.post("path", b"{}", {}, write=True).body == b"{}"
    assert seen[0].startswith(b"POST /base/path HTTP/1.1")


@pytest.mark.parametrize("write", [True, False], ids=["write", "read"])
@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}",
        b"nonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}",
        http_answer("500 Internal Server Error"),
        http_answer("503 Service Unavailable", "Retry-After: 5"),
        http_answer("302 Found", "Location: https://elsewhere.example.com/"),
    ],
    ids=["nothing", "short body", "short chunk", "not HTTP", "not gzip", "500", "503", "redirect"],
)
def test_an_unusable_answer_is_unknown_after_a_write_and_unavailable_after_a_read(answer: bytes, write: bool) -> None:
    with server(answering(answer)) as url:
        error = failure(url, write=write, seconds=10)
    assert type(error) is (OutcomeUnknown if write else Unavailable)


def test_a_redirect_is_not_followed_and_no_header_leaves_the_origin() -> None:
    visitors: list[bytes] = []

    def elsewhere(connection: socket.socket, over: threading.Event) -> None:
        visitors.append(read_request(connection))
        connection.sendall(http_answer("200 OK"))

    with (
        server(elsewhere) as other,
        server(answering(http_answer("307 Moved", f"Location: {other}"))) as url,
        pytest.raises(Unavailable, match="redirect"),
    ):
        transport(url).get("path", {"X-Secret": "s"})
    assert visitors == []


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("Retry-After: 7", 7),
        ("Retry-After: 0", 1),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT", 30),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nDate: Wed, 21 Oct 2026 07:26:30 GMT", 90),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00 GMT\r\nDate: Wed, 21 Oct 2026 07:30:00 GMT", 1),
        ("Retry-After: Wed, 21 Oct 2026 07:28:00\r\nDate: Wed, 21 Oct 2026 07:30:00 GMT", 30),
        ("Retry-After: \u00b2", 30),
        ("Retry-After: " + "9" * 5000, 3600),
        ("X-Nothing: 1", 30),
    ],
)
def test_429_is_rate_limited_with_a_sensible_wait(header: str, seconds: int) -> None:
    answer = http_answer("429 Too Many Requests").replace(b"\r\n\r\n", b"\r\n" + header.encode("latin-1") + b"\r\n\r\n")
    with server(answering(answer)) as url:
        error = failure(url, write=True, seconds=10)
    assert isinstance(error, RateLimited)
    assert error.retry_after == seconds


def test_an_answer_beyond_the_size_limit_is_not_read_to_its_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(transport_module, "MAX_BODY", 1000)
    with server(answering(http_answer("200 OK", body=b" " * 1000))) as url:
        assert len(transport(url).get("path", {}).body) == 1000
    with server(answering(http_answer("200 OK", body=b" " * 1001))) as url:
        error = failure(url, write=False, seconds=10)
    assert isinstance(error, Unavailable)
    assert "AnswerTooLarge" in error.reason


def test_statuses_that_a_protocol_reads_itself_are_answered() -> None:
    with server(answering(http_answer("519 Expired", body=b'{"errcode":4006}'))) as url:
        assert transport(url).post("path", b"", {}, write=True).status == 519
        error = failure(url, write=True, seconds=10, answered_statuses=frozenset())
        assert isinstance(error, OutcomeUnknown)
    for status in (400, 401, 403, 404, 422):
        with server(answering(http_answer(f"{status} No"))) as url:
            assert transport(url).post("path", b"", {}, write=True).status == status


def test_a_kept_connection_serves_the_next_call_and_its_deadline_too() -> None:
    connections: list[socket.socket] = []

    def talk(connection: socket.socket, over: threading.Event) -> None:
        connections.append(connection)
        while read_request(connection):
            connection.sendall(http_answer("200 OK"))
            if len(connections) == 1 and connection.recv(1, socket.MSG_PEEK):
                read_request(connection)
                over.wait(FAR_AWAY)

    with server(talk) as url:
        calls = transport(url)
        assert calls.get("one", {}).status == 200
        with pytest.raises(Unavailable):
            calls.get("two", {}, call_seconds=0.3)
        assert len(connections) == 1
        assert calls.get("three", {}).status == 200
        assert len(connections) == 2


def test_cookies_of_the_other_side_are_not_kept() -> None:
    requests: list[bytes] = []

    def talk(connection: socket.socket, over: threading.Event) -> None:
        for _ in range(2):
            requests.append(read_request(connection))
            connection.sendall(http_answer("200 OK", "Set-Cookie: session=abc; path=/"))

    with server(talk) as url:
        calls = transport(url)
        calls.get("one", {})
        calls.get("two", {})
    assert b"session=abc" not in requests[1]


@pytest.mark.parametrize(
    "url",
    [
        "ftp://erp.example.com/",
        "erp.example.com",
        "https://",
        "https://user:word@erp.example.com/",
        "http://erp.example.com/",
        "http://203.0.113.7/",
        "https://erp.example.com/k3cloud/?x=1",
        "https://erp.example.com/#part",
        "https://10.1.2.3/",
        "https://192.168.1.2/k3cloud/",
        "https://169.254.169.254/latest/",
        "https://[fd00::1]/",
    ],
)
def test_an_address_that_is_not_safe_to_call_is_refused(url: str) -> None:
    with pytest.raises(ValueError):
        transport(url)


@pytest.mark.parametrize("url", ["https://10.1.2.3/", "https://[fd00::1]/"])
def test_a_private_address_is_called_where_it_is_allowed(url: str) -> None:
    Origin(url, allow_private=True).check()


def test_the_path_stays_below_the_origin() -> None:
    origin = Origin("https://erp.example.com/k3cloud")
    assert origin.join("a.kdsvc") == "https://erp.example.com/k3cloud/a.kdsvc"
    assert origin.join("//evil.example.net/x") == "https://erp.example.com/k3cloud/evil.example.net/x"
    assert origin.join("@evil.example.net") == "https://erp.example.com/k3cloud/@evil.example.net"


def test_the_environments_proxy_and_netrc_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9/")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9/")
    monkeypatch.delenv("no_proxy", raising=False)
    with server(answering(http_answer("200 OK"))) as url:
        assert transport(url).get("path", {}).status == 200
