"""What brokers answer while the day runs: fills, positions, funds, and prices of a trading day."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

import typer

from cli.screen import Word
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, calendar_day, help_text
from hedge_core.errors import InvalidInput
from hedge_core.use_cases.fetch_statements import instruments_to_price
from hedge_core.use_cases.pull_broker import BrokerPull, fix_prices, pull_broker
from messages import Message
from worker.brokers import is_broker

broker_app = typer.Typer(no_args_is_help=True, help=help_text("broker"))


def register(app: typer.Typer) -> None:
    app.add_typer(broker_app, name="broker")


@broker_app.command("pull", help=help_text("broker_pull"))
def broker_pull(
    connection: Annotated[str, typer.Argument(metavar="[CONNECTION]", help=help_text("broker_connection"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    done: list[tuple[str, BrokerPull]] = []
    for name in [connection] if connection else broker_connections(session):
        adapter = app.broker(here, name)
        try:
            found = pull_broker(app.store, here, name, adapter, session.actor, app.clock, app.calendar(here))
        finally:
            app.drop_broker(here, name)
        done += [(name, result) for result in found]
    rows: list[dict[str, Any]] = [
        {"connection": name, "account": r.account, "day": r.trading_day, "read": r.read, "new": r.new,
         "quarantined": r.quarantined, "fills": r.fills, "positions": r.positions, "equity": r.equity,
         "missed": r.missed, "findings": findings(r)}
        for name, r in done
    ]  # fmt: skip
    columns = ("connection", "account", "day", "read", "new", "quarantined", "fills", "positions", "equity")
    session.screen.rows("broker_pull", (*columns, "missed", "findings") if as_json else columns, rows)
    if not as_json:
        for row in rows:
            for finding in row["findings"]:
                session.screen.tell(finding, "yellow")
    session.end(PERSON_NEEDED if any(row["findings"] or row["quarantined"] for row in rows) else OK)


def findings(result: BrokerPull) -> list[Message]:
    """What a person should look at."""
    missed = [Message("broker.missed", {"account": result.account, "day": day}) for day in result.missed]
    conflicts = [
        Message(
            "broker.conflict",
            {"key": c.key, "field": c.field, "road": c.road, "value": c.value, "other_road": c.other_road,
             "other_value": c.other_value},
        )
        for c in result.conflicts
    ]  # fmt: skip
    return [*missed, *conflicts, *result.problems]


@broker_app.command("prices", help=help_text("broker_prices"))
def broker_prices(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=help_text("broker_connection"))],
    kind: Annotated[str, typer.Option("--kind", help=help_text("broker_price_kind"))] = "settlement",
    day: Annotated[
        datetime | None,
        typer.Option("--day", metavar="YYYY-MM-DD", parser=calendar_day, help=help_text("broker_price_day")),
    ] = None,
    instrument: Annotated[
        list[str], typer.Option("--instrument", metavar="CODE", help=help_text("broker_instrument"))
    ] = [],  # noqa: B006
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    adapter = app.broker(here, connection)
    try:
        trading_day = day.date() if day else adapter.trading_day()
        with app.store.read(here) as uow:
            wanted = instrument or instruments_to_price(uow, trading_day)
        if not wanted:
            raise InvalidInput("--instrument", 0, "", Message("broker.no_instruments"))
        try:
            fixed = fix_prices(
                app.store, here, app.market(here, connection), kind, wanted, trading_day, session.actor
            )  # fmt: skip
        except ValueError:
            raise InvalidInput("--kind", 0, "", Message("cli.price_kind", {"kind": kind})) from None
    finally:
        app.drop_broker(here, connection)
    rows = [
        {"subject": p.subject, "day": p.trading_day, "kind": Word(kind), "price": p.price, "source": p.source}
        for p in fixed.stored
    ]
    session.screen.rows("broker_prices", ("subject", "day", "kind", "price", "source"), rows)
    for gap in fixed.gaps:
        session.screen.tell(gap.reason, "yellow")
    for known, offered in fixed.different:
        details = {"instrument": known.subject, "day": known.trading_day, "known": known.price, "source": known.source,
                   "offered": offered.price, "other": offered.source}  # fmt: skip
        session.screen.tell(Message("broker.price_differs", details), "yellow")
    session.end(PERSON_NEEDED if fixed.gaps or fixed.different else OK)


def broker_connections(session: Session) -> list[str]:
    """Names of the book's connections to brokers; InvalidInput when there is none."""
    with session.app.store.read(session.book) as uow:
        names = [connection.name for connection in uow.connections() if is_broker(connection.system)]
    if not names:
        raise InvalidInput("connection", 0, "", Message("broker.none"))
    return names
