"""`python -m sandbox sap`: serves an SAP S/4HANA stand-in; tests serve one in their own process with `running_site`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from sandbox.ending import ending
from sandbox.faults import Switchboard, UnknownFault
from sandbox.http_server import NotLoopback, StandInServer
from sandbox.sap.books import Books
from sandbox.sap.demo import COMPANY_CODE, CURRENCY, ledger, load_company
from sandbox.sap.gate import Credentials, Gate
from sandbox.sap.journal import CHART
from sandbox.sap.server import SAP_FAULTS, SOAP_PATH, Behaviour, SapSite
from sandbox.serving import add_common_arguments

_CREDENTIAL_FLAGS = ("user", "password", "client_id", "client_secret")


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    control_url: str
    control_token: str
    credentials: Credentials
    site: SapSite

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            **asdict(self.credentials),
            "company_code": COMPANY_CODE,
            "currency": CURRENCY,
            "chart_of_accounts": CHART,
            "journal_path": SOAP_PATH,
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
    token_seconds: float = 3600
    empty: bool = False
    credentials: Credentials | None = None
    control_token: str = ""


@contextmanager
def running_site(options: SiteOptions | None = None) -> Iterator[RunningSite]:
    """Serve a site until the block ends. Without `db` the books live in a temporary directory."""
    options = options or SiteOptions()
    switchboard = Switchboard(SAP_FAULTS, seed=options.seed)
    for text in options.faults:
        switchboard.arm_text(text)
    with tempfile.TemporaryDirectory(prefix="sap-") as scratch:
        books = Books(options.db or str(Path(scratch) / "books.sqlite"))
        if books.empty and not options.empty:
            load_company(books)
        credentials = options.credentials or Credentials.random()
        gate = Gate(credentials, token_seconds=options.token_seconds)
        token = options.control_token or secrets.token_urlsafe(18)
        site = SapSite(books, gate, switchboard, token, ledger(), options.behaviour)
        server = StandInServer(site, options.host, options.port)
        port = server.start()
        root = f"http://{options.host}:{port}"
        try:
            yield RunningSite(root, f"{root}/control/", token, credentials, site)
        finally:
            server.stop()
            books.close()


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_common_arguments(parser, SAP_FAULTS)
    parser.add_argument("--most-rows", type=int, default=1000, help="rows of one answer before a next link is given")
    parser.add_argument("--plain-numbers", action="store_true", help="V4 decimals as JSON numbers, whatever was asked")
    parser.add_argument("--older-release", action="store_true", help="a confirmation without the newer element")
    parser.add_argument("--ignores-test", action="store_true", help="TestDataIndicator is not honoured: it books")
    parser.add_argument("--token-seconds", type=float, default=3600, help="life of an OAuth2 token")
    parser.add_argument("--empty", action="store_true", help="do not load the demo company")
    parser.add_argument("--control-token", default="")
    for name in _CREDENTIAL_FLAGS:
        parser.add_argument(f"--{name.replace('_', '-')}", default="", help="random or the demo's by default")


def main(given: argparse.Namespace) -> int:
    """Serve until a signal, or until standard input closes when asked so. 0; 2 bad option; 4 the port is not to be had."""
    stop = ending(with_stdin=given.until_stdin_closes)
    try:
        with running_site(_options(given)) as running:
            sys.stdout.write(_announce(running, as_json=given.json))
            sys.stdout.flush()
            stop.wait()
    except (UnknownFault, NotLoopback) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    except OSError as error:
        sys.stderr.write(f"cannot serve on {given.host}:{given.port}: {error}\n")
        return 4
    return 0


def _options(given: argparse.Namespace) -> SiteOptions:
    chosen = {name: getattr(given, name) for name in _CREDENTIAL_FLAGS if getattr(given, name)}
    return SiteOptions(
        host=given.host,
        port=given.port,
        db=given.db,
        faults=tuple(given.fault),
        seed=given.seed,
        behaviour=Behaviour(
            most_rows=given.most_rows,
            plain_numbers=given.plain_numbers,
            interface_name=not given.older_release,
            honours_test=not given.ignores_test,
            latency_seconds=given.latency_ms / 1000,
        ),
        token_seconds=given.token_seconds,
        empty=given.empty,
        credentials=replace(Credentials.random(), **chosen),
        control_token=given.control_token,
    )


def _announce(running: RunningSite, *, as_json: bool) -> str:
    facts = running.announcement()
    if as_json:
        return json.dumps(facts, ensure_ascii=False) + "\n"
    width = max(len(name) for name in facts)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())
