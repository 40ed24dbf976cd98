"""`save` of an order that is there: a document with an id is updated; lines and fields that it does not name stay as they are.

That a save with ids is an update is published. What becomes of everything it does not name is not: this is the friendly reading,
and `touches_more` an unfriendly one. All checks are the stand-in's own.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from sandbox.cosmic.answers import parse, result_of
from sandbox.cosmic.books import Books
from sandbox.cosmic.demo import FREE_FIELD
from sandbox.cosmic.texts import say
from sandbox.line_changes import Unchangeable, checked

_STAMP = "%Y-%m-%d %H:%M:%S"


def save_order(books: Books, kind: str, body: Mapping[str, Any], *, touches_more: bool) -> list[dict[str, Any]]:
    """Each document stands or falls alone."""
    found = []
    for index, document in enumerate(body["data"] or []):
        key = str(document.get("id") or "")
        try:
            with books.transaction():
                number = _update(books, kind, key, document, touches_more)
        except Unchangeable as refused:
            found.append(result_of(index, key=key, errors=[say(refused.which, **refused.given)]))
        else:
            found.append(result_of(index, number=number, key=key))
    return found


def _update(books: Books, kind: str, key: str, given: Mapping[str, Any], touches_more: bool) -> str:
    stored = books.one("SELECT bill FROM orders WHERE kind = ? AND id = ?", (kind, key))
    if stored is None:
        raise Unchangeable("no_such_order", id=key)
    bill = parse(stored)
    closed = "B" in (bill["closestatus"], bill["cancelstatus"])
    for one in given.get("billentry") or []:
        line = next((line for line in bill["billentry"] if line["id"] == str(one.get("id"))), None)
        if line is None:
            raise Unchangeable("no_such_line", id=one.get("id"))
        line |= checked(
            {name: value for name, value in one.items() if name != "id"}, free=frozenset({FREE_FIELD}), closed=closed,
            revision=given.get("modifytime"), known_revision=bill["modifytime"],
        )  # fmt: skip
    if touches_more:
        bill["billentry"] = bill["billentry"][:1]
    modified = (datetime.strptime(bill["modifytime"], _STAMP) + timedelta(seconds=1)).strftime(_STAMP)  # noqa: DTZ007
    books.replace_order(key, bill, modified)
    return str(bill["billno"])
