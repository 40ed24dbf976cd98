"""The cutting proxy: passes on what it is not told to spoil, and spoils by kind of call, count and time."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from sandbox.http_server import Answer, Request, StandInServer
from sandbox.proxy.command import running_proxy
from sandbox.proxy.relay import Relay


@contextmanager
def behind(**faults: str) -> Iterator[tuple[str, Relay, list[Request]]]:
    """A proxy in front of a server that answers every request with what it got."""
    got: list[Request] = []

    def echo(request: Request) -> Answer:
        got.append(request)
        body = json.dumps({"path": request.path, "query": request.query, "body": request.body.decode()}).encode()
        return Answer(body, 201, headers=(("X-Own", "kept"), ("Set-Cookie", "s=1")))

    server = StandInServer(echo)
    port = server.start()
    try:
        with running_proxy(f"http://127.0.0.1:{port}/base", r"/save\b|<write>", r"/login\b") as (url, relay):
            for text in faults.values():
                relay.faults.arm_text(text)
            yield url, relay, got
    finally:
        server.stop()


def test_what_is_not_spoilt_arrives_as_it_was_sent() -> None:
    with behind() as (url, relay, got):
        answer = requests.post(f"{url}/%E5%87%AD?x=1%2F2", data="正文".encode(), headers={"X-Sign": "abc"}, timeout=10)
        requests.get(f"{url}/login", timeout=10)
        requests.post(f"{url}/any", data=b"<write>", timeout=10)
    assert answer.status_code == 201
    assert answer.json() == {"path": "/base/%E5%87%AD", "query": "x=1%2F2", "body": "正文"}
    assert (answer.headers["X-Own"], answer.headers["Set-Cookie"]) == ("kept", "s=1")
    assert got[0].headers["x-sign"] == "abc"
    assert dict(relay.seen) == {"read": 1, "login": 1, "write": 1}


@pytest.mark.parametrize("fault", ["lose", "cut"])
def test_a_spoilt_write_has_happened_and_a_read_is_left_alone(fault: str) -> None:
    with behind(fault=f"{fault}=1x@writes") as (url, _, got):
        assert requests.get(f"{url}/list", timeout=10).status_code == 201
        with pytest.raises(requests.RequestException):
            requests.post(f"{url}/save", data=b"x", timeout=10)
        assert [one.path for one in got] == ["/base/list", "/base/save"]
        assert requests.post(f"{url}/save", data=b"x", timeout=10).status_code == 201


def test_what_is_refused_or_dropped_never_reaches_the_system() -> None:
    with behind(first="refuse=1x@reads", second="drop=1x@writes") as (url, _, got):
        refused = requests.get(f"{url}/list", timeout=10)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "1")
        with pytest.raises(requests.RequestException):
            requests.post(f"{url}/save", data=b"x", timeout=10)
        assert got == []


def test_a_stalled_answer_stops_in_the_middle() -> None:
    with behind(fault="stall=1x@reads:30") as (url, _, _got), pytest.raises(requests.exceptions.RequestException):
        requests.get(f"{url}/list", timeout=0.5)


def test_a_system_that_is_not_there_looks_like_a_lost_connection() -> None:
    with running_proxy("http://127.0.0.1:9/") as (url, _), pytest.raises(requests.RequestException):
        requests.get(url, timeout=10)


def test_it_starts_by_itself_and_ends_with_its_input() -> None:
    command = [
        sys.executable,
        "-m",
        "sandbox",
        "proxy",
        "--to",
        "http://127.0.0.1:9/x",
        "--json",
        "--until-stdin-closes",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None and process.stdin is not None
        told = json.loads(process.stdout.readline())
        assert told["url"].startswith("http://127.0.0.1:") and told["url"].endswith("/x")
        process.stdin.close()
        assert process.wait(20) == 0
