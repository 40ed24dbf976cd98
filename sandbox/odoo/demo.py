"""Loads the demo company into the stand-in's books: its orders, stock and accounts in Odoo's terms, and a second company."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from sandbox.company import erp
from sandbox.company.facts import COMPANY, MATERIALS
from sandbox.odoo.books import Books
from sandbox.odoo.gate import Credentials

OURS, OTHER = 1, 2
JOURNAL = "HEDG"
LOADED = datetime(2025, 12, 1, 1, 0, tzinfo=UTC)
UNIT_NAMES = {"t": "Ton", "kg": "kg", "KUN": "Bundle"}
_STATES = {"draft": "draft", "created": "sent", "submitted": "sent"}


class _Loader:
    def __init__(self, books: Books) -> None:
        self.books = books
        self.series = books.release.series
        self.partners: dict[str, int] = {}
        self.products: dict[str, int] = {}
        self.units: dict[str, int] = {}
        self.locations: dict[str, int] = {}
        self.taxes: dict[Decimal, int] = {}
        self.yuan = 0

    def add(self, model: str, /, **values: Any) -> int:
        """A row with the fields that this release has."""
        fields = self.books.model(model).fields
        given = {name: value for name, value in values.items() if name in fields}
        return self.books.add(model, **given)

    def masters(self) -> None:
        """Currencies, two companies, precisions, units, products, partners, taxes, warehouses, journals, accounts."""
        self.yuan = self.add("res.currency", name="CNY", decimal_places=2, rounding="0.01")
        self.add("res.currency", name="USD", decimal_places=2, rounding="0.01")
        for name in (COMPANY, "远方贸易有限公司"):
            self.add("res.company", name=name, currency_id=self.yuan)
        for name, digits in ((self.books.release.unit_precision, 3), ("Product Price", 6)):
            self.add("decimal.precision", name=name, digits=digits)
        for code, _, kilograms in erp.UNITS:
            self.units[code] = self.add(
                "uom.uom", name=UNIT_NAMES[code], factor=kilograms, relative_factor=kilograms, active=True
            )
        group = self.add("product.category", name="All")
        for number, name, _, unit, _ in (*MATERIALS, erp.EXTRA_MATERIAL):
            self.products[number] = self.add(
                "product.product", default_code=number, name=name, active=True, type="consu", is_storable=True,
                uom_id=self.units[unit], categ_id=group,
            )  # fmt: skip
        for place, rows in enumerate((erp.CUSTOMERS, erp.SUPPLIERS)):
            for number, name in rows:
                self.partners[number] = self.add(
                    "res.partner", name=name, ref=number, active=True, is_company=True, customer_rank=1 - place,
                    supplier_rank=place,
                )  # fmt: skip
        for code, name in erp.BROKER_ACCOUNT_VALUES:
            self.partners[code] = self.add("res.partner", name=name, ref=code, active=True, is_company=True)
        for code, name in erp.WAREHOUSES:
            house = self.add("stock.warehouse", code=code, name=name, company_id=OURS)
            self.locations[code] = self.add(
                "stock.location", name="Stock", complete_name=f"{code}/Stock", usage="internal", warehouse_id=house,
                company_id=OURS,
            )  # fmt: skip
        self.add("stock.location", name="Customers", complete_name="Partners/Customers", usage="customer")
        for company in (OURS, OTHER):
            self.add(
                "account.journal",
                name="Miscellaneous Operations",
                code="MISC",
                type="general",
                active=True,
                company_id=company,
            )
        self.add("account.journal", name="套期保值", code=JOURNAL, type="general", active=True, company_id=OURS)
        self.add("account.journal", name="Bank", code="BNK1", type="bank", active=True, company_id=OURS)
        for company in (OURS, OTHER):
            for account in erp.LEDGER_ACCOUNTS:
                if account.leaf:
                    self.account(account, company)
        for name in self.books.release.models:
            self.add("ir.model", model=name, name=self.books.model(name).label)

    def account(self, account: erp.LedgerAccount, company: int) -> None:
        """One account of one company's chart."""
        self.add(
            "account.account", code=account.number, name=account.name, active=not account.forbidden,
            deprecated=account.forbidden, company_id=company, company_ids=[company],
            account_type="asset_current" if account.debit_side else "liability_current",
        )  # fmt: skip

    def order(self, order: erp.Order) -> None:
        """One purchase or sale order with its lines; a closed one is simply delivered."""
        sale = order.side == "sale"
        state = "cancel" if order.cancelled else _STATES.get(order.state, "sale" if sale else "purchase")
        ordered = (
            datetime.combine(order.order_date, datetime.min.time(), erp.SITE_TIME)
            if order.order_date
            else order.modified
        )
        stamp = order.modified.astimezone(UTC)
        head = self.add(
            "sale.order" if sale else "purchase.order", name=order.number, partner_id=self.partners[order.partner],
            date_order=ordered.astimezone(UTC), date_approve=ordered.astimezone(UTC), state=state,
            currency_id=self.yuan, company_id=OURS, write_date=stamp,
            commitment_date=_moment(order.lines[0]), date_planned=_moment(order.lines[0]),
        )  # fmt: skip
        for place, line in enumerate(order.lines):
            self.line(head, line, place, sale, stamp)

    def line(self, head: int, line: erp.OrderLine, place: int, sale: bool, stamp: datetime) -> None:
        """One line; delivered quantities are net of returns, as Odoo keeps them. Prices include the tax."""
        price = line.tax_price
        if line.price_unit != line.unit:
            price = price * 1000 if line.price_unit == "kg" else price / 1000
        net = line.delivered - line.returned
        fields = self.books.model("sale.order.line" if sale else "purchase.order.line").fields
        tax = next(name for name in ("tax_ids", "tax_id", "taxes_id") if name in fields)
        unit = "product_uom_id" if self.series >= 19 else "product_uom"
        self.add(
            "sale.order.line" if sale else "purchase.order.line", order_id=head, name=line.material,
            sequence=10 + place, product_id=self.products[line.material], product_uom_qty=line.quantity,
            product_qty=line.quantity, qty_delivered=net, qty_received=net, price_unit=price,
            date_planned=_moment(line), x_hb_pricing=line.pricing, x_hb_ref_month=line.reference_month or None,
            x_hb_premium=line.premium, write_date=stamp, **{unit: self.units[line.unit], tax: [self.tax(line.tax_rate)]},
        )  # fmt: skip

    def tax(self, rate: Decimal) -> int:
        """The tax of a rate in percent, included in the price."""
        if rate not in self.taxes:
            self.taxes[rate] = self.add(
                "account.tax", name=f"VAT {rate}%", amount=rate, amount_type="percent", price_include=True,
                company_id=OURS,
            )  # fmt: skip
        return self.taxes[rate]

    def lot(self, lot: erp.StockLot) -> None:
        """Goods in a warehouse; an owner only where they are not ours."""
        model = "stock.lot" if self.series >= 16 else "stock.production.lot"
        product = self.products[lot.material]
        self.add(
            "stock.quant", product_id=product, location_id=self.locations[lot.warehouse],
            lot_id=self.add(model, name=lot.lot, product_id=product), quantity=lot.quantity,
            owner_id=None if lot.owner_kind == "organisation" else self.partners[lot.owner], in_date=LOADED,
        )  # fmt: skip


def load_company(books: Books) -> None:
    """Everything, in one transaction."""
    with books.transaction():
        loader = _Loader(books)
        loader.masters()
        company = erp.company()
        for order in company.orders:
            loader.order(order)
        for lot in company.stock:
            loader.lot(lot)


def register_users(books: Books, credentials: Credentials) -> None:
    """The integration user (one company), a user without accounting rights, an administrator of both companies."""
    with books.transaction():
        books.run("DELETE FROM secrets")
        for login, secrets, role, companies in (
            (credentials.user, ((credentials.password, "password"), (credentials.api_key, "key")), "bot", [OURS]),
            (credentials.reader_user, ((credentials.reader_key, "key"),), "reader", [OURS]),
            (credentials.admin_user, ((credentials.admin_key, "key"),), "admin", [OURS, OTHER]),
        ):
            user = books.one('SELECT id FROM "res.users" WHERE login = ?', (login,))
            if user is None:
                user = books.add("res.users", login=login, name=login, company_id=OURS, company_ids=companies)
            for secret, kind in secrets:
                books.run("INSERT INTO secrets VALUES (?, ?, ?, ?)", (user, secret, kind, role))


def _moment(line: erp.OrderLine) -> datetime | None:
    if line.delivery_date is None:
        return None
    return datetime.combine(line.delivery_date, datetime.min.time(), erp.SITE_TIME).astimezone(UTC)


__all__ = ["JOURNAL", "OTHER", "OURS", "load_company", "register_users"]
