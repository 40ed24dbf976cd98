"""`python -m sandbox yonbip`: serves a YonBIP stand-in; tests serve one in their own process with `running_site`."""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandbox.faults import Switchboard
from sandbox.http_server import StandInServer
from sandbox.serving import add_common_arguments, serve
from sandbox.yonbip.books import Books
from sandbox.yonbip.demo import AUXILIARY_TYPES, BOOK, UNIT_IDS, VOUCHER_TYPE, load_company
from sandbox.yonbip.gate import Credentials, Gate
from sandbox.yonbip.server import YONBIP_FAULTS, Behaviour, YonBipSite


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    control_url: str
    control_token: str
    credentials: Credentials
    site: YonBipSite

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            **asdict(self.credentials),
            "account_book": BOOK,
            "voucher_type": VOUCHER_TYPE,
            "auxiliaries": AUXILIARY_TYPES,
            "units": UNIT_IDS,
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
    token_seconds: int = 7200
    behaviour: Behaviour = field(default_factory=Behaviour)


@contextmanager
def running_site(options: SiteOptions | None = None) -> Iterator[RunningSite]:
    """Serve a site until the block ends. Without `db` the books live in a temporary directory."""
    options = options or SiteOptions()
    switchboard = Switchboard(YONBIP_FAULTS, seed=options.seed)
    for text in options.faults:
        switchboard.arm_text(text)
    with tempfile.TemporaryDirectory(prefix="yonbip-") as scratch:
        books = Books(options.db or str(Path(scratch) / "books.sqlite"))
        if books.empty:
            load_company(books)
        credentials, token = Credentials.random(), secrets.token_urlsafe(18)
        gate = Gate(credentials, token_seconds=options.token_seconds)
        site = YonBipSite(books, gate, switchboard, token, options.behaviour)
        server = StandInServer(site, options.host, options.port)
        site.root = f"http://{options.host}:{server.start()}"
        try:
            yield RunningSite(site.root, f"{site.root}/control/", token, credentials, site)
        finally:
            server.stop()
            books.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_common_arguments(parser, YONBIP_FAULTS)
    parser.add_argument("--numeric-codes", action="store_true", help="codes of the gateway are numbers")
    parser.add_argument("--max-rows", type=int, default=500, help="most rows of one page")
    parser.add_argument("--calls-per-minute", type=int, default=0, help="quota of each endpoint; 0 is none")


def main(given: argparse.Namespace) -> int:
    """Serve until the end; the exit codes are those of `sandbox.serving.serve`."""
    behaviour = Behaviour(given.numeric_codes, given.max_rows, given.calls_per_minute, given.latency_ms / 1000)
    options = SiteOptions(
        given.host, given.port, given.db, tuple(given.fault), given.seed, behaviour=behaviour
    )  # fmt: skip
    return serve(given, lambda: running_site(options))
