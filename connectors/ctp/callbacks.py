"""Callbacks collected into complete answers. The API calls from a thread of its own; callers wait on one condition.

An answer is complete at `bIsLast`. An empty one is a single callback without a structure. A row's structure is copied at
once. Pushes (orders, fills, refusals of orders) are handed on as they come.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from connectors.ctp.values import copied

QUERIES: Final = (
    "TradingAccount",
    "InvestorPosition",
    "InvestorPositionDetail",
    "Order",
    "Trade",
    "Instrument",
    "InstrumentMarginRate",
    "InstrumentCommissionRate",
    "DepthMarketData",
    "SettlementInfo",
    "SettlementInfoConfirm",
)
"""ReqQry… -> OnRspQry…, the queries we use."""

ANSWERS: Final = (
    "OnRspAuthenticate",
    "OnRspUserLogin",
    "OnRspSettlementInfoConfirm",
    *(f"OnRspQry{name}" for name in QUERIES),
)
"""(structure, error, request id, last) callbacks that answer a request by its id."""

ORDER_ANSWERS: Final = ("OnRspOrderInsert", "OnRspOrderAction")
"""The same four arguments, but they come only when the counter refuses; they are events of the order."""

PUSHES: Final = ("OnRtnOrder", "OnRtnTrade")
"""(structure,)"""

REFUSALS: Final = ("OnErrRtnOrderInsert", "OnErrRtnOrderAction")
"""(structure, error)"""


@dataclass(slots=True)
class Answer:
    """What has come for one request so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    error_id: int = 0
    error_text: str = ""
    done: bool = False
    cut: str = ""
    """Why no more will come: the connection was lost."""


@dataclass(slots=True)
class Event:
    """A push: the callback's name, its structure, the error beside it (0: none), and which one it was of the session."""

    name: str
    row: dict[str, Any]
    error_id: int = 0
    error_text: str = ""
    number: int = 0


class Collector:
    """What the callbacks have brought. `changed` is notified at every callback."""

    def __init__(self, on_event: Callable[[Event], None]) -> None:
        self.changed = threading.Condition()
        self.connected = False
        self.sessions = 0
        """How often the front has connected: another number, another session."""
        self.disconnect_reason = ""
        self._answers: dict[int, Answer] = {}
        self._on_event = on_event

    def expect(self, request_id: int) -> Answer:
        """Must be called before the request is sent: an answer may come before the call returns."""
        with self.changed:
            answer = self._answers[request_id] = Answer()
            return answer

    def forget(self, request_id: int) -> None:
        with self.changed:
            self._answers.pop(request_id, None)

    def wait(self, ready: Callable[[], bool], seconds: float) -> bool:
        """Whether `ready` became true in time; it is asked under the lock."""
        with self.changed:
            return self.changed.wait_for(ready, seconds)

    # --- what the API calls -------------------------------------------------------------------------------------------

    def front_connected(self) -> None:
        with self.changed:
            self.connected = True
            self.sessions += 1
            self.changed.notify_all()

    def front_disconnected(self, reason: int) -> None:
        with self.changed:
            self.connected = False
            self.disconnect_reason = f"0x{reason:x}"
            for answer in self._answers.values():
                answer.cut = answer.cut or f"disconnected ({self.disconnect_reason})"
            self.changed.notify_all()

    def answered(self, structure: Any, error: Any, request_id: int, last: bool) -> None:
        error_id, error_text = error_in(error)
        row = None if structure is None else copied(structure)
        with self.changed:
            answer = self._answers.get(request_id)
            if answer is None:
                return
            if row is not None:
                answer.rows.append(row)
            if error_id:
                answer.error_id, answer.error_text = error_id, error_text
            answer.done = answer.done or bool(last)
            self.changed.notify_all()

    def happened(self, name: str, structure: Any, error: Any = None) -> None:
        event = Event(name, {} if structure is None else copied(structure), *error_in(error))
        with self.changed:
            self._on_event(event)
            self.changed.notify_all()


def error_in(error: Any) -> tuple[int, str]:
    """(ErrorID, ErrorMsg) of an RspInfo; (0, "") without one."""
    if error is None:
        return 0, ""
    row = copied(error)
    return row["ErrorID"], row["ErrorMsg"]


def listener(base: Any, collector: Collector) -> Any:
    """An instance of a class below the library's Spi whose callbacks feed the collector. Keep a reference to it: the
    library keeps none."""

    def answered(self: object, structure: Any, error: Any, request_id: int, last: bool) -> None:
        collector.answered(structure, error, request_id, last)

    def order_answered(name: str) -> Callable[..., None]:
        def call(self: object, structure: Any, error: Any, request_id: int, last: bool) -> None:
            collector.happened(name, structure, error)

        return call

    def pushed(name: str) -> Callable[..., None]:
        def call(self: object, structure: Any, error: Any = None) -> None:
            collector.happened(name, structure, error)

        return call

    def failed(self: object, error: Any, request_id: int, last: bool) -> None:
        collector.answered(None, error, request_id, True)

    methods: dict[str, Any] = {
        "OnFrontConnected": lambda self: collector.front_connected(),
        "OnFrontDisconnected": lambda self, reason: collector.front_disconnected(reason),
        "OnRspError": failed,
        **dict.fromkeys(ANSWERS, answered),
        **_by_name(ORDER_ANSWERS, order_answered),
        **_by_name((*PUSHES, *REFUSALS), pushed),
    }
    return type("Listener", (base,), methods)()


def _by_name(names: Sequence[str], make: Callable[[str], Callable[..., None]]) -> dict[str, Any]:
    return {name: make(name) for name in names}
