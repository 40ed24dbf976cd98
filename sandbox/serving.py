"""The command line of a stand-in: options that all of them have, the line they print, and how they end."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager
from typing import Any, Protocol

from sandbox.ending import ending
from sandbox.faults import UnknownFault
from sandbox.http_server import NotLoopback


class Announced(Protocol):
    """A stand-in that is serving."""

    def announcement(self) -> dict[str, object]: ...


def add_common_arguments(parser: argparse.ArgumentParser, faults: Iterable[str]) -> None:
    """Where to serve, where the books are, what goes wrong, and what is printed."""
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--db", default="", help="keep the books in this file; default: a temporary one")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE[@SCOPE][:SECONDS]", help=", ".join(faults)
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="wait before every call")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")


def serve(given: argparse.Namespace, start: Callable[[], AbstractContextManager[Announced]]) -> int:
    """Serve until a signal, or until standard input closes when asked so. 0; 2 bad option; 4 the port is not to be had."""
    stop = ending(with_stdin=given.until_stdin_closes)
    try:
        with start() as running:
            sys.stdout.write(_announce(running.announcement(), as_json=given.json))
            sys.stdout.flush()
            stop.wait()
    except (UnknownFault, NotLoopback) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"cannot serve on {given.host}:{given.port}: {error}\n")
        return 4
    return 0


def _announce(facts: dict[str, Any], *, as_json: bool) -> str:
    if as_json:
        return json.dumps(facts, ensure_ascii=False) + "\n"
    width = max(len(name) for name in facts)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())
