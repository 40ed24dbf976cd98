"""Hedge orders: proposed, checked, approved by somebody else, sent once, followed until nothing more can fill.

The order's reference is stored before anything goes out, and that it goes out is stored before it does. Whoever stops orders
(`order_switch`) holds the same row as whoever lets one go: an order is either seen by the switch or never sent. No word in time
is `unknown` and is asked for under the reference; nothing is ever sent a second time.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from typing import Final

from hedge_core.canonical import canonical_hash
from hedge_core.errors import (
    ContractViolation,
    IdempotencyConflict,
    InvalidInput,
    PlatformError,
    RateLimited,
    Rejected,
    RuleBroken,
    Unavailable,
)
from hedge_core.model.broker import HedgeOrder, OrderReceipt, OrderState, Quote, order_key
from hedge_core.model.futures import Product
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.orders import (
    BEFORE_SENDING,
    MAY_FILL,
    STAGE_OF,
    OrderProposal,
    OrderStage,
    ProposedOrder,
)
from hedge_core.order_checks import OrderVerdict
from hedge_core.ports.broker import BrokerAdapter
from hedge_core.ports.broker_queries import StoredOrder
from hedge_core.ports.clock import Clock
from hedge_core.ports.storage import Store, UnitOfWork
from hedge_core.trading_calendar import TradingCalendar
from hedge_core.use_cases.order_limits import verdict_on
from messages import Message

Look = Callable[[str], Quote | None]
"""One look at an instrument's price at the broker; None where it is not known there."""

_UNSENT: Final = (Unavailable, RateLimited, RuleBroken)
"""Raised by `place_order` only where nothing was sent, by proof."""


def propose_order(
    store: Store,
    book: BookId,
    proposal: OrderProposal,
    look: Look,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    calendar: TradingCalendar | None = None,
) -> ProposedOrder:
    """Keep an order as a proposal once it passes its limits. RuleBroken names the first thing against it; `order_alike` where
    the same order already waits. The same proposal under the same id again is nothing new."""
    quote = look(proposal.instrument)
    with store.begin(book, actor) as uow:
        known = uow.orders.proposed(proposal.proposal_id)
        if known is not None and known.proposal == proposal:
            return known
        _not_stopped(uow, proposal.proposal_id)
        connection = uow.connection(proposal.connection)
        if connection is None:
            known_names = ", ".join(one.name for one in uow.connections()) or "-"
            params = {"connection": proposal.connection, "known": known_names}
            raise InvalidInput("connection", 0, "name", Message("connection.none", params))
        alike = [one for one in uow.orders.proposed_orders(BEFORE_SENDING) if _alike(one.proposal, proposal)]
        if alike:
            raise _broken("alike", proposal.proposal_id, other=alike[0].proposal.proposal_id)
        _passes(verdict_on(uow, proposal, quote, list(products), clock.now(), actor.name, calendar), proposal)
        uow.orders.add(proposal, clock.now(), actor.name)
        uow.audit.append("order.proposed", proposal.proposal_id, {"digest": proposal.digest, "plan": proposal.plan_id})
        return _order(uow, proposal.proposal_id)


def proposal_id_of(proposal: OrderProposal, clock: Clock) -> str:
    """An id for a proposal that was given none."""
    return f"o{canonical_hash([proposal.digest, clock.now()])[:9]}"


def approve_order(
    store: Store, book: BookId, proposal_id: str, actor: Actor, clock: Clock, *, digest: str = ""
) -> ProposedOrder:
    """Approve a proposal as it stands. RuleBroken `order_own_approval` for who proposed it, `order_stage` where it waits for
    nothing (a second click), `order_digest` where the approver saw another content (`digest`, or its beginning)."""
    with store.begin(book, actor) as uow:
        one = _order(uow, proposal_id)
        _not_stopped(uow, proposal_id)
        if one.stage is not OrderStage.PROPOSED:
            raise _wrong_stage(one)
        if one.proposed_by == actor.name:
            raise _broken("own_approval", proposal_id, actor=actor.name)
        now_digest = one.proposal.digest
        if not now_digest.startswith(digest):
            raise _broken("digest", proposal_id, digest=now_digest[:12])
        if not uow.orders.approve(proposal_id, now_digest, clock.now(), actor.name):
            raise _wrong_stage(_order(uow, proposal_id))
        uow.audit.append("order.approved", proposal_id, {"digest": now_digest})
        return _order(uow, proposal_id)


def send_order(
    store: Store,
    book: BookId,
    proposal_id: str,
    adapter: BrokerAdapter,
    look: Look,
    products: Iterable[Product],
    actor: Actor,
    clock: Clock,
    calendar: TradingCalendar | None = None,
) -> ProposedOrder:
    """Send an approved order, once. Its limits are checked again with the price of now. Answers what became of it: working,
    filled, refused (in the broker's words), unknown, or cancelled where it was proven not sent.

    RuleBroken before anything is sent: `orders_off` (the connection), `orders_stopped` (the switch), `order_stage`,
    `order_digest`, or a limit. An order whose reference was stored by a process that died before sending goes on here; one
    that may have gone out does not: `order_stage`."""
    if not adapter.capabilities.orders:
        connection = _read(store, book, proposal_id).proposal.connection
        raise RuleBroken("orders_off", proposal_id, Message("broker.orders_off", {"connection": connection}))
    with store.read(book) as uow:
        _not_stopped(uow, proposal_id)
        instrument = _order(uow, proposal_id).proposal.instrument
    trading_day, quote = adapter.trading_day(), look(instrument)
    with store.begin(book, actor) as uow:
        uow.orders.switch(hold=True)  # numbers are given to one order at a time
        _not_stopped(uow, proposal_id)
        one = _order(uow, proposal_id)
        again = one.stage is OrderStage.SENDING and one.sent_at is None
        if one.stage is not OrderStage.APPROVED and not again:
            raise _wrong_stage(one)
        if one.approved_digest != one.proposal.digest:
            raise _broken("digest", proposal_id, digest=one.proposal.digest[:12])
        if again and not one.order_key.startswith(f"{trading_day:%y%m%d}"):
            raise _broken("day_over", proposal_id, key=one.order_key)
        verdict = verdict_on(uow, one.proposal, quote, list(products), clock.now(), one.proposed_by, calendar)
        _passes(verdict, one.proposal)
        key = one.order_key or order_key(trading_day, uow.broker_queries.next_order_number(trading_day))
        order = one.proposal.order(key)
        uow.broker_queries.add_order(StoredOrder(one.proposal.connection, order, clock.now(), actor.name))
        if not again:
            if not uow.orders.start(proposal_id, key):
                raise _wrong_stage(_order(uow, proposal_id))
            uow.audit.append("order.stored", proposal_id, {"key": key, "digest": one.proposal.digest})
    _let_go(store, book, proposal_id, order, actor, clock)
    return _place(store, book, proposal_id, adapter, order, actor, clock)


def _let_go(store: Store, book: BookId, proposal_id: str, order: HedgeOrder, actor: Actor, clock: Clock) -> None:
    """The last moment at which an order can be stopped without the broker: from here on it counts as sent."""
    with store.begin(book, actor) as uow:
        switch = uow.orders.switch(hold=True)
        one = _order(uow, proposal_id)
        if one.stage is not OrderStage.SENDING or one.sent_at is not None:
            raise _wrong_stage(one)
        if not switch.stopped:
            uow.broker_queries.set_order_sent(order.key, clock.now())
            uow.audit.append("order.sent", proposal_id, {"key": order.key})
            return
        uow.orders.move(proposal_id, (OrderStage.SENDING,), OrderStage.STOPPED, switch.who, switch.reason)
        uow.audit.append("order.stopped", proposal_id, {"key": order.key, "by": switch.who})
    raise _stopped(proposal_id, switch.who, switch.reason)


def _place(
    store: Store, book: BookId, proposal_id: str, adapter: BrokerAdapter, order: HedgeOrder, actor: Actor, clock: Clock
) -> ProposedOrder:
    stage, receipt, note = OrderStage.UNKNOWN, None, ""
    conflict: IdempotencyConflict | None = None
    try:
        receipt = adapter.place_order(order)
        stage, note = STAGE_OF[receipt.state], receipt.vendor_text
    except Rejected as error:
        receipt = _nothing(order, OrderState.REFUSED, error.vendor_code, error.vendor_text)
        stage, note = OrderStage.REFUSED, error.vendor_text
    except IdempotencyConflict as error:
        receipt, conflict = _nothing(order, OrderState.REFUSED, "", str(error)), error
        stage, note = OrderStage.REFUSED, str(error)
    except _UNSENT as error:
        receipt = _nothing(order, OrderState.CANCELLED, "", "")
        stage, note = OrderStage.CANCELLED, str(error)
    except Exception as error:  # noqa: BLE001 - whatever happened after it was let go, it may have arrived
        note = str(error)
    done = _note(store, book, proposal_id, receipt, stage, note, actor, clock)
    if conflict is not None:
        raise conflict
    with store.read(book) as uow:
        switch = uow.orders.switch()
    if switch.stopped and done.stage in MAY_FILL:  # stopped while it was on its way: the switch could not cancel it yet
        done = take_back(store, book, done, adapter, actor, clock)
    return done


def refresh_order(
    store: Store, book: BookId, proposal_id: str, adapter: BrokerAdapter, actor: Actor, clock: Clock
) -> ProposedOrder:
    """Ask the broker what became of an order that may still fill, or whose outcome is unknown. Not found before the settle
    time: still unknown; after it: missing. On a later trading day nothing of it can fill any more: it ends as cancelled and
    what did fill stands in the fills and the statement."""
    one = _read(store, book, proposal_id)
    if one.stage not in MAY_FILL or one.sent_at is None:
        return one
    if not one.order_key.startswith(f"{adapter.trading_day():%y%m%d}"):
        note = str(Message("order.day_over", {"order": proposal_id, "key": one.order_key}))
        return _note(store, book, proposal_id, None, OrderStage.CANCELLED, note, actor, clock)
    found = adapter.find_order(one.order_key)
    if found is not None:
        if found.filled_lots < one.filled:
            raise ContractViolation(
                "find_order", f"{found.filled_lots} lots after {one.filled}", system=one.proposal.connection
            )
        return _note(store, book, proposal_id, found, STAGE_OF[found.state], found.vendor_text, actor, clock)
    if one.stage is OrderStage.WORKING:
        raise ContractViolation("find_order", f"{one.order_key} was there before", system=one.proposal.connection)
    settled = one.sent_at + timedelta(seconds=adapter.capabilities.settle_seconds) <= clock.now()
    stage = OrderStage.MISSING if settled else OrderStage.UNKNOWN
    return _note(store, book, proposal_id, None, stage, one.note, actor, clock)


def cancel_order(
    store: Store,
    book: BookId,
    proposal_id: str,
    brokers: Callable[[str], BrokerAdapter],
    actor: Actor,
    clock: Clock,
) -> ProposedOrder:
    """Take an order back: one that was not sent is withdrawn, of one that was the broker is asked for the rest. `brokers`
    gives the adapter of a connection and is called only where it is needed. RuleBroken `order_stage` for a final one."""
    with store.begin(book, actor) as uow:
        uow.orders.switch(hold=True)
        one = _order(uow, proposal_id)
        if one.stage in BEFORE_SENDING or (one.stage is OrderStage.SENDING and one.sent_at is None):
            uow.orders.move(proposal_id, (one.stage,), OrderStage.WITHDRAWN, actor.name)
            uow.audit.append("order.withdrawn", proposal_id, {"key": one.order_key})
            return _order(uow, proposal_id)
    if one.stage not in MAY_FILL:
        raise _wrong_stage(one)
    return take_back(store, book, one, brokers(one.proposal.connection), actor, clock)


def take_back(
    store: Store, book: BookId, one: ProposedOrder, adapter: BrokerAdapter, actor: Actor, clock: Clock
) -> ProposedOrder:
    """Ask the broker to cancel the rest of a sent order. Errors are raised with the order left as it was: whether it still
    works is asked for, never assumed."""
    proposal_id = one.proposal.proposal_id
    with store.begin(book, actor) as uow:
        uow.audit.append("order.cancel_asked", proposal_id, {"key": one.order_key})
    receipt = adapter.cancel_order(one.order_key)
    return _note(store, book, proposal_id, receipt, STAGE_OF[receipt.state], receipt.vendor_text, actor, clock)


# --- parts ------------------------------------------------------------------------------------------------------------


def _note(
    store: Store,
    book: BookId,
    proposal_id: str,
    receipt: OrderReceipt | None,
    stage: OrderStage,
    note: str,
    actor: Actor,
    clock: Clock,
) -> ProposedOrder:
    """Keep what is known now. A final stage is never left again: a late answer changes nothing."""
    with store.begin(book, actor) as uow:
        one = _order(uow, proposal_id)
        if one.stage not in MAY_FILL:
            return one
        if receipt is not None and (one.receipt is None or receipt.filled_lots >= one.filled):
            uow.broker_queries.set_order_receipt(one.order_key, receipt, clock.now())
        if not uow.orders.move(proposal_id, MAY_FILL, stage, one.ended_by, note):
            return _order(uow, proposal_id)
        now = _order(uow, proposal_id)
        if (one.stage, one.receipt) != (now.stage, now.receipt):
            details = {"key": one.order_key, "filled": now.filled, "lots": one.proposal.lots, "note": note}
            uow.audit.append(f"order.{stage.value}", proposal_id, details)
        return now


def _nothing(order: HedgeOrder, state: OrderState, code: str, text: str) -> OrderReceipt:
    return OrderReceipt(order.key, state, order.lots, 0, "", code, text)


def _order(uow: UnitOfWork, proposal_id: str) -> ProposedOrder:
    one = uow.orders.proposed(proposal_id)
    if one is None:
        raise InvalidInput("order", 0, "", Message("order.none", {"order": proposal_id}))
    return one


def _read(store: Store, book: BookId, proposal_id: str) -> ProposedOrder:
    with store.read(book) as uow:
        return _order(uow, proposal_id)


def _not_stopped(uow: UnitOfWork, proposal_id: str) -> None:
    switch = uow.orders.switch()
    if switch.stopped:
        raise _stopped(proposal_id, switch.who, switch.reason)


def _stopped(proposal_id: str, who: str, reason: str) -> RuleBroken:
    params = {"order": proposal_id, "actor": who, "reason": reason}
    return RuleBroken("orders_stopped", proposal_id, Message("order.stopped", params))


def _wrong_stage(one: ProposedOrder) -> RuleBroken:
    return _broken("stage", one.proposal.proposal_id, stage=one.stage.value)


def _broken(name: str, proposal_id: str, **params: object) -> RuleBroken:
    return RuleBroken(f"order_{name}", proposal_id, Message(f"order.{name}", {"order": proposal_id, **params}))


def _passes(verdict: OrderVerdict, proposal: OrderProposal) -> None:
    if verdict.passes:
        return
    reasons: Sequence[Message] = verdict.reasons
    params = {"order": proposal.proposal_id, "count": len(reasons), "reason": reasons[0]}
    raise OrderRefused(proposal.proposal_id, Message("order.refused", params), verdict)


class OrderRefused(RuleBroken):
    """An order that breaks its limits; `findings` has every one of them."""

    def __init__(self, proposal_id: str, reason: Message, verdict: OrderVerdict) -> None:
        super().__init__("order_limits", proposal_id, reason)
        self.verdict = verdict
        self.findings: tuple[PlatformError, ...] = (
            *verdict.broken,
            *(RuleBroken(one.rule_id, proposal_id, one.message) for one in verdict.breaches),
        )


def _alike(one: OrderProposal, other: OrderProposal) -> bool:
    same = ("connection", "account", "instrument", "direction", "offset", "lots", "limit_price", "plan_id")
    return all(getattr(one, name) == getattr(other, name) for name in same)


__all__ = [
    "Look",
    "OrderRefused",
    "approve_order",
    "cancel_order",
    "proposal_id_of",
    "propose_order",
    "refresh_order",
    "send_order",
    "take_back",
]  # fmt: skip
