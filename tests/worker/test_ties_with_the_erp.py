"""The job of the ties against a ledger that is not ours: the Kingdee stand-in's own books, also after somebody edited them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.jobs import Job, JobState
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from hedge_core.use_cases.schedule import add_job
from tests.support.company import ACCOUNTANT, BOOK_SETTINGS, CLERK, DAYS, Company, inbox
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK, ERP, Ledger, ledger, settings
from worker.bootstrap import WORKER
from worker.job_runs import LEASE_SECONDS, JobRunner
from worker.jobs import KINDS

LAST = date(2026, 3, 31)


class Books:
    """The demo company's first days, booked in the stand-in's ledger."""

    def __init__(self, made: Ledger, company: Company) -> None:
        self.ledger, self.company = made, company

    def ties(self) -> Job:
        """The job as the month's end runs it, with the ERP asked."""
        with self.company.store.begin(BOOK, CLERK) as uow:
            add_job(uow, KINDS, "ties", {"day": LAST.isoformat(), "vouchers": "yes", "connection": ERP})
        runner = JobRunner(self.company.app, KINDS, WORKER)
        queue = self.company.store.job_queue.of("jobs")
        while leases := queue.lease_due(self.company.app.clock.now(), LEASE_SECONDS, 10):
            for lease in leases:
                runner.handle(lease)
        with self.company.store.read(BOOK) as uow:
            return max((job for job in uow.jobs.jobs() if job.kind == "ties"), key=lambda one: one.id)

    def run(self, statement: str, *values: Any) -> None:
        """What somebody does over there with the database."""
        books = self.ledger.site.site.books
        with books.lock:
            books.run(statement, values)


@pytest.fixture
def books(sqlite_url: str, tmp_path: Path) -> Iterator[Books]:
    with ledger(settings(sqlite_url, tmp_path, settle_seconds=0)) as made:
        company = Company(made.app)
        with company.store.begin(BOOK, CLERK) as uow:
            uow.save_settings({**BOOK_SETTINGS, "post": "month"})
        company_goes_live(company)
        for day in DAYS:
            assert company.business_day(day).state == "settled"
        ids = [one.voucher_id for one in company.make_vouchers(LAST).made]
        assert len(ids) > 4
        assert approve_vouchers(company.store, BOOK, ids, ACCOUNTANT) == []
        assert queue_vouchers(company.store, BOOK, ERP, ids, ACCOUNTANT, company.app.clock) == len(ids)
        while rows := company.store.queue.lease_due(company.app.clock.now(), 60, 100):
            for row in rows:
                deliver(company.store, row, company.app.erp, ACCOUNTANT, company.app.clock)
        assert len(company.vouchers(VoucherStatus.DELIVERED)) == len(ids)
        yield Books(made, company)


def company_goes_live(company: Company) -> None:
    from adapters.broker.ctp_statement import read_statements
    from hedge_core.use_cases.statements import import_opening

    for path, body in sorted(inbox().items()):
        if path.startswith("opening/"):
            import_opening(company.store, BOOK, path, body, read_statements, company.app.products, CLERK)


def test_snapshots_vouchers_and_the_erps_books_tie_at_the_months_end(books: Books) -> None:
    done = books.ties()
    assert done.state is JobState.DONE, done.error
    counted = dict(done.counts)
    assert counted["unposted"] == 0
    assert int(str(counted["ties"])) > 8


def test_an_amount_changed_over_there_ends_the_job_with_both_figures(books: Books) -> None:
    books.run(
        'UPDATE "GL_VOUCHER.FEntity" SET FDEBIT = FDEBIT + 1000000 WHERE id = '
        "(SELECT MIN(id) FROM \"GL_VOUCHER.FEntity\" WHERE FDEBIT > 0 AND FBUSNO LIKE 'HB%')"
    )
    failed = books.ties()
    assert failed.state is JobState.FAILED
    assert "erp" in str(failed.error)


def test_a_line_moved_to_another_account_over_there_shows_although_the_sum_is_the_same(books: Books) -> None:
    books.run(
        "UPDATE \"GL_VOUCHER.FEntity\" SET FACCOUNTID = (SELECT id FROM BD_Account WHERE FNumber = '6603') "
        'WHERE id = (SELECT MIN(e.id) FROM "GL_VOUCHER.FEntity" e JOIN BD_Account a ON a.id = e.FACCOUNTID '
        "WHERE a.FNumber = '6111.02')"
    )
    failed = books.ties()
    assert failed.state is JobState.FAILED
    assert "erp_account" in str(failed.error)


def test_a_document_deleted_over_there_is_missed(books: Books) -> None:
    books.run('DELETE FROM "GL_VOUCHER.FEntity" WHERE parent = (SELECT MAX(parent) FROM "GL_VOUCHER.FEntity")')
    failed = books.ties()
    assert failed.state is JobState.FAILED
    assert "2026-03" in str(failed.error) or "erp" in str(failed.error)
