"""The gateway: one thread per line, login, one rtn_data per peek, orders, settlement texts, quotes, and faults by count."""

from __future__ import annotations

import ipaddress
import json
import secrets
import socket
import threading
from collections import defaultdict
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from sandbox.diff.exchange import Exchange, Order, Refused
from sandbox.diff.tree import patch_between, quote, user_tree
from sandbox.diff.websocket import Gone, ServerLine
from sandbox.http_server import NotLoopback

FAULTS: Final = {
    "cut_before_data": "the line is reset instead of sending data",
    "cut_in_data": "half of a frame is sent, then the line is reset",
    "lose_order_answer": "an order is executed, then the line is reset before a word about it",
    "drop_order": "an order is lost: nothing is executed and nothing said",
    "silent_order": "an order is executed and nothing is said about it until somebody asks in a new session",
}


class Gateway:
    """Listens on a loopback port. `exchange` is shared by all lines, under `lock`."""

    def __init__(self, exchange: Exchange, host: str = "127.0.0.1", port: int = 0, control_token: str = "") -> None:
        if not ipaddress.ip_address(host).is_loopback:
            raise NotLoopback(f"{host} is not a loopback address")
        self.exchange = exchange
        self.lock = threading.RLock()
        self.changed = threading.Condition(self.lock)
        self.statements: dict[tuple[str, str], str] = {}
        """(user, trading day) -> text, for gateways before a counter that has them; a simulation answers nothing."""
        self.answers_settlement = True
        self.faults: dict[str, int] = defaultdict(int)
        self.logins: list[tuple[str, bool]] = []
        self.inserts = 0
        self._token = control_token
        self._lines: set[_Conversation] = set()
        self._server = socket.create_server((host, port))
        self._server.settimeout(0.2)
        self.port: int = self._server.getsockname()[1]
        self.url = f"ws://{host}:{self.port}/"
        self._open = True
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._open = False
        with self.changed:
            lines = list(self._lines)
            self.changed.notify_all()
        for line in lines:
            line.abort()
        self._thread.join(5)
        self._server.close()
        for line in lines:
            line.thread.join(5)

    def cut_all(self) -> None:
        """Reset every line that is open now."""
        with self.lock:
            lines = list(self._lines)
        for line in lines:
            line.abort()

    def fault(self, name: str, times: int = 1) -> None:
        """The next `times` occasions of a fault of `FAULTS`; KeyError for another name."""
        _ = FAULTS[name]
        with self.lock:
            self.faults[name] += times

    def strikes(self, name: str) -> bool:
        """Whether the fault hits now."""
        with self.lock:
            if self.faults[name] <= 0:
                return False
            self.faults[name] -= 1
            return True

    def control(self, message: dict[str, Any]) -> dict[str, Any]:
        """What a test of another process may ask for, with the token that was printed at the start."""
        if not self._token or not secrets.compare_digest(str(message.get("token", "")), self._token):
            return {"aid": "sandbox_control", "ok": False, "reason": "token"}
        what = str(message.get("do", ""))
        with self.changed:
            if what == "roll_day":
                self.exchange.settle()
                self.exchange.roll_day()
            elif what == "settle":
                self.exchange.settle()
            elif what == "price":
                self.exchange.set_price(str(message["symbol"]), Decimal(str(message["price"])))
            elif what == "liquidity":
                lots = message.get("lots")
                self.exchange.set_liquidity(str(message["symbol"]), None if lots is None else int(lots))
            elif what == "fault":
                self.fault(str(message["name"]), int(message.get("times", 1)))
            else:
                return {"aid": "sandbox_control", "ok": False, "reason": f"unknown: {what}"}
            self.changed.notify_all()
        if what == "fault" and message.get("now"):
            self.cut_all()
        return {"aid": "sandbox_control", "ok": True, "trading_day": f"{self.exchange.trading_day:%Y%m%d}"}

    def _accept(self) -> None:
        while self._open:
            try:
                raw, _ = self._server.accept()
            except TimeoutError:
                continue
            except OSError:
                return
            raw.settimeout(None)
            line = _Conversation(self, raw)
            with self.lock:
                self._lines.add(line)
            line.thread.start()

    def forget(self, line: _Conversation) -> None:
        with self.lock:
            self._lines.discard(line)


class _Conversation:
    """One line: what it was told last, and whether it has peeked."""

    def __init__(self, gateway: Gateway, raw: socket.socket) -> None:
        self._gateway = gateway
        self._line = ServerLine(raw)
        self.thread = threading.Thread(target=self._run, daemon=True)
        self._writer = threading.Thread(target=self._answer_peeks, daemon=True)
        self._user = ""
        self._symbols: list[str] = []
        self._peeks = 0
        self._shown: dict[str, Any] = {}
        self._notices: list[dict[str, Any]] = []
        self._muted = False
        self._over = False

    def abort(self) -> None:
        self._over = True
        self._line.abort()
        with self._gateway.changed:
            self._gateway.changed.notify_all()

    def _run(self) -> None:
        try:
            self._line.shake_hands()
            self._send({"aid": "rtn_brokers", "brokers": ["sandbox"]})
            self._writer.start()
            while True:
                self._take(json.loads(self._line.read_text(self._answer_now)))
        except (Gone, ValueError, AttributeError):
            pass
        finally:
            self.abort()
            self._gateway.forget(self)
            if self._writer.ident is not None:
                self._writer.join(5)

    def _take(self, message: dict[str, Any]) -> None:
        aid = message.get("aid")
        if aid == "sandbox_control":
            self._send(self._gateway.control(message))
            return
        with self._gateway.changed:
            if aid == "peek_message":
                self._peeks += 1
                self._answer_now()
            elif aid == "req_login":
                self._log_in(message)
            elif aid == "subscribe_quote":
                self._symbols = [text for text in str(message.get("ins_list", "")).split(",") if text]
            elif aid == "insert_order" and self._user:
                self._insert(message)
            elif aid == "cancel_order" and self._user:
                self._cancel(message)
            elif aid == "qry_settlement_info" and self._user and self._gateway.answers_settlement:
                day = str(message.get("trading_day"))
                text = self._gateway.statements.get((self._user, day), "")
                answer = {"trading_day": message.get("trading_day"), "user_name": self._user, "settlement_info": text}
                self._send({"aid": "qry_settlement_info", **answer})
            self._gateway.changed.notify_all()

    def _log_in(self, message: dict[str, Any]) -> None:
        user = str(message.get("user_name", ""))
        account = self._gateway.exchange.accounts.get(user)
        right = account is not None and account.password == message.get("password")
        self._gateway.logins.append((user, right))
        if not right:
            self._notify("WARNING", 402, "用户登录失败,密码错误")
            return
        self._user = user
        self._notify("INFO", 401, "登录成功")

    def _insert(self, message: dict[str, Any]) -> None:
        gateway = self._gateway
        gateway.inserts += 1
        if gateway.strikes("drop_order"):
            return
        try:
            if message.get("user_id") != self._user:
                raise Refused(408, "下单指令中的用户名错误")
            order = Order(
                order_id=str(message["order_id"]),
                symbol=f"{message['exchange_id']}.{message['instrument_id']}",
                direction=str(message["direction"]),
                offset=str(message["offset"]),
                price=Decimal(str(message["limit_price"])),
                lots=int(message["volume"]),
                left=int(message["volume"]),
                at=gateway.exchange.now,
            )
            gateway.exchange.insert(self._user, order)
            self._notify("INFO", 417, "下单成功")
        except Refused as refused:
            self._notify("WARNING", refused.code, f"下单,已被服务器拒绝,原因:{refused.text}")
        except (KeyError, ValueError, InvalidOperation):
            self._notify("WARNING", 409, "下单, 已被服务器拒绝, 原因:报文不完整")
        if gateway.strikes("lose_order_answer"):
            raise Gone
        if gateway.strikes("silent_order"):
            self._muted = True

    def _cancel(self, message: dict[str, Any]) -> None:
        try:
            self._gateway.exchange.cancel(self._user, str(message.get("order_id")))
            self._notify("INFO", 419, "撤单成功")
        except Refused as refused:
            self._notify("WARNING", refused.code, f"撤单,已被服务器拒绝,原因:{refused.text}")

    def _notify(self, level: str, code: int, content: str) -> None:
        row = {"type": "MESSAGE", "level": level, "code": code, "session_id": 1, "content": content}
        self._notices.append({"notify": {secrets.token_hex(16): row}})

    # --- data ---------------------------------------------------------------------------------------------------------

    def _answer_peeks(self) -> None:
        gateway = self._gateway
        with gateway.changed:
            while not self._over:
                try:
                    self._answer_now()
                except Gone:
                    self.abort()
                    return
                gateway.changed.wait(5)

    def _answer_now(self) -> None:
        """Data for an open peek, if there are any. Under the lock, so that nothing overtakes them."""
        gateway = self._gateway
        with gateway.changed:
            if not self._peeks or self._muted or self._over or not (data := self._news()):
                return
            self._peeks = 0
            if gateway.strikes("cut_before_data"):
                raise Gone
            cut = gateway.strikes("cut_in_data")
            self._send({"aid": "rtn_data", "data": data}, half=cut)
            if cut:
                raise Gone

    def _news(self) -> list[dict[str, Any]]:
        """Everything that has changed since the last data, as patches."""
        exchange = self._gateway.exchange
        now: dict[str, Any] = {}
        if self._user:
            now["trade"] = {self._user: user_tree(exchange, exchange.accounts[self._user])}
        if self._symbols:
            now["quotes"] = {s: quote(exchange, s) if s in exchange.instruments else {} for s in self._symbols}
        patch = patch_between(self._shown, now)
        self._shown = now
        news, self._notices = self._notices, []
        return [*news, *([patch] if patch else [])]

    def _send(self, message: dict[str, Any], *, half: bool = False) -> None:
        self._line.send_text(json.dumps(message, ensure_ascii=False), half=half)
