"""Fills of one account and trading day as one block of int64 columns: made from the rows of a statement, read without them.

Layout (docs/snapshot-format.md): the eight bytes `HBFILL01`, the length of the header as little-endian unsigned 32-bit, the
header as canonical JSON, then each column of `COLUMNS` as little-endian int64. Fills stand in the order they count.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from hedge_core.canonical import canonical_bytes
from hedge_core.errors import ContractViolation
from hedge_core.lots import in_day_order
from hedge_core.model.futures import SPLITS_TODAY, Fill, HedgeFlag, Offset
from hedge_core.recalculation.columns import FIFO, OLDER, TODAY, Ints
from hedge_core.settlement.units import column, places_of, to_units

MAGIC: Final = b"HBFILL01"
COLUMNS: Final = ("instrument", "direction", "hedge_flag", "opens", "reach", "lots", "price", "fee")
FLAGS: Final = tuple(HedgeFlag)
_REACH: Final = {Offset.CLOSE_TODAY: TODAY, Offset.CLOSE_YESTERDAY: OLDER}


@dataclass(frozen=True, slots=True)
class Block:
    """A block read: `columns` has one row per name of `COLUMNS`; prices in 10^-`price_places`, fees in 10^-`fee_places`."""

    account: str
    currency: str
    trading_day: date
    instruments: tuple[str, ...]
    price_places: int
    fee_places: int
    columns: Ints

    def __len__(self) -> int:
        return int(self.columns.shape[1])


def encode_block(account: str, currency: str, trading_day: date, fills: Sequence[Fill]) -> bytes:
    """The block of one account's fills of one day; the same fills in any order give the same bytes. ValueError for a fill
    of another account or day."""
    for fill in fills:
        if (fill.account, fill.trading_day) != (account, trading_day):
            raise ValueError(f"{fill.key} is not of {account} on {trading_day}")
    ordered = in_day_order(fills)
    instruments = sorted({fill.instrument for fill in ordered})
    place = {name: number for number, name in enumerate(instruments)}
    prices, fees = places_of(fill.price for fill in ordered), places_of((fill.fee for fill in ordered), 2)
    header = canonical_bytes(
        {
            "account": account,
            "currency": currency,
            "trading_day": trading_day,
            "instruments": instruments,
            "price_places": prices,
            "fee_places": fees,
            "columns": list(COLUMNS),
            "rows": len(ordered),
        }
    )
    columns = (
        column(place[fill.instrument] for fill in ordered),
        column(fill.direction.sign for fill in ordered),
        column(FLAGS.index(fill.hedge_flag) for fill in ordered),
        column(int(fill.offset.opens) for fill in ordered),
        column(reach_of(fill) for fill in ordered),
        column(fill.lots for fill in ordered),
        column(to_units(fill.price, prices) for fill in ordered),
        column(to_units(fill.fee, fees) for fill in ordered),
    )
    return b"".join([MAGIC, len(header).to_bytes(4, "little"), header, *(values.tobytes() for values in columns)])


def reach_of(fill: Fill) -> int:
    """What a closing fill may close, as `hedge_core.lots` decides it."""
    return _REACH.get(fill.offset, FIFO) if fill.exchange in SPLITS_TODAY else FIFO


def decode_block(body: bytes) -> Block:
    """Read a block; bytes that are none raise `ContractViolation`."""
    try:
        if body[:8] != MAGIC:
            raise ValueError("does not start as a block of fills")
        start = 12 + int.from_bytes(body[8:12], "little")
        head = json.loads(body[12:start])
        if head["columns"] != list(COLUMNS):
            raise ValueError("other columns")
        values = np.frombuffer(body, dtype="<i8", offset=start).reshape(len(COLUMNS), head["rows"])
        return Block(
            head["account"],
            head["currency"],
            date.fromisoformat(head["trading_day"]),
            tuple(head["instruments"]),
            head["price_places"],
            head["fee_places"],
            values,
        )
    except (KeyError, TypeError, ValueError) as problem:
        raise ContractViolation("fill_block", f"{type(problem).__name__}: {problem}", system="HedgeBridge") from problem
