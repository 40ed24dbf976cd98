"""`python -m sandbox kingdee`: serves a Kingdee K/3 Cloud stand-in; tests serve one in their own process with `running_site`."""

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

from sandbox.company.facts import ACCOUNT_BOOK, ORG
from sandbox.ending import ending
from sandbox.faults import FAULTS, Switchboard, UnknownFault
from sandbox.http_server import NotLoopback, StandInServer
from sandbox.kingdee.books import Books
from sandbox.kingdee.demo import load_company
from sandbox.kingdee.forms import site_forms
from sandbox.kingdee.server import Behaviour, KingdeeSite
from sandbox.kingdee.sessions import Credentials, Gate
from sandbox.serving import add_common_arguments

_CREDENTIAL_FLAGS = ("acct_id", "user", "password", "app_id", "app_secret")


@dataclass(slots=True)
class RunningSite:
    """A site that is serving: where it is, how to get in, and its parts for tests in the same process."""

    url: str
    control_url: str
    control_token: str
    credentials: Credentials
    site: KingdeeSite

    def announcement(self) -> dict[str, object]:
        """What `--json` prints."""
        return {
            "url": self.url,
            **asdict(self.credentials),
            "org": ORG,
            "account_book": ACCOUNT_BOOK,
            "lcid": 2052,
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
    behaviour: Behaviour | None = None
    custom_fields: bool = True
    hedge_note_after_audit: bool = True
    empty: bool = False
    window_seconds: float = 300.0
    credentials: Credentials | None = None
    control_token: str = ""


@contextmanager
def running_site(options: SiteOptions | None = None) -> Iterator[RunningSite]:
    """Serve a site until the block ends. Without `db` the books live in a temporary directory."""
    options = options or SiteOptions()
    switchboard = Switchboard(FAULTS, seed=options.seed)
    for text in options.faults:
        switchboard.arm_text(text)
    with tempfile.TemporaryDirectory(prefix="kingdee-") as scratch:
        forms = site_forms(custom_fields=options.custom_fields, hedge_note_after_audit=options.hedge_note_after_audit)
        books = Books(options.db or str(Path(scratch) / "books.sqlite"), forms)
        if books.empty and not options.empty:
            load_company(books)
        credentials = options.credentials or Credentials.random()
        _register_users(books, credentials)
        gate = Gate(
            credentials,
            organisations=frozenset(row[0] for row in books.rows("SELECT FNumber FROM ORG_Organizations")),
            role_of=lambda user: books.one("SELECT role FROM users WHERE name = ?", (user,)),
            window=options.window_seconds,
        )
        token = options.control_token or secrets.token_urlsafe(18)
        site = KingdeeSite(books, gate, switchboard, token, options.behaviour)
        server = StandInServer(site, options.host, options.port)
        port = server.start()
        root = f"http://{options.host}:{port}"
        try:
            yield RunningSite(f"{root}/k3cloud/", f"{root}/control/", token, credentials, site)
        finally:
            server.stop()
            books.close()


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


def _register_users(books: Books, credentials: Credentials) -> None:
    with books.transaction():
        books.run("DELETE FROM users")
        for name, role in (
            (credentials.user, "clerk"),
            (credentials.maker_user, "maker"),
            (credentials.read_only_user, "reader"),
        ):
            books.run("INSERT INTO users VALUES (?, ?)", (name, role))


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The command's options."""
    add_common_arguments(parser, FAULTS)
    parser.add_argument("--max-limit", type=int, default=2000, help="most rows of one query")
    parser.add_argument("--string-flags", action="store_true", help='IsSuccess as the strings "true" and "false"')
    parser.add_argument("--plain-query-errors", action="store_true", help="query errors as {Result}, not [[{Result}]]")
    parser.add_argument("--refuse-repeats", action="store_true", help="honour ValidateRepeatJson")
    parser.add_argument("--no-custom-fields", action="store_true", help="a site without the F_HB_ fields")
    parser.add_argument("--hedge-note-locked", action="store_true", help="F_HB_Hedge cannot be edited after audit")
    parser.add_argument("--empty", action="store_true", help="do not load the demo company")
    parser.add_argument("--window-seconds", type=float, default=300.0, help="tolerance of signed timestamps")
    parser.add_argument("--control-token", default="")
    for name in _CREDENTIAL_FLAGS:
        parser.add_argument(f"--{name.replace('_', '-')}", default="", help="random by default")


def _options(given: argparse.Namespace) -> SiteOptions:
    chosen = {name: getattr(given, name) for name in _CREDENTIAL_FLAGS if getattr(given, name)}
    return SiteOptions(
        host=given.host,
        port=given.port,
        db=given.db,
        faults=tuple(given.fault),
        seed=given.seed,
        behaviour=Behaviour(
            max_limit=given.max_limit,
            string_flags=given.string_flags,
            plain_query_errors=given.plain_query_errors,
            refuse_repeats=given.refuse_repeats,
            latency_seconds=given.latency_ms / 1000,
        ),
        custom_fields=not given.no_custom_fields,
        hedge_note_after_audit=not given.hedge_note_locked,
        empty=given.empty,
        window_seconds=given.window_seconds,
        credentials=replace(Credentials.random(), **chosen),
        control_token=given.control_token,
    )


def _announce(running: RunningSite, *, as_json: bool) -> str:
    facts = running.announcement()
    if as_json:
        return json.dumps(facts, ensure_ascii=False) + "\n"
    width = max(len(name) for name in facts)
    return "".join(f"{name:<{width}}  {value}\n" for name, value in facts.items())
