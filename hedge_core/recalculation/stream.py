"""A book's history as one stream: blocks of fills, opening lots and prices become the kernel's columns, and back to names."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import NDArray

from hedge_core.canonical import canonical_bytes
from hedge_core.errors import RuleBroken
from hedge_core.lots import lot_order
from hedge_core.model.futures import Direction, PositionLot, Product
from hedge_core.products import delivery_month
from hedge_core.recalculation.blocks import COLUMNS, FLAGS, Block
from hedge_core.recalculation.columns import FIFO, FillColumns, Ints, Terms
from hedge_core.settlement.units import places_of, to_units
from messages import Message

Key = tuple[str, str, str, str]
"""Account, instrument, side (the opening direction) and hedge flag."""

_NAMED: Final = 20
"""Problems of one kind that are named one by one."""


@dataclass(frozen=True, slots=True)
class Stream:
    """`keys` in order, `days` from the first opening or fill; money figures are in 10^-`places`. `fees` [account, day] are
    in 10^-`fee_places`. `go_live` [key] is the day a key's opening lots were taken over, −1 without; `left_out` are
    instruments that are no futures."""

    keys: tuple[Key, ...]
    days: tuple[date, ...]
    accounts: tuple[str, ...]
    places: int
    fee_places: int
    fills: FillColumns
    terms: Terms
    fees: Ints
    go_live: Ints
    left_out: tuple[str, ...]

    def keys_bytes(self) -> bytes:
        """What the columns of every result day are about, as canonical bytes."""
        shown = {
            "keys": [list(key) for key in self.keys],
            "accounts": list(self.accounts),
            "money_places": self.places,
            "fee_places": self.fee_places,
            "multipliers": self.terms.multiplier.tolist(),
        }
        return canonical_bytes(shown)


def assemble(
    blocks: Sequence[Block],
    openings: Sequence[tuple[date, Sequence[PositionLot]]],
    prices: Iterable[tuple[str, date, str]],
    products: Mapping[str, Product],
) -> Stream | list[RuleBroken]:
    """One stream of `blocks` (by day), `openings` (go-live day, lots) and settlement prices (instrument, day, figure as
    text). Broken rules: `unknown_instrument`, `fill_figures`, `price_not_positive`."""
    days = tuple(sorted({block.trading_day for block in blocks} | {day for day, _ in openings}))
    taken_over = [(day, lot) for day, lots in openings for lot in sorted(lots, key=lot_order)]
    named = {name for block in blocks for name in block.instruments} | {lot.instrument for _, lot in taken_over}
    left_out = {name for name in named if delivery_month(name) is None}
    unknown = sorted(named - left_out - products.keys())
    if unknown:
        return [_rule("unknown_instrument", name, day=days[-1]) for name in unknown[:_NAMED]]
    instruments = sorted(named)
    accounts = sorted({block.account for block in blocks} | {lot.account for _, lot in taken_over})
    places = max([places_of(lot.open_price for _, lot in taken_over), *(block.price_places for block in blocks)])
    listed = [row for row in prices if row[0] in products]
    places = max([places, *(len(text.partition(".")[2].rstrip("0")) for text in {row[2] for row in listed})])
    fee_places = max([2, *(block.fee_places for block in blocks)])
    number = {name: place for place, name in enumerate(instruments)}
    settlement = _prices(listed, number, days, places)
    if isinstance(settlement, list):
        return settlement

    rows = _rows(blocks, taken_over, number, accounts, days, places, fee_places)
    broken = _figures(rows, accounts, instruments, days)
    if broken:
        return broken
    size = len(instruments) * 2 * len(FLAGS)
    side = np.where(rows["opens"] > 0, rows["direction"], -rows["direction"])
    code = rows["account"] * size + rows["instrument"] * (2 * len(FLAGS)) + (side > 0) * len(FLAGS) + rows["hedge_flag"]
    if left_out:
        future = np.array([name not in left_out for name in instruments])[rows["instrument"]]
        code = np.where(future, code, -1)
    present = np.flatnonzero(np.bincount(code[code >= 0], minlength=len(accounts) * size))
    keys = sorted((_key(int(value), accounts, instruments, size), int(value)) for value in present)
    rank = np.zeros(max(len(accounts) * size, 1), np.int64)
    rank[[value for _, value in keys]] = np.arange(len(keys))
    kept: NDArray[np.intp] | slice = slice(None) if not left_out else np.flatnonzero(code >= 0)
    fills = FillColumns(
        rank[code[kept]],
        rows["day"][kept],
        rows["price"][kept],
        rows["lots"][kept],
        rows["opens"][kept] > 0,
        rows["reach"][kept].astype(np.int8),
    )
    row_of = np.array([number[key[1]] for key, _ in keys], np.int64)
    terms = Terms(
        np.array([Direction(key[2]).sign for key, _ in keys], np.int64),
        np.array([products[key[1]].multiplier for key, _ in keys], np.int64),
        row_of,
        settlement,
    )
    fees = np.zeros((len(accounts), len(days)), np.int64)
    np.add.at(fees, (rows["account"], rows["day"]), rows["fee"])
    go_live = np.full(len(keys), -1, np.int64)
    since = {lot.account: days.index(day) for day, lot in taken_over}
    for place, (key, _) in enumerate(keys):
        go_live[place] = since.get(key[0], -1)
    return Stream(
        tuple(key for key, _ in keys), days, tuple(accounts), places, fee_places, fills, terms, fees, go_live,
        tuple(sorted(left_out)),
    )  # fmt: skip


def _rows(
    blocks: Sequence[Block],
    taken_over: Sequence[tuple[date, PositionLot]],
    number: Mapping[str, int],
    accounts: Sequence[str],
    days: Sequence[date],
    places: int,
    fee_places: int,
) -> dict[str, Ints]:
    """Every fill and opening lot, by day, as one column per name of `COLUMNS`, `account` and `day`."""
    day_number = {day: place for place, day in enumerate(days)}
    account_number = {name: place for place, name in enumerate(accounts)}
    pieces: list[tuple[int, int, Ints]] = [
        (day_number[day], account_number[lot.account], _opening_row(lot, number, places)) for day, lot in taken_over
    ]
    for block in blocks:
        values = block.columns
        if len(block):
            values = values.copy()
            values[0] = np.array([number[name] for name in block.instruments], np.int64)[values[0]]
            if block.price_places < places:
                values[6] *= 10 ** (places - block.price_places)
            if block.fee_places < fee_places:
                values[7] *= 10 ** (fee_places - block.fee_places)
            pieces.append((day_number[block.trading_day], account_number[block.account], values))
    pieces.sort(key=lambda piece: piece[0])  # stable: opening lots stand before a day's fills
    if not pieces:
        return {name: np.zeros(0, np.int64) for name in (*COLUMNS, "account", "day")}
    lengths = [piece.shape[1] for _, _, piece in pieces]
    table = np.concatenate([piece for _, _, piece in pieces], axis=1)
    rows = {name: table[place] for place, name in enumerate(COLUMNS)}
    rows["day"] = np.repeat(np.array([day for day, _, _ in pieces]), lengths)
    rows["account"] = np.repeat(np.array([account for _, account, _ in pieces]), lengths)
    return rows


def _opening_row(lot: PositionLot, number: Mapping[str, int], places: int) -> Ints:
    flag = FLAGS.index(lot.hedge_flag)
    price = to_units(lot.open_price, places)
    return np.array([[number[lot.instrument], lot.direction.sign, flag, 1, FIFO, lot.lots, price, 0]], np.int64).T


def _figures(
    rows: Mapping[str, Ints], accounts: Sequence[str], instruments: Sequence[str], days: Sequence[date]
) -> list[RuleBroken]:
    wrong = np.flatnonzero((rows["lots"] <= 0) | (rows["price"] <= 0))[:_NAMED]
    return [
        RuleBroken(
            "fill_figures",
            f"{accounts[rows['account'][at]]}/{days[rows['day'][at]]:%Y%m%d}/{instruments[rows['instrument'][at]]}",
            Message(
                "settlement.figures_not_positive", {"lots": int(rows["lots"][at]), "price": int(rows["price"][at])}
            ),
        )
        for at in wrong.tolist()
    ]


def _prices(
    listed: Sequence[tuple[str, date, str]], number: Mapping[str, int], days: Sequence[date], places: int
) -> Ints | list[RuleBroken]:
    """Settlement prices [instrument, day] in smallest units, 0 where there is none."""
    table = np.zeros((len(number), len(days)), np.int64)
    day_number = {day: place for place, day in enumerate(days)}
    at, values = [], []
    for name, day, text in listed:
        row, column = number.get(name), day_number.get(day)
        if row is None or column is None:
            continue
        whole, _, rest = text.partition(".")
        units = int(whole + rest.rstrip("0").ljust(places, "0"))
        if units <= 0:
            return [_rule("price_not_positive", name, price=text)]
        at.append(row * len(days) + column)
        values.append(units)
    table.ravel()[at] = values
    return table


def _key(value: int, accounts: Sequence[str], instruments: Sequence[str], size: int) -> Key:
    account, rest = divmod(value, size)
    instrument, rest = divmod(rest, 2 * len(FLAGS))
    long, flag = divmod(rest, len(FLAGS))
    side = Direction.BUY if long else Direction.SELL
    return accounts[account], instruments[instrument], side.value, FLAGS[flag].value


def _rule(rule: str, record: str, **params: object) -> RuleBroken:
    return RuleBroken(rule, record, Message(f"settlement.{rule}", params))
