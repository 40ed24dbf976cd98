"""The general ledger: vouchers saved with all checks, submitted, audited and queried. A save never changes a voucher."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.cosmic.answers import Refused, encode, result_of
from sandbox.cosmic.books import Books
from sandbox.cosmic.demo import BOOK, FIRST_ID, ORG, VOUCHER_TYPE
from sandbox.cosmic.lists import conditions
from sandbox.cosmic.texts import say

SAVED, SUBMITTED, AUDITED = "A", "B", "C"
STEPS: Mapping[str, tuple[str, str]] = {"submit": (SAVED, SUBMITTED), "audit": (SUBMITTED, AUDITED)}


class Wrong(Exception):
    """A document is refused; others of the same call are not concerned."""


def save(books: Books, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Each document stands or falls alone."""
    found = []
    for index, document in enumerate(body["data"] or []):
        try:
            with books.transaction():
                number = _save(books, document)
        except Wrong as wrong:
            found.append(result_of(index, errors=[str(wrong)]))
            continue
        (head,) = books.rows("SELECT * FROM vouchers WHERE number = ?", (number,))
        found.append(result_of(index, number=head["billno"], key=head["id"]))
    return found


def step(books: Books, operation: str, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Submit or audit documents by their ids."""
    before, after = STEPS[operation]
    found = []
    for index, key in enumerate(body["data"].get("id") or []):
        rows = books.rows("SELECT * FROM vouchers WHERE id = ?", (str(key),))
        if not rows:
            found.append(result_of(index, key=str(key), errors=[say("no_document", id=key)]))
        elif rows[0]["status"] != before or rows[0]["void"]:
            text = say("bad_state", number=rows[0]["billno"])
            found.append(result_of(index, number=rows[0]["billno"], key=str(key), errors=[text]))
        else:
            books.run("UPDATE vouchers SET status = ? WHERE id = ?", (after, str(key)))
            found.append(result_of(index, number=rows[0]["billno"], key=str(key)))
    return found


def vouchers(books: Books, body: Mapping[str, Any], *, as_text: bool) -> list[dict[str, Any]]:
    """Vouchers with their lines, in no promised order."""
    where, given = conditions(body, {"bookeddate": "day || ' 00:00:00'"}, as_text=as_text)
    rows = books.rows(f"SELECT * FROM vouchers WHERE 1 = 1{where} ORDER BY (number * 7919) % 10007", given)  # noqa: S608
    return [_shown(books, row) for row in rows]


def _save(books: Books, head: Mapping[str, Any]) -> int:
    if head.get("id"):
        raise Wrong(say("with_id", id=head["id"]))
    day = _check_head(books, head)
    lines = [_line(books, number, one) for number, one in enumerate(head.get("entries") or [], 1)]
    debit, credit = (sum((line[side] for line in lines), Decimal(0)) for side in ("debit", "credit"))
    if len(lines) < 2:
        raise Wrong(say("too_few_lines"))
    if debit != credit:
        raise Wrong(say("unbalanced", debit=debit, credit=credit))
    count = books.one("SELECT COUNT(*) FROM vouchers WHERE substr(day, 1, 7) = ?", (day[:7],))
    number = books.run(
        "INSERT INTO vouchers (billno, day, status, posted, void, summary, attachments) VALUES (?, ?, ?, 0, 0, ?, ?)",
        (f"{VOUCHER_TYPE}-{count + 1:05d}", day, SAVED, head.get("vdescription"), int(head.get("attachment") or 0)),
    )
    books.run("UPDATE vouchers SET id = ? WHERE number = ?", (str(FIRST_ID * 2 + number), number))
    for place, line in enumerate(lines, 1):
        books.run(
            "INSERT INTO voucher_lines VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (
                number, place, line["account"], str(line["debit"]), str(line["credit"]), line["text"],
                line["reference"], line["dimensions"],
            ),
        )  # fmt: skip
    return number


def _shown(books: Books, head: Any) -> dict[str, Any]:
    lines = books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY line", (head["number"],))
    return {
        "id": head["id"], "billno": head["billno"], "bookeddate": f"{head['day']} 00:00:00", "book_number": BOOK,
        "org_number": ORG, "billstatus": head["status"], "ispost": bool(head["posted"]),
        "iscancel": bool(head["void"]), "vdescription": head["summary"],
        "entries": [
            {
                "id": str(int(head["id"]) + line["line"]), "seq": line["line"], "edescription": line["text"],
                "account_number": line["account"], "debitlocal": Decimal(line["debit"]),
                "creditlocal": Decimal(line["credit"]), "businessnum": line["reference"],
            }
            for line in lines
        ],
    }  # fmt: skip


def _check_head(books: Books, head: Mapping[str, Any]) -> str:
    for name, known, which in (
        ("org_number", ORG, "no_org"),
        ("book_number", BOOK, "no_book"),
        ("vouchertype_number", VOUCHER_TYPE, "no_type"),
    ):
        if head.get(name) != known:
            raise Wrong(say(which, code=head.get(name)))
    day = str(head.get("bookeddate") or "")
    try:
        date.fromisoformat(day)
    except ValueError as error:
        raise Wrong(say("bad_date", day=day)) from error
    is_open = books.one("SELECT is_open FROM periods WHERE period = ?", (day[:7],))
    if is_open is None:
        raise Wrong(say("no_period", period=day[:7]))
    if not is_open:
        raise Wrong(say("closed_period", period=day[:7]))
    return day


def _line(books: Books, number: int, line: Mapping[str, Any]) -> dict[str, Any]:
    code = str(line.get("account_number", ""))
    found = books.rows("SELECT * FROM accounts WHERE code = ?", (code,))
    if not found:
        raise Wrong(say("no_gl_account", line=number, code=code))
    account = found[0]
    for wrong, which in (
        (not account["leaf"], "not_leaf"),
        (account["forbidden"], "forbidden"),
        (account["stock_controlled"], "stock_controlled"),
    ):
        if wrong:
            raise Wrong(say(which, line=number, code=code))
    if not line.get("currency_number"):
        raise Wrong(say("no_currency", line=number))
    amounts = {side: _amount(number, line, side) for side in ("debit", "credit")}
    if (amounts["debit"] == 0) == (amounts["credit"] == 0):
        raise Wrong(say("both_sides" if amounts["debit"] else "no_amount", line=number))
    dimensions = line.get("assgrp") or {}
    _check_dimensions(books, number, code, account["required"], dimensions)
    return {
        "account": code, **amounts, "text": line.get("edescription", ""), "reference": line.get("businessnum"),
        "dimensions": encode(dimensions),
    }  # fmt: skip


def _amount(number: int, line: Mapping[str, Any], side: str) -> Decimal:
    try:
        amount, local = (Decimal(str(line.get(f"{side}{which}") or 0)) for which in ("ori", "local"))
    except InvalidOperation as error:
        raise Wrong(say("no_amount", line=number)) from error
    if amount != round(amount, 2):
        raise Wrong(say("too_precise", line=number))
    if amount != local:
        raise Wrong(say("local_differs", line=number))
    return amount


def _check_dimensions(books: Books, number: int, code: str, required: str, given: Mapping[str, Any]) -> None:
    for name in filter(None, required.split(",")):
        if name not in given:
            raise Wrong(say("no_dimension", line=number, code=code, name=name))
    for name, value in given.items():
        if not books.one("SELECT 1 FROM auxiliaries WHERE type = ? AND code = ?", (name, str(value))):
            raise Wrong(say("bad_dimension", line=number, name=name, value=value))


__all__ = ["Refused", "Wrong", "save", "step", "vouchers"]
