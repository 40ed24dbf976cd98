"""One settled day by hand, and every reason for which a day stays open."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.lots import lot_of
from hedge_core.model.futures import Delivery, Direction, HedgeFlag, Offset
from hedge_core.model.identity import BookId
from hedge_core.settlement import OpeningFunds, Settlement, SettlementInput, settle_day
from hedge_core.settlement.units import INT64_MAX, column, from_units, places_of, to_units
from messages import LANGUAGES, say
from tests.support.naive_broker import ACCOUNT, PRODUCTS, NaiveBroker, fill, settlement_prices

FRIDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 9)
BUY, SELL = Direction.BUY, Direction.SELL
COPPER = "SHFE.cu2605"
FRIDAY_PRICE, MONDAY_PRICE = Decimal(70000), Decimal(69260)


def opened_friday() -> tuple[NaiveBroker, SettlementInput]:
    """90 t short at 70,200 on Friday, settled at 70,000; then Monday's input with nothing traded yet."""
    broker = NaiveBroker(balance=Decimal(1000000))
    row = fill(1, FRIDAY, SELL, Offset.OPEN, 18, 70200)
    broker.day(FRIDAY, [row], {COPPER: FRIDAY_PRICE})
    given = SettlementInput(
        BookId("jinhe"),
        MONDAY,
        lots=[lot_of(row)],
        funds=[OpeningFunds(ACCOUNT, "CNY", Decimal(1018000))],
        prices=settlement_prices(MONDAY, {COPPER: MONDAY_PRICE}),
        previous_prices=settlement_prices(FRIDAY, {COPPER: FRIDAY_PRICE}),
        products=PRODUCTS,
        vat_rates={"copper": Decimal("0.13")},
    )
    return broker, given


def closed_monday() -> SettlementInput:
    """Monday: 10 of the 18 lots closed at 69,000, 100,000 paid in, 36.30 of fees."""
    broker, given = opened_friday()
    fills = [fill(2, MONDAY, BUY, Offset.CLOSE_YESTERDAY, 10, 69000, fee="36.30")]
    statement = broker.day(MONDAY, fills, {COPPER: MONDAY_PRICE}, Decimal(100000))
    return replace(given, fills=fills, statements=[statement])


def settled(given: SettlementInput) -> Settlement:
    result = settle_day(given)
    assert isinstance(result, Settlement), [str(rule) for rule in result]
    return result


def broken(given: SettlementInput) -> list[str]:
    result = settle_day(given)
    assert isinstance(result, list)
    for rule in result:
        for lang in LANGUAGES:
            assert "{" not in say(rule.message, lang)
    return [rule.rule for rule in result]


def test_both_views_of_a_partly_closed_short() -> None:
    result = settled(closed_monday())
    lot, close, funds = result.figures.lots()[0], result.figures.closes()[0], result.figures.funds()[0]
    assert (lot.start, lot.opened, lot.closed, lot.end) == (18, 0, 10, 8)
    assert (close.open_price, close.base_price, close.close_price) == (70200, 70000, 69000)
    assert (close.realised_trade, close.realised_mtm) == (10 * 5 * 1200, 10 * 5 * 1000)
    assert (lot.holding_mtm, lot.floating, lot.floating_before) == (8 * 5 * 740, 8 * 5 * 940, 18 * 5 * 200)
    assert lot.settlement == MONDAY_PRICE
    assert funds.balance == Decimal("1018000") + 100000 + 50000 + 29600 - Decimal("36.30")
    assert funds.trade_balance == Decimal("1000000") + 100000 + 60000 - Decimal("36.30")
    assert funds.equity == funds.balance
    assert funds.margin == Decimal("1234.50")
    assert result.differences == ()


def test_example_of_the_facts_108000_in_two_days_either_way() -> None:
    broker, given = opened_friday()
    first = fill(1, FRIDAY, SELL, Offset.OPEN, 18, 70200)
    day_one = NaiveBroker(balance=Decimal(1000000))
    friday = replace(
        given,
        trading_day=FRIDAY,
        lots=[],
        fills=[first],
        funds=[OpeningFunds(ACCOUNT, "CNY", Decimal(1000000))],
        statements=[day_one.day(FRIDAY, [first], {COPPER: FRIDAY_PRICE})],
        prices=settlement_prices(FRIDAY, {COPPER: FRIDAY_PRICE}),
        previous_prices=[],
    )
    fills = [fill(2, MONDAY, BUY, Offset.CLOSE_YESTERDAY, 18, 69000)]
    monday = replace(given, fills=fills, statements=[broker.day(MONDAY, fills, {COPPER: MONDAY_PRICE})])
    one, two = settled(friday).figures.funds()[0], settled(monday).figures.funds()[0]
    assert (one.realised_mtm + one.holding_mtm, two.realised_mtm + two.holding_mtm) == (18000, 90000)
    assert one.realised_trade + two.realised_trade == 108000
    assert settled(monday).figures.lots_after() == []


def test_a_lot_opened_and_closed_today_starts_from_its_open_price() -> None:
    broker, given = opened_friday()
    fills = [
        fill(3, MONDAY, SELL, Offset.OPEN, 2, 69500),
        fill(4, MONDAY, BUY, Offset.CLOSE_TODAY, 2, 69400),
    ]
    result = settled(replace(given, fills=fills, statements=[broker.day(MONDAY, fills, {COPPER: MONDAY_PRICE})]))
    close = result.figures.closes()[0]
    assert close.base_price == close.open_price == 69500
    assert close.realised_mtm == close.realised_trade == 1000


def test_what_is_carried_is_what_the_next_day_starts_from() -> None:
    figures = settled(closed_monday()).figures
    assert [(lot.lot_id.split("/")[3], lot.lots) for lot in figures.lots_after()] == [("1", 8)]
    assert figures.funds_after()[0].balance == figures.funds()[0].balance
    assert figures.settlement_prices() == {COPPER: MONDAY_PRICE}


def test_a_difference_to_the_broker_is_a_row_with_both_values() -> None:
    given = closed_monday()
    statement = given.statements[0]
    position = replace(statement.positions[0], lots=7, settlement_price=Decimal(69270))
    funds = replace(statement.funds, fee=Decimal("36.31"))
    result = settled(replace(given, statements=[replace(statement, positions=(position,), funds=funds)]))
    assert [(d.subject, d.ours, d.theirs) for d in result.differences] == [
        ("lots", 8, 7),
        ("fee", Decimal("36.30"), Decimal("36.31")),
        ("settlement_price", MONDAY_PRICE, Decimal(69270)),
    ]
    assert result.differences[0].item == "SHFE.cu2605 sell hedge 2026-03-06 70200"
    assert say(result.differences[1].message, "zh") == "手续费，80010001：我方 36.30，期货公司 36.31"


def test_a_lot_only_one_side_knows_has_no_figure_on_the_other() -> None:
    given = closed_monday()
    statement = given.statements[0]
    other = replace(statement.positions[0], hedge_flag=HedgeFlag.SPECULATION)
    result = settled(replace(given, statements=[replace(statement, positions=(other,))]))
    assert [(d.ours, d.theirs) for d in result.differences if d.subject == "lots"] == [(8, None), (None, 8)]


def test_pledge_raises_equity_and_not_the_balance() -> None:
    given = closed_monday()
    statement = given.statements[0]
    pledged = Decimal(500000)
    funds = replace(statement.funds, pledge=pledged, pledge_change=pledged, equity=statement.funds.equity + pledged)
    result = settled(replace(given, statements=[replace(statement, funds=funds)]))
    row = result.figures.funds()[0]
    assert row.equity - row.balance == pledged
    assert result.differences == ()


def test_every_reason_for_an_open_day_is_named() -> None:
    given = closed_monday()
    statement = given.statements[0]
    delivery = Delivery(
        MONDAY, "SHFE", COPPER, HedgeFlag.HEDGE, SELL, 1, Decimal(1), Decimal(1), Decimal(0), Decimal(0)
    )
    unknown = replace(given.fills[0], instrument="SHFE.zz2605", fill_id="77", offset=Offset.OPEN)
    cases = {
        "settlement_price_missing": replace(given, prices=[]),
        "previous_settlement_missing": replace(given, previous_prices=[]),
        "statement_missing": replace(given, statements=[]),
        "statement_twice": replace(given, statements=[statement, statement]),
        "statement_day": replace(given, statements=[replace(statement, trading_day=FRIDAY)]),
        "statement_view": replace(given, statements=[replace(statement, view="trade")]),
        "end_without_lots": replace(given, statements=[replace(statement, deliveries=(delivery,))]),
        "other_currency": replace(given, funds=[replace(given.funds[0], currency="USD")]),
        "unknown_instrument": replace(given, products={}),
        "close_without_open": replace(given, lots=[]),
        "price_conflict": replace(given, prices=[*given.prices, replace(given.prices[0], price=Decimal(1))]),
    }
    for rule, wrong in cases.items():
        assert rule in broken(wrong), rule
    spread = replace(unknown, instrument="CZCE.SPD MA2609&MA2701")
    known = {**PRODUCTS, spread.instrument: PRODUCTS[COPPER]}
    assert "not_a_future" in broken(replace(given, fills=[*given.fills, spread], products=known))
    monthly = replace(statement, first_day=date(2026, 3, 1))
    assert broken(replace(given, statements=[monthly])) == ["statement_day"]
    priced = settlement_prices(MONDAY, {COPPER: Decimal(-5)})
    assert broken(replace(given, prices=priced)) == ["price_not_positive"]
    assert broken(replace(given, fills=[*given.fills, unknown])) == ["unknown_instrument", "settlement_price_missing"]


def test_all_broken_rules_come_at_once() -> None:
    given = closed_monday()
    found = broken(replace(given, prices=[], previous_prices=[], statements=[]))
    assert sorted(found) == ["previous_settlement_missing", "settlement_price_missing", "statement_missing"]


def test_figures_beyond_int64_keep_the_day_open_and_never_wrap_around() -> None:
    given = closed_monday()
    huge = [replace(given.lots[0], lots=10**15), given.lots[0]]
    assert broken(replace(given, lots=[replace(huge[0], lot_id="opening/1"), huge[1]])) == ["out_of_bounds"]
    many = replace(given.lots[0], lot_id="opening/1", lots=10**12)  # the tonnes would still fit, the money does not
    assert broken(replace(given, lots=[many, *given.lots])) == ["out_of_bounds"]
    rich = [OpeningFunds(ACCOUNT, "CNY", Decimal(10) ** 18)]
    assert broken(replace(given, funds=rich)) == ["out_of_bounds"]
    with pytest.raises(OverflowError):
        column([INT64_MAX + 1])


def test_figures_near_the_bound_are_still_exact() -> None:
    given = closed_monday()
    lots = 10**10
    big = replace(given.lots[0], lot_id="opening/1", lots=lots)
    row = settled(replace(given, lots=[big, *given.lots])).figures.lots()[-1]
    assert (row.lot_id, row.end, row.floating) == ("opening/1", lots - 10, (lots - 10) * 5 * 940)


def test_prices_with_half_ticks_keep_their_own_scale() -> None:
    broker, given = opened_friday()
    fills = [fill(5, MONDAY, BUY, Offset.OPEN, 1, "69260.0025")]
    statement = broker.day(MONDAY, fills, {COPPER: MONDAY_PRICE})
    result = settled(replace(given, fills=fills, statements=[statement]))
    assert result.figures.header.price_places == (4,)
    new = next(lot for lot in result.figures.lots() if lot.opened)
    assert (new.open_price, new.holding_mtm) == (Decimal("69260.0025"), Decimal("-0.0125"))
    assert result.differences == ()


def test_a_fee_of_three_decimals_widens_the_scale_of_money_instead_of_being_rounded() -> None:
    given = closed_monday()
    result = settled(replace(given, fills=[replace(given.fills[0], fee=Decimal("36.305"))]))
    assert result.figures.header.money_places == 3
    assert next((d.subject, d.ours) for d in result.differences) == ("fee", Decimal("36.305"))


def test_units_never_round() -> None:
    assert places_of([Decimal("70200.50"), Decimal("1E+3")]) == 1
    assert to_units(Decimal("3.5"), 2) == 350
    assert str(from_units(350, 2)) == "3.50"
    with pytest.raises(ValueError, match="decimals"):
        to_units(Decimal("0.001"), 2)
