"""A voucher's life after it was made: submitted, sent back, reversed, read again in the ERP, traced to its sources, printed."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated

import typer

from adapters.report import voucher_page
from cli.commands.vouchers import VoucherIds, ledger_connection, of_status, voucher_app
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text, language
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import BookId
from hedge_core.model.vouchers import Voucher, VoucherStatus
from hedge_core.ports.storage import StoredVoucher
from hedge_core.use_cases.account import measured_book
from hedge_core.use_cases.approvals import send_back, submit
from hedge_core.use_cases.reversals import reread_delivered, reverse
from hedge_core.use_cases.trace import trace_voucher
from messages import Message

Connection = Annotated[str, typer.Option("--connection", help=help_text("ledger_connection"))]
VoucherId = Annotated[str, typer.Argument(metavar="VOUCHER")]


def register(app: typer.Typer) -> None:
    """The commands stand under `voucher`, which `cli.commands.vouchers` adds."""


@voucher_app.command("submit", help=help_text("voucher_submit"))
def voucher_submit(
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
    problems = submit(session.app.store, here, chosen, session.actor)
    for problem in problems:
        session.screen.tell(problem.message, "red")
    session.screen.tell(Message("cli.submitted", {"count": len(chosen) - len(problems)}))
    session.end(PERSON_NEEDED if problems or not chosen else OK)


@voucher_app.command("return", help=help_text("voucher_return"))
def voucher_return(
    voucher_id: VoucherId,
    reason: Annotated[str, typer.Option("--reason", help=help_text("voucher_reason"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    send_back(session.app.store, session.book, voucher_id, reason, session.actor)
    session.screen.tell(Message("cli.sent_back", {"voucher": voucher_id}))


@voucher_app.command("reverse", help=help_text("voucher_reverse"))
def voucher_reverse(
    voucher_id: VoucherId,
    reason: Annotated[str, typer.Option("--reason", help=help_text("voucher_reason"))],
    correct: Annotated[bool, typer.Option("--correct", help=help_text("voucher_correct"))] = False,
    on: Annotated[datetime | None, typer.Option("--date", parser=calendar_day, help=help_text("voucher_date"))] = None,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    here = session.book
    corrected = _as_inputs_say(session, here, voucher_id) if correct else None
    day = on.date() if on is not None else None
    made = reverse(session.app.store, here, voucher_id, reason, session.actor, corrected=corrected, on=day)
    blue = made.blue.voucher_id if made.blue is not None else None
    session.screen.record("reversed", {"voucher": voucher_id, "red": made.red.voucher_id, "blue": blue})


def _as_inputs_say(session: Session, book: BookId, voucher_id: str) -> Voucher:
    """What the voucher would be if it were made now."""
    app = session.app
    stored = kept(session, book, voucher_id)
    with app.store.read(book) as uow:
        days = [snapshot.trading_day for snapshot in uow.results.snapshots()]
        through = max([stored.voucher.posting_date, *days])
        posted = measured_book(uow, through, app.ledger(uow.book.settings)).posted
    if posted.problems:
        raise posted.problems[0]
    found = next((voucher for voucher in posted.vouchers if voucher.voucher_id == voucher_id), None)
    if found is None:
        raise InvalidInput(voucher_id, 0, "", Message("cli.nothing_corrected"))
    return found


@voucher_app.command("reread", help=help_text("voucher_reread"))
def voucher_reread(
    connection: Connection = "", book: BookOption = "", who: AsOption = "", as_json: JsonOption = False
) -> None:
    session = Session(book, who, as_json)
    here = session.book
    adapter = session.app.erp(here, ledger_connection(session, here, connection))
    read = reread_delivered(session.app.store, here, adapter, session.actor)
    rows = [
        {"voucher": one.voucher_id, "number": one.receipt.number if one.receipt else None,
         "stage": one.receipt.stage if one.receipt else None,
         "date": one.receipt.posting_date if one.receipt else None,
         "findings": " ".join(session.screen.text(said) for said in one.differences)}
        for one in read
    ]  # fmt: skip
    session.screen.rows("reread", ("voucher", "number", "stage", "date", "findings"), rows)
    session.end(PERSON_NEEDED if any(one.differences for one in read) else OK)


@voucher_app.command("trace", help=help_text("voucher_trace"))
def voucher_trace(voucher_id: VoucherId, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    here = session.book
    stored = kept(session, here, voucher_id)
    with session.app.store.read(here) as uow:
        origins = trace_voucher(uow, stored.voucher)
    rows = [
        {"line": one.line, "kind": one.kind, "key": one.key, "found": one.found, "value": dict(one.details)}
        for one in origins
    ]
    session.screen.rows("trace", ("line", "kind", "key", "found", "value"), rows)
    session.end(OK if all(one.found or one.kind == "sale" for one in origins) else PERSON_NEEDED)


@voucher_app.command("print", help=help_text("voucher_print"))
def voucher_print(
    voucher_id: VoucherId,
    to: Annotated[Path, typer.Option("--to", metavar="FILE", help=help_text("print_to"))],
    book: BookOption = "",
) -> None:
    session = Session(book)
    here = session.book
    stored = kept(session, here, voucher_id)
    with session.app.store.read(here) as uow:
        origins = trace_voucher(uow, stored.voucher)
        name, word = uow.book.name, uow.book.settings.get("voucher_word", "记")
    to.write_bytes(voucher_page(name, word, stored, origins, language()))
    session.screen.tell(Message("cli.printed", {"path": to}))


def kept(session: Session, book: BookId, voucher_id: str) -> StoredVoucher:
    """A stored voucher; InvalidInput when there is none of this id."""
    with session.app.store.read(book) as uow:
        stored = uow.results.voucher(voucher_id)
    if stored is None:
        raise InvalidInput(voucher_id, 0, "", Message("post.no_such_voucher"))
    return stored
