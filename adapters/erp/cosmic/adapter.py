"""Cosmic behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from adapters.erp.configured_notes import ConfiguredNotes, NoteCall, NoteFiles, note_calls
from adapters.erp.cosmic.capabilities import CAPABILITIES
from adapters.erp.cosmic.lookup import VoucherLookup
from adapters.erp.cosmic.read import Lists, fields
from adapters.erp.cosmic.vendor import NOTE_CALLS, ORDERS, STAMPS, CosmicOptions
from adapters.erp.cosmic.write import VoucherWriter, only_result, voucher_body
from adapters.erp.date_windows import WindowReader, one_document
from adapters.erp.paged_snapshot import SnapshotReader
from adapters.erp.probing import step
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from connectors.cosmic import CosmicClient
from hedge_core.errors import PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import ErpCapabilities, Health
from messages import Message

MASTERS: Final[Mapping[MasterKind, tuple[str, ...]]] = {
    MasterKind.MATERIAL: ("material",),
    MasterKind.PARTNER: ("customer", "supplier"),
    MasterKind.ACCOUNT: ("account",),
}
"""Kind of master -> the lists that hold it: each is a kind of record with a mapping spec of its own."""

SPEC_NAMES: Final = ("sale_line", "purchase_line", "stock", *(word for words in MASTERS.values() for word in words))
"""The mapping specs this adapter needs, by the kind of record they read."""


class CosmicAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: CosmicClient,
        specs: Mapping[str, Spec],
        options: CosmicOptions,
        now: Callable[[], datetime],
        note_files: NoteFiles | None = None,
    ) -> None:
        self._client = client
        self._options = options
        self._lists = Lists(client, options)
        orders = {kind: Mapper[ContractLine](specs[kind], contract_line) for kind in ORDERS}
        stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        masters = {
            word: Mapper[Master](specs[word], master_builder(kind)) for kind, words in MASTERS.items() for word in words
        }
        self._mappers: Mapping[str, Mapper[Any]] = {**orders, "stock": stock, **masters}
        self._orders = WindowReader(
            self._lists.orders, connection, client.system, orders, options.reading, fields, now
        )  # fmt: skip
        self._snapshots = SnapshotReader(connection, client.system, fields, now)
        self._lookup = VoucherLookup(self._lists, options, client.system, now)
        calls = note_calls(options.hedge_note, NOTE_CALLS, tuple(ORDERS))
        self._notes = ConfiguredNotes(calls, self._lines, self._change, fields, client.system, STAMPS, note_files)
        self._vouchers = VoucherWriter(client, options, self._lookup)

    @property
    def capabilities(self) -> ErpCapabilities:
        return self._notes.card(CAPABILITIES)

    def check(self) -> Health:
        """Get a token, find the header it travels in, call each list once, see whether its rows have what the mapping reads, and
        where the ledger shows our reference."""
        steps = [step("login", self._log_in)]
        if steps[0].ok:
            steps.append(step("token_header", self._header_seen))
        if steps[-1].ok:
            for kind in ORDERS:
                steps.append(step(f"list:{kind}", lambda kind=kind: self._order_seen(kind)))  # type: ignore[misc]
            for word in ("stock", *(word for words in MASTERS.values() for word in words)):
                steps.append(step(word, lambda word=word: self._list_seen(word)))  # type: ignore[misc]
            steps.append(step("reference", self._reference_seen))
        return Health(tuple(steps))

    def _log_in(self) -> tuple[bool, Message]:
        self._client.log_in()
        return True, Message("cosmic.login_ok")

    def _header_seen(self) -> tuple[bool, Message]:
        asked = {**self._lists.conditions("sale", self._orders.whole()), "pageNo": 1, "pageSize": 1}
        found = self._client.header_that_works(self._options.path("sale"), asked)
        if found is None:
            return False, Message("cosmic.no_header_works")
        if found != self._client.token_header:
            return False, Message(
                "cosmic.other_header_works", {"header": found, "configured": self._client.token_header}
            )
        return True, Message("cosmic.header_ok", {"header": found})

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
            return True, Message("cosmic.fields_absent", details)
        return True, Message("cosmic.list_ok", {"kind": kind, "count": count})

    def _reference_seen(self) -> tuple[bool, Message]:
        absent = self._lookup.absent_names()
        if absent is None:
            return True, Message("cosmic.no_voucher_yet")
        if absent:
            return False, Message("cosmic.voucher_names_absent", {"names": ", ".join(absent)})
        return True, Message("cosmic.reference_ok")

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        for word in MASTERS[kind]:
            ask = self._lists.snapshot(word)
            yield from self._snapshots.pull(word, ask, self._lists.master_key, self._mappers[word])

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

    def _change(self, path: str, body: dict[str, Any]) -> object:
        """A change that may be made again: without an idempotency key."""
        return only_result(self._client.write(path, body), self._client.system)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        return self._notes.find(leg)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._notes.push(leg, matches)
