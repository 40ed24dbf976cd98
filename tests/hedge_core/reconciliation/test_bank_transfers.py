"""Bank against broker: pairs by account, currency and amount; a night is under way; what only one of them has becomes a row."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from adapters.reference import load_calendar
from hedge_core.reconciliation import BankTransfer, RowState, compare_transfers
from hedge_core.reconciliation.transfers import BookedTransfer

D = Decimal
FRIDAY, SATURDAY, MONDAY, TUESDAY = date(2026, 3, 6), date(2026, 3, 7), date(2026, 3, 9), date(2026, 3, 10)
NEXT = load_calendar().next_day


def sent(number: str, day: date, amount: int, account: str = "A", currency: str = "CNY") -> BankTransfer:
    return BankTransfer(number, account, currency, day, D(amount))


def got(key: str, day: date, amount: int, account: str = "A", currency: str = "CNY") -> BookedTransfer:
    return BookedTransfer(key, account, currency, day, D(amount))


def test_a_friday_nights_transfer_is_mondays_at_the_broker() -> None:
    assert compare_transfers([sent("1", FRIDAY, 500)], [got("m", MONDAY, 500)], MONDAY, NEXT) == []


def test_until_then_it_is_under_way_over_the_weekend_and_an_open_question_after() -> None:
    transfer = sent("1", FRIDAY, 500)
    (friday,) = compare_transfers([transfer], [], FRIDAY, NEXT)
    assert (friday.state, friday.remainder, friday.age(FRIDAY)) == (RowState.EXPLAINED, D(0), 0)
    (monday,) = compare_transfers([transfer], [], MONDAY, NEXT)
    assert (monday.state, monday.remainder, monday.age(MONDAY)) == (RowState.OPEN, D(-500), 3)
    assert monday.identity == friday.identity


def test_another_amount_account_or_currency_is_no_pair() -> None:
    others = [got("a", FRIDAY, 501), got("b", FRIDAY, 500, "B"), got("c", FRIDAY, 500, currency="USD")]
    (row,) = compare_transfers([sent("1", FRIDAY, 500)], others, FRIDAY, NEXT)
    assert row.left_value == D(500)


def test_equal_amounts_pair_one_by_one_the_earliest_first() -> None:
    bank = [sent("1", FRIDAY, 500), sent("2", MONDAY, 500)]
    (row,) = compare_transfers(bank, [got("x", MONDAY, 500)], TUESDAY, NEXT)
    assert (row.key, row.state) == ("2026-03-09 2", RowState.OPEN)


def test_what_only_the_broker_has_is_a_row_within_the_days_that_the_bank_list_covers() -> None:
    bank = [sent("1", date(2026, 3, 2), 1), sent("2", MONDAY, 2)]
    booked = [got("k", date(2026, 3, 2), 1), got("l", MONDAY, 2)]
    booked += [got("before", date(2026, 2, 27), 7), got("inside", FRIDAY, 8), got("after", TUESDAY, 9)]
    (row,) = compare_transfers(bank, booked, TUESDAY, NEXT)
    assert (row.key, row.left_value, row.right_value) == ("inside", None, D(8))
    assert compare_transfers([], booked, TUESDAY, NEXT) == []


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(1, 3)), max_size=8))
def test_what_the_broker_books_on_the_banks_day_or_the_next_trading_day_never_leaves_a_row(
    moves: list[tuple[int, int]],
) -> None:
    days = [date(2026, 3, 2 + at) for at, _ in moves]
    bank = [sent(str(number), day, amount) for number, (day, (_, amount)) in enumerate(zip(days, moves, strict=True))]
    booked = [got(one.transfer_id, NEXT(one.moved_on), int(one.amount)) for one in bank]
    assert compare_transfers(bank, booked, date(2026, 3, 31), NEXT) == []
