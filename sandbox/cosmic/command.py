"""`python -m sandbox cosmic`: serves a Kingdee Cosmic stand-in; tests serve one in their own process with `running_site`."""

from __future__ import annotations

import argparse
import os
import secrets
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sandbox.cosmic.books import Books
from sandbox.cosmic.demo import BOOK, DIMENSIONS, ORG, VOUCHER_TYPE, load_company
from sandbox.cosmic.gate import Credentials, Gate
from sandbox.cosmic.server import COSMIC_FAULTS, Behaviour, CosmicSite
from sandbox.faults import Switchboard
from sandbox.http_server import StandInServer
from sandbox.serving import add_common_arguments, serve


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    control_url: str
    control_token: str
    credentials: Credentials
    site: CosmicSite

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            **asdict(self.credentials),
            "token_header": self.site.gate.token_header,
            "org": ORG,
            "account_book": BOOK,
            "voucher_type": VOUCHER_TYPE,
            "dimensions": DIMENSIONS,
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
    token_header: str = "accesstoken"  # noqa: S105 - the header's name
    token_seconds: int = 7200
    tokens_per_minute: int = 30
    gateway: bool = False
    behaviour: Behaviour = field(default_factory=Behaviour)
    now: Callable[[], float] = time.time


@contextmanager
def running_site(options: SiteOptions | None = None) -> Iterator[RunningSite]:
    """Serve a site until the block ends. Without `db` the books live in a temporary directory."""
    options = options or SiteOptions()
    switchboard = Switchboard(COSMIC_FAULTS, seed=options.seed)
    for text in options.faults:
        switchboard.arm_text(text)
    with tempfile.TemporaryDirectory(prefix="cosmic-") as scratch:
        books = Books(options.db or str(Path(scratch) / "books.sqlite"))
        if books.empty:
            load_company(books)
        credentials, token = Credentials.random(gateway=options.gateway), secrets.token_urlsafe(18)
        gate = Gate(
            credentials, token_header=options.token_header.lower(), token_seconds=options.token_seconds,
            tokens_per_minute=options.tokens_per_minute, now=options.now,
        )  # fmt: skip
        site = CosmicSite(books, gate, switchboard, token, options.behaviour)
        server = StandInServer(site, options.host, options.port)
        root = f"http://{options.host}:{server.start()}"
        try:
            yield RunningSite(root + options.behaviour.root, f"{root}/control/", token, credentials, site)
        finally:
            server.stop()
            books.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_common_arguments(parser, COSMIC_FAULTS)
    parser.add_argument("--root", default="", help="what stands before /kapi, for example /ierp")
    parser.add_argument("--token-header", default="accesstoken", help="header that carries the token")
    parser.add_argument("--tokens-per-minute", type=int, default=30, help="most token requests a minute; 0 is no limit")
    parser.add_argument("--gateway", action="store_true", help="demand x-acgw-identity")
    parser.add_argument("--max-rows", type=int, default=1000, help="most rows of one page; more are cut without a word")
    parser.add_argument("--filter-text", action="store_true", help="conditions stand in filter, not in data")
    parser.add_argument("--no-counts", action="store_true", help="queries do not say how many rows there are in all")


def main(given: argparse.Namespace) -> int:
    """Serve until the end; the exit codes are those of `sandbox.serving.serve`."""
    behaviour = Behaviour(
        given.root, given.max_rows, given.filter_text, not given.no_counts, given.latency_ms / 1000
    )  # fmt: skip
    options = SiteOptions(
        given.host, given.port, given.db, tuple(given.fault), given.seed, given.token_header,
        tokens_per_minute=given.tokens_per_minute, gateway=given.gateway, behaviour=behaviour,
    )  # fmt: skip
    return serve(given, lambda: running_site(options))
