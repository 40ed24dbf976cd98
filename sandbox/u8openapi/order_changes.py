"""`…/edit` of orders, invented from end to end: no page of such a call is public. Names are those of `…/get`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from sandbox.line_changes import Unchangeable, checked
from sandbox.u8openapi.answers import encode, no
from sandbox.u8openapi.books import Books
from sandbox.u8openapi.demo import FREE_ITEM, LINE_NUMBERS


def edit(books: Books, resource: str, body: Mapping[str, Any], *, touches_more: bool) -> str:
    """Change lines of one order; all or nothing. Answers its code. `touches_more`: a U8 that then also writes a remark."""
    given = body[resource]
    code = str(given.get("code") or "")
    try:
        with books.transaction():
            _edit(books, resource, code, given, touches_more)
    except Unchangeable as refused:
        raise no(refused.which, **refused.given) from refused
    return code


def _edit(books: Books, resource: str, code: str, given: Mapping[str, Any], touches_more: bool) -> None:
    rows = books.rows("SELECT head, lines FROM orders WHERE kind = ? AND code = ?", (resource, code))
    if not rows:
        raise Unchangeable("no_such_order", id=code)
    head, lines = json.loads(rows[0]["head"]), json.loads(rows[0]["lines"])
    name = LINE_NUMBERS[resource]
    for one in given.get("entry") or []:
        line = next((line for line in lines if str(line[name]) == str(one.get(name))), None)
        if line is None:
            raise Unchangeable("no_such_line", id=one.get(name))
        changes = {key: value for key, value in one.items() if key != name}
        revision, known = given.get("ufts"), head.get("ufts")
        free, closed = frozenset({FREE_ITEM}), bool(head["closer"])
        line |= checked(changes, free=free, closed=closed, revision=revision, known_revision=known)
    if touches_more:
        lines[-1]["memo"] = "HB"
    head["ufts"] = str(int(head["ufts"]) + 1)
    books.run("UPDATE orders SET head = ?, lines = ? WHERE code = ?", (encode(head), encode(lines), code))
