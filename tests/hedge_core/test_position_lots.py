"""Which lot a closing fill consumes, and what a bad fill does."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

from hedge_core.lots import LotsOfDay, apply_fills, lot_of, number_order
from hedge_core.model.futures import ClosedLot, Direction, Fill, HedgeFlag, Offset, PositionLot
from tests.support.naive_broker import fill

MONDAY, TUESDAY = date(2026, 3, 2), date(2026, 3, 3)
BUY, SELL = Direction.BUY, Direction.SELL


def old_lot(
    number: int, price: int, lots: int, opened: date = MONDAY, flag: HedgeFlag = HedgeFlag.HEDGE
) -> PositionLot:
    return lot_of(fill(number, opened, SELL, Offset.OPEN, lots, price, flag=flag))


def closes(result: LotsOfDay) -> list[tuple[Decimal, int]]:
    return [(row.lot.open_price, row.lots) for row in sorted(result.consumed, key=lambda c: c.lot.open_price)]


def rules(result: LotsOfDay) -> list[str]:
    return [broken.rule for broken in result.broken]


def stated(open_date: date, open_price: int, lots: int, close_price: int, flag: HedgeFlag | None = None) -> ClosedLot:
    price = Decimal(open_price)
    return ClosedLot("SHFE", "SHFE.cu2605", open_date, BUY, flag, lots, price, price, Decimal(close_price), Decimal(0))


def test_first_in_first_out_by_open_date_then_number_not_by_text() -> None:
    opening = [old_lot(10, 70100, 2), old_lot(9, 70000, 2), old_lot(50, 69000, 1, date(2026, 2, 27))]
    result = apply_fills(opening, [fill(1, TUESDAY, BUY, Offset.CLOSE, 4, 68000)], TUESDAY)
    assert closes(result) == [(Decimal(69000), 1), (Decimal(70000), 2), (Decimal(70100), 1)]
    assert [(lot.open_price, lot.lots) for lot in result.after] == [(Decimal(70100), 1)]


def test_fifo_example_of_the_facts_68000_realised() -> None:
    opening = [old_lot(1, 70200, 10), old_lot(2, 69800, 10)]
    result = apply_fills(opening, [fill(3, TUESDAY, BUY, Offset.CLOSE, 12, 69000)], TUESDAY)
    realised = sum((c.lot.open_price - c.fill.price) * c.lots * 5 for c in result.consumed)
    assert realised == 68000


def test_close_today_and_close_yesterday_reach_only_their_own_lots() -> None:
    fills = [
        fill(1, TUESDAY, SELL, Offset.OPEN, 3, 70500),
        fill(2, TUESDAY, BUY, Offset.CLOSE_TODAY, 1, 70400),
        fill(3, TUESDAY, BUY, Offset.CLOSE_YESTERDAY, 1, 70300),
    ]
    result = apply_fills([old_lot(9, 70000, 2)], fills, TUESDAY)
    assert closes(result) == [(Decimal(70000), 1), (Decimal(70500), 1)]


def test_close_yesterday_beyond_the_older_lots_is_a_broken_rule_not_a_close_of_today() -> None:
    fills = [
        fill(1, TUESDAY, SELL, Offset.OPEN, 3, 70500),
        fill(2, TUESDAY, BUY, Offset.CLOSE_YESTERDAY, 3, 70400),
    ]
    result = apply_fills([old_lot(9, 70000, 2)], fills, TUESDAY)
    assert rules(result) == ["close_without_open"]
    assert result.consumed == ()
    assert "only 2" in str(result.broken[0])


def test_close_today_means_first_in_first_out_where_the_exchange_does_not_tell_them_apart() -> None:
    opening = [replace(old_lot(9, 3000, 2), instrument="DCE.m2609")]
    fills = [
        fill(1, TUESDAY, SELL, Offset.OPEN, 3, 3010, instrument="DCE.m2609"),
        fill(2, TUESDAY, BUY, Offset.CLOSE_TODAY, 2, 3005, instrument="DCE.m2609"),
    ]
    assert closes(apply_fills(opening, fills, TUESDAY)) == [(Decimal(3000), 2)]


def test_a_forced_close_takes_the_oldest_lots() -> None:
    opening = [old_lot(9, 70000, 2)]
    for offset in (Offset.FORCED_CLOSE, Offset.FORCED_REDUCE, Offset.LOCAL_FORCED_CLOSE):
        assert closes(apply_fills(opening, [fill(1, TUESDAY, BUY, offset, 1, 70500)], TUESDAY)) == [(Decimal(70000), 1)]


def test_the_closing_detail_of_the_statement_wins_over_first_in_first_out() -> None:
    opening = [old_lot(1, 70000, 2), old_lot(2, 70100, 2)]
    fills = [fill(3, TUESDAY, BUY, Offset.CLOSE_YESTERDAY, 3, 69000)]
    rows = {fills[0].account: [stated(MONDAY, 70100, 2, 69000), stated(MONDAY, 70000, 1, 69000)]}
    assert closes(apply_fills(opening, fills, TUESDAY, rows)) == [(Decimal(70000), 1), (Decimal(70100), 2)]


def test_a_closing_detail_that_names_more_than_the_fills_closed_is_reported() -> None:
    fills = [fill(3, TUESDAY, BUY, Offset.CLOSE, 1, 69000)]
    rows = {fills[0].account: [stated(MONDAY, 70000, 2, 69000)]}
    assert rules(apply_fills([old_lot(1, 70000, 2)], fills, TUESDAY, rows)) == ["closing_detail"]


def test_a_closing_detail_that_names_a_lot_we_do_not_have_is_a_close_without_open() -> None:
    fills = [fill(3, TUESDAY, BUY, Offset.CLOSE, 2, 69000)]
    rows = {fills[0].account: [stated(MONDAY, 71000, 2, 69000)]}
    assert rules(apply_fills([old_lot(1, 70000, 2)], fills, TUESDAY, rows)) == ["close_without_open", "closing_detail"]


def test_a_closing_detail_may_name_a_lot_opened_today_whose_number_is_higher() -> None:
    fills = [
        fill(1, TUESDAY, BUY, Offset.CLOSE_TODAY, 1, 69000),
        fill(2, TUESDAY, SELL, Offset.OPEN, 1, 70000),
    ]
    rows = {fills[0].account: [stated(TUESDAY, 70000, 1, 69000)]}
    assert closes(apply_fills([], fills, TUESDAY, rows)) == [(Decimal(70000), 1)]
    assert rules(apply_fills([], fills, TUESDAY)) == ["close_without_open"]


def test_closing_detail_without_flag_serves_each_fill_from_lots_of_its_own_flag() -> None:
    opening = [old_lot(1, 70000, 1), old_lot(2, 70000, 2, flag=HedgeFlag.SPECULATION)]
    fills = [
        fill(3, TUESDAY, BUY, Offset.CLOSE, 2, 69000, flag=HedgeFlag.SPECULATION),
        fill(4, TUESDAY, BUY, Offset.CLOSE, 1, 69000),
    ]
    result = apply_fills(opening, fills, TUESDAY, {fills[0].account: [stated(MONDAY, 70000, 3, 69000)]})
    assert result.broken == ()
    assert result.after == ()


def test_a_close_never_touches_lots_of_another_hedge_flag_account_or_direction() -> None:
    opening = [old_lot(1, 70000, 5)]
    for wrong in (
        fill(3, TUESDAY, BUY, Offset.CLOSE, 1, 69000, flag=HedgeFlag.SPECULATION),
        fill(3, TUESDAY, BUY, Offset.CLOSE, 1, 69000, account="other"),
        fill(3, TUESDAY, SELL, Offset.CLOSE, 1, 69000),
    ):
        result = apply_fills(opening, [wrong], TUESDAY)
        assert rules(result) == ["close_without_open"]
        assert [lot.lots for lot in result.after] == [5]


def at(hour: int, row: Fill) -> Fill:
    return replace(row, traded_at=datetime(2026, 3, 3, hour, tzinfo=UTC))


def test_time_orders_the_day_where_every_fill_has_one() -> None:
    opened, closed = fill(9, TUESDAY, SELL, Offset.OPEN, 1, 70000), fill(8, TUESDAY, BUY, Offset.CLOSE, 1, 69000)
    assert rules(apply_fills([], [opened, closed], TUESDAY)) == ["close_without_open"]
    assert rules(apply_fills([], [at(2, closed), at(1, opened)], TUESDAY)) == []
    assert rules(apply_fills([], [at(2, closed), opened], TUESDAY)) == ["close_without_open"]


def test_bad_fills_and_lots_are_named_and_have_no_effect() -> None:
    good = fill(1, TUESDAY, SELL, Offset.OPEN, 1, 70000)
    cases = {
        "fill_twice": [good, good],
        "fill_day": [replace(good, trading_day=MONDAY)],
        "fill_figures": [replace(good, lots=0)],
    }
    for rule, fills in cases.items():
        assert rules(apply_fills([], fills, TUESDAY)) == [rule]
    assert rules(apply_fills([], [replace(good, price=Decimal(-1))], TUESDAY)) == ["fill_figures"]
    assert rules(apply_fills([old_lot(1, 70000, 1, TUESDAY)], [], TUESDAY)) == ["lot_day"]
    assert rules(apply_fills([old_lot(1, 70000, 1)] * 2, [], TUESDAY)) == ["fill_twice"]


def test_numbers_come_in_order_of_value_and_other_texts_after_them() -> None:
    assert sorted(["A2", "10", "9", "007"], key=number_order) == ["007", "9", "10", "A2"]
