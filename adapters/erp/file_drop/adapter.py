"""Files behind the ERP port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from typing import Any, Final

from adapters.erp.file_drop.acknowledgements import Acknowledgements
from adapters.erp.file_drop.capabilities import CAPABILITIES
from adapters.erp.file_drop.checks import FolderCheck
from adapters.erp.file_drop.lookup import VoucherLookup
from adapters.erp.file_drop.read import ListReader, map_body, raw_row
from adapters.erp.file_drop.vendor import LINE_KINDS, WHOLE, FileDropOptions
from adapters.erp.file_drop.voucher_file import voucher_table
from adapters.erp.file_drop.write import HedgeWriter, VoucherWriter
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from connectors.drop_folder import DropFolder
from hedge_core.errors import PlatformError
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import ErpCapabilities, Health

SPEC_NAMES: Final = (*LINE_KINDS, "stock", "material", "partner", "account")
"""The mapping specs this adapter needs, by the kind of record they read."""


class FileDropAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        folder: DropFolder,
        specs: Mapping[str, Spec],
        options: FileDropOptions,
        now: Callable[[], datetime],
    ) -> None:
        self._lines = {kind: Mapper[ContractLine](specs[kind], contract_line) for kind in LINE_KINDS}
        self._stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        self._masters = {kind.value: Mapper[Master](specs[kind.value], master_builder(kind)) for kind in MasterKind}
        self._mappers: Mapping[str, Mapper[Any]] = {**self._lines, "stock": self._stock, **self._masters}
        self._options = options
        acknowledgements = Acknowledgements(folder)
        self._lists = ListReader(folder, connection, options, now)
        self._lookup = VoucherLookup(folder, acknowledgements)
        self._vouchers = VoucherWriter(folder, options, self._lookup)
        self._hedges = HedgeWriter(folder, options)
        self._check = FolderCheck(folder, self._lists, acknowledgements, options, self._mappers)

    @property
    def capabilities(self) -> ErpCapabilities:
        return replace(
            CAPABILITIES,
            contracts_key_sweep=self._options.contracts == WHOLE,
            settle_seconds=self._options.settle_seconds,
        )

    def check(self) -> Health:
        """See the folder, try to write, see each list with its columns, and the acknowledgements."""
        return self._check.run()

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        return self._lists.pull_whole(kind.value, self._masters[kind.value], needed=False)

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._lists.pull_lines(self._lines, since, scope)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._lists.pull_whole("stock", self._stock, needed=True)

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return map_body(self._mappers[raw.ref.kind], raw.ref, raw.body)

    def raw_fields(self, raw: RawRecord) -> dict[str, Any]:
        return raw_row(raw.body)

    def find_voucher(self, key: str) -> PostingReceipt | None:
        return self._lookup.one(key)

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        found = self._lookup.find(keys)
        return {key: receipts for key, one in found.items() if (receipts := one.receipts())}

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return self._vouchers.push(batch)

    def voucher_body(self, voucher: Voucher) -> dict[str, Any]:
        """The table that a push would write: for a dry run."""
        return {"rows": voucher_table(voucher, self._options)}

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        text = self._hedges.find(leg)
        return None if text is None else HedgeNote(text)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._hedges.push(leg, matches)
