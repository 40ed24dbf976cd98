"""Loads the demo company into the stand-in's books: its orders as documents, stock, masters, accounts and dimension values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.company import erp
from sandbox.company.facts import MATERIALS
from sandbox.cosmic.books import Books

ORG, BOOK, VOUCHER_TYPE = "00", "BOOK01", "JZ"
FIRST_ID = 1_698_490_236_113_000_000
"""Ids are longer than binary floating point can hold exactly, like the real ones; they are shown as text."""

FREE_FIELD = "hb_hedge"
"""The custom field of the lines for a hedge note."""

DIMENSIONS = {"customer": "customer", "supplier": "supplier", "material": "material", "broker_account": "hb_broker"}
STATES = {"draft": "A", "created": "A", "submitted": "B", "approved": "C"}
_MATERIALS = (*MATERIALS, erp.EXTRA_MATERIAL)
_MATERIAL_NAMES = {row[0]: row[1] for row in _MATERIALS}
_PARTNERS = dict((*erp.CUSTOMERS, *erp.SUPPLIERS))


def load_company(books: Books) -> None:
    """Everything, in one transaction."""
    with books.transaction():
        _masters(books)
        for place, order in enumerate(erp.company().orders, 1):
            add_order(books, order, FIRST_ID + place * 1000)
        for lot in erp.company().stock:
            _add_stock(books, lot)


def add_order(books: Books, order: erp.Order, number: int, changes: dict[str, Any] | None = None) -> None:
    """An order as its query shows it; `changes` are made to every line. A business date is mandatory over there: an order that
    lacks one gets the day of its last change."""
    day = str(order.order_date or order.modified.date())
    partner = "customer" if order.side == "sale" else "supplier"
    bill = {
        "id": str(number), "billno": order.number, "bizdate": f"{day} 00:00:00", "org_number": ORG,
        f"{partner}_number": order.partner, f"{partner}_name": _PARTNERS[order.partner],
        "settlecurrency_number": "CNY", "billstatus": STATES[order.state],
        "closestatus": "B" if order.closed else "A", "cancelstatus": "B" if order.cancelled else "A",
        "modifytime": order.modified.strftime("%Y-%m-%d %H:%M:%S"),
        "billentry": [
            {**_line(order.side, line, number + place, place), **(changes or {})}
            for place, line in enumerate(order.lines, 1)
        ],
    }  # fmt: skip
    books.add_order(order.side, str(number), day, bill)


def _line(side: str, line: erp.OrderLine, number: int, place: int) -> dict[str, Any]:
    """Prices are per unit of quantity; what was delivered and what came back are two figures."""
    price = line.tax_price * _price_factor(line)
    moved = "totaloutqty" if side == "sale" else "totalinqty"
    return {
        "id": str(number), "seq": place, "material_number": line.material, "material_name": _MATERIAL_NAMES[line.material],
        "unit_number": line.unit, "qty": line.quantity, "price": erp.net_of_tax(price, line.tax_rate),
        "priceandtax": price, "taxrate": line.tax_rate, "amountandtax": price * line.quantity,
        "deliverydate": None if line.delivery_date is None else f"{line.delivery_date} 00:00:00",
        moved: line.delivered, "totalreturnqty": line.returned, "hb_pricing": line.pricing,
        "hb_refmonth": line.reference_month or None, "hb_premium": line.premium, FREE_FIELD: None,
    }  # fmt: skip


def _price_factor(line: erp.OrderLine) -> Decimal:
    """From a price per price unit to one per unit of quantity."""
    if line.price_unit == line.unit:
        return Decimal(1)
    return Decimal(1000) if line.price_unit == "kg" else Decimal("0.001")


def _add_stock(books: Books, lot: erp.StockLot) -> None:
    """One row of goods on hand, with its owner."""
    kinds = {"organisation": "bos_org", "customer": "bd_customer", "supplier": "bd_supplier"}
    ours = lot.owner_kind == "organisation"
    books.add_row("stock", {
        "org_number": ORG, "warehouse_number": lot.warehouse, "material_number": lot.material,
        "material_name": _MATERIAL_NAMES[lot.material], "lot_number": lot.lot, "invtype_number": "110",
        "ownertype": kinds[lot.owner_kind], "owner_number": ORG if ours else lot.owner, "unit_number": "t",
        "qty": lot.quantity, "modifytime": "2026-03-31 17:00:00",
    })  # fmt: skip


def _masters(books: Books) -> None:
    lists: dict[str, list[dict[str, Any]]] = {
        "material": [
            {"number": row[0], "name": row[1], "baseunit_number": row[3], "modelnum": None} for row in _MATERIALS
        ],
        "customer": [
            {"number": code, "name": name, "simplename": name[:4], "tx_register_no": None}
            for code, name in erp.CUSTOMERS
        ],
        "supplier": [
            {"number": code, "name": name, "simplename": name[:4], "tx_register_no": None}
            for code, name in erp.SUPPLIERS
        ],
        "account": [
            {"number": one.number, "name": one.name, "dc": "1" if one.debit_side else "-1", "isleaf": one.leaf}
            for one in erp.LEDGER_ACCOUNTS
        ],
    }
    forbidden = {one.number for one in erp.LEDGER_ACCOUNTS if one.forbidden}
    for base, (kind, rows) in enumerate(lists.items(), 1):
        for place, row in enumerate(rows, 1):
            number = str(FIRST_ID - base * 100_000 + place)
            books.add_row(kind, {"id": number, "enable": "0" if row["number"] in forbidden else "1", **row})
    for account in erp.LEDGER_ACCOUNTS:
        required = ",".join(DIMENSIONS[name] for name, must in account.dimensions if must)
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
    for kind, pairs in values.items():
        for code, name in pairs:
            books.run("INSERT INTO auxiliaries VALUES (?, ?, ?)", (DIMENSIONS[kind], code, name))
    for year, month in erp.PERIODS:
        books.set_period(f"{year}-{month:02d}", True)
