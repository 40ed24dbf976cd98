"""SAP S/4HANA behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Final

from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from adapters.erp.sap.capabilities import CAPABILITIES
from adapters.erp.sap.examination import Examination
from adapters.erp.sap.lookup import DocumentLookup, TextLookup
from adapters.erp.sap.read import (
    MasterReader,
    OrderReader,
    SnapshotReader,
    body_fields,
    map_body,
    spec_of,
)
from adapters.erp.sap.selection import Reading
from adapters.erp.sap.vendor import (
    ACCOUNTS,
    CONTRACT_SOURCES,
    CUSTOMERS,
    DOCUMENT_FIELDS,
    DOCUMENT_SET,
    MATERIALS,
    STOCK_KEY,
    STOCK_SET,
    SUPPLIERS,
    SapOptions,
    Source,
)
from adapters.erp.sap.write import HedgeWriter, VoucherWriter
from connectors.sap import JournalEntryService, ODataClient
from hedge_core.errors import AuthFailed, PlatformError, Rejected, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import Discovered, ErpCapabilities, Health, HealthStep, PostingNeeds, Question
from messages import Message

MASTER_SOURCES: Final[Mapping[MasterKind, Sequence[Source]]] = {
    MasterKind.MATERIAL: (MATERIALS,),
    MasterKind.PARTNER: (CUSTOMERS, SUPPLIERS),
    MasterKind.ACCOUNT: (ACCOUNTS,),
}

SPEC_NAMES: Final = (
    "sale_line",
    "purchase_line",
    "sale_contract",
    "purchase_contract",
    "stock",
    "material",
    "customer",
    "supplier",
    "account",
)
"""The mapping specs this adapter needs, by the kind of record they read."""

_CUSTOM_FIELDS: Final = ("YY1_", "ZZ")
"""How a system's own fields are called: absent ones are empty, not an error."""


class SapAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: ODataClient,
        journal: JournalEntryService,
        specs: Mapping[str, Spec],
        options: SapOptions,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._options = options
        self._contracts = {
            name: Mapper[ContractLine](specs[name], contract_line)
            for name in ("sale_line", "purchase_line", "sale_contract", "purchase_contract")
        }
        self._stock_mapper = Mapper[InventoryLot](specs["stock"], inventory_lot)
        masters = {
            source.spec: Mapper[Master](specs[source.spec], master_builder(kind))
            for kind, sources in MASTER_SOURCES.items()
            for source in sources
        }
        self._mappers: Mapping[str, Mapper[Any]] = {**self._contracts, "stock": self._stock_mapper, **masters}
        self._sources = [CONTRACT_SOURCES[name] for name in options.sources]
        self._reading = Reading(client, connection, options, now)
        self._orders = OrderReader(
            self._reading,
            [(source, self._contracts[source.spec]) for source in self._sources],
            timedelta(minutes=options.overlap_minutes),
        )
        self._stock = SnapshotReader(self._reading, self._stock_mapper)
        self._masters = MasterReader(self._reading)
        self._lookup = DocumentLookup(client, options)
        self._vouchers = VoucherWriter(journal, options, self._lookup, now, client.system)
        self._hedges = HedgeWriter(client, options, TextLookup(client, options))
        self._examination = Examination(client, options, self._lookup, self._vouchers.try_out)
        more = frozenset({Question.PERIOD}) if options.dry_run else frozenset()
        self._capabilities = replace(CAPABILITIES, tells=CAPABILITIES.tells | more)

    @property
    def capabilities(self) -> ErpCapabilities:
        return self._capabilities

    def check(self) -> Health:
        """Reach the system, log on, see each service this connection is configured for and the fields its mappings read."""
        steps = [self._look("login", self._options.service("documents").path, self._read_back)]
        if not steps[0].ok and steps[0].step in ("reach", "login"):
            return Health(tuple(steps))
        for source in (*self._sources, *(one for sources in MASTER_SOURCES.values() for one in sources)):
            path = self._options.service(source.service).path
            steps.append(self._look(f"fields:{source.name}", path, partial(self._missing, source)))
        steps.append(self._look("fields:stock", self._options.service("stock").path, self._stock_fields))
        return Health(tuple(steps))

    def _look(self, name: str, path: str, missing: Callable[[], Sequence[str]]) -> HealthStep:
        try:
            absent = missing()
        except Unavailable as error:
            return HealthStep("reach" if name == "login" else name, False, error.message)
        except AuthFailed as error:
            return HealthStep("login", False, error.message)
        except Rejected as error:
            return HealthStep(name, False, Message("sap.probe_refused", {"service": path, "text": error.vendor_text}))
        except PlatformError as error:
            return HealthStep(name, False, error.message)
        if absent:
            fields = ", ".join(absent)
            return HealthStep(name, False, Message("sap.fields_missing", {"service": path, "fields": fields}))
        return HealthStep(name, True, Message("sap.probe_ok", {"service": path}))

    def _read_back(self) -> Sequence[str]:
        service = self._options.service("documents")
        known = self._client.fields(service).get(DOCUMENT_SET, frozenset())
        absent = [name for name in DOCUMENT_FIELDS if name not in known]
        if not absent:
            self._client.page(service, DOCUMENT_SET, select=DOCUMENT_FIELDS[:3], top=1)
        return absent

    def _missing(self, source: Source) -> Sequence[str]:
        selection = self._reading.selection(source, self._mappers[source.spec])
        self._client.page(self._options.service(source.service), source.entity_set, select=[source.key], top=1)
        return [name for name in selection.unknown if not name.startswith(_CUSTOM_FIELDS)]

    def _stock_fields(self) -> Sequence[str]:
        service = self._options.service("stock")
        known = self._client.fields(service).get(STOCK_SET, frozenset())
        self._client.page(service, STOCK_SET, select=STOCK_KEY[:2], top=1)
        return [name for name in (*STOCK_KEY, *self._stock_mapper.spec.fields) if name not in known]

    def examine(self, needs: PostingNeeds) -> Iterator[HealthStep]:
        return self._examination.examine(needs)

    def discover(self) -> Iterator[Discovered]:
        return self._examination.discover()

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        for source in MASTER_SOURCES[kind]:
            yield from self._masters.pull(source, self._mappers[source.spec])

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._orders.pull(since, scope)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._stock.pull()

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return map_body(self._mappers[spec_of(raw.ref)], raw.ref, raw.body)

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return body_fields(raw.body)

    def find_voucher(self, key: str) -> PostingReceipt | None:
        document = self._lookup.one(key)
        return document.receipt() if document else None

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        found = self._lookup.find(keys)
        return {key: [document.receipt() for document in documents] for key, documents in found.items()}

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return self._vouchers.push(batch)

    def voucher_body(self, voucher: Voucher) -> dict[str, Any]:
        """The exact entry a push would send: for a preview."""
        return self._vouchers.request(voucher, test=False)

    def try_voucher(self, voucher: Voucher) -> str:
        """A dry run in SAP itself (TestDataIndicator), where the connection allows it; SAP's words, or its refusal."""
        return self._vouchers.try_out(voucher)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        text = self._hedges.find(leg)
        return None if text is None else HedgeNote(text)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._hedges.push(leg, matches)
