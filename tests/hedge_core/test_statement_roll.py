"""From one statement to the next: balance, lots and prices, missing days, and what cannot be compared."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest

from adapters.broker.ctp_statement import read_statements
from adapters.reference import load_products
from hedge_core.model.futures import AccountStatement
from hedge_core.statement_checks import Finding, Severity, check_statement
from messages import say
from tests.support import ctp_text
from tests.support.ctp_text import POSITIONS, SUMMARY, Day

REFUSE, WARN = Severity.REFUSE, Severity.WARN


def today(layout: str = "short") -> AccountStatement:
    (statement,) = read_statements("day.txt", ctp_text.statement(ctp_text.trading_day(), layout=layout))
    return statement


def yesterday(day: str = "20260303") -> AccountStatement:
    """One lot held, opened that day, settled at 79500."""
    lot = ctp_text.position(
        "cu2605",
        "20260303",
        "投",
        "买",
        1,
        "79400.000",
        "500.00",
        "500.00",
        "43725.00",
        previous="79450.000",
        settled="79500.000",
    )
    line = ctp_text.summarised(
        "cu2605",
        "投",
        1,
        "79400.000",
        0,
        "0.000",
        "500.00",
        "43725.00",
        previous="79450.000",
        settled="79500.000",
    )
    body = ctp_text.statement(Day("999500.00", tables={POSITIONS: [lot], SUMMARY: [line]}), date=day)
    (statement,) = read_statements("yesterday.txt", body)
    return statement


def found(
    statement: AccountStatement, previous: AccountStatement, days_between: list[date] | None = None
) -> list[Finding]:
    findings = check_statement(statement, previous, load_products(), days_between)
    for finding in findings:
        for lang in ("en", "zh"):
            assert "{" not in say(finding.message, lang), finding
    return findings


def named(
    statement: AccountStatement, previous: AccountStatement, days_between: list[date] | None = None
) -> list[tuple[Severity, str]]:
    return [(finding.severity, finding.identity) for finding in found(statement, previous, days_between)]


@pytest.mark.parametrize("layout", ["short", "long"])
def test_a_day_that_follows_its_day_before_has_no_findings(layout: str) -> None:
    assert found(today(layout), yesterday()) == []


def test_a_balance_that_does_not_carry_over_is_refused_with_the_difference() -> None:
    previous = yesterday()
    previous = replace(previous, funds=replace(previous.funds, balance_cf=Decimal("1000000.01")))
    (finding,) = found(today(), previous)
    assert (finding.severity, finding.identity, finding.difference) == (REFUSE, "roll_balance", Decimal("-0.01"))


def test_yesterdays_settlement_is_todays_previous_settlement() -> None:
    previous = yesterday()
    moved = tuple(replace(row, settlement_price=Decimal(79510)) for row in previous.positions)
    lines = tuple(replace(row, settlement_price=Decimal(79510)) for row in previous.summary)
    assert named(today(), replace(previous, positions=moved, summary=lines)) == [(REFUSE, "roll_price")]


@pytest.mark.parametrize("layout", ["short", "long"])
def test_lots_that_vanish_or_appear_are_refused(layout: str) -> None:
    previous = yesterday()
    (row,) = previous.positions
    assert named(today(layout), replace(previous, positions=(replace(row, lots=2),))) == [(REFUSE, "roll_lots")]
    (finding,) = found(today(layout), replace(previous, positions=(replace(row, lots=2),)))
    assert (finding.expected, finding.found) == (2, 1)  # 2 − 1 closed + 1 opened, of the lots that are no hedge
    assert named(today(layout), replace(previous, positions=())) == [(REFUSE, "roll_lots")]


@pytest.mark.parametrize("layout", ["short", "long"])
def test_lots_that_change_their_date_of_opening_are_refused(layout: str) -> None:
    previous = yesterday()
    (row,) = previous.positions
    redated = replace(previous, positions=(replace(row, open_date=date(2026, 3, 2)),))
    assert set(named(today(layout), redated)) == {(REFUSE, "roll_lots")}


def test_lots_of_a_night_session_roll_with_either_date() -> None:
    statement = today()
    fills = tuple(replace(fill, traded_on=date(2026, 3, 3)) if fill.offset.opens else fill for fill in statement.fills)
    evening = tuple(replace(row, open_date=date(2026, 3, 3)) for row in statement.positions)
    assert named(replace(statement, fills=fills), yesterday()) == []
    assert named(replace(statement, fills=fills, positions=evening), yesterday()) == []


def test_delivery_may_take_lots_away_and_only_warns() -> None:
    statement = today()
    previous = yesterday()
    (row,) = previous.positions
    body = ctp_text.statement(
        Day(
            tables={
                ctp_text.DELIVERIES: [
                    {
                        "交割日期": "20260304",
                        "交易所": "上期所",
                        "合约": "cu2605",
                        "投/保": "投",
                        "买/卖": "买",
                        "手数": "1",
                        "交割结算价": "79600.000",
                        "交割手续费": "10.00",
                    }
                ]
            }
        )
    )
    (delivered,) = read_statements("delivered.txt", body)
    statement = replace(statement, deliveries=delivered.deliveries)
    findings = named(statement, replace(previous, positions=(replace(row, lots=2),)))
    assert findings == [(WARN, "roll_lots")]


def test_days_without_a_statement_are_their_own_finding() -> None:
    previous = yesterday("20260302")
    assert named(today(), previous, [date(2026, 3, 3)]) == [(WARN, "missing_day")]


def test_a_holiday_in_between_is_no_finding() -> None:
    holiday = yesterday("20260227")
    (row,) = holiday.positions
    assert found(today(), holiday, []) == []
    assert found(today(), holiday) == []
    assert row.open_date == date(2026, 3, 3)


def test_without_a_calendar_a_gap_that_does_not_roll_names_the_gap_first() -> None:
    previous = yesterday("20260227")
    previous = replace(previous, funds=replace(previous.funds, balance_cf=Decimal(1)))
    findings = found(today(), previous)
    assert [(finding.severity, finding.identity) for finding in findings] == [
        (REFUSE, "missing_day"),
        (REFUSE, "roll_balance"),
    ]
    assert findings[0].message.params["days"] == 2  # Monday and Tuesday


def test_the_two_views_are_never_compared_figure_by_figure() -> None:
    assert named(today(), replace(yesterday(), view="trade")) == [(WARN, "roll_view")]


def test_comparing_other_accounts_or_later_days_is_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="two accounts"):
        check_statement(today(), replace(yesterday(), account="1"), load_products())
    with pytest.raises(ValueError, match="is not before"):
        check_statement(today(), today(), load_products())


def test_a_month_rolls_by_its_balance_only() -> None:
    (month,) = read_statements("m.txt", ctp_text.statement(ctp_text.trading_day(), date="20260304-20260331"))
    assert found(month, replace(yesterday(), positions=(), summary=()), []) == []
