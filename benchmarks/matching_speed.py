"""How fast spot legs are matched to futures lots optimally, beside first-in-first-out and the network of all pairs.

    pair_columns     the same in int64 columns, from (group, month, quantity) to (leg, lot, quantity, months between)
    best_pairs       whole quantities in, pairs out: bucketed flow, its exact proof, dealt out to rows oldest first
    match_optimal    the same from spot legs and position lots to rows with ids, exact quantities and reasons
    fifo             `match_fifo` on the same legs and lots: no month counts
    all pairs        one programme over every allowed pair of rows (scipy's HiGHS), which needs no buckets
    by the solver    the flow between buckets by the same solver, which windows to both sides of the leg's month still need

The objective of the bucketed flow (quantity, then months) is compared with that of all pairs before anything is timed, and
the direct flow's with the solver's. Seconds are the processor's: other work on the machine disturbs them least.

    python -m benchmarks.matching_speed [ROWS] [ROUNDS]
"""

from __future__ import annotations

import random
import statistics
import sys
from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal
from time import process_time
from typing import Any
from unittest.mock import patch

import numpy as np
from scipy.optimize import linprog
from scipy.sparse import csr_matrix

from hedge_core import matching_columns
from hedge_core.matching import match_fifo
from hedge_core.matching_columns import PairColumns, Side, pair_columns
from hedge_core.matching_optimal import MonthWindow, best_pairs, match_optimal
from hedge_core.model.futures import Direction, HedgeFlag, PositionLot, Product
from hedge_core.model.identity import BookId, ExternalRef
from hedge_core.model.matches import SpotLeg

DAY = date(2026, 1, 5)
GROUPS = 180
MONTHS = 24
WINDOW = MonthWindow(0, 3)
SMALL = 5_000
"""Rows per side at which all pairs can still be solved while somebody waits."""

Row = tuple[tuple[str, int], int]


def invented_rows(count: int, groups: int = GROUPS, share: float = 1.0) -> list[Row]:
    """Rows of (group, month) and whole lots, evenly spread; `share` scales the lots."""
    dice = random.Random(count + int(share * 100))
    return [
        ((f"g{dice.randrange(groups)}", dice.randrange(MONTHS)), round(dice.randint(1, 200) * share))
        for _ in range(count)
    ]


def all_pairs(legs: list[Row], lots: list[Row]) -> tuple[int, int]:
    """(quantity, quantity × months) of the best flow over every allowed pair of rows."""
    by_bucket: dict[tuple[str, int], list[int]] = {}
    for number, (bucket, _) in enumerate(lots):
        by_bucket.setdefault(bucket, []).append(number)
    pairs = [
        (row, other, gap)
        for row, ((group, month), _) in enumerate(legs)
        for gap in range(WINDOW.earliest, WINDOW.latest + 1)
        for other in by_bucket.get((group, month + gap), ())
    ]
    ends = np.array(pairs, dtype=np.int64)
    gaps = ends[:, 2]
    rows = np.concatenate([ends[:, 0], len(legs) + ends[:, 1]])
    columns = np.tile(np.arange(len(pairs)), 2)
    bounds = csr_matrix((np.ones(len(rows)), (rows, columns)), shape=(len(legs) + len(lots), len(pairs)))
    sizes = [quantity for _, quantity in (*legs, *lots)]
    answer = linprog(gaps - 10_000.0, A_ub=bounds, b_ub=sizes, method="highs-ds")
    flow = np.rint(answer.x).astype(np.int64)
    return int(flow.sum()), int((flow * gaps).sum())


def objective(legs: list[Row], lots: list[Row]) -> tuple[int, int]:
    pairs = best_pairs(legs, lots, WINDOW)
    return sum(pair.quantity for pair in pairs), sum(pair.quantity * pair.gap for pair in pairs)


def invented_business(count: int) -> tuple[list[SpotLeg], list[PositionLot], dict[str, Product]]:
    """Spot legs and position lots of ten commodities over twenty-four months."""
    dice = random.Random(count)
    products: dict[str, Product] = {}
    instruments: list[list[str]] = []
    for code in ("cu", "al", "zn", "pb", "ni", "sn", "ru", "rb", "hc", "ss"):
        product = Product("SHFE", code, code, 5, Decimal(5), "t", date(2020, 1, 1))
        months = [f"SHFE.{code}{26 + month // 12}{month % 12 + 1:02d}" for month in range(MONTHS)]
        products |= dict.fromkeys(months, product)
        instruments.append(months)
    legs, lots = [], []
    for number in range(count):
        months, month = dice.choice(instruments), dice.randrange(MONTHS)
        sign = dice.choice((1, -1))
        ref = ExternalRef("erp", "contract_line", f"{number:07d}")
        named, opened = f"{2026 + month // 12}-{month % 12 + 1:02d}", DAY - timedelta(dice.randrange(200))
        quantity = Decimal(sign * dice.randint(1, 1000))
        legs.append(SpotLeg(ref, "purchase", products[months[0]].commodity, named, opened, quantity))
        instrument, side = dice.choice(dice.choice(instruments)), dice.choice(tuple(Direction))
        lots.append(
            PositionLot(
                f"A1/{number:07d}", "A1", instrument, side, HedgeFlag.HEDGE, opened, Decimal(1), dice.randint(1, 160)
            )
        )
    return legs, lots, products


def columns(rows: list[Row]) -> Side:
    """Rows as columns; groups are named `g` and their number."""
    return Side(
        np.array([int(group[1:]) for (group, _), _ in rows]),
        np.array([month for (_, month), _ in rows]),
        np.array([quantity for _, quantity in rows]),
    )


def by_solver(legs: Side, lots: Side, window: MonthWindow | None) -> PairColumns:
    """`pair_columns` without the direct flow."""
    with patch.object(matching_columns, "month_flow", lambda *_: None):
        return pair_columns(legs, lots, window)


def _sums(pairs: PairColumns) -> tuple[int, int]:
    return int(pairs.quantity.sum()), int((pairs.quantity * abs(pairs.gap)).sum())


def _median(rounds: int, *runs: Callable[[], object]) -> list[float]:
    """Median processor seconds of each, rounds interleaved."""
    taken: list[list[float]] = [[] for _ in runs]
    for _ in range(rounds):
        for times, run in zip(taken, runs, strict=True):
            begun = process_time()
            run()
            times.append(process_time() - begun)
    return [statistics.median(times) for times in taken]


def measure(rows: int = 100_000, rounds: int = 3) -> list[dict[str, Any]]:
    """Seconds for `rows` legs against `rows` lots, and for a size at which all pairs can be solved too. What works on
    records takes long enough to be measured once."""
    few = invented_rows(SMALL), invented_rows(SMALL, share=0.8)
    assert objective(*few) == all_pairs(*few), "the bucketed flow has another objective than all pairs"
    small, network = _median(rounds, lambda: best_pairs(*few, WINDOW), lambda: all_pairs(*few))
    many = invented_rows(rows), invented_rows(rows, share=0.8)
    sides = columns(many[0]), columns(many[1])
    for window in (WINDOW, None):
        assert _sums(pair_columns(*sides, window)) == _sums(by_solver(*sides, window))
    assert _sums(pair_columns(*sides, WINDOW)) == objective(*many)
    large, columnar, solved, any_month, any_solved = _median(
        rounds,
        lambda: best_pairs(*many, WINDOW),
        lambda: pair_columns(*sides, WINDOW),
        lambda: by_solver(*sides, WINDOW),
        lambda: pair_columns(*sides, None),
        lambda: by_solver(*sides, None),
    )
    legs, lots, products = invented_business(rows)
    book = BookId("bench")
    whole, fifo = _median(
        1,
        lambda: match_optimal(book, legs, lots, products, DAY, window=WINDOW),
        lambda: match_fifo(book, legs, lots, products, DAY),
    )
    return [
        {
            "name": f"best_pairs {SMALL:,} × {SMALL:,}",
            "value": small,
            "unit": "s",
            "peers": {"all pairs": {"value": network, "ratio": small / network}},
        },
        {
            "name": f"optimal matching in columns {rows:,} × {rows:,}, months between as the reason",
            "value": columnar,
            "unit": "s",
            "peers": {
                "by the solver": {"value": solved, "ratio": columnar / solved},
                "best_pairs (tuples)": {"value": large, "ratio": columnar / large},
            },
        },
        {
            "name": f"the same with any month allowed, {rows:,} × {rows:,}",
            "value": any_month,
            "unit": "s",
            "peers": {"by the solver": {"value": any_solved, "ratio": any_month / any_solved}},
        },
        {
            "name": f"match_optimal {rows:,} × {rows:,}, rows with reasons",
            "value": whole,
            "unit": "s",
            "peers": {"fifo": {"value": fifo, "ratio": whole / fifo}},
        },
    ]


if __name__ == "__main__":
    for row in measure(*(int(argument) for argument in sys.argv[1:])):
        print(row)
