"""A running DIFF stand-in with an adapter in front of it; its exchange open to the tests."""

from __future__ import annotations

import time
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import ClassVar

from adapters.broker.diff import DiffAdapter, DiffOptions
from adapters.reference import load_calendar, load_products
from conformance import Access, Dealt
from connectors.diff import DiffAddress, DiffLogin, DiffSession, connect
from hedge_core.model.broker import HedgeOrder, order_key
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from sandbox.diff.command import USER, RunningGateway, running_gateway
from sandbox.diff.exchange import Order
from tests.support.broker_statement import PRICE, copper_statement

WRONG = "wrong-horse-77"
INSTRUMENT = "SHFE.cu2605"
WORDS = {Offset.OPEN: "OPEN", Offset.CLOSE_TODAY: "CLOSETODAY", Offset.CLOSE: "CLOSE"}
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
BUY, SELL = Direction.BUY, Direction.SELL


class DiffUnderTest:
    """`conformance.BrokerUnderTest` over `sandbox/diff`."""

    name = "diff"
    not_applicable: ClassVar[dict[str, str]] = {}

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = count(1)
        self._dealt: list[Dealt] = []

    @property
    def secrets(self) -> list[str]:
        return [WRONG, self.running.password]

    def __enter__(self) -> DiffUnderTest:
        self.running: RunningGateway = self._stack.enter_context(running_gateway())
        exchange = self.running.gateway.exchange
        exchange.trading_day = date(2026, 11, 24)
        exchange.clock = NOW
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None:
        self._stack.close()

    def adapter(self, access: Access = Access.GOOD, *, orders: bool = False, call_seconds: float = 10) -> DiffAdapter:
        url = "ws://127.0.0.1:9/" if access is Access.UNREACHABLE else self.running.url
        password = WRONG if access is Access.WRONG_SECRET else self.running.password
        session = DiffSession(
            lambda seconds: connect(DiffAddress(url), seconds),
            DiffLogin("sandbox", USER, password),
            now=time.monotonic,
            call_seconds=call_seconds,
            quiet_seconds=0.02,
        )
        self._stack.callback(session.close)
        options = DiffOptions(orders=orders)
        return DiffAdapter("diff", session, load_products(), load_calendar(), options, lambda: NOW)

    def trade(self, direction: Direction, offset: Offset, lots: int, *, night: bool = False) -> Dealt:
        gateway = self.running.gateway
        with gateway.changed:
            exchange = gateway.exchange
            if night:
                exchange.clock = NOW - timedelta(hours=12)
            account = exchange.accounts[USER]
            order = Order(
                f"other-{next(self._numbers)}",
                INSTRUMENT,
                direction.name,
                WORDS[offset],
                PRICE,
                lots,
                lots,
                exchange.now,
            )
            exchange.insert(USER, order)
            fill = list(account.fills.values())[-1]
            exchange.clock = NOW
            gateway.changed.notify_all()
        dealt = Dealt("SHFE", fill.exchange_trade_id, direction, offset, exchange.trading_day, INSTRUMENT, lots)
        self._dealt.append(dealt)
        return dealt

    def plant_unknown_instrument(self) -> None:
        exchange = self.running.gateway.exchange
        exchange.instruments["SHFE.what?"] = exchange.instruments[INSTRUMENT]
        order = Order("odd-1", "SHFE.what?", "BUY", "OPEN", PRICE, 1, 1, exchange.now)
        exchange.insert(USER, order)

    def cut_next_answer(self) -> None:
        self.running.gateway.fault("cut_in_data")
        with self.running.gateway.changed:
            self.running.gateway.changed.notify_all()

    def cut_now(self) -> None:
        self.running.gateway.cut_all()

    def finish_day(self) -> date:
        exchange = self.running.gateway.exchange
        day = exchange.trading_day
        body = copper_statement(self._dealt, day, USER)
        self.running.gateway.statements[USER, f"{day:%Y%m%d}"] = body.decode("gb18030")
        return day

    def login_attempts(self) -> int:
        return len(self.running.gateway.logins)

    def order(self, number: int, *, refused: bool = False) -> HedgeOrder:
        day = self.running.gateway.exchange.trading_day
        price = Decimal("99990") if refused else PRICE - 1000
        return HedgeOrder(
            order_key(day, number), USER, INSTRUMENT, Direction.BUY, Offset.OPEN, HedgeFlag.SPECULATION, 2, price
        )

    def lose_next_order_answer(self) -> None:
        self.running.gateway.fault("lose_order_answer")

    def orders_received(self) -> int:
        return self.running.gateway.inserts
