"""Loads the demo company into the stand-in's books, in this site's forms and numbers."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from sandbox.company import erp
from sandbox.company.facts import ACCOUNT_BOOK, COMPANY, MATERIALS, ORG
from sandbox.kingdee.books import SITE_TIME, Books
from sandbox.kingdee.forms import DIMENSION_SLOTS
from sandbox.kingdee.vouchers import GROUP_WORDS

SLOT_OF = {"supplier": "FFLEX4", "customer": "FFLEX6", "material": "FFLEX8", "broker_account": "FF100002"}
OWNER_TYPES = {"organisation": "BD_OwnerOrg", "customer": "BD_Customer", "supplier": "BD_Supplier"}
STATUS_OF = {"draft": "Z", "created": "A", "submitted": "B", "approved": "C"}
CREATED = datetime(2025, 12, 1, 9, 0, tzinfo=SITE_TIME)
_ENABLED = {"FForbidStatus": "A", "FDocumentStatus": "C", "FCreateDate": CREATED, "FModifyDate": CREATED}


def load_company(books: Books) -> None:
    """Master data, periods, orders and stock, in one transaction."""
    with books.transaction():
        _load_masters(books)
        for year, month in erp.PERIODS:
            books.run("INSERT OR IGNORE INTO periods VALUES (?, ?, 1)", (year, month))
        company = erp.company()
        for order in company.orders:
            load_order(books, order)
        for lot in company.stock:
            _load_lot(books, lot)


def _load_masters(books: Books) -> None:
    _add(books, "ORG_Organizations", [(ORG, COMPANY)])
    for number, name in (("PRE001", "人民币"), ("PRE007", "美元")):
        books.add("BD_Currency", {**_master(number, name), "FPRICEDIGITS": 6, "FAMOUNTDIGITS": 2})
    _add(books, "BD_RateType", [("HLTX01_SYS", "固定汇率")])
    _add(books, "BD_AccountTable", [("KJTX01_SYS", "企业会计准则科目表")])
    _add(books, "BD_VOUCHERGROUP", list(GROUP_WORDS.items()))
    _add(books, "BD_SETTLETYPE", [("JSFS04_SYS", "电汇")])
    _add(books, "BOS_BillType", [("XSDD01_SYS", "标准销售订单"), ("CGDD01_SYS", "标准采购订单")])
    _add(books, "BD_StockStatus", [("KCZT01_SYS", "可用")])
    _add(books, "BD_MaterialGroup", [("CU", "铜"), ("AL", "铝"), ("OTHER", "其他")])
    _add(books, "BD_Department", erp.DEPARTMENTS)
    _add(books, "BD_Empinfo", erp.EMPLOYEES)
    _add(books, "BD_STOCK", erp.WAREHOUSES)
    _add(books, "BAS_BrokerAccount", erp.BROKER_ACCOUNT_VALUES)
    books.add(
        "BD_AccountBook",
        {**_master(ACCOUNT_BOOK, f"{COMPANY}主账簿"), "FCurrencyID": "PRE001", "FACCTTABLEID": "KJTX01_SYS"},
    )
    for number, name, kilograms in erp.UNITS:
        books.add("BD_UNIT", {**_master(number, name), "FBaseFactor": kilograms})
    for number, name in erp.CUSTOMERS:
        books.add("BD_Customer", {**_master(number, name), **_shared(), "FShortName": name[:4]})
    for number, name in erp.SUPPLIERS:
        books.add("BD_Supplier", {**_master(number, name), **_shared(), "FShortName": name[:4]})
    groups = {"copper": "CU", "aluminium": "AL"}
    for number, name, commodity, unit, _ in (*MATERIALS, erp.EXTRA_MATERIAL):
        values = {"FBaseUnitId": unit, "FMaterialGroup": groups.get(commodity, "OTHER"), "FSpecification": ""}
        books.add("BD_MATERIAL", {**_master(number, name), **_shared(), **values, "FErpClsID": "1"})
    for account in erp.LEDGER_ACCOUNTS:
        _load_account(books, account)


def _load_account(books: Books, account: erp.LedgerAccount) -> None:
    values = {
        **_master(account.number, account.name),
        "FForbidStatus": "B" if account.forbidden else "A",
        "FACCTTBLID": "KJTX01_SYS",
        "FGROUPID": account.number[0],
        "FDC": "1" if account.debit_side else "-1",
        "FISDETAIL": str(account.leaf).lower(),
        "FISSTOCKCONTROL": str(account.stock_controlled).lower(),
    }
    dimensions = [
        {
            "FITEMSLOT": SLOT_OF[name],
            "FITEMFORM": DIMENSION_SLOTS[SLOT_OF[name]],
            "FInputType": "1" if required else "2",
        }
        for name, required in account.dimensions
    ]
    books.add("BD_Account", values, dimensions)


def load_order(books: Books, order: erp.Order) -> None:
    sale = order.side == "sale"
    status = STATUS_OF[order.state]
    values: dict[str, Any] = {
        "FBillNo": order.number,
        "FBillTypeID": "XSDD01_SYS" if sale else "CGDD01_SYS",
        "FDate": order.order_date,
        "FSaleOrgId" if sale else "FPurchaseOrgId": ORG,
        "FCustId" if sale else "FSupplierId": order.partner,
        "FSalerId" if sale else "FPurchaserId": "E02" if sale else "E01",
        "FSettleCurrId": "PRE001",
        "FDocumentStatus": status,
        "FCloseStatus": "B" if order.closed else "A",
        "FCancelStatus": "B" if order.cancelled else "A",
        "FCreateDate": order.order_date or order.modified,
        "FModifyDate": order.modified,
        "FApproveDate": order.modified if status == "C" else None,
    }
    make = _sale_line if sale else _purchase_line
    form = books.forms["sal_saleorder" if sale else "pur_purchaseorder"]
    lines = [make(line, order) for line in order.lines]
    values["FBillAllAmount"] = sum((line["FAllAmount"] for line in lines), Decimal(0))
    known = {one.key for one in form.lines.fields}
    books.add(form.id, values, [{key: value for key, value in line.items() if key in known} for line in lines])


def _line(line: erp.OrderLine, order: erp.Order) -> dict[str, Any]:
    return {
        "FMaterialId": line.material,
        "FQty": line.quantity,
        "FPriceUnitId": line.price_unit,
        "FPrice": erp.net_of_tax(line.tax_price, line.tax_rate),
        "FTaxPrice": line.tax_price,
        "FEntryTaxRate": line.tax_rate,
        "FAllAmount": (_priced_quantity(line) * line.tax_price).quantize(Decimal("0.01")),
        "FDeliveryDate": line.delivery_date,
        "FMrpCloseStatus": "B" if order.closed else "A",
        "F_HB_Pricing": line.pricing,
        "F_HB_RefMonth": line.reference_month,
        "F_HB_Premium": line.premium,
        "F_HB_Hedge": "",
    }


def _sale_line(line: erp.OrderLine, order: erp.Order) -> dict[str, Any]:
    return {
        **_line(line, order),
        "FUnitID": line.unit,
        "FStockOrgId": ORG,
        "FSettleOrgIds": ORG,
        "FStockOutQty": line.delivered,
        "FRemainOutQty": line.quantity - line.delivered,
        "FReturnQty": line.returned,
    }


def _purchase_line(line: erp.OrderLine, order: erp.Order) -> dict[str, Any]:
    return {
        **_line(line, order),
        "FUnitId": line.unit,
        "FPriceUnitQty": _priced_quantity(line),
        "FRequireOrgId": ORG,
        "FReceiveOrgId": ORG,
        "FEntrySettleOrgId": ORG,
        "FStockUnitID": line.unit,
        "FReceiveQty": line.delivered,
        "FStockInQty": line.delivered,
        "FRemainReceiveQty": line.quantity - line.delivered,
        "FRemainStockInQty": line.quantity - line.delivered,
        "FMrbQty": line.returned,
        "FGiveAway": "false",
    }


def _priced_quantity(line: erp.OrderLine) -> Decimal:
    return line.quantity * 1000 if (line.unit, line.price_unit) == ("t", "kg") else line.quantity


def _load_lot(books: Books, lot: erp.StockLot) -> None:
    books.add("BD_BatchMainFile", _master(lot.lot, lot.lot))
    books.add(
        "STK_Inventory",
        {
            "FStockOrgId": ORG,
            "FStockId": lot.warehouse,
            "FStockLocId": 0,
            "FMaterialId": lot.material,
            "FLot": lot.lot,
            "FStockStatusId": "KCZT01_SYS",
            "FBaseUnitId": "t",
            "FStockUnitId": "t",
            "FBaseQty": lot.quantity,
            "FQty": lot.quantity,
            "FAVBQty": 0,  # seen always 0 on a live site
            "FBaseAVBQty": 0,
            "FOwnerTypeId": OWNER_TYPES[lot.owner_kind],
            "FOwnerId": lot.owner,
            "FKeeperTypeId": "BD_KeeperOrg",
            "FKeeperId": ORG,
            "FAuxPropId": 0,
            "FUpdateTime": CREATED,
        },
    )


def _master(number: str, name: str) -> dict[str, Any]:
    return {"FNumber": number, "FName": name, **_ENABLED}


def _shared() -> dict[str, Any]:
    return {"FCreateOrgId": ORG, "FUseOrgId": ORG}


def _add(books: Books, form_id: str, pairs: Any) -> None:
    for number, name in pairs:
        books.add(form_id, _master(number, name))
