"""Known causes of differences, each a small function that offers evidence; the fewest pieces that carry the rest to zero win.

As in a bank reconciliation, a suggestion is a list of steps: what the difference is, what each piece of evidence takes away,
what remains. Nothing is explained by a piece that is merely close: only exact sums end at zero, and a rest stays a rest.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, time
from decimal import Decimal, localcontext
from itertools import combinations
from typing import Final
from zoneinfo import ZoneInfo

from hedge_core.instruments import parse_instrument
from hedge_core.model.futures import AccountStatement, CashMovement, Direction, Fill, PositionDetail
from hedge_core.reconciliation.rows import Cause, ReconciliationRow, RowState, Step
from hedge_core.reconciliation.sides import Side, Source
from hedge_core.rounding import EXACT

MAX_PIECES: Final = 4
"""Evidence that a step list may hold; more pieces than a person checks by eye explain anything."""
MAX_CANDIDATES: Final = 40
_ZERO: Final = Decimal(0)
_ONE_SIDED: Final = frozenset({"SHFE", "INE", "CFFEX"})
"""Exchanges that charge the larger side of a product only (大额单边)."""
_EXCHANGE_TIME: Final = ZoneInfo("Asia/Shanghai")
_NIGHT_BEGINS: Final = time(20)
_NIGHT_ENDS: Final = time(4)


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What is known around the day: the sides compared, the statement, and what neighbouring days brought.

    `fills_elsewhere` are fills of the days before and after, as any side has them; `cash_elsewhere` movements that the bank
    or another statement shows on another day, as (day, amount in less out); `margins` what our side took as margin of each
    lot group, by instrument and side, before the one-sided rule, and `details` the rows of 持仓明细 it is taken from.
    `floating`, `floating_before`: the floating result at the end of this day and of the day before, where one side is
    trade-by-trade."""

    sides: Sequence[Side] = ()
    statement: AccountStatement | None = None
    fills_elsewhere: Sequence[Fill] = ()
    cash_elsewhere: Sequence[tuple[date, Decimal]] = ()
    margins: Sequence[tuple[str, Direction, Decimal]] = ()
    floating: Decimal = _ZERO
    floating_before: Decimal = _ZERO
    night_fills: Sequence[Fill] = ()
    details: Sequence[PositionDetail] = ()


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a difference that some evidence accounts for; signed as the difference is."""

    cause: Cause
    amount: Decimal
    evidence: str


def explain(row: ReconciliationRow, around: Circumstances) -> ReconciliationRow:
    """The row with the steps that known causes suggest, explained if they leave nothing. Steps that leave a rest are kept
    only if they make it smaller; the row stays open then. An overruled row is left as it is."""
    if row.state in (RowState.OVERRULED, RowState.RESOLVED):
        return row
    with localcontext(EXACT):
        pieces = [piece for cause in CAUSES for piece in cause(row, around) if piece.amount][:MAX_CANDIDATES]
        chosen = _exact(row.difference, pieces) or _smaller(row.difference, pieces)
        steps: list[Step] = []
        left = row.difference
        for piece in chosen:
            left -= piece.amount
            steps.append(Step(piece.cause, piece.amount, piece.evidence, left))
    return replace(row, steps=tuple(steps), state=RowState.EXPLAINED if steps and left == 0 else RowState.OPEN)


def _exact(difference: Decimal, pieces: Sequence[Piece]) -> list[Piece]:
    """The fewest pieces that add up to the difference, the first found of equals; none if nothing does."""
    for count in range(1, min(MAX_PIECES, len(pieces)) + 1):
        for chosen in combinations(pieces, count):
            if sum((piece.amount for piece in chosen), _ZERO) == difference:
                return list(chosen)
    return []


def _smaller(difference: Decimal, pieces: Sequence[Piece]) -> list[Piece]:
    """Pieces that each bring the rest nearer to zero, the largest first."""
    chosen: list[Piece] = []
    left = difference
    for piece in sorted(pieces, key=lambda one: -abs(one.amount)):
        if len(chosen) < MAX_PIECES and abs(left - piece.amount) < abs(left):
            chosen.append(piece)
            left -= piece.amount
    return chosen


# --- the causes -------------------------------------------------------------------------------------------------------


def _sign(row: ReconciliationRow, source: Source) -> int:
    """+1 where more on `source`'s side makes the difference larger, −1 where smaller, 0 where it is not compared."""
    return {row.right: 1, row.left: -1}.get(source.value, 0)


def _night_session(row: ReconciliationRow, around: Circumstances) -> Iterator[Piece]:
    """A fill that only one side has, and that stands on a neighbouring day elsewhere; lots that night fills moved."""
    if row.subject == "fill":
        exchange, fill_id, direction, day = row.key.split(" ")[:4]
        for fill in around.fills_elsewhere:
            same = (fill.exchange, fill.fill_id.strip(), fill.direction.value) == (exchange, fill_id, direction)
            if same and fill.trading_day.isoformat() != day:
                yield Piece(Cause.NIGHT_SESSION, row.difference, fill.key)
    if row.subject == "lots":
        instrument, direction = row.key.split(" ")[:2]
        fills = [fill for side in around.sides for fill in side.fills or ()]
        seen: set[str] = set()
        for fill in (*fills, *around.night_fills):
            if fill.instrument != instrument or fill.key in seen or not _is_night(fill):
                continue
            seen.add(fill.key)
            opened = fill.direction if fill.offset.opens else fill.direction.opposite
            if opened.value == direction:
                moved = Decimal(fill.lots if fill.offset.opens else -fill.lots)
                yield Piece(Cause.NIGHT_SESSION, moved if row.difference * moved > 0 else -moved, fill.key)


def _is_night(fill: Fill) -> bool:
    if fill.traded_on is not None and fill.traded_on != fill.trading_day:
        return True
    if fill.traded_at is None:
        return False
    at = fill.traded_at.astimezone(_EXCHANGE_TIME).time()
    return at >= _NIGHT_BEGINS or at < _NIGHT_ENDS


def _fee_billed_later(row: ReconciliationRow, around: Circumstances) -> Iterator[Piece]:
    """Charges that the statement lists apart from its fills, and fees of fills that only the statement prints."""
    if row.subject not in ("fee", "balance", "equity") or around.statement is None:
        return
    sign = _sign(row, Source.STATEMENT) * (1 if row.subject == "fee" else -1)
    for charge in around.statement.other_charges:
        yield Piece(Cause.FEE_BILLED_LATER, sign * (charge.amount_out - charge.amount_in), _movement(charge))
    billed = {fill.fill_id.strip(): fill for fill in around.statement.fills}
    for side in around.sides:
        if side.source is Source.STATEMENT or side.source.value not in (row.left, row.right):
            continue
        for fill in side.fills or ():
            printed = billed.get(fill.fill_id.strip())
            same = printed is not None and (printed.exchange, printed.direction) == (fill.exchange, fill.direction)
            if printed is not None and same and fill.fee == 0 != printed.fee:
                yield Piece(Cause.FEE_BILLED_LATER, sign * printed.fee, printed.key)


def _two_views(row: ReconciliationRow, around: Circumstances) -> Iterator[Piece]:
    """Trade-by-trade balances leave out the floating result: mark-to-market balance − trade balance = floating."""
    views = {side.source.value: side.view for side in around.sides}
    left, right = views.get(row.left), views.get(row.right)
    if row.subject in ("balance", "balance_before") and left != right:
        floating = around.floating if row.subject == "balance" else around.floating_before
        yield Piece(Cause.TWO_VIEWS, floating if right == "mtm" else -floating, "浮动盈亏")


def _one_sided_margin(row: ReconciliationRow, around: Circumstances) -> Iterator[Piece]:
    """Per product the smaller side's margin, which the broker does not take."""
    if row.subject not in ("margin", "available"):
        return
    summed: dict[str, dict[Direction, Decimal]] = {}
    for instrument, direction, margin in around.margins:
        parts = parse_instrument(instrument)
        if parts is not None and parts.exchange in _ONE_SIDED:
            side = summed.setdefault(f"{parts.exchange}.{parts.product}", {})
            side[direction] = side.get(direction, _ZERO) + margin
    # Ours is before the rule: the other side's margin is smaller, the money available larger.
    sign = _sign(row, Source.OURS) * (1 if row.subject == "margin" else -1)
    for product, sides in sorted(summed.items()):
        smaller = min(sides.get(Direction.BUY, _ZERO), sides.get(Direction.SELL, _ZERO))
        yield Piece(Cause.ONE_SIDED_MARGIN, sign * smaller, product)
    for level, saved in _not_charged(around.details):
        yield Piece(Cause.ONE_SIDED_MARGIN, sign * saved, level)


def _not_charged(details: Sequence[PositionDetail]) -> list[tuple[str, Decimal]]:
    """What the rule leaves out in all, by how a broker applies it: per product, per contract, per contract and hedge flag."""
    levels: dict[str, dict[tuple[str, ...], dict[Direction, Decimal]]] = {"品种": {}, "合约": {}, "合约/投保": {}}
    for row in details:
        parts = parse_instrument(row.instrument)
        if parts is None or parts.exchange not in _ONE_SIDED:
            continue
        keys = ((parts.exchange, parts.product), (row.instrument,), (row.instrument, row.hedge_flag.value))
        for found, key in zip(levels.values(), keys, strict=True):
            sides = found.setdefault(key, {})
            sides[row.direction] = sides.get(row.direction, _ZERO) + row.margin
    return [
        (level, sum((min(s.get(Direction.BUY, _ZERO), s.get(Direction.SELL, _ZERO)) for s in found.values()), _ZERO))
        for level, found in levels.items()
    ]


def _delivery(row: ReconciliationRow, around: Circumstances) -> Iterator[Piece]:
    """Lots that delivery closed without a fill, its result and its fee."""
    if around.statement is None:
        return
    sign = _sign(row, Source.STATEMENT)
    for one in around.statement.deliveries:
        evidence = f"{one.instrument} {one.delivered_on.isoformat()}"
        if row.subject == "lots":
            yield from _moved(row, sign, Cause.DELIVERY, one.instrument, one.direction, one.lots, evidence)
        elif row.subject in ("balance", "equity"):
            yield Piece(Cause.DELIVERY, sign * (one.result - one.fee), evidence)
        elif row.subject == "fee":
            yield Piece(Cause.DELIVERY, sign * one.fee, evidence)


def _option_exercise(row: ReconciliationRow, around: Circumstances) -> Iterator[Piece]:
    """Option lots that exercise or assignment took away, the futures it brought, its result and its fee."""
    if around.statement is None:
        return
    sign = _sign(row, Source.STATEMENT)
    for one in around.statement.exercises:
        evidence = f"{one.instrument} {one.traded_on.isoformat()} {one.outcome}"
        if row.subject == "lots":
            yield from _moved(row, sign, Cause.OPTION_EXERCISE, one.instrument, one.direction, one.lots, evidence)
            underlying = _underlying(one.instrument)
            if row.key.split(" ")[0] == underlying:
                more = sign * Decimal(one.lots)
                yield Piece(Cause.OPTION_EXERCISE, more if row.difference * more > 0 else -more, evidence)
        elif row.subject in ("balance", "equity"):
            yield Piece(Cause.OPTION_EXERCISE, sign * (one.result - one.fee), evidence)
        elif row.subject == "fee":
            yield Piece(Cause.OPTION_EXERCISE, sign * one.fee, evidence)


def _moved(
    row: ReconciliationRow, sign: int, cause: Cause, instrument: str, direction: Direction, count: int, evidence: str
) -> Iterator[Piece]:
    """Lots that are gone from the statement's side. Counters print the position's side or the closing one: the row's side
    must be one of the two."""
    parts = row.key.split(" ")
    if parts[0] == instrument and parts[1] in (direction.value, direction.opposite.value):
        yield Piece(cause, Decimal(-sign * count), evidence)


def _underlying(instrument: str) -> str:
    """`SHFE.cu2605` of `SHFE.cu2605C80000`; empty for what is no option."""
    parts = parse_instrument(instrument)
    if parts is None or not parts.is_option:
        return ""
    return f"{parts.exchange}.{parts.product}{parts.month[2:4]}{parts.month[5:]}"


def _deposit_other_day(row: ReconciliationRow, around: Circumstances) -> Iterator[Piece]:
    """Money that one record has today and another on another day: a transfer in the night, or a deposit booked late."""
    if row.subject not in ("deposits", "balance", "equity", "balance_before"):
        return
    for day, amount in around.cash_elsewhere:
        if day != row.trading_day:
            signed = amount if row.difference * amount > 0 else -amount
            yield Piece(Cause.DEPOSIT_OTHER_DAY, signed, day.isoformat())
    if around.statement is not None and row.subject == "deposits":
        sign = _sign(row, Source.STATEMENT)
        for moved in around.statement.cash:
            if moved.moved_on != row.trading_day:
                amount = moved.amount_in - moved.amount_out
                yield Piece(Cause.DEPOSIT_OTHER_DAY, sign * amount, _movement(moved))


def _movement(moved: CashMovement) -> str:
    return " ".join(part for part in (moved.moved_on.isoformat(), moved.kind, moved.note) if part)


CAUSES: Final[tuple[Callable[[ReconciliationRow, Circumstances], Iterable[Piece]], ...]] = (
    _two_views,
    _one_sided_margin,
    _delivery,
    _option_exercise,
    _fee_billed_later,
    _night_session,
    _deposit_other_day,
)
"""Every known cause. A new one is a new function here and a text."""
