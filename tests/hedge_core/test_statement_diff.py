"""Two versions of one day: what was added, removed and changed, row by row."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.broker.ctp_statement import read_statements
from hedge_core.model.futures import AccountStatement
from hedge_core.statement_diff import Change, diff_statements
from messages import say
from tests.support import ctp_text

(DAY,) = read_statements("day.txt", ctp_text.statement(ctp_text.trading_day()))


def test_the_same_statement_has_no_differences() -> None:
    assert diff_statements(DAY, DAY) == []


def test_a_corrected_fee_shows_the_fill_and_the_funds_that_changed() -> None:
    first, *others = DAY.fills
    funds = replace(DAY.funds, fee=Decimal("81.00"))
    corrected = replace(DAY, funds=funds, fills=(replace(first, fee=Decimal("21.00")), *others))
    funds_change, fill_change = diff_statements(DAY, corrected)
    assert (funds_change.section, funds_change.field, funds_change.after) == ("funds", "fee", Decimal("81.00"))
    assert (fill_change.change, fill_change.record) == (Change.CHANGED, "SHFE 1001 sell 2026-03-04")
    assert (fill_change.field, fill_change.before, fill_change.after) == ("fee", Decimal("20.00"), Decimal("21.00"))
    assert str(fill_change.message) == "fills, SHFE 1001 sell 2026-03-04: fee was 20.00, now 21.00"


def test_a_fill_that_is_gone_and_one_that_is_new_are_two_differences() -> None:
    renumbered = replace(DAY.fills[2], fill_id="1004")
    differences = diff_statements(DAY, replace(DAY, fills=(*DAY.fills[:2], renumbered)))
    assert [(found.change, found.before, found.after) for found in differences] == [
        (Change.REMOVED, DAY.fills[2], None),
        (Change.ADDED, None, renumbered),
    ]
    for found in differences:
        assert {"1003", "1004"} & set(say(found.message, "zh").split())


def test_equal_rows_are_told_apart_by_their_order() -> None:
    (moved,) = DAY.cash
    twice = replace(DAY, cash=(moved, moved))
    (added,) = diff_statements(DAY, twice)
    assert (added.change, added.section) == (Change.ADDED, "cash")
    assert added.record.endswith("#2")
    assert [found.change for found in diff_statements(twice, DAY)] == [Change.REMOVED]


def test_the_order_of_rows_and_the_way_figures_are_written_do_not_matter() -> None:
    other = replace(DAY, fills=DAY.fills[::-1], funds=replace(DAY.funds, fee=Decimal("80")))
    assert diff_statements(DAY, other) == []


def test_versions_of_two_accounts_are_a_callers_mistake() -> None:
    with pytest.raises(ValueError, match="one account"):
        diff_statements(DAY, replace(DAY, account="1"))


@given(st.sets(st.integers(0, 2)), st.sets(st.integers(0, 2)))
def test_differences_turn_one_version_into_the_other(old_rows: set[int], new_rows: set[int]) -> None:
    def version(rows: set[int]) -> AccountStatement:
        return replace(DAY, fills=tuple(DAY.fills[at] for at in sorted(rows)))

    differences = diff_statements(version(old_rows), version(new_rows))
    removed = [found.before for found in differences if found.change is Change.REMOVED]
    added = [found.after for found in differences if found.change is Change.ADDED]
    kept = [fill for fill in version(old_rows).fills if fill not in removed]
    assert sorted([*kept, *added], key=str) == sorted(version(new_rows).fills, key=str)
