"""Lots that end without a trade: delivered on the exchange, exercised, abandoned or expired; and lots an exercise opens.

    delivery    the lots named by 交割明细 close at the delivery price, oldest first
    exercise    the option's lots close at nothing; where its underlying is a future, that many lots of it open at the strike:
                a long call or short put gives a long future, a long put or short call a short one
    expiry      what is left of an option on its last day, and what 行权明细 calls abandoned, closes at nothing

Each is a fill of its own making, numbered `delivery-1`, `exercise-1`, `expiry-1` …, so that a lot's end can be opened up.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import Final

from hedge_core.errors import RuleBroken
from hedge_core.instruments import Instrument, parse_instrument
from hedge_core.lots import Consumed, LotMovement, LotsOfDay, lot_order
from hedge_core.model.futures import AccountStatement, Direction, Fill, HedgeFlag, Offset, PositionLot
from hedge_core.settlement.accounts import AccountsOfDay
from messages import Message

ABANDONED: Final = frozenset({"放弃", "放弃行权", "未行权", "否", "到期作废", "abandoned", "expired", "no", "0"})
"""Outcomes (行权明细, in lower case) of an option that was not exercised; anything else is an exercise or an assignment."""

_ZERO: Final = Decimal(0)


@dataclass(frozen=True, slots=True)
class Ending:
    """Lots of an account that end today, as the fill they are shown by; `open_price` names which, None the oldest."""

    fill: Fill
    open_price: Decimal | None = None


def is_option(instrument: str) -> bool:
    """Whether a canonical code is an option's."""
    parts = parse_instrument(instrument)
    return parts is not None and parts.is_option


def opened_by_exercise(
    statements: Iterable[AccountStatement], fills: Sequence[Fill], day: date, futures: Iterable[str]
) -> list[Fill]:
    """The opening fills that exercises and assignments give in `futures` (instruments with a contract size). A fill the
    statement itself lists at the strike, for the same side and lots, stands for it: then none is made."""
    known = set(futures)
    made = []
    numbers: dict[str, int] = {}
    for statement in statements:
        before = numbers.get(statement.account, 0)
        numbers[statement.account] = before + max(len(statement.deliveries), len(statement.exercises))
        listed = [row for row in fills if row.account == statement.account and row.offset.opens]
        for number, row in enumerate(statement.exercises, before + 1):
            parts = parse_instrument(row.instrument)
            if parts is None or not parts.is_option or is_abandoned(row.outcome):
                continue
            future = underlying(parts)
            if future not in known:
                continue  # settled in cash: the statement's exercise result is the whole of it
            long = (parts.right == "C") == (row.direction is Direction.BUY)
            side = Direction.BUY if long else Direction.SELL
            same = [
                one
                for one in listed
                if (one.instrument, one.direction, one.lots, one.price) == (future, side, row.lots, row.strike)
            ]
            if same:
                listed.remove(same[0])
                continue
            made.append(
                _fill(
                    statement,
                    f"exercise-{number}",
                    day,
                    future,
                    side,
                    Offset.OPEN,
                    row.hedge_flag,
                    row.lots,
                    row.strike,
                )
            )
    return made


def underlying(option: Instrument) -> str:
    """The canonical code of the future an option is on."""
    return f"{option.exchange}.{option.product}{option.month[2:4]}{option.month[5:]}"


def endings(
    statements: Iterable[AccountStatement],
    held: Sequence[LotMovement],
    day: date,
    expiries: Mapping[str, date],
    accounts: AccountsOfDay,
) -> list[Ending]:
    """What ends today by the statements' 交割明细 and 行权明细, and by the last days of options in `expiries`."""
    found: list[Ending] = []
    numbers: dict[str, int] = {}
    for statement in statements:
        before = numbers.get(statement.account, 0)
        numbers[statement.account] = before + max(len(statement.deliveries), len(statement.exercises))
        mine = [movement for movement in held if movement.end and _is_of(statement, movement.lot, accounts)]
        for number, gone in enumerate(statement.deliveries, before + 1):
            side = _side(mine, gone.instrument, gone.direction)
            fill = _fill(
                statement, f"delivery-{number}", day, gone.instrument, side.opposite, Offset.CLOSE, gone.hedge_flag,
                gone.lots, gone.delivery_price,
            )  # fmt: skip
            found.append(Ending(fill, gone.open_price if gone.open_price > 0 else None))
        taken: dict[tuple[str, Direction, HedgeFlag], int] = {}
        for number, row in enumerate(statement.exercises, before + 1):
            word = "expiry" if is_abandoned(row.outcome) else "exercise"
            found.append(
                Ending(
                    _fill(
                        statement, f"{word}-{number}", day, row.instrument, row.direction.opposite, Offset.CLOSE,
                        row.hedge_flag, row.lots, _ZERO,
                    )
                )
            )  # fmt: skip
            key = (row.instrument, row.direction, row.hedge_flag)
            taken[key] = taken.get(key, 0) + row.lots
        found += _expired(statement, mine, taken, day, expiries)
    return found


def _is_of(statement: AccountStatement, lot: PositionLot, accounts: AccountsOfDay) -> bool:
    """Whether a statement is about the account and the currency of a lot."""
    return (lot.account, accounts.currency(lot.account, lot.instrument)) == (
        statement.account, statement.funds.currency,
    )  # fmt: skip


def _expired(
    statement: AccountStatement,
    held: Sequence[LotMovement],
    taken: Mapping[tuple[str, Direction, HedgeFlag], int],
    day: date,
    expiries: Mapping[str, date],
) -> Iterator[Ending]:
    left: dict[tuple[str, Direction, HedgeFlag], int] = {}
    for movement in held:
        lot = movement.lot
        last = expiries.get(lot.instrument)
        if last is not None and last <= day and is_option(lot.instrument):
            key = (lot.instrument, lot.direction, lot.hedge_flag)
            left[key] = left.get(key, 0) + movement.end
    for number, (key, lots) in enumerate(sorted(left.items()), 1001):
        rest = lots - taken.get(key, 0)
        if rest > 0:
            instrument, side, flag = key
            yield Ending(
                _fill(
                    statement, f"expiry-{number}", day, instrument, side.opposite, Offset.CLOSE, flag, rest, _ZERO,
                )
            )  # fmt: skip


def end_lots(day: LotsOfDay, ended: Sequence[Ending]) -> LotsOfDay:
    """The day with these lots closed. `end_without_lots` names what asks for more than is open."""
    if not ended:
        return day
    movements = {movement.lot.lot_id: movement for movement in day.movements}
    consumed, broken = list(day.consumed), list(day.broken)
    for ending in ended:
        fill, wanted = ending.fill, ending.fill.lots
        fitting = sorted(
            (m for m in movements.values() if m.end and _fits(m, fill, ending.open_price)),
            key=lambda movement: lot_order(movement.lot),
        )
        for movement in fitting:
            count = min(wanted, movement.end)
            if count:
                movements[movement.lot.lot_id] = replace(movement, closed=movement.closed + count)
                consumed.append(Consumed(movement.lot, fill, count))
                wanted -= count
        if wanted or fill.lots <= 0:
            params = {"instrument": fill.instrument, "lots": fill.lots, "available": fill.lots - wanted}
            broken.append(RuleBroken("end_without_lots", fill.key, Message("settlement.end_without_lots", params)))
    ordered = sorted(consumed, key=lambda row: (row.fill.key, row.lot.lot_id))
    return LotsOfDay(tuple(movements[m.lot.lot_id] for m in day.movements), tuple(ordered), tuple(broken))


def _fits(movement: LotMovement, fill: Fill, open_price: Decimal | None) -> bool:
    lot = movement.lot
    same = (lot.account, lot.instrument, lot.direction, lot.hedge_flag) == (
        fill.account, fill.instrument, fill.direction.opposite, fill.hedge_flag,
    )  # fmt: skip
    return same and open_price in (None, lot.open_price)


def _side(held: Sequence[LotMovement], instrument: str, stated: Direction) -> Direction:
    """The side of the position: counters print it or the closing one, so that the only side held decides."""
    sides = {movement.lot.direction for movement in held if movement.lot.instrument == instrument}
    return next(iter(sides)) if len(sides) == 1 else stated


def is_abandoned(outcome: str) -> bool:
    """Whether an outcome (行权明细) says that the option was not exercised."""
    return outcome.strip().lower() in ABANDONED


def _fill(
    statement: AccountStatement,
    number: str,
    day: date,
    instrument: str,
    direction: Direction,
    offset: Offset,
    flag: HedgeFlag,
    lots: int,
    price: Decimal,
) -> Fill:
    exchange = instrument.partition(".")[0]
    return Fill(
        statement.account, exchange, number, day, instrument, direction, offset, flag, lots, price, _ZERO, _ZERO, _ZERO,
        currency=statement.funds.currency,
    )  # fmt: skip
