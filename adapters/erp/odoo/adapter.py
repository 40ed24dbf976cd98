"""Odoo behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from adapters.erp.odoo.attach import Attachments
from adapters.erp.odoo.capabilities import CAPABILITIES
from adapters.erp.odoo.checks import HealthCheck
from adapters.erp.odoo.entries import LOAD_FIELDS, Numbers, account_codes, load_rows, module_voucher, partner_references
from adapters.erp.odoo.lookup import EntryLookup
from adapters.erp.odoo.notes import HedgeWriter
from adapters.erp.odoo.read import LineReader, MasterReader, StockReader, map_body
from adapters.erp.odoo.rows import flat_record
from adapters.erp.odoo.site import Site
from adapters.erp.odoo.vendor import (
    ACCOUNT_SOURCE,
    MATERIAL_SOURCE,
    ORDER_SOURCES,
    PARTNER_SOURCE,
    STOCK_SOURCE,
    OdooOptions,
    Source,
)
from adapters.erp.odoo.write import VoucherWriter
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from connectors.odoo import OdooClient
from hedge_core.errors import PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import Discovered, ErpCapabilities, Health, HealthStep, PostingNeeds

MASTER_SOURCES: Final[Mapping[MasterKind, Source]] = {
    MasterKind.MATERIAL: MATERIAL_SOURCE,
    MasterKind.PARTNER: PARTNER_SOURCE,
    MasterKind.ACCOUNT: ACCOUNT_SOURCE,
}

SPEC_NAMES: Final = ("sale_line", "purchase_line", "stock", "material", "partner", "account")
"""The mapping specs this adapter needs, by the kind of record they read."""


class OdooAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: OdooClient,
        specs: Mapping[str, Spec],
        options: OdooOptions,
        now: Callable[[], datetime],
    ) -> None:
        lines = {source.kind: Mapper[ContractLine](specs[source.kind], contract_line) for source in ORDER_SOURCES}
        stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        masters = {
            source.kind: Mapper[Master](specs[source.kind], master_builder(kind))
            for kind, source in MASTER_SOURCES.items()
        }
        self._mappers: Mapping[str, Mapper[Any]] = {**lines, "stock": stock, **masters}
        self._capabilities = replace(CAPABILITIES, default_stage=options.target_stage)
        self._options = options
        self._site = Site(client, options)
        orders = [(source, lines[source.kind]) for source in ORDER_SOURCES]
        self._lines = LineReader(client, self._site, connection, orders, options, now)
        self._stock = StockReader(client, self._site, connection, STOCK_SOURCE, stock, options, now)
        self._masters = MasterReader(client, self._site, connection, options, now)
        self._lookup = EntryLookup(client, self._site, options)
        self._vouchers = VoucherWriter(client, self._site, self._lookup, options, now, CAPABILITIES.max_batch)
        self._hedges = HedgeWriter(client, self._site, options, {source.kind: source for source in ORDER_SOURCES})
        self._attachments = Attachments(client)
        self._check = HealthCheck(client, self._site, options, self._mappers)

    @property
    def capabilities(self) -> ErpCapabilities:
        return self._capabilities

    def check(self) -> Health:
        """Reach the site, log in, see the company, the fields, the precision, the journal, the rights and the lock date."""
        return self._check.run()

    def examine(self, needs: PostingNeeds) -> Iterator[HealthStep]:
        return self._check.examine(needs, self._lookup)

    def discover(self) -> Iterator[Discovered]:
        return self._check.discover()

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        source = MASTER_SOURCES[kind]
        return self._masters.pull(source, self._mappers[source.kind])

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._lines.pull(since, scope)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._stock.pull()

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return map_body(self._mappers[raw.ref.kind], raw.ref, raw.body)

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return flat_record(raw.body)

    def find_voucher(self, key: str) -> PostingReceipt | None:
        entry = self._lookup.one(key)
        return entry.receipt() if entry else None

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        living = {
            key: [entry.receipt() for entry in entries if not entry.cancelled]
            for key, entries in self._lookup.find(keys).items()
        }
        return {key: receipts for key, receipts in living.items() if receipts}

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return self._vouchers.push(batch)

    def voucher_body(self, voucher: Voucher) -> dict[str, Any]:
        """Exactly what a push would send: for a dry run. Reads accounts, journal and partners; writes nothing."""
        numbers = Numbers(
            self._site.journal(),
            self._site.accounts(account_codes([voucher])),
            self._site.partners(partner_references([voucher], self._options)),
        )
        if self._site.has_module:
            return {"vouchers": [module_voucher(voucher, numbers, self._options)]}
        return {"fields": list(LOAD_FIELDS), "data": load_rows(voucher, numbers, self._options)}

    def attachments(self, receipt: PostingReceipt) -> Sequence[str]:
        return list(self._attachments.names(receipt))

    def attach(self, receipt: PostingReceipt, name: str, body: bytes) -> None:
        self._attachments.attach(receipt, name, body)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        text = self._hedges.find(leg)
        return None if text is None else HedgeNote(text)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._hedges.push(leg, matches)
