"""The composition root: settings, database, secrets, clock, adapters and use cases are put together here and nowhere else.

What only some commands need (the systems and brokers with their wire clients, mapping, documents, the worker) is imported
where it is put together: every run of `hedgebridge` starts here, and most of them need none of it.
"""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from adapters.clock import SystemClock
from adapters.reference import load_products, read_calendar
from adapters.secrets.redaction import Redactor
from adapters.storage import SqlStore, open_store
from hedge_core.errors import InvalidInput
from hedge_core.model.identity import Actor, BookId
from hedge_core.ports.broker import BrokerAdapter, MarketData
from hedge_core.ports.clock import Clock
from hedge_core.ports.erp import ErpAdapter, Health
from hedge_core.ports.jobs import Lease
from hedge_core.ports.storage import Connection, OutboxState
from hedge_core.product_table import ProductTable
from hedge_core.trading_calendar import TradingCalendar
from messages import Message
from worker.log_lines import set_up_logging
from worker.settings import Settings

if TYPE_CHECKING:
    from adapters.secrets import SecretBox, VaultPlace
    from hedge_core.use_cases.account import Ledger
    from hedge_core.use_cases.delivery_steps import Step
    from mapping import CompiledSpec
    from worker.brokers import BrokerSystem
    from worker.rounds import Rounds
    from worker.runtime import Runtime
    from worker.systems import Wiring

SPEC_DOCUMENT = "mapping"
CALENDAR_DOCUMENT = "calendar"
DEFAULT_ZONE = "Asia/Shanghai"
WORKER = Actor("hedgebridge-worker", authenticated=True)


@dataclass
class App:
    """Everything a command, a worker or the console needs, made once per process by `start`."""

    settings: Settings
    store: SqlStore
    clock: Clock
    redactor: Redactor

    def __post_init__(self) -> None:
        self._adapters: dict[tuple[str, str], tuple[object, ErpAdapter]] = {}
        self._brokers: dict[tuple[str, str], tuple[object, BrokerAdapter]] = {}
        self._lock = threading.Lock()

    @functools.cached_property
    def secrets(self) -> SecretBox:
        """The box that opens stored secrets; SecretRefused with the remedy when there is no key."""
        from adapters.secrets import open_box

        place = vault_place(self.settings)
        vault = None if place is None else lambda: place.read(os.environ)
        return open_box(os.environ, self.settings.key_file, self.redactor.register, vault)

    @functools.cached_property
    def products(self) -> ProductTable:
        """Futures products, effective-dated."""
        return load_products()

    def calendar(self, book: BookId) -> TradingCalendar:
        """Trading days, with the book's own table (`hedgebridge calendar import`) laid over the product's."""
        with self.store.read(book) as uow:
            return read_calendar("calendar", uow.document(CALENDAR_DOCUMENT, "overrides") or b"")

    def ledger(self, texts: Mapping[str, str]) -> Ledger:
        """How the accounting use case reads its documents; `texts` are the book's settings. Names for summaries stand in
        them as `label.<broker account, product or commodity>`."""
        from adapters.documents import read_account_map, read_designation
        from hedge_core.accounting.charts import AccountMap
        from hedge_core.accounting.rule_sets import BookSettings
        from hedge_core.accounting.summaries import Labels
        from hedge_core.use_cases.account import Ledger

        settings = BookSettings.read(texts)
        labels = {name.removeprefix("label."): text for name, text in texts.items() if name.startswith("label.")}
        return Ledger(
            read_accounts=lambda body: read_account_map(body, "accounts", settings.rule_set),
            read_designation=read_designation,
            usual_accounts=lambda chosen: AccountMap.usual(chosen.rule_set),
            labels=Labels(accounts=labels, products=labels),
        )

    def connection(self, book: BookId, name: str) -> Connection:
        """A stored connection; InvalidInput names those there are."""
        with self.store.read(book) as uow:
            found = uow.connection(name)
            if found is None:
                known = ", ".join(c.name for c in uow.connections()) or "-"
                message = Message("connection.none", {"connection": name, "known": known})
                raise InvalidInput("connection", 0, "name", message)
            return found

    def erp(self, book: BookId, name: str) -> ErpAdapter:
        """The adapter of a connection, kept while its configuration and mapping specs stay as they are. Asked at every
        delivery, so the specs themselves are read only when the version of one has changed."""
        with self.store.read(book) as uow:
            connection = uow.connection(name)
            versions = uow.document_versions(SPEC_DOCUMENT, f"{name}/")
        if connection is None:
            connection = self.connection(book, name)
        stamp = (
            connection.system,
            repr(sorted(connection.options.items())),
            tuple(sorted(connection.secrets.items())),
            versions,
        )
        with self._lock:
            known = self._adapters.get((book, name))
            if known is None or known[0] != stamp:
                known = (stamp, self._build(connection, self.spec_bodies(book, connection)))
                self._adapters[book, name] = known
            return known[1]

    def broker(self, book: BookId, name: str) -> BrokerAdapter:
        """The adapter of a broker connection with its session, kept while its configuration stays as it is; the session
        of another configuration is closed first: brokers count them."""
        from worker.brokers import build_broker

        connection = self.connection(book, name)
        stamp = (connection.system, repr(sorted(connection.options.items())), tuple(sorted(connection.secrets.items())))
        with self._lock:
            known = self._brokers.get((book, name))
            if known is not None and known[0] != stamp:
                known[1].close()
                known = None
            if known is None:
                kind, wiring = self._broker_wiring(connection)
                known = self._brokers[book, name] = (stamp, build_broker(kind, wiring))
            return known[1]

    def drop_broker(self, book: BookId, name: str) -> None:
        """End the session of a broker connection; the next use builds another."""
        with self._lock:
            known = self._brokers.pop((book, name), None)
        if known is not None:
            known[1].close()

    def market(self, book: BookId, name: str) -> MarketData:
        """Prices over a broker connection."""
        kind, wiring = self._broker_wiring(self.connection(book, name))
        return kind.market(wiring, self.broker(book, name))

    def health(self, book: BookId, name: str) -> Health:
        """The check of a connection, be it an ERP's or a broker's."""
        from worker.brokers import is_broker

        if is_broker(self.connection(book, name).system):
            return self.broker(book, name).check()
        return self.erp(book, name).check()

    def _broker_wiring(self, connection: Connection) -> tuple[BrokerSystem, Wiring]:
        from worker.brokers import BROKERS, is_broker
        from worker.systems import Wiring

        if not is_broker(connection.system):
            details = {"connection": connection.name, "system": connection.system}
            raise InvalidInput("connection", 0, "system", Message("broker.not_a_broker", details))
        kind = BROKERS[connection.system]
        secrets = self._opened_secrets(connection, kind.secrets)
        return kind, Wiring(connection, secrets, {}, self.clock, self.settings.call_seconds)

    def spec_bodies(self, book: BookId, connection: Connection) -> dict[str, bytes]:
        """The live mapping specs of a connection as YAML, by the kind of record they read."""
        from worker.systems import system

        kind = system(connection.system)
        with self.store.read(book) as uow:
            return {
                name: uow.document(SPEC_DOCUMENT, f"{connection.name}/{name}") or kind.default_spec(name)
                for name in kind.spec_names
            }

    def reading(self, connection: Connection, bodies: Mapping[str, bytes]) -> ErpAdapter:
        """An adapter of its own that reads raw records by other mapping specs than the live ones."""
        return self._build(connection, bodies)

    def _build(self, connection: Connection, bodies: Mapping[str, bytes]) -> ErpAdapter:
        from worker.systems import Wiring, system

        zone = str(connection.options.get("time_zone") or DEFAULT_ZONE)
        specs = {name: compile_body(body, f"{connection.name}/{name}", zone) for name, body in bodies.items()}
        kind = system(connection.system)
        secrets = self._opened_secrets(connection, kind.secrets)
        return kind.build(Wiring(connection, secrets, specs, self.clock, self.settings.call_seconds))

    def _opened_secrets(self, connection: Connection, needed: Sequence[str]) -> dict[str, str]:
        """A connection's secrets in the clear; InvalidInput names one that is needed and missing."""
        secrets = {
            name: self.secrets.open(sealed, secret_context(connection.book, connection.name, name))
            for name, sealed in connection.secrets.items()
        }
        for name in needed:
            if name not in secrets:
                message = Message(
                    "connection.secret_missing",
                    {"connection": connection.name, "option": name, "variable": secret_variable(name)},
                )
                raise InvalidInput(connection.name, 0, name, message)
        return secrets

    @functools.cached_property
    def steady_clock(self) -> Clock:
        """The clock by which work is leased: it refuses while it may be wrong."""
        from worker.steady_clock import SteadyClock

        return SteadyClock(self.clock, self.settings.lease_seconds, self.store.queue.clock)

    def deliver(self, lease: Lease) -> OutboxState | None:
        """Deliver the outbox rows of one lease."""
        from hedge_core.use_cases.deliver import deliver

        chosen, clock = self.settings, self.steady_clock
        return deliver(
            self.store, lease, self.erp, WORKER, clock, chosen.settle_seconds, chosen.lease_seconds, self._rounds
        )

    @functools.cached_property
    def _rounds(self) -> Rounds[Step]:
        """What the deliveries of this process write at the same moment, written together."""
        from worker.rounds import delivery_rounds

        return delivery_rounds(self.store, WORKER, self.steady_clock)

    def runtime(self, queues: Collection[str] = ("deliveries",)) -> Runtime:
        """The workers of this process for these queues, not yet started: `deliveries`, `schedule`, and those of jobs."""
        from worker.job_runs import LEASE_SECONDS as JOB_LEASE
        from worker.job_runs import JobRunner
        from worker.jobs import KINDS  # it knows the application
        from worker.jobs import queues as job_queues
        from worker.runtime import DELIVERIES, SCHEDULE, Lane, Runtime
        from worker.schedule import Scheduler

        chosen, jobs = self.settings, JobRunner(self, KINDS, WORKER)
        lanes = []
        if DELIVERIES in queues:
            lease = chosen.lease_seconds
            lanes.append(Lane(DELIVERIES, self.store.queue, self.deliver, chosen.worker_threads, lease, "outbox"))
        lanes += [
            Lane(name, self.store.job_queue.of(name), jobs.handle, chosen.worker_threads, JOB_LEASE, "jobs")
            for name in job_queues()
            if name in queues
        ]
        planner = None
        if SCHEDULE in queues:
            lock = self.store.leader_lock()
            planner = Scheduler(self.store, KINDS, self.calendar, lock, WORKER, self.clock)
        return Runtime(
            chosen,
            self.store.queue,
            self.steady_clock,
            self.deliver,
            lanes=lanes,
            planner=planner,
            subscribe=self.store.wakes.subscribe,
            stopping=jobs.stop,
        )


def vault_place(settings: Settings) -> VaultPlace | None:
    """Where in Vault the master key lies; None when no Vault is configured."""
    if not settings.vault_url:
        return None
    from adapters.secrets import VaultPlace

    return VaultPlace(settings.vault_url, settings.vault_path, settings.vault_field, settings.vault_ca_file or None)


def compile_body(body: bytes, name: str, zone: str) -> CompiledSpec:
    """A compiled spec from its YAML; InvalidInput or SpecRefused say what is wrong with it."""
    from mapping import SCHEMAS, compile_spec, load_spec

    spec = load_spec(body, "yaml", name=name)
    return compile_spec(spec, SCHEMAS[spec.kind], zone)


def secret_context(book: str, connection: str, name: str) -> str:
    """The row and field a sealed secret belongs to: it opens nowhere else."""
    return f"book:{book}:connection:{connection}:{name}"


def secret_variable(name: str) -> str:
    """The environment variable that hands a secret to `connection add`."""
    return f"HEDGEBRIDGE_SECRET_{name.upper()}"


def start(settings: Settings | None = None, clock: Clock | None = None) -> App:
    """An application on an upgraded database."""
    chosen = settings or Settings()
    redactor = Redactor()
    set_up_logging(chosen.log_level, redactor)
    time = clock or SystemClock()
    return App(chosen, open_store(chosen.database, time), time, redactor)


def database_file(url: str) -> Path | None:
    """The file of a SQLite database; None for any other address."""
    prefix = "sqlite:///"
    return Path(url.removeprefix(prefix)) if url.startswith(prefix) else None


def database_folder(url: str) -> Path | None:
    """The folder of a SQLite file, which has to exist before the database can."""
    file = database_file(url)
    return file.parent if file else None
