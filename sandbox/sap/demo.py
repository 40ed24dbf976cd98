"""Loads the demo company into the stand-in's books: its orders, goods receipts, stock and accounts in SAP's terms."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

from sandbox.company import erp
from sandbox.company.facts import MATERIALS
from sandbox.sap.books import Books
from sandbox.sap.journal import CHART, Ledger

COMPANY_CODE = "1010"
PLANT = "1010"
CURRENCY = "CNY"
UNITS = {"t": "TO", "kg": "KG", "KUN": "BDL"}
ISO_UNITS = {"t": "TNE", "kg": "KGM", "KUN": "BE"}
LOADED = datetime(2025, 12, 1, 1, 0, tzinfo=UTC)
_SPECIAL_STOCK = {"customer": "B", "supplier": "K"}


def gl_account(number: str) -> str:
    """The demo's account codes as ten digits, as SAP keeps them: `6111.01` is `6111010000`."""
    return number.replace(".", "").ljust(10, "0")


def ledger() -> Ledger:
    """The company the journal endpoint posts for."""
    controlled = frozenset(gl_account(one.number) for one in erp.LEDGER_ACCOUNTS if one.stock_controlled)
    return Ledger(COMPANY_CODE, CURRENCY, controlled)


def order_number(number: str) -> str:
    """`XSDD000012` is the sales order 1000000012, `CGDD000012` the purchase order 4500000012."""
    return {"XSDD": "10", "CGDD": "45"}[number[:4]] + number[4:].zfill(8)


def load_company(books: Books) -> None:
    """Everything, in one transaction."""
    with books.transaction():
        for year, month in erp.PERIODS:
            books.set_period(year, month, True)
        _masters(books)
        company = erp.company()
        for order in company.orders:
            (_sale if order.side == "sale" else _purchase)(books, order)
        for lot in company.stock:
            special = _SPECIAL_STOCK.get(lot.owner_kind, "")
            books.add(
                "A_MatlStkInAcctMod",
                Material=lot.material,
                Plant=PLANT,
                StorageLocation=lot.warehouse,
                Batch=lot.lot,
                Customer=lot.owner if special == "B" else "",
                Supplier=lot.owner if special == "K" else "",
                InventorySpecialStockType=special,
                InventoryStockType="01",
                MaterialBaseUnit="TO",
                MatlWrhsStkQtyInMatlBaseUnit=lot.quantity,
            )
        _contracts(books)


def _masters(books: Books) -> None:
    for number, name, _, unit, _ in (*MATERIALS, erp.EXTRA_MATERIAL):
        books.add("A_Product", Product=number, ProductType="HAWA", BaseUnit=UNITS[unit], LastChangeDateTime=LOADED)
        books.add("A_ProductDescription", Product=number, Language="EN", ProductDescription=name)
    for place, (role, rows) in enumerate((("Customer", erp.CUSTOMERS), ("Supplier", erp.SUPPLIERS))):
        for count, (number, name) in enumerate(rows, 1):
            books.add(f"A_{role}", **{role: number, f"{role}Name": name, f"{role}AccountGroup": f"{role[:4].upper()}"})
            books.add(
                "A_BusinessPartner",
                BusinessPartner=f"10{place}{count:05d}",
                BusinessPartnerFullName=name,
                LastChangeDate=LOADED.date(),
                **{role: number},
            )
    for account in erp.LEDGER_ACCOUNTS:
        number = gl_account(account.number)
        books.add(
            "A_GLAccountInChartOfAccounts",
            ChartOfAccounts=CHART,
            GLAccount=number,
            GLAccountType="X" if account.number < "5" else "P",
            IsBalanceSheetAccount=account.number < "5",
            AccountIsBlockedForPosting=account.forbidden or not account.leaf,
            LastChangeDateTime=LOADED,
        )
        books.add(
            "A_GLAccountText",
            ChartOfAccounts=CHART,
            GLAccount=number,
            Language="EN",
            GLAccountName=account.name[:20],
            GLAccountLongName=account.name[:50],
        )


def _sale(books: Books, order: erp.Order) -> None:
    number = order_number(order.number)
    done = order.closed or order.cancelled
    books.add(
        "A_SalesOrder",
        SalesOrder=number,
        SalesOrderType="OR",
        SalesOrganization=COMPANY_CODE,
        SoldToParty=order.partner,
        TransactionCurrency=CURRENCY,
        SalesOrderDate=order.order_date,
        CreationDate=order.order_date,
        PricingDate=order.order_date,
        TotalNetAmount=sum((_net_total(line) for line in order.lines), Decimal(0)),
        PurchaseOrderByCustomer=order.number,
        OverallSDProcessStatus="C" if done else "A",
        OverallSDDocumentRejectionSts="C" if order.cancelled else "A",
        SalesDocApprovalStatus="" if order.state == "approved" else "A",
        LastChangeDateTime=order.modified,
    )
    for place, line in enumerate(order.lines, 1):
        keys = {"SalesOrder": number, "SalesOrderItem": f"{place * 10}"}
        books.add(
            "A_SalesOrderItem",
            **keys,
            Material=line.material,
            SalesOrderItemText=line.material,
            RequestedQuantity=line.quantity,
            RequestedQuantityUnit=UNITS[line.unit],
            RequestedQuantityISOUnit=ISO_UNITS[line.unit],
            NetAmount=_net_total(line),
            TransactionCurrency=CURRENCY,
            PricingDate=order.order_date,
            SalesDocumentRjcnReason="01" if order.cancelled else "",
            SDProcessStatus="C" if done else "A",
            ProductionPlant=PLANT,
            YY1_HBPricing_SDI=line.pricing,
            YY1_HBRefMonth_SDI=line.reference_month,
            YY1_HBPremium_SDI=line.premium,
        )
        delivered = line.delivered - line.returned  # a return is an order of its own in SAP: what counts is the net
        books.add(
            "A_SalesOrderScheduleLine",
            **keys,
            ScheduleLine="1",
            RequestedDeliveryDate=line.delivery_date,
            ConfirmedDeliveryDate=line.delivery_date,
            OrderQuantityUnit=UNITS[line.unit],
            ScheduleLineOrderQuantity=line.quantity,
            DeliveredQtyInOrderQtyUnit=delivered,
            OpenConfdDelivQtyInOrdQtyUnit=max(Decimal(0), line.quantity - delivered),
        )


def _purchase(books: Books, order: erp.Order) -> None:
    number = order_number(order.number)
    books.add(
        "A_PurchaseOrder",
        PurchaseOrder=number,
        PurchaseOrderType="NB",
        CompanyCode=COMPANY_CODE,
        Supplier=order.partner,
        DocumentCurrency=CURRENCY,
        PurchaseOrderDate=order.order_date,
        CreationDate=order.order_date,
        PurchasingProcessingStatus={"approved": "05", "submitted": "03"}.get(order.state, "01"),
        CorrespncExternalReference=order.number,
        LastChangeDateTime=order.modified,
    )
    for place, line in enumerate(order.lines, 1):
        item = f"{place * 10}"
        books.add(
            "A_PurchaseOrderItem",
            PurchaseOrder=number,
            PurchaseOrderItem=item,
            Material=line.material,
            PurchaseOrderItemText=line.material,
            OrderQuantity=line.quantity,
            PurchaseOrderQuantityUnit=UNITS[line.unit],
            OrderPriceUnit=UNITS[line.price_unit],
            NetPriceAmount=_cents(_net_price(line) * 1000),
            NetPriceQuantity=Decimal(1000),
            DocumentCurrency=CURRENCY,
            TaxCode="J1",
            IsCompletelyDelivered=order.closed,
            PurchasingDocumentDeletionCode="L" if order.cancelled else "",
            Plant=PLANT,
            YY1_HBPricing_PDI=line.pricing,
            YY1_HBRefMonth_PDI=line.reference_month,
            YY1_HBPremium_PDI=line.premium,
        )
        books.add(
            "A_PurchaseOrderScheduleLine",
            PurchasingDocument=number,
            PurchasingDocumentItem=item,
            ScheduleLine="1",
            ScheduleLineDeliveryDate=line.delivery_date,
            ScheduleLineOrderQuantity=line.quantity,
            PurchaseOrderQuantityUnit=UNITS[line.unit],
        )
        for movement, quantity in (("101", line.delivered), ("122", line.returned)):
            if quantity:
                books.add(
                    "A_MaterialDocumentItem",
                    MaterialDocumentYear="2026",
                    MaterialDocument=str(books.next_number("MATBELEG", 5000000000)),
                    MaterialDocumentItem="1",
                    Material=line.material,
                    Plant=PLANT,
                    PurchaseOrder=number,
                    PurchaseOrderItem=item,
                    GoodsMovementType=movement,
                    QuantityInEntryUnit=quantity,
                    EntryUnit=UNITS[line.unit],
                )


def _contracts(books: Books) -> None:
    """Two outline agreements of each side, called off in full: shown as contracts, no exposure beside the orders."""
    start, end = date(2026, 1, 1), date(2026, 12, 31)
    for place, (material, tonnes) in enumerate((("1.01.CU01", 600), ("1.02.AL01", 900)), 1):
        number = f"460000000{place}"
        books.add(
            "A_PurchaseContract", PurchaseContract=number, CompanyCode=COMPANY_CODE, Supplier="S001",
            DocumentCurrency=CURRENCY, CreationDate=start, ValidityStartDate=start, ValidityEndDate=end,
            LastChangeDateTime=LOADED,
        )  # fmt: skip
        books.add(
            "A_PurchaseContractItem", PurchaseContract=number, PurchaseContractItem="10", Material=material,
            TargetQuantity=tonnes, PurgDocReleaseOrderQuantity=tonnes, OrderQuantityUnit="TO", OrderPriceUnit="TO",
            ContractNetPriceAmount=Decimal(65000), NetPriceQuantity=1,
        )  # fmt: skip
        number = f"400000000{place}"
        books.add(
            "SalesContract", SalesContract=number, SalesOrganization=COMPANY_CODE, SoldToParty="C001",
            TransactionCurrency=CURRENCY, SalesContractDate=start, SalesContractValidityStartDate=start,
            SalesContractValidityEndDate=end, OverallSDProcessStatus="B", LastChangeDateTime=LOADED,
        )  # fmt: skip
        books.add(
            "SalesContractItem", SalesContract=number, SalesContractItem="10", Product=material,
            RequestedQuantity=tonnes, RequestedQuantitySAPUnit="TO", SlsContrItemReleasedQuantity=tonnes,
            NetAmount=Decimal(tonnes) * 66000,
        )  # fmt: skip


def _net_price(line: erp.OrderLine) -> Decimal:
    return erp.net_of_tax(line.tax_price, line.tax_rate)


def _net_total(line: erp.OrderLine) -> Decimal:
    """Quantity times net price, in cents; a line counted in bundles has no price per weight to speak of."""
    kilograms = {"t": Decimal(1000), "kg": Decimal(1)}
    factor = kilograms.get(line.unit, Decimal(1)) / kilograms.get(line.price_unit, Decimal(1))
    return _cents(line.quantity * factor * _net_price(line))


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(Decimal("0.01"), ROUND_HALF_UP)
