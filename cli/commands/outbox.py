"""The outbox: what waits to be written to another system, and what a person decides about it; pausing a connection."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.commands.books import connection_app
from cli.screen import Word
from cli.session import AsOption, BookOption, JsonOption, Session, help_text
from hedge_core.errors import InvalidInput
from hedge_core.ports.storage import OutboxState
from hedge_core.use_cases import outbox
from messages import Message

outbox_app = typer.Typer(no_args_is_help=True, help=help_text("outbox"))

RowArgument = Annotated[int, typer.Argument(metavar="ROW")]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help=help_text("outbox_reason"))]
NameArgument = Annotated[str, typer.Argument(metavar="NAME")]


def register(app: typer.Typer) -> None:
    app.add_typer(outbox_app, name="outbox")


@outbox_app.command("list", help=help_text("outbox_list"))
def outbox_list(
    state: Annotated[OutboxState | None, typer.Option("--state")] = None,
    connection: Annotated[str, typer.Option("--connection")] = "",
    limit: Annotated[int, typer.Option("--limit", min=1, help=help_text("outbox_limit"))] = 1000,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        found = uow.outbox.rows(state, connection=connection, limit=limit)
    rows = [
        {"row": r.id, "connection": r.connection, "what": Word(r.kind), "subject": r.subject, "state": r.state,
         "attempts": r.attempts, "available_at": r.available_at, "found_by_lookup": r.found_by_lookup,
         "reason": r.last_error}
        for r in found
    ]  # fmt: skip
    columns = ("row", "connection", "what", "subject", "state", "attempts", "available_at", "found_by_lookup", "reason")
    session.screen.rows(
        "outbox", columns, rows, spare=("subject", "state", "attempts", "reason", "available_at", "found_by_lookup")
    )


@outbox_app.command("show", help=help_text("outbox_show"))
def outbox_show(row_id: RowArgument, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        row = uow.outbox.row(row_id)
        if row is None:
            raise InvalidInput("outbox", 0, "", Message("outbox.no_row", {"row": row_id}))
        stored = uow.results.voucher(row.subject) if row.kind == "voucher" else None
    receipt = stored.receipt if stored is not None else None
    session.screen.record(
        "outbox",
        {"row": row.id, "connection": row.connection, "what": Word(row.kind), "subject": row.subject,
         "reference": row.key, "state": row.state, "attempts": row.attempts, "unknowns": row.unknowns,
         "lost_leases": row.lost_leases, "available_at": row.available_at, "depends_on": row.depends_on,
         "queued_by": row.queued_by, "decided_by": row.decided_by, "found_by_lookup": row.found_by_lookup,
         "number": receipt.number if receipt else None, "reason": row.last_error},
    )  # fmt: skip


@outbox_app.command("retry", help=help_text("outbox_retry"))
def outbox_retry(row_id: RowArgument, reason: ReasonOption, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    app = session.app
    outbox.retry_row(app.store, session.book, row_id, reason, session.actor, app.clock)
    session.screen.tell(Message("cli.released", {"row": row_id}))


@outbox_app.command("delivered", help=help_text("outbox_delivered"))
def outbox_delivered(
    row_id: RowArgument,
    number: Annotated[str, typer.Option("--number", metavar="NUMBER", help=help_text("outbox_number"))],
    reason: ReasonOption,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    app = session.app
    outbox.deliver_by_hand(app.store, session.book, row_id, number, reason, session.actor, app.clock)
    session.screen.tell(Message("cli.delivered_by_hand", {"row": row_id, "number": number}))


@outbox_app.command("cancel", help=help_text("outbox_cancel"))
def outbox_cancel(row_id: RowArgument, reason: ReasonOption, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    app = session.app
    outbox.cancel_row(app.store, session.book, row_id, reason, session.actor, app.clock)
    session.screen.tell(Message("cli.row_cancelled", {"row": row_id}))


# --- connections ------------------------------------------------------------------------------------------------------


@connection_app.command("pause", help=help_text("connection_pause"))
def connection_pause(name: NameArgument, reason: ReasonOption, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    outbox.pause_connection(session.app.store, session.book, name, reason, session.actor)
    session.screen.tell(Message("cli.connection_paused", {"connection": name}))


@connection_app.command("resume", help=help_text("connection_resume_now"))
def connection_resume(name: NameArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    outbox.resume_connection(session.app.store, session.book, name, session.actor)
    session.screen.tell(Message("cli.connection_resumed", {"connection": name}))


@connection_app.command("remove", help=help_text("connection_remove"))
def connection_remove(name: NameArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    outbox.remove_connection(session.app.store, session.book, name, session.actor)
    session.screen.tell(Message("cli.connection_removed", {"connection": name}))
