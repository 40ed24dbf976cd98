"""Loads the demo company into the stand-in's books: its orders with their lines, stock, items, partners, accounts, periods."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.company import erp
from sandbox.company.facts import MATERIALS
from sandbox.u8openapi.books import Books

VOUCHER_TYPE, MAKER, ITEM_CLASS, EAI_SENDER = "记", "demo", "98", "004"
FREE_ITEM = "define30"
"""The free item of the lines that nobody else uses: the place of a hedge note."""

LINE_NUMBERS = {"saleorder": "rowno", "purchaseorder": "ivouchrowno"}
SLOTS = {"customer": "cust_id", "supplier": "supplier_id", "material": "self_define1", "broker_account": "item_id"}
"""Auxiliary slot by dimension: broker accounts are items (项目) of a class of their own, materials stand in a free item."""

UNIT_NAMES = {number: name for number, name, _ in erp.UNITS}
STATES = {"draft": "Opening", "created": "Opening", "submitted": "Opening", "approved": "Approved"}
_MATERIAL_NAMES = {row[0]: row[1] for row in (*MATERIALS, erp.EXTRA_MATERIAL)}
_PARTNER_NAMES = dict((*erp.CUSTOMERS, *erp.SUPPLIERS))


def load_company(books: Books) -> None:
    """Everything, in one transaction."""
    with books.transaction():
        _masters(books)
        for order in erp.company().orders:
            head, lines = order_document(order)
            books.add_order("saleorder" if order.side == "sale" else "purchaseorder", head, lines)
        for lot in erp.company().stock:
            if lot.owner_kind == "organisation":
                books.add_row("currentstock", stock_row(lot))


def order_document(order: erp.Order) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """Head and lines of an order. Prices are per unit of quantity."""
    closed = order.closed or order.cancelled
    head: dict[str, Any] = {
        "code": order.number, "date": _day(order.order_date), "businesstype": "普通销售", "state": STATES[order.state],
        "currency": "人民币", "currencyrate": "1.0", "memo": "", "maker": MAKER,
        "verifier": MAKER if order.state == "approved" else "", "closer": MAKER if closed else "", "ufts": "1000",
    }  # fmt: skip
    if order.side == "sale":
        head |= {"custcode": order.partner, "cusname": _PARTNER_NAMES[order.partner]}
    else:
        head |= {"businesstype": "普通采购", "vendorcode": order.partner, "vendorname": _PARTNER_NAMES[order.partner]}
    return head, [_line(order, line, place) for place, line in enumerate(order.lines, 1)]


def _line(order: erp.Order, line: erp.OrderLine, place: int) -> dict[str, Any]:
    price = line.tax_price * _price_factor(line)
    net = erp.net_of_tax(price, line.tax_rate)
    shared = {
        "inventorycode": line.material, "inventoryname": _MATERIAL_NAMES[line.material],
        "unitname": UNIT_NAMES[line.unit], "quantity": line.quantity, "taxrate": line.tax_rate,
        "sum": price * line.quantity, "define22": line.pricing, "define23": line.reference_month,
        "define26": line.premium, FREE_ITEM: "", "memo": "",
    }  # fmt: skip
    if order.side == "sale":
        return shared | {
            "rowno": str(place), "unitprice": net, "taxunitprice": price, "predate": _day(line.delivery_date),
            "fhquantity": line.delivered, "retquantity": line.returned,
        }  # fmt: skip
    return shared | {
        "ivouchrowno": str(place), "price": net, "taxprice": price, "arrivedate": _day(line.delivery_date),
        "receivedqty": line.delivered, "returnqty": line.returned,
    }  # fmt: skip


def stock_row(lot: erp.StockLot) -> dict[str, Any]:
    """One row of goods on hand."""
    return {
        "whcode": lot.warehouse, "whname": dict(erp.WAREHOUSES)[lot.warehouse], "invcode": lot.material,
        "invname": _MATERIAL_NAMES[lot.material], "invstd": "", **{f"free{number}": "" for number in range(1, 11)},
        "batch": lot.lot, "qty": lot.quantity, "stopqty": Decimal(0), "inqty": Decimal(0), "outqty": Decimal(0),
        "availqty": lot.quantity, "vdate": None,
    }  # fmt: skip


def _day(day: Any) -> str | None:
    return None if day is None else f"{day} 00:00:00.0"


def _price_factor(line: erp.OrderLine) -> Decimal:
    """From a price per price unit to one per unit of quantity."""
    if line.price_unit == line.unit:
        return Decimal(1)
    return Decimal(1000) if line.price_unit == "kg" else Decimal("0.001")


def _masters(books: Books) -> None:
    for account in erp.LEDGER_ACCOUNTS:
        books.add_row("code", {
            "code": account.number, "name": account.name, "bproperty": "1" if account.debit_side else "0",
            "end_date": "2026-01-01 00:00:00.0" if account.forbidden else None,
        })  # fmt: skip
        required = ",".join(SLOTS[name] for name, must in account.dimensions if must)
        books.run(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)",
            (account.number, account.name, account.leaf, account.forbidden, account.stock_controlled, required),
        )
    for number, name, _, unit, _ in (*MATERIALS, erp.EXTRA_MATERIAL):
        row = {"code": number, "name": name, "specs": "", "sort_code": "01", "main_measure": unit, "end_date": None}
        books.add_row("inventory", row)
    for resource, partners in (("customer", erp.CUSTOMERS), ("vendor", erp.SUPPLIERS)):
        for code, name in partners:
            row = {"code": code, "name": name, "abbrname": name[:4], "sort_code": "01", "end_date": None}
            books.add_row(resource, row)
    values = {
        "customer": [code for code, _ in erp.CUSTOMERS],
        "supplier": [code for code, _ in erp.SUPPLIERS],
        "material": [row[0] for row in MATERIALS],
        "broker_account": [code for code, _ in erp.BROKER_ACCOUNT_VALUES],
    }
    for kind, codes in values.items():
        for code in codes:
            books.run("INSERT INTO auxiliaries VALUES (?, ?)", (SLOTS[kind], code))
    for year, month in erp.PERIODS:
        books.set_period(f"{year}-{month:02d}", True)
