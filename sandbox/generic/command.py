"""`python -m sandbox generic`: serves the invented ERP; tests serve one in their own process with `running_site`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from sandbox.ending import ending
from sandbox.faults import Switchboard, UnknownFault
from sandbox.generic.books import Books
from sandbox.generic.server import GENERIC_FAULTS, Credentials, GenericSite
from sandbox.http_server import NotLoopback, StandInServer


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    credentials: Credentials
    site: GenericSite


@contextmanager
def running_site(
    *, host: str = "127.0.0.1", port: int = 0, db: str = ":memory:", faults: Sequence[str] = (), seed: int = 0,
    most_rows: int = 100,
) -> Iterator[RunningSite]:  # fmt: skip
    """Serve a site until the block ends."""
    switchboard = Switchboard(GENERIC_FAULTS, seed=seed)
    for text in faults:
        switchboard.arm_text(text)
    credentials = Credentials("hedgebridge", *(secrets.token_urlsafe(18) for _ in range(3)))
    books = Books(db)
    site = GenericSite(books, credentials, switchboard, most_rows)
    server = StandInServer(site, host, port)
    url = f"http://{host}:{server.start()}"
    try:
        yield RunningSite(url, credentials, site)
    finally:
        server.stop()
        books.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--db", default=":memory:", help="keep the books in this file; default: in memory")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE[@SCOPE][:SECONDS]", help=", ".join(GENERIC_FAULTS)
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--most-rows", type=int, default=100, help="rows of the longest page")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")


def main(given: argparse.Namespace) -> int:
    """Serve until a signal, or until standard input closes when asked so. 0; 2 bad option; 4 the port is not to be had."""
    stop = ending(with_stdin=given.until_stdin_closes)
    try:
        with running_site(
            host=given.host,
            port=given.port,
            db=given.db,
            faults=given.fault,
            seed=given.seed,
            most_rows=given.most_rows,
        ) as running:
            facts = {"url": running.url, **asdict(running.credentials), "pid": os.getpid()}
            told = json.dumps(facts) if given.json else "\n".join(f"{name}  {value}" for name, value in facts.items())
            sys.stdout.write(told + "\n")
            sys.stdout.flush()
            stop.wait()
    except (UnknownFault, NotLoopback) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"cannot serve on {given.host}:{given.port}: {error}\n")
        return 4
    return 0
