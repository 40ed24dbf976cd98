"""`python -m sandbox odoo`: serves an Odoo stand-in; tests serve one in their own process with `running_site`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path

from sandbox.ending import ending
from sandbox.faults import Switchboard, UnknownFault
from sandbox.http_server import NotLoopback, StandInServer
from sandbox.odoo.books import Books
from sandbox.odoo.demo import JOURNAL, OURS, load_company, register_users
from sandbox.odoo.gate import Credentials, Gate
from sandbox.odoo.schema import Release
from sandbox.odoo.server import ODOO_FAULTS, OdooSite
from sandbox.serving import add_common_arguments


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    control_url: str
    control_token: str
    credentials: Credentials
    site: OdooSite

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            **asdict(self.credentials),
            "series": self.site.books.release.series,
            "company_id": OURS,
            "journal": JOURNAL,
            "addon": self.site.books.release.addon,
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
    series: int = 19
    addon: bool = False
    custom_fields: bool = True
    faults: tuple[str, ...] = ()
    seed: int = 0
    latency_seconds: float = 0.0
    credentials: Credentials | None = None
    control_token: str = ""


@contextmanager
def running_site(options: SiteOptions | None = None) -> Iterator[RunningSite]:
    """Serve a site until the block ends. Without `db` the books live in a temporary directory."""
    options = options or SiteOptions()
    switchboard = Switchboard(ODOO_FAULTS, seed=options.seed)
    for text in options.faults:
        switchboard.arm_text(text)
    release = Release(options.series, options.custom_fields, options.addon)
    with tempfile.TemporaryDirectory(prefix="odoo-") as scratch:
        books = Books(options.db or str(Path(scratch) / "books.sqlite"), release)
        if books.empty:
            load_company(books)
        credentials = options.credentials or Credentials.random()
        register_users(books, credentials)
        gate = Gate(books, credentials)
        token = options.control_token or secrets.token_urlsafe(18)
        site = OdooSite(books, gate, switchboard, token, options.latency_seconds)
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
    add_common_arguments(parser, ODOO_FAULTS)
    parser.add_argument("--series", type=int, default=19, choices=range(14, 20), help="which release to be")
    parser.add_argument("--addon", action="store_true", help="with the module hedge_bridge installed")
    parser.add_argument("--no-custom-fields", action="store_true", help="a site without the x_hb_ fields")
    parser.add_argument("--control-token", default="")
    for name in ("database", "user", "password", "api_key"):
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
    names = ("database", "user", "password", "api_key")
    chosen = {name: getattr(given, name) for name in names if getattr(given, name)}
    return SiteOptions(
        host=given.host,
        port=given.port,
        db=given.db,
        series=given.series,
        addon=given.addon,
        custom_fields=not given.no_custom_fields,
        faults=tuple(given.fault),
        seed=given.seed,
        latency_seconds=given.latency_ms / 1000,
        credentials=replace(Credentials.random(), **chosen),
        control_token=given.control_token,
    )


def _announce(running: RunningSite, *, as_json: bool) -> str:
    facts = running.announcement()
    if as_json:
        return json.dumps(facts, ensure_ascii=False) + "\n"
    width = max(len(name) for name in facts)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())
