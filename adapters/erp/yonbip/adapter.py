"""YonBIP behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from adapters.erp.configured_notes import ConfiguredNotes, NoteFiles, note_calls
from adapters.erp.paged_snapshot import SnapshotReader
from adapters.erp.probing import step
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from adapters.erp.yonbip.capabilities import CAPABILITIES
from adapters.erp.yonbip.lookup import VoucherLookup
from adapters.erp.yonbip.read import MasterLists, OrderReader, StockReader, flat
from adapters.erp.yonbip.vendor import NOTE_CALLS, ORDER_PATHS, STAMPS, VOUCHER_FIELDS, YonBipOptions
from adapters.erp.yonbip.write import VoucherWriter, voucher_body
from connectors.yonbip import YonBipClient
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


class YonBipAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: YonBipClient,
        specs: Mapping[str, Spec],
        options: YonBipOptions,
        now: Callable[[], datetime],
        note_files: NoteFiles | None = None,
    ) -> None:
        self._client = client
        self._options = options
        orders = {kind: Mapper[ContractLine](specs[kind], contract_line) for kind in ORDER_PATHS}
        stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        masters = {
            word: Mapper[Master](specs[word], master_builder(kind)) for kind, words in MASTERS.items() for word in words
        }
        self._mappers: Mapping[str, Mapper[Any]] = {**orders, "stock": stock, **masters}
        self._orders = OrderReader(client, connection, orders, options, now)
        self._stock = StockReader(client, connection, stock, options, now)
        self._masters = MasterLists(client, options)
        self._snapshots = SnapshotReader(connection, client.system, flat, now)
        calls = note_calls(options.hedge_note, NOTE_CALLS, tuple(ORDER_PATHS))
        self._notes = ConfiguredNotes(calls, self._orders.lines, client.change, flat, client.system, STAMPS, note_files)
        self._lookup = VoucherLookup(client, options, now)
        self._vouchers = VoucherWriter(client, options, self._lookup)

    @property
    def capabilities(self) -> ErpCapabilities:
        return self._notes.card(CAPABILITIES)

    def check(self) -> Health:
        """Find the data centre, log in, read a row of each list, and see where the ledger's list carries our reference."""
        steps = [step("login", self._log_in)]
        if steps[0].ok:
            for kind in ORDER_PATHS:
                steps.append(step(f"list:{kind}", lambda kind=kind: self._seen(kind)))  # type: ignore[misc]
            steps.append(step("stock", self._stock_seen))
            for words in MASTERS.values():
                for word in words:
                    steps.append(step(word, lambda word=word: self._master_seen(word)))  # type: ignore[misc]
            steps.append(step("reference", self._reference_seen))
        return Health(tuple(steps))

    def _log_in(self) -> tuple[bool, Message]:
        self._client.log_in()
        return True, Message("yonbip.login_ok")

    def _seen(self, kind: str) -> tuple[bool, Message]:
        count, row = self._orders.probe(kind)
        needed = ("id", self._options.line_field, self._options.changed_field)
        absent = [name for name in needed if row and name not in row]
        if absent:
            return False, Message("yonbip.fields_absent", {"fields": ", ".join(absent)})
        note = self._notes.seen(kind, row)
        if note and not note[0]:
            return note
        return self._found(kind, count, row)

    def _found(self, word: str, count: int, row: Mapping[str, Any]) -> tuple[bool, Message]:
        unread = [name for name in self._mappers[word].spec.fields if row and name not in row]
        if unread:
            return True, Message("yonbip.list_without_fields", {"count": count, "fields": ", ".join(unread)})
        return True, Message("yonbip.list_ok", {"count": count})

    def _stock_seen(self) -> tuple[bool, Message]:
        return True, Message("yonbip.list_ok", {"count": self._stock.probe()})

    def _master_seen(self, word: str) -> tuple[bool, Message]:
        rows, total = self._masters.pages(word)(1)
        return self._found(word, len(rows) if total is None else total, flat(rows[0]) if rows else {})

    def _reference_seen(self) -> tuple[bool, Message]:
        there = self._lookup.newest_header_names()
        if there is None:
            return True, Message("yonbip.no_voucher_yet")
        absent = [self._options.place(name) for name in VOUCHER_FIELDS if name not in there]
        if absent:
            return False, Message("yonbip.voucher_fields_absent", {"fields": ", ".join(absent)})
        return True, Message("yonbip.reference_ok")

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        for word in MASTERS[kind]:
            yield from self._snapshots.pull(word, self._masters.pages(word), self._masters.key, self._mappers[word])

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._orders.pull(since, scope)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._stock.pull()

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return self._mappers[raw.ref.kind].read(raw.ref, flat(raw.body))

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return flat(raw.body)

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
