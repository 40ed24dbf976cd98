"""Configured JSON lists behind the ERP port."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from adapters.erp.generic_json import checks, lookup, write
from adapters.erp.generic_json.capabilities import CAPABILITIES
from adapters.erp.generic_json.read import JsonReader, map_body
from adapters.erp.generic_json.vendor import LINE_KINDS, PULLS, GenericJsonOptions
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from connectors.json_pages import JsonClient, flat_record
from hedge_core.errors import PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.record_pages import KnownPage, RecordPage
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import ErpCapabilities, Health

SPEC_NAMES: Final = (*LINE_KINDS, "stock", "material", "partner", "account")
"""The mapping specs this adapter may need, by the kind of record they read."""


class GenericJsonAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: JsonClient,
        specs: Mapping[str, Spec],
        options: GenericJsonOptions,
        now: Callable[[], datetime],
    ) -> None:
        self._lines = {kind: Mapper[ContractLine](specs[kind], contract_line) for kind in LINE_KINDS}
        self._stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        self._masters = {kind.value: Mapper[Master](specs[kind.value], master_builder(kind)) for kind in MasterKind}
        self._mappers: Mapping[str, Mapper[Any]] = {**self._lines, "stock": self._stock, **self._masters}
        self._options = options
        self._reader = JsonReader(client, connection, options, now)

    @property
    def capabilities(self) -> ErpCapabilities:
        return replace(CAPABILITIES, pulls=frozenset(PULLS.get(kind, kind) for kind in self._options.kinds))

    def check(self) -> Health:
        """Reach the system, log in, see each configured list and the fields that identify its records."""
        return checks.run(self._reader, self._options, self._mappers)

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        return self._reader.pull_whole(kind.value, self._masters[kind.value])

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._reader.pull_lines(self._lines, since, scope)

    def pull_contract_pages(
        self, since: Cursor | None, scope: PullScope, known: Mapping[str, str]
    ) -> Iterator[RecordPage[ContractLine] | KnownPage[ContractLine]]:
        return self._reader.pull_pages(self._lines, since, scope, known)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._reader.pull_whole("stock", self._stock)

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return map_body(self._mappers[raw.ref.kind], self._options.kinds[raw.ref.kind], raw.ref, raw.body)

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return flat_record(raw.body)

    def find_voucher(self, key: str) -> PostingReceipt | None:
        return None

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        return lookup.find_vouchers(keys)

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return write.push(batch)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        return None

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        raise write.refusal("no_hedges")
