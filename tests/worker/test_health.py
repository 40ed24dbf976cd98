"""Health and metrics of a worker, on both databases."""

from __future__ import annotations

import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from prometheus_client.parser import text_string_to_metric_families

from adapters.secrets import Redactor
from adapters.storage import SqlStore
from adapters.storage.figures import (
    BookFigure,
    ConnectionFigure,
    Figures,
    JobFigure,
    OutboxFigure,
)
from hedge_core.errors import InvalidInput, Unavailable
from hedge_core.model.identity import Actor
from hedge_core.model.vouchers import VoucherStatus
from hedge_core.ports.storage import Book, Connection, StoredVoucher
from hedge_core.use_cases.post import approve_vouchers, queue_vouchers
from tests.support.databases import *  # noqa: F403
from tests.support.posting import BOOK, CHECKER, ERP, MAKER, settings, voucher
from worker.bootstrap import App
from worker.health import HealthServer, health_server
from worker.metrics import metrics_text

NOW = datetime(2026, 3, 4, 8, 0, tzinfo=UTC)


def values(text: bytes) -> dict[tuple[str, ...], float]:
    """(name, label values…) → value, as Prometheus' own parser reads them."""
    return {
        (sample.name.removeprefix("hedgebridge_"), *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
    }


def get(url: str) -> tuple[int, bytes]:
    try:
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.status, answer.read()
    except urllib.error.HTTPError as error:
        return error.code, error.read()


def test_every_figure_becomes_a_metric_with_its_unit() -> None:
    hour = timedelta(hours=1)
    figures = Figures(
        (
            OutboxFigure("jinhe", "k3", "pending", 7, NOW - hour),
            OutboxFigure("jinhe", "k3", "unknown", 1, NOW + hour),
            OutboxFigure("jinhe", "k3", "dead", 2, NOW - hour),
        ),
        (ConnectionFigure("jinhe", "k3", "kingdee", True, NOW + hour, 5, NOW - 2 * hour, 3),),
        (
            JobFigure("jinhe", "settle", "done", 20, NOW - hour, NOW - hour + timedelta(seconds=12)),
            JobFigure("jinhe", "settle", "failed", 1, NOW, NOW),
        ),
        (BookFigure("jinhe", 310, NOW.date(), NOW - timedelta(seconds=90)),),
    )
    found = values(metrics_text(figures, NOW))
    assert found == {
        ("outbox_rows", "jinhe", "k3", "pending"): 7,
        ("outbox_rows", "jinhe", "k3", "unknown"): 1,
        ("outbox_rows", "jinhe", "k3", "dead"): 2,
        ("outbox_oldest_seconds", "jinhe", "k3", "pending"): 3600,
        ("outbox_oldest_seconds", "jinhe", "k3", "unknown"): 0,
        ("connection_paused", "jinhe", "k3"): 1,
        ("connection_circuit_open", "jinhe", "k3"): 1,
        ("connection_failures_in_a_row", "jinhe", "k3"): 5,
        ("connection_last_read_timestamp_seconds", "jinhe", "k3"): (NOW - 2 * hour).timestamp(),
        ("quarantined_records", "jinhe", "k3"): 3,
        ("jobs", "jinhe", "settle", "done"): 20,
        ("jobs", "jinhe", "settle", "failed"): 1,
        ("job_last_success_timestamp_seconds", "jinhe", "settle"): (NOW - hour).timestamp() + 12,
        ("job_last_duration_seconds", "jinhe", "settle"): 12,
        ("audit_events", "jinhe"): 310,
        ("settled_day_timestamp_seconds", "jinhe"): datetime(2026, 3, 4, tzinfo=UTC).timestamp(),
        ("schedule_late_seconds", "jinhe"): 90,
    }


def test_the_tables_tell_the_same_on_both_databases(
    store: SqlStore,
    database_url: str,
    clock: HandClock,  # noqa: F405
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    store.add_book(Book(BOOK, "金禾", "CNY"), MAKER)
    with store.begin(BOOK, MAKER) as uow:
        uow.save_connection(Connection(ERP, BOOK, "kingdee", {}, {}))
        for number in range(3):
            uow.results.add_voucher(StoredVoucher(voucher(number), VoucherStatus.DRAFT, MAKER.name))
    ids = [voucher(number).voucher_id for number in range(3)]
    assert approve_vouchers(store, BOOK, ids, CHECKER) == []
    assert queue_vouchers(store, BOOK, ERP, ids, CHECKER, clock) == 3
    with store.begin(BOOK, Actor("li")) as uow:
        job = uow.jobs.add("settle", {})
    clock.sleep(60)
    app = App(settings(database_url, tmp_path_factory.mktemp("app")), store, clock, Redactor())
    with health_server(app, "127.0.0.1:0", lambda: True) as server:
        status, text = get(f"{server.url}/metrics")
        assert get(f"{server.url}/readyz") == (200, b"ok\n")
        assert get(f"{server.url}/livez") == (200, b"ok\n")
        assert get(f"{server.url}/anything")[0] == 404
    assert (status, job > 0) == (200, True)
    found = values(text)
    assert found["outbox_rows", "jinhe", ERP, "pending"] == 3
    assert found["outbox_oldest_seconds", "jinhe", ERP, "pending"] == 60
    assert found["jobs", "jinhe", "settle", "queued"] == 1
    assert found["connection_paused", "jinhe", ERP] == 0
    with store.read(BOOK) as uow:
        assert Decimal(found["audit_events", "jinhe"]) == uow.audit.head()[0]


def test_a_dead_thread_and_a_database_out_of_reach_are_told_apart() -> None:
    def out_of_reach() -> str:
        raise Unavailable("connection refused", system="database")

    def broken() -> bytes:
        raise KeyError("a bug")

    with HealthServer("127.0.0.1:0", lambda: False, out_of_reach, broken) as server:
        assert get(f"{server.url}/livez")[0] == 503
        status, told = get(f"{server.url}/readyz")
        assert (status, b"connection refused" in told) == (503, True)
        assert get(f"{server.url}/metrics") == (500, b"internal error\n")


@pytest.mark.parametrize("address", ["", "9464", "localhost:9464", "127.0.0.1:99999", "127.0.0.1:-1", "127.0.0.1:x"])
def test_an_address_that_cannot_be_bound_is_refused_with_an_example(address: str) -> None:
    with pytest.raises(InvalidInput, match=r"127\.0\.0\.1:9464"):
        HealthServer(address, lambda: True, lambda: "", lambda: b"")
