"""Kingdee K/3 Cloud behind the port: reading, writing and looking up, each in its own file."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from adapters.erp.kingdee.attach import Attachments
from adapters.erp.kingdee.capabilities import CAPABILITIES
from adapters.erp.kingdee.lookup import VoucherLookup
from adapters.erp.kingdee.read import MasterReader, OrderReader, SnapshotReader, body_fields, map_body
from adapters.erp.kingdee.site import AccountSet
from adapters.erp.kingdee.vendor import INVENTORY_FORM, ORDER_FORMS, VOUCHER_FORM, KingdeeOptions, MasterForm
from adapters.erp.kingdee.write import HedgeWriter, VoucherWriter, voucher_model
from adapters.erp.records import Mapper, Spec, contract_line, inventory_lot, master_builder
from connectors.kingdee import KingdeeClient
from hedge_core.errors import AuthFailed, PlatformError, Rejected, Unavailable
from hedge_core.model.identity import ExternalRef
from hedge_core.model.matches import HedgeMatch
from hedge_core.model.physical import ContractLine, InventoryLot, Master, MasterKind
from hedge_core.model.records import Cursor, Mapped, Pulled, PullScope, Quarantined, RawRecord
from hedge_core.model.vouchers import HedgeNote, PostingReceipt, Voucher
from hedge_core.ports.erp import Discovered, ErpCapabilities, Health, HealthStep, PostingNeeds
from messages import Message

MASTER_FORMS: Final[Mapping[MasterKind, Sequence[MasterForm]]] = {
    MasterKind.MATERIAL: (MasterForm("BD_MATERIAL", "FMATERIALID", "material"),),
    MasterKind.PARTNER: (
        MasterForm("BD_Customer", "FCUSTID", "customer"),
        MasterForm("BD_Supplier", "FSupplierId", "supplier"),
    ),
    MasterKind.ACCOUNT: (MasterForm("BD_Account", "FACCTID", "account"),),
}

SPEC_NAMES: Final = ("sale_line", "purchase_line", "stock", "material", "customer", "supplier", "account")
"""The mapping specs this adapter needs, by the kind of record they read."""


class KingdeeAdapter:
    """One connection. `specs` holds a compiled spec per name of `SPEC_NAMES`; `now` answers aware UTC time."""

    def __init__(
        self,
        connection: str,
        client: KingdeeClient,
        specs: Mapping[str, Spec],
        options: KingdeeOptions,
        now: Callable[[], datetime],
    ) -> None:
        self._client = client
        self._options = options
        forms = {form.kind: form for form in ORDER_FORMS}
        orders = {kind: Mapper[ContractLine](specs[kind], contract_line) for kind in forms}
        stock = Mapper[InventoryLot](specs["stock"], inventory_lot)
        masters = {
            form.spec: Mapper[Master](specs[form.spec], master_builder(kind))
            for kind, of_kind in MASTER_FORMS.items()
            for form in of_kind
        }
        self._mappers: Mapping[str, Mapper[Any]] = {**orders, "stock": stock, **masters}
        self._orders = OrderReader(
            client,
            connection,
            [(form, orders[form.kind]) for form in ORDER_FORMS],
            page_rows=options.page_rows,
            overlap=timedelta(minutes=options.overlap_minutes),
            now=now,
        )
        self._stock = SnapshotReader(client, connection, stock, options.stock_key, options.page_rows, now)
        self._masters = MasterReader(client, connection, options.page_rows, now)
        self._lookup = VoucherLookup(client, options)
        self._vouchers = VoucherWriter(client, options, self._lookup)
        self._hedges = HedgeWriter(client, options, forms)
        self._attachments = Attachments(client, options)
        self._account_set = AccountSet(client, options, self._lookup)

    @property
    def capabilities(self) -> ErpCapabilities:
        return CAPABILITIES

    def check(self) -> Health:
        """Reach the site, log in, see the forms and the fields this connection is configured for."""
        steps: list[HealthStep] = []
        probes: list[tuple[str, str, list[str]]] = [
            ("login", "BD_AccountBook", ["FNumber"]),
            *((f"fields:{form.kind}", form.form, list(self._mappers[form.kind].spec.fields)) for form in ORDER_FORMS),
            ("fields:stock", INVENTORY_FORM, [*self._options.stock_key, *self._mappers["stock"].spec.fields]),
            ("reference", VOUCHER_FORM, ["FVOUCHERID", self._options.reference_field, self._options.number_field]),
            *(
                (f"hedge note:{form.kind}", form.form, [self._options.hedge_fields[form.kind]])
                for form in ORDER_FORMS
                if self._options.hedge_fields.get(form.kind)
            ),
        ]
        for name, form, fields in probes:
            step = self._probe(name, form, fields)
            steps.append(step)
            if not step.ok and name == "login":
                break
        return Health(tuple(steps))

    def _probe(self, name: str, form: str, fields: list[str]) -> HealthStep:
        try:
            self._client.query_rows(form, fields, "", f"{fields[0]} ASC", 0, 1)
        except Unavailable as error:
            return HealthStep("reach" if name == "login" else name, False, error.message)
        except AuthFailed as error:
            return HealthStep("login", False, error.message)
        except Rejected as error:
            return HealthStep(name, False, Message("kingdee.probe_refused", {"form": form, "text": error.vendor_text}))
        except PlatformError as error:
            return HealthStep(name, False, error.message)
        return HealthStep(name, True, Message("kingdee.probe_ok", {"form": form}))

    def examine(self, needs: PostingNeeds) -> Iterator[HealthStep]:
        return self._account_set.examine(needs)

    def discover(self) -> Iterator[Discovered]:
        return self._account_set.discover()

    def pull_masters(self, kind: MasterKind, since: Cursor | None) -> Iterator[Pulled[Master]]:
        for form in MASTER_FORMS[kind]:
            yield from self._masters.pull(form, self._mappers[form.spec])

    def pull_contracts(
        self, since: Cursor | None, scope: PullScope = PullScope.CHANGED
    ) -> Iterator[Pulled[ContractLine]]:
        return self._orders.pull(since, scope)

    def pull_inventory(self, since: Cursor | None) -> Iterator[Pulled[InventoryLot]]:
        return self._stock.pull()

    def remap(self, raw: RawRecord) -> Mapped[Any] | Quarantined:
        return map_body(self._mappers[raw.ref.kind], raw.ref, raw.body)

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
        """The exact model a push would send: for a dry run."""
        return voucher_model(voucher, self._options)

    def attachments(self, receipt: PostingReceipt) -> Sequence[str]:
        return list(self._attachments.names(receipt))

    def attach(self, receipt: PostingReceipt, name: str, body: bytes) -> None:
        self._attachments.attach(receipt, name, body)

    def find_hedges(self, leg: ExternalRef) -> HedgeNote | None:
        text = self._hedges.find(leg)
        return None if text is None else HedgeNote(text)

    def push_hedges(self, leg: ExternalRef, matches: Sequence[HedgeMatch]) -> PostingReceipt:
        return self._hedges.push(leg, matches)
