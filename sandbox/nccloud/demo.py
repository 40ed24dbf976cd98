"""Loads the demo company into the stand-in's books: its orders as documents, stock, accounts and auxiliary values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.company import erp
from sandbox.company.facts import MATERIALS
from sandbox.nccloud.answers import encode
from sandbox.nccloud.books import Books

BOOK, VOUCHER_TYPE, MAKER, ORG, CENTRE = "01-0001", "01", "hedge", "01", "HEDGE01"
AUXILIARY_TYPES = {"customer": "0004", "supplier": "0004s", "material": "0006", "broker_account": "HB01"}
UNIT_CODES = {"t": "TNE", "kg": "KGM", "KUN": "KUN"}
SALE_STATES = {"draft": 1, "created": 1, "submitted": 7, "approved": 2}
PURCHASE_STATES = {"draft": 0, "created": 0, "submitted": 1, "approved": 3}
FREE_ITEM = "vbdef10"
"""The free item of the lines that nobody else uses: the place of a hedge note."""

NOTHING = "~"
"""How NC says that nothing is there."""


def load_company(books: Books) -> None:
    """Everything, in one transaction."""
    with books.transaction():
        _masters(books)
        for place, order in enumerate(erp.company().orders, 1):
            key = order_key(place)
            books.add_order(order.side, key, order_document(order, key))
        for lot in erp.company().stock:
            if lot.owner_kind == "organisation":
                books.run("INSERT INTO stock_rows (fields) VALUES (?)", (encode(stock_row(lot)),))


def order_key(place: int) -> str:
    """An id of twenty characters, as NC has them."""
    return f"1001A1HEDGE{place:09d}"


def order_document(order: erp.Order, key: str) -> dict[str, Any]:
    """An order as its query answers it. Prices are per unit of quantity."""
    head: dict[str, Any] = {
        "pk_org": ORG, "vbillcode": order.number, "dbilldate": _moment(order.order_date), "corigcurrencyid": "CNY",
        "ts": order.modified.strftime("%Y-%m-%d %H:%M:%S"),
    }  # fmt: skip
    if order.side == "sale":
        state = 5 if order.cancelled else 4 if order.closed else SALE_STATES[order.state]
        head |= {"csaleorderid": key, "ccustomerid": order.partner, "fstatusflag": state}
        names = ("so_saleorder", "so_saleorder_b")
    else:
        head |= {"pk_order": key, "pk_supplier": order.partner, "forderstatus": PURCHASE_STATES[order.state]}
        names = ("po_order", "po_order_b")
    lines = [_line(order, line, key, place) for place, line in enumerate(order.lines, 1)]
    return {names[0]: head, names[1]: lines}


def _line(order: erp.Order, line: erp.OrderLine, key: str, place: int) -> dict[str, Any]:
    price = line.tax_price * _price_factor(line)
    shared = {
        "crowno": str(10 * place), "nastnum": line.quantity, "castunitid": UNIT_CODES[line.unit],
        "nqtorigtaxprice": price, "nqtorigprice": erp.net_of_tax(price, line.tax_rate), "ntaxrate": line.tax_rate,
        "norigtaxmny": price * line.quantity, "vbdef1": line.pricing, "vbdef2": line.reference_month or NOTHING,
        "vbdef3": str(line.premium), FREE_ITEM: NOTHING, "vrownote": NOTHING,
    }  # fmt: skip
    if order.side == "sale":
        return shared | {
            "csaleorderbid": f"{key[:4]}B{key[5:]}{place}", "cmaterialid": line.material, "frowstatus": 2,
            "dreceivedate": _moment(line.delivery_date), "ntotaloutnum": line.delivered, "ntotalreturnnum": line.returned,
        }  # fmt: skip
    return shared | {
        "pk_order_b": f"{key[:4]}B{key[5:]}{place}", "pk_material": line.material,
        "bfinalclose": "Y" if order.closed or order.cancelled else "N", "dplanarrvdate": _moment(line.delivery_date),
        "naccumstorenum": line.delivered, "nbackstorenum": line.returned,
    }  # fmt: skip


def stock_row(lot: erp.StockLot) -> dict[str, Any]:
    """One row of goods on hand."""
    return {
        "pk_org": ORG, "cwarehouseid": lot.warehouse, "cmaterialid": lot.material, "vbatchcode": lot.lot,
        "cstateid": NOTHING, "nonhandnum": lot.quantity, "nonhandastnum": lot.quantity,
    }  # fmt: skip


def _moment(day: Any) -> str | None:
    return None if day is None else f"{day} 00:00:00"


def _price_factor(line: erp.OrderLine) -> Any:
    """From a price per price unit to one per unit of quantity."""
    if line.price_unit == line.unit:
        return 1
    return 1000 if line.price_unit == "kg" else Decimal("0.001")


def _load_masters(books: Books) -> None:
    """Names of columns of the master tables; no query of them is public."""
    lists: dict[str, list[dict[str, Any]]] = {
        "material": [
            {"pk_material": f"1001M{row[0]:>015}", "code": row[0], "name": row[1], "pk_measdoc": UNIT_CODES[row[3]],
             "materialspec": NOTHING}
            for row in (*MATERIALS, erp.EXTRA_MATERIAL)
        ],
        "customer": [
            {"pk_customer": f"1001C{code:>015}", "code": code, "name": name, "shortname": name[:4], "taxpayerid": NOTHING}
            for code, name in erp.CUSTOMERS
        ],
        "supplier": [
            {"pk_supplier": f"1001S{code:>015}", "code": code, "name": name, "shortname": name[:4], "taxpayerid": NOTHING}
            for code, name in erp.SUPPLIERS
        ],
        "account": [
            {"pk_account": f"1001A{one.number:>015}", "code": one.number, "name": one.name,
             "balanorient": 0 if one.debit_side else 1, "enablestate": 3 if one.forbidden else 2}
            for one in erp.LEDGER_ACCOUNTS
        ],
    }  # fmt: skip
    for kind, rows in lists.items():
        for row in rows:
            fields = encode({"enablestate": 2, **row})
            books.run("INSERT INTO master_rows (kind, fields) VALUES (?, ?)", (kind, fields))


def _masters(books: Books) -> None:
    _load_masters(books)
    for account in erp.LEDGER_ACCOUNTS:
        required = ",".join(AUXILIARY_TYPES[name] for name, must in account.dimensions if must)
        books.run(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)",
            (account.number, account.name, account.leaf, account.forbidden, account.stock_controlled, required),
        )
    values = {
        "customer": [code for code, _ in erp.CUSTOMERS],
        "supplier": [code for code, _ in erp.SUPPLIERS],
        "material": [row[0] for row in MATERIALS],
        "broker_account": [code for code, _ in erp.BROKER_ACCOUNT_VALUES],
    }
    for kind, codes in values.items():
        for code in codes:
            books.run("INSERT INTO auxiliaries VALUES (?, ?)", (AUXILIARY_TYPES[kind], code))
    for year, month in erp.PERIODS:
        books.set_period(f"{year}-{month:02d}", True)
