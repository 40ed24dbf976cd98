"""A backlog of 100,000 vouchers, drained for real: do the last ten thousand go as fast as the first?

Every voucher goes the whole way (lease, message, start, call, outcome, receipt, audit event) to a stand-in in this process
that answers at once, in batches. A row is said for each tenth: vouchers a second, and the processor's time per voucher.

python -m benchmarks backlog
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from time import perf_counter, process_time, sleep
from typing import Any

from adapters.storage.results import voucher_row
from adapters.storage.schema import OUTBOX, VOUCHERS
from benchmarks.jobs import BOOK, WHO, application
from benchmarks.vouchers import CARD, THREADS, draft
from hedge_core.model.vouchers import PostingReceipt, Stage, Voucher, VoucherStatus
from hedge_core.ports.storage import Connection, StoredVoucher
from hedge_core.use_cases.deliver import deliver
from worker.bootstrap import App
from worker.rounds import delivery_rounds
from worker.runtime import Runtime

BATCH = 100


class AnswersAtOnce:
    """Takes every voucher; counts them."""

    def __init__(self) -> None:
        self.capabilities = replace(CARD, max_batch=BATCH)

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt]:
        return [PostingReceipt(v.key, v.voucher_id, v.key, Stage.SAVED, v.posting_date, v.total) for v in batch]


def measure(count: int = 100_000, databases: Sequence[str] = ("sqlite", "postgresql")) -> list[dict[str, Any]]:
    return [_drained(database, count) for database in databases]


def _drained(database: str, count: int) -> dict[str, Any]:
    with application(database, "memory") as app:
        _queued(app, count)
        erp: Any = AnswersAtOnce()
        take = delivery_rounds(app.store, WHO, app.clock)
        done = [0]

        def handle(lease: Any) -> object:
            state = deliver(app.store, lease, lambda *_: erp, WHO, app.clock, 1, 60, take)
            done[0] += len(
                lease.members or (lease.id,)
            )  # one delivery too many or few changes nothing: the end is checked
            return state

        tenths: list[tuple[float, float]] = []
        chosen = app.settings.model_copy(update={"worker_threads": THREADS})
        with Runtime(chosen, app.store.queue, app.clock, handle, subscribe=app.store.wakes.subscribe) as runtime:
            wall, cpu, before = perf_counter(), process_time(), 0
            while len(tenths) < 10:
                sleep(0.01)
                if done[0] >= min(count, before + count // 10):
                    now, spent = perf_counter(), process_time()
                    tenths.append(((done[0] - before) / (now - wall), (spent - cpu) / (done[0] - before)))
                    wall, cpu, before = now, spent, done[0]
            assert runtime.drain(60)
        with app.store.read(BOOK) as uow:
            states = {state.value: rows for state, rows in uow.outbox.counts().items()}
        assert states == {"done": count}, states
        rates = [rate for rate, _ in tenths]
        peers: dict[str, Any] = {
            f"tenth {number}": {"value": round(rate), "ratio": f"{spent * 1000:.2f} ms processor"}
            for number, (rate, spent) in enumerate(tenths, 1)
        }
        last = round(min(tenths[-3:], key=lambda one: one[1])[1] / min(tenths[:3], key=lambda one: one[1])[1], 2)
        peers["processor time, last three tenths to first three"] = {"value": last, "ratio": ""}
        return {
            "name": f"{count:,} vouchers drained in batches of {BATCH}, {database}",
            "value": round(sum(rates) / len(rates)), "unit": "vouchers/s", "peers": peers,
        }  # fmt: skip


def _queued(app: App, count: int) -> None:
    """Vouchers and their outbox rows, written as they would stand there: approving each of them is not what is measured."""
    with app.store.begin(BOOK, WHO) as uow:
        uow.save_connection(Connection("erp", BOOK, "bench", {}, {}))
        uow.note_batch("erp", BATCH)
    usual = {
        "connection": "erp", "kind": "voucher", "state": "pending", "attempts": 0, "available_at": app.clock.now(),
        "lease_token": "", "waits": False, "last_error": "", "found_by_lookup": False,
    }  # fmt: skip
    for first in range(0, count, 5000):
        vouchers = [draft(f"v{number:06d}") for number in range(first, min(count, first + 5000))]
        with app.store.begin(BOOK, WHO) as uow:
            stored = (
                StoredVoucher(one, VoucherStatus.QUEUED, WHO.name, "checker", one.content_hash) for one in vouchers
            )
            uow.outbox._scope.insert(VOUCHERS, map(voucher_row, stored))
            rows = (
                {**usual, "id": number, "subject": one.voucher_id, "key": one.key, "content_hash": one.content_hash}
                for number, one in enumerate(vouchers, first + 1)
            )
            uow.outbox._scope.insert(OUTBOX, rows)
