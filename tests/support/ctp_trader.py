"""A scripted CTP trader API in process: the same object with Req… functions and callbacks from a thread of its own.

A `Counter` holds what the broker has; a `ScriptedTrader` is one API object over it, as `CreateFtdcTraderApi` would make it.
Faults are put before an answer: a return code, an ErrorID, silence, or a cut in the middle of the rows.
"""

from __future__ import annotations

import queue
import threading
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

from connectors.ctp import CtpLogin, CtpSession

DBL_MAX = 1.7976931348623157e308
PASSWORD = "right-horse"  # invented
ACCOUNT = "880017"
_DEFAULTS = {"s": "", "i": 0, "f": 0.0, "b": b""}
_KINDS = {"s": (str, bytes), "i": (int,), "f": (float, int), "b": (bytes,)}


@cache
def recorded_fields() -> dict[str, dict[str, str]]:
    """Structure -> field -> kind, as recorded from the real module."""
    lines = (Path(__file__).parent / "recorded" / "ctp_fields.txt").read_text("utf-8").splitlines()
    found = {}
    for line in lines:
        if not line.startswith("#"):
            name, _, rest = line.partition(":")
            found[name] = dict(pair.split("=") for pair in rest.split())
    return found


@cache
def structure_class(name: str) -> type:
    """A class with the structure's fields; as in the real one, a value of another kind is refused."""
    kinds = recorded_fields()[name]

    def set_field(self: Any, attribute: str, content: Any) -> None:
        if attribute in kinds and not isinstance(content, _KINDS[kinds[attribute]]):
            raise TypeError(f"in {name}.{attribute}: {content!r}")
        object.__setattr__(self, attribute, content)

    members: dict[str, Any] = {n: _DEFAULTS[kind] for n, kind in kinds.items()}
    return type(f"CThostFtdc{name}Field", (), members | {"__setattr__": set_field})


def structure(kind: str, /, **fields: Any) -> Any:
    made = structure_class(kind)()
    for name, content in fields.items():
        if name not in recorded_fields()[kind]:
            raise AttributeError(f"{kind} has no {name}")
        setattr(made, name, content)
    return made


class Library:
    """The module: structures by name, and the base of the listener."""

    class CThostFtdcTraderSpi:
        pass

    def __getattr__(self, name: str) -> Any:
        if name.startswith("CThostFtdc") and name.endswith("Field"):
            return structure_class(name.removeprefix("CThostFtdc").removesuffix("Field"))
        raise AttributeError(name)


@dataclass
class Fault:
    """What happens to one request instead of its answer."""

    code: int = 0
    error: tuple[int, str] | None = None
    silent: bool = False
    cut_after: int | None = None
    """The connection is lost after so many rows."""
    back: bool = True
    """…and the front connects again by itself."""


@dataclass
class Counter:
    """The broker: rows by query, faults by call, and how orders are treated."""

    tables: dict[str, list[dict[str, Any]]] = field(default_factory=lambda: defaultdict(list))
    faults: dict[str, deque[Fault]] = field(default_factory=lambda: defaultdict(deque))
    trading_day: str = "20261123"
    frequency: int = 0
    calls: list[str] = field(default_factory=list)
    requests: list[tuple[str, dict[str, Any]]] = field(default_factory=list)
    traders: list[ScriptedTrader] = field(default_factory=list)
    reachable: bool = True
    on_order: Callable[[ScriptedTrader, dict[str, Any], int], None] | None = None
    sessions: int = 0

    def fail(self, call: str, *faults: Fault) -> None:
        self.faults[call].extend(faults)

    def count(self, call: str) -> int:
        return self.calls.count(call)


class ScriptedTrader:
    """One API object. Callbacks come from its own thread, in order."""

    def __init__(self, counter: Counter) -> None:
        self.counter = counter
        self.spi: Any = None
        self.front_id, self.session_id = 1, 0
        self._told: queue.Queue[Callable[[], None] | None] = queue.Queue()
        self._thread = threading.Thread(target=self._run, daemon=True)
        counter.traders.append(self)

    # --- as the real object -------------------------------------------------------------------------------------------

    def RegisterSpi(self, spi: Any) -> None:
        self.spi = spi

    def SubscribePrivateTopic(self, how: int) -> None:
        assert how == 0, "the private stream is wanted from the beginning of the day"

    def SubscribePublicTopic(self, how: int) -> None: ...
    def RegisterFront(self, front: str) -> None: ...

    def Init(self) -> None:
        self._thread.start()
        if self.counter.reachable:
            self.connect()

    def Release(self) -> None:
        self._told.put(None)
        self._thread.join(5)

    def GetFrontInfo(self, info: Any) -> None:
        info.QryFreq = self.counter.frequency

    def __getattr__(self, name: str) -> Any:
        if not name.startswith("Req"):
            raise AttributeError(name)
        return lambda given, request_id: self._request(name, given, request_id)

    # --- what the other side does -------------------------------------------------------------------------------------

    def connect(self) -> None:
        self.counter.sessions += 1
        self.session_id = self.counter.sessions
        self.tell("OnFrontConnected")

    def cut(self, back: bool = True) -> None:
        self.tell("OnFrontDisconnected", 0x2001)
        if back:
            self.connect()

    def tell(self, callback: str, *arguments: Any) -> None:
        self._told.put(lambda: getattr(self.spi, callback)(*arguments))

    def drain(self) -> None:
        """Wait until everything told so far has been heard."""
        heard = threading.Event()
        self._told.put(heard.set)
        assert heard.wait(5)

    def push(self, callback: str, kind: str, **fields: Any) -> None:
        self.tell(callback, structure(kind, **fields))

    def replay(self, sequence: Sequence[tuple[Any, ...]], request_id: int = 0) -> None:
        """A recorded sequence of callbacks: (callback, structure kind or None, fields, error or None, last)."""
        for callback, kind, fields, error, last in sequence:
            row = None if kind is None else structure(kind, **fields)
            info = None if error is None else structure("RspInfo", ErrorID=error[0], ErrorMsg=error[1])
            self.tell(callback, row, info, request_id, last)

    # --- requests -----------------------------------------------------------------------------------------------------

    def _run(self) -> None:
        while (call := self._told.get()) is not None:
            if self.spi is not None:
                call()

    def _request(self, name: str, given: Any, request_id: int) -> int:
        counter = self.counter
        counter.calls.append(name)
        fields = {n: getattr(given, n) for n in dir(given) if n[0].isupper()}
        counter.requests.append((name, fields))
        fault = counter.faults[name].popleft() if counter.faults[name] else Fault()
        if fault.code or fault.silent:
            return fault.code
        answer = name.replace("Req", "OnRsp", 1)
        if name == "ReqUserLogin" and fields["Password"] != PASSWORD:
            fault = Fault(error=(3, "CTP:不合法的登录"))
        if fault.error:
            info = structure("RspInfo", ErrorID=fault.error[0], ErrorMsg=fault.error[1])
            self.tell(answer, None, info, request_id, True)
            return 0
        if name in ("ReqOrderInsert", "ReqOrderAction"):
            if counter.on_order is not None:
                counter.on_order(self, fields, request_id)
            if fault.cut_after is not None:
                self.cut(fault.back)
            return 0
        self._answer(answer, self._rows(name, fields), request_id, fault)
        return 0

    def _answer(self, callback: str, rows: list[Any], request_id: int, fault: Fault) -> None:
        if fault.cut_after is not None:
            for row in rows[: fault.cut_after]:
                self.tell(callback, row, None, request_id, False)
            self.cut(fault.back)
            return
        if not rows:
            self.tell(callback, None, None, request_id, True)
        for place, row in enumerate(rows):
            self.tell(callback, row, None, request_id, place == len(rows) - 1)

    def _rows(self, name: str, fields: dict[str, Any]) -> list[Any]:
        if name == "ReqAuthenticate":
            return [structure("RspAuthenticate")]
        if name == "ReqUserLogin":
            return self._login(fields)
        if name == "ReqSettlementInfoConfirm":
            self.counter.tables["SettlementInfoConfirm"].append({"ConfirmDate": self.counter.trading_day})
            return [structure("SettlementInfoConfirm", ConfirmDate=self.counter.trading_day)]
        kind = name.removeprefix("ReqQry")
        wanted = {n: fields[n] for n in ("InstrumentID", "ExchangeID") if fields.get(n)}
        rows = self.counter.tables[kind]
        if kind == "SettlementInfo" and fields["TradingDay"]:
            wanted = {"TradingDay": fields["TradingDay"]}
        return [
            structure(kind, **row)
            for row in rows
            if all(row.get(n, content) == content for n, content in wanted.items())
        ]

    def _login(self, fields: dict[str, Any]) -> list[Any]:
        return [
            structure(
                "RspUserLogin",
                TradingDay=self.counter.trading_day,
                FrontID=self.front_id,
                SessionID=self.session_id,
                MaxOrderRef="1",
                UserID=fields["UserID"],
                SystemName="scripted",
            )
        ]


LOGIN = CtpLogin("tcp://127.0.0.1:41205", "9999", ACCOUNT, PASSWORD, "hb_client_1", "0000000000000000")


class Pace:
    """A clock for the pace: waiting moves it."""

    def __init__(self) -> None:
        self.now = 100.0
        self.waits: list[float] = []

    def wait(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.now += seconds


@contextmanager
def session_of(
    counter: Counter, *, login: CtpLogin = LOGIN, call_seconds: float = 5, pace: Pace | None = None
) -> Iterator[CtpSession]:
    pace = pace or Pace()
    session = CtpSession(
        ScriptedTrader(counter), Library(), login, now=lambda: pace.now, wait=pace.wait, call_seconds=call_seconds
    )
    try:
        yield session
    finally:
        session.close()
