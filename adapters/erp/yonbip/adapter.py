"""YonBIP behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot
from adapters.erp.yonbip.capabilities import CAPABILITIES
from adapters.erp.yonbip.lookup import VoucherLookup
from adapters.erp.yonbip.read import OrderReader, StockReader, flat
from adapters.erp.yonbip.vendor import ORDER_PATHS, VOUCHER_FIELDS, YonBipOptions
from adapters.erp.yonbip.write import VoucherWriter, voucher_body
from connectors.yonbip import YonBipClient
from hedge_core.errors import AuthFailed, PlatformError, Rejected, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import ErpCapabilities, Health, HealthStep
from messages import Message

SPEC_NAMES: Final = ("sale_line", "purchase_line", "stock")
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
    ) -> None:
        self._client = client
        self._options = options
        orders = {kind: Mapper[ContractLine](specs[kind], contract_line) for kind in ORDER_PATHS}
        stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        self._mappers: Mapping[str, Mapper[Any]] = {**orders, "stock": stock}
        self._orders = OrderReader(client, connection, orders, options, now)
        self._stock = StockReader(client, connection, stock, options, now)
        self._lookup = VoucherLookup(client, options, now)
        self._vouchers = VoucherWriter(client, options, self._lookup)

    @property
    def capabilities(self) -> ErpCapabilities:
        return CAPABILITIES

    def check(self) -> Health:
        """Find the data centre, log in, read a row of each list, and see where the ledger's list carries our reference."""
        steps = [self._step("login", self._log_in)]
        if steps[0].ok:
            for kind in ORDER_PATHS:
                steps.append(self._step(f"list:{kind}", lambda kind=kind: self._seen(kind)))  # type: ignore[misc]
            steps.append(self._step("stock", self._stock_seen))
            steps.append(self._step("reference", self._reference_seen))
        return Health(tuple(steps))

    def _step(self, name: str, probe: Callable[[], tuple[bool, Message]]) -> HealthStep:
        try:
            ok, finding = probe()
        except Unavailable as error:
            return HealthStep("reach" if name == "login" else name, False, error.message)
        except AuthFailed as error:
            return HealthStep("login", False, error.message)
        except PlatformError as error:
            return HealthStep(name, False, error.message)
        return HealthStep(name, ok, finding)

    def _log_in(self) -> tuple[bool, Message]:
        self._client.log_in()
        return True, Message("yonbip.login_ok")

    def _seen(self, kind: str) -> tuple[bool, Message]:
        count, row = self._orders.probe(kind)
        needed = ("id", self._options.line_field, self._options.changed_field)
        absent = [name for name in needed if row and name not in row]
        if absent:
            return False, Message("yonbip.fields_absent", {"fields": ", ".join(absent)})
        unread = [name for name in self._mappers[kind].spec.fields if row and name not in row]
        if unread:
            return True, Message("yonbip.list_without_fields", {"count": count, "fields": ", ".join(unread)})
        return True, Message("yonbip.list_ok", {"count": count})

    def _stock_seen(self) -> tuple[bool, Message]:
        return True, Message("yonbip.list_ok", {"count": self._stock.probe()})

    def _reference_seen(self) -> tuple[bool, Message]:
        there = self._lookup.newest_header_names()
        if there is None:
            return True, Message("yonbip.no_voucher_yet")
        absent = [self._options.place(name) for name in VOUCHER_FIELDS if name not in there]
        if absent:
            return False, Message("yonbip.voucher_fields_absent", {"fields": ", ".join(absent)})
        return True, Message("yonbip.reference_ok")

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        """None: the card lists no masters, because no address for them is confirmed."""
        return iter(())

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
        document = self._lookup.one(key)
        return document.receipt() if document else None

    def find_vouchers(self, keys: Sequence[str]) -> dict[str, list[PostingReceipt]]:
        found = self._lookup.by_keys(keys)
        return {key: [document.receipt() for document in documents] for key, documents in found.items()}

    def push_vouchers(self, batch: Sequence[Voucher]) -> Sequence[PostingReceipt | PlatformError]:
        return self._vouchers.push(batch)

    def voucher_body(self, voucher: Voucher) -> dict[str, Any]:
        """The exact body a push would send: for a dry run."""
        return voucher_body(voucher, self._options)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        """None: notes are not written."""
        return None

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        """Always `Rejected`: no call is confirmed that changes one free field of an order line and nothing else."""
        raise Rejected("no-place", f"hedge notes are not written to YonBIP ({leg.kind})", system="HedgeBridge")
