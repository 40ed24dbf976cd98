"""Any sequence of opens and closes over several days: lots, both results and funds agree with a lot-by-lot count."""

from __future__ import annotations

import random
from collections import Counter
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given as any_of
from hypothesis import settings
from hypothesis import strategies as st

from hedge_core.lots import in_day_order
from hedge_core.model.futures import Direction, Fill, HedgeFlag, Offset
from hedge_core.model.identity import BookId
from hedge_core.settlement import OpeningFunds, Settlement, SettlementInput, settle_day
from hedge_core.snapshot import decode, encode, encode_figures, snapshot_hash
from tests.support.naive_broker import ACCOUNT, PRODUCTS, NaiveBroker, fill, settlement_prices

FIRST_DAY = date(2026, 3, 2)
INSTRUMENTS = ("SHFE.cu2605", "SHFE.cu2606", "DCE.m2609")
BASE = {"SHFE.cu2605": 70000, "SHFE.cu2606": 70200, "DCE.m2609": 3000}
CLOSING = {"SHFE": (Offset.CLOSE_TODAY, Offset.CLOSE_YESTERDAY, Offset.FORCED_CLOSE), "DCE": (Offset.CLOSE,)}

Wish = tuple[str, Direction, HedgeFlag, bool, int, int, int]
Plan = list[tuple[list[Wish], int, int]]

wishes = st.tuples(
    st.sampled_from(INSTRUMENTS),
    st.sampled_from(list(Direction)),
    st.sampled_from([HedgeFlag.HEDGE, HedgeFlag.SPECULATION]),
    st.booleans(),
    st.integers(1, 4),
    st.integers(-60, 60),
    st.integers(0, 2),
)
days = st.lists(
    st.tuples(st.lists(wishes, max_size=8), st.integers(-50, 50), st.integers(-9, 9)), min_size=1, max_size=4
)


class Trader:
    """Turns wishes into possible fills: a close takes at most what is open, and becomes an open where nothing is."""

    def __init__(self, newest_first: bool) -> None:
        self.newest_first = newest_first
        self.ahead = NaiveBroker()
        self.number = 94

    def fills(self, day: date, asked: list[Wish]) -> list[Fill]:
        made = []
        for instrument, direction, flag, opens, lots, ticks, choice in asked:
            self.number += 3  # from 97 to 100: text order would get it wrong
            offset, count = Offset.OPEN, lots
            if not opens:
                ways = CLOSING[instrument.split(".")[0]]
                offset = ways[choice % len(ways)]
                count = min(lots, self.ahead.open_lots(instrument, direction.opposite, flag, day, offset))
                if not count:
                    offset, count = Offset.OPEN, lots
            price = BASE[instrument] + ticks * 10
            row = fill(self.number, day, direction, offset, count, price, instrument=instrument, flag=flag, fee="1.23")
            self.ahead.trade(row)
            made.append(row)
        return made


def run(plan: Plan, newest_first: bool) -> list[tuple[Settlement, NaiveBroker]]:
    """Settle the days one after the other, each from the one before; the broker's sums are checked on the way."""
    trader = Trader(newest_first)
    broker = NaiveBroker(newest_first=newest_first, balance=Decimal(500000))
    lots, funds, previous = [], [OpeningFunds(ACCOUNT, "CNY", Decimal(500000))], []
    last_hash = None
    done = []
    for number, (asked, drift, deposit) in enumerate(plan):
        day = FIRST_DAY + timedelta(days=number)
        prices = {name: Decimal(base + drift * 10) for name, base in BASE.items()}
        fills = trader.fills(day, asked)
        statement = broker.day(day, fills, prices, Decimal(deposit * 1000), detail=newest_first)
        given = SettlementInput(
            BookId("jinhe"),
            day,
            previous_hash=last_hash,
            lots=lots,
            funds=funds,
            fills=fills,
            prices=settlement_prices(day, prices),
            previous_prices=previous,
            products=PRODUCTS,
            statements=[statement],
        )
        result = settle_day(given)
        assert isinstance(result, Settlement), [str(rule) for rule in result]
        agree(result, broker)
        body = encode(result)
        assert encode(shuffled(given)) == body
        assert encode_figures(decode(body).figures) == body
        last_hash = snapshot_hash(body)
        lots, funds = result.figures.lots_after(), result.figures.funds_after()
        previous = settlement_prices(day, prices)
        done.append((result, broker))
    return done


def agree(result: Settlement, broker: NaiveBroker) -> None:
    assert result.differences == ()
    ours: Counter[tuple[object, ...]] = Counter()
    theirs: Counter[tuple[object, ...]] = Counter()
    for lot in result.figures.lots_after():
        ours[lot.instrument, lot.direction, lot.hedge_flag, lot.open_date, lot.open_price] += lot.lots
    for key, units in broker.units.items():
        for unit in units:
            theirs[*key, unit.open_date, unit.price] += 1
    assert ours == theirs
    row = result.figures.funds()[0]
    assert (row.realised_trade, row.floating, row.balance) == (broker.realised_trade, broker.floating, broker.balance)
    assert sum(c.realised_trade for c in result.figures.closes()) == row.realised_trade
    for lot in result.figures.lots():
        assert lot.realised_mtm + lot.holding_mtm == lot.realised_trade + lot.floating - lot.floating_before
        assert lot.start + lot.opened - lot.closed == lot.end >= 0


def shuffled(given: SettlementInput) -> Settlement:
    dice = random.Random(7)
    fills, lots = list(given.fills), list(given.lots)
    dice.shuffle(fills)
    dice.shuffle(lots)
    result = settle_day(replace(given, fills=fills, lots=lots))
    assert isinstance(result, Settlement)
    return result


@settings(max_examples=60, deadline=None)
@any_of(days)
def test_any_opens_and_closes_first_in_first_out_agree_with_a_count_lot_by_lot(plan: Plan) -> None:
    run(plan, newest_first=False)


@settings(max_examples=40, deadline=None)
@any_of(days)
def test_any_choice_of_lots_the_statement_names_is_followed(plan: Plan) -> None:
    run(plan, newest_first=True)


@settings(max_examples=40, deadline=None)
@any_of(days)
def test_day_results_add_up_to_the_trade_by_trade_result_and_what_floats(plan: Plan) -> None:
    done = run(plan, newest_first=False)
    rows = [result.figures.funds()[0] for result, _ in done]
    by_day = sum(row.realised_mtm + row.holding_mtm for row in rows)
    assert by_day == sum(row.realised_trade for row in rows) + rows[-1].floating


def test_fills_given_in_any_order_are_applied_by_number() -> None:
    rows = [fill(n, FIRST_DAY, Direction.BUY, Offset.OPEN, 1, 70000) for n in (11, 9, 100)]
    assert [row.fill_id for row in in_day_order(rows)] == ["9", "11", "100"]
