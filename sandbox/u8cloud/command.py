"""`python -m sandbox u8cloud`: serves a Yonyou U8 Cloud stand-in; tests serve one in their own process with `running_site`."""

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
from sandbox.u8cloud.books import Books
from sandbox.u8cloud.demo import AUXILIARY_TYPES, BOOK, CORP, MAKER, VOUCHER_TYPE, load_company
from sandbox.u8cloud.server import U8CLOUD_FAULTS, Behaviour, Credentials, U8CloudSite


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    control_url: str
    control_token: str
    credentials: Credentials
    site: U8CloudSite

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            **asdict(self.credentials),
            "corp": CORP,
            "account_book": BOOK,
            "maker": MAKER,
            "voucher_type": VOUCHER_TYPE,
            "auxiliaries": AUXILIARY_TYPES,
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
    behaviour: Behaviour = field(default_factory=Behaviour)


@contextmanager
def running_site(options: SiteOptions | None = None) -> Iterator[RunningSite]:
    """Serve a site until the block ends. Without `db` the books live in a temporary directory."""
    options = options or SiteOptions()
    switchboard = Switchboard(U8CLOUD_FAULTS, seed=options.seed)
    for text in options.faults:
        switchboard.arm_text(text)
    with tempfile.TemporaryDirectory(prefix="u8cloud-") as scratch:
        books = Books(options.db or str(Path(scratch) / "books.sqlite"))
        if books.empty:
            load_company(books)
        credentials, token = Credentials.random(), secrets.token_urlsafe(18)
        site = U8CloudSite(books, credentials, switchboard, token, options.behaviour)
        server = StandInServer(site, options.host, options.port)
        root = f"http://{options.host}:{server.start()}"
        try:
            yield RunningSite(root, f"{root}/control/", token, credentials, site)
        finally:
            server.stop()
            books.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_common_arguments(parser, U8CLOUD_FAULTS)
    parser.add_argument("--max-rows", type=int, default=200, help="most rows of one page; more are cut without a word")
    parser.add_argument("--numbers-as-text", action="store_true", help="lists show numbers as text")
    parser.add_argument("--no-counts", action="store_true", help="lists do not say how many rows there are in all")
    parser.add_argument("--refuse-repeats", action="store_true", help="a uniquekey that succeeded is refused")


def main(given: argparse.Namespace) -> int:
    """Serve until the end; the exit codes are those of `sandbox.serving.serve`."""
    behaviour = Behaviour(
        given.max_rows, given.numbers_as_text, not given.no_counts, given.refuse_repeats, given.latency_ms / 1000
    )
    options = SiteOptions(
        given.host, given.port, given.db, tuple(given.fault), given.seed, behaviour=behaviour
    )  # fmt: skip
    return serve(given, lambda: running_site(options))
