"""Limits, alerts and orders on their way, on both databases: what the database itself keeps and refuses."""

from __future__ import annotations

import threading
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from adapters.storage import SqlStore
from hedge_core.errors import RuleBroken
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.limits import Moment
from hedge_core.model.orders import OrderStage
from tests.support import limited
from tests.support.databases import as_owner
from tests.support.samples import DAY, NOON

LI, WANG = Actor("li.na"), Actor("wang.fang")
LATER = NOON + timedelta(hours=1)


def test_rules_hold_from_their_date_and_end(store: SqlStore, book: BookId) -> None:
    with store.begin(book, LI) as uow:
        assert uow.limits.add_rule(limited.rule(), DAY) == 1
        assert uow.limits.add_rule(limited.rule(), DAY) == 1
        assert uow.limits.add_rule(limited.rule(high=Decimal(50)), DAY) == 2
        uow.limits.add_rule(limited.rule(ended=True), date(2026, 6, 1))
        before, during, after = (uow.limits.rules(day) for day in (date(2026, 1, 1), DAY, date(2026, 6, 1)))
    assert (before, [rule.high for rule in during], after) == ([], [Decimal(50)], [])


def test_what_is_broken_has_one_open_alert_and_comes_back_as_another(store: SqlStore, book: BookId) -> None:
    breach = limited.breach()
    with store.begin(book, LI) as uow:
        assert uow.limits.raise_alert(breach, Moment.DAY, NOON)
        assert not uow.limits.raise_alert(replace(breach, figure=Decimal(130)), Moment.SETTLEMENT, LATER)
        (alert,) = uow.limits.open_alerts()
        assert (alert.breach.figure, alert.first_seen, alert.last_seen) == (130, NOON, LATER)
        assert (alert.breach.proposal, alert.breach.message) == (breach.proposal, breach.message)
        uow.limits.clear_alerts([alert.alert_id], LATER)
        assert uow.limits.raise_alert(breach, Moment.DAY, LATER)
        assert len(uow.limits.alerts()) == 2
    with pytest.raises(KeyError), store.begin(book, LI) as uow:
        uow.limits.acknowledge_alert(alert.alert_id, LATER, "li.na", "", "")


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE limit_rules SET payload = '{}'",
        "DELETE FROM limit_rules",
        "UPDATE limit_alerts SET first_seen = last_seen, rule_id = 'x'",
        "DELETE FROM limit_alerts",
        "UPDATE order_proposals SET payload = '{}'",
        "UPDATE order_proposals SET approved_by = proposed_by, approved_digest = digest",
        "UPDATE order_proposals SET approved_by = 'qian', approved_digest = 'another'",
        "UPDATE order_proposals SET order_key = '260302000001'",
        "DELETE FROM order_proposals",
    ],
)
def test_the_database_refuses(store: SqlStore, book: BookId, change: str) -> None:
    with store.begin(book, LI) as uow:
        uow.limits.add_rule(limited.rule(), DAY)
        uow.limits.raise_alert(limited.breach(), Moment.DAY, NOON)
        uow.orders.add(limited.order_proposal(), NOON, LI.name)
    with pytest.raises((DBAPIError, RuleBroken)), as_owner(store) as engine, engine.begin() as connection:
        connection.execute(text(change))


def test_an_order_is_approved_and_started_by_one_caller(store: SqlStore, book: BookId) -> None:
    proposal = limited.order_proposal()
    with store.begin(book, LI) as uow:
        uow.orders.add(proposal, NOON, LI.name)
        assert not uow.orders.start("o1", "260302000001")
        assert uow.orders.approve("o1", proposal.digest, NOON, WANG.name)
        assert not uow.orders.approve("o1", proposal.digest, NOON, "sun.mei")
        assert uow.orders.start("o1", "260302000001")
        assert not uow.orders.start("o1", "260302000002")
        assert [one.stage for one in uow.orders.proposed_orders((OrderStage.SENDING,))] == [OrderStage.SENDING]


def test_who_throws_the_switch_waits_for_whoever_lets_an_order_go(store: SqlStore, book: BookId) -> None:
    """The switch is held: the other side's turn comes when the first unit has ended, and it sees what that one did."""
    seen: list[str] = []
    holds, thrown = threading.Event(), threading.Event()

    def stop() -> None:
        assert holds.wait(20)
        with store.begin(book, WANG) as uow:
            uow.orders.throw_switch(False, True, LATER, WANG.name, "stop")
            seen.append(uow.orders.proposed_orders()[0].note)
        thrown.set()

    other = threading.Thread(target=stop)
    with store.begin(book, LI) as uow:
        uow.orders.add(limited.order_proposal(), NOON, LI.name)
    other.start()
    with store.begin(book, LI) as uow:
        assert not uow.orders.switch(hold=True).stopped
        holds.set()
        uow.orders.move("o1", (OrderStage.PROPOSED,), OrderStage.WITHDRAWN, LI.name, "let go")
    assert thrown.wait(20)
    other.join(20)
    assert seen == ["let go"]
    with store.read(book) as uow:
        assert uow.orders.switch().stopped
