"""All opened lots of all keys on one axis, and where each closing fill lies on it: what both results and pairs rest on.

Opening fills stand one after the other, key after key, each as long as its lots. With lots closed in the order they were
opened, the closing fills of a key cover its part of the axis from the left: closing fill c covers [start, end).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from hedge_core.errors import RuleBroken
from hedge_core.recalculation.columns import FillColumns, Ints, by_key
from messages import Message


@dataclass(frozen=True, slots=True)
class Axis:
    """`opening` and `closing` are places in the given fills, by key and in order; the rest is aligned to one of them.

    `open_ends` where each opening fill ends on the axis, `open_key` its key; `start`, `end` what a closing fill covers,
    `last` the number of the opening fill in which it ends, `new_key` whether it is its key's first. `first_open[k]` is the
    number of key k's first opening fill, with one entry more for the end."""

    opening: Ints
    closing: Ints
    open_key: Ints
    close_key: Ints
    open_lots: Ints
    close_lots: Ints
    open_ends: Ints
    start: Ints
    end: Ints
    last: Ints
    new_key: Ints
    first_open: Ints
    consumed: Ints
    """By key, up to where the axis has been closed."""


def lay_out(fills: FillColumns, keys: int) -> Axis | RuleBroken:
    """The axis of first-in-first-out closing. `RuleBroken("close_without_open")` names the first key, and in it the first
    fill as they count, that closes more than is open at that moment."""
    order = by_key(fills.key)
    opens = fills.opens[order]
    opening, closing = order[opens], order[~opens]
    open_key, close_key = fills.key[opening], fills.key[closing]
    open_lots, close_lots = fills.lots[opening], fills.lots[closing]
    open_ends, close_ends = np.cumsum(open_lots), np.cumsum(close_lots)
    numbers = np.arange(keys + 1)
    first_open, first_close = np.searchsorted(open_key, numbers), np.searchsorted(close_key, numbers)
    zero = np.zeros(1, np.int64)
    before = np.concatenate((zero, open_ends))
    closed = np.concatenate((zero, close_ends))[first_close]
    base = before[first_open[:-1]]
    end = close_ends + (base - closed[:-1])[close_key]
    new_key = np.zeros(len(closing), np.int64)
    new_key[first_close[:-1][np.diff(first_close) > 0]] = 1

    # a close at place p of the order has p − (its own number) opens before it, and may reach no further than they do
    opened_so_far = before[np.flatnonzero(~opens) - np.arange(len(closing))]
    missing = end - opened_so_far
    wrong = np.flatnonzero(missing > 0)
    if len(wrong):
        at = int(wrong[0])
        return without_open(int(close_key[at]), int(fills.day[closing[at]]), int(missing[at]))
    last = np.searchsorted(open_ends, end)
    return Axis(
        opening, closing, open_key, close_key, open_lots, close_lots, open_ends, end - close_lots, end, last, new_key,
        first_open, base + np.diff(closed),
    )  # fmt: skip


def without_open(key: int, day: int, missing: int) -> RuleBroken:
    """Key and day where `missing` lots more are closed than may be."""
    params = {"key": key, "day": day, "missing": missing}
    return RuleBroken("close_without_open", f"key {key}", Message("recalculation.close_without_open", params))
