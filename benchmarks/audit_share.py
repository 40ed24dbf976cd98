"""What part of the posting path the audit log takes, with eight workers, on SQLite and PostgreSQL.

Measured is the time inside `Audit.append` and `Audit.write` (canonical bytes, the wait for the lock of the book's head row, the
tree, the insert), summed over the threads, as a share of the time those threads spend delivering: lease to outcome, with a call
of 5 ms to a stand-in in a process of its own. One voucher per call, which makes the log's part as large as it gets.

python -m benchmarks audit_share
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from decimal import Decimal
from time import perf_counter
from typing import Any

from adapters.storage.audit import Audit
from benchmarks.jobs import BOOK, WHO, application
from benchmarks.vouchers import CHECKER, THREADS, BenchErp, serve
from hedge_core.model.vouchers import PostingLine, Voucher, VoucherStatus
from hedge_core.ports.storage import Connection, StoredVoucher
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from worker.rounds import delivery_rounds
from worker.runtime import Runtime

CALL_SECONDS = 0.005


class Stopwatch:
    """Seconds inside a piece of work, summed over all threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.seconds = 0.0
        self.times = 0

    def around(self, work: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*given: Any, **named: Any) -> Any:
            started = perf_counter()
            try:
                return work(*given, **named)
            finally:
                took = perf_counter() - started
                with self._lock:
                    self.seconds += took
                    self.times += 1

        return timed


def measure(count: int = 600) -> list[dict[str, Any]]:
    """The share in per cent on each database that can be reached."""
    ports: Any = multiprocessing.Queue()
    server = multiprocessing.Process(target=serve, args=(CALL_SECONDS, ports), daemon=True)
    server.start()
    rows: list[dict[str, Any]] = []
    try:
        port = ports.get(timeout=30)
        for database in ("sqlite", "postgresql"):
            name = f"audit log's share of posting, {THREADS} workers, {database}"
            try:
                rows.append({"name": name, **_share(database, port, count)})
            except Exception as error:  # noqa: BLE001 - a database that cannot be reached is said, not hidden
                rows.append({"name": name, "value": f"not run: {type(error).__name__}", "unit": ""})
    finally:
        server.terminate()
        server.join()
    return rows


@contextmanager
def watched(*names: str) -> Iterator[dict[str, Stopwatch]]:
    """The audit log's methods with a stopwatch around each, until the block ends."""
    watches = {name: Stopwatch() for name in names}
    kept = {name: getattr(Audit, name) for name in names}
    for name, watch in watches.items():
        setattr(Audit, name, watch.around(kept[name]))
    try:
        yield watches
    finally:
        for name, work in kept.items():
            setattr(Audit, name, work)


def _share(database: str, port: int, count: int) -> dict[str, Any]:
    with application(database, "memory") as app:
        ids = [f"v{number:06d}" for number in range(count)]
        with app.store.begin(BOOK, WHO) as uow:
            uow.save_connection(Connection("erp", BOOK, "bench", {}, {}))
            for name in ids:
                uow.results.add_voucher(StoredVoucher(_draft(name), VoucherStatus.DRAFT, WHO.name))
        assert approve_vouchers(app.store, BOOK, ids, CHECKER) == []
        queue_vouchers(app.store, BOOK, "erp", ids, CHECKER, app.clock)
        erp: Any = BenchErp(port, 1)
        whole = Stopwatch()
        take = delivery_rounds(app.store, WHO, app.clock)
        handle = whole.around(lambda lease: deliver(app.store, lease, lambda *_: erp, WHO, app.clock, 1, 60, take))
        chosen = app.settings.model_copy(update={"worker_threads": THREADS})
        started = perf_counter()
        with (
            watched("append", "write") as parts,
            Runtime(chosen, app.store.queue, app.clock, handle, subscribe=app.store.wakes.subscribe) as runtime,
        ):
            assert runtime.drain(600)
        took = perf_counter() - started
        with app.store.read(BOOK) as uow:
            assert len(uow.results.vouchers(VoucherStatus.DELIVERED)) == count
    inside = {name: 100 * watch.seconds / whole.seconds for name, watch in parts.items()}
    each = 1000 * whole.seconds / whole.times
    return {
        "value": round(sum(inside.values()), 2),
        "unit": "% of the threads' time",
        "peers": {
            "wait for the head, tree, insert": {"value": round(inside["write"], 2), "ratio": ""},
            "canonical bytes": {"value": round(inside["append"], 2), "ratio": ""},
            "ms per delivery": {"value": round(each, 2), "ratio": ""},
            "vouchers/s": {"value": round(count / took), "ratio": ""},
        },
    }


def _draft(name: str) -> Voucher:
    lines = (
        PostingLine("a", "1012", Decimal("10.00"), Decimal(0), "x"),
        PostingLine("b", "6111", Decimal(0), Decimal("10.00"), "x"),
    )
    return Voucher(BOOK, name, 1, "day", date(2026, 3, 20), "CNY", "x", lines)
