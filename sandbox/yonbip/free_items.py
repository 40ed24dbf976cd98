"""Changing the free items of order lines: the calls and their bodies are those of public programs, the checks are our own."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.line_changes import Unchangeable, checked
from sandbox.yonbip.answers import Refused, encode, parse
from sandbox.yonbip.books import Books
from sandbox.yonbip.demo import FREE_ITEM
from sandbox.yonbip.texts import say

SALES_BILL = "voucher_order"
CLOSED = ("ENDORDER", "OPPOSE", 2)
LINE_IDS = {"sale": "orderDetailId", "purchase": "purchaseOrders_id"}
_NOT_ITEMS = ("isHead", "isFree", "detailIds", "_status")
_STAMP = "%Y-%m-%d %H:%M:%S"


def update_items(books: Books, kind: str, body: Mapping[str, Any], *, touches_more: bool) -> dict[str, Any]:
    """Set free items of lines; all or nothing. `touches_more`: a tenant whose own rule then also writes a remark."""
    if kind == "sale" and body.get("billnum") != SALES_BILL:
        raise Refused("999", say("bad_field", field="billnum", op=body.get("billnum")))
    try:
        with books.transaction():
            for data in body.get("datas") or []:
                for items in data.get("definesInfo") or []:
                    _update(books, kind, data, items, touches_more)
    except Unchangeable as refused:
        raise Refused("999", say(refused.which, **refused.given)) from refused
    return {"count": 1, "sucessCount": 1, "failCount": 0}


def _update(books: Books, kind: str, data: Mapping[str, Any], items: Mapping[str, Any], touches_more: bool) -> None:
    document = int(str(data.get("id") or 0))
    rows = books.rows("SELECT * FROM order_rows WHERE kind = ? AND doc = ? ORDER BY line", (kind, document))
    if not rows:
        raise Unchangeable("no_such_order", id=document)
    lines = [parse(row["fields"]) for row in rows]
    wanted = str(items.get("detailIds"))
    place = next((n for n, line in enumerate(lines) if str(line.get(LINE_IDS[kind])) == wanted), None)
    if place is None or items.get("isHead") is not False:
        raise Unchangeable("no_such_line", id=wanted)
    status = lines[place].get("nextStatus", lines[place].get("status"))
    changes = checked(
        {name: value for name, value in items.items() if name not in _NOT_ITEMS}, free=frozenset({FREE_ITEM}),
        closed=status in CLOSED, revision=data.get("pubts"), known_revision=lines[place]["pubts"],
    )  # fmt: skip
    lines[place]["bodyItem"] = {**lines[place]["bodyItem"], **changes}
    if touches_more:
        lines[-1]["memo"] = "HB"
    stamp = datetime.strptime(lines[place]["pubts"], _STAMP) + timedelta(seconds=1)  # noqa: DTZ007
    for row, line in zip(rows, lines, strict=True):
        line["pubts"] = stamp.strftime(_STAMP)
        sql = "UPDATE order_rows SET pubts = ?, fields = ? WHERE line = ?"
        books.run(sql, (line["pubts"], encode(line), row["line"]))
