"""Orders, stock and masters: filtered by date and time of change, in pages, in no promised order."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from sandbox.u8cloud.answers import Refused, as_text, encode, parse
from sandbox.u8cloud.books import Books
from sandbox.u8cloud.demo import CORP
from sandbox.u8cloud.texts import say


def orders(books: Books, kind: str, body: Mapping[str, Any]) -> list[str]:
    """Documents with head and lines, as stored. The order is stable and means nothing. That one document can be asked for by
    `billid` is invented."""
    _check_corp(body)
    where, given = "kind = ?", [kind]
    for name, condition in (
        ("date_begin", "day >= ?"),
        ("date_end", "day <= ?"),
        ("ts_begin", "ts >= ?"),
        ("ts_end", "ts <= ?"),
        ("status", "status = ?"),
        ("billid", "id = ?"),
    ):
        if body.get(name):
            where += f" AND {condition}"
            given.append(str(body[name]))
    rows = books.rows(f"SELECT bill FROM orders WHERE {where} ORDER BY (number * 7919) % 10007", given)  # noqa: S608
    return [row["bill"] for row in rows]


def rows_of(books: Books, kind: str, body: Mapping[str, Any]) -> list[str]:
    """Rows of stock or of a master list, as stored."""
    _check_corp(body)
    found = [row["fields"] for row in books.rows("SELECT fields FROM list_rows WHERE kind = ?", (kind,))]
    wanted = body.get("inventory")
    return [row for row in found if not wanted or parse(row).get("invcode") == wanted]


def page_of(rows: list[str], body: Mapping[str, Any], most_rows: int) -> list[str]:
    """The page asked for; a page size above the site's limit is cut without a word."""
    size = min(int(body.get("page_size") or most_rows), most_rows)
    start = (max(1, int(body.get("page_now") or 1)) - 1) * size
    return rows[start : start + size]


@lru_cache(maxsize=4096)
def numbers_as_text(row: str) -> str:
    """A stored row with its numbers as text. Asked for again and again: a list is read in windows that overlap."""
    return encode(as_text(parse(row)))


def _check_corp(body: Mapping[str, Any]) -> None:
    if body.get("corp") not in (None, "", CORP):
        raise Refused(say("no_corp", code=body["corp"]))
