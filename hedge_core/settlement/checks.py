"""The identities that every settled day must satisfy (facts 3.19), each a small function that looks from another side."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal

from hedge_core.errors import RuleBroken
from hedge_core.lots import LotsOfDay
from hedge_core.model.futures import Direction, Fill, HedgeFlag
from hedge_core.settlement.marking import Marked, Terms
from hedge_core.settlement.rows import FundsResult
from hedge_core.settlement.units import to_units
from messages import Message


def broken_identities(
    fills: Sequence[Fill],
    day: LotsOfDay,
    marked: Marked,
    terms: Mapping[str, Terms],
    funds: Sequence[FundsResult],
) -> list[RuleBroken]:
    """Every identity that does not hold; none is ever expected, and one that appears keeps the day open."""
    return [
        *broken_net_lots(fills, day),
        *_two_views(day, marked),
        *_day_result(fills, day, marked, terms),
        *_funds(funds),
    ]


def broken_net_lots(fills: Sequence[Fill], day: LotsOfDay) -> Iterator[RuleBroken]:
    """Lots at the start + opens − closes = lots at the end, by account, instrument, direction and hedge flag."""
    expected: dict[tuple[str, str, Direction, HedgeFlag], int] = {}
    found: dict[tuple[str, str, Direction, HedgeFlag], int] = {}
    for movement in day.movements:
        lot = movement.lot
        key = (lot.account, lot.instrument, lot.direction, lot.hedge_flag)
        expected[key] = expected.get(key, 0) + movement.start
        found[key] = found.get(key, 0) + movement.end
    for fill in fills:
        side = fill.direction if fill.offset.opens else fill.direction.opposite
        key = (fill.account, fill.instrument, side, fill.hedge_flag)
        expected[key] = expected.get(key, 0) + (fill.lots if fill.offset.opens else -fill.lots)
    for key in sorted(expected.keys() | found.keys()):
        if expected.get(key, 0) != found.get(key, 0):
            yield _broken("identity_net_lots", " ".join(key), expected.get(key, 0), found.get(key, 0))


def _two_views(day: LotsOfDay, marked: Marked) -> Iterator[RuleBroken]:
    """Realised + holding (mark-to-market) = realised (trade-by-trade) + change of floating, lot by lot."""
    lots = marked.lots
    by_day = lots["realised_mtm"] + lots["holding_mtm"]
    by_trade = lots["realised_trade"] + lots["floating"] - lots["floating_before"]
    for place in (by_day != by_trade).nonzero()[0].tolist():
        yield _broken("identity_two_views", day.movements[place].lot.lot_id, int(by_trade[place]), int(by_day[place]))


def _day_result(
    fills: Sequence[Fill], day: LotsOfDay, marked: Marked, terms: Mapping[str, Terms]
) -> Iterator[RuleBroken]:
    """Realised + holding = yesterday's net position × change of the settlement price + fills × (settlement − price):
    no lot is paired on that side, so the order of lots cannot matter. Python integers, smallest units of money."""
    expected: dict[tuple[str, str], int] = {}
    found: dict[tuple[str, str], int] = {}
    results = (marked.lots["realised_mtm"] + marked.lots["holding_mtm"]).tolist()
    for movement, result in zip(day.movements, results, strict=True):
        lot, term = movement.lot, terms[movement.lot.instrument]
        key = (lot.account, lot.instrument)
        moved = (_mark_price(term) - term.previous) * term.money
        expected[key] = expected.get(key, 0) + lot.direction.sign * movement.start * moved
        found[key] = found.get(key, 0) + result
    for fill in fills:
        term = terms[fill.instrument]
        key = (fill.account, fill.instrument)
        gained = (_mark_price(term) - to_units(fill.price, term.places)) * term.money
        expected[key] = expected.get(key, 0) + fill.direction.sign * fill.lots * gained
    for key in sorted(expected):
        if expected[key] != found.get(key, 0):
            yield _broken("identity_day_result", " ".join(key), expected[key], found.get(key, 0))


def _mark_price(term: Terms) -> int:
    """Without a settlement price nothing is left open, and any price gives the same result."""
    return term.settlement or term.previous


def _funds(funds: Sequence[FundsResult]) -> Iterator[RuleBroken]:
    """Both views roll to the same equity: yesterday's trade-by-trade balance + deposits + realised (trade-by-trade)
    − fees + other + today's floating + pledge."""
    for row in funds:
        trade_before = row.balance_before - row.floating_before
        other = row.other - row.delivery_mtm + row.delivery_trade
        trade_balance = trade_before + row.deposits + row.realised_trade - row.fee + other
        equity = trade_balance + row.floating + row.pledge
        if equity != row.equity:
            yield _broken("identity_equity", row.account, equity, row.equity)


def _broken(rule: str, record: str, expected: int | Decimal, found: int | Decimal) -> RuleBroken:
    reason = Message("settlement.identity", {"identity": Message(f"settlement.{rule}")} | _pair(expected, found))
    return RuleBroken(rule, record, reason)


def _pair(expected: int | Decimal, found: int | Decimal) -> dict[str, object]:
    return {"expected": expected, "found": found}
