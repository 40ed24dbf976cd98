"""The ledger's own commands: accounting periods, trial balance with ties, and designations as records."""

from __future__ import annotations

import calendar
from datetime import date, datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.documents import read_designation
from adapters.report import designation_page
from cli.commands.mappings import designation_app
from cli.commands.vouchers import ledger_connection
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text, language
from hedge_core.errors import InvalidInput
from hedge_core.use_cases.designations import EffectivenessReport, approve_designation, effectiveness_reports
from hedge_core.use_cases.periods import close_period, open_period, period_history
from hedge_core.use_cases.trial_balance import trial_balance
from messages import Message

period_app = typer.Typer(no_args_is_help=True, help=help_text("period"))

Period = Annotated[str, typer.Argument(metavar="YYYY-MM", help=help_text("period_name"))]
Reason = Annotated[str, typer.Option("--reason", help=help_text("period_reason"))]
Through = Annotated[datetime, typer.Option("--through", parser=calendar_day, help=help_text("through"))]


def register(app: typer.Typer) -> None:
    app.add_typer(period_app, name="period")
    app.command("trial-balance", help=help_text("trial_balance"))(trial_balance_show)


# --- periods ----------------------------------------------------------------------------------------------------------


@period_app.command("close", help=help_text("period_close"))
def period_close(period: Period, reason: Reason = "", book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    close_period(session.app.store, session.book, period, reason, session.actor)
    session.screen.tell(Message("cli.period_closed", {"period": period}))


@period_app.command("open", help=help_text("period_open"))
def period_open(
    period: Period,
    reason: Reason,
    approved_by: Annotated[str, typer.Option("--approved-by", help=help_text("period_approved_by"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    open_period(session.app.store, session.book, period, reason, approved_by, session.actor)
    session.screen.tell(Message("cli.period_opened", {"period": period}))


@period_app.command("list", help=help_text("period_list"))
def period_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    rows = [
        {"period": change.period, "state": Word("closed" if change.closed else "open"), "reason": change.reason,
         "actor": change.actor, "approved_by": change.approved_by or None, "at": change.at}
        for change in period_history(session.app.store, session.book)
    ]  # fmt: skip
    session.screen.rows("periods", ("period", "state", "reason", "actor", "approved_by", "at"), rows)


# --- trial balance ----------------------------------------------------------------------------------------------------


def trial_balance_show(
    period: Period,
    through: Annotated[
        datetime | None, typer.Option("--through", parser=calendar_day, help=help_text("trial_through"))
    ] = None,
    sub_ledger: Annotated[bool, typer.Option("--sub-ledger", help=help_text("trial_sub_ledger"))] = False,
    ties: Annotated[bool, typer.Option("--ties", help=help_text("trial_ties"))] = False,
    delivered: Annotated[bool, typer.Option("--delivered", help=help_text("trial_delivered"))] = False,
    erp: Annotated[bool, typer.Option("--erp", help=help_text("trial_erp"))] = False,
    connection: Annotated[str, typer.Option("--connection", help=help_text("ledger_connection"))] = "",
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    here, app = session.book, session.app
    first, last = _days_of(period)
    last = min(last, through.date()) if through is not None else last
    with app.store.read(here) as uow:
        ledger = app.ledger(uow.book.settings)
    adapter = app.erp(here, ledger_connection(session, here, connection)) if erp else None
    result = trial_balance(app.store, here, first, last, ledger, adapter, delivered_only=delivered)
    for problem in result.problems:
        session.screen.tell(problem.message, "red")
    balance = [
        {"account": row.account, "dimensions": dict(row.dimensions), "opening": row.opening, "debit": row.debit,
         "credit": row.credit, "closing": row.closing}
        for row in (result.sub_ledger if sub_ledger else result.accounts)
    ]  # fmt: skip
    tied = [
        {"tie": Word(tie.name), "subject": tie.subject, "date": tie.day, "ours": tie.ours, "explained": tie.explained,
         "theirs": tie.theirs, "difference": tie.difference, "holds": tie.holds}
        for tie in result.ties
    ]  # fmt: skip
    if as_json:
        session.screen.data({"accounts": _plain(balance), "ties": _plain(tied), "total": str(result.total)})
    elif ties:
        columns = ("tie", "subject", "date", "ours", "explained", "theirs", "difference", "holds")
        session.screen.rows("ties", columns, tied)
    else:
        columns = ("account", "dimensions", "opening", "debit", "credit", "closing")
        session.screen.rows("trial_balance", columns if sub_ledger else (columns[0], *columns[2:]), balance)
    broken = [tie for tie in result.ties if not tie.holds]
    session.screen.tell(Message("cli.tied", {"ties": len(result.ties), "broken": len(broken)}))
    session.end(PERSON_NEEDED if broken or result.problems or result.total else OK)


def _plain(rows: list[dict[str, object]]) -> list[dict[str, object]]:
    return [{name: value.code if isinstance(value, Word) else value for name, value in row.items()} for row in rows]


def _days_of(period: str) -> tuple[date, date]:
    try:
        first = date.fromisoformat(f"{period}-01")
    except ValueError:
        raise InvalidInput(period, 0, "", Message("period.form", {"period": period})) from None
    return first, first.replace(day=calendar.monthrange(first.year, first.month)[1])


# --- designations -----------------------------------------------------------------------------------------------------


@designation_app.command("approve", help=help_text("designation_approve"))
def designation_approve(
    name: Annotated[str, typer.Argument(metavar="RELATIONSHIP")], book: BookOption = "", who: AsOption = ""
) -> None:
    session = Session(book, who)
    record = approve_designation(session.app.store, session.book, name, session.actor)
    session.screen.tell(Message("cli.designation_approved", {"name": name, "version": record.version}))


@designation_app.command("list", help=help_text("designation_list"))
def designation_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        records = uow.accounting.designations()
    rows = [
        {"relationship": one.relationship_id, "version": one.version, "date": one.designated_on,
         "actor": one.recorded_by, "at": one.recorded_at, "approved_by": one.approved_by or None}
        for one in records
    ]  # fmt: skip
    session.screen.rows("designations", ("relationship", "version", "date", "actor", "at", "approved_by"), rows)


@designation_app.command("effectiveness", help=help_text("designation_effectiveness"))
def designation_effectiveness(through: Through, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    found = _effectiveness(session, through.date())
    rows = [
        {"relationship": one.relationship_id, "rule_set": one.rule_set, "date": one.as_of,
         "instrument_change": one.instrument, "item_change": one.item, "dollar_offset": one.dollar_offset,
         "slope": one.regression.slope, "r2": one.regression.r2, "points": one.regression.points,
         "terms": f"{sum(term.matches for term in one.critical_terms)}/{len(one.critical_terms)}",
         "gated": one.gated, "effective": one.effective}
        for one in found
    ]  # fmt: skip
    columns = (
        "relationship", "rule_set", "date", "instrument_change", "item_change", "dollar_offset", "slope", "r2", "points",
        "terms", "gated", "effective",
    )  # fmt: skip
    session.screen.rows("effectiveness", columns, rows, spare=("points", "rule_set"))
    session.end(PERSON_NEEDED if any(one.gated and not one.effective for one in found) else OK)


@designation_app.command("print", help=help_text("designation_print"))
def designation_print(
    name: Annotated[str, typer.Argument(metavar="RELATIONSHIP")],
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help=help_text("print_to"))],
    through: Annotated[
        datetime | None, typer.Option("--through", parser=calendar_day, help=help_text("through"))
    ] = None,
    book: BookOption = "",
) -> None:
    session = Session(book)
    here = session.book
    with session.app.store.read(here) as uow:
        body = uow.document("designation", name)
        records = uow.accounting.designations(name)
        title = uow.book.name
    if body is None:
        raise InvalidInput(name, 0, "", Message("designations.none"))
    reports = _effectiveness(session, through.date()) if through is not None else []
    report = next((one for one in reports if one.relationship_id == name), None)
    record = records[-1] if records else None
    to.write_bytes(designation_page(title, read_designation(body, name), record, report, language()))
    session.screen.tell(Message("cli.printed", {"path": to}))


def _effectiveness(session: Session, through: date) -> list[EffectivenessReport]:
    app, here = session.app, session.book
    with app.store.read(here) as uow:
        ledger = app.ledger(uow.book.settings)
    found, problems = effectiveness_reports(app.store, here, through, ledger, app.products)
    for problem in problems:
        session.screen.tell(problem.message, "red")
    return found
