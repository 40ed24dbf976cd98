"""How many jobs get done in a second, and how long one waits to be picked up, in each mode; and a backlog of 100,000 rows.

A job is a row: added by one transaction, leased, started, run (it does nothing), ended by another. Pickup is the time from
the end of the transaction that added it to the first line of its function, one job at a time.

python -m benchmarks jobs
"""

from __future__ import annotations

import secrets
import statistics
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from time import perf_counter
from typing import Any

import psycopg

from adapters.clock import SystemClock
from adapters.secrets import Redactor
from adapters.storage import open_store, upgrade_database
from adapters.storage.schema import OUTBOX
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.jobs import Running
from hedge_core.ports.storage import Book, Connection
from hedge_core.use_cases.schedule import add_job
from worker.bootstrap import App
from worker.job_runs import JobKind
from worker.jobs import KINDS
from worker.settings import Settings

BOOK = BookId("bench")
WHO = Actor("bench")
SERVER = "postgresql://postgres@127.0.0.1:5432/"
REDIS = "redis://127.0.0.1:6379/0"
RABBITMQ = "amqp://guest:guest@127.0.0.1:5672/%2F"
MODES = (("SQLite, in process", "sqlite", "memory"), ("PostgreSQL, in process", "postgresql", "memory"),
         ("PostgreSQL + Redis", "postgresql", REDIS), ("PostgreSQL + RabbitMQ", "postgresql", RABBITMQ))  # fmt: skip


@dataclass
class Tally:
    """What the job's function notes down."""

    picked: float = 0.0
    ran: int = 0
    wanted: int = 0
    done: threading.Event = field(default_factory=threading.Event)


def measure(jobs: int = 300, single: int = 60, backlog: int = 100_000) -> list[dict[str, Any]]:
    """Jobs per second and pickup in each mode that can be reached; the time of a look at a backlog."""
    rows: list[dict[str, Any]] = []
    for name, database, broker in MODES:
        try:
            with running(database, broker) as (app, tally):
                rows += _one_mode(name, app, tally, jobs, single)
        except Exception as error:  # noqa: BLE001 - a mode that cannot be reached is said, not hidden
            rows.append({"name": f"jobs, {name}", "value": f"not run: {type(error).__name__}", "unit": ""})
    for database in ("sqlite", "postgresql"):
        with application(database, "memory") as app:
            rows.append(_backlog(database, app, backlog))
    return rows


@contextmanager
def application(database: str, broker: str) -> Iterator[App]:
    """An application on a fresh database, with one book."""
    with tempfile.TemporaryDirectory() as folder:
        name = f"hb_bench_{secrets.token_hex(4)}"
        url = f"sqlite:///{folder}/bench.db" if database == "sqlite" else f"{SERVER}{name}"
        if database != "sqlite":
            _run(f"CREATE DATABASE {name}")
        try:
            upgrade_database(url)
            chosen = Settings(  # type: ignore[call-arg]
                database=url, broker=broker, broker_queue=name, key_file=Path(folder) / "key", worker_threads=8
            )
            app = App(chosen, open_store(url, SystemClock()), SystemClock(), Redactor())
            app.store.add_book(Book(BOOK, "bench", "CNY"), WHO)
            yield app
            app.store.close()
        finally:
            if database != "sqlite":
                _run(f"DROP DATABASE {name} WITH (FORCE)")


@contextmanager
def running(database: str, broker: str) -> Iterator[tuple[App, Tally]]:
    """Workers for jobs in this process, and a kind of job that only notes that it ran."""
    tally = Tally()

    def note(app: App, run: Running) -> None:
        tally.picked = perf_counter()
        tally.ran += 1
        if tally.ran >= tally.wanted:
            tally.done.set()

    with application(database, broker) as app:
        KINDS["bench"] = JobKind(note)
        try:
            with app.runtime(("jobs",)):
                yield app, tally
        finally:
            del KINDS["bench"]


def _one_mode(name: str, app: App, tally: Tally, jobs: int, single: int) -> list[dict[str, Any]]:
    waits = []
    for _ in range(single):
        tally.ran, tally.wanted = 0, 1
        tally.done.clear()
        with app.store.begin(BOOK, WHO) as uow:
            add_job(uow, KINDS, "bench", {})
        added = perf_counter()
        if not tally.done.wait(30):
            raise TimeoutError
        waits.append((tally.picked - added) * 1000)
    tally.ran, tally.wanted = 0, jobs
    tally.done.clear()
    started = perf_counter()
    with app.store.begin(BOOK, WHO) as uow:
        for _ in range(jobs):
            add_job(uow, KINDS, "bench", {})
    added = perf_counter() - started
    if not tally.done.wait(120):
        raise TimeoutError
    drained = perf_counter() - started - added
    waits.sort()
    return [
        {"name": f"pickup p50, {name}", "value": round(statistics.median(waits), 2), "unit": "ms",
         "peers": {"p95": {"value": round(waits[int(len(waits) * 0.95)], 2), "ratio": ""}}},
        {"name": f"jobs, {name}", "value": round(jobs / max(drained, 1e-9)), "unit": "jobs/s",
         "peers": {"added in one transaction": {"value": round(jobs / added), "ratio": ""}}},
    ]  # fmt: skip


def _backlog(database: str, app: App, count: int) -> dict[str, Any]:
    """The time of one look that leases eight rows, with eight rows due and with a whole backlog."""
    with app.store.begin(BOOK, WHO) as uow:
        uow.save_connection(Connection("k3", BOOK, "kingdee", {}, {}))
    small = _looks(app, 400)
    _fill(app, count, 1000)
    large = _looks(app, 400)
    return {
        "name": f"a look at {count:,} due rows, {database}", "value": round(large, 2), "unit": "ms",
        "peers": {"at 400 rows": {"value": round(small, 2), "ratio": round(large / small, 2)}},
    }  # fmt: skip


def _looks(app: App, rows: int) -> float:
    _fill(app, rows, secrets.randbelow(10**6) * 1000 + 10**7)
    times = []
    for _ in range(rows // 8):
        started = perf_counter()
        assert len(app.store.queue.lease_due(app.clock.now(), 3600, 8)) == 8
        times.append((perf_counter() - started) * 1000)
    return statistics.median(times)


def _fill(app: App, count: int, first: int) -> None:
    now = app.clock.now() - timedelta(seconds=1)
    usual = {
        "connection": "k3", "kind": "voucher", "content_hash": "h", "state": "pending", "attempts": 0,
        "available_at": now, "lease_token": "", "waits": False, "last_error": "", "found_by_lookup": False,
    }  # fmt: skip
    rows = ({**usual, "id": first + n, "subject": f"v{first + n}", "key": f"K{first + n}"} for n in range(count))
    with app.store.begin(BOOK, WHO) as uow:
        uow.outbox._scope.insert(OUTBOX, rows)


def _run(statement: str) -> None:
    with psycopg.connect(f"{SERVER}postgres", autocommit=True) as connection:
        connection.execute(statement)
