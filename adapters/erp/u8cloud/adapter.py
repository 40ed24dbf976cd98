"""U8 Cloud behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from adapters.erp.configured_notes import ConfiguredNotes, NoteCall, NoteFiles, note_calls
from adapters.erp.date_windows import WindowReader, one_document
from adapters.erp.paged_snapshot import SnapshotReader
from adapters.erp.probing import step
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from adapters.erp.u8cloud.capabilities import CAPABILITIES
from adapters.erp.u8cloud.lookup import VoucherLookup
from adapters.erp.u8cloud.read import Lists, fields
from adapters.erp.u8cloud.vendor import NOTE_CALLS, ORDERS, STAMPS, U8CloudOptions
from adapters.erp.u8cloud.write import VoucherWriter, voucher_body
from connectors.u8cloud import U8CloudClient
from hedge_core.errors import PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import ErpCapabilities, Health
from messages import Message

SPEC_NAMES: Final = ("sale_line", "purchase_line", "stock", "material", "partner", "account")
"""The mapping specs this adapter needs, by the kind of record they read."""


class U8CloudAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: U8CloudClient,
        specs: Mapping[str, Spec],
        options: U8CloudOptions,
        now: Callable[[], datetime],
        note_files: NoteFiles | None = None,
    ) -> None:
        self._client = client
        self._options = options
        self._lists = Lists(client, options)
        orders = {kind: Mapper[ContractLine](specs[kind], contract_line) for kind in ORDERS}
        stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        masters = {kind.value: Mapper[Master](specs[kind.value], master_builder(kind)) for kind in MasterKind}
        self._mappers: Mapping[str, Mapper[Any]] = {**orders, "stock": stock, **masters}
        self._orders = WindowReader(
            self._lists.orders, connection, client.system, orders, options.reading, fields, now
        )  # fmt: skip
        self._snapshots = SnapshotReader(connection, client.system, fields, now)
        self._lookup = VoucherLookup(self._lists, options, client.system, now)
        calls = note_calls(options.hedge_note, NOTE_CALLS, tuple(ORDERS))
        self._notes = ConfiguredNotes(calls, self._lines, client.write, fields, client.system, STAMPS, note_files)
        self._vouchers = VoucherWriter(client, options, self._lookup)

    @property
    def capabilities(self) -> ErpCapabilities:
        return self._notes.card(CAPABILITIES)

    def check(self) -> Health:
        """Call each list once, see whether its rows have what the mapping reads, and where the ledger shows our reference."""
        steps = [step("login", lambda: self._order_seen("sale_line"))]
        if steps[0].ok:
            steps.append(step("list:purchase_line", lambda: self._order_seen("purchase_line")))
            for kind in ("stock", *(kind.value for kind in MasterKind)):
                steps.append(step(kind, lambda kind=kind: self._list_seen(kind)))  # type: ignore[misc]
            steps.append(step("reference", self._reference_seen))
        return Health(tuple(steps))

    def _order_seen(self, kind: str) -> tuple[bool, Message]:
        page = self._lists.orders(kind, self._orders.whole(), 1)
        lines = [body for document in page.documents for _, body in document.parts]
        note = self._notes.seen(kind, fields(lines[0])) if lines else None
        return note if note and not note[0] else self._seen(kind, len(lines), lines)

    def _list_seen(self, kind: str) -> tuple[bool, Message]:
        rows, total = self._lists.snapshot(kind)(1)
        return self._seen(kind, total if total is not None else len(rows), rows)

    def _lines(self, call: NoteCall, leg: ExternalRef) -> Mapping[str, bytes]:
        """Every line of the document that a line belongs to."""
        whole, system = self._orders.whole(), self._client.system
        return one_document(self._lists.orders, leg.kind, whole, leg.key.partition("/")[0], call.find, system)

    def _seen(self, kind: str, count: int, bodies: Sequence[bytes]) -> tuple[bool, Message]:
        row = fields(bodies[0]) if bodies else {}
        unread = [name for name in self._mappers[kind].spec.fields if row and name not in row]
        if unread:
            there = ", ".join(sorted(row))
            details = {"kind": kind, "fields": ", ".join(unread), "there": there}
            return True, Message("u8cloud.fields_absent", details)
        return True, Message("u8cloud.list_ok", {"kind": kind, "count": count})

    def _reference_seen(self) -> tuple[bool, Message]:
        absent = self._lookup.absent_names()
        if absent is None:
            return True, Message("u8cloud.no_voucher_yet")
        if absent:
            return False, Message("u8cloud.voucher_names_absent", {"names": ", ".join(absent)})
        return True, Message("u8cloud.reference_ok")

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        word = kind.value
        ask, key_of = self._lists.snapshot(word), self._lists.master_key(word)
        return self._snapshots.pull(word, ask, key_of, self._mappers[word])

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._orders.pull(since, scope)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._snapshots.pull(
            "stock", self._lists.snapshot("stock"), self._lists.stock_key, self._mappers["stock"]
        )

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return self._mappers[raw.ref.kind].read(raw.ref, fields(raw.body))

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return fields(raw.body)

    def find_voucher(self, key: str) -> PostingReceipt | None:
        return self._lookup.receipt(key)

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        return self._lookup.receipts(keys)

    def looks_back_to(self) -> date:
        return self._lookup.looks_back_to()

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return self._vouchers.push(batch)

    def voucher_body(self, voucher: Voucher) -> dict[str, Any]:
        """The exact body a push would send: for a dry run."""
        return voucher_body(voucher, self._options)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        return self._notes.find(leg)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._notes.push(leg, matches)
