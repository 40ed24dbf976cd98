"""Every difference between the sides of one account's day: fills by identity, open lots, figures of the funds.

Each pair of sides is compared, so that a row says which of the three stands alone. A fill is the same fill on any road by
(exchange, fill id, direction, trading day); seen by push, query and statement it counts once.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from typing import Final

from hedge_core.model.futures import Direction, Fill, HedgeFlag
from hedge_core.reconciliation.rows import ReconciliationRow
from hedge_core.reconciliation.sides import Held, Side

FillKey = tuple[str, str, str, str]
_ONE: Final = Decimal(1)
_ZERO: Final = Decimal(0)
_FIELD_ORDER: Final = ("lots", "price", "fee", "realised_mtm")
_VIEW_BOUND: Final = frozenset({"realised", "holding"})
"""Results that the two views split differently: never compared across views. Balances are: they differ by the floating
result, which is a known cause."""


def compare(sides: Sequence[Side]) -> list[ReconciliationRow]:
    """All differences, pair by pair in the order of the sides. ValueError unless all are of one account and day."""
    if len({(side.account, side.trading_day, side.currency) for side in sides}) > 1:
        raise ValueError("sides belong to one account, currency and trading day")
    found: list[ReconciliationRow] = []
    for left, right in combinations(sides, 2):
        found += _fills(left, right)
        found += _held(left, right)
        found += _figures(left, right)
    return found


def fill_key(fill: Fill) -> FillKey:
    """The identity of a fill across sources; blanks that pad a counter's numbers do not count."""
    return fill.exchange, fill.fill_id.strip(), fill.direction.value, fill.trading_day.isoformat()


def _fills(left: Side, right: Side) -> Iterator[ReconciliationRow]:
    if left.fills is None or right.fills is None:
        return
    mine, theirs = ({fill_key(fill): fill for fill in side.fills or ()} for side in (left, right))
    for key in sorted(mine.keys() | theirs.keys()):
        name = " ".join(key)
        first, second = mine.get(key), theirs.get(key)
        if first is None or second is None:
            values = (_lots_of(first), _lots_of(second))
            yield _row(left, right, "fill", name, *values, _ONE if first is None else -_ONE)
            continue
        for field in _FIELD_ORDER:
            if field in left.fill_fields & right.fill_fields:
                a, b = Decimal(getattr(first, field)), Decimal(getattr(second, field))
                if a != b:
                    yield _row(left, right, f"fill_{field}", name, a, b, b - a)


def _lots_of(fill: Fill | None) -> Decimal | None:
    return None if fill is None else Decimal(fill.lots)


def _held(left: Side, right: Side) -> Iterator[ReconciliationRow]:
    if left.held is None or right.held is None:
        return
    by_flag = all(row.hedge_flag is not None for side in (left.held, right.held) for row in side)
    mine, theirs = _summed(left.held, by_flag), _summed(right.held, by_flag)
    for key in sorted(mine.keys() | theirs.keys()):
        a, b = mine.get(key), theirs.get(key)
        if a != b:
            difference = (b or _ZERO) - (a or _ZERO)
            yield _row(left, right, "lots", " ".join(part for part in key if part), a, b, difference)


def _summed(rows: Sequence[Held], by_flag: bool) -> dict[tuple[str, str, str], Decimal]:
    """Lots by instrument, side and, where both sides keep them apart, hedge flag."""
    summed: dict[tuple[str, str, str], Decimal] = {}
    for row in rows:
        flag: HedgeFlag | None = row.hedge_flag if by_flag else None
        direction: Direction = row.direction
        key = (row.instrument, direction.value, flag.value if flag else "")
        summed[key] = summed.get(key, _ZERO) + row.lots
    return summed


def _figures(left: Side, right: Side) -> Iterator[ReconciliationRow]:
    names = left.figures.keys() & right.figures.keys()
    if left.view != right.view:
        names -= _VIEW_BOUND
    for name in sorted(names):
        a, b = left.figures[name], right.figures[name]
        if a != b:
            yield _row(left, right, name, left.currency, a, b, b - a)


def _row(
    left: Side, right: Side, subject: str, key: str, a: Decimal | None, b: Decimal | None, difference: Decimal
) -> ReconciliationRow:
    names = (left.source.value, right.source.value)
    return ReconciliationRow(left.account, left.trading_day, subject, key, *names, a, b, difference)
