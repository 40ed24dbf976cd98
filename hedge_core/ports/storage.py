"""The port to the database: one unit of work per transaction, scoped to one book. Leaving the `with` block commits; an
exception rolls everything back, audit events included."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Protocol

from hedge_core.model.futures import AccountStatement, Fill, PositionLot, SettlementPrice
from hedge_core.model.identity import Actor, BookId, ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Pulled, Quarantined, RawRecord
from hedge_core.model.vouchers import PostingReceipt, Voucher, VoucherStatus
from hedge_core.ports.accounting import AccountingStore
from hedge_core.ports.broker_queries import BrokerQueryStore
from hedge_core.ports.column_blocks import ColumnBlockStore
from hedge_core.ports.commodity import CommodityStore
from hedge_core.ports.jobs import JobQueue, JobStore, ScheduleStore
from hedge_core.ports.limits import LimitStore
from hedge_core.ports.orders import OrderStore
from hedge_core.ports.outbox import OutboxRow as OutboxRow
from hedge_core.ports.outbox import OutboxState as OutboxState
from hedge_core.ports.outbox import OutboxStore, Queue
from hedge_core.ports.reconciliation import ReconciliationStore
from hedge_core.ports.record_pages import RecordPageStore
from hedge_core.ports.record_versions import RecordVersionStore


@dataclass(frozen=True, slots=True)
class Book:
    """A book and its settings (`settings`: text by name, such as rule_set, variation, futures_cash, close_result, post)."""

    book: BookId
    name: str
    currency: str
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Connection:
    """One configured external system. `options` are plain; `secrets` are sealed texts, never plain ones."""

    name: str
    book: BookId
    system: str
    options: Mapping[str, object]
    secrets: Mapping[str, str]
    paused: bool = False
    paused_reason: str = ""
    circuit_open_until: datetime | None = None
    failures_in_a_row: int = 0
    throttled_until: datetime | None = None


# --- records ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class QuarantineEntry:
    """A record that waits for a person: the raw record, why, since when, and whether it has been released."""

    ref: ExternalRef
    raw: RawRecord
    reason: Quarantined
    since: datetime


class RecordStore(Protocol):
    """Raw records, cursors and the quarantine."""

    def cursor(self, connection: str, kind: str) -> Cursor | None: ...
    def save_cursor(self, connection: str, kind: str, cursor: Cursor) -> None: ...

    def known(self, connection: str, kind: str, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
        """`key -> (digest, spec identity)` of the records stored before: same both, nothing to do."""
        ...

    def save_raw(self, items: Sequence[Pulled[object]]) -> None:
        """Keep raw bodies with the spec that read them; quarantined items open (or renew) their quarantine entry, mapped
        ones close it."""
        ...

    def raw(self, ref: ExternalRef) -> RawRecord | None: ...
    def quarantine(self, connection: str | None = None) -> list[QuarantineEntry]: ...
    def keys(self, connection: str, kind: str) -> set[str]:
        """Every key stored and not gone: what a key sweep is compared with."""
        ...

    def mark_gone(self, refs: Sequence[ExternalRef], at: datetime) -> None: ...


class PhysicalStore(Protocol):
    """Contract lines, inventory lots and masters as mapped."""

    def save_contract_lines(self, lines: Sequence[ContractLine]) -> None: ...
    def contract_lines(self) -> list[ContractLine]: ...
    def each_contract_line(self) -> Iterator[ContractLine]:
        """The same one by one, in no order: for books with more lines than memory."""
        ...

    def contract_line(self, ref: ExternalRef) -> ContractLine | None: ...
    def remove_contract_lines(self, refs: Sequence[ExternalRef]) -> None: ...
    def save_inventory(self, lots: Sequence[InventoryLot], seen_at: datetime) -> None:
        """Keeps the time a lot was first seen (its age); `seen_at` is the time of the pull."""
        ...

    def zero_vanished(self, connection: str, seen: set[str], at: datetime) -> list[ExternalRef]:
        """Lots of this connection that a full snapshot no longer shows get quantity zero; answers which. Their raw records
        are gone at the same time, so that a lot that comes back as it was is a change."""
        ...

    def inventory(self) -> list[InventoryLot]: ...
    def inventory_first_seen(self) -> dict[str, datetime]:
        """First time seen by `str(ref)`."""
        ...

    def save_masters(self, masters: Sequence[Master]) -> None: ...
    def masters(self, kind: MasterKind) -> list[Master]: ...


# --- broker side ------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredStatement:
    """A version of an account's statement for one trading day. `digest` is SHA-256 of the file; `accepted` are the
    warnings a person accepted, with the reason."""

    statement: AccountStatement
    version: int
    digest: str
    source_name: str
    imported_at: datetime
    imported_by: str
    accepted_reason: str = ""


class StatementStore(Protocol):
    """Statements by (account, currency, trading day, form) with all their versions; the highest version is current. Where
    an account has several currencies and none is asked for, the first by code answers; without a form, the day's own
    statement before the month that ends on it, and the mark-to-market view before the other."""

    def add(self, stored: StoredStatement, body: bytes) -> None:
        """A new version; its fills replace those of the version before. The same file again (`current(...).digest`) is
        the caller's to leave out. A monthly statement is kept and lists no fills; nor does the trade-by-trade view of a
        day whose mark-to-market view is there."""
        ...

    def current(
        self, account: str, trading_day: date, currency: str | None = None, form: str | None = None
    ) -> StoredStatement | None: ...
    def previous(
        self, account: str, before: date, currency: str | None = None, view: str = "mtm"
    ) -> StoredStatement | None:
        """The current version of the latest day earlier than `before`, in `view` if that day has it."""
        ...

    def versions(
        self, account: str, trading_day: date, currency: str | None = None, form: str | None = None
    ) -> list[StoredStatement]: ...
    def body(
        self, account: str, trading_day: date, version: int, currency: str | None = None, form: str | None = None
    ) -> bytes | None:
        """The file of a version as it was received."""
        ...

    def on_day(self, trading_day: date, *, every_form: bool = False) -> list[StoredStatement]:
        """One daily statement per account and currency, the mark-to-market view where both are there; or all forms."""
        ...

    def accounts(self) -> list[str]: ...
    def days(self) -> list[date]: ...
    def fills(self, first: date | None = None, last: date | None = None) -> list[Fill]:
        """Fills of current statement versions, by trading day, exchange, numeric fill id."""
        ...


@dataclass(frozen=True, slots=True)
class OpeningState:
    """Go-live of one account in one currency: open lots and the statement they came from. Nothing before `trading_day` is
    booked."""

    account: str
    trading_day: date
    digest: str
    lots: tuple[PositionLot, ...]
    statement: AccountStatement
    imported_by: str


class BrokerStore(Protocol):
    """Opening states and prices."""

    def add_opening(self, state: OpeningState) -> None: ...
    def openings(self) -> list[OpeningState]: ...
    def save_prices(self, prices: Sequence[SettlementPrice]) -> None:
        """Insert or replace by (kind, subject, trading day)."""
        ...

    def prices(self, kind: str, trading_day: date) -> dict[str, SettlementPrice]: ...
    def latest_price(self, kind: str, subject: str, on_or_before: date) -> SettlementPrice | None: ...


# --- results ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class StoredSnapshot:
    """A snapshot's bytes with its place in the chain. `status` is `final`, `proposed` or `superseded`."""

    trading_day: date
    version: int
    status: str
    digest: str
    previous_digest: str
    input_digest: str
    body: bytes
    differences: int = 0


@dataclass(frozen=True, slots=True)
class StoredVoucher:
    """A voucher with its state on our side and what the ERP answered."""

    voucher: Voucher
    status: VoucherStatus
    made_by: str
    approved_by: str = ""
    approved_hash: str = ""
    receipt: PostingReceipt | None = None


class ResultStore(Protocol):
    """Matches, snapshots and vouchers."""

    def matches(self) -> list[HedgeMatch]: ...
    def add_matches(self, matches: Sequence[HedgeMatch]) -> None: ...
    def end_match(self, match_id: str, reason: str) -> None: ...
    def ended_match_ids(self) -> set[str]:
        """Ids of matches that have ended: history, never given to another match."""
        ...

    def add_snapshot(self, snapshot: StoredSnapshot) -> None: ...
    def snapshot(self, trading_day: date, version: int | None = None) -> StoredSnapshot | None:
        """The given version; without one, the final version of that day."""
        ...

    def last_snapshot(self, before: date | None = None) -> StoredSnapshot | None:
        """The final snapshot of the latest day (earlier than `before`)."""
        ...

    def snapshots(self) -> list[StoredSnapshot]:
        """All versions without their bodies (empty bytes), by day and version."""
        ...

    def set_snapshot_status(self, trading_day: date, version: int, status: str) -> None: ...
    def add_voucher(self, stored: StoredVoucher) -> None:
        """A new voucher, or a new revision of one (a corrected rejection); the revisions before it stay as they were and
        every other method speaks of the highest one."""
        ...

    def voucher(self, voucher_id: str) -> StoredVoucher | None: ...
    def vouchers_named(self, voucher_ids: Sequence[str]) -> dict[str, StoredVoucher]:
        """Those that exist, by id."""
        ...

    def set_receipts(self, receipts: Mapping[str, PostingReceipt], status: VoucherStatus) -> None:
        """The same status for many vouchers, each with its receipt, by voucher id."""
        ...

    def vouchers(self, status: VoucherStatus | None = None) -> list[StoredVoucher]: ...
    def replace_draft(self, stored: StoredVoucher) -> None: ...
    def set_voucher(
        self,
        voucher_id: str,
        status: VoucherStatus,
        *,
        approved_by: str | None = None,
        approved_hash: str | None = None,
        receipt: PostingReceipt | None = None,
    ) -> None:
        """Change state fields only; the content of a voucher that is not a draft is refused by the database."""
        ...

    def add_expectation(self, voucher_id: str, posting_date: date, payload: Mapping[str, object]) -> None:
        """An entry that the ERP's own modules are expected to book; idempotent by id."""
        ...

    def expectations(self) -> list[tuple[str, date, dict[str, object]]]:
        """(id, posting date, payload) of every expected entry, by date and id."""
        ...


# --- audit ------------------------------------------------------------------------------------------------------------


class AuditLog(Protocol):
    """The book's Merkle log; appended in the same transaction, head row locked last."""

    def append(self, kind: str, subject: str, details: Mapping[str, object]) -> None: ...
    def head(self) -> tuple[int, str]:
        """(size, root in hex)."""
        ...

    def events(self, first: int = 0) -> Iterator[tuple[int, bytes, bytes]]:
        """(sequence, canonical bytes, leaf hash) in order."""
        ...


# --- the whole --------------------------------------------------------------------------------------------------------


class UnitOfWork(Protocol):
    """One transaction on one book."""

    @property
    def book(self) -> Book: ...

    records: RecordStore
    record_pages: RecordPageStore
    record_versions: RecordVersionStore
    physical: PhysicalStore
    statements: StatementStore
    columns: ColumnBlockStore
    broker: BrokerStore
    reconciliation: ReconciliationStore
    broker_queries: BrokerQueryStore
    results: ResultStore
    outbox: OutboxStore
    jobs: JobStore
    schedules: ScheduleStore
    commodity: CommodityStore
    limits: LimitStore
    orders: OrderStore
    accounting: AccountingStore
    audit: AuditLog

    def connection(self, name: str) -> Connection | None: ...
    def connections(self) -> list[Connection]: ...
    def save_connection(self, connection: Connection) -> None: ...
    def remove_connection(self, name: str) -> bool: ...
    def connection_worked(self, name: str) -> None: ...
    def note_batch(self, name: str, most: int) -> None: ...
    def save_settings(self, settings: Mapping[str, str]) -> None: ...
    def document(self, kind: str, name: str, version: int | None = None) -> bytes | None:
        """Configuration kept as a file would be: mapping specs, account maps, designations. The latest version, or one."""
        ...

    def document_versions(self, kind: str, prefix: str) -> tuple[tuple[str, int], ...]:
        """(name, newest version) of the documents whose names begin with `prefix`."""
        ...

    def save_document(self, kind: str, name: str, body: bytes) -> int:
        """A new version (unchanged content makes none); answers its number."""
        ...

    def documents(self, kind: str) -> list[str]: ...


class Store(Protocol):
    """The database: makes units of work and knows which books there are."""

    def begin(self, book: BookId, actor: Actor) -> AbstractContextManager[UnitOfWork]: ...
    def read(self, book: BookId) -> AbstractContextManager[UnitOfWork]:
        """A unit that only reads, as of one moment, and makes no writer wait; the database refuses a write in it."""
        ...

    def add_book(self, book: Book, actor: Actor) -> None: ...
    def books(self) -> list[Book]: ...
    @property
    def queue(self) -> Queue: ...
    @property
    def job_queue(self) -> JobQueue: ...
    def connection_failed(self, book: BookId, name: str, until: datetime | None) -> None:
        """Count a failure in a row and open the circuit until the given time."""
        ...

    def connection_worked(self, book: BookId, name: str) -> None: ...
    def throttle_connection(self, book: BookId, name: str, until: datetime) -> None:
        """No call to it before the given time."""
        ...

    def pause_connection(self, book: BookId, name: str, reason: str) -> None: ...
