"""The general ledger: an insert with all its checks, and the vouchers of a period. Vouchers are only created, never changed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

from sandbox.nccloud.answers import encode, no, parse
from sandbox.nccloud.books import Books
from sandbox.nccloud.demo import BOOK, MAKER, VOUCHER_TYPE

AMOUNTS = ("localdebitamount", "localcreditamount", "groupdebitamount", "groupcreditamount", "globaldebitamount",
           "globalcreditamount")  # fmt: skip
REFERENCE = "freevalue1"


def insert_voucher(books: Books, body: Mapping[str, Any], *, repeat_check: bool) -> dict[str, Any]:
    """Check and save one voucher; nothing is saved when anything is wrong. With `repeat_check` a body that was taken before is
    refused: how the real guard tells repetitions is not known."""
    content = hashlib.sha256(encode(body).encode()).hexdigest()
    with books.transaction():
        if repeat_check and books.one("SELECT 1 FROM vouchers WHERE content = ?", (content,)):
            raise no("repeated")
        period = _check_head(books, body)
        lines = [_line(books, number, one) for number, one in enumerate(body.get("detail") or [], 1)]
        debit, credit = (sum((line[side] for line in lines), Decimal(0)) for side in ("debit", "credit"))
        if len(lines) < 2:
            raise no("too_few_lines")
        if debit != credit:
            raise no("unbalanced", debit=debit, credit=credit)
        number = int(body["num"]) or 1 + (
            books.one("SELECT MAX(number) FROM vouchers WHERE period = ?", (period,)) or 0
        )
        if books.one("SELECT 1 FROM vouchers WHERE period = ? AND number = ?", (period, number)):
            raise no("number_taken", number=number)
        voucher = books.run(
            "INSERT INTO vouchers (period, number, day, body, content) VALUES (?, ?, ?, ?, ?)",
            (period, number, body["prepareddate"], encode(body), content),
        )
        for place, line in enumerate(lines, 1):
            books.run(
                "INSERT INTO voucher_lines VALUES (?, ?, ?, ?, ?, ?, ?)",
                (
                    voucher,
                    place,
                    line["account"],
                    str(line["debit"]),
                    str(line["credit"]),
                    line["reference"],
                    line["fields"],
                ),
            )
    return {"pk_voucher": voucher_key(voucher), "num": number}


def query_vouchers(books: Books, body: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The vouchers of a book and period, newest first."""
    if body.get("accbookCode") != BOOK:
        raise no("no_such_book", code=body.get("accbookCode"))
    period = f"{body.get('year')}-{body.get('period')}"
    rows = books.rows("SELECT * FROM vouchers WHERE period = ? ORDER BY id DESC", (period,))
    return [_voucher(books, row) for row in rows]


def voucher_key(number: int) -> str:
    """The id shown for a stored voucher."""
    return f"1001Z3VOUCHER{number:07d}"


def _voucher(books: Books, row: Any) -> dict[str, Any]:
    lines = books.rows("SELECT * FROM voucher_lines WHERE voucher = ? ORDER BY number", (row["id"],))
    return {
        "pk_voucher": voucher_key(row["id"]), "accbookCode": BOOK, "year": row["period"][:4], "period": row["period"][5:],
        "num": row["number"], "prepareddate": f"{row['day']} 00:00:00", "pk_checked": row["checked"] or "~",
        "pk_manager": row["posted"] or "~", "discardflag": "Y" if row["void"] else "N",
        "detail": [{REFERENCE: "~", **parse(line["fields"])} for line in lines],
    }  # fmt: skip


def _check_head(books: Books, body: Mapping[str, Any]) -> str:
    if body.get("accbookCode") != BOOK:
        raise no("no_such_book", code=body.get("accbookCode"))
    if body.get("vouchertype") != VOUCHER_TYPE:
        raise no("no_type", code=body.get("vouchertype"))
    if body.get("prepared") != MAKER:
        raise no("no_maker", code=body.get("prepared"))
    if not str(body.get("num", "")).isdigit():
        raise no("no_number")
    period, day = f"{body.get('year')}-{body.get('period')}", str(body.get("prepareddate", ""))
    is_open = books.one("SELECT is_open FROM periods WHERE period = ?", (period,))
    if is_open is None:
        raise no("no_period", period=period)
    if not is_open:
        raise no("closed_period", period=period)
    if len(day) != len("2026-03-31") or not day.startswith(f"{period}-"):
        raise no("date_outside", day=day, period=period)
    return period


def _line(books: Books, number: int, line: Mapping[str, Any]) -> dict[str, Any]:
    for name in ("detailindex", "explanation", "accountCode", "currtypeCode", "amount", "busidate", *AMOUNTS):
        if line.get(name) in (None, ""):
            raise no("missing", line=number, name=name)
    code = str(line["accountCode"])
    found = books.rows("SELECT * FROM accounts WHERE code = ?", (code,))
    if not found:
        raise no("no_account", line=number, code=code)
    account = found[0]
    for wrong, which in (
        (not account["leaf"], "not_leaf"),
        (account["forbidden"], "forbidden"),
        (account["stock_controlled"], "stock_controlled"),
    ):
        if wrong:
            raise no(which, line=number, code=code)
    amounts = {name: _amount(number, line[name]) for name in AMOUNTS}
    debit, credit = amounts["localdebitamount"], amounts["localcreditamount"]
    if (debit == 0) == (credit == 0):
        raise no("both_sides" if debit else "no_amount", line=number)
    _check_auxiliary(books, number, code, account["required"], line.get("ass") or [])
    reference = str(line.get(REFERENCE) or "")
    return {"account": code, "debit": debit, "credit": credit, "reference": reference, "fields": encode(line)}


def _amount(number: int, given: Any) -> Decimal:
    try:
        amount = Decimal(str(given))
    except InvalidOperation:
        raise no("no_amount", line=number) from None
    if amount != round(amount, 2):
        raise no("too_precise", line=number)
    return amount


def _check_auxiliary(
    books: Books, number: int, code: str, required: str, given: Sequence[Mapping[str, Any]]
) -> None:  # fmt: skip
    values = {str(one.get("checktypecode")): str(one.get("checkvaluecode")) for one in given}
    for kind in filter(None, required.split(",")):
        if kind not in values:
            raise no("no_auxiliary", line=number, code=code, name=kind)
    for kind, value in values.items():
        if not books.one("SELECT 1 FROM auxiliaries WHERE type = ? AND code = ?", (kind, value)):
            raise no("bad_auxiliary", line=number, name=kind, value=value)
