"""Records of the ERP: pull them, see what waits in quarantine, map it again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from enum import StrEnum
from functools import partial
from typing import Annotated, Any, Final

import typer

from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, help_text
from hedge_core.errors import PlatformError
from hedge_core.model.identity import BookId
from hedge_core.model.physical import MasterKind
from hedge_core.model.records import PullScope
from hedge_core.ports.storage import QuarantineEntry
from hedge_core.use_cases.pull import PullResult, pull_contracts, pull_inventory, pull_masters, retry_quarantine
from mapping import SpecFormat, load_spec
from messages import Message
from worker.brokers import is_broker

quarantine_app = typer.Typer(no_args_is_help=True, help=help_text("quarantine"))


DOCUMENT_TARGETS: Final = (("contract_no", "line_no"), ("material", "lot_no"), ("code",))
"""The target fields by which a person knows a record, the first that is there."""


class What(StrEnum):
    """What to pull."""

    ALL = "all"
    CONTRACTS = "contracts"
    INVENTORY = "inventory"
    MASTERS = "masters"


def register(app: typer.Typer) -> None:
    app.command("sync", help=help_text("sync"))(sync)
    app.add_typer(quarantine_app, name="quarantine")


def sync(
    connection: Annotated[str, typer.Argument(metavar="[CONNECTION]", help=help_text("sync_connection"))] = "",
    what: Annotated[What, typer.Option("--what", help=help_text("sync_what"))] = What.ALL,
    scope: Annotated[PullScope, typer.Option("--scope", help=help_text("sync_scope"))] = PullScope.CHANGED,
    accept_removals: Annotated[bool, typer.Option("--accept-removals", help=help_text("accept_removals"))] = False,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    here = session.book
    results: list[PullResult] = []
    for name in [connection] if connection else connections_of(session, here):
        results += pull(session, here, name, what, scope, accept_removals)
    if not results:
        session.screen.tell(Message("cli.no_connections"), "red")
        session.end(PERSON_NEEDED)
    rows = [
        {"what": Word(r.kind.replace(" ", "_")), "read": r.read, "stored": r.stored, "unchanged": r.unchanged,
         "quarantined": r.quarantined, "gone": r.gone}
        for r in results
    ]  # fmt: skip
    session.screen.rows("sync", ("what", "read", "stored", "unchanged", "quarantined", "gone"), rows)
    session.end(PERSON_NEEDED if any(r.quarantined for r in results) else OK)


def connections_of(session: Session, book: BookId) -> list[str]:
    """Names of the book's connections to ERPs; brokers have records of their own (`broker pull`)."""
    with session.app.store.read(book) as uow:
        return [connection.name for connection in uow.connections() if not is_broker(connection.system)]


def pull(
    session: Session, book: BookId, name: str, what: What, scope: PullScope, accept_removals: bool = False
) -> list[PullResult]:
    """Pull from one connection with a progress bar; one result per kind of record."""
    app = session.app
    adapter = app.erp(book, name)
    results = []
    common = (app.store, book, name, adapter, session.actor, app.clock)
    with session.screen.progress() as bar:
        if what in (What.ALL, What.MASTERS):
            results += [pull_masters(*common, kind) for kind in MasterKind]

        def task(kind: str) -> Callable[[int], None]:
            label = session.screen.text(Message(f"cli.pulling_{kind}", {"connection": name}))
            return partial(bar.advance, bar.add_task(label, total=None))

        if what in (What.ALL, What.CONTRACTS):
            results.append(pull_contracts(*common, scope, task("contracts"), accept_removals))
        if what in (What.ALL, What.INVENTORY):
            results.append(pull_inventory(*common, task("inventory"), accept_removals))
    return results


@quarantine_app.command("list", help=help_text("quarantine_list"))
def quarantine_list(
    each: Annotated[bool, typer.Option("--each", help=help_text("quarantine_each"))] = False,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    here = session.book
    with session.app.store.read(here) as uow:
        entries = uow.records.quarantine()
    name = document_names(session, here, {entry.ref.connection for entry in entries})
    rows = [
        {"record": str(e.ref), "document": name(e), "rule": e.reason.rule, "field": e.reason.column,
         "value": e.reason.value, "reason": e.reason.reason, "since": e.since}
        for e in entries
    ]  # fmt: skip
    if each or as_json:
        columns = ("record", "document", "rule", "field", "value", "reason", "since")
        session.screen.rows("quarantine", columns, rows, spare=("record", "rule", "since"))
    else:
        session.screen.rows("quarantine", ("records", "document", "field", "value", "reason"), _summed(rows))
    session.end(PERSON_NEEDED if entries else OK)


def _summed(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each thing a steward has to mend, the most frequent first, with the first document it keeps back."""
    sums: dict[tuple[str, str], dict[str, Any]] = {}
    for row in rows:
        found = sums.setdefault((row["field"], str(row["reason"])), {**row, "records": 0})
        found["records"] += 1
    return sorted(sums.values(), key=lambda row: -row["records"])


def document_names(session: Session, book: BookId, connections: Iterable[str]) -> Callable[[QuarantineEntry], str]:
    """What a person would look for in the ERP: number and line of the document, else the material, as the live specs
    read them. Nothing where the connection cannot be used or the fields are empty."""
    readers: dict[str, Callable[[QuarantineEntry], str]] = {}
    for name in connections:
        with suppress(PlatformError):
            readers[name] = _document_reader(session, book, name)
    return lambda entry: readers[entry.ref.connection](entry) if entry.ref.connection in readers else ""


def _document_reader(session: Session, book: BookId, name: str) -> Callable[[QuarantineEntry], str]:
    adapter = session.app.erp(book, name)
    bodies = session.app.spec_bodies(book, session.app.connection(book, name))
    sources = {
        kind: {row.target: row.source for row in load_spec(body, SpecFormat.YAML, kind).rows}
        for kind, body in bodies.items()
    }

    def read(entry: QuarantineEntry) -> str:
        own = sources.get(entry.ref.kind, {})
        fields = adapter.raw_fields(entry.raw)
        parts = [[str(fields.get(own.get(target, ""), "") or "") for target in names] for names in DOCUMENT_TARGETS]
        return next(("/".join(filter(None, part)) for part in parts if part[0]), "")

    return read


@quarantine_app.command("retry", help=help_text("quarantine_retry"))
def quarantine_retry(book: BookOption = "", who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, who, as_json)
    here = session.book
    rows = []
    for name in connections_of(session, here):
        r = retry_quarantine(session.app.store, here, name, session.app.erp(here, name), session.actor)
        rows.append({"connection": name, "read": r.read, "stored": r.stored, "quarantined": r.quarantined})
    session.screen.rows("quarantine_retry", ("connection", "read", "stored", "quarantined"), rows)
    session.end(PERSON_NEEDED if any(row["quarantined"] for row in rows) else OK)
