"""A tie between ledger and broker that is broken on purpose ends the job `ties` with the tie, the account and both figures."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from hedge_core.ports.jobs import Job, JobState
from hedge_core.use_cases.schedule import add_job
from tests.support.company import BOOK_SETTINGS, CLERK, COPPER, DAYS, Company
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK
from worker.bootstrap import WORKER
from worker.job_runs import LEASE_SECONDS, JobRunner
from worker.jobs import KINDS

MORE = Decimal("12.34")


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Company:
    """The company with its first day settled."""
    made = Company.open(sqlite_url, tmp_path)
    made.go_live()
    assert made.business_day(DAYS[0]).state == "settled"
    return made


def ties(company: Company, day: date) -> Job:
    with company.store.begin(BOOK, CLERK) as uow:
        add_job(uow, KINDS, "ties", {"day": day.isoformat()})
    runner = JobRunner(company.app, KINDS, WORKER)
    while leases := company.store.job_queue.of("jobs").lease_due(company.app.clock.now(), LEASE_SECONDS, 10):
        for lease in leases:
            runner.handle(lease)
    with company.store.read(BOOK) as uow:
        return max((job for job in uow.jobs.jobs() if job.kind == "ties"), key=lambda one: one.id)


@pytest.fixture
def raise_a_fee(sqlite_url: str) -> Callable[[], None]:
    """Behind the program's back, with the guards taken away: a copper fill of the day costs more than its statement says."""

    def change() -> None:
        with sqlite3.connect(sqlite_url.removeprefix("sqlite:///")) as database:
            for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
                database.execute(f'DROP TRIGGER "{name}"')
            where = "trading_day = ? AND account = ?"
            rowid, fee = database.execute(
                f"SELECT rowid, fee FROM fills WHERE {where} ORDER BY rowid LIMIT 1",
                (DAYS[0].isoformat(), COPPER),
            ).fetchone()
            database.execute("UPDATE fills SET fee = ? WHERE rowid = ?", (str(Decimal(fee) + MORE), rowid))

    return change


@pytest.mark.parametrize(
    ("chosen", "tie"),
    [
        ({"variation": "sweep"}, "margin_mtm"),
        ({"variation": "keep"}, "margin_trade"),
        ({"rule_set": "small_enterprise"}, "margin_trade"),
    ],
)
def test_a_fee_changed_behind_our_back_breaks_the_tie_to_the_brokers_balance(
    company: Company, raise_a_fee: Callable[[], None], chosen: dict[str, str], tie: str
) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.save_settings({**BOOK_SETTINGS, **chosen})
    assert ties(company, DAYS[0]).state is JobState.DONE
    raise_a_fee()
    failed = ties(company, DAYS[0])
    assert failed.state is JobState.FAILED
    told = str(failed.error)
    assert (tie in told, COPPER in told) == (True, True), told
    with company.store.read(BOOK) as uow:
        theirs = uow.statements.current(COPPER, DAYS[0])
    assert theirs is not None
    balance = theirs.statement.funds.balance_cf
    if tie == "margin_mtm":
        assert f"{balance - MORE}" in told, told
        assert f"{balance}" in told, told
