"""A book with limits on a store, two people, and a broker that trades: what tests of hedge orders begin with."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from adapters.reference import load_products
from adapters.storage import SqlStore
from hedge_core.model.broker import Quote
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.limits import LimitKind, LimitRule
from hedge_core.model.orders import OrderProposal, ProposedOrder
from hedge_core.ports.broker import BrokerAdapter
from hedge_core.ports.storage import Connection
from hedge_core.use_cases.limits import import_limits
from hedge_core.use_cases.order_switch import Stopped, stop_orders
from hedge_core.use_cases.orders import approve_order, cancel_order, propose_order, refresh_order, send_order
from tests.support.broker_statement import PRICE
from tests.support.ctp_broker import CtpUnderTest
from tests.support.ctp_trader import Fault
from tests.support.databases import HandClock
from tests.support.diff import DiffUnderTest

NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
TODAY = date(2026, 11, 24)
MAKER, CHECKER = Actor("zhao.lei"), Actor("qian.yu")
INSTRUMENT = "SHFE.cu2605"

Broker = CtpUnderTest | DiffUnderTest


def order_rules(**changes: Any) -> list[tuple[date, LimitRule]]:
    """What an order needs to be allowed at all: lots, worth, price; copper only."""
    rules = [
        LimitRule("one-order-lots", LimitKind.ORDER_LOTS, high=Decimal(5), commodity="copper"),
        LimitRule("one-order-worth", LimitKind.ORDER_NOTIONAL, high=Decimal(2_000_000), product="SHFE.cu"),
        LimitRule("price", LimitKind.PRICE_BAND, high=Decimal("0.05")),
    ]
    return [(date(2026, 1, 1), replace(rule, **changes)) for rule in rules]


@dataclass
class Desk:
    """One book, one connection, one broker."""

    store: SqlStore
    book: BookId
    broker: Broker
    clock: HandClock = field(default_factory=lambda: HandClock(NOW))
    last: Decimal | None = PRICE

    def __post_init__(self) -> None:
        with self.store.begin(self.book, MAKER) as uow:
            options = {"user": self.account}
            uow.save_connection(Connection(self.broker.name, self.book, self.broker.name, options, {}))
        import_limits(self.store, self.book, order_rules(), MAKER)
        self._adapter: BrokerAdapter | None = None

    @property
    def account(self) -> str:
        return self.broker.order(1).account

    @property
    def adapter(self) -> BrokerAdapter:
        if self._adapter is None:
            self._adapter = self.broker.adapter(orders=True)
        return self._adapter

    def look(self, instrument: str) -> Quote | None:
        return Quote(instrument, TODAY, self.clock.now(), self.last, None, None)

    def proposal(self, proposal_id: str = "o1", **changes: Any) -> OrderProposal:
        """Two lots bought below the market: the broker takes it and it waits."""
        sample = OrderProposal(
            proposal_id, self.broker.name, self.account, INSTRUMENT, Direction.BUY, Offset.OPEN,
            HedgeFlag.SPECULATION, 2, PRICE - 1000,
        )  # fmt: skip
        return replace(sample, **changes)

    def propose(self, proposal_id: str = "o1", **changes: Any) -> ProposedOrder:
        proposal = self.proposal(proposal_id, **changes)
        return propose_order(self.store, self.book, proposal, self.look, load_products(), MAKER, self.clock)

    def approve(self, proposal_id: str = "o1", who: Actor = CHECKER, digest: str = "") -> ProposedOrder:
        return approve_order(self.store, self.book, proposal_id, who, self.clock, digest=digest)

    def send(self, proposal_id: str = "o1", adapter: Any = None) -> ProposedOrder:
        return send_order(
            self.store, self.book, proposal_id, adapter or self.adapter, self.look, load_products(), MAKER, self.clock
        )

    def approved(self, proposal_id: str = "o1", **changes: Any) -> ProposedOrder:
        self.propose(proposal_id, **changes)
        return self.approve(proposal_id)

    def sent(self, proposal_id: str = "o1", **changes: Any) -> ProposedOrder:
        self.approved(proposal_id, **changes)
        return self.send(proposal_id)

    def refresh(self, proposal_id: str = "o1", adapter: Any = None) -> ProposedOrder:
        return refresh_order(self.store, self.book, proposal_id, adapter or self.adapter, MAKER, self.clock)

    def cancel(self, proposal_id: str = "o1") -> ProposedOrder:
        return cancel_order(self.store, self.book, proposal_id, lambda name: self.adapter, MAKER, self.clock)

    def kill(
        self, reason: str = "strange prices", *, brokers: Callable[[BookId, str], Any] | None = None
    ) -> tuple[Stopped, ...]:
        given = brokers or (lambda book, name: self.adapter)
        return stop_orders(self.store, [self.book], given, CHECKER, self.clock, reason)

    def now(self, proposal_id: str = "o1") -> ProposedOrder:
        with self.store.read(self.book) as uow:
            found = uow.orders.proposed(proposal_id)
        assert found is not None
        return found

    def fill_one_lot(self, key: str) -> None:
        """One of an order's two lots is filled at the broker."""
        if isinstance(self.broker, CtpUnderTest):
            row = self.broker._orders[key] | {"OrderStatus": "1", "VolumeTraded": 1, "VolumeTotal": 1}
            self.broker._orders[key] = row
            self.broker.counter.tables["Order"] = list(self.broker._orders.values())
            return
        gateway = self.broker.running.gateway
        with gateway.changed:
            gateway.exchange.set_liquidity(INSTRUMENT, 1)
            gateway.exchange.set_price(INSTRUMENT, PRICE - 1000)
            gateway.changed.notify_all()

    def swallow_next_order(self) -> None:
        """The next order never arrives, and nobody says so."""
        if isinstance(self.broker, CtpUnderTest):
            self.broker.counter.fail("ReqOrderInsert", Fault(silent=True))
        else:
            self.broker.running.gateway.fault("drop_order")

    def audited(self) -> list[str]:
        """The kinds of events about orders, in order."""
        with self.store.read(self.book) as uow:
            kinds = [json.loads(body)["kind"] for _, body, _ in uow.audit.events()]
        return [kind for kind in kinds if kind.startswith("order")]
