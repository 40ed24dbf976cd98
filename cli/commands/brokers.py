"""The broker's side: opening state, daily statements, prices."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from adapters.broker.statement_files import read_any_statement
from adapters.documents import read_opening_matches
from adapters.market.price_file import read_prices
from cli.screen import Word
from cli.session import (
    OK,
    PERSON_NEEDED,
    AsOption,
    BookOption,
    FilesArgument,
    JsonOption,
    Session,
    calendar_day,
    help_text,
)
from hedge_core.errors import InvalidInput
from hedge_core.use_cases.opening_matches import import_opening_matches
from hedge_core.use_cases.statements import (
    NEEDS_ACCEPTANCE,
    NEEDS_REOPENING,
    Approval,
    ImportedStatement,
    import_opening,
    import_prices,
    import_statements,
)
from messages import Message
from worker.broker_statements import fetch_days

opening_app = typer.Typer(no_args_is_help=True, help=help_text("opening"))
statement_app = typer.Typer(no_args_is_help=True, help=help_text("statement"))
price_app = typer.Typer(no_args_is_help=True, help=help_text("price"))


PRICE_KINDS: Final = ("settlement", "close", "spot", "cost")


def register(app: typer.Typer) -> None:
    app.add_typer(opening_app, name="opening")
    app.add_typer(statement_app, name="statement")
    app.add_typer(price_app, name="price")


def content(path: Path) -> bytes:
    """A file's bytes; a sentence when it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        if isinstance(error, FileNotFoundError):
            raise InvalidInput(str(path), 0, "", Message("cli.no_file")) from None
        raise InvalidInput(str(path), 0, "", Message("cli.cannot_read", {"reason": error.strerror})) from None


@opening_app.command("import", help=help_text("opening_import"))
def opening_import(
    files: FilesArgument = [],  # noqa: B006
    matches: Annotated[list[Path], typer.Option("--matches", metavar="FILE", help=help_text("opening_matches"))] = [],  # noqa: B006
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    if not files and not matches:
        raise typer.BadParameter(session.screen.text(Message("cli.opening_what")), param_hint="FILE…")
    app, here = session.app, session.book
    rows: list[dict[str, object]] = []

    def take(path: Path) -> None:
        states = import_opening(
            app.store, here, path.name, content(path), read_any_statement, app.products, session.actor
        )
        rows.extend(
            {
                "account": state.account,
                "day": state.trading_day,
                "lots": sum(lot.lots for lot in state.lots),
                "balance": state.statement.funds.balance_cf,
            }
            for state in states
        )

    def take_matches(path: Path) -> None:
        body = content(path)
        earlier = read_opening_matches(path.name, body, app.products)
        taken = import_opening_matches(
            app.store, here, path.name, body, earlier, app.products, session.actor, app.clock
        )
        session.screen.tell(Message("cli.matches_imported", {"count": len(taken.new), "known": taken.known}))

    refused = session.each_file(files, take)
    if rows or as_json:
        session.screen.rows("opening", ("account", "day", "lots", "balance"), rows)
    session.end(session.each_file(matches, take_matches) or refused)


@statement_app.command("import", help=help_text("statement_import"))
def statement_import(
    files: FilesArgument,
    accept: Annotated[str, typer.Option("--accept", metavar="REASON", help=help_text("accept"))] = "",
    reopen: Annotated[str, typer.Option("--reopen", metavar="REASON", help=help_text("reopen"))] = "",
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help=help_text("approved_by"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    calendar = app.calendar(here)
    done: list[ImportedStatement] = []

    def take(path: Path) -> None:
        done.extend(
            import_statements(
                app.store,
                here,
                path.name,
                content(path),
                read_any_statement,
                app.products,
                session.actor,
                app.clock,
                Approval(accept, reopen, approved_by),
                calendar,
            )
        )

    refused = session.each_file(files, take)
    waits = _show_imported(session, done)
    session.end(refused or (PERSON_NEEDED if waits else OK))


@statement_app.command("fetch", help=help_text("statement_fetch"))
def statement_fetch(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=help_text("broker_connection"))],
    day: Annotated[
        datetime | None,
        typer.Argument(metavar="[YYYY-MM-DD]", parser=calendar_day, help=help_text("statement_fetch_day")),
    ] = None,
    accept: Annotated[str, typer.Option("--accept", metavar="REASON", help=help_text("accept"))] = "",
    reopen: Annotated[str, typer.Option("--reopen", metavar="REASON", help=help_text("reopen"))] = "",
    approved_by: Annotated[str, typer.Option("--approved-by", metavar="NAME", help=help_text("approved_by"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    approval = Approval(accept, reopen, approved_by)
    given = None if day is None else day.date()
    try:
        found = fetch_days(app, here, connection, session.actor, given, approval)
    finally:
        app.drop_broker(here, connection)
    waits = _show_imported(session, [one for fetched in found for one in fetched.imported])
    missing = [told for fetched in found for told in fetched.missing]
    for told in missing:
        session.screen.tell(told, "yellow")
    session.end(PERSON_NEEDED if waits or missing else OK)


def _show_imported(session: Session, done: list[ImportedStatement]) -> bool:
    """What became of each statement; whether one waits for a person."""
    as_json = session.screen.as_json
    rows = [
        {"account": d.account, "day": d.trading_day, "state": Word(d.state), "version": d.version, "fills": d.fills,
         "findings": [w.message for w in d.warnings], "changes": [c.message for c in d.changes]}
        for d in done
    ]  # fmt: skip
    columns = ("account", "day", "state", "version", "fills")
    if rows or as_json:
        session.screen.rows("statements", (*columns, "findings", "changes") if as_json else columns, rows)
    if not as_json:
        for d in done:
            for told in (*d.warnings, *d.changes):
                session.screen.tell(told.message, "yellow")
    waits = [d for d in done if d.state in (NEEDS_ACCEPTANCE, NEEDS_REOPENING)]
    for d in waits:
        session.screen.tell(Message(f"cli.{d.state}", {"account": d.account, "day": d.trading_day}), "bold yellow")
    return bool(waits)


@price_app.command("import", help=help_text("price_import"))
def price_import(
    files: FilesArgument,
    kind: Annotated[str, typer.Option("--kind", help=help_text("price_kind"))] = "settlement",
    require: Annotated[list[str], typer.Option("--require", metavar="NAME", help=help_text("price_require"))] = [],  # noqa: B006
    partial: Annotated[bool, typer.Option("--partial", help=help_text("price_partial"))] = False,
    correct: Annotated[str, typer.Option("--correct", metavar="REASON", help=help_text("price_correct"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    if kind not in PRICE_KINDS:
        raise InvalidInput("--kind", 0, "", Message("cli.price_kind", {"kind": kind}))
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    rows: list[dict[str, object]] = []

    def take(path: Path) -> None:
        prices = read_prices(path.name, content(path), kind, required=require)
        stored = import_prices(app.store, here, prices, session.actor, partial=partial, correct=correct)
        rows.append({"file": path.name, "kind": Word(kind), "prices": stored})

    refused = session.each_file(files, take)
    if rows or as_json:
        session.screen.rows("prices", ("file", "kind", "prices"), rows)
    session.end(refused)
