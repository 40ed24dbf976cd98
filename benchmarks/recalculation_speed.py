"""Recalculating history in memory: all results per key and day and all lot pairs, beside a plain loop on the same fills.

Both run on one core; their rates are by CPU time, which other work on the machine disturbs least.

python -m benchmarks.recalculation_speed [FILLS]      default 1,000,000 fills, 500 days, 8,000 keys
"""

from __future__ import annotations

import statistics
import sys
from collections import deque
from time import perf_counter, process_time
from typing import Any

import numpy as np

from hedge_core.errors import RuleBroken
from hedge_core.recalculation import FillColumns, Terms, recalculate, recalculate_with_pairs

DAYS, KEYS, INSTRUMENTS = 500, 8_000, 200


def stream(fills: int) -> tuple[FillColumns, Terms]:
    """Invented fills in the order of their days; no key ever closes more than it has open."""
    dice = np.random.default_rng(20260304)
    day = np.sort(dice.integers(0, DAYS, fills))
    key = dice.integers(0, KEYS, fills)
    lots = dice.integers(1, 9, fills)
    settlement = 60_000 + np.cumsum(dice.integers(-50, 51, (INSTRUMENTS, DAYS)), axis=1)
    instrument = np.arange(KEYS) // 2 % INSTRUMENTS
    price = settlement[instrument[key], day] + dice.integers(-30, 31, fills)
    opens = dice.random(fills) < 0.52
    held = np.zeros(KEYS, np.int64)
    for i in range(fills):  # a close that would go below zero becomes an open
        signed = lots[i] if opens[i] else -lots[i]
        if held[key[i]] + signed < 0:
            opens[i], signed = True, lots[i]
        held[key[i]] += signed
    columns = FillColumns(key, day, price, lots, opens)
    return columns, Terms(np.where(np.arange(KEYS) % 2 == 0, 1, -1), np.full(KEYS, 5), instrument, settlement)


def plain_loop(fills: FillColumns, terms: Terms) -> tuple[Any, ...]:
    """Deques of [price, day, lots] per key: the same results cell by cell, and the pairs counted."""
    shape = (KEYS, DAYS)
    trade, mtm, cost, held = (np.zeros(shape, np.int64) for _ in range(4))
    books: list[deque[list[int]]] = [deque() for _ in range(KEYS)]
    sign, multiplier = terms.sign.tolist(), terms.multiplier.tolist()
    prices, rows = terms.settlement.tolist(), terms.instrument.tolist()
    pairs = 0
    columns = (fills.key, fills.day, fills.price, fills.lots, fills.opens)
    for key, day, price, count, opens in zip(*(c.tolist() for c in columns), strict=True):
        worth = sign[key] * multiplier[key]
        if opens:
            books[key].append([price, day, count])
            cost[key, day] += multiplier[key] * price * count
            held[key, day] += count
            continue
        held[key, day] -= count
        while count:
            lot = books[key][0]
            taken = min(count, lot[2])
            base = lot[0] if lot[1] == day else prices[rows[key]][day - 1]
            trade[key, day] += worth * taken * (price - lot[0])
            mtm[key, day] += worth * taken * (price - base)
            cost[key, day] -= multiplier[key] * lot[0] * taken
            pairs += 1
            lot[2] -= taken
            count -= taken
            if not lot[2]:
                books[key].popleft()
    market = np.cumsum(held, axis=1) * terms.settlement[terms.instrument] * terms.multiplier[:, None]
    floating = (market - np.cumsum(cost, axis=1)) * terms.sign[:, None]
    holding = trade - mtm + np.diff(floating, axis=1, prepend=0)
    return trade, mtm, holding, floating, pairs


def measure(fills: int = 1_000_000) -> list[dict[str, Any]]:
    """Fills per second of kernel and loop; equality to the last unit is checked before anything is reported."""
    columns, terms = stream(fills)
    started = process_time()
    trade, mtm, holding, floating, pair_count = plain_loop(columns, terms)
    loop = fills / (process_time() - started)
    spent = []
    for _ in range(7):
        started = process_time()
        found = recalculate_with_pairs(columns, terms)
        spent.append(process_time() - started)
    assert not isinstance(found, RuleBroken)
    ours, pairs = found
    for mine, theirs in ((ours.realised_trade, trade), (ours.realised_mtm, mtm), (ours.holding_mtm, holding),
                         (ours.floating, floating)):  # fmt: skip
        assert (mine == theirs).all()
    assert len(pairs.lots) == pair_count
    rate = fills / statistics.median(spent)
    one = []
    for key in range(50):
        late = columns.of_key(key)
        started = perf_counter()
        recalculate(late, terms.of_key(key))
        one.append((perf_counter() - started) * 1e6)
    return [
        {
            "name": f"recalculation in memory, {fills} fills × {DAYS} days × {KEYS} keys, one core",
            "value": round(rate), "unit": "fills/s",
            "peers": {"plain Python loop": {"value": round(loop), "ratio": round(rate / loop, 1)}},
        },
        {
            "name": f"one late fill: its key over {DAYS} days again", "value": round(statistics.median(one)),
            "unit": "µs", "peers": {},
        },
    ]  # fmt: skip


if __name__ == "__main__":
    for row in measure(int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000):
        sys.stdout.write(f"{row}\n")
