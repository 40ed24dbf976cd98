"""Position lots through one trading day: which open lot each closing fill consumes, and what stays open (持仓明细)."""

from __future__ import annotations

from bisect import insort
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.model.futures import SPLITS_TODAY, ClosedLot, Direction, Fill, HedgeFlag, Offset, PositionLot
from messages import Message


@dataclass(frozen=True, slots=True)
class Consumed:
    """`lots` of an open lot that one closing fill took. `lot.direction` is the opening side, `fill.direction` the closing."""

    lot: PositionLot
    fill: Fill
    lots: int


@dataclass(frozen=True, slots=True)
class LotMovement:
    """One lot through the day, in lots (手): `start + opened − closed = end`. Exactly one of start and opened is not zero."""

    lot: PositionLot
    start: int
    opened: int
    closed: int

    @property
    def end(self) -> int:
        return self.start + self.opened - self.closed


@dataclass(frozen=True, slots=True)
class LotsOfDay:
    """What a trading day did to the lots: movements by lot id; consumed by closing fill and lot, each pair once."""

    movements: tuple[LotMovement, ...]
    consumed: tuple[Consumed, ...]
    broken: tuple[RuleBroken, ...]

    @property
    def after(self) -> tuple[PositionLot, ...]:
        """The lots still open, each with its rest."""
        return tuple(m.lot if m.lot.lots == m.end else replace(m.lot, lots=m.end) for m in self.movements if m.end)


def number_order(fill_id: str) -> tuple[int, int, str]:
    """Sort key of a fill id: by value where it is a number ("9" before "10"), other texts after all numbers."""
    text = fill_id.strip()
    return (0, int(text), text) if text.isascii() and text.isdigit() else (1, 0, text)


def lot_order(lot: PositionLot) -> tuple[date, int, tuple[int, int, str], str]:
    """FIFO order of lots: oldest open date, opening state before fills, then the opening fill's number."""
    parts = lot.lot_id.split("/")
    if parts[0] == "opening":
        return lot.open_date, 0, number_order(parts[-1]), lot.lot_id
    return lot.open_date, 1, number_order(parts[-2] if len(parts) >= 5 else lot.lot_id), lot.lot_id


def lot_of(fill: Fill) -> PositionLot:
    """The position lot that an opening fill starts."""
    return PositionLot(
        fill.key,
        fill.account,
        fill.instrument,
        fill.direction,
        fill.hedge_flag,
        fill.trading_day,
        fill.price,
        fill.lots,
    )


def apply_fills(
    opening: Iterable[PositionLot],
    fills: Iterable[Fill],
    trading_day: date,
    closed: Mapping[str, Sequence[ClosedLot]] | None = None,
) -> LotsOfDay:
    """Apply one trading day's fills to the opening lots; `closed` is the statement's 平仓明细 by account.

    Which lot closes (definitions.md): the rows of 平仓明细 where the account has any for that instrument and side; else
    平今 / 平昨 as given on the exchanges that tell them apart; else FIFO. A closing fill touches lots of its own hedge
    flag only. Broken rules are values in the result: `close_without_open`, `closing_detail`, `fill_twice`, `fill_day`,
    `fill_figures`, `lot_day`. A fill that breaks one has no effect, so a result with broken rules is not a day's result.
    """
    day = _Day(trading_day)
    for lot in opening:
        day.carry(lot)
    accepted = day.accept(fills)
    groups: dict[tuple[str, str, Direction], list[ClosedLot]] = {}
    for account, rows in (closed or {}).items():
        for row in rows:
            groups.setdefault((account, row.instrument, row.direction), []).append(row)
    deferred: dict[tuple[str, str, Direction], list[Fill]] = {group: [] for group in groups}
    for fill in accepted:
        if fill.offset.opens:
            day.open(fill)
        elif (group := (fill.account, fill.instrument, fill.direction)) in groups:
            deferred[group].append(fill)  # rows name lots by date and price: all of the day's opens must be there
        else:
            day.close_in_order(fill)
    for group, group_fills in deferred.items():
        day.close_as_stated(group, group_fills, groups[group])
    return day.result()


def in_day_order(fills: Iterable[Fill]) -> list[Fill]:
    """Fills by account and instrument, in time order where every fill of that instrument has a time, else by number."""
    groups: dict[tuple[str, str], list[Fill]] = {}
    for fill in fills:
        groups.setdefault((fill.account, fill.instrument), []).append(fill)
    ordered: list[Fill] = []
    for name in sorted(groups):
        group = groups[name]
        group.sort(key=lambda f: (number_order(f.fill_id), not f.offset.opens, f.key))
        if all(fill.traded_at is not None for fill in group):
            group.sort(key=lambda f: f.traded_at.timestamp() if f.traded_at else 0)  # stable: ties keep number order
        ordered.extend(group)
    return ordered


@dataclass(slots=True)
class _Open:
    """A lot while the day runs."""

    lot: PositionLot
    order: tuple[date, int, tuple[int, int, str], str]
    start: int
    opened: int
    left: int


@dataclass(slots=True)
class _Side:
    """Open lots of one account, instrument, direction and hedge flag, each list in FIFO order."""

    older: deque[_Open] = field(default_factory=deque)
    today: list[_Open] = field(default_factory=list)

    def take_older(self, wanted: int) -> list[tuple[_Open, int]]:
        taken = []
        while wanted and self.older:
            lot = self.older[0]
            count = min(wanted, lot.left)
            lot.left -= count
            wanted -= count
            taken.append((lot, count))
            if not lot.left:
                self.older.popleft()
        return taken

    def take_today(self, wanted: int) -> list[tuple[_Open, int]]:
        taken, done = [], 0
        for lot in self.today:
            if not wanted:
                break
            count = min(wanted, lot.left)
            lot.left -= count
            wanted -= count
            taken.append((lot, count))
            done += not lot.left
        del self.today[:done]
        return taken

    def take_fifo(self, wanted: int) -> list[tuple[_Open, int]]:
        taken = self.take_older(wanted)
        return taken + self.take_today(wanted - sum(count for _, count in taken))

    def count(self) -> int:
        return sum(lot.left for lot in self.older) + sum(lot.left for lot in self.today)

    def count_today(self) -> int:
        return sum(lot.left for lot in self.today)

    def count_older(self) -> int:
        return sum(lot.left for lot in self.older)

    def opened_at(self, open_date: date, open_price: Decimal) -> list[_Open]:
        """Lots with something left that were opened on that date at that price, FIFO."""
        return [
            lot
            for lot in (*self.older, *self.today)
            if lot.left and lot.lot.open_date == open_date and lot.lot.open_price == open_price
        ]


@dataclass(frozen=True, slots=True)
class _Reach:
    """Which of a side's lots an instruction may close: how many there are, and how they are taken."""

    count: Callable[[_Side], int]
    take: Callable[[_Side, int], list[tuple[_Open, int]]]


_FIFO: Final = _Reach(_Side.count, _Side.take_fifo)
_REACH: Final = {
    Offset.CLOSE_TODAY: _Reach(_Side.count_today, _Side.take_today),
    Offset.CLOSE_YESTERDAY: _Reach(_Side.count_older, _Side.take_older),
}


class _Day:
    """The lots of one day while fills are applied."""

    def __init__(self, trading_day: date) -> None:
        self.trading_day = trading_day
        self.sides: dict[tuple[str, str, Direction, HedgeFlag], _Side] = {}
        self.lots: list[_Open] = []
        self.known: set[str] = set()
        self.carried: list[PositionLot] = []
        self.consumed: dict[tuple[str, str], Consumed] = {}
        self.broken: list[RuleBroken] = []

    def carry(self, lot: PositionLot) -> None:
        if lot.lots <= 0 or lot.open_price <= 0:
            self._break(
                "fill_figures", lot.lot_id, "settlement.figures_not_positive", lots=lot.lots, price=lot.open_price
            )
        elif lot.lot_id in self.known:
            self._break("fill_twice", lot.lot_id, "settlement.lot_twice")
        elif lot.open_date >= self.trading_day:
            self._break("lot_day", lot.lot_id, "settlement.lot_day", opened=lot.open_date, day=self.trading_day)
        else:
            self.known.add(lot.lot_id)
            self.carried.append(lot)

    def accept(self, fills: Iterable[Fill]) -> list[Fill]:
        """The usable fills in day order, once the carried lots have been put in FIFO order."""
        for order, lot in sorted(((lot_order(lot), lot) for lot in self.carried), key=lambda pair: pair[0]):
            held = _Open(lot, order, lot.lots, 0, lot.lots)
            self.lots.append(held)
            self._side(lot.account, lot.instrument, lot.direction, lot.hedge_flag).older.append(held)
        usable = []
        for fill in fills:
            if fill.trading_day != self.trading_day:
                self._break("fill_day", fill.key, "settlement.fill_day", day=self.trading_day)
            elif fill.lots <= 0 or fill.price <= 0:
                self._break(
                    "fill_figures", fill.key, "settlement.figures_not_positive", lots=fill.lots, price=fill.price
                )
            elif fill.key in self.known:
                self._break("fill_twice", fill.key, "settlement.fill_twice")
            else:
                self.known.add(fill.key)
                usable.append(fill)
        return in_day_order(usable)

    def open(self, fill: Fill) -> None:
        lot = lot_of(fill)
        held = _Open(lot, lot_order(lot), 0, fill.lots, fill.lots)
        self.lots.append(held)
        side = self._side(fill.account, fill.instrument, fill.direction, fill.hedge_flag)
        insort(side.today, held, key=lambda o: o.order)

    def close_in_order(self, fill: Fill) -> None:
        side = self._closes(fill)
        reach = _REACH.get(fill.offset, _FIFO) if fill.exchange in SPLITS_TODAY else _FIFO
        available = reach.count(side)
        if available < fill.lots:
            self._without_open(fill, available)
            return
        self._consume(fill, reach.take(side, fill.lots))

    def close_as_stated(
        self, group: tuple[str, str, Direction], fills: Sequence[Fill], rows: Sequence[ClosedLot]
    ) -> None:
        """Close what the rows of 平仓明细 name; fills and rows must cover each other exactly, price by price."""
        left = [row.lots for row in rows]
        for fill in fills:
            wanted = fill.lots
            for place in sorted(range(len(rows)), key=lambda i: rows[i].hedge_flag is None):  # rows with a flag first
                row = rows[place]
                if not wanted:
                    break
                if row.close_price != fill.price or row.hedge_flag not in (None, fill.hedge_flag):
                    continue
                for held in self._closes(fill).opened_at(row.open_date, row.open_price):
                    count = min(wanted, left[place], held.left)
                    if count:
                        held.left -= count
                        left[place] -= count
                        wanted -= count
                        self._consume(fill, [(held, count)])
            if wanted:
                self._without_open(fill, fill.lots - wanted)
        for row, rest in zip(rows, left, strict=True):
            if rest:
                account, instrument, _ = group
                self._break(
                    "closing_detail",
                    f"{account}/{instrument}",
                    "settlement.closing_detail",
                    lots=rest,
                    open_date=row.open_date,
                    open_price=row.open_price,
                    close_price=row.close_price,
                )

    def result(self) -> LotsOfDay:
        movements = [LotMovement(o.lot, o.start, o.opened, o.start + o.opened - o.left) for o in self.lots]
        movements.sort(key=lambda movement: movement.lot.lot_id)
        consumed = [self.consumed[pair] for pair in sorted(self.consumed)]
        return LotsOfDay(tuple(movements), tuple(consumed), tuple(self.broken))

    def _side(self, account: str, instrument: str, direction: Direction, flag: HedgeFlag) -> _Side:
        name = (account, instrument, direction, flag)
        side = self.sides.get(name)
        if side is None:
            side = self.sides[name] = _Side()
        return side

    def _closes(self, fill: Fill) -> _Side:
        return self._side(fill.account, fill.instrument, fill.direction.opposite, fill.hedge_flag)

    def _consume(self, fill: Fill, taken: Iterable[tuple[_Open, int]]) -> None:
        for held, count in taken:
            pair = (fill.key, held.lot.lot_id)
            before = self.consumed.get(pair)
            self.consumed[pair] = Consumed(held.lot, fill, count + (before.lots if before else 0))

    def _without_open(self, fill: Fill, available: int) -> None:
        self._break(
            "close_without_open",
            fill.key,
            "settlement.close_without_open",
            instrument=fill.instrument,
            lots=fill.lots,
            available=available,
        )

    def _break(self, rule: str, record: str, message: str, **params: object) -> None:
        self.broken.append(RuleBroken(rule, record, Message(message, params)))
