"""Reads the product table from `products.csv`: contract size, unit, tick and commodity by exchange and code.

Contract sizes rarely change, and when they do, only for contracts listed later: a row holds from its `effective_from` until
the next row of the same product. 2020-01-01 is where the table begins, not a listing date; products listed since carry theirs.
Margins and limits change daily and are no reference data. `vat_included` says whether the exchange quotes with VAT: bonded
contracts (bc, lu, nr, sc) and financial ones do not, nor do exchanges abroad. Abroad, what is traded in pounds, ounces or
gallons is a commodity of its own (`copper_lb`): a contract is no whole number of tonnes, and quantities stay exact. Grains and
softs quoted in cents are left out, as reports differ in whether they print cents or dollars. A wrong contract size cannot go
unseen: every statement's turnover is checked against it.
"""

from __future__ import annotations

import csv
import io
from datetime import date
from decimal import Decimal, InvalidOperation
from functools import cache
from importlib.resources import files

from hedge_core.errors import InvalidInput
from hedge_core.foreign_instruments import FOREIGN_EXCHANGES
from hedge_core.model.futures import EXCHANGES, Product
from hedge_core.product_table import ProductTable
from messages import Message

COLUMNS = ("exchange", "code", "commodity", "multiplier", "unit", "tick", "vat_included", "effective_from")


@cache
def load_products() -> ProductTable:
    """The table that comes with the product. Read once."""
    return read_products("products.csv", files(__package__).joinpath("products.csv").read_bytes())


def read_products(source: str, body: bytes) -> ProductTable:
    """A product table in the form of `products.csv` (UTF-8). Raises `InvalidInput` naming row and column."""
    rows = csv.DictReader(io.StringIO(body.decode("utf-8-sig", "replace"), newline=""))
    missing = [name for name in COLUMNS if name not in (rows.fieldnames or ())]
    if missing:
        raise InvalidInput(source, 1, missing[0], Message("tabular.column_missing", {"columns": ", ".join(COLUMNS)}))
    products = [_product(source, rows.line_num, row) for row in rows]
    try:
        return ProductTable(products)
    except ValueError as error:
        raise InvalidInput(source, 0, "code", Message("tabular.refused", {"reason": str(error)})) from None


def _product(source: str, line: int, row: dict[str, str]) -> Product:
    column = "exchange"
    try:
        if row["exchange"] not in (*EXCHANGES, *FOREIGN_EXCHANGES):
            raise ValueError(row["exchange"])
        column = "multiplier"
        multiplier = int(row["multiplier"])
        column = "tick"
        tick = Decimal(row["tick"])
        column = "effective_from"
        effective_from = date.fromisoformat(row["effective_from"])
        column = "vat_included"
        vat_included = {"yes": True, "no": False}[row["vat_included"]]
        column = "code"
        if not row["code"].isalnum() or not row["commodity"] or multiplier <= 0 or tick <= 0:
            raise ValueError(row["code"])
    except (ValueError, KeyError, TypeError, AttributeError, InvalidOperation):
        raise InvalidInput(source, line, column, Message("tabular.bad_value", {"text": row.get(column)})) from None
    return Product(
        row["exchange"], row["code"], row["commodity"], multiplier, tick, row["unit"], effective_from, vat_included
    )
