"""A broker that counts every single lot by hand: the independent second opinion for lots, results and funds.

It keeps one entry per lot (手) in plain lists, works in Decimal and knows nothing of the engine's columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal

from hedge_core.model.futures import (
    AccountFunds,
    AccountStatement,
    CashMovement,
    ClosedLot,
    Direction,
    Fill,
    HedgeFlag,
    Offset,
    PositionDetail,
    Product,
    SettlementPrice,
)

ACCOUNT = "80010001"
COPPER = Product("SHFE", "cu", "copper", 5, Decimal(10), "t", date(2020, 1, 1))
SOYMEAL = Product("DCE", "m", "soymeal", 10, Decimal(1), "t", date(2020, 1, 1))
PRODUCTS = {"SHFE.cu2605": COPPER, "SHFE.cu2606": COPPER, "DCE.m2609": SOYMEAL}


def fill(
    number: int | str,
    day: date,
    direction: Direction,
    offset: Offset,
    lots: int,
    price: int | str,
    *,
    instrument: str = "SHFE.cu2605",
    flag: HedgeFlag = HedgeFlag.HEDGE,
    account: str = ACCOUNT,
    fee: str = "0",
) -> Fill:
    """One execution; turnover as the broker prints it."""
    exact = Decimal(price)
    size = PRODUCTS[instrument].multiplier if instrument in PRODUCTS else 1
    return Fill(
        account,
        instrument.split(".")[0],
        str(number),
        day,
        instrument,
        direction,
        offset,
        flag,
        lots,
        exact,
        exact * lots * size,
        Decimal(fee),
        Decimal(0),
    )


def settlement_prices(day: date, prices: dict[str, Decimal]) -> list[SettlementPrice]:
    return [SettlementPrice("settlement", name, day, price, "CNY", "broker") for name, price in prices.items()]


@dataclass(slots=True)
class _Unit:
    """One lot: a single 手."""

    number: int
    open_date: date
    price: Decimal


@dataclass(slots=True)
class NaiveBroker:
    """`newest_first` makes it close the newest lot (a choice only 平仓明细 can tell the platform about)."""

    account: str = ACCOUNT
    newest_first: bool = False
    balance: Decimal = Decimal(0)
    units: dict[tuple[str, Direction, HedgeFlag], list[_Unit]] = field(default_factory=dict)
    floating: Decimal = Decimal(0)
    realised_trade: Decimal = Decimal(0)
    previous: dict[str, Decimal] = field(default_factory=dict)

    def open_lots(self, instrument: str, direction: Direction, flag: HedgeFlag, day: date, reach: Offset) -> int:
        """How many lots a closing instruction could close."""
        return len(self._reachable((instrument, direction, flag), day, reach))

    def trade(self, row: Fill) -> list[tuple[_Unit, Fill]]:
        """Apply one fill; answers the single lots it closed."""
        if row.offset.opens:
            held = self.units.setdefault((row.instrument, row.direction, row.hedge_flag), [])
            held.extend(_Unit(int(row.fill_id), row.trading_day, row.price) for _ in range(row.lots))
            return []
        key = (row.instrument, row.direction.opposite, row.hedge_flag)
        reach = self._reachable(key, row.trading_day, row.offset)
        chosen = (reach[::-1] if self.newest_first else reach)[: row.lots]
        assert len(chosen) == row.lots, "the test asked the naive broker for the impossible"
        self.units[key] = [unit for unit in self.units[key] if all(unit is not gone for gone in chosen)]
        return [(unit, row) for unit in chosen]

    def day(
        self,
        day: date,
        fills: Sequence[Fill],
        prices: dict[str, Decimal],
        deposit: Decimal = Decimal(0),
        detail: bool = True,
    ) -> AccountStatement:
        """Settle: the day's fills in their order, the statement of it all; `detail` prints 平仓明细."""
        closed = [pair for row in fills for pair in self.trade(row)]
        realised_mtm = Decimal(0)
        self.realised_trade = Decimal(0)
        rows: list[ClosedLot] = []
        for unit, row in closed:
            side = -row.direction.sign * PRODUCTS[row.instrument].multiplier
            base = unit.price if unit.open_date == day else self.previous[row.instrument]
            self.realised_trade += (row.price - unit.price) * side
            realised_mtm += (row.price - base) * side
            shown = self.previous.get(row.instrument, prices[row.instrument])
            rows.append(
                ClosedLot(
                    row.exchange,
                    row.instrument,
                    unit.open_date,
                    row.direction,
                    row.hedge_flag,
                    1,
                    unit.price,
                    shown,
                    row.price,
                    (row.price - base) * side,
                )
            )
        positions, holding, floating = self._positions(day, prices)
        fee = sum((row.fee for row in fills), Decimal(0))
        before, self.balance = self.balance, self.balance + deposit + realised_mtm + holding - fee
        self.floating, self.previous = floating, dict(prices)
        cash = (CashMovement(day, "银期转账", deposit, Decimal(0), "CNY"),) if deposit else ()
        statement = AccountStatement("华岳期货", self.account, "锦禾", day, day, day, "mtm", empty_funds())
        funds = replace(
            statement.funds,
            balance_bf=before,
            deposit_withdrawal=deposit,
            realised_mtm=realised_mtm,
            holding_mtm=holding,
            fee=fee,
            balance_cf=self.balance,
            equity=self.balance,
            margin=Decimal("1234.50"),
        )
        return replace(
            statement,
            funds=funds,
            fills=tuple(fills),
            closed=tuple(rows) if detail else (),
            positions=positions,
            cash=cash,
        )

    def _reachable(self, key: tuple[str, Direction, HedgeFlag], day: date, offset: Offset) -> list[_Unit]:
        units = sorted(self.units.get(key, []), key=lambda unit: (unit.open_date, unit.number))
        if offset is Offset.CLOSE_TODAY:
            return [unit for unit in units if unit.open_date == day]
        if offset is Offset.CLOSE_YESTERDAY:
            return [unit for unit in units if unit.open_date != day]
        return units

    def _positions(self, day: date, prices: dict[str, Decimal]) -> tuple[tuple[PositionDetail, ...], Decimal, Decimal]:
        counted: Counter[tuple[str, Direction, HedgeFlag, date, Decimal]] = Counter()
        for (instrument, direction, flag), units in self.units.items():
            for unit in units:
                counted[instrument, direction, flag, unit.open_date, unit.price] += 1
        rows = []
        for (instrument, direction, flag, opened, price), lots in counted.items():
            size = direction.sign * PRODUCTS[instrument].multiplier * lots
            settle = prices[instrument]
            yesterday = self.previous.get(instrument, settle)
            floating = (settle - price) * size
            holding = (settle - (price if opened == day else yesterday)) * size
            rows.append(
                PositionDetail(
                    instrument.split(".")[0],
                    instrument,
                    opened,
                    flag,
                    direction,
                    lots,
                    price,
                    yesterday,
                    settle,
                    floating,
                    holding,
                    Decimal(0),
                )
            )
        holding_sum = sum((row.holding_mtm for row in rows), Decimal(0))
        return tuple(rows), holding_sum, sum((row.floating for row in rows), Decimal(0))


def empty_funds() -> AccountFunds:
    """Funds of nothing, to `replace` fields in."""
    zeros = [Decimal(0)] * (len(AccountFunds.__dataclass_fields__) - 1)
    return AccountFunds("CNY", *zeros)
