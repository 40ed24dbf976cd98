"""NC Cloud behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import date, datetime
from typing import Any, Final

from adapters.erp.configured_notes import ConfiguredNotes, NoteFiles, note_calls
from adapters.erp.nccloud.capabilities import CAPABILITIES
from adapters.erp.nccloud.lookup import VoucherLookup
from adapters.erp.nccloud.read import MasterLists, OrderReader, StockReader
from adapters.erp.nccloud.vendor import ORDER_KINDS, STAMPS, NcCloudOptions, OrderKind
from adapters.erp.nccloud.write import VoucherWriter, voucher_body
from adapters.erp.order_lines import flat
from adapters.erp.paged_snapshot import SnapshotReader
from adapters.erp.probing import step
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from connectors.nccloud import NcCloudClient
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


class NcCloudAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: NcCloudClient,
        specs: Mapping[str, Spec],
        options: NcCloudOptions,
        now: Callable[[], datetime],
        note_files: NoteFiles | None = None,
    ) -> None:
        self._client = client
        self._options = options
        orders = {one.kind: Mapper[ContractLine](specs[one.kind], contract_line) for one in ORDER_KINDS}
        stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        masters = {
            word: Mapper[Master](specs[word], master_builder(kind)) for kind, words in MASTERS.items() for word in words
        }
        self._mappers: Mapping[str, Mapper[Any]] = {**orders, "stock": stock, **masters}
        self._orders = OrderReader(client, connection, orders, options, now)
        self._stock = StockReader(client, connection, stock, options, now)
        self._masters = MasterLists(client, options)
        self._snapshots = SnapshotReader(connection, client.system, flat, now)
        calls = note_calls(options.hedge_note, {}, [one.kind for one in ORDER_KINDS])
        self._notes = ConfiguredNotes(calls, self._orders.lines, self._change, flat, client.system, STAMPS, note_files)
        self._lookup = VoucherLookup(client, options, now)
        self._vouchers = VoucherWriter(client, options, self._lookup)

    @property
    def capabilities(self) -> ErpCapabilities:
        return self._notes.card(CAPABILITIES)

    def check(self) -> Health:
        """Log in, call every configured address, and see the names that are read on a document, a row and a voucher."""
        steps = [step("login", self._log_in)]
        if steps[0].ok:
            for kind in self._options.order_kinds():
                steps.append(step(f"orders:{kind.kind}", lambda kind=kind: self._order_seen(kind)))  # type: ignore[misc]
            steps.append(step("stock", self._stock_seen))
            for words in MASTERS.values():
                for word in words:
                    steps.append(step(word, lambda word=word: self._master_seen(word)))  # type: ignore[misc]
            steps.append(step("reference", self._reference_seen))
        return Health(tuple(steps))

    def _log_in(self) -> tuple[bool, Message]:
        self._client.log_in()
        return True, Message("nccloud.login_ok")

    def _order_seen(self, kind: OrderKind) -> tuple[bool, Message]:
        _, row = self._orders.probe(kind)
        note = self._notes.seen(kind.kind, row)
        return note if note and not note[0] else (True, self._found(row, self._mappers[kind.kind]))

    def _master_seen(self, word: str) -> tuple[bool, Message]:
        rows, _ = self._masters.pages(word)(1)
        return True, self._found(flat(rows[0]) if rows else {}, self._mappers[word])

    def _stock_seen(self) -> tuple[bool, Message]:
        _, row = self._stock.probe()
        return True, self._found(row, self._mappers["stock"])

    def _found(self, row: Mapping[str, Any], mapper: Mapper[Any]) -> Message:
        unread = [name for name in mapper.spec.fields if row and name not in row]
        if unread:
            return Message("nccloud.list_without_fields", {"fields": ", ".join(unread)})
        return Message("nccloud.list_ok")

    def _reference_seen(self) -> tuple[bool, Message]:
        record = self._lookup.some_voucher()
        if record is None:
            return True, Message("nccloud.no_voucher_yet")
        absent = self._lookup.absent_names(record)
        if absent:
            return False, Message("nccloud.voucher_fields_absent", {"fields": ", ".join(absent)})
        return True, Message("nccloud.reference_ok")

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        for word in MASTERS[kind]:
            ask, key_of = self._masters.pages(word), self._masters.key(word)
            yield from self._snapshots.pull(word, ask, key_of, self._mappers[word])

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
        """The exact body a push would send, before it is protected: for a dry run."""
        return voucher_body(voucher, self._options)

    def _change(self, path: str, body: dict[str, Any]) -> object:
        return self._client.write(path, body, once=False)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        return self._notes.find(leg)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._notes.push(leg, matches)
