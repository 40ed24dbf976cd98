"""Queries of orders, stock and masters: conditions as parameters or as an expression, in pages, in no promised order."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from sandbox.cosmic.answers import Refused, encode, parse
from sandbox.cosmic.books import Books
from sandbox.cosmic.texts import say

_CONDITION = re.compile(r"\s*(\w+)\s*(>=|<=|=|>|<)\s*'([^']*)'\s*")
_SCRAMBLED = "ORDER BY (number * 7919) % 10007"
"""Stable, and without meaning: `orderBy` is said to be ignored."""


def conditions(body: Mapping[str, Any], fields: Mapping[str, str], *, as_text: bool) -> tuple[str, list[str]]:
    """The conditions of a query as SQL; `fields` are the names that can be asked for and their columns. Where conditions are
    parameters an expression is ignored, and the other way round."""
    where, given = "", []
    if not as_text:
        for name, column in fields.items():
            for end, sign in (("start", ">="), ("end", "<=")):
                if body["data"].get(f"{name}_{end}"):
                    where += f" AND {column} {sign} ?"
                    given.append(str(body["data"][f"{name}_{end}"]))
        return where, given
    for part in filter(None, re.split(r"\band\b", str(body.get("filter") or ""))):
        found = _CONDITION.fullmatch(part)
        if not found or found[1] not in fields:
            raise Refused("400", say("bad_filter", text=part.strip()))
        where += f" AND {fields[found[1]]} {found[2]} ?"
        given.append(found[3])
    return where, given


def orders(books: Books, kind: str, body: Mapping[str, Any], *, as_text: bool) -> list[str]:
    """Documents with their lines, as stored."""
    fields = {"bizdate": "day || ' 00:00:00'", "modifytime": "modified", "billstatus": "status", "id": "id"}
    where, given = conditions(body, fields, as_text=as_text)
    if not as_text and body["data"].get("id"):
        where, given = f"{where} AND id = ?", [*given, str(body["data"]["id"])]
    rows = books.rows(f"SELECT bill FROM orders WHERE kind = ?{where} {_SCRAMBLED}", (kind, *given))  # noqa: S608
    return [row["bill"] for row in rows]


def rows_of(books: Books, kind: str) -> list[str]:
    """Rows of a master list, as stored."""
    return [row["fields"] for row in books.rows("SELECT fields FROM list_rows WHERE kind = ?", (kind,))]


def stock(books: Books, body: Mapping[str, Any]) -> list[str]:
    """Goods on hand that fit the parameters; these stand in `params`, unlike everywhere else."""
    wanted = {name: value for name, value in (body.get("params") or {}).items() if name.endswith("_number")}
    return [row for row in rows_of(books, "stock") if not wanted or wanted.items() <= parse(row).items()]


def page_of(rows: list[str], body: Mapping[str, Any], most_rows: int, *, counts: bool) -> str:
    """The JSON of the page asked for; size and number stand at the top of the body. Rows go out as they are stored."""
    if not body.get("pageSize"):
        raise Refused("400", say("no_page_size"))
    size, number = min(int(body["pageSize"]), most_rows), int(body.get("pageNo") or 1)
    start = (number - 1) * size
    facts = {"pageNo": number, "pageSize": size, "filter": "[1 = 1]"}
    facts |= {"totalCount": len(rows), "lastPage": start + size >= len(rows)} if counts else {}
    return f'{{"rows":[{",".join(rows[start : start + size])}],{encode(facts)[1:]}'
