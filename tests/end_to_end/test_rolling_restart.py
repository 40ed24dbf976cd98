"""A rolling restart under load: workers are replaced one after the other with real processes, in every mode.

Nothing is lost, nothing is doubled, nothing has to wait for the end of a lease, and every voucher needed one attempt.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import OutboxState
from tests.support.brokers import *  # noqa: F403
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK, Ledger, environment, ledger, settings, voucher
from worker.settings import Settings

COUNT = 40
PATIENCE = 120


def start(chosen: Settings, *options: str) -> subprocess.Popen[bytes]:
    """A worker that has said that it works: from then on it obeys signals."""
    process = subprocess.Popen(
        [sys.executable, "-m", "cli.main", "worker", *options],
        env={**os.environ, **environment(chosen), "HEDGEBRIDGE_LANG": "en"},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
    )
    assert process.stderr is not None
    said = process.stderr.readline()
    assert b"Worker started" in said, said
    return process


def ended(process: subprocess.Popen[bytes]) -> int:
    try:
        return process.wait(PATIENCE)
    finally:
        process.kill()
        process.wait()
        if process.stderr is not None:
            process.stderr.close()


def until(condition: Callable[[], bool], *alive: subprocess.Popen[bytes]) -> None:
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, "the workers do not get on"
        assert all(process.poll() is None for process in alive), "a worker ended by itself"
        time.sleep(0.01)


def done(here: Ledger) -> int:
    return here.states()[OutboxState.DONE]


def replaced_one_by_one(here: Ledger, generations: int) -> None:
    """Each generation starts beside the one before, which is then asked to stop, as a service manager does."""
    chosen = here.app.settings
    old = start(chosen, "--queues", "deliveries,jobs")
    try:
        for _ in range(generations):
            before = done(here)
            until(lambda before=before: done(here) > before or done(here) == COUNT, old)  # type: ignore[misc]
            new = start(chosen, "--queues", "deliveries")
            old.send_signal(signal.SIGTERM)
            assert ended(old) == 0
            old = new
    finally:
        if old.poll() is None:
            old.send_signal(signal.SIGINT)
        code = ended(old)
    assert code == 0
    assert set(here.states()) <= {OutboxState.DONE, OutboxState.PENDING}, "no lease is left behind"
    assert ended(start(chosen, "--until-idle")) == 0


def prove(here: Ledger) -> None:
    assert here.states() == {OutboxState.DONE: COUNT}
    assert set(here.in_erp().values()) == {1}
    assert len(here.in_erp()) == COUNT
    assert {row.attempts for row in here.rows()} == {1}
    with here.app.store.read(BOOK) as uow:
        assert {one.status for one in uow.results.vouchers()} == {VoucherStatus.DELIVERED}


def rolled(database: str, folder: Path, **changed: object) -> None:
    chosen = settings(database, folder, lease_seconds=300, **changed)
    with ledger(chosen) as here:
        here.queue([voucher(number) for number in range(COUNT)])
        replaced_one_by_one(here, 2 if chosen.broker == "memory" else 1)
        prove(here)


@pytest.mark.slow
def test_a_rolling_restart_on_sqlite(sqlite_url: str, tmp_path: Path) -> None:
    rolled(sqlite_url, tmp_path, worker_threads=2)


@pytest.mark.slow
@pytest.mark.postgres
def test_a_rolling_restart_on_postgresql_with_every_broker(
    postgres_url: str,
    tmp_path: Path,
    broker_place: BrokerPlace,  # noqa: F405
) -> None:
    rolled(postgres_url, tmp_path, broker=broker_place.url, broker_queue=broker_place.queue, worker_threads=2)
