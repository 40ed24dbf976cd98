"""Three ways compared: every difference a row with both values, known causes carry it to zero, the rest blocks the day."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hedge_core.errors import RuleBroken
from hedge_core.model.futures import (
    AccountStatement,
    CashMovement,
    Delivery,
    Direction,
    Exercise,
    Fill,
    HedgeFlag,
    Offset,
    PositionDetail,
    PositionLot,
)
from hedge_core.model.identity import Actor
from hedge_core.reconciliation import (
    Cause,
    Circumstances,
    Held,
    ReconciliationRow,
    RowState,
    Side,
    Source,
    assign,
    blocking,
    carry_over,
    compare,
    explain,
    ours,
    overrule,
    queried,
    stated,
)
from hedge_core.reconciliation.causes import CAUSES
from messages import all_texts, say
from tests.support import samples

D = Decimal
DAY, BEFORE, AFTER = date(2026, 3, 3), date(2026, 3, 2), date(2026, 3, 4)
ACCOUNT = "80010001"
CU = "SHFE.cu2605"


def fill(number: str, direction: Direction = Direction.BUY, **changes: object) -> Fill:
    plain = Fill(
        ACCOUNT,
        "SHFE",
        number,
        DAY,
        CU,
        direction,
        Offset.OPEN,
        HedgeFlag.HEDGE,
        2,
        D(79500),
        D(795000),
        D("12.00"),
        D(0),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def lot(lots: int = 2, instrument: str = CU, direction: Direction = Direction.BUY) -> PositionLot:
    return PositionLot(f"lot/{instrument}", ACCOUNT, instrument, direction, HedgeFlag.HEDGE, DAY, D(79500), lots)


def position(lots: int = 2, instrument: str = CU, direction: Direction = Direction.BUY) -> PositionDetail:
    zero = D(0)
    flag = HedgeFlag.HEDGE
    return PositionDetail(
        "SHFE", instrument, DAY, flag, direction, lots, D(79500), D(79300), D(79600), zero, zero, zero
    )


def statement(**changes: object) -> AccountStatement:
    plain = replace(
        samples.statement(),
        account=ACCOUNT,
        trading_day=DAY,
        first_day=DAY,
        fills=(fill("1"),),
        positions=(position(),),
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def side(source: Source, view: str = "mtm", held: tuple[Held, ...] | None = None, **figures: Decimal) -> Side:
    return Side(source, ACCOUNT, DAY, None, held, figures, frozenset(), view)


def one(rows: list[ReconciliationRow]) -> ReconciliationRow:
    (row,) = rows
    for lang in ("en", "zh"):
        sentence = say(row.message, lang)
        assert "{" not in sentence and "reconciliation." not in sentence
    return row


def causes(row: ReconciliationRow) -> list[Cause]:
    return [step.cause for step in row.steps]


# --- comparing --------------------------------------------------------------------------------------------------------


def test_a_fill_seen_by_three_roads_counts_once_and_differs_nowhere() -> None:
    pushed = fill("1", fee=D(0))
    sides = [
        ours(ACCOUNT, DAY, [fill("1")], [lot()]),
        queried(
            ACCOUNT, DAY, [replace(pushed, fill_id="         1")], [Held(CU, Direction.BUY, HedgeFlag.HEDGE, 2)], {}
        ),
        stated(statement()),
    ]
    assert compare(sides) == []


def test_both_sides_of_a_self_trade_are_two_fills() -> None:
    both = (fill("1"), fill("1", Direction.SELL))
    rows = compare([ours(ACCOUNT, DAY, both, [lot()]), stated(statement())])
    assert [(row.subject, row.left_value, row.right_value) for row in rows] == [("fill", D(2), None)]


def test_each_pair_is_compared_so_that_the_one_that_stands_alone_is_seen() -> None:
    sides = [
        ours(ACCOUNT, DAY, [fill("1")], [lot(3)]),
        queried(ACCOUNT, DAY, None, [Held(CU, Direction.BUY, HedgeFlag.HEDGE, 2)], {}),
        stated(statement()),
    ]
    rows = [row for row in compare(sides) if row.subject == "lots"]
    assert [(row.left, row.right, row.left_value, row.right_value, row.difference) for row in rows] == [
        ("ours", "query", D(3), D(2), D(-1)),
        ("ours", "statement", D(3), D(2), D(-1)),
    ]


def test_a_price_or_fee_that_differs_is_a_row_with_both_values() -> None:
    rows = compare([ours(ACCOUNT, DAY, [fill("1", price=D(79510), fee=D(11))], [lot()]), stated(statement())])
    assert [(row.subject, row.left_value, row.right_value) for row in rows] == [
        ("fill_price", D(79510), D(79500)),
        ("fill_fee", D(11), D(12)),
    ]
    one(rows[:1])


def test_hedge_flags_are_compared_only_where_both_sides_keep_them() -> None:
    mine = ours(ACCOUNT, DAY, [], [lot()])
    assert compare([mine, queried(ACCOUNT, DAY, None, [Held(CU, Direction.BUY, None, 2)], {})]) == []
    spec = queried(ACCOUNT, DAY, None, [Held(CU, Direction.BUY, HedgeFlag.SPECULATION, 2)], {})
    assert len(compare([mine, spec])) == 2


def test_what_a_statement_does_not_say_is_never_a_difference() -> None:
    silent = stated(statement(unknown=("funds.margin", "fills.fee", "positions")))
    mine = ours(ACCOUNT, DAY, [fill("1", fee=D(99))], [lot(7)], extra={"margin": D(1)})
    assert compare([mine, silent]) == []


def test_sides_of_two_days_are_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="one account"):
        compare([side(Source.OURS), replace(side(Source.STATEMENT), trading_day=AFTER)])


# --- known causes -----------------------------------------------------------------------------------------------------


def test_the_night_session_explains_a_fill_that_stands_on_the_neighbouring_day() -> None:
    mine = fill("1", trading_day=BEFORE, traded_on=BEFORE)
    row = one([row for row in compare([ours(ACCOUNT, DAY, [], [lot()]), stated(statement())]) if row.subject == "fill"])
    found = explain(row, Circumstances(fills_elsewhere=[mine]))
    assert (found.state, causes(found), found.remainder) == (RowState.EXPLAINED, [Cause.NIGHT_SESSION], D(0))
    assert explain(row, Circumstances(fills_elsewhere=[fill("2", trading_day=BEFORE)])).state is RowState.OPEN


@pytest.mark.parametrize("night", [{"traded_on": BEFORE}, {"traded_at": datetime(2026, 3, 2, 13, 5, tzinfo=UTC)}])
def test_lots_that_the_night_session_opened_explain_the_missing_ones(night: dict[str, object]) -> None:
    mine = ours(ACCOUNT, DAY, [], [])
    theirs = stated(statement(fills=(fill("1", **night),)))
    row = one([row for row in compare([mine, theirs]) if row.subject == "lots"])
    assert causes(explain(row, Circumstances(sides=[mine, theirs]))) == [Cause.NIGHT_SESSION]
    daylight = stated(statement())
    assert explain(row, Circumstances(sides=[mine, daylight])).state is RowState.OPEN


def test_charges_billed_apart_explain_a_fee() -> None:
    charge = CashMovement(DAY, "中金所申报费", D(0), D("2.50"), "CNY")
    given = statement(other_charges=(charge,))
    row = one(compare([side(Source.OURS, fee=D(12)), side(Source.STATEMENT, fee=D("14.50"))]))
    found = explain(row, Circumstances(statement=given))
    assert (causes(found), found.state) == ([Cause.FEE_BILLED_LATER], RowState.EXPLAINED)
    assert "中金所申报费" in found.steps[0].evidence


def test_fees_that_only_the_statement_prints_explain_fee_and_balance() -> None:
    mine = replace(ours(ACCOUNT, DAY, [fill("1", fee=D(0))], []), figures={"fee": D(0), "balance": D(100)})
    theirs = replace(stated(statement()), figures={"fee": D(12), "balance": D(88)})
    around = Circumstances(sides=[mine, theirs], statement=statement())
    rows = [explain(row, around) for row in compare([mine, theirs]) if row.subject in ("fee", "balance")]
    assert {(row.subject, row.state) for row in rows} == {("fee", RowState.EXPLAINED), ("balance", RowState.EXPLAINED)}


def test_two_views_differ_by_the_floating_result_and_their_results_are_not_compared() -> None:
    mtm = side(Source.OURS, balance=D(1054265), balance_before=D(1000000), realised=D(3000), holding=D(1300))
    trade = side(Source.STATEMENT, "trade", balance=D(1051965), balance_before=D(997000), realised=D(5000))
    around = Circumstances(sides=[mtm, trade], floating=D(2300), floating_before=D(3000))
    rows = [explain(row, around) for row in compare([mtm, trade])]
    assert [(row.subject, causes(row), row.state) for row in rows] == [
        ("balance", [Cause.TWO_VIEWS], RowState.EXPLAINED),
        ("balance_before", [Cause.TWO_VIEWS], RowState.EXPLAINED),
    ]


def test_the_smaller_side_of_a_product_explains_the_margin() -> None:
    margins = [
        ("SHFE.ag2306", Direction.BUY, D("56179.20")),
        ("SHFE.ag2308", Direction.SELL, D("28089.60")),
        ("DCE.m2609", Direction.BUY, D("100.00")),
        ("DCE.m2609", Direction.SELL, D("90.00")),
    ]
    row = one(compare([side(Source.OURS, margin=D("200132.80")), side(Source.STATEMENT, margin=D("172043.20"))]))
    found = explain(row, Circumstances(margins=margins))
    assert [(step.cause, step.amount, step.evidence, step.remainder) for step in found.steps] == [
        (Cause.ONE_SIDED_MARGIN, D("-28089.60"), "SHFE.ag", D("0.00"))
    ]
    free = one(compare([side(Source.OURS, available=D(0)), side(Source.STATEMENT, available=D("28089.60"))]))
    assert explain(free, Circumstances(margins=margins)).state is RowState.EXPLAINED


def test_delivery_explains_lots_result_and_fee() -> None:
    delivered = Delivery(DAY, "SHFE", CU, HedgeFlag.HEDGE, Direction.BUY, 2, D(79500), D(79600), D(1000), D(20))
    given = statement(deliveries=(delivered,), positions=())
    around = Circumstances(statement=given)
    lots = one(
        [row for row in compare([ours(ACCOUNT, DAY, [fill("1")], [lot()]), stated(given)]) if row.subject == "lots"]
    )
    assert causes(explain(lots, around)) == [Cause.DELIVERY]
    money = one(compare([side(Source.OURS, balance=D(0)), side(Source.STATEMENT, balance=D(980))]))
    assert causes(explain(money, around)) == [Cause.DELIVERY]
    reversed_pair = one(compare([side(Source.STATEMENT, balance=D(980)), side(Source.OURS, balance=D(0))]))
    assert explain(reversed_pair, around).state is RowState.EXPLAINED


def test_exercise_explains_the_option_gone_and_the_future_that_came() -> None:
    option = "SHFE.cu2605C80000"
    done = Exercise(DAY, "SHFE", option, HedgeFlag.HEDGE, Direction.BUY, "执行", 2, D(80000), D(800000), D(500), D(4))
    given = statement(exercises=(done,))
    mine = ours(ACCOUNT, DAY, [fill("1")], [lot(2, option)])
    rows = [
        explain(row, Circumstances(statement=given)) for row in compare([mine, stated(given)]) if row.subject == "lots"
    ]
    assert {(row.key.split(" ")[0], row.state, *causes(row)) for row in rows} == {
        (option, RowState.EXPLAINED, Cause.OPTION_EXERCISE),
        (CU, RowState.EXPLAINED, Cause.OPTION_EXERCISE),
    }


def test_a_night_transfer_is_a_timing_difference_and_not_an_error() -> None:
    row = one(compare([side(Source.OURS, deposits=D(50000)), side(Source.STATEMENT, deposits=D(0))]))
    found = explain(row, Circumstances(cash_elsewhere=[(AFTER, D(50000))]))
    assert (causes(found), found.state) == ([Cause.DEPOSIT_OTHER_DAY], RowState.EXPLAINED)
    assert explain(row, Circumstances(cash_elsewhere=[(DAY, D(50000))])).state is RowState.OPEN


def test_several_causes_carry_the_remainder_down_to_zero_step_by_step() -> None:
    charge = CashMovement(DAY, "申报费", D(0), D("2.50"), "CNY")
    delivered = Delivery(DAY, "SHFE", CU, HedgeFlag.HEDGE, Direction.BUY, 2, D(79500), D(79600), D(1000), D(20))
    given = statement(other_charges=(charge,), deliveries=(delivered,))
    row = one(compare([side(Source.OURS, balance=D(0)), side(Source.STATEMENT, balance=D("50977.50"))]))
    around = Circumstances(statement=given, cash_elsewhere=[(AFTER, D(50000)), (BEFORE, D(7))])
    found = explain(row, around)
    assert [step.remainder for step in found.steps][-1] == 0
    assert {*causes(found)} == {Cause.FEE_BILLED_LATER, Cause.DELIVERY, Cause.DEPOSIT_OTHER_DAY}


def test_a_cause_that_is_merely_close_leaves_the_rest_open() -> None:
    row = one(compare([side(Source.OURS, deposits=D(50000)), side(Source.STATEMENT, deposits=D(0))]))
    found = explain(row, Circumstances(cash_elsewhere=[(AFTER, D("49999.99"))]))
    assert (found.state, found.remainder) == (RowState.OPEN, D("-0.01"))
    assert blocking([found]) == [found]


def test_every_cause_has_a_function_a_text_and_a_name() -> None:
    assert len(CAUSES) == len(Cause)
    for cause in Cause:
        assert cause.message.id in all_texts()


@given(st.decimals(-10_000, 10_000, places=2), st.lists(st.decimals(-10_000, 10_000, places=2), max_size=8))
def test_steps_always_add_up_and_never_make_the_rest_larger(difference: Decimal, moves: list[Decimal]) -> None:
    row = ReconciliationRow(ACCOUNT, DAY, "deposits", "", "ours", "statement", D(0), difference, difference)
    found = explain(row, Circumstances(cash_elsewhere=[(AFTER, amount) for amount in moves]))
    assert sum((step.amount for step in found.steps), D(0)) + found.remainder == difference
    assert abs(found.remainder) <= abs(difference)
    assert (found.state is RowState.EXPLAINED) == (bool(found.steps) and found.remainder == 0)


# --- from day to day --------------------------------------------------------------------------------------------------


def open_row(difference: str = "1.00") -> ReconciliationRow:
    value = D(difference)
    return ReconciliationRow(ACCOUNT, DAY, "fee", "", "ours", "statement", D(0), value, value)


ANNA = Actor("anna")


def test_a_difference_keeps_its_age_and_owner_while_it_lasts() -> None:
    (first,) = carry_over([], [open_row()], DAY)
    (second,) = carry_over([assign(first, "anna")], [replace(open_row("2.00"), trading_day=AFTER)], AFTER)
    assert (second.first_seen, second.owner, second.age(AFTER), second.difference) == (DAY, "anna", 1, D("2.00"))


def test_a_difference_that_is_gone_is_resolved_and_history_after_that() -> None:
    known = carry_over([], [open_row()], DAY)
    (gone,) = carry_over(known, [], AFTER)
    assert (gone.state, blocking([gone])) == (RowState.RESOLVED, [])
    assert carry_over([gone], [], AFTER) == []


def test_an_overruled_difference_stays_so_until_its_figure_changes() -> None:
    accepted = overrule(open_row(), ANNA, "broker confirms by phone", allowed=True)
    assert blocking([accepted]) == []
    (same,) = carry_over([accepted], [open_row()], AFTER)
    (other,) = carry_over([accepted], [open_row("1.01")], AFTER)
    assert (same.state, same.reason, other.state) == (RowState.OVERRULED, "broker confirms by phone", RowState.OPEN)
    assert explain(same, Circumstances()) == same


@pytest.mark.parametrize(
    ("act", "rule"),
    [
        (lambda: overrule(open_row(), ANNA, "because", allowed=False), "overrule_right"),
        (lambda: overrule(open_row(), ANNA, "  ", allowed=True), "overrule_reason"),
        (lambda: overrule(replace(open_row(), state=RowState.EXPLAINED), ANNA, "x", allowed=True), "overrule_state"),
    ],
)
def test_overruling_needs_the_right_a_reason_and_an_open_difference(act: Callable[[], object], rule: str) -> None:
    with pytest.raises(RuleBroken) as broken:
        act()
    assert broken.value.rule == rule
    assert "{" not in say(broken.value.message, "zh")
