"""Vouchers while everything goes wrong: the worker is killed again and again, the ERP loses answers after it has committed.

What is real: the worker's process, the database file, the wire protocol, the stand-in's ledger. What is counted, is counted
in the stand-in's own books.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from adapters.erp.kingdee import KingdeeAdapter
from adapters.erp.kingdee.write import VoucherWriter
from hedge_core.audit import verify_log
from hedge_core.model.identity import BookId
from hedge_core.model.vouchers import Stage, Voucher, VoucherStatus
from hedge_core.ports.storage import OutboxState
from hedge_core.use_cases.deliver import deliver
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK, CHECKER, Ledger, environment, ledger, settings, voucher
from worker.settings import Settings

LOSSES = ("lose_answer_after_commit=0.10@writes", "error_500_after_commit=0.03@writes")
IN_WORK = (OutboxState.LEASED, OutboxState.STARTED)


@dataclass
class Killed:
    """What happened during a run."""

    kills: int
    rows_in_work: int
    seconds: float


class Worker:
    """`hedgebridge worker` as a process of its own."""

    def __init__(self, chosen: Settings, *options: str) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "cli.main", "worker", *options],
            env={**os.environ, **environment(chosen)},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def freeze(self) -> None:
        """Stop every thread where it is, so that what it has in its hands can be looked at without a race."""
        self.require_alive()
        self._process.send_signal(signal.SIGSTOP)
        _, state = os.waitpid(self._process.pid, os.WUNTRACED)
        assert os.WIFSTOPPED(state), "the worker ended instead of stopping"

    def thaw(self) -> None:
        self._process.send_signal(signal.SIGCONT)

    def kill(self) -> None:
        self._process.send_signal(signal.SIGKILL)
        self._process.wait()
        self._close()

    def finish(self, seconds: float) -> None:
        try:
            assert self._process.wait(seconds) == 0, self._told()
        finally:
            self._process.kill()
            self._process.wait()
            self._close()

    def stop(self, seconds: float) -> None:
        """Ask it to stop, as a service manager does."""
        self._process.send_signal(signal.SIGTERM)
        self.finish(seconds)

    def require_alive(self) -> None:
        assert self._process.poll() is None, self._told()

    def _told(self) -> str:
        assert self._process.stderr is not None
        return self._process.stderr.read()

    def _close(self) -> None:
        assert self._process.stderr is not None
        self._process.stderr.close()


def deliver_through_crashes(here: Ledger, kills: int, every: tuple[int, int], seed: int) -> Killed:
    """Work the outbox empty; the worker is killed `kills` times, each time while rows are in its hands, after a random
    number (within `every`) of further deliveries."""
    dice = random.Random(seed)
    began = time.monotonic()
    caught: set[tuple[int, str]] = set()
    for _ in range(kills):
        worker = Worker(here.app.settings)
        due = _done(here) + dice.randint(*every)
        left: set[tuple[int, str]] = set()
        while not left:
            worker.require_alive()
            assert time.monotonic() - began < 300, "the workers do not get on"
            time.sleep(dice.uniform(0, 0.02))
            if _done(here) < due:
                continue
            worker.freeze()
            left = {(row.id, row.lease_token) for row in here.rows() if row.state in IN_WORK} - caught
            if not left:
                worker.thaw()
        worker.kill()
        caught |= left
    Worker(here.app.settings, "--until-idle").finish(200)
    return Killed(kills, len(caught), time.monotonic() - began)


def _count(here: Ledger, *states: OutboxState) -> int:
    wanted = {state.value for state in states}
    return sum(rows for (_, state), rows in here.app.store.queue.counts().items() if state in wanted)


def _done(here: Ledger) -> int:
    return _count(here, OutboxState.DONE)


def prove(here: Ledger, sent: Sequence[Voucher]) -> None:
    """Every voucher once in the ERP's books, its receipt with us, nothing left to do, the log whole."""
    in_erp = here.in_erp()
    duplicates = {key: times for key, times in in_erp.items() if times > 1}
    missing = {one.key for one in sent} - set(in_erp)
    assert (duplicates, missing) == ({}, set())
    assert set(in_erp) == {one.key for one in sent}
    assert here.states() == {OutboxState.DONE: len(sent)}
    numbers = here.numbers_in_erp()
    with here.app.store.read(BOOK) as uow:
        for one in sent:
            stored = uow.results.voucher(one.voucher_id)
            assert stored is not None
            assert stored.status is VoucherStatus.DELIVERED
            assert stored.receipt is not None
            assert (stored.receipt.number, stored.receipt.stage) == (numbers[one.key], Stage.SUBMITTED)
        assert verify_log(BOOK, uow.audit.events(), uow.audit.head()) == []


def report(capsys: pytest.CaptureFixture[str], here: Ledger, sent: int, run: Killed) -> None:
    fired = here.faults_fired()
    found = sum(row.found_by_lookup for row in here.rows())
    attempts = sum(row.attempts for row in here.rows())
    with capsys.disabled():
        print(
            f"\n  {sent} vouchers, worker killed {run.kills} times with {run.rows_in_work} rows in its hands,"
            f" {fired.get('lose_answer_after_commit', 0)} answers lost and {fired.get('error_500_after_commit', 0)} times"
            f" 500 after the commit: {attempts} attempts, {found} found by look-up, 0 duplicates, 0 missing,"
            f" {run.seconds:.1f} s"
        )


@contextmanager
def loaded(
    database: str, folder: Path, count: int, seed: int, **changed: object
) -> Iterator[tuple[Ledger, list[Voucher]]]:
    """A ledger at a stand-in that loses answers, with vouchers queued."""
    with ledger(settings(database, folder, **changed), LOSSES, seed) as here:
        sent = [voucher(number) for number in range(count)]
        here.queue(sent)
        yield here, sent


@pytest.mark.slow
def test_300_vouchers_arrive_once_though_the_worker_is_killed_and_answers_are_lost(
    sqlite_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with loaded(sqlite_url, tmp_path, 300, seed=11) as (here, sent):
        run = deliver_through_crashes(here, kills=6, every=(10, 45), seed=11)
        prove(here, sent)
        assert here.faults_fired()["lose_answer_after_commit"] >= 30
        assert any(row.found_by_lookup for row in here.rows())
        report(capsys, here, len(sent), run)


@pytest.mark.slow
@pytest.mark.postgres
def test_the_same_on_postgresql(postgres_url: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with loaded(postgres_url, tmp_path, 100, seed=12) as (here, sent):
        run = deliver_through_crashes(here, kills=3, every=(5, 25), seed=12)
        prove(here, sent)
        report(capsys, here, len(sent), run)


def in_batches_of(here: Ledger, most: int) -> None:
    """From now on so many vouchers go into one call."""
    with here.app.store.begin(BOOK, CHECKER) as uow:
        (known,) = uow.connections()
        uow.save_connection(replace(known, options={**known.options, "batch": str(most)}))
        uow.note_batch(known.name, 50)


@pytest.mark.slow
@pytest.mark.parametrize(
    "database", ["sqlite_url", pytest.param("postgres_url", marks=pytest.mark.postgres)], ids=["sqlite", "postgresql"]
)
def test_batches_arrive_once_though_the_worker_is_killed_in_the_middle_of_one(
    database: str, request: pytest.FixtureRequest, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A killed batch is in the ERP as a whole, in part or not at all: each of its rows is looked up by itself."""
    with loaded(request.getfixturevalue(database), tmp_path, 160, seed=14) as (here, sent):
        in_batches_of(here, 7)
        run = deliver_through_crashes(here, kills=3, every=(7, 25), seed=14)
        prove(here, sent)
        assert run.rows_in_work > run.kills, "at least one worker died with a batch in its hands"
        assert any(row.found_by_lookup for row in here.rows())
        report(capsys, here, len(sent), run)


def test_a_worker_that_is_asked_to_stop_finishes_what_is_in_its_hands(sqlite_url: str, tmp_path: Path) -> None:
    """A rolling restart: nothing is lost, nothing has to wait for the end of a lease, the next one goes on."""
    with ledger(settings(sqlite_url, tmp_path, lease_seconds=120)) as here:
        sent = [voucher(number) for number in range(40)]
        here.queue(sent)
        for _ in range(2):
            worker, done = Worker(here.app.settings), _done(here)
            while _done(here) == done:
                worker.require_alive()
                time.sleep(0.01)
            worker.stop(60)
            assert set(here.states()) <= {OutboxState.DONE, OutboxState.PENDING}
        Worker(here.app.settings, "--until-idle").finish(60)
        prove(here, sent)
        assert all(row.attempts == 1 for row in here.rows())


class NothingFound:
    """A look-up that sees no document: what a client without one has."""

    def find(self, keys: object) -> dict[str, list[object]]:
        return {}


def without_look_up(adapter: KingdeeAdapter) -> KingdeeAdapter:
    """The same adapter, blind: it saves whatever it is given."""

    class Blind(KingdeeAdapter):
        def __init__(self) -> None:
            self.__dict__.update(adapter.__dict__)
            self._vouchers = VoucherWriter(adapter._client, adapter._options, NothingFound())  # type: ignore[arg-type]

        def find_voucher(self, key: str) -> None:
            return None

    return Blind()


@pytest.mark.parametrize("looks_up", [True, False])
def test_without_the_look_up_lost_answers_become_duplicates(looks_up: bool, sqlite_url: str, tmp_path: Path) -> None:
    """Shows that the tests above would notice: the same losses, once with the look-up and once without."""
    with loaded(sqlite_url, tmp_path, 30, seed=13) as (here, sent):

        def erp_for(book: BookId, name: str) -> KingdeeAdapter:
            adapter = here.app.erp(book, name)
            return adapter if looks_up else without_look_up(adapter)  # type: ignore[return-value, arg-type]

        app = here.app
        while here.states()[OutboxState.DONE] < len(sent):
            for row in app.store.queue.lease_due(app.clock.now(), 60, 10):
                deliver(app.store, row, erp_for, CHECKER, app.clock, 0)  # type: ignore[arg-type]
        assert here.faults_fired()["lose_answer_after_commit"] > 0
        duplicates = sum(times - 1 for times in here.in_erp().values())
        assert (duplicates == 0) if looks_up else (duplicates > 0)
