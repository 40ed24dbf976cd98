"""Money movements of broker accounts: what each is, which wait for a person, and what the bank shows."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from adapters.documents.bank_transfers import read_bank_transfers
from cli.commands.brokers import content
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, FilesArgument, JsonOption, Session, help_text
from hedge_core.cash_kinds import MovementKind
from hedge_core.use_cases.movements import classify, import_bank_transfers, movements
from messages import Message

movement_app = typer.Typer(no_args_is_help=True, help=help_text("movement"))

COLUMNS = ("movement", "account", "currency", "day", "date", "amount", "word", "note", "kind")


def register(app: typer.Typer) -> None:
    app.add_typer(movement_app, name="movement")


@movement_app.command("list", help=help_text("movement_list"))
def movement_list(
    unknown: Annotated[bool, typer.Option("--unknown", help=help_text("movement_unknown"))] = False,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        found = movements(uow)
    waiting = [one for one in found if one.kind is None]
    rows = [
        {"movement": one.movement_id, "account": one.account, "currency": one.currency, "day": one.trading_day,
         "date": one.moved_on, "amount": one.amount, "word": one.word, "note": one.note,
         "kind": Word(one.kind.value) if one.kind else None}
        for one in (waiting if unknown else found)
    ]  # fmt: skip
    session.screen.rows("movements", COLUMNS, rows)
    if waiting:
        session.screen.tell(Message("movement.waiting", {"count": len(waiting)}), "yellow")
    session.end(PERSON_NEEDED if waiting else OK)


@movement_app.command("classify", help=help_text("movement_classify"))
def movement_classify(
    movement: Annotated[str, typer.Argument(metavar="MOVEMENT", help=help_text("movement_id"))],
    kind: Annotated[MovementKind, typer.Option("--kind", help=help_text("movement_kind"))],
    by_note: Annotated[bool, typer.Option("--by-note", help=help_text("movement_by_note"))] = False,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    word, count = classify(session.app.store, session.book, movement, kind, session.actor, by_note=by_note)
    session.screen.tell(Message("movement.known", {"word": word, "kind": kind.value, "count": count}))


@movement_app.command("bank", help=help_text("movement_bank"))
def movement_bank(files: FilesArgument, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    store, here = session.app.store, session.book

    def take(path: Path) -> None:
        transfers = read_bank_transfers(path.name, content(path))
        new = import_bank_transfers(store, here, transfers, path.name, session.actor)
        session.screen.tell(Message("movement.bank_imported", {"count": new}))

    session.end(session.each_file(files, take))
