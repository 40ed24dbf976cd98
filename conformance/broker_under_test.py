"""What the broker cases need from the author of an adapter: an account they may trade on, and a broker that can fail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from types import TracebackType
from typing import Protocol

from conformance.under_test import Access
from hedge_core.model.broker import HedgeOrder
from hedge_core.model.futures import Direction, Offset
from hedge_core.ports.broker import BrokerAdapter


@dataclass(frozen=True, slots=True)
class Dealt:
    """A fill that the broker has booked, as the broker's own side knows it. `instrument` is canonical."""

    exchange: str
    fill_id: str
    direction: Direction
    offset: Offset
    trading_day: date
    instrument: str
    lots: int

    @property
    def identity(self) -> tuple[str, str, str, date]:
        return self.exchange, self.fill_id, self.direction.value, self.trading_day


class BrokerUnderTest(Protocol):
    """One account at one broker. Instantiated without arguments and entered for every test; each entry finds an account
    without positions, fills or orders, with some money, on a trading day that is not a Monday."""

    @property
    def name(self) -> str:
        """The system's name, as on its capability card."""
        ...

    @property
    def not_applicable(self) -> Mapping[str, str]:
        """Cases that cannot apply, as the start of their names, each with a reason for the reader of the report."""
        ...

    @property
    def secrets(self) -> Sequence[str]:
        """Texts that must never be raised or logged."""
        ...

    def __enter__(self) -> BrokerUnderTest: ...
    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None: ...

    def adapter(self, access: Access = Access.GOOD, *, orders: bool = False, call_seconds: float = 10) -> BrokerAdapter:
        """A new adapter, as another process would build it; it shall not really sleep between calls. Closed on exit."""
        ...

    def trade(self, direction: Direction, offset: Offset, lots: int, *, night: bool = False) -> Dealt:
        """Book a fill by another way than the adapter's, in the day session or in the night session before."""
        ...

    def plant_unknown_instrument(self) -> None:
        """Book a fill whose instrument no exchange writes."""
        ...

    def cut_next_answer(self) -> None:
        """The next answer to a query breaks off in the middle; the other side can be reached again at once."""
        ...

    def cut_now(self) -> None:
        """Every open session is lost; the other side can be reached again at once."""
        ...

    def finish_day(self) -> date:
        """End the trading day at the broker: its statement can be asked for from now on. Answers which day it was."""
        ...

    def login_attempts(self) -> int:
        """How often somebody has tried to log in."""
        ...

    def order(self, number: int, *, refused: bool = False) -> HedgeOrder:
        """An order for two lots that the broker takes and that waits unfilled, or one that it (or the exchange) refuses."""
        ...

    def lose_next_order_answer(self) -> None:
        """The next order arrives and is booked, and the session is lost before a word about it."""
        ...

    def orders_received(self) -> int:
        """How many orders have reached the broker, refused ones included."""
        ...
