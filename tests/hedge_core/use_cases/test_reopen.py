"""A settled day is opened again by two people: one asks with a reason, another approves."""

from __future__ import annotations

import pytest

from hedge_core.errors import RuleBroken
from hedge_core.use_cases.reopen import approve_reopening, ask_to_reopen, refuse_reopening
from tests.support.company import ACCOUNTANT, CLERK, DAYS, Company, finals
from tests.support.posting import BOOK

FIRST, SECOND, LAST = DAYS


def rule(action: object, *arguments: object) -> str:
    with pytest.raises(RuleBroken) as broken:
        action(*arguments)  # type: ignore[operator]
    return broken.value.rule


def test_asking_changes_nothing_and_approving_opens_the_day_and_the_later_ones(company: Company) -> None:
    asked = ask_to_reopen(company.store, BOOK, SECOND, "late fill", CLERK)
    assert (asked.number, asked.status, asked.asked_by) == (1, "asked", CLERK.name)
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]
    assert approve_reopening(company.store, BOOK, SECOND, ACCOUNTANT) == (SECOND, LAST)
    assert finals(company.snapshots()) == [(FIRST, 1)]
    assert [company.settle(day).state for day in (SECOND, LAST)] == ["settled", "settled"]
    assert finals(company.snapshots()) == [(FIRST, 1), (SECOND, 2), (LAST, 2)]


def test_nobody_approves_their_own_request(company: Company) -> None:
    ask_to_reopen(company.store, BOOK, SECOND, "late fill", CLERK)
    assert rule(approve_reopening, company.store, BOOK, SECOND, CLERK) == "reopen_own"
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]


def test_a_request_needs_a_reason_a_settled_day_and_is_made_once(company: Company) -> None:
    assert rule(ask_to_reopen, company.store, BOOK, SECOND, " ", CLERK) == "reopen_reason"
    assert rule(ask_to_reopen, company.store, BOOK, DAYS[-1].replace(day=9), "why", CLERK) == "reopen_not_settled"
    ask_to_reopen(company.store, BOOK, SECOND, "late fill", CLERK)
    assert rule(ask_to_reopen, company.store, BOOK, SECOND, "again", ACCOUNTANT) == "reopen_asked"


def test_a_refused_request_leaves_the_day_and_can_be_made_again(company: Company) -> None:
    ask_to_reopen(company.store, BOOK, SECOND, "late fill", CLERK)
    refuse_reopening(company.store, BOOK, SECOND, ACCOUNTANT)
    assert rule(approve_reopening, company.store, BOOK, SECOND, ACCOUNTANT) == "reopen_none"
    assert ask_to_reopen(company.store, BOOK, SECOND, "once more", CLERK).number == 2
    with company.store.read(BOOK) as uow:
        assert [row.status for row in uow.columns.reopenings()] == ["refused", "asked"]
