"""`job`, `schedule` and `outbox` on the command line: what they show, what a person decides, and how they refuse."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.storage import SqlStore, open_store
from hedge_core.errors import Rejected
from hedge_core.model.identity import Actor, BookId
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.jobs import JobState
from hedge_core.ports.storage import StoredVoucher
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from tests.support.command import *  # noqa: F403
from tests.support.command import BOOK, CommandLine
from tests.support.fake_erp import FakeErp, raising
from tests.support.samples import connection, voucher

HERE = BookId(BOOK)
MAKER, CHECKER, WORKER = Actor("li.na"), Actor("wang.wei"), Actor("worker")


@pytest.fixture
def book(command: CommandLine) -> CommandLine:
    command("init", BOOK, "--name", "锦禾金属贸易有限公司")
    return command


@pytest.fixture
def store(book: CommandLine) -> Iterator[SqlStore]:
    opened = open_store(book.database, SystemClock())
    yield opened
    opened.close()


# --- jobs -------------------------------------------------------------------------------------------------------------


def test_a_job_is_added_shown_cancelled_and_resumed(book: CommandLine) -> None:
    assert "1" in book("job", "add", "settle", "--set", "day=2026-03-04", "--as", "li.na").said[0]
    (row,) = book("job", "list", "--json").json
    assert (row["job"], row["kind"], row["state"], row["done"]) == (1, "settle", "queued", 0)
    shown = book("job", "show", "1", "--json").json
    assert (shown["params"], shown["made_by"], shown["attempts"]) == ({"day": "2026-03-04"}, "li.na", 0)
    book("job", "cancel", "1")
    assert book("job", "list", "--json", "--state", "cancelled").json[0]["job"] == 1
    assert book("job", "list", "--json", "--state", "queued").json == []
    book("job", "resume", "1")
    assert [one["state"] for one in book("job", "list", "--json").json] == ["queued"]


def test_jobs_are_listed_by_kind_and_no_more_than_asked_for(book: CommandLine) -> None:
    for kind in ("settle", "statements", "settle"):
        book("job", "add", kind)
    assert [one["job"] for one in book("job", "list", "--json", "--kind", "settle").json] == [3, 1]
    assert [one["job"] for one in book("job", "list", "--json", "--limit", "1").json] == [3]
    table = book("job", "list").out
    assert all(word in table for word in ("settle", "statements", "queued"))


def test_a_failed_job_is_shown_with_its_reason_and_asks_for_a_person(book: CommandLine, store: SqlStore) -> None:
    book("job", "add", "settle")
    now = SystemClock().now()
    (lease,) = store.job_queue.of("jobs").lease_due(now, 60, 1)
    with store.begin(HERE, WORKER) as uow:
        assert lease.lease_until is not None
        assert uow.jobs.start(lease.id, lease.lease_token, now, lease.lease_until) is not None
        reason = Rejected("7", "科目已停用").message
        uow.jobs.end(lease.id, lease.lease_token, JobState.FAILED, done=0, total=None, counts={}, error=reason)
    shown = book("job", "show", "1", code=1)
    assert "科目已停用" in shown.out


@pytest.mark.parametrize(
    "line",
    ["job show 9", "job cancel 9", "job resume 9", "job add nothing", "job add pull", "schedule run none",
     "schedule pause none", "schedule remove none", "outbox show 9", "outbox cancel 9 --reason x",
     "outbox delivered 9 --number 1 --reason x"],
)  # fmt: skip
def test_what_is_not_there_or_lacks_something_is_refused_with_a_sentence(book: CommandLine, line: str) -> None:
    before = book("audit", "verify").out
    (said,) = book(*line.split(), code=3).said
    assert said
    assert book("audit", "verify").out == before, "nothing was written"


# --- schedules --------------------------------------------------------------------------------------------------------


def test_when_a_schedule_runs_next_is_told_in_the_time_its_rule_is_written_in(book: CommandLine) -> None:
    (said,) = book("schedule", "add", "checkpoint", "--kind", "checkpoint", "--when", "daily 23:55").said
    assert said.endswith(" 23:55.")


def test_a_schedule_is_added_paused_resumed_run_and_removed(book: CommandLine) -> None:
    book("schedule", "add", "look", "--kind", "statements", "--when", "every 10m")
    (row,) = book("schedule", "list", "--json").json
    assert (row["schedule"], row["kind"], row["when"], row["paused"], row["state"]) == (
        "look", "statements", "every 10m", False, None,
    )  # fmt: skip
    assert row["next_at"]
    book("schedule", "pause", "look")
    (paused,) = book("schedule", "list", "--json").json
    assert paused["paused"] is True
    assert "1" in book("schedule", "run", "look").said[0]
    (ran,) = book("job", "list", "--json", "--schedule", "look").json
    assert (ran["job"], ran["kind"], ran["schedule"]) == (1, "statements", "look")
    book("schedule", "resume", "look")
    (resumed,) = book("schedule", "list", "--json").json
    assert (resumed["paused"], resumed["state"]) == (False, "queued")
    assert resumed["next_at"]
    book("schedule", "remove", "look")
    assert book("schedule", "list", "--json").json == []
    assert len(book("job", "list", "--json").json) == 1, "what it made stays"


def test_a_rule_that_is_none_is_refused_with_examples(book: CommandLine) -> None:
    (said,) = book("schedule", "add", "look", "--kind", "statements", "--when", "now and then", code=3).said
    assert "now and then" in said and "every" in said
    assert book("schedule", "list", "--json").json == []


# --- the outbox -------------------------------------------------------------------------------------------------------


@pytest.fixture
def refused(book: CommandLine, store: SqlStore) -> CommandLine:
    """Three vouchers that were sent; the ERP took the first and refused the others."""
    erp: Any = FakeErp()
    names = ["v1", "v2", "v3"]
    with store.begin(HERE, MAKER) as uow:
        uow.save_connection(connection(BOOK))
        for name in names:
            made = voucher(book=BOOK, voucher_id=name)
            uow.results.add_voucher(StoredVoucher(made, VoucherStatus.DRAFT, MAKER.name))
    assert approve_vouchers(store, HERE, names, CHECKER) == []
    queue_vouchers(store, HERE, "k3", names, CHECKER, SystemClock())
    for lease in store.queue.lease_due(SystemClock().now(), 60, 3):
        if lease.id > 1:
            erp.before.append(raising(Rejected("7", "科目已停用")))
        deliver(store, lease, lambda *_: erp, WORKER, SystemClock())
    return book


def states(command: CommandLine) -> list[str]:
    return [row["state"] for row in command("outbox", "list", "--json").json]


def test_the_outbox_says_what_became_of_each_row_in_the_vendors_own_words(refused: CommandLine) -> None:
    assert states(refused) == ["done", "dead", "dead"]
    assert [row["row"] for row in refused("outbox", "list", "--json", "--state", "dead").json] == [2, 3]
    assert [row["row"] for row in refused("outbox", "list", "--json", "--limit", "2").json] == [1, 2]
    assert refused("outbox", "list", "--json", "--connection", "other").json == []
    shown = refused("outbox", "show", "2", "--json").json
    assert "科目已停用" in shown["reason"]
    assert (shown["state"], shown["attempts"], shown["number"], shown["queued_by"]) == ("dead", 1, None, CHECKER.name)
    assert refused("outbox", "show", "1", "--json").json["number"] == "V-1"


def test_each_of_the_three_decisions_changes_the_row_and_says_who_and_why(
    refused: CommandLine, store: SqlStore
) -> None:
    refused("outbox", "retry", "2", "--reason", "科目已启用", "--as", "wang.wei")
    refused("outbox", "delivered", "3", "--number", "记-17", "--reason", "typed in", "--as", "wang.wei")
    assert states(refused) == ["done", "pending", "done"]
    shown = refused("outbox", "show", "3", "--json").json
    assert (shown["number"], shown["decided_by"], shown["reason"]) == ("记-17", "wang.wei", "typed in")
    with store.read(HERE) as uow:
        told = [body.decode() for _, body, _ in uow.audit.events() if b'"outbox.' in body]
    assert any("outbox.retried" in one and "科目已启用" in one for one in told)
    assert any("outbox.delivered_by_hand" in one and "记-17" in one for one in told)


def test_a_cancelled_row_leaves_its_voucher_approved(refused: CommandLine, store: SqlStore) -> None:
    refused("outbox", "cancel", "2", "--reason", "wrong month", "--as", "wang.wei")
    assert states(refused) == ["done", "cancelled", "dead"]
    with store.read(HERE) as uow:
        stored = uow.results.voucher("v2")
    assert stored is not None and stored.status is VoucherStatus.APPROVED


def test_a_row_that_nobody_waits_for_takes_no_decision(refused: CommandLine) -> None:
    for line in (("retry",), ("cancel",), ("delivered", "--number", "9")):
        (said,) = refused("outbox", line[0], "1", *line[1:], "--reason", "x", code=1).said
        assert "done" in said
    assert states(refused) == ["done", "dead", "dead"]
