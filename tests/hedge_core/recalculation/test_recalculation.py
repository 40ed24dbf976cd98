"""The kernel against a loop that closes lot by lot, first in first out."""

from collections import defaultdict, deque

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hedge_core.errors import RuleBroken
from hedge_core.recalculation import (
    FIFO,
    OLDER,
    TODAY,
    FillColumns,
    History,
    Terms,
    lot_pairs,
    recalculate,
    recalculate_with_pairs,
)

DAYS = 6


def columns(rows):
    """Fills from (key, day, price, lots, opens) rows."""
    parts = [np.array([row[i] for row in rows], np.int64) for i in range(4)]
    return FillColumns(*parts, np.array([row[4] for row in rows], np.bool_))


def loop(fills, terms):
    """The same results one lot at a time."""
    keys, days = len(terms.sign), terms.days
    trade, mtm, holding, floating, left = (np.zeros((keys, days), np.int64) for _ in range(5))
    lots = defaultdict(deque)
    pairs = []
    rows = sorted(range(len(fills)), key=lambda i: (fills.day[i], i))
    at = 0
    for day in range(days):
        while at < len(rows) and fills.day[rows[at]] == day:
            i = rows[at]
            at += 1
            key, price, count = int(fills.key[i]), int(fills.price[i]), int(fills.lots[i])
            if fills.opens[i]:
                lots[key].append([price, day, count, i])
                continue
            worth = int(terms.sign[key]) * int(terms.multiplier[key])
            while count:
                lot = lots[key][0]
                taken = min(count, lot[2])
                base = lot[0] if lot[1] == day else int(terms.settlement[terms.instrument[key], day - 1])
                trade[key, day] += worth * taken * (price - lot[0])
                mtm[key, day] += worth * taken * (price - base)
                pairs.append((lot[3], i, taken))
                lot[2] -= taken
                count -= taken
                if not lot[2]:
                    lots[key].popleft()
        for key in range(keys):
            row = terms.settlement[terms.instrument[key]]
            worth = int(terms.sign[key]) * int(terms.multiplier[key])
            for price, opened, count, _ in lots[key]:
                base = price if opened == day else int(row[day - 1])
                holding[key, day] += worth * count * (int(row[day]) - base)
                floating[key, day] += worth * count * (int(row[day]) - price)
                left[key, day] += count
    return History(trade, mtm, holding, floating, left), sorted(pairs)


@st.composite
def streams(draw):
    keys = draw(st.integers(1, 4))
    settlement = draw(st.lists(st.lists(st.integers(1, 500), min_size=DAYS, max_size=DAYS), min_size=2, max_size=2))
    terms = Terms(
        np.array([draw(st.sampled_from((1, -1))) for _ in range(keys)], np.int64),
        np.array([draw(st.integers(1, 20)) for _ in range(keys)], np.int64),
        np.array([draw(st.integers(0, 1)) for _ in range(keys)], np.int64),
        np.array(settlement, np.int64),
    )
    rows, held = [], defaultdict(int)
    for day in range(DAYS):
        for _ in range(draw(st.integers(0, 6))):
            key, price, lots = draw(st.integers(0, keys - 1)), draw(st.integers(1, 500)), draw(st.integers(1, 9))
            opens = draw(st.booleans()) or held[key] == 0
            lots = lots if opens else min(lots, held[key])
            held[key] += lots if opens else -lots
            rows.append((key, day, price, lots, opens))
    return columns(rows), terms


@settings(max_examples=200, deadline=None)
@given(streams())
def test_every_result_of_every_key_and_day_equals_the_loop(stream):
    fills, terms = stream
    ours, (theirs, pairs) = recalculate(fills, terms), loop(fills, terms)
    for name in ("realised_trade", "realised_mtm", "holding_mtm", "floating", "lots"):
        np.testing.assert_array_equal(getattr(ours, name), getattr(theirs, name), name)
    found = lot_pairs(fills)
    assert sorted(zip(found.opening.tolist(), found.closing.tolist(), found.lots.tolist(), strict=True)) == pairs
    assert found.rest.sum() == ours.lots[:, -1].sum()


@settings(max_examples=50, deadline=None)
@given(streams())
def test_one_key_by_itself_gives_the_same_row(stream):
    fills, terms = stream
    whole = recalculate(fills, terms)
    for key in range(len(terms.sign)):
        alone = recalculate(fills.of_key(key), terms.of_key(key))
        np.testing.assert_array_equal(alone.floating[0], whole.floating[key])
        np.testing.assert_array_equal(alone.realised_mtm[0], whole.realised_mtm[key])


def test_closing_more_than_is_open_is_named_with_key_and_day():
    terms = Terms(np.array([1, 1]), np.array([5, 5]), np.array([0, 0]), np.full((1, DAYS), 100, np.int64))
    broken = recalculate(columns([(1, 0, 100, 2, True), (1, 3, 101, 5, False)]), terms)
    assert isinstance(broken, RuleBroken)
    assert broken.rule == "close_without_open"
    assert broken.reason.params == {"key": 1, "day": 3, "missing": 3}


def test_an_open_after_the_close_on_the_same_day_does_not_help():
    terms = Terms(np.array([1]), np.array([5]), np.array([0]), np.full((1, DAYS), 100, np.int64))
    broken = recalculate(columns([(0, 0, 101, 1, False), (0, 0, 100, 1, True)]), terms)
    assert isinstance(broken, RuleBroken)


@pytest.mark.parametrize("price", [2**40, 2**60])
def test_figures_beyond_int64_are_refused_before_anything_is_computed(price):
    terms = Terms(np.array([1]), np.array([1000]), np.array([0]), np.full((1, DAYS), price, np.int64))
    rows = [(0, 0, price, 1_000_000, True)]
    broken = recalculate(columns(rows), terms)
    assert isinstance(broken, RuleBroken)
    assert broken.rule == "out_of_bounds"


def test_no_fills_give_zeros():
    terms = Terms(np.array([1]), np.array([5]), np.array([0]), np.full((1, DAYS), 100, np.int64))
    assert not recalculate(columns([]), terms).floating.any()


def test_results_and_pairs_of_one_layout_are_those_of_both_functions():
    terms = Terms(np.array([1, -1]), np.array([5, 5]), np.array([0, 0]), np.full((1, DAYS), 100, np.int64))
    fills = columns([(1, 0, 100, 2, True), (0, 0, 90, 3, True), (1, 2, 101, 1, False), (0, 5, 95, 3, False)])
    history, pairs = recalculate_with_pairs(fills, terms)
    np.testing.assert_array_equal(history.realised_trade, recalculate(fills, terms).realised_trade)
    np.testing.assert_array_equal(pairs.opening, lot_pairs(fills).opening)
    assert history.realised_trade.sum() == -5 * 1 + 5 * 3 * 5


def loop_with_reach(fills, terms):
    """Realised results and lots, one lot at a time, where closes name today's lots, older ones, or simply the oldest."""
    shape = (len(terms.sign), terms.days)
    trade, mtm, floating = (np.zeros(shape, np.int64) for _ in range(3))
    lots = defaultdict(list)
    for i in range(len(fills)):
        key, day, price, count = (int(c[i]) for c in (fills.key, fills.day, fills.price, fills.lots))
        if fills.opens[i]:
            lots[key].append([day, price, count])
            continue
        may = {FIFO: lambda d, now: True, TODAY: lambda d, now: d == now, OLDER: lambda d, now: d < now}[
            int(fills.reach[i])
        ]
        for lot in lots[key]:
            taken = min(count, lot[2]) if may(lot[0], day) else 0
            worth = taken * int(terms.sign[key]) * int(terms.multiplier[key])
            base = lot[1] if lot[0] == day else int(terms.settlement[terms.instrument[key], day - 1])
            trade[key, day] += worth * (price - lot[1])
            mtm[key, day] += worth * (price - base)
            lot[2] -= taken
            count -= taken
        if count:
            return key, day, count
    for key, held in lots.items():
        history = [list(lot) for lot in held]
        row, worth = terms.settlement[terms.instrument[key]], int(terms.sign[key]) * int(terms.multiplier[key])
        floating[key, -1] = sum(worth * count * (int(row[-1]) - price) for _, price, count in history)
    return trade, mtm, floating[:, -1]


@st.composite
def streams_with_instructions(draw):
    fills, terms = draw(streams())
    rows = len(fills)
    reach = np.array(draw(st.lists(st.sampled_from((FIFO, TODAY, OLDER)), min_size=rows, max_size=rows)), np.int8)
    if draw(st.booleans()):
        reach[reach == FIFO] = OLDER  # as exchanges that tell them apart do
    return FillColumns(fills.key, fills.day, fills.price, fills.lots, fills.opens, reach), terms


@settings(max_examples=300, deadline=None)
@given(streams_with_instructions())
def test_closes_of_todays_and_older_lots_equal_the_loop_or_break_at_a_key_that_cannot_close(stream):
    fills, terms = stream
    ours, theirs = recalculate(fills, terms), loop_with_reach(fills, terms)
    if len(theirs) == 3 and not isinstance(theirs[0], int):
        assert isinstance(ours, History), str(ours)
        np.testing.assert_array_equal(ours.realised_trade, theirs[0])
        np.testing.assert_array_equal(ours.realised_mtm, theirs[1])
        np.testing.assert_array_equal(ours.floating[:, -1], theirs[2])
        total = ours.realised_mtm + ours.holding_mtm
        np.testing.assert_array_equal(
            total.sum(axis=1), ours.realised_trade.sum(axis=1) + ours.floating[:, -1], "both views add up"
        )
    else:
        assert isinstance(ours, RuleBroken)
        assert ours.rule == "close_without_open"


def test_closing_todays_lots_leaves_the_older_ones_alone():
    """Facts 3.9 with two lots: 100 yesterday, 110 today, 平今 at 115 realises 5 and not 15 a lot."""
    terms = Terms(np.array([1]), np.array([5]), np.array([0]), np.full((1, DAYS), 108, np.int64))
    rows = columns([(0, 0, 100, 1, True), (0, 1, 110, 1, True), (0, 1, 115, 1, False)])
    fills = FillColumns(rows.key, rows.day, rows.price, rows.lots, rows.opens, np.array([0, 0, TODAY], np.int8))
    history = recalculate(fills, terms)
    assert history.realised_trade[0].tolist() == [0, 25, 0, 0, 0, 0]
    assert history.floating[0, 1] == 5 * 8
    older = FillColumns(rows.key, rows.day, rows.price, rows.lots, rows.opens, np.array([0, 0, OLDER], np.int8))
    assert recalculate(older, terms).realised_trade[0, 1] == 5 * 15
