"""A logged-in session: messages are pumped until what is waited for stands in the tree; one peek is out at a time.

The other side sends data only after a peek, and answers one peek once: whatever has changed meanwhile comes together, as one
transaction. A cut line is opened again with an empty tree, which the first data fill: nothing is skipped, repeats are equal.
A refused login (402, 403) is remembered: this session never logs in again.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

from connectors.diff.socket import PONG, Line
from connectors.diff.tree import SYSTEM, Tree, applied, decoded
from hedge_core.errors import AuthFailed, Unavailable

LOGIN_OK: Final = 401
LOGIN_REFUSED: Final = frozenset({402, 403})
SETTLEMENT_TO_CONFIRM: Final = 325
PONG_SECONDS: Final = 2
QUIET_SECONDS: Final = 0.3
"""How long the line must be silent before a view of the tree counts as the latest."""


@dataclass(frozen=True, slots=True)
class DiffLogin:
    """Who logs in. `broker` is the gateway's name of the broker (`bid`), empty at a 众期 counter."""

    broker: str
    user: str
    password: str
    app_id: str = ""
    system_info: str = ""

    def __repr__(self) -> str:
        return f"DiffLogin(broker={self.broker!r}, user={self.user!r})"

    def request(self) -> dict[str, object]:
        """The req_login message."""
        more = {"client_app_id": self.app_id, "client_system_info": self.system_info}
        return {
            "aid": "req_login",
            "bid": self.broker,
            "user_name": self.user,
            "password": self.password,
            **{name: text for name, text in more.items() if text},
        }


@dataclass(frozen=True, slots=True)
class Notice:
    """A notify: code, level and the gateway's words. Each is heard once."""

    key: str
    code: int
    level: str
    content: str


class DiffSession:
    """`open_line` opens a line within the given seconds; `now` answers monotonic seconds; `call_seconds` is the deadline
    of one call."""

    def __init__(
        self,
        open_line: Callable[[float], Line],
        login: DiffLogin,
        *,
        now: Callable[[], float],
        call_seconds: float,
        quiet_seconds: float = QUIET_SECONDS,
    ) -> None:
        self._open_line = open_line
        self.login = login
        self.now = now
        self.call_seconds = call_seconds
        self._quiet = quiet_seconds
        self._line: Line | None = None
        self._peeking = False
        self._frames = self._pongs = 0
        self._closed = False
        self._refused: AuthFailed | None = None
        self._known: set[str] = set()
        self.tree: Tree = {}
        self.notices: list[Notice] = []
        self.statements: dict[str, str] = {}
        """Texts of answered settlement queries by trading day."""
        self.turn = threading.RLock()

    # --- views --------------------------------------------------------------------------------------------------------

    def view(self) -> Tree:
        """The user's part of the tree, up to date: everything that the other side has sent. A cut line is opened again once."""
        with self.turn:
            was_open = self._line is not None
            try:
                return self._latest()
            except Unavailable:
                if not was_open or self._line is not None:
                    raise
                return self._latest()

    def _latest(self) -> Tree:
        fresh = self._line is None
        self.ensure()
        if not fresh:
            deadline = self.now() + self.call_seconds
            while self.now() < deadline and (self._said_before_pong() or self.pump(self._quiet)):
                pass
        return self.own()

    def _said_before_pong(self) -> bool:
        """Whether data came before the answer to a ping sent now; a gateway that answers no pings is only waited for."""
        line, heard, pongs = self._line, self._frames, self._pongs
        if line is None:
            raise Unavailable("the line is cut", system=SYSTEM)
        self._peek()
        try:
            line.ping()
        except Unavailable:
            self.drop()
            raise
        until = self.now() + PONG_SECONDS
        while self._pongs == pongs and (left := until - self.now()) > 0:
            self.pump(left)
        return self._frames > heard

    def _peek(self) -> None:
        if not self._peeking:
            self.send({"aid": "peek_message"})
            self._peeking = True

    def own(self) -> Tree:
        """The user's part of the tree as it stands."""
        mine = self.tree.get("trade", {}).get(self.login.user, {})
        return mine if isinstance(mine, dict) else {}

    def settlement_text(self, trading_day: int) -> str | None:
        """The statement of a day (`yyyymmdd`), empty where there is none; None when nobody answers, as a simulation does."""
        with self.turn:
            self.view()
            wanted = str(trading_day)
            self.statements.pop(wanted, None)
            self.send({"aid": "qry_settlement_info", "trading_day": trading_day})
            self.wait(lambda: wanted in self.statements)
            return self.statements.get(wanted)

    # --- the line -----------------------------------------------------------------------------------------------------

    def ensure(self) -> None:
        """A line that is logged in and whose first snapshot is complete, or the reason why there is none."""
        if self._closed:
            raise Unavailable("the session is closed", system=SYSTEM)
        if self._refused is not None:
            raise self._refused
        if self._line is not None:
            return
        self._line = self._open_line(self.call_seconds)
        self._peeking, self.tree, self._known, self.notices = False, {}, set(), []
        try:
            self._log_in()
        except BaseException:
            self.drop()
            raise

    def _log_in(self) -> None:
        self.send(self.login.request())
        answers = LOGIN_REFUSED | {LOGIN_OK}
        if not self.wait(lambda: any(notice.code in answers for notice in self.notices)):
            raise Unavailable(f"no answer to the login in {self.call_seconds:g} s", system=SYSTEM)
        answer = next(notice for notice in self.notices if notice.code in answers)
        if answer.code in LOGIN_REFUSED:
            self._refused = AuthFailed(f"{answer.code} {answer.content}", system=SYSTEM)
            raise self._refused
        if not self.wait(lambda: self.own().get("trade_more_data") is False):
            raise Unavailable(f"the first data are not complete in {self.call_seconds:g} s", system=SYSTEM)

    def wait(self, ready: Callable[[], bool]) -> bool:
        """Pump until `ready`, or the call's deadline."""
        deadline = self.now() + self.call_seconds
        while not ready():
            left = deadline - self.now()
            if left <= 0:
                return False
            self.pump(left)
        return True

    def pump(self, seconds: float) -> bool:
        """Take in one message; False when none came within `seconds`. A cut line is dropped and Unavailable."""
        line = self._line
        if line is None:
            raise Unavailable("the line is cut", system=SYSTEM)
        self._peek()
        try:
            frame = line.receive(seconds)
        except Unavailable:
            self.drop()
            raise
        if frame is None:
            return False
        if frame == PONG:
            self._pongs += 1
            return True
        self._frames += 1
        self._take(decoded(frame))
        return True

    def send(self, message: dict[str, Any]) -> None:
        """Unavailable when the line is cut; some of the message may have left."""
        if self._line is None:
            raise Unavailable("the line is cut", system=SYSTEM)
        try:
            self._line.send(json.dumps(message, ensure_ascii=False))
        except Unavailable:
            self.drop()
            raise

    def _take(self, message: Tree) -> None:
        if message["aid"] == "rtn_data":
            self._peeking = False
            self.tree = applied(self.tree, message.get("data") or [])
            self._hear()
        elif message["aid"] == "qry_settlement_info":
            self.statements[str(message.get("trading_day"))] = str(message.get("settlement_info") or "")

    def _hear(self) -> None:
        notices = self.tree.get("notify", {})
        for key, row in notices.items() if isinstance(notices, dict) else ():
            if key not in self._known and isinstance(row, dict):
                self._known.add(key)
                code = row.get("code")
                words = str(row.get("content", ""))
                self.notices.append(Notice(key, code if isinstance(code, int) else 0, str(row.get("level", "")), words))

    def drop(self) -> None:
        """Forget the line; the next call opens another."""
        if self._line is not None:
            self._line.close()
        self._line = None

    def close(self) -> None:
        with self.turn:
            self.drop()
            self._closed = True
