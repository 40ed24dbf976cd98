"""What the demo company's futures desk did in March: the orders of every trading day, filled and settled by the broker's books.

The plan follows the goods. Shorts are opened as stock and priced purchases grow, mostly in the night session, and closed as
goods are sold; longs cover priced sales; the near month is rolled around the 20th; a few speculative lots come and go.
The dice are seeded: the same fills on every run.
"""

from __future__ import annotations

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta, timezone
from decimal import Decimal
from functools import cache

from sandbox.company.broker import (
    CLOSE_HISTORY,
    CLOSE_TODAY,
    HEDGE,
    OPEN,
    OTHER_SIDE,
    SPECULATION,
    ZERO,
    Account,
    AccountDay,
    Cash,
    Fill,
    Lot,
)
from sandbox.company.facts import (
    BROKER_ACCOUNTS,
    CONTRACT_MONTHS,
    COPPER_HEDGE,
    OPENING_DAY,
    PRODUCTS,
    TRADING_DAYS,
    settlement_prices,
)

SHANGHAI = timezone(timedelta(hours=8))
COPPER_ACCOUNT, ALUMINIUM_ACCOUNT = (account for account, _, _ in BROKER_ACCOUNTS)
ROLL_SHARES = {date(2026, 3, 19): 3, date(2026, 3, 20): 2, date(2026, 3, 23): 1}
"""On each roll day one part in so many of the near month's remaining shorts moves on."""
FIRST_ROLL = min(ROLL_SHARES)
QUIET_DAY = (ALUMINIUM_ACCOUNT, date(2026, 3, 12))
"""One account without a single fill on one day: its statement has no transaction section."""
SELF_TRADE_DAY = date(2026, 3, 17)
"""The aluminium account trades with itself once: one fill number, both sides."""
FIRST_FILL = 10007
"""The exchange numbers each day's fills afresh, so numbers repeat from day to day and between accounts."""
_OPENED = (*(date(2026, 2, day) for day in (5, 6, 9, 11, 12, 24, 25, 26, 27)), date(2026, 3, 2))


@dataclass(frozen=True)
class Order:
    """What the desk asked for; `split` fixes the sizes of its fills, else the dice do."""

    instrument: str
    side: str
    offset: str
    flag: str
    lots: int
    night: bool = False
    split: tuple[int, ...] = ()
    same_number: bool = False


@dataclass(frozen=True)
class Desk:
    """How one account is used: sizes in lots as (least, most)."""

    account: str
    commodity: str
    balance: Decimal
    opening_lots: tuple[int, ...]
    opening_price: int
    hedge: tuple[int, int]
    relief: tuple[int, int]
    cover: tuple[int, int]
    speculation: tuple[str, str]
    """(side, delivery month) of the speculative trades."""


DESKS = (
    Desk(COPPER_ACCOUNT, "copper", Decimal("24000000.00"), (24, 15, 30, 18, 12, 25, 20, 16, 10, 14), 79150, (5, 13),
         (3, 9), (3, 6), ("buy", "2606")),
    Desk(ALUMINIUM_ACCOUNT, "aluminium", Decimal("7500000.00"), (30, 22, 18, 36, 25, 20, 28, 16, 12, 18), 20540, (8, 18),
         (5, 13), (4, 9), ("sell", "2605")),
)  # fmt: skip

_CASH: dict[tuple[str, date], tuple[Cash, ...]] = {
    (COPPER_ACCOUNT, date(2026, 3, 6)): (Cash("银期转账", Decimal("2000000.00"), ZERO, "银行转期货"),),
    (COPPER_ACCOUNT, date(2026, 3, 13)): (Cash("银期转账", ZERO, Decimal("800000.00"), "期货转银行"),),
    (COPPER_ACCOUNT, date(2026, 3, 23)): (Cash("利息", Decimal("18422.35"), ZERO, "第一季度保证金利息"),),
    (COPPER_ACCOUNT, date(2026, 3, 31)): (Cash("手续费返还", Decimal("2316.48"), ZERO, "二月交易手续费返还"),),
    (ALUMINIUM_ACCOUNT, date(2026, 3, 10)): (
        Cash("银期转账", Decimal("600000.00"), ZERO, "银行转期货"),
        Cash("银期转账", ZERO, Decimal("50000.00"), "期货转银行"),
    ),
    (ALUMINIUM_ACCOUNT, date(2026, 3, 18)): (Cash("银期转账", ZERO, Decimal("300000.00"), "期货转银行"),),
    (ALUMINIUM_ACCOUNT, date(2026, 3, 23)): (Cash("利息", Decimal("5127.90"), ZERO, "第一季度保证金利息"),),
    (ALUMINIUM_ACCOUNT, date(2026, 3, 25)): (Cash("手续费返还", Decimal("486.00"), ZERO, "二月交易手续费返还"),),
}

_PRICES = settlement_prices()


def prices_of(day: date) -> dict[str, Decimal]:
    """Settlement price of every listed instrument on one trading day; the day before the opening day is made up."""
    if day < OPENING_DAY:
        drop = {code: tick * 6 for _, code, _, tick in PRODUCTS.values()}
        return {name: price - drop[name[:-4]] for name, price in prices_of(OPENING_DAY).items()}
    return {name: price for (name, quoted_on), price in _PRICES.items() if quoted_on == day}


@cache
def month(charged: tuple[tuple[str, date, int, Decimal], ...] = ()) -> dict[str, tuple[AccountDay, ...]]:
    """Every account's settled days, the opening day first.

    `charged` holds (account, trading day, fill id, fee) of fills whose fee the broker corrected afterwards."""
    corrections = {(account, day, fill_id): fee for account, day, fill_id, fee in charged}
    return {desk.account: tuple(_days(desk, corrections)) for desk in DESKS}


def _days(desk: Desk, corrections: Mapping[tuple[str, date, int], Decimal]) -> Iterator[AccountDay]:
    dice = random.Random(f"{desk.account}/2026-03")  # noqa: S311
    _, _, _, tick = PRODUCTS[desk.commodity]
    book = Account(desk.account, desk.balance, _opening_lots(desk, dice))
    before = prices_of(OPENING_DAY - timedelta(days=1))
    yesterday, settled_on = prices_of(OPENING_DAY), OPENING_DAY
    yield book.settle(OPENING_DAY, before, yesterday)
    for number, day in enumerate(TRADING_DAYS):
        today = prices_of(day)
        clock = _clock(settled_on, day, dice)
        fill_id, last = FIRST_FILL, None
        for movement in _CASH.get((desk.account, day), ()):
            book.move_cash(movement)
        for order in _orders(desk, number, day, book, dice):
            if order.same_number and last is not None:
                fill_id, at, price = last.fill_id, last.executed_at, last.price
            else:
                at = next(clock[order.night])
                # A night fill is priced from yesterday's settlement, a later one on the way to today's.
                near = yesterday if order.night else today
                price = near[order.instrument] + tick * dice.randint(-9, 9)
            for lots in order.split or _split(order.lots, dice):
                fill = Fill(fill_id, at, order.instrument, order.side, order.offset, order.flag, lots, price, ZERO,
                            ZERO, ZERO)  # fmt: skip
                last = book.trade(day, yesterday, fill, corrections.get((desk.account, day, fill_id)))
                fill_id += dice.randint(2, 97)
                price += tick * dice.randint(-1, 1)
                at += timedelta(seconds=dice.randint(0, 40))
        yield book.settle(day, yesterday, today)
        yesterday, settled_on = today, day


def _opening_lots(desk: Desk, dice: random.Random) -> list[Lot]:
    _, code, _, tick = PRODUCTS[desk.commodity]
    near, second, _ = CONTRACT_MONTHS[desk.commodity]
    lots = []
    for place, (opened_on, size) in enumerate(zip(_OPENED, desk.opening_lots, strict=True)):
        instrument = f"{code}{second if place % 5 == 4 else near}"
        price = desk.opening_price + tick * dice.randint(-40, 40)
        lots.append(Lot(opened_on, FIRST_FILL + place, instrument, "sell", HEDGE, size, price))
    return lots


def _clock(settled_on: date, day: date, dice: random.Random) -> dict[bool, Iterator[datetime]]:
    """Execution times: the night session stands on the evening of the previous trading day."""

    def ticking(at: datetime) -> Iterator[datetime]:
        while True:
            at += timedelta(minutes=dice.randint(3, 11), seconds=dice.randint(0, 59))
            yield at

    night = datetime(settled_on.year, settled_on.month, settled_on.day, 21, 1, tzinfo=SHANGHAI)
    morning = datetime(day.year, day.month, day.day, 9, 1, tzinfo=SHANGHAI)
    return {True: ticking(night), False: ticking(morning)}


def _split(lots: int, dice: random.Random) -> tuple[int, ...]:
    parts = []
    for left in range(dice.randint(1, 3) if lots > 3 else 1, 1, -1):
        parts.append(dice.randint(1, lots - left + 1))
        lots -= parts[-1]
    return (*parts, lots)


def _orders(desk: Desk, number: int, day: date, book: Account, dice: random.Random) -> Iterator[Order]:
    """One day's orders in the order of execution; sizes look at what the account holds when the order is sent."""
    if (desk.account, day) == QUIET_DAY:
        return
    code = PRODUCTS[desk.commodity][1]
    near, second, _ = (f"{code}{month}" for month in CONTRACT_MONTHS[desk.commodity])
    rolling = day >= FIRST_ROLL
    front = second if rolling or number % 3 == 2 else near
    yield Order(front, "sell", OPEN, HEDGE, dice.randint(*desk.hedge), night=True)
    if number % 5 in (0, 2):
        yield Order(front, "sell", OPEN, HEDGE, dice.randint(*desk.hedge))
    if number % 4 == 1:
        # Part of what was sold last night is bought back: the purchase behind it fell through.
        opened = book.held(front, "sell", HEDGE, on=day)
        yield Order(front, "buy", CLOSE_TODAY, HEDGE, max(1, opened // 3))
    relieved = second if rolling else near
    older = book.held(relieved, "sell", HEDGE, before=day)
    yield Order(relieved, "buy", CLOSE_HISTORY, HEDGE, min(older, dice.randint(*desk.relief)))
    yield from _cover(desk, number, day, second, book, dice)
    yield from _speculate(desk, number, day, book, dice)
    if day in ROLL_SHARES:
        moved = -(-book.held(near, "sell", HEDGE, before=day) // ROLL_SHARES[day])
        yield Order(near, "buy", CLOSE_HISTORY, HEDGE, moved)
        yield Order(second, "sell", OPEN, HEDGE, moved)
    if desk.account == COPPER_ACCOUNT:
        yield from _designated(day)
    if desk.account == ALUMINIUM_ACCOUNT and day == SELF_TRADE_DAY:
        yield Order(second, "sell", OPEN, HEDGE, 2, split=(2,))
        yield Order(second, "buy", OPEN, SPECULATION, 2, split=(2,), same_number=True)


def _cover(desk: Desk, number: int, day: date, instrument: str, book: Account, dice: random.Random) -> Iterator[Order]:
    """Longs for sales priced before the goods are bought, closed a few days later."""
    if number % 3 == 0:
        yield Order(instrument, "buy", OPEN, HEDGE, dice.randint(*desk.cover))
    older = book.held(instrument, "buy", HEDGE, before=day)
    if number % 3 == 2 and older:
        yield Order(instrument, "sell", CLOSE_HISTORY, HEDGE, max(1, older - dice.randint(0, 2)))


def _speculate(desk: Desk, number: int, day: date, book: Account, dice: random.Random) -> Iterator[Order]:
    side, delivery = desk.speculation
    instrument = f"{PRODUCTS[desk.commodity][1]}{delivery}"
    for held_side in OTHER_SIDE:
        older = book.held(instrument, held_side, SPECULATION, before=day)
        if older:
            yield Order(instrument, OTHER_SIDE[held_side], CLOSE_HISTORY, SPECULATION, older)
    if number % 5 == 3:
        lots = dice.randint(2, 4)
        yield Order(instrument, side, OPEN, SPECULATION, lots)
        yield Order(instrument, OTHER_SIDE[side], CLOSE_TODAY, SPECULATION, lots // 2)


def _designated(day: date) -> Iterator[Order]:
    """The shorts of the copper stock's fair-value hedge stand alone in their month, so that nothing else closes them."""
    instrument = COPPER_HEDGE.instrument
    if day == COPPER_HEDGE.designated_on:
        yield Order(instrument, "sell", OPEN, HEDGE, 100, split=(40, 35, 25))
    if day == COPPER_HEDGE.sold_on:
        yield Order(instrument, "buy", CLOSE_HISTORY, HEDGE, 40, split=(40,))
    if day == COPPER_HEDGE.discontinued_on:
        yield Order(instrument, "buy", CLOSE_HISTORY, HEDGE, 60, split=(35, 25))
