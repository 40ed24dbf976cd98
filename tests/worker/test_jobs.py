"""Jobs: progress, checkpoints, cancelling and resuming across processes, one at a time where only one may be, the schedule."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from adapters.reference import load_calendar
from adapters.storage import SqlStore, open_store
from hedge_core.errors import InvalidInput, Rejected, RuleBroken, Unavailable
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.jobs import Job, JobState, Running, Schedule
from hedge_core.ports.storage import Book
from hedge_core.timetable import read_rule
from hedge_core.use_cases.schedule import (
    add_job,
    cancel_job,
    fire_due,
    pause_schedule,
    remove_schedule,
    resume_job,
    run_now,
    save_schedule,
)
from tests.support.databases import *  # noqa: F403
from worker.job_runs import LEASE_SECONDS, JobKind, JobRunner
from worker.schedule import Scheduler

BOOK, OTHER = BookId("cu01"), BookId("al02")
LI, WORKER = Actor("li.na"), Actor("worker")
MONDAY = datetime(2026, 3, 2, 1, 0, tzinfo=UTC)
"""Nine in the morning in Shanghai on a trading day."""


@dataclass
class Plant:
    """A store with two books, and kinds of jobs whose functions a test writes. As an `App` for the runner."""

    store: SqlStore
    clock: HandClock  # noqa: F405
    kinds: dict[str, JobKind] = field(default_factory=dict)

    def add(self, kind: str = "count", book: BookId = BOOK, **params: object) -> int:
        with self.store.begin(book, LI) as uow:
            return add_job(uow, self.kinds, kind, params)

    def runner(self) -> JobRunner:
        return JobRunner(self, self.kinds, WORKER)  # type: ignore[arg-type]

    def work(self, runner: JobRunner | None = None) -> list[JobState | None]:
        leases = self.store.job_queue.of("jobs").lease_due(self.clock.now(), LEASE_SECONDS, 10)
        return [(runner or self.runner()).handle(lease) for lease in leases]

    def job(self, job_id: int = 1, book: BookId = BOOK) -> Job:
        with self.store.read(book) as uow:
            found = uow.jobs.job(job_id)
            assert found is not None
            return found

    def schedule(self, name: str, when: str, **params: object) -> Schedule:
        made = Schedule(name, BOOK, "count", when, params, None)
        return save_schedule(self.store, BOOK, made, self.kinds, load_calendar(), LI, self.clock)

    def fire(self) -> list[tuple[str, datetime, int | None]]:
        fired = fire_due(self.store, self.kinds, lambda _: load_calendar(), WORKER, self.clock)
        return [(one.name, one.planned, one.job) for one in fired]


@pytest.fixture
def clock() -> HandClock:  # noqa: F405
    return HandClock(MONDAY)  # noqa: F405


@pytest.fixture
def plant(store: SqlStore, clock: HandClock) -> Plant:  # noqa: F405
    for book in (BOOK, OTHER):
        store.add_book(Book(book, "x", "CNY"), LI)
    return Plant(store, clock, {"count": JobKind(count)})


def count(_: Any, run: Running) -> Mapping[str, object]:
    """Counts to `to`, keeping how far it is."""
    start = int(str(run.job.checkpoint.get("at", 0)))
    to = int(str(run.job.params.get("to", 3)))
    for at in range(start + 1, to + 1):
        run.advance(1, total=to, checkpoint={"at": at}, pages=1)
    return {"last": to}


# --- one job ----------------------------------------------------------------------------------------------------------


def test_a_job_tells_how_far_it_is_and_what_it_did(plant: Plant) -> None:
    plant.add(to=4)
    assert plant.job().state is JobState.QUEUED
    assert plant.work() == [JobState.DONE]
    job = plant.job()
    assert (job.done, job.total, dict(job.counts)) == (4, 4, {"pages": 4, "last": 4})
    assert (job.attempts, job.made_by, job.lease_token) == (1, LI.name, "")
    assert job.ended_at is not None
    assert plant.work() == []


def test_jobs_of_one_book_are_not_seen_in_another(plant: Plant) -> None:
    plant.add()
    with plant.store.read(OTHER) as uow:
        assert uow.jobs.jobs() == []
        assert uow.jobs.job(1) is None
        assert uow.schedules.schedules() == []
    with pytest.raises(InvalidInput, match="no job 1"):
        cancel_job(plant.store, OTHER, 1, LI)


@pytest.mark.parametrize(
    ("error", "state", "told"),
    [
        (Rejected("E1", "不允许"), JobState.FAILED, "不允许"),
        (ZeroDivisionError("4711"), JobState.FAILED, "ZeroDivisionError, test_jobs.py"),
        (Unavailable("refused"), JobState.QUEUED, "refused"),
    ],
    ids=["refused", "bug", "out of reach"],
)
def test_what_a_job_raises_decides_what_becomes_of_it(
    plant: Plant, error: Exception, state: JobState, told: str
) -> None:
    def broken(_: Any, run: Running) -> None:
        raise error

    plant.kinds["broken"] = JobKind(broken)
    plant.add("broken")
    assert plant.work() == [state]
    assert plant.job().state is state
    assert told in str(plant.job().error)
    assert "4711" not in str(plant.job().error)


def test_a_job_whose_other_side_stays_away_is_given_up_after_some_tries(plant: Plant) -> None:
    def away(_: Any, run: Running) -> None:
        raise Unavailable("refused")

    plant.kinds["away"] = JobKind(away)
    plant.add("away")
    seen = []
    while plant.job().state is not JobState.FAILED:
        seen += plant.work()
        plant.clock.sleep(130)
    assert seen == [JobState.QUEUED] * 4 + [JobState.FAILED]


def test_a_job_of_no_kind_and_one_without_what_it_needs_are_refused(plant: Plant) -> None:
    plant.kinds["pull"] = JobKind(count, needs=("connection",))
    with pytest.raises(InvalidInput, match="count, pull"):
        plant.add("nothing")
    with pytest.raises(InvalidInput, match="connection"):
        plant.add("pull")


# --- cancel, resume, take over ----------------------------------------------------------------------------------------


def test_a_queued_job_is_cancelled_at_once_and_goes_on_when_resumed(plant: Plant) -> None:
    plant.add()
    assert cancel_job(plant.store, BOOK, 1, LI) is JobState.CANCELLED
    assert plant.work() == []
    with pytest.raises(RuleBroken, match="is cancelled"):
        cancel_job(plant.store, BOOK, 1, LI)
    resume_job(plant.store, BOOK, 1, LI, plant.clock)
    assert plant.work() == [JobState.DONE]
    with pytest.raises(RuleBroken, match="is done"):
        resume_job(plant.store, BOOK, 1, LI, plant.clock)


def test_a_running_job_is_cancelled_by_another_process_and_resumed_from_its_checkpoint(
    plant: Plant, database_url: str
) -> None:
    def cancelled_meanwhile(app: Any, run: Running) -> Mapping[str, object]:
        if not run.job.checkpoint:
            other = open_store(database_url, plant.clock)  # as another process has it
            assert cancel_job(other, BOOK, 1, LI) is JobState.RUNNING
            other.close()
        return count(app, run)

    plant.kinds["count"] = JobKind(cancelled_meanwhile)
    plant.add()
    assert plant.work() == [JobState.CANCELLED]
    stopped = plant.job()
    assert (stopped.state, stopped.cancel_asked) == (JobState.CANCELLED, False)
    assert dict(stopped.checkpoint) == {"at": 1}, "what was written when it heard of it is kept"
    resume_job(plant.store, BOOK, 1, LI, plant.clock)
    assert plant.work() == [JobState.DONE]
    assert dict(plant.job().counts) == {"pages": 3, "last": 3}


def test_a_worker_that_stops_puts_its_job_back_and_the_next_one_goes_on(plant: Plant) -> None:
    runner = plant.runner()

    def stopped_meanwhile(app: Any, run: Running) -> Mapping[str, object]:
        if not run.job.checkpoint:
            runner.stop()
        return count(app, run)

    plant.kinds["count"] = JobKind(stopped_meanwhile)
    plant.add()
    assert plant.work(runner) == [JobState.QUEUED]
    assert plant.work() == [JobState.DONE]
    assert plant.job().counts["pages"] == 3


def test_the_job_of_a_dead_worker_goes_on_from_its_checkpoint_and_the_dead_one_can_write_nothing(plant: Plant) -> None:
    plant.add()
    (lease,) = plant.store.job_queue.of("jobs").lease_due(plant.clock.now(), 10, 5)
    until = plant.clock.now() + timedelta(seconds=10)
    with plant.store.begin(BOOK, WORKER) as uow:
        assert uow.jobs.start(1, lease.lease_token, plant.clock.now(), until)
        kept = uow.jobs.keep(1, lease.lease_token, until, done=2, total=3, counts={"pages": 2}, checkpoint={"at": 2})
        assert kept is False
    assert plant.work() == []
    plant.clock.sleep(10)
    assert plant.work() == [JobState.DONE]
    assert dict(plant.job().counts) == {"pages": 3, "last": 3}
    assert plant.job().attempts == 2
    with plant.store.begin(BOOK, WORKER) as uow:
        late = uow.jobs.keep(1, lease.lease_token, until, done=9, total=9, counts={}, checkpoint=None)
        ended = uow.jobs.end(1, lease.lease_token, JobState.FAILED, done=9, total=9, counts={})
    assert (late, ended) == (None, False)


def test_a_job_over_which_worker_after_worker_dies_fails_with_a_sentence(plant: Plant) -> None:
    plant.add()
    for _ in range(3):
        (lease,) = plant.store.job_queue.of("jobs").lease_due(plant.clock.now(), 10, 5)
        with plant.store.begin(BOOK, WORKER) as uow:
            uow.jobs.start(1, lease.lease_token, plant.clock.now(), plant.clock.now() + timedelta(seconds=10))
        plant.clock.sleep(11)
    assert plant.work() == [JobState.FAILED]
    assert "3 workers" in str(plant.job().error)


def test_only_one_job_at_a_time_works_on_the_same_thing(plant: Plant) -> None:
    inside: list[list[JobState | None]] = []

    def outer(app: Any, run: Running) -> None:
        if run.job.id == 1:
            inside.append(plant.work())

    plant.kinds["pull"] = JobKind(outer, needs=("connection",), alone="pull", by=("connection",))
    plant.add("pull", connection="k3")
    leases = plant.store.job_queue.of("jobs").lease_due(plant.clock.now(), LEASE_SECONDS, 1)
    for one in ("k3", "k4"):
        plant.add("pull", connection=one)
    assert plant.runner().handle(leases[0]) is JobState.DONE
    assert inside == [[None, JobState.DONE]], "the second of k3 waits, k4 does not"
    assert plant.job(2).state is JobState.QUEUED
    plant.clock.sleep(3)
    assert plant.work() == [JobState.DONE]


# --- the schedule -----------------------------------------------------------------------------------------------------


def shanghai(day: int, hour: int, minute: int = 0, month: int = 3) -> datetime:
    return datetime(2026, month, day, hour, minute, tzinfo=UTC) - timedelta(hours=8)


@pytest.mark.parametrize(
    ("rule", "after", "expected"),
    [
        ("trading 17:30", shanghai(2, 9), shanghai(2, 17, 30)),
        ("trading 17:30", shanghai(6, 18), shanghai(9, 17, 30)),
        ("trading 17:30", shanghai(30, 18, month=4), shanghai(6, 17, 30, month=5)),
        ("daily 14:00 02:00", shanghai(2, 9), shanghai(2, 14)),
        ("daily 14:00 02:00", shanghai(2, 14), shanghai(3, 2)),
        ("weekdays 08:00", shanghai(6, 9), shanghai(9, 8)),
        ("month-end 23:30", shanghai(2, 9), shanghai(31, 23, 30)),
        ("every 5m", shanghai(2, 9, 2), shanghai(2, 9, 5)),
        ("every 2h", shanghai(2, 23), shanghai(3, 0)),
        ("trading every 10m 15:30-23:30", shanghai(2, 9), shanghai(2, 15, 30)),
        ("trading every 10m 15:30-23:30", shanghai(6, 23, 30), shanghai(9, 15, 30)),
        ("night every 15m 21:00-23:00", shanghai(6, 23), shanghai(9, 21)),
        ("night every 15m 21:00-23:00", shanghai(30, 9, month=4), shanghai(6, 21, month=5)),
    ],
)
def test_a_rule_names_its_next_moment(rule: str, after: datetime, expected: datetime) -> None:
    assert read_rule(rule).next_after(after, load_calendar()) == expected


@pytest.mark.parametrize("text", ["", "17:30 trading", "trading", "every", "every 0m", "daily 25:00", "every 5m 9-10"])
def test_what_is_no_rule_is_refused_with_examples(text: str) -> None:
    with pytest.raises(InvalidInput, match="trading 17:30"):
        read_rule(text)


def test_a_schedule_adds_its_job_at_its_moment_and_again_at_the_next(plant: Plant) -> None:
    assert plant.schedule("settle", "trading 17:30", to=2).next_at == shanghai(2, 17, 30)
    assert plant.fire() == []
    plant.clock.sleep(8.5 * 3600)
    assert plant.fire() == [("settle", shanghai(2, 17, 30), 1)]
    assert plant.fire() == []
    plant.work()
    job = plant.job()
    assert (job.schedule, job.due_at, job.state) == ("settle", shanghai(2, 17, 30), JobState.DONE)
    with plant.store.read(BOOK) as uow:
        kept = uow.schedules.schedule("settle")
    assert kept is not None
    assert (kept.last_at, kept.next_at) == (shanghai(2, 17, 30), shanghai(3, 17, 30))


def test_what_was_missed_is_caught_up_once(plant: Plant) -> None:
    plant.schedule("pull", "every 5m")
    plant.clock.sleep(3600 * 7 + 60)
    ((name, planned, job),) = plant.fire()
    assert (name, planned, job) == ("pull", shanghai(2, 16, 0), 1)
    assert plant.fire() == []


def test_a_moment_that_comes_while_the_job_before_still_runs_is_left_out(plant: Plant) -> None:
    plant.schedule("pull", "every 5m")
    plant.clock.sleep(300)
    assert plant.fire() == [("pull", shanghai(2, 9, 5), 1)]
    plant.clock.sleep(300)
    assert plant.fire() == [("pull", shanghai(2, 9, 10), None)]
    plant.work()
    plant.clock.sleep(300)
    assert plant.fire() == [("pull", shanghai(2, 9, 15), 2)]


def test_a_paused_schedule_rests_and_catches_up_nothing(plant: Plant) -> None:
    plant.schedule("pull", "every 5m")
    calendar = load_calendar()
    pause_schedule(plant.store, BOOK, "pull", LI, plant.clock, calendar, paused=True)
    plant.clock.sleep(3600)
    assert plant.fire() == []
    assert run_now(plant.store, BOOK, "pull", plant.kinds, LI) == 1
    pause_schedule(plant.store, BOOK, "pull", LI, plant.clock, calendar, paused=False)
    plant.work()
    assert plant.fire() == []
    plant.clock.sleep(300)
    assert [name for name, *_ in plant.fire()] == ["pull"]
    remove_schedule(plant.store, BOOK, "pull", LI)
    with pytest.raises(InvalidInput, match="no schedule"):
        remove_schedule(plant.store, BOOK, "pull", LI)


def test_two_leaders_at_once_add_one_job(plant: Plant, database_url: str) -> None:
    plant.schedule("pull", "every 5m")
    plant.clock.sleep(300)
    other = open_store(database_url, plant.clock)
    start = threading.Barrier(2)
    fired: list[Any] = []

    def fire(store: SqlStore) -> None:
        start.wait(10)
        fired.extend(fire_due(store, plant.kinds, lambda _: load_calendar(), WORKER, plant.clock))

    threads = [threading.Thread(target=fire, args=(store,)) for store in (plant.store, other)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    other.close()
    assert len(fired) == 1


def test_there_is_one_leader_and_another_one_after_it(plant: Plant, database_url: str) -> None:
    other = open_store(database_url, plant.clock)
    first, second = plant.store.leader_lock(), other.leader_lock()
    assert [first.hold(), second.hold(), first.hold()] == [True, False, True]
    first.release()
    assert second.hold()
    assert not first.hold()
    second.release()
    other.close()


def test_the_leaders_thread_adds_what_is_due(plant: Plant) -> None:
    plant.schedule("pull", "every 5m")
    plant.clock.sleep(300)
    added = threading.Event()
    stop = plant.store.wakes.subscribe(lambda topic: added.set() if topic in ("jobs", "*") else None)
    lock = plant.store.leader_lock()
    with Scheduler(plant.store, plant.kinds, lambda _: load_calendar(), lock, WORKER, plant.clock) as leader:
        assert added.wait(20)
        assert leader.leading
    stop()
    assert plant.work() == [JobState.DONE]
    assert plant.job().schedule == "pull"


@pytest.fixture
def elsewhere(database_url: str, clock: HandClock) -> Iterator[SqlStore]:  # noqa: F405
    """The same database, as another process has it open."""
    opened = open_store(database_url, clock)
    yield opened
    opened.close()


def test_work_that_another_process_commits_wakes_who_waits_here(plant: Plant, elsewhere: SqlStore) -> None:
    told: list[str] = []
    heard = threading.Event()

    def listen(topic: str) -> None:
        told.append(topic)
        if topic in ("jobs", "*"):
            heard.set()

    stop = plant.store.wakes.subscribe(listen)
    try:
        while not heard.wait(0.05):  # the watch may not have begun yet: then nobody heard the one before
            with elsewhere.begin(BOOK, LI) as uow:
                uow.jobs.add("count", {})
            if len(told) > 1000:
                break
    finally:
        stop()
    assert heard.is_set()


def test_a_day_of_the_calendar_that_is_not_known_is_still_a_day() -> None:
    rule = read_rule("trading 17:30")
    found = rule.next_after(datetime(2031, 1, 1, tzinfo=UTC), load_calendar())
    assert found is not None
    assert found.date() >= date(2031, 1, 1)


def test_jobs_are_counted_by_book_kind_and_state(plant: Plant) -> None:
    assert plant.store.job_queue.counts() == {}
    plant.add()
    assert plant.store.job_queue.counts() == {("cu01", "count", "queued"): 1}
