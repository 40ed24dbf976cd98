"""What part of the posting path the audit log takes, with eight workers, on SQLite and PostgreSQL.

One voucher per call, which makes the log's part as large as it gets; a call takes 5 ms, at a stand-in in a process of its own.
The eight are threads of one process, and on PostgreSQL also of two processes that wait for each other at the book's head row.

The share is a quotient of thread time. Below the line: from lease to outcome, summed over the threads. Above it: every moment
in which the log is being written (`Audit.append` and `Audit.write`: canonical bytes, the question for the head row and the wait
for its lock, tree, insert, head), times the deliveries that sit in a step at that moment: deliveries share a transaction, so
that all in it, and those that wait for the next one, wait for the log too. The commit is not in it: the outcome needs it with
or without a log. How long the head row was asked and waited for stands beside it.

python -m benchmarks audit_share
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from pathlib import Path
from time import perf_counter
from typing import Any

from sqlalchemy import event

from adapters.clock import SystemClock
from adapters.storage import SqlStore, open_store
from adapters.storage.audit import Audit
from benchmarks.jobs import BOOK, WHO, application
from benchmarks.vouchers import THREADS, BenchErp, approved, serve
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.use_cases.deliver import deliver
from worker.rounds import delivery_rounds
from worker.runtime import Runtime
from worker.settings import Settings

CALL_SECONDS = 0.005
PLACES = (("sqlite", 1), ("postgresql", 1), ("postgresql", 2))
"""Database, and processes that share the eight threads."""


class Meter:
    """Thread time: of whole deliveries, and of those that sit in a step while the log is written."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._since = perf_counter()
        self._writing = self._sitting = 0
        self.log = self.head = self.whole = 0.0
        self.deliveries = 0

    def around(self, work: Callable[..., Any], *, writing: int = 0, sitting: int = 0) -> Callable[..., Any]:
        """`work`, in the log (`writing`), in a step (`sitting`), or a whole delivery."""

        def timed(*given: Any, **named: Any) -> Any:
            started = perf_counter()
            self._change(writing, sitting)
            try:
                return work(*given, **named)
            finally:
                self._change(-writing, -sitting)
                if not (writing or sitting):
                    with self._lock:
                        self.whole += perf_counter() - started
                        self.deliveries += 1

        return timed

    def watch_head(self, store: SqlStore) -> None:
        """How long the question for a book's head row takes, with the wait for its lock."""
        began: dict[int, float] = {}

        def before(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "FROM audit_heads" in statement:
                began[threading.get_ident()] = perf_counter()

        def after(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
            if "FROM audit_heads" in statement:
                with self._lock:
                    self.head += perf_counter() - began.pop(threading.get_ident())

        event.listen(store._engine, "before_cursor_execute", before)
        event.listen(store._engine, "after_cursor_execute", after)

    def _change(self, writing: int, sitting: int) -> None:
        with self._lock:
            now = perf_counter()
            if self._writing:
                self.log += (now - self._since) * self._sitting
            self._since = now
            self._writing += writing
            self._sitting += sitting


def measure(count: int = 600) -> list[dict[str, Any]]:
    """The share in per cent on each database that can be reached."""
    spawn = multiprocessing.get_context("spawn")
    ports: Any = spawn.Queue()
    server = spawn.Process(target=serve, args=(CALL_SECONDS, ports), daemon=True)
    server.start()
    rows: list[dict[str, Any]] = []
    try:
        port = ports.get(timeout=30)
        for database, processes in PLACES:
            name = f"audit log's share of posting, {THREADS} workers in {processes} process(es), {database}"
            try:
                rows.append({"name": name, **_share(spawn, database, processes, port, count)})
            except Exception as error:  # noqa: BLE001 - a database that cannot be reached is said, not hidden
                rows.append({"name": name, "value": f"not run: {type(error).__name__}", "unit": ""})
    finally:
        server.terminate()
        server.join()
    return rows


def _share(spawn: Any, database: str, processes: int, port: int, count: int) -> dict[str, Any]:
    with application(database, "memory") as app:
        approved(app, count, 1)
        told: Any = spawn.Queue()
        given = (app.settings.database, str(app.settings.key_file), port, THREADS // processes, told)
        workers = [spawn.Process(target=_work, args=given, daemon=True) for _ in range(processes)]
        for worker in workers:
            worker.start()
        found = [told.get(timeout=600) for _ in workers]
        for worker in workers:
            worker.join(30)
        with app.store.read(BOOK) as uow:
            assert len(uow.results.vouchers(VoucherStatus.DELIVERED)) == count
    log, head, whole, deliveries, took = (sum(part) for part in zip(*found, strict=True))
    return {
        "value": round(100 * log / whole, 2),
        "unit": "% of the threads' time",
        "peers": {
            "head row: question and wait, ms": {"value": round(1000 * head / deliveries, 2), "ratio": ""},
            "ms per delivery": {"value": round(1000 * whole / deliveries, 2), "ratio": ""},
            "vouchers/s": {"value": round(count * processes / took), "ratio": ""},
        },
    }


def _work(url: str, key_file: str, port: int, threads: int, told: Any) -> None:
    """One process: deliver until nothing is left; tell what the meter says, and the seconds it took."""
    clock, meter = SystemClock(), Meter()
    store = open_store(url, clock)
    meter.watch_head(store)
    for name in ("append", "write"):
        setattr(Audit, name, meter.around(getattr(Audit, name), writing=1))
    erp: Any = BenchErp(port, 1)
    take: Any = meter.around(delivery_rounds(store, WHO, clock), sitting=1)
    handle = meter.around(lambda lease: deliver(store, lease, lambda *_: erp, WHO, clock, 1, 60, take))
    chosen = Settings(database=url, broker="memory", key_file=Path(key_file), worker_threads=threads)  # type: ignore[call-arg]
    started = perf_counter()
    with Runtime(chosen, store.queue, clock, handle, subscribe=store.wakes.subscribe) as runtime:
        assert runtime.drain(600)
    told.put((meter.log, meter.head, meter.whole, meter.deliveries, perf_counter() - started))
    store.close()
