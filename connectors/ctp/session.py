"""One logged-in session over a trader API object: logs in again after a cut, keeps to the counter's pace, repeats reads.

The order of things is CTP's: front connected, authenticate, log in, ask for the front's limits. One query is in flight at a
time. -2 and -3 (too many, too often) and ErrorID 90 (not ready) wait and ask again until the call's deadline. A refused login
is remembered: this session never logs in again, because counters lock an account after a few wrong passwords.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from connectors.ctp.answers import (
    NEED_RETRY,
    OK,
    SYSTEM,
    TOO_FREQUENT,
    TOO_MANY_OPEN,
    error_of,
    refused_by_api,
)
from connectors.ctp.callbacks import Collector, Event, listener
from connectors.ctp.library import CtpLibrary
from connectors.ctp.values import Row, copied, joined_text
from hedge_core.errors import AuthFailed, PlatformError, RateLimited, Unavailable

USUAL_PAUSE: Final = 1.1
"""Seconds between queries where the front does not tell: most counters allow one per second."""
RESTART: Final = 0
"""THOST_TERT_RESTART: the private stream from the beginning of the trading day. Repeats after a cut, and never skips."""
_MOST_EVENTS: Final = 100_000


@dataclass(frozen=True, slots=True)
class CtpLogin:
    """Who logs in, and where. `app_id` and `auth_code` come with the broker's approval of the program (看穿式监管)."""

    front: str
    broker: str
    user: str
    password: str
    app_id: str
    auth_code: str
    investor: str = ""

    def __repr__(self) -> str:
        return f"CtpLogin(front={self.front!r}, broker={self.broker!r}, user={self.user!r})"

    @property
    def account(self) -> str:
        """The investor's number, which is the user's unless a broker keeps them apart."""
        return self.investor or self.user


class ConnectionLost(Unavailable):
    """The front went away while a request was open; a read may be repeated once it is back."""


class CtpSession:
    """`api` is the trader API object, not yet initialised; `library` makes its structures. `now` answers monotonic seconds,
    `wait` sleeps; both are for the pace only. `call_seconds` is the deadline of one call, log-in included."""

    def __init__(
        self,
        api: Any,
        library: CtpLibrary,
        login: CtpLogin,
        *,
        now: Callable[[], float],
        wait: Callable[[float], None],
        call_seconds: float,
    ) -> None:
        self._api = api
        self._library = library
        self.login = login
        self._now = now
        self._wait = wait
        self.call_seconds = call_seconds
        self.events: list[Event] = []
        """Pushes in the order they came. Read and cut only under `collector.changed`."""
        self.heard = 0
        """How many pushes there have been."""
        self.collector = Collector(self._keep)
        self._spi = listener(library.CThostFtdcTraderSpi, self.collector)
        self._turn = threading.RLock()
        self._request_id = 0
        self._started = False
        self._closed = False
        self._session_logged_in = 0
        self._refused: AuthFailed | None = None
        self._pause = USUAL_PAUSE
        self._next_query = 0.0
        self.identity: Row = {}
        """The answer to the login: TradingDay, FrontID, SessionID, MaxOrderRef, SystemName."""

    # --- queries ------------------------------------------------------------------------------------------------------

    def query(self, name: str, **fields: object) -> list[Row]:
        """The complete answer to ReqQry<name>, an empty list for an empty one. `fields` go beside BrokerID and InvestorID
        where the structure has them. A cut connection is logged in again once and the query repeated."""
        with self._turn:
            try:
                return self._query(name, fields)
            except ConnectionLost:
                return self._query(name, fields)

    def _query(self, name: str, fields: dict[str, object]) -> list[Row]:
        self.ensure()
        call = f"ReqQry{name}"
        deadline = self._now() + self.call_seconds
        while True:
            self._keep_pace()
            structure = self.structure(f"Qry{name}", self._own_names() | fields)
            try:
                return self._ask(call, structure)
            except RateLimited:
                if self._now() + self._pause > deadline:
                    raise
                self._wait(self._pause)

    def _ask(self, call: str, structure: Any) -> list[Row]:
        """One request and its complete answer."""
        request_id = self.next_id()
        answer = self.collector.expect(request_id)
        try:
            code = getattr(self._api, call)(structure, request_id)
            if code != OK:
                if code in (TOO_MANY_OPEN, TOO_FREQUENT):
                    raise RateLimited(int(self._pause) + 1, system=SYSTEM)
                raise ConnectionLost(f"{call} answered {code}: not connected", system=SYSTEM)
            if not self.collector.wait(lambda: answer.done or bool(answer.cut), self.call_seconds):
                raise Unavailable(f"{call}: no complete answer in {self.call_seconds:g} s", system=SYSTEM)
        finally:
            self.collector.forget(request_id)
        if answer.error_id == NEED_RETRY:
            raise RateLimited(int(self._pause) + 1, system=SYSTEM)
        if answer.error_id:
            raise error_of(answer.error_id, answer.error_text)
        if not answer.done:
            raise ConnectionLost(f"{call}: {answer.cut}", system=SYSTEM)
        return list(answer.rows)

    def settlement_text(self, trading_day: str) -> bytes:
        """The statement text of a day (`yyyymmdd`), a month (`yyyymm`) or the latest (empty), GB18030, out of its pieces;
        empty while the broker has none."""
        return joined_text(self.query("SettlementInfo", TradingDay=trading_day))

    def settlement_confirmed(self) -> bool:
        """Whether somebody has confirmed the statement on this trading day."""
        day = self.trading_day()
        return any(row["ConfirmDate"] == day for row in self.query("SettlementInfoConfirm"))

    def confirm_settlement(self) -> Row:
        """Confirm the statement in the client's name: a legal act, so only where a person has asked for it."""
        with self._turn:
            self.ensure()
            rows = self._ask("ReqSettlementInfoConfirm", self.structure("SettlementInfoConfirm", self._own_names()))
        return rows[0] if rows else {}

    def trading_day(self) -> str:
        """The counter's trading day, `yyyymmdd`, of a live session."""
        with self._turn:
            self.ensure()
            return str(self.identity["TradingDay"])

    # --- login --------------------------------------------------------------------------------------------------------

    def ensure(self) -> None:
        """A connected and logged-in session, or the reason why there is none."""
        with self._turn:
            if self._closed:
                raise Unavailable("the session is closed", system=SYSTEM)
            if self._refused is not None:
                raise self._refused
            if not self._started:
                self._start()
            if not self.collector.wait(lambda: self.collector.connected, self.call_seconds):
                why = self.collector.disconnect_reason
                shown = f"no connection to {self.login.front} in {self.call_seconds:g} s" + (f" ({why})" if why else "")
                raise Unavailable(shown, system=SYSTEM)
            if self._session_logged_in != self.collector.sessions:
                self._log_in(self.collector.sessions)

    def _start(self) -> None:
        self._api.RegisterSpi(self._spi)
        self._api.SubscribePrivateTopic(RESTART)
        self._api.SubscribePublicTopic(RESTART)
        self._api.RegisterFront(self.login.front)
        self._started = True
        self._api.Init()

    def _log_in(self, session: int) -> None:
        who = {"BrokerID": self.login.broker, "UserID": self.login.user}
        try:
            if self.login.app_id:
                fields = who | {"AppID": self.login.app_id, "AuthCode": self.login.auth_code}
                self._ask("ReqAuthenticate", self.structure("ReqAuthenticate", fields))
            password = {"Password": self.login.password}
            rows = self._ask("ReqUserLogin", self.structure("ReqUserLogin", who | password))
        except AuthFailed as refused:
            self._refused = refused
            raise
        self.identity = rows[0] if rows else {}
        self._session_logged_in = session
        self._pause = self._front_pause()

    def _front_pause(self) -> float:
        """Seconds between queries: the front's own limit where the library can tell it."""
        ask = getattr(self._api, "GetFrontInfo", None)
        if ask is None:
            return USUAL_PAUSE
        structure = self.structure("FrontInfo", {})
        ask(structure)
        frequency = copied(structure)["QryFreq"]
        return 1 / frequency if isinstance(frequency, int) and frequency > 0 else USUAL_PAUSE

    # --- parts --------------------------------------------------------------------------------------------------------

    def structure(self, name: str, fields: Mapping[str, object]) -> Any:
        """A `CThostFtdc<name>Field` with these fields; names that it does not have are left out."""
        made = getattr(self._library, f"CThostFtdc{name}Field")()
        for field, content in fields.items():
            if hasattr(made, field):
                setattr(made, field, content)
        return made

    def next_id(self) -> int:
        with self._turn:
            self._request_id += 1
            return self._request_id

    def send(self, call: str, structure: Any) -> PlatformError | None:
        """Hand one request to the API, without waiting for an answer; the error when it was not sent."""
        code = getattr(self._api, call)(structure, self.next_id())
        return None if code == OK else refused_by_api(code, call)

    def take_events(self, name: str) -> list[Row]:
        """Structures of the pushes of one kind since the last call."""
        with self.collector.changed:
            taken = [event.row for event in self.events if event.name == name]
            self.events[:] = [event for event in self.events if event.name != name]
            return taken

    def close(self) -> None:
        """Release the API; nothing may be called afterwards."""
        with self._turn:
            if self._started and not self._closed:
                self._api.RegisterSpi(None)
                self._api.Release()
            self._closed = True

    def _own_names(self) -> dict[str, object]:
        return {"BrokerID": self.login.broker, "InvestorID": self.login.account}

    def _keep(self, event: Event) -> None:
        self.heard += 1
        event.number = self.heard
        self.events.append(event)
        if len(self.events) > _MOST_EVENTS:
            del self.events[: _MOST_EVENTS // 10]

    def _keep_pace(self) -> None:
        left = self._next_query - self._now()
        if left > 0:
            self._wait(left)
        self._next_query = self._now() + self._pause
