"""A broker's desk that states its days by hand: futures settled daily, options paid by premium, exercises, any currency.

It counts in plain Decimals, lot by lot, and knows nothing of the engine; `day` gives the statement that the broker would send,
with prices beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal

from hedge_core.model.futures import (
    AccountFunds,
    AccountStatement,
    CashMovement,
    Direction,
    Exercise,
    Fill,
    HedgeFlag,
    Offset,
    PositionDetail,
    SettlementPrice,
)
from tests.support.databases import HandClock

D = Decimal
ZERO = D(0)
BUY, SELL = Direction.BUY, Direction.SELL
FUNDS_NAMES = tuple(AccountFunds.__dataclass_fields__)


def move_to(clock: HandClock, day: date) -> None:
    """The evening of a day, on which its statement comes; a clock is never put back."""
    evening = datetime.combine(day, time(12), UTC)
    clock.sleep(max(0.0, (evening - clock.now()).total_seconds()))


@dataclass
class Held:
    """Lots of one opening."""

    instrument: str
    direction: Direction
    opened: date
    price: Decimal
    lots: int


@dataclass
class Desk:
    """One account in one currency. `sizes` by instrument; names with a strike (`…C70000`, `…P70000`) are options."""

    account: str
    balance: Decimal
    sizes: Mapping[str, int]
    currency: str = "CNY"
    held: list[Held] = field(default_factory=list)
    marks: dict[str, Decimal] = field(default_factory=dict)
    number: int = 0

    def is_option(self, instrument: str) -> bool:
        return any(letter in instrument.partition(".")[2][3:] for letter in "CP")

    def fill(
        self,
        day: date,
        instrument: str,
        direction: Direction,
        offset: Offset,
        lots: int,
        price: int | str,
        fee: str = "0",
    ) -> Fill:
        self.number += 1
        exact, size = D(price), self.sizes[instrument]
        return Fill(
            self.account, instrument.split(".")[0], str(1000 + self.number), day, instrument, direction, offset,
            HedgeFlag.HEDGE, lots, exact, exact * lots * size, D(fee), ZERO, currency=self.currency,
        )  # fmt: skip

    def day(
        self,
        day: date,
        prices: Mapping[str, int | str],
        fills: Sequence[Fill] = (),
        cash: Sequence[tuple[str, str]] = (),
        exercise: tuple[str, Direction, int, int, str] | None = None,
    ) -> tuple[AccountStatement, list[SettlementPrice]]:
        """Settle. `cash` is (kind, signed amount); `exercise` is (option, side held, lots, strike, outcome)."""
        marks = {name: D(price) for name, price in prices.items()}
        realised = premium_in = premium_out = ZERO
        printed: list[Fill] = []
        for row in fills:
            mine = ZERO
            size = self.sizes[row.instrument]
            if self.is_option(row.instrument):
                paid = row.price * row.lots * size
                premium_out += paid if row.direction is BUY else ZERO
                premium_in += paid if row.direction is SELL else ZERO
            if row.offset.opens:
                self.held.append(Held(row.instrument, row.direction, day, row.price, row.lots))
                printed.append(row)
                continue
            for lot, count in self._close(row.instrument, row.direction.opposite, row.lots):
                if not self.is_option(row.instrument):
                    base = lot.price if lot.opened == day else self.marks[row.instrument]
                    mine += lot.direction.sign * size * count * (row.price - base)
            realised += mine
            printed.append(replace(row, realised_mtm=mine))
        exercises: tuple[Exercise, ...] = ()
        if exercise is not None:
            option, side, lots, strike, outcome = exercise
            self._close(option, side, lots)
            exercises = (
                Exercise(
                    day, option.split(".")[0], option, HedgeFlag.HEDGE, side, outcome, lots, D(strike), ZERO, ZERO, ZERO
                ),
            )
            if outcome != "放弃":
                call = "C" in option.partition(".")[2][3:]
                future = option[: option.index("C" if call else "P", 8)]
                long = call == (side is BUY)
                self.held.append(Held(future, BUY if long else SELL, day, D(strike), lots))
        rows, holding, long_value, short_value = [], ZERO, ZERO, ZERO
        for lot in self.held:
            size, now = lot.direction.sign * lot.lots * self.sizes[lot.instrument], marks[lot.instrument]
            before = self.marks.get(lot.instrument, now)
            change = value = floating = ZERO
            if self.is_option(lot.instrument):
                value = size * now
                long_value, short_value = long_value + max(value, ZERO), short_value + min(value, ZERO)
            else:
                change = size * (now - (lot.price if lot.opened == day else before))
                floating = size * (now - lot.price)
            holding += change
            rows.append(
                PositionDetail(
                    lot.instrument.split(".")[0], lot.instrument, lot.opened, HedgeFlag.HEDGE, lot.direction, lot.lots,
                    lot.price, before, now, floating, change, ZERO, value,
                )
            )  # fmt: skip
        moved = sum((D(amount) for _, amount in cash), ZERO)
        fee = sum((row.fee for row in fills), ZERO)
        start = self.balance
        self.balance += moved + realised + holding - fee + premium_in - premium_out
        self.marks.update(marks)
        plain = AccountFunds(self.currency, *[ZERO] * (len(FUNDS_NAMES) - 1))
        funds = replace(
            plain, balance_bf=start, deposit_withdrawal=moved, realised_mtm=realised, holding_mtm=holding, fee=fee,
            premium_received=premium_in, premium_paid=premium_out, balance_cf=self.balance, equity=self.balance,
            option_value_long=long_value, option_value_short=short_value, floating=ZERO,
            market_equity=self.balance + long_value + short_value, available=self.balance,
        )  # fmt: skip
        statement = AccountStatement(
            "invented broker", self.account, "invented client", day, day, day, "mtm", funds, tuple(printed), (), tuple(rows),
            cash=tuple(
                CashMovement(day, kind, max(D(amount), ZERO), max(-D(amount), ZERO), self.currency) for kind, amount in cash
            ),
            exercises=exercises, unknown=("closed", "summary", "positions.margin", "funds.margin"),
        )  # fmt: skip
        stored = [
            SettlementPrice("settlement", name, day, price, self.currency, "broker") for name, price in marks.items()
        ]
        return statement, stored

    def _close(self, instrument: str, direction: Direction, lots: int) -> list[tuple[Held, int]]:
        """First in, first out."""
        taken, left = [], lots
        for lot in self.held:
            if left and lot.instrument == instrument and lot.direction is direction and lot.lots:
                count = min(left, lot.lots)
                taken.append((lot, count))
                left -= count
        assert left == 0, "the test asked for the impossible"
        for lot, count in taken:
            lot.lots -= count
        self.held = [lot for lot in self.held if lot.lots]
        return taken
