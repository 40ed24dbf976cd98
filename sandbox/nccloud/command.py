"""`python -m sandbox nccloud`: serves an NC Cloud stand-in; tests serve one in their own process with `running_site`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandbox.faults import Switchboard, UnknownFault
from sandbox.http_server import NotLoopback, StandInServer
from sandbox.nccloud.books import Books
from sandbox.nccloud.demo import AUXILIARY_TYPES, BOOK, MAKER, VOUCHER_TYPE, load_company
from sandbox.nccloud.gate import Credentials, Gate
from sandbox.nccloud.server import NCCLOUD_FAULTS, Behaviour, NcCloudSite


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    control_url: str
    control_token: str
    credentials: Credentials
    site: NcCloudSite

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            **asdict(self.credentials),
            "account_book": BOOK,
            "voucher_type": VOUCHER_TYPE,
            "maker": MAKER,
            "auxiliaries": AUXILIARY_TYPES,
            "level": self.site.gate.level,
            "control_url": self.control_url,
            "control_token": self.control_token,
            "pid": os.getpid(),
        }


@dataclass(frozen=True, slots=True)
class SiteOptions:
    """What a start may choose; the defaults are the demo's."""

    host: str = "127.0.0.1"
    port: int = 0
    db: str = ""
    faults: tuple[str, ...] = ()
    seed: int = 0
    token_seconds: int = 3600
    level: str = "L0"
    behaviour: Behaviour = field(default_factory=Behaviour)


@contextmanager
def running_site(options: SiteOptions | None = None) -> Iterator[RunningSite]:
    """Serve a site until the block ends. Without `db` the books live in a temporary directory."""
    options = options or SiteOptions()
    switchboard = Switchboard(NCCLOUD_FAULTS, seed=options.seed)
    for text in options.faults:
        switchboard.arm_text(text)
    with tempfile.TemporaryDirectory(prefix="nccloud-") as scratch:
        books = Books(options.db or str(Path(scratch) / "books.sqlite"))
        if books.empty:
            load_company(books)
        credentials, token = Credentials.random(), secrets.token_urlsafe(18)
        gate = Gate(credentials, token_seconds=options.token_seconds, level=options.level)
        site = NcCloudSite(books, gate, switchboard, token, options.behaviour)
        server = StandInServer(site, options.host, options.port)
        root = f"http://{options.host}:{server.start()}"
        try:
            yield RunningSite(root, f"{root}/control/", token, credentials, site)
        finally:
            server.stop()
            books.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    parser.add_argument("--host", default="127.0.0.1", help="a loopback address")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free port")
    parser.add_argument("--db", default="", help="keep the books in this file; default: a temporary one")
    parser.add_argument(
        "--fault", action="append", default=[], metavar="NAME=RATE[@SCOPE][:SECONDS]", help=", ".join(NCCLOUD_FAULTS)
    )
    parser.add_argument("--seed", type=int, default=0, help="of the faults")
    parser.add_argument("--latency-ms", type=float, default=0.0, help="wait before every call")
    parser.add_argument("--max-rows", type=int, default=500, help="most rows of one page")
    parser.add_argument("--plain-lists", action="store_true", help="lists are plain arrays without a total")
    parser.add_argument("--calls-per-minute", type=int, default=0, help="quota of each call; 0 is none")
    parser.add_argument("--level", choices=["L0", "L1", "L2", "L3", "L4"], default="L0", help="protection of bodies")
    parser.add_argument("--json", action="store_true", help="print one line of JSON")
    parser.add_argument("--until-stdin-closes", action="store_true", help="stop when standard input ends")


def main(given: argparse.Namespace) -> int:
    """Serve until a signal, or until standard input closes when asked so. 0; 2 bad option; 4 the port is not to be had."""
    stop = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: stop.set())
    behaviour = Behaviour(
        given.max_rows,
        given.plain_lists,
        calls_per_minute=given.calls_per_minute,
        latency_seconds=given.latency_ms / 1000,
    )
    faults = tuple(given.fault)
    options = SiteOptions(given.host, given.port, given.db, faults, given.seed, level=given.level, behaviour=behaviour)
    try:
        with running_site(options) as running:
            sys.stdout.write(_announce(running, as_json=given.json))
            sys.stdout.flush()
            if given.until_stdin_closes:
                threading.Thread(target=_wait_for_stdin, args=(stop,), daemon=True).start()
            stop.wait()
    except (UnknownFault, NotLoopback) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"cannot serve on {given.host}:{given.port}: {error}\n")
        return 4
    return 0


def _announce(running: RunningSite, *, as_json: bool) -> str:
    facts = running.announcement()
    if as_json:
        return json.dumps(facts, ensure_ascii=False) + "\n"
    width = max(len(name) for name in facts)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())


def _wait_for_stdin(stop: threading.Event) -> None:
    while sys.stdin.buffer.read(4096):
        pass
    stop.set()
