"""One key lot by lot: for the few keys where closes of today's lots and closes of the oldest ones meet on one day."""

from __future__ import annotations

from collections import deque

import numpy as np

from hedge_core.errors import RuleBroken
from hedge_core.recalculation.axis import without_open
from hedge_core.recalculation.columns import FIFO, OLDER, TODAY, FillColumns, Ints, Terms

Sums = tuple[Ints, Ints, Ints, Ints, Ints]
"""Day, realised (trade), realised (mark-to-market), change of lots and change of opening cost, one row per fill."""


def mixed_keys(fills: FillColumns) -> Ints:
    """Keys that on some day close both lots of that day and simply the oldest: which of them came first then matters."""
    if fills.reach is None or not len(fills):
        return np.zeros(0, np.int64)
    days = int(fills.day.max()) + 1
    cell = fills.key * days + fills.day
    closes = ~fills.opens
    both = np.intersect1d(cell[closes & (fills.reach == TODAY)], cell[closes & (fills.reach == FIFO)])
    result: Ints = np.unique(both // days)
    return result


def one_key_by_lots(fills: FillColumns, terms: Terms, key: int) -> Sums | RuleBroken:
    """The sums of one key's fills, closing lot by lot in the order the fills count. Python integers; the caller has proved
    the bounds (`within_int64`)."""
    worth = int(terms.sign[key]) * int(terms.multiplier[key])
    prices = terms.settlement[int(terms.instrument[key])].tolist()
    older: deque[list[int]] = deque()
    today: deque[list[int]] = deque()
    now = -1
    rows: list[tuple[int, int, int, int, int]] = []
    reaches = fills.reach.tolist() if fills.reach is not None else [FIFO] * len(fills)
    columns = (fills.day.tolist(), fills.price.tolist(), fills.lots.tolist(), fills.opens.tolist(), reaches)
    for day, price, lots, opens, reach in zip(*columns, strict=True):
        if day != now:
            older.extend(today)
            today.clear()
            now = day
        if opens:
            today.append([price, lots])
            rows.append((day, 0, 0, lots, price * lots * worth))
            continue
        trade = mtm = cost = 0
        wanted = lots
        for queue, base in ((older, prices[day - 1] if day else 0), (today, None)):
            if (queue is older and reach == TODAY) or (queue is today and reach == OLDER):
                continue
            while wanted and queue:
                lot = queue[0]
                taken = min(wanted, lot[1])
                trade += (price - lot[0]) * taken * worth
                mtm += (price - (lot[0] if base is None else base)) * taken * worth
                cost += lot[0] * taken * worth
                lot[1] -= taken
                wanted -= taken
                if not lot[1]:
                    queue.popleft()
        if wanted:
            return without_open(key, day, wanted)
        rows.append((day, trade, mtm, -lots, -cost))
    table = np.array(rows, np.int64).reshape(-1, 5)
    return table[:, 0], table[:, 1], table[:, 2], table[:, 3], table[:, 4]
