"""The lists: orders by their heads, one order whole, stock, items and partners; filtered by code, in numbered pages."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.u8openapi.answers import no, page
from sandbox.u8openapi.books import Books

ORDER_LISTS = {"saleorderlist": "saleorder", "purchaseorderlist": "purchaseorder"}
ROW_LISTS = ("currentstock", "inventory", "customer", "vendor", "code")
"""The last one, accounts, is invented."""


def order_list(books: Books, resource: str, given: Mapping[str, str], most_rows: int) -> dict[str, Any]:
    """Heads of orders, newest first, as no order is promised."""
    index, size = _paging(given, most_rows)
    kind = ORDER_LISTS[resource]
    where, values = "kind = ?", [kind]
    day = "substr(json_extract(head, '$.date'), 1, 10)"
    bounds = (
        ("code_begin", "code >="),
        ("code_end", "code <="),
        ("date_begin", f"{day} >="),
        ("date_end", f"{day} <="),
    )
    for name, comparison in bounds:
        if given.get(name):
            where += f" AND {comparison} ?"
            values.append(given[name])
    with books.lock:
        count = books.one(f"SELECT COUNT(*) FROM orders WHERE {where}", values)  # noqa: S608
        rows = books.rows(
            f"SELECT head FROM orders WHERE {where} ORDER BY id DESC LIMIT ? OFFSET ?",  # noqa: S608
            (*values, size, (index - 1) * size),
        )
    return page(resource, [json.loads(row["head"]) for row in rows], count, index, size)


def one_order(books: Books, resource: str, code: str) -> dict[str, Any]:
    """One order with its lines under `entry`."""
    rows = books.rows("SELECT head, lines FROM orders WHERE kind = ? AND code = ?", (resource, code))
    if not rows:
        raise no("no_document", code=code)
    return {resource: {**json.loads(rows[0]["head"]), "entry": json.loads(rows[0]["lines"])}}


def row_list(books: Books, resource: str, given: Mapping[str, str], most_rows: int) -> dict[str, Any]:
    """A list of plain rows."""
    index, size = _paging(given, most_rows)
    with books.lock:
        count = books.one("SELECT COUNT(*) FROM listed WHERE resource = ?", (resource,))
        rows = books.rows(
            "SELECT fields FROM listed WHERE resource = ? ORDER BY id LIMIT ? OFFSET ?",
            (resource, size, (index - 1) * size),
        )
    return page(resource, [json.loads(row["fields"]) for row in rows], count, index, size)


def _paging(given: Mapping[str, str], most_rows: int) -> tuple[int, int]:
    index, size = int(given.get("page_index") or 1), int(given.get("rows_per_page") or 20)
    if size > most_rows:
        raise no("too_many_rows", most=most_rows)
    return max(1, index), max(1, size)
