"""Loads the demo company into the stand-in's books: its orders as documents, stock, masters, accounts and auxiliary values."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from sandbox.company import erp
from sandbox.company.facts import MATERIALS
from sandbox.u8cloud.books import Books

CORP, BOOK, VOUCHER_TYPE, MAKER, ORGANISATION = "0001", "0001-0001", "01", "hedgebridge", "0001"
FREE_ITEM = "vdef10"
"""The free item of the lines that nobody else uses: the place of a hedge note."""

AUXILIARY_TYPES = {"customer": "73", "supplier": "73", "material": "4", "broker_account": "HB01"}
UNIT_NAMES = {number: name for number, name, _ in erp.UNITS}
SALE_STATES = {"draft": 1, "created": 1, "submitted": 1, "approved": 2}
PURCHASE_STATES = {"draft": 0, "created": 0, "submitted": 2, "approved": 3}
_MATERIALS = (*MATERIALS, erp.EXTRA_MATERIAL)
_MATERIAL_NAMES = {row[0]: row[1] for row in _MATERIALS}
_PARTNERS = (*erp.CUSTOMERS, *erp.SUPPLIERS)


def key_of(kind: str, number: int) -> str:
    """A primary key as U8 Cloud makes them: twenty characters, beginning with the company's code."""
    return f"{CORP}{kind}1{number:013d}"[:20]


def load_company(books: Books) -> None:
    """Everything, in one transaction."""
    with books.transaction():
        _masters(books)
        for place, order in enumerate(erp.company().orders, 1):
            kind = "A" if order.side == "sale" else "B"
            add_order(books, order, key_of(kind, place))
        for lot in erp.company().stock:
            _add_stock(books, lot)


def add_order(books: Books, order: erp.Order, key: str, changes: dict[str, Any] | None = None) -> None:
    """An order as its list shows it; `changes` are made to every line. U8 Cloud demands a date: one that lacks it gets the
    day of its last change."""
    day = str(order.order_date or order.modified.date())
    lines = [{**_line(order, line, key, place), **(changes or {})} for place, line in enumerate(order.lines, 1)]
    head = _sale_head(order, key, day) if order.side == "sale" else _purchase_head(order, key, day)
    head["ts"] = order.modified.strftime("%Y-%m-%d %H:%M:%S")
    books.add_order(order.side, key, day, {"parentvo": head, "childrenvo": lines})


def _sale_head(order: erp.Order, key: str, day: str) -> dict[str, Any]:
    state = 5 if order.cancelled else 4 if order.closed else SALE_STATES[order.state]
    return {
        "csaleid": key, "vreceiptcode": order.number, "dbilldate": day, "pk_corp": CORP,
        "ccustomerid_code": order.partner, "ccustomerid_name": dict(_PARTNERS)[order.partner],
        "ccurrencytypeid_code": "CNY", "fstatus": state, "vnote": None,
    }  # fmt: skip


def _purchase_head(order: erp.Order, key: str, day: str) -> dict[str, Any]:
    state = 5 if order.cancelled else 4 if order.closed else PURCHASE_STATES[order.state]
    return {
        "corderid": key, "vordercode": order.number, "dorderdate": day, "pk_corp": CORP,
        "cvendormangid_code": order.partner, "cvendormangid_name": dict(_PARTNERS)[order.partner],
        "forderstatus": state, "vmemo": None,
    }  # fmt: skip


def _line(order: erp.Order, line: erp.OrderLine, key: str, place: int) -> dict[str, Any]:
    """Prices are per unit of quantity; what was delivered and what came back are two figures."""
    delivery = None if line.delivery_date is None else line.delivery_date.isoformat()
    price = line.tax_price * _price_factor(line)
    net = erp.net_of_tax(price, line.tax_rate)
    shared = {
        "corder_bid": f"{key[:-3]}{place:03d}", "crowno": str(10 * place), "cunitid_name": UNIT_NAMES[line.unit],
        "ntaxrate": line.tax_rate, "vdef1": line.pricing, "vdef2": line.reference_month or None, "vdef3": line.premium,
        FREE_ITEM: None, "frownote": None,
    }  # fmt: skip
    if order.side == "sale":
        return {
            **shared, "cinventoryid_code": line.material, "cinventoryid_name": _MATERIAL_NAMES[line.material],
            "nnumber": line.quantity, "noriginalcurprice": net, "noriginalcurtaxprice": price,
            "noriginalcursummny": price * line.quantity, "ddeliverdate": delivery,
            "ntotaloutinventorynumber": line.delivered, "ntotalreturnnumber": line.returned,
        }  # fmt: skip
    return {
        **shared, "cmangid_code": line.material, "cmangid_name": _MATERIAL_NAMES[line.material],
        "ccurrencytypeid_code": "CNY", "nordernum": line.quantity, "norgtaxprice": price,
        "dplanarrvdate": delivery, "naccumstorenum": line.delivered, "nbackstorenum": line.returned,
    }  # fmt: skip


def _price_factor(line: erp.OrderLine) -> Decimal:
    """From a price per price unit to one per unit of quantity."""
    if line.price_unit == line.unit:
        return Decimal(1)
    return Decimal(1000) if line.price_unit == "kg" else Decimal("0.001")


def _add_stock(books: Books, lot: erp.StockLot) -> None:
    """One row of goods on hand; those of others name their owner."""
    ours = lot.owner_kind == "organisation"
    books.add_row("stock", {
        "ccalbodyid": key_of("C", 1), "cwarehouseid": key_of("W", int(lot.warehouse[2:])),
        "cinventoryid": f"{CORP}M{lot.material}", "castunitid": None, "storcode": lot.warehouse, "invcode": lot.material,
        "invname": _MATERIAL_NAMES[lot.material], "measname": "吨", "vlot": lot.lot, "nonhandnum": lot.quantity,
        "vendorcode": None if ours else lot.owner,
    })  # fmt: skip


def _masters(books: Books) -> None:
    for place, row in enumerate(_MATERIALS, 1):
        books.add_row("material", {
            "pk_invbasdoc": key_of("M", place), "invcode": row[0], "invname": row[1], "invspec": None,
            "measname": UNIT_NAMES[row[3]], "sealflag": "N",
        })  # fmt: skip
    for place, (code, name) in enumerate(_PARTNERS, 1):
        books.add_row("partner", {
            "pk_cubasdoc": key_of("P", place), "custcode": code, "custname": name, "custshortname": name[:4],
            "custflag": "0" if code.startswith("C") else "1", "taxpayerid": None, "sealflag": None,
        })  # fmt: skip
    for place, account in enumerate(erp.LEDGER_ACCOUNTS, 1):
        required = ",".join(AUXILIARY_TYPES[name] for name, must in account.dimensions if must)
        books.run(
            "INSERT INTO accounts VALUES (?, ?, ?, ?, ?, ?)",
            (account.number, account.name, account.leaf, account.forbidden, account.stock_controlled, required),
        )
        books.add_row("account", {
            "pk_accsubj": key_of("S", place), "subjcode": account.number, "subjname": account.name,
            "balanorient": 1 if account.debit_side else 2, "endflag": "Y" if account.leaf else "N",
            "sealflag": "Y" if account.forbidden else "N",
        })  # fmt: skip
    values = {
        "customer": _PARTNERS,
        "material": tuple((row[0], row[1]) for row in MATERIALS),
        "broker_account": erp.BROKER_ACCOUNT_VALUES,
    }
    for kind, rows in values.items():
        for code, name in rows:
            books.run("INSERT INTO auxiliaries VALUES (?, ?, ?)", (AUXILIARY_TYPES[kind], code, name))
    for year, month in erp.PERIODS:
        books.set_period(f"{year}-{month:02d}", True)
