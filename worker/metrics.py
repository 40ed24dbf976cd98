"""Metrics in Prometheus' text form, computed from the tables: the same in one process and in twenty."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from adapters.storage.figures import Figures

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_WAITING = ("pending", "unknown")
"""States of outbox rows whose age means that something waits."""


class _Metrics(Collector):
    def __init__(self, figures: Figures, now: datetime) -> None:
        self._figures = figures
        self._now = now

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield from self._outbox()
        yield from self._connections()
        yield from self._jobs()
        yield from self._books()

    def _outbox(self) -> Iterator[GaugeMetricFamily]:
        rows = [((f.book, f.connection, f.state), f.rows) for f in self._figures.outbox]
        yield _gauge("outbox_rows", "Rows of the outbox by state", ("book", "connection", "state"), rows)
        ages = [
            ((f.book, f.connection, f.state), max(0.0, (self._now - f.oldest).total_seconds()))
            for f in self._figures.outbox
            if f.state in _WAITING
        ]
        yield _gauge(
            "outbox_oldest_seconds", "Age of the oldest row that is due", ("book", "connection", "state"), ages
        )

    def _connections(self) -> Iterator[GaugeMetricFamily]:
        found = [((f.book, f.name), f) for f in self._figures.connections]
        label = ("book", "connection")
        paused = [(key, f.paused) for key, f in found]
        yield _gauge("connection_paused", "1 when the connection is paused and a person is needed", label, paused)
        broken = [(key, f.circuit_open_until is not None and f.circuit_open_until > self._now) for key, f in found]
        yield _gauge("connection_circuit_open", "1 while the connection is left alone after failures", label, broken)
        failures = [(key, f.failures_in_a_row) for key, f in found]
        yield _gauge("connection_failures_in_a_row", "Failures since the last success", label, failures)
        read = [(key, f.last_read.timestamp()) for key, f in found if f.last_read is not None]
        yield _gauge("connection_last_read_timestamp_seconds", "When records were last stored from it", label, read)
        waiting = [(key, f.quarantined) for key, f in found]
        yield _gauge("quarantined_records", "Records that wait for a person", label, waiting)

    def _jobs(self) -> Iterator[GaugeMetricFamily]:
        jobs = [((f.book, f.kind, f.state), f.jobs) for f in self._figures.jobs]
        yield _gauge("jobs", "Jobs by state", ("book", "kind", "state"), jobs)
        done = [
            ((f.book, f.kind), f.started_at, f.ended_at)
            for f in self._figures.jobs
            if f.state == "done" and f.started_at is not None and f.ended_at is not None
        ]
        label = ("book", "kind")
        ended = [(key, end.timestamp()) for key, _, end in done]
        yield _gauge("job_last_success_timestamp_seconds", "When a job of the kind last ended well", label, ended)
        took = [(key, (end - start).total_seconds()) for key, start, end in done]
        yield _gauge("job_last_duration_seconds", "How long that took", label, took)

    def _books(self) -> Iterator[GaugeMetricFamily]:
        books = self._figures.books
        yield _gauge("audit_events", "Events in the audit log", ("book",), [((f.book,), f.audit_events) for f in books])
        days = [
            ((f.book,), datetime.combine(f.settled, time(), UTC).timestamp()) for f in books if f.settled is not None
        ]
        yield _gauge("settled_day_timestamp_seconds", "The last settled trading day", ("book",), days)
        late = [
            ((f.book,), max(0.0, (self._now - f.next_planned).total_seconds()))
            for f in books
            if f.next_planned is not None
        ]
        yield _gauge("schedule_late_seconds", "By how much the earliest planned run is late", ("book",), late)


def metrics_text(figures: Figures, now: datetime) -> bytes:
    """The figures as Prometheus reads them."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Metrics(figures, now))
    return generate_latest(registry)


def _gauge(
    name: str, text: str, labels: tuple[str, ...], values: Iterable[tuple[tuple[str, ...], float]]
) -> GaugeMetricFamily:
    family = GaugeMetricFamily(f"hedgebridge_{name}", text, labels=labels)
    for key, value in values:
        family.add_metric(key, value)
    return family
