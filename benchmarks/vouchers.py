"""How many vouchers a second get through the outbox to an ERP that takes 5 ms or 50 ms per call, one by one and batched.

The stand-in is a server in a process of its own that answers every POST after its latency. Ours is the whole way: lease,
message, start, call, outcome, receipt, audit event, on SQLite and on PostgreSQL. Beside it stands the bare client: the same
calls, from as many threads, with nothing kept; its ceiling is connections ÷ latency. The best of some runs counts, and the
processor's time per voucher stands beside it (without the database server's): other programs on the machine change it least.

python -m benchmarks vouchers
"""

from __future__ import annotations

import asyncio
import http.client
import multiprocessing
import queue
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import date
from decimal import Decimal
from time import perf_counter, process_time
from typing import Any

from benchmarks.jobs import BOOK, WHO, application
from hedge_core.errors import PlatformError
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import PostingLine, PostingReceipt, Stage, Voucher, VoucherStatus
from hedge_core.ports.erp import ErpCapabilities, Lookup
from hedge_core.ports.storage import Connection, StoredVoucher
from hedge_core.use_cases.deliver import deliver
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from worker.bootstrap import App
from worker.rounds import delivery_rounds
from worker.runtime import Runtime

THREADS = 8
DATABASES = ("sqlite", "postgresql")
CHECKER = Actor("checker")
CARD = ErpCapabilities(
    system="bench",
    pulls=frozenset(),
    inventory_is_snapshot=False,
    contracts_key_sweep=False,
    reference_field="reference",
    reference_length=16,
    lookup=Lookup.REFERENCE,
    stages=(Stage.SAVED,),
    default_stage=Stage.SAVED,
    max_batch=1,
    writes_hedges=False,
    hedge_place="",
    settle_seconds=1,
)


class BenchErp:
    """One POST per call, over connections that stay open."""

    def __init__(self, port: int, batch: int) -> None:
        self.capabilities = replace(CARD, max_batch=batch)
        self._port = port
        self._own = threading.local()

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        post(self._own, self._port, b"x" * 500 * len(batch))
        return [PostingReceipt(v.key, v.voucher_id, v.key, Stage.SAVED, v.posting_date, v.total) for v in batch]


def post(own: Any, port: int, body: bytes) -> None:
    """A POST on this thread's connection; the answer is read whole."""
    link = getattr(own, "link", None)
    if link is None:
        link = own.link = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    link.request("POST", "/", body)
    link.getresponse().read()


def measure(count: int = 400, runs: int = 3) -> list[dict[str, Any]]:
    rows = []
    for milliseconds in (5, 50):
        ports: Any = multiprocessing.Queue()
        server = multiprocessing.Process(target=serve, args=(milliseconds / 1000, ports), daemon=True)
        server.start()
        try:
            port = ports.get(timeout=30)
            for batch in (1, 50):
                number = count if batch == 1 else count * 4
                bare = max(_bare(port, number, batch) for _ in range(runs))
                for database in DATABASES:
                    rows.append(_compared(database, port, number, batch, milliseconds, bare, runs))
        finally:
            server.terminate()
            server.join()
    return rows


def _compared(
    database: str, port: int, count: int, batch: int, milliseconds: int, bare: float, runs: int
) -> dict[str, Any]:
    measured = [_ours(database, port, count, batch) for _ in range(runs)]
    ours, cpu = max(rate for rate, _ in measured), min(spent for _, spent in measured)
    ceiling = THREADS * batch * 1000 / milliseconds
    how = "one by one" if batch == 1 else f"in batches of {batch}"
    return {
        "name": f"vouchers at {milliseconds} ms, {how}, {THREADS} connections, {database}", "value": round(ours),
        "unit": "vouchers/s",
        "peers": {"bare client": {"value": round(bare), "ratio": round(ours / bare, 3)},
                  "connections ÷ latency": {"value": round(ceiling), "ratio": round(ours / ceiling, 3)},
                  "processor ms per voucher": {"value": round(cpu * 1000, 2), "ratio": ""}},
    }  # fmt: skip


def _ours(database: str, port: int, count: int, batch: int) -> tuple[float, float]:
    """Vouchers a second, and seconds of this process's processor time per voucher."""
    with application(database, "memory") as app:
        approved(app, count, batch)
        erp: Any = BenchErp(port, batch)
        take = delivery_rounds(app.store, WHO, app.clock)
        handle = lambda lease: deliver(app.store, lease, lambda *_: erp, WHO, app.clock, 1, 60, take)  # noqa: E731
        chosen = app.settings.model_copy(update={"worker_threads": THREADS})
        started, spent = perf_counter(), process_time()
        with Runtime(chosen, app.store.queue, app.clock, handle, subscribe=app.store.wakes.subscribe) as runtime:
            assert runtime.drain(600)
        took, spent = perf_counter() - started, process_time() - spent
        with app.store.read(BOOK) as uow:
            assert len(uow.results.vouchers(VoucherStatus.DELIVERED)) == count
        return count / took, spent / count


def approved(app: App, count: int, batch: int) -> None:
    """Vouchers in the outbox of a connection that takes `batch` in a call."""
    with app.store.begin(BOOK, WHO) as uow:
        uow.save_connection(Connection("erp", BOOK, "bench", {}, {}))
        uow.note_batch("erp", batch)
    for first in range(0, count, 5000):
        ids = [f"v{number:06d}" for number in range(first, min(count, first + 5000))]
        with app.store.begin(BOOK, WHO) as uow:
            for name in ids:
                uow.results.add_voucher(StoredVoucher(draft(name), VoucherStatus.DRAFT, WHO.name))
        assert approve_vouchers(app.store, BOOK, ids, CHECKER) == []
        queue_vouchers(app.store, BOOK, "erp", ids, CHECKER, app.clock)


def _bare(port: int, count: int, batch: int) -> float:
    calls: queue.SimpleQueue[int] = queue.SimpleQueue()
    for _ in range(count // batch):
        calls.put(batch)

    def work() -> None:
        own = threading.local()
        with suppress(queue.Empty):
            while True:
                post(own, port, b"x" * 500 * calls.get_nowait())

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    started = perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return count / (perf_counter() - started)


def draft(name: str) -> Voucher:
    lines = (
        PostingLine("a", "1012", Decimal("10.00"), Decimal(0), "x"),
        PostingLine("b", "6111", Decimal(0), Decimal("10.00"), "x"),
    )
    return Voucher(BOOK, name, 1, "day", date(2026, 3, 20), "CNY", "x", lines)


def serve(seconds: float, ports: Any) -> None:
    """The stand-in: reads a request whole, waits, answers."""

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                size = int(head.lower().split(b"content-length:")[1].split(b"\r\n")[0])
                await reader.readexactly(size)
                await asyncio.sleep(seconds)
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
                await writer.drain()
        writer.close()

    async def run() -> None:
        server = await asyncio.start_server(one, "127.0.0.1", 0)
        ports.put(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(run())
