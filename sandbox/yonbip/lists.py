"""Order lists and stock: one flat row per line, filtered and sorted as asked, in pages; stock as a plain array."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.yonbip.answers import Refused, parse
from sandbox.yonbip.books import Books
from sandbox.yonbip.texts import say

_COLUMNS = {"id": "doc", "pubts": "pubts", "vouchdate": "vouchdate", "code": "code"}
_OPERATORS = {"eq": "=", "neq": "<>", "gt": ">", "egt": ">=", "lt": "<", "elt": "<="}
_STOCK_FILTERS = ("org", "warehouse", "product", "productsku", "batchno", "stockStatusDoc", "store")


def order_list(books: Books, kind: str, body: Mapping[str, Any], most_rows: int) -> dict[str, Any]:
    """`recordCount` counts rows, one per line; a document may be split between two pages."""
    if body.get("isSum") is not False:
        raise Refused("999", say("bad_field", field="isSum", op=body.get("isSum")))
    index, size = int(body.get("pageIndex", 1)), int(body.get("pageSize", 10))
    if size > most_rows:
        raise Refused("310008", say("page_size", most=most_rows))
    where, given = _where(body.get("simpleVOs") or [])
    sorting = ", ".join(_sorted_by(one) for one in body.get("queryOrders") or []) or "line DESC"
    with books.lock:
        count = books.one(f"SELECT COUNT(*) FROM order_rows WHERE kind = ?{where}", (kind, *given))  # noqa: S608
        rows = books.rows(
            f"SELECT fields FROM order_rows WHERE kind = ?{where} ORDER BY {sorting}, line LIMIT ? OFFSET ?",  # noqa: S608
            (kind, *given, size, (index - 1) * size),
        )
    pages = -(-count // size)
    records = [parse(row["fields"]) for row in rows]
    return {"pageIndex": index, "pageSize": size, "recordCount": count, "pageCount": pages, "recordList": records}


def stock_list(books: Books, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Every stock row that fits the ids asked for."""
    wanted = {name: str(body[name]) for name in _STOCK_FILTERS if body.get(name)}
    rows = [parse(row["fields"]) for row in books.rows("SELECT fields FROM stock_rows ORDER BY id")]
    return [row for row in rows if all(str(row.get(name)) == value for name, value in wanted.items())]


def master_page(books: Books, kind: str, body: Mapping[str, Any], most_rows: int) -> dict[str, Any]:
    """A page of master data with its count. Accounts have the fields that were asked for and no others."""
    rows, count, index, size = _master_rows(books, kind, body, most_rows)
    wanted = body.get("fields") if kind == "account" else None
    records = [{name: row.get(name) for name in wanted} if wanted else row for row in rows]
    pages = -(-count // size)
    return {"pageIndex": index, "pageSize": size, "recordCount": count, "pageCount": pages, "recordList": records}


def master_array(books: Books, kind: str, body: Mapping[str, Any], most_rows: int) -> list[dict[str, Any]]:
    """A page of master data as a plain array, without a count."""
    return _master_rows(books, kind, body, most_rows)[0]


def _master_rows(
    books: Books, kind: str, body: Mapping[str, Any], most_rows: int
) -> tuple[list[dict[str, Any]], int, int, int]:
    index, size = int(body.get("pageIndex", 1)), int(body.get("pageSize", 10))
    if size > most_rows:
        raise Refused("310008", say("page_size", most=most_rows))
    with books.lock:
        count = books.one("SELECT COUNT(*) FROM master_rows WHERE kind = ?", (kind,))
        rows = books.rows(
            "SELECT fields FROM master_rows WHERE kind = ? ORDER BY id LIMIT ? OFFSET ?",
            (kind, size, (index - 1) * size),
        )
    return [parse(row["fields"]) for row in rows], count, index, size


def _where(conditions: list[Mapping[str, Any]]) -> tuple[str, list[Any]]:
    text, given = "", []
    for one in conditions:
        field, op = str(one.get("field")), str(one.get("op"))
        column, sign = _COLUMNS.get(field), _OPERATORS.get(op)
        if column is None or (sign is None and op != "between"):
            raise Refused("999", say("bad_field", field=field, op=op))
        values = [one.get("value1"), one.get("value2")] if sign is None else [one.get("value1")]
        text += f" AND {column} BETWEEN ? AND ?" if sign is None else f" AND {column} {sign} ?"
        given += [int(str(value)) if column == "doc" else str(value) for value in values]
    return text, given


def _sorted_by(one: Mapping[str, Any]) -> str:
    field, direction = str(one.get("field")), str(one.get("order", "asc")).lower()
    if field not in _COLUMNS or direction not in ("asc", "desc"):
        raise Refused("999", say("bad_field", field=field, op=direction))
    return f"{_COLUMNS[field]} {direction}"
