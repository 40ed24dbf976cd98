"""Hedge orders: propose, approve, send, follow, cancel; and the switch that stops all of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

import typer

from cli.commands.pricing import decimal
from cli.session import OK, PERSON_NEEDED, AsOption, BookOption, JsonOption, Session, help_text
from hedge_core.errors import InvalidInput
from hedge_core.model.broker import Quote
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from hedge_core.model.identity import BookId
from hedge_core.model.orders import MAY_FILL, OrderProposal, OrderStage, ProposedOrder
from hedge_core.ports.broker import BrokerAdapter
from hedge_core.use_cases.order_plans import PlannedOrder, order_of_plan
from hedge_core.use_cases.order_switch import release_orders, stop_orders
from hedge_core.use_cases.orders import (
    approve_order,
    cancel_order,
    proposal_id_of,
    propose_order,
    refresh_order,
    send_order,
)
from messages import Message

order_app = typer.Typer(no_args_is_help=True, help=help_text("order"))
OrderArgument = Annotated[str, typer.Argument(metavar="ORDER", help=help_text("order_id"))]
ReasonOption = Annotated[str, typer.Option("--reason", metavar="TEXT", help=help_text("order_reason"))]
AllBooks = Annotated[bool, typer.Option("--all-books", help=help_text("order_all_books"))]
COLUMNS = (
    "order", "stage", "connection", "account", "instrument", "direction", "offset", "lots", "filled", "limit_price",
    "plan", "order_key", "made_by", "approved_by",
)  # fmt: skip
SPARE = ("made_by", "order_key", "plan", "account", "connection")
_HALF_SENT = frozenset({OrderStage.UNKNOWN, OrderStage.MISSING, OrderStage.SENDING, OrderStage.REFUSED})


def register(app: typer.Typer) -> None:
    app.add_typer(order_app, name="order")


@order_app.command("propose", help=help_text("order_propose"))
def order_propose(
    connection: Annotated[str, typer.Argument(metavar="CONNECTION", help=help_text("order_connection"))],
    price: Annotated[str, typer.Argument(metavar="PRICE", help=help_text("order_price"))],
    instrument: Annotated[str, typer.Option("--instrument", metavar="CODE", help=help_text("order_instrument"))] = "",
    side: Annotated[Direction | None, typer.Option("--side", help=help_text("order_side"))] = None,
    lots: Annotated[int, typer.Option("--lots", help=help_text("order_lots"))] = 0,
    account: Annotated[str, typer.Option("--account", help=help_text("order_account"))] = "",
    offset: Annotated[Offset, typer.Option("--offset", help=help_text("order_offset"))] = Offset.OPEN,
    flag: Annotated[HedgeFlag, typer.Option("--flag", help=help_text("order_flag"))] = HedgeFlag.HEDGE,
    plan: Annotated[str, typer.Option("--plan", metavar="PLAN", help=help_text("order_plan"))] = "",
    name: Annotated[str, typer.Option("--id", metavar="NAME", help=help_text("order_name"))] = "",
    why: Annotated[str, typer.Option("--why", metavar="TEXT", help=help_text("order_why"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    planned = PlannedOrder("", None, 0, "")
    if plan:
        planned = order_of_plan(app.store, here, plan, app.products, app.clock)
    options = app.connection(here, connection).options
    account = account or planned.account or str(options.get("investor") or options.get("user") or "")
    direction, count = side or planned.direction, lots or planned.lots
    if not (instrument or planned.instrument) or direction is None or count <= 0:
        raise InvalidInput("order", 0, "", Message("cli.order_incomplete"))
    proposal = OrderProposal(
        name, connection, account, instrument or planned.instrument, direction, offset, flag, count, decimal(price, "PRICE"),
        plan, why,
    )  # fmt: skip
    if not name:
        proposal = replace(proposal, proposal_id=proposal_id_of(proposal, app.clock))
    with _Brokers(session) as brokers:
        look = brokers.look(connection)
        done = propose_order(
            app.store, here, proposal, look, app.products, session.actor, app.clock, app.calendar(here)
        )  # fmt: skip
    _tell(session, done)


@order_app.command("approve", help=help_text("order_approve"))
def order_approve(
    order: OrderArgument,
    digest: Annotated[str, typer.Option("--digest", metavar="HASH", help=help_text("order_digest"))] = "",
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app = session.app
    _tell(session, approve_order(app.store, session.book, order, session.actor, app.clock, digest=digest))


@order_app.command("send", help=help_text("order_send"))
def order_send(order: OrderArgument, book: BookOption = "", who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    connection = _one(session, order).proposal.connection
    with _Brokers(session) as brokers:
        adapter, look = brokers.adapter(connection), brokers.look(connection)
        done = send_order(
            app.store, here, order, adapter, look, app.products, session.actor, app.clock, app.calendar(here)
        )  # fmt: skip
    _tell(session, done)


@order_app.command("list", help=help_text("order_list"))
def order_list(
    waiting: Annotated[bool, typer.Option("--open", help=help_text("order_open"))] = False,
    book: BookOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, as_json=as_json)
    stages = (OrderStage.PROPOSED, OrderStage.APPROVED, *MAY_FILL) if waiting else ()
    with session.app.store.read(session.book) as uow:
        found, switch = uow.orders.proposed_orders(stages), uow.orders.switch()
    session.screen.rows("orders", COLUMNS, [_row(session, one) for one in found], spare=SPARE)
    if switch.stopped:
        params = {"actor": switch.who, "reason": switch.reason, "since": switch.since}
        session.screen.tell(Message("cli.orders_are_stopped", params), "red")
    session.end(PERSON_NEEDED if switch.stopped or any(one.stage in _HALF_SENT for one in found) else OK)


@order_app.command("show", help=help_text("order_show"))
def order_show(order: OrderArgument, book: BookOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, as_json=as_json)
    _tell(session, _one(session, order))


@order_app.command("refresh", help=help_text("order_refresh"))
def order_refresh(book: BookOption = "", who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, who, as_json)
    app, here = session.app, session.book
    with app.store.read(here) as uow:
        out = [one for one in uow.orders.proposed_orders(MAY_FILL) if one.sent_at is not None]
    with _Brokers(session) as brokers:
        done = [
            refresh_order(
                app.store, here, one.proposal.proposal_id, brokers.adapter(one.proposal.connection), session.actor,
                app.clock,
            )
            for one in out
        ]  # fmt: skip
    session.screen.rows("orders", COLUMNS, [_row(session, one) for one in done], spare=SPARE)
    session.end(PERSON_NEEDED if any(one.stage in _HALF_SENT for one in done) else OK)


@order_app.command("cancel", help=help_text("order_cancel"))
def order_cancel(order: OrderArgument, book: BookOption = "", who: AsOption = "", as_json: JsonOption = False) -> None:
    session = Session(book, who, as_json)
    app = session.app
    with _Brokers(session) as brokers:
        done = cancel_order(app.store, session.book, order, brokers.adapter, session.actor, app.clock)
    _tell(session, done)


@order_app.command("kill", help=help_text("order_kill"))
def order_kill(
    reason: ReasonOption,
    all_books: AllBooks = False,
    book: BookOption = "",
    who: AsOption = "",
    as_json: JsonOption = False,
) -> None:
    session = Session(book, who, as_json)
    app = session.app
    with _Brokers(session) as brokers:
        ended = stop_orders(
            app.store, _books(session, all_books), brokers.of, session.actor, app.clock, reason, every_book=all_books
        )  # fmt: skip
    rows = [
        {"book": one.book, "order": one.proposal_id, "stage": _stage(session, one.after), "trouble": one.trouble}
        for one in ended
    ]  # fmt: skip
    session.screen.rows("orders_stopped", ("book", "order", "stage", "trouble"), rows)
    session.screen.tell(Message("cli.orders_stopped", {"reason": reason}), "red")
    session.end(PERSON_NEEDED if any(one.trouble is not None for one in ended) else OK)


@order_app.command("release", help=help_text("order_release"))
def order_release(reason: ReasonOption, all_books: AllBooks = False, book: BookOption = "", who: AsOption = "") -> None:
    session = Session(book, who)
    app = session.app
    left = release_orders(
        app.store, _books(session, all_books), session.actor, app.clock, reason, every_book=all_books
    )  # fmt: skip
    for switch in left:
        if switch.stopped:
            params = {"actor": switch.who, "reason": switch.reason, "since": switch.since}
            session.screen.tell(Message("cli.orders_are_stopped", params), "red")
    if not any(switch.stopped for switch in left):
        session.screen.tell(Message("cli.orders_released"))
    session.end(PERSON_NEEDED if any(switch.stopped for switch in left) else OK)


# --- parts ------------------------------------------------------------------------------------------------------------


class _Brokers:
    """The broker sessions of one command, ended with it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._used: set[tuple[BookId, str]] = set()

    def __enter__(self) -> _Brokers:
        return self

    def __exit__(self, *_: object) -> None:
        for book, name in self._used:
            self._session.app.drop_broker(book, name)

    def of(self, book: BookId, connection: str) -> BrokerAdapter:
        self._used.add((book, connection))
        return self._session.app.broker(book, connection)

    def adapter(self, connection: str) -> BrokerAdapter:
        return self.of(self._session.book, connection)

    def look(self, connection: str) -> Callable[[str], Quote | None]:
        self.adapter(connection)
        market = self._session.app.market(self._session.book, connection)
        return lambda instrument: market.quotes([instrument]).get(instrument)


def _books(session: Session, all_books: bool) -> list[BookId]:
    return [one.book for one in session.app.store.books()] if all_books else [session.book]


def _one(session: Session, order: str) -> ProposedOrder:
    with session.app.store.read(session.book) as uow:
        found = uow.orders.proposed(order)
    if found is None:
        raise InvalidInput("order", 0, "", Message("order.none", {"order": order}))
    return found


def _stage(session: Session, stage: OrderStage) -> str | Message:
    """JSON keeps the code, a person reads the word."""
    return stage.value if session.as_json else Message(f"order.stage_{stage.value}")


def _row(session: Session, one: ProposedOrder) -> dict[str, Any]:
    order = one.proposal
    return {
        "order": order.proposal_id, "stage": _stage(session, one.stage), "connection": order.connection,
        "account": order.account, "instrument": order.instrument, "direction": order.direction, "offset": order.offset.value,
        "lots": order.lots, "filled": one.filled, "limit_price": order.limit_price, "plan": order.plan_id or None,
        "order_key": one.order_key or None, "made_by": one.proposed_by, "approved_by": one.approved_by or None,
    }  # fmt: skip


def _tell(session: Session, one: ProposedOrder) -> None:
    """One order with its content hash; exit code 1 where somebody has to look."""
    extra = {"digest": one.proposal.digest[:12], "note": one.note or None, "why": one.proposal.why or None}
    session.screen.record("order", {**_row(session, one), **extra})
    session.end(PERSON_NEEDED if one.stage in _HALF_SENT else OK)
