"""Watched folders, the statement template, and the trading calendar's own dates."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.broker.generic_statement import write_template
from adapters.reference import read_calendar
from cli.commands.brokers import content, statement_app
from cli.ending import Ending
from cli.screen import Word
from cli.session import INPUT_REFUSED, OK, AsOption, BookOption, JsonOption, Session, calendar_day, help_text, language
from hedge_core.errors import InvalidInput
from messages import Message
from worker.bootstrap import CALENDAR_DOCUMENT
from worker.statement_inbox import look_once, statement_folders

inbox_app = typer.Typer(no_args_is_help=True, help=help_text("inbox"))
calendar_app = typer.Typer(no_args_is_help=True, help=help_text("calendar"))

Folders = Annotated[list[Path], typer.Option("--folder", metavar="FOLDER", help=help_text("inbox_folder"))]
TEMPLATES = ("csv", "xlsx")


def register(app: typer.Typer) -> None:
    app.add_typer(inbox_app, name="inbox")
    app.add_typer(calendar_app, name="calendar")


@inbox_app.command("run", help=help_text("inbox_run"))
def inbox_run(
    folder: Folders = [],  # noqa: B006
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    session.end(_look(session, _folders(session, folder))[0])


@statement_app.command("watch", help=help_text("statement_watch"))
def statement_watch(
    folder: Folders = [],  # noqa: B006
    every: Annotated[float, typer.Option("--every", min=0.1, help=help_text("watch_every"))] = 10,
    until_idle: Annotated[bool, typer.Option("--until-idle", help=help_text("watch_until_idle"))] = False,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    folders = _folders(session, folder)
    ending = Ending()
    session.screen.tell(Message("inbox.watching", {"folders": ", ".join(str(path) for path in folders)}))
    code, looks = OK, 0
    while True:
        found, waiting = _look(session, folders, quiet=True)
        code, looks = found or code, looks + 1
        if (until_idle and looks > 1 and not waiting) or ending.wait(every):
            break
    session.end(code if until_idle else OK)


def _folders(session: Session, named: Sequence[Path]) -> list[Path]:
    found = list(named) or statement_folders(session.app, session.book)
    if not found:
        raise InvalidInput("--folder", 0, "", Message("inbox.no_folder"))
    return found


def _look(session: Session, folders: Sequence[Path], *, quiet: bool = False) -> tuple[int, int]:
    """One look, told on the screen: the exit code, and how many files still wait."""
    taken, waiting = look_once(session.app, session.book, session.actor, folders)
    rows = [{"file": one.name, "state": Word(one.state), "finding": one.message} for one in taken]
    if rows or (session.as_json and not quiet):
        session.screen.rows("inbox", ("file", "state", "finding"), rows)
    if not quiet:
        session.screen.tell(Message("inbox.looked", {"taken": len(taken), "waiting": len(waiting)}))
    refused = any(one.state == "refused" for one in taken)
    return INPUT_REFUSED if refused else OK, len(waiting)


@statement_app.command("template", help=help_text("statement_template"))
def statement_template(
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help=help_text("template_to"))] = Path("statement.xlsx"),
) -> None:
    session = Session()
    kind = to.suffix.removeprefix(".").lower()
    if kind not in TEMPLATES:
        raise InvalidInput("--to", 0, "", Message("inbox.template_kind", {"path": to}))
    if to.exists():
        raise InvalidInput("--to", 0, "", Message("inbox.template_there", {"path": to}))
    try:
        to.write_bytes(write_template(kind, language()))
    except OSError as error:
        raise InvalidInput(str(to), 0, "", Message("cli.cannot_write", {"reason": error.strerror})) from None
    session.screen.tell(Message("inbox.template", {"path": to}))


@calendar_app.command("import", help=help_text("calendar_import"))
def calendar_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=help_text("calendar_file"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    body = content(file)
    read_calendar(file.name, body)
    with session.app.store.begin(session.book, session.actor) as uow:
        version = uow.save_document(CALENDAR_DOCUMENT, "overrides", body)
        uow.audit.append("calendar.imported", file.name, {"version": version})
    count = sum(bool(line.strip()) for line in body.decode("utf-8-sig").splitlines()[1:])
    session.screen.tell(Message("calendar.imported", {"count": count}))


@calendar_app.command("show", help=help_text("calendar_show"))
def calendar_show(
    day: Annotated[datetime, typer.Argument(metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("day"))],
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    calendar, on = session.app.calendar(session.book), day.date()
    session.screen.record(
        "calendar",
        {"day": on, "trading_day": calendar.is_trading_day(on), "night_session": calendar.has_night_session(on),
         "previous_day": calendar.previous_day(on), "next_day": calendar.next_day(on)},
    )  # fmt: skip
    if not calendar.knows(on):
        session.screen.tell(Message("calendar.unknown_year", {"year": on.year}), "yellow")
