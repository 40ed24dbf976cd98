"""The pricing desk (点价): what is to be priced, pricing it, what is owed without a call, and final prices."""

from __future__ import annotations

import re
from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer

from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.model.events import PricingCall
from hedge_core.price_notes import Document
from hedge_core.use_cases.pricing import cancel_pricing, desk, finish_price, force_pricings, price
from messages import Message

pricing_app = typer.Typer(no_args_is_help=True, help=help_text("pricing"))
LineArgument = Annotated[str, typer.Argument(metavar="LINE", help=help_text("pricing_line"))]
OnOption = Annotated[
    datetime | None, typer.Option("--on", metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("pricing_on"))
]
DryRun = Annotated[bool, typer.Option("--dry-run", help=help_text("dry_run"))]
DESK_COLUMNS = (
    "document", "partner", "side", "commodity", "instrument", "quantity", "priced", "remaining", "average", "premium",
    "provisional", "final_price", "last_day", "days_left", "due",
)  # fmt: skip
DESK_SPARE = ("due", "instrument", "average", "final_price", "premium", "provisional", "partner", "commodity", "side")


def register(app: typer.Typer) -> None:
    app.add_typer(pricing_app, name="pricing")


@pricing_app.command("list", help=help_text("pricing_list"))
def pricing_list(
    everything: Annotated[bool, typer.Option("--all", help=help_text("pricing_all"))] = False,
    calls: Annotated[bool, typer.Option("--events", help=help_text("pricing_events"))] = False,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    if calls:
        _calls(session)
        return
    found = desk(session.app.store, session.book, session.app.clock, everything=everything)
    rows = [
        {"document": f"{row.line.contract_no}/{row.line.line_no}", "partner": row.line.partner,
         "side": Word(row.line.side.value), "commodity": row.line.commodity,
         "instrument": row.pricing.terms.instrument, "quantity": row.pricing.terms.quantity,
         "priced": row.pricing.fixed, "remaining": row.pricing.remaining, "average": row.pricing.average,
         "premium": row.pricing.premium, "provisional": row.pricing.terms.provisional,
         "final_price": row.pricing.final_price, "last_day": row.pricing.terms.last_day,
         "days_left": row.days_left, "due": row.due}
        for row in found
    ]  # fmt: skip
    session.screen.rows("pricing", DESK_COLUMNS, rows, spare=DESK_SPARE)
    session.end(PERSON_NEEDED if any(row.due for row in found) else OK)


def _calls(session: Session) -> None:
    with session.app.store.read(session.book) as uow:
        history = uow.commodity.event_history(PricingCall)
    rows = [
        {"event": one.event_id, "line": one.event.line, "date": one.event.on, "instrument": one.event.instrument,
         "quantity": one.event.quantity, "price": one.event.price, "why": one.event.why, "made_by": one.recorded_by,
         "ended": one.ended_reason or None}
        for one in history
        if isinstance(one.event, PricingCall)
    ]  # fmt: skip
    columns = ("event", "line", "date", "instrument", "quantity", "price", "why", "made_by", "ended")
    session.screen.rows("pricing_events", columns, rows, spare=("ended", "made_by", "why"))


@pricing_app.command("add", help=help_text("pricing_add"))
def pricing_add(
    line: LineArgument,
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY", help=help_text("pricing_quantity"))],
    futures_price: Annotated[str, typer.Argument(metavar="PRICE", help=help_text("pricing_price"))],
    on: OnOption = None,
    instrument: Annotated[str, typer.Option("--instrument", metavar="CODE", help=help_text("instrument"))] = "",
    event_id: Annotated[str, typer.Option("--id", metavar="TEXT", help=help_text("pricing_id"))] = "",
    dry_run: DryRun = False,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app = session.app
    done = price(
        app.store, session.book, line, decimal(quantity, "QUANTITY"), decimal(futures_price, "PRICE"), app.products,
        session.actor, app.clock, on=on.date() if on else None, instrument=instrument, event_id=event_id,
        dry_run=dry_run,
    )  # fmt: skip
    session.screen.record(
        "priced",
        {"event": done.call.event_id, "line": done.call.line, "date": done.call.on, "priced": done.pricing.priced,
         "remaining": done.pricing.remaining, "average": done.pricing.average,
         "final_price": done.pricing.final_price, "commodity": done.commodity, "spot_before": done.spot_before,
         "spot_after": done.spot_after, "net_before": done.net_before, "net_after": done.net_after,
         "basis": done.basis},
    )  # fmt: skip


@pricing_app.command("cancel", help=help_text("pricing_cancel"))
def pricing_cancel(
    event: Annotated[str, typer.Argument(metavar="EVENT", help=help_text("pricing_event"))],
    reason: Annotated[str, typer.Option("--reason", metavar="REASON", help=help_text("reason"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    cancel_pricing(session.app.store, session.book, event, reason, session.actor)
    session.screen.tell(Message("cli.pricing_cancelled", {"event": event}))


@pricing_app.command("forced", help=help_text("pricing_forced"))
def pricing_forced(book: BookOption = "", who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, who, as_json)
    made = force_pricings(session.app.store, session.book, session.actor, session.app.clock)
    rows = [
        {"event": one.event_id, "line": one.line, "date": one.on, "instrument": one.instrument,
         "quantity": one.quantity, "price": one.price, "why": one.why}
        for one in made
    ]  # fmt: skip
    session.screen.rows("pricing_events", ("event", "line", "date", "instrument", "quantity", "price", "why"), rows)


@pricing_app.command("final", help=help_text("pricing_final"))
def pricing_final(
    line: LineArgument,
    how: Annotated[Document, typer.Option("--how", help=help_text("pricing_how"))] = Document.NOTE,
    vat_rate: Annotated[str, typer.Option("--vat-rate", metavar="RATE", help=help_text("pricing_vat_rate"))] = "",
    invoiced: Annotated[str, typer.Option("--invoiced", metavar="QUANTITY", help=help_text("pricing_invoiced"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    version, notes = finish_price(
        session.app.store, session.book, line, how, session.actor, session.app.clock,
        vat_rate=decimal(vat_rate, "--vat-rate") if vat_rate else None,
        invoiced=decimal(invoiced, "--invoiced") if invoiced else None,
    )  # fmt: skip
    rows = [
        {"what": Word(note.document), "date": note.on, "quantity": note.quantity, "price": note.price,
         "vat_rate": note.vat_rate, "net_amount": note.net, "vat": note.vat}
        for note in notes
    ]  # fmt: skip
    columns = ("what", "date", "quantity", "price", "vat_rate", "net_amount", "vat")
    session.screen.rows("price_notes", columns, rows)
    session.screen.tell(Message("cli.final_price", {"line": version.line, "price": version.price}))


_FIGURE = re.compile(r"[+-]?(?:[0-9]{1,15}|[0-9]{1,3}(?:,[0-9]{3}){1,4})(?:\.[0-9]{1,8})?")


def decimal(text: str, field: str) -> Decimal:
    """A figure from the command line, as wide as figures in files may be; InvalidInput for anything else."""
    written = text.strip()
    if not _FIGURE.fullmatch(written):
        raise InvalidInput(field, 0, "", Message("cli.not_a_number", {"text": text[:40]}))
    return Decimal(written.replace(",", ""))
