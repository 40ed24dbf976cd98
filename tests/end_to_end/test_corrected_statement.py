"""A broker corrects the statement of a settled day: reopened by two people, compared again, recalculated, accepted, settled."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from itertools import pairwise

import pytest

from adapters.broker.ctp_statement import read_statements
from adapters.reference import load_calendar
from hedge_core.errors import RuleBroken
from hedge_core.model.futures import AccountStatement
from hedge_core.snapshot import decode
from hedge_core.use_cases.recalculate import accept, propose
from hedge_core.use_cases.reconcile_day import ReconciledDay, reconcile_day
from hedge_core.use_cases.settle import accept_proposal, settle
from hedge_core.use_cases.statements import Approval, ImportedStatement, import_statements
from tests.hedge_core.use_cases.conftest import *  # noqa: F403
from tests.support.company import ACCOUNTANT, ALUMINIUM, CLERK, COPPER, DAYS, Company, finals, inbox, statement_name
from tests.support.databases import HandClock
from tests.support.posting import BOOK

FIRST, SECOND, LAST = DAYS
MORE = Decimal("25.00")


def corrected(day: int = 1) -> AccountStatement:
    """The second day's statement of the copper account with 25 yuan more of fees on its first fill."""
    path = statement_name(COPPER, DAYS[day])
    (was,) = read_statements(path, inbox()[path])
    fills = (replace(was.fills[0], fee=was.fills[0].fee + MORE), *was.fills[1:])
    funds = replace(
        was.funds, fee=was.funds.fee + MORE, balance_cf=was.funds.balance_cf - MORE, equity=was.funds.equity - MORE,
        market_equity=was.funds.market_equity - MORE, available=was.funds.available - MORE,
    )  # fmt: skip
    return replace(was, fills=fills, funds=funds, totals=())


def bring(company: Company, statement: AccountStatement, **approval: str) -> ImportedStatement:
    (done,) = import_statements(
        company.store, BOOK, "corrected.txt", b"corrected " + str(statement.trading_day).encode(), lambda *_: [statement],
        company.app.products, CLERK, company.app.clock, Approval(accept="printed again", **approval),
    )  # fmt: skip
    return done


def compare(company: Company) -> ReconciledDay:
    app = company.app
    return reconcile_day(app.store, BOOK, SECOND, app.products, CLERK, app.clock, load_calendar())


def test_a_corrected_statement_of_a_settled_day_goes_all_the_way_to_an_accepted_version(company: Company) -> None:
    clock = company.app.clock
    assert isinstance(clock, HandClock)
    assert compare(company).blocking == []
    clock.sleep(60)

    waiting = bring(company, corrected())
    assert waiting.state == "needs_reopening"
    assert any("25" in str(change.message) for change in waiting.changes)
    with pytest.raises(RuleBroken):
        bring(company, corrected(), reopen="the broker corrected a fee", approved_by=CLERK.name)
    assert finals(company.snapshots()) == [(day, 1) for day in DAYS]

    done = bring(company, corrected(), reopen="the broker corrected a fee", approved_by=ACCOUNTANT.name)
    assert (done.state, done.version) == ("new_version", 2)
    assert finals(company.snapshots()) == [(FIRST, 1)]

    stale = company.settle(SECOND)
    assert stale.state == "open"
    assert [rule.rule for rule in stale.broken] == ["reconciliation_stale"]
    assert COPPER in str(stale.broken[0].message)
    clock.sleep(60)
    assert compare(company).blocking == []

    proposed = propose(company.store, BOOK, FIRST, company.app.products, CLERK, clock)
    assert proposed.broken == ()
    states = {day.trading_day: day.state for day in proposed.days}
    assert (states[FIRST], states[SECOND], states[LAST]) == ("same", "changed", "changed")
    lines = next(day.lines for day in proposed.days if day.trading_day == SECOND)
    fee = next(line for line in lines if (line.section, line.column) == ("funds", "fee"))
    assert Decimal(str(fee.after)) - Decimal(str(fee.before)) == MORE
    with pytest.raises(RuleBroken):
        accept(company.store, BOOK, proposed.run, "read line by line", company.app.products, CLERK)
    accept(company.store, BOOK, proposed.run, "read line by line", company.app.products, ACCOUNTANT)

    days = finals(company.snapshots())
    assert [day for day, _ in days] == [FIRST, SECOND, LAST]
    assert dict(days)[SECOND] > 1
    with company.store.read(BOOK) as uow:
        chain = [uow.results.snapshot(day) for day, _ in days]
        statuses = {(one.trading_day, one.version): one.status for one in uow.results.snapshots()}
    for before, after in pairwise(chain):
        assert before is not None
        assert after is not None
        assert after.previous_digest == before.digest
    assert statuses[SECOND, 1] == "superseded", "what was settled first stays readable"
    funds = {row.account: row for row in decode(chain[1].body).figures.funds()} if chain[1] else {}
    assert funds[COPPER].balance == corrected().funds.balance_cf
    assert funds[ALUMINIUM].fee > 0


def test_overruling_a_day_and_accepting_a_version_need_another_person(company: Company) -> None:
    app = company.app
    for approved_by in ("", " ", CLERK.name):
        with pytest.raises(RuleBroken) as alone:
            settle(app.store, BOOK, LAST, app.products, CLERK, overrule="it is fine", approved_by=approved_by)
        assert alone.value.rule == "overrule_approval"
        with pytest.raises(RuleBroken) as accepted:
            accept_proposal(app.store, BOOK, LAST, 2, "it is fine", CLERK, approved_by)
        assert accepted.value.rule == "accept_approval"
