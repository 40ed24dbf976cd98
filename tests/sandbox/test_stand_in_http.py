"""The HTTP server under every stand-in: keep-alive, bounds, loopback only."""

from __future__ import annotations

import socket
from collections.abc import Iterator

import pytest
import requests

from sandbox.http_server import LARGEST_BODY, Answer, NotLoopback, Request, StandInServer


@pytest.fixture
def echo() -> Iterator[str]:
    """A server that answers the method, the path and the size of the body."""

    def application(request: Request) -> Answer:
        return Answer(f"{request.method} {request.path} {len(request.body)}".encode())

    server = StandInServer(application)
    port = server.start()
    yield f"http://127.0.0.1:{port}"
    server.stop()


def _raw(url: str, text: bytes) -> bytes:
    host, port = url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=9) as connection:
        connection.sendall(text)
        return connection.recv(65536)


def test_one_connection_serves_many_requests(echo):
    host, port = echo.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=9) as connection, connection.makefile("rb") as answers:
        for size in (0, 3, 70_000):
            connection.sendall(b"POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n" % size + b"x" * size)
            assert answers.readline() == b"HTTP/1.1 200 OK\r\n"
            length = 0
            while (line := answers.readline()) != b"\r\n":
                if line.lower().startswith(b"content-length:"):
                    length = int(line.split(b":")[1])
            assert answers.read(length) == b"POST /a %d" % size


def test_a_body_over_the_bound_is_refused_before_it_is_read(echo):
    head = f"POST / HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGEST_BODY + 1}\r\n\r\n".encode()
    assert _raw(echo, head).startswith(b"HTTP/1.1 413")


@pytest.mark.parametrize(
    "length", [b"", b"Content-Length: many\r\n", b"Content-Length: -5\r\n", b"Transfer-Encoding: chunked\r\n"]
)
def test_a_body_without_a_length_is_refused(echo, length):
    assert _raw(echo, b"POST / HTTP/1.1\r\nHost: x\r\n" + length + b"\r\n").startswith(b"HTTP/1.1 411")


def test_the_query_is_not_part_of_the_path(echo):
    assert requests.get(echo + "/a/b?c=d", timeout=9).text == "GET /a/b 0"


@pytest.mark.parametrize("host", ["0.0.0.0", "192.0.2.1", "example.com", "::"])  # noqa: S104
def test_only_loopback_is_served(host):
    with pytest.raises(NotLoopback):
        StandInServer(lambda request: Answer(b""), host=host).start()
