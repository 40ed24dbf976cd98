"""Basis (基差) and internal allocations (内部划转) on the command line."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated

import typer

from cli.commands.pricing import decimal
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import BookId, book_id
from hedge_core.use_cases.allocation import agree_allocation, allocations, propose_allocation
from hedge_core.use_cases.basis import BasisDay, alerts_now, basis_of_day, basis_series, keep_basis
from messages import Message

basis_app = typer.Typer(no_args_is_help=True, help=help_text("basis"))
allocation_app = typer.Typer(no_args_is_help=True, help=help_text("allocation"))
Day = Annotated[datetime, typer.Argument(metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("day"))]
InstrumentOption = Annotated[str, typer.Option("--instrument", metavar="CODE", help=help_text("instrument"))]
BASIS_COLUMNS = ("commodity", "kind", "subject", "quantity", "instrument", "spot_price", "futures_price", "basis")


def register(app: typer.Typer) -> None:
    app.add_typer(basis_app, name="basis")
    app.add_typer(allocation_app, name="allocation")


@basis_app.command("show", help=help_text("basis_show"))
def basis_show(
    day: Day,
    instrument: InstrumentOption = "",
    brand: Annotated[str, typer.Option("--brand", metavar="TEXT", help=help_text("basis_brand"))] = "",
    grade: Annotated[str, typer.Option("--grade", metavar="TEXT", help=help_text("basis_brand"))] = "",
    place: Annotated[str, typer.Option("--place", metavar="TEXT", help=help_text("basis_brand"))] = "",
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    app = session.app
    found = basis_of_day(
        app.store, session.book, day.date(), app.products, brand=brand, grade=grade, place=place, instrument=instrument
    )
    _show(session, found)


@basis_app.command("keep", help=help_text("basis_keep"))
def basis_keep(
    day: Day,
    instrument: InstrumentOption = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app = session.app
    _show(session, keep_basis(app.store, session.book, day.date(), app.products, session.actor, instrument=instrument))


def _show(session: Session, found: BasisDay) -> None:
    rows = [
        {"commodity": row.commodity, "kind": Word(f"{row.basis.kind.value}_basis"), "subject": row.subject,
         "quantity": row.quantity, "instrument": row.basis.instrument, "spot_price": row.basis.spot,
         "futures_price": row.basis.futures, "basis": row.basis.value}
        for row in found.rows
    ]  # fmt: skip
    session.screen.rows("basis", BASIS_COLUMNS, rows, spare=("quantity", "spot_price", "futures_price"))
    for broken in found.broken:
        session.screen.tell(broken.message, "yellow")
    session.end(PERSON_NEEDED if found.broken else OK)


@basis_app.command("history", help=help_text("basis_history"))
def basis_history(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    rows = []
    for series in basis_series(session.app.store, session.book):
        known = series.range
        for one in series.points:
            row: dict[str, object] = {
                "commodity": series.commodity, "day": one.on, "instrument": one.point.instrument,
                "basis": one.point.value,
            }  # fmt: skip
            if known is not None and one is known.last:
                row |= {"low": known.low, "high": known.high, "average": known.average, "rank": known.rank}
            rows.append(row)
    columns = ("commodity", "day", "instrument", "basis", "low", "high", "average", "rank")
    session.screen.rows("basis", columns, rows, spare=("low", "high", "average", "rank"))


@basis_app.command("alerts", help=help_text("basis_alerts"))
def basis_alerts(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    found = alerts_now(session.app.store, session.book, session.app.clock)
    rows = [{"commodity": one.commodity, "rule": one.rule, "since": one.since, "finding": one.message} for one in found]
    session.screen.rows("basis_alerts", ("commodity", "rule", "since", "finding"), rows)
    session.end(PERSON_NEEDED if found else OK)


# --- internal allocations ---------------------------------------------------------------------------------------------


@allocation_app.command("propose", help=help_text("allocation_propose"))
def allocation_propose(
    other: Annotated[str, typer.Argument(metavar="BOOK", help=help_text("allocation_book"))],
    instrument: Annotated[str, typer.Argument(metavar="INSTRUMENT", help=help_text("instrument"))],
    quantity: Annotated[str, typer.Argument(metavar="QUANTITY", help=help_text("allocation_quantity"))],
    price: Annotated[str, typer.Argument(metavar="PRICE", help=help_text("pricing_price"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    app = session.app
    made = propose_allocation(
        app.store, session.book, named_book(other), instrument, decimal(quantity, "QUANTITY"), decimal(price, "PRICE"),
        app.products, session.actor, app.clock,
    )  # fmt: skip
    session.screen.tell(Message("cli.allocation_proposed", {"allocation": made.event_id, "book": made.other_book}))


@allocation_app.command("agree", help=help_text("allocation_agree"))
def allocation_agree(
    allocation: Annotated[str, typer.Argument(metavar="ALLOCATION", help=help_text("allocation_id"))],
    book: BookOption = "",
    who: AsOption = "",
) -> None:
    session = Session(book, who)
    agree_allocation(session.app.store, session.book, allocation, session.actor, session.app.clock)
    session.screen.tell(Message("cli.allocation_agreed", {"allocation": allocation}))


@allocation_app.command("list", help=help_text("allocation_list"))
def allocation_list(book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    found = allocations(session.app.store, session.book)
    rows = [
        {"allocation": one.allocation.event_id, "date": one.allocation.on, "book": one.allocation.other_book,
         "instrument": one.allocation.instrument, "quantity": one.allocation.quantity, "price": one.allocation.price,
         "state": Word(one.state), "made_by": one.allocation.proposed_by, "agreed_by": one.agreed_by}
        for one in found
    ]  # fmt: skip
    columns = ("allocation", "date", "book", "instrument", "quantity", "price", "state", "made_by", "agreed_by")
    session.screen.rows("allocations", columns, rows, spare=("agreed_by", "made_by"))
    session.end(PERSON_NEEDED if any(one.state == "one_sided" for one in found) else OK)


def named_book(text: str) -> BookId:
    """A book id from the command line; InvalidInput for what is none."""
    try:
        return book_id(text)
    except ValueError:
        raise InvalidInput("BOOK", 0, "", Message("cli.book_form", {"book": text})) from None
