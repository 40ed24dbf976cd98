"""Loads the demo company into the stand-in's books: its orders as flat rows, stock, accounts and auxiliary values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.company import erp
from sandbox.company.facts import MATERIALS
from sandbox.yonbip.answers import encode
from sandbox.yonbip.books import Books

BOOK, VOUCHER_TYPE, ORG_ID = "BOOK01", "01", "1600000000000100"
FIRST_ID = 1_600_000_000_000_000_000
"""Ids are longer than binary floating point can hold exactly, like the real ones."""

FREE_ITEM = "define10"
"""The free item of the lines that nobody else uses: the place of a hedge note."""

AUXILIARY_TYPES = {"customer": "0005", "supplier": "0004", "material": "0006", "broker_account": "HB01"}
UNIT_NAMES = {number: name for number, name, _ in erp.UNITS}
UNIT_IDS = {"t": "1600000000000001", "kg": "1600000000000002", "KUN": "1600000000000003"}
WAREHOUSE_IDS = {number: f"160000000000{place:04d}" for place, (number, _) in enumerate(erp.WAREHOUSES, 201)}
SALE_STATES = {
    "draft": "CONFIRMORDER",
    "created": "CONFIRMORDER",
    "submitted": "CONFIRMORDER",
    "approved": "DELIVERGOODS",
}
PURCHASE_STATES = {"draft": 0, "created": 0, "submitted": 3, "approved": 1}
MASTERS = ("material", "customer", "supplier", "account")
_MATERIAL_NAMES = {row[0]: row[1] for row in (*MATERIALS, erp.EXTRA_MATERIAL)}
_PARTNER_NAMES = dict((*erp.CUSTOMERS, *erp.SUPPLIERS))


def load_company(books: Books) -> None:
    """Everything, in one transaction."""
    with books.transaction():
        _masters(books)
        for place, order in enumerate(erp.company().orders, 1):
            for fields in order_rows(order, FIRST_ID + place * 1000):
                books.add_order_row(order.side, fields)
        for lot in erp.company().stock:
            if lot.owner_kind == "organisation":
                add_stock(books, lot)


def order_rows(order: erp.Order, document: int) -> list[dict[str, Any]]:
    """The flat rows of an order. Prices are per unit of quantity; what was delivered and what came back are two figures."""
    return [_row(order, document, line, 10 * place) for place, line in enumerate(order.lines, 1)]


def _row(order: erp.Order, document: int, line: erp.OrderLine, number: int) -> dict[str, Any]:
    ordered_on = None if order.order_date is None else f"{order.order_date} 00:00:00"
    delivery = None if line.delivery_date is None else f"{line.delivery_date} 00:00:00"
    stamp = order.modified.strftime("%Y-%m-%d %H:%M:%S")
    price = line.tax_price * _price_factor(line)
    net = erp.net_of_tax(price, line.tax_rate)
    shared = {
        "code": order.number, "vouchdate": ordered_on, "pubts": stamp, "lineno": number, "qty": line.quantity,
        "oriTaxUnitPrice": price, "oriUnitPrice": net, "oriSum": price * line.quantity, "taxRate": line.tax_rate,
        "currency_name": "人民币",
        "bodyItem": {
            "id": document + number, "define1": line.pricing, "define2": line.reference_month, "define3": line.premium,
            FREE_ITEM: None,
        },
    }  # fmt: skip
    if order.side == "sale":
        state = "OPPOSE" if order.cancelled else "ENDORDER" if order.closed else SALE_STATES[order.state]
        return {
            "id": document, **shared, "salesOrgId": ORG_ID, "agentId": order.partner,
            "agentId_name": _PARTNER_NAMES[order.partner], "statusCode": state, "nextStatus": state,
            "skuCode": line.material, "skuName": _MATERIAL_NAMES[line.material],
            "productUnitName": UNIT_NAMES[line.unit], "sendDate": delivery,
            "totalOutStockQuantity": line.delivered, "orderDetailId": document + number, "memo": None,
            "orderDetailPrices": {"orderDetailId": document + number, "totalReturnStockQty": line.returned},
            "orderPrices": {"currency": "CNY", "natCurrency": "CNY", "exchRate": Decimal(1)},
        }  # fmt: skip
    state_number = 2 if order.closed or order.cancelled else PURCHASE_STATES[order.state]
    return {
        "id": str(document), **shared, "org": ORG_ID, "vendor": f"17{order.partner[1:]}", "vendor_code": order.partner,
        "status": state_number, "product_cCode": line.material, "purUOM_Name": UNIT_NAMES[line.unit],
        "recieveDate": delivery, "subQty": line.quantity, "priceQty": line.quantity,
        "totalInQty": line.delivered, "totalReturnQty": line.returned, "purchaseOrders_id": document + number,
        "purchaseOrders_inWHStatus": 2 if line.delivered else 0, "memo": None,
    }  # fmt: skip


def _price_factor(line: erp.OrderLine) -> Decimal:
    """From a price per price unit to one per unit of quantity."""
    if line.price_unit == line.unit:
        return Decimal(1)
    return Decimal(1000) if line.price_unit == "kg" else Decimal("0.001")


def add_stock(books: Books, lot: erp.StockLot) -> None:
    """One row of goods on hand; ids where the real system has ids."""
    fields = {
        "org": ORG_ID, "warehouse": WAREHOUSE_IDS[lot.warehouse], "product": f"18{lot.material[-4:]}",
        "product_code": lot.material, "product_name": _MATERIAL_NAMES[lot.material], "productsku": None,
        "productsku_code": lot.material, "unit": UNIT_IDS["t"], "batchno": lot.lot, "producedate": None,
        "invaliddate": None, "stockStatusDoc": "1600000000000900", "currentqty": lot.quantity,
        "innoticeqty": Decimal(0), "planavailableqty": lot.quantity, "availableqty": lot.quantity,
    }  # fmt: skip
    books.run("INSERT INTO stock_rows (fields) VALUES (?)", (encode(fields),))


def _add_master(books: Books, kind: str, place: int, fields: dict[str, Any]) -> None:
    number = FIRST_ID - 10_000 * (1 + MASTERS.index(kind)) - place
    books.run("INSERT INTO master_rows (kind, fields) VALUES (?, ?)", (kind, encode({"id": number, **fields})))


def _load_masters(books: Books) -> None:
    for place, row in enumerate((*MATERIALS, erp.EXTRA_MATERIAL)):
        _add_master(books, "material", place, {
            "code": row[0], "name": row[1], "unitCode": row[3], "unitName": UNIT_NAMES[row[3]], "manageClassCode": "01",
            "shortName": None, "stopstatus": False,
        })  # fmt: skip
    for place, (code, name) in enumerate(erp.CUSTOMERS):
        names = {"simplifiedName": name, "englishName": None, "traditionalName": None}
        short = {**names, "simplifiedName": name[:4]}
        _add_master(books, "customer", place, {
            "code": code, "name": names, "shortname": short, "creditCode": None, "customerClassCode": "01",
            "stopStatus": False,
        })  # fmt: skip
    for place, (code, name) in enumerate(erp.SUPPLIERS):
        supplier = {"code": code, "name": name, "org": ORG_ID, "vendorclass": 1600000000000700, "stop": False}
        _add_master(books, "supplier", place, supplier)
    for place, account in enumerate(erp.LEDGER_ACCOUNTS):
        _add_master(books, "account", place, {"code": account.number, "name": account.name, "mnemoniccode": None})


def _masters(books: Books) -> None:
    _load_masters(books)
    for account in erp.LEDGER_ACCOUNTS:
        required = ",".join(AUXILIARY_TYPES[name] for name, must in account.dimensions if must)
        books.run(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)",
            (account.number, account.name, account.leaf, account.forbidden, account.stock_controlled, required),
        )
    values = {
        "customer": erp.CUSTOMERS,
        "supplier": erp.SUPPLIERS,
        "material": tuple((row[0], row[1]) for row in MATERIALS),
        "broker_account": erp.BROKER_ACCOUNT_VALUES,
    }
    for kind, rows in values.items():
        for code, name in rows:
            books.run("INSERT INTO auxiliaries VALUES (?, ?, ?)", (AUXILIARY_TYPES[kind], code, name))
    for year, month in erp.PERIODS:
        books.set_period(f"{year}-{month:02d}", True)
