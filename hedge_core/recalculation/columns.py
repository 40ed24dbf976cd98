"""Fills and prices as int64 columns, in smallest units, and the proof that no sum can leave int64."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from hedge_core.errors import RuleBroken
from messages import Message

Ints = NDArray[np.int64]
LIMIT: Final = 2**63 - 1

FIFO: Final = 0
TODAY: Final = 1
OLDER: Final = 2
"""What a closing fill may close: the oldest lots, only lots of its own day (平今), only lots of earlier days (平昨)."""


@dataclass(frozen=True, slots=True)
class FillColumns:
    """Fills in the order they count: by trading day, within a day as executed. All columns have the same length.

    `key` numbers the (account, instrument, side, hedge flag); `day` the trading day from 0; `price` is in smallest price
    units; `lots` is positive; `opens` tells opening from closing fills. `reach` says what each closing fill may close
    (`FIFO`, `TODAY`, `OLDER`); None: all of them the oldest."""

    key: Ints
    day: Ints
    price: Ints
    lots: Ints
    opens: NDArray[np.bool_]
    reach: NDArray[np.int8] | None = None

    def __len__(self) -> int:
        return len(self.key)

    def of_key(self, key: int) -> FillColumns:
        """The fills of one key, renumbered as key 0: what a late fill makes necessary to look at again."""
        return self.at(np.flatnonzero(self.key == key)).renumbered()

    def at(self, places: NDArray[Any]) -> FillColumns:
        """The fills at these places, in this order."""
        reach = None if self.reach is None else self.reach[places]
        return FillColumns(
            self.key[places], self.day[places], self.price[places], self.lots[places], self.opens[places], reach
        )

    def renumbered(self) -> FillColumns:
        """The same fills, all under key 0."""
        return FillColumns(np.zeros(len(self), np.int64), self.day, self.price, self.lots, self.opens, self.reach)


@dataclass(frozen=True, slots=True)
class Terms:
    """What turns prices into money, by key: `sign` +1 for long and −1 for short, `multiplier` in money per price unit and
    lot; `instrument` picks the row of `settlement` [instrument, day] (smallest price units)."""

    sign: Ints
    multiplier: Ints
    instrument: Ints
    settlement: Ints

    @property
    def days(self) -> int:
        return int(self.settlement.shape[1])

    def of_key(self, key: int) -> Terms:
        """The terms of one key, renumbered as key 0."""
        row = self.instrument[key]
        return Terms(
            self.sign[key : key + 1],
            self.multiplier[key : key + 1],
            np.zeros(1, np.int64),
            self.settlement[row : row + 1],
        )


def by_key(key: Ints) -> Ints:
    """Positions in the order of keys, equal keys as they came. Few keys are sorted by their digits, in linear time."""
    narrow = key.astype(np.uint16) if len(key) and int(key.max()) < 2**16 and int(key.min()) >= 0 else key
    result: Ints = np.argsort(narrow, kind="stable")
    return result


def within_int64(fills: FillColumns, terms: Terms) -> RuleBroken | None:
    """Proves, with Python's own integers, that no product or sum of the kernel leaves int64; else the broken rule.

    Nothing in the kernel is larger than all lots together valued at the largest price, four times over: opening cost plus
    market value, and the difference of two days."""
    lots = _largest(fills.lots) * len(fills)
    price = max(_largest(fills.price), _largest(terms.settlement)) * max(_largest(terms.multiplier), 1)
    if 4 * lots * max(price, 1) > LIMIT:
        return RuleBroken("out_of_bounds", "recalculation", Message("settlement.out_of_bounds"))
    return None


def _largest(values: NDArray[Any]) -> int:
    return max(abs(int(values.max(initial=0))), abs(int(values.min(initial=0))))
