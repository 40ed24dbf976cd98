"""The exchange behind the gateway: instruments with a price each, orders that fill against it, accounts, the end of a day.

A limit order that reaches the price fills at it, as far as `liquidity` goes; the rest waits for the price or for more
liquidity. The end of a day marks every lot to the settlement price, moves today's lots to history and clears orders and fills.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

SPLITS_TODAY = frozenset({"SHFE", "INE"})
BUY, SELL = "BUY", "SELL"


@dataclass(slots=True)
class Instrument:
    """What is traded. `margin` is a rate of the turnover, `fee` per lot; `settlement` is None until the day is settled."""

    multiplier: int
    tick: Decimal
    margin: Decimal
    fee: Decimal
    last: Decimal
    pre_settlement: Decimal
    settlement: Decimal | None = None
    close: Decimal | None = None
    liquidity: int | None = None

    def limit(self, sign: int) -> Decimal:
        return (self.pre_settlement * (10 + sign) / 10 // self.tick) * self.tick


@dataclass(slots=True)
class Lot:
    """The open rest of an opening fill. `base` is what the day's result is counted from."""

    symbol: str
    side: str
    lots: int
    open_price: Decimal
    base: Decimal
    today: bool = True


@dataclass(slots=True)
class Order:
    """An order as the gateway knows it."""

    order_id: str
    symbol: str
    direction: str
    offset: str
    price: Decimal
    lots: int
    left: int
    at: int
    alive: bool = True
    exchange_id: str = ""
    message: str = ""


@dataclass(slots=True)
class Fill:
    """One execution."""

    key: str
    exchange_trade_id: str
    order_id: str
    symbol: str
    direction: str
    offset: str
    lots: int
    price: Decimal
    fee: Decimal
    at: int


@dataclass(slots=True)
class Account:
    """One user with one account in CNY."""

    user: str
    password: str
    pre_balance: Decimal = Decimal("1000000")
    deposit: Decimal = Decimal(0)
    withdraw: Decimal = Decimal(0)
    close_profit: Decimal = Decimal(0)
    fee: Decimal = Decimal(0)
    lots: list[Lot] = field(default_factory=list)
    orders: dict[str, Order] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    """Symbols that had a position today: their entries stay until the day is over."""


class Refused(Exception):
    """An order the gateway does not take: notice code and text."""

    def __init__(self, code: int, text: str) -> None:
        self.code, self.text = code, text
        super().__init__(text)


class Exchange:
    """All accounts and instruments. Not locked: the gateway calls it under its own lock."""

    def __init__(self, trading_day: date = date(2026, 11, 23)) -> None:
        self.trading_day = trading_day
        self.clock = datetime(2026, 11, 23, 2, 0, tzinfo=UTC)
        self.instruments: dict[str, Instrument] = {}
        self.accounts: dict[str, Account] = {}
        self._numbers = count(10001)

    # --- orders -------------------------------------------------------------------------------------------------------

    def insert(self, user: str, order: Order) -> None:
        """Refused, or taken and filled as far as it goes."""
        account = self.accounts[user]
        if order.order_id in account.orders:
            raise Refused(407, "单号重复")
        instrument = self.instruments.get(order.symbol)
        if instrument is None:
            raise Refused(409, "合约不合法")
        account.orders[order.order_id] = order
        try:
            self._check(account, order, instrument)
        except Refused:
            order.alive = False
            raise
        order.exchange_id = str(next(self._numbers))
        account.touched.add(order.symbol)
        self._try(account, order)

    def cancel(self, user: str, order_id: str) -> None:
        order = self.accounts[user].orders.get(order_id)
        if order is None or not order.alive:
            raise Refused(420, "单号不存在或已完结")
        order.alive, order.message = False, "已撤单"

    def set_price(self, symbol: str, last: Decimal) -> None:
        """A new price; resting orders that it reaches fill."""
        self.instruments[symbol].last = last
        self._sweep(symbol)

    def set_liquidity(self, symbol: str, lots: int | None) -> None:
        """How many lots may still trade at the price; None for any number."""
        self.instruments[symbol].liquidity = lots
        self._sweep(symbol)

    def _sweep(self, symbol: str) -> None:
        for account in self.accounts.values():
            for order in account.orders.values():
                if order.alive and order.symbol == symbol:
                    self._try(account, order)

    def _check(self, account: Account, order: Order, instrument: Instrument) -> None:
        if order.price % instrument.tick:
            raise Refused(412, "价格不是最小变动价位的整倍数")
        if order.price > instrument.limit(1):
            raise Refused(404, "已撤单报单被拒绝价格超出涨停板")
        if order.price < instrument.limit(-1):
            raise Refused(405, "已撤单报单被拒绝价格跌破跌停板")
        if order.offset == "OPEN":
            needed = order.price * order.lots * instrument.multiplier * instrument.margin
            if needed > self.figures(account)["available"]:
                raise Refused(413, "保证金不足")
            return
        closable = sum(lot.lots for lot in self._closable(account, order))
        waiting = sum(
            other.left
            for other in account.orders.values()
            if other.alive and other is not order and (other.symbol, other.direction) == (order.symbol, order.direction)
            and other.offset != "OPEN"
        )  # fmt: skip
        if order.lots > closable - waiting:
            code = 414 if order.offset == "CLOSETODAY" else 415 if self._splits(order) else 416
            raise Refused(code, "平仓手数超过持仓")

    def _splits(self, order: Order) -> bool:
        return order.symbol.partition(".")[0] in SPLITS_TODAY

    def _closable(self, account: Account, order: Order) -> list[Lot]:
        side = SELL if order.direction == BUY else BUY
        held = [lot for lot in account.lots if (lot.symbol, lot.side) == (order.symbol, side)]
        if self._splits(order):
            return [lot for lot in held if lot.today == (order.offset == "CLOSETODAY")]
        return held

    def _try(self, account: Account, order: Order) -> None:
        instrument = self.instruments[order.symbol]
        reaches = order.price >= instrument.last if order.direction == BUY else order.price <= instrument.last
        lots = order.left if instrument.liquidity is None else min(order.left, instrument.liquidity)
        if reaches and lots > 0:
            if instrument.liquidity is not None:
                instrument.liquidity -= lots
            self.fill(account, order, lots, instrument.last)

    def fill(self, account: Account, order: Order, lots: int, price: Decimal, number: str = "") -> Fill:
        """Execute a part of an order."""
        instrument = self.instruments[order.symbol]
        number = number or str(next(self._numbers))
        fee = instrument.fee * lots
        account.fee += fee
        order.left -= lots
        order.alive = order.left > 0
        account.touched.add(order.symbol)
        if order.offset == "OPEN":
            account.lots.append(Lot(order.symbol, order.direction, lots, price, price))
        else:
            self._close(account, order, lots, price, instrument.multiplier)
        key = f"{order.order_id}|{len(account.fills) + 1}"
        done = Fill(
            key, number, order.order_id, order.symbol, order.direction, order.offset, lots, price, fee, self.now
        )
        account.fills[key] = done
        return done

    def _close(self, account: Account, order: Order, lots: int, price: Decimal, multiplier: int) -> None:
        sign = 1 if order.direction == SELL else -1
        for lot in self._closable(account, order):
            taken = min(lot.lots, lots)
            lot.lots -= taken
            lots -= taken
            account.close_profit += sign * (price - lot.base) * taken * multiplier
        account.lots = [lot for lot in account.lots if lot.lots]

    @property
    def now(self) -> int:
        """Nanoseconds since 1970."""
        return int(self.clock.timestamp()) * 1_000_000_000

    # --- funds --------------------------------------------------------------------------------------------------------

    def figures(self, account: Account) -> dict[str, Decimal]:
        """The account's figures, each by its definition."""
        position_profit = floating = margin = Decimal(0)
        for lot in account.lots:
            instrument = self.instruments[lot.symbol]
            at = instrument.last if instrument.settlement is None else instrument.settlement
            sign = 1 if lot.side == BUY else -1
            position_profit += sign * (at - lot.base) * lot.lots * instrument.multiplier
            floating += sign * (at - lot.open_price) * lot.lots * instrument.multiplier
            margin += lot.base * lot.lots * instrument.multiplier * instrument.margin
        frozen = sum(
            (
                order.price * order.left * self.instruments[order.symbol].multiplier
                * self.instruments[order.symbol].margin
                for order in account.orders.values()
                if order.alive and order.offset == "OPEN"
            ),
            Decimal(0),
        )  # fmt: skip
        static = account.pre_balance + account.deposit - account.withdraw
        balance = static + account.close_profit + position_profit - account.fee
        return {
            "static_balance": static,
            "position_profit": position_profit,
            "float_profit": floating,
            "balance": balance,
            "margin": margin,
            "frozen_margin": frozen,
            "available": balance - margin - frozen,
        }

    def settle(self, prices: dict[str, Decimal] | None = None) -> None:
        """The day's settlement and closing prices are known; everything is valued at them."""
        for symbol, instrument in self.instruments.items():
            instrument.settlement = (prices or {}).get(symbol, instrument.last)
            instrument.close = instrument.last

    def roll_day(self) -> None:
        """After the settlement: the next trading day begins."""
        for account in self.accounts.values():
            account.pre_balance = self.figures(account)["balance"]
            account.deposit = account.withdraw = account.close_profit = account.fee = Decimal(0)
            account.orders, account.fills = {}, {}
            account.touched = {lot.symbol for lot in account.lots}
            for lot in account.lots:
                lot.today = False
                settled = self.instruments[lot.symbol].settlement
                lot.base = self.instruments[lot.symbol].last if settled is None else settled
        for instrument in self.instruments.values():
            instrument.pre_settlement = instrument.last if instrument.settlement is None else instrument.settlement
            instrument.settlement = instrument.close = None
        days = 3 if self.trading_day.weekday() == 4 else 1
        self.trading_day += timedelta(days=days)
        self.clock += timedelta(days=days)
