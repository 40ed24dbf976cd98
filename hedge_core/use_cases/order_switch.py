"""The switch that stops every order of a book, or of every book: first nothing more goes out, then what waits is cancelled."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from hedge_core.errors import PlatformError
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.orders import BEFORE_SENDING, MAY_FILL, OrderStage, OrderSwitch, ProposedOrder
from hedge_core.ports.broker import BrokerAdapter
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store
from hedge_core.use_cases.orders import take_back
from messages import Message

Brokers = Callable[[BookId, str], BrokerAdapter]
"""The adapter of a book's connection; what it raises is told beside the order."""


@dataclass(frozen=True, slots=True)
class Stopped:
    """What the switch did to one order: its stage before and after; `trouble` where the broker could not be asked or did not
    cancel: the order may still fill, and a person has to look."""

    book: BookId
    proposal_id: str
    before: OrderStage
    after: OrderStage
    trouble: Message | None = None


def stop_orders(
    store: Store,
    books: Sequence[BookId],
    brokers: Brokers,
    actor: Actor,
    clock: Clock,
    reason: str,
    *,
    every_book: bool = False,
) -> tuple[Stopped, ...]:
    """Throw the switch of these books (`every_book`: the one that stands for all), then end what was not sent and cancel what
    was. Every book is stopped before the first broker is asked. One order's trouble keeps no other from being cancelled;
    throwing it again tries the rest again."""
    ended: list[Stopped] = []
    for book in books:
        with store.begin(book, actor) as uow:
            uow.orders.throw_switch(every_book, True, clock.now(), actor.name, reason)
            uow.audit.append("orders.stopped", "all" if every_book else "book", {"reason": reason})
    for book in books:
        with store.begin(book, actor) as uow:
            uow.orders.switch(hold=True)
            for one in uow.orders.proposed_orders((*BEFORE_SENDING, OrderStage.SENDING)):
                if one.sent_at is None:
                    proposal_id = one.proposal.proposal_id
                    uow.orders.move(proposal_id, (one.stage,), OrderStage.STOPPED, actor.name, reason)
                    uow.audit.append("order.stopped", proposal_id, {"key": one.order_key, "by": actor.name})
                    ended.append(Stopped(book, proposal_id, one.stage, OrderStage.STOPPED))
    for book in books:
        with store.read(book) as uow:
            out = [one for one in uow.orders.proposed_orders(MAY_FILL) if one.sent_at is not None]
        ended += [_cancelled(store, book, one, brokers, actor, clock) for one in out]
    return tuple(ended)


def _cancelled(store: Store, book: BookId, one: ProposedOrder, brokers: Brokers, actor: Actor, clock: Clock) -> Stopped:
    proposal_id = one.proposal.proposal_id
    try:
        now = take_back(store, book, one, brokers(book, one.proposal.connection), actor, clock)
    except PlatformError as error:
        return Stopped(book, proposal_id, one.stage, one.stage, error.message)
    except Exception as error:  # noqa: BLE001 - one order's bug must not keep the others from being cancelled
        told = Message("order.cancel_failed", {"order": proposal_id, "reason": type(error).__name__})
        return Stopped(book, proposal_id, one.stage, one.stage, told)
    left = Message("order.still_working", {"order": proposal_id}) if now.stage in MAY_FILL else None
    return Stopped(book, proposal_id, one.stage, now.stage, left)


def release_orders(
    store: Store, books: Sequence[BookId], actor: Actor, clock: Clock, reason: str, *, every_book: bool = False
) -> tuple[OrderSwitch, ...]:
    """Take the switch back; answers how each book stands then. Nothing that was stopped comes alive again: it is proposed and
    approved anew. A book stopped by itself stays so when only the common switch is released, and the other way round."""
    found = []
    for book in books:
        with store.begin(book, actor) as uow:
            uow.orders.throw_switch(every_book, False, clock.now(), actor.name, reason)
            uow.audit.append("orders.released", "all" if every_book else "book", {"reason": reason})
            found.append(uow.orders.switch())
    return tuple(found)
