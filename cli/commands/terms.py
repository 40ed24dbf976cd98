"""Terms kept beside the ERP records: contract terms, yields, premiums, currencies, planned volumes, tags, bands."""

from __future__ import annotations

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Final

import typer

from adapters.documents.terms import read_terms
from cli.commands.brokers import content
from cli.session import AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.model.terms import TERM_KINDS, subject_of
from hedge_core.use_cases.commodity import business_today
from hedge_core.use_cases.terms import apply_template, save_terms
from messages import Message

terms_app = typer.Typer(no_args_is_help=True, help=help_text("terms"))
KindOption = Annotated[str, typer.Option("--kind", metavar="KIND", help=help_text("terms_kind"))]
FromOption = Annotated[
    datetime | None, typer.Option("--from", metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("terms_from"))
]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="REASON", help=help_text("reason"))]
IMPORTED: Final = tuple(kind for kind in TERM_KINDS if kind not in ("plan", "basis"))
"""Plans are proposed, bases are computed."""


def register(app: typer.Typer) -> None:
    app.add_typer(terms_app, name="terms")


@terms_app.command("import", help=help_text("terms_import"))
def terms_import(
    file: Annotated[Path, typer.Argument(metavar="FILE", help=help_text("files"))],
    kind: KindOption,
    since: FromOption = None,
    reason: ReasonOption = "",
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    chosen = _kind(kind, IMPORTED)
    usual = since.date() if since else business_today(session.app.clock)
    rows = read_terms(file.name, content(file), chosen, usual)
    new = save_terms(session.app.store, session.book, rows, reason, session.actor)
    session.screen.tell(Message("cli.terms_saved", {"rows": len(rows), "new": new}))


@terms_app.command("list", help=help_text("terms_list"))
def terms_list(kind: KindOption, on: FromOption = None, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    made = TERM_KINDS[_kind(kind, tuple(TERM_KINDS))]
    day = on.date() if on else business_today(session.app.clock)
    with session.app.store.read(session.book) as uow:
        found = uow.commodity.in_force(made, day)
    rows = [{"subject": subject_of(one), "terms": asdict(one)} for one in found]
    session.screen.rows("terms", ("subject", "terms"), rows)


@terms_app.command("history", help=help_text("terms_history"))
def terms_history(
    kind: KindOption,
    subject: Annotated[str, typer.Option("--subject", metavar="TEXT", help=help_text("terms_subject"))] = "",
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    made = TERM_KINDS[_kind(kind, tuple(TERM_KINDS))]
    with session.app.store.read(session.book) as uow:
        found = uow.commodity.history(made, subject or None)
    rows = [
        {"subject": one.subject, "effective_from": one.effective_from, "version": one.version,
         "made_by": one.saved_by, "reason": one.reason, "terms": asdict(one.terms)}
        for one in found
    ]  # fmt: skip
    columns = ("subject", "effective_from", "version", "made_by", "reason", "terms")
    session.screen.rows("terms", columns, rows, spare=("made_by", "reason"))


@terms_app.command("apply", help=help_text("terms_apply"))
def terms_apply(
    template: Annotated[str, typer.Argument(metavar="TEMPLATE", help=help_text("terms_template"))],
    line: Annotated[str, typer.Argument(metavar="LINE", help=help_text("pricing_line"))],
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help=help_text("instrument"))],
    since: FromOption = None,
    reason: ReasonOption = "",
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    day = since.date() if since else business_today(session.app.clock)
    apply_template(session.app.store, session.book, template, line, instrument, day, reason, session.actor)
    session.screen.tell(Message("cli.terms_saved", {"rows": 1, "new": 1}))


def _kind(kind: str, known: tuple[str, ...]) -> str:
    if kind not in known:
        message = Message("cli.terms_kind", {"kind": kind, "known": ", ".join(known)})
        raise InvalidInput("--kind", 0, "", message)
    return kind
