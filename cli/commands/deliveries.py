"""Exchange deliveries with what they still lack, and warehouse receipts pledged with brokers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

import typer

from cli.commands.reconciliation import figure
from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.delivery import DeliveryCase, DeliveryStep, PledgedReceipt, StepTaken, pledge_on
from hedge_core.use_cases.deliveries import amount_missing, pledge_receipt, record_step, release_receipt
from messages import Message

delivery_app = typer.Typer(no_args_is_help=True, help=help_text("delivery"))

On = Annotated[datetime, typer.Option("--on", parser=calendar_day, help=help_text("delivery_on"))]
COLUMNS = (
    "delivery",
    "account",
    "instrument",
    "direction",
    "lots",
    "quantity",
    "unit",
    "price",
    "value",
    "day",
    "state",
    "missing",
)
RECEIPTS = ("receipt", "account", "commodity", "quantity", "unit", "price", "rate", "value", "since", "released")


def register(app: typer.Typer) -> None:
    app.add_typer(delivery_app, name="delivery")


@delivery_app.command("list", help=help_text("delivery_list"))
def delivery_list(
    open_only: Annotated[bool, typer.Option("--open", help=help_text("delivery_open"))] = False,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        found = uow.reconciliation.deliveries()
    shown = [case for case in found if case.missing() or not open_only]
    _show(session, shown)
    session.end(PERSON_NEEDED if any(case.missing() for case in shown) else OK)


@delivery_app.command("record", help=help_text("delivery_record"))
def delivery_record(
    delivery: Annotated[str, typer.Argument(metavar="DELIVERY", help=help_text("delivery_id"))],
    step: Annotated[DeliveryStep, typer.Option("--step", help=help_text("delivery_step"))],
    paper: Annotated[str, typer.Option("--paper", metavar="NUMBER", help=help_text("delivery_paper"))],
    on: On,
    amount: Annotated[str, typer.Option("--amount", metavar="FIGURE", help=help_text("delivery_amount"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    store, here = session.app.store, session.book
    part = figure("--amount", amount) if amount else amount_missing(store, here, delivery, step)
    changed = record_step(store, here, delivery, StepTaken(step, on.date(), paper, part), session.actor)
    _show(session, [changed])


def _show(session: Session, cases: list[DeliveryCase]) -> None:
    rows = [
        {"delivery": case.delivery_id, "account": case.account, "instrument": case.instrument,
         "direction": case.direction, "lots": case.lots, "quantity": case.quantity, "unit": case.unit,
         "price": case.price, "value": case.value, "day": case.delivered_on, "state": Word(case.state),
         "missing": {step.value: left for step, left in case.missing()}}
        for case in cases
    ]  # fmt: skip
    session.screen.rows("deliveries", COLUMNS, rows)


@delivery_app.command("pledge", help=help_text("delivery_pledge"))
def delivery_pledge(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help=help_text("receipt_no"))],
    account: Annotated[str, typer.Option("--account", help=help_text("pledge_account"))],
    commodity: Annotated[str, typer.Option("--commodity", help=help_text("pledge_commodity"))],
    quantity: Annotated[str, typer.Option("--quantity", help=help_text("pledge_quantity"))],
    price: Annotated[str, typer.Option("--price", help=help_text("pledge_price"))],
    on: On,
    rate: Annotated[str, typer.Option("--rate", help=help_text("pledge_rate"))] = "0.8",
    unit: Annotated[str, typer.Option("--unit", help=help_text("pledge_unit"))] = "t",
    currency: Annotated[str, typer.Option("--currency", help=help_text("pledge_currency"))] = "CNY",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    figures = [figure(name, text) for name, text in (("--quantity", quantity), ("--price", price), ("--rate", rate))]
    pledged = PledgedReceipt(receipt, account, currency, commodity, figures[0], unit, *figures[1:], on.date())
    pledge_receipt(session.app.store, session.book, pledged, session.actor)
    _receipts(session, [pledged], on)


@delivery_app.command("release", help=help_text("delivery_release"))
def delivery_release(
    receipt: Annotated[str, typer.Argument(metavar="RECEIPT", help=help_text("receipt_no"))],
    on: On,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    _receipts(session, [release_receipt(session.app.store, session.book, receipt, on.date(), session.actor)], on)


@delivery_app.command("pledges", help=help_text("delivery_pledges"))
def delivery_pledges(
    day: Annotated[datetime, typer.Option("--day", parser=calendar_day, help=help_text("pledges_day"))],
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    with session.app.store.read(session.book) as uow:
        receipts = uow.reconciliation.receipts()
        printed = {
            (s.statement.account, s.statement.funds.currency): s.statement.funds.pledge
            for s in uow.statements.on_day(day.date())
        }
    _receipts(session, receipts, day)
    differs = False
    for account, currency in sorted({(one.account, one.currency) for one in receipts}):
        ours, theirs = pledge_on(receipts, account, currency, day.date()), printed.get((account, currency))
        shown = {"account": account, "currency": currency, "day": day.date(), "ours": ours,
                 "theirs": "-" if theirs is None else theirs}  # fmt: skip
        differs |= theirs is not None and theirs != ours
        session.screen.tell(Message("delivery.pledges", shown))
    session.end(PERSON_NEEDED if differs else OK)


def _receipts(session: Session, receipts: list[PledgedReceipt], day: datetime) -> None:
    rows: list[dict[str, str | Decimal | object]] = [
        {"receipt": one.receipt_no, "account": one.account, "commodity": one.commodity, "quantity": one.quantity,
         "unit": one.unit, "price": one.price, "rate": one.rate, "value": one.value_on(day.date()),
         "since": one.pledged_on, "released": one.released_on}
        for one in receipts
    ]  # fmt: skip
    session.screen.rows("receipts", RECEIPTS, rows)
