"""The exchanges' calendar: holidays of two years, night sessions on the right trading day, overrides, and what is not known."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.reference import load_calendar, load_products, read_calendar
from hedge_core.errors import InvalidInput

SHANGHAI = ZoneInfo("Asia/Shanghai")
CALENDAR = load_calendar()
DAYS = st.dates(date(2025, 1, 1), date(2026, 12, 31))


def at(day: str, clock: str) -> datetime:
    return datetime.fromisoformat(f"{day}T{clock}").replace(tzinfo=SHANGHAI)


@pytest.mark.parametrize(("year", "days"), [(2025, 243), (2026, 242)])
def test_each_year_has_as_many_trading_days_as_weekdays_that_are_no_holidays(year: int, days: int) -> None:
    every = (date(year, 1, 1) + timedelta(days=step) for step in range(365))
    assert sum(CALENDAR.is_trading_day(day) for day in every) == days


@pytest.mark.parametrize(
    ("last", "first"),
    [
        ("2025-01-27", "2025-02-05"), ("2025-04-03", "2025-04-07"), ("2025-04-30", "2025-05-06"),
        ("2025-05-30", "2025-06-03"), ("2025-09-30", "2025-10-09"), ("2025-12-31", "2026-01-05"),
        ("2026-02-13", "2026-02-24"), ("2026-04-03", "2026-04-07"), ("2026-04-30", "2026-05-06"),
        ("2026-06-18", "2026-06-22"), ("2026-09-24", "2026-09-28"), ("2026-09-30", "2026-10-08"),
    ],
)  # fmt: skip
def test_no_night_session_before_a_holiday_and_trading_goes_on_after_it(last: str, first: str) -> None:
    before, after = date.fromisoformat(last), date.fromisoformat(first)
    assert CALENDAR.next_day(before) == after and CALENDAR.previous_day(after) == before
    assert not CALENDAR.has_night_session(before)
    assert CALENDAR.has_night_session(after)
    assert CALENDAR.days_between(before, after) == []


@pytest.mark.parametrize(
    "saturday", ["2026-02-14", "2026-02-28", "2026-05-09", "2026-10-10", "2025-02-08", "2025-10-11"]
)
def test_make_up_working_saturdays_never_trade(saturday: str) -> None:
    assert not CALENDAR.is_trading_day(date.fromisoformat(saturday))


@pytest.mark.parametrize(
    ("day", "clock", "trading_day"),
    [
        ("2026-03-03", "09:30:00", "2026-03-03"),
        ("2026-03-03", "21:00:01", "2026-03-04"),
        ("2026-03-04", "01:15:00", "2026-03-04"),
        ("2026-03-06", "21:05:00", "2026-03-09"),
        ("2026-03-07", "02:29:59", "2026-03-09"),
        ("2026-03-08", "12:00:00", "2026-03-09"),
    ],
)
def test_a_night_belongs_to_the_next_trading_day_and_fridays_to_monday(day: str, clock: str, trading_day: str) -> None:
    assert CALENDAR.trading_day_of(at(day, clock)) == date.fromisoformat(trading_day)


def test_the_counters_own_trading_day_wins() -> None:
    assert CALENDAR.trading_day_of(at("2026-03-03", "21:00:00"), given=date(2026, 3, 5)) == date(2026, 3, 5)


def test_products_differ_in_having_a_night_session() -> None:
    evening = date(2026, 3, 3)
    assert CALENDAR.has_night_session(evening, "SHFE", "cu")
    assert CALENDAR.has_night_session(evening, "CZCE", "sr")
    for exchange, code in (("CFFEX", "IF"), ("DCE", "jd"), ("GFEX", "si"), ("CZCE", "AP")):
        assert not CALENDAR.has_night_session(evening, exchange, code)
    assert not CALENDAR.has_night_session(date(2026, 3, 7), "SHFE", "cu")


def test_every_product_of_the_night_table_is_a_product_we_know() -> None:
    products = load_products()
    for (exchange, code), _ in CALENDAR._nights.items():
        assert products.find(exchange, code, date(2026, 3, 3)) is not None, (exchange, code)


def test_hours_after_midnight_belong_to_a_session_only_if_it_was_held() -> None:
    assert CALENDAR.in_night_session(at("2026-03-07", "01:00:00"))
    assert not CALENDAR.in_night_session(at("2026-05-01", "01:00:00"))
    assert not CALENDAR.in_night_session(at("2026-03-03", "10:00:00"))


def test_an_override_closes_a_day_cancels_a_night_or_opens_a_day_but_never_a_weekend() -> None:
    table = "date,state,note\n2026-09-08,closed,typhoon\n2026-09-09,no_night,\n2026-10-01,open,x\n2026-03-07,open,x\n"
    changed = read_calendar("own.csv", table.encode())
    assert not changed.is_trading_day(date(2026, 9, 8)) and not changed.has_night_session(date(2026, 9, 7))
    assert changed.is_trading_day(date(2026, 9, 9)) and not changed.has_night_session(date(2026, 9, 9))
    assert changed.is_trading_day(date(2026, 10, 1))
    assert not changed.is_trading_day(date(2026, 3, 7))
    assert CALENDAR.is_trading_day(date(2026, 9, 8))


@pytest.mark.parametrize(
    ("table", "row", "column"),
    [
        (b"date,state\n2026-01-01,closed\n", 1, "note"),
        (b"date,state,note\n2026-02-30,closed,\n", 2, "date"),
        (b"date,state,note\n2026-03-02,shut,\n", 2, "state"),
        ("date,state,note\n2026-03-02,closed,台风\n".encode("gb18030"), 0, "file"),
        (b"date,state,note\n2026-03-02\n", 2, "state"),
    ],
)
def test_a_wrong_override_is_named_with_row_and_column(table: bytes, row: int, column: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        read_calendar("own.csv", table)
    assert (refused.value.row, refused.value.field) == (row, column)


def test_a_year_that_is_not_published_is_not_known_and_not_guessed() -> None:
    assert CALENDAR.knows(date(2026, 12, 31)) and not CALENDAR.knows(date(2027, 1, 4))
    assert CALENDAR.days_between(date(2026, 12, 30), date(2027, 1, 5)) is None


def test_a_moment_without_a_time_zone_is_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="time zone"):
        CALENDAR.trading_day_of(datetime(2026, 3, 3, 9))  # noqa: DTZ001


@given(DAYS)
def test_next_and_previous_are_inverse_and_never_on_a_weekend(day: date) -> None:
    following = CALENDAR.next_day(day)
    assert following > day and following.weekday() < 5
    if CALENDAR.is_trading_day(day):
        assert CALENDAR.previous_day(following) == day


@given(st.datetimes(datetime(2025, 1, 2), datetime(2026, 12, 30)))  # noqa: DTZ001
def test_every_moment_belongs_to_a_trading_day_not_before_its_date(moment: datetime) -> None:
    aware = moment.replace(tzinfo=UTC)
    day = CALENDAR.trading_day_of(aware)
    assert CALENDAR.is_trading_day(day) and day >= aware.astimezone(SHANGHAI).date()
