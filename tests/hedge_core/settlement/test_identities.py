"""The identities of a settled day notice a figure that is off by one smallest unit."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.lots import LotsOfDay, apply_fills
from hedge_core.model.futures import Direction, Offset
from hedge_core.settlement.checks import broken_identities
from hedge_core.settlement.figures import FUNDS_COLUMNS, FundsResult
from hedge_core.settlement.marking import Marked, Terms, mark, within_bounds
from messages import LANGUAGES, say
from tests.support.naive_broker import ACCOUNT, fill

DAY = date(2026, 3, 9)
FILLS = [
    fill(1, DAY, Direction.SELL, Offset.OPEN, 5, 70200),
    fill(2, DAY, Direction.BUY, Offset.CLOSE_TODAY, 2, 70100),
]
TERMS = {"SHFE.cu2605": Terms(0, 0, 500, 70000, 70300)}


def a_day() -> tuple[LotsOfDay, Marked]:
    day = apply_fills([], FILLS, DAY)
    assert within_bounds(day.movements, day.consumed, TERMS)
    return day, mark(day.movements, day.consumed, TERMS, lambda account, instrument: 0)


def rules(day: LotsOfDay, marked: Marked, *funds: FundsResult) -> list[str]:
    found = broken_identities(FILLS, day, marked, TERMS, funds)
    for rule in found:
        for lang in LANGUAGES:
            assert "{" not in say(rule.message, lang)
    return [rule.rule for rule in found]


def test_a_right_day_breaks_none() -> None:
    assert rules(*a_day()) == []


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        ("holding_mtm", ["identity_two_views", "identity_day_result"]),
        ("floating", ["identity_two_views"]),
        ("realised_trade", ["identity_two_views"]),
    ],
)
def test_one_unit_off_is_noticed(column: str, expected: list[str]) -> None:
    day, marked = a_day()
    wrong = {**marked.lots, column: marked.lots[column] + 1}
    assert rules(day, Marked(wrong, marked.closes)) == expected


def test_a_lot_that_lost_a_close_is_noticed() -> None:
    day, marked = a_day()
    moved = tuple(replace(movement, closed=movement.closed - 1) for movement in day.movements)
    assert rules(replace(day, movements=moved), marked) == ["identity_net_lots"]


def test_an_equity_that_both_views_do_not_share_is_noticed() -> None:
    funds = FundsResult(ACCOUNT, "CNY", *[Decimal(0)] * len(FUNDS_COLUMNS))
    assert rules(*a_day(), replace(funds, equity=Decimal("0.01"))) == ["identity_equity"]
    assert rules(*a_day(), funds) == []
