"""Options, exercise, expiry and delivery of one account, each day worked by hand; deposits by kind and the risk degree."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from hedge_core.lots import lot_of
from hedge_core.model.futures import (
    AccountStatement,
    CashMovement,
    Delivery,
    Direction,
    Exercise,
    Fill,
    HedgeFlag,
    Offset,
    PositionLot,
)
from hedge_core.model.identity import BookId
from hedge_core.settlement import OpeningFunds, Settlement, SettlementInput, settle_day
from hedge_core.settlement.inputs import EQUITY_BY_MARGIN, input_digests
from hedge_core.snapshot import decode, diff, encode
from tests.support.naive_broker import ACCOUNT, COPPER, empty_funds, fill, settlement_prices

FRIDAY, MONDAY = date(2026, 3, 6), date(2026, 3, 9)
BUY, SELL = Direction.BUY, Direction.SELL
FUTURE, CALL, PUT = "SHFE.cu2605", "SHFE.cu2605C70000", "SHFE.cu2605P70000"
PRODUCTS = dict.fromkeys((FUTURE, CALL, PUT), COPPER)
D = Decimal


def statement(balance: int | str, **funds: object) -> AccountStatement:
    """The day's statement: an opening balance of 1,000,000 and what the test says."""
    made = AccountStatement("华岳期货", ACCOUNT, "锦禾", MONDAY, MONDAY, MONDAY, "mtm", empty_funds())
    shown = {"balance_bf": D(1_000_000), "balance_cf": D(balance), "equity": D(balance), **funds}
    return replace(made, funds=replace(made.funds, **shown))


def given(
    stated: AccountStatement, lots: list[PositionLot], fills: list[Fill], prices: dict[str, int], **more: object
) -> SettlementInput:
    return SettlementInput(
        BookId("jinhe"),
        MONDAY,
        lots=lots,
        funds=[OpeningFunds(ACCOUNT, "CNY", D(1_000_000))],
        fills=fills,
        prices=settlement_prices(MONDAY, {name: D(price) for name, price in prices.items()}),
        previous_prices=settlement_prices(FRIDAY, {FUTURE: D(70_000), CALL: D(1_000), PUT: D(900)}),
        products=PRODUCTS,
        statements=[stated],
        **more,  # type: ignore[arg-type]
    )


def settled(what: SettlementInput) -> Settlement:
    result = settle_day(what)
    assert isinstance(result, Settlement), [str(rule) for rule in result]
    assert decode(encode(result)).figures.lots_after() == result.figures.lots_after()
    return result


def held(instrument: str, side: Direction, lots: int, price: int) -> PositionLot:
    return lot_of(fill(1, FRIDAY, side, Offset.OPEN, lots, price, instrument=instrument))


def subjects(result: Settlement) -> list[str]:
    return [row.subject for row in result.differences if row.subject not in ("lots", "summary_lots")]


def test_a_bought_option_costs_its_premium_at_once_and_its_value_is_no_money() -> None:
    """2 lots × 5 t at 1,000: 10,000 paid; settled at 1,200 they are worth 12,000, floating 2,000."""
    bought = fill(7, MONDAY, BUY, Offset.OPEN, 2, 1_000, instrument=CALL)
    stated = statement(990_000, premium_paid=D(10_000), option_value_long=D(12_000))
    result = settled(given(stated, [], [bought], {CALL: 1_200}))
    (row,) = result.figures.options()
    assert (row.premium, row.value, row.floating, row.realised) == (-10_000, 12_000, 2_000, 0)
    funds = result.figures.funds()[0]
    assert (funds.balance, funds.equity, funds.market_equity) == (990_000, 990_000, 1_002_000)
    assert (funds.holding_mtm, funds.realised_mtm, funds.premium) == (0, 0, -10_000)
    assert subjects(result) == []
    assert [lot.instrument for lot in result.figures.lots_after()] == [CALL]


def test_selling_part_of_it_realises_against_the_premium_paid() -> None:
    """From 2 lots at 1,000, one sold at 1,500: 7,500 received, 2,500 realised; the other falls from 1,000 to 800."""
    sold = fill(8, MONDAY, SELL, Offset.CLOSE, 1, 1_500, instrument=CALL)
    stated = statement(1_007_500, premium_received=D(7_500), option_value_long=D(4_000))
    result = settled(given(stated, [held(CALL, BUY, 2, 1_000)], [sold], {CALL: 800}))
    (row,) = result.figures.options()
    assert (row.premium, row.realised, row.value_before, row.value) == (7_500, 2_500, 10_000, 4_000)
    assert row.premium + row.value - row.value_before == row.realised + row.floating - row.floating_before == 1_500
    assert subjects(result) == []


def test_a_premium_the_broker_does_not_know_is_a_difference() -> None:
    bought = fill(7, MONDAY, BUY, Offset.OPEN, 2, 1_000, instrument=CALL)
    result = settled(given(statement(1_000_000), [], [bought], {CALL: 1_200}))
    assert subjects(result) == ["premium", "option_value"]


def test_options_marked_to_market_settle_like_futures() -> None:
    """The same 2 lots, marked: the day's 2,000 is money, and there is no premium."""
    bought = fill(7, MONDAY, BUY, Offset.OPEN, 2, 1_000, instrument=CALL)
    stated = statement(1_002_000, holding_mtm=D(2_000))
    result = settled(given(stated, [], [bought], {CALL: 1_200}, marked_options=[CALL]))
    assert result.figures.options() == []
    assert result.figures.funds()[0].holding_mtm == 2_000
    assert subjects(result) == []


@pytest.mark.parametrize(
    ("option", "side", "future_side", "result"),
    [(CALL, BUY, BUY, 2_500), (CALL, SELL, SELL, -2_500), (PUT, BUY, SELL, -2_500), (PUT, SELL, BUY, 2_500)],
)
def test_an_exercise_opens_the_future_at_the_strike(
    option: str, side: Direction, future_side: Direction, result: int
) -> None:
    """One lot exercised at 70,000, the future settled at 70,500: 5 t × 500 for the long side."""
    row = Exercise(MONDAY, "SHFE", option, HedgeFlag.HEDGE, side, "执行", 1, D(70_000), D(0), D(0), D(0))
    stated = replace(statement(1_000_000 + result, holding_mtm=D(result)), exercises=(row,))
    done = settled(given(stated, [held(option, side, 1, 1_000)], [], {FUTURE: 70_500}))
    (lot,) = done.figures.lots()
    assert (lot.instrument, lot.direction, lot.open_price, lot.end) == (FUTURE, future_side, 70_000, 1)
    assert lot.holding_mtm == result
    assert "exercise-1" in lot.lot_id
    assert done.figures.options()[0].end == 0
    assert subjects(done) == []


def test_an_exercise_that_the_statement_lists_as_a_fill_too_opens_one_future() -> None:
    row = Exercise(MONDAY, "SHFE", CALL, HedgeFlag.HEDGE, BUY, "执行", 1, D(70_000), D(0), D(0), D(0))
    listed = fill(9, MONDAY, BUY, Offset.OPEN, 1, 70_000)
    stated = replace(statement(1_002_500, holding_mtm=D(2_500)), exercises=(row,))
    done = settled(given(stated, [held(CALL, BUY, 1, 1_000)], [listed], {FUTURE: 70_500}))
    assert [lot.lot_id for lot in done.figures.lots()] == [listed.key]


@pytest.mark.parametrize("known_by", ["outcome", "last day"])
def test_an_option_that_expires_loses_its_premium(known_by: str) -> None:
    """A bought lot of 1,000 × 5 t ends worthless: −5,000 realised, no money moves."""
    stated = statement(1_000_000)
    more = {}
    if known_by == "outcome":
        row = Exercise(MONDAY, "SHFE", CALL, HedgeFlag.HEDGE, BUY, "放弃", 1, D(70_000), D(0), D(0), D(0))
        stated = replace(stated, exercises=(row,))
    else:
        more = {"expiries": {CALL: MONDAY}}
    done = settled(given(stated, [held(CALL, BUY, 1, 1_000)], [], {}, **more))
    (row_,) = done.figures.options()
    assert (row_.end, row_.realised, row_.premium, row_.value) == (0, -5_000, 0, 0)
    assert done.figures.lots_after() == []


def test_delivered_lots_close_at_the_delivery_price_and_are_no_trade() -> None:
    """18 short at 70,200, settled 70,000 before; 10 delivered at 69,000: 50,000 to yesterday's price, 60,000 to the open
    price; the other 8 move from 70,000 to 69,260: 8 × 5 × 740 = 29,600."""
    row = Delivery(MONDAY, "SHFE", FUTURE, HedgeFlag.HEDGE, SELL, 10, D(70_200), D(69_000), D(50_000), D(0))
    stated = statement(1_079_600, delivery_result=D(50_000), holding_mtm=D(29_600))
    stated = replace(stated, deliveries=(row,))
    done = settled(given(stated, [held(FUTURE, SELL, 18, 70_200)], [], {FUTURE: 69_260}))
    funds = done.figures.funds()[0]
    assert (funds.delivery_mtm, funds.delivery_trade, funds.realised_mtm, funds.realised_trade) == (
        50_000,
        60_000,
        0,
        0,
    )
    assert (funds.other, funds.balance) == (50_000, 1_079_600)
    assert [(close.lots, close.traded, close.realised_trade) for close in done.figures.closes()] == [
        (10, False, 60_000)
    ]
    assert [lot.lots for lot in done.figures.lots_after()] == [8]
    assert subjects(done) == []


@pytest.mark.parametrize("lots", [19, 0])
def test_more_delivered_than_held_keeps_the_day_open(lots: int) -> None:
    row = Delivery(MONDAY, "SHFE", FUTURE, HedgeFlag.HEDGE, SELL, lots, D(70_200), D(69_000), D(0), D(0))
    stated = replace(statement(0), deliveries=(row,))
    result = settle_day(given(stated, [held(FUTURE, SELL, 18, 70_200)], [], {FUTURE: 69_260}))
    assert isinstance(result, list)
    assert [rule.rule for rule in result] == ["end_without_lots"]
    assert "delivery-1" in result[0].record


def test_an_option_without_a_price_or_a_contract_size_keeps_the_day_open() -> None:
    bought = fill(7, MONDAY, BUY, Offset.OPEN, 2, 1_000, instrument=CALL)
    unpriced = settle_day(given(statement(0), [], [bought], {}))
    assert isinstance(unpriced, list)
    assert [rule.rule for rule in unpriced] == ["settlement_price_missing"]
    unknown = settle_day(replace(given(statement(0), [], [bought], {CALL: 1_200}), products={FUTURE: COPPER}))
    assert isinstance(unknown, list)
    assert [rule.rule for rule in unknown] == ["unknown_instrument"]


def test_money_moved_is_kept_by_kind() -> None:
    rows = (
        CashMovement(MONDAY, "银期转账", D(100_000), D(0), "CNY"),
        CashMovement(MONDAY, "银期转账", D(0), D("30000.50"), "CNY"),
        CashMovement(MONDAY, "利息", D("12.34"), D(0), "CNY"),
    )
    stated = replace(statement("1070011.84", deposit_withdrawal=D("70011.84")), cash=rows)
    done = settled(given(stated, [], [], {}))
    kept = {row.kind: (row.amount_in, row.amount_out) for row in done.figures.deposits()}
    assert kept == {"利息": (D("12.34"), D("0.00")), "银期转账": (D("100000.00"), D("30000.50"))}
    assert subjects(done) == []
    without = settled(given(statement(1_000_000), [], [], {}))
    changes = diff(decode(encode(without)), decode(encode(done)))
    assert any(change.section == "deposits" and change.before is None for change in changes)


def test_the_risk_degree_says_which_quotient_it_is() -> None:
    """Facts 3.12: 621,000 of margin on 1,000,000 of equity is 62.1 %, or 1.61 the other way round."""
    stated = statement(1_000_000, margin=D(621_000))
    usual = settled(given(stated, [], [], {})).figures
    assert usual.header.risk_degree == "margin/equity"
    assert usual.risk_degrees() == {(ACCOUNT, "CNY"): D("0.621")}
    inverse = decode(encode(settled(given(stated, [], [], {}, risk_degree=EQUITY_BY_MARGIN)))).figures
    assert inverse.header.risk_degree == "equity/margin"
    found = inverse.risk_degrees()[ACCOUNT, "CNY"]
    assert found is not None
    assert round(found, 4) == D("1.6103")


def test_inputs_that_say_nothing_leave_the_digests_of_settled_days_alone() -> None:
    plain = given(statement(0), [], [], {})
    names = [name for name, _ in input_digests(plain)]
    assert "expiries" not in names
    assert "expiries" in [name for name, _ in input_digests(replace(plain, expiries={CALL: MONDAY}))]
