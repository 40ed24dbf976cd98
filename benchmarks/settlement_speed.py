"""How fast days are settled: fills through `settle_day` and `encode`, beside a plain Python FIFO loop in the same run.

    settle_day     one settlement per trading day with everything it checks: lots, both views, funds, identities,
                   digests of the inputs, comparison with the statement; then the snapshot's bytes and hash
    fifo loop      deques of [price, lots] tuples per instrument, side and flag over the same fills; the four results per
                   instrument and day, and nothing else: no lot ids, digests, checks or snapshot

The results per instrument and day are compared for equality before anything is timed. Rounds are interleaved, figures
are medians.

    python -m benchmarks.settlement_speed [FILLS] [ROUNDS]
"""

from __future__ import annotations

import random
import statistics
import sys
from collections import defaultdict, deque
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from time import perf_counter
from typing import Any

from hedge_core.lots import apply_fills
from hedge_core.model.futures import (
    AccountFunds,
    AccountStatement,
    Direction,
    Fill,
    HedgeFlag,
    Offset,
    Product,
    SettlementPrice,
)
from hedge_core.model.identity import BookId
from hedge_core.settlement import OpeningFunds, Settlement, SettlementInput, settle_day
from hedge_core.snapshot import encode, snapshot_hash

ACCOUNT = "80010001"
FIRST_DAY = date(2024, 1, 1)
PRODUCT = Product("DCE", "m", "soymeal", 10, Decimal(1), "t", date(2020, 1, 1))
INSTRUMENTS = tuple(f"DCE.m26{month:02d}" for month in range(1, 13))
PRODUCTS = dict.fromkeys(INSTRUMENTS, PRODUCT)
FLAGS = (HedgeFlag.HEDGE, HedgeFlag.SPECULATION)

Day = tuple[date, list[Fill], dict[str, int]]
Results = dict[tuple[int, str], tuple[int, int, int, int]]


def trading_days(fills: int, per_day: int = 250) -> list[Day]:
    """Invented days of fills with settlement prices; closes never exceed what is open; the same on every run."""
    dice = random.Random(20260304)
    open_lots: dict[tuple[str, Direction, HedgeFlag], int] = defaultdict(int)
    days: list[Day] = []
    number = 0
    while number < fills:
        day = FIRST_DAY + timedelta(days=len(days))
        made = []
        for _ in range(min(per_day, fills - number)):
            number += 1
            instrument, direction, flag = dice.choice(INSTRUMENTS), dice.choice(list(Direction)), dice.choice(FLAGS)
            held = (instrument, direction.opposite, flag)
            lots = dice.randint(1, 20)
            closes = open_lots[held] > 0 and dice.random() < 0.5
            if closes:
                lots = min(lots, open_lots[held])
                open_lots[held] -= lots
            else:
                open_lots[instrument, direction, flag] += lots
            price = Decimal(dice.randint(2900, 3100))
            offset = Offset.CLOSE if closes else Offset.OPEN
            made.append(
                Fill(
                    ACCOUNT,
                    "DCE",
                    str(number),
                    day,
                    instrument,
                    direction,
                    offset,
                    flag,
                    lots,
                    price,
                    price * lots * 10,
                    Decimal("1.51") * lots,
                    Decimal(0),
                )
            )
        days.append((day, made, {name: dice.randint(2900, 3100) for name in INSTRUMENTS}))
    return days


def settle_all(days: list[Day]) -> list[Settlement]:
    """Every day from the one before, to the hash of its snapshot."""
    given = SettlementInput(BookId("bench"), FIRST_DAY, products=PRODUCTS)
    funds = AccountFunds("CNY", *[Decimal(0)] * (len(AccountFunds.__dataclass_fields__) - 1))
    lots, carried, previous = [], [OpeningFunds(ACCOUNT, "CNY", Decimal(0))], []
    last_hash: str | None = None
    done = []
    for day, fills, prices in days:
        today = [SettlementPrice("settlement", name, day, Decimal(price), "CNY", "") for name, price in prices.items()]
        given = SettlementInput(
            BookId("bench"),
            day,
            1,
            last_hash,
            lots,
            carried,
            fills,
            today,
            previous,
            PRODUCTS,
            [AccountStatement("broker", ACCOUNT, "", day, day, day, "mtm", funds)],
        )
        result = settle_day(given)
        if not isinstance(result, Settlement):
            raise AssertionError([str(rule) for rule in result])
        last_hash = snapshot_hash(encode(result))
        lots, carried, previous = result.figures.lots_after(), result.figures.funds_after(), today
        done.append(result)
    return done


def apply_all(days: list[Day]) -> None:
    """Only the pairing of fills with lots, day after day."""
    lots: Any = ()
    for day, fills, _ in days:
        lots = apply_fills(lots, fills, day).after


def fifo_loop(days: list[Day]) -> Results:
    """The four results by (day, instrument) in yuan: realised by trade, realised mark-to-market, holding, floating."""
    books: dict[tuple[str, Direction, HedgeFlag], deque[list[int]]] = defaultdict(deque)
    previous: dict[str, int] = {}
    results: Results = {}
    for number, (_, fills, prices) in enumerate(days):
        sums = {name: [0, 0, 0, 0] for name in INSTRUMENTS}
        for row in fills:
            lots, price = row.lots, int(row.price)
            if row.offset is Offset.OPEN:
                books[row.instrument, row.direction, row.hedge_flag].append([price, lots, number])
                continue
            book = books[row.instrument, row.direction.opposite, row.hedge_flag]
            size = -10 if row.direction is Direction.BUY else 10
            total = sums[row.instrument]
            while lots:
                head = book[0]
                count = min(lots, head[1])
                base = head[0] if head[2] == number else previous[row.instrument]
                total[0] += (price - head[0]) * count * size
                total[1] += (price - base) * count * size
                head[1] -= count
                lots -= count
                if not head[1]:
                    book.popleft()
        for (name, direction, _), book in books.items():
            settle, total = prices[name], sums[name]
            for price, lots, opened in book:
                size = lots * 10 * direction.sign
                total[2] += (settle - (price if opened == number else previous[name])) * size
                total[3] += (settle - price) * size
        previous = prices
        results.update({(number, name): (a, b, c, d) for name, (a, b, c, d) in sums.items()})
    return results


def by_instrument(settled: list[Settlement]) -> Results:
    """The engine's figures in the loop's form."""
    results: Results = {}
    for number, settlement in enumerate(settled):
        sums = {name: [Decimal(0)] * 4 for name in INSTRUMENTS}
        for lot in settlement.figures.lots():
            figures = (lot.realised_trade, lot.realised_mtm, lot.holding_mtm, lot.floating)
            sums[lot.instrument] = [a + b for a, b in zip(sums[lot.instrument], figures, strict=True)]
        for name, row in sums.items():
            results[number, name] = (int(row[0]), int(row[1]), int(row[2]), int(row[3]))
    return results


def measure(fills: int = 10_000, rounds: int = 3) -> list[dict[str, Any]]:
    """Fills per second of settling, and of pairing lots alone, beside the plain loop in the same interleaved rounds.

    `ratio` of a peer is our time divided by the peer's time on the same fills: below 1 we are faster."""
    days = trading_days(fills)
    if by_instrument(settle_all(days)) != fifo_loop(days):
        raise AssertionError("the engine and the plain loop disagree")
    work: dict[str, Callable[[list[Day]], object]] = {"settle": settle_all, "lots": apply_all, "loop": fifo_loop}
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, run in work.items():
            start = perf_counter()
            run(days)
            seconds[name].append(perf_counter() - start)
    rate = {name: fills / statistics.median(taken) for name, taken in seconds.items()}
    peer = round(rate["loop"])
    return [
        {
            "name": title,
            "value": round(rate[name]),
            "unit": "fills/s",
            "peers": {"plain Python FIFO loop": {"value": peer, "ratio": round(rate["loop"] / rate[name], 1)}},
        }
        for name, title in (("settle", "settlement to hashed snapshot"), ("lots", "pairing fills with lots"))
    ]


def main() -> None:
    for row in measure(*(int(text) for text in sys.argv[1:3])):
        peers = ", ".join(
            f"{name} {peer['value']:,} ({peer['ratio']}× its time)" for name, peer in row["peers"].items()
        )
        print(f"{row['name']}: {row['value']:,} {row['unit']}; {peers}")


if __name__ == "__main__":
    main()
