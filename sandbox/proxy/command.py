"""`python -m sandbox proxy`: a faulty way to any system; tests open one in their own process with `running_proxy`."""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

from sandbox.ending import ending
from sandbox.faults import UnknownFault
from sandbox.http_server import NotLoopback, StandInServer
from sandbox.proxy.relay import PROXY_FAULTS, Relay

USUAL_WRITES = r"^(PUT|PATCH|MERGE|DELETE) "
"""Nothing more can be told from a method: most of these systems read by POST as well."""


@contextmanager
def running_proxy(
    target: str,
    writes: str = USUAL_WRITES,
    logins: str = "",
    *,
    port: int = 0,
    ca_file: str = "",
    faults: Sequence[str] = (),
) -> Iterator[tuple[str, Relay]]:
    """(URL to use instead of `target`, the relay) until the block ends. The path of the target stays in the URL."""
    relay = Relay(
        target,
        re.compile(writes.encode()),
        re.compile(logins.encode()) if logins else None,
        ca_file or None,
    )
    for text in faults:
        relay.faults.arm_text(text)
    server = StandInServer(relay, port=port)
    server.start()
    try:
        yield f"http://127.0.0.1:{server.port}{urlsplit(target).path}", relay
    finally:
        server.stop()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The options of `python -m sandbox proxy`."""
    parser.add_argument("--to", required=True, metavar="URL", help="the system behind")
    parser.add_argument("--port", type=int, default=0, help="loopback port; 0 takes a free one")
    parser.add_argument(
        "--writes", default=USUAL_WRITES, metavar="REGEX", help="of a write: METHOD /path, then the body"
    )
    parser.add_argument("--logins", default="", metavar="REGEX", help="of a login")
    parser.add_argument("--ca-file", default="", help="whom to trust beside the system's own authorities")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE[@SCOPE][:SECONDS]", help=", ".join(PROXY_FAULTS)
    )
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")


def main(given: argparse.Namespace) -> int:
    """Serve until a signal, or until standard input closes when asked so. 0; 2 bad option; 4 the port is not to be had."""
    stop = ending(with_stdin=given.until_stdin_closes)
    try:
        with running_proxy(
            given.to, given.writes, given.logins, port=given.port, ca_file=given.ca_file, faults=given.fault
        ) as (url, _):
            facts = {"url": url, "to": given.to, "pid": os.getpid()}
            sys.stdout.write(json.dumps(facts) + "\n" if given.json else f"{url} -> {given.to}\n")
            sys.stdout.flush()
            stop.wait()
    except (UnknownFault, NotLoopback, re.error) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"cannot serve on port {given.port}: {error}\n")
        return 4
    return 0
