"""A fill seen by push, query and statement counts once; both sides of a trade with oneself count as two."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from hedge_core.fill_roads import PUSH, QUERY, STATEMENT, RoadFills, count_once
from tests.support import samples

SILENT = frozenset({"fee", "realised_mtm"})
FILL = samples.fill()
AS_QUERIED = replace(FILL, fee=Decimal(0), turnover=Decimal(0))


def test_a_fill_on_three_roads_counts_once_with_the_statements_content() -> None:
    counted, conflicts = count_once(
        [
            RoadFills(STATEMENT, [FILL]),
            RoadFills(QUERY, [AS_QUERIED], SILENT),
            RoadFills(PUSH, [AS_QUERIED, AS_QUERIED], SILENT),
        ]
    )
    assert [(one.fill, one.roads) for one in counted] == [(FILL, (STATEMENT, QUERY, PUSH))]
    assert conflicts == []


def test_both_sides_of_a_trade_with_oneself_and_the_same_number_on_another_day_are_other_fills() -> None:
    other_side = replace(FILL, direction=FILL.direction.opposite)
    next_day = replace(FILL, trading_day=FILL.trading_day + timedelta(days=1))
    elsewhere = replace(FILL, exchange="INE")
    counted, conflicts = count_once([RoadFills(QUERY, [FILL, other_side, next_day, elsewhere])])
    assert len(counted) == 4
    assert conflicts == []


def test_roads_that_disagree_are_shown_with_both_values() -> None:
    counted, conflicts = count_once(
        [RoadFills(STATEMENT, [FILL]), RoadFills(QUERY, [replace(AS_QUERIED, lots=6)], SILENT)]
    )
    assert len(counted) == 1
    assert [(c.field, c.value, c.other_value, c.other_road) for c in conflicts] == [("lots", "5", "6", QUERY)]


@given(st.lists(st.tuples(st.sampled_from([PUSH, QUERY, STATEMENT]), st.integers(1, 9)), max_size=60))
def test_however_often_and_on_whatever_road_the_number_of_fills_is_the_number_of_identities(
    seen: list[tuple[str, int]],
) -> None:
    roads = [RoadFills(road, [replace(FILL, fill_id=str(number))]) for road, number in seen]
    counted, conflicts = count_once(roads)
    assert len(counted) == len({number for _, number in seen})
    assert sum(len(one.roads) for one in counted) == len(set(seen))
    assert conflicts == []
