"""SAP's own habits: which services and sets hold what, what their fields are called in V2 and V4, what its messages mean.

Everything here that public sources leave open (service paths, movement types, message numbers from memory) is a default of a
connection option, checked by `check()` against the system's own metadata.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from connectors.sap import Service

_V2: Final = "/sap/opu/odata/sap/"
_V4: Final = "/sap/opu/odata4/sap/"

SERVICES: Final[Mapping[str, Service]] = {
    "sales_orders": Service(_V2 + "API_SALES_ORDER_SRV", 2),
    "sales_orders_v4": Service(_V4 + "api_salesorder/srvd_a2x/sap/salesorder/0001", 4),
    "purchase_orders": Service(_V2 + "API_PURCHASEORDER_PROCESS_SRV", 2),
    "purchase_orders_v4": Service(_V4 + "api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001", 4),
    "sales_contracts": Service(_V4 + "api_salescontract/srvd_a2x/sap/salescontract/0001", 4),
    "purchase_contracts": Service(_V2 + "API_PURCHASECONTRACT_PROCESS_SRV", 2),
    "goods_movements": Service(_V2 + "API_MATERIAL_DOCUMENT_SRV", 2),
    "stock": Service(_V2 + "API_MATERIAL_STOCK_SRV", 2),
    "products": Service(_V2 + "API_PRODUCT_SRV", 2),
    "partners": Service(_V2 + "API_BUSINESS_PARTNER", 2),
    "accounts": Service(_V2 + "API_GLACCOUNTINCHARTOFACCOUNTS_SRV", 2),
    "documents": Service(_V2 + "API_OPLACCTGDOCITEMCUBE_SRV", 2),
}
"""Default paths; the group names of V4 differ by tenant, so a connection may name its own (`service_paths`)."""


@dataclass(frozen=True, slots=True)
class Source:
    """A set whose records are read in the order of one key. Spec fields without a prefix are those of the record itself: the
    item where `items` names a navigation, else the header; `header.X` is the header's, `schedule.X` comes from the schedule
    lines (quantities added up, the earliest date), `text.X` from the texts in the logon language (or the first)."""

    name: str
    spec: str
    kind: str
    service: str
    entity_set: str
    key: str
    stamp: str = ""
    items: str = ""
    item_set: str = ""
    item_key: str = ""
    children: str = ""
    child_prefix: str = ""
    child_set: str = ""
    company_field: str = ""
    open_filter: str = ""
    aliases: Mapping[str, str] = field(default_factory=dict)
    """Spec field -> what this version of the service calls it."""

    def wire(self, name: str) -> str:
        """The name of a spec field on the wire."""
        return self.aliases.get(name, name)


_SALES_ORDERS = Source(
    "sales_orders", "sale_line", "sale_line", "sales_orders", "A_SalesOrder", "SalesOrder", "LastChangeDateTime",
    "to_Item", "A_SalesOrderItem", "SalesOrderItem", "to_ScheduleLine", "schedule", "A_SalesOrderScheduleLine",
    "SalesOrganization", "OverallSDProcessStatus ne 'C'",
)  # fmt: skip
_PURCHASE_ORDERS = Source(
    "purchase_orders", "purchase_line", "purchase_line", "purchase_orders", "A_PurchaseOrder", "PurchaseOrder",
    "LastChangeDateTime", "to_PurchaseOrderItem", "A_PurchaseOrderItem", "PurchaseOrderItem", "to_ScheduleLine",
    "schedule", "A_PurchaseOrderScheduleLine", "CompanyCode", "PurchasingDocumentDeletionCode eq ''",
)  # fmt: skip

CONTRACT_SOURCES: Final = {
    one.name: one
    for one in (
        _SALES_ORDERS,
        Source(
            "sales_orders_v4", "sale_line", "sale_line", "sales_orders_v4", "SalesOrder", "SalesOrder",
            "LastChangeDateTime", "_Item", "SalesOrderItem", "SalesOrderItem", "_ScheduleLine", "schedule",
            "SalesOrderScheduleLine", "SalesOrganization", "OverallSDProcessStatus ne 'C'",
            {"Material": "Product", "RequestedQuantityUnit": "RequestedQuantitySAPUnit"},
        ),
        _PURCHASE_ORDERS,
        Source(
            "purchase_orders_v4", "purchase_line", "purchase_line", "purchase_orders_v4", "PurchaseOrder",
            "PurchaseOrder", "LastChangeDateTime", "_PurchaseOrderItem", "PurchaseOrderItem", "PurchaseOrderItem",
            "_PurchaseOrderScheduleLineTP", "schedule", "PurchaseOrderScheduleLine", "CompanyCode",
            "PurchasingDocumentDeletionCode eq ''",
        ),
        Source(
            "sales_contracts", "sale_contract", "sale_line", "sales_contracts", "SalesContract", "SalesContract",
            "LastChangeDateTime", "_Item", "SalesContractItem", "SalesContractItem",
            company_field="SalesOrganization", open_filter="OverallSDProcessStatus ne 'C'",
        ),
        Source(
            "purchase_contracts", "purchase_contract", "purchase_line", "purchase_contracts", "A_PurchaseContract",
            "PurchaseContract", "LastChangeDateTime", "to_PurchaseContractItem", "A_PurchaseContractItem",
            "PurchaseContractItem", company_field="CompanyCode", open_filter="PurchasingDocumentDeletionCode eq ''",
        ),
    )
}  # fmt: skip
"""Where contract lines come from. Outline agreements share the record kinds of orders; their keys carry the source's name,
and what was called off counts as delivered, since the orders that call it off are pulled as well."""

ORDER_SOURCES: Final = frozenset({"sales_orders", "sales_orders_v4", "purchase_orders", "purchase_orders_v4"})

MATERIALS: Final = Source(
    "products", "material", "material", "products", "A_Product", "Product",
    children="to_Description", child_prefix="text", child_set="A_ProductDescription",
)  # fmt: skip
CUSTOMERS: Final = Source("customers", "customer", "customer", "partners", "A_Customer", "Customer")
SUPPLIERS: Final = Source("suppliers", "supplier", "supplier", "partners", "A_Supplier", "Supplier")
ACCOUNTS: Final = Source(
    "accounts", "account", "account", "accounts", "A_GLAccountInChartOfAccounts", "GLAccount",
    children="to_Text", child_prefix="text", child_set="A_GLAccountText", company_field="ChartOfAccounts",
)  # fmt: skip

STOCK_SET: Final = "A_MatlStkInAcctMod"
STOCK_KEY: Final = (
    "Material",
    "Plant",
    "StorageLocation",
    "Batch",
    "Supplier",
    "Customer",
    "WBSElementInternalID",
    "SDDocument",
    "SDDocumentItem",
    "InventorySpecialStockType",
    "InventoryStockType",
)
"""The eleven parts of the key; parts that do not apply are empty text."""

DOCUMENT_SET: Final = "A_OperationalAcctgDocItemCube"
DOCUMENT_FIELDS: Final = (
    "CompanyCode",
    "FiscalYear",
    "AccountingDocument",
    "AccountingDocumentItem",
    "PostingDate",
    "DocumentReferenceID",
    "GLAccount",
    "DebitCreditCode",
    "AmountInTransactionCurrency",
    "TransactionCurrency",
)


@dataclass(frozen=True, slots=True)
class TextPlace:
    """Where the text of an order item is kept: an entity of its own, so that writing it touches nothing else."""

    service: str
    item_set: str
    text_set: str
    navigation: str
    order_key: str
    item_key: str
    type_key: str
    text_field: str


TEXT_PLACES: Final = {
    "sale_line": TextPlace(
        "sales_orders", "A_SalesOrderItem", "A_SalesOrderItemText", "to_Text", "SalesOrder", "SalesOrderItem",
        "LongTextID", "LongText",
    ),
    "purchase_line": TextPlace(
        "purchase_orders", "A_PurchaseOrderItem", "A_PurchaseOrderItemNote", "to_PurchaseOrderItemNote",
        "PurchaseOrder", "PurchaseOrderItem", "TextObjectType", "PlainLongText",
    ),
}  # fmt: skip


class Action(StrEnum):
    """What a message of a refused posting asks for: a person, or only patience; a wrapper says nothing by itself."""

    PERSON = "person"
    LATER = "later"
    WRAPPER = "wrapper"


MESSAGE_ACTIONS: Final[Mapping[str, Action]] = {
    # T100 class/number -> what to do. A message that is not listed is for a person.
    "RW/609": Action.WRAPPER,  # "Error in document": seen in a real reply; the reason stands in the messages after it
    "RW/602": Action.WRAPPER,  # from memory: the same for BAPI_ACC_DOCUMENT_CHECK
    "F5/102": Action.PERSON,  # seen: customer not in company code
    "F5/104": Action.PERSON,  # seen: supplier not in company code
    "F5/507": Action.PERSON,  # seen: G/L account not in the chart of accounts
    "FH/004": Action.PERSON,  # seen: G/L account
    "F5/201": Action.PERSON,  # from memory: posting period not open
    "F5/702": Action.PERSON,  # from memory: balance not zero
    "F5/042": Action.LATER,  # from memory: company code locked by another user
    "MC/601": Action.LATER,  # from memory: object requested is locked by another transaction
    "ME/006": Action.LATER,  # from memory: purchase order locked by another user
    "V1/042": Action.LATER,  # from memory: sales document being processed by another user
}


@dataclass(frozen=True, slots=True)
class SapOptions:
    """What varies by system and is configured per connection.

    `sales_organisation`, `chart_of_accounts` and `plants` narrow what is read (empty: no filter). `sources` names the
    `CONTRACT_SOURCES` to pull. `receipts` and `reversed_receipts` are the movement types that count as received and as taken
    back, `returns` and `reversed_returns` those to the supplier. `dimensions` maps our dimension names to an element of the
    journal item (`AssignmentReference`, `CostCenter`, `ProfitCenter`). `hedge_texts` gives the text type by record kind
    (empty: hedge notes are not written). `dry_run` says that this system was seen to honour TestDataIndicator: on one that
    does not, a dry run would book."""

    company_code: str
    created_by: str
    sales_organisation: str = ""
    chart_of_accounts: str = ""
    plants: tuple[str, ...] = ()
    document_type: str = "SA"
    transaction_type: str = "RFBU"
    reference_type: str = "BKPFF"
    logical_system: str = ""
    sources: tuple[str, ...] = ("sales_orders", "purchase_orders", "sales_contracts", "purchase_contracts")
    service_paths: Mapping[str, str] = field(default_factory=dict)
    goods_receipts: bool = True
    receipts: tuple[str, ...] = ("101", "105")
    reversed_receipts: tuple[str, ...] = ("102", "106")
    returns: tuple[str, ...] = ("122", "161")
    reversed_returns: tuple[str, ...] = ("123", "162")
    dimensions: Mapping[str, str] = field(default_factory=dict)
    hedge_texts: Mapping[str, str] = field(default_factory=dict)
    text_language: str = "EN"
    message_actions: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    bulk: int = 20
    page_rows: int = 1000
    overlap_minutes: int = 10

    def service(self, name: str) -> Service:
        """A service with this system's path."""
        known = SERVICES[name]
        return Service(self.service_paths.get(name, known.path), known.version)

    def action(self, code: str) -> Action:
        """What a message asks for."""
        if code in self.message_actions:
            return Action(self.message_actions[code])
        return MESSAGE_ACTIONS.get(code, Action.PERSON)
