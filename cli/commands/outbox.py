"""The outbox: what waits to be written to another system, and what a person decides about it."""

from __future__ import annotations

from typing import Annotated

import typer

from cli.screen import Word
from cli.session import AsOption, BookOption, JsonOption, Session, help_text
from hedge_core.errors import InvalidInput
from hedge_core.ports.storage import OutboxState
from messages import Message

outbox_app = typer.Typer(no_args_is_help=True, help=help_text("outbox"))


def register(app: typer.Typer) -> None:
    app.add_typer(outbox_app, name="outbox")


@outbox_app.command("list", help=help_text("outbox_list"))
def outbox_list(
    state: Annotated[OutboxState | None, typer.Option("--state")] = None,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        found = uow.outbox.rows(state)
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


@outbox_app.command("retry", help=help_text("outbox_retry"))
def outbox_retry(
    row_id: Annotated[int, typer.Argument(metavar="ROW")],
    reason: Annotated[str, typer.Option("--reason")],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    with session.app.store.begin(session.book, session.actor) as uow:
        if uow.outbox.row(row_id) is None:
            raise InvalidInput("outbox", 0, "", Message("cli.no_row", {"row": row_id}))
        uow.outbox.release(row_id, OutboxState.PENDING, reason, session.app.clock.now())
        uow.audit.append("outbox.released", str(row_id), {"reason": reason})
    session.screen.tell(Message("cli.released", {"row": row_id}))
