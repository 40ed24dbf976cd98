"""A scripted CTP counter that trades: fills, positions and orders as a real one reports them, with an adapter in front."""

from __future__ import annotations

from collections import defaultdict
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from types import TracebackType
from typing import Any, ClassVar

from adapters.broker.ctp import CtpAdapter, CtpOptions
from adapters.reference import load_calendar, load_products
from conformance import Access, Dealt
from connectors.ctp import CtpLogin
from hedge_core.model.broker import HedgeOrder, order_key
from hedge_core.model.futures import Direction, HedgeFlag, Offset
from tests.support.broker_statement import PRICE, copper_statement
from tests.support.ctp_trader import ACCOUNT, DBL_MAX, LOGIN, PASSWORD, Counter, Fault, ScriptedTrader, session_of

WRONG = "wrong-horse-91"
INSTRUMENT = "SHFE.cu2605"
NOW = datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
CODES = {Offset.OPEN: "0", Offset.CLOSE: "1", Offset.CLOSE_TODAY: "3"}
FUNDS = {
    "AccountID": ACCOUNT, "CurrencyID": "CNY", "TradingDay": "20261124", "PreBalance": 1000000.0, "Balance": 1000000.0,
    "Available": 1000000.0,
}  # fmt: skip


class CtpUnderTest:
    """`conformance.BrokerUnderTest` over a scripted trader API in process: CTP has no wire of its own that could be served."""

    name = "ctp"
    not_applicable: ClassVar[dict[str, str]] = {}
    secrets = (WRONG, PASSWORD, LOGIN.auth_code)

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._numbers = count(1001)
        self._dealt: list[Dealt] = []
        self._orders: dict[str, dict[str, Any]] = {}
        self._lost = False
        self.counter = Counter(trading_day="20261124", frequency=50, on_order=self._on_order)
        self.counter.tables["TradingAccount"] = [dict(FUNDS)]

    def __enter__(self) -> CtpUnderTest:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None, /
    ) -> None:
        self._stack.close()

    def adapter(self, access: Access = Access.GOOD, *, orders: bool = False, call_seconds: float = 10) -> CtpAdapter:
        login = LOGIN
        if access is Access.WRONG_SECRET:
            login = CtpLogin(LOGIN.front, LOGIN.broker, LOGIN.user, WRONG, LOGIN.app_id, LOGIN.auth_code)
        counter = self.counter if access is not Access.UNREACHABLE else Counter(reachable=False)
        session = self._stack.enter_context(session_of(counter, login=login, call_seconds=call_seconds))
        return CtpAdapter("ctp", session, load_products(), load_calendar(), CtpOptions(orders), lambda: NOW)

    def trade(self, direction: Direction, offset: Offset, lots: int, *, night: bool = False) -> Dealt:
        number = str(next(self._numbers))
        # at night SHFE dates a trade by the evening, other exchanges by the trading day
        self._book(
            "cu2605", number, direction, offset, lots, "21:30:05" if night else "10:00:01",
            "20261123" if night else "20261124",
        )  # fmt: skip
        dealt = Dealt("SHFE", number, direction, offset, date(2026, 11, 24), INSTRUMENT, lots)
        self._dealt.append(dealt)
        self._show_positions()
        return dealt

    def plant_unknown_instrument(self) -> None:
        self._book("what?", "77", Direction.BUY, Offset.OPEN, 1, "10:00:00", "20261124")

    def cut_next_answer(self) -> None:
        self.counter.fail("ReqQryTrade", Fault(cut_after=1))

    def cut_now(self) -> None:
        for trader in self.counter.traders:
            if trader.spi is not None:
                trader.cut()
                trader.drain()

    def finish_day(self) -> date:
        day = date(2026, 11, 24)
        body = copper_statement(self._dealt, day, ACCOUNT)
        self.counter.tables["SettlementInfo"] = [
            {"TradingDay": "20261124", "SequenceNo": number, "Content": body[place : place + 500]}
            for number, place in enumerate(range(0, len(body), 500), 1)
        ]
        return day

    def login_attempts(self) -> int:
        return self.counter.count("ReqUserLogin")

    def order(self, number: int, *, refused: bool = False) -> HedgeOrder:
        price = Decimal("99990") if refused else PRICE - 1000
        return HedgeOrder(
            order_key(date(2026, 11, 24), number),
            ACCOUNT,
            INSTRUMENT,
            Direction.BUY,
            Offset.OPEN,
            HedgeFlag.HEDGE,
            2,
            price,
        )

    def lose_next_order_answer(self) -> None:
        self._lost = True
        self.counter.fail("ReqOrderInsert", Fault(cut_after=0))

    def orders_received(self) -> int:
        return self.counter.count("ReqOrderInsert")

    # --- the counter's side -------------------------------------------------------------------------------------------

    def _book(
        self, code: str, number: str, direction: Direction, offset: Offset, lots: int, at: str, dated: str
    ) -> None:
        row = {
            "BrokerID": "9999", "InvestorID": ACCOUNT, "InstrumentID": code, "ExchangeID": "SHFE",
            "TradeID": number.rjust(12), "Direction": "0" if direction is Direction.BUY else "1",
            "OffsetFlag": CODES[offset], "HedgeFlag": "3", "Price": float(PRICE), "Volume": lots, "TradeDate": dated,
            "TradeTime": at, "TradingDay": "20261124",
        }  # fmt: skip
        self.counter.tables["Trade"].append(row)
        for trader in self.counter.traders:
            if trader.spi is not None:
                trader.push("OnRtnTrade", "Trade", **row)
                trader.drain()

    def _show_positions(self) -> None:
        held: dict[Direction, int] = defaultdict(int)
        for one in self._dealt:
            side = one.direction if one.offset.opens else one.direction.opposite
            held[side] += one.lots if one.offset.opens else -one.lots
        self.counter.tables["InvestorPosition"] = [
            {
                "InstrumentID": "cu2605", "ExchangeID": "SHFE", "PosiDirection": "2" if side is Direction.BUY else "3",
                "HedgeFlag": "3", "PositionDate": place, "Position": lots if place == "1" else 0,
                "TodayPosition": lots if place == "1" else 0, "SettlementPrice": DBL_MAX, "TradingDay": "20261124",
            }
            for side, lots in held.items()
            for place in "12"
        ]  # fmt: skip

    def _on_order(self, trader: ScriptedTrader, fields: dict[str, Any], request_id: int) -> None:
        if "ActionFlag" in fields:
            row = self._orders[fields["OrderRef"]] | {"OrderStatus": "5", "StatusMsg": "已撤单"}
        else:
            row = {
                "OrderRef": fields["OrderRef"], "InstrumentID": fields["InstrumentID"], "ExchangeID": "SHFE",
                "FrontID": trader.front_id, "SessionID": trader.session_id, "TradingDay": "20261124",
                "VolumeTotalOriginal": fields["VolumeTotalOriginal"], "OrderStatus": "a", "OrderSubmitStatus": "0",
            }  # fmt: skip
            if not self._lost:
                trader.push("OnRtnOrder", "Order", **row)
            if fields["LimitPrice"] > float(PRICE) * 1.1:
                row |= {"OrderStatus": "5", "OrderSubmitStatus": "4", "StatusMsg": "已撤单报单被拒绝价格超出涨停板"}
            else:
                row |= {"OrderStatus": "3", "OrderSubmitStatus": "3", "OrderSysID": "       10031"}
        self._orders[fields["OrderRef"]] = row
        self.counter.tables["Order"] = list(self._orders.values())
        if not self._lost:
            trader.push("OnRtnOrder", "Order", **row)
        self._lost = False
