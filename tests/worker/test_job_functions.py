"""The functions of jobs: pull, statements, settle, resolve, sweep, checkpoint and orders, run as a worker runs them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from adapters.secrets import Redactor, create_key_file
from adapters.storage import open_store
from hedge_core.errors import OutcomeUnknown, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.orders import OrderStage
from hedge_core.model.records import Cursor, Mapped, Pulled, RawRecord
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.jobs import Job, JobState
from hedge_core.ports.storage import Book, OutboxState, StoredVoucher
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.outbox import resolve_unknown
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from hedge_core.use_cases.schedule import add_job
from tests.support.company import ALUMINIUM, COPPER, DAYS, Company, inbox, statement_name
from tests.support.ctp_broker import CtpUnderTest
from tests.support.databases import *  # noqa: F403
from tests.support.databases import HandClock
from tests.support.fake_erp import CARD, FakeErp, raising
from tests.support.order_desk import NOW, Desk
from tests.support.posting import BOOK, CHECKER, MAKER, settings, voucher
from tests.support.samples import connection, contract_line, inventory_lot
from worker.bootstrap import WORKER, App
from worker.job_runs import LEASE_SECONDS, JobRunner
from worker.jobs import KINDS

SPEC = "orders@aa"


def run(app: App, kind: str, **params: object) -> list[Job]:
    """A job and everything it brings, run by one worker; all jobs by number."""
    with app.store.begin(BOOK, MAKER) as uow:
        add_job(uow, KINDS, kind, params)
    return work(app)


def work(app: App) -> list[Job]:
    runner = JobRunner(app, KINDS, WORKER)
    while leases := app.store.job_queue.of("jobs").lease_due(app.clock.now(), LEASE_SECONDS, 10):
        for lease in leases:
            runner.handle(lease)
    with app.store.read(BOOK) as uow:
        return sorted(uow.jobs.jobs(), key=lambda job: job.id)


def done(jobs: list[Job], kind: str) -> Mapping[str, object]:
    (job,) = (one for one in jobs if one.kind == kind)
    assert job.state is JobState.DONE, job
    return dict(job.counts)


def failed(jobs: list[Job]) -> str:
    assert jobs[-1].state is JobState.FAILED, jobs[-1]
    return str(jobs[-1].error)


# --- an ERP's jobs ----------------------------------------------------------------------------------------------------


@pytest.fixture
def erp() -> FakeErp:
    return FakeErp(replace(CARD, pulls=frozenset({"contracts"})))


@pytest.fixture
def app(sqlite_url: str, tmp_path: Path, erp: FakeErp, monkeypatch: pytest.MonkeyPatch) -> Iterator[App]:
    """A book with one connection, whose adapter is a fake."""
    clock = HandClock(NOW)
    chosen = settings(sqlite_url, tmp_path)
    create_key_file(Path(chosen.key_file))
    made = App(chosen, open_store(sqlite_url, clock), clock, Redactor())
    made.store.add_book(Book(BOOK, "金禾", "CNY", {"anchor.folder": str(tmp_path)}), MAKER)
    with made.store.begin(BOOK, MAKER) as uow:
        uow.save_connection(connection(BOOK))
    monkeypatch.setattr(made, "erp", lambda *_: erp)
    yield made
    made.store.close()


def line(number: int, kind: str = "sale_line") -> Pulled[Any]:
    ref = ExternalRef("k3", kind, f"{number}/1")
    raw = RawRecord.of(ref, f"line {number}".encode(), NOW)
    item = contract_line(ref=ref, contract_no=f"XS-{number}")
    return Pulled(ref, Mapped(item, SPEC), raw, Cursor(f"after {number}"), page_end=True)


def lot(number: int) -> Pulled[Any]:
    ref = ExternalRef("k3", "stock", f"lot-{number}")
    item = inventory_lot(ref=ref)
    return Pulled(ref, Mapped(item, SPEC), RawRecord.of(ref, b"lot", NOW), Cursor(""), page_end=True)


def cut(*items: Pulled[Any]) -> Iterator[Pulled[Any]]:
    yield from items
    raise Unavailable("the line is cut", system="fake")


def test_a_pull_takes_what_the_adapter_gives_and_counts_it(app: App, erp: FakeErp) -> None:
    erp.pulls = [iter((line(1), line(2)))]
    jobs = run(app, "pull", connection="k3", what="contracts")
    counts = done(jobs, "pull")
    assert (counts["read"], counts["stored"], jobs[0].done) == (2, 2, 2)
    with app.store.read(BOOK) as uow:
        assert len(uow.physical.contract_lines()) == 2


def test_a_pull_that_is_cut_goes_on_behind_its_last_step_and_repeats_none_of_those_before(
    app: App, erp: FakeErp
) -> None:
    """Masters of every kind come first; the contracts are cut after a page, whose cursor is kept."""
    masters = len(list(_master_kinds()))
    erp.pulls = [*(iter(()) for _ in range(masters)), cut(line(1))]
    (job,) = run(app, "pull", connection="k3")
    assert (job.state, job.attempts) == (JobState.QUEUED, 1)
    assert len(_finished(job)) == masters
    app.clock.sleep(60)
    erp.pulls = [iter((line(2),))]  # one more pull than this, and the fake has none to give
    (job,) = work(app)
    assert job.state is JobState.DONE, job.error
    assert _finished(job)[-1] == "contracts"
    assert [since for what, since, _ in erp.asked if what == "contracts"] == [None, "after 1"]
    with app.store.read(BOOK) as uow:
        assert len(uow.physical.contract_lines()) == 2


def _master_kinds() -> Iterator[str]:
    from hedge_core.model.physical import MasterKind

    return (kind.value for kind in MasterKind)


def _finished(job: Job) -> list[object]:
    found = job.checkpoint["finished"]
    assert isinstance(found, list | tuple)
    return list(found)


def test_inventory_is_pulled_only_where_there_is_any_unless_asked_for_by_name(app: App, erp: FakeErp) -> None:
    erp.pulls = [*(iter(()) for _ in _master_kinds()), iter((line(1),))]
    assert "inventory" not in _finished(run(app, "pull", connection="k3")[-1])
    erp.pulls = [iter((lot(1),))]
    assert _finished(run(app, "pull", connection="k3", what="inventory")[-1]) == ["inventory"]


@pytest.mark.parametrize(("name", "told"), [("what", "contracts"), ("scope", "changed")])
def test_a_pull_of_what_there_is_not_names_what_there_is(app: App, erp: FakeErp, name: str, told: str) -> None:
    assert told in failed(run(app, "pull", connection="k3", **{name: "everything"}))
    assert erp.asked == []


def posted(app: App, erp: FakeErp, count: int) -> None:
    """Vouchers delivered; what `erp.after` says happens to their answers."""
    names = []
    with app.store.begin(BOOK, MAKER) as uow:
        for number in range(count):
            one = voucher(number)
            names.append(one.voucher_id)
            uow.results.add_voucher(StoredVoucher(one, VoucherStatus.DRAFT, MAKER.name))
    assert approve_vouchers(app.store, BOOK, names, CHECKER) == []
    queue_vouchers(app.store, BOOK, "k3", names, CHECKER, app.clock)
    for lease in app.store.queue.lease_due(app.clock.now(), 60, count):
        deliver(app.store, lease, lambda *_: erp, WORKER, app.clock)  # type: ignore[arg-type]


def test_resolve_finds_the_document_whose_answer_was_lost(app: App, erp: FakeErp) -> None:
    erp.after.append(raising(OutcomeUnknown("cut", system="fake")))
    posted(app, erp, 2)
    assert done(run(app, "resolve", connection="k3"), "resolve") == {
        "asked": 1, "found": 1, "conflicts": 0, "missing": 0,
    }  # fmt: skip
    with app.store.read(BOOK) as uow:
        states = sorted(row.state.value for row in uow.outbox.rows())
    assert states == [OutboxState.DONE.value, OutboxState.PENDING.value], "due at once, and looked up before it is sent"
    assert resolve_unknown(app.store, BOOK, "k3", erp, WORKER, app.clock).asked == 0  # type: ignore[arg-type]


def test_a_job_without_its_connection_is_refused_before_it_is_one(app: App) -> None:
    from hedge_core.errors import InvalidInput

    for kind in ("pull", "resolve", "sweep"):
        with pytest.raises(InvalidInput, match="connection"):
            run(app, kind)


def test_a_checkpoint_is_signed_and_anchored_by_the_job(app: App, tmp_path: Path) -> None:
    counts = done(run(app, "checkpoint"), "checkpoint")
    with app.store.read(BOOK) as uow:
        assert uow.audit.head()[0] >= int(str(counts["checkpoint"]))
    (note,) = tmp_path.glob(f"{BOOK}-*.txt")
    assert (counts["anchors"], note.name) == (1, f"{BOOK}-{counts['checkpoint']}.txt")


def test_the_orders_job_asks_for_what_is_out_and_sends_nothing(
    sqlite_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = HandClock(NOW)
    app = App(settings(sqlite_url, tmp_path), open_store(sqlite_url, clock), clock, Redactor())
    app.store.add_book(Book(BOOK, "金禾", "CNY"), MAKER)
    with CtpUnderTest() as broker:
        desk = Desk(app.store, BOOK, broker, clock)
        monkeypatch.setattr(app, "broker", lambda *_: desk.adapter)
        assert done(run(app, "orders"), "orders") == {"asked": 0, "left": 0}
        assert desk.sent().stage is OrderStage.WORKING
        desk.approved("o2")
        jobs = run(app, "orders")
        assert dict(jobs[-1].counts) == {"asked": 1, "left": 1}
        desk.cancel()
        assert dict(run(app, "orders")[-1].counts)["left"] == 0
        with app.store.read(BOOK) as uow:
            (second,) = (one for one in uow.orders.proposed_orders() if one.proposal.proposal_id == "o2")
        assert (second.stage, second.sent_at) == (OrderStage.APPROVED, None)
    app.store.close()


# --- a broker's statements and the days they complete ---------------------------------------------------------------------


@pytest.fixture
def company(sqlite_url: str, tmp_path: Path) -> Company:
    """After go-live, with the prices of two days and no statement yet; its folder is watched."""
    made = Company.open(sqlite_url, tmp_path)
    made.go_live()
    for day in DAYS[:2]:
        made.prices(day)
    folder = tmp_path / "statements"
    folder.mkdir()
    with made.store.begin(BOOK, MAKER) as uow:
        uow.save_settings({**uow.book.settings, "statement_folder": str(folder)})
    return made


def put(company: Company, tmp_path: Path, day: Any, *accounts: str) -> None:
    for account in accounts:
        name = statement_name(account, day)
        (tmp_path / name).write_bytes(inbox()[name])


def test_statements_are_taken_at_the_second_look_and_the_day_they_complete_is_settled(
    company: Company, tmp_path: Path
) -> None:
    put(company, tmp_path, DAYS[0], COPPER, ALUMINIUM)
    first = run(company.app, "statements")
    assert (done(first, "statements")["done"], done(first, "statements")["waiting"]) == (0, 2)
    jobs = run(company.app, "statements")
    assert dict(jobs[1].counts) == {"done": 2, "refused": 0, "left": 0, "waiting": 0}
    assert [job.kind for job in jobs][2] == "settle"
    assert done(jobs, "settle") == {"settled": 1}
    assert [one.trading_day for one in company.snapshots()] == [DAYS[0]]


def test_a_file_that_is_no_statement_is_refused_and_settles_nothing(company: Company, tmp_path: Path) -> None:
    (tmp_path / "statements" / "notes.txt").write_text("not a statement", encoding="utf-8")
    run(company.app, "statements")
    jobs = run(company.app, "statements")
    assert dict(jobs[-1].counts)["refused"] == 1
    assert {job.kind for job in jobs} == {"statements"}


def test_a_day_without_all_its_statements_waits_for_them(company: Company) -> None:
    for day, account in ((DAYS[0], COPPER), (DAYS[0], ALUMINIUM), (DAYS[1], COPPER)):
        company.statement(statement_name(account, day))
    counts = done(run(company.app, "settle"), "settle")
    assert counts == {"settled": 1, "waiting": 1, "first_missing": f"{DAYS[1].isoformat()} {ALUMINIUM}"}
    assert [one.trading_day for one in company.snapshots()] == [DAYS[0]]
    company.statement(statement_name(ALUMINIUM, DAYS[1]))
    jobs = run(company.app, "settle")
    assert [dict(job.counts) for job in jobs if job.kind == "settle"][-1] == {"settled": 1}
    assert [one.trading_day for one in company.snapshots()] == list(DAYS[:2])
    followed = [(job.kind, job.params["day"]) for job in jobs if job.kind != "settle"]
    assert followed and all(followed.count(one) == 1 for one in followed), "what follows a day follows it once"
    assert {day for _, day in followed} == {day.isoformat() for day in DAYS[:2]}


def test_a_settle_up_to_a_day_leaves_the_later_ones(company: Company) -> None:
    for day in DAYS[:2]:
        for account in (COPPER, ALUMINIUM):
            company.statement(statement_name(account, day))
    run(company.app, "settle", day=DAYS[0].isoformat())
    assert [one.trading_day for one in company.snapshots()] == [DAYS[0]]
