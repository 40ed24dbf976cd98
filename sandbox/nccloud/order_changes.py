"""`…/update` of orders, invented from end to end: only saves are public. Names of head and lines are those of the save."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.line_changes import Unchangeable, checked
from sandbox.nccloud.answers import no, parse
from sandbox.nccloud.books import Books
from sandbox.nccloud.demo import FREE_ITEM, NOTHING

PARTS = {
    "sale": ("so_saleorder", "so_saleorder_b", "csaleorderid", "csaleorderbid"),
    "purchase": ("po_order", "po_order_b", "pk_order", "pk_order_b"),
}
_STAMP = "%Y-%m-%d %H:%M:%S"


def update_orders(books: Books, kind: str, body: Mapping[str, Any], *, touches_more: bool) -> list[dict[str, Any]]:
    """Change lines of orders; all or nothing. `touches_more`: an installation that then also writes a remark."""
    try:
        with books.transaction():
            return [_update(books, kind, one, touches_more) for one in body.get("data") or []]
    except Unchangeable as refused:
        raise no(refused.which, **refused.given) from refused


def _update(books: Books, kind: str, given: Mapping[str, Any], touches_more: bool) -> dict[str, Any]:
    head_name, lines_name, key_name, line_name = PARTS[kind]
    key = str((given.get(head_name) or {}).get(key_name) or "")
    stored = books.one("SELECT document FROM orders WHERE kind = ? AND key = ?", (kind, key))
    if stored is None:
        raise Unchangeable("no_such_order", id=key)
    document = parse(stored)
    head, lines = document[head_name], document[lines_name]
    closed = head.get("fstatusflag") in (4, 5) or any(line.get("bfinalclose") == "Y" for line in lines)
    for one in given.get(lines_name) or []:
        line = next((line for line in lines if line[line_name] == one.get(line_name)), None)
        if line is None:
            raise Unchangeable("no_such_line", id=one.get(line_name))
        changes = checked(
            {name: value for name, value in one.items() if name != line_name}, free=frozenset({FREE_ITEM}),
            closed=closed, revision=given[head_name].get("ts"), known_revision=head["ts"],
        )  # fmt: skip
        line |= {name: value or NOTHING for name, value in changes.items()}
    if touches_more:
        lines[-1]["vrownote"] = "HB"
    head["ts"] = (datetime.strptime(head["ts"], _STAMP) + timedelta(seconds=1)).strftime(_STAMP)  # noqa: DTZ007
    books.replace_order(key, document)
    return {key_name: key}
