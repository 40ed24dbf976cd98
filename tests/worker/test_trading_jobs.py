"""A settled day is followed by its reports: fills without a plan, owed pricings, basis with alerts, and the ledger's ties."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from hedge_core.model.futures import SettlementPrice
from hedge_core.model.physical import PricingKind, Side
from hedge_core.model.terms import BasisBand, LineTerms
from hedge_core.ports.jobs import Job, JobState
from hedge_core.use_cases.schedule import add_job
from hedge_core.use_cases.terms import save_terms
from tests.support.company import ALUMINIUM, CLERK, COPPER, DAYS, Company, statement_name
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK
from tests.support.samples import contract_line, ref
from worker.bootstrap import WORKER
from worker.job_runs import LEASE_SECONDS, JobRunner
from worker.jobs import KINDS

LINE = contract_line(
    ref=ref("7/1"), contract_no="CG-7", line_no=1, side=Side.PURCHASE, commodity="copper", ordered=Decimal(500),
    delivered=Decimal(0), premium=None, reference="SHFE.cu2605", contract_date=DAYS[0],
)  # fmt: skip


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Company:
    """The company after go-live with prices and statements of its first day, nothing settled."""
    made = Company.open(sqlite_url, tmp_path)
    made.go_live()
    made.prices(DAYS[0])
    for number in (COPPER, ALUMINIUM):
        made.statement(statement_name(number, DAYS[0]))
    return made


def work(company: Company, kind: str, **params: object) -> dict[str, Job]:
    """Runs a job and everything it brings; the last job of each kind."""
    with company.store.begin(BOOK, CLERK) as uow:
        add_job(uow, KINDS, kind, params)
    runner = JobRunner(company.app, KINDS, WORKER)
    while leases := company.store.job_queue.of("jobs").lease_due(company.app.clock.now(), LEASE_SECONDS, 10):
        for lease in leases:
            runner.handle(lease)
    with company.store.read(BOOK) as uow:
        return {job.kind: job for job in sorted(uow.jobs.jobs(), key=lambda one: one.id)}


def counts(jobs: Mapping[str, Job], kind: str) -> dict[str, object]:
    assert jobs[kind].state is JobState.DONE, jobs[kind]
    return dict(jobs[kind].counts)


def test_a_fill_without_a_plan_is_told_by_the_job_that_follows_the_settlement_of_its_day(company: Company) -> None:
    jobs = work(company, "settle", day=DAYS[0].isoformat())
    report = counts(jobs, "fills")
    with company.store.read(BOOK) as uow:
        opened = [fill for fill in uow.statements.fills(DAYS[0], DAYS[0]) if fill.offset.opens]
    assert opened
    assert (report["day"], report["findings"]) == (DAYS[0].isoformat(), len(opened))
    assert len(list(report["told"])) == len(opened)  # type: ignore[call-overload]


def test_the_rest_of_a_window_that_is_over_is_priced_by_the_job(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.physical.save_contract_lines([LINE])
    terms = LineTerms("CG-7/1", PricingKind.FLOATING, "SHFE.cu2605", DAYS[0], DAYS[0], Decimal(120))
    save_terms(company.store, BOOK, [(DAYS[0], terms)], "", CLERK)
    jobs = work(company, "settle", day=DAYS[0].isoformat())
    assert counts(jobs, "force")["priced"] == 1
    assert counts(work(company, "force"), "force")["priced"] == 0, "a second run finds nothing owed"


def test_the_basis_is_kept_and_one_outside_its_band_is_told(company: Company) -> None:
    with company.store.begin(BOOK, CLERK) as uow:
        uow.broker.save_prices([SettlementPrice("spot", "copper", DAYS[0], Decimal(60000), "CNY", "quote")])
    save_terms(company.store, BOOK, [(DAYS[0], BasisBand("copper", Decimal(-2000), Decimal(2000), 90))], "", CLERK)
    report = counts(work(company, "settle", day=DAYS[0].isoformat()), "basis")
    assert (report["kept"], report["alerts"], report["missing"]) == (1, 1, 0)


def test_the_ties_hold_daily_and_a_changed_voucher_ends_the_job_with_its_sentence(company: Company) -> None:
    jobs = work(company, "settle", day=DAYS[0].isoformat())
    assert int(str(counts(jobs, "ties")["unposted"])) > 0, "nothing is booked yet: that is counted and no fault by day"
    early = work(company, "ties", day=DAYS[0].isoformat(), vouchers="yes")["ties"]
    assert early.state is JobState.FAILED, "at month end it is one"
    company.make_vouchers(DAYS[0])
    done = work(company, "ties", day=DAYS[0].isoformat(), vouchers="yes")
    assert int(str(counts(done, "ties")["ties"])) > 4
    draft = company.vouchers()[0]
    with company.store.begin(BOOK, CLERK) as uow:
        half = [replace(line, debit=line.debit / 2, credit=line.credit / 2) for line in draft.voucher.lines]
        changed = replace(draft.voucher, lines=tuple(half))
        uow.results.replace_draft(replace(draft, voucher=changed))
    failed = work(company, "ties", day=DAYS[0].isoformat(), vouchers="yes")["ties"]
    assert failed.state is JobState.FAILED
    assert "do not hold" in str(failed.error)


def test_a_month_end_is_tied_over_its_whole_month(company: Company) -> None:
    work(company, "settle", day=DAYS[0].isoformat())
    company.make_vouchers(date(2026, 3, 31))
    assert int(str(counts(work(company, "ties", day="2026-03-31", vouchers="yes"), "ties")["ties"])) > 4
