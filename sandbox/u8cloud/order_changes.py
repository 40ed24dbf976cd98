"""`…/update` of orders: only the fields that change are sent, a line is named by its key, its number and `vostatus`.

The call for sales orders and its demand for `crowno` and `vostatus` are published; that for purchase orders, the part of the head
in it and all checks are the stand-in's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.line_changes import Unchangeable, checked
from sandbox.u8cloud.answers import Refused, parse
from sandbox.u8cloud.books import Books
from sandbox.u8cloud.demo import FREE_ITEM
from sandbox.u8cloud.texts import say

HOLDERS = {"sale": ("saleorder", "csaleid"), "purchase": ("puordervo", "corderid")}
CLOSED = {"sale": ("fstatus", (4, 5)), "purchase": ("forderstatus", (4, 5))}
_STAMP = "%Y-%m-%d %H:%M:%S"


def update(books: Books, kind: str, body: Mapping[str, Any], *, touches_more: bool) -> list[dict[str, Any]]:
    """Change lines of orders; all or nothing. `touches_more`: a site whose own rule then also writes a remark."""
    holder, key_name = HOLDERS[kind]
    found = []
    try:
        with books.transaction():
            for one in body.get(holder) or []:
                key = str((one.get("parentvo") or {}).get(key_name) or "")
                found.append(_changed(books, kind, key, one, touches_more))
    except Unchangeable as refused:
        raise Refused(say(refused.which, **refused.given)) from refused
    return found


def _changed(books: Books, kind: str, key: str, given: Mapping[str, Any], touches_more: bool) -> dict[str, Any]:
    stored = books.one("SELECT bill FROM orders WHERE kind = ? AND id = ?", (kind, key))
    if stored is None:
        raise Unchangeable("no_such_order", id=key)
    bill = parse(stored)
    head, lines = bill["parentvo"], bill["childrenvo"]
    state, closed = CLOSED[kind]
    for one in given.get("childrenvo") or []:
        wanted = (one.get("corder_bid"), str(one.get("crowno")))
        line = next((line for line in lines if (line["corder_bid"], str(line["crowno"])) == wanted), None)
        if line is None or one.get("vostatus") != "update":
            raise Unchangeable("no_such_line", id=one.get("corder_bid"))
        named = ("corder_bid", "crowno", "vostatus")
        line |= checked(
            {name: value for name, value in one.items() if name not in named}, free=frozenset({FREE_ITEM}),
            closed=head[state] in closed, revision=given["parentvo"].get("ts"), known_revision=head["ts"],
        )  # fmt: skip
    if touches_more:
        lines[-1]["frownote"] = "HB"
    ts = (datetime.strptime(head["ts"], _STAMP) + timedelta(seconds=1)).strftime(_STAMP)  # noqa: DTZ007
    books.replace_order(key, bill, ts)
    return bill
