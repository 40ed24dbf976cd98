"""The entity types the stand-in knows, with keys, properties and navigations; V4 services show the same rows by other names.

Written from public documentation, a few dozen of SAP's several thousand properties. A property is written `Name:type`, a key
property with `*`; types: a number is the length of a text, `dN` a decimal with N places, `date`, `stamp` (a moment), `bool`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

V2: Final = "/sap/opu/odata/sap/"
V4: Final = "/sap/opu/odata4/sap/"


@dataclass(frozen=True, slots=True)
class Property:
    """One property. `type` is `text`, `decimal`, `date`, `stamp` or `bool`; `size` the length or the decimal places."""

    name: str
    type: str
    size: int = 0
    key: bool = False


@dataclass(frozen=True, slots=True)
class Navigation:
    """From one entity to others: the target type, and which of its properties equal which of ours."""

    name: str
    target: str
    match: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class EntityType:
    """One type, which is also one table of the books. `stamp` is touched when a row changes; `etag` makes it the ETag."""

    name: str
    properties: Mapping[str, Property]
    navigations: Mapping[str, Navigation] = field(default_factory=dict)
    stamp: str = ""
    etag: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        return tuple(one.name for one in self.properties.values() if one.key)


@dataclass(frozen=True, slots=True)
class View:
    """One entity set of a service: the type behind it, and how the service calls its properties and navigations."""

    name: str
    type: str
    names: Mapping[str, str] = field(default_factory=dict)
    """shown name -> name in the type, where they differ; V2 shows everything as it is."""


@dataclass(frozen=True, slots=True)
class Service:
    """One OData service at a path."""

    name: str
    path: str
    version: int
    views: Mapping[str, View]
    writable: frozenset[str] = frozenset()
    namespace: str = ""


def _type(name: str, text: str, *navigations: Navigation, stamp: str = "", etag: bool = False) -> EntityType:
    return EntityType(
        name,
        {one.name: one for one in map(_property, text.split())},
        {one.name: one for one in navigations},
        stamp,
        etag,
    )


def _property(text: str) -> Property:
    name, _, kind = text.partition(":")
    key = name.endswith("*")
    name = name.rstrip("*")
    if kind.isdigit():
        return Property(name, "text", int(kind), key)
    if kind[0] == "d" and kind[1:].isdigit():
        return Property(name, "decimal", int(kind[1:]), key)
    return Property(name, kind, 0, key)


def _to(name: str, target: str, keys: str) -> Navigation:
    """`keys` lists properties, `theirs=ours` where the names differ."""
    pairs = [one.partition("=") for one in keys.split()]
    return Navigation(name, target, {theirs: ours or theirs for theirs, _, ours in pairs})


_CUSTOM = "YY1_HBPricing_{0}:1 YY1_HBRefMonth_{0}:7 YY1_HBPremium_{0}:d2"

_TYPES = (
    _type(
        "A_SalesOrder",
        "SalesOrder*:10 SalesOrderType:4 SalesOrganization:4 SoldToParty:10 TransactionCurrency:5 SalesOrderDate:date "
        "CreationDate:date PricingDate:date TotalNetAmount:d3 PurchaseOrderByCustomer:35 OverallSDProcessStatus:1 "
        "OverallSDDocumentRejectionSts:1 SalesDocApprovalStatus:1 LastChangeDateTime:stamp",
        _to("to_Item", "A_SalesOrderItem", "SalesOrder"),
        stamp="LastChangeDateTime",
        etag=True,
    ),
    _type(
        "A_SalesOrderItem",
        "SalesOrder*:10 SalesOrderItem*:6 Material:40 SalesOrderItemText:40 RequestedQuantity:d3 RequestedQuantityUnit:3 "
        "RequestedQuantityISOUnit:3 NetAmount:d3 TransactionCurrency:5 PricingDate:date SalesDocumentRjcnReason:2 "
        "SDProcessStatus:1 ProductionPlant:4 StorageLocation:4 " + _CUSTOM.format("SDI"),
        _to("to_ScheduleLine", "A_SalesOrderScheduleLine", "SalesOrder SalesOrderItem"),
        _to("to_Text", "A_SalesOrderItemText", "SalesOrder SalesOrderItem"),
    ),
    _type(
        "A_SalesOrderScheduleLine",
        "SalesOrder*:10 SalesOrderItem*:6 ScheduleLine*:4 RequestedDeliveryDate:date ConfirmedDeliveryDate:date "
        "OrderQuantityUnit:3 ScheduleLineOrderQuantity:d3 DeliveredQtyInOrderQtyUnit:d3 OpenConfdDelivQtyInOrdQtyUnit:d3",
    ),
    _type("A_SalesOrderItemText", "SalesOrder*:10 SalesOrderItem*:6 Language*:2 LongTextID*:4 LongText:9999"),
    _type(
        "A_PurchaseOrder",
        "PurchaseOrder*:10 PurchaseOrderType:4 CompanyCode:4 Supplier:10 DocumentCurrency:5 PurchaseOrderDate:date "
        "CreationDate:date PurchasingProcessingStatus:2 PurchasingDocumentDeletionCode:1 CorrespncExternalReference:12 "
        "LastChangeDateTime:stamp",
        _to("to_PurchaseOrderItem", "A_PurchaseOrderItem", "PurchaseOrder"),
        stamp="LastChangeDateTime",
    ),
    _type(
        "A_PurchaseOrderItem",
        "PurchaseOrder*:10 PurchaseOrderItem*:5 Material:40 PurchaseOrderItemText:40 OrderQuantity:d3 "
        "PurchaseOrderQuantityUnit:3 OrderPriceUnit:3 NetPriceAmount:d2 NetPriceQuantity:d0 DocumentCurrency:5 TaxCode:2 "
        "IsCompletelyDelivered:bool PurchasingDocumentDeletionCode:1 PurchaseContract:10 PurchaseContractItem:5 Plant:4 "
        "StorageLocation:4 " + _CUSTOM.format("PDI"),
        _to("to_ScheduleLine", "A_PurchaseOrderScheduleLine", "PurchasingDocument=PurchaseOrder "
            "PurchasingDocumentItem=PurchaseOrderItem"),
        _to("to_PurchaseOrderItemNote", "A_PurchaseOrderItemNote", "PurchaseOrder PurchaseOrderItem"),
    ),
    _type(
        "A_PurchaseOrderScheduleLine",
        "PurchasingDocument*:10 PurchasingDocumentItem*:5 ScheduleLine*:4 ScheduleLineDeliveryDate:date "
        "ScheduleLineOrderQuantity:d3 PurchaseOrderQuantityUnit:3",
    ),
    _type(
        "A_PurchaseOrderItemNote",
        "PurchaseOrder*:10 PurchaseOrderItem*:5 TextObjectType*:4 Language*:2 PlainLongText:9999",
    ),
    _type(
        "A_MaterialDocumentItem",
        "MaterialDocumentYear*:4 MaterialDocument*:10 MaterialDocumentItem*:4 Material:40 Plant:4 PurchaseOrder:10 "
        "PurchaseOrderItem:5 GoodsMovementType:3 QuantityInEntryUnit:d3 EntryUnit:3",
    ),
    _type(
        "A_PurchaseContract",
        "PurchaseContract*:10 CompanyCode:4 Supplier:10 DocumentCurrency:5 CreationDate:date ValidityStartDate:date "
        "ValidityEndDate:date PurchasingDocumentDeletionCode:1 LastChangeDateTime:stamp",
        _to("to_PurchaseContractItem", "A_PurchaseContractItem", "PurchaseContract"),
        stamp="LastChangeDateTime",
    ),
    _type(
        "A_PurchaseContractItem",
        "PurchaseContract*:10 PurchaseContractItem*:5 Material:40 TargetQuantity:d3 PurgDocReleaseOrderQuantity:d3 "
        "OrderQuantityUnit:3 OrderPriceUnit:3 ContractNetPriceAmount:d2 NetPriceQuantity:d0 "
        "PurchasingDocumentDeletionCode:1",
    ),
    _type(
        "SalesContract",
        "SalesContract*:10 SalesOrganization:4 SoldToParty:10 TransactionCurrency:5 SalesContractDate:date "
        "SalesContractValidityStartDate:date SalesContractValidityEndDate:date OverallSDProcessStatus:1 "
        "LastChangeDateTime:stamp",
        _to("_Item", "SalesContractItem", "SalesContract"),
        stamp="LastChangeDateTime",
    ),
    _type(
        "SalesContractItem",
        "SalesContract*:10 SalesContractItem*:6 Product:40 RequestedQuantity:d3 RequestedQuantitySAPUnit:3 "
        "SlsContrItemReleasedQuantity:d3 NetAmount:d3 SalesDocumentRjcnReason:2",
    ),
    _type(
        "A_MatlStkInAcctMod",
        "Material*:40 Plant*:4 StorageLocation*:4 Batch*:10 Supplier*:10 Customer*:10 WBSElementInternalID*:8 "
        "SDDocument*:10 SDDocumentItem*:6 InventorySpecialStockType*:1 InventoryStockType*:2 MaterialBaseUnit:3 "
        "MatlWrhsStkQtyInMatlBaseUnit:d14",
    ),
    _type(
        "A_Product",
        "Product*:40 ProductType:4 BaseUnit:3 ProductGroup:9 IsMarkedForDeletion:bool LastChangeDateTime:stamp",
        _to("to_Description", "A_ProductDescription", "Product"),
        stamp="LastChangeDateTime",
    ),
    _type("A_ProductDescription", "Product*:40 Language*:2 ProductDescription:40"),
    _type(
        "A_BusinessPartner",
        "BusinessPartner*:10 BusinessPartnerFullName:81 Customer:10 Supplier:10 SearchTerm1:20 "
        "BusinessPartnerIsBlocked:bool LastChangeDate:date",
    ),
    _type("A_Customer", "Customer*:10 CustomerName:80 CustomerAccountGroup:4 DeletionIndicator:bool"),
    _type("A_Supplier", "Supplier*:10 SupplierName:80 SupplierAccountGroup:4 DeletionIndicator:bool"),
    _type(
        "A_GLAccountInChartOfAccounts",
        "ChartOfAccounts*:4 GLAccount*:10 GLAccountType:1 IsBalanceSheetAccount:bool AccountIsBlockedForPosting:bool "
        "AccountIsMarkedForDeletion:bool LastChangeDateTime:stamp",
        _to("to_Text", "A_GLAccountText", "ChartOfAccounts GLAccount"),
    ),
    _type("A_GLAccountText", "ChartOfAccounts*:4 GLAccount*:10 Language*:2 GLAccountName:20 GLAccountLongName:50"),
    _type(
        "A_OperationalAcctgDocItemCube",
        "CompanyCode*:4 FiscalYear*:4 AccountingDocument*:10 AccountingDocumentItem*:6 AccountingDocumentType:2 "
        "PostingDate:date DocumentDate:date AccountingDocumentCreationDate:date FiscalPeriod:3 DocumentReferenceID:16 "
        "Reference1InDocumentHeader:20 ReferenceDocumentType:5 OriginalReferenceDocument:20 GLAccount:10 "
        "DebitCreditCode:1 AmountInTransactionCurrency:d3 TransactionCurrency:5 AmountInCompanyCodeCurrency:d3 "
        "CompanyCodeCurrency:5 DocumentItemText:50 AssignmentReference:18 CostCenter:10 ProfitCenter:10 IsReversed:bool "
        "ReverseDocument:10",
    ),
)  # fmt: skip

TYPES: Final = {one.name: one for one in _TYPES}


def _v2(name: str, sets: str, writable: str = "") -> Service:
    views = {one: View(one, one) for one in sets.split()}
    return Service(name, f"{V2}{name}/", 2, views, frozenset(writable.split()), name)


_V4_ORDER_ITEM = {"Product": "Material", "RequestedQuantitySAPUnit": "RequestedQuantityUnit"}

SERVICES: Final = (
    _v2(
        "API_SALES_ORDER_SRV",
        "A_SalesOrder A_SalesOrderItem A_SalesOrderScheduleLine A_SalesOrderItemText",
        "A_SalesOrder A_SalesOrderItemText",
    ),
    _v2(
        "API_PURCHASEORDER_PROCESS_SRV",
        "A_PurchaseOrder A_PurchaseOrderItem A_PurchaseOrderScheduleLine A_PurchaseOrderItemNote",
        "A_PurchaseOrderItemNote",
    ),
    _v2("API_MATERIAL_DOCUMENT_SRV", "A_MaterialDocumentItem"),
    _v2("API_PURCHASECONTRACT_PROCESS_SRV", "A_PurchaseContract A_PurchaseContractItem"),
    _v2("API_MATERIAL_STOCK_SRV", "A_MatlStkInAcctMod"),
    _v2("API_PRODUCT_SRV", "A_Product A_ProductDescription"),
    _v2("API_BUSINESS_PARTNER", "A_BusinessPartner A_Customer A_Supplier"),
    _v2("API_GLACCOUNTINCHARTOFACCOUNTS_SRV", "A_GLAccountInChartOfAccounts A_GLAccountText"),
    _v2("API_OPLACCTGDOCITEMCUBE_SRV", "A_OperationalAcctgDocItemCube"),
    Service(
        "CE_SALESORDER_0001",
        f"{V4}api_salesorder/srvd_a2x/sap/salesorder/0001/",
        4,
        {
            "SalesOrder": View("SalesOrder", "A_SalesOrder", {"_Item": "to_Item"}),
            "SalesOrderItem": View("SalesOrderItem", "A_SalesOrderItem",
                                   {**_V4_ORDER_ITEM, "_ScheduleLine": "to_ScheduleLine"}),
            "SalesOrderScheduleLine": View("SalesOrderScheduleLine", "A_SalesOrderScheduleLine"),
        },
        namespace="com.sap.gateway.srvd_a2x.api_salesorder.v0001",
    ),
    Service(
        "CE_PURCHASEORDER_0001",
        f"{V4}api_purchaseorder_2/srvd_a2x/sap/purchaseorder/0001/",
        4,
        {
            "PurchaseOrder": View("PurchaseOrder", "A_PurchaseOrder", {"_PurchaseOrderItem": "to_PurchaseOrderItem"}),
            "PurchaseOrderItem": View("PurchaseOrderItem", "A_PurchaseOrderItem",
                                      {"_PurchaseOrderScheduleLineTP": "to_ScheduleLine"}),
            "PurchaseOrderScheduleLine": View(
                "PurchaseOrderScheduleLine",
                "A_PurchaseOrderScheduleLine",
                {"PurchaseOrder": "PurchasingDocument", "PurchaseOrderItem": "PurchasingDocumentItem"},
            ),
        },
        namespace="com.sap.gateway.srvd_a2x.api_purchaseorder_2.v0001",
    ),
    Service(
        "CE_SALESCONTRACT_0001",
        f"{V4}api_salescontract/srvd_a2x/sap/salescontract/0001/",
        4,
        {
            "SalesContract": View("SalesContract", "SalesContract"),
            "SalesContractItem": View("SalesContractItem", "SalesContractItem"),
        },
        namespace="com.sap.gateway.srvd_a2x.api_salescontract.v0001",
    ),
)  # fmt: skip


def shown_names(view: View) -> dict[str, str]:
    """shown name -> property or navigation of the type, for everything that a view shows."""
    kind = TYPES[view.type]
    hidden = set(view.names.values())
    own = {name: name for name in (*kind.properties, *kind.navigations) if name not in hidden}
    return {**own, **view.names}
