"""The daily comparison: run it, see the differences, take them on, explain or overrule them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from typing import Annotated

import typer

from cli.commands.vouchers import Connection, ledger_connection
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.ports.erp import ErpAdapter
from hedge_core.reconciliation import Cause, ReconciliationRow, RowState
from hedge_core.use_cases.day_gate import newer_statements
from hedge_core.use_cases.reconcile import reconcile
from hedge_core.use_cases.reconcile_day import reconcile_day
from hedge_core.use_cases.review_differences import assign_difference, explain_difference, overrule_difference
from messages import Message

reconcile_app = typer.Typer(help=help_text("reconcile"))

Day = Annotated[datetime, typer.Argument(metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("day"))]
DayOption = Annotated[datetime | None, typer.Option("--day", parser=calendar_day, help=help_text("reconcile_of_day"))]
RowArgument = Annotated[str, typer.Argument(metavar="ROW", help=help_text("reconcile_row"))]
ApprovedBy = Annotated[str, typer.Option("--approved-by", metavar="NAME", help=help_text("approved_by"))]

COLUMNS = (
    "row", "account", "subject", "key", "left", "left_value", "right", "right_value", "remainder", "state", "age", "owner",
    "why",
)  # fmt: skip
IN_FULL = (*COLUMNS, "day", "difference", "steps", "first_seen", "reason", "approved_by", "finding")


def register(app: typer.Typer) -> None:
    app.add_typer(reconcile_app, name="reconcile")


@reconcile_app.callback(invoke_without_command=True)
def reconcile_books(
    context: typer.Context, connection: Connection = "", book: BookOption = "", as_json: JsonOption = False
) -> None:
    """Without a command: every voucher and every settled day at once, nothing kept."""
    if context.invoked_subcommand is not None:
        return
    session = Session(book, as_json=as_json)
    here = session.book
    adapter = session.app.erp(here, ledger_connection(session, here, connection))
    result = reconcile(session.app.store, here, adapter, session.actor)
    rows = [
        {"subject": Word(b.subject), "key": b.key, "ours": b.ours, "theirs": b.theirs, "finding": b.message}
        for b in result.breaks
    ]
    session.screen.rows("reconciliation", ("subject", "key", "ours", "theirs", "finding"), rows)
    session.screen.tell(
        Message("cli.reconciled", {"vouchers": result.vouchers_compared, "days": result.days_compared,
                                   "breaks": len(result.breaks), "duplicates": result.duplicates_in_erp})
    )  # fmt: skip
    session.end(PERSON_NEEDED if result.breaks else OK)


@reconcile_app.command("run", help=help_text("reconcile_run"))
def reconcile_run(
    day: Day,
    connection: Connection = "",
    without_erp: Annotated[bool, typer.Option("--without-erp", help=help_text("reconcile_without_erp"))] = False,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    adapter = None if without_erp else _erp(session, connection)
    done = reconcile_day(
        app.store, here, day.date(), app.products, session.actor, app.clock, app.calendar(here), adapter
    )
    _show(session, done.rows)
    for note in done.notes:
        session.screen.tell(note, "yellow")
    session.screen.tell(
        Message("reconciliation.done", {"day": done.trading_day, "count": len(done.rows), "open": len(done.blocking),
                                        "sources": ", ".join(done.sources) or "-"})
    )  # fmt: skip
    session.end(PERSON_NEEDED if done.blocking else OK)


def _erp(session: Session, connection: str) -> ErpAdapter | None:
    """The adapter vouchers go to; None where the book has no connection for them."""
    here = session.book
    with session.app.store.read(here) as uow:
        if not connection and not uow.connections():
            return None
    return session.app.erp(here, ledger_connection(session, here, connection))


@reconcile_app.command("list", help=help_text("reconcile_list"))
def reconcile_list(
    day: DayOption = None,
    state: Annotated[RowState | None, typer.Option("--state", help=help_text("reconcile_state"))] = None,
    owner: Annotated[str, typer.Option("--owner", metavar="NAME", help=help_text("reconcile_owner"))] = "",
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        run = uow.reconciliation.run(day.date()) if day is not None else uow.reconciliation.last_run()
        rows = uow.reconciliation.rows(run.trading_day) if run is not None else []
        newer = newer_statements(uow, run.trading_day) if run is not None else []
    shown = [row for row in rows if state in (None, row.state) and owner in ("", row.owner)]
    _show(session, shown)
    if run is not None and newer:
        details = {"day": run.trading_day, "accounts": ", ".join(newer)}
        session.screen.tell(Message("reconciliation.stale", details), "yellow")
    session.end(PERSON_NEEDED if newer or any(row.state is RowState.OPEN for row in shown) else OK)


@reconcile_app.command("assign", help=help_text("reconcile_assign"))
def reconcile_assign(
    row: RowArgument,
    owner: Annotated[str, typer.Option("--to", metavar="NAME", help=help_text("reconcile_to"))],
    day: DayOption = None,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    _show(session, [assign_difference(session.app.store, session.book, row, owner, session.actor, _date(day))])


@reconcile_app.command("explain", help=help_text("reconcile_explain"))
def reconcile_explain(
    row: RowArgument,
    cause: Annotated[Cause, typer.Option("--cause", help=help_text("reconcile_cause"))],
    evidence: Annotated[str, typer.Option("--evidence", metavar="TEXT", help=help_text("reconcile_evidence"))],
    amount: Annotated[str, typer.Option("--amount", metavar="FIGURE", help=help_text("reconcile_amount"))] = "",
    approved_by: ApprovedBy = "",
    day: DayOption = None,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    part = figure("--amount", amount) if amount else None
    changed = explain_difference(
        session.app.store, session.book, row, cause, part, evidence, session.actor, approved_by, _date(day)
    )
    _show(session, [changed])


@reconcile_app.command("overrule", help=help_text("reconcile_overrule"))
def reconcile_overrule(
    row: RowArgument,
    reason: Annotated[str, typer.Option("--reason", metavar="REASON", help=help_text("reconcile_reason"))],
    approved_by: ApprovedBy = "",
    day: DayOption = None,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    changed = overrule_difference(session.app.store, session.book, row, reason, session.actor, approved_by, _date(day))
    _show(session, [changed])


def figure(option: str, text: str) -> Decimal:
    """A figure typed as an option; InvalidInput for what is none."""
    try:
        value = Decimal(text.replace(",", ""))
    except InvalidOperation:
        value = Decimal("NaN")
    if not value.is_finite():
        raise InvalidInput(option, 0, "", Message("delivery.amount", {"text": text}))
    return value


def _date(day: datetime | None) -> date | None:
    return day.date() if day is not None else None


def _show(session: Session, rows: Iterable[ReconciliationRow]) -> None:
    full = session.screen.as_json
    session.screen.rows(
        "reconciliation",
        IN_FULL if full else COLUMNS,
        [_shown(row, full) for row in rows],
        spare=("why", "left", "right"),
    )


def _shown(row: ReconciliationRow, full: bool) -> dict[str, object]:
    """A difference for the screen; causes as sentences in a table, as codes in JSON."""
    steps = [
        {
            "cause": step.cause,
            "amount": step.amount,
            "evidence": step.evidence,
            "remainder": step.remainder,
            "by": step.by,
        }
        for step in row.steps
    ]
    return {
        "row": row.row_id, "account": row.account, "key": row.key, "left": Word(row.left), "right": Word(row.right),
        "subject": Word(row.subject) if full else Message(f"reconciliation.subject_{row.subject}"),
        "left_value": row.left_value, "right_value": row.right_value, "remainder": row.remainder,
        "state": row.state if full else Message(f"reconciliation.state_{row.state.value}"),
        "age": row.age(row.trading_day), "owner": row.owner,
        "why": [step.cause if full else step.cause.message for step in row.steps],
        "day": row.trading_day, "difference": row.difference, "steps": steps, "first_seen": row.first_seen,
        "reason": row.reason, "approved_by": row.approved_by, "finding": row.message,
    }  # fmt: skip
