"""Limits against a company's stored days: alerts that remember since when, and a settled day that waits for a person."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import pytest

from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor
from hedge_core.model.limits import LimitKind, LimitRule, Moment
from hedge_core.use_cases.limits import acknowledge, after_settlement, check_limits, import_limits, settle_day
from tests.support.company import ALUMINIUM, CLERK, COPPER, DAYS, Company, statement_name
from tests.support.posting import BOOK
from worker.jobs import KINDS

D = Decimal
SINCE = date(2026, 1, 1)


def keep(company: Company, *rules: LimitRule) -> None:
    import_limits(company.store, BOOK, [(SINCE, rule) for rule in rules], CLERK)


def look(company: Company, moment: Moment = Moment.DAY) -> Any:
    return check_limits(company.store, BOOK, company.app.products, CLERK, company.app.clock, moment)


def test_an_alert_keeps_since_when_until_its_rule_holds_again(company: Company) -> None:
    rule = LimitRule("copper", LimitKind.LOTS, high=D(0), account=COPPER)
    keep(company, rule)
    first = look(company)
    assert (first.raised, first.breaches[0].figure is not None) == (1, True)
    seen = company.app.clock.now()
    company.app.clock.sleep(3600)
    again = look(company)
    assert (again.raised, again.breaches[0].since) == (0, seen)
    with company.store.read(BOOK) as uow:
        (alert,) = uow.limits.open_alerts()
    assert (alert.first_seen, alert.last_seen) == (seen, company.app.clock.now())
    assert alert.breach.proposal == again.breaches[0].proposal
    keep(company, LimitRule("copper", LimitKind.LOTS, high=D(10_000), account=COPPER))
    assert look(company).cleared == 1
    with company.store.read(BOOK) as uow:
        assert uow.limits.open_alerts() == []


def test_money_limits_read_the_statement_of_the_last_day(company: Company) -> None:
    with company.store.read(BOOK) as uow:
        stored = uow.statements.current(COPPER, DAYS[-1])
    assert stored is not None
    funds = stored.statement.funds
    keep(
        company,
        LimitRule("margin", LimitKind.MARGIN, high=D(0), account=COPPER),
        LimitRule("degree", LimitKind.RISK_DEGREE, high=D(0), account=COPPER),
    )
    found = {one.rule_id: one.figure for one in look(company).breaches}
    assert found["margin"] == funds.margin
    assert found["degree"] is not None
    assert abs(found["degree"] - funds.margin / funds.equity) < D("0.000001")


def test_a_limit_that_blocks_stops_the_days_after_until_somebody_takes_it_on(company: Company) -> None:
    keep(company, LimitRule("stop", LimitKind.LOTS, high=D(0), account=COPPER, blocks=True))
    common = (company.store, BOOK, DAYS[-1], company.app.products, CLERK, company.app.clock)
    with pytest.raises(RuleBroken) as caught:
        after_settlement(*common)
    assert caught.value.rule == "limits_block_day"
    run = SimpleNamespace(job=SimpleNamespace(book=BOOK, params={}, checkpoint={}), advance=lambda *_, **__: None)
    with pytest.raises(RuleBroken, match="keep it from going on"):
        KINDS["settle"].run(company.app, run)  # type: ignore[arg-type]
    with company.store.read(BOOK) as uow:
        (alert,) = uow.limits.open_alerts()
        assert uow.results.snapshot(DAYS[-1]) is not None
    acknowledge(company.store, BOOK, alert.alert_id, Actor("qian.yu"), company.app.clock, note="agreed")
    assert after_settlement(*common).blocking
    assert KINDS["limits"].run(company.app, run) is not None  # type: ignore[arg-type]


def test_a_limit_that_does_not_block_is_an_alert_and_no_more(company: Company) -> None:
    keep(company, LimitRule("told", LimitKind.LOTS, high=D(0), account=COPPER))
    done = after_settlement(company.store, BOOK, DAYS[-1], company.app.products, CLERK, company.app.clock)
    assert (done.raised, done.blocking) == (1, ())


def test_a_rule_that_ended_takes_its_alert_along(company: Company) -> None:
    keep(company, LimitRule("copper", LimitKind.LOTS, high=D(0), account=COPPER))
    look(company)
    keep(company, LimitRule("copper", LimitKind.LOTS, high=D(0), account=COPPER, ended=True))
    assert look(company).cleared == 1


def test_nothing_is_kept_of_a_table_with_one_wrong_rule(company: Company) -> None:
    with pytest.raises(RuleBroken):
        keep(company, LimitRule("fine", LimitKind.LOTS, high=D(1)), LimitRule("wrong", LimitKind.LOTS))
    with company.store.read(BOOK) as uow:
        assert uow.limits.rule_history() == []


def test_the_command_and_the_job_settle_a_day_the_same_way_limits_included(new_company: Company) -> None:
    """The first day is settled and its blocking limit says why nothing goes on; the second is refused until somebody takes it
    on."""
    keep(new_company, LimitRule("stop", LimitKind.LOTS, high=D(0), account=COPPER, blocks=True))
    first, second = DAYS[:2]
    for day in (first, second):
        new_company.prices(day)
        for number in (COPPER, ALUMINIUM):
            new_company.statement(statement_name(number, day))
    common = (new_company.store, BOOK)
    rest = (new_company.app.products, CLERK, new_company.app.clock)
    done = settle_day(*common, first, *rest)
    assert (done.settled.state, done.limits is not None and len(done.limits.blocking)) == ("settled", 1)
    assert done.blocked is not None
    assert done.blocked.rule == "limits_block_day"
    with pytest.raises(RuleBroken, match="keep it from going on"):
        settle_day(*common, second, *rest)
    with new_company.store.read(BOOK) as uow:
        assert uow.results.snapshot(second) is None
        (alert,) = uow.limits.open_alerts()
    acknowledge(*common, alert.alert_id, Actor("qian.yu"), new_company.app.clock, note="agreed")
    again = settle_day(*common, second, *rest)
    assert (again.settled.state, again.blocked) == ("settled", None)
