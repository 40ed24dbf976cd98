"""Vouchers from draft to delivery."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from cli.session import (
    OK,
    PERSON_NEEDED,
    UNKNOWN_OUTCOME,
    AsOption,
    BookOption,
    JsonOption,
    Session,
    calendar_day,
    help_text,
)
from hedge_core.accounting.roles import AccountRole
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import BookId
from hedge_core.model.vouchers import Voucher, VoucherStatus
from hedge_core.ports.erp import ErpAdapter
from hedge_core.ports.storage import OutboxState
from hedge_core.use_cases.account import Accounted, account
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from messages import Message
from worker.brokers import is_broker

voucher_app = typer.Typer(no_args_is_help=True, help=help_text("voucher"))

VoucherIds = Annotated[list[str], typer.Argument(metavar="[VOUCHER…]", help=help_text("voucher_ids"))]
Connection = Annotated[str, typer.Option("--connection", help=help_text("ledger_connection"))]


def register(app: typer.Typer) -> None:
    app.add_typer(voucher_app, name="voucher")


@voucher_app.command("make", help=help_text("voucher_make"))
def voucher_make(
    through: Annotated[datetime, typer.Option("--through", parser=calendar_day, help=help_text("through"))],
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    result = make(session, session.book, through)
    session.screen.record(
        "made",
        {"made": len(result.made), "renewed": result.renewed, "withdrawn": result.withdrawn,
         "outdated": list(result.outdated), "expected": result.expected, "broken": len(result.problems)},
    )  # fmt: skip
    for problem in result.problems:
        session.screen.tell(problem.message, "red")
    session.end(PERSON_NEEDED if result.problems or result.outdated else OK)


def make(session: Session, book: BookId, through: datetime) -> Accounted:
    """Make the vouchers of settled days up to a date."""
    app = session.app
    with app.store.read(book) as uow:
        settings = uow.book.settings
    return account(app.store, book, through.date(), app.ledger(settings), session.actor)


@voucher_app.command("list", help=help_text("voucher_list"))
def voucher_list(
    status: Annotated[VoucherStatus | None, typer.Option("--status")] = None,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        stored = uow.results.vouchers(status)
    rows = [
        {"voucher": s.voucher.voucher_id, "date": s.voucher.posting_date, "summary": s.voucher.summary,
         "sum": s.voucher.total, "status": s.status, "number": s.receipt.number if s.receipt else None,
         "stage": s.receipt.stage if s.receipt else None, "reference": s.voucher.key}
        for s in stored
    ]  # fmt: skip
    session.screen.rows(
        "vouchers",
        ("voucher", "date", "summary", "sum", "status", "number", "stage", "reference"),
        rows,
        spare=("sum", "number", "stage", "summary", "date", "reference"),
    )


@voucher_app.command("show", help=help_text("voucher_show"))
def voucher_show(
    voucher_id: Annotated[str, typer.Argument(metavar="VOUCHER")],
    dry_run: Annotated[bool, typer.Option("--body", "--erp-body", help=help_text("voucher_body"))] = False,
    connection: Connection = "",
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    here = session.book
    with session.app.store.read(here) as uow:
        stored = uow.results.voucher(voucher_id)
    if stored is None:
        raise InvalidInput(voucher_id, 0, "", Message("post.no_such_voucher"))
    voucher = stored.voucher
    if dry_run:
        adapter = session.app.erp(here, ledger_connection(session, here, connection))
        session.screen.data(erp_body(adapter, voucher))
        return
    lines = [
        {"account": line.account, "role": line.role, "summary": line.summary, "debit": line.debit or None,
         "credit": line.credit or None, "dimensions": dict(line.dimensions),
         "cash_flow_item": line.cash_flow_item, "quantity": line.quantity,
         "sources": [f"{s.kind}:{s.key}" for s in line.sources]}
        for line in voucher.lines
    ]  # fmt: skip
    head = {
        "voucher": voucher.voucher_id, "date": voucher.posting_date, "summary": voucher.summary,
        "status": stored.status, "reference": voucher.key, "content_hash": voucher.content_hash,
        "made_by": stored.made_by, "approved_by": stored.approved_by, "attachments": voucher.attachments,
        "reverses": voucher.reverses,
        "number": stored.receipt.number if stored.receipt else None,
        "stage": stored.receipt.stage if stored.receipt else None,
    }  # fmt: skip
    if as_json:
        session.screen.record("voucher", {**head, "lines": lines})
        return
    session.screen.record("voucher", head)
    shown = [{**line, "role": AccountRole(line["role"]).label} for line in lines]
    columns = ("account", "role", "debit", "credit", "dimensions", "summary")
    session.screen.rows("voucher_lines", columns, shown, spare=("role", "dimensions", "summary"))


@voucher_app.command("approve", help=help_text("voucher_approve"))
def voucher_approve(
    voucher_ids: VoucherIds = [],  # noqa: B006
    every: Annotated[bool, typer.Option("--all", help=help_text("voucher_all"))] = False,
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    here = session.book
    if not voucher_ids and not every:
        raise typer.BadParameter(session.screen.text(Message("cli.approve_which")), param_hint="[VOUCHER…]")
    chosen = voucher_ids or of_status(session, here, VoucherStatus.DRAFT)
    problems = approve_vouchers(session.app.store, here, chosen, session.actor)
    for problem in problems:
        session.screen.tell(problem.message, "red")
    session.screen.tell(Message("cli.approved", {"count": len(chosen) - len(problems)}))
    session.end(PERSON_NEEDED if problems or not chosen else OK)


@voucher_app.command("push", help=help_text("voucher_push"))
def voucher_push(
    voucher_ids: VoucherIds = [],  # noqa: B006
    connection: Connection = "",
    wait: Annotated[float, typer.Option("--wait", metavar="SECONDS", help=help_text("wait"))] = 60,
    dry_run: Annotated[bool, typer.Option("--dry-run", help=help_text("voucher_dry_run"))] = False,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    here = session.book
    chosen = voucher_ids or of_status(session, here, VoucherStatus.APPROVED)
    name = ledger_connection(session, here, connection)
    if dry_run:
        adapter = session.app.erp(here, name)
        with session.app.store.read(here) as uow:
            kept = [uow.results.voucher(voucher_id) for voucher_id in chosen]
        bodies = {one.voucher.voucher_id: erp_body(adapter, one.voucher) for one in kept if one is not None}
        session.screen.data(bodies)
        session.end(OK if len(bodies) == len(chosen) else PERSON_NEEDED)
        return
    queue_vouchers(session.app.store, here, name, chosen, session.actor, session.app.clock)
    drain(session, here, wait, wait)  # a lost answer is looked up within the same wait, if it becomes due in it
    counts = outbox_counts(session, here)
    session.screen.record("pushed", counts)
    waits = counts["dead"] + counts["pending"]
    session.end(UNKNOWN_OUTCOME if counts["unknown"] else PERSON_NEEDED if waits else OK)


def erp_body(adapter: ErpAdapter, voucher: Voucher) -> Any:
    """The exact body a push would send; InvalidInput where the adapter cannot tell without sending."""
    body = getattr(adapter, "voucher_body", None)
    if body is None:
        system = adapter.capabilities.system
        raise InvalidInput(voucher.voucher_id, 0, "", Message("cli.no_body", {"system": system}))
    return body(voucher)


def of_status(session: Session, book: BookId, status: VoucherStatus) -> list[str]:
    """Ids of the vouchers in a state."""
    with session.app.store.read(book) as uow:
        return [stored.voucher.voucher_id for stored in uow.results.vouchers(status)]


def ledger_connection(session: Session, book: BookId, name: str) -> str:
    """The connection vouchers go to: the one named, else the setting `ledger`, else the only one of the book."""
    if name:
        return name
    with session.app.store.read(book) as uow:
        chosen = uow.book.settings.get("ledger", "")
        names = [connection.name for connection in uow.connections() if not is_broker(connection.system)]
    if chosen:
        return chosen
    if len(names) != 1:
        raise InvalidInput("--connection", 0, "", Message("cli.which_ledger", {"known": ", ".join(names) or "-"}))
    return names[0]


def drain(session: Session, book: BookId, seconds: float, quiet_for: float = 0) -> bool:
    """Deliver with the workers of this process until nothing is due, with a progress bar."""
    with session.app.store.read(book) as uow:
        total = sum(row.state not in (OutboxState.DONE, OutboxState.CANCELLED) for row in uow.outbox.rows())
    with session.screen.progress() as bar, session.app.runtime() as runtime:
        task = bar.add_task(session.screen.text(Message("cli.delivering")), total=total)

        def show() -> None:
            left = sum(
                count
                for (_, state), count in session.app.store.queue.counts().items()
                if state not in (OutboxState.DONE.value, OutboxState.CANCELLED.value, OutboxState.DEAD.value)
            )
            bar.update(task, completed=max(0, total - left))

        drained = runtime.drain(seconds, show, quiet_for)
        show()
        return drained


def outbox_counts(session: Session, book: BookId) -> dict[str, int]:
    """Rows of the book's outbox by state."""
    with session.app.store.read(book) as uow:
        rows = uow.outbox.rows()
    return {state.value: sum(row.state is state for row in rows) for state in OutboxState}
