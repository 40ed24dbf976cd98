"""U8+ behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from adapters.erp.configured_notes import ConfiguredNotes, NoteFiles, note_calls
from adapters.erp.order_lines import flat
from adapters.erp.probing import step
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from adapters.erp.u8openapi.capabilities import CAPABILITIES
from adapters.erp.u8openapi.lookup import VoucherLookup
from adapters.erp.u8openapi.read import ListReader, OrderReader
from adapters.erp.u8openapi.vendor import MATERIALS, ORDER_KINDS, PARTNERS, STAMPS, STOCK, OrderKind, U8Options
from adapters.erp.u8openapi.write import VoucherWriter, voucher_body
from connectors.u8openapi import EaiClient, U8Client
from hedge_core.errors import PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import ErpCapabilities, Health
from messages import Message

SPEC_NAMES: Final = ("sale_line", "purchase_line", "stock", "material", "customer", "supplier", "account")
"""The mapping specs this adapter needs, by the kind of record they read."""


class U8Adapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time; `eai` is the XML
    interface where vouchers go that way."""

    def __init__(
        self,
        connection: str,
        client: U8Client,
        eai: EaiClient | None,
        specs: Mapping[str, Spec],
        options: U8Options,
        now: Callable[[], datetime],
        note_files: NoteFiles | None = None,
    ) -> None:
        if options.voucher_road == "eai" and eai is None:
            raise ValueError("voucher_road=eai must have an eai_url")
        self._client = client
        self._options = options
        orders = {one.kind: Mapper[ContractLine](specs[one.kind], contract_line) for one in ORDER_KINDS}
        lists: dict[str, Mapper[Any]] = {
            "stock": Mapper[InventoryLot](specs["stock"], inventory_lot),
            "material": Mapper[Master](specs["material"], master_builder(MasterKind.MATERIAL)),
            "account": Mapper[Master](specs["account"], master_builder(MasterKind.ACCOUNT)),
            **{spec: Mapper[Master](specs[spec], master_builder(MasterKind.PARTNER)) for _, spec in PARTNERS},
        }
        self._mappers: Mapping[str, Mapper[Any]] = {**orders, **lists}
        self._orders = OrderReader(client, connection, orders, options, now)
        self._lists = ListReader(client, connection, lists, options, now)
        calls = note_calls(options.hedge_note, {}, [one.kind for one in ORDER_KINDS])
        self._notes = ConfiguredNotes(calls, self._orders.lines, self._change, flat, client.system, STAMPS, note_files)
        self._lookup = VoucherLookup(client, options)
        self._vouchers = VoucherWriter(client, eai, options, self._lookup)

    @property
    def capabilities(self) -> ErpCapabilities:
        return self._notes.card(CAPABILITIES)

    def check(self) -> Health:
        """Log in, read one order of each kind and one row of each list, and see that vouchers are found by reference only."""
        steps = [step("login", self._log_in)]
        if steps[0].ok:
            for kind in ORDER_KINDS:
                steps.append(step(f"orders:{kind.kind}", lambda kind=kind: self._order_seen(kind)))  # type: ignore[misc]
            accounts = [(self._options.accounts_resource, "account")] if self._options.accounts_resource else []
            for resource, spec in ((STOCK, "stock"), (MATERIALS, "material"), *PARTNERS, *accounts):
                steps.append(step(f"list:{spec}", lambda r=resource, s=spec: self._list_seen(r, s)))  # type: ignore[misc]
            steps.append(step("reference", self._reference_seen))
        return Health(tuple(steps))

    def _log_in(self) -> tuple[bool, Message]:
        self._client.log_in()
        return True, Message("u8openapi.login_ok")

    def _order_seen(self, kind: OrderKind) -> tuple[bool, Message]:
        count, row = self._orders.probe(kind)
        note = self._notes.seen(kind.kind, row)
        return note if note and not note[0] else (True, self._found(count, row, self._mappers[kind.kind]))

    def _list_seen(self, resource: str, spec: str) -> tuple[bool, Message]:
        count, row = self._lists.probe(resource)
        return True, self._found(count, row, self._mappers[spec])

    def _found(self, count: int, row: Mapping[str, Any], mapper: Mapper[Any]) -> Message:
        unread = [name for name in mapper.spec.fields if row and name not in row]
        if unread:
            return Message("u8openapi.list_without_fields", {"count": count, "fields": ", ".join(unread)})
        return Message("u8openapi.list_ok", {"count": count})

    def _reference_seen(self) -> tuple[bool, Message]:
        self._lookup.prove_filter()
        row = self._lookup.any_row()
        if not row:
            return True, Message("u8openapi.no_voucher_yet")
        absent = [self._options.place(name) for name in ("number", "date", "account", "debit", "credit")]
        absent = [name for name in absent if name not in row]
        if absent:
            return False, Message("u8openapi.voucher_fields_absent", {"fields": ", ".join(absent)})
        return True, Message("u8openapi.reference_ok")

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        return self._lists.masters(kind)

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._orders.pull(since, scope)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._lists.stock()

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return self._mappers[raw.ref.kind].read(raw.ref, flat(raw.body))

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return flat(raw.body)

    def find_voucher(self, key: str) -> PostingReceipt | None:
        return self._lookup.receipt(key)

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        return self._lookup.receipts(keys)

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return self._vouchers.push(batch)

    def voucher_body(self, voucher: Voucher) -> dict[str, Any]:
        """The exact body a push by the relay would send: for a dry run. EAI sends the same values as XML."""
        return voucher_body(voucher, self._options)

    def _change(self, path: str, body: dict[str, Any]) -> object:
        """A change that may be made again: each attempt is a business of its own for the relay."""
        return self._client.write(path, {"biz_id": uuid.uuid4().hex, "sync": "1"}, body)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        return self._notes.find(leg)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._notes.push(leg, matches)
